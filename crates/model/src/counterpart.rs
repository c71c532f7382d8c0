//! A workload of the cluster and a function that do the same job: what was observed of each stands where the other's
//! projection would.

use super::report::{Basis, Breakeven, Platform, PlatformCost, Verdict, WorkloadReport};
use super::uncertainty::CostEstimate;
use super::verdict::{compare, staying};
use crate::units::{Ratio, Requests};

/// Puts what was observed of a workload and of the function that does the same job in the place of what was projected.
///
/// A month on the other platform: `C' · R / R'`, where R' requests cost C' there. Nothing is changed for a side whose
/// other one has too few requests, or no price.
pub fn pair(workload: &mut WorkloadReport, function: &mut WorkloadReport) {
    let (on_kubernetes, on_lambda) = (observed(workload), observed(function));
    if let Some(on_lambda) = on_lambda {
        take(workload, function, on_lambda);
        workload.facts.lambda_memory = function.facts.lambda_memory;
    }
    if let Some(on_kubernetes) = on_kubernetes {
        take(function, workload, on_kubernetes);
    }
}

/// What a subject costs at home, where that is known of enough requests.
fn observed(workload: &WorkloadReport) -> Option<PlatformCost> {
    let is_known = workload.verdict.decides() || workload.verdict == Verdict::NoLatency;
    let cost = workload.decisive(workload.workload.home()).copied();
    cost.filter(|cost| is_known && !cost.requests.is_zero())
}

/// Takes the cost that was observed of another workload for its own on that one's platform.
fn take(one: &mut WorkloadReport, other: &WorkloadReport, there: PlatformCost) {
    let home = one.workload.home();
    one.facts.pair = Some(other.workload.clone());
    let Some(here) = observed(one) else { return };
    let Some(scale) = here.requests.over(there.requests) else {
        return;
    };
    let monthly = CostEstimate {
        low: there.monthly.low * scale,
        point: there.monthly.point * scale,
        high: there.monthly.high * scale,
        largest: None,
    };
    one.costs
        .retain(|cost| cost.platform == home || cost.basis != Basis::Loaded);
    one.costs.push(PlatformCost {
        platform: home.other(),
        basis: Basis::Loaded,
        monthly,
        requests: here.requests,
    });
    let can_move = one.ineligible.is_empty();
    one.monthly_saving = can_move.then(|| here.monthly.point.minus(monthly.point));
    one.uncertainty = None;
    one.verdict = match home {
        _ if !can_move => staying(home),
        Platform::Kubernetes => compare(&here.monthly, &monthly),
        Platform::Lambda => compare(&monthly, &here.monthly),
    };
    // What is held costs the same at any traffic, and a request on Lambda costs what it costs now.
    let (held, lambda) = match home {
        Platform::Kubernetes => (here.monthly.point, monthly.point),
        Platform::Lambda => (monthly.point, here.monthly.point),
    };
    let used = one.utilization.cost.map(|utilization| held * utilization);
    one.breakeven_utilization = used.and_then(|used| used.over(lambda));
    one.breakeven = held
        .over(lambda)
        .map(|times| crossing(here.requests, times, one.breakeven_utilization));
}

/// Where what is held costs as much as requests that cost what they do now. Formula: `R* = R · C_K / C_L`.
fn crossing(requests: Requests, times: Ratio, utilization: Option<Ratio>) -> Breakeven {
    if utilization.is_some_and(|utilization| utilization > Ratio::ONE) {
        return Breakeven::BeyondCapacity;
    }
    let first = requests * times;
    Breakeven::Crossing {
        first,
        sustained: Some(first),
    }
}
