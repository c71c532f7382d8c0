//! Requests that AWS counts before the cluster: each counter against the world behind the simulated CloudWatch, minute by
//! minute, and the agent that counts by them what nothing else does.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::support::exposition::{Exposition, get};
use crate::support::program::{Program, breakeven};
use crate::support::{until, until_within};
use breakeven::sources::aws::cloudwatch::{Budget, ScheduleLimits};
use breakeven::sources::aws::load_balancers::{
    Bindings, Counter, LoadBalancerSource, Settings, named,
};
use breakeven::sources::aws::{self, Aws, FixedCredentials};
use breakeven::sources::{Poll, Reason};
use breakeven_clock::Clock;
use breakeven_model::inventory::{
    Cluster, Counted, DedicatedSource, Observation, Service, ServiceRouting, TargetGroupBinding,
    WorkloadId,
};
use breakeven_model::units::Usd;
use breakeven_simulator::{
    Endpoint, Fault, FaultRule, ResultFault, ResultStatus, SimulatedCloud, World,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

const TAG: &str = "example.com/workload";

/// Four workloads, each behind something else, and one behind nothing.
const WORLD: &str = "
name: edge
seed: 5
account_id: '123456789012'
region: us-east-1
nodes:
  - {name: one, instance_type: m5.large, zone: us-east-1a, cpu: 2, memory_gib: 8}
namespaces:
  - {name: shop}
workloads:
  - {name: web, namespace: shop, kind: Deployment, replicas: 2, latency_ms: 40,
     requests: {cpu: 0.2, memory_mib: 256}, usage: {cpu_seconds_per_request: 0.002, memory_mib: 200},
     traffic: {pattern: diurnal, requests_per_second: 20, amplitude: 0.6, peak_hour: 14},
     edge: {kind: target_group, name: k8s-shop-web, load_balancer: shop}}
  - {name: api, namespace: shop, kind: Deployment, latency_ms: 15,
     requests: {cpu: 0.2, memory_mib: 256}, usage: {cpu_seconds_per_request: 0.002, memory_mib: 200},
     traffic: {pattern: bursty, requests_per_second: 3, burst_factor: 5, burst_share: 0.2},
     edge: {kind: target_group, name: by-hand, load_balancer: shop, bound: false,
            tags: {example.com/workload: shop/api}}}
  - {name: orders, namespace: shop, kind: Deployment, latency_ms: 120,
     requests: {cpu: 0.2, memory_mib: 256}, usage: {cpu_seconds_per_request: 0.002, memory_mib: 200},
     traffic: {pattern: sporadic, requests_per_active_minute: 30, active_share: 0.3},
     edge: {kind: http_api, id: a1b2c3d4e5}}
  - {name: legacy, namespace: shop, kind: StatefulSet, latency_ms: 300,
     requests: {cpu: 0.2, memory_mib: 256}, usage: {cpu_seconds_per_request: 0.002, memory_mib: 200},
     traffic: {pattern: steady, requests_per_second: 2},
     edge: {kind: rest_api, name: legacy, stage: live}}
  - {name: inside, namespace: shop, kind: Deployment, latency_ms: 5,
     requests: {cpu: 0.2, memory_mib: 256}, usage: {cpu_seconds_per_request: 0.002, memory_mib: 200},
     traffic: {pattern: steady, requests_per_second: 50}}
";

const BEHIND: [(&str, &str, f64); 4] = [
    ("shop/Deployment/web", "shop/web", 40.0),
    ("shop/Deployment/api", "shop/api", 15.0),
    ("shop/Deployment/orders", "shop/orders", 120.0),
    ("shop/StatefulSet/legacy", "shop/legacy", 300.0),
];

fn noon() -> Timestamp {
    "2026-03-03T12:00:20Z".parse().unwrap()
}

async fn cloud(speed: f64) -> SimulatedCloud {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let world = World::from_yaml(WORLD).unwrap().begin(noon());
    let clock = Clock::accelerated(noon(), speed);
    SimulatedCloud::start(world, clock, address).await.unwrap()
}

fn budget(usd: f64) -> Budget {
    Budget::new(ScheduleLimits {
        budget: Usd::from_usd(usd).unwrap(),
        ..ScheduleLimits::default()
    })
}

fn workload(name: &str) -> WorkloadId {
    named(name).unwrap()
}

/// The source, told what is bound by the cluster itself.
async fn source(cloud: &SimulatedCloud, budget: Budget) -> LoadBalancerSource {
    let aws = Aws::new(aws::AwsConfig {
        region: Some("us-east-1".into()),
        endpoint_url: Some(cloud.aws_url()),
        credentials: Some(FixedCredentials {
            access_key_id: "AKIDSIMULATED".into(),
            secret_access_key: "simulated".into(),
        }),
        attempt_timeout: Duration::from_secs(2),
        max_attempts: 1,
        ..aws::AwsConfig::default()
    });
    let bindings = Bindings::default();
    bindings.on_snapshot(&bound(cloud).await);
    let api = |counter, name| (counter, workload(name));
    let settings = Settings {
        apis: vec![
            api(
                Counter::HttpApi {
                    id: "a1b2c3d4e5".into(),
                    stage: None,
                },
                "shop/orders",
            ),
            api(
                Counter::RestApi {
                    name: "legacy".into(),
                    stage: Some("live".into()),
                },
                "shop/StatefulSet/legacy",
            ),
            api(
                Counter::HttpApi {
                    id: "other".into(),
                    stage: None,
                },
                "elsewhere/none",
            ),
        ],
        target_group_tag: Some(TAG.into()),
        interval: Duration::from_secs(300),
        delay: Duration::from_secs(180),
        backfill: Duration::from_secs(24 * 3_600),
    };
    LoadBalancerSource::new(settings, aws, &bindings, budget)
}

/// The cluster, with the bindings that its API shows.
async fn bound(cloud: &SimulatedCloud) -> Cluster {
    let url = cloud.kube_url();
    let list = format!("{url}/apis/elbv2.k8s.aws/v1beta1/targetgroupbindings");
    let (_, _, body) = get(&list).await.unwrap();
    let list: Value = serde_json::from_slice(&body).unwrap();
    let text = |value: &Value| value.as_str().unwrap().into();
    let bindings = list["items"].as_array().unwrap().iter();
    let target_groups: Vec<_> = bindings
        .map(|one| TargetGroupBinding {
            target_group: text(&one["spec"]["targetGroupARN"]),
            namespace: text(&one["metadata"]["namespace"]),
            service: text(&one["spec"]["serviceRef"]["name"]),
        })
        .collect();
    assert_eq!(target_groups.len(), 1);
    let pods = BEHIND.map(|(id, ..)| crate::support::pod_of(workload(id), "a"));
    Cluster {
        at: noon(),
        pods: pods.into(),
        service_routing: ServiceRouting {
            services: vec![Service {
                namespace: "shop".into(),
                name: "web".into(),
                ports: Vec::new(),
                workloads: vec![(workload("shop/web"), 2)],
            }],
            target_groups,
            ..ServiceRouting::default()
        },
        ..Cluster::default()
    }
}

fn counted(observations: Vec<Observation>) -> BTreeMap<WorkloadId, Counted> {
    match <[Observation; 1]>::try_from(observations) {
        Ok([Observation::DedicatedTraffic(own)]) => {
            assert_eq!(own.by, DedicatedSource::Edge);
            own.workloads
        }
        other => panic!("{other:?}"),
    }
}

/// Holds what was counted against the world, minute by minute; gives the time that was covered.
fn hold(cloud: &SimulatedCloud, counted: &BTreeMap<WorkloadId, Counted>) -> (Timestamp, Timestamp) {
    assert_eq!(counted.len(), BEHIND.len());
    let mut spans = Vec::new();
    for (id, key, latency_ms) in BEHIND {
        let counted = &counted[&workload(id)];
        let [window] = counted.covered.as_slice() else {
            panic!("{counted:?}")
        };
        let world = cloud.world();
        let truth = world.workloads().iter().find(|one| one.key == key).unwrap();
        let minutes = window.start().as_second() / 60..window.end().as_second() / 60;
        let expected: Vec<(i64, u64)> = minutes
            .map(|minute| (minute, truth.requests_in_minute(minute)))
            .filter(|(_, requests)| *requests > 0)
            .collect();
        let found: Vec<(i64, u64)> = counted
            .steps
            .iter()
            .map(|step| {
                let (sum, count) = step.latency.unwrap();
                let mean = sum.millis() / count.requests();
                assert!((mean / latency_ms - 1.0).abs() < 1e-9, "{key}: {mean} ms");
                assert_eq!(step.window.length().seconds(), 60.0);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a count"
                )]
                let requests = step.requests.requests() as u64;
                (step.window.start().as_second() / 60, requests)
            })
            .collect();
        assert_eq!(found, expected, "{key}");
        spans.push((window.start(), window.end()));
    }
    spans.dedup();
    let [span] = spans.as_slice() else {
        panic!("{spans:?}")
    };
    *span
}

