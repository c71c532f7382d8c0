//! What follows: the break-even and the verdict.

use super::Line;
use super::number::{self, count, factor, percent, usd};
use crate::alternatives::ProjectionInputs;
use crate::inputs::Evidence;
use crate::lambda::MissingPrice;
use crate::parameters::ModelParameters;
use crate::report::{Breakeven, Ineligibility, Platform, Verdict, WorkloadReport};
use crate::verdict::{covers_rare_requests, insufficient, is_cost_seen, is_rare};

pub(super) fn breakeven(workload: &WorkloadReport) -> Vec<Line> {
    let assessment = &workload.assessment;
    let mut lines = Vec::new();
    if let Some(utilization) = assessment.utilization.cost {
        let from = "cost used / cost loaded";
        lines.push(Line::new("utilisation u", from, percent(utilization)));
    }
    if let Some(utilization) = assessment.breakeven_utilization() {
        let from = "cost used / cost on Lambda";
        lines.push(Line::new(
            "break-even utilisation u*",
            from,
            percent(utilization),
        ));
    }
    if let Some(scaler) = workload.facts.scaler {
        let target = scaler.target.map_or_else(
            || "which does not go by processors".to_owned(),
            |target| {
                format!(
                    "which aims at {} of the processors requested",
                    percent(target)
                )
            },
        );
        let from = format!("its HorizontalPodAutoscaler, {target}");
        let result = format!("{} to {}", scaler.min, scaler.max);
        lines.push(Line::new("pods", from, result));
    }
    match assessment.breakeven() {
        Some(Breakeven::Crossing { first, sustained }) => {
            let from = "the least traffic at which both platforms cost the same";
            let result = format!("{} requests a month", count(first));
            lines.push(Line::new("first crossing", from, result));
            if let Some(sustained) = sustained.filter(|sustained| *sustained != first) {
                let from = "above it Kubernetes always costs less";
                let result = format!("{} requests a month", count(sustained));
                lines.push(Line::new("sustained crossing", from, result));
            }
        }
        Some(Breakeven::KubernetesAlways) => {
            lines.push(Line::new(
                "crossing",
                "Kubernetes costs less at any traffic",
                "none",
            ));
        }
        Some(Breakeven::LambdaAlways) => {
            lines.push(Line::new(
                "crossing",
                "Lambda costs less at any traffic",
                "none",
            ));
        }
        Some(Breakeven::BeyondCapacity) => {
            let from =
                "even used to the full, what is held costs more than Lambda (u* above 100 %)";
            lines.push(Line::new(
                "crossing",
                from,
                "beyond the capacity that is held",
            ));
        }
        None => {}
    }
    lines
}

pub(super) fn verdict(workload: &WorkloadReport, settings: &ModelParameters) -> Vec<Line> {
    let assessment = &workload.assessment;
    let mut lines = Vec::new();
    for platform in [Platform::Kubernetes, Platform::Lambda] {
        if let Some(cost) = assessment.cost_on(platform) {
            let from = "every parameter at its cheaper and at its dearer end, over a month";
            let band = cost.monthly;
            let result = format!(
                "{} to {}, point {}",
                usd(band.low),
                usd(band.high),
                usd(band.point)
            );
            lines.push(Line::new(format!("on {}", platform.as_str()), from, result));
        }
    }
    if let Some((parameter, swing)) = assessment.largest_unknown() {
        let name = parameter.as_str().replace('_', " ");
        let from = "the parameter that moves the projection most, by itself";
        lines.push(Line::new(
            name,
            from,
            format!("{} of the point", factor(swing)),
        ));
    }
    if let Some(saving) = assessment.monthly_saving() {
        let from =
            "cost at home - cost on the other platform, by the points; negative: moving would cost";
        lines.push(Line::new("moving saves", from, number::signed(saving)));
    }
    for reason in assessment.blockers() {
        let name = reason.as_str().replace('_', " ");
        lines.push(Line::new("cannot move", "as it is now", name));
    }
    for reason in possible_blockers(workload) {
        let name = reason.as_str().replace('_', " ");
        let from =
            "at this processor time (s), but not at the least that it may be: it blocks nothing";
        lines.push(Line::new("may not be able to move", from, name));
    }
    lines.push(Line::new(
        "verdict",
        what_decides(workload, settings),
        assessment.verdict.as_str(),
    ));
    lines.extend(provisional(workload, settings));
    lines
}

