//! Who serves what is counted before the cluster: from the cluster's bindings, from tags, and from the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::sources::latest::{Publisher, Subscriber};
use breakeven_model::inventory::{Cluster, WorkloadId, WorkloadKind};
use breakeven_model::units::Ratio;

/// The workloads that serve what a counter counts, and the part of each.
pub(super) type Weights = BTreeMap<WorkloadId, Ratio>;

/// What the cluster says of the edge.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct TargetMapping {
    /// Who is behind each target group, by its ARN.
    pub(super) target_groups: BTreeMap<Arc<str>, Weights>,
    /// The workloads that have pods.
    workloads: BTreeSet<WorkloadId>,
}

impl TargetMapping {
    fn from_cluster(cluster: &Cluster) -> Self {
        let mut services = BTreeMap::new();
        for service in &cluster.service_routing.services {
            services.insert((&service.namespace, &service.name), &service.workloads);
        }
        let groups = cluster.service_routing.target_groups.iter().map(|binding| {
            let service = services.get(&(&binding.namespace, &binding.service));
            let workloads = service.map_or(&[][..], |workloads| workloads);
            (Arc::clone(&binding.target_group), parts(workloads))
        });
        Self {
            target_groups: groups.collect(),
            workloads: cluster
                .pods
                .iter()
                .map(|pod| pod.workload.clone())
                .collect(),
        }
    }

    /// Whether the cluster has a workload.
    pub(super) fn has(&self, id: &WorkloadId) -> bool {
        self.workloads.contains(id)
    }
}

/// A load balancer shares requests out to the pods alike, so the part of a workload is its part of the pods.
/// Formula: `pods / Σ pods`.
fn parts(workloads: &[(WorkloadId, u32)]) -> Weights {
    let all: usize = workloads.iter().map(|(_, pods)| *pods as usize).sum();
    let whole = Ratio::count(all).inverse();
    let parts = workloads.iter().filter_map(|(id, pods)| {
        let part = Ratio::count(*pods as usize) * whole?;
        Some((id.clone(), part))
    });
    parts.collect()
}

/// Tells the source what the cluster says; clones tell the same one.
#[derive(Clone, Debug, Default)]
pub struct Bindings(Publisher<TargetMapping>);

impl Bindings {
    /// Goes by what is bound in a cluster, from now on.
    pub fn on_snapshot(&self, cluster: &Cluster) {
        self.0.publish(TargetMapping::from_cluster(cluster));
    }

    /// What is bound, as it changes.
    pub(super) fn listen(&self) -> Subscriber<TargetMapping> {
        self.0.listen()
    }
}

/// The workload that a tag names, as `namespace/name` for a Deployment or as `namespace/Kind/name`.
#[must_use]
pub fn named(tag: &str) -> Option<WorkloadId> {
    let parts: Vec<&str> = tag.split('/').collect();
    let (namespace, kind, name) = match parts.as_slice() {
        [namespace, name] => (namespace, WorkloadKind::Deployment, name),
        [namespace, kind, name] => (namespace, WorkloadKind::from(*kind), name),
        _ => return None,
    };
    let is_written = [namespace, kind.as_str(), name]
        .iter()
        .all(|part| !part.is_empty());
    is_written.then(|| WorkloadId {
        namespace: (*namespace).into(),
        kind,
        name: (*name).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakeven_model::inventory::{Service, ServiceRouting, TargetGroupBinding};
    use breakeven_model::test_util::{deployment, pod, resources, workload};

    #[test]
    fn who_is_behind_a_target_group_shares_its_requests_by_pods() {
        let service = |name: &str, workloads: &[(&str, u32)]| Service {
            namespace: "shop".into(),
            name: name.into(),
            ports: Vec::new(),
            workloads: workloads
                .iter()
                .map(|(name, pods)| (deployment("shop", name), *pods))
                .collect(),
        };
        let binding = |arn: &str, service: &str| TargetGroupBinding {
            target_group: arn.into(),
            namespace: "shop".into(),
            service: service.into(),
        };
        let bound = TargetMapping::from_cluster(&Cluster {
            pods: vec![Arc::new(pod(
                "web-1",
                deployment("shop", "web"),
                "n",
                resources(0.1, 0.1),
            ))],
            service_routing: ServiceRouting {
                services: vec![
                    service("web", &[("web", 3), ("canary", 1)]),
                    service("empty", &[]),
                ],
                routes: Vec::new(),
                target_groups: vec![
                    binding("a", "web"),
                    binding("b", "empty"),
                    binding("c", "gone"),
                ],
            },
            ..Cluster::default()
        });
        let shares = |arn: &str| {
            let shares = bound.target_groups[arn].iter();
            let shares = shares.map(|(id, part)| (id.name.to_string(), part.get()));
            shares.collect::<Vec<_>>()
        };
        assert_eq!(shares("a"), [("canary".into(), 0.25), ("web".into(), 0.75)]);
        assert_eq!((shares("b").len(), shares("c").len()), (0, 0));
        assert!(bound.has(&deployment("shop", "web")));
        assert!(!bound.has(&deployment("shop", "canary")));
    }

    #[test]
    fn a_tag_names_a_deployment_or_the_kind_too() {
        assert_eq!(named("shop/web"), Some(deployment("shop", "web")));
        let stateful = workload("shop", WorkloadKind::StatefulSet, "db");
        assert_eq!(named("shop/StatefulSet/db"), Some(stateful));
        for unexpected in ["", "web", "/web", "shop/", "shop//web", "a/b/c/d"] {
            assert_eq!(named(unexpected), None, "{unexpected}");
        }
    }
}
