//! What was learned of prices so far, and is kept until something better comes.

use std::collections::HashMap;
use std::sync::Arc;

use crate::observation::{ListPrice, SpotPrice};

/// The last price of each instance type that was ever learned.
#[derive(Clone, Debug, Default)]
pub struct Market {
    /// By region and instance type.
    list: HashMap<(Arc<str>, Arc<str>), ListPrice>,
    /// By zone and instance type.
    spot: HashMap<(Arc<str>, Arc<str>), SpotPrice>,
}

impl Market {
    /// Takes in list prices. A list that has none for a type takes none away: what it once cost is better than
    /// nothing, and its age is shown.
    pub fn list(&mut self, prices: Vec<ListPrice>) {
        for price in prices {
            let key = (Arc::clone(&price.region), Arc::clone(&price.instance_type));
            let before = self.list.get(&key);
            let knew = before.is_some_and(|before| before.price.is_some());
            if price.price.is_some() || !knew {
                self.list.insert(key, price);
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

    /// What the list says of an instance type in a region; absent where it was not read.
    pub(super) fn listed(&self, region: &Arc<str>, instance_type: &Arc<str>) -> Option<&ListPrice> {
        self.list
            .get(&(Arc::clone(region), Arc::clone(instance_type)))
    }

    /// What spare capacity costs in a zone.
    pub(super) fn spare(&self, zone: &Arc<str>, instance_type: &Arc<str>) -> Option<&SpotPrice> {
        self.spot
            .get(&(Arc::clone(zone), Arc::clone(instance_type)))
    }
}
