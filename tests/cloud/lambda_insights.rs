//! Lambda Insights, read by an agent: what a function costs, there and in the cluster, comes nearer to the truth of the world.

use crate::support::agent::simulated;
use crate::support::exposition::Exposition;
use crate::support::until;
use crate::support::watching::{Watching, cloud};
use breakeven_clock::Clock;
use breakeven_simulator::world::Function;
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud, World};

/// Functions in pairs that do the same, each with Lambda Insights and without: one that waits most of its time and uses a
/// part of its memory, and one of whose invocations each third meets a long cold start.
fn world() -> World {
    let pair = |name: &str, fields: &str| {
        ["", "-blind"]
            .map(|end| {
                let insights = end.is_empty();
                format!("  - {{name: {name}{end}, insights: {insights}, {fields}}}\n")
            })
            .concat()
    };
    let waits = pair(
        "waits",
        "memory_mib: 1024, duration_ms: 400, cpu_ms: 12, memory_used_mib: 90, \
         traffic: {pattern: steady, requests_per_second: 40}",
    );
    let starts = pair(
        "starts",
        "memory_mib: 512, runtime: java21, timeout_s: 60, duration_ms: 20000, cpu_ms: 9000, init_ms: 1500, \
         traffic: {pattern: timer, every_minutes: 20, requests: 30}",
    );
    World::from_yaml(&format!(
        "name: insights\nhistory_hours: 30\nnodes:\n  \
         - {{name: a, instance_type: m6i.large, zone: us-east-1a, cpu: 2, memory_gib: 8}}\n\
         functions:\n{waits}{starts}"
    ))
    .unwrap()
}

/// A node of known price, and pods of a quarter of a core that work on ten requests at once, at the defaults of the model.
const CONFIG: &str = "
kubernetes: {publish_interval_seconds: 1}
model: {interval_seconds: 1}
prices: {nodes: [{selector: {instance_type: m6i.large}, usd_per_hour: 0.1}], price_list: {enabled: false}, spot: {enabled: false}}
";

/// The defaults that the truth is computed with.
const POD_CORES: f64 = 0.25;
const TARGET: f64 = 0.65;
const PACKED: f64 = 0.75;
const SLOTS: f64 = 10.0;
const CORE_TO_GIB: f64 = 10.1;
const HOURS: f64 = 730.0;

async fn start(config: &str, faults: Vec<FaultRule>) -> Watching {
    let clock = Clock::accelerated("2026-03-02T12:02:30Z".parse().unwrap(), 1.0);
    let cloud = cloud(world(), clock).await;
    cloud.faults().replace(faults);
    let config = format!("{CONFIG}{config}");
    Watching::start(cloud, &config, simulated()).await
}

/// What is shown once every function has both costs, and what else is waited for.
async fn shown(agent: &Watching, is_there: impl Fn(&Exposition) -> bool) -> Exposition {
    until("both costs of all functions", async || {
        let shown = agent.metrics().await?;
        let costs = shown.all("breakeven_workload_monthly_cost_usd", &[("home", "lambda")]);
        (costs.count() == 8 && is_there(&shown)).then_some(shown)
    })
    .await
}

fn of(shown: &Exposition, name: &str, function: &str) -> Option<f64> {
    shown.one(name, &[("workload", function)])
}

fn monthly(shown: &Exposition, function: &str, platform: &str) -> f64 {
    let labels = [("workload", function), ("platform", platform)];
    shown
        .one("breakeven_workload_monthly_cost_usd", &labels)
        .unwrap()
}

fn function<'c>(cloud: &'c SimulatedCloud, name: &str) -> &'c Function {
    let mut all = cloud.world().functions().iter();
    all.find(|one| one.spec.name == name).unwrap()
}

/// A month of the pods that the steady function would need, by what it really computes and uses, in USD.
fn truth_in_the_cluster(function: &Function, now: i64) -> f64 {
    let spec = &function.spec;
    let a_second = f64::from(u32::try_from(function.invocations(now / 60)).unwrap()) / 60.0;
    let at_once = a_second * spec.duration_ms / 1_000.0;
    let cores = a_second * spec.cpu_ms.unwrap() / 1_000.0;
    let pods = (cores / (TARGET * POD_CORES))
        .ceil()
        .max((at_once / SLOTS).ceil())
        .max(2.0);
    let gib = 0.1 / (2.0 * CORE_TO_GIB + 8.0);
    let pod = POD_CORES * gib * CORE_TO_GIB + spec.memory_used_mib.unwrap() / 1_024.0 * gib;
    pods * pod / PACKED * HOURS
}

/// What a month of a function costs on Lambda by all that it did in the last day, in USD.
fn truth_on_lambda(function: &Function, end: i64) -> f64 {
    let spec = &function.spec;
    let whole = |count: u64| f64::from(u32::try_from(count).unwrap());
    let minutes = end - 24 * 60..end;
    let invocations: f64 = minutes
        .clone()
        .map(|minute| whole(function.invocations(minute)))
        .sum();
    let init: f64 = minutes.map(|minute| function.init_ms_sum(minute)).sum();
    let billed = invocations * (spec.duration_ms + 0.5) + init;
    let gib_seconds = billed / 1_000.0 * f64::from(spec.memory_mib) / 1_024.0;
    (invocations * 2e-7 + gib_seconds * 0.000_016_666_7) * HOURS / 24.0
}

fn off(found: f64, truth: f64) -> f64 {
    (found / truth - 1.0).abs()
}

