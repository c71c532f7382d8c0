//! A function.

use super::number::{count, hours, millis, plain};
use super::{Inputs, Line, Section, charges};
use crate::inputs::FunctionEvidence;
use crate::inventory::Insights;
use crate::lambda::{HttpEndpoint, HttpEndpointOrigin};
use crate::parameters::ModelParameters;
use crate::report::WorkloadReport;
use crate::units::Seconds;

pub(super) fn sections(
    workload: &WorkloadReport,
    evidence: &FunctionEvidence,
    settings: &ModelParameters,
    inputs: &Inputs,
) -> Vec<Section> {
    vec![
        Section {
            title: "What was seen",
            lines: seen(evidence, inputs),
        },
        Section {
            title: "Cost on Lambda",
            lines: on_current_platform(workload, evidence, settings),
        },
    ]
}

fn seen(evidence: &FunctionEvidence, inputs: &Inputs) -> Vec<Line> {
    let over = format!(
        "{}; closed minutes over {}",
        inputs.source("cloudwatch"),
        hours(evidence.covered)
    );
    let mut lines = vec![
        Line::new("invocations", over, count(evidence.invocations)),
        Line::new(
            "configuration",
            inputs.source("lambda"),
            format!(
                "{} MiB, {}",
                evidence.memory.mib(),
                evidence.architecture.as_str()
            ),
        ),
    ];
    if let Some(mean) = evidence.duration.per(evidence.invocations) {
        lines.push(Line::new(
            "duration (d)",
            "sum / count, INIT not included",
            millis(mean),
        ));
    }
    if let Some(insights) = &evidence.insights {
        lines.extend(measured(insights, inputs));
    }
    lines.extend(polled(evidence, inputs));
    lines.push(http_endpoint(evidence, inputs));
    lines
}

/// What Lambda Insights measured, as far as it did.
fn measured(insights: &Insights, inputs: &Inputs) -> impl Iterator<Item = Line> {
    let over = insights.window.length();
    let over = format!("over {}{}", hours(over), inputs.age(insights.read_at));
    let measured = count(insights.invocations);
    let inits = count(insights.initialised);
    [
        insights.cpu_each().map(|each| {
            let from = format!("Lambda Insights, cpu_total_time of {measured} invocations {over}");
            Line::new("processor time (s)", from, millis(each))
        }),
        insights.memory_peak.map(|peak| {
            let from = format!("Lambda Insights, the maximum of used_memory_max {over}");
            Line::new("memory in use", from, format!("{} MiB", plain(peak.mib())))
        }),
        insights.init_each().map(|each| {
            let from = format!("Lambda Insights, init_duration of {inits} environments {over}");
            Line::new("initialisation", from, millis(each))
        }),
    ]
    .into_iter()
    .flatten()
}

/// What is polled for it; absent where that is not known.
fn polled(evidence: &FunctionEvidence, inputs: &Inputs) -> Option<Line> {
    let sources = evidence.event_sources.as_ref()?;
    let kinds: Vec<&str> = sources.iter().map(|source| source.as_str()).collect();
    let result = match kinds.as_slice() {
        [] => "none".to_owned(),
        kinds => kinds.join(", "),
    };
    Some(Line::new("event sources", inputs.source("lambda"), result))
}

/// What its requests come through, and how that is known.
fn http_endpoint(evidence: &FunctionEvidence, inputs: &Inputs) -> Line {
    let (http_endpoint, origin) = evidence.http_endpoint;
    let from = match origin {
        HttpEndpointOrigin::Configured => "aws.surroundings".to_owned(),
        HttpEndpointOrigin::Read if http_endpoint == HttpEndpoint::FunctionUrl => {
            format!("it has a URL, {}", inputs.source("lambda"))
        }
        HttpEndpointOrigin::Read => {
            "Lambda polls for it, and it has no URL as far as is known".to_owned()
        }
        HttpEndpointOrigin::Assumed => {
            return Line::new(
                "front door",
                "API Gateway and load balancers are not looked for; aws.surroundings says what there is",
                "not known, taken as free",
            );
        }
    };
    Line::new("front door", from, http_endpoint.as_str())
}

/// Where it is known from how long a cold start initialises.
fn init_by(evidence: &FunctionEvidence) -> &'static str {
    match evidence.insights.and_then(|insights| insights.init_each()) {
        Some(_) => "Lambda Insights, in the mean",
        None => "model.cold_starts",
    }
}

fn on_current_platform(
    workload: &WorkloadReport,
    evidence: &FunctionEvidence,
    settings: &ModelParameters,
) -> Vec<Line> {
    let Some(cost) = workload.assessment.current_cost() else {
        return Vec::new();
    };
    let month = charges::Month {
        terms: &evidence.terms,
        region: &evidence.region,
        memory: evidence.memory,
        requests: evidence.requests,
        duration: evidence
            .duration
            .per(evidence.invocations)
            .unwrap_or_default(),
        cold: evidence.cold_starts.and_then(|seen| {
            let month = Seconds::from(settings.hours_per_month);
            let share = (seen.rate()? * month).over(evidence.requests)?;
            Some((share, seen.method))
        }),
        keep_alive: settings.lambda.keep_alive,
        init: (evidence.init, init_by(evidence)),
        parts: &evidence.bill,
    };
    let mut lines = vec![Line::new(
        "requests of a month",
        format!(
            "{} / {} x hours of a month",
            count(evidence.invocations),
            hours(evidence.covered)
        ),
        count(evidence.requests),
    )];
    lines.extend(month.lines(cost));
    lines
}
