//! Published prices of a world file.

use std::collections::BTreeSet;

use super::Found;
use crate::world::schema::WorldSpec;

pub(super) fn prices(world: &WorldSpec, found: &mut Found) {
    for (instance_type, price) in &world.prices.on_demand {
        found.positive(&format!("prices.on_demand.{instance_type}"), *price);
    }
    if let Some(price) = &world.prices.fargate {
        let place = "prices.fargate";
        found.positive(
            &format!("{place}.usd_per_vcpu_hour"),
            price.usd_per_vcpu_hour,
        );
        found.positive(&format!("{place}.usd_per_gib_hour"), price.usd_per_gib_hour);
        if let Some(storage) = price.usd_per_storage_gib_hour {
            found.positive(&format!("{place}.usd_per_storage_gib_hour"), storage);
        }
    }
    for (disk, price) in &world.prices.disks {
        let place = format!("prices.disks.{disk}");
        found.positive(
            &format!("{place}.usd_per_gib_month"),
            price.usd_per_gib_month,
        );
        for (tier, monthly) in price.usd_per_iops_month.iter().enumerate() {
            found.positive(&format!("{place}.usd_per_iops_month[{tier}]"), *monthly);
        }
        if let Some(monthly) = price.usd_per_mib_per_second_month {
            let key = format!("{place}.usd_per_mib_per_second_month");
            found.positive(&key, monthly);
        }
    }
    let mut places = BTreeSet::new();
    for (i, price) in world.prices.spot.iter().enumerate() {
        let place = format!("prices.spot[{i}]");
        found.positive(&format!("{place}.usd_per_hour"), price.usd_per_hour);
        if !places.insert((&price.instance_type, &price.zone)) {
            let what = format!("{} in {} is there twice", price.instance_type, price.zone);
            found.add(&place, what);
        }
    }
    let mut places = BTreeSet::new();
    for (i, price) in world.prices.azure.iter().enumerate() {
        let place = format!("prices.azure[{i}]");
        found.positive(&format!("{place}.usd_per_hour"), price.usd_per_hour);
        if let Some(spot) = price.spot_usd_per_hour {
            found.positive(&format!("{place}.spot_usd_per_hour"), spot);
        }
        if !places.insert((&price.size, &price.region)) {
            let what = format!("{} in {} is there twice", price.size, price.region);
            found.add(&place, what);
        }
    }
    if world.prices.azure_page_size == 0 {
        let what = "is 0; a page has at least one price";
        found.add("prices.azure_page_size", what);
    }
}
