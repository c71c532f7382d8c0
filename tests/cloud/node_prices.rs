//! A cluster of every kind of machine: each node costs what it should, by the source that should say so, and each dollar
//! of all of them lands in a component.

use std::time::{Duration, Instant};

use crate::support::agent::{RunningAgent, close, hourly};
use crate::support::exposition::Exposition;
use crate::support::program::breakeven;
use crate::support::until;
use breakeven_clock::Clock;
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud, World};
use tokio::task::block_in_place;

const WORLD: &str = "
name: machines
prices:
  on_demand: {m5.large: 0.0999, c6i.xlarge: 0.17, g5.xlarge: 1.006, r6i.large: 0.126}
  spot:
    - {instance_type: m6i.large, zone: us-east-1b, usd_per_hour: 0.0413}
nodes:
  - {name: listed, instance_type: m5.large, zone: us-east-1a, cpu: 2, memory_gib: 8}
  - {name: auto, instance_type: c6i.xlarge, zone: us-east-1a, cpu: 4, memory_gib: 8,
     labels: {eks.amazonaws.com/compute-type: auto}}
  - {name: spare, instance_type: m6i.large, zone: us-east-1b, capacity_type: spot, cpu: 2, memory_gib: 8}
  - {name: spare-elsewhere, instance_type: m6i.large, zone: us-east-1c, capacity_type: spot, cpu: 2, memory_gib: 8}
  - {name: gpu, instance_type: g5.xlarge, zone: us-east-1a, cpu: 4, memory_gib: 16, gpus: 1}
  - {name: planned, instance_type: r6i.large, zone: us-east-1a, cpu: 2, memory_gib: 16}
  - {name: embedded, instance_type: m7g.large, architecture: arm64, zone: us-east-1a, cpu: 2, memory_gib: 8}
  - {name: rack, instance_type: rack, provider_id: 'metal://rack', zone: cellar, cpu: 16, memory_gib: 64}
  - {name: unknown, instance_type: z9.large, zone: us-east-1a, cpu: 2, memory_gib: 8}
  - {name: fargate, capacity_type: fargate, zone: us-east-1a, cpu: 0.5, memory_gib: 1}
storage_classes:
  - {name: gp3, parameters: {type: gp3, iops: '4000', throughput: '250'}}
  - {name: io2, parameters: {type: io2, iopsPerGB: '10'}}
  - {name: files, provisioner: efs.csi.aws.com}
  - {name: nfs, provisioner: nfs.example.com}
volumes:
  - {name: left-behind, size_gib: 200, storage_class: io2, zone: us-east-1a}
  - {name: abroad, size_gib: 10, storage_class: gp3, zone: eu-west-1a}
namespaces: [{name: kube-system}, {name: n}]
workloads:
  - {name: agent, namespace: kube-system, kind: DaemonSet, requests: {cpu: 0.1, memory_mib: 128}, usage: {idle_cpu: 0.05, memory_mib: 64}}
  - {name: web, namespace: n, kind: Deployment, replicas: 6, nodes: [listed, auto, spare, planned, embedded, rack],
     volumes: [{name: data, size_gib: 100, storage_class: gp3}, {name: files, size_gib: 50, storage_class: files, shared: true}],
     requests: {cpu: 1, memory_mib: 1024}, usage: {idle_cpu: 0.5, memory_mib: 512}}
  - {name: train, namespace: n, kind: Deployment, nodes: [gpu], requests: {cpu: 1, memory_mib: 2048, gpus: 1},
     usage: {idle_cpu: 0.5, memory_mib: 512}}
  - {name: batch, namespace: n, kind: Deployment, nodes: [fargate], requests: {cpu: 0.4, memory_mib: 512, ephemeral_storage_gib: 30},
     usage: {idle_cpu: 0.2, memory_mib: 256}}
  - {name: old, namespace: n, kind: StatefulSet, nodes: [listed], volumes: [{name: data, size_gib: 5, storage_class: nfs}],
     usage: {idle_cpu: 0.1, memory_mib: 64}}
  - {name: lost, namespace: n, kind: Deployment, replicas: 2, nodes: [unknown, spare-elsewhere],
     requests: {cpu: 1, memory_mib: 1024}, usage: {idle_cpu: 0.5, memory_mib: 512}}
