//! A cluster in a region whose prices the program does not carry: Fargate and volumes cost what the Price List says, asked for no
//! more than is needed, and each dollar of them lands in a component. Functions in several regions cost what their region lists.

use std::path::Path;

use crate::support::agent::{RunningAgent, close, hourly};
use crate::support::exposition::Exposition;
use crate::support::program::breakeven;
use crate::support::{run_boto3, until};
use breakeven_clock::Clock;
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud, World};
use tokio::task::block_in_place;

const WORLD: &str = "
name: ireland
region: eu-west-1
prices:
  on_demand: {m5.large: 0.107}
  fargate: {usd_per_vcpu_hour: 0.0445, usd_per_gib_hour: 0.0049, usd_per_storage_gib_hour: 0.000123}
  disks:
    gp3: {usd_per_gib_month: 0.088, usd_per_iops_month: [0.0055], usd_per_mib_per_second_month: 0.044}
    gp2: {usd_per_gib_month: 0.11}
    io2: {usd_per_gib_month: 0.138, usd_per_iops_month: [0.072, 0.0504, 0.03528]}
    io1: {usd_per_gib_month: 0.139, usd_per_iops_month: [0.073]}
    standard: {usd_per_gib_month: 0.055}
nodes:
  - {name: machine, instance_type: m5.large, zone: eu-west-1a, cpu: 2, memory_gib: 8}
  - {name: fargate, capacity_type: fargate, zone: eu-west-1a, cpu: 0.5, memory_gib: 1}
  - {name: fargate-large, capacity_type: fargate, zone: eu-west-1b, cpu: 2, memory_gib: 4}
storage_classes:
  - {name: gp3, parameters: {type: gp3, iops: '4000', throughput: '250'}}
  - {name: gp2, parameters: {type: gp2}}
  - {name: io2, parameters: {type: io2, iops: '70000'}}
  - {name: io1, parameters: {type: io1, iopsPerGB: '10'}}
  - {name: st1, parameters: {type: st1}}
  - {name: standard, parameters: {type: standard}}
volumes:
  - {name: left-gp2, size_gib: 200, storage_class: gp2, zone: eu-west-1a}
  - {name: left-io2, size_gib: 1000, storage_class: io2, zone: eu-west-1a}
  - {name: left-io1, size_gib: 100, storage_class: io1, zone: eu-west-1a}
  - {name: left-standard, size_gib: 10, storage_class: standard, zone: eu-west-1a}
  - {name: not-listed, size_gib: 10, storage_class: st1, zone: eu-west-1a}
  - {name: at-home, size_gib: 10, storage_class: gp2, zone: us-east-1a}
namespaces: [{name: n}]
workloads:
  - {name: web, namespace: n, kind: Deployment, nodes: [machine], volumes: [{name: data, size_gib: 100, storage_class: gp3}],
     requests: {cpu: 1, memory_mib: 1024}, usage: {idle_cpu: 0.5, memory_mib: 512}}
  - {name: batch, namespace: n, kind: Deployment, nodes: [fargate], requests: {cpu: 0.4, memory_mib: 512, ephemeral_storage_gib: 30},
     usage: {idle_cpu: 0.2, memory_mib: 256}}
  - {name: large, namespace: n, kind: Deployment, nodes: [fargate-large], requests: {cpu: 2, memory_mib: 3072},
     usage: {idle_cpu: 0.2, memory_mib: 256}}
";

/// What each node costs by the hour.
const NODES: [(&str, f64); 3] = [
    ("machine", 0.107),
    ("fargate", 0.5 * 0.0445 + 0.0049 + 10.0 * 0.000_123),
    ("fargate-large", 2.0 * 0.0445 + 4.0 * 0.0049),
];

/// What each volume costs by the month, and which source says so.
const HELD: f64 = 100.0 * 0.088 + 1_000.0 * 0.0055 + 125.0 * 0.044;
const LEFT: [(&str, f64, &str); 5] = [
    ("left-gp2", 200.0 * 0.11, "price_list"),
    (
        "left-io2",
        1_000.0 * 0.138 + 32_000.0 * 0.072 + 32_000.0 * 0.0504 + 6_000.0 * 0.035_28,
        "price_list",
    ),
    ("left-io1", 100.0 * 0.139 + 1_000.0 * 0.073, "price_list"),
    ("left-standard", 10.0 * 0.055, "price_list"),
    ("at-home", 10.0 * 0.10, "embedded"),
];

