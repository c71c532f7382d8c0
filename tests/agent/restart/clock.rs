//! A clock that was ahead and is corrected: counters stay, counting goes on at once, and it is reported.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::support::agent::simulated;
use breakeven::agent::{Agent, ConfigSource, StateNotSaved};
use breakeven::sources::kubernetes::Access;
use breakeven_clock::{Clock, Stepper};
use breakeven_simulator::SimulatedCloud;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How far the clock was ahead. Without a correction nothing is counted for as long.
const AHEAD: SignedDuration = SignedDuration::from_hours(6);

/// How much later counting must have gone on, at the latest: a busy machine may take a while.
const PATIENCE: SignedDuration = SignedDuration::from_hours(3);

/// How long the steps of requests take to be read, and some.
const A_WHILE: SignedDuration = SignedDuration::from_mins(20);

/// What counts: requests of a workload, invocations of a function, the time that was charged and its cost.
const COUNTERS: [(&str, &[(&str, &str)]); 4] = [
    ("breakeven_workload_requests_total", &[("workload", "web")]),
    (
        "breakeven_workload_requests_total",
        &[("workload", "diurnal")],
    ),
    ("breakeven_observed_seconds_total", &[]),
    ("breakeven_cluster_cost_usd_total", &[]),
];

/// A cloud, and agents whose clock is ahead of it by as much as is set.
struct Scene {
    cloud: SimulatedCloud,
    clock: Clock,
    stepper: Stepper,
    start: Timestamp,
}

/// An agent that runs until it is stopped.
struct Running {
    url: String,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), StateNotSaved>>,
}

impl Scene {
    async fn new() -> Self {
        let start: Timestamp = START.parse().unwrap();
        let clock = Clock::accelerated(start, SPEED.parse().unwrap());
        let world = World::from_yaml(&world()).unwrap();
        let cloud = SimulatedCloud::start(world, clock, LOOPBACK).await.unwrap();
        let (clock, stepper) = cloud.clock().clone().stepped();
        Self {
            cloud,
            clock,
            stepper,
            start,
        }
    }

    /// Starts an agent that keeps its state in a directory.
    async fn run(&self, directory: &Path) -> Running {
        self.run_with(self.clock.clone(), directory).await
    }

    /// The same with another clock.
    async fn run_with(&self, clock: Clock, directory: &Path) -> Running {
        let demo = include_str!("../../../config/demo.yaml");
        let directory = directory.display();
        let state = format!("state: {{directory: {directory}, interval_seconds: 10}}");
        let (kubernetes, aws) = (self.cloud.kube_url(), self.cloud.aws_url());
        let prometheus = self.cloud.prometheus_url();
        let source = ConfigSource {
            text: format!("{demo}\n{state}\n").leak(),
            adjust: Arc::new(move |config| {
                config.kubernetes.as_mut().unwrap().access = Access::Address(kubernetes.clone());
                let session = &mut config.aws.as_mut().unwrap().session;
                session.endpoint_url = Some(aws.clone());
                session.region = Some("us-east-1".to_owned());
                session.credentials = simulated();
                let requests = &mut config.requests.as_mut().unwrap().prometheus;
                requests.base_url.clone_from(&prometheus);
            }),
            ..ConfigSource::default()
        };
        let settings = breakeven::server::ServerConfig {
            listen: vec![LOOPBACK],
            clock: clock.clone(),
            ..breakeven::server::ServerConfig::default()
        };
        let agent = Agent::bind(source, settings, clock);
        let agent = agent.await.unwrap();
        let url = format!("http://{}/metrics", agent.addresses()[0]);
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(agent.run(shutdown.clone()));
        Running {
            url,
            shutdown,
            task,
        }
    }
}

impl Running {
    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// What it shows once that holds.
    async fn shows(&self, what: &str, holds: impl Fn(&Exposition) -> bool) -> Exposition {
        let patience = Duration::from_secs(180);
        until_within(patience, what, async || {
            let seen = Exposition::at(&self.url).await?;
            report_time(&seen)?;
            holds(&seen).then_some(seen)
        })
        .await
    }

    /// What it shows once a while has passed since an instant, and every source has been read since.
    async fn runs_until(&self, instant: Timestamp) -> Exposition {
        let is_after = |at: Option<f64>| at.is_some_and(|at| millis(at) > instant.as_millisecond());
        self.shows("time to pass", |seen| {
            let read = |source| {
                let labels = [("source", source)];
                seen.one("breakeven_source_last_success_timestamp_seconds", &labels)
            };
            is_after(report_time(seen))
                && is_after(read("requests"))
                && is_after(read("cloudwatch"))
                && is_after(read("kubernetes"))
        })
        .await
    }

