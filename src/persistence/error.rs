//! Why a directory or its file cannot be used.

use std::io;
use std::path::PathBuf;

use super::Owner;
use super::format::{OLDEST_VERSION, VERSION};

/// Why a directory or its file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another program has it.
    #[error("{0} is in use by another breakeven; give each a state.directory of its own")]
    InUse(PathBuf),
    /// The file system says no.
    #[error(
        "{path}: {error}; make it a directory that can be written, or set state.directory to null"
    )]
    Io {
        /// Where.
        path: PathBuf,
        /// What it says.
        error: io::Error,
    },
}

/// Why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// It is not what was written.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// A version wrote it that this program does not read.
    #[error(
        "it is of version {0}, and this program reads versions {OLDEST_VERSION} to {VERSION}; to use it, rename it to \
         breakeven.state and start a breakeven that reads it"
    )]
    OtherVersion(String),
    /// It is somebody else's.
    #[error("it is of {}, and this is {}", labels(.0), labels(.1))]
    Foreign(Owner, Owner),
}

impl LoadError {
    /// As it stands in a `reason` label, and in the name of a file set aside.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "damaged",
            Self::OtherVersion(_) => "other_version",
            Self::Foreign(..) => "foreign",
        }
    }
}

fn labels(owner: &Owner) -> String {
    let labels: Vec<String> = owner
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    format!("external_labels {{{}}}", labels.join(", "))
}
