//! Prices of machines, as their clouds publish them.

use std::sync::Arc;

use jiff::Timestamp;

use crate::units::UsdPerHour;

/// What an instance type costs on demand in a region.
#[derive(Clone, Debug, PartialEq)]
pub struct ListPrice {
    /// The region.
    pub region: Arc<str>,
    /// The instance type.
    pub instance_type: Arc<str>,
    /// The price; absent where the list has none.
    pub price: Option<UsdPerHour>,
    /// When the list was read.
    pub at: Timestamp,
}

/// What the spare capacity of an instance type costs in a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct SpotPrice {
    /// The zone.
    pub zone: Arc<str>,
    /// The instance type.
    pub instance_type: Arc<str>,
    /// The price.
    pub price: UsdPerHour,
    /// When it was read.
    pub at: Timestamp,
}
