//! The Kubernetes API server.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::json;

use super::Shared;
use super::server::{Body, json};
use super::world::World;

/// The objects of the API server.
#[derive(Clone, Debug, Default)]
pub struct KubeState {}

impl KubeState {
    pub(super) fn of(_world: &World, _now: Timestamp) -> Self {
        Self {}
    }
}

/// Answers a request to the API server.
pub(super) async fn handle(_shared: &Arc<Shared>, request: Request<Bytes>) -> Response<Body> {
    fault(&request, StatusCode::NOT_IMPLEMENTED, "not implemented")
}

/// Lets time pass for what begins and ends by itself.
pub(super) async fn pass_time(shared: Arc<Shared>) {
    shared.stopping.cancelled().await;
}

/// The operation of a request: its verb and resource.
pub(super) fn operation(request: &Request<Bytes>) -> String {
    format!("{} {}", request.method(), request.uri().path())
}

/// An error that a fault makes.
pub(super) fn fault(_: &Request<Bytes>, status: StatusCode, message: &str) -> Response<Body> {
    json(
        status,
        &json!({ "kind": "Status", "apiVersion": "v1", "message": message }),
    )
}
