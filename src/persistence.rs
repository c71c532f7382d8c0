//! The state file: one file in a directory, written whole or not at all.
//!
//! What enters: the owner, an instant, and content that implements `Serialize`. What leaves: a file on the disk, and at the
//! next start the content again, or why it cannot be used. A file that cannot be used is never deleted and never overwritten: it
//! is renamed.

mod directory;
mod error;
mod format;
mod version_4;

pub use directory::{Directory, LoadResult};
pub use error::{LoadError, StateError};
pub use format::encode;
#[cfg(test)]
pub(crate) use format::{OLDEST_VERSION, VERSION};

use std::collections::BTreeMap;

/// Whose state it is: the labels that tell one agent from another.
pub type Owner = BTreeMap<String, String>;
