//! Azure's retail prices against the simulated cloud: a cluster of AKS costs what it should, whatever the API does, and
//! nothing is asked that is known.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::agent::{RunningAgent, close, hourly};
use crate::support::exposition::Exposition;
use crate::support::program::breakeven;
use crate::support::until;
use breakeven::sources::azure::retail_prices::AzureRetail;
use breakeven::sources::price_list::{self, ListSource};
use breakeven::sources::price_queries::PriceQueryPublisher;
use breakeven::sources::{Poll, Reason};
use breakeven_clock::Clock;
use breakeven_model::inventory::{
    CapacityType, Cluster, ListPrice, Node, Observation, Provider, Resources, Sku,
};
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud, World};
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::block_in_place;

/// Of each size four or five prices stay after the filter, one of them that of spare capacity; with three on a page an answer has two
/// pages.
const WORLD: &str = "
name: aks
prices:
  azure_page_size: 3
  azure:
    - {region: westeurope, size: Standard_D2s_v5, usd_per_hour: 0.115, spot_usd_per_hour: 0.0221}
    - {region: westeurope, size: Standard_E4s_v5, usd_per_hour: 0.304}
    - {region: eastus, size: Standard_D4s_v5, usd_per_hour: 0.192, spot_usd_per_hour: 0.0384}
nodes:
  - {name: aks-general-1, instance_type: Standard_D2s_v5, zone: westeurope-1, cpu: 2, memory_gib: 8, provider_id: 'azure:///subscriptions/s/1'}
  - {name: aks-general-2, instance_type: Standard_D2s_v5, zone: westeurope-2, cpu: 2, memory_gib: 8, provider_id: 'azure:///subscriptions/s/2'}
  - {name: aks-memory, instance_type: Standard_E4s_v5, zone: westeurope-1, cpu: 4, memory_gib: 32, provider_id: 'azure:///subscriptions/s/3'}
  - {name: aks-spot, instance_type: Standard_D2s_v5, zone: westeurope-1, capacity_type: spot, cpu: 2, memory_gib: 8, provider_id: 'azure:///subscriptions/s/4'}
  - {name: aks-spot-elsewhere, instance_type: Standard_D4s_v5, zone: eastus-3, capacity_type: spot, cpu: 4, memory_gib: 16, provider_id: 'azure:///subscriptions/s/5'}
  - {name: aks-spot-unpriced, instance_type: Standard_E4s_v5, zone: westeurope-1, capacity_type: spot, cpu: 4, memory_gib: 32, provider_id: 'azure:///subscriptions/s/6'}
  - {name: aks-unknown, instance_type: Standard_Z9s_v9, zone: westeurope-1, cpu: 2, memory_gib: 8, provider_id: 'azure:///subscriptions/s/7'}
namespaces: [{name: n}]
workloads:
  - {name: web, namespace: n, kind: Deployment, replicas: 5, nodes: [aks-general-1, aks-general-2, aks-memory, aks-spot, aks-spot-elsewhere],
     requests: {cpu: 1, memory_mib: 1024}, usage: {idle_cpu: 0.5, memory_mib: 512}}
";

/// What each node costs.
const TRUTH: [(&str, f64); 5] = [
    ("aks-general-1", 0.115 * 0.9),
    ("aks-general-2", 0.115 * 0.9),
    ("aks-memory", 0.304),
    ("aks-spot", 0.0221),
    ("aks-spot-elsewhere", 0.0384),
];

const UNPRICED: [(&str, &str); 2] = [
    ("aks-spot-unpriced", "no_spot_price"),
    ("aks-unknown", "unknown_instance_type"),
];

/// How many pages are asked for: two about each of three sizes, and one about the size that there is none of.
const PAGES: u64 = 3 * 2 + 1;

const PRICE: &str = "breakeven_node_price_usd_per_hour";