#[tokio::test]
async fn what_each_counter_counts_is_the_truth_of_the_world() {
    let cloud = cloud(600.0).await;
    let shared = budget(10.0);
    let mut source = source(&cloud, shared.clone()).await;
    let now = cloud.clock().now();
    let (start, end) = hold(&cloud, &counted(source.poll(now).await.unwrap()));
    assert_eq!(end.duration_since(start), SignedDuration::from_hours(24));
    let age = now.duration_since(end);
    assert!((180..240).contains(&age.as_secs()), "{age}");

    let later = until("five minutes", async || {
        let later = cloud.clock().now();
        (later.duration_since(now) >= SignedDuration::from_mins(5)).then_some(later)
    })
    .await;
    let (next, after) = hold(&cloud, &counted(source.poll(later).await.unwrap()));
    assert_eq!(next, end, "no minute twice, and none left out");
    assert!(after > next);

    // One call told the load balancer of each of two groups, and the third API leads to nobody.
    assert_eq!(
        cloud.requests().count(Endpoint::CloudWatch, "ListMetrics"),
        2
    );
    assert_eq!(cloud.requests().count(Endpoint::Tagging, "GetResources"), 1);
    assert_eq!(
        source.discarded().snapshot(),
        BTreeMap::from([("without_workload", 2)])
    );
    // Three statistics of four counters every five minutes are 105,120 a month.
    let planned = shared.plan().expected().statistics.requests();
    assert!((planned - 105_120.0).abs() < 1e-6, "{planned}");
    cloud.stop().await;
}

