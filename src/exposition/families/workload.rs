//! The series of one workload or function.

use crate::exposition::metrics::{IDENTITY, Metric};
use crate::exposition::series::{Labels, SeriesBuffer};
use breakeven_model::assessment::Assessment;
use breakeven_model::inventory::{Insights, WorkloadId};
use breakeven_model::lambda::HttpEndpoint;
use breakeven_model::month::Month;
use breakeven_model::traffic_pattern::TrafficPattern;
use breakeven_model::units::{Gib, Hours, Seconds};
use breakeven_model::{
    Basis, Breakeven, FunctionCounters, MonthlyCost, SharedWorkload, Verdict, WorkloadAttributes,
    WorkloadRef, WorkloadReport,
};

use super::flag;

/// The kind of a function, as `workload_kind` has it.
const FUNCTION_KIND: &str = "Function";

/// What the name of a label begins with that is made of a tag: it can then be none of the family's own.
const TAG_PREFIX: &str = "tag_";

/// Everything that is shown of a subject, with months of so many hours.
pub(in crate::exposition) fn series(report: &WorkloadReport, hours: Hours) -> SeriesBuffer {
    let identity = identity(&report.workload);
    let mut batch = SeriesBuffer::default();
    money(report, &identity, &mut batch);
    if let Some(month) = &report.month {
        projected(month, hours, &identity, &mut batch);
    }
    comparison(report, &identity, &mut batch);
    if let Some(function) = &report.function {
        counters(function, &identity, &mut batch);
    }
    batch
}

/// What is shown of a workload whose cost is spread over the others.
pub(in crate::exposition) fn shared(shared: &SharedWorkload) -> SeriesBuffer {
    let mut batch = SeriesBuffer::default();
    let labels = workload_identity(&shared.workload);
    batch.push(Metric::SharedWorkloadCost, labels, shared.cost_total.usd());
    batch
}

fn money(report: &WorkloadReport, identity: &Labels, batch: &mut SeriesBuffer) {
    for (component, spent) in &report.cost_total {
        let labels = identity.clone().and("component", component.as_str());
        batch.push(Metric::WorkloadCost, labels, spent.usd());
    }
    for (resource, spent) in &report.used_cost_total {
        let labels = identity.clone().and("resource", resource.as_str());
        batch.push(Metric::WorkloadUsedCost, labels, spent.usd());
    }
    for (outcome, requests) in &report.requests_total {
        let labels = identity.clone().and("outcome", outcome.as_str());
        batch.push(Metric::WorkloadRequests, labels, requests.requests());
    }
    if let Some(throttled) = &report.throttled {
        let seconds = throttled.total.seconds();
        batch.push(Metric::WorkloadThrottled, identity.clone(), seconds);
        if let Some(ratio) = throttled.ratio {
            batch.push(
                Metric::WorkloadThrottledRatio,
                identity.clone(),
                ratio.get(),
            );
        }
    }
    for (platform, basis, cost) in report.assessment.costs() {
        monthly_cost((platform, basis), cost, identity, batch);
    }
}

/// Cost of a month and of a request on a platform and a basis.
fn monthly_cost(
    (platform, basis): (&str, Basis),
    cost: &MonthlyCost,
    identity: &Labels,
    batch: &mut SeriesBuffer,
) {
    let on = identity.clone().and("platform", platform);
    let labels = on.and("basis", basis.as_str());
    if let Some(each) = cost.per_request() {
        batch.push(Metric::RequestCost, labels.clone(), each.each());
    }
    if let Some((low, high)) = cost.per_request_band().filter(|_| has_band(basis)) {
        batch.push(Metric::RequestCostLow, labels.clone(), low.each());
        batch.push(Metric::RequestCostHigh, labels.clone(), high.each());
    }
    batch.push(
        Metric::WorkloadMonthlyCost,
        labels,
        cost.monthly.point.usd(),
    );
}

