//! What machines cost in the world, as AWS publishes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Published prices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PricesSpec {
    /// USD per hour on demand in the world's region, by instance type; the Price List has no others.
    #[serde(default)]
    pub on_demand: BTreeMap<String, f64>,
    /// What spare capacity costs; the spot price history has no others.
    #[serde(default)]
    pub spot: Vec<SpotPriceSpec>,
}

/// The price of spare capacity, which stays as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpotPriceSpec {
    /// Instance type.
    pub instance_type: String,
    /// Availability zone of the world's region.
    pub zone: String,
    /// USD per hour.
    pub usd_per_hour: f64,
}
