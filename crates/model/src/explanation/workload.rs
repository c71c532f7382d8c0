//! A workload of the cluster.

use super::number::{count, factor, hours, millis, per_million, percent, plain, price, usd};
use super::{Inputs, Line, Section};
use crate::inputs::WorkloadEvidence;
use crate::inventory::{OriginChoice, Throttling};
use crate::month::Month;
use crate::parameters::ModelParameters;
use crate::report::{
    Basis, NodeReport, Provenance, Report, VolumeReport, WorkloadRef, WorkloadReport,
};
use crate::units::{Ratio, Usd};
use crate::window::WorkloadWindow;

/// The part of the scheduler's periods that containers may be held back in for their latency to be trusted: that of the alert
/// `CPUThrottlingHigh` of kubernetes-mixin.
const UNTRUSTED: Ratio = match Ratio::from_factor(0.25) {
    Ok(ratio) => ratio,
    Err(_) => Ratio::ZERO,
};

pub(super) fn sections(
    report: &Report,
    workload: &WorkloadReport,
    evidence: &WorkloadEvidence,
    inputs: &Inputs,
) -> Vec<Section> {
    let settings = &report.settings;
    vec![
        Section {
            title: "What was seen",
            lines: seen(
                &evidence.window,
                &counted_by(report, workload, inputs),
                inputs,
            ),
        },
        Section {
            title: "The last 28 days (UTC)",
            lines: workload
                .month
                .as_ref()
                .map(|month| last_days(month, settings))
                .unwrap_or_default(),
        },
        Section {
            title: "Prices of its nodes",
            lines: nodes(report, workload, inputs),
        },
        Section {
            title: "Prices of its volumes",
            lines: volumes(report, workload),
        },
        Section {
            title: "Cost in the cluster",
            lines: on_current_platform(workload, evidence, settings),
        },
    ]
}

fn seen(window: &WorkloadWindow, counted_by: &str, inputs: &Inputs) -> Vec<Line> {
    let mut lines = vec![Line::new(
        "cost",
        format!(
            "held and carried, integrated while the cluster was watched; {}",
            inputs.source("kubernetes")
        ),
        format!("{} in {}", usd(window.loaded), hours(window.observed)),
    )];
    let usage = inputs.source("usage");
    if let Some(cores) = window.used.cores.mean_over(window.used.observed) {
        let from = format!("{usage}; over {}", hours(window.used.observed));
        lines.push(Line::new(
            "processors used",
            from,
            format!("{} cores", plain(cores.cores())),
        ));
    }
    if let Some(memory) = window.used.working_set() {
        let from = format!(
            "{usage}; between {} and {} MiB",
            plain(memory.low.mib()),
            plain(memory.high.mib())
        );
        let result = format!("{} MiB", plain(memory.point.mib()));
        lines.push(Line::new("memory of a pod (W)", from, result));
    }
    lines.extend(
        window
            .throttling
            .as_ref()
            .map(|one| cpu_throttling(one, &usage)),
    );
    if let Some(traffic) = &window.traffic {
        let from = format!("{counted_by}; over {}", hours(traffic.covered));
        lines.push(Line::new("requests", from, count(traffic.requests)));
        if let Some(latency) = traffic.mean_latency() {
            let from = format!(
                "sum / count over {} measured requests",
                count(traffic.measured)
            );
            lines.push(Line::new("latency (w)", from, millis(latency)));
        }
    }
    lines
}

/// How its containers were held back by their CPU limits, and what that makes of the rest.
fn cpu_throttling(throttling: &Throttling, usage: &str) -> Line {
    let ratio = throttling.ratio().unwrap_or_default();
    let doubt = if ratio > UNTRUSTED {
        format!(
            "; above {}: latency (w) and waiting (i) are more those of the limit than of the work, and a function would not wait so",
            percent(UNTRUSTED)
        )
    } else {
        String::new()
    };
    let from = format!(
        "{usage}; {:.0} of {:.0} periods of the scheduler{doubt}",
        throttling.throttled.periods(),
        throttling.periods.periods()
    );
    let result = format!("{}, {} s", percent(ratio), plain(throttling.time.seconds()));
    Line::new("held back by CPU limits", from, result)
}

