//! A workload of the cluster and a function that do the same job: the observed cost of each replaces the other's
//! projection.

use super::alternatives::Projection;
use super::report::{Breakeven, MonthlyCost, Platform, Verdict, WorkloadReport};
use super::uncertainty::CostEstimate;
use super::verdict::{compare, staying};
use crate::units::{Ratio, Requests};

/// Replaces the projections of a workload and of the function that does the same job by the observed cost of the other.
///
/// Cost of a month on the other platform: `C' · R / R'`, if R' requests cost C' there. A side does not change while the
/// other one has too few requests, or no price.
pub fn pair(workload: &mut WorkloadReport, function: &mut WorkloadReport) {
    let (on_kubernetes, on_lambda) = (observed(workload), observed(function));
    if let Some(on_lambda) = on_lambda {
        replace_projection(workload, function, on_lambda);
        workload.facts.lambda_memory = function.facts.lambda_memory;
    }
    if let Some(on_kubernetes) = on_kubernetes {
        replace_projection(function, workload, on_kubernetes);
    }
}

/// The cost of a workload today, if it is that of enough requests.
fn observed(workload: &WorkloadReport) -> Option<MonthlyCost> {
    let verdict = workload.assessment.verdict;
    let is_known = verdict.decides() || verdict == Verdict::NoLatency;
    let cost = workload.assessment.current_cost().copied();
    cost.filter(|cost| is_known && !cost.requests.is_zero())
}

/// Replaces the projection on the platform of `other` by the cost that was observed there.
fn replace_projection(one: &mut WorkloadReport, other: &WorkloadReport, there: MonthlyCost) {
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
    let assessment = &mut one.assessment;
    let home = assessment.platform;
    let blockers = assessment.blockers().to_vec();
    let can_move = blockers.is_empty();
    assessment.verdict = match home {
        _ if !can_move => staying(home),
        Platform::Kubernetes => compare(&here.monthly, &monthly),
        Platform::Lambda => compare(&monthly, &here.monthly),
    };
    // The capacity of the cluster costs the same at any traffic, and a request on Lambda costs what it costs now.
    let (capacity, lambda) = match home {
        Platform::Kubernetes => (here.monthly.point, monthly.point),
        Platform::Lambda => (monthly.point, here.monthly.point),
    };
    let utilization = assessment.utilization.cost;
    let used = utilization.map(|utilization| capacity * utilization);
    let breakeven_utilization = used.and_then(|used| used.over(lambda));
    let alternative = home.other().into();
    let projection = Projection {
        cost: Some(MonthlyCost {
            monthly,
            requests: here.requests,
        }),
        monthly_saving: can_move.then(|| here.monthly.point.minus(monthly.point)),
        breakeven_utilization,
        breakeven: capacity
            .over(lambda)
            .map(|times| crossing(here.requests, times, breakeven_utilization)),
        blockers,
        inputs: assessment
            .compared()
            .and_then(|before| before.inputs.clone()),
        ..Projection::unknown(alternative)
    };
    let mut alternatives = assessment.alternatives.iter_mut();
    match alternatives.find(|before| before.alternative == alternative) {
        Some(before) => *before = projection,
        None => assessment.alternatives.push(projection),
    }
}

/// Where a fixed capacity costs as much as requests at their present cost. Formula: `R* = R · C_K / C_L`.
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
