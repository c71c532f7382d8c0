//! The price of each node and each persistent volume, per hour.
//!
//! What enters: an inventory, [`PriceBook`] (prices of the configuration) and [`KnownPrices`] (prices that sources have read). What
//! leaves: priced nodes and volumes, each with the source of its price, and [`PriceQueries`], the products whose price must be
//! looked up. A price that is not known is not guessed: the node is unpriced, with the reason.

pub mod list_prices;

mod price_cache;
mod price_requests;
mod resolve;
mod rules;
mod sanity_check;
mod volumes;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

pub use self::price_cache::{KnownPrices, is_better};
pub use self::price_requests::{PriceQueries, PriceQuery, QueriedProduct};
use self::resolve::FargatePod;
pub use self::resolve::fargate_rates;
pub use self::rules::{Discount, DiscountKind, NodeSelector, PriceRule, Rate, SizeRate};
pub use self::sanity_check::{Implausible, plausible, plausible_product};
pub use self::volumes::{VolumeRule, VolumeSelector};
use crate::allocation::{PricedNode, PricedVolume};
use crate::inventory::{CapacityType, Cluster, Node, Pod, Resources};
use crate::pricing::list_prices::{eks, fargate};
use crate::units::{Ratio, UsdPerHour};

/// The prices that are known without asking anybody.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceBook {
    /// Prices from the configuration; the first that matches a node is its price.
    pub rules: Vec<PriceRule>,
    /// What the machines cost that belong to no known cloud.
    pub on_premises: Option<OnPremises>,
    /// Discounts on on-demand prices; the first that is for a family holds.
    pub discounts: Vec<Discount>,
    /// What EKS Auto Mode charges, as a part of the on-demand price.
    pub auto_mode_fee: Ratio,
    /// Prices of persistent volumes from the configuration; the first that matches a volume is its price.
    pub volumes: Vec<VolumeRule>,
    /// What the control plane costs; absent: what EKS charges for its version.
    pub control_plane: Option<UsdPerHour>,
}

/// What the machines cost that belong to no known cloud.
#[derive(Clone, Debug, PartialEq)]
pub struct OnPremises {
    /// By what they have.
    pub rate: SizeRate,
    /// Where it stands in the configuration.
    pub place: Arc<str>,
}

impl Default for PriceBook {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            on_premises: None,
            discounts: Vec::new(),
            auto_mode_fee: eks::AUTO_MODE_FEE,
            volumes: Vec::new(),
            control_plane: None,
        }
    }
}

impl PriceBook {
    /// What the control plane costs, in USD per hour; nothing where it is not one of EKS and none is configured.
    #[must_use]
    pub fn control_plane(&self, version: Option<&str>, at: Timestamp) -> UsdPerHour {
        self.control_plane
            .or_else(|| eks::control_plane(version?, at))
            .unwrap_or_default()
    }

    /// Prices every node of a cluster. A Fargate node has what was provisioned for its pod.
    #[must_use]
    pub fn price(&self, cluster: &Cluster, market: &KnownPrices) -> Vec<PricedNode> {
        let on_fargate: HashMap<&str, &Arc<Pod>> =
            cluster.pods.iter().map(|pod| (&*pod.node, pod)).collect();
        let price = |node: &Arc<Node>| {
            let is_fargate = node.capacity_type == CapacityType::Fargate;
            let pod = on_fargate.get(&*node.name).filter(|_| is_fargate);
            match pod.and_then(|pod| Some((pod, provisioned(pod)?))) {
                None => PricedNode {
                    node: Arc::clone(node),
                    price: resolve::price(self, market, node, None),
                },
                Some((pod, capacity)) => {
                    let node = Node {
                        capacity,
                        ..Node::clone(node)
                    };
                    let extra_storage = fargate::extra_storage(pod.ephemeral_request);
                    let pod = FargatePod { extra_storage };
                    let price = resolve::price(self, market, &node, Some(pod));
                    PricedNode {
                        node: Arc::new(node),
                        price,
                    }
                }
            }
        };
        cluster.nodes.iter().map(price).collect()
    }

    /// Prices every persistent volume of a cluster.
    #[must_use]
    pub fn price_volumes(&self, cluster: &Cluster, market: &KnownPrices) -> Vec<PricedVolume> {
        volumes::price(&self.volumes, cluster, market)
    }
}

/// What Fargate provisioned for a pod: as it says itself, else by its rule from what the pod requests.
fn provisioned(pod: &Pod) -> Option<Resources> {
    pod.fargate_size.or_else(|| {
        let (cpu, memory) = fargate::provisioned(pod.request.cpu, pod.request.memory)?;
        Some(Resources {
            cpu,
            memory,
            gpus: 0,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unpriced;
    use crate::test_util::{deployment, node, pod, resources};
    use crate::units::Gib;

    fn cluster(pods: Vec<Pod>) -> Cluster {
        let mut fargate = (*node("n", 2.0, 8.0, None).node).clone();
        fargate.capacity_type = CapacityType::Fargate;
        fargate.instance_type = None;
        Cluster {
            at: Timestamp::UNIX_EPOCH,
            nodes: vec![Arc::new(fargate)],
            pods: pods.into_iter().map(Arc::new).collect(),
            ..Cluster::default()
        }
    }

    fn priced(pods: Vec<Pod>) -> PricedNode {
        let market = KnownPrices::default();
        PriceBook::default()
            .price(&cluster(pods), &market)
            .remove(0)
    }

    fn hourly(node: &PricedNode) -> f64 {
        node.price.as_ref().unwrap().price.hourly()
    }

    #[test]
    fn a_fargate_node_is_what_was_provisioned_for_its_pod() {
        let mut one = pod("p", deployment("shop", "batch"), "n", resources(0.2, 0.4));
        one.fargate_size = Some(resources(0.5, 1.0));
        let node = priced(vec![one]);
        assert_eq!(node.node.capacity, resources(0.5, 1.0));
        assert!((hourly(&node) - (0.5 * 0.040_48 + 0.004_445)).abs() < 1e-12);
    }

    #[test]
    fn a_pod_of_fargate_that_does_not_say_its_size_has_the_one_that_the_rule_gives() {
        let one = pod("p", deployment("shop", "batch"), "n", resources(0.3, 1.0));
        let node = priced(vec![one]);
        // 1 GiB and 256 MiB for the kubelet take the next size.
        assert_eq!(node.node.capacity, resources(0.5, 2.0));
        assert!((hourly(&node) - (0.5 * 0.040_48 + 2.0 * 0.004_445)).abs() < 1e-12);
    }

    #[test]
    fn storage_beyond_twenty_gib_is_paid_for() {
        let mut one = pod("p", deployment("shop", "batch"), "n", resources(0.2, 0.4));
        one.fargate_size = Some(resources(0.5, 1.0));
        one.ephemeral_request = Some(Gib::from_gib(70.0).unwrap());
        let node = priced(vec![one]);
        let expected = 0.5 * 0.040_48 + 0.004_445 + 50.0 * 0.000_111;
        assert!((hourly(&node) - expected).abs() < 1e-12);
    }

    #[test]
    fn a_fargate_node_without_its_pod_has_no_size_and_no_price() {
        assert_eq!(
            priced(Vec::new()).price.unwrap_err(),
            Unpriced::NoFargateSize
        );
    }
}
