//! Nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ConversionError, FieldError, OptionalResources};
use crate::sources::kubernetes::amounts::Amounts;
use crate::sources::kubernetes::api_types::NodeObject;
use crate::sources::kubernetes::interner::Interner;
use breakeven_model::inventory::{CapacityType, Node, Provider, Resources};

/// Labels of the machine's kind, the present one first.
const INSTANCE_TYPE: [&str; 2] = [
    "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/instance-type",
];
const REGION: [&str; 2] = [
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/region",
];
const ZONE: [&str; 2] = [
    "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/zone",
];
const FARGATE: (&str, &str) = ("eks.amazonaws.com/compute-type", "fargate");
/// Labels of spare capacity: EKS managed node groups, Karpenter, GKE (spot and its forerunner), AKS.
const SPOT: [(&str, &str); 5] = [
    ("eks.amazonaws.com/capacityType", "SPOT"),
    ("karpenter.sh/capacity-type", "spot"),
    ("cloud.google.com/gke-spot", "true"),
    ("cloud.google.com/gke-preemptible", "true"),
    ("kubernetes.azure.com/scalesetpriority", "spot"),
];

/// Whose machine it is: the scheme of its id, and labels that only machines of that cloud carry.
const PROVIDERS: [(Provider, &str, &[&str]); 3] = [
    (
        Provider::Aws,
        "aws://",
        &["eks.amazonaws.com/", "karpenter.k8s.aws/"],
    ),
    (Provider::GoogleCloud, "gce://", &["cloud.google.com/"]),
    (Provider::Azure, "azure://", &["kubernetes.azure.com/"]),
];

/// The node that an object describes.
pub(in crate::sources::kubernetes) fn node(
    object: NodeObject,
    names: &mut Interner,
) -> Result<Node, ConversionError> {
    let meta = object.metadata;
    let named = |bad: FieldError| bad.of(format_args!("node {}", meta.name));
    let capacity = machine(&object.status.capacity, "status.capacity").map_err(named)?;
    let allocatable = OptionalResources::read(&object.status.allocatable, "status.allocatable")
        .map_err(named)?
        .unwrap_or(capacity);
    let labels = meta.labels;
    Ok(Node {
        name: names.share(&meta.name),
        provider: provider(&object.spec.provider_id, &labels),
        instance_type: first(&labels, INSTANCE_TYPE, names),
        region: first(&labels, REGION, names),
        zone: first(&labels, ZONE, names),
        capacity_type: capacity_type(&labels),
        capacity,
        allocatable,
        labels,
    })
}

/// A machine has processors and memory, or it is not known what it is.
fn machine(amounts: &Amounts, field: &str) -> Result<Resources, FieldError> {
    let stated = OptionalResources::read(amounts, field)?;
    let missing = |resource: &str| FieldError {
        field: format!("{field}.{resource}"),
        problem: "is missing".to_owned(),
    };
    Ok(Resources {
        cpu: stated.cpu.ok_or_else(|| missing("cpu"))?,
        memory: stated.memory.ok_or_else(|| missing("memory"))?,
        gpus: stated.gpus.unwrap_or_default(),
    })
}

fn first<const N: usize>(
    labels: &BTreeMap<String, String>,
    keys: [&str; N],
    names: &mut Interner,
) -> Option<Arc<str>> {
    keys.iter()
        .filter_map(|key| labels.get(*key))
        .find(|value| !value.is_empty())
        .map(|value| names.share(value))
}

fn provider(id: &str, labels: &BTreeMap<String, String>) -> Provider {
    let has = |prefixes: &[&str]| {
        labels
            .keys()
            .any(|label| prefixes.iter().any(|prefix| label.starts_with(prefix)))
    };
    let by_id = PROVIDERS.iter().find(|one| id.starts_with(one.1));
    // A machine that has an id of somebody else is not taken for a cloud's.
    let by_label = || PROVIDERS.iter().find(|one| id.is_empty() && has(one.2));
    by_id.or_else(by_label).map_or(Provider::Other, |one| one.0)
}

