//! A function, and its Kubernetes equivalent.

mod current_cost;
mod kubernetes_projection;

use std::sync::Arc;

use super::{Assessment, monthly_requests};
use crate::inputs::{Evidence, FunctionEvidence, PodsEvidence};
use crate::inventory::Function;
use crate::kubernetes_equivalent::NodeType;
use crate::node_split::Split;
use crate::parameters::ModelParameters;
use crate::report::{Basis, Platform, PlatformCost, Verdict};
use crate::uncertainty::CostEstimate;
use crate::units::Requests;
use crate::verdict::{compare, insufficient};
use crate::window::FunctionWindow;
use current_cost::CurrentCost;
use kubernetes_projection::FunctionProjection;

/// What the cluster's machines cost.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterPrices {
    /// The mean price of a core and a GiB.
    pub mean: Split,
    /// The kinds of machine that could be had.
    pub machines: Vec<NodeType>,
}

/// What follows for a function.
///
/// Its monthly cost is what the mean traffic of its window costs over a month, with all that Lambda charges for: by tiers, and with
/// the initialisation of its cold starts. In the cluster it would be the pods of [`size`](crate::kubernetes_equivalent::size),
/// packed onto its nodes at their mean price; at most it would have machines of its own. Absent while prices of the
/// cluster are not known.
#[must_use]
pub fn function(
    function: &Function,
    window: &FunctionWindow,
    prices: Option<&ClusterPrices>,
    settings: &ModelParameters,
) -> Assessment {
    let mut assessment = Assessment {
        lambda_memory: Some(function.memory),
        ..Assessment::default()
    };
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
    let month = settings.hours_per_month;
    let times = &settings.lambda.init;
    let home = CurrentCost::of(
        function,
        window,
        cold_starts,
        (requests, month),
        times,
        &terms,
    );
    let bill = home.bill();
    let Some(lambda) = home.cost() else {
        return assessment;
    };
    assessment
        .costs
        .push(cost(Platform::Lambda, lambda, requests));
    assessment.uncertainty = lambda.largest;
    let mut evidence = FunctionEvidence {
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
        pods: None,
    };
    let projection =
        prices.map(|prices| FunctionProjection::of(function, window, prices, settings));
    let pods = projection.and_then(|one| Some((one.cost()?, one.size()?, one.demand())));
    if let Some((pods, equivalent, demand)) = pods {
        assessment
            .costs
            .push(cost(Platform::Kubernetes, pods, requests));
        assessment.uncertainty = pods.largest;
        // A cost that lacks a part compares with nothing.
        if is_complete {
            assessment.monthly_saving = Some(lambda.point.minus(pods.point));
            let curve = bill.curve();
            let breakeven =
                kubernetes_projection::breakeven(&curve, requests, &equivalent, settings);
            assessment.breakeven = Some(breakeven);
        }
        evidence.pods = prices.map(|prices| PodsEvidence {
            demand,
            equivalent,
            prices: prices.mean,
        });
    }
    assessment.evidence = Evidence::Function(Box::new(evidence));
    let other = assessment.monthly(Platform::Kubernetes);
    assessment.verdict = match (insufficient(covered, window.invocations), other) {
        (Some(missing), _) => missing,
        (None, Some(pods)) if is_complete => compare(&pods, &lambda),
        (None, _) => Verdict::Unpriced,
    };
    assessment
}

fn cost(platform: Platform, monthly: CostEstimate, requests: Requests) -> PlatformCost {
    PlatformCost {
        platform,
        basis: Basis::Loaded,
        monthly,
        requests,
    }
}
