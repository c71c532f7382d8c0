//! One look at everything, for `breakeven check`.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::WAITING_OBSERVATIONS;
use super::fleet::Fleet;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::raw::RawConfig;
use crate::model::Report;
use crate::observation::Observation;
use crate::pipeline::Pipeline;
use crate::sources::{Context, Source, SourceStatus, StatusBoard};

/// How often the board is looked at while the sources are asked.
const GLANCE: Duration = Duration::from_millis(50);

/// What one look found.
#[derive(Debug)]
pub struct Findings {
    /// Each source that the configuration asks, and how it fared.
    pub sources: BTreeMap<Source, SourceStatus>,
    /// What is known after it.
    pub report: Report,
    /// How many pods there are.
    pub pods: usize,
    /// How many workloads have requests counted.
    pub counted: usize,
}

/// Asks every source once and gives each as long as `patience`.
pub async fn probe(raw: RawConfig, config: &Config, clock: Clock, patience: Duration) -> Findings {
    let (sink, mut observations) = mpsc::channel(WAITING_OBSERVATIONS);
    let board = StatusBoard::default();
    let context = Context {
        clock: clock.clone(),
        board: board.clone(),
        sink,
    };
    let mut fleet = Fleet::new(context, raw);
    let prices = config.prices.clone();
    let mut pipeline = Pipeline::new(clock.now(), config.model.clone(), prices, config.limits);
    let deadline = Instant::now() + patience;
    let (mut pods, mut counted) = (0, 0);
    fleet.start(config);
    loop {
        let glance = deadline.min(Instant::now() + GLANCE);
        match timeout_at(glance, observations.recv()).await {
            Ok(Some(observation)) => {
                match &observation {
                    Observation::Cluster(cluster) => pods = cluster.pods.len(),
                    Observation::Traffic(traffic) => counted = traffic.rates.len(),
                    _ => {}
                }
                pipeline.observe(observation);
            }
            Ok(None) => break,
            Err(_) => {
                let sources = board.snapshot();
                let expected = expected(config);
                let told = |source| {
                    sources
                        .get(source)
                        .is_some_and(|status| status.up.is_some())
                };
                if expected.iter().all(told) || Instant::now() >= deadline {
                    break;
                }
            }
        }
    }
    Findings {
        sources: board.snapshot(),
        report: pipeline.report(clock.now()),
        pods,
        counted,
    }
}

/// The sources that a configuration asks.
fn expected(config: &Config) -> Vec<Source> {
    let groups: [(bool, &[Source]); 3] = [
        (
            config.kubernetes.is_some(),
            &[Source::Kubernetes, Source::Usage],
        ),
        (config.aws.is_some(), &[Source::Lambda, Source::CloudWatch]),
        (config.requests.is_some(), &[Source::Requests]),
    ];
    groups
        .iter()
        .filter(|group| group.0)
        .flat_map(|group| group.1)
        .copied()
        .collect()
}