#[tokio::test]
async fn what_fails_is_read_again_whole() {
    let cloud = cloud(1.0).await;
    let mut source = source(&cloud, budget(10.0)).await;
    let now = cloud.clock().now();
    let result = |status| {
        Fault::Result(ResultFault {
            status,
            function: None,
            token: false,
        })
    };
    let unavailable = Fault::Status {
        code: 503,
        retry_after: None,
    };
    for (fault, reason) in [
        (unavailable, Reason::ServerError),
        (Fault::Throttle, Reason::Throttled),
        (Fault::Forbidden, Reason::Forbidden),
        (Fault::Garbage, Reason::InvalidResponse),
        (result(ResultStatus::InternalError), Reason::Incomplete),
        (result(ResultStatus::Forbidden), Reason::Forbidden),
    ] {
        let rule = FaultRule::always(Endpoint::CloudWatch, fault.clone());
        cloud.faults().replace(vec![rule]);
        let error = source.poll(now).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{fault:?}: {error}");
    }
    cloud.faults().clear();
    let (start, end) = hold(&cloud, &counted(source.poll(now).await.unwrap()));
    assert_eq!(end.duration_since(start), SignedDuration::from_hours(24));
    cloud.stop().await;
}

#[tokio::test]
async fn without_budget_it_waits_and_says_so() {
    let cloud = cloud(1.0).await;
    // A tenth of a month may be spent at once: eleven metrics, of the twelve that are needed.
    let mut source = source(&cloud, budget(0.001_1)).await;
    let now = cloud.clock().now();
    assert!(source.poll(now).await.unwrap().is_empty());
    assert_eq!(
        cloud
            .requests()
            .count(Endpoint::CloudWatch, "GetMetricData"),
        0
    );
    assert_eq!(source.discarded().snapshot()["over_budget"], 1);
    cloud.stop().await;
}

