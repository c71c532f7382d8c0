//! The assessment of one workload or function: its cost today, its alternatives and the verdict.

mod function;
mod workload;

pub use function::function;
pub use workload::workload;

use super::alternatives::{Alternative, Projection, ProjectionInputs};
use super::inputs::Evidence;
use super::parameters::ModelParameters;
use super::report::{Basis, Breakeven, Ineligibility, MonthlyCost, Platform, Utilization, Verdict};
use super::uncertainty::{CostEstimate, Parameter};
use crate::units::{MemoryMib, Ratio, Requests, RequestsPerSecond, Seconds, UsdDelta};

/// The assessment of one workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// The platform on which it runs.
    pub platform: Platform,
    /// Its cost there by basis; empty while it is unknown.
    pub current: Vec<(Basis, MonthlyCost)>,
    /// Its alternatives; empty while too little was observed for any.
    pub alternatives: Vec<Projection>,
    /// How much of what it pays for it uses.
    pub utilization: Utilization,
    /// The verdict.
    pub verdict: Verdict,
    /// The observations that all of this is computed from.
    pub evidence: Evidence,
}

impl Assessment {
    /// The assessment of a workload of which nothing was observed.
    #[must_use]
    pub fn unknown(platform: Platform) -> Self {
        Self {
            platform,
            current: Vec::new(),
            alternatives: Vec::new(),
            utilization: Utilization::default(),
            verdict: Verdict::InsufficientData,
            evidence: Evidence::Nothing,
        }
    }

    /// Its cost today on the basis of decisions, which is the loaded cost.
    #[must_use]
    pub fn current_cost(&self) -> Option<&MonthlyCost> {
        let loaded = |(basis, _): &&(Basis, MonthlyCost)| *basis == Basis::Loaded;
        self.current.iter().find(loaded).map(|(_, cost)| cost)
    }

    /// One of its alternatives.
    #[must_use]
    pub fn alternative(&self, alternative: Alternative) -> Option<&Projection> {
        let mut all = self.alternatives.iter();
        all.find(|one| one.alternative == alternative)
    }

    /// The alternative that the verdict compares with today: the other platform.
    #[must_use]
    pub fn compared(&self) -> Option<&Projection> {
        self.alternative(self.platform.other().into())
    }

    /// Cost on a platform: today's where it runs, else that of the alternative.
    #[must_use]
    pub fn cost_on(&self, platform: Platform) -> Option<&MonthlyCost> {
        if platform == self.platform {
            self.current_cost()
        } else {
            self.alternative(platform.into())?.cost.as_ref()
        }
    }

    /// Cost of a month on a platform, as in [`Self::cost_on`].
    #[must_use]
    pub fn monthly(&self, platform: Platform) -> Option<CostEstimate> {
        self.cost_on(platform).map(|cost| cost.monthly)
    }

    /// All costs that the verdict considers, each with its `platform` label and its basis: today's, then the alternatives'.
    pub fn costs(&self) -> impl Iterator<Item = (&'static str, Basis, &MonthlyCost)> {
        let platform = self.platform.as_str();
        let current = self.current.iter();
        let current = current.map(move |(basis, cost)| (platform, *basis, cost));
        let alternatives = self.alternatives.iter();
        let alternatives = alternatives.filter(|one| one.alternative.is_in_verdict());
        let alternatives = alternatives.filter_map(|one| {
            let cost = one.cost.as_ref()?;
            Some((one.alternative.as_str(), Basis::Loaded, cost))
        });
        current.chain(alternatives)
    }

    /// Saving per month of the compared alternative.
    #[must_use]
    pub fn monthly_saving(&self) -> Option<UsdDelta> {
        self.compared()?.monthly_saving
    }

    /// Break-even traffic against the compared alternative.
    #[must_use]
    pub fn breakeven(&self) -> Option<Breakeven> {
        self.compared()?.breakeven
    }

    /// Break-even utilization against the compared alternative.
    #[must_use]
    pub fn breakeven_utilization(&self) -> Option<Ratio> {
        self.compared()?.breakeven_utilization
    }

    /// Blockers of the compared alternative.
    #[must_use]
    pub fn blockers(&self) -> &[Ineligibility] {
        self.compared().map_or(&[], |one| &one.blockers)
    }

    /// The unknown that changes the compared cost most, and by which part of it; that of today's cost while there is no
    /// other.
    #[must_use]
    pub fn largest_unknown(&self) -> Option<(Parameter, Ratio)> {
        let other = self.compared().and_then(|one| one.cost.as_ref());
        other.or(self.current_cost())?.monthly.largest
    }

    /// Memory of the function that a workload of the cluster would be.
    #[must_use]
    pub fn lambda_memory(&self) -> Option<MemoryMib> {
        match self.alternative(Alternative::Lambda)?.inputs.as_ref()? {
            ProjectionInputs::Lambda(inputs) => Some(inputs.sized.memory),
            _ => None,
        }
    }
}

/// A rate of requests, over a month. Formula: `R = λ · 3600 · H`.
fn monthly_requests(rate: RequestsPerSecond, settings: &ModelParameters) -> Requests {
    rate * Seconds::from(settings.hours_per_month)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
