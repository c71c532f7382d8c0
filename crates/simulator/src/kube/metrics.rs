//! metrics.k8s.io: what nodes and pods use.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::Shared;
use super::super::server::{Body, json};
use super::objects::{node, quantity};
use super::parameters::Parameters;
use super::path::{METRICS_GROUP, METRICS_VERSION};
use super::resource::{NODES, PODS, ResourceType, api_version};
use super::status;
use super::store::Key;

/// How often the metrics server looks, and over how long it averages.
const WINDOW_SECONDS: i64 = 15;

/// What one pod uses.
struct Usage {
    object: Arc<Value>,
    cores: f64,
    memory_mib: f64,
}

/// What nodes use: the sum of their pods.
pub(super) fn nodes(
    shared: &Shared,
    name: Option<&str>,
    parameters: &Parameters,
) -> Response<Body> {
    let at = sampled_at(shared);
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for usage in usages(shared, at).into_values() {
        let node = usage.object["spec"]["nodeName"]
            .as_str()
            .unwrap_or_default();
        let (cores, memory) = sums.entry(node.to_owned()).or_default();
        *cores += usage.cores;
        *memory += usage.memory_mib;
    }
    let world = &shared.world;
    let present: Vec<String> = shared
        .kube
        .store()
        .all(&NODES)
        .map(|(key, _)| key.1.clone())
        .collect();
    let nodes = world
        .nodes()
        .iter()
        .filter(|node| present.contains(&node.spec.name))
        .map(|node| {
            let (cores, memory) = sums.get(&node.spec.name).copied().unwrap_or_default();
            json!({
                "metadata": {
                    "name": node.spec.name,
                    "creationTimestamp": at,
                    "labels": node::labels(world, node),
                },
                "timestamp": at,
                "window": format!("{WINDOW_SECONDS}s"),
                "usage": resources(cores, memory),
            })
        });
    answer("NodeMetrics", &NODES, nodes.collect(), name, parameters)
}

/// What pods use, container by container.
pub(super) fn pods(
    shared: &Shared,
    namespace: Option<&str>,
    name: Option<&str>,
    parameters: &Parameters,
) -> Response<Body> {
    let at = sampled_at(shared);
    let usages = usages(shared, at).into_iter();
    let pods = usages
        .filter(|(key, _)| namespace.is_none_or(|namespace| key.0 == namespace))
        .map(|(key, usage)| {
            let containers = usage.object["spec"]["containers"].as_array();
            let containers = containers
                .map_or(&[][..], Vec::as_slice)
                .iter()
                .map(|container| {
                    let usage = resources(usage.cores, usage.memory_mib);
                    json!({ "name": container["name"], "usage": usage })
                });
            json!({
                "metadata": {
                    "name": key.1,
                    "namespace": key.0,
                    "creationTimestamp": at,
                    "labels": usage.object["metadata"]["labels"],
                },
                "timestamp": at,
                "window": format!("{WINDOW_SECONDS}s"),
                "containers": containers.collect::<Vec<_>>(),
            })
        });
    answer("PodMetrics", &PODS, pods.collect(), name, parameters)
}

fn answer(
    kind: &str,
    resource: &ResourceType,
    objects: Vec<Value>,
    name: Option<&str>,
    parameters: &Parameters,
) -> Response<Body> {
    let version = api_version(METRICS_GROUP, METRICS_VERSION);
    if let Some(name) = name {
        let found = objects
            .into_iter()
            .find(|object| object["metadata"]["name"] == name);
        return match found {
            Some(mut object) => {
                object["kind"] = kind.into();
                object["apiVersion"] = version.into();
                json(StatusCode::OK, &object)
            }
            None => status::no_object(resource, name),
        };
    }
    let selected = objects
        .into_iter()
        .filter(|object| parameters.selector.selects(object));
    let list = json!({
        "kind": format!("{kind}List"),
        "apiVersion": version,
        "metadata": {},
        "items": selected.collect::<Vec<_>>(),
    });
    json(StatusCode::OK, &list)
}

fn resources(cores: f64, memory_mib: f64) -> Value {
    json!({ "cpu": quantity::nanocores(cores), "memory": quantity::kibibytes(memory_mib) })
}

/// The clock's present instant, floored to the window.
fn sampled_at(shared: &Shared) -> Timestamp {
    let now = shared.clock.now();
    let second = now.as_second() - now.as_second().rem_euclid(WINDOW_SECONDS);
    Timestamp::from_second(second).unwrap_or(now)
}

/// The usage of each pod of the world's workloads that runs: an even part of its workload's.
fn usages(shared: &Shared, at: Timestamp) -> BTreeMap<Key, Usage> {
    let minute = at.as_second().div_euclid(60);
    let pods: Vec<(Key, usize, Arc<Value>)> = {
        let store = shared.kube.store();
        let running = store.all(&PODS).filter(|(_, pod)| runs_at(pod, at));
        let pods = running.filter_map(|(key, pod)| {
            Some((key.clone(), shared.kube.workload_of(key)?, Arc::clone(pod)))
        });
        pods.collect()
    };
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for (_, workload, _) in &pods {
        *counts.entry(*workload).or_default() += 1;
    }
    let usages = pods.into_iter().filter_map(|(key, index, object)| {
        let workload = shared.world.workloads().get(index)?;
        let count = counts.get(&index).copied()?;
        let cores = workload.cores_of(count, minute) / count as f64;
        Some((
            key,
            Usage {
                object,
                cores,
                memory_mib: workload.spec.usage.memory_mib,
            },
        ))
    });
    usages.collect()
}

/// A pod that began after the sample was taken is not in it.
fn runs_at(pod: &Value, at: Timestamp) -> bool {
    let started = pod.pointer("/status/startTime").and_then(Value::as_str);
    let started = started.and_then(|text| text.parse::<Timestamp>().ok());
    pod["status"]["phase"] == "Running" && started.is_some_and(|started| started <= at)
}
