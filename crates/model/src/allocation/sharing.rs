//! Who bears idle, shared and fixed cost.
//!
//! ```text
//! idle capacity of a group of nodes ┐
//! its DaemonSets                    ┴─> workloads with pods on nodes of the group
//! other shared workloads, fixed cost ─> all workloads of the cluster, Fargate pods included
//! cost without a workload            ─> unallocated
//! ```

use std::collections::BTreeMap;

use super::{ClusterRates, WorkloadSums};
use crate::inventory::{CapacityType, Node, WorkloadId, WorkloadKind};
use crate::parameters::SharingPolicy;
use crate::units::{Ratio, UsdPerHour};

/// Nodes whose idle capacity and DaemonSets are borne by the workloads that run on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NodeGroup {
    /// All nodes but those of Fargate.
    Machines,
}

impl NodeGroup {
    /// The group of a node. A Fargate node has none: it is sized for its one pod, which pays for all of it.
    pub(super) const fn of_node(node: &Node) -> Option<Self> {
        match node.capacity_type {
            CapacityType::Fargate => None,
            CapacityType::OnDemand | CapacityType::Spot => Some(Self::Machines),
        }
    }
}

/// Allocated cost by the group of the node; `None` for nodes of no group.
pub(super) type ByGroup = BTreeMap<Option<NodeGroup>, UsdPerHour>;

/// The cost of a group that its workloads bear, and those workloads.
#[derive(Debug, Default)]
struct GroupCost<'a> {
    idle: UsdPerHour,
    daemon_sets: UsdPerHour,
    /// Workloads with pods on nodes of the group, and their allocated cost there.
    bearers: Vec<(&'a WorkloadId, UsdPerHour)>,
}

/// The costs that workloads bear beside their own.
#[derive(Debug, Default)]
pub(super) struct Sharing<'a> {
    groups: BTreeMap<NodeGroup, GroupCost<'a>>,
    /// Shared workloads whose cost the whole cluster bears.
    cluster: UsdPerHour,
    /// Idle capacity of nodes of no group.
    ungrouped_idle: UsdPerHour,
}

impl<'a> Sharing<'a> {
    pub(super) fn add_idle(&mut self, group: Option<NodeGroup>, idle: UsdPerHour) {
        match group {
            Some(group) => self.groups.entry(group).or_default().idle += idle,
            None => self.ungrouped_idle += idle,
        }
    }

    /// Adds a workload that bears shared cost.
    pub(super) fn add_bearer(&mut self, workload: &WorkloadSums<'a>) {
        for (group, allocated) in &workload.by_group {
            if let Some(group) = group {
                let bearers = &mut self.groups.entry(*group).or_default().bearers;
                bearers.push((workload.id, *allocated));
            }
        }
    }

    /// Adds a shared workload: a DaemonSet to the groups that it runs in, any other to the whole cluster.
    pub(super) fn add_shared(&mut self, workload: &WorkloadSums<'a>) {
        if workload.id.kind != WorkloadKind::DaemonSet {
            self.cluster += workload.rates.allocated();
            return;
        }
        self.cluster += workload.rates.storage;
        for (group, allocated) in &workload.by_group {
            match group {
                Some(group) => self.groups.entry(*group).or_default().daemon_sets += *allocated,
                None => self.cluster += *allocated,
            }
        }
    }

    /// Adds its part to each workload, and every cost to a component of the cluster.
    pub(super) fn spread(self, rates: &mut ClusterRates, fixed: UsdPerHour, policy: SharingPolicy) {
        let ClusterRates {
            workloads,
            components,
            ..
        } = rates;
        components.unallocated += self.ungrouped_idle;
        for group in self.groups.into_values() {
            let Some(shares) = shares(policy, group.bearers) else {
                components.unallocated += group.idle + group.daemon_sets;
                continue;
            };
            components.idle += group.idle;
            components.shared += group.daemon_sets;
            for (id, share) in shares {
                if let Some(workload) = workloads.get_mut(id) {
                    workload.idle += group.idle * share;
                    workload.shared += group.daemon_sets * share;
                }
            }
        }
        let bearers = workloads
            .values_mut()
            .map(|workload| {
                let allocated = workload.allocated();
                (workload, allocated)
            })
            .collect();
        let Some(shares) = shares(policy, bearers) else {
            components.unallocated += self.cluster + fixed;
            return;
        };
        components.shared += self.cluster;
        components.fixed += fixed;
        for (workload, share) in shares {
            workload.shared += self.cluster * share;
            workload.fixed += fixed * share;
        }
    }
}

/// The part of a cost that each bears, by the allocated cost of each; absent if none bears any.
fn shares<T>(policy: SharingPolicy, bearers: Vec<(T, UsdPerHour)>) -> Option<Vec<(T, Ratio)>> {
    let whole: UsdPerHour = bearers.iter().map(|(_, allocated)| *allocated).sum();
    let even = Ratio::count(bearers.len()).inverse();
    let share = |allocated: UsdPerHour| match policy {
        SharingPolicy::None => None,
        SharingPolicy::Even => even,
        SharingPolicy::Proportional => allocated.over(whole),
    };
    let shares = bearers
        .into_iter()
        .map(|(bearer, allocated)| Some((bearer, share(allocated)?)));
    let shares: Vec<(T, Ratio)> = shares.collect::<Option<_>>()?;
    (!shares.is_empty()).then_some(shares)
}
