//! Published prices of a world file.

use std::collections::BTreeSet;

use super::Found;
use crate::cloud::world::spec::WorldSpec;

pub(super) fn prices(world: &WorldSpec, found: &mut Found) {
    for (instance_type, price) in &world.prices.on_demand {
        found.positive(&format!("prices.on_demand.{instance_type}"), *price);
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
