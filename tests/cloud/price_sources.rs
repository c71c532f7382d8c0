//! The sources of prices against the simulated cloud: they ask for what is there and for nothing twice, say what is wrong and
//! what to do, and lose nothing by it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{is_inner, run_again};
use breakeven::sources::aws::price_list::AwsPriceList;
use breakeven::sources::aws::spot::SpotPriceSource;
use breakeven::sources::aws::{self, Aws, FixedCredentials};
use breakeven::sources::price_list::{self, ListSource};
use breakeven::sources::price_queries::PriceQueryPublisher;
use breakeven::sources::{Poll, Reason};
use breakeven_clock::Clock;
use breakeven_model::inventory::{
    CapacityType, Cluster, ListPrice, Node, Observation, Provider, Resources, Sku, SpotPrice,
};
use breakeven_model::pricing::KnownPrices;
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud, World};
use jiff::{SignedDuration, Timestamp};

const HOUR: Duration = Duration::from_secs(3_600);

fn noon() -> Timestamp {
    "2026-03-03T12:00:00Z".parse().unwrap()
}

fn after(hours: i64) -> Timestamp {
    noon() + SignedDuration::from_hours(hours)
}

/// A cloud with as many types on demand as asked for, each at its own price, and some spare ones.
async fn cloud(types: usize) -> SimulatedCloud {
    let mut text = "name: prices\nregion: eu-west-1\nprices:\n  on_demand:\n".to_owned();
    for at in 0..types {
        writeln!(text, "    x{at}.large: {}", price(at)).unwrap();
    }
    text.push_str(
        "    m5.large: 0.107
  spot:
    - {instance_type: m5.large, zone: eu-west-1a, usd_per_hour: 0.0351}
    - {instance_type: m5.large, zone: eu-west-1b, usd_per_hour: 0.0362}
    - {instance_type: c5.large, zone: eu-west-1a, usd_per_hour: 0.0313}
",
    );
    let clock = Clock::accelerated(noon(), 1.0);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let world = World::from_yaml(&text).unwrap();
    SimulatedCloud::start(world, clock, address).await.unwrap()
}

#[allow(clippy::cast_precision_loss)]
fn price(at: usize) -> f64 {
    0.1 + at as f64 / 1_000.0
}

fn way_to(cloud: &SimulatedCloud) -> Aws {
    Aws::new(aws::AwsConfig {
        region: Some("eu-west-1".into()),
        endpoint_url: Some(cloud.aws_url()),
        credentials: Some(FixedCredentials {
            access_key_id: "AKIDSIMULATED".into(),
            secret_access_key: "simulated".into(),
        }),
        attempt_timeout: Duration::from_secs(1),
        max_attempts: 1,
        ..aws::AwsConfig::default()
    })
}

fn node(instance_type: &str, capacity_type: CapacityType, region: &str) -> Arc<Node> {
    Arc::new(Node {
        name: instance_type.into(),
        provider: Provider::Aws,
        instance_type: Some(instance_type.into()),
        region: Some(region.into()),
        zone: Some(format!("{region}a").into()),
        capacity_type,
        capacity: Resources::default(),
        allocatable: Resources::default(),
        labels: BTreeMap::new(),
    })
}

fn on_demand(types: impl IntoIterator<Item = String>) -> Vec<Arc<Node>> {
    let types = types.into_iter();
    types
        .map(|one| node(&one, CapacityType::OnDemand, "eu-west-1"))
        .collect()
}

fn numbered(types: std::ops::Range<usize>) -> Vec<Arc<Node>> {
    on_demand(types.map(|at| format!("x{at}.large")))
}

fn see(price_queries: &PriceQueryPublisher, nodes: Vec<Arc<Node>>) {
    price_queries.on_snapshot(&Cluster {
        at: noon(),
        nodes,
        ..Cluster::default()
    });
}

fn lister(
    cloud: &SimulatedCloud,
    price_queries: &PriceQueryPublisher,
    cache: Option<&Path>,
) -> ListSource<AwsPriceList> {
    let settings = price_list::PriceListConfig {
        refresh: 24 * HOUR,
        cache_directory: cache.map(Path::to_owned),
    };
    ListSource::new(
        &settings,
        AwsPriceList::new(way_to(cloud)),
        price_queries.listen(),
    )
}

