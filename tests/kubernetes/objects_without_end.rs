//! Ever more objects, in one list, on ever more pages or in a watch: each with a uid, a name and labels of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::limits::{LIST, survives};
use crate::stub::{Answer, Asked, generated, list};

/// How many objects a page has.
const PAGE: u64 = 500;

/// The next number of all objects.
#[derive(Clone, Default)]
struct Numbers(Arc<AtomicU64>);

impl Numbers {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// Metadata that no other object has, with ten labels: at the limits of the Kubernetes API, or as they mostly are.
fn metadata(number: u64, is_long: bool) -> Value {
    let (name, text) = if is_long {
        (format!("web-{number:0249}"), format!("{number:063}"))
    } else {
        (format!("web-{number}"), format!("value-{number}"))
    };
    let label = |index| (format!("example.com/label-{index}"), json!(text));
    let labels: serde_json::Map<_, _> = (0..10).map(label).collect();
    json!({"name": name, "namespace": "shop", "uid": format!("{number:036}"), "resourceVersion": "1",
        "labels": labels, "annotations": {"breakeven.dev/unit": "order"}})
}

fn object(number: u64, is_long: bool) -> Value {
    json!({
        "metadata": metadata(number, is_long),
        "spec": {"nodeName": "node-a", "containers": [
            {"name": "app", "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}}}]},
        "status": {"phase": "Running"},
    })
}

/// A list of one resource, and what makes the text of each of its objects.
fn listed(collection: &'static str, text: fn(u64) -> String) -> impl Fn(&Asked) -> Option<Answer> {
    let numbers = Numbers::default();
    move |asked| {
        let numbers = numbers.clone();
        let is_it = asked.is_of(collection) && !asked.is_watch();
        is_it.then(|| generated(LIST, move || text(numbers.next()) + ","))
    }
}

/// Watches of one resource; its lists are as they should be.
fn watched(collection: &'static str) -> impl Fn(&Asked) -> Option<Answer> {
    let numbers = Numbers::default();
    move |asked| {
        let numbers = numbers.clone();
        let added = move || {
            let object = object(numbers.next(), false);
            format!("{}\n", json!({"type": "ADDED", "object": object}))
        };
        (asked.is_of(collection) && asked.is_watch()).then(|| generated("", added))
    }
}

/// Pages of one resource.
fn pages(collection: &'static str) -> impl Fn(&Asked) -> Option<Answer> {
    let numbers = Numbers::default();
    move |asked| {
        if !asked.is_of(collection) || asked.is_watch() {
            return None;
        }
        let objects: Vec<Value> = (0..PAGE).map(|_| object(numbers.next(), true)).collect();
        Some(list(&objects, &numbers.next().to_string()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_pods_without_an_end() {
    let pods = listed("/api/v1/pods", |number| object(number, true).to_string());
    let reported = ["cannot list pods at", "more than 32 MiB of objects"];
    survives("metrics_api", pods, &reported, "usage").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_nodes_without_an_end() {
    let nodes = listed("/nodes", |number| {
        let mut node = object(number, true);
        node["status"] = json!({"capacity": {"cpu": "2", "memory": "8Gi"}});
        node.to_string()
    });
    let reported = ["cannot list nodes at", "more than 48 MiB of objects"];
    survives("metrics_api", nodes, &reported, "usage").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_pods_with_names_and_labels_beyond_the_limits_of_the_api() {
    let pods = listed("/api/v1/pods", |number| {
        let mut pod = object(number, false);
        let long = format!("{}{number:010}", "x".repeat(99_990));
        match number % 3 {
            0 => pod["metadata"]["name"] = json!(long),
            1 => pod["metadata"]["labels"] = json!({"app": long}),
            _ => pod["metadata"]["labels"] = json!({long: "app"}),
        }
        pod.to_string()
    });
    let reported = [
        "an object of pods is left out",
        "a name of 100000 bytes is longer than 253",
        "more than 1000 objects beyond the limits of the Kubernetes API",
    ];
    survives("metrics_api", pods, &reported, "usage").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_controllers_without_an_end() {
    let reported = [
        "cannot list deployments.apps at",
        "more than 16 MiB of objects",
    ];
    survives(
        "metrics_api",
        pages("/deployments"),
        &reported,
        "kubernetes",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_pods_without_an_end() {
    let reported = ["cannot list pods at", "more than 32 MiB of objects"];
    survives("metrics_api", pages("/api/v1/pods"), &reported, "usage").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_pods_without_an_end() {
    let reported = [
        "cannot watch pods at",
        "more than 5000 new objects since the last list",
    ];
    survives("metrics_api", watched("/api/v1/pods"), &reported, "usage").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_controllers_without_an_end() {
    let reported = [
        "cannot watch statefulsets.apps at",
        "more than 5000 new objects since the last list",
    ];
    survives(
        "metrics_api",
        watched("/statefulsets"),
        &reported,
        "kubernetes",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_of_pods_without_an_end() {
    let usage = listed("/apis/metrics.k8s.io/v1beta1/pods", |number| {
        let containers = json!([{"name": "app", "usage": {"cpu": "1m", "memory": "1Mi"}}]);
        let usage = json!({"metadata": metadata(number, true), "timestamp": "2026-03-01T12:00:00Z",
            "window": "15s", "containers": containers});
        usage.to_string()
    });
    let reported = [
        "cannot list pods.metrics.k8s.io at",
        "more than 32 MiB of objects",
    ];
    survives("metrics_api", usage, &reported, "kubernetes").await;
}
