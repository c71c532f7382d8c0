//! What machines cost in the world, as their clouds publish it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Published prices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PricesSpec {
    /// USD per hour on demand in the world's region, by instance type; the Price List has no others.
    #[serde(default)]
    pub on_demand: BTreeMap<String, f64>,
    /// What AWS Fargate costs in the world's region; absent: the Price List has nothing of it.
    #[serde(default)]
    pub fargate: Option<FargatePriceSpec>,
    /// What disks of Amazon EBS cost in the world's region, by kind; the Price List has no others.
    #[serde(default)]
    pub disks: BTreeMap<String, DiskPriceSpec>,
    /// What spare capacity costs; the spot price history has no others.
    #[serde(default)]
    pub spot: Vec<SpotPriceSpec>,
    /// What virtual machines of Azure cost; its retail prices have no others.
    #[serde(default)]
    pub azure: Vec<AzurePriceSpec>,
    /// In which currency Azure answers.
    #[serde(default = "default_currency")]
    pub azure_currency: String,
    /// How many prices are on a page of Azure's answers.
    #[serde(default = "default_page_size")]
    pub azure_page_size: usize,
}

impl Default for PricesSpec {
    fn default() -> Self {
        Self {
            on_demand: BTreeMap::new(),
            fargate: None,
            disks: BTreeMap::new(),
            spot: Vec::new(),
            azure: Vec::new(),
            azure_currency: default_currency(),
            azure_page_size: default_page_size(),
        }
    }
}

fn default_currency() -> String {
    "USD".to_owned()
}

/// "Azure Retail Prices overview": a maximum of 1,000 records for each request.
fn default_page_size() -> usize {
    1_000
}

/// What AWS Fargate costs, Linux on Intel and AMD.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FargatePriceSpec {
    /// USD for a vCPU.
    pub usd_per_vcpu_hour: f64,
    /// USD for a GiB of memory.
    pub usd_per_gib_hour: f64,
    /// USD for a GiB of storage; absent: the list does not say.
    #[serde(default)]
    pub usd_per_storage_gib_hour: Option<f64>,
}

/// What a kind of disk costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskPriceSpec {
    /// USD for a GiB.
    pub usd_per_gib_month: f64,
    /// USD for an operation per second, tier by tier.
    #[serde(default)]
    pub usd_per_iops_month: Vec<f64>,
    /// USD for a MiB per second.
    #[serde(default)]
    pub usd_per_mib_per_second_month: Option<f64>,
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

/// What a virtual machine of Azure costs in a region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AzurePriceSpec {
    /// The region, such as `westeurope`.
    pub region: String,
    /// The size, such as `Standard_D2s_v5`.
    pub size: String,
    /// USD per hour on demand, under Linux.
    pub usd_per_hour: f64,
    /// The same as spare capacity; absent: there is none.
    #[serde(default)]
    pub spot_usd_per_hour: Option<f64>,
}
