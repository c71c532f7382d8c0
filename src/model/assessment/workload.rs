//! A workload of the cluster, and its Lambda equivalent.

use super::{Assessment, monthly, monthly_requests};
use crate::model::crossover::{KubernetesCurve, LambdaCurve, crossing};
use crate::model::lambda::Run;
use crate::model::lambda_equivalent::{Demand, Equivalent, choose, needs_quota};
use crate::model::report::{
    Basis, Breakeven, Home, Ineligibility, PlatformCost, Utilization, Verdict,
};
use crate::model::settings::Settings;
use crate::model::verdict::{compare, insufficient};
use crate::model::window::{TrafficWindow, UsedWindow, WorkloadWindow};
use crate::observation::{WorkloadId, WorkloadKind};
use crate::tariff::lambda as tariff;
use crate::units::{GibSeconds, Ratio, Requests, Usd, UsdPerRequest};

/// What is known of a workload besides its window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Circumstances {
    /// Its pods on nodes without a price.
    pub unpriced_pods: usize,
    /// The GPUs that are held for it.
    pub gpus: u32,
    /// How many environments the account may run at once, where it says so.
    pub concurrency_limit: Option<u32>,
}

/// What follows for a workload of the cluster.
///
/// Monthly cost on a basis: its mean over the time seen, times the hours of a month. One request: that over
/// the mean requests of a month, `R = λ · 3600 · H`. Its Lambda equivalent is chosen by
/// [`choose`] for its mean request; at the capacity it holds now the platforms cost the same at
/// `R* = R · C_K / C_L` (by tiers), and at the utilisation `u* = cost used / C_L`.
///
/// A cost is absent while a pod's node has no price, per request absent while there are no requests.
#[must_use]
pub fn workload(
    id: &WorkloadId,
    window: &WorkloadWindow,
    circumstances: Circumstances,
    settings: &Settings,
) -> Assessment {
    let mut assessment = Assessment {
        utilization: utilization(&window.used),
        ineligible: ineligible(id, circumstances),
        ..Assessment::default()
    };
    let priced = circumstances.unpriced_pods == 0;
    let traffic = window.traffic.unwrap_or_default();
    let requests = traffic
        .rate()
        .map(|rate| monthly_requests(rate, settings))
        .unwrap_or_default();
    if priced {
        assessment.costs = at_home(window, requests, settings);
    }
    let equivalent = equivalent(window, &traffic, settings);
    if let Some(equivalent) = &equivalent {
        assessment.ineligible.extend(&equivalent.ineligible);
        let limit = circumstances.concurrency_limit;
        let limit = limit.unwrap_or(settings.lambda_equivalent.concurrency_limit);
        if needs_quota(traffic.peak, equivalent.duration, limit) {
            assessment.ineligible.push(Ineligibility::NeedsQuota);
        }
        assessment.lambda_memory = Some(equivalent.memory);
        let monthly = run(equivalent, requests, settings)
            .charge(GibSeconds::ZERO)
            .total();
        assessment.costs.push(PlatformCost {
            platform: Home::Lambda,
            basis: Basis::Loaded,
            monthly,
            per_request: monthly.per(requests),
        });
    }
    let (loaded, lambda) = (
        assessment.monthly(Home::Kubernetes),
        assessment.monthly(Home::Lambda),
    );
    if let (Some(loaded), Some(lambda), Some(equivalent)) = (loaded, lambda, &equivalent) {
        assessment.monthly_saving = Some(loaded.minus(lambda));
        assessment.breakeven_utilization =
            used_monthly(&window.used, settings).and_then(|used| used.over(lambda));
        assessment.breakeven = Some(breakeven(equivalent, loaded, &assessment, settings));
    }
    assessment.verdict = match (
        insufficient(traffic.covered, traffic.requests),
        loaded,
        lambda,
    ) {
        _ if !priced => Verdict::Unpriced,
        // Nothing counts its requests: that is what is missing, however long it runs.
        _ if window.traffic.is_none() => Verdict::NoRequests,
        (Some(missing), ..) => missing,
        _ if traffic.mean_latency().is_none() => Verdict::NoLatency,
        (None, Some(loaded), Some(lambda)) => compare(loaded, lambda, settings.verdict_margin),
        _ => Verdict::InsufficientData,
    };
    assessment
}

/// What it costs where it runs, on each basis.
fn at_home(window: &WorkloadWindow, requests: Requests, settings: &Settings) -> Vec<PlatformCost> {
    let mean = |sum: Usd| {
        sum.over_time(window.observed)
            .map(|rate| monthly(rate, settings))
    };
    let bases = [
        (Basis::Used, used_monthly(&window.used, settings)),
        (Basis::Allocated, mean(window.allocated)),
        (Basis::Loaded, mean(window.loaded)),
    ];
    bases
        .into_iter()
        .filter_map(|(basis, monthly)| {
            let monthly = monthly?;
            let per_request = monthly.per(requests);
            Some(PlatformCost {
                platform: Home::Kubernetes,
                basis,
                monthly,
                per_request,
            })
        })
        .collect()
}

fn used_monthly(used: &UsedWindow, settings: &Settings) -> Option<Usd> {
    used.cost
        .over_time(used.observed)
        .map(|rate| monthly(rate, settings))
}

fn utilization(used: &UsedWindow) -> Utilization {
    Utilization {
        cost: used.cost.over(used.loaded),
        cpu: used.cores.over(used.cores_held),
        memory: used.memory.over(used.memory_held),
    }
}

fn ineligible(id: &WorkloadId, circumstances: Circumstances) -> Vec<Ineligibility> {
    let mut reasons = Vec::new();
    if id.kind == WorkloadKind::StatefulSet {
        reasons.push(Ineligibility::Stateful);
    }
    if circumstances.gpus > 0 {
        reasons.push(Ineligibility::Gpu);
    }
    reasons
}

/// The function that would do it; absent while it is not known what one request needs.
fn equivalent(
    window: &WorkloadWindow,
    traffic: &TrafficWindow,
    settings: &Settings,
) -> Option<Equivalent> {
    let demand = Demand {
        cpu: window.cpu_per_request()?,
        latency: traffic.mean_latency()?,
        working_set: window.used.memory.mean_over(window.used.pods)?,
    };
    (!traffic.requests.is_zero()).then(|| choose(demand, &settings.lambda_equivalent))
}

fn run(equivalent: &Equivalent, requests: Requests, settings: &Settings) -> Run {
    Run {
        memory: equivalent.memory,
        architecture: settings.lambda_equivalent.architecture,
        ephemeral_storage_mib: tariff::FREE_EPHEMERAL_STORAGE_MIB,
        invocations: requests,
        duration: requests.each_taking(equivalent.duration),
    }
}

/// The traffic at which the function would cost as much as what is held now.
fn breakeven(
    equivalent: &Equivalent,
    loaded: Usd,
    assessment: &Assessment,
    settings: &Settings,
) -> Breakeven {
    if assessment
        .breakeven_utilization
        .is_some_and(|utilization| utilization > Ratio::ONE)
    {
        return Breakeven::BeyondCapacity;
    }
    let one = Requests::from_requests(1.0).unwrap_or_default();
    let lambda = LambdaCurve {
        tiers: tariff::duration(settings.lambda_equivalent.architecture),
        used_before: GibSeconds::ZERO,
        each: run(equivalent, one, settings).gib_seconds(),
        fee: tariff::REQUEST,
    };
    let held = KubernetesCurve {
        fixed: loaded,
        step: Usd::ZERO,
        steps_min: 1,
        capacity: None,
        each: UsdPerRequest::ZERO,
    };
    crossing(&lambda, &held)
}
