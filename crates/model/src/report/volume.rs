//! Persistent volumes and their prices.

use std::sync::Arc;

use super::HourlyPrice;
use crate::inventory::{Volume, WorkloadId};

/// A volume and its price.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeReport {
    /// The volume.
    pub volume: Arc<Volume>,
    /// Its price, or why it has none.
    pub price: Result<HourlyPrice, UnpricedVolume>,
    /// The workloads whose pods hold it, each once. Its cost is a fixed one where there is none.
    pub holders: Vec<WorkloadId>,
}

/// Why a volume has no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnpricedVolume {
    /// It is not of Amazon EBS, and no other prices are known.
    NotOnEbs,
    /// Nothing says what kind of disk it is, or the price of this kind is not known.
    UnknownDisk,
    /// It is charged by operations per second, and nothing says how many.
    NoIops,
    /// Prices of this region are not known.
    UnknownRegion,
}

impl UnpricedVolume {
    /// As it stands in the `reason` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotOnEbs => "not_on_ebs",
            Self::UnknownDisk => "unknown_disk",
            Self::NoIops => "no_iops",
            Self::UnknownRegion => "unknown_region",
        }
    }
}
