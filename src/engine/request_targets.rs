//! Whose requests they are: from the names that a source gives to the workloads of the cluster.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use smallvec::smallvec;

use super::service_backends::{ServiceBackends, Weights};
use breakeven_model::inventory::{Cluster, PodKey, RequestTarget, WorkloadId, WorkloadKind};
use breakeven_model::units::Ratio;

/// A namespace and a name in it.
type Name = (Arc<str>, Arc<str>);

/// A workload, and when it was last seen under a name.
type Seen = (WorkloadId, Timestamp);

/// The names under which the workloads of a cluster are known. Those of pods and workloads that are gone are kept for a
/// window: what they served is counted minutes later.
#[derive(Debug, Default)]
pub(super) struct Targets {
    by_name: HashMap<Name, Vec<Seen>>,
    by_pod: HashMap<PodKey, Seen>,
    fronts: ServiceBackends,
}

impl Targets {
    /// Takes in the names of a cluster, and lets go of those that were last seen before an instant.
    pub(super) fn update(&mut self, cluster: &Cluster, before: Timestamp) {
        let now = cluster.at;
        self.fronts = ServiceBackends::from_inventory(&cluster.service_routing);
        for pod in &cluster.pods {
            self.by_pod
                .insert(pod.key.clone(), (pod.workload.clone(), now));
            let name = (
                Arc::clone(&pod.workload.namespace),
                Arc::clone(&pod.workload.name),
            );
            let same = self.by_name.entry(name).or_default();
            match same.iter_mut().find(|(id, _)| *id == pod.workload) {
                Some((_, seen)) => *seen = now,
                None => {
                    same.push((pod.workload.clone(), now));
                    same.sort();
                }
            }
        }
        self.by_pod.retain(|_, (_, seen)| *seen >= before);
        self.by_name.retain(|_, same| {
            same.retain(|(_, seen)| *seen >= before);
            !same.is_empty()
        });
    }

    /// The workloads that serve a target, as far as the cluster has them: the one that it names, or those of the pods
    /// behind it.
    pub(super) fn shares(&self, target: &RequestTarget) -> Weights {
        if let Some(behind) = self.fronts.behind(target) {
            return behind;
        }
        let alone = |id| smallvec![(id, Ratio::ONE)];
        self.workload(target).map(alone).unwrap_or_default()
    }

    /// The workload of a pod, if the cluster has it or had it.
    pub(super) fn of_pod(&self, pod: &PodKey) -> Option<WorkloadId> {
        let seen = self.by_pod.get(pod).map(|(id, _)| id.clone());
        seen.or_else(|| self.by_name_of(pod))
    }

    /// The workload that a target names, if the cluster has it. Without a kind a Deployment comes first, then the
    /// other kinds in their order.
    fn workload(&self, target: &RequestTarget) -> Option<WorkloadId> {
        match target {
            RequestTarget::Pod(key) => self.of_pod(key),
            RequestTarget::Workload {
                namespace,
                kind,
                name,
            } => {
                let wanted = |id: &WorkloadId| kind.as_ref().is_none_or(|kind| id.kind == *kind);
                self.named(namespace, name, wanted)
            }
            RequestTarget::Service { .. }
            | RequestTarget::ServicePort(_)
            | RequestTarget::RouteRule { .. } => None,
        }
    }

    fn named(
        &self,
        namespace: &Arc<str>,
        name: &str,
        wanted: impl Fn(&WorkloadId) -> bool,
    ) -> Option<WorkloadId> {
        let same = self.by_name.get(&(Arc::clone(namespace), name.into()))?;
        same.iter().map(|(id, _)| id).find(|id| wanted(id)).cloned()
    }