/// What a month like the last days would be.
fn projected(month: &Month, hours: Hours, identity: &Labels, batch: &mut SeriesBuffer) {
    if let Some(cost) = month.cost(hours) {
        for (component, cost) in [
            ("allocated", cost.allocated),
            ("idle", cost.idle),
            ("shared", cost.shared),
            ("fixed", cost.fixed),
        ] {
            let labels = identity.clone().and("component", component);
            batch.push(Metric::WorkloadProjectedMonthCost, labels, cost.usd());
        }
    }
    if let Some(requests) = month.requests(hours) {
        batch.push(
            Metric::WorkloadProjectedMonthRequests,
            identity.clone(),
            requests.requests(),
        );
    }
    for (of, time) in [("cost", month.totals.observed), ("requests", month.covered)] {
        if !time.is_zero() {
            let labels = identity.clone().and("of", of);
            batch.push(Metric::WorkloadObservedMonth, labels, time.seconds());
        }
    }
    if let Some(active) = month.active_ratio() {
        batch.push(Metric::WorkloadActive, identity.clone(), active.get());
    }
}

/// Whether a cost on this basis is shown with its band: those that are measured have none.
const fn has_band(basis: Basis) -> bool {
    matches!(basis, Basis::Loaded | Basis::Avoidable)
}

fn comparison(report: &WorkloadReport, identity: &Labels, batch: &mut SeriesBuffer) {
    let assessment = &report.assessment;
    if let Some(saving) = assessment.monthly_saving() {
        batch.push(
            Metric::WorkloadMonthlySaving,
            identity.clone(),
            saving.usd(),
        );
    }
    let utilization = &assessment.utilization;
    for (resource, ratio) in [
        ("cost", utilization.cost),
        ("cpu", utilization.cpu),
        ("memory", utilization.memory),
    ] {
        if let Some(ratio) = ratio {
            let labels = identity.clone().and("resource", resource);
            batch.push(Metric::WorkloadUtilization, labels, ratio.get());
        }
    }
    if let Some(ratio) = assessment.breakeven_utilization() {
        batch.push(
            Metric::WorkloadBreakevenUtilization,
            identity.clone(),
            ratio.get(),
        );
    }
    break_even(assessment, identity, batch);
    for verdict in Verdict::ALL {
        let labels = identity.clone().and("verdict", verdict.as_str());
        batch.push(
            Metric::WorkloadVerdict,
            labels,
            flag(verdict == assessment.verdict),
        );
    }
    if let Some((parameter, swing)) = assessment.largest_unknown() {
        let labels = identity.clone().and("parameter", parameter.as_str());
        batch.push(Metric::WorkloadUncertainty, labels, swing.get());
    }
    for reason in assessment.blockers() {
        let labels = identity.clone().and("reason", reason.as_str());
        batch.push(Metric::WorkloadIneligible, labels, 1.0);
    }
    attributes(&report.facts, identity, batch);
}

/// The traffic at which the answer changes.
fn break_even(assessment: &Assessment, identity: &Labels, batch: &mut SeriesBuffer) {
    if let Some(Breakeven::Crossing { first, sustained }) = assessment.breakeven() {
        for (crossing, requests) in [("first", Some(first)), ("sustained", sustained)] {
            if let Some(requests) = requests {
                let labels = identity.clone().and("crossing", crossing);
                batch.push(
                    Metric::WorkloadBreakevenRequests,
                    labels,
                    requests.requests(),
                );
            }
        }
    }
}

