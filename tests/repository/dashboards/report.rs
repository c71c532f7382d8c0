//! What each dashboard shows, panel by panel, with the values of the demo: docs/dashboards.md.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::live::sent;
use super::source::{Dashboard, Kind, Panel, Target};
use crate::support::prometheus::Prometheus;

/// How many series of a query are written down.
const SERIES: usize = 4;

const HEAD: &str = "\
# Dashboards

<!-- Made from dashboards/source by a Prometheus that scrapes `breakeven demo`;
`BREAKEVEN_BLESS=1 cargo test --test repository dashboards` writes it anew. -->

Five dashboards for Grafana 10 or later, in [`dashboards/`](../dashboards): import the JSON files, or let the chart install them as ConfigMaps
(`dashboards.enabled=true`) that Grafana's sidecar picks up. They need a Prometheus as data source and no rules. Each tells its story in the same
order: the answer, how it came to be, what it is made of, how far to trust it.

**Variables.** `job` and `instance` choose agents, `cluster`, `namespace` and `workload` what they watch. `cluster` is the external label from the
configuration; without one everything is one cluster. Agents that are replicas of each other count once. Small money is shown for a million
requests; a month has 730 hours.

**Another Prometheus.** Scrape with `honor_labels: true`, so that the `namespace` of a workload stays what it is.

Below, each panel with what it shows of the demo a quarter of an hour after its start: the largest series of each query.
";

pub(crate) fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/dashboards.md")
}

/// The heading of a dashboard.
pub(crate) fn heading(dashboard: &Dashboard) -> String {
    format!("## {}", dashboard.title.trim_start_matches("breakeven / "))
}

/// The row of a panel up to what it shows now.
pub(crate) fn row(panel: &Panel) -> String {
    let description = panel
        .description
        .trim()
        .replace('\n', " ")
        .replace('|', "\\|");
    format!("| {} | {description} | ", panel.title)
}

/// The report, with what a Prometheus says now.
pub(crate) async fn write(dashboards: &[(&str, Dashboard)], prometheus: &Prometheus) -> String {
    let mut text = HEAD.to_owned();
    for (name, dashboard) in dashboards {
        let title = heading(dashboard);
        let description = &dashboard.description;
        write!(
            text,
            "\n{title}\n\n[`{name}.json`](../dashboards/{name}.json). {description}\n"
        )
        .unwrap();
        for part in &dashboard.rows {
            write!(
                text,
                "\n**{}**\n\n| Panel | What it shows | In the demo |\n|---|---|---|\n",
                part.title
            )
            .unwrap();
            for panel in &part.panels {
                let mut shown = Vec::new();
                for target in &panel.targets {
                    let expression = sent(&target.expression());
                    let series = prometheus.query(&expression).await;
                    shown.extend(series_of(panel, target, series));
                }
                let shown = if shown.is_empty() {
                    "nothing".to_owned()
                } else {
                    shown.join("; ")
                };
                writeln!(text, "{}{shown} |", row(panel)).unwrap();
            }
        }
    }
    text
}

/// The largest series of a query, each as name and value.
fn series_of(panel: &Panel, target: &Target, mut series: Vec<(Value, f64)>) -> Vec<String> {
    series.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let more = series.len().saturating_sub(SERIES);
    let unit = target.unit.as_deref().unwrap_or(&panel.unit);
    let mut shown: Vec<String> = series
        .iter()
        .take(SERIES)
        .map(|(labels, value)| {
            let name = name(target, labels);
            let alone = target.hide_value || panel.text.as_deref() == Some("name");
            match (name.is_empty(), alone) {
                (_, true) => name,
                (true, _) => number(*value, unit),
                _ => format!("{name} {}", number(*value, unit)),
            }
        })
        .collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    if let (Some(column), Some(first), Kind::Table) =
        (&target.column, shown.first_mut(), panel.kind)
    {
        *first = format!("*{column}:* {first}");
    }
    shown
}

/// The name of a series: its legend, or the labels that tell it apart.
fn name(target: &Target, labels: &Value) -> String {
    let labels = labels.as_object().unwrap();
    if let Some(legend) = &target.legend {
        let mut name = legend.clone();
        for (label, value) in labels {
            name = name.replace(&format!("{{{{{label}}}}}"), value.as_str().unwrap());
        }
        // The address of the agent is another one each time, and absent labels are empty.
        while let Some((before, rest)) = name.clone().split_once("{{") {
            let (_, after) = rest.split_once("}}").unwrap();
            name = format!("{before}{after}");
        }
        if let Some(instance) = labels.get("instance").and_then(Value::as_str) {
            name = name.replace(instance, "agent");
        }
        return name.trim().to_owned();
    }
    let telling = [
        "namespace",
        "workload",
        "node",
        "verdict",
        "price_source",
        "traffic_pattern",
        "source",
    ];
    let found = telling
        .iter()
        .filter_map(|label| labels.get(*label)?.as_str());
    found.collect::<Vec<_>>().join(" ")
}

/// A value in its unit, as short as Grafana writes it.
fn number(value: f64, unit: &str) -> String {
    match unit {
        "currencyUSD" if value.abs() < 0.1 && value != 0.0 => format!("${value:.4}"),
        "currencyUSD" => format!("${value:.2}").replace("$-", "-$"),
        "percentunit" => format!("{:.1} %", 100.0 * value),
        "bytes" => format!("{:.0} MiB", value / f64::from(1 << 20)),
        "bool_yes_no" => if value == 0.0 { "no" } else { "yes" }.to_owned(),
        "s" => format!("{value:.1} s"),
        "reqps" | "ops" if value.abs() < 0.1 && value != 0.0 => format!("{value:.4}/s"),
        "reqps" | "ops" => format!("{value:.2}/s"),
        "dateTimeAsIso" => "a time".to_owned(),
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}
