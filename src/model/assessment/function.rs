//! A function, and its Kubernetes equivalent.

use super::{Assessment, monthly, monthly_requests};
use crate::model::crossover::{KubernetesCurve, LambdaCurve, crossing};
use crate::model::kubernetes_equivalent::{Equivalent, size};
use crate::model::lambda::Run;
use crate::model::node_split::Split;
use crate::model::report::{Basis, Breakeven, Home, PlatformCost, Verdict};
use crate::model::settings::Settings;
use crate::model::verdict::{compare, insufficient};
use crate::model::window::FunctionWindow;
use crate::observation::Function;
use crate::tariff::lambda as tariff;
use crate::units::{GibSeconds, Ratio, Requests, Seconds, Usd, UsdPerRequest};

/// What follows for a function.
///
/// Its monthly cost is what the mean traffic of its window costs over a month, by tiers. In the cluster it would be
/// the pods of [`size`], at the mean price of the cluster's `prices`; absent while those are not known.
#[must_use]
pub fn function(
    function: &Function,
    window: &FunctionWindow,
    prices: Option<Split>,
    settings: &Settings,
) -> Assessment {
    let mut assessment = Assessment {
        lambda_memory: Some(function.memory),
        ..Assessment::default()
    };
    let covered = window.covered();
    let Some(rate) = window.invocations.per(covered) else {
        return assessment;
    };
    let requests = monthly_requests(rate, settings);
    let run = month(function, window, requests);
    let charged = run.charge(GibSeconds::ZERO).total();
    assessment.costs.push(cost(Home::Lambda, charged, requests));
    let equivalent = prices.and_then(|prices| {
        let active = window.active.iter().copied();
        let pods = &settings.kubernetes_equivalent;
        size(
            active,
            window.last_minute,
            window.minutes,
            function.memory,
            prices,
            pods,
        )
    });
    if let Some(equivalent) = equivalent {
        let pods = monthly(equivalent.cost(), settings);
        assessment
            .costs
            .push(cost(Home::Kubernetes, pods, requests));
        assessment.monthly_saving = Some(charged.minus(pods));
        assessment.breakeven = breakeven(&run, &equivalent, settings);
    }
    let other = assessment.monthly(Home::Kubernetes);
    assessment.verdict = match (insufficient(covered, window.invocations), other) {
        (Some(missing), _) => missing,
        (None, None) => Verdict::Unpriced,
        (None, Some(pods)) => compare(pods, charged, settings.verdict_margin),
    };
    assessment
}

fn cost(platform: Home, monthly: Usd, requests: Requests) -> PlatformCost {
    PlatformCost {
        platform,
        basis: Basis::Loaded,
        monthly,
        per_request: monthly.per(requests),
    }
}

/// A month of the mean traffic of the window.
fn month(function: &Function, window: &FunctionWindow, requests: Requests) -> Run {
    let each = window
        .duration
        .per(window.invocations)
        .unwrap_or(Seconds::ZERO);
    Run {
        memory: function.memory,
        architecture: function.architecture,
        ephemeral_storage_mib: function.ephemeral_storage_mib,
        invocations: requests,
        duration: requests.each_taking(each),
    }
}

/// The traffic at which pods cost what the function does: each pod serves what it would be filled with.
fn breakeven(run: &Run, equivalent: &Equivalent, settings: &Settings) -> Option<Breakeven> {
    let lambda = LambdaCurve {
        tiers: tariff::duration(run.architecture),
        used_before: GibSeconds::ZERO,
        each: run.gib_seconds() * one_of(run.invocations)?,
        fee: run
            .charge(GibSeconds::ZERO)
            .ephemeral
            .per(run.invocations)?
            + tariff::REQUEST,
    };
    let pods = KubernetesCurve {
        fixed: Usd::ZERO,
        step: monthly(equivalent.replica, settings),
        steps_min: settings.kubernetes_equivalent.min_replicas,
        capacity: equivalent
            .replicas_filled
            .inverse()
            .map(|share| run.invocations * share),
        each: UsdPerRequest::ZERO,
    };
    Some(crossing(&lambda, &pods))
}

/// The part of all requests that one is.
fn one_of(requests: Requests) -> Option<Ratio> {
    Requests::from_requests(1.0).ok()?.over(requests)
}
