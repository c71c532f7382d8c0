//! What persistent volumes cost: by the configuration, else by the list prices of Amazon EBS, read or embedded, else unpriced.

use std::sync::Arc;

use jiff::Timestamp;

use super::KnownPrices;
use crate::allocation::PricedVolume;
use crate::inventory::{Cluster, StorageClass, Volume};
use crate::pricing::list_prices;
use crate::pricing::list_prices::ebs::{self, NoPrice, Performance};
use crate::units::{UsdPerGibHour, UsdPerHour};
use crate::{HourlyPrice, PriceSource, Provenance, UnpricedVolume};

/// The drivers whose volumes are of EBS, and the kind of disk that each takes where a storage class names none.
const EBS_DRIVERS: [(&str, &str); 3] = [
    ("ebs.csi.aws.com", "gp3"),
    ("ebs.csi.eks.amazonaws.com", "gp3"),
    ("kubernetes.io/aws-ebs", "gp2"),
];

/// A price of volumes from the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeRule {
    /// Which volumes: all that is named must match.
    pub selector: VolumeSelector,
    /// What a GiB of them costs.
    pub rate: UsdPerGibHour,
    /// Where it stands in the configuration.
    pub place: Arc<str>,
}

/// Which volumes a price is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeSelector {
    /// The name of one volume.
    pub volume: Option<String>,
    /// The storage class.
    pub storage_class: Option<String>,
    /// The driver.
    pub driver: Option<String>,
}

impl VolumeSelector {
    /// Whether all that is named is so.
    #[must_use]
    pub fn matches(&self, volume: &Volume) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        is(&self.volume, Some(&volume.name))
            && is(&self.storage_class, volume.storage_class.as_deref())
            && is(&self.driver, volume.driver.as_deref())
    }
}

/// Prices every volume of a cluster.
pub(super) fn price(
    rules: &[VolumeRule],
    cluster: &Cluster,
    market: &KnownPrices,
) -> Vec<PricedVolume> {
    let region = only_region(cluster);
    let volumes = cluster.volumes.iter().map(|volume| {
        let listed = || OnEbs::new(volume, cluster, region)?.price(volume, market);
        PricedVolume {
            volume: Arc::clone(volume),
            price: configured(rules, volume).map_or_else(listed, Ok),
        }
    });
    volumes.collect()
}

/// The kinds of disk that a cluster has volumes of on EBS, each with its region.
pub(super) fn disks(cluster: &Cluster) -> impl Iterator<Item = (&Arc<str>, &str)> {
    let region = only_region(cluster);
    let volumes = cluster.volumes.iter();
    volumes.filter_map(move |volume| {
        let on_ebs = OnEbs::new(volume, cluster, region).ok()?;
        Some((on_ebs.region, on_ebs.disk))
    })
}

/// What a volume on EBS is.
struct OnEbs<'a> {
    region: &'a Arc<str>,
    /// A kind of disk that EBS has.
    disk: &'a str,
    class: &'a StorageClass,
}

/// The region of all nodes; absent where they have none or several.
fn only_region(cluster: &Cluster) -> Option<&Arc<str>> {
    let mut regions = cluster.nodes.iter().filter_map(|node| node.region.as_ref());
    let first = regions.next()?;
    regions.all(|region| region == first).then_some(first)
}

fn configured(rules: &[VolumeRule], volume: &Volume) -> Option<HourlyPrice> {
    let rule = rules.iter().find(|rule| rule.selector.matches(volume))?;
    Some(known(
        volume.size * rule.rate,
        PriceSource::Config,
        None,
        rule.place.to_string(),
    ))
}

impl<'a> OnEbs<'a> {
    /// `region` is that of volumes that name none.
    fn new(
        volume: &'a Volume,
        cluster: &'a Cluster,
        region: Option<&'a Arc<str>>,
    ) -> Result<Self, UnpricedVolume> {
        let driver = volume.driver.as_deref().unwrap_or_default();
        let (_, default) = EBS_DRIVERS
            .iter()
            .find(|(name, _)| *name == driver)
            .ok_or(UnpricedVolume::NotOnEbs)?;
        let class = volume.storage_class.as_ref();
        // A class that is gone or cannot be read may have named any kind of disk.
        let class = class
            .and_then(|name| cluster.storage_classes.get(name))
            .ok_or(UnpricedVolume::UnknownDisk)?;
        let disk = class.disk.as_deref().unwrap_or(default);
        let region = volume.region.as_ref().or(region);
        let region = region.ok_or(UnpricedVolume::UnknownRegion)?;
        if !ebs::is_disk(disk) {
            return Err(UnpricedVolume::UnknownDisk);
        }
        Ok(Self {
            region,
            disk,
            class,
        })
    }

    /// The Price List's price, else the embedded one.
    fn price(&self, volume: &Volume, market: &KnownPrices) -> Result<HourlyPrice, UnpricedVolume> {
        let Self {
            region,
            disk,
            class,
        } = self;
        let listed = market.disk(region, disk);
        let (rates, source, at, list) = match listed {
            Some((rates, at)) => (
                rates,
                PriceSource::PriceList,
                Some(at),
                "from the Price List".to_owned(),
            ),
            None if ebs::REGIONS.contains(&&***region) => (
                ebs::embedded(disk).ok_or(UnpricedVolume::UnknownDisk)?,
                PriceSource::Embedded,
                None,
                format!("list of {}", list_prices::AS_OF),
            ),
            None => return Err(UnpricedVolume::UnknownRegion),
        };
        let hourly = ebs::volume(disk, volume.size, performance(class, volume), &rates);
        let hourly = hourly.map_err(|problem| match problem {
            NoPrice::NoIops => UnpricedVolume::NoIops,
            NoPrice::UnknownDisk | NoPrice::NoRate => UnpricedVolume::UnknownDisk,
        })?;
        let method = format!("EBS {disk} in {region}, {list}");
        Ok(known(hourly, source, at, method))
    }
}

