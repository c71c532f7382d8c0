//! The agent: the only module that knows everybody.
//!
//! One loop owns the pipeline. Sources run beside it and send what they see; at every interval, and as
//! soon as something new is known, the loop makes a report, renders it once, and puts it into the store, from which HTTP
//! answers.

mod durable;
mod fleet;
pub mod probe;
mod stakes;

use std::collections::HashSet;
use std::fmt;
use std::mem::{Discriminant, discriminant};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::config::raw::RawConfig;
use crate::config::{self, Config};
use crate::exposition::{self, Own, render};
use crate::http;
use crate::observation::{Observation, OwnCount, Provider};
use crate::pipeline::Pipeline;
use crate::settings::Mistakes;
use crate::sources::cloudwatch::Balance;
use crate::sources::{Context, Source, StatusBoard};
use crate::state::StateError;
use crate::store::{Published, Store, Waiting};
use durable::{Durable, same_directory};
use fleet::Fleet;

/// How many observations may wait to be taken in.
const WAITING_OBSERVATIONS: usize = 64;

/// How long after the first observation of a kind the report follows: others of its kind come close behind.
const FIRST_REPORT_DELAY: Duration = Duration::from_millis(250);

/// How often the time before the first report is described anew.
const WAITING_INTERVAL: Duration = Duration::from_secs(1);

/// Where the configuration comes from, now and at every reload.
#[derive(Clone)]
pub struct ConfigSource {
    /// The file; absent for the text below.
    pub file: Option<PathBuf>,
    /// The configuration without a file.
    pub text: &'static str,
    /// What the way the program was started changes about it.
    pub adjust: Arc<dyn Fn(&mut Config) + Send + Sync>,
}

impl Default for ConfigSource {
    fn default() -> Self {
        Self {
            file: None,
            text: "",
            adjust: Arc::new(|_| {}),
        }
    }
}

impl fmt::Debug for ConfigSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConfigSource")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl ConfigSource {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(&self) -> Result<(RawConfig, Config), Mistakes> {
        let (raw, mut config) = match &self.file {
            Some(file) => config::load(file)?,
            None => config::parse(self.text)?,
        };
        (self.adjust)(&mut config);
        Ok((raw, config))
    }
}

/// An agent that is bound to its addresses and does not run yet.
#[derive(Debug)]
pub struct Agent {
    source: ConfigSource,
    config: Config,
    clock: Clock,
    server: http::Server,
    state: State,
    fleet: Fleet,
    observations: mpsc::Receiver<Observation>,
    reloads: mpsc::Receiver<Reload>,
    reload: ReloadHandle,
}

/// What the loop works on.
#[derive(Debug)]
struct State {
    pipeline: Pipeline,
    /// Keeps what the pipeline adds up, where it is to outlive a restart.
    durable: Option<Durable>,
    board: StatusBoard,
    store: Store,
    own: Own,
    /// The kinds of observation that a report was made of, or will be at once.
    seen: HashSet<Discriminant<Observation>>,
    /// When the next report is made.
    due: Instant,
}

type Reload = oneshot::Sender<Result<(), String>>;

/// Asks a running agent to read its configuration anew.
#[derive(Clone, Debug)]
pub struct ReloadHandle(mpsc::Sender<Reload>);

