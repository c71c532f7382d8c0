//! A real Prometheus that scrapes the demo with the rules loaded, and what every expression gives there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::linter::{metrics, panels, targets};
use super::{blessing, dashboards, report, source};
use crate::support::program::{Program, demo};
use crate::support::prometheus::{Prometheus, installed};

/// How fast the world's time passes for the test: it takes four of its minutes until the first minute that begins with
/// the program is counted on Lambda. For the report it passes as on the wall, so that rates are right.
const SPEED: &str = "15";

/// How long until every expression gives something, at either speed.
const DEADLINE: Duration = Duration::from_secs(1800);

/// Panels that may show nothing of the demo, by dashboard, and why.
const MAY_BE_EMPTY: [(&str, &str, &str); 12] = [
    ("overview", "Top movers", "there is no yesterday yet"),
    ("itself", "Errors", "no source fails"),
    ("itself", "Left out", "nothing was left out"),
    (
        "itself",
        "Series left out",
        "there are fewer series than the limit",
    ),
    ("overview", "Nodes without a price", "all nodes have one"),
    ("fleet", "Nodes without a price", "all nodes have one"),
    ("fleet", "Volumes without a price", "all volumes have one"),
    ("functions", "Bill against model", "no bill is read"),
    ("functions", "Paid of the list price", "no bill is read"),
    ("itself", "Age of what is kept", "the demo keeps nothing"),
    ("itself", "Size of what is kept", "the demo keeps nothing"),
    ("itself", "Failures to keep", "the demo keeps nothing"),
];

/// Rules that may give nothing, and why. The others give something, alerts whether or not they fire.
const RULES_THAT_MAY_BE_EMPTY: [(&str, &str); 17] = [
    ("BreakevenSavingAvailable", "little would be saved"),
    (
        "BreakevenLambdaDearer",
        "no function is dearer beyond doubt",
    ),
    ("BreakevenVerdictFlipped", "there is no yesterday yet"),
    ("BreakevenRequestCostRegression", "there is no week ago"),
    ("BreakevenIdleShareHigh", "the cluster is used"),
    ("BreakevenNodesUnpriced", "all nodes have a price"),
    ("BreakevenColdStarts", "few requests start cold"),
    ("BreakevenThrottles", "few requests are throttled"),
    ("BreakevenConcurrencyNearLimit", "the limit is far"),
    ("BreakevenSourceDown", "all sources answer"),
    ("BreakevenDataStale", "all data is fresh"),
    (
        "BreakevenSeriesDropped",
        "there are fewer series than the limit",
    ),
    ("BreakevenConfigReloadFailed", "the configuration was read"),
    ("BreakevenReportStale", "the report is fresh"),
    ("BreakevenAwsSpendHigh", "little is spent"),
    ("BreakevenBillDiverges", "no bill is read"),
    ("BreakevenStateNotKept", "the demo keeps nothing"),
];

/// The demo and the Prometheus that scrapes it.
struct Stage {
    _demo: Program,
    prometheus: Prometheus,
}

fn rules(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/breakeven/rules");
    fs::read_to_string(folder.join(file)).unwrap()
}

