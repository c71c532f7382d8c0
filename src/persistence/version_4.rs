//! Reads state files of version 4, and rewrites them as version 5.
//!
//! What enters: the header and the content of a file of version 4, in which a struct is a row of its fields without names. What
//! leaves: the same as a file of version 5 has it. The types below describe both versions and nothing that the program computes
//! with, so a change of the program does not change them: a field that later versions add is missing in the result, and the
//! reader of later versions has a default for it.

mod rows;
mod series;

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::Owner;
use rows::{Ledger, Verdict, WorkloadRef};

type DecodeError = ciborium::de::Error<io::Error>;

/// The parts of a file of version 5.
#[derive(Debug)]
pub(super) struct Migrated {
    pub(super) owner: Owner,
    pub(super) written_at: String,
    /// CBOR.
    pub(super) content: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Content {
    #[serde(rename(deserialize = "counting"))]
    request_counting: String,
    #[serde(rename(deserialize = "balance"))]
    budget_balance: Option<Balance>,
    #[serde(rename(deserialize = "kept"))]
    engine: Engine,
}

#[derive(Serialize, Deserialize)]
struct Balance {
    metrics: f64,
    at: String,
}

#[derive(Serialize, Deserialize)]
struct Engine {
    ledger: Ledger,
    verdicts: Vec<WorkloadVerdict>,
    /// The first programs that wrote version 4 called it `last_look`.
    #[serde(alias = "last_look")]
    last_snapshot_at: Option<String>,
}

rows::row! {
    struct WorkloadVerdict {
        workload: WorkloadRef,
        verdict: Verdict,
    }
}

/// Reads what follows the first line, up to the checksum.
pub(super) fn migrate(mut body: &[u8]) -> Result<Migrated, DecodeError> {
    let (owner, written_at): (BTreeMap<String, String>, String) = ciborium::from_reader(&mut body)?;
    let content: Content = ciborium::from_reader(&mut body)?;
    let mut migrated = Vec::new();
    ciborium::into_writer(&content, &mut migrated)
        .map_err(|error| ciborium::de::Error::Semantic(None, error.to_string()))?;
    Ok(Migrated {
        owner,
        written_at,
        content: migrated,
    })
}
