//! The computation of the `estimate` command: a scenario with its cost on both platforms, and the break-even.

use super::break_even::{CostFunction, CostStaircase, crossing};
use super::lambda::{Bill, Month};
use super::report::Breakeven;
use crate::inventory::Resources;
use crate::pricing::list_prices::lambda::Prices;
use crate::units::{Hours, Ratio, Requests, Usd, UsdPerHour, UsdPerRequest};

/// A month of some traffic; either side may be left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The length of the month (H).
    pub hours: Hours,
    /// The function, and its prices.
    pub lambda: Option<(Month, Prices)>,
    /// The cluster.
    pub kubernetes: Option<Cluster>,
}

/// The part of a cluster that serves the traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cluster {
    /// What a node costs.
    pub node: UsdPerHour,
    /// What a node has, where it is known.
    pub resources: Option<Resources>,
    /// What it costs each month besides: logging, mesh, monitoring.
    pub ancillary: Usd,
    /// The least number of nodes.
    pub nodes: u32,
    /// What a node serves in a month; absent where the nodes serve any traffic.
    pub capacity: Option<Requests>,
    /// What is paid by the request.
    pub each: UsdPerRequest,
    /// What the control plane costs.
    pub control_plane: UsdPerHour,
    /// What is paid at any traffic besides.
    pub fixed: Usd,
    /// What is really used of what is paid for, at the traffic of the month.
    pub used: Option<Usd>,
}

impl Cluster {
    /// The cost of a month of any traffic, `C_K(R)`.
    #[must_use]
    pub fn curve(&self, month: Hours) -> CostStaircase {
        CostStaircase {
            fixed: self.control_plane * month + self.fixed,
            step: self.node * month + self.ancillary,
            steps_min: self.nodes,
            capacity: self.capacity,
            each: self.each,
        }
    }

    /// What each part costs in a month of so many requests, in USD. The parts exclude each other and add up.
    ///
    /// Formula: `nodes = N(R) · price · H`, `ancillary = N(R) · ancillary cost`, `control_plane = price · H`,
    /// `requests = cost of a request · R`; parts that cost nothing are left out, but for the nodes.
    fn components(&self, month: Hours, requests: Requests) -> Vec<(&'static str, Usd)> {
        let nodes = self.curve(month).steps(requests);
        let parts = [
            ("nodes", self.node * month * nodes),
            ("control_plane", self.control_plane * month),
            ("ancillary", self.ancillary * nodes),
            ("fixed", self.fixed),
            ("requests", requests * self.each),
        ];
        let shown = |part: &(&str, Usd)| part.0 == "nodes" || !part.1.is_zero();
        parts.into_iter().filter(shown).collect()
    }
}

/// What a month costs on one platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// What each part costs; together the whole.
    pub components: Vec<(&'static str, Usd)>,
    /// The whole.
    pub monthly: Usd,
    /// One request; absent where the traffic is not known.
    pub per_request: Option<UsdPerRequest>,
}

impl Side {
    fn new(components: Vec<(&'static str, Usd)>, requests: Option<Requests>) -> Self {
        let monthly: Usd = components.iter().map(|(_, cost)| *cost).sum();
        Self {
            monthly,
            per_request: requests.and_then(|requests| monthly.per(requests)),
            components,
        }
    }
}

/// Both costs over any traffic, for a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    /// The function's.
    pub lambda: CostFunction,
    /// The cluster's.
    pub kubernetes: CostStaircase,
}

/// What follows from a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The traffic of the month; absent without a function.
    pub requests: Option<Requests>,
    /// The function; absent where it was left out.
    pub lambda: Option<Side>,
    /// The cluster; absent where it was left out.
    pub kubernetes: Option<Side>,
    /// Where they cross; absent with one side alone.
    pub breakeven: Option<Breakeven>,
    /// The utilisation of the cluster (u), where it is known what is used.
    pub utilization: Option<Ratio>,
    /// The utilisation at which both cost the same (u*), where it is known what is used.
    pub breakeven_utilization: Option<Ratio>,
    /// Both costs over any traffic; absent with one side alone.
    pub curves: Option<Curves>,
}