/// One question about the machine, two about Fargate, whose storage stands with ECS, one about each kind of disk in the
/// region; none about the disk in us-east-1.
const QUESTIONS: u64 = 1 + 2 + 6;

const PRICE: &str = "breakeven_node_price_usd_per_hour";
const VOLUME: &str = "breakeven_volume_price_usd_per_hour";
const CLUSTER: &str = "breakeven_cluster_cost_usd_total";
const WORKLOADS: &str = "breakeven_workload_cost_usd_total";

async fn cloud(world: &str, clock: Clock) -> SimulatedCloud {
    let world = World::from_yaml(world).unwrap();
    SimulatedCloud::start(world, clock, ([127, 0, 0, 1], 0).into())
        .await
        .unwrap()
}

fn clock() -> Clock {
    Clock::accelerated("2026-03-02T12:00:00Z".parse().unwrap(), 10.0)
}

fn asked(cloud: &SimulatedCloud) -> u64 {
    cloud.requests().count(Endpoint::Pricing, "GetProducts")
}

fn config(cache: Option<&Path>) -> String {
    let cache = cache.map_or_else(|| "null".to_owned(), |path| format!("{path:?}"));
    format!(
        "
model: {{interval_seconds: 1}}
kubernetes: {{publish_interval_seconds: 1}}
prices: {{price_list: {{cache_directory: {cache}}}}}
"
    )
}

