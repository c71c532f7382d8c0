//! Whose requests they are: from the names that a source gives to the workloads of the cluster.

use std::collections::HashMap;
use std::sync::Arc;

use crate::observation::{Cluster, PodKey, RequestTarget, WorkloadId};

/// The names under which the workloads of a cluster are known.
#[derive(Debug, Default)]
pub(super) struct Targets {
    by_name: HashMap<(Arc<str>, Arc<str>), Vec<WorkloadId>>,
    by_pod: HashMap<PodKey, WorkloadId>,
}

impl Targets {
    /// The names of a cluster.
    pub(super) fn of(cluster: &Cluster) -> Self {
        let mut targets = Self::default();
        for pod in &cluster.pods {
            targets.by_pod.insert(pod.key.clone(), pod.workload.clone());
            let name = (
                Arc::clone(&pod.workload.namespace),
                Arc::clone(&pod.workload.name),
            );
            let same = targets.by_name.entry(name).or_default();
            if !same.contains(&pod.workload) {
                same.push(pod.workload.clone());
            }
        }
        for same in targets.by_name.values_mut() {
            same.sort();
        }
        targets
    }

    /// The workload that a target names, if the cluster has it. Without a kind a Deployment comes first, then the
    /// other kinds in their order.
    pub(super) fn workload(&self, target: &RequestTarget) -> Option<WorkloadId> {
        match target {
            RequestTarget::Pod(key) => self.by_pod.get(key).cloned(),
            RequestTarget::Workload {
                namespace,
                kind,
                name,
            } => {
                let same = self
                    .by_name
                    .get(&(Arc::clone(namespace), Arc::clone(name)))?;
                let wanted = |id: &&WorkloadId| kind.as_ref().is_none_or(|kind| id.kind == *kind);
                same.iter().find(wanted).cloned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::{deployment, pod, resources, workload};
    use crate::observation::WorkloadKind;
    use jiff::Timestamp;

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
        let targets = Targets::of(&Cluster {
            at: Timestamp::UNIX_EPOCH,
            nodes: Vec::new(),
            pods,
        });
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
        let key = PodKey {
            namespace: "shop".into(),
            name: "web-0".into(),
        };
        assert_eq!(targets.workload(&RequestTarget::Pod(key)), Some(stateful));
    }
}