";

const CONFIG: &str = "
model: {interval_seconds: 1}
kubernetes: {publish_interval_seconds: 1}
prices:
  on_premises: {usd_per_core_hour: 0.012, usd_per_gib_hour: 0.0016}
  discounts:
    - {kind: savings_plan, families: [r6i], ratio: 0.3}
  volumes:
    - {selector: {driver: efs.csi.aws.com}, usd_per_gib_month: 0.30}
";

/// What each node costs, and which source says so.
const TRUTH: [(&str, f64, &str); 8] = [
    ("listed", 0.0999, "price_list"),
    ("auto", 0.17 + 0.12 * 0.17, "price_list"),
    ("spare", 0.0413, "spot"),
    ("gpu", 1.006, "price_list"),
    ("planned", 0.126 * 0.7, "savings_plan"),
    ("embedded", 0.0816, "embedded"),
    ("rack", 16.0 * 0.012 + 64.0 * 0.0016, "config"),
    (
        "fargate",
        0.5 * 0.040_48 + 0.004_445 + 10.0 * 0.000_111,
        "embedded",
    ),
];

const UNPRICED: [(&str, &str); 2] = [
    ("unknown", "unknown_instance_type"),
    ("spare-elsewhere", "no_spot_price"),
];

/// What the volumes cost each hour: of each of six pods, of all of them together, and of nobody.
const OF_EACH: f64 = (100.0 * 0.08 + 1_000.0 * 0.005 + 125.0 * 0.04) / 730.0;
const SHARED: f64 = 50.0 * 0.30 / 730.0;
const LEFT_BEHIND: f64 = (200.0 * 0.125 + 2_000.0 * 0.065) / 730.0;

/// Before the standard support of the simulated version of Kubernetes ends, and after.
const BEFORE: &str = "2026-03-02T12:00:00Z";
const AFTER: &str = "2026-09-02T12:00:00Z";

struct Running {
    cloud: SimulatedCloud,
    agent: RunningAgent,
}

impl Running {
    async fn start(start: &str, faults: &[FaultRule]) -> Self {
        let clock = Clock::accelerated(start.parse().unwrap(), 10.0);
        let address = ([127, 0, 0, 1], 0).into();
        let world = World::from_yaml(WORLD).unwrap();
        let cloud = SimulatedCloud::start(world, clock, address).await.unwrap();
        cloud.faults().replace(faults.to_vec());
        let agent = RunningAgent::start(&cloud, CONFIG).await;
        Self { cloud, agent }
    }

    /// What is shown, once each node has its price by the source that should say it.
    async fn priced(&self) -> Exposition {
        until("all prices", async || {
            let shown = self.agent.shown().await?;
            let known = TRUTH.iter().all(|(node, _, source)| {
                let labels = [("node", *node), ("price_source", *source)];
                shown.one(PRICE, &labels).is_some()
            });
            let control_plane = shown.one("breakeven_source_up", &[("source", "control_plane")]);
            (known && control_plane == Some(1.0)).then_some(shown)
        })
        .await
    }

    async fn stop(self) {
        drop(self.agent);
        self.cloud.stop().await;
    }
}

const PRICE: &str = "breakeven_node_price_usd_per_hour";
const CLUSTER: &str = "breakeven_cluster_cost_usd_total";
const WORKLOADS: &str = "breakeven_workload_cost_usd_total";

