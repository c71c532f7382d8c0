//! Pods.

use std::sync::Arc;

use super::{ConversionError, FieldError, Owner, ScrapeSelector, notes, owner, request, scrape};
use crate::sources::kubernetes::api_types::{PodObject, VolumeSpec};
use crate::sources::kubernetes::interner::{Interner, LabelSet};
use breakeven_model::inventory::{Pod, PodKey, Resources, WorkloadAnnotations, WorkloadId};
use breakeven_model::units::{Cores, Gib};

/// Labels that tell the pods of one workload apart: no Service for all of them selects by these.
const ONE_POD_ONLY: [&str; 3] = [
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-completion-index",
];

/// What is read of pods besides what they hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sources::kubernetes) struct PodExtras {
    /// The label that holds the team.
    pub(in crate::sources::kubernetes) team_label: Option<String>,
    /// Those that are scraped without asking for it.
    pub(in crate::sources::kubernetes) scraped: Vec<ScrapeSelector>,
}

/// A pod, and the ReplicaSet or Job through which it belongs to its workload.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sources::kubernetes) struct PodRecord {
    pub(in crate::sources::kubernetes) pod: Arc<Pod>,
    /// The uid of the ReplicaSet or Job.
    pub(in crate::sources::kubernetes) through: Option<Arc<str>>,
    /// Whether the workload is the one that the ReplicaSet or Job named.
    pub(in crate::sources::kubernetes) is_owner_known: bool,
    /// Its labels, for the selectors of Services.
    pub(in crate::sources::kubernetes) labels: Arc<LabelSet>,
    /// Where its metrics are, if it asks to be scraped.
    pub(in crate::sources::kubernetes) metrics: Option<Arc<str>>,
    /// What its annotations say.
    pub(in crate::sources::kubernetes) notes: Option<Arc<WorkloadAnnotations>>,
}

impl PodRecord {
    /// The same pod, of this workload.
    pub(in crate::sources::kubernetes) fn owned_by(&mut self, owner: &Owner) {
        self.is_owner_known = true;
        let workload = &self.pod.workload;
        if workload.kind != owner.kind || workload.name != owner.name {
            let pod = Arc::make_mut(&mut self.pod);
            pod.workload.kind = owner.kind.clone();
            pod.workload.name = Arc::clone(&owner.name);
        }
    }
}

/// The pod that an object describes; absent where it holds nothing of a node: not bound yet, or finished.
///
/// A pod that is terminating holds what it holds until it is gone. A size of Fargate that cannot be understood
/// is absent, and a problem.
pub(in crate::sources::kubernetes) fn pod(
    object: &PodObject,
    extras: &PodExtras,
    names: &mut Interner,
    problems: &mut Vec<ConversionError>,
) -> Result<Option<PodRecord>, ConversionError> {
    let meta = &object.metadata;
    let named = |bad: FieldError| bad.of(format_args!("pod {}/{}", meta.namespace, meta.name));
    let finished = matches!(object.status.phase.as_str(), "Succeeded" | "Failed");
    if finished || object.spec.node_name.is_empty() {
        return Ok(None);
    }
    let (containers, request) = request::requests(&object.spec, names).map_err(named)?;
    let ephemeral_request = request::storage(&object.spec).map_err(named)?;
    let provisioned = meta.annotations.capacity_provisioned.as_deref();
    let fargate_size = provisioned.and_then(|text| {
        let size = fargate_size(text);
        if size.is_none() {
            problems.push(named(FieldError {
                field: "metadata.annotations.CapacityProvisioned".to_owned(),
                problem: format!("is {text:?}, which is not a size such as 0.25vCPU 0.5GB"),
            }));
        }
        size
    });
    let (owner, through) = owner::of_pod(meta, names);
    let namespace = names.share(&meta.namespace);
    let pod = Pod {
        key: PodKey {
            namespace: Arc::clone(&namespace),
            name: meta.name.as_str().into(),
        },
        workload: WorkloadId {
            namespace,
            kind: owner.kind,
            name: owner.name,
        },
        node: names.share(&object.spec.node_name),
        containers,
        request,
        ephemeral_request,
        fargate_size,
        persistent_volume: object
            .spec
            .volumes
            .iter()
            .any(|volume| volume.persistent_volume_claim.is_some()),
        claims: claims(object, names),
        host_network: object.spec.host_network,
        needs_accelerator: request::needs_accelerator(&object.spec),
        created_at: meta.creation_timestamp,
        started_at: object.status.start_time.or(meta.creation_timestamp),
        team: extras
            .team_label
            .as_ref()
            .and_then(|label| meta.labels.get(label))
            .filter(|team| !team.is_empty())
            .map(|team| names.share(team)),
    };
    let labels = meta.labels.iter();
    let of_all = labels.filter(|(key, _)| !ONE_POD_ONLY.contains(&key.as_str()));
    let labels = of_all.map(|(key, value)| (names.share(key), names.share(value)));
    let labels = labels.collect();
    Ok(Some(PodRecord {
        pod: Arc::new(pod),
        through,
        is_owner_known: false,
        labels: names.share_labels(labels),
        metrics: scrape::metrics(object, &extras.scraped).map(Into::into),
        notes: notes(&meta.annotations).map(Arc::new),
    }))
}