/// That the verdict may change at any time, while less than a full decision window has been seen.
fn provisional(workload: &WorkloadReport, settings: &ModelParameters) -> Option<Line> {
    let seen = workload
        .provisional
        .filter(|_| workload.assessment.verdict.decides())?;
    let from = "it changes at once until a full decision window has been observed";
    let window = settings.decision_window.in_words();
    let result = format!("{} of {window} observed", number::hours(seen));
    Some(Line::new("provisional", from, result))
}

/// Whether nothing ever said what its pods use.
fn is_usage_missing(workload: &WorkloadReport) -> bool {
    match &workload.assessment.evidence {
        Evidence::Workload(evidence) => evidence.window.used.observed.is_zero(),
        _ => false,
    }
}

/// Whether its cost was not seen for long enough.
fn is_cost_missing(workload: &WorkloadReport) -> bool {
    match &workload.assessment.evidence {
        Evidence::Workload(evidence) => {
            !is_cost_seen(evidence.window.observed.max(evidence.unchanged_for))
        }
        _ => false,
    }
}

/// Reasons against Lambda that are not certain.
fn possible_blockers(workload: &WorkloadReport) -> &[Ineligibility] {
    let compared = workload.assessment.compared();
    match compared.and_then(|one| one.inputs.as_ref()) {
        Some(ProjectionInputs::Lambda(inputs)) => &inputs.possible_blockers,
        _ => &[],
    }
}

/// Whether there are requests enough, but no usage at the time of any of them.
fn is_cpu_per_request_missing(workload: &WorkloadReport) -> bool {
    match &workload.assessment.evidence {
        Evidence::Workload(evidence) => {
            let traffic = evidence.window.traffic.unwrap_or_default();
            insufficient(traffic.covered, traffic.requests).is_none()
                && evidence.window.cpu_per_request().is_none()
        }
        _ => false,
    }
}

/// What a verdict lacks if too little has been observed.
fn missing_data(workload: &WorkloadReport, settings: &ModelParameters) -> String {
    match &workload.assessment.evidence {
        _ if is_usage_missing(workload) => "what its pods use is not known; see the source usage".to_owned(),
        _ if is_cost_missing(workload) => {
            "less than an hour of its cost was seen, which counts from the start of its oldest \
             unchanged pod; it comes with time"
                .to_owned()
        }
        _ if is_cpu_per_request_missing(workload) => {
            "processor time per request is unknown: CPU usage and requests have not been observed at the same time; \
             see the sources usage and requests"
                .to_owned()
        }
        Evidence::Function(evidence)
            if is_rare(evidence.invocations)
                && is_cost_seen(evidence.covered)
                && !covers_rare_requests(settings.decision_window) =>
        {
            format!(
                "fewer than 100 invocations in the decision window of {}; rare invocations need more than 3 days: \
                 set model.decision_window_seconds to 345600 (4 days)",
                settings.decision_window.in_words()
            )
        }
        _ => {
            "less than an hour of requests, or fewer than 100 in less than 3 days, were seen; it comes with time"
                .to_owned()
        }
    }
}

/// The first price that a function lacks.
fn missing_price(workload: &WorkloadReport) -> Option<MissingPrice> {
    match &workload.assessment.evidence {
        Evidence::Unpriced(missing) => Some(*missing),
        Evidence::Function(evidence) => evidence.terms.missing.first().copied(),
        Evidence::Nothing | Evidence::Workload(_) => None,
    }
}

/// Why the verdict is so; where something is missing, what to do.
fn what_decides(workload: &WorkloadReport, settings: &ModelParameters) -> String {
    let assessment = &workload.assessment;
    let parameter = assessment
        .largest_unknown()
        .map(|(one, _)| one.as_str().replace('_', " "));
    match assessment.verdict {
        verdict if verdict.decides() && !assessment.blockers().is_empty() => {
            "it cannot move, so it stays where it is, whatever the other platform costs".to_owned()
        }
        Verdict::Kubernetes => "its band lies below that of Lambda".to_owned(),
        Verdict::Lambda => "its band lies below that of Kubernetes".to_owned(),
        Verdict::Inconclusive => match parameter {
            Some(parameter) => {
                format!("the bands overlap; knowing the {parameter} better would narrow them most")
            }
            None => "the bands overlap".to_owned(),
        },
        Verdict::InsufficientData => missing_data(workload, settings),
        Verdict::NoRequests => {
            "no requests were counted; see that requests.prometheus covers it".to_owned()
        }
        Verdict::NoLatency => {
            "how long a request takes is not measured; add latency queries".to_owned()
        }
        Verdict::Unpriced => missing_price(workload)
            .map_or(
                "a node has no price; add it to prices.nodes",
                MissingPrice::reason,
            )
            .to_owned(),
    }
}
