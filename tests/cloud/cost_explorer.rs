//! The bill: read from Cost Explorer for as few calls as agreed, whatever goes wrong, and held against the model.

mod agent;
mod calls;
mod responses;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use breakeven::sources::aws::cost_explorer::{BillSource, CostExplorerConfig};
use breakeven::sources::aws::{self, Aws, FixedCredentials};
use breakeven_clock::Clock;
use breakeven_model::inventory::{Bill, Functions, Observation};
use breakeven_simulator::{Endpoint, SimulatedCloud, World};
use jiff::Timestamp;
use tokio::sync::watch;

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const OWN: &str = "123456789012";
const PAYMENTS: &str = "111111111111";
const DATA: &str = "222222222222";

/// What the agent is told of the simulated cloud.
fn credentials() -> FixedCredentials {
    FixedCredentials {
        access_key_id: "AKIDSIMULATED".into(),
        secret_access_key: "simulated".into(),
    }
}

fn aws_at(url: String) -> Aws {
    Aws::new(aws::AwsConfig {
        region: Some("eu-west-1".into()),
        endpoint_url: Some(url),
        credentials: Some(credentials()),
        attempt_timeout: Duration::from_secs(2),
        // A source that is paid by the attempt makes one.
        max_attempts: 3,
        ..aws::AwsConfig::default()
    })
}

/// A source that reads the bills of these accounts, and keeps them there.
fn source(url: String, accounts: &[&str], directory: &Path, calls_per_day: u32) -> BillSource {
    let settings = CostExplorerConfig {
        calls_per_day,
        refresh: Duration::from_secs(86_400),
        cache_directory: directory.to_owned(),
        list_wait: Duration::from_millis(50),
    };
    let aws = aws_at(url);
    let readers = accounts.iter().map(|account_id| {
        let listed = Some(Arc::new(functions(account_id)));
        (aws.clone(), watch::channel(listed).1)
    });
    BillSource::new(settings, aws.clone(), readers.collect())
}

/// The list of an account's functions, as far as it tells the account.
fn functions(account_id: &str) -> Functions {
    Functions {
        at: Timestamp::UNIX_EPOCH,
        account_id: account_id.into(),
        region: "eu-west-1".into(),
        functions: Vec::new(),
        concurrency_limit: None,
    }
}

/// What a poll told; nothing where it told nothing.
fn published_bill(observations: Vec<Observation>) -> Option<Arc<Bill>> {
    match <[Observation; 1]>::try_from(observations) {
        Ok([Observation::Bill(bill)]) => Some(bill),
        Err(none) if none.is_empty() => None,
        other => panic!("{other:?}"),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The cloud of a world, whose clock stands at its start.
async fn cloud(world: &str) -> SimulatedCloud {
    let world = World::from_yaml(world).unwrap();
    let (clock, _) = Clock::manual(world.start());
    SimulatedCloud::start(world, clock, LOOPBACK).await.unwrap()
}

fn asked(cloud: &SimulatedCloud) -> u64 {
    cloud
        .requests()
        .count(Endpoint::CostExplorer, "GetCostAndUsage")
}
