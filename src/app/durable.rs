//! What outlives a restart, and when it is written.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::config::Config;
use crate::config::raw::RawConfig;
use crate::exposition::Own;
use crate::pipeline::{Kept, Pipeline};
use crate::settings::{Mistake, Mistakes};
use crate::sources::cloudwatch::Balance;
use crate::state::{Directory, Found, Owner, StateError};

/// What was kept could not be read.
const LOAD: &str = "load";

/// What is to be kept could not be written.
const SAVE: &str = "save";

/// What can go wrong; the others are those of [`Fault`](crate::state::Fault).
const FAILURES: [&str; 5] = [LOAD, SAVE, "damaged", "other_version", "foreign"];

/// The directory in which the pipeline's sums are kept.
///
/// They are written before each report, and the report is shown after. So nothing is ever shown that a program which is
/// killed could not go on from: after a restart no counter is lower than what anybody has seen of it.
#[derive(Debug)]
pub(super) struct Durable {
    directory: Directory,
    owner: Owner,
    /// How requests are counted. Counts of other requests do not go on from them.
    counting: String,
}

#[derive(Deserialize)]
struct Content {
    counting: String,
    balance: Option<Balance>,
    kept: Kept,
}

#[derive(Serialize)]
struct Keeping<'a, T> {
    counting: &'a str,
    balance: Option<Balance>,
    kept: T,
}

/// The labels by which one agent is told from another.
fn owner(config: &Config) -> Owner {
    config.external_labels.iter().cloned().collect()
}

impl Durable {
    /// The directory that the configuration names, if any.
    pub(super) fn of(raw: &RawConfig, config: &Config, own: &Own) -> Option<Self> {
        let path = config.state_directory.clone()?;
        own.state_is_kept(&FAILURES);
        Some(Self {
            directory: Directory::new(path),
            owner: owner(config),
            counting: raw.counting(),
        })
    }

    /// Lets a pipeline that knows nothing yet go on from what was kept, and gives what was left to spend. Where that cannot be
    /// read, counters begin at 0.
    ///
    /// # Errors
    /// When another program has the directory.
    pub(super) fn resume(
        &mut self,
        pipeline: &mut Pipeline,
        own: &Own,
        now: Timestamp,
    ) -> Result<Option<Balance>, StateError> {
        let mut balance = None;
        match self.directory.load::<Content>(&self.owner, now) {
            Ok(Found::Nothing) => {}
            Ok(Found::Kept { at, content }) => {
                pipeline.resume(content.kept);
                if content.counting != self.counting {
                    pipeline.recount();
                }
                balance = content.balance;
                info!(%at, directory = %self.directory.path().display(), "counters go on");
            }
            Ok(Found::SetAside { fault, path }) => {
                own.state_failed(fault.as_str());
                warn!(%fault, path = %path.display(), "kept state cannot be used and was set aside; counters begin at 0");
            }
            Err(error @ StateError::InUse(_)) => return Err(error),
            Err(error @ StateError::Io { .. }) => {
                own.state_failed(LOAD);
                warn!(%error, "kept state cannot be read; counters begin at 0");
            }
        }
        Ok(balance)
    }

    /// Writes what the pipeline has added up, and what is left to spend.
    pub(super) fn save(
        &mut self,
        pipeline: &Pipeline,
        balance: Option<Balance>,
        own: &Own,
        now: Timestamp,
    ) {
        let content = Keeping {
            counting: &self.counting,
            balance,
            kept: pipeline.kept(),
        };
        match self.directory.save(&self.owner, now, &content) {
            Ok(bytes) => own.state_saved(now, bytes),
            Err(error) => {
                own.state_failed(SAVE);
                warn!(%error, "state cannot be kept; a restart would lose what came since it was kept last");
            }
        }
    }

    /// Takes over what of a new configuration concerns it.
    pub(super) fn change(&mut self, raw: &RawConfig, config: &Config) {
        self.owner = owner(config);
        self.counting = raw.counting();
    }
}

/// Refuses a configuration that would keep state elsewhere: the counters of one program are in one place.
pub(super) fn same_directory(now: &Config, new: &Config) -> Result<(), Mistakes> {
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
    Err(Mistakes(vec![Mistake::new("state.directory", what)]))
}
