//! Errors of the API server: `Status` objects.

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::super::server::{Body, json};
use super::resource::ResourceType;

/// A `Status` object that tells of a failure.
pub(super) fn object(status: StatusCode, reason: &str, message: &str, details: Value) -> Value {
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "details": details,
        "code": status.as_u16(),
    })
}

/// The reason that the API server gives with a status.
pub(super) fn reason(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        406 => "NotAcceptable",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    }
}

/// An error answer with the usual reason for its status.
pub(super) fn error(status: StatusCode, message: &str) -> Response<Body> {
    json(status, &object(status, reason(status), message, json!({})))
}

/// 429: ask again in a second.
pub(super) fn too_many_requests() -> Response<Body> {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let message = "Too many requests, please try again later.";
    let details = json!({ "retryAfterSeconds": 1 });
    let mut response = json(status, &object(status, reason(status), message, details));
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// 404 for an object.
pub(super) fn no_object(resource: &ResourceType, name: &str) -> Response<Body> {
    let message = format!("{} {name:?} not found", resource.qualified());
    let mut details = json!({ "name": name, "kind": resource.plural });
    if !resource.group.is_empty() {
        details["group"] = resource.group.into();
    }
    let status = StatusCode::NOT_FOUND;
    json(status, &object(status, reason(status), &message, details))
}

/// 404 for a path.
pub(super) fn no_path() -> Response<Body> {
    error(
        StatusCode::NOT_FOUND,
        "the server could not find the requested resource",
    )
}

/// 405: everything here can only be read.
pub(super) fn read_only() -> Response<Body> {
    let message = "the server does not allow this method on the requested resource";
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, message);
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static("GET"));
    response
}

/// 410 for a resource version whose history is no longer kept.
pub(super) fn too_old(asked: u64, oldest: u64) -> Value {
    let status = StatusCode::GONE;
    let message = format!("too old resource version: {asked} ({oldest})");
    object(status, reason(status), &message, json!({}))
}