/// The attributes of the workload.
fn attributes(facts: &WorkloadAttributes, identity: &Labels, batch: &mut SeriesBuffer) {
    let memory = facts.lambda_memory.map(|memory| memory.mib().to_string());
    let pattern = facts.traffic_pattern.map_or("", TrafficPattern::as_str);
    let event_sources: Vec<&str> = facts
        .event_sources
        .iter()
        .map(|source| source.as_str())
        .collect();
    let unit = facts
        .annotations
        .as_ref()
        .and_then(|notes| notes.unit.as_deref());
    let labels = identity
        .clone()
        .and("traffic_pattern", pattern)
        .and(
            "architecture",
            facts
                .architecture
                .map_or("", |architecture| architecture.as_str()),
        )
        .and("runtime", facts.runtime.as_deref().unwrap_or_default())
        .and("lambda_memory_mib", memory.as_deref().unwrap_or_default())
        .and("team", facts.team.as_deref().unwrap_or_default())
        .and("unit", unit.unwrap_or_default())
        .and(
            "requests_by",
            facts.requests_by.as_deref().unwrap_or_default(),
        )
        .and(
            "front_door",
            facts.http_endpoint.map_or("", HttpEndpoint::as_str),
        )
        .and("event_sources", &event_sources.join(","));
    let tags = facts.labels.iter().filter(|(name, _)| &***name != "team");
    let labels = tags.fold(labels, |labels, (name, value)| {
        labels.and(&format!("{TAG_PREFIX}{name}"), value)
    });
    batch.push(Metric::WorkloadInfo, labels, 1.0);
    if let Some(pair) = &facts.pair {
        let labels = identity.clone().and("pair", &pair.to_string());
        batch.push(Metric::WorkloadPairInfo, labels, 1.0);
    }
    if let Some(measured) = &facts.insights {
        insights(measured, identity, batch);
    }
    for (metric, environments) in [
        (
            Metric::FunctionReservedConcurrency,
            facts.reserved_concurrency,
        ),
        (
            Metric::FunctionProvisionedConcurrency,
            facts.provisioned_concurrency,
        ),
    ] {
        if let Some(environments) = environments {
            batch.push(metric, identity.clone(), f64::from(environments));
        }
    }
}

/// What Lambda Insights measured, as far as it did.
fn insights(insights: &Insights, identity: &Labels, batch: &mut SeriesBuffer) {
    let seconds = |time: Option<Seconds>| time.map(Seconds::seconds);
    for (metric, value) in [
        (
            Metric::FunctionMemoryPeak,
            insights.memory_peak.map(Gib::bytes),
        ),
        (Metric::FunctionCpu, seconds(insights.cpu_each())),
        (Metric::FunctionInit, seconds(insights.init_each())),
    ] {
        if let Some(value) = value {
            batch.push(metric, identity.clone(), value);
        }
    }
}

fn counters(function: &FunctionCounters, identity: &Labels, batch: &mut SeriesBuffer) {
    let totals = [
        (
            Metric::FunctionGibSeconds,
            function.gib_seconds_total.gib_seconds(),
        ),
        (Metric::FunctionErrors, function.errors_total.requests()),
        (
            Metric::FunctionThrottles,
            function.throttles_total.requests(),
        ),
    ];
    for (metric, total) in totals {
        batch.push(metric, identity.clone(), total);
    }
    let (method, cold_starts) = function.cold_starts_total;
    batch.push(
        Metric::FunctionColdStarts,
        identity.clone().and("method", method.as_str()),
        cold_starts.requests(),
    );
    if let Some(peak) = function.concurrency_peak {
        batch.push(
            Metric::FunctionConcurrencyPeak,
            identity.clone(),
            f64::from(peak),
        );
    }
}

fn identity(workload_ref: &WorkloadRef) -> Labels {
    match workload_ref {
        WorkloadRef::Kubernetes(workload) => workload_identity(workload),
        WorkloadRef::Lambda(function) => labels_of([
            workload_ref.platform().as_str(),
            "",
            FUNCTION_KIND,
            &function.name,
            &function.account_id,
            &function.region,
        ]),
    }
}

fn workload_identity(workload: &WorkloadId) -> Labels {
    labels_of([
        breakeven_model::Platform::Kubernetes.as_str(),
        &workload.namespace,
        workload.kind.as_str(),
        &workload.name,
        "",
        "",
    ])
}

fn labels_of(values: [&str; IDENTITY.len()]) -> Labels {
    let named = IDENTITY.iter().zip(values);
    named.fold(Labels::default(), |labels, (name, value)| {
        labels.and(name, value)
    })
}
