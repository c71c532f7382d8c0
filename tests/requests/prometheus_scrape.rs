//! A real Prometheus (the Debian package) scrapes the demo, and says what it thinks of it.
//!
//! Prometheus 2.42 asks for OpenMetrics first and cannot be told otherwise, so a second job scrapes through
//! a proxy that asks for nothing and is given the text format.

mod proxy;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::program::{Program, demo};
use crate::support::prometheus::{Prometheus, installed, number};
use crate::support::until;
use proxy::{AS_ASKED, PLAIN, Page, Proxy};
use serde_json::Value;
use tokio::task::spawn_blocking;

/// How often each job scrapes before anything is looked at.
const SCRAPES: usize = 15;

/// What the cluster of the demo costs besides its nodes, in USD each hour: the control plane in config/demo.yaml.
const FIXED: f64 = 0.10;

/// Prometheus, and what it scrapes.
struct Stage {
    _demo: Program,
    proxy: Proxy,
    prometheus: Prometheus,
}

impl Stage {
    async fn start(prometheus: &Path) -> Self {
        let (demo, address) = demo(&[]).await;
        let proxy = Proxy::start(format!("http://{address}/metrics")).await;
        let prometheus = Prometheus::start(prometheus, &config_for(&proxy), &[]).await;
        let stage = Self {
            _demo: demo,
            proxy,
            prometheus,
        };
        until("enough scrapes", async || {
            let enough = |path| stage.proxy.pages(path).len() >= SCRAPES;
            (enough(AS_ASKED) && enough(PLAIN)).then_some(())
        })
        .await;
        stage
    }
}

fn config_for(proxy: &Proxy) -> String {
    let address = proxy.address;
    let job = |path: &str| {
        let name = path.trim_start_matches('/');
        format!(
            "- {{job_name: {name}, metrics_path: {path}, static_configs: [{{targets: [\"{address}\"]}}]}}\n"
        )
    };
    format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n{}{}",
        job(AS_ASKED),
        job(PLAIN)
    )
}

/// What is answered on each path, and whether compressed.
const JOBS: [(&str, &str, bool); 2] = [
    (
        AS_ASKED,
        "application/openmetrics-text; version=1.0.0",
        true,
    ),
    (PLAIN, "text/plain; version=0.0.4", false),
];

#[tokio::test]
async fn prometheus_scrapes_the_demo_in_both_formats_and_finds_that_it_adds_up() {
    let (Some(prometheus), Some(promtool)) = (installed("prometheus"), installed("promtool"))
    else {
        return;
    };
    let stage = Stage::start(&prometheus).await;
    for (path, content_type, compressed) in JOBS {
        let pages = stage.proxy.pages(path);
        for page in &pages {
            assert!(
                page.content_type().starts_with(content_type),
                "{}",
                page.content_type()
            );
            assert_eq!(page.is_compressed(), compressed);
        }
        let job = path.trim_start_matches('/');
        the_target_is_up(&stage, job).await;
        every_sample_was_taken(&stage, path, job).await;
        it_understood_what_each_family_is(&stage, job, pages.last().unwrap()).await;
        the_cost_of_the_cluster_is_carried(&stage, job).await;
        no_counter_falls(&stage, job).await;
    }
    both_formats_have_the_same_series(&stage).await;
    let page = stage.proxy.pages(PLAIN).pop().unwrap().text();
    promtool_finds_nothing(promtool, page).await;
    let said = stage.prometheus.said();
    let complaints: Vec<_> = said
        .lines()
        .filter(|line| line.contains("scrape") && !line.contains("level=info"))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

async fn the_target_is_up(stage: &Stage, job: &str) {
    let data = stage
        .prometheus
        .ask("targets", &[("state", "active")])
        .await;
    let targets = data["activeTargets"].as_array().unwrap().iter();
    let target = targets
        .into_iter()
        .find(|target| target["labels"]["job"] == job);
    let target = target.unwrap_or_else(|| panic!("no target {job}: {data}"));
    assert_eq!(target["lastError"], "", "{target}");
    assert_eq!(target["health"], "up", "{target}");
    let up = stage
        .prometheus
        .value(&format!("min_over_time(up{{job=\"{job}\"}}[5m])"))
        .await;
    assert_eq!(up, 1.0, "a scrape of {job} failed");
}

/// What Prometheus counted in each scrape is what was on the page.
async fn every_sample_was_taken(stage: &Stage, path: &str, job: &str) {
    for metric in [
        "scrape_samples_scraped",
        "scrape_samples_post_metric_relabeling",
    ] {
        let query = format!("{metric}{{job=\"{job}\"}}[5m]");
        let data = stage.prometheus.ask("query", &[("query", &query)]).await;
        let points = data["result"][0]["values"].as_array().unwrap().iter();
        let taken: Vec<f64> = points.map(|point| number(&point[1])).collect();
        assert!(taken.len() + 1 >= SCRAPES, "{taken:?}");
        let pages = stage.proxy.pages(path);
        for (taken, page) in taken.iter().zip(&pages) {
            let on_page = f64::from(u32::try_from(page.samples()).unwrap());
            assert!(
                on_page > 500.0 && *taken == on_page,
                "{taken} of {on_page} samples"
            );
        }
    }
}

/// The families as Prometheus read them, the page announced them, and docs/metrics.md describes them.
async fn it_understood_what_each_family_is(stage: &Stage, job: &str, page: &Page) {
    let target = format!("{{job=\"{job}\"}}");
    let data = stage
        .prometheus
        .ask("targets/metadata", &[("match_target", &target)])
        .await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let read: BTreeMap<String, (String, String)> = data
        .as_array()
        .unwrap()
        .iter()
        .map(|family| {
            (
                text(&family["metric"]),
                (text(&family["type"]), text(&family["help"])),
            )
        })
        .collect();
    let announced = page
        .text()
        .lines()
        .filter(|line| line.starts_with("# TYPE "))
        .count();
    assert!(announced > 30, "{announced} families");
    assert_eq!(read.len(), announced);
    let described = described(
        page.content_type()
            .starts_with("application/openmetrics-text"),
    );
    for (name, understood) in &read {
        assert_eq!(
            Some(understood),
            described.get(name),
            "{name} in docs/metrics.md"
        );
    }
}

/// Type and help by the name of the family: the tables of docs/metrics.md, in the names of the format.
fn described(openmetrics: bool) -> BTreeMap<String, (String, String)> {
    let reference =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md")).unwrap();
    let rows = reference.lines().filter_map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, name, kind, _, help, _] = cells[..] else {
            return None;
        };
        let name = name.strip_prefix('`')?.strip_suffix('`')?;
        let (name, kind) = match (kind, openmetrics) {
            ("counter", true) => (name.strip_suffix("_total")?, kind),
            ("info", true) => (name.strip_suffix("_info")?, kind),
            ("info", false) => (name, "gauge"),
            _ => (name, kind),
        };
        Some((name.to_owned(), (kind.to_owned(), help.to_owned())))
    });
    rows.collect()
}

