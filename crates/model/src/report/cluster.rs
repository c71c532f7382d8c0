//! The cluster, its nodes and their prices, and the AWS accounts.

use std::sync::Arc;

use jiff::Timestamp;

use super::ClusterComponent;
use crate::inventory::{Node, WorkloadId};
use crate::units::{Ratio, Seconds, Usd, UsdPerCoreHour, UsdPerGibHour, UsdPerHour};

/// A workload whose cost is spread over the others.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedWorkload {
    /// Which one.
    pub workload: WorkloadId,
    /// What it cost since the program started.
    pub cost_total: Usd,
}

/// A node and its price.
#[derive(Clone, Debug)]
pub struct NodeReport {
    /// The node.
    pub node: Arc<Node>,
    /// Its price, or why it has none.
    pub price: Result<HourlyPrice, Unpriced>,
    /// What one of its cores costs.
    pub core_price: Option<UsdPerCoreHour>,
    /// What one of its GiB costs.
    pub memory_price: Option<UsdPerGibHour>,
}

/// The price of a node or of a volume, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct HourlyPrice {
    /// The price.
    pub price: UsdPerHour,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// Where a price comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Provenance {
    /// Which source.
    pub source: PriceSource,
    /// When it was learned; absent for what is written in the configuration or in the program.
    pub fetched_at: Option<Timestamp>,
    /// How it was made, for a reader.
    pub method: Arc<str>,
}

/// Sources of prices, the one that wins first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PriceSource {
    /// The configuration: what the node, or a core and a GiB of it, costs.
    Config,
    /// The on-demand price less a discount that a Savings Plan gives.
    SavingsPlan,
    /// The on-demand price less a negotiated discount.
    Negotiated,
    /// What spare capacity costs now in the zone, from EC2.
    Spot,
    /// The on-demand price, from the AWS Price List.
    PriceList,
    /// The price on demand or of spare capacity, from Azure's retail prices.
    AzureRetail,
    /// The list prices that the program carries.
    Embedded,
}

impl PriceSource {
    /// As it stands in the `price_source` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::SavingsPlan => "savings_plan",
            Self::Negotiated => "negotiated",
            Self::Spot => "spot",
            Self::PriceList => "price_list",
            Self::AzureRetail => "azure_retail",
            Self::Embedded => "embedded",
        }
    }
}

/// Why a node has no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unpriced {
    /// It does not say what kind of machine it is.
    NoInstanceType,
    /// A machine of neither AWS nor Azure, whose prices nobody asks for.
    NotOnAws,
    /// A machine of Azure, whose retail prices were not read.
    NoAzurePrice,
    /// The price of this kind of machine is not known.
    UnknownInstanceType,
    /// Prices of this region are not known.
    UnknownRegion,
    /// A spot node, and nothing says what spot capacity costs now.
    NoSpotPrice,
    /// A spot node of EKS Auto Mode, whose fee is a part of an on-demand price that is not known.
    NoAutoModeFee,
    /// A Fargate node whose pod does not say which size was provisioned.
    NoFargateSize,
    /// It does not say how much it has.
    NoCapacity,
}

impl Unpriced {
    /// As it stands in the `reason` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoInstanceType => "no_instance_type",
            Self::NotOnAws => "not_on_aws",
            Self::NoAzurePrice => "no_azure_price",
            Self::UnknownInstanceType => "unknown_instance_type",
            Self::UnknownRegion => "unknown_region",
            Self::NoSpotPrice => "no_spot_price",
            Self::NoAutoModeFee => "no_auto_mode_fee",
            Self::NoFargateSize => "no_fargate_size",
            Self::NoCapacity => "no_capacity",
        }
    }
}

/// The cluster as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterReport {
    /// Money spent since the program started, by component.
    pub cost_total: Vec<(ClusterComponent, Usd)>,
    /// The time over which it was spent.
    pub observed_total: Seconds,
    /// Time that passed unseen, and was charged to nobody.
    pub unobserved_total: Seconds,
    /// Cost used / cost loaded over workloads that could move.
    pub utilization: Option<Ratio>,
    /// The utilisation at which they would cost the same on Lambda.
    pub breakeven_utilization: Option<Ratio>,
    /// Pods that cost nothing here because their node has no price.
    pub unpriced_pods: usize,
}

/// An AWS account in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountReport {
    /// The account.
    pub account_id: Arc<str>,
    /// The region.
    pub region: Arc<str>,
    /// How many environments it may run at once.
    pub concurrency_limit: Option<u32>,
}
