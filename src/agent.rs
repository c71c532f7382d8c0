//! The running agent: the only module that names all others.
//!
//! What enters: the configuration, observations of the sources, signals and reloads. What leaves: reports in the snapshot, the state
//! file, and starts and stops of sources.
//!
//! One loop (`main_loop`) owns the engine. Sources run beside it and send observations. At every interval, and as soon as an
//! observation arrives, the loop makes a report, renders it once, and puts it into the snapshot, from which HTTP answers.

pub mod check;
mod clock_check;
mod main_loop;
mod poll_priority;
mod reload;
mod state;
mod state_file;
mod supervisor;

use std::collections::HashSet;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::config::file::RawConfig;
use crate::config::{self, Config};
use crate::engine::Engine;
use crate::exposition::{self, SelfMetrics};
use crate::persistence::StateError;
use crate::schema::ConfigErrors;
use crate::server;
use crate::snapshot::Store;
use crate::sources::{Context, SourceStatuses};
use breakeven_clock::Clock;
use breakeven_model::inventory::Observation;
use clock_check::ClockCheck;
use main_loop::MainLoop;
pub use main_loop::StateNotSaved;
use reload::Reload;
pub use reload::ReloadHandle;
use state::{State, accept_config};
use state_file::{Resumed, StateFile};
use supervisor::SourceSupervisor;

/// How many observations may wait to be taken in.
const WAITING_OBSERVATIONS: usize = 64;

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
    pub fn load(&self) -> Result<(RawConfig, Config), ConfigErrors> {
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
    server: server::Server,
    state: State,
    supervisor: SourceSupervisor,
    observations: mpsc::Receiver<Observation>,
    reloads: mpsc::Receiver<Reload>,
    reload: ReloadHandle,
}

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error("the configuration is wrong:\n{0}")]
    Config(ConfigErrors),
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
        http: server::ServerConfig,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let (raw, config) = source.load().map_err(StartError::Config)?;
        let store = Store::new();
        let (reload, reloads) = ReloadHandle::new();
        let hook = reload.clone();
        let hook: server::ReloadHook = Arc::new(move || Box::pin(hook.reload()));
        let own = SelfMetrics::new(exposition::Build::THIS);
        let http = server::ServerConfig {
            requests: own.http_requests(),
            ..http
        };
        let server = server::bind(http, store.clone(), hook).await?;
        let (sink, observations) = mpsc::channel(WAITING_OBSERVATIONS);
        let statuses = SourceStatuses::default();
        let context = Context {
            clock: clock.clone(),
            statuses: statuses.clone(),
            sink,
        };
        accept_config(&own, &config, &clock);
        own.clock_watched();
        let mut engine = Engine::new(
            clock.now(),
            config.model.clone(),
            config.prices.clone(),
            config.limits,
        );
        let mut persisted = StateFile::from_config(&raw, &config, &own, store.health());
        let mut supervisor = SourceSupervisor::new(context, raw, store.health().disks().clone());
        let now = clock.now();
        let resumed = match &mut persisted {
            Some(persisted) => persisted.resume(&mut engine, &own, now).await?,
            None => None,
        };
        let mut state = State {
            engine,
            persisted,
            statuses,
            store,
            own,
            seen: HashSet::new(),
            due: Instant::now(),
            clock: ClockCheck::new(resumed.as_ref().map_or(now, |resumed| resumed.at)),
        };
        if let Some(Resumed { balance, .. }) = resumed {
            state.check_clock(now, &clock);
            supervisor.resume(balance, state.engine.counted_until_by_function());
        }
        Ok(Self {
            source,
            config,
            clock,
            server,
            state,
            supervisor,
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
    ///
    /// # Errors
    /// Fails if the state of the end could not be written.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), StateNotSaved> {
        let http = tokio::spawn(self.server.serve(shutdown.clone()));
        let main_loop = MainLoop {
            source: self.source,
            config: self.config,
            clock: self.clock,
            state: self.state,
            supervisor: self.supervisor,
            observations: self.observations,
            reloads: self.reloads,
        };
        let saved = main_loop.run(shutdown).await;
        if let Err(error) = http.await {
            error!(%error, "the HTTP server ended badly");
        }
        saved
    }
}
