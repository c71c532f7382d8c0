//! A workload of the cluster as a function on AWS Lambda.

mod month;
mod sizing;

pub use sizing::{RequestDemand, SizedFunction, choose, needs_quota};

use super::{Alternative, Projection, ProjectionInputs};
use crate::break_even::AutoscaledCost;
use crate::inputs::WorkloadInputs;
use crate::inventory::{Architecture, WorkloadId, WorkloadKind};
use crate::lambda::Component;
use crate::parameters::ModelParameters;
use crate::report::{Ineligibility, MonthlyCost};
use crate::uncertainty::{CostEstimate, Range};
use crate::units::{Ratio, Requests, Seconds, Usd};
use crate::window::{TrafficWindow, WorkloadWindow};
use month::LambdaMonth;

/// What was observed of a workload, and what it costs today.
#[derive(Clone, Copy, Debug)]
pub struct ObservedWorkload<'a> {
    /// Its identity.
    pub id: &'a WorkloadId,
    /// Its window.
    pub window: &'a WorkloadWindow,
    /// Its traffic in the window.
    pub traffic: &'a TrafficWindow,
    /// Its requests of a month.
    pub requests: Requests,
    /// Loaded cost of a month today; absent while it is unknown.
    pub loaded: Option<Usd>,
    /// Cost of a month of what it uses, of `loaded`; absent while usage is unknown.
    pub used: Option<Usd>,
    /// Its other properties.
    pub inputs: &'a WorkloadInputs,
}

/// Inputs of the projection on Lambda.
#[derive(Clone, Debug, PartialEq)]
pub struct LambdaInputs {
    /// Demand of one request.
    pub demand: RequestDemand,
    /// Memory and duration.
    pub sized: SizedFunction,
    /// Its processor.
    pub architecture: Architecture,
    /// Share of requests that meet a cold start, if they arrive independently of each other.
    pub cold_share: Ratio,
    /// Duration of the initialization of each cold start.
    pub init: Range<Seconds>,
    /// Cost of a month by component.
    pub bill: Vec<(Component, Usd)>,
    /// Reasons against Lambda that hold at the likely CPU time of a request but not at the minimum: they block nothing.
    pub possible_blockers: Vec<Ineligibility>,
}

/// Projects a workload on Lambda.
///
/// The cost is absent while the demand of one request is unknown; blockers that do not depend on traffic are known anyway.
///
/// Without an autoscaler the capacity of today costs the same at any traffic: break-even at `R* = R · C_K / C_L` (by tiers)
/// and at the utilization `u* = cost used / C_L`.
#[must_use]
pub fn project(observed: &ObservedWorkload, settings: &ModelParameters) -> Projection {
    let mut projection = Projection {
        blockers: blockers(observed.id, observed.inputs),
        ..Projection::unknown(Alternative::Lambda)
    };
    let month = LambdaMonth::from_windows(
        observed.window,
        observed.traffic,
        observed.requests,
        settings,
    );
    let Some((month, cost)) = month.and_then(|month| Some((month, month.cost()?))) else {
        return projection;
    };
    let sized = month.size();
    let limit = observed
        .inputs
        .concurrency_limit
        .unwrap_or(settings.lambda_equivalent.concurrency_limit);
    let (certain, possible) = month.blockers(&sized, observed.traffic, limit);
    projection.blockers.extend(certain);
    projection.cost = Some(MonthlyCost {
        monthly: cost,
        requests: observed.requests,
    });
    projection.inputs = Some(ProjectionInputs::Lambda(LambdaInputs {
        demand: month.demand,
        architecture: settings.lambda_equivalent.architecture,
        cold_share: month.cold_share,
        init: settings.lambda.init.otherwise,
        bill: month.bill().components().collect(),
        sized,
        possible_blockers: possible,
    }));
    if let Some(loaded) = observed.loaded {
        compare_with_today(&mut projection, observed, loaded, &month, &cost);
    }
    projection
}

/// Adds the saving and the break-even.
fn compare_with_today(
    projection: &mut Projection,
    observed: &ObservedWorkload,
    loaded: Usd,
    month: &LambdaMonth,
    cost: &CostEstimate,
) {
    let can_move = projection.blockers.is_empty();
    projection.monthly_saving = can_move.then(|| loaded.minus(cost.point));
    projection.breakeven_utilization = observed.used.and_then(|used| used.over(cost.point));
    let autoscaled = observed.inputs.scaler.and_then(|scaler| {
        AutoscaledCost::from_scaler(scaler, loaded, observed.window, observed.requests)
    });
    projection.breakeven = Some(match autoscaled {
        Some(autoscaled) => autoscaled.breakeven(&month.bill().curve()),
        None => month.breakeven(loaded, projection.breakeven_utilization),
    });
}

/// Blockers that follow from the properties of a workload.
fn blockers(id: &WorkloadId, inputs: &WorkloadInputs) -> Vec<Ineligibility> {
    let stateful = id.kind == WorkloadKind::StatefulSet;
    let reasons = [
        (stateful, Ineligibility::Stateful),
        (inputs.persistent_volume, Ineligibility::PersistentVolume),
        (inputs.host_network, Ineligibility::HostNetwork),
        (inputs.needs_accelerator, Ineligibility::Gpu),
        (inputs.is_on_windows, Ineligibility::Windows),
        (inputs.is_excluded, Ineligibility::Excluded),
    ];
    let holds = reasons.into_iter().filter(|(holds, _)| *holds);
    holds.map(|(_, reason)| reason).collect()
}