impl ReloadHandle {
    /// Reads the configuration anew.
    ///
    /// # Errors
    /// The text of what is wrong with it; the one before stays.
    pub async fn reload(&self) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let stopped = || "the agent has stopped".to_owned();
        self.0.send(reply).await.map_err(|_| stopped())?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }
}

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error("the configuration is wrong:\n{0}")]
    Config(Mistakes),
    /// It cannot listen.
    #[error("cannot listen")]
    Listen(#[from] std::io::Error),
    /// Another program keeps its state there.
    #[error("state.directory")]
    State(#[from] StateError),
}

impl Agent {
    /// Reads the configuration and binds the addresses. Nothing is asked and nothing is answered yet.
    ///
    /// # Errors
    /// When the configuration is wrong, another program has the directory of its state, or an address cannot be bound.
    pub async fn bind(
        source: ConfigSource,
        http: http::Settings,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let (raw, config) = source.load().map_err(StartError::Config)?;
        let store = Store::new();
        let (reload_sender, reloads) = mpsc::channel(1);
        let reload = ReloadHandle(reload_sender);
        let hook = reload.clone();
        let hook: http::ReloadHook = Arc::new(move || {
            let hook = hook.clone();
            Box::pin(async move { hook.reload().await })
        });
        let server = http::bind(http, store.clone(), hook).await?;
        let (sink, observations) = mpsc::channel(WAITING_OBSERVATIONS);
        let board = StatusBoard::default();
        let context = Context {
            clock: clock.clone(),
            board: board.clone(),
            sink,
        };
        let own = Own::new(exposition::Build::THIS);
        accept_config(&own, &config, &clock);
        let mut pipeline = Pipeline::new(
            clock.now(),
            config.model.clone(),
            config.prices.clone(),
            config.limits,
        );
        let mut durable = Durable::of(&raw, &config, &own);
        let mut fleet = Fleet::new(context, raw);
        if let Some(durable) = &mut durable {
            let balance = durable.resume(&mut pipeline, &own, clock.now())?;
            fleet.resume(balance, pipeline.known_until());
        }
        let state = State {
            pipeline,
            durable,
            board,
            store,
            own,
            seen: HashSet::new(),
            due: Instant::now(),
        };
        Ok(Self {
            source,
            config,
            clock,
            server,
            state,
            fleet,
            observations,
            reloads,
            reload,
        })
    }

    /// The addresses that it is bound to.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        self.server.addresses()
    }

    /// Asks it to read its configuration anew, once it runs.
    #[must_use]
    pub fn reload_handle(&self) -> ReloadHandle {
        self.reload.clone()
    }

    /// Where its reports are kept.
    #[must_use]
    pub fn store(&self) -> Store {
        self.state.store.clone()
    }

    /// Runs until it is told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self {
            source,
            mut config,
            clock,
            server,
            mut state,
            mut fleet,
            ..
        } = self;
        let (mut observations, mut reloads) = (self.observations, self.reloads);
        let http = tokio::spawn(server.serve(shutdown.clone()));
        fleet.start(&config);
        state.due = Instant::now() + clock.on_the_wall(config.interval);
        let mut waiting = tokio::time::interval(WAITING_INTERVAL);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(observation) = observations.recv() => {
                    fleet.notice(&observation);
                    state.observe(observation, &config, &fleet);
                }
                () = tokio::time::sleep_until(state.due) => {
                    state.publish(&config, &clock, &fleet);
                    state.due = Instant::now() + clock.on_the_wall(config.interval);
                }
                _ = waiting.tick(), if state.store.latest().is_none() => state.wait(),
                Some(reply) = reloads.recv() => {
                    let loaded = source.load();
                    let loaded = loaded.and_then(|(raw, new)| {
                        same_directory(&config, &new).map(|()| (raw, new))
                    });
                    let answer = match loaded {
                        Ok((raw, new)) => {
                            state.reconfigure(&raw, &new, &clock);
                            let has_new_connection = fleet.has_new_connection().await;
                            if fleet.change(raw, &new, has_new_connection) {
                                state.pipeline.recount();
                            }
                            state.keep_places(&fleet);
                            config = new;
                            Ok(())
                        }
                        Err(errors) => Err(state.refuse(&errors)),
                    };
                    state.publish(&config, &clock, &fleet);
                    // Whoever asked may have gone.
                    let _ = reply.send(answer);
                }
            }
        }
        let balance = fleet.balance();
        drop(fleet);
        state.save(balance, &clock);
        if let Err(error) = http.await {
            error!(%error, "the HTTP server ended badly");
        }
    }
}

