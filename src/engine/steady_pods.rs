//! Since when the cost of pods is the same.
//!
//! A pod that has had the same node, node price and requests since it started has cost the same all that time, whether
//! or not the agent was there to see it. Changes before the first look at a pod are unknown.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use breakeven_model::inventory::{Cluster, Pod, PodKey, Resources, WorkloadId};
use breakeven_model::units::UsdPerHour;
use breakeven_model::{NodeReport, PriceSource};

/// The pods of the last look at the cluster.
#[derive(Debug, Default)]
pub(super) struct SteadyPods {
    pods: HashMap<PodKey, SteadyPod>,
    by_workload: HashMap<WorkloadId, Timestamp>,
}

#[derive(Debug)]
struct SteadyPod {
    started_at: Option<Timestamp>,
    node: Arc<str>,
    request: Resources,
    /// The last price that was known of its node.
    price: Option<NodePrice>,
    /// Since when none of the above has changed.
    since: Timestamp,
}

type NodePrice = (UsdPerHour, PriceSource);

impl SteadyPods {
    /// Compares the pods of a cluster with those of the look before.
    pub(super) fn update(&mut self, cluster: &Cluster, nodes: &[NodeReport]) {
        let known = nodes.iter().filter_map(|one| {
            let price = one.price.as_ref().ok()?;
            Some((&*one.node.name, (price.price, price.provenance.source)))
        });
        let prices: HashMap<&str, NodePrice> = known.collect();
        let mut before = std::mem::take(&mut self.pods);
        self.by_workload.clear();
        for pod in &cluster.pods {
            let seen = SteadyPod::new(pod, prices.get(&*pod.node).copied(), cluster.at);
            let seen = match before.remove(&pod.key) {
                Some(before) => seen.after(&before, cluster.at),
                None => seen,
            };
            let workload = self.by_workload.entry(pod.workload.clone());
            let since = workload.or_insert(seen.since);
            *since = seen.since.min(*since);
            self.pods.insert(pod.key.clone(), seen);
        }
    }

    /// Since when the cost of the oldest unchanged pod of a workload is the same; absent without pods.
    pub(super) fn since(&self, workload: &WorkloadId) -> Option<Timestamp> {
        self.by_workload.get(workload).copied()
    }
}

impl SteadyPod {
    fn new(pod: &Pod, price: Option<NodePrice>, now: Timestamp) -> Self {
        Self {
            started_at: pod.started_at,
            node: Arc::clone(&pod.node),
            request: pod.request,
            price,
            since: pod.started_at.unwrap_or(now).min(now),
        }
    }

    /// The pod as it is now, given how it was at the look before.
    fn after(self, before: &Self, now: Timestamp) -> Self {
        let is_same_pod = self.started_at == before.started_at || before.started_at.is_none();
        if !is_same_pod {
            return self;
        }
        let is_changed = self.node != before.node
            || self.request != before.request
            || is_repriced(before.price, self.price);
        let since = if is_changed { now } else { before.since };
        Self {
            price: self.price.or(before.price),
            since,
            ..self
        }
    }
}

/// Whether the price itself moved. The first price, and one from a better source, say more about the same price.
fn is_repriced(before: Option<NodePrice>, now: Option<NodePrice>) -> bool {
    match (before, now) {
        (Some((price, source)), Some((new_price, new_source))) => {
            source == new_source && price != new_price
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakeven_model::allocation::PricedNode;
    use breakeven_model::test_util::{deployment, node, pod, resources};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn web(name: &str, started: i64) -> Pod {
        let request = resources(1.0, 4.0);
        Pod {
            started_at: Some(at(started)),
            ..pod(name, deployment("shop", "web"), "n", request)
        }
    }

    fn priced(hourly: Option<f64>, source: PriceSource) -> NodeReport {
        let PricedNode { node, price } = node("n", 2.0, 8.0, hourly);
        let price = price.map(|mut price| {
            price.provenance.source = source;
            price
        });
        NodeReport {
            node,
            price,
            core_price: None,
            memory_price: None,
        }
    }

    fn look(pods: &mut SteadyPods, second: i64, all: &[Pod], node: NodeReport) -> Option<i64> {
        let cluster = Cluster {
            at: at(second),
            pods: all.iter().cloned().map(Arc::new).collect(),
            ..Cluster::default()
        };
        pods.update(&cluster, &[node]);
        let since = pods.since(&deployment("shop", "web"));
        since.map(Timestamp::as_second)
    }

    #[test]
    fn cost_counts_from_the_start_of_the_oldest_unchanged_pod() {
        let listed = || priced(Some(0.1), PriceSource::PriceList);
        let (old, new) = (web("old", 100), web("new", 5_000));
        let mut resized = old.clone();
        resized.request = resources(2.0, 4.0);
        let mut moved = old.clone();
        moved.node = "elsewhere".into();
        let mut replaced = old.clone();
        replaced.started_at = Some(at(9_050));
        for (what, pods, node, expected) in [
            (
                "nothing changed",
                vec![old.clone(), new.clone()],
                listed(),
                Some(100),
            ),
            (
                "resized in place",
                vec![resized.clone(), new.clone()],
                listed(),
                Some(5_000),
            ),
            ("resized alone", vec![resized], listed(), Some(9_100)),
            ("on another node", vec![moved], listed(), Some(9_100)),
            (
                "of the same name, a new one",
                vec![replaced],
                listed(),
                Some(9_050),
            ),
            (
                "the old one is gone",
                vec![new.clone()],
                listed(),
                Some(5_000),
            ),
            (
                "the price moved",
                vec![old.clone()],
                priced(Some(0.2), PriceSource::PriceList),
                Some(9_100),
            ),
            (
                "a better source",
                vec![old.clone()],
                priced(Some(0.2), PriceSource::Config),
                Some(100),
            ),
            (
                "no price for a moment",
                vec![old.clone()],
                priced(None, PriceSource::PriceList),
                Some(100),
            ),
            ("no pods", vec![], listed(), None),
        ] {
            let mut seen = SteadyPods::default();
            let before = [old.clone(), new.clone()];
            assert_eq!(look(&mut seen, 9_000, &before, listed()), Some(100));
            assert_eq!(look(&mut seen, 9_100, &pods, node), expected, "{what}");
        }
    }

    #[test]
    fn a_change_is_remembered_and_the_first_price_is_none() {
        let listed = |hourly| priced(hourly, PriceSource::PriceList);
        let mut seen = SteadyPods::default();
        let old = [web("old", 100)];
        assert_eq!(look(&mut seen, 9_000, &old, listed(None)), Some(100));
        assert_eq!(look(&mut seen, 9_010, &old, listed(Some(0.1))), Some(100));
        assert_eq!(look(&mut seen, 9_020, &old, listed(None)), Some(100));
        assert_eq!(look(&mut seen, 9_030, &old, listed(Some(0.2))), Some(9_030));
        assert_eq!(look(&mut seen, 9_040, &old, listed(Some(0.2))), Some(9_030));
    }

    #[test]
    fn a_pod_that_does_not_say_when_it_started_counts_from_the_first_look() {
        let mut unknown = web("old", 0);
        unknown.started_at = None;
        let node = || priced(Some(0.1), PriceSource::PriceList);
        let mut seen = SteadyPods::default();
        let pods = [unknown];
        assert_eq!(look(&mut seen, 9_000, &pods, node()), Some(9_000));
        assert_eq!(look(&mut seen, 9_100, &pods, node()), Some(9_000));
    }
}
