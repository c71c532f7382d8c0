//! The answer for programs. What is not known is absent.

use serde_json::{Map, Value};

use breakeven_model::Breakeven;
use breakeven_model::estimate::{Estimate, Side};
use breakeven_model::units::{Ratio, Requests, UsdPerRequest};

pub(super) fn to_json(estimate: &Estimate) -> Value {
    let breakeven = estimate.breakeven.as_ref();
    known([
        ("lambda", estimate.lambda.as_ref().map(side)),
        ("kubernetes", estimate.kubernetes.as_ref().map(side)),
        (
            "breakeven",
            breakeven.map(|found| crossing(found, estimate.breakeven_utilization)),
        ),
    ])
}

fn side(side: &Side) -> Value {
    let components = side
        .components
        .iter()
        .map(|(name, cost)| ((*name).to_owned(), cost.usd().into()));
    let components: Map<String, Value> = components.collect();
    known([
        ("monthly_usd", Some(side.monthly.usd().into())),
        (
            "per_request_usd",
            side.per_request.map(UsdPerRequest::each).map(Value::from),
        ),
        ("components", Some(components.into())),
    ])
}

fn crossing(found: &Breakeven, utilization: Option<Ratio>) -> Value {
    let (state, first, sustained) = match found {
        Breakeven::Crossing { first, sustained } => ("crossing", Some(*first), *sustained),
        Breakeven::KubernetesAlways => ("kubernetes_always", None, None),
        Breakeven::LambdaAlways => ("lambda_always", None, None),
        Breakeven::BeyondCapacity => ("beyond_capacity", None, None),
    };
    let requests = |requests: Option<Requests>| requests.map(|one| one.requests().into());
    known([
        ("state", Some(state.into())),
        ("first_requests_per_month", requests(first)),
        ("sustained_requests_per_month", requests(sustained)),
        (
            "utilization_ratio",
            utilization.map(Ratio::get).map(Value::from),
        ),
    ])
}

fn known<const N: usize>(keys: [(&str, Option<Value>); N]) -> Value {
    let known = keys
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(known.collect())
}
