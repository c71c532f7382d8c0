//! The cost model: pure functions from observations, prices and settings to one [`Report`].
//!
//! Nothing here does input or output, waits, logs or reads a clock.

mod report;

pub use report::{
    AccountReport, Basis, Breakeven, ClusterComponent, ClusterReport, Component, FunctionCounters,
    Home, Ineligibility, NodePrice, NodeReport, Outcome, PlatformCost, PriceSource, Provenance,
    Report, SharedWorkload, Subject, SubjectFacts, SubjectReport, Unpriced, Utilization, Verdict,
};
