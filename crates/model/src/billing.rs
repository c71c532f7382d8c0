//! The bill of AWS against the model: what was charged for settled days, and what the model says of the same days.

mod paid;
mod plan;
mod reconciliation;
mod usage;

pub use paid::Paid;
pub use plan::SavingsPlan;
pub use reconciliation::{BillReport, BilledLine, BilledScope, reconcile};
pub use usage::{AccountRegion, DayUsage, LambdaUsage, UsageKey};

#[cfg(test)]
mod tests;
