//! The cost model: pure functions from observations, prices and settings to one [`Report`].
//!
//! Nothing here does input or output, waits, logs or reads a clock.
//!
#![doc = include_str!("../../../docs/cost-model.md")]

pub mod advice;
pub mod allocation;
pub mod alternatives;
pub mod assessment;
pub mod billing;
pub mod break_even;
pub mod cold_starts;
pub mod concurrency;
pub mod counterpart;
pub mod cpu_per_request;
pub mod estimate;
pub mod explanation;
pub mod inputs;
pub mod inventory;
pub mod lambda;
pub mod month;
mod parameters;
pub mod pricing;
pub mod regression;
mod report;
pub mod resource_prices;
pub mod traffic_pattern;
pub mod uncertainty;
pub mod units;
pub mod verdict;
pub mod window;

pub use parameters::{
    KubernetesEquivalent, LambdaEquivalent, LambdaParameters, ModelParameters, SharingPolicy,
    UnlistedPrices,
};
pub use report::{
    AccountReport, Basis, Breakeven, ClusterComponent, ClusterReport, Component, FunctionCounters,
    HourlyPrice, Ineligibility, MonthlyCost, NodeReport, Outcome, Platform, PriceSource,
    Provenance, Report, SharedWorkload, Throttled, Unpriced, UnpricedVolume, Utilization, Verdict,
    VolumeReport, WorkloadAttributes, WorkloadRef, WorkloadReport,
};

#[cfg(any(test, feature = "test-util"))]
pub mod test_util;
