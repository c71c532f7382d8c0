//! What outlives a restart, and when it is written.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, ready};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::config::Config;
use crate::config::file::RawConfig;
use crate::disk::{Disk, DiskError};
use crate::engine::{Engine, PersistedState};
use crate::exposition::SelfMetrics;
use crate::persistence::{self, Directory, LoadResult, Owner, StateError};
use crate::schema::{ConfigError, ConfigErrors};
use crate::snapshot::Health;
use crate::sources::aws::cloudwatch::BudgetBalance;

/// What was kept could not be read.
const LOAD: &str = "load";

/// What is to be kept could not be written.
const SAVE: &str = "save";

/// What can go wrong; the others are those of [`LoadError`](crate::persistence::LoadError).
const FAILURES: [&str; 5] = [LOAD, SAVE, "damaged", "other_version", "foreign"];

/// The directory in which the engine's sums are kept.
///
/// They are written before each report, and the report is shown after. So nothing is ever shown that a program which is
/// killed could not go on from: after a restart no counter is lower than what anybody has seen of it. A report is shown
/// without that if the write fails, or hangs past its deadline.
#[derive(Debug)]
pub(super) struct StateFile {
    directory: Arc<Mutex<Directory>>,
    path: PathBuf,
    disk: Disk,
    owner: Owner,
    /// When the state was truncated by a clock correction, until a copy of the file from before is kept.
    copy_due: Arc<Mutex<Option<Timestamp>>>,
    /// How requests are counted. Counts of other requests do not go on from them.
    counting: String,
}

/// What a program goes on from.
#[derive(Debug)]
pub(super) struct Resumed {
    /// When it was written.
    pub(super) at: Timestamp,
    /// What was left to spend.
    pub(super) balance: Option<BudgetBalance>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Debug, Serialize))]
struct Content {
    #[serde(default)]
    request_counting: String,
    budget_balance: Option<BudgetBalance>,
    engine: PersistedState,
}

#[derive(Serialize)]
struct Persisting<'a, T> {
    request_counting: &'a str,
    budget_balance: Option<BudgetBalance>,
    engine: T,
}

/// The labels by which one agent is told from another.
fn owner(config: &Config) -> Owner {
    config.external_labels.iter().cloned().collect()
}

/// How long a report waits for its state to be written. A local disk takes milliseconds, and a network volume that works
/// less than a second; a report that is later by this is not stale yet at the shortest interval.
const SAVE_DEADLINE: Duration = Duration::from_secs(2);

/// How long the program waits for its state at the start, before it goes on without: as long as a network volume takes to be
/// mounted and a file of 100 MB to be read from it, and shorter than the first probes of a pod.
const LOAD_DEADLINE: Duration = Duration::from_secs(10);

/// Why the state is not on the disk.
#[derive(Debug, thiserror::Error)]
pub(super) enum SaveError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// A write of the state, to be awaited.
pub(super) type Save = BoxFuture<'static, (Timestamp, Result<u64, SaveError>)>;

impl StateFile {
    /// The directory that the configuration names, if any.
    pub(super) fn from_config(
        raw: &RawConfig,
        config: &Config,
        own: &SelfMetrics,
        health: &Health,
    ) -> Option<Self> {
        let path = config.state_directory.clone()?;
        own.state_is_kept(&FAILURES);
        let disk = Disk::default();
        health.disks().watch("state", &disk);
        Some(Self {
            directory: Arc::new(Mutex::new(Directory::new(path.clone()))),
            path,
            disk,
            owner: owner(config),
            copy_due: Arc::default(),
            counting: raw.counting(),
        })
    }

    /// Resumes an empty engine from the state file, and returns the budget balance and the time of writing.
    /// Where that cannot be read, counters begin at 0.
    ///
    /// # Errors
    /// When another program has the directory.
    pub(super) async fn resume(
        &mut self,
        engine: &mut Engine,
        own: &SelfMetrics,
        now: Timestamp,
    ) -> Result<Option<Resumed>, StateError> {
        match self.load(now).await {
            Ok(Ok(LoadResult::Nothing)) => {}
            Ok(Ok(LoadResult::Loaded {
                version,
                at,
                content,
            })) => {
                engine.resume(content.engine);
                if content.request_counting != self.counting {
                    engine.restart_request_counting();
                }
                info!(%at, version, directory = %self.path.display(), "counters go on");
                return Ok(Some(Resumed {
                    at,
                    balance: content.budget_balance,
                }));
            }
            Ok(Ok(LoadResult::Quarantined { error, path })) => {
                own.state_failed(error.as_str());
                warn!(%error, path = %path.display(), "kept state cannot be used and was set aside; counters begin at 0");
            }
            Ok(Err(error @ StateError::InUse(_))) => return Err(error),
            Ok(Err(error @ StateError::Io { .. })) => {
                own.state_failed(LOAD);
                warn!(%error, "kept state cannot be read; counters begin at 0");
            }
            Err(error) => {
                own.state_failed(LOAD);
                warn!(%error, "kept state cannot be read in time; counters begin at 0");
                // What the late read finds is dropped, so its file counts as unread: it is set aside and not written over.
                self.directory = Arc::new(Mutex::new(Directory::new(self.path.clone())));
            }
        }
        Ok(None)
    }

