//! What the main loop works on: the engine, and what is shown and kept of it.

use std::collections::HashSet;
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::clock_check::{COPY_THRESHOLD, CORRECTION_DELAY, ClockCheck, ClockStep};
use super::state_file::{Save, StateFile};
use super::supervisor::SourceSupervisor;
use crate::config::Config;
use crate::config::file::RawConfig;
use crate::engine::Engine;
use crate::exposition::{self, SelfMetrics, render};
use crate::schema::ConfigErrors;
use crate::snapshot::{NotReady, ReportSnapshot, Store};
use crate::sources::aws::cloudwatch::BudgetBalance;
use crate::sources::{Source, SourceStatuses};
use breakeven_clock::Clock;
use breakeven_model::Report;
use breakeven_model::inventory::{DedicatedSource, Observation, Provider};

/// How long after the first observation of a kind the report follows: others of its kind come close behind.
const FIRST_REPORT_DELAY: Duration = Duration::from_millis(250);

/// What the loop works on.
#[derive(Debug)]
pub(super) struct State {
    pub(super) engine: Engine,
    /// Keeps what the engine adds up, where it is to outlive a restart.
    pub(super) persisted: Option<StateFile>,
    pub(super) statuses: SourceStatuses,
    pub(super) store: Store,
    pub(super) own: SelfMetrics,
    /// The kinds of observation that a report was made of, or will be at once.
    pub(super) seen: HashSet<Discriminant<Observation>>,
    /// When the next report is made.
    pub(super) due: Instant,
    pub(super) clock: ClockCheck,
}

impl State {
    /// Takes in what a source saw, unless it was switched off meanwhile or read by a clock that is behind.
    pub(super) fn observe(
        &mut self,
        observation: Observation,
        config: &Config,
        supervisor: &SourceSupervisor,
    ) {
        if self.clock.is_behind() {
            return;
        }
        let is_on = match &observation {
            Observation::Cluster(_) | Observation::Usage(_) | Observation::ControlPlane(_) => {
                config.kubernetes.is_some()
            }
            Observation::Functions(_)
            | Observation::FunctionMinutes(_)
            | Observation::Insights(_) => config.aws.is_some(),
            Observation::Bill(_) => config.aws.as_ref().is_some_and(|aws| aws.bill.is_some()),
            Observation::DedicatedTraffic(own) => match own.by {
                DedicatedSource::Annotation => config.requests.is_some(),
                DedicatedSource::Scrape => config.scrape.is_some(),
                DedicatedSource::Edge => config.edge.is_some(),
            },
            Observation::RequestOrigin(_) | Observation::Traffic(_) => config.requests.is_some(),
            Observation::ListPrices(prices) => {
                prices
                    .first()
                    .is_some_and(|price| match price.offer.provider {
                        Provider::Azure => config.azure_retail.is_some(),
                        _ => config.aws.is_some(),
                    })
            }
            Observation::SpotPrices(_) => config.aws.is_some(),
        };
        if !is_on {
            return;
        }
        if self.seen.insert(discriminant(&observation)) {
            self.due = self.due.min(Instant::now() + FIRST_REPORT_DELAY);
        }
        let is_list = matches!(observation, Observation::Functions(_));
        self.engine.observe(observation);
        if is_list {
            // It may have told an account that was not known, and so which others are from before a reload.
            self.retain_regions(supervisor);
        }
    }

    pub(super) fn retain_regions(&mut self, supervisor: &SourceSupervisor) {
        self.engine
            .retain_regions(|account_id, region| supervisor.reads(account_id, region));
    }

    /// Writes what outlives a restart, if that is wanted and the clock is not behind what was written.
    pub(super) fn save(&self, balance: Option<BudgetBalance>, now: Timestamp) -> Option<Save> {
        let persisted = self
            .persisted
            .as_ref()
            .filter(|_| !self.clock.is_behind())?;
        Some(run_blocking(|| persisted.save(&self.engine, balance, now)))
    }

    /// Makes a report.
    pub(super) fn report(&mut self, now: Timestamp, supervisor: &SourceSupervisor) -> Arc<Report> {
        let report = Arc::new(run_blocking(|| self.engine.report(now)));
        supervisor.set_poll_priorities(&report);
        report
    }

    /// Compares the clock with the state. A state that stays ahead of the clock is truncated at now; without this nothing would
    /// be counted until the clock has come to where it was.
    pub(super) fn check_clock(&mut self, now: Timestamp, clock: &Clock) -> ClockStep {
        let delay = clock.to_real_duration(CORRECTION_DELAY);
        let step = self.clock.check(now, self.engine.latest(), delay);
        if let ClockStep::Corrected(ahead) = step {
            if let Some(persisted) = self.persisted.as_ref().filter(|_| ahead > COPY_THRESHOLD) {
                persisted.keep_copy(now);
            }
            self.engine.truncate_after(now);
            self.own.clock_corrected();
        }
        step
    }

    /// Renders a report, and puts it where HTTP finds it.
    pub(super) fn show(
        &mut self,
        report: Arc<Report>,
        config: &Config,
        supervisor: &SourceSupervisor,
    ) {
        let mut sources = self.statuses.snapshot();
        let unmatched_targets = [
            (
                (Source::Requests.into(), "unknown_workload"),
                self.engine.unmatched_targets(),
            ),
            (
                (Source::Usage.into(), "unknown_pod"),
                self.engine.unmatched_pods(),
            ),
        ];
        for ((source, reason), count) in supervisor.discarded().into_iter().chain(unmatched_targets)
        {
            if let Some(status) = sources.get_mut(&source).filter(|_| count > 0) {
                status.discarded.insert(reason, count);
            }
        }
        self.own.aws_spent(supervisor.aws_spend());
        self.own.aws_planned(supervisor.aws_budgets());
        let inputs = exposition::Inputs {
            report: &report,
            sources: &sources,
            own: &self.own.facts(),
            external_labels: &config.external_labels,
            settings: exposition::RenderConfig {
                max_series: config.max_series,
            },
        };
        let rendered = run_blocking(|| render(&inputs));
        self.own.rendered(&rendered);
        self.store.publish(ReportSnapshot {
            report,
            sources,
            rendered,
        });
    }

    pub(super) fn wait(&self) {
        self.store.wait(NotReady {
            sources: self.statuses.snapshot(),
            rendered: None,
        });
    }

    pub(super) fn reconfigure(&mut self, raw: &RawConfig, config: &Config, clock: &Clock) {
        if let Some(persisted) = &mut self.persisted {
            persisted.change(raw, config);
        }
        self.engine
            .reconfigure(config.model.clone(), config.prices.clone(), config.limits);
        if config.kubernetes.is_none() {
            self.engine.forget_cluster();
        }
        match &config.aws {
            None => self.engine.forget_functions(),
            Some(aws) if aws.bill.is_none() => self.engine.forget_bill(),
            Some(_) => {}
        }
        accept_config(&self.own, config, clock);
        info!("configuration reloaded");
    }

    pub(super) fn refuse(&self, errors: &ConfigErrors) -> String {
        self.own.config_refused();
        error!(%errors, "configuration refused; the one before stays");
        errors.to_string()
    }
}

/// Notes that a configuration is used, and logs its warnings.
pub(super) fn accept_config(own: &SelfMetrics, config: &Config, clock: &Clock) {
    own.config_accepted(clock.now(), config.warnings.len());
    for warning in &config.warnings {
        warn!(%warning, "configuration");
    }
}

/// Does work that takes a while, and lets the thread's other tasks go elsewhere where there is an elsewhere.
fn run_blocking<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}
