//! The Kubernetes API server: discovery, objects with lists and watches, metrics.k8s.io, kubelets. Read only.

mod content_type;
mod cpu_counters;
mod discovery;
mod kubelet;
mod list;
mod metrics;
mod objects;
mod parameters;
mod path;
mod resource;
mod selector;
mod state;
mod status;
mod store;
mod table;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};

use self::parameters::Parameters;
use self::path::Target;
pub use self::state::KubeState;
use super::Shared;
use super::faults;
use super::query_string;
use super::server::{Body, answer, json};

/// How often runs of CronJobs are begun and ended, in the world's time and, at least, on the wall.
const RUNS_INTERVAL: Duration = Duration::from_secs(5);
const MIN_RUNS_INTERVAL: Duration = Duration::from_millis(50);

/// Answers a request to the API server.
pub(super) async fn handle(shared: &Arc<Shared>, request: Request<Bytes>) -> Response<Body> {
    let target = path::parse(request.uri().path());
    if target == Target::Unknown {
        return status::no_path();
    }
    if request.method() != Method::GET {
        return status::read_only();
    }
    let authorization = request.headers().get(header::AUTHORIZATION);
    if !shared
        .kube
        .admits(authorization.and_then(|value| value.to_str().ok()))
    {
        return status::error(StatusCode::UNAUTHORIZED, "Unauthorized");
    }
    let discovered = |found: Option<serde_json::Value>| {
        found.map_or_else(status::no_path, |found| json(StatusCode::OK, &found))
    };
    match target {
        Target::Unknown => status::no_path(),
        Target::Health => answer(StatusCode::OK, "text/plain; charset=utf-8", "ok"),
        Target::Version => json(StatusCode::OK, &discovery::version()),
        Target::CoreVersions => json(StatusCode::OK, &discovery::core_versions()),
        Target::Groups => json(StatusCode::OK, &discovery::groups()),
        Target::Group(name) => discovered(discovery::group(name)),
        Target::Resources { group, version } => discovered(discovery::resources(group, version)),
        Target::NodeProxy { node, path } => kubelet::answer_for(shared, node, path),
        _ => objects(shared, &request, target),
    }
}

fn objects(shared: &Arc<Shared>, request: &Request<Bytes>, target: Target<'_>) -> Response<Body> {
    let kind = match target {
        Target::Collection { resource, .. } | Target::Object { resource, .. } => resource.kind,
        Target::NodeMetrics { .. } => "Node",
        _ => "Pod",
    };
    let parameters = match Parameters::parse(kind, request.uri().query().unwrap_or_default()) {
        Ok(parameters) => parameters,
        Err(message) => return status::error(StatusCode::BAD_REQUEST, &message),
    };
    let accept = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let Some(representation) = content_type::accepted(accept) else {
        let message = "only the following media types are accepted: application/json";
        return status::error(StatusCode::NOT_ACCEPTABLE, message);
    };
    match target {
        Target::Collection {
            resource,
            namespace,
        } if parameters.watch => {
            let path = faults::path_of(request);
            watch::watch(
                shared,
                resource,
                namespace,
                parameters,
                representation,
                path,
            )
        }
        Target::Collection {
            resource,
            namespace,
        } => list::list(
            &shared.kube,
            resource,
            namespace,
            &parameters,
            representation,
        ),
        Target::Object {
            resource,
            namespace,
            name,
        } => list::get(
            &shared.kube,
            resource,
            namespace,
            name,
            &parameters,
            representation,
        ),
        Target::NodeMetrics { .. } | Target::PodMetrics { .. } if parameters.watch => {
            status::read_only()
        }
        Target::NodeMetrics { name } => metrics::nodes(shared, name, &parameters),
        Target::PodMetrics { namespace, name } => {
            metrics::pods(shared, namespace, name, &parameters)
        }
        _ => status::no_path(),
    }
}

/// Lets time pass for what begins and ends by itself: the runs of CronJobs and Jobs.
pub(super) async fn pass_time(shared: Arc<Shared>) {
    let interval = shared
        .clock
        .to_real_duration(RUNS_INTERVAL)
        .max(MIN_RUNS_INTERVAL);
    loop {
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = tokio::time::sleep(interval) => shared.kube.refresh_runs(),
        }
    }
}

/// The operation of a request: its verb and resource.
pub(super) fn operation(request: &Request<Bytes>) -> String {
    let path = request.uri().path();
    let verb = |of_one: bool| match request.method() {
        &Method::GET if of_one => "get",
        &Method::GET if watches(request) => "watch",
        &Method::GET => "list",
        &Method::POST => "create",
        &Method::PUT => "update",
        &Method::PATCH => "patch",
        &Method::DELETE => "delete",
        method => method.as_str(),
    };
    match path::parse(path) {
        Target::Collection { resource, .. } => format!("{} {}", verb(false), resource.plural),
        Target::Object { resource, .. } => format!("{} {}", verb(true), resource.plural),
        Target::NodeProxy { .. } => "get nodes/proxy".to_owned(),
        Target::NodeMetrics { name } => format!("{} nodes", verb(name.is_some())),
        Target::PodMetrics { name, .. } => format!("{} pods", verb(name.is_some())),
        _ => format!("{} {path}", request.method().as_str().to_lowercase()),
    }
}

fn watches(request: &Request<Bytes>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query_string::parameters(query)
        .any(|(name, value)| name == "watch" && parameters::truth(&value))
}

/// An error that a fault makes: a `Status` object, or, for a watch that is gone, an ERROR event.
pub(super) fn fault(request: &Request<Bytes>, status: StatusCode, message: &str) -> Response<Body> {
    match status {
        StatusCode::GONE if watches(request) => watch::gone(),
        StatusCode::TOO_MANY_REQUESTS => status::too_many_requests(),
        StatusCode::FORBIDDEN => {
            if let Target::NodeProxy { node, .. } = path::parse(request.uri().path()) {
                return status::error(status, &kubelet::forbidden(node));
            }
            let message = format!(
                "{} is forbidden: User \"simulated\" cannot {} at the cluster scope",
                request.uri().path().rsplit('/').next().unwrap_or_default(),
                operation(request),
            );
            status::error(status, &message)
        }
        _ => status::error(status, message),
    }
}
