//! The laws of what workloads of a cluster cost, over random clusters.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::tests::{both_sides, close, cluster, hourly, policy, random_nodes, random_pods};
use super::*;
use crate::SharingPolicy;
use crate::test_util::{ratio, settings};

/// A cluster, with fixed cost.
fn known(sharing: SharingPolicy, fixed: f64) -> ModelParameters {
    ModelParameters {
        sharing,
        fixed: hourly(fixed),
        ..settings()
    }
}

/// The nodes, those that `which` picks so many times as dear.
fn dearer(nodes: &[PricedNode], by: f64, which: impl Fn(usize) -> bool) -> Vec<PricedNode> {
    let mut nodes = nodes.to_vec();
    for (at, node) in nodes.iter_mut().enumerate() {
        if let (Ok(price), true) = (&mut node.price, which(at)) {
            price.price = price.price * ratio(by);
        }
    }
    nodes
}

fn is_not_less(more: UsdPerHour, less: UsdPerHour) -> bool {
    more.hourly() >= less.hourly() * (1.0 - 1e-9)
}

/// The cluster a second time beside itself.
fn twice(
    nodes: &[PricedNode],
    pods: &[Arc<Pod>],
    usage: &HashMap<PodKey, PodUsage>,
) -> (Vec<PricedNode>, Vec<Arc<Pod>>, HashMap<PodKey, PodUsage>) {
    let again = |name: &str| Arc::from(format!("{name}-again"));
    let (mut nodes, mut pods, mut usage) = (nodes.to_vec(), pods.to_vec(), usage.clone());
    for one in nodes.clone() {
        let mut node = (*one.node).clone();
        node.name = again(&node.name);
        nodes.push(PricedNode {
            node: Arc::new(node),
            ..one
        });
    }
    for one in pods.clone() {
        let mut pod = (*one).clone();
        pod.node = again(&pod.node);
        pod.key.name = again(&pod.key.name);
        if let Some(used) = usage.get(&one.key).cloned() {
            usage.insert(pod.key.clone(), used);
        }
        pods.push(Arc::new(pod));
    }
    (nodes, pods, usage)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_workload_is_allocated_less_or_uses_less_when_a_node_gets_dearer(
        nodes in random_nodes(), random in random_pods(), which in 0_usize..6, by in 1.0..5.0,
    ) {
        let (pods, used) = cluster(&random);
        let once = allocate(&nodes, &[], &pods, &used, &settings());
        let more = allocate(&dearer(&nodes, by, |at| at == which), &[], &pods, &used, &settings());
        for (id, before) in &once.workloads {
            let after = &more.workloads[id];
            prop_assert!(is_not_less(after.allocated(), before.allocated()), "{}", id);
            if let (Some(after), Some(before)) = (after.used, before.used) {
                prop_assert!(is_not_less(after.cpu + after.memory, before.cpu + before.memory), "{}", id);
            }
        }
    }

    // In proportion a dear node may draw idle cost away from those that are not on it: only the sum is bound to rise.
    #[test]
    fn no_workload_carries_less_when_a_node_gets_dearer_and_all_is_shared_evenly(
        nodes in random_nodes(), random in random_pods(), which in 0_usize..6, by in 1.0..5.0, fixed in 0.0..3.0,
    ) {
        let (pods, used) = cluster(&random);
        let settings = known(SharingPolicy::Even, fixed);
        let once = allocate(&nodes, &[], &pods, &used, &settings);
        let more = allocate(&dearer(&nodes, by, |at| at == which), &[], &pods, &used, &settings);
        for (id, before) in &once.workloads {
            prop_assert!(is_not_less(more.workloads[id].loaded(), before.loaded()), "{}", id);
        }
    }

    #[test]
    fn a_dearer_node_or_fixed_cost_is_carried_whole_by_whoever_carries_it(
        nodes in random_nodes(), random in random_pods(), which in 0_usize..6, by in 1.0..5.0, sharing in policy(),
        fixed in 0.0..3.0,
    ) {
        let has_something = |node: &PricedNode| {
            node.node.capacity.cpu.cores() + node.node.capacity.memory.gib() > 0.0
        };
        let nodes: Vec<PricedNode> = nodes.into_iter().filter(has_something).collect();
        let (pods, used) = cluster(&random);
        let (before, after) = (known(sharing, fixed), known(sharing, fixed * by));
        let dearer = dearer(&nodes, by, |at| at == which);
        let (once, paid) = both_sides(&nodes, &allocate(&nodes, &[], &pods, &used, &before), &before);
        let (more, paid_more) = both_sides(&dearer, &allocate(&dearer, &[], &pods, &used, &after), &after);
        prop_assert!(more >= once * (1.0 - 1e-9));
        let (rise, expected) = (more - once, paid_more - paid);
        prop_assert!((rise - expected).abs() <= 1e-9 * paid_more.max(1.0), "{} {}", rise, expected);
    }

    #[test]
    fn whoever_requests_more_is_allocated_no_less(
        nodes in random_nodes(), random in random_pods(), which in any::<proptest::sample::Index>(),
        more in (0.0..4.0, 0.0..16.0),
    ) {
        prop_assume!(!random.is_empty());
        let mut grown = random.clone();
        let pod = which.get(&random).clone();
        let at = which.index(random.len());
        grown[at].request = (pod.request.0 + more.0, pod.request.1 + more.1);
        let allocated = |random: &[_]| {
            let (pods, used) = cluster(random);
            let owner = pods[at].workload.clone();
            let rates = allocate(&nodes, &[], &pods, &used, &settings());
            let own = rates.workloads.get(&owner).map(WorkloadRates::allocated);
            own.or_else(|| rates.shared.get(&owner).copied()).unwrap_or_default()
        };
        prop_assert!(is_not_less(allocated(&grown), allocated(&random)));
    }

    #[test]
    fn prices_so_many_times_as_high_make_everything_cost_so_much_more_and_change_no_share(
        nodes in random_nodes(), random in random_pods(), sharing in policy(), fixed in 0.0..3.0, by in 0.01..100.0,
    ) {
        let (pods, used) = cluster(&random);
        let once = allocate(&nodes, &[], &pods, &used, &known(sharing, fixed));
        let more = allocate(&dearer(&nodes, by, |_| true), &[], &pods, &used, &known(sharing, fixed * by));
        for (id, before) in &once.workloads {
            let after = &more.workloads[id];
            prop_assert!(close(after.loaded(), by * before.loaded().hourly()), "{}", id);
            prop_assert!(close(after.allocated(), by * before.allocated().hourly()), "{}", id);
            prop_assert_eq!(after.held, before.held);
        }
        let sum = |rates: &ClusterRates| rates.components.idle + rates.components.unallocated;
        prop_assert!(close(sum(&more), by * sum(&once).hourly()));
    }

    #[test]
    fn a_cluster_of_twice_the_nodes_and_pods_costs_everybody_twice(
        nodes in random_nodes(), random in random_pods(), sharing in policy(), fixed in 0.0..3.0,
    ) {
        let (pods, used) = cluster(&random);
        let once = allocate(&nodes, &[], &pods, &used, &known(sharing, fixed));
        let (nodes, pods, used) = twice(&nodes, &pods, &used);
        let both = allocate(&nodes, &[], &pods, &used, &known(sharing, fixed * 2.0));
        for (id, before) in &once.workloads {
            prop_assert!(close(both.workloads[id].loaded(), 2.0 * before.loaded().hourly()), "{}", id);
        }
    }
}