/// What a month like the last days would be, which the decision does not stand on.
fn last_days(month: &Month, settings: &ModelParameters) -> Vec<Line> {
    let hours_of_month = settings.hours_per_month;
    let mut lines = Vec::new();
    if let Some(cost) = month.cost(hours_of_month) {
        let parts = format!(
            "held {} + idle {} + shared {} + fixed {}, from {}",
            usd(cost.allocated),
            usd(cost.idle),
            usd(cost.shared),
            usd(cost.fixed),
            hours(month.totals.observed)
        );
        lines.push(Line::new("cost of a month", parts, usd(cost.loaded())));
    }
    if let Some((cores, memory)) = month.mean_use() {
        let from = format!("in the mean over {}", hours(month.totals.usage_observed));
        let used = format!(
            "{} cores, {} MiB",
            plain(cores.cores()),
            plain(memory.mib())
        );
        lines.push(Line::new("used", from, used));
    }
    if let Some(requests) = month.requests(hours_of_month) {
        let from = format!("from {}", hours(month.covered));
        lines.push(Line::new("requests of a month", from, count(requests)));
    }
    if let Some(active) = month.active_ratio() {
        let from = "part of the time in which it served any".to_owned();
        lines.push(Line::new("active", from, percent(active)));
    }
    if let Some(latency) = month.mean_latency() {
        let from = format!(
            "sum / count over {} measured requests",
            count(month.totals.measured)
        );
        lines.push(Line::new("latency", from, millis(latency)));
    }
    lines
}

/// What counts its requests, and why: `source requests, 9 s old, by istio (the first with data)`.
fn counted_by(report: &Report, workload: &WorkloadReport, inputs: &Inputs) -> String {
    let (source, why) = match workload.facts.requests_by.as_deref() {
        Some("annotation") => (
            "requests",
            "its annotation (which comes before all others)".to_owned(),
        ),
        Some("scrape") => (
            "scrape",
            "scraping its pods (which comes before presets and queries)".to_owned(),
        ),
        Some("edge") => (
            "edge",
            "what AWS counts before the cluster (nothing else counts it)".to_owned(),
        ),
        _ => ("requests", by_origin(report)),
    };
    let source = inputs.source(source);
    if why.is_empty() {
        source
    } else {
        format!("{source}, by {why}")
    }
}

/// The preset or the queries that count what nothing else does, and why these.
fn by_origin(report: &Report) -> String {
    let Some(origin) = &report.requests else {
        return String::new();
    };
    let why = match origin.choice {
        OriginChoice::Configured => "as configured",
        OriginChoice::FirstWithData => "the first with data",
        OriginChoice::NoneHasData => return "nothing: no preset has data".to_owned(),
    };
    let name = origin.name.as_deref().unwrap_or_default();
    format!("{name} ({why})")
}

/// The nodes that its pods are on; those with the same price have a line together.
fn nodes(report: &Report, workload: &WorkloadReport, inputs: &Inputs) -> Vec<Line> {
    let here = |name: &str| workload.nodes.iter().any(|node| &**node == name);
    let nodes = report.nodes.iter().filter(|one| here(&one.node.name));
    let mut groups: Vec<(Line, usize)> = Vec::new();
    for line in nodes.map(|one| node(one, report, inputs)) {
        let same =
            |other: &&mut (Line, usize)| other.0.from == line.from && other.0.result == line.result;
        match groups.iter_mut().find(same) {
            Some((_, more)) => *more += 1,
            None => groups.push((line, 0)),
        }
    }
    let named = groups.into_iter().map(|(line, more)| match more {
        0 => line,
        _ => Line {
            name: format!("{} and {more} more", line.name),
            ..line
        },
    });
    named.collect()
}

