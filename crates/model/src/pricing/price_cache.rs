//! What was learned of prices so far, and is kept until something better comes.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::inventory::{CapacityType, ListPrice, PriceKey, Provider, Sku, SpotPrice};
use crate::pricing::list_prices::{ebs, fargate};
use crate::units::{UsdPerCoreHour, UsdPerGibHour, UsdPerHour};

/// The last price of each offer that was ever learned.
#[derive(Clone, Debug, Default)]
pub struct KnownPrices {
    list: HashMap<PriceKey, ListPrice>,
    /// By zone and instance type.
    spot: HashMap<(Arc<str>, Arc<str>), SpotPrice>,
}

impl KnownPrices {
    /// Takes in list prices.
    pub fn list(&mut self, prices: Vec<ListPrice>) {
        for price in prices {
            if is_better(&price, self.list.get(&price.offer)) {
                self.list.insert(price.offer.clone(), price);
            }
        }
    }

    /// Takes in prices of spare capacity.
    pub fn spot(&mut self, prices: Vec<SpotPrice>) {
        for price in prices {
            let key = (Arc::clone(&price.zone), Arc::clone(&price.instance_type));
            self.spot.insert(key, price);
        }
    }

    /// What the list of a cloud says of a machine in a region; absent where it was not read.
    pub(super) fn machine(
        &self,
        provider: Provider,
        region: &Arc<str>,
        instance_type: &Arc<str>,
        capacity_type: CapacityType,
    ) -> Option<&ListPrice> {
        self.list.get(&PriceKey {
            provider,
            region: Arc::clone(region),
            product: Sku::Machine {
                instance_type: Arc::clone(instance_type),
                capacity_type,
            },
        })
    }

    /// What the list of AWS says of Fargate in a region, and when the oldest of it was read; absent where it does not say what a
    /// vCPU and a GiB cost.
    pub(super) fn fargate(&self, region: &Arc<str>) -> Option<(fargate::Rates, Timestamp)> {
        let price = |product| self.of_aws(region, product);
        let (core, read) = price(Sku::FargateCore)?;
        let (gib, at) = price(Sku::FargateGib)?;
        let storage = price(Sku::FargateStorage);
        let rates = fargate::Rates {
            core: UsdPerCoreHour::from_hourly(core.hourly()).ok()?,
            gib: UsdPerGibHour::from_hourly(gib.hourly()).ok()?,
            storage: storage.and_then(|one| UsdPerGibHour::from_hourly(one.0.hourly()).ok()),
        };
        Some((rates, read.min(at)))
    }

    /// The same of a kind of disk; absent where it does not say what a GiB costs.
    pub(super) fn disk(&self, region: &Arc<str>, disk: &str) -> Option<(ebs::Rates, Timestamp)> {
        let disk: Arc<str> = disk.into();
        let (gib, at) = self.of_aws(region, Sku::DiskGib(Arc::clone(&disk)))?;
        let price = |product| self.of_aws(region, product).map(|(price, _)| price);
        let rates = ebs::Rates {
            gib: UsdPerGibHour::from_hourly(gib.hourly()).ok()?,
            iops: std::array::from_fn(|tier| price(Sku::DiskIops(Arc::clone(&disk), tier))),
            throughput: price(Sku::DiskThroughput(Arc::clone(&disk))),
        };
        Some((rates, at))
    }

    fn of_aws(&self, region: &Arc<str>, product: Sku) -> Option<(UsdPerHour, Timestamp)> {
        let listed = self.list.get(&PriceKey {
            provider: Provider::Aws,
            region: Arc::clone(region),
            product,
        })?;
        Some((listed.price?, listed.at))
    }

    /// What spare capacity costs in a zone.
    pub(super) fn spare(&self, zone: &Arc<str>, instance_type: &Arc<str>) -> Option<&SpotPrice> {
        self.spot
            .get(&(Arc::clone(zone), Arc::clone(instance_type)))
    }
}

/// Whether what a list says takes the place of what it said before. A list that has no price takes none away: what
/// something once cost is better than nothing, and its age is shown.
pub fn is_better(price: &ListPrice, before: Option<&ListPrice>) -> bool {
    price.price.is_some() || before.is_none_or(|before| before.price.is_none())
}