/// What is asked for of the volume: in all, or for each GiB.
fn performance(class: &StorageClass, volume: &Volume) -> Performance {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a float saturates, and a size is not negative"
    )]
    let by_size = |each: u32| (f64::from(each) * volume.size.gib()).round() as u32;
    Performance {
        iops: class.iops.or(class.iops_per_gib.map(by_size)),
        throughput_mib: class.throughput_mib,
    }
}

fn known(
    price: UsdPerHour,
    source: PriceSource,
    fetched_at: Option<Timestamp>,
    method: String,
) -> HourlyPrice {
    HourlyPrice {
        price,
        provenance: Provenance {
            source,
            fetched_at,
            method: method.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::test_util::node;
    use crate::units::{Gib, HOURS_PER_MONTH};

    fn volume(driver: &str, class: &str, region: Option<&str>) -> Volume {
        Volume {
            name: "pv".into(),
            size: Gib::from_gib(100.0).unwrap(),
            storage_class: Some(class.into()),
            driver: Some(driver.into()),
            region: region.map(Into::into),
            claim: None,
        }
    }

    fn class(disk: Option<&str>, iops: Option<u32>, iops_per_gib: Option<u32>) -> StorageClass {
        StorageClass {
            disk: disk.map(Into::into),
            iops,
            iops_per_gib,
            throughput_mib: None,
        }
    }

    fn priced(rules: &[VolumeRule], volume: Volume, class: Option<StorageClass>) -> PricedVolume {
        let name = Arc::clone(volume.storage_class.as_ref().unwrap());
        let cluster = Cluster {
            nodes: vec![node("n", 2.0, 8.0, None).node],
            volumes: vec![Arc::new(volume)],
            storage_classes: HashMap::from_iter(class.map(|class| (name, Arc::new(class)))),
            ..Cluster::default()
        };
        price(rules, &cluster, &KnownPrices::default()).remove(0)
    }

    fn monthly(priced: &PricedVolume) -> Result<f64, UnpricedVolume> {
        let price = priced.price.as_ref().map_err(|reason| *reason)?;
        Ok(((price.price * HOURS_PER_MONTH).usd() * 1e6).round() / 1e6)
    }

    #[test]
    fn a_volume_of_ebs_has_its_list_price_and_no_other_is_guessed() {
        use UnpricedVolume::{NoIops, NotOnEbs, UnknownDisk, UnknownRegion};
        let (ebs, in_tree) = ("ebs.csi.aws.com", "kubernetes.io/aws-ebs");
        for (driver, disk, region, expected) in [
            (ebs, class(None, None, None), None, Ok(8.0)),
            (in_tree, class(None, None, None), None, Ok(10.0)),
            (
                ebs,
                class(Some("io1"), None, Some(10)),
                None,
                Ok(12.5 + 65.0),
            ),
            (
                ebs,
                class(Some("io2"), Some(500), Some(10)),
                None,
                Ok(12.5 + 32.5),
            ),
            (
                ebs,
                class(Some("gp3"), None, None),
                Some("us-west-2"),
                Ok(8.0),
            ),
            (
                ebs,
                class(Some("gp3"), None, None),
                Some("eu-west-1"),
                Err(UnknownRegion),
            ),
            (ebs, class(Some("io2"), None, None), None, Err(NoIops)),
            (ebs, class(Some("gp9"), None, None), None, Err(UnknownDisk)),
            (
                "efs.csi.aws.com",
                class(None, None, None),
                None,
                Err(NotOnEbs),
            ),
        ] {
            let found = priced(&[], volume(driver, "c", region), Some(disk.clone()));
            assert_eq!(monthly(&found), expected, "{driver} {disk:?}");
        }
        let gone = priced(&[], volume(ebs, "c", None), None);
        assert_eq!(monthly(&gone), Err(UnknownDisk));
    }

    #[test]
    fn the_first_rule_that_matches_wins_over_the_list() {
        let rule = |storage_class: Option<&str>, driver: Option<&str>, hourly: f64| VolumeRule {
            selector: VolumeSelector {
                volume: None,
                storage_class: storage_class.map(Into::into),
                driver: driver.map(Into::into),
            },
            rate: UsdPerGibHour::from_hourly(hourly / 730.0).unwrap(),
            place: "prices.volumes[0]".into(),
        };
        let rules = [
            rule(Some("fast"), Some("efs.csi.aws.com"), 0.30),
            rule(Some("fast"), None, 0.20),
            rule(None, Some("nfs"), 0.10),
        ];
        let plain = || Some(class(None, None, None));
        for (driver, name, expected) in [
            ("efs.csi.aws.com", "fast", Ok(30.0)),
            ("ebs.csi.aws.com", "fast", Ok(20.0)),
            ("nfs", "slow", Ok(10.0)),
            ("ebs.csi.aws.com", "slow", Ok(8.0)),
            ("efs.csi.aws.com", "slow", Err(UnpricedVolume::NotOnEbs)),
        ] {
            let found = priced(&rules, volume(driver, name, None), plain());
            assert_eq!(monthly(&found), expected, "{driver} {name}");
        }
    }
}
