//! What each node costs by the hour: the configuration first, then what the program knows by itself.
//!
//! A price that is not known is not guessed: the node is unpriced, with the reason.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::allocation::PricedNode;
use crate::model::{NodePrice, PriceSource, Provenance, Unpriced};
use crate::observation::{CapacityType, Cluster, Node, Resources};
use crate::tariff::{self, ec2, fargate};
use crate::units::UsdPerHour;

/// The prices that are known without asking anybody.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PriceBook {
    /// Prices from the configuration; the first that matches a node is its price.
    pub rules: Vec<PriceRule>,
}

/// A price from the configuration, and the nodes that it is for.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceRule {
    /// Which nodes: all that is named must match.
    pub selector: NodeSelector,
    /// Their price.
    pub price: UsdPerHour,
    /// Where it stands in the configuration.
    pub place: Arc<str>,
}

/// Which nodes a price is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSelector {
    /// Its name.
    pub node: Option<String>,
    /// Its instance type.
    pub instance_type: Option<String>,
    /// How it is paid for.
    pub capacity_type: Option<CapacityType>,
    /// Its region.
    pub region: Option<String>,
    /// Its zone.
    pub zone: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl NodeSelector {
    fn matches(&self, node: &Node) -> bool {
        let same = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        same(&self.node, Some(&node.name))
            && same(&self.instance_type, node.instance_type.as_deref())
            && same(&self.region, node.region.as_deref())
            && same(&self.zone, node.zone.as_deref())
            && self
                .capacity_type
                .is_none_or(|wanted| wanted == node.capacity_type)
            && self
                .labels
                .iter()
                .all(|(label, value)| node.labels.get(label) == Some(value))
    }
}

impl PriceBook {
    /// Prices every node of a cluster. A Fargate node has what was provisioned for its pod.
    #[must_use]
    pub fn price(&self, cluster: &Cluster) -> Vec<PricedNode> {
        let provisioned: HashMap<&str, Resources> = cluster
            .pods
            .iter()
            .filter_map(|pod| pod.fargate_size.map(|size| (&*pod.node, size)))
            .collect();
        let price = |node: &Arc<Node>| {
            let size = provisioned.get(&*node.name).copied();
            let size = size.filter(|_| node.capacity_type == CapacityType::Fargate);
            let price = self.price_of(node, size);
            let node = match size {
                Some(capacity) => Arc::new(Node {
                    capacity,
                    ..Node::clone(node)
                }),
                None => Arc::clone(node),
            };
            PricedNode { node, price }
        };
        cluster.nodes.iter().map(price).collect()
    }

    fn price_of(&self, node: &Node, size: Option<Resources>) -> Result<NodePrice, Unpriced> {
        if let Some(rule) = self.rules.iter().find(|rule| rule.selector.matches(node)) {
            let method = Arc::clone(&rule.place);
            let provenance = Provenance {
                source: PriceSource::Config,
                fetched_at: None,
                method,
            };
            return Ok(NodePrice {
                price: rule.price,
                provenance,
            });
        }
        let (price, method) = embedded(node, size)?;
        let provenance = Provenance {
            source: PriceSource::Embedded,
            fetched_at: None,
            method,
        };
        Ok(NodePrice { price, provenance })
    }
}

