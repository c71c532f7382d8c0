//! The query API of Prometheus.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::json;

use super::Shared;
use super::server::{Body, json};

/// Answers a request below `/prometheus`.
pub(super) async fn handle(_shared: &Shared, _request: Request<Bytes>) -> Response<Body> {
    error(
        StatusCode::NOT_IMPLEMENTED,
        "unavailable",
        "not implemented",
    )
}

/// An error as Prometheus gives it.
pub(super) fn error(status: StatusCode, error_type: &str, message: &str) -> Response<Body> {
    json(
        status,
        &json!({ "status": "error", "errorType": error_type, "error": message }),
    )
}
