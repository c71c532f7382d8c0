//! The laws of estimates, over random scenarios.

use proptest::prelude::*;

use super::*;
use crate::lambda::strategies::{architectures, at_prices, is_not_less, months, ratio};
use crate::units::HOURS_PER_MONTH;

fn usd(value: f64) -> Usd {
    Usd::from_usd(value).unwrap()
}

fn clusters() -> impl Strategy<Value = Cluster> {
    let prices = (0.001..5.0, 0.0..50.0, 0.0..1.0, 0.0..500.0, 0.0..2e-6);
    let capacity = proptest::option::of(1e4..1e9);
    (prices, 1_u32..20, capacity, proptest::option::of(0.0..1.0)).prop_map(
        |((node, ancillary, control_plane, fixed, each), nodes, capacity, used)| {
            let hourly = |price| UsdPerHour::from_hourly(price).unwrap();
            Cluster {
                node: hourly(node),
                resources: None,
                ancillary: usd(ancillary),
                nodes,
                capacity: capacity.map(|one| Requests::from_requests(one).unwrap()),
                each: UsdPerRequest::from_each(each).unwrap(),
                control_plane: hourly(control_plane),
                fixed: usd(fixed),
                used: used.map(|share| usd(share * node * 730.0 * f64::from(nodes))),
            }
        },
    )
}

fn scenario(month: &Month, prices: &Prices, cluster: Cluster) -> Scenario {
    Scenario {
        hours: HOURS_PER_MONTH,
        lambda: Some((month.clone(), prices.clone())),
        kubernetes: Some(cluster),
    }
}

/// Every price of a cluster, to be raised alone.
const RAISED: [fn(&mut Cluster, Ratio); 5] = [
    |cluster, by| cluster.node = cluster.node * by,
    |cluster, by| cluster.ancillary = cluster.ancillary * by,
    |cluster, by| cluster.control_plane = cluster.control_plane * by,
    |cluster, by| cluster.fixed = cluster.fixed * by,
    |cluster, by| cluster.each = cluster.each * by,
];

fn cost(side: Option<&Side>) -> Usd {
    side.map(|side| side.monthly).unwrap()
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-6 * other.abs().max(1e-9)
}

/// From where on the cluster always costs less.
fn taken_over(breakeven: Option<Breakeven>) -> f64 {
    match breakeven.unwrap() {
        Breakeven::KubernetesAlways => 0.0,
        Breakeven::Crossing { sustained, .. } => {
            sustained.map_or(f64::INFINITY, Requests::requests)
        }
        Breakeven::LambdaAlways | Breakeven::BeyondCapacity => f64::INFINITY,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn prices_so_many_times_as_high_change_the_costs_and_nothing_else(
        month in months(), architecture in architectures(), cluster in clusters(), by in 0.01..100.0,
    ) {
        let by = ratio(by);
        let prices = Prices::list(architecture);
        let before = estimate(&scenario(&month, &prices, cluster));
        let (month, prices) = at_prices(&month, &prices, by);
        let mut dearer = cluster;
        RAISED.iter().for_each(|raise| raise(&mut dearer, by));
        dearer.used = cluster.used.map(|used| used * by);
        let after = estimate(&scenario(&month, &prices, dearer));
        for (one, other) in [(&after.lambda, &before.lambda), (&after.kubernetes, &before.kubernetes)] {
            let (one, other) = (cost(one.as_ref()), cost(other.as_ref()));
            prop_assert!(near(one.usd(), other.usd() * by.get()), "{one:?} {other:?}");
        }
        let same = |one: Option<Ratio>, other: Option<Ratio>| {
            one.map_or(0.0, Ratio::get).total_cmp(&other.map_or(0.0, Ratio::get)).is_eq()
                || one.zip(other).is_some_and(|(one, other)| near(one.get(), other.get()))
        };
        prop_assert!(same(after.utilization, before.utilization));
        prop_assert!(same(after.breakeven_utilization, before.breakeven_utilization));
        match (after.breakeven.unwrap(), before.breakeven.unwrap()) {
            (Breakeven::Crossing { first: one, .. }, Breakeven::Crossing { first: other, .. }) => {
                prop_assert!(near(one.requests(), other.requests()), "{one:?} {other:?}");
            }
            (one, other) => prop_assert_eq!(one, other),
        }
    }

    #[test]
    fn a_cluster_costs_no_less_when_any_of_its_prices_rises_and_takes_over_no_earlier(
        month in months(), architecture in architectures(), cluster in clusters(), which in 0..RAISED.len(), by in 1.0..5.0,
    ) {
        let prices = Prices::list(architecture);
        let mut dearer = cluster;
        RAISED[which](&mut dearer, ratio(by));
        // What is used is a part of the cost, so that what the nodes can serve would change with the price.
        let free = |cluster: Cluster| Cluster { used: None, ..cluster };
        let before = estimate(&scenario(&month, &prices, free(cluster)));
        let after = estimate(&scenario(&month, &prices, free(dearer)));
        prop_assert!(is_not_less(cost(after.kubernetes.as_ref()), cost(before.kubernetes.as_ref())));
        let (after, before) = (taken_over(after.breakeven), taken_over(before.breakeven));
        prop_assert!(after >= before * (1.0 - 1e-6), "{after} {before}");
    }

    #[test]
    fn a_cluster_costs_no_less_with_more_requests_or_more_nodes(
        cluster in clusters(), requests in 0.0..1e10, by in 1.0..50.0, more in 0_u32..10,
    ) {
        let requests = Requests::from_requests(requests).unwrap();
        let curve = cluster.curve(HOURS_PER_MONTH);
        prop_assert!(is_not_less(curve.cost_at(requests * ratio(by)), curve.cost_at(requests)));
        let larger = Cluster { nodes: cluster.nodes + more, ..cluster }.curve(HOURS_PER_MONTH);
        prop_assert!(is_not_less(larger.cost_at(requests), curve.cost_at(requests)));
    }
}
