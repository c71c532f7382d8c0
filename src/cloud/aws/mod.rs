//! CloudWatch, Lambda and STS.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::json;

use super::Shared;
use super::server::{Body, json};

/// Answers a request below `/aws`.
pub(super) async fn handle(_shared: &Shared, request: Request<Bytes>) -> Response<Body> {
    error(
        &request,
        StatusCode::NOT_IMPLEMENTED,
        "NotImplemented",
        "not implemented",
    )
}

/// An error in the protocol that the request speaks.
pub(super) fn error(
    _request: &Request<Bytes>,
    status: StatusCode,
    code: &str,
    message: &str,
) -> Response<Body> {
    json(status, &json!({ "__type": code, "message": message }))
}
