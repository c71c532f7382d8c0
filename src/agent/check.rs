//! One look at everything, for `breakeven check`.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::WAITING_OBSERVATIONS;
use super::supervisor::SourceSupervisor;
use crate::config::Config;
use crate::config::file::RawConfig;
use crate::disk::Disks;
use crate::engine::Engine;
use crate::sources::aws::cloudwatch::Budget;
use crate::sources::{Context, SourceStatuses};
use breakeven_clock::Clock;
use breakeven_model::Report;
use breakeven_model::inventory::Observation;
use breakeven_model::inventory::{SourceId, SourceStatus};

/// How often the board is looked at while the sources are asked.
const CHECK_PAUSE: Duration = Duration::from_millis(50);

/// What one look found.
#[derive(Debug)]
pub struct CheckResult {
    /// Each source that the configuration asks, and how it fared.
    pub sources: BTreeMap<SourceId, SourceStatus>,
    /// What is known after it.
    pub report: Report,
    /// How many pods there are.
    pub pods: usize,
    /// How many workloads have requests counted.
    pub counted: usize,
    /// What reading metrics may cost, with the plan that follows from what was seen; absent where none are read.
    pub budget: Option<Budget>,
}

/// Asks every source once and gives each as long as `patience`.
pub async fn probe(
    raw: RawConfig,
    config: &Config,
    clock: Clock,
    patience: Duration,
) -> CheckResult {
    let (sink, mut observations) = mpsc::channel(WAITING_OBSERVATIONS);
    let statuses = SourceStatuses::default();
    let context = Context {
        clock: clock.clone(),
        statuses: statuses.clone(),
        sink,
    };
    let mut supervisor = SourceSupervisor::new(context, raw, Disks::default());
    let prices = config.prices.clone();
    let mut engine = Engine::new(clock.now(), config.model.clone(), prices, config.limits);
    let deadline = Instant::now() + patience;
    let (mut pods, mut counted) = (0, 0);
    supervisor.start(config);
    loop {
        let glance = deadline.min(Instant::now() + CHECK_PAUSE);
        match timeout_at(glance, observations.recv()).await {
            Ok(Some(observation)) => {
                supervisor.on_observation(&observation);
                match &observation {
                    Observation::Cluster(cluster) => pods = cluster.pods.len(),
                    Observation::Traffic(traffic) => counted = traffic.rates.len(),
                    _ => {}
                }
                engine.observe(observation);
            }
            Ok(None) => break,
            Err(_) => {
                let sources = statuses.snapshot();
                let has_all = sources.values().all(|status| status.up.is_some());
                if has_all || Instant::now() >= deadline {
                    break;
                }
            }
        }
    }
    let report = engine.report(clock.now());
    supervisor.set_poll_priorities(&report);
    CheckResult {
        sources: statuses.snapshot(),
        report,
        pods,
        counted,
        budget: supervisor.budget().cloned(),
    }
}