fn listed(observations: Vec<Observation>) -> Vec<ListPrice> {
    match <[Observation; 1]>::try_from(observations) {
        Ok([Observation::ListPrices(prices)]) => prices,
        Err(none) if none.is_empty() => Vec::new(),
        other => panic!("{other:?}"),
    }
}

fn name(price: &ListPrice) -> &str {
    match &price.offer.product {
        Sku::Machine { instance_type, .. } => instance_type,
        other => panic!("{other:?}"),
    }
}

fn spare(observations: Vec<Observation>) -> Vec<SpotPrice> {
    match <[Observation; 1]>::try_from(observations) {
        Ok([Observation::SpotPrices(prices)]) => prices,
        Err(none) if none.is_empty() => Vec::new(),
        other => panic!("{other:?}"),
    }
}

fn asked(cloud: &SimulatedCloud) -> u64 {
    cloud.requests().count(Endpoint::Pricing, "GetProducts")
}

#[tokio::test]
async fn five_hundred_types_are_asked_for_once_a_day_and_no_more() {
    let cloud = cloud(500).await;
    let price_queries = PriceQueryPublisher::default();
    let mut source = lister(&cloud, &price_queries, None);
    see(&price_queries, numbered(0..500));
    let prices = listed(source.poll(noon()).await.unwrap());
    assert_eq!(prices.len(), 500);
    for found in &prices {
        let number = name(found)[1..].split('.').next().unwrap();
        let expected = price(number.parse().unwrap());
        let hourly = found.price.unwrap().hourly();
        assert!((hourly - expected).abs() < 1e-9, "{found:?}");
        assert_eq!(found.at, noon());
    }
    assert_eq!(asked(&cloud), 500);
    // The same ones hold for a day, also those that disappear and return.
    for (hours, nodes) in [
        (1, numbered(0..500)),
        (2, numbered(0..10)),
        (23, numbered(0..500)),
    ] {
        see(&price_queries, nodes);
        assert_eq!(listed(source.poll(after(hours)).await.unwrap()), []);
    }
    assert_eq!(asked(&cloud), 500);
    see(&price_queries, numbered(0..10));
    assert_eq!(listed(source.poll(after(24)).await.unwrap()).len(), 10);
    assert_eq!(asked(&cloud), 510);
    cloud.stop().await;
}

/// The memory that this process really takes, in MiB; absent where the system does not say.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024.0)
}

#[tokio::test]
async fn five_hundred_types_that_are_read_again_every_day_take_no_more_memory() {
    // The memory of a process includes that of every test that runs in it.
    if !is_inner() {
        let test =
            "price_sources::five_hundred_types_that_are_read_again_every_day_take_no_more_memory";
        return run_again(test, &[]).await;
    }
    let cloud = cloud(500).await;
    let price_queries = PriceQueryPublisher::default();
    let mut source = lister(&cloud, &price_queries, None);
    see(&price_queries, numbered(0..500));
    let mut market = KnownPrices::default();
    let mut taken = Vec::new();
    for day in 0..5 {
        let prices = listed(source.poll(after(24 * day)).await.unwrap());
        assert_eq!(prices.len(), 500);
        market.list(prices);
        taken.push(resident());
    }
    if let (Some(early), Some(late)) = (taken[1], taken[4]) {
        println!("resident after 2 days {early:.1} MiB, after 5 days {late:.1} MiB");
        // The answers of a day are some 5 MiB.
        assert!(late - early < 10.0, "{taken:?}");
    } else {
        println!("skipped: the memory of a process cannot be read here");
    }
    cloud.stop().await;
}