/// The claims of a pod: those that it names, and those that were made for it, whose names follow from its own.
fn claims(object: &PodObject, names: &mut Interner) -> Vec<Arc<str>> {
    let claim = |volume: &VolumeSpec| match &volume.persistent_volume_claim {
        Some(claim) => Some(names.share(&claim.claim_name)),
        None => volume
            .ephemeral
            .map(|_| format!("{}-{}", object.metadata.name, volume.name).into()),
    };
    let mut claims: Vec<Arc<str>> = object.spec.volumes.iter().filter_map(claim).collect();
    claims.sort_unstable();
    claims.dedup();
    claims.shrink_to_fit();
    claims
}

/// `0.25vCPU 0.5GB`, as the Fargate scheduler writes it; its GB are 1,024 MB.
fn fargate_size(text: &str) -> Option<Resources> {
    let (cpu, memory) = text.split_once(' ')?;
    let cpu: f64 = cpu.strip_suffix("vCPU")?.parse().ok()?;
    let memory: f64 = memory.strip_suffix("GB")?.parse().ok()?;
    Some(Resources {
        cpu: Cores::from_cores(cpu).ok()?,
        memory: Gib::from_gib(memory).ok()?,
        gpus: 0,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(changes: Value) -> PodObject {
        let mut object = json!({
            "metadata": {"name": "web-7d4f-x", "namespace": "shop", "uid": "u", "labels": {"team": "payments"},
                "creationTimestamp": "2026-03-01T00:00:00Z"},
            "spec": {"nodeName": "node-1", "containers": [
                {"name": "app", "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}}},
            ]},
            "status": {"phase": "Running"},
        });
        merge(&mut object, changes);
        serde_json::from_value(object).unwrap()
    }

    fn merge(into: &mut Value, changes: Value) {
        match (into, changes) {
            (Value::Object(into), Value::Object(changes)) => {
                for (key, change) in changes {
                    merge(into.entry(key).or_insert(Value::Null), change);
                }
            }
            (into, change) => *into = change,
        }
    }

    fn of_teams() -> PodExtras {
        PodExtras {
            team_label: Some("team".to_owned()),
            ..PodExtras::default()
        }
    }

    fn read(
        changes: Value,
    ) -> (
        Result<Option<PodRecord>, ConversionError>,
        Vec<ConversionError>,
    ) {
        let mut problems = Vec::new();
        let held = pod(
            &object(changes),
            &of_teams(),
            &mut Interner::default(),
            &mut problems,
        );
        (held, problems)
    }

    #[test]
    fn only_pods_that_hold_something_of_a_node_are_observed() {
        for (changes, observed) in [
            (json!({}), true),
            (json!({"status": {"phase": "Pending"}}), true),
            (json!({"status": {"phase": "Unknown"}}), true),
            (
                json!({"metadata": {"deletionTimestamp": "2026-03-01T00:00:00Z"}}),
                true,
            ),
            (json!({"status": {"phase": "Succeeded"}}), false),
            (json!({"status": {"phase": "Failed"}}), false),
            (json!({"spec": {"nodeName": ""}}), false),
        ] {
            let (held, problems) = read(changes.clone());
            assert_eq!(held.unwrap().is_some(), observed, "{changes}");
            assert_eq!(problems, []);
        }
    }

    #[test]
    fn what_ties_a_pod_to_its_place_is_seen() {
        for (spec, ties) in [
            (json!({}), (false, false)),
            (json!({"hostNetwork": true}), (false, true)),
            (
                json!({"volumes": [{"name": "tmp", "emptyDir": {}}]}),
                (false, false),
            ),
            (
                json!({"volumes": [{"name": "tmp", "emptyDir": {}},
                    {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}),
                (true, false),
            ),
        ] {
            let pod = read(json!({"spec": spec.clone()})).0.unwrap().unwrap().pod;
            assert_eq!((pod.persistent_volume, pod.host_network), ties, "{spec}");
        }
    }

    #[test]
    fn a_pod_holds_the_claims_that_it_names_and_those_that_were_made_for_it() {
        let pod = read(json!({"spec": {"volumes": [
            {"name": "tmp", "emptyDir": {}},
            {"name": "logs", "persistentVolumeClaim": {"claimName": "shared"}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "shared"}},
            {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
        ]}}));
        let pod = pod.0.unwrap().unwrap().pod;
        let claims: Vec<&str> = pod.claims.iter().map(|claim| &**claim).collect();
        assert_eq!(claims, ["shared", "web-7d4f-x-scratch"]);
    }

    #[test]
    fn a_pod_is_read_with_what_is_in_use_of_it() {
        let pod = read(json!({})).0.unwrap().unwrap().pod;
        assert_eq!(pod.workload.to_string(), "shop/Pod/web-7d4f-x");
        assert_eq!(
            (&*pod.node, pod.team.as_deref()),
            ("node-1", Some("payments"))
        );
        assert_eq!(pod.request.memory, Gib::from_mib(256.0).unwrap());
        assert_eq!(pod.containers.len(), 1);
        assert_eq!(pod.created_at, "2026-03-01T00:00:00Z".parse().ok());
        assert_eq!(pod.fargate_size, None);
    }

    #[test]
    fn a_pod_without_the_team_label_has_no_team() {
        for labels in [json!({"team": ""}), json!(null)] {
            let mut changed = object(json!({}));
            changed.metadata.labels = serde_json::from_value(labels).unwrap_or_default();
            let held = pod(
                &changed,
                &of_teams(),
                &mut Interner::default(),
                &mut Vec::new(),
            );
            assert_eq!(held.unwrap().unwrap().pod.team, None);
        }
        let unasked = pod(
            &object(json!({})),
            &PodExtras::default(),
            &mut Interner::default(),
            &mut Vec::new(),
        );
        assert_eq!(unasked.unwrap().unwrap().pod.team, None);
    }

    #[test]
    fn the_size_that_fargate_provisioned_is_read_from_the_annotation() {
        let annotated = |text: &str| {
            read(json!({"metadata": {"annotations": {"CapacityProvisioned": text, "other": "x"}}}))
        };
        let (held, problems) = annotated("0.25vCPU 0.5GB");
        let size = held.unwrap().unwrap().pod.fargate_size.unwrap();
        assert_eq!((size.cpu.cores(), size.memory.gib()), (0.25, 0.5));
        assert_eq!(problems, []);

        for text in ["", "0.25vCPU", "0.25 0.5", "-1vCPU 1GB", "NaNvCPU 1GB"] {
            let (held, problems) = annotated(text);
            assert_eq!(held.unwrap().unwrap().pod.fargate_size, None);
            assert_eq!(
                problems[0].to_string(),
                format!(
                    "pod shop/web-7d4f-x: metadata.annotations.CapacityProvisioned is {text:?}, \
                     which is not a size such as 0.25vCPU 0.5GB"
                )
            );
        }
    }

    #[test]
    fn a_bad_quantity_names_the_pod_the_field_and_the_value() {
        let (held, _) = read(json!({"spec": {"containers": [
            {"name": "app", "resources": {"requests": {"memory": "lots"}}},
        ]}}));
        assert_eq!(
            held.unwrap_err().to_string(),
            "pod shop/web-7d4f-x: spec.containers[0].resources.requests.memory is \"lots\", \
             which is not a quantity of memory such as 512Mi or 1G"
        );
    }
}
