//! The AWS bill compared with the model: charges of settled days, and what the model computes for the same days.

mod paid;
mod plan;
mod reconciliation;
mod usage;

pub use paid::PaidRatios;
pub use plan::SavingsPlan;
pub use reconciliation::{BillReport, BilledLine, BilledScope, reconcile};
pub use usage::{AccountRegion, DayUsage, LambdaUsage, UsageKey};

#[cfg(test)]
mod tests;