fn capacity_type(labels: &BTreeMap<String, String>) -> CapacityType {
    let has = |(key, value): (&str, &str)| labels.get(key).is_some_and(|found| found == value);
    if has(FARGATE) {
        CapacityType::Fargate
    } else if SPOT.into_iter().any(has) {
        CapacityType::Spot
    } else {
        CapacityType::OnDemand
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use breakeven_model::units::{Cores, Gib};

    fn read(labels: Value, capacity: Value, allocatable: Value) -> Result<Node, ConversionError> {
        let object = serde_json::from_value(json!({
            "metadata": {"name": "node-1", "uid": "u", "labels": labels},
            "status": {"capacity": capacity, "allocatable": allocatable},
        }))
        .unwrap();
        node(object, &mut Interner::default())
    }

    fn labelled(labels: Value) -> Node {
        let size = json!({"cpu": "2", "memory": "8Gi"});
        read(labels, size.clone(), size).unwrap()
    }

    #[test]
    fn the_way_a_node_is_paid_for_is_read_from_its_labels() {
        for (labels, expected) in [
            (json!({}), CapacityType::OnDemand),
            (
                json!({"eks.amazonaws.com/capacityType": "ON_DEMAND"}),
                CapacityType::OnDemand,
            ),
            (
                json!({"eks.amazonaws.com/capacityType": "SPOT"}),
                CapacityType::Spot,
            ),
            (
                json!({"karpenter.sh/capacity-type": "spot"}),
                CapacityType::Spot,
            ),
            (
                json!({"karpenter.sh/capacity-type": "on-demand"}),
                CapacityType::OnDemand,
            ),
            (
                json!({"cloud.google.com/gke-spot": "true"}),
                CapacityType::Spot,
            ),
            (
                json!({"cloud.google.com/gke-preemptible": "true"}),
                CapacityType::Spot,
            ),
            (
                json!({"kubernetes.azure.com/scalesetpriority": "spot"}),
                CapacityType::Spot,
            ),
            (
                json!({"eks.amazonaws.com/compute-type": "fargate"}),
                CapacityType::Fargate,
            ),
        ] {
            assert_eq!(labelled(labels.clone()).capacity_type, expected, "{labels}");
        }
    }

    #[test]
    fn the_cloud_is_told_by_the_id_of_the_machine_or_by_its_labels() {
        for (id, label, expected) in [
            ("aws:///us-east-1a/i-0123", "any", Provider::Aws),
            (
                "gce://project/us-east1-b/name",
                "any",
                Provider::GoogleCloud,
            ),
            ("azure:///subscriptions/x", "any", Provider::Azure),
            ("", "eks.amazonaws.com/nodegroup", Provider::Aws),
            ("", "karpenter.k8s.aws/instance-cpu", Provider::Aws),
            ("", "cloud.google.com/gke-nodepool", Provider::GoogleCloud),
            ("", "kubernetes.azure.com/agentpool", Provider::Azure),
            ("", "any", Provider::Other),
            ("k3s://one", "any", Provider::Other),
            (
                "openstack:///x",
                "eks.amazonaws.com/nodegroup",
                Provider::Other,
            ),
        ] {
            let labels = BTreeMap::from([(label.to_owned(), "x".to_owned())]);
            assert_eq!(provider(id, &labels), expected, "{id} {label}");
        }
    }

    #[test]
    fn the_place_and_the_kind_of_machine_come_from_new_and_old_labels() {
        for (labels, expected) in [
            (json!({}), [None, None, None]),
            (
                json!({
                    "node.kubernetes.io/instance-type": "m5.large",
                    "beta.kubernetes.io/instance-type": "m4.large",
                    "topology.kubernetes.io/region": "us-east-1",
                    "topology.kubernetes.io/zone": "us-east-1a",
                }),
                [Some("m5.large"), Some("us-east-1"), Some("us-east-1a")],
            ),
            (
                json!({
                    "node.kubernetes.io/instance-type": "",
                    "beta.kubernetes.io/instance-type": "m4.large",
                    "failure-domain.beta.kubernetes.io/region": "eu-west-1",
                    "failure-domain.beta.kubernetes.io/zone": "eu-west-1b",
                }),
                [Some("m4.large"), Some("eu-west-1"), Some("eu-west-1b")],
            ),
        ] {
            let node = labelled(labels);
            let seen = [
                node.instance_type.as_deref(),
                node.region.as_deref(),
                node.zone.as_deref(),
            ];
            assert_eq!(seen, expected);
        }
    }

    #[test]
    fn a_node_has_what_the_machine_has_and_gives_pods_less() {
        let node = read(
            json!({}),
            json!({"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "1"}),
            json!({"cpu": "7910m", "memory": "30Gi", "nvidia.com/gpu": "1"}),
        )
        .unwrap();
        assert_eq!(node.capacity.cpu, Cores::from_cores(8.0).unwrap());
        assert_eq!(node.capacity.gpus, 1);
        assert_eq!(node.allocatable.cpu, Cores::from_cores(7.91).unwrap());
        assert_eq!(node.allocatable.memory, Gib::from_gib(30.0).unwrap());
    }

    #[test]
    fn a_node_of_unknown_size_is_an_error_that_names_it() {
        for (capacity, text) in [
            (
                json!({"memory": "8Gi"}),
                "node node-1: status.capacity.cpu is missing",
            ),
            (
                json!({"cpu": "2"}),
                "node node-1: status.capacity.memory is missing",
            ),
            (
                json!({"cpu": "two", "memory": "8Gi"}),
                "node node-1: status.capacity.cpu is \"two\", which is not a quantity of processors such as 250m or 2",
            ),
        ] {
            let error = read(json!({}), capacity, json!({})).unwrap_err();
            assert_eq!(error.to_string(), text);
        }
    }
}
