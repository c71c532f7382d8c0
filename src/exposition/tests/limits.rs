//! The limit on series.

use super::reports::{bare, everything, nothing, usd, workload};
use super::*;
use breakeven_model::{Component, WorkloadRef, WorkloadReport};

/// A workload that has cost so much: one series of money, and nine others (seven verdicts, the facts, its requests).
fn costing(name: &str, spent: f64) -> WorkloadReport {
    WorkloadReport {
        cost_total: vec![(Component::Cpu, usd(spent))],
        requests_total: vec![(
            breakeven_model::Outcome::Served,
            super::reports::requests(1.0),
        )],
        ..bare(WorkloadRef::Kubernetes(workload(
            "shop",
            "Deployment",
            name,
        )))
    }
}

fn three() -> Report {
    Report {
        workloads: vec![
            costing("cheap", 1.0),
            costing("dear", 3.0),
            costing("middling", 2.0),
        ],
        ..nothing()
    }
}

/// The workloads that have facts.
fn shown(exposition: &str) -> Vec<&str> {
    let names = ["cheap", "middling", "dear"];
    let facts = series(exposition, &["breakeven_workload_info"]);
    names
        .into_iter()
        .filter(|name| facts.iter().any(|line| line.contains(name)))
        .collect()
}

#[test]
fn the_workloads_of_the_least_cost_are_left_out_first_and_their_money_stays() {
    // Besides the workloads: the time of the report and the build.
    let fixed = 2 + 3;
    for (max_series, expected) in [
        (fixed + 27, vec!["cheap", "middling", "dear"]),
        (fixed + 26, vec!["middling", "dear"]),
        (fixed + 18, vec!["middling", "dear"]),
        (fixed + 9, vec!["dear"]),
        (fixed + 8, vec![]),
        (0, vec![]),
    ] {
        let exposition = text_of(&rendered(&three(), max_series), Format::Text);
        assert_eq!(shown(&exposition), expected, "{max_series}");
        assert_eq!(
            series(&exposition, &["breakeven_workload_cost_usd_total"]).len(),
            3
        );
        let series_counts = ["breakeven_series", "breakeven_series_dropped_total"];
        let counted = exposition
            .lines()
            .filter(|line| !line.starts_with('#'))
            .count()
            - series(&exposition, &series_counts).len();
        assert!(counted <= max_series.max(fixed), "{counted} series");
    }
}

#[test]
fn what_is_left_out_is_counted_and_never_forgotten() {
    let own = super::super::SelfMetrics::new(BUILD);
    let mut totals = Vec::new();
    for _ in 0..2 {
        let rendered = render(&Inputs {
            report: &three(),
            sources: &BTreeMap::new(),
            own: &own.facts(),
            external_labels: &[],
            settings: RenderConfig { max_series: 0 },
        });
        own.rendered(&rendered);
        let text = text_of(&rendered, Format::Text);
        let line = series(&text, &["breakeven_series_dropped_total"])
            .into_iter()
            .find(|line| line.contains("breakeven_workload_verdict"))
            .map(str::to_owned);
        totals.extend(line);
    }
    let line =
        r#"breakeven_series_dropped_total{family="breakeven_workload_verdict",reason="limit"}"#;
    assert_eq!(totals, [format!("{line} 21"), format!("{line} 42")]);
}

#[test]
fn the_census_counts_every_series_and_itself() {
    let text = text(&everything());
    let mut counted: Vec<(String, usize)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        match counted.iter_mut().find(|(known, _)| known == name) {
            Some((_, count)) => *count += 1,
            None => counted.push((name.to_owned(), 1)),
        }
    }
    let mut expected: Vec<String> = counted
        .into_iter()
        .map(|(name, count)| format!("breakeven_series{{family=\"{name}\"}} {count}"))
        .collect();
    expected.sort();
    assert_eq!(series(&text, &["breakeven_series"]), expected);
}