fn config(url: &str, cache: Option<&Path>) -> String {
    let cache = cache.map_or_else(|| "null".to_owned(), |path| format!("{path:?}"));
    format!(
        "
model: {{interval_seconds: 1}}
kubernetes: {{publish_interval_seconds: 1}}
aws: {{enabled: false}}
prices:
  azure_retail: {{enabled: true, base_url: {url:?}, cache_directory: {cache}}}
  discounts: [{{kind: negotiated, families: [Dsv5], ratio: 0.1}}]
"
    )
}

async fn cloud(clock: Clock) -> SimulatedCloud {
    let world = World::from_yaml(WORLD).unwrap();
    SimulatedCloud::start(world, clock, ([127, 0, 0, 1], 0).into())
        .await
        .unwrap()
}

fn asked(cloud: &SimulatedCloud) -> u64 {
    cloud
        .requests()
        .count(Endpoint::AzureRetail, "retail prices")
}

async fn start(cloud: &SimulatedCloud, cache: Option<&Path>) -> RunningAgent {
    RunningAgent::start(cloud, &config(&cloud.azure_retail_url(), cache)).await
}

/// What is shown once the nodes that can have a price have one.
async fn priced(agent: &RunningAgent) -> Exposition {
    until("all prices", async || {
        let shown = agent.shown().await?;
        let is_known = |(node, _): &(&str, f64)| shown.one(PRICE, &[("node", node)]).is_some();
        TRUTH.iter().all(is_known).then_some(shown)
    })
    .await
}

