//! The cost model: pure functions from observations, prices and settings to one [`Report`].
//!
//! Nothing here does input or output, waits, logs or reads a clock.
//!
#![doc = include_str!("../../../docs/cost-model.md")]

pub mod advice;
pub mod allocation;
pub mod assessment;
pub mod band;
pub mod bill;
pub mod coldstart;
pub mod concurrency;
pub mod crossover;
pub mod estimate;
pub mod evidence;
pub mod explanation;
pub mod inventory;
pub mod kubernetes_equivalent;
pub mod lambda;
pub mod lambda_equivalent;
pub mod month;
pub mod node_split;
pub mod pair;
pub mod pattern;
pub mod pricing;
pub mod processor_time;
pub mod regression;
mod report;
mod settings;
pub mod units;
pub mod verdict;
pub mod window;

pub use report::{
    AccountReport, Basis, Breakeven, ClusterComponent, ClusterReport, Component, FunctionCounters,
    Home, HourlyPrice, Ineligibility, NodeReport, Outcome, PlatformCost, PriceSource, Provenance,
    Report, SharedWorkload, Subject, SubjectFacts, SubjectReport, Throttled, Unpriced,
    UnpricedVolume, Utilization, Verdict, VolumeReport,
};
pub use settings::{
    KubernetesEquivalent, LambdaEquivalent, LambdaSettings, Settings, SharingPolicy, UnlistedPrices,
};

#[cfg(any(test, feature = "test-util"))]
pub mod fixtures;
