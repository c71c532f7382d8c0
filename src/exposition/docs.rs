//! The reference of all metrics, written out for readers.

use super::metrics::{Description, Kind, Metric, Scope};
use breakeven_model::inventory::{Reason, Source};

/// All metric families as a page in Markdown: `docs/metrics.md`.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(PREFACE);
    for (title, introduction, scopes) in SECTIONS {
        let introduction = introduction
            .replace("{sources}", &listed(Source::ALL.map(Source::as_str)))
            .replace("{reasons}", &listed(Reason::ALL.map(Reason::as_str)));
        page.extend(["\n## ", title, "\n\n", &introduction, "\n\n"]);
        page.push_str("| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n");
        for metric in Metric::ALL {
            let description = metric.description();
            if scopes.contains(&description.scope) {
                page.push_str(&row(description));
            }
        }
    }
    page
}

/// Values of a label, each as code.
fn listed<const N: usize>(values: [&str; N]) -> String {
    values.map(|value| format!("`{value}`")).join(", ")
}

fn row(description: &Description) -> String {
    let kind = match description.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Info => "info",
    };
    let mut labels: Vec<String> = description
        .labels
        .iter()
        .map(|label| format!("`{label}`"))
        .collect();
    if !description.scope.labels().is_empty() {
        labels.insert(0, "identity".to_owned());
    }
    let help = description.help.replace('|', "\\|");
    format!(
        "| `{}` | {kind} | {} | {help} |\n",
        description.name,
        labels.join(", ")
    )
}

const SECTIONS: [(&str, &str, &[Scope]); 4] = [
    (
        "Workloads and functions",
        "Each series carries the *identity* labels: `home` (`kubernetes` or `lambda`), `namespace`, `workload_kind`, \
         `workload`, `account_id` and `aws_region`. A function's kind is `Function`; it has no namespace, and a workload \
         of the cluster has no account and region.",
        &[Scope::Workload, Scope::WorkloadCost],
    ),
    (
        "Cluster, nodes, accounts",
        "Everything that is not one workload or function.",
        &[Scope::Cluster],
    ),
    (
        "Sources",
        "Where the numbers come from, and how old they are. `source` is one of {sources}. `reason` is one of {reasons}.",
        &[Scope::Sources],
    ),
    (
        "breakeven itself",
        "What the program spends, shows and is.",
        &[Scope::Own],
    ),
];

const PREFACE: &str = "\
# Metrics

<!-- Made from src/exposition/metrics.rs; `BREAKEVEN_BLESS=1 cargo test --lib exposition` writes it anew. -->

Every series that `/metrics` can show. What is not known is absent: never 0, never `NaN`. A label without a value is
absent as well. Labels from `external_labels` in the configuration, such as `cluster`, are added to every series; where a
series has a label of that name itself, its own stays.

**Numbers that add up.** Counters start at 0 with the program, or go on where they were (`state.directory`, see [state](state.md)). Divide the increase of one by the increase of another to get
any ratio: cost per request is `increase(breakeven_workload_cost_usd_total[1d])` summed over `component`, divided by
`increase(breakeven_workload_requests_total[1d])` summed over `outcome`. The sum of `breakeven_workload_cost_usd_total` over
`home=\"kubernetes\"`, plus component `unattributed` of `breakeven_cluster_cost_usd_total`, is the sum of
`breakeven_cluster_cost_usd_total` over all components. A workload
that is deleted takes its series along while the cluster keeps what it paid, so compare increases, which hold at any time.

**Platform and basis.** `platform` is where the cost would arise: on the home of the workload it is observed, on the other
platform it is projected. `basis` says what a cost contains: `used` (what it really uses), `allocated` (what is held for it: the larger of request and use),
`loaded` (that, and its part of idle, shared and fixed cost; this one reconciles with the bill) or `avoidable` (what would really be
saved if it moved away). For Lambda it is always `loaded`.

**Formats.** The Prometheus text format 0.0.4 for everyone, OpenMetrics 1.0.0 for those who ask for it. In OpenMetrics a family
is named without `_total` and `_info`, its series with; the text format knows no info, and shows a gauge.

**The limit on series.** An exposition has at most `max_series` series (100,000 unless configured otherwise), not counting
`breakeven_series` and `breakeven_series_dropped_total`. What is beyond is left out by one rule: everything about the cluster, the
sources and the program stays; `breakeven_workload_cost_usd_total` and `breakeven_shared_workload_cost_usd_total` stay for every
workload, so that sums are complete; all other series of a workload or function stay for those that cost most each month, as
many as fit. `breakeven_series_dropped_total` counts what is left out, in every report again.
";

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_reference_in_docs_is_the_one_made_from_the_catalogue() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
        let made = super::reference();
        if std::env::var_os("BREAKEVEN_BLESS").is_some() {
            std::fs::write(&path, &made).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == made,
            "docs/metrics.md is not what src/exposition/metrics.rs says; BREAKEVEN_BLESS=1 cargo test writes it anew"
        );
    }
}
