//! The answer for people: a table of both sides, and what follows in sentences.

use super::format::{count, money};
use breakeven_model::Breakeven;
use breakeven_model::estimate::{Curves, Estimate, Scenario, Side};
use breakeven_model::pricing::list_prices::ec2;
use breakeven_model::resource_prices::{Weights, split};
use breakeven_model::units::{Ratio, Requests};

pub(super) fn render(scenario: &Scenario, estimate: &Estimate) -> String {
    let mut lines = vec![heading(scenario, estimate), String::new()];
    lines.extend(rows(estimate));
    lines.extend(node(scenario));
    let sentences = [less(estimate), crossing(estimate), utilization(estimate)];
    let mut sentences = sentences.into_iter().flatten().peekable();
    if sentences.peek().is_some() {
        lines.push(String::new());
    }
    lines.extend(sentences);
    lines.join("\n")
}

fn heading(scenario: &Scenario, estimate: &Estimate) -> String {
    let hours = count(scenario.hours.hours());
    match estimate.requests {
        Some(requests) => format!(
            "A month of {hours} hours and {} requests, in USD",
            count(requests.requests())
        ),
        None => format!("A month of {hours} hours, in USD"),
    }
}

/// The table: each part in the column of its side, and both sums.
fn rows(estimate: &Estimate) -> Vec<String> {
    let sides = [
        ("Lambda", estimate.lambda.as_ref()),
        ("Kubernetes", estimate.kubernetes.as_ref()),
    ];
    let sides = sides
        .into_iter()
        .filter_map(|(name, side)| Some((name, side?)));
    let sides: Vec<(&str, &Side)> = sides.collect();
    let largest = sides
        .iter()
        .map(|(_, side)| money(side.monthly.usd()).len());
    let width = largest.map(|length| length + 2).fold(18, usize::max);
    let row = |name: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("{cell:>width$}")).collect();
        format!("{name:<22}{cells}").trim_end().to_owned()
    };
    let mut rows = vec![row(
        "",
        sides.iter().map(|(name, _)| (*name).to_owned()).collect(),
    )];
    for (column, (_, side)) in sides.iter().enumerate() {
        for (name, cost) in &side.components {
            let mut cells = vec![String::new(); sides.len()];
            cells[column] = money(cost.usd());
            rows.push(row(&name.replace('_', " "), cells));
        }
    }
    let sums = |value: fn(&Side) -> Option<f64>| {
        let cells = sides
            .iter()
            .map(|(_, side)| value(side).map_or_else(String::new, money));
        cells.collect::<Vec<_>>()
    };
    rows.push(row("", vec!["-".repeat(12); sides.len()]));
    rows.push(row("a month", sums(|side| Some(side.monthly.usd()))));
    if estimate.requests.is_some() {
        rows.push(row(
            "a million requests",
            sums(|side| side.per_request.map(|each| each.each() * 1e6)),
        ));
    }
    rows
}

/// What a node costs by what it has.
fn node(scenario: &Scenario) -> Option<String> {
    let cluster = scenario.kubernetes?;
    let weights = Weights {
        core: ec2::CPU_TO_MEMORY_RATIO,
        gpu: Ratio::ZERO,
    };
    let split = split(cluster.node, cluster.resources?, weights)?;
    Some(format!(
        "\nA node costs {} USD an hour: {} for a vCPU, {} for a GiB.",
        money(cluster.node.hourly()),
        money(split.core.hourly()),
        money(split.memory.hourly())
    ))
}

/// Which side costs less, and by how much.
fn less(estimate: &Estimate) -> Option<String> {
    let lambda = estimate.lambda.as_ref()?.monthly;
    let kubernetes = estimate.kubernetes.as_ref()?.monthly;
    let saving = kubernetes.minus(lambda).usd();
    Some(match saving {
        0.0 => "Both cost the same.".to_owned(),
        saving if saving > 0.0 => format!("Lambda costs {} USD a month less.", money(saving)),
        saving => format!("Kubernetes costs {} USD a month less.", money(-saving)),
    })
}

/// Where they cost the same.
fn crossing(estimate: &Estimate) -> Option<String> {
    let curves = estimate.curves.as_ref()?;
    Some(match estimate.breakeven? {
        Breakeven::KubernetesAlways => "Kubernetes costs less at any traffic.".to_owned(),
        Breakeven::LambdaAlways => "Lambda costs less at any traffic.".to_owned(),
        Breakeven::BeyondCapacity => {
            "Lambda costs less at any traffic that these nodes can serve.".to_owned()
        }
        Breakeven::Crossing { first, sustained } => flips(curves, first, sustained),
    })
}

fn flips(curves: &Curves, first: Requests, sustained: Option<Requests>) -> String {
    let below = first * Ratio::from_factor(0.5).unwrap_or(Ratio::ONE);
    let kubernetes_first = curves.kubernetes.cost_at(below) < curves.lambda.cost_at(below);
    let at = count(first.requests());
    let same = format!("Both cost the same at {at} requests a month");
    match (kubernetes_first, sustained) {
        (false, Some(sustained)) if sustained == first => {
            format!("{same}; above that Kubernetes costs less.")
        }
        (false, Some(sustained)) => format!(
            "Lambda costs less up to {at} requests a month, and Kubernetes above {}; between them it depends \
             on how full the last node is.",
            count(sustained.requests())
        ),
        (false, None) => format!(
            "Lambda costs less up to {at} requests a month, and in the end; between them it depends on how full the \
             last node is."
        ),
        (true, None) => {
            format!("Kubernetes costs less up to {at} requests a month, and Lambda in the end.")
        }
        (true, Some(sustained)) => format!(
            "Kubernetes costs less up to {at} requests a month and above {}; between them it depends on the traffic.",
            count(sustained.requests())
        ),
    }
}

/// How the use of the cluster compares with the one at which both cost the same.
fn utilization(estimate: &Estimate) -> Option<String> {
    let now = estimate.utilization?.get() * 100.0;
    let even = estimate.breakeven_utilization?.get() * 100.0;
    Some(if even > 100.0 {
        format!("The cluster is used to {now:.1} %; it costs more than Lambda at any utilisation.")
    } else {
        format!(
            "The cluster is used to {now:.1} %; both cost the same at {even:.1} %, and below it Lambda costs less."
        )
    })
}
