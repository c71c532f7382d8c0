//! What the running program shows is what is true of the world that it watches: computed by an independent script
//! (tests/python/truth.py), and by the law that every dollar lands somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::support::exposition::{Exposition, get};
use crate::support::program::{Program, breakeven};
use crate::support::{demo_config, python, run_python, until, until_within};
use breakeven_simulator::World;
use breakeven_simulator::world::Traffic;
use http::StatusCode;
use jiff::Timestamp;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::block_in_place;

/// How soon the demo is ready.
const READY: Duration = Duration::from_secs(15);

/// One demo at a time. An accelerated world shares the processors with its agent: with several at once, and on a busy machine,
/// polls would be seconds late, which are minutes of the world.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// The demo from a time of day on, and where it is to be found.
struct Demo {
    _program: Program,
    _turn: MutexGuard<'static, ()>,
    agent: String,
    cloud: String,
}

impl Demo {
    async fn start(arguments: &[&str]) -> Self {
        let turn = ONE_AT_A_TIME.lock().await;
        let mut command = breakeven(&["demo", "--web.listen-address", "127.0.0.1:0"]);
        let mut program = Program::start(command.args(arguments));
        let agent = program.listens("the metrics   http://").await;
        let agent = format!("http://{agent}");
        let cloud = program
            .listens("The simulated cloud itself is at http://")
            .await;
        until("readiness", async || {
            let (status, ..) = get(&format!("{agent}/-/ready")).await?;
            (status == StatusCode::OK).then_some(())
        })
        .await;
        assert!(program.age() < READY, "ready after {:?}", program.age());
        Self {
            _program: program,
            _turn: turn,
            agent,
            cloud: format!("http://{cloud}"),
        }
    }

    async fn truth(&self, files: &[(&str, &str)]) {
        truth(&self.agent, &self.cloud, files).await;
    }

    /// Waits until the agent has watched for so long, of the world's time.
    async fn watched(&self, least: f64) -> Exposition {
        until_within(Duration::from_secs(240), "time to pass", async || {
            watched(&self.agent, least).await
        })
        .await
    }
}

/// What an agent shows, once it has watched for so long.
async fn watched(agent: &str, least: f64) -> Option<Exposition> {
    let shown = Exposition::at(&format!("{agent}/metrics")).await?;
    let observed = shown.one("breakeven_observed_seconds_total", &[])?;
    (observed >= least).then_some(shown)
}

/// Waits until all sources have spoken, and holds what is shown against the truth.
async fn truth(agent: &str, cloud: &str, files: &[(&str, &str)]) {
    both_platforms(agent).await;
    let mut environment = vec![("AGENT_URL", agent), ("CLOUD_URL", cloud)];
    environment.extend(files);
    block_in_place(|| run_python("truth.py", &environment));
}

/// Waits until eight Deployments and eight functions have costs of a request on both platforms.
async fn both_platforms(agent: &str) {
    until("costs of requests on both platforms", async || {
        let shown = Exposition::at(&format!("{agent}/metrics")).await?;
        let of = |kind: &str, platform: &str| -> BTreeSet<String> {
            let labels = [("workload_kind", kind), ("platform", platform)];
            let costs = shown.all("breakeven_request_cost_usd", &labels);
            let costs = costs.filter(|sample| sample.value > 0.0);
            costs
                .map(|one| format!("{}/{}", one.label("namespace"), one.label("workload")))
                .collect()
        };
        let both = |kind| (&of(kind, "kubernetes") & &of(kind, "lambda")).len();
        (both("Deployment") >= 8 && both("Function") >= 8).then_some(())
    })
    .await;
}

/// Every dollar of the cluster lands somewhere, and there are as many as the nodes cost. Returns for how long it
/// was watched.
fn identity(samples: &Exposition) -> f64 {
    let sum = |name: &str, labels: &[(&str, &str)]| {
        let all = samples.sum(name, labels);
        all.unwrap_or_else(|| panic!("no {name} {labels:?}"))
    };
    let cluster = sum("breakeven_cluster_cost_usd_total", &[]);
    let workloads = sum(
        "breakeven_workload_cost_usd_total",
        &[("home", "kubernetes")],
    );
    let nobodys = sum(
        "breakeven_cluster_cost_usd_total",
        &[("component", "unattributed")],
    );
    // The control plane of config/demo.yaml is not a node.
    let volumes = sum("breakeven_volume_price_usd_per_hour", &[]);
    let hourly = sum("breakeven_node_price_usd_per_hour", &[]) + volumes + 0.10;
    let watched = sum("breakeven_observed_seconds_total", &[]);
    let same = |what: &str, left: f64, right: f64| {
        let off = (left / right - 1.0).abs();
        assert!(off < 1e-6, "{what}: {left} is not {right} ({off:e} off)");
    };
    same("workloads and nobody", workloads + nobodys, cluster);
    same("price x time", cluster, hourly * watched / 3_600.0);
    watched
}