fn unpriced(shown: &Exposition, node: &str, reason: &str) -> bool {
    let labels = [("node", node), ("reason", reason)];
    shown.one("breakeven_node_unpriced", &labels) == Some(1.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_aks_costs_what_it_should_and_each_dollar_lands_somewhere() {
    let clock = Clock::accelerated("2026-03-02T12:00:00Z".parse().unwrap(), 10.0);
    let cloud = cloud(clock).await;
    let running = start(&cloud, None).await;
    let shown = priced(&running).await;
    for (node, price) in TRUTH {
        close(node, shown.one(PRICE, &[("node", node)]).unwrap(), price);
        let source = match node {
            "aks-general-1" | "aks-general-2" => "negotiated",
            _ => "azure_retail",
        };
        let labels = [("node", node), ("price_source", source)];
        assert!(shown.one(PRICE, &labels).is_some(), "{node}");
        let age = shown.one("breakeven_node_price_age_seconds", &[("node", node)]);
        assert!(
            age.is_some_and(|age| (0.0..3_600.0).contains(&age)),
            "{node}"
        );
    }
    for (node, reason) in UNPRICED {
        assert!(unpriced(&shown, node, reason), "{node}");
        assert_eq!(shown.one(PRICE, &[("node", node)]), None, "{node}");
    }
    let up = shown.one("breakeven_source_up", &[("source", "azure_retail")]);
    assert_eq!(up, Some(1.0));
    assert_eq!(asked(&cloud), PAGES);
    let explained = running.explanation("n/Deployment/web").await;
    for part in [
        "azure_retail",
        "Standard_D2s_v5 as spare capacity in westeurope, from Azure's retail prices",
    ] {
        assert!(explained.contains(part), "no {part:?} in {explained}");
    }
    // What was spent between two looks is what the nodes cost, and the workload carries it.
    let from = running.later(&shown, 5.0).await;
    let to = running.later(&from, 30.0).await;
    // The simulated API server says that it is one of EKS, which the nodes do not change.
    let whole: f64 = TRUTH.iter().map(|one| one.1).sum::<f64>() + 0.10;
    for counter in [
        "breakeven_cluster_cost_usd_total",
        "breakeven_workload_cost_usd_total",
    ] {
        close(counter, hourly(&from, &to, counter, &[]), whole);
    }
    drop(running);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_unpriced_with_the_reason_while_the_api_is_down_and_priced_when_it_is_back() {
    let clock = Clock::accelerated("2026-03-02T12:00:00Z".parse().unwrap(), 10.0);
    let cloud = cloud(clock).await;
    let down = Fault::Status {
        code: 503,
        retry_after: None,
    };
    cloud
        .faults()
        .add(FaultRule::always(Endpoint::AzureRetail, down));
    let running = start(&cloud, None).await;
    until("the source to be down", async || {
        let shown = running.shown().await?;
        let up = shown.one("breakeven_source_up", &[("source", "azure_retail")]);
        let reason = [("source", "azure_retail"), ("reason", "server_error")];
        let failed = shown.one("breakeven_source_errors_total", &reason);
        let is_down = up == Some(0.0) && failed.is_some_and(|count| count >= 1.0);
        (is_down && unpriced(&shown, "aks-general-1", "no_azure_price")).then_some(())
    })
    .await;
    cloud.faults().clear();
    let shown = priced(&running).await;
    assert!(!unpriced(&shown, "aks-general-1", "no_azure_price"));
    drop(running);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_prices_are_those_of_the_cache_and_nobody_is_asked() {
    let clock = Clock::accelerated("2026-03-02T12:00:00Z".parse().unwrap(), 10.0);
    let cloud = cloud(clock).await;
    let directory = tempfile::tempdir().unwrap();
    let running = start(&cloud, Some(directory.path())).await;
    priced(&running).await;
    until("the cache to be written", async || {
        let kept = std::fs::read_to_string(directory.path().join("azure-retail.json")).ok()?;
        kept.contains("Standard_Z9s_v9").then_some(())
    })
    .await;
    drop(running);
    let before = asked(&cloud);
    cloud
        .faults()
        .add(FaultRule::always(Endpoint::AzureRetail, Fault::Hang));
    let again = start(&cloud, Some(directory.path())).await;
    let shown = priced(&again).await;
    for (node, price) in TRUTH {
        close(node, shown.one(PRICE, &[("node", node)]).unwrap(), price);
    }
    for (node, reason) in UNPRICED {
        assert!(unpriced(&shown, node, reason), "{node}");
    }
    assert_eq!(asked(&cloud), before);
    drop(again);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_disappears_and_returns_costs_no_second_question() {
    let clock = Clock::accelerated("2026-03-02T12:00:00Z".parse().unwrap(), 10.0);
    let cloud = cloud(clock).await;
    let running = start(&cloud, None).await;
    priced(&running).await;
    let before = asked(&cloud);
    let kube = cloud.kube_state();
    let node = kube.get("Node", "", "aks-memory").unwrap();
    assert!(kube.delete("Node", "", "aks-memory"));
    let there = async |there: bool| {
        until("the node to go or come", async || {
            let shown = running.shown().await?;
            let price = shown.one(PRICE, &[("node", "aks-memory")]);
            (price.is_some() == there).then_some(())
        })
        .await;
    };
    there(false).await;
    kube.apply(node).unwrap();
    there(true).await;
    assert_eq!(asked(&cloud), before);
    drop(running);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_prints_what_the_nodes_of_azure_cost_and_where_from() {
    let cloud = cloud(Clock::system()).await;
    let config = config(&cloud.azure_retail_url(), None);
    let [kubeconfig, config] = [cloud.kubeconfig(), config].map(|text| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    });
    let mut check = breakeven(&["check", "--prices", "--config.file"]);
    check
        .arg(config.path())
        .env("KUBECONFIG", kubeconfig.path());
    let output = block_in_place(|| check.output().unwrap());
    let said = String::from_utf8(output.stdout).unwrap();
    let line = |begin: &str| {
        let line = said.lines().find(|line| line.starts_with(begin));
        line.unwrap_or_else(|| panic!("no {begin} in {said}"))
    };
    assert!(
        line("azure_retail ").contains("ok: 3 nodes have their price"),
        "{said}"
    );
    for part in [
        "0.115000",
        "negotiated",
        "Standard_D2s_v5 on demand in westeurope, from Azure's retail prices, less 10 %",
    ] {
        let part = part.replace("0.115000", "0.103500");
        assert!(line("aks-general-1 ").contains(&part), "{said}");
    }
    assert!(
        line("aks-spot ").contains("Standard_D2s_v5 as spare capacity in westeurope"),
        "{said}"
    );
    assert!(
        line("aks-unknown ").contains("unknown_instance_type"),
        "{said}"
    );
    cloud.stop().await;
}

fn noon() -> Timestamp {
    "2026-03-03T12:00:00Z".parse().unwrap()
}

fn machine(size: &str, region: &str) -> Arc<Node> {
    Arc::new(Node {
        name: size.into(),
        provider: Provider::Azure,
        instance_type: Some(size.into()),
        region: Some(region.into()),
        zone: None,
        capacity_type: CapacityType::OnDemand,
        capacity: Resources::default(),
        allocatable: Resources::default(),
        labels: BTreeMap::new(),
    })
}

fn see(price_queries: &PriceQueryPublisher, sizes: &[(&str, &str)]) {
    price_queries.on_snapshot(&Cluster {
        at: noon(),
        nodes: sizes
            .iter()
            .map(|(size, region)| machine(size, region))
            .collect(),
        ..Cluster::default()
    });
}

fn source(cloud: &SimulatedCloud, price_queries: &PriceQueryPublisher) -> ListSource<AzureRetail> {
    let settings = price_list::PriceListConfig {
        refresh: Duration::from_secs(86_400),
        cache_directory: None,
    };
    let list = AzureRetail::at(&cloud.azure_retail_url()).unwrap();
    let list = list.within(Duration::from_secs(1));
    ListSource::new(&settings, list, price_queries.listen())
}

fn prices(observations: Vec<Observation>) -> Vec<(CapacityType, Option<f64>)> {
    let read = |price: ListPrice| {
        let Sku::Machine { capacity_type, .. } = price.offer.product else {
            panic!("{price:?}");
        };
        (capacity_type, price.price.map(|price| price.hourly()))
    };
    match <[Observation; 1]>::try_from(observations) {
        Ok([Observation::ListPrices(prices)]) => prices.into_iter().map(read).collect(),
        Err(none) if none.is_empty() => Vec::new(),
        other => panic!("{other:?}"),
    }
}

const D2: (&str, &str) = ("Standard_D2s_v5", "westeurope");

#[tokio::test]
async fn every_failure_says_what_it_is_and_what_to_do_and_the_next_poll_goes_on() {
    let cloud = cloud(Clock::accelerated(noon(), 1.0)).await;
    let price_queries = PriceQueryPublisher::default();
    see(&price_queries, &[D2]);
    let mut source = source(&cloud, &price_queries);
    let status = |code, retry_after| Fault::Status { code, retry_after };
    for (fault, reason, text) in [
        (status(429, Some(17)), Reason::Throttled, "after a pause"),
        (
            status(503, None),
            Reason::ServerError,
            "Azure has a problem",
        ),
        (status(400, None), Reason::InvalidRequest, "base_url"),
        (Fault::Forbidden, Reason::Forbidden, "base_url"),
        (
            Fault::Garbage,
            Reason::InvalidResponse,
            "the API has changed",
        ),
        (
            Fault::Endless,
            Reason::InvalidResponse,
            "more than 10 pages on Standard_D2s_v5",
        ),
        (Fault::Cut, Reason::Connect, "port 443"),
        (Fault::Truncate, Reason::Connect, "port 443"),
        (Fault::Hang, Reason::Timeout, "no answer within 1 s"),
    ] {
        let pause = match &fault {
            Fault::Status { retry_after, .. } => *retry_after,
            _ => None,
        };
        cloud.faults().replace(vec![FaultRule::always(
            Endpoint::AzureRetail,
            fault.clone(),
        )]);
        let error = source.poll(noon()).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{fault:?}: {error}");
        let said = error.to_string();
        assert!(
            said.contains(text) && said.contains("/azure/api/retail/prices"),
            "{fault:?}: {said}"
        );
        let pause = pause.map(|seconds| Duration::from_secs(seconds.into()));
        assert_eq!(error.pause(), pause, "{fault:?}");
    }
    // Ten pages that lead on are read, and no more: beside those, eight refusals.
    assert_eq!(asked(&cloud), 10 + 8);
    cloud.faults().clear();
    let learned = prices(source.poll(noon()).await.unwrap());
    assert_eq!(
        learned,
        [
            (CapacityType::OnDemand, Some(0.115)),
            (CapacityType::Spot, Some(0.0221))
        ]
    );
    cloud.stop().await;
}

#[tokio::test]
async fn an_answer_holds_for_a_day_also_that_there_is_no_such_size() {
    let cloud = cloud(Clock::accelerated(noon(), 1.0)).await;
    let price_queries = PriceQueryPublisher::default();
    see(&price_queries, &[D2, ("Standard_Z9s_v9", "westeurope")]);
    let mut source = source(&cloud, &price_queries);
    let learned = prices(source.poll(noon()).await.unwrap());
    assert_eq!(learned.len(), 4);
    assert_eq!(learned.iter().filter(|one| one.1.is_some()).count(), 2);
    let pages = asked(&cloud);
    let after = |hours| noon() + SignedDuration::from_hours(hours);
    // Nothing is asked within the day, also not about the size that there is none of.
    assert_eq!(prices(source.poll(after(23)).await.unwrap()), []);
    assert_eq!(asked(&cloud), pages);
    let again = prices(source.poll(after(24)).await.unwrap());
    assert_eq!(again, learned);
    assert_eq!(asked(&cloud), 2 * pages);
    cloud.stop().await;
}

#[tokio::test]
async fn prices_in_another_currency_are_refused_with_the_reason() {
    let text = WORLD.replace("azure_page_size: 3", "azure_currency: EUR");
    let world = World::from_yaml(&text).unwrap();
    let clock = Clock::accelerated(noon(), 1.0);
    let cloud = SimulatedCloud::start(world, clock, ([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let price_queries = PriceQueryPublisher::default();
    see(&price_queries, &[D2]);
    let error = source(&cloud, &price_queries)
        .poll(noon())
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::InvalidResponse);
    assert!(
        error
            .to_string()
            .contains("it answers in EUR and not in USD"),
        "{error}"
    );
    cloud.stop().await;
}

#[tokio::test]
async fn regions_with_a_list_of_their_own_and_machines_of_others_are_not_asked_about() {
    let cloud = cloud(Clock::accelerated(noon(), 1.0)).await;
    let price_queries = PriceQueryPublisher::default();
    let mut of_aws = (*machine("m5.large", "us-east-1")).clone();
    of_aws.provider = Provider::Aws;
    price_queries.on_snapshot(&Cluster {
        at: noon(),
        nodes: vec![Arc::new(of_aws), machine("Standard_D2s_v5", "chinanorth3")],
        ..Cluster::default()
    });
    assert_eq!(
        prices(source(&cloud, &price_queries).poll(noon()).await.unwrap()),
        []
    );
    assert_eq!(asked(&cloud), 0);
    cloud.stop().await;
}

#[tokio::test]
async fn a_page_without_end_is_cut_at_its_limit() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).await;
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
            let mut sent = stream.write_all(head.as_bytes()).await;
            while sent.is_ok() {
                sent = stream.write_all(chunk.as_bytes()).await;
            }
        }
    });
    let price_queries = PriceQueryPublisher::default();
    see(&price_queries, &[D2]);
    let settings = price_list::PriceListConfig {
        refresh: Duration::from_secs(86_400),
        cache_directory: None,
    };
    let list = AzureRetail::at(&url).unwrap();
    let list = list.within(Duration::from_secs(60));
    let mut source = ListSource::new(&settings, list, price_queries.listen());
    let error = source.poll(noon()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::InvalidResponse, "{error}");
    let text = "more than 8388608 bytes on a page";
    assert!(error.to_string().contains(text), "{error}");
}
