//! The cloud's own paths under `/_cloud`: the resolved world, the faults, the request counts.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use super::faults::FaultRule;
use super::server::{Body, full, json};
use super::{Shared, world};

/// Answers a control request.
pub(super) async fn handle(shared: &Shared, request: Request<Bytes>) -> Response<Body> {
    let method = request.method();
    match (request.uri().path(), method.as_str()) {
        ("/_cloud/world", "GET") => json(StatusCode::OK, &world(shared)),
        ("/_cloud/requests", "GET") => json(StatusCode::OK, &shared.log.counts()),
        ("/_cloud/faults", "GET") => json(StatusCode::OK, &shared.faults.rules()),
        ("/_cloud/faults", "PUT") => match serde_json::from_slice::<Vec<FaultRule>>(request.body())
        {
            Ok(rules) => {
                shared.faults.replace(rules);
                json(StatusCode::OK, &shared.faults.rules())
            }
            Err(error) => {
                let message = format!("the body must be a list of fault rules: {error}");
                json(StatusCode::BAD_REQUEST, &json!({ "error": message }))
            }
        },
        ("/_cloud/faults", "DELETE") => {
            shared.faults.clear();
            json(StatusCode::OK, &shared.faults.rules())
        }
        ("/_cloud/world" | "/_cloud/requests", _) => not_allowed("GET"),
        ("/_cloud/faults", _) => not_allowed("GET, PUT, DELETE"),
        (path, _) => json(
            StatusCode::NOT_FOUND,
            &json!({ "error": format!("no path {path}") }),
        ),
    }
}

fn not_allowed(methods: &'static str) -> Response<Body> {
    let mut response = Response::new(full(""));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(methods));
    response
}

/// The file with its defaults, the times, and where each pod of the file runs.
fn world(shared: &Shared) -> Value {
    let world = &shared.world;
    let now = shared.clock.now();
    let workloads = world.workloads().iter().map(|workload| {
        let pods = workload.pods.iter().map(pod);
        let runs = workload.runs_at(now);
        let runs = runs.iter().map(|run| {
            json!({
                "name": run.name,
                "started": run.started,
                "ended": run.ended,
                "pods": run.pods.iter().map(pod).collect::<Vec<_>>(),
            })
        });
        json!({
            "namespace": workload.spec.namespace,
            "name": workload.spec.name,
            "kind": workload.spec.kind,
            "pods": pods.collect::<Vec<_>>(),
            "runs": runs.collect::<Vec<_>>(),
        })
    });
    json!({
        "spec": world.spec,
        "start": world.start(),
        "history_start": world.history_start(),
        "now": now,
        "speed": world.spec.speed,
        "workloads": workloads.collect::<Vec<_>>(),
    })
}

fn pod(pod: &world::PodIdentity) -> Value {
    json!({ "name": pod.name, "uid": pod.uid, "node": pod.node, "index": pod.index })
}