/// What a node costs, by which source, and what one of its cores and GiB costs.
///
/// Formula: `P / (c·ρ + g + n·γ)` for a GiB, ρ times that for a core.
fn node(one: &NodeReport, report: &Report, inputs: &Inputs) -> Line {
    let name = &*one.node.name;
    let prices = (&one.price, one.core_price, one.memory_price);
    let (known, core, memory) = match prices {
        (Ok(known), Some(core), Some(memory)) => (known, core, memory),
        (Err(reason), ..) => return Line::new(name, reason.as_str().replace('_', " "), "unpriced"),
        _ => return Line::new(name, "has no capacity", "unpriced"),
    };
    let Provenance {
        source,
        fetched_at,
        method,
    } = &known.provenance;
    let age = fetched_at.map(|at| inputs.age(at)).unwrap_or_default();
    let has = one.node.capacity;
    let gpus = match has.gpus {
        0 => String::new(),
        gpus => format!(" + {gpus} GPUs x {}", factor(report.settings.weights.gpu)),
    };
    let from = format!(
        "{}: {method}{age}; / ({} cores x {} + {} GiB{gpus})",
        source.as_str(),
        plain(has.cpu.cores()),
        plain(core.hourly() / memory.hourly()),
        plain(has.memory.gib()),
    );
    let result = format!(
        "{}, {}, {}",
        price(known.price.hourly(), "an hour"),
        price(core.hourly(), "a core"),
        price(memory.hourly(), "a GiB")
    );
    Line::new(name, from, result)
}

/// The volumes that it holds.
fn volumes(report: &Report, workload: &WorkloadReport) -> Vec<Line> {
    let WorkloadRef::Kubernetes(id) = &workload.workload else {
        return Vec::new();
    };
    let held = report.volumes.iter().filter(|one| one.holders.contains(id));
    let line = |one: &VolumeReport| {
        let name = &*one.volume.name;
        let known = match &one.price {
            Ok(known) => known,
            Err(reason) => {
                return Line::new(name, reason.as_str().replace('_', " "), "unpriced");
            }
        };
        let Provenance { source, method, .. } = &known.provenance;
        let mut from = format!(
            "{}: {method}; {} GiB",
            source.as_str(),
            plain(one.volume.size.gib())
        );
        if one.holders.len() > 1 {
            from = format!("{from}, shared with {} more", one.holders.len() - 1);
        }
        Line::new(name, from, price(known.price.hourly(), "an hour"))
    };
    held.map(line).collect()
}

fn on_current_platform(
    workload: &WorkloadReport,
    evidence: &WorkloadEvidence,
    settings: &ModelParameters,
) -> Vec<Line> {
    let month = settings.hours_per_month.hours();
    let window = &evidence.window;
    let sum = |basis| match basis {
        Basis::Used | Basis::Loaded => window.loaded,
        Basis::Allocated | Basis::Avoidable => window.allocated,
    };
    let mut lines = Vec::new();
    for (basis, cost) in &workload.assessment.current {
        let total: Usd = sum(*basis);
        let mut from = format!("{} / {} x {month} h", usd(total), hours(window.observed));
        if *basis == Basis::Used {
            let share = window.used.cost.over(window.used.loaded).map(percent);
            from = format!(
                "{from} x {}, the part used while use was seen",
                share.unwrap_or_default()
            );
        }
        if *basis == Basis::Avoidable {
            from = format!("{from} x {}", factor(settings.avoidable.point));
        }
        let name = format!("{} a month", basis.as_str());
        lines.push(Line::new(name, from, usd(cost.monthly.point)));
        if let (Basis::Loaded, Some(each)) = (basis, cost.per_request()) {
            let from = format!(
                "{} / {} requests",
                usd(cost.monthly.point),
                count(evidence.requests)
            );
            lines.push(Line::new("one request", from, per_million(each)));
        }
    }
    lines
}
