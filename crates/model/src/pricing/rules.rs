//! Prices from the configuration, and which nodes they are for.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::inventory::{CapacityType, Node};
use crate::units::{Ratio, UsdPerCoreHour, UsdPerGibHour, UsdPerHour};

/// A price from the configuration, and the nodes that it is for.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceRule {
    /// Which nodes: all that is named must match.
    pub selector: NodeSelector,
    /// What they cost.
    pub rate: Rate,
    /// Where it stands in the configuration.
    pub place: Arc<str>,
}

/// What a node costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// The whole of it.
    Whole(UsdPerHour),
    /// By what it has.
    BySize(SizeRate),
}

/// What a core and a GiB of a node cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizeRate {
    /// Each core.
    pub core: UsdPerCoreHour,
    /// Each GiB of memory.
    pub gib: UsdPerGibHour,
}

impl Rate {
    /// The price of a node, in USD per hour.
    ///
    /// Formula: the whole price, or `cores · price of a core + GiB · price of a GiB`.
    #[must_use]
    pub fn for_node(self, node: &Node) -> UsdPerHour {
        match self {
            Self::Whole(price) => price,
            Self::BySize(rate) => rate.for_node(node),
        }
    }
}

impl SizeRate {
    /// The price of a node, in USD per hour.
    ///
    /// Formula: `cores · price of a core + GiB · price of a GiB`.
    #[must_use]
    pub fn for_node(self, node: &Node) -> UsdPerHour {
        node.capacity.cpu * self.core + node.capacity.memory * self.gib
    }
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
    /// Its pool.
    pub pool: Option<String>,
    /// Its region.
    pub region: Option<String>,
    /// Its zone.
    pub zone: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// Labels that name the pool a node belongs to: EKS managed node groups, Karpenter and EKS Auto Mode, eksctl, kOps,
/// GKE, AKS and its forerunner.
const POOL: [&str; 7] = [
    "eks.amazonaws.com/nodegroup",
    "karpenter.sh/nodepool",
    "alpha.eksctl.io/nodegroup-name",
    "kops.k8s.io/instancegroup",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "agentpool",
];

impl NodeSelector {
    /// Whether a price of this selector is for a node.
    #[must_use]
    pub fn matches(&self, node: &Node) -> bool {
        let same = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        let is_in = |pool: &String| POOL.iter().any(|key| node.labels.get(*key) == Some(pool));
        same(&self.node, Some(&node.name))
            && same(&self.instance_type, node.instance_type.as_deref())
            && same(&self.region, node.region.as_deref())
            && same(&self.zone, node.zone.as_deref())
            && self.pool.as_ref().is_none_or(is_in)
            && self
                .capacity_type
                .is_none_or(|wanted| wanted == node.capacity_type)
            && self
                .labels
                .iter()
                .all(|(label, value)| node.labels.get(label) == Some(value))
    }
}

/// What is paid less than the on-demand price.
#[derive(Clone, Debug, PartialEq)]
pub struct Discount {
    /// Who gives it.
    pub kind: DiscountKind,
    /// For which families, `m5` or `fargate`; all where there is none.
    pub families: Vec<String>,
    /// The part of the price that is not paid.
    pub ratio: Ratio,
    /// Where it stands in the configuration.
    pub place: Arc<str>,
}

/// Who gives a discount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscountKind {
    /// A Savings Plan.
    SavingsPlan,
    /// AWS, by agreement.
    Negotiated,
}

impl DiscountKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::SavingsPlan, Self::Negotiated];

    /// As it stands in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SavingsPlan => "savings_plan",
            Self::Negotiated => "negotiated",
        }
    }
}

impl Discount {
    /// Whether it is given for a family.
    #[must_use]
    pub fn is_for(&self, family: &str) -> bool {
        self.families.is_empty() || self.families.iter().any(|one| one == family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::node;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn a_selector_matches_where_all_that_it_names_does() {
        let mut machine = (*node("n1", 2.0, 8.0, None).node).clone();
        machine.zone = Some("us-east-1a".into());
        machine.labels = BTreeMap::from([
            ("karpenter.sh/nodepool".to_owned(), "batch".to_owned()),
            ("disk".to_owned(), "fast".to_owned()),
        ]);
        let some = |text: &str| Some(text.to_owned());
        let labels = |value: &str| BTreeMap::from([("disk".to_owned(), value.to_owned())]);
        let any = NodeSelector::default;
        for (selector, expected) in [
            (any(), true),
            (
                NodeSelector {
                    node: some("n1"),
                    ..any()
                },
                true,
            ),
            (
                NodeSelector {
                    node: some("n2"),
                    ..any()
                },
                false,
            ),
            (
                NodeSelector {
                    instance_type: some("m5.large"),
                    ..any()
                },
                true,
            ),
            (
                NodeSelector {
                    instance_type: some("m5.xlarge"),
                    ..any()
                },
                false,
            ),
            (
                NodeSelector {
                    pool: some("batch"),
                    ..any()
                },
                true,
            ),
            (
                NodeSelector {
                    pool: some("fast"),
                    ..any()
                },
                false,
            ),
            (
                NodeSelector {
                    region: some("us-east-1"),
                    ..any()
                },
                true,
            ),
            (
                NodeSelector {
                    region: some("eu-west-1"),
                    ..any()
                },
                false,
            ),
            (
                NodeSelector {
                    zone: some("us-east-1a"),
                    ..any()
                },
                true,
            ),
            (
                NodeSelector {
                    zone: some("us-east-1b"),
                    ..any()
                },
                false,
            ),
            (
                NodeSelector {
                    capacity_type: Some(CapacityType::OnDemand),
                    ..any()
                },
                true,
            ),
            (
                NodeSelector {
                    capacity_type: Some(CapacityType::Spot),
                    ..any()
                },
                false,
            ),
            (
                NodeSelector {
                    labels: labels("fast"),
                    ..any()
                },
                true,
            ),
            (
                NodeSelector {
                    labels: labels("slow"),
                    ..any()
                },
                false,
            ),
            (
                NodeSelector {
                    pool: some("batch"),
                    labels: labels("slow"),
                    ..any()
                },
                false,
            ),
        ] {
            assert_eq!(selector.matches(&machine), expected, "{selector:?}");
        }
    }
}
