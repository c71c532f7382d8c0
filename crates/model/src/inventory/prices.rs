//! Prices, as clouds publish them.

use std::sync::Arc;

use jiff::Timestamp;

use super::{CapacityType, Provider};
use crate::units::UsdPerHour;

/// Something that a cloud offers in a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PriceKey {
    /// The cloud.
    pub provider: Provider,
    /// The region.
    pub region: Arc<str>,
    /// What it is.
    pub product: Sku,
}

/// What a cloud offers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sku {
    /// A machine.
    Machine {
        /// Its kind.
        instance_type: Arc<str>,
        /// How it is paid for.
        capacity_type: CapacityType,
    },
    /// A vCPU of AWS Fargate.
    FargateCore,
    /// A GiB of memory of AWS Fargate.
    FargateGib,
    /// A GiB of storage of AWS Fargate, beyond what comes with a pod.
    FargateStorage,
    /// A GiB of a kind of disk of Amazon EBS.
    DiskGib(Arc<str>),
    /// An operation per second of a kind of disk, in one of its tiers, from 0.
    DiskIops(Arc<str>, usize),
    /// A MiB per second of a kind of disk.
    DiskThroughput(Arc<str>),
}

/// What the list of a cloud says that something costs.
#[derive(Clone, Debug, PartialEq)]
pub struct ListPrice {
    /// What is offered.
    pub offer: PriceKey,
    /// The price of one of it by the hour; absent where the list has none.
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
