//! Whose pod it is.

use std::sync::Arc;

use crate::sources::kubernetes::api_types::{Meta, MetaObject, OwnerReference};
use crate::sources::kubernetes::interner::Interner;
use breakeven_model::inventory::WorkloadKind;

/// The label that a Deployment puts on its ReplicaSets and their pods; the name of the ReplicaSet ends with it.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// The workload that a ReplicaSet or a Job stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sources::kubernetes) struct Owner {
    pub(in crate::sources::kubernetes) kind: WorkloadKind,
    pub(in crate::sources::kubernetes) name: Arc<str>,
}

impl Owner {
    fn new(kind: &str, name: &str, names: &mut Interner) -> Self {
        let kind = match WorkloadKind::from(kind) {
            WorkloadKind::Other(kind) => WorkloadKind::Other(names.share(&kind)),
            known => known,
        };
        Self {
            kind,
            name: names.share(name),
        }
    }
}

/// The workload behind a ReplicaSet or a Job: its own controller (a Deployment, a Rollout, a CronJob), or itself.
pub(in crate::sources::kubernetes) fn owner(
    object: &MetaObject,
    kind: &str,
    names: &mut Interner,
) -> Owner {
    match object.metadata.controller() {
        Some(controller) => Owner::new(&controller.kind, &controller.name, names),
        None => Owner::new(kind, &object.metadata.name, names),
    }
}

/// The workload of a pod as far as the pod itself tells, and the ReplicaSet or Job that may know better.
pub(super) fn of_pod(pod: &Meta, names: &mut Interner) -> (Owner, Option<Arc<str>>) {
    let Some(controller) = pod.controller() else {
        return (Owner::new("Pod", &pod.name, names), None);
    };
    match (group(controller), controller.kind.as_str()) {
        ("apps", "ReplicaSet") => {
            let owner = match deployment(pod, controller) {
                Some(deployment) => Owner::new("Deployment", deployment, names),
                None => Owner::new("ReplicaSet", &controller.name, names),
            };
            (owner, Some(names.share(&controller.uid)))
        }
        ("batch", "Job") => (
            Owner::new("Job", &controller.name, names),
            Some(names.share(&controller.uid)),
        ),
        // A static pod: the kubelet of the node runs it from a file.
        ("", "Node") => (Owner::new("Pod", &pod.name, names), None),
        _ => (Owner::new(&controller.kind, &controller.name, names), None),
    }
}

/// The group of `group/version`; empty for the core group.
fn group(owner: &OwnerReference) -> &str {
    owner
        .api_version
        .split_once('/')
        .map_or("", |(group, _)| group)
}

/// The Deployment whose name is in that of the ReplicaSet.
fn deployment<'a>(pod: &Meta, replica_set: &'a OwnerReference) -> Option<&'a str> {
    let hash = pod.labels.get(TEMPLATE_HASH)?;
    let name = replica_set.name.strip_suffix(hash.as_str())?;
    name.strip_suffix('-').filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn meta(name: &str, hash: Option<&str>, controller: Option<Value>) -> Meta {
        let labels = hash.map_or(json!({}), |hash| json!({TEMPLATE_HASH: hash}));
        serde_json::from_value(json!({
            "name": name, "uid": "u", "labels": labels,
            "ownerReferences": controller.map_or(vec![], |controller| vec![controller]),
        }))
        .unwrap()
    }

    fn by(api_version: &str, kind: &str, name: &str) -> Option<Value> {
        Some(json!({
            "apiVersion": api_version, "kind": kind, "name": name, "uid": "owner", "controller": true,
        }))
    }

    #[test]
    fn each_pod_has_a_workload_before_its_owners_are_known() {
        for (hash, controller, kind, name, through) in [
            (None, None, "Pod", "pod", false),
            (None, by("v1", "Node", "ip-10-0-0-1"), "Pod", "pod", false),
            (
                None,
                by("apps/v1", "ReplicaSet", "web-1"),
                "ReplicaSet",
                "web-1",
                true,
            ),
            (
                Some("7d4f"),
                by("apps/v1", "ReplicaSet", "web-7d4f"),
                "Deployment",
                "web",
                true,
            ),
            (
                Some("7d4f"),
                by("apps/v1", "ReplicaSet", "web7d4f"),
                "ReplicaSet",
                "web7d4f",
                true,
            ),
            (
                Some("7d4f"),
                by("apps/v1", "ReplicaSet", "-7d4f"),
                "ReplicaSet",
                "-7d4f",
                true,
            ),
            (
                None,
                by("apps/v1", "StatefulSet", "db"),
                "StatefulSet",
                "db",
                false,
            ),
            (
                None,
                by("apps/v1", "DaemonSet", "agent"),
                "DaemonSet",
                "agent",
                false,
            ),
            (
                None,
                by("batch/v1", "Job", "report-28"),
                "Job",
                "report-28",
                true,
            ),
            (
                None,
                by("batch.volcano.sh/v1alpha1", "Job", "train"),
                "Job",
                "train",
                false,
            ),
            (
                None,
                by("v1", "ReplicationController", "old"),
                "ReplicationController",
                "old",
                false,
            ),
        ] {
            let pod = meta("pod", hash, controller.clone());
            let (owner, asked) = of_pod(&pod, &mut Interner::default());
            let seen = (owner.kind.as_str(), &*owner.name, asked.is_some());
            assert_eq!(seen, (kind, name, through), "{controller:?}");
        }
    }

    #[test]
    fn an_owner_that_does_not_control_the_pod_is_not_its_workload() {
        let controller = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "owner",
        });
        let pod = meta("pod", None, Some(controller));
        let (owner, _) = of_pod(&pod, &mut Interner::default());
        assert_eq!((owner.kind.as_str(), &*owner.name), ("Pod", "pod"));
    }

    #[test]
    fn a_replica_set_or_job_stands_for_its_controller_or_itself() {
        for (kind, name, controller, expected) in [
            (
                "ReplicaSet",
                "web-7d4f",
                by("apps/v1", "Deployment", "web"),
                ("Deployment", "web"),
            ),
            (
                "ReplicaSet",
                "web-7d4f",
                by("argoproj.io/v1alpha1", "Rollout", "web"),
                ("Rollout", "web"),
            ),
            ("ReplicaSet", "web-7d4f", None, ("ReplicaSet", "web-7d4f")),
            (
                "Job",
                "report-28",
                by("batch/v1", "CronJob", "report"),
                ("CronJob", "report"),
            ),
            ("Job", "once", None, ("Job", "once")),
        ] {
            let object = MetaObject {
                metadata: meta(name, None, controller),
            };
            let owner = owner(&object, kind, &mut Interner::default());
            assert_eq!((owner.kind.as_str(), &*owner.name), expected);
        }
    }
}