/// The list price of a node, from the tables that the program carries.
fn embedded(node: &Node, size: Option<Resources>) -> Result<(UsdPerHour, Arc<str>), Unpriced> {
    let list =
        |what: &str| format!("{what}, list price of {} in {}", tariff::AS_OF, ec2::REGION).into();
    let is_here = node.region.as_deref() == Some(ec2::REGION);
    match node.capacity_type {
        CapacityType::Fargate => {
            let size = size.ok_or(Unpriced::NoFargateSize)?;
            if !is_here {
                return Err(Unpriced::UnknownRegion);
            }
            Ok((
                fargate::pod(size.cpu, size.memory),
                list("Fargate by provisioned size"),
            ))
        }
        CapacityType::Spot => Err(Unpriced::NoSpotPrice),
        CapacityType::OnDemand => {
            let instance_type = node
                .instance_type
                .as_deref()
                .ok_or(Unpriced::NoInstanceType)?;
            let price = ec2::on_demand(instance_type).ok_or(Unpriced::UnknownInstanceType)?;
            if !is_here {
                return Err(Unpriced::UnknownRegion);
            }
            Ok((price, list(instance_type)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::{deployment, node, pod, resources};
    use jiff::Timestamp;

    fn machine(change: impl FnOnce(&mut Node)) -> Node {
        let mut machine = (*node("n", 2.0, 8.0, None).node).clone();
        change(&mut machine);
        machine
    }

    fn hourly(book: &PriceBook, node: &Node) -> Result<f64, Unpriced> {
        book.price_of(node, None).map(|price| price.price.hourly())
    }

    fn rule(selector: NodeSelector, price: f64) -> PriceRule {
        let price = UsdPerHour::from_hourly(price).unwrap();
        PriceRule {
            selector,
            price,
            place: "prices.nodes[0]".into(),
        }
    }

    #[test]
    fn a_node_has_its_list_price_or_a_reason_why_not() {
        let book = PriceBook::default();
        type Case = (fn(&mut Node), Result<f64, Unpriced>);
        let cases: [Case; 6] = [
            (|_| {}, Ok(0.096)),
            (
                |node| node.instance_type = None,
                Err(Unpriced::NoInstanceType),
            ),
            (
                |node| node.instance_type = Some("p9.large".into()),
                Err(Unpriced::UnknownInstanceType),
            ),
            (
                |node| node.region = Some("eu-west-1".into()),
                Err(Unpriced::UnknownRegion),
            ),
            (|node| node.region = None, Err(Unpriced::UnknownRegion)),
            (
                |node| node.capacity_type = CapacityType::Spot,
                Err(Unpriced::NoSpotPrice),
            ),
        ];
        for (change, expected) in cases {
            let node = machine(change);
            assert_eq!(hourly(&book, &node), expected, "{node:?}");
        }
    }

    #[test]
    fn the_first_rule_that_matches_wins_over_the_list() {
        let spot = NodeSelector {
            capacity_type: Some(CapacityType::Spot),
            ..NodeSelector::default()
        };
        let pool = NodeSelector {
            labels: BTreeMap::from([("pool".to_owned(), "batch".to_owned())]),
            ..NodeSelector::default()
        };
        let book = PriceBook {
            rules: vec![rule(spot, 0.03), rule(pool, 0.05)],
        };
        let is_spot = machine(|node| node.capacity_type = CapacityType::Spot);
        let is_pool = machine(|node| {
            node.labels.insert("pool".to_owned(), "batch".to_owned());
        });
        assert_eq!(hourly(&book, &is_spot), Ok(0.03));
        assert_eq!(hourly(&book, &is_pool), Ok(0.05));
        assert_eq!(hourly(&book, &machine(|_| {})), Ok(0.096));
    }

    #[test]
    fn a_fargate_node_is_what_was_provisioned_for_its_pod() {
        let fargate = machine(|node| node.capacity_type = CapacityType::Fargate);
        let mut one = pod("p", deployment("shop", "batch"), "n", resources(0.2, 0.4));
        one.fargate_size = Some(resources(0.5, 1.0));
        let mut cluster = Cluster {
            at: Timestamp::UNIX_EPOCH,
            nodes: vec![Arc::new(fargate)],
            pods: vec![Arc::new(one)],
        };
        let priced = &PriceBook::default().price(&cluster)[0];
        assert_eq!(priced.node.capacity, resources(0.5, 1.0));
        let price = priced.price.as_ref().unwrap().price.hourly();
        assert!((price - (0.5 * 0.040_48 + 0.004_445)).abs() < 1e-12);
        cluster.pods.clear();
        let priced = &PriceBook::default().price(&cluster)[0];
        assert_eq!(priced.price, Err(Unpriced::NoFargateSize));
    }
}
