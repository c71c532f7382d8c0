//! Which prices are asked for: those of the machines that there are, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::volumes;
use crate::inventory::{CapacityType, Cluster, Node, Provider};
use crate::pricing::list_prices::{ebs, fargate};

/// Regions that have price lists of their own, in another currency or behind other credentials.
const ELSEWHERE: [(Provider, &str); 4] = [
    (Provider::Aws, "cn-"),
    (Provider::Aws, "us-gov-"),
    (Provider::Aws, "us-iso"),
    (Provider::Azure, "china"),
];

/// What a price list is asked: all that it says of one thing in a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PriceQuery {
    /// Whose list.
    pub provider: Provider,
    /// The region.
    pub region: Arc<str>,
    /// What it is about.
    pub product: QueriedProduct,
}

/// What a price list is asked about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueriedProduct {
    /// Machines of an instance type, however they are paid for.
    Machine(Arc<str>),
    /// AWS Fargate.
    Fargate,
    /// A kind of disk of Amazon EBS.
    Disk(Arc<str>),
}

/// The prices that matter for a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceQueries {
    /// What the lists are asked. About spot nodes too: EKS Auto Mode charges a part of the price on demand, and Azure's list
    /// has the price of spare capacity. About Fargate and disks where the embedded prices do not hold.
    pub list: BTreeSet<PriceQuery>,
    /// The instance types of AWS that are spare capacity, by region.
    pub spot: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
}

impl PriceQueries {
    /// What a cluster wants prices for.
    #[must_use]
    pub fn from_cluster(cluster: &Cluster) -> Self {
        let mut wanted = Self::default();
        let on_list = |node: &&Arc<Node>| matches!(node.provider, Provider::Aws | Provider::Azure);
        for node in cluster.nodes.iter().filter(on_list) {
            let Some(region) = &node.region else {
                continue;
            };
            if node.capacity_type == CapacityType::Fargate {
                if !fargate::REGIONS.contains(&&**region) {
                    wanted.add(Provider::Aws, region, QueriedProduct::Fargate);
                }
                continue;
            }
            let Some(kind) = &node.instance_type else {
                continue;
            };
            wanted.add(
                node.provider,
                region,
                QueriedProduct::Machine(Arc::clone(kind)),
            );
            let is_spare = node.capacity_type == CapacityType::Spot;
            if node.provider == Provider::Aws
                && is_spare
                && !has_separate_price_list(Provider::Aws, region)
            {
                let types = wanted.spot.entry(Arc::clone(region)).or_default();
                types.insert(Arc::clone(kind));
            }
        }
        for (region, disk) in volumes::disks(cluster) {
            if !ebs::REGIONS.contains(&&**region) {
                wanted.add(Provider::Aws, region, QueriedProduct::Disk(disk.into()));
            }
        }
        wanted
    }

    /// Wants what a list says, unless it is of a region whose list is not asked.
    fn add(&mut self, provider: Provider, region: &Arc<str>, workload: QueriedProduct) {
        if !has_separate_price_list(provider, region) {
            self.list.insert(PriceQuery {
                provider,
                region: Arc::clone(region),
                product: workload,
            });
        }
    }

    /// What the list of a cloud is asked.
    pub fn of_list(&self, provider: Provider) -> impl Iterator<Item = &PriceQuery> {
        self.list
            .iter()
            .filter(move |question| question.provider == provider)
    }
}

