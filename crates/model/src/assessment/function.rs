//! A function.

mod current_cost;

use std::sync::Arc;

use super::{Assessment, monthly_requests};
use crate::alternatives::kubernetes::{ClusterPrices, ObservedFunction, project};
use crate::inputs::{Evidence, FunctionEvidence};
use crate::inventory::Function;
use crate::parameters::ModelParameters;
use crate::report::{Basis, MonthlyCost, Platform, Verdict};
use crate::verdict::{compare, insufficient};
use crate::window::FunctionWindow;
use current_cost::CurrentCost;

/// Assesses a function.
///
/// Its monthly cost is that of the mean traffic of its window over a month, with all charges of Lambda: by tiers, and with
/// the initialization of its cold starts. [`project`] computes the alternative in the cluster.
#[must_use]
pub fn function(
    function: &Function,
    window: &FunctionWindow,
    prices: Option<&ClusterPrices>,
    settings: &ModelParameters,
) -> Assessment {
    let mut assessment = Assessment::unknown(Platform::Lambda);
    let covered = window.covered();
    let Some(rate) = window.invocations.per(covered) else {
        return assessment;
    };
    let terms = match settings.terms_of(function) {
        Ok(terms) => terms,
        Err(missing) => {
            assessment.verdict = Verdict::Unpriced;
            assessment.evidence = Evidence::Unpriced(missing);
            return assessment;
        }
    };
    let is_complete = terms.missing.is_empty();
    let requests = monthly_requests(rate, settings);
    let cold_starts = current_cost::cold_starts(function, window, settings.lambda.keep_alive);
    let times = &settings.lambda.init;
    let month = (requests, settings.hours_per_month);
    let today = CurrentCost::of(function, window, cold_starts, month, times, &terms);
    let bill = today.bill();
    let Some(lambda) = today.cost() else {
        return assessment;
    };
    let cost = MonthlyCost {
        monthly: lambda,
        requests,
    };
    assessment.current = vec![(Basis::Loaded, cost)];
    let curve = bill.curve();
    let observed = ObservedFunction {
        function,
        window,
        requests,
        today: is_complete.then_some((lambda.point, &curve)),
    };
    let projection = project(&observed, prices, settings);
    let pods = projection.cost.map(|cost| cost.monthly);
    assessment.alternatives.push(projection);
    assessment.verdict = match (insufficient(covered, window.invocations), pods) {
        (Some(missing), _) => missing,
        (None, Some(pods)) if is_complete => compare(&pods, &lambda),
        (None, _) => Verdict::Unpriced,
    };
    assessment.evidence = Evidence::Function(Box::new(FunctionEvidence {
        region: Arc::clone(&function.id.region),
        memory: function.memory,
        architecture: function.architecture,
        covered,
        invocations: window.invocations,
        duration: window.duration,
        requests,
        cold_starts: cold_starts.map(|seen| seen.point),
        init: times.of_function(function),
        insights: function.insights,
        event_sources: function.event_sources.clone(),
        http_endpoint: settings.lambda.http_endpoint_of(function),
        bill: bill.components().collect(),
        idle: bill.fixed_components().collect(),
        terms,
    }));
    assessment
}
