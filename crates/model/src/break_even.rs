//! Break-even: the traffic at which both platforms cost the same per month.
//!
//! The cost of Lambda is a piecewise linear function of the traffic: a part that is paid at any traffic, and tiers by the request. The
//! cost of the cluster is a staircase: whole nodes or pods. The solver sweeps both piece by piece and solves each crossing exactly,
//! without visiting every step.

mod autoscaled;
mod solver;

pub use autoscaled::AutoscaledCost;

use super::report::Breakeven;
use crate::pricing::list_prices::Tiers;
use crate::units::{Ratio, Requests, Usd, UsdPerRequest};
use solver::{BreakEvenSweep, Breakpoint};

/// What Lambda costs in a month, by requests R: `C_L(R) = fixed + T(R)`.
#[derive(Clone, Debug, PartialEq)]
pub struct CostFunction {
    /// Paid at any traffic: environments kept ready, snapshots, the hours of a load balancer.
    pub fixed: Usd,
    /// All that is paid by the request (T): see [`Tiers::by_request`] and [`Tiers::plus`].
    pub by_request: Tiers<Requests>,
}

impl CostFunction {
    /// The cost of a month, in USD.
    ///
    /// Formula: `fixed + T(R)`.
    #[must_use]
    pub fn cost_at(&self, requests: Requests) -> Usd {
        self.fixed + self.by_request.total(requests)
    }
}

/// What the cluster costs in a month, by requests R. `C_K(R) = fixed + N(R)·step + each·R` with
/// `N(R) = max(steps_min, ceil(R / capacity))`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostStaircase {
    /// Paid at any traffic.
    pub fixed: Usd,
    /// Paid for each node or pod.
    pub step: Usd,
    /// The least number of nodes or pods.
    pub steps_min: u32,
    /// What one of them serves in a month; absent where they serve any traffic.
    pub capacity: Option<Requests>,
    /// What is paid by the request.
    pub each: UsdPerRequest,
}

impl CostStaircase {
    /// How many nodes or pods so much traffic needs.
    ///
    /// Formula: `N(R) = max(steps_min, ceil(R / capacity))`.
    #[must_use]
    pub fn steps(&self, requests: Requests) -> Ratio {
        let least = Ratio::count(self.steps_min as usize);
        let needed = self.capacity.and_then(|one| requests.over(one));
        needed.map_or(least, |needed| needed.ceil().max(least))
    }

    /// The cost of a month, in USD.
    ///
    /// Formula: `fixed + N(R)·step + each·R`.
    #[must_use]
    pub fn cost_at(&self, requests: Requests) -> Usd {
        self.fixed + self.step * self.steps(requests) + requests * self.each
    }
}

/// Finds the traffic at which the platforms cost the same.
///
/// `first` is the least traffic at which the answer flips, also where a further node makes it flip. Above `sustained`
/// the cluster always costs less; it is absent where Lambda costs less in the end. Saw-teeth between them come from
/// whole nodes. Where the answer never flips, it says which platform is always cheaper.
///
/// ```
/// use breakeven_model::{Breakeven, break_even::{CostStaircase, CostFunction, crossing}};
/// use breakeven_model::pricing::list_prices::Tiers;
/// use breakeven_model::units::{Requests, Usd, UsdPerRequest};
///
/// // Two nodes at 73 USD that serve 26 million each, against 3 USD for a million.
/// let lambda = CostFunction {
///     fixed: Usd::ZERO,
///     by_request: Tiers::flat(UsdPerRequest::from_per_million(3.0)?),
/// };
/// let kubernetes = CostStaircase {
///     fixed: Usd::ZERO,
///     step: Usd::from_usd(73.0)?,
///     steps_min: 2,
///     capacity: Some(Requests::from_requests(26e6)?),
///     each: UsdPerRequest::ZERO,
/// };
/// let Breakeven::Crossing { first, sustained } = crossing(&lambda, &kubernetes) else { panic!() };
/// assert_eq!(first.requests().round(), 48_666_667.0);
/// assert_eq!(sustained.unwrap().requests().round(), 365_000_000.0);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn crossing(lambda: &CostFunction, kubernetes: &CostStaircase) -> Breakeven {
    let walk = BreakEvenSweep::new(lambda, kubernetes);
    let Some(first) = walk.first().and_then(requests) else {
        return if walk.kubernetes_cheaper_at_low_traffic() {
            Breakeven::KubernetesAlways
        } else {
            Breakeven::LambdaAlways
        };
    };
    let sustained = walk.kubernetes_cheaper_at_high_traffic();
    Breakeven::Crossing {
        first,
        sustained: sustained
            .then(|| walk.last_switch_to_kubernetes())
            .flatten()
            .and_then(requests),
    }
}

fn requests(event: Breakpoint) -> Option<Requests> {
    Requests::from_requests(event.requests).ok()
}

#[cfg(test)]
mod tests;
