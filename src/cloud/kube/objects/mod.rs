//! The Kubernetes objects that a world shows, as JSON.

pub(super) mod node;
pub(super) mod owners;
pub(super) mod pod;
pub(super) mod quantity;

use std::collections::BTreeMap;

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

/// An instant before the history began: `days` days earlier at most, by chance.
pub(super) fn before_history(world: &World, name: &str, days: f64) -> Timestamp {
    let seconds = 86_400.0 * days * world.chance(name, "age", 0);
    let age = SignedDuration::from_secs(seconds as i64);
    world
        .history_start()
        .checked_sub(age)
        .unwrap_or(Timestamp::UNIX_EPOCH)
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
            "creationTimestamp": time(before_history(world, name, 90.0)),
            "labels": labels,
        },
        "spec": { "finalizers": ["kubernetes"] },
        "status": { "phase": "Active" },
    })
}