#[tokio::test]
async fn a_type_that_appears_is_waited_for_and_asked_for_alone() {
    let cloud = cloud(3).await;
    let price_queries = PriceQueryPublisher::default();
    let mut source = lister(&cloud, &price_queries, None);
    see(&price_queries, numbered(0..2));
    source.poll(noon()).await.unwrap();
    let waits = tokio::time::timeout(Duration::from_millis(20), source.wait_for_change());
    assert!(waits.await.is_err(), "nothing is new");
    see(&price_queries, numbered(0..3));
    let waits = tokio::time::timeout(Duration::from_secs(10), source.wait_for_change());
    waits.await.unwrap();
    let prices = listed(source.poll(after(1)).await.unwrap());
    assert_eq!(prices.len(), 1);
    assert_eq!(name(&prices[0]), "x2.large");
    assert_eq!(asked(&cloud), 3);
    cloud.stop().await;
}

#[tokio::test]
async fn a_type_that_the_list_has_not_is_known_to_be_so_and_not_asked_for_again() {
    let cloud = cloud(0).await;
    let price_queries = PriceQueryPublisher::default();
    let mut source = lister(&cloud, &price_queries, None);
    see(&price_queries, on_demand(["z9.large".to_owned()]));
    let prices = listed(source.poll(noon()).await.unwrap());
    assert_eq!(prices[0].price, None);
    assert_eq!(listed(source.poll(after(1)).await.unwrap()), []);
    assert_eq!(asked(&cloud), 1);
    cloud.stop().await;
}

#[tokio::test]
async fn what_was_learned_is_known_after_a_restart_without_a_question() {
    let cloud = cloud(2).await;
    let directory = tempfile::tempdir().unwrap();
    let price_queries = PriceQueryPublisher::default();
    see(&price_queries, numbered(0..2));
    let mut source = lister(&cloud, &price_queries, Some(directory.path()));
    let learned = listed(source.poll(noon()).await.unwrap());
    // AWS hangs from here on.
    cloud
        .faults()
        .add(FaultRule::always(Endpoint::Pricing, Fault::Hang));
    let mut again = lister(&cloud, &price_queries, Some(directory.path()));
    let mut kept = listed(again.poll(after(1)).await.unwrap());
    let by_name = |left: &ListPrice, right: &ListPrice| name(left).cmp(name(right));
    kept.sort_by(by_name);
    let mut learned = learned;
    learned.sort_by(by_name);
    assert_eq!(kept, learned);
    assert_eq!(listed(again.poll(after(2)).await.unwrap()), []);
    assert_eq!(asked(&cloud), 2);
    // A file that is broken costs the questions, and is counted.
    cloud.faults().clear();
    std::fs::write(directory.path().join("price-list.json"), "{").unwrap();
    let mut third = lister(&cloud, &price_queries, Some(directory.path()));
    assert_eq!(listed(third.poll(after(3)).await.unwrap()).len(), 2);
    assert_eq!(third.discarded().snapshot()["cache_not_read"], 1);
    cloud.stop().await;
}

#[tokio::test]
async fn every_failure_says_what_it_is_and_what_to_do_and_the_next_poll_goes_on() {
    let cloud = cloud(1).await;
    let price_queries = PriceQueryPublisher::default();
    let mut nodes = numbered(0..1);
    nodes.push(node("m5.large", CapacityType::Spot, "eu-west-1"));
    see(&price_queries, nodes);
    let mut list = lister(&cloud, &price_queries, None);
    let mut spot = SpotPriceSource::new(HOUR, way_to(&cloud), price_queries.listen());
    let status = |code| Fault::Status {
        code,
        retry_after: None,
    };
    for (fault, reason, text) in [
        (Fault::Forbidden, Reason::Forbidden, "grant `"),
        (Fault::Throttle, Reason::Throttled, "Rate exceeded"),
        (Fault::Unauthorized, Reason::Unauthorized, "credentials"),
        (Fault::Expired, Reason::Unauthorized, "credentials"),
        (status(503), Reason::ServerError, "AWS has a problem"),
        (Fault::Garbage, Reason::InvalidResponse, "understood"),
        (Fault::Cut, Reason::Connect, ""),
        (Fault::Truncate, Reason::Connect, ""),
        (Fault::Hang, Reason::Timeout, ""),
    ] {
        for endpoint in [Endpoint::Pricing, Endpoint::Ec2] {
            cloud
                .faults()
                .replace(vec![FaultRule::always(endpoint, fault.clone())]);
            let error = match endpoint {
                Endpoint::Pricing => list.poll(noon()).await.unwrap_err(),
                _ => spot.poll(noon()).await.unwrap_err(),
            };
            assert_eq!(error.reason(), reason, "{endpoint:?} {fault:?}: {error}");
            let said = error.to_string();
            assert!(said.contains(text), "{endpoint:?} {fault:?}: {error}");
            let action = match endpoint {
                Endpoint::Pricing => "pricing:GetProducts",
                _ => "ec2:DescribeSpotPriceHistory",
            };
            assert!(said.contains(action), "{fault:?}: {error}");
        }
    }
    cloud.faults().clear();
    assert_eq!(listed(list.poll(after(1)).await.unwrap()).len(), 2);
    assert_eq!(spare(spot.poll(after(1)).await.unwrap()).len(), 2);
    cloud.stop().await;
}

