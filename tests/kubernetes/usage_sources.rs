//! What the running program makes of each source of usage: processors used, against the truth of a small world, and how CPU limits
//! hold a workload back.

use std::process::Command;
use std::time::Duration;

use crate::support::exposition::Exposition;
use crate::support::program::{Program, breakeven};
use crate::support::{run, until_within};

/// Two pods that use 0.05 cores each and 0.02 core-seconds for each of 20 requests a second.
const WORLD: &str = "
name: limited
nodes:
  - {name: node-a, instance_type: m5.large, zone: us-east-1a, cpu: 2, memory_gib: 8}
  - {name: node-b, instance_type: m5.large, zone: us-east-1b, cpu: 2, memory_gib: 8}
namespaces: [{name: shop}]
workloads:
  - {name: web, namespace: shop, kind: Deployment, replicas: 2, latency_ms: 40,
     requests: {cpu: 0.5, memory_mib: 512},
     usage: {idle_cpu: 0.05, cpu_seconds_per_request: 0.02, memory_mib: 256, throttled_share: 0.3},
     traffic: {pattern: steady, requests_per_second: 20}}
";
const CORES: f64 = 2.0 * 0.05 + 0.02 * 20.0;
const GIB: f64 = 2.0 * 0.25;
/// Seconds in each second for which both pods are held back: a part of ten periods, 0.05 s each.
const CPU_THROTTLED: f64 = 2.0 * 0.3 * 10.0 * 0.05;

const WEB: (&str, &str) = ("workload", "web");

struct Agent {
    _program: Program,
    url: String,
}

impl Agent {
    /// A minute of the world in a second.
    async fn with(source: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let cluster = "kubernetes:\n";
        let config = include_str!("../../config/demo.yaml");
        let config = config.replace(cluster, &format!("{cluster}  usage_source: {source}\n"));
        let (world, config) = (write("world.yaml", WORLD), write("config.yaml", &config));
        let mut command = breakeven(&[
            "demo",
            "--web.listen-address",
            "127.0.0.1:0",
            "--speed",
            "60",
        ]);
        command.args(["--start", "2026-03-02T12:02:30Z"]);
        command.args(["--world", &world, "--config.file", &config]);
        let mut program = Program::start(&mut command);
        let address = program.listens("the metrics   http://").await;
        Self {
            _program: program,
            url: format!("http://{address}"),
        }
    }

    /// What it shows once it has watched for so many minutes.
    async fn after(&self, minutes: f64) -> Exposition {
        until_within(Duration::from_secs(120), "time to pass", async || {
            let shown = Exposition::at(&format!("{}/metrics", self.url)).await?;
            let watched = shown.one("breakeven_observed_seconds_total", &[])?;
            (watched >= minutes * 60.0).then_some(shown)
        })
        .await
    }
}

/// What was used between two readings: core-seconds, and the seconds for which the memory was.
fn used(before: &Exposition, after: &Exposition) -> (f64, f64) {
    let grown = |resource: &str| {
        let total = |shown: &Exposition| {
            let labels = [WEB, ("resource", resource)];
            shown
                .one("breakeven_workload_used_cost_usd_total", &labels)
                .unwrap()
        };
        total(after) - total(before)
    };
    let price = |name: &str| after.one(name, &[("node", "node-a")]).unwrap() / 3_600.0;
    let cores = grown("cpu") / price("breakeven_cpu_price_usd_per_core_hour");
    let memory = grown("memory") / price("breakeven_memory_price_usd_per_gib_hour");
    (cores, memory / GIB)
}

fn near(what: &str, found: f64, expected: f64, tolerance: f64) {
    let error = found / expected - 1.0;
    assert!(
        error.abs() < tolerance,
        "{what}: {found} is {error} off {expected}"
    );
}

/// Watches for so long, and holds the processors used against the truth.
async fn watch(source: &str, tolerance: f64) -> (Agent, Exposition, Exposition) {
    let agent = Agent::with(source).await;
    let (before, after) = (agent.after(10.0).await, agent.after(30.0).await);
    let (core_seconds, seconds) = used(&before, &after);
    near(source, core_seconds / seconds, CORES, tolerance);
    // What is counted is counted late, by a window at most.
    near(source, seconds, 20.0 * 60.0, 0.15);
    (agent, before, after)
}

const SECONDS: &str = "breakeven_workload_cpu_throttled_seconds_total";
const RATIO: &str = "breakeven_workload_cpu_throttled_ratio";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sampled_is_what_was_used_and_nothing_is_said_of_limits() {
    let (_agent, _, after) = watch("metrics_api", 1e-3).await;
    assert_eq!(after.one(SECONDS, &[WEB]), None);
    assert_eq!(after.one(RATIO, &[WEB]), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kubelets_count_is_what_was_used_and_nothing_is_said_of_limits() {
    let (_agent, _, after) = watch("kubelet", 1e-3).await;
    assert_eq!(after.one(SECONDS, &[WEB]), None);
    assert_eq!(
        after.one("breakeven_source_up", &[("source", "usage")]),
        Some(1.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cadvisor_counts_is_what_was_used_and_how_limits_hold_it_back() {
    let (agent, before, after) = watch("prometheus", 2e-3).await;
    near("throttled", after.one(RATIO, &[WEB]).unwrap(), 0.3, 0.01);
    let (_, seconds) = used(&before, &after);
    let total = |shown: &Exposition| shown.one(SECONDS, &[WEB]).unwrap();
    near(
        "seconds",
        total(&after) - total(&before),
        CPU_THROTTLED * seconds,
        0.01,
    );
    let mut explain = Command::new(env!("CARGO_BIN_EXE_breakeven"));
    let said = tokio::task::block_in_place(|| {
        run(explain.args(["explain", "--url", &agent.url, "shop/web"]))
    });
    let line = said
        .lines()
        .find(|line| line.contains("held back by CPU limits"));
    let line = line.unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains("30.0 %"), "{line}");
    assert!(
        said.contains("more those of the limit than of the work"),
        "{said}"
    );
}
