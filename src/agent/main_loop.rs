//! The loop that owns the engine.
//!
//! No file operation runs on it, and none is waited for without a deadline: a report waits for its state to be written, and the
//! loop takes in observations meanwhile.
//!
//! ```text
//! sources ─▶ observations ─▶ engine ─▶ report ─▶ state file ─▶ store ─▶ HTTP
//!                                                  (deadline)
//! ```

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::clock_check::ClockStep;
use super::state::State;
use super::state_file::{SaveError, record_save, same_directory};
use super::supervisor::SourceSupervisor;
use super::{ConfigSource, Reload};
use crate::config::Config;
use crate::config::file::RawConfig;
use crate::disk::Disk;
use crate::schema::{ConfigError, ConfigErrors};
use crate::sources::kubernetes::Connection;
use breakeven_clock::Clock;
use breakeven_model::Report;
use breakeven_model::inventory::Observation;

/// How often the loop turns at least, so that its health is known, and the time before the first report is described anew.
const TURN_INTERVAL: Duration = Duration::from_secs(1);

/// How long a reload waits for the files of the configuration: as long as a client of the reload endpoint waits for its answer.
const RELOAD_DEADLINE: Duration = Duration::from_secs(10);

/// The state at the end could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the last state could not be written: {0}; a restart goes on from what was written before")]
pub struct StateNotSaved(String);

/// The loop and all that it owns.
#[derive(Debug)]
pub(super) struct MainLoop {
    pub(super) source: ConfigSource,
    pub(super) config: Config,
    pub(super) clock: Clock,
    pub(super) state: State,
    pub(super) supervisor: SourceSupervisor,
    pub(super) observations: mpsc::Receiver<Observation>,
    pub(super) reloads: mpsc::Receiver<Reload>,
}

/// The answer to who asked for a reload. It is given when a report of the new configuration is shown.
type Answer = (Reload, Result<(), String>);

/// A report that waits for its state to be written.
struct Publication {
    report: Arc<Report>,
    answers: Vec<Answer>,
    /// Absent if no state is kept, or while the clock is behind it.
    saved: Option<(Timestamp, Result<u64, SaveError>)>,
}

/// A configuration that was read, and who asked for it.
struct Reloaded {
    reply: Reload,
    result: Result<(RawConfig, Config), ConfigErrors>,
    /// Whether the connection to Kubernetes has another address or other credentials than the one in use.
    has_new_connection: bool,
}

/// What the loop waits for.
#[derive(Default)]
struct Tasks {
    publication: Option<BoxFuture<'static, Publication>>,
    reload: Option<BoxFuture<'static, Reloaded>>,
    /// Answers for the next report.
    answers: Vec<Answer>,
    config_disk: Disk,
}

