//! A workload of the cluster.

use super::{Assessment, monthly_requests};
use crate::alternatives::fargate;
use crate::alternatives::lambda::{self, ObservedWorkload};
use crate::inputs::{Evidence, WorkloadEvidence, WorkloadInputs};
use crate::inventory::WorkloadId;
use crate::parameters::{LambdaEquivalent, ModelParameters};
use crate::report::{Basis, MonthlyCost, Platform, Utilization, Verdict};
use crate::uncertainty::CostEstimate;
use crate::units::{Requests, Seconds, Usd};
use crate::verdict::{compare, insufficient, is_cost_seen, staying};
use crate::window::{TrafficWindow, UsedWindow, WorkloadWindow};

/// Assesses a workload of the cluster.
///
/// Monthly cost on a basis: its mean over the time observed, times the hours of a month. Per request: that over the mean
/// requests of a month, `R = λ · 3600 · H`. [`lambda::project`] and
/// [`fargate::project`] compute the alternatives.
///
/// A cost is absent while a pod's node has no price, per request absent without requests.
///
/// A workload whose alternative is blocked stays: its verdict is never `lambda`, and there is no saving. A verdict needs an
/// hour of cost, which counts from the start of the oldest unchanged pod.
#[must_use]
pub fn workload(
    id: &WorkloadId,
    window: &WorkloadWindow,
    inputs: WorkloadInputs,
    settings: &ModelParameters,
) -> Assessment {
    let mut assessment = Assessment {
        utilization: utilization(&window.used),
        ..Assessment::unknown(Platform::Kubernetes)
    };
    let traffic = window.traffic.unwrap_or_default();
    let own = with_objective(inputs.latency_objective, &traffic, settings);
    let settings = own.as_ref().unwrap_or(settings);
    let requests = traffic
        .rate()
        .map(|rate| monthly_requests(rate, settings))
        .unwrap_or_default();
    if inputs.unpriced_pods == 0 {
        assessment.current = current_cost(window, requests, settings);
    }
    let observed = ObservedWorkload {
        id,
        window,
        traffic: &traffic,
        requests,
        loaded: assessment.current_cost().map(|cost| cost.monthly.point),
        used: used_monthly(window, settings),
        inputs: &inputs,
    };
    let today = (observed.loaded, observed.used);
    assessment.alternatives = vec![
        lambda::project(&observed, settings),
        fargate::project(window, &inputs, requests, today, settings),
    ];
    assessment.evidence = Evidence::Workload(Box::new(WorkloadEvidence {
        window: *window,
        unchanged_for: inputs.unchanged_for,
        requests,
    }));
    assessment.verdict = verdict(&assessment, window, &inputs);
    assessment
}

/// The verdict of this instant.
fn verdict(assessment: &Assessment, window: &WorkloadWindow, inputs: &WorkloadInputs) -> Verdict {
    let traffic = window.traffic.unwrap_or_default();
    let observed = window.observed.max(inputs.unchanged_for);
    let costs = (
        assessment.monthly(Platform::Kubernetes),
        assessment.monthly(Platform::Lambda),
    );
    match (insufficient(traffic.covered, traffic.requests), costs) {
        _ if inputs.unpriced_pods > 0 => Verdict::Unpriced,
        // No source counts its requests, however long it runs.
        _ if window.traffic.is_none() => Verdict::NoRequests,
        (Some(missing), _) => missing,
        _ if traffic.mean_latency().is_none() => Verdict::NoLatency,
        _ if !is_cost_seen(observed) => Verdict::InsufficientData,
        (None, (Some(_), Some(_))) if !assessment.blockers().is_empty() => {
            staying(Platform::Kubernetes)
        }
        (None, (Some(kubernetes), Some(lambda))) => compare(&kubernetes, &lambda),
        _ => Verdict::InsufficientData,
    }
}

/// The parameters for a workload with a latency objective: a request may become slower until it just meets it.
fn with_objective(
    objective: Option<Seconds>,
    traffic: &TrafficWindow,
    settings: &ModelParameters,
) -> Option<ModelParameters> {
    let max_slowdown = objective?.over(traffic.mean_latency()?)?;
    Some(ModelParameters {
        lambda_equivalent: LambdaEquivalent {
            max_slowdown,
            ..settings.lambda_equivalent.clone()
        },
        ..settings.clone()
    })
}

/// Its cost today on each basis.
fn current_cost(
    window: &WorkloadWindow,
    requests: Requests,
    settings: &ModelParameters,
) -> Vec<(Basis, MonthlyCost)> {
    let month = settings.hours_per_month;
    let mean = |sum: Usd| sum.over_time(window.observed).map(|rate| rate * month);
    let avoidable = mean(window.allocated).map(|allocated| CostEstimate {
        low: allocated * settings.avoidable.low,
        point: allocated * settings.avoidable.point,
        high: allocated * settings.avoidable.high,
        largest: None,
    });
    let exactly = |cost: Option<Usd>| cost.map(CostEstimate::exactly);
    let bases = [
        (Basis::Used, exactly(used_monthly(window, settings))),
        (Basis::Allocated, exactly(mean(window.allocated))),
        (Basis::Loaded, exactly(mean(window.loaded))),
        (Basis::Avoidable, avoidable),
    ];
    let known = |(basis, monthly): (Basis, Option<CostEstimate>)| {
        let monthly = monthly?;
        Some((basis, MonthlyCost { monthly, requests }))
    };
    bases.into_iter().filter_map(known).collect()
}

/// A month of what it used: of its loaded cost the part that it used while that was seen.
fn used_monthly(window: &WorkloadWindow, settings: &ModelParameters) -> Option<Usd> {
    let loaded = window.loaded.over_time(window.observed)?;
    let share = window.used.cost.over(window.used.loaded)?;
    Some(loaded * settings.hours_per_month * share)
}

fn utilization(used: &UsedWindow) -> Utilization {
    Utilization {
        cost: used.cost.over(used.loaded),
        cpu: used.cores.over(used.cores_allocated),
        memory: used.memory.over(used.memory_allocated),
    }
}