/// Whether a region has a price list that is not asked.
fn has_separate_price_list(provider: Provider, region: &str) -> bool {
    ELSEWHERE
        .iter()
        .any(|(of, prefix)| *of == provider && region.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{StorageClass, Volume};
    use crate::test_util::node;
    use crate::units::Gib;
    use jiff::Timestamp;

    #[test]
    fn machines_of_clouds_with_a_list_want_prices_and_each_type_once() {
        type Change = fn(&mut Node);
        let changes: [Change; 13] = [
            |_| {},
            |_| {},
            |node| node.capacity_type = CapacityType::Spot,
            |node| node.region = Some("eu-west-1".into()),
            |node| node.capacity_type = CapacityType::Fargate,
            |node| {
                node.capacity_type = CapacityType::Fargate;
                node.instance_type = None;
                node.region = Some("eu-west-1".into());
            },
            |node| node.provider = Provider::Other,
            |node| node.provider = Provider::GoogleCloud,
            |node| node.instance_type = None,
            |node| node.region = Some("cn-north-1".into()),
            |node| {
                node.provider = Provider::Azure;
                node.region = Some("westeurope".into());
            },
            |node| {
                node.provider = Provider::Azure;
                node.region = Some("westeurope".into());
                node.capacity_type = CapacityType::Spot;
            },
            |node| {
                node.provider = Provider::Azure;
                node.region = Some("chinaeast2".into());
            },
        ];
        let nodes = changes.map(|change| {
            let mut machine = (*node("n", 2.0, 8.0, None).node).clone();
            change(&mut machine);
            Arc::new(machine)
        });
        let wanted = PriceQueries::from_cluster(&Cluster {
            at: Timestamp::UNIX_EPOCH,
            nodes: nodes.into(),
            ..Cluster::default()
        });
        let of = |provider| {
            let of = wanted.of_list(provider);
            of.map(|question| (&*question.region, question.product.clone()))
                .collect::<Vec<_>>()
        };
        let machine = || QueriedProduct::Machine("m5.large".into());
        assert_eq!(
            of(Provider::Aws),
            [
                ("eu-west-1", machine()),
                ("eu-west-1", QueriedProduct::Fargate),
                ("us-east-1", machine())
            ]
        );
        assert_eq!(of(Provider::Azure), [("westeurope", machine())]);
        assert_eq!(
            wanted.spot,
            BTreeMap::from([("us-east-1".into(), BTreeSet::from(["m5.large".into()]))])
        );
    }

    #[test]
    fn disks_want_prices_where_the_embedded_ones_do_not_hold() {
        let volume = |class: &str, driver: &str, region: Option<&str>| {
            Arc::new(Volume {
                name: "pv".into(),
                size: Gib::from_gib(1.0).unwrap(),
                storage_class: Some(class.into()),
                driver: Some(driver.into()),
                region: region.map(Into::into),
                claim: None,
            })
        };
        let class = |disk: Option<&str>| {
            Arc::new(StorageClass {
                disk: disk.map(Into::into),
                iops: None,
                iops_per_gib: None,
                throughput_mib: None,
            })
        };
        let ebs = "ebs.csi.aws.com";
        let mut machine = (*node("n", 2.0, 8.0, None).node).clone();
        machine.region = Some("eu-west-1".into());
        machine.instance_type = None;
        let wanted = PriceQueries::from_cluster(&Cluster {
            at: Timestamp::UNIX_EPOCH,
            nodes: vec![Arc::new(machine)],
            volumes: vec![
                volume("default", ebs, None),
                volume("default", ebs, Some("us-east-1")),
                volume("default", ebs, Some("cn-north-1")),
                volume("io", ebs, Some("eu-west-1")),
                volume("io", ebs, Some("eu-west-1")),
                volume("odd", ebs, None),
                volume("gone", ebs, None),
                volume("default", "efs.csi.aws.com", None),
            ],
            storage_classes: [("default", None), ("io", Some("io2")), ("odd", Some("gp9"))]
                .map(|(name, disk)| (name.into(), class(disk)))
                .into(),
            ..Cluster::default()
        });
        let found: Vec<_> = wanted
            .of_list(Provider::Aws)
            .map(|question| (&*question.region, question.product.clone()))
            .collect();
        assert_eq!(
            found,
            [
                ("eu-west-1", QueriedProduct::Disk("gp3".into())),
                ("eu-west-1", QueriedProduct::Disk("io2".into()))
            ]
        );
    }
}