#[tokio::test]
async fn what_is_learned_before_a_failure_is_not_lost() {
    let cloud = cloud(20).await;
    let price_queries = PriceQueryPublisher::default();
    see(&price_queries, numbered(0..20));
    let mut source = lister(&cloud, &price_queries, None);
    let mut rule = FaultRule::always(Endpoint::Pricing, Fault::Throttle);
    let mut learned = 0;
    let mut polls = 0;
    while learned < 19 {
        // Each poll meets one refusal, at its first question, while three others are under way.
        rule.times = Some(1);
        cloud.faults().replace(vec![rule.clone()]);
        if let Ok(observations) = source.poll(noon()).await {
            learned += listed(observations).len();
        }
        polls += 1;
        assert!(polls < 20, "{learned} learned");
    }
    cloud.faults().clear();
    assert_eq!(
        listed(source.poll(noon()).await.unwrap()).len(),
        20 - learned
    );
    cloud.stop().await;
}

#[tokio::test]
async fn spot_prices_are_those_of_each_zone_and_asked_for_every_hour() {
    let cloud = cloud(0).await;
    let price_queries = PriceQueryPublisher::default();
    let mut source = SpotPriceSource::new(HOUR, way_to(&cloud), price_queries.listen());
    see(
        &price_queries,
        vec![
            node("m5.large", CapacityType::Spot, "eu-west-1"),
            node("c5.large", CapacityType::OnDemand, "eu-west-1"),
        ],
    );
    let mut prices = spare(source.poll(noon()).await.unwrap());
    prices.sort_by(|left, right| left.zone.cmp(&right.zone));
    let found: Vec<_> = prices
        .iter()
        .map(|one| (&*one.zone, &*one.instance_type, one.price.hourly()))
        .collect();
    assert_eq!(
        found,
        [
            ("eu-west-1a", "m5.large", 0.0351),
            ("eu-west-1b", "m5.large", 0.0362)
        ]
    );
    let asked = || {
        cloud
            .requests()
            .count(Endpoint::Ec2, "DescribeSpotPriceHistory")
    };
    assert_eq!(
        spare(
            source
                .poll(noon() + SignedDuration::from_mins(59))
                .await
                .unwrap()
        ),
        []
    );
    assert_eq!(asked(), 1);
    assert_eq!(spare(source.poll(after(1)).await.unwrap()).len(), 2);
    assert_eq!(asked(), 2);
    cloud.stop().await;
}

#[tokio::test]
async fn nobody_is_asked_where_no_machine_is_of_aws() {
    let cloud = cloud(0).await;
    let price_queries = PriceQueryPublisher::default();
    let mut own = (*node("rack", CapacityType::OnDemand, "cellar")).clone();
    own.provider = Provider::Other;
    see(&price_queries, vec![Arc::new(own)]);
    let mut list = lister(&cloud, &price_queries, None);
    let mut spot = SpotPriceSource::new(HOUR, way_to(&cloud), price_queries.listen());
    assert_eq!(listed(list.poll(noon()).await.unwrap()), []);
    assert_eq!(spare(spot.poll(noon()).await.unwrap()), []);
    assert!(cloud.requests().counts().is_empty());
    cloud.stop().await;
}