/// A demo of this world, with requests counted as given.
async fn demo(place: &std::path::Path, requests: &str) -> (Program, String) {
    let config = format!(
        "model: {{interval_seconds: 5}}
kubernetes: {{publish_interval_seconds: 2}}
requests:
  edge:
    enabled: true
    target_group_tag: {TAG}
    apis:
      - {{api_id: a1b2c3d4e5, workload: shop/orders}}
      - {{api_name: legacy, stage: live, workload: shop/StatefulSet/legacy}}
    interval_seconds: 60
{requests}"
    );
    let file = |name: &str| place.join(name).to_str().unwrap().to_owned();
    std::fs::write(place.join("config.yaml"), config).unwrap();
    std::fs::write(place.join("world.yaml"), WORLD).unwrap();
    let mut command = breakeven(&["demo", "--web.listen-address", "127.0.0.1:0"]);
    let start = noon().to_string();
    command.args(["--start", &start, "--speed", "60"]);
    command.args([
        "--world",
        &file("world.yaml"),
        "--config.file",
        &file("config.yaml"),
    ]);
    let mut program = Program::start(&mut command);
    let address = program.listens("the metrics   http://").await;
    (program, format!("http://{address}"))
}

/// What counts the requests of each workload, once five are known and as many of them are counted as wanted.
async fn origins(agent: &str, wanted: usize) -> (Exposition, BTreeMap<String, String>) {
    let found = until_within(Duration::from_secs(60), "counted workloads", async || {
        let seen = Exposition::at(&format!("{agent}/metrics")).await?;
        let costs = seen.all(
            "breakeven_request_cost_usd",
            &[("platform", "kubernetes"), ("basis", "loaded")],
        );
        let has_all = costs.count() >= wanted;
        let by: BTreeMap<String, String> = seen
            .all("breakeven_workload_info", &[])
            .map(|one| {
                (
                    one.label("workload").to_owned(),
                    one.label("requests_by").to_owned(),
                )
            })
            .collect();
        (has_all && by.len() == 5).then_some((seen, by))
    });
    found.await
}

/// Requests of a month like the last day, as the agent's cost of one and of a month imply them.
fn monthly(seen: &Exposition, workload: &str) -> f64 {
    let labels = [
        ("workload", workload),
        ("platform", "kubernetes"),
        ("basis", "loaded"),
    ];
    let month = seen
        .one("breakeven_workload_monthly_cost_usd", &labels)
        .unwrap();
    month / seen.one("breakeven_request_cost_usd", &labels).unwrap()
}

#[tokio::test]
async fn the_agent_counts_by_the_edge_what_nothing_else_does() {
    let place = tempfile::tempdir().unwrap();
    let (_program, agent) = demo(place.path(), "").await;
    let (seen, by) = origins(&agent, 4).await;
    let edge = ["web", "api", "orders", "legacy"];
    for name in edge {
        assert_eq!(by[name], "edge", "{name}");
    }
    assert_eq!(by["inside"], "");
    for (name, each_second) in [("web", 20.0), ("legacy", 2.0)] {
        let expected = each_second * 3_600.0 * 730.0;
        let found = monthly(&seen, name);
        assert!(
            (found / expected - 1.0).abs() < 0.005,
            "{name}: {found} of {expected}"
        );
    }
    let up = seen.one("breakeven_source_up", &[("source", "edge")]);
    assert_eq!(up, Some(1.0));
    let (_, _, output_text) = get(&format!("{agent}/api/v1/explain/shop/web"))
        .await
        .unwrap();
    let output_text = String::from_utf8_lossy(&output_text).into_owned();
    assert!(output_text.contains("source edge"), "{output_text}");
    assert!(
        output_text.contains("by what AWS counts before the cluster"),
        "{output_text}"
    );
}

#[tokio::test]
async fn what_a_mesh_counts_the_edge_does_not_count_again() {
    let place = tempfile::tempdir().unwrap();
    let prometheus =
        "  prometheus: {url: 'http://127.0.0.1:0', preset: istio, interval_seconds: 30}\n";
    let (_program, agent) = demo(place.path(), prometheus).await;
    let found = until_within(Duration::from_secs(60), "the mesh", async || {
        let (seen, by) = origins(&agent, 5).await;
        by.values().all(|one| one == "istio").then_some(seen)
    });
    let seen = found.await;
    for (name, each_second) in [("web", 20.0), ("legacy", 2.0), ("inside", 50.0)] {
        let expected = each_second * 3_600.0 * 730.0;
        let found = monthly(&seen, name);
        assert!(
            (found / expected - 1.0).abs() < 0.005,
            "{name}: {found} of {expected}"
        );
    }
}