/// Holds prices, components and the law of money against the truth, which is computed here from the file above.
#[expect(clippy::too_many_lines, reason = "one scenario")]
async fn holds(start: &str, control_plane: f64) {
    let running = Running::start(start, &[]).await;
    let first = running.priced().await;
    for (node, price, _) in TRUTH {
        close(node, first.one(PRICE, &[("node", node)]).unwrap(), price);
    }
    for (node, reason) in UNPRICED {
        let labels = [("node", node), ("reason", reason)];
        assert_eq!(
            first.one("breakeven_node_unpriced", &labels),
            Some(1.0),
            "{node}"
        );
        assert_eq!(first.one(PRICE, &[("node", node)]), None, "{node}");
    }
    const VOLUME: &str = "breakeven_volume_price_usd_per_hour";
    let prices = |labels| first.all(VOLUME, labels).count();
    assert_eq!(
        prices(&[
            ("storage_class", "gp3"),
            ("held", "true"),
            ("namespace", "n")
        ]),
        6
    );
    assert_eq!(prices(&[("price_source", "config"), ("held", "true")]), 1);
    close(
        "left behind",
        first.one(VOLUME, &[("held", "false")]).unwrap(),
        LEFT_BEHIND,
    );
    for (class, reason) in [("gp3", "unknown_region"), ("nfs", "not_on_ebs")] {
        let labels = [("storage_class", class), ("reason", reason)];
        assert_eq!(
            first.one("breakeven_volume_unpriced", &labels),
            Some(1.0),
            "{class}"
        );
    }
    let age = |node: &str| first.one("breakeven_node_price_age_seconds", &[("node", node)]);
    assert!(age("listed").is_some_and(|age| (0.0..3_600.0).contains(&age)));
    assert!(age("spare").is_some_and(|age| (0.0..3_600.0).contains(&age)));
    assert_eq!(age("rack").or(age("embedded")), None, "it is of no age");
    let read_at =
        |node: &str| first.one("breakeven_node_price_timestamp_seconds", &[("node", node)]);
    let now = first
        .one("breakeven_report_timestamp_seconds", &[])
        .unwrap();
    for node in ["listed", "spare"] {
        let (age, read_at) = (age(node).unwrap(), read_at(node).unwrap());
        assert!(
            (read_at + age - now).abs() < 1e-3,
            "{read_at} + {age} is not {now}"
        );
    }
    assert_eq!(read_at("rack").or(read_at("embedded")), None);

    // The interval in which the last price came is charged at all that was known at its end.
    let from = running.agent.later(&first, 5.0).await;
    let to = running.agent.later(&from, 30.0).await;
    let rate = |name: &str, labels: &[(&str, &str)]| hourly(&from, &to, name, labels);
    let nodes: f64 = TRUTH.iter().map(|one| one.1).sum();
    let whole = nodes + control_plane + 6.0 * OF_EACH + SHARED + LEFT_BEHIND;
    close("the whole", rate(CLUSTER, &[]), whole);
    close(
        "fixed",
        rate(CLUSTER, &[("component", "fixed")]),
        control_plane + LEFT_BEHIND,
    );
    let on_kubernetes = [("home", "kubernetes")];
    close("carried", rate(WORKLOADS, &on_kubernetes), whole);
    let of = |workload: &str, component: &str| {
        rate(
            WORKLOADS,
            &[("workload", workload), ("component", component)],
        )
    };
    // A GPU costs 224 times what a GiB does, a core 10.1 times.
    let gib = 1.006 / (4.0 * 10.1 + 16.0 + 224.0);
    close("GPU", of("train", "gpu"), 224.0 * gib);
    close("processors beside it", of("train", "cpu"), 10.1 * gib);
    close("memory beside it", of("train", "memory"), 2.0 * gib);
    close("volumes", of("web", "storage"), 6.0 * OF_EACH + SHARED);
    // A pod of Fargate holds all of its machine.
    close(
        "Fargate",
        of("batch", "cpu") + of("batch", "memory"),
        TRUTH[7].1,
    );
    let shared = rate("breakeven_shared_workload_cost_usd_total", &[]);
    close("shared", rate(CLUSTER, &[("component", "shared")]), shared);
    let nothing = to.sum(WORKLOADS, &[("workload", "lost")]);
    assert_eq!(nothing, None, "what is on unpriced nodes has no cost");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_machine_costs_what_it_should_and_each_dollar_lands_somewhere() {
    holds(BEFORE, 0.10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_in_extended_support_costs_six_times_as_much() {
    holds(AFTER, 0.60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn embedded_prices_hold_while_the_price_list_is_down_and_are_replaced_when_it_is_back() {
    let started = Instant::now();
    let hang =
        [Endpoint::Pricing, Endpoint::Ec2].map(|endpoint| FaultRule::always(endpoint, Fault::Hang));
    let running = Running::start(BEFORE, &hang).await;
    let of = |shown: &Exposition, source: &str| {
        shown.one(PRICE, &[("node", "listed"), ("price_source", source)])
    };
    until("the embedded price", async || {
        of(&running.agent.shown().await?, "embedded")
    })
    .await;
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    until("the sources to be down", async || {
        let shown = running.agent.shown().await?;
        let down = |source| shown.one("breakeven_source_up", &[("source", source)]) == Some(0.0);
        (down("price_list") && down("spot")).then_some(())
    })
    .await;
    running.cloud.faults().clear();
    let shown = running.priced().await;
    close("listed", of(&shown, "price_list").unwrap(), 0.0999);
    assert_eq!(of(&shown, "embedded"), None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_disappears_and_returns_costs_no_second_question() {
    let running = Running::start(BEFORE, &[]).await;
    running.priced().await;
    let asked = || {
        running
            .cloud
            .requests()
            .count(Endpoint::Pricing, "GetProducts")
    };
    let before = asked();
    let kube = running.cloud.kube_state();
    let node = kube.get("Node", "", "gpu").unwrap();
    assert!(kube.delete("Node", "", "gpu"));
    let price = async |there: bool| {
        until("the node to go or come", async || {
            let shown = running.agent.shown().await?;
            let price = shown.one(PRICE, &[("node", "gpu")]);
            (price.is_some() == there).then_some(())
        })
        .await;
    };
    price(false).await;
    kube.apply(node).unwrap();
    price(true).await;
    assert_eq!(asked(), before);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_prints_every_node_with_its_price_source_age_and_split() {
    let clock = Clock::system();
    let world = World::from_yaml(WORLD).unwrap();
    let cloud = SimulatedCloud::start(world, clock, ([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let [kubeconfig, config] = [cloud.kubeconfig(), CONFIG.to_owned()].map(|text| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    });
    let check = |more: &[&str]| {
        let mut check = breakeven(&["check", "--prices", "--config.file"]);
        check
            .arg(config.path())
            .args(more)
            .env("KUBECONFIG", kubeconfig.path())
            .env("AWS_ENDPOINT_URL", cloud.aws_url())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "simulated")
            .env("AWS_SECRET_ACCESS_KEY", "simulated");
        let output = block_in_place(|| check.output().unwrap());
        String::from_utf8(output.stdout).unwrap()
    };
    let said = check(&[]);
    for (node, price, source) in TRUTH {
        let line = said
            .lines()
            .find(|line| line.split_whitespace().next() == Some(node));
        let line = line.unwrap_or_else(|| panic!("no line of {node}\n{said}"));
        let words: Vec<&str> = line.split_whitespace().collect();
        assert!(words.contains(&source), "{line}");
        let shown = words.iter().filter_map(|word| word.parse::<f64>().ok());
        let near = |shown: f64| (shown / price - 1.0).abs() < 1e-3;
        assert!(shown.into_iter().any(near), "{price}: {line}");
    }
    for (node, reason) in UNPRICED {
        let line = said
            .lines()
            .find(|line| line.starts_with(&format!("{node} ")));
        assert!(
            line.is_some_and(|line| line.contains(reason)),
            "{node}\n{said}"
        );
    }
    let json: serde_json::Value = serde_json::from_str(&check(&["--output", "json"])).unwrap();
    let nodes = json["node_prices"].as_array().unwrap();
    assert_eq!(nodes.len(), 10);
    let spare = nodes.iter().find(|node| node["node"] == "spare").unwrap();
    close("spot", spare["usd_per_hour"].as_f64().unwrap(), 0.0413);
    assert_eq!(spare["price_source"], "spot");
    assert!(spare["age_seconds"].as_f64().is_some());
    assert_eq!(spare["method"], "spot price of m6i.large in us-east-1b");
    let gib = 0.0413 / (2.0 * 10.1 + 8.0);
    close("split", spare["usd_per_gib_hour"].as_f64().unwrap(), gib);
    cloud.stop().await;
}
