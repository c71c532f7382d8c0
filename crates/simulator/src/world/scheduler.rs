//! Which pod stands on which node: in turn, recomputable from the file.

use super::schema::{CapacityType, WorkloadKind, WorkloadSpec, WorldSpec};

/// The nodes that the pods of one workload go to.
///
/// A DaemonSet has one pod on each node that is not Fargate. Pod i of any other workload goes to the
/// workload's own list of nodes at i modulo its length; without a list, to the nodes that are not
/// Fargate at (w + i) modulo their number, where the workload is the w-th of the file (from 0) among
/// those that are not DaemonSets.
#[derive(Clone, Debug)]
pub(super) struct Placement {
    candidates: Vec<String>,
    first: usize,
}

impl Placement {
    pub(super) fn new(world: &WorldSpec, workload: &WorkloadSpec, turn: usize) -> Self {
        let ordinary = world
            .nodes
            .iter()
            .filter(|node| node.capacity_type != CapacityType::Fargate);
        let ordinary = ordinary.map(|node| node.name.clone()).collect();
        match (&workload.nodes, workload.kind) {
            (_, WorkloadKind::DaemonSet) => Self {
                candidates: ordinary,
                first: 0,
            },
            (Some(names), _) => Self {
                candidates: names.clone(),
                first: 0,
            },
            (None, _) => Self {
                candidates: ordinary,
                first: turn,
            },
        }
    }

    /// How many nodes the pods can go to.
    pub(super) fn len(&self) -> usize {
        self.candidates.len()
    }

    /// The node of the pod; absent when there is no node at all.
    pub(super) fn node_of(&self, pod: usize) -> Option<&str> {
        let position = (self.first + pod).checked_rem(self.candidates.len())?;
        self.candidates.get(position).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::super::World;

    fn nodes(world: &World, workload: usize) -> Vec<&str> {
        world.workloads()[workload]
            .pods
            .iter()
            .map(|pod| pod.node.as_str())
            .collect()
    }

    #[test]
    fn pods_go_to_the_nodes_in_turn_and_daemons_to_each_but_fargate() {
        let world = World::from_yaml(
            "
name: placement
nodes:
  - {name: a, instance_type: m5.large, zone: z, cpu: 2, memory_gib: 8}
  - {name: b, instance_type: m5.large, zone: z, cpu: 2, memory_gib: 8}
  - {name: f, zone: z, capacity_type: fargate, cpu: 0.5, memory_gib: 1}
namespaces: [{name: n}]
workloads:
  - {name: first, namespace: n, kind: Deployment, replicas: 3, usage: {memory_mib: 1}}
  - {name: agent, namespace: n, kind: DaemonSet, usage: {memory_mib: 1}}
  - {name: second, namespace: n, kind: StatefulSet, replicas: 2, usage: {memory_mib: 1}}
  - {name: alone, namespace: n, kind: Deployment, nodes: [f], usage: {memory_mib: 1}}
",
        )
        .unwrap();
        assert_eq!(nodes(&world, 0), ["a", "b", "a"]);
        assert_eq!(nodes(&world, 1), ["a", "b"]);
        assert_eq!(nodes(&world, 2), ["b", "a"]);
        assert_eq!(nodes(&world, 3), ["f"]);
    }
}