/// Prices a scenario on both sides and finds where they cross.
///
/// Formula: `u = used / C_K` and `u* = used / C_L`. The nodes of a cluster that is used to u serve R/u requests, if nothing is
/// said of their capacity: a crossing above that is beyond their capacity.
///
/// ```
/// use breakeven_model::Breakeven;
/// use breakeven_model::lambda::Month;
/// use breakeven_model::estimate::{Cluster, Scenario, estimate};
/// use breakeven_model::inventory::Architecture;
/// use breakeven_model::pricing::list_prices::{ec2, lambda::Prices};
/// use breakeven_model::units::{
///     HOURS_PER_MONTH, MemoryMib, Requests, Seconds, Usd, UsdPerHour, UsdPerRequest,
/// };
///
/// // Five million requests of 200 ms on 256 MB, or two t3.medium.
/// let month = Month::from_requests(
///     MemoryMib::from_mib(256).unwrap(),
///     Requests::from_requests(5e6)?,
///     Seconds::from_millis(200.0)?,
/// );
/// let cluster = Cluster {
///     node: ec2::on_demand("t3.medium").unwrap(),
///     resources: None,
///     ancillary: Usd::ZERO,
///     nodes: 2,
///     capacity: None,
///     each: UsdPerRequest::ZERO,
///     control_plane: UsdPerHour::ZERO,
///     fixed: Usd::ZERO,
///     used: None,
/// };
/// let estimate = estimate(&Scenario {
///     hours: HOURS_PER_MONTH,
///     lambda: Some((month, Prices::list(Architecture::X86_64))),
///     kubernetes: Some(cluster),
/// });
/// let cents = |usd: Usd| (usd.usd() * 100.0).round() / 100.0;
/// assert_eq!(estimate.lambda.map(|side| cents(side.monthly)), Some(5.17));
/// assert_eq!(estimate.kubernetes.map(|side| cents(side.monthly)), Some(60.74));
/// let Some(Breakeven::Crossing { first, .. }) = estimate.breakeven else { panic!() };
/// assert_eq!(first.requests().round(), 58_776_679.0);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn estimate(scenario: &Scenario) -> Estimate {
    let hours = scenario.hours;
    let requests = scenario.lambda.as_ref().map(|(month, _)| month.requests);
    let bill = scenario
        .lambda
        .as_ref()
        .map(|(month, prices)| Bill::from_month(month, prices));
    let lambda = bill.as_ref().map(|bill| {
        let components = bill.components();
        let named = components.map(|(component, cost)| (component.as_str(), cost));
        Side::new(named.collect(), requests)
    });
    let kubernetes = scenario.kubernetes.as_ref().map(|cluster| {
        let components = cluster.components(hours, requests.unwrap_or_default());
        Side::new(components, requests)
    });
    let used = scenario.kubernetes.and_then(|cluster| cluster.used);
    let share_used = |side: &Option<Side>| used?.over(side.as_ref()?.monthly);
    let utilization = share_used(&kubernetes);
    let curves = bill.zip(scenario.kubernetes).map(|(bill, cluster)| Curves {
        lambda: bill.curve(),
        kubernetes: cluster.curve(hours),
    });
    let full = utilization
        .and_then(Ratio::inverse)
        .zip(requests)
        .map(|(times, requests)| requests * times);
    Estimate {
        requests,
        breakeven: curves.as_ref().map(|curves| breakeven(curves, full)),
        utilization,
        breakeven_utilization: share_used(&lambda),
        lambda,
        kubernetes,
        curves,
    }
}

/// Where the curves cross; `full` is what the nodes can serve, where their capacity is not a part of the curve.
fn breakeven(curves: &Curves, full: Option<Requests>) -> Breakeven {
    let full = full.filter(|_| curves.kubernetes.capacity.is_none());
    match crossing(&curves.lambda, &curves.kubernetes) {
        Breakeven::Crossing { first, .. } if full.is_some_and(|full| first > full) => {
            Breakeven::BeyondCapacity
        }
        found => found,
    }
}

#[cfg(test)]
mod properties;
