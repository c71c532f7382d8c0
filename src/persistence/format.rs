//! The bytes of a state file.
//!
//! The first line names the version. What follows is CBOR: a header with the owner and the time of writing, and the content. The
//! file ends with the SHA-256 of all that.
//!
//! Since version 5 a struct is a map from the names of its fields to their values. A field that is missing has its default, and
//! an unknown one is ignored, so a new field needs no new version. Whatever else changes needs one, such as the name of a field
//! or a new variant of an enum: the version goes up, and a module rewrites files of the version before, as `version_4` does.

use std::io::{self, Write as _};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{LoadError, Owner, version_4};

/// The first line, but for the version.
const MAGIC: &str = "breakeven state ";

/// The version that is written. A new field needs no new version.
pub(crate) const VERSION: u32 = 5;

/// The oldest version that is read. Every later one is read as well.
pub(crate) const OLDEST_VERSION: u32 = 4;

/// The content of a file.
#[derive(Debug)]
pub(super) struct Decoded<T> {
    pub(super) version: u32,
    pub(super) at: Timestamp,
    pub(super) content: T,
}

#[derive(Serialize)]
struct Header<'a> {
    owner: &'a Owner,
    written_at: Timestamp,
}

#[derive(Deserialize)]
struct StoredHeader {
    owner: Owner,
    written_at: Timestamp,
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
    let header = Header {
        owner,
        written_at: at,
    };
    ciborium::into_writer(&header, &mut bytes).map_err(failed)?;
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
    let (version, mut body) = unwrap(bytes)?;
    if version == 4 {
        let migrated = version_4::migrate(body).map_err(damaged)?;
        let at = migrated.written_at.parse().map_err(damaged)?;
        check_owner(migrated.owner, owner)?;
        let content = ciborium::from_reader(&*migrated.content).map_err(damaged)?;
        return Ok(Decoded {
            version,
            at,
            content,
        });
    }
    let header: StoredHeader = ciborium::from_reader(&mut body).map_err(damaged)?;
    check_owner(header.owner, owner)?;
    let content = ciborium::from_reader(&mut body).map_err(damaged)?;
    Ok(Decoded {
        version,
        at: header.written_at,
        content,
    })
}

/// The version of a file and what stands between its first line and its checksum.
fn unwrap(bytes: &[u8]) -> Result<(u32, &[u8]), LoadError> {
    let rest = bytes
        .strip_prefix(MAGIC.as_bytes())
        .ok_or_else(|| damaged("it does not begin as such a file does"))?;
    let line = rest.iter().position(|byte| *byte == b'\n');
    let (version, rest) = rest.split_at(line.ok_or_else(|| damaged("it has no version"))?);
    let version = String::from_utf8_lossy(version);
    let Some(version) = supported(&version) else {
        return Err(LoadError::OtherVersion(version.into_owned()));
    };
    let no_checksum = || damaged("it does not end with its checksum");
    let end = bytes.len().saturating_sub(Sha256::output_size());
    let (summed, sum) = bytes.split_at(end);
    if sum != &*Sha256::digest(summed) {
        return Err(no_checksum());
    }
    let body = end.checked_sub(bytes.len() - rest.len() + 1);
    let body = body.and_then(|length| rest.get(1..=length));
    Ok((version, body.ok_or_else(no_checksum)?))
}

fn damaged(error: impl ToString) -> LoadError {
    LoadError::Damaged(error.to_string())
}

fn check_owner(found: Owner, expected: &Owner) -> Result<(), LoadError> {
    if found == *expected {
        return Ok(());
    }
    Err(LoadError::Foreign(found, expected.clone()))
}

/// The number of a version that is read, written as this program writes it.
fn supported(version: &str) -> Option<u32> {
    (OLDEST_VERSION..=VERSION).find(|one| one.to_string() == version)
}