/// What is shown once all that can have a price has one.
async fn priced(agent: &RunningAgent) -> Exposition {
    until("all prices", async || {
        let shown = agent.shown().await?;
        let mut nodes = NODES.iter();
        let mut left = LEFT.iter();
        let is_priced = nodes.all(|(node, _)| shown.one(PRICE, &[("node", node)]).is_some())
            && left.all(|(volume, ..)| shown.one(VOLUME, &[("volume", volume)]).is_some())
            && shown.one(VOLUME, &[("held", "true")]).is_some();
        is_priced.then_some(shown)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn fargate_and_volumes_cost_what_the_list_of_the_region_says_and_each_dollar_lands_somewhere()
{
    let cloud = cloud(WORLD, clock()).await;
    let running = RunningAgent::start(&cloud, &config(None)).await;
    let shown = priced(&running).await;
    for (node, price) in NODES {
        let labels = [("node", node), ("price_source", "price_list")];
        close(node, shown.one(PRICE, &labels).unwrap(), price);
        let age = shown.one("breakeven_node_price_age_seconds", &[("node", node)]);
        assert!(
            age.is_some_and(|age| (0.0..3_600.0).contains(&age)),
            "{node}"
        );
    }
    for (volume, monthly, source) in LEFT {
        let labels = [
            ("volume", volume),
            ("price_source", source),
            ("held", "false"),
        ];
        close(volume, shown.one(VOLUME, &labels).unwrap(), monthly / 730.0);
    }
    let held = [("held", "true"), ("price_source", "price_list")];
    close("held", shown.one(VOLUME, &held).unwrap(), HELD / 730.0);
    let unpriced = [("volume", "not-listed"), ("reason", "unknown_region")];
    assert_eq!(shown.one("breakeven_volume_unpriced", &unpriced), Some(1.0));
    assert_eq!(asked(&cloud), QUESTIONS);

    for (workload, price) in [
        (
            "batch",
            "Fargate by provisioned size in eu-west-1, from the Price List",
        ),
        ("web", "EBS gp3 in eu-west-1, from the Price List"),
    ] {
        let explained = running
            .explanation(&format!("n/Deployment/{workload}"))
            .await;
        assert!(explained.contains("price_list"), "{explained}");
        assert!(explained.contains(price), "{explained}");
    }
    let from = running.later(&shown, 5.0).await;
    let to = running.later(&from, 30.0).await;
    let rate = |name: &str, labels: &[(&str, &str)]| hourly(&from, &to, name, labels);
    let nodes: f64 = NODES.iter().map(|one| one.1).sum();
    let left = LEFT.iter().map(|one| one.1).sum::<f64>() / 730.0;
    // The control plane of EKS is 0.10.
    let whole = nodes + HELD / 730.0 + left + 0.10;
    close("the whole", rate(CLUSTER, &[]), whole);
    close(
        "fixed",
        rate(CLUSTER, &[("component", "fixed")]),
        left + 0.10,
    );
    close("carried", rate(WORKLOADS, &[("home", "kubernetes")]), whole);
    let of = |workload: &str, component: &str| {
        rate(
            WORKLOADS,
            &[("workload", workload), ("component", component)],
        )
    };
    close("volume", of("web", "storage"), HELD / 730.0);
    for (workload, (_, price)) in [("batch", NODES[1]), ("large", NODES[2])] {
        // A pod of Fargate holds all of its machine.
        close(
            workload,
            of(workload, "cpu") + of(workload, "memory"),
            price,
        );
    }
    drop(running);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_list_nothing_of_another_region_is_taken_and_what_was_kept_holds_after_a_restart()
 {
    let cloud = cloud(WORLD, clock()).await;
    let directory = tempfile::tempdir().unwrap();
    cloud
        .faults()
        .add(FaultRule::always(Endpoint::Pricing, Fault::Hang));
    let running = RunningAgent::start(&cloud, &config(Some(directory.path()))).await;
    until("the reasons", async || {
        let shown = running.shown().await?;
        let up = shown.one("breakeven_source_up", &[("source", "price_list")]);
        let node = [("node", "fargate"), ("reason", "unknown_region")];
        let volume = [("volume", "left-gp2"), ("reason", "unknown_region")];
        let are_unpriced = shown.one("breakeven_node_unpriced", &node) == Some(1.0)
            && shown.one("breakeven_volume_unpriced", &volume) == Some(1.0);
        // In us-east-1 the embedded price holds.
        let in_us_east_1 = shown.one(VOLUME, &[("volume", "at-home")]).is_some();
        (up == Some(0.0) && are_unpriced && in_us_east_1).then_some(())
    })
    .await;
    cloud.faults().clear();
    priced(&running).await;
    let file = directory.path().join("price-list.json");
    until("the cache to be written", async || {
        let kept = std::fs::read_to_string(&file).ok()?;
        let parts = ["fargate_storage", "disk_iops", "\"st1\"", "m5.large"];
        parts.iter().all(|part| kept.contains(part)).then_some(())
    })
    .await;
    drop(running);
    let before = asked(&cloud);
    cloud
        .faults()
        .add(FaultRule::always(Endpoint::Pricing, Fault::Hang));
    let again = RunningAgent::start(&cloud, &config(Some(directory.path()))).await;
    let shown = priced(&again).await;
    for (node, price) in NODES {
        close(node, shown.one(PRICE, &[("node", node)]).unwrap(), price);
    }
    for (volume, monthly, _) in LEFT {
        let found = shown.one(VOLUME, &[("volume", volume)]).unwrap();
        close(volume, found, monthly / 730.0);
    }
    assert_eq!(asked(&cloud), before, "what is kept is not asked for");
    drop(again);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_with_more_storage_than_the_list_has_a_price_of_is_unpriced_and_others_are_not() {
    let world = WORLD.replace(", usd_per_storage_gib_hour: 0.000123", "");
    let cloud = cloud(&world, clock()).await;
    let running = RunningAgent::start(&cloud, &config(None)).await;
    until("one price and one reason", async || {
        let shown = running.shown().await?;
        let large = shown.one(PRICE, &[("node", "fargate-large")])?;
        close("large", large, NODES[2].1);
        let reason = [("node", "fargate"), ("reason", "unknown_region")];
        (shown.one("breakeven_node_unpriced", &reason) == Some(1.0)).then_some(())
    })
    .await;
    drop(running);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_prints_where_the_prices_of_fargate_and_of_volumes_come_from() {
    let cloud = cloud(WORLD, Clock::system()).await;
    let kubeconfig = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(kubeconfig.path(), cloud.kubeconfig()).unwrap();
    let mut check = breakeven(&["check", "--prices"]);
    check
        .env("KUBECONFIG", kubeconfig.path())
        .env("AWS_ENDPOINT_URL", cloud.aws_url())
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "simulated")
        .env("AWS_SECRET_ACCESS_KEY", "simulated");
    let output = block_in_place(|| check.output().unwrap());
    let said = String::from_utf8(output.stdout).unwrap();
    for (name, parts) in [
        (
            "fargate ",
            [
                "price_list",
                "Fargate by provisioned size in eu-west-1, from the Price List",
            ],
        ),
        (
            "left-io2 ",
            ["price_list", "EBS io2 in eu-west-1, from the Price List"],
        ),
        ("at-home ", ["embedded", "EBS gp2 in us-east-1, list of "]),
        ("not-listed ", ["unpriced", "unknown_region"]),
    ] {
        let line = said.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no line of {name}\n{said}"));
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_reads_the_same_prices_with_the_filters_of_the_api() {
    let cloud = cloud(WORLD, clock()).await;
    run_boto3("test_boto3_prices.py", cloud.aws_url()).await;
    cloud.stop().await;
}

/// Functions in four regions: each 1 GiB, 10 requests per second of 500 ms, all served by 20 environments of provisioned
/// concurrency, with 1 GiB of `/tmp` more than is free. The last has SnapStart instead.
fn functions() -> World {
    let ready = "provisioned: [{qualifier: live, concurrency: 20}], ephemeral_storage_mib: 1536";
    let function = |region: &str, more: &str| {
        format!(
            "  - {{name: {region}, region: {region}, memory_mib: 1024, duration_ms: 500, timeout_s: 30, {more},\n     \
             traffic: {{pattern: steady, requests_per_second: 10}}}}\n"
        )
    };
    let mut text = "name: regions\nhistory_hours: 3\nfunctions:\n".to_owned();
    for (region, ..) in PROVISIONED {
        text += &function(region, ready);
    }
    text += &function(
        "ap-east-2",
        "snap_start: true, runtime: python3.13, init_ms: 300",
    );
    World::from_yaml(&text).unwrap()
}

/// List prices in USD of a GB-second: provisioned concurrency, duration inside it, `/tmp`. By the price file of the AWS Pricing
/// Calculator of 2025-10-30.
const PROVISIONED: [(&str, f64, f64, f64); 3] = [
    (
        "eu-west-1",
        0.000_004_646_0,
        0.000_010_840_7,
        0.000_000_034_0,
    ),
    (
        "sa-east-1",
        0.000_006_637_2,
        0.000_015_486_7,
        0.000_000_058_6,
    ),
    (
        "ap-northeast-1",
        0.000_005_383_5,
        0.000_012_561_5,
        0.000_000_037_0,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn functions_cost_what_provisioned_concurrency_and_tmp_cost_in_their_region() {
    let world = functions();
    let clock = Clock::accelerated(world.start(), 120.0);
    let cloud = SimulatedCloud::start(world, clock, ([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let config = "
kubernetes: {enabled: false}
model: {interval_seconds: 1}
aws:
  regions: [eu-west-1, sa-east-1, ap-northeast-1, ap-east-2]
  budget_usd_per_month: 1000
";
    let running = RunningAgent::start(&cloud, config).await;
    let requests = |shown: &Exposition, function: &str| {
        shown
            .sum(
                "breakeven_workload_requests_total",
                &[("workload", function)],
            )
            .filter(|requests| *requests > 0.0)
    };
    let shown = until("requests in every region", async || {
        let shown = running.shown().await?;
        let mut functions = PROVISIONED.iter().map(|one| one.0).chain(["ap-east-2"]);
        functions
            .all(|function| requests(&shown, function).is_some())
            .then_some(shown)
    })
    .await;
    let each = |function: &str, component: &str| {
        let labels = [("workload", function), ("component", component)];
        let cost = shown.sum("breakeven_workload_cost_usd_total", &labels);
        cost.unwrap_or_default() / requests(&shown, function).unwrap()
    };
    // 600 requests in a minute, each billed half a millisecond of rounding more in the mean.
    for (region, provisioned, inside, tmp) in PROVISIONED {
        let billed = 0.500_5;
        let expected = 20.0 * 60.0 / 600.0 * provisioned + billed * inside;
        close(region, each(region, "provisioned"), expected);
        close(region, each(region, "ephemeral"), billed * tmp);
        close(region, each(region, "requests"), 0.000_000_2);
    }
    for (function, part) in [
        ("eu-west-1", "79.7 % of it in use"),
        ("sa-east-1", "never (562.5 %)"),
        ("ap-northeast-1", "never (131.1 %)"),
        (
            "ap-east-2",
            "SnapStart has no list price in this region; set prices.lambda.unlisted",
        ),
    ] {
        let explained = running.explanation(function).await;
        assert!(explained.contains(part), "{explained}");
    }
    // The part without a price is left out, and the others are not.
    close("ap-east-2", each("ap-east-2", "requests"), 0.000_000_18);
    close(
        "ap-east-2",
        each("ap-east-2", "duration"),
        0.500_5 * 0.000_015,
    );
    assert!(each("ap-east-2", "snapstart").abs() < f64::EPSILON);
    let unpriced = [("workload", "ap-east-2"), ("verdict", "unpriced")];
    until("the verdict once an hour is known", async || {
        let shown = running.shown().await?;
        (shown.one("breakeven_workload_verdict", &unpriced)? > 0.0).then_some(())
    })
    .await;
    drop(running);
    cloud.stop().await;
}