    /// Waits until all has been counted on from what was shown before, and sees that this is early enough and not too much.
    async fn counts_on(&self, before: &Exposition, corrected_at: Timestamp) -> Exposition {
        let grown =
            |seen: &Exposition| COUNTERS.map(|one| counted(seen, one) > counted(before, one));
        let seen = self
            .shows("everything to be counted", |seen| grown(seen) == [true; 4])
            .await;
        let at = Timestamp::from_millisecond(millis(report_time(&seen).unwrap())).unwrap();
        let after = at.duration_since(corrected_at);
        assert!(after < PATIENCE, "{after} after the correction");
        let corrections = seen.one("breakeven_clock_corrections_total", &[]);
        assert_eq!(corrections, Some(1.0));
        seen
    }
}

/// The names of the copies from before a clock correction.
fn clock_copies(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| name.starts_with("breakeven.state.clock-"))
        .collect()
}

fn report_time(seen: &Exposition) -> Option<f64> {
    seen.one("breakeven_report_timestamp_seconds", &[])
}

fn counted(seen: &Exposition, (name, labels): (&str, &[(&str, &str)])) -> f64 {
    seen.sum(name, labels).unwrap_or_default()
}

/// Nothing is counted twice: not more than was served since the start, at 50 a second.
fn holds_no_request_twice(seen: &Exposition, until: SignedDuration) {
    let requests = counted(seen, COUNTERS[0]);
    let most = until.as_secs_f64() * 50.0 * 1.01;
    assert!(requests <= most, "{requests} of at most {most}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_clock_is_set_back_counts_on_from_there() {
    let _turn = TURN.lock().await;
    let place = tempfile::tempdir().unwrap();
    let scene = Scene::new().await;
    let agent = scene.run(&place.path().join("state")).await;
    let first = agent.runs_until(scene.start + A_WHILE).await;
    assert!(counted(&first, COUNTERS[0]) > 0.0 && counted(&first, COUNTERS[1]) > 0.0);

    scene.stepper.set_ahead(AHEAD);
    let ahead = agent.runs_until(scene.clock.now()).await;
    scene.stepper.set_ahead(SignedDuration::ZERO);
    let corrected_at = scene.clock.now();
    let mut runs = Runs::over(place.path());
    runs.hold(&first);
    runs.hold(&ahead);
    let seen = agent.counts_on(&ahead, corrected_at).await;
    runs.hold(&seen);
    holds_no_request_twice(&seen, scene.clock.now().duration_since(scene.start));
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_finds_a_state_of_the_future_counts_on_from_now() {
    let _turn = TURN.lock().await;
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("state");
    let scene = Scene::new().await;
    scene.stepper.set_ahead(AHEAD);
    let agent = scene.run(&directory).await;
    let ahead = agent.runs_until(scene.start + AHEAD + A_WHILE).await;
    agent.stop().await;

    scene.stepper.set_ahead(SignedDuration::ZERO);
    let corrected_at = scene.clock.now();
    let agent = scene.run(&directory).await;
    let seen = agent.counts_on(&ahead, corrected_at).await;
    let mut runs = Runs::over(place.path());
    runs.hold(&ahead);
    runs.hold(&seen);
    assert_eq!(clock_copies(&directory).len(), 1);
    holds_no_request_twice(&seen, scene.clock.now().duration_since(scene.start));
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_starts_with_a_clock_that_is_behind_loses_nothing() {
    let _turn = TURN.lock().await;
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("state");
    let scene = Scene::new().await;
    let agent = scene.run(&directory).await;
    let before = agent.runs_until(scene.start + A_WHILE).await;
    agent.stop().await;
    let file = directory.join("breakeven.state");
    let saved = fs::read(&file).unwrap();

    // A manual clock does not shorten the 10 minutes for which a correction waits, so a busy machine cannot exceed them.
    let behind = scene.start - AHEAD;
    let (clock, hand) = Clock::manual(behind);
    let agent = scene.run_with(clock, &directory).await;
    let seen = agent.shows("a report", |_| true).await;
    assert_eq!(millis(report_time(&seen).unwrap()), behind.as_millisecond());
    assert!(fs::read(&file).unwrap() == saved, "the state was replaced");

    let now = scene.clock.now();
    hand.set(now);
    let is_now =
        |seen: &Exposition| report_time(seen).is_some_and(|at| millis(at) == now.as_millisecond());
    let seen = agent.shows("the clock to catch up", is_now).await;
    assert_eq!(
        seen.one("breakeven_clock_corrections_total", &[]),
        Some(0.0)
    );
    agent.stop().await;
    assert!(fs::read(&file).unwrap() != saved, "the state was not saved");

    let agent = scene.run(&directory).await;
    let grown = |seen: &Exposition| {
        COUNTERS
            .iter()
            .all(|one| counted(seen, *one) > counted(&before, *one))
    };
    let seen = agent.shows("everything to be counted", grown).await;
    assert_eq!(
        seen.one("breakeven_clock_corrections_total", &[]),
        Some(0.0)
    );
    assert!(clock_copies(&directory).is_empty());
    holds_no_request_twice(&seen, scene.clock.now().duration_since(scene.start));
    agent.stop().await;
}