    /// The workload of a pod that was never seen, by the name that its controller gave it: `web-7d4f9c-x2x4z` of the
    /// Deployment web, `db-0` of the StatefulSet db, `agent-x2x4z` of the DaemonSet agent.
    fn by_name_of(&self, pod: &PodKey) -> Option<WorkloadId> {
        let (owner, last) = pod.name.rsplit_once('-')?;
        let deployment = owner.rsplit_once('-').and_then(|(name, _)| {
            self.named(&pod.namespace, name, |id| {
                id.kind == WorkloadKind::Deployment
            })
        });
        deployment.or_else(|| {
            let is_ordinal = last.parse::<u32>().is_ok();
            self.named(&pod.namespace, owner, |id| match id.kind {
                WorkloadKind::StatefulSet => is_ordinal,
                WorkloadKind::DaemonSet | WorkloadKind::ReplicaSet => true,
                _ => false,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakeven_model::inventory::Pod;
    use breakeven_model::test_util::{deployment, pod, resources, workload};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn cluster(second: i64, pods: Vec<Arc<Pod>>) -> Cluster {
        Cluster {
            at: at(second),
            pods,
            ..Cluster::default()
        }
    }

    fn targets_of(pods: Vec<Arc<Pod>>) -> Targets {
        let mut targets = Targets::default();
        targets.update(&cluster(0, pods), at(0));
        targets
    }

    fn by_pod(targets: &Targets, name: &str) -> Option<WorkloadId> {
        let key = PodKey {
            namespace: "shop".into(),
            name: name.into(),
        };
        targets.workload(&RequestTarget::Pod(key))
    }

    #[test]
    fn a_pod_that_is_gone_is_known_for_a_window() {
        let web = || deployment("shop", "web");
        let first = Arc::new(pod("oddly-named", web(), "n", resources(0.1, 0.1)));
        let mut targets = targets_of(vec![first]);
        let next = Arc::new(pod("web-1-a", web(), "n", resources(0.1, 0.1)));
        targets.update(&cluster(60, vec![Arc::clone(&next)]), at(0));
        assert_eq!(by_pod(&targets, "oddly-named"), Some(web()));
        targets.update(&cluster(120, vec![next]), at(1));
        assert_eq!(by_pod(&targets, "oddly-named"), None);
    }

    #[test]
    fn a_pod_that_was_never_seen_is_known_by_the_name_its_controller_gave_it() {
        let database = workload("shop", WorkloadKind::StatefulSet, "db");
        let agent = workload("shop", WorkloadKind::DaemonSet, "agent");
        let pods = [
            deployment("shop", "web-api"),
            database.clone(),
            agent.clone(),
        ];
        let pods = pods.map(|owner| Arc::new(pod("seen", owner, "n", resources(0.1, 0.1))));
        let targets = targets_of(pods.to_vec());
        assert_eq!(
            by_pod(&targets, "web-api-7d4f9c-x2x4z"),
            Some(deployment("shop", "web-api"))
        );
        assert_eq!(by_pod(&targets, "db-3"), Some(database));
        assert_eq!(by_pod(&targets, "agent-x2x4z"), Some(agent));
        for unmatched_target in ["web-7d4f9c-x2x4z", "db-x2x4z", "web-api", "other-0", "x"] {
            assert_eq!(
                by_pod(&targets, unmatched_target),
                None,
                "{unmatched_target}"
            );
        }
    }

    #[test]
    fn a_name_without_a_kind_means_the_deployment_first() {
        let stateful = workload("shop", WorkloadKind::StatefulSet, "web");
        let pods = vec![
            Arc::new(pod("web-0", stateful.clone(), "n", resources(0.1, 0.1))),
            Arc::new(pod(
                "web-abc",
                deployment("shop", "web"),
                "n",
                resources(0.1, 0.1),
            )),
        ];
        let targets = targets_of(pods);
        let named = |kind: Option<WorkloadKind>, name: &str| {
            let name = name.into();
            targets.workload(&RequestTarget::Workload {
                namespace: "shop".into(),
                kind,
                name,
            })
        };
        assert_eq!(named(None, "web"), Some(deployment("shop", "web")));
        assert_eq!(
            named(Some(WorkloadKind::StatefulSet), "web"),
            Some(stateful.clone())
        );
        assert_eq!(named(Some(WorkloadKind::Job), "web"), None);
        assert_eq!(named(None, "api"), None);
        assert_eq!(by_pod(&targets, "web-0"), Some(stateful));
    }
}
