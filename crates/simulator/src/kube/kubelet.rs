//! What the kubelet of a node has under `/metrics/resource`, as the API server hands it on.
//!
//! In the shape that the kubelet gives it (`pkg/kubelet/metrics/collectors/resource_metrics.go`, and its test): families in
//! the order of their names, labels too, and behind each value but the start times the instant at which cAdvisor looked at the
//! cgroup, which for each pod is another one.

use std::fmt::Write as _;
use std::sync::Arc;

use http::{Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::super::Shared;
use super::super::server::{Body, answer};
use super::resource::{NODES, PODS};
use super::status;
use super::store::Key;

/// How often cAdvisor looks at a cgroup.
const HOUSEKEEPING_MS: i64 = 10_000;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

/// What one pod has used up to when it was looked at.
struct Used {
    key: Key,
    container: String,
    at: Timestamp,
    started: Timestamp,
    pod: f64,
    since_start: f64,
    memory_bytes: f64,
}

/// The answer to a request for a path of a node's kubelet.
pub(super) fn answer_for(shared: &Shared, node: &str, path: &str) -> Response<Body> {
    let is_there = {
        let store = shared.kube.store();
        store
            .get(&NODES, &(String::new(), node.to_owned()))
            .is_some()
    };
    if !is_there {
        return status::no_object(&NODES, node);
    }
    if path != "metrics/resource" {
        let text = "404 page not found\n";
        return answer(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", text);
    }
    answer(StatusCode::OK, TEXT, exposition(shared, node))
}

/// What the API server says to somebody without `get` on `nodes/proxy`.
pub(super) fn forbidden(node: &str) -> String {
    format!(
        "nodes \"{node}\" is forbidden: User \"simulated\" cannot get resource \"nodes/proxy\" in API group \"\" at the cluster scope"
    )
}

fn exposition(shared: &Shared, node: &str) -> String {
    let now = shared.clock.now();
    let pods: Vec<Used> = pods_on(shared, node, now);
    let mut text = String::new();
    let container = |one: &Used| {
        let ((namespace, pod), name) = (&one.key, &one.container);
        format!("{{container=\"{name}\",namespace=\"{namespace}\",pod=\"{pod}\"}}")
    };
    let pod = |one: &Used| format!("{{namespace=\"{}\",pod=\"{}\"}}", one.key.0, one.key.1);
    let mut family =
        |name: &str, kind: &str, help: &str, lines: &mut dyn Iterator<Item = String>| {
            let _ = writeln!(text, "# HELP {name} [STABLE] {help}");
            let _ = writeln!(text, "# TYPE {name} {kind}");
            for line in lines {
                let _ = writeln!(text, "{name}{line}");
            }
        };
    let sample = |labels: String, value: f64, one: &Used| {
        format!("{labels} {} {}", number(value), one.at.as_millisecond())
    };
    family(
        "container_cpu_usage_seconds_total",
        "counter",
        "Cumulative cpu time consumed by the container in core-seconds",
        &mut pods
            .iter()
            .map(|one| sample(container(one), one.since_start, one)),
    );
    family(
        "container_memory_working_set_bytes",
        "gauge",
        "Current working set of the container in bytes",
        &mut pods
            .iter()
            .map(|one| sample(container(one), one.memory_bytes, one)),
    );
    family(
        "container_start_time_seconds",
        "gauge",
        "Start time of the container since unix epoch in seconds",
        &mut pods.iter().map(|one| {
            let started = one.started.as_duration().as_secs_f64();
            format!("{} {}", container(one), number(started))
        }),
    );
    let whole: f64 = pods.iter().map(|one| one.pod).sum();
    family(
        "node_cpu_usage_seconds_total",
        "counter",
        "Cumulative cpu time consumed by the node in core-seconds",
        &mut std::iter::once(format!(" {} {}", number(whole), now.as_millisecond())),
    );
    family(
        "pod_cpu_usage_seconds_total",
        "counter",
        "Cumulative cpu time consumed by the pod in core-seconds",
        &mut pods.iter().map(|one| sample(pod(one), one.pod, one)),
    );
    family(
        "pod_memory_working_set_bytes",
        "gauge",
        "Current working set of the pod in bytes",
        &mut pods
            .iter()
            .map(|one| sample(pod(one), one.memory_bytes, one)),
    );
    family(
        "resource_scrape_error",
        "gauge",
        "1 if there was an error while getting container metrics, 0 otherwise",
        &mut std::iter::once(" 0".to_owned()),
    );
    text
}

/// The pods of the world that run on a node and were looked at since they began.
fn pods_on(shared: &Shared, node: &str, now: Timestamp) -> Vec<Used> {
    let here: Vec<(Key, usize, Arc<Value>)> = {
        let store = shared.kube.store();
        let running = store.all(&PODS).filter(|(_, pod)| {
            pod["spec"]["nodeName"] == node && pod["status"]["phase"] == "Running"
        });
        running
            .filter_map(|(key, pod)| {
                Some((key.clone(), shared.kube.workload_of(key)?, Arc::clone(pod)))
            })
            .collect()
    };
    let history = shared.world.history_start();
    let meters = shared.kube.meters();
    let used = here.into_iter().filter_map(|(key, index, object)| {
        let workload = shared.world.workloads().get(index)?;
        let began: Timestamp = object["status"]["startTime"].as_str()?.parse().ok()?;
        let at = looked_at(shared, &object, now);
        let started = meters.started(&key, began);
        let used = |from: Timestamp| meters.core_seconds(index, workload, from.max(history), at);
        (at >= started).then(|| Used {
            container: workload.spec.name.clone(),
            at,
            started,
            pod: used(began),
            since_start: used(started),
            memory_bytes: workload.spec.usage.memory_mib * 1_048_576.0,
            key,
        })
    });
    used.collect()
}

/// When the cgroup of a pod was looked at last.
fn looked_at(shared: &Shared, pod: &Value, now: Timestamp) -> Timestamp {
    let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
    let phase =
        (shared.world.uniform_sample(uid, "housekeeping", 0) * HOUSEKEEPING_MS as f64) as i64;
    let since = (now.as_millisecond() + phase).rem_euclid(HOUSEKEEPING_MS);
    let at = now.checked_sub(SignedDuration::from_millis(since));
    at.unwrap_or(now)
}

/// A number as Go's `strconv` writes it: the shortest that is read back as the same, with an exponent below -4 and above 5.
fn number(value: f64) -> String {
    let text = format!("{value:e}");
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_does() {
        for (value, text) in [
            (0.0, "0"),
            (10.0, "10"),
            (0.5, "0.5"),
            (123_456.75, "123456.75"),
            (1_000_000.0, "1e+06"),
            (1_624_396_248.302_091_6, "1.6243962483020916e+09"),
            (0.000_05, "5e-05"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