impl State {
    /// Takes in what a source saw, unless it was switched off meanwhile.
    fn observe(&mut self, observation: Observation, config: &Config, fleet: &Fleet) {
        let is_on = match &observation {
            Observation::Cluster(_) | Observation::Usage(_) | Observation::ControlPlane(_) => {
                config.kubernetes.is_some()
            }
            Observation::Functions(_)
            | Observation::FunctionMinutes(_)
            | Observation::Insights(_) => config.aws.is_some(),
            Observation::Bill(_) => config.aws.as_ref().is_some_and(|aws| aws.bill.is_some()),
            Observation::OwnTraffic(own) => match own.by {
                OwnCount::Annotation => config.requests.is_some(),
                OwnCount::Scrape => config.scrape.is_some(),
                OwnCount::Edge => config.edge.is_some(),
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
        self.pipeline.observe(observation);
        if is_list {
            // It may have told an account that was not known, and so which others are from before a reload.
            self.keep_places(fleet);
        }
    }

    fn keep_places(&mut self, fleet: &Fleet) {
        self.pipeline
            .keep_places(|account_id, region| fleet.reads(account_id, region));
    }

    /// Writes what outlives a restart, if that is wanted.
    fn save(&mut self, balance: Option<Balance>, clock: &Clock) {
        if let Some(durable) = &mut self.durable {
            aside(|| durable.save(&self.pipeline, balance, &self.own, clock.now()));
        }
    }

    /// Makes a report, renders it, and puts it where HTTP finds it.
    fn publish(&mut self, config: &Config, clock: &Clock, fleet: &Fleet) {
        let report = Arc::new(self.pipeline.report(clock.now()));
        fleet.set_stakes(&report);
        self.save(fleet.balance(), clock);
        let mut sources = self.board.snapshot();
        let strangers = [
            (
                (Source::Requests.into(), "unknown_workload"),
                self.pipeline.strangers(),
            ),
            (
                (Source::Usage.into(), "unknown_pod"),
                self.pipeline.unknown_pods(),
            ),
        ];
        for ((source, reason), count) in fleet.left_out().into_iter().chain(strangers) {
            if let Some(status) = sources.get_mut(&source).filter(|_| count > 0) {
                status.left_out.insert(reason, count);
            }
        }
        self.own.aws_spent(fleet.aws_spend());
        self.own.aws_planned(fleet.aws_budgets());
        let inputs = exposition::Inputs {
            report: &report,
            sources: &sources,
            own: &self.own.facts(),
            external_labels: &config.external_labels,
            settings: exposition::Settings {
                max_series: config.max_series,
            },
        };
        let rendered = aside(|| render(&inputs));
        self.own.rendered(&rendered);
        self.store.publish(Published {
            report,
            sources,
            rendered,
        });
    }

    fn wait(&self) {
        self.store.wait(Waiting {
            sources: self.board.snapshot(),
            rendered: None,
        });
    }

    fn reconfigure(&mut self, raw: &RawConfig, config: &Config, clock: &Clock) {
        if let Some(durable) = &mut self.durable {
            durable.change(raw, config);
        }
        self.pipeline
            .reconfigure(config.model.clone(), config.prices.clone(), config.limits);
        if config.kubernetes.is_none() {
            self.pipeline.forget_cluster();
        }
        match &config.aws {
            None => self.pipeline.forget_functions(),
            Some(aws) if aws.bill.is_none() => self.pipeline.forget_bill(),
            Some(_) => {}
        }
        accept_config(&self.own, config, clock);
        info!("configuration reloaded");
    }

    fn refuse(&self, errors: &Mistakes) -> String {
        self.own.config_refused();
        error!(%errors, "configuration refused; the one before stays");
        errors.to_string()
    }
}

/// Notes that a configuration is used, and logs its warnings.
fn accept_config(own: &Own, config: &Config, clock: &Clock) {
    own.config_accepted(clock.now(), config.warnings.len());
    for warning in &config.warnings {
        warn!(%warning, "configuration");
    }
}

/// Does work that takes a while, and lets the thread's other tasks go elsewhere where there is an elsewhere.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}