    async fn load(
        &self,
        now: Timestamp,
    ) -> Result<Result<LoadResult<Content>, StateError>, DiskError> {
        let (directory, owner) = (Arc::clone(&self.directory), self.owner.clone());
        let what = format!("read of {}", self.path.display());
        let load = move || lock(&directory).load::<Content>(&owner, now);
        self.disk.run(what, LOAD_DEADLINE, load).await
    }

    /// Writes what the engine has added up, and what is left to spend. It is taken from the engine now, and is on the disk
    /// when the result is there. While an earlier write hangs, this one fails at once.
    pub(super) fn save(
        &self,
        engine: &Engine,
        balance: Option<BudgetBalance>,
        now: Timestamp,
    ) -> Save {
        if let Some(hung) = self.disk.operation() {
            return Box::pin(ready((now, Err(hung.unfinished().into()))));
        }
        let content = Persisting {
            request_counting: &self.counting,
            budget_balance: balance,
            engine: engine.persisted_state(),
        };
        let bytes = persistence::encode(&self.owner, now, &content);
        let (directory, disk, path) = (
            Arc::clone(&self.directory),
            self.disk.clone(),
            self.path.clone(),
        );
        let copy_due = Arc::clone(&self.copy_due);
        Box::pin(async move {
            let what = format!("write to {}", path.display());
            let write = move || match bytes {
                Ok(bytes) => save_bytes(&mut lock(&directory), &copy_due, &bytes, now),
                Err(error) => Err(StateError::Io { path, error }),
            };
            let written = disk.run(what, SAVE_DEADLINE, write).await;
            let saved = match written {
                Ok(result) => result.map_err(SaveError::from),
                Err(error) => Err(error.into()),
            };
            (now, saved)
        })
    }

    /// Lets the next write keep a copy of the file that it replaces.
    pub(super) fn keep_copy(&self, now: Timestamp) {
        *lock(&self.copy_due) = Some(now);
    }

    /// Takes over what of a new configuration concerns it.
    pub(super) fn change(&mut self, raw: &RawConfig, config: &Config) {
        self.owner = owner(config);
        self.counting = raw.counting();
    }
}

/// Writes the file. A copy of the one before is kept first if it is due, and the write fails without it.
fn save_bytes(
    directory: &mut Directory,
    copy_due: &Mutex<Option<Timestamp>>,
    bytes: &[u8],
    now: Timestamp,
) -> Result<u64, StateError> {
    // Not locked during file operations, because the main loop locks it.
    let due = *lock(copy_due);
    if let Some(at) = due {
        if let Some(path) = directory.keep_clock_copy(at)? {
            warn!(path = %path.display(), "state file from before the clock correction kept");
        }
        *lock(copy_due) = None;
    }
    directory.save_bytes(bytes, now)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes how a write of the state went.
pub(super) fn record_save(own: &SelfMetrics, at: Timestamp, saved: &Result<u64, SaveError>) {
    match saved {
        Ok(bytes) => own.state_saved(at, *bytes),
        Err(error) => {
            own.state_failed(SAVE);
            warn!(%error, "state cannot be kept; a restart would lose what came since it was kept last");
        }
    }
}

/// Refuses a configuration that would keep state elsewhere: the counters of one program are in one place.
pub(super) fn same_directory(now: &Config, new: &Config) -> Result<(), ConfigErrors> {
    if now.state_directory == new.state_directory {
        return Ok(());
    }
    let named = |path: &Option<PathBuf>| {
        let path = path.as_ref();
        path.map_or_else(|| "null".to_owned(), |path| path.display().to_string())
    };
    let what = format!(
        "{} is read at the start alone, and it is {} now; restart the program to change it",
        named(&new.state_directory),
        named(&now.state_directory),
    );
    Err(ConfigErrors(vec![ConfigError::new(
        "state.directory",
        what,
    )]))
}

#[cfg(test)]
mod tests;