impl MainLoop {
    /// Runs until it is told to stop, and writes the state of the end.
    pub(super) async fn run(mut self, shutdown: CancellationToken) -> Result<(), StateNotSaved> {
        self.supervisor.start(&self.config);
        self.state.due = self.next_due();
        let mut tasks = Tasks::default();
        let disks = self.state.store.health().disks();
        disks.watch("config", &tasks.config_disk);
        let mut turn = tokio::time::interval(TURN_INTERVAL);
        loop {
            self.state.store.health().record_turn();
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(observation) = self.observations.recv() => {
                    self.supervisor.on_observation(&observation);
                    self.state.observe(observation, &self.config, &self.supervisor);
                }
                () = tokio::time::sleep_until(self.state.due), if tasks.publication.is_none() => {
                    let answers = std::mem::take(&mut tasks.answers);
                    tasks.publication = Some(self.begin_publication(answers));
                    self.state.due = self.next_due();
                }
                publication = result_of(&mut tasks.publication) => self.publish(publication),
                _ = turn.tick() => if self.state.store.latest().is_none() {
                    self.state.wait();
                },
                Some(reply) = self.reloads.recv(), if tasks.reload.is_none() => {
                    tasks.reload = Some(self.begin_reload(reply, tasks.config_disk.clone()));
                }
                reloaded = result_of(&mut tasks.reload) => {
                    tasks.answers.push(self.apply(reloaded));
                    self.state.due = Instant::now();
                }
            }
        }
        // A reload that has not ended is given up.
        tasks.reload = None;
        if tasks.publication.is_some() {
            // Its write has a deadline, and no other one can start before its end.
            let publication = result_of(&mut tasks.publication).await;
            self.publish(publication);
        }
        self.save_last().await
    }

    fn next_due(&self) -> Instant {
        Instant::now() + self.clock.to_real_duration(self.config.interval)
    }

    /// Makes a report, and begins to write the state that it shows.
    fn begin_publication(&mut self, answers: Vec<Answer>) -> BoxFuture<'static, Publication> {
        let now = self.clock.now();
        let step = self.state.check_clock(now, &self.clock);
        if matches!(step, ClockStep::CaughtUp | ClockStep::Corrected(_)) {
            let read_to = self.state.engine.counted_until_by_function();
            self.supervisor.restart(&self.config, read_to, now);
            // They were read by the wrong clock.
            while self.observations.try_recv().is_ok() {}
        }
        let report = self.state.report(now, &self.supervisor);
        let save = self.state.save(self.supervisor.balance(), now);
        Box::pin(async move {
            let saved = match save {
                Some(save) => Some(save.await),
                None => None,
            };
            Publication {
                report,
                answers,
                saved,
            }
        })
    }

    fn publish(&mut self, publication: Publication) {
        if let Some((at, saved)) = &publication.saved {
            record_save(&self.state.own, *at, saved);
        }
        self.state
            .show(publication.report, &self.config, &self.supervisor);
        for (reply, answer) in publication.answers {
            // Whoever asked may have gone.
            let _ = reply.send(answer);
        }
    }

    /// Begins to read the configuration.
    fn begin_reload(&self, reply: Reload, disk: Disk) -> BoxFuture<'static, Reloaded> {
        let source = self.source.clone();
        let connection = self.supervisor.connection();
        Box::pin(async move {
            let what = "read of the configuration".to_owned();
            let read = disk.run(what, RELOAD_DEADLINE, move || source.load()).await;
            let result = read.unwrap_or_else(|error| {
                Err(ConfigErrors(vec![ConfigError::new(
                    "--config.file",
                    error.to_string(),
                )]))
            });
            let connection = connection.filter(|connection| is_kept(connection, &result));
            let (result, has_new_connection) = match has_changed(connection).await {
                Ok(has_changed) => (result, has_changed),
                Err(config_error) => (result.and(Err(ConfigErrors(vec![config_error]))), false),
            };
            Reloaded {
                reply,
                result,
                has_new_connection,
            }
        })
    }

    /// Takes over a configuration, if it is sound.
    fn apply(&mut self, reloaded: Reloaded) -> Answer {
        let reply = reloaded.reply;
        let loaded = reloaded
            .result
            .and_then(|(raw, new)| same_directory(&self.config, &new).map(|()| (raw, new)));
        let answer = match loaded {
            Ok((raw, new)) => {
                self.state.reconfigure(&raw, &new, &self.clock);
                if self
                    .supervisor
                    .change(raw, &new, reloaded.has_new_connection)
                {
                    self.state.engine.restart_request_counting();
                }
                self.state.retain_regions(&self.supervisor);
                self.config = new;
                Ok(())
            }
            Err(errors) => Err(self.state.refuse(&errors)),
        };
        (reply, answer)
    }

    async fn save_last(self) -> Result<(), StateNotSaved> {
        let balance = self.supervisor.balance();
        drop(self.supervisor);
        let Some(save) = self.state.save(balance, self.clock.now()) else {
            return Ok(());
        };
        let (at, saved) = save.await;
        record_save(&self.state.own, at, &saved);
        match saved {
            Ok(_) => Ok(()),
            Err(error) => Err(StateNotSaved(error.to_string())),
        }
    }
}

/// The result of a task, which is gone then; none ever if there is no task.
async fn result_of<T>(task: &mut Option<BoxFuture<'static, T>>) -> T {
    let Some(running) = task else {
        return pending().await;
    };
    let result = running.await;
    *task = None;
    result
}

/// Whether a new configuration takes the connection to Kubernetes from the same place. If not, a new connection is made in
/// any case, and the files of this one do not matter.
fn is_kept(connection: &Connection, result: &Result<(RawConfig, Config), ConfigErrors>) -> bool {
    let config = result.as_ref().ok().map(|(_, config)| config);
    let kubernetes = config.and_then(|config| config.kubernetes.as_ref());
    kubernetes.is_some_and(|kubernetes| kubernetes.access == *connection.access())
}

/// Whether a connection to Kubernetes has changed. A failure means that its files could not be read in time.
async fn has_changed(connection: Option<Connection>) -> Result<bool, ConfigError> {
    match connection {
        Some(connection) => connection
            .has_changed()
            .await
            .map_err(|error| ConfigError::new("kubernetes.kubeconfig", error.to_string())),
        None => Ok(false),
    }
}
