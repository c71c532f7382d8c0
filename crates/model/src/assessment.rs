//! The assessment of one workload or function: its cost, its projection on the other platform, break-even and verdict.

mod function;
mod workload;

pub use function::{ClusterPrices, function};
pub use workload::{WorkloadInputs, workload};

use super::inputs::Evidence;
use super::parameters::ModelParameters;
use super::report::{
    Basis, Breakeven, Ineligibility, Platform, PlatformCost, Utilization, Verdict,
};
use super::uncertainty::{CostEstimate, Parameter};
use crate::units::{
    MemoryMib, Ratio, Requests, RequestsPerSecond, Seconds, Usd, UsdDelta, UsdPerHour,
};

/// What follows for one subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// What it costs on each platform, as far as that is known.
    pub costs: Vec<PlatformCost>,
    /// What moving to the other platform would save each month.
    pub monthly_saving: Option<UsdDelta>,
    /// How well it uses what it pays for.
    pub utilization: Utilization,
    /// The utilisation at which both platforms cost the same (u*).
    pub breakeven_utilization: Option<Ratio>,
    /// The traffic at which they do.
    pub breakeven: Option<Breakeven>,
    /// What follows.
    pub verdict: Verdict,
    /// Why it cannot move.
    pub ineligible: Vec<Ineligibility>,
    /// The parameter that moves the projection most, and by how much of it.
    pub uncertainty: Option<(Parameter, Ratio)>,
    /// The memory of the function, or of the workload's equivalent.
    pub lambda_memory: Option<MemoryMib>,
    /// What all this stands on.
    pub evidence: Evidence,
}

impl Default for Assessment {
    fn default() -> Self {
        Self {
            costs: Vec::new(),
            monthly_saving: None,
            utilization: Utilization::default(),
            breakeven_utilization: None,
            breakeven: None,
            verdict: Verdict::InsufficientData,
            ineligible: Vec::new(),
            uncertainty: None,
            lambda_memory: None,
            evidence: Evidence::Nothing,
        }
    }
}

impl Assessment {
    /// The monthly cost on a platform, on the basis that decisions stand on.
    #[must_use]
    pub fn monthly(&self, platform: Platform) -> Option<CostEstimate> {
        let decisive =
            |cost: &&PlatformCost| cost.platform == platform && cost.basis == Basis::Loaded;
        self.costs.iter().find(decisive).map(|cost| cost.monthly)
    }
}

/// A rate of spending, over a month.
fn monthly(rate: UsdPerHour, settings: &ModelParameters) -> Usd {
    rate * settings.hours_per_month
}

/// A rate of requests, over a month. Formula: `R = λ · 3600 · H`.
fn monthly_requests(rate: RequestsPerSecond, settings: &ModelParameters) -> Requests {
    rate * Seconds::from(settings.hours_per_month)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