/// Workloads and what none carries are the whole cluster, and that is node price and fixed cost over time: at
/// every instant, as every scrape is of one report.
async fn the_cost_of_the_cluster_is_carried(stage: &Stage, job: &str) {
    let cost = |family: &str, labels: &str| {
        format!("sum(breakeven_{family}_cost_usd_total{{job=\"{job}\"{labels}}})")
    };
    let workloads = cost("workload", ",home=\"kubernetes\"");
    let unattributed = cost("cluster", ",component=\"unattributed\"");
    let all = cost("cluster", "");
    until("some cost", async || {
        (stage
            .prometheus
            .value(&format!("min_over_time({all}[8s:1s])"))
            .await
            > 0.0)
            .then_some(())
    })
    .await;
    let apart = format!("abs({workloads} + {unattributed} - {all}) / {all}");
    let most = stage
        .prometheus
        .value(&format!("max_over_time(({apart})[8s:1s])"))
        .await;
    assert!(
        most <= 1e-6,
        "{most} of the cost is carried by nobody, or twice"
    );

    let grown = |series: &str| {
        let series = format!("{series}{{job=\"{job}\"}}");
        format!("sum(max_over_time({series}[8s]) - min_over_time({series}[8s]))")
    };
    let (spent, time) = (
        grown("breakeven_cluster_cost_usd_total"),
        grown("breakeven_observed_seconds_total"),
    );
    let hourly = stage
        .prometheus
        .value(&format!("3600 * {spent} / {time}"))
        .await;
    let prices = |of: &str| format!("sum(breakeven_{of}_price_usd_per_hour{{job=\"{job}\"}})");
    let prices = format!("{} + {}", prices("node"), prices("volume"));
    let expected = stage.prometheus.value(&prices).await + FIXED;
    assert!(
        (hourly / expected - 1.0).abs() <= 1e-6,
        "{hourly} USD/h, not {expected}"
    );
}

async fn no_counter_falls(stage: &Stage, job: &str) {
    let data = stage.prometheus.ask("metadata", &[]).await;
    let kinds = data.as_object().unwrap().iter();
    let counters =
        kinds.filter(|(name, kinds)| name.ends_with("_total") && kinds[0]["type"] == "counter");
    let names: Vec<_> = counters.map(|(name, _)| name).collect();
    assert!(names.len() >= 12, "{names:?}");
    for name in names {
        let series = format!("{name}{{job=\"{job}\"}}");
        let fallen = stage
            .prometheus
            .query(&format!("resets({series}[5m]) > 0"))
            .await;
        assert!(fallen.is_empty(), "{name} fell: {fallen:?}");
        for function in ["rate", "increase"] {
            let least = stage
                .prometheus
                .query(&format!("min({function}({series}[1m]))"))
                .await;
            assert!(
                least.iter().all(|(_, least)| *least >= 0.0),
                "{function} of {name}: {least:?}"
            );
        }
    }
    let increase = format!("sum(increase(breakeven_cluster_cost_usd_total{{job=\"{job}\"}}[1m]))");
    assert!(stage.prometheus.value(&increase).await > 0.0);
}

/// The two jobs do not scrape at the same moment, so a series that has just come may be seen by one alone.
async fn both_formats_have_the_same_series(stage: &Stage) {
    let counts = async |path: &str| -> BTreeMap<String, f64> {
        let job = path.trim_start_matches('/');
        let own = "__name__=~\"(breakeven|process)_.+\"";
        let query = format!("count by (__name__) ({{job=\"{job}\",{own}}})");
        let counted = stage.prometheus.query(&query).await.into_iter();
        counted
            .map(|(metric, count)| (metric["__name__"].to_string(), count))
            .collect()
    };
    let same = until("the same series in both formats", async || {
        let (as_asked, plain) = (counts(AS_ASKED).await, counts(PLAIN).await);
        (as_asked == plain).then_some(plain)
    })
    .await;
    assert!(same.len() > 30, "{same:?}");
}

async fn promtool_finds_nothing(promtool: PathBuf, page: String) {
    let output = spawn_blocking(move || {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), page).unwrap();
        Command::new(promtool)
            .args(["check", "metrics"])
            .stdin(File::open(file.path()).unwrap())
            .output()
            .unwrap()
    });
    let output = output.await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "{said}");
}
