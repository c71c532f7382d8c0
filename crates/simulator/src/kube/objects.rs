//! The Kubernetes objects that a world shows, as JSON.

pub(super) mod node;
pub(super) mod owners;
pub(super) mod pod;
pub(super) mod quantity;
pub(super) mod service;
pub(super) mod volume;

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::{Value, json};

use super::super::world::{Workload, World};

/// The labels of a workload and of its pods.
fn labels(workload: &Workload) -> BTreeMap<String, String> {
    let mut labels = workload.spec.labels.clone();
    labels.insert(
        "app.kubernetes.io/name".to_owned(),
        workload.spec.name.clone(),
    );
    labels
}

/// The reference of a pod or a ReplicaSet to the object that controls it.
fn controller(api_version: &str, kind: &str, name: &str, uid: &str) -> Value {
    json!([{
        "apiVersion": api_version,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}

/// How many days before the history began something was made: workloads after nodes after namespaces.
pub(super) const WORKLOAD_AGE_DAYS: Range<f64> = 0.0..30.0;
pub(super) const NODE_AGE_DAYS: Range<f64> = 30.0..60.0;
const NAMESPACE_AGE_DAYS: Range<f64> = 60.0..400.0;

/// An instant before the history began, by chance within the age.
pub(super) fn before_history(world: &World, name: &str, days: Range<f64>) -> Timestamp {
    let days = days.start + (days.end - days.start) * world.uniform_sample(name, "age", 0);
    let age = SignedDuration::from_secs((86_400.0 * days) as i64);
    let made = world.history_start().checked_sub(age);
    made.unwrap_or(Timestamp::UNIX_EPOCH)
}

/// An instant as Kubernetes writes it: whole seconds.
pub(super) fn time(at: Timestamp) -> Value {
    at.round(Unit::Second).unwrap_or(at).to_string().into()
}

/// A Namespace.
pub(super) fn namespace(world: &World, name: &str, labels: &BTreeMap<String, String>) -> Value {
    let mut labels = labels.clone();
    labels.insert("kubernetes.io/metadata.name".to_owned(), name.to_owned());
    json!({
        "kind": "Namespace",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "uid": world.uid_of("namespace", name),
            "creationTimestamp": time(before_history(world, name, NAMESPACE_AGE_DAYS)),
            "labels": labels,
        },
        "spec": { "finalizers": ["kubernetes"] },
        "status": { "phase": "Active" },
    })
}