/// Halfway through a minute in which no burst begins or ends, so that what was used and served a moment ago is what
/// is used and served now.
const QUIET: &str = "2026-03-02T12:02:30Z";

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_within_one_percent_what_is_true_of_its_world() {
    if python().is_some() {
        Demo::start(&["--start", QUIET]).await.truth(&[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_deployments_and_eight_functions_have_costs_on_both_platforms() {
    both_platforms(&Demo::start(&[]).await.agent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_dollar_of_the_demo_lands_somewhere() {
    let demo = Demo::start(&[]).await;
    let first = identity(&demo.watched(1.0).await);
    let second = identity(&demo.watched(first + 5.0).await);
    assert!(second > first);
}

/// An hour of the world in a minute. From the first closed step on the processor time of a request is measured over steps
/// whose use and requests were both seen, and the window of a day moves on.
///
/// One percent holds all the while the traffic is calm, and an hour from 12:02 has a burst (flash-sale, 12:30 to
/// 13:00). While it lasts the mean use lags by what the metrics API and the poll lag, up to 30 s: of the eight minutes
/// watched of a burst that is more than one percent, of an hour it is not. So it is looked at before and after.
#[tokio::test(flavor = "multi_thread")]
async fn an_hour_of_the_demo_stays_true_and_every_dollar_lands_somewhere() {
    if python().is_none() {
        return;
    }
    let demo = Demo::start(&["--start", QUIET, "--speed", "60"]).await;
    for minutes in [10.0, 20.0, 63.0] {
        identity(&demo.watched(minutes * 60.0).await);
        demo.truth(&[]).await;
    }
}

/// Eighty minutes of the world with a decision window of an hour: what comes in leaves it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_moves_on_stays_true() {
    if python().is_none() {
        return;
    }
    let day = "model:\n";
    let config = include_str!("../../config/demo.yaml");
    assert!(config.contains(day));
    let hour = "model:\n  decision_window_seconds: 3600\n";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config.replace(day, hour)).unwrap();
    let config = file.path().to_str().unwrap();
    let start = "2026-03-02T13:02:30Z";
    let arguments = ["--start", start, "--speed", "90", "--config.file", config];
    let demo = Demo::start(&arguments).await;
    for minutes in [30.0, 65.0, 80.0] {
        demo.watched(minutes * 60.0).await;
        demo.truth(&[("CONFIG", config)]).await;
    }
}

/// The demo with another source of what pods use. Where it is counted, the same one percent holds: over an hour what was sampled
/// and what was counted is the same, but for how late it is. What Prometheus counts is minutes late, of which the burst at half an hour
/// would be seen, so it is looked at before. And what is counted is known from the second reading on: for a quarter of a
/// minute a pod that requests nothing costs nothing, which has to be little of what was watched.
async fn counted_by(source: &str, minutes: [f64; 2]) {
    if python().is_none() {
        return;
    }
    let cluster = "kubernetes:\n";
    let config = include_str!("../../config/demo.yaml");
    assert!(config.contains(cluster));
    let config = config.replace(cluster, &format!("{cluster}  usage_source: {source}\n"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config).unwrap();
    let config = file.path().to_str().unwrap();
    let arguments = ["--start", QUIET, "--speed", "60", "--config.file", config];
    let demo = Demo::start(&arguments).await;
    for minutes in minutes {
        identity(&demo.watched(minutes * 60.0).await);
        demo.truth(&[("CONFIG", config)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_counted_by_kubelets_is_true() {
    counted_by("kubelet", [63.0, 75.0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_hour_counted_by_cadvisor_is_true() {
    counted_by("prometheus", [15.0, 25.0]).await;
}

/// The world of the demo, such that its first minutes are fair whatever time it is. The processor time of a request is
/// then what is used now over the rate of the last five minutes. So no burst of a workload may begin or end
/// about now, for which a seed is chosen. Nor may one begin or end in the oldest hour of the decision window: of an hour that is
/// partly in the window, requests count in proportion (docs/state.md), which a burst makes more than one percent wrong. And `returns`, which serves five requests a minute at night, has its busiest
/// hour now, as one request more or less among 25 is more than one percent.
fn quiet_world() -> String {
    let minute = Timestamp::now().as_second() / 60;
    let quiet_hour = "peak_hour: 15}";
    let text = include_str!("../../config/worlds/demo.yaml");
    assert!(text.contains(quiet_hour));
    let busy_hour = format!("peak_hour: {}}}", minute / 60 % 24);
    let text = text.replace(quiet_hour, &busy_hour);
    let is_quiet = |world: &str| {
        let spec = World::from_yaml(world).unwrap().spec;
        spec.workloads.iter().all(|workload| {
            let Some(traffic @ Traffic::Bursty { .. }) = &workload.traffic else {
                return true;
            };
            let name = format!("{}/{}", workload.namespace, workload.name);
            let rate = |minute| traffic.rate(spec.seed, &name, minute).to_bits();
            let oldest = minute - 24 * 60;
            (minute - 10..minute + 5).all(|near| rate(near) == rate(minute))
                && (oldest - 60..oldest + 60).all(|near| rate(near) == rate(oldest))
        })
    };
    (42..1_000)
        .map(|seed| text.replace("seed: 42", &format!("seed: {seed}")))
        .find(|world| is_quiet(world))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_beside_a_simulated_cloud_shows_the_same() {
    if python().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [kubeconfig, world] = ["kubeconfig", "world.yaml"].map(|name| {
        let path = folder.path().join(name);
        path.to_str().unwrap().to_owned()
    });
    std::fs::write(&world, quiet_world()).unwrap();
    let simulate = ["simulate", "--listen", "127.0.0.1:0", "--world", &world];
    let mut simulate = breakeven(&simulate);
    let mut simulate = Program::start(simulate.args(["--kubeconfig", &kubeconfig]));
    let cloud = simulate.listens("# A simulated cloud at http://").await;
    let config = demo_config(&simulate.word("# Prometheus: ").await);
    let mut run = breakeven(&["run", "--web.listen-address", "127.0.0.1:0"]);
    run.arg("--config.file").arg(config.path());
    for variable in [
        "KUBECONFIG",
        "AWS_ENDPOINT_URL",
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    ] {
        run.env(variable, simulate.word(&format!("{variable}=")).await);
    }
    let mut run = Program::start(&mut run);
    let agent = run.listens("message=listening address=").await;
    let (agent, cloud) = (format!("http://{agent}"), format!("http://{cloud}"));
    truth(&agent, &cloud, &[("WORLD", &world)]).await;
    let shown = until("time to pass", async || watched(&agent, 1.0).await).await;
    identity(&shown);
}

/// What each subject of the demo is said to be: a platform or a tie, and for those of which nothing can be said why.
#[tokio::test(flavor = "multi_thread")]
async fn every_workload_and_function_of_the_demo_has_a_verdict_or_the_reason_why_not() {
    let demo = Demo::start(&[]).await;
    both_platforms(&demo.agent).await;
    let shown = Exposition::at(&format!("{}/metrics", demo.agent))
        .await
        .unwrap();
    let mut verdicts: BTreeMap<String, String> = BTreeMap::new();
    for one in shown.all("breakeven_workload_verdict", &[]) {
        if one.value > 0.0 {
            let name = one.label("workload").to_owned();
            let before = verdicts.insert(name, one.label("verdict").to_owned());
            assert_eq!(before, None, "two verdicts for {}", one.label("workload"));
        }
    }
    // The report of sales is there while it runs.
    verdicts.remove("sales-report");
    assert_eq!(
        verdicts.len(),
        25,
        "13 workloads and 12 functions: {verdicts:?}"
    );
    let undecided: [(&str, &[&str]); 3] = [
        // Nothing counts its requests, and that shows after an hour.
        ("orders-db", &["insufficient_data", "no_requests"]),
        // One and 96 invocations a day.
        ("nightly-export", &["insufficient_data"]),
        ("session-cleanup", &["insufficient_data"]),
    ];
    for (name, verdict) in &verdicts {
        match undecided.iter().find(|(undecided, _)| undecided == name) {
            Some((_, reasons)) => assert!(reasons.contains(&verdict.as_str()), "{name}: {verdict}"),
            None => assert!(
                ["kubernetes", "lambda", "inconclusive"].contains(&verdict.as_str()),
                "{name}: {verdict}"
            ),
        }
    }
}
