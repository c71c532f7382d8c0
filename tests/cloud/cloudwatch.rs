//! What the source of metrics makes of long times and large accounts, against the simulated cloud and a clock that is set
//! by hand: every minute is counted once and right, and reading it costs no more than agreed.

mod budget;
mod failing;
mod insights;
mod ready;
mod week;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use breakeven::sources::Poll;
use breakeven::sources::aws::cloudwatch::{self, Budget, CloudWatchSource};
use breakeven::sources::aws::lambda::{self, LambdaSource};
use breakeven::sources::aws::{self, Accounts, Aws, FixedCredentials, Reader};
use breakeven_clock::{Clock, ManualClock};
use breakeven_model::inventory::{Function, FunctionBatch, Functions, Observation};
use breakeven_model::units::Usd;
use breakeven_simulator::{SimulatedCloud, World};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A cloud whose clock stands at the start until its hand is set, and its accounts and regions.
struct Scene {
    cloud: SimulatedCloud,
    hand: ManualClock,
    places: Vec<Place>,
    start: Timestamp,
}

/// An account in a region: the way to it, and all functions of it.
struct Place {
    aws: Aws,
    functions: Arc<Functions>,
}

impl Scene {
    async fn new(world: &str) -> Self {
        Self::across(world, &Accounts::default()).await
    }

    async fn across(world: &str, accounts: &Accounts) -> Self {
        let world = World::from_yaml(world).unwrap();
        let start = world.start();
        let (clock, hand) = Clock::manual(start);
        let cloud = SimulatedCloud::start(world, clock, LOOPBACK).await.unwrap();
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
        let mut places = Vec::new();
        for Reader { functions, metrics } in accounts.readers(&aws) {
            let mut lister = LambdaSource::new(lambda::LambdaConfig::default(), functions);
            lister.poll(start).await.unwrap();
            let functions = lister.listed().borrow().clone().unwrap();
            places.push(Place {
                aws: metrics,
                functions,
            });
        }
        Self {
            cloud,
            hand,
            places,
            start,
        }
    }

    /// The source of the first place.
    fn source(&self, settings: cloudwatch::CloudWatchConfig, budget: Budget) -> CloudWatchSource {
        self.places[0].source(settings, budget)
    }

    /// The functions of all places.
    fn functions(&self) -> impl Iterator<Item = &Arc<Function>> {
        let places = self.places.iter();
        places.flat_map(|place| &place.functions.functions)
    }

    fn minute(&self, minute: i64) -> Timestamp {
        self.start + SignedDuration::from_mins(minute)
    }
}

impl Place {
    fn source(&self, settings: cloudwatch::CloudWatchConfig, budget: Budget) -> CloudWatchSource {
        let (_, listed) = watch::channel(Some(self.functions.clone()));
        CloudWatchSource::new(settings, self.aws.clone(), listed, budget)
    }
}

/// What was read of each function.
fn batches(seen: Vec<Observation>) -> Vec<FunctionBatch> {
    let batches = seen.into_iter().flat_map(|one| match one {
        Observation::FunctionMinutes(minutes) => minutes.functions,
        other => panic!("{other:?}"),
    });
    batches.collect()
}

fn usd(amount: f64) -> Usd {
    Usd::from_usd(amount).unwrap()
}