impl Stage {
    async fn start() -> Option<Self> {
        let executable = installed("prometheus")?;
        let speed = if blessing() { "1" } else { SPEED };
        let (demo, address) = demo(&["--speed", speed]).await;
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s, external_labels: {{stage: test}}}}\n\
             rule_files: [recording.yaml, alerts.yaml]\n\
             scrape_configs:\n\
             - {{job_name: breakeven, honor_labels: true, static_configs: [{{targets: [\"{address}\"]}}]}}\n"
        );
        // Each second, not each minute.
        let [recording, alerts] = ["recording.yaml", "alerts.yaml"]
            .map(|file| rules(file).replace("interval: 1m", "interval: 1s"));
        let files = [("recording.yaml", &*recording), ("alerts.yaml", &*alerts)];
        let prometheus = Prometheus::start(&executable, &config, &files).await;
        Some(Self {
            _demo: demo,
            prometheus,
        })
    }

    /// Whether an expression gives something now.
    async fn has_data(&self, expression: &str) -> bool {
        let data = self.prometheus.ask("query", &[("query", expression)]).await;
        match data["resultType"].as_str() {
            Some("vector") => !data["result"].as_array().unwrap().is_empty(),
            _ => true,
        }
    }
}

/// An expression of a panel as Grafana sends it, with everything chosen.
pub(crate) fn sent(expression: &str) -> String {
    // Requests are counted some minutes late and several minutes at a time.
    let interval = if blessing() { "10m" } else { "2m" };
    let variables = [
        ("$__rate_interval", interval),
        ("$job", ".+"),
        ("$instance", ".+"),
        ("$cluster", ".*"),
        ("$namespace", ".*"),
        ("$workload", ".+"),
    ];
    let put_in = |text: String, (name, value): &(&str, &str)| text.replace(name, value);
    variables.iter().fold(expression.to_owned(), put_in)
}

/// The rules: name and expression.
fn all_rules() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for file in ["recording.yaml", "alerts.yaml"] {
        let rules: Value = serde_saphyr::from_str(&rules(file)).unwrap();
        for group in rules["groups"].as_array().unwrap() {
            for rule in group["rules"].as_array().unwrap() {
                let name = rule.get("record").unwrap_or(&rule["alert"]);
                let texts = [name, &rule["expr"]].map(|text| text.as_str().unwrap().to_owned());
                all.push(texts.into());
            }
        }
    }
    all
}

/// The metrics in docs/metrics.md, which a test holds against the catalogue.
fn catalogue() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let reference = fs::read_to_string(path).unwrap();
    let names = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    names.map(str::to_owned).collect()
}

#[test]
fn expressions_use_only_metrics_that_there_are() {
    let mut known = catalogue();
    assert!(known.len() > 40, "{known:?}");
    for (name, expression) in all_rules() {
        for metric in metrics(&expression) {
            assert!(known.contains(&metric), "{name}: no metric {metric:?}");
        }
        known.insert(name);
    }
    // Dashboards work without the rules.
    let known = catalogue();
    for (name, dashboard) in dashboards() {
        for expression in panels(&dashboard).flat_map(targets) {
            for metric in metrics(expression) {
                assert!(known.contains(&metric), "{name}: no metric {metric:?}");
            }
        }
    }
}

#[tokio::test]
async fn every_panel_and_every_rule_says_something_of_the_demo() {
    let Some(stage) = Stage::start().await else {
        return;
    };
    // By name, all expressions that must give something, and those that need only be understood.
    let (mut required, mut optional) = (BTreeMap::new(), Vec::new());
    let mut add = |name: String, may_be_empty: bool, expression: String| {
        if may_be_empty {
            optional.push(expression);
        } else {
            required.insert(format!("{name}: {expression}"), expression);
        }
    };
    for (name, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            let title = panel["title"].as_str().unwrap();
            let is_it =
                |(of, exception, _): &(&str, &str, &str)| (*of, *exception) == (&*name, title);
            let may_be_empty = MAY_BE_EMPTY.iter().any(is_it);
            for expression in targets(panel) {
                add(format!("{name}, {title}"), may_be_empty, sent(expression));
            }
        }
    }
    for (name, expression) in all_rules() {
        let mut exceptions = RULES_THAT_MAY_BE_EMPTY.iter();
        let may_be_empty = exceptions.any(|(exception, _)| *exception == name);
        add(name, may_be_empty, expression);
    }
    if blessing() {
        // What is written down is a rate of minutes that are counted from their beginning to their end.
        let steady =
            r#"sum(rate(breakeven_workload_requests_total{home="lambda"}[2m] offset 10m)) > 0"#;
        required.insert("steady rates".to_owned(), steady.to_owned());
    }
    assert!(required.len() > 80, "{}", required.len());
    for expression in &optional {
        stage.has_data(expression).await;
    }
    let end = Instant::now() + DEADLINE;
    let mut empty: Vec<_> = required.iter().collect();
    while !empty.is_empty() {
        assert!(Instant::now() < end, "nothing is given by {empty:#?}");
        let mut still = Vec::new();
        for (name, expression) in empty {
            if !stage.has_data(expression).await {
                still.push((name, expression));
            }
        }
        empty = still;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let loaded = stage.prometheus.ask("rules", &[]).await;
    for group in loaded["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            assert_eq!(rule["health"], "ok", "{rule}");
        }
    }
    if blessing() {
        let text = report::write(&source::all(), &stage.prometheus).await;
        fs::write(report::path(), text).unwrap();
    }
}
