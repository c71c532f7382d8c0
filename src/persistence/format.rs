//! The bytes of a state file.
//!
//! The first line names the version. What follows is CBOR: the owner, the time of writing, and the content. The file ends with the
//! SHA-256 of all that.
//!
//! Since version 5 a struct is a map from the names of its fields to their values, so a field can be added without another
//! version. Version 4 has rows of values without names; the types that were rows read both, see
//! [`record!`](breakeven_model::units::record).

use std::io::{self, Write as _};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::{LoadError, Owner};

/// The first line, but for the version.
const MAGIC: &str = "breakeven state ";

/// The version that is written. A new field needs no new version.
pub(super) const VERSION: u32 = 5;

/// The oldest version that is read. Every later one is read as well.
pub(super) const OLDEST_VERSION: u32 = 4;

/// The content of a file.
#[derive(Debug)]
pub(super) struct Decoded<T> {
    pub(super) version: u32,
    pub(super) at: Timestamp,
    pub(super) content: T,
}

/// The bytes of a file.
///
/// # Errors
/// When the content cannot be written as CBOR.
pub fn encode(owner: &Owner, at: Timestamp, content: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    writeln!(bytes, "{MAGIC}{VERSION}")?;
    let failed = |error| match error {
        ciborium::ser::Error::Io(error) => error,
        error @ ciborium::ser::Error::Value(_) => io::Error::other(error.to_string()),
    };
    ciborium::into_writer(&(owner, at), &mut bytes).map_err(failed)?;
    ciborium::into_writer(content, &mut bytes).map_err(failed)?;
    let sum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&sum);
    Ok(bytes)
}

/// Reads a file of this owner, written by this version or an earlier one.
pub(super) fn decode<T: DeserializeOwned>(
    bytes: &[u8],
    owner: &Owner,
) -> Result<Decoded<T>, LoadError> {
    let damaged = |what: &str| LoadError::Damaged(what.to_owned());
    let rest = bytes
        .strip_prefix(MAGIC.as_bytes())
        .ok_or_else(|| damaged("it does not begin as such a file does"))?;
    let line = rest.iter().position(|byte| *byte == b'\n');
    let (version, rest) = rest.split_at(line.ok_or_else(|| damaged("it has no version"))?);
    let version = String::from_utf8_lossy(version);
    let Some(version) = supported(&version) else {
        return Err(LoadError::OtherVersion(version.into_owned()));
    };
    let end = bytes.len().saturating_sub(Sha256::output_size());
    let (summed, sum) = bytes.split_at(end);
    if sum != &*Sha256::digest(summed) {
        return Err(damaged("it does not end with its checksum"));
    }
    let mut body = &rest[1..];
    let undecodable = |error: ciborium::de::Error<io::Error>| LoadError::Damaged(error.to_string());
    let (of, at): (Owner, Timestamp) = ciborium::from_reader(&mut body).map_err(undecodable)?;
    if of != *owner {
        return Err(LoadError::Foreign(of, owner.clone()));
    }
    let content = ciborium::from_reader(&mut body).map_err(undecodable)?;
    Ok(Decoded {
        version,
        at,
        content,
    })
}

/// The number of a version that is read, written as this program writes it.
fn supported(version: &str) -> Option<u32> {
    (OLDEST_VERSION..=VERSION).find(|one| one.to_string() == version)
}