#[tokio::test]
async fn with_insights_a_function_costs_in_the_cluster_what_is_true_and_without_far_from_it() {
    let agent = start("", Vec::new()).await;
    let shown = shown(&agent, |shown| {
        of(shown, "breakeven_function_cpu_per_request_seconds", "waits").is_some()
    })
    .await;
    let now = agent.cloud.clock().now().as_second();
    let truth = truth_in_the_cluster(function(&agent.cloud, "waits"), now);
    let seeing = off(monthly(&shown, "waits", "kubernetes"), truth);
    let blind = off(monthly(&shown, "waits-blind", "kubernetes"), truth);
    assert!(seeing < 1e-6, "with Lambda Insights it is off by {seeing}");
    assert!(blind > 1.0, "without it is off by {blind}");

    // What is measured is shown in base units, and only where it is measured.
    for (name, expected) in [
        ("breakeven_function_cpu_per_request_seconds", 0.012),
        (
            "breakeven_function_memory_used_peak_bytes",
            90.0 * 1_048_576.0,
        ),
    ] {
        let found = of(&shown, name, "waits").unwrap();
        assert!(off(found, expected) < 1e-9, "{name}: {found}");
        assert_eq!(of(&shown, name, "waits-blind"), None);
    }
    // The band is of what is still not known: no longer of the share of its time that it computes.
    let width = |function| {
        let of = |end| {
            let labels = [("workload", function), ("platform", "kubernetes")];
            shown
                .one(&format!("breakeven_request_cost_{end}_usd"), &labels)
                .unwrap()
        };
        of("high") / of("low")
    };
    assert!(width("waits") < width("waits-blind") / 2.0);

    let explained = |function| {
        let lines = agent.explained(function);
        async {
            let mut lines = lines.await.into_iter();
            let [_, from, _] = lines
                .find(|[name, ..]| name == "a request keeps busy (b)")
                .unwrap();
            from
        }
    };
    let (seen, assumed) = (explained("waits").await, explained("waits-blind").await);
    assert!(
        seen.contains("12.0 ms / (400.0 ms") && seen.contains("measured"),
        "{seen}"
    );
    assert!(
        assumed.contains("assumed: Lambda Insights would"),
        "{assumed}"
    );
    agent.stop().await;
}

#[tokio::test]
async fn with_insights_cold_starts_cost_what_is_true_and_without_what_is_assumed() {
    let agent = start("", Vec::new()).await;
    let shown = shown(&agent, |shown| {
        of(shown, "breakeven_function_init_seconds", "starts").is_some()
    })
    .await;
    let end = agent.cloud.clock().now().as_second().div_euclid(60) - 3;
    let truth = truth_on_lambda(function(&agent.cloud, "starts"), end);
    let seeing = off(monthly(&shown, "starts", "lambda"), truth);
    let blind = off(monthly(&shown, "starts-blind", "lambda"), truth);
    assert!(seeing < 1e-3, "with Lambda Insights it is off by {seeing}");
    assert!(
        blind > 10.0 * seeing && blind > 0.01,
        "without it is off by {blind}"
    );
    let init = of(&shown, "breakeven_function_init_seconds", "starts").unwrap();
    assert!(off(init, 1.5) < 1e-9, "{init}");
    for (function, method) in [("starts", "measured"), ("starts-blind", "ratchet")] {
        let labels = [("workload", function)];
        let mut counted = shown.all("breakeven_function_cold_starts_total", &labels);
        assert_eq!(
            counted.next().unwrap().label("method"),
            method,
            "{function}"
        );
    }
    let lines = agent.explained("starts").await;
    let from = |what: &str| {
        let mut found = lines.iter().filter(|[name, ..]| name == what);
        found.next().unwrap()[1].clone()
    };
    assert_eq!(from("INIT"), "Lambda Insights, in the mean");
    assert_eq!(from("cold starts"), "counted by Lambda Insights");
    agent.stop().await;
}

#[tokio::test]
async fn switched_off_or_forbidden_it_takes_nothing_else_away() {
    let agent = start("aws: {lambda_insights: 'off'}", Vec::new()).await;
    let without = shown(&agent, |_| true).await;
    assert_eq!(
        agent
            .cloud
            .requests()
            .count(Endpoint::CloudWatch, "ListMetrics"),
        0
    );
    agent.stop().await;

    let denied = FaultRule::always(Endpoint::CloudWatch, Fault::Forbidden).on_path("ListMetrics");
    let agent = start("", vec![denied]).await;
    let unread = [("source", "cloudwatch"), ("reason", "insights_unread")];
    let shown = shown(&agent, |shown| {
        let count = shown.one("breakeven_source_left_out_total", &unread);
        count == Some(1.0)
    })
    .await;
    assert_eq!(shown.one("breakeven_source_up", &unread[..1]), Some(1.0));
    for function in ["waits", "starts"] {
        for platform in ["lambda", "kubernetes"] {
            let [off, forbidden] = [&without, &shown].map(|one| monthly(one, function, platform));
            assert!(
                (off / forbidden - 1.0).abs() < 1e-2,
                "{function} on {platform}"
            );
        }
        assert_eq!(
            of(
                &shown,
                "breakeven_function_cpu_per_request_seconds",
                function
            ),
            None
        );
    }
    let page = agent.page().await;
    let remedy = "grant `cloudwatch:ListMetrics` to the role or user that breakeven runs as";
    assert!(page.contains(remedy), "no {remedy:?} in\n{page}");
    agent.stop().await;
}
