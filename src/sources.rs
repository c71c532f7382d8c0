//! Clients of foreign APIs, one folder per provider. Each converts responses to plain [`Observation`]s.
//!
//! What enters: one typed section of the configuration per source, and credentials. What leaves: observations through one channel,
//! and the status of each source ([`SourceStatuses`]). A source never waits for another and never clears another's data. Shared here:
//! the error with its reason ([`SourceError`]), and the loop that polls, times out and backs off ([`poll_forever`]).
//!
//! [`Observation`]: breakeven_model::inventory::Observation

pub mod aws;
pub mod azure;
pub mod kubernetes;
pub mod prometheus;
pub mod scrape;
pub mod usage;

mod backoff;
mod body;
mod cache_file;
mod discarded;
mod error;
mod error_chain;
mod latest;
mod log_limit;
mod percent;
mod poller;
pub mod price_list;
pub mod price_queries;
mod redaction;
mod status;
mod text_format;
mod transport;

pub use breakeven_model::inventory::{
    MissingAttributes, Reason, Source, SourceId, SourceLocation, SourceStatus,
};
pub use discarded::DiscardCounts;
pub use error::SourceError;
pub use poller::{Context, Poll, Schedule, poll_forever};
pub use redaction::{REDACTED, Secret, redact, redact_tokens};
pub use status::SourceStatuses;
pub use transport::AddressError;

/// The `User-Agent` of every request to every API, by which its operator can attribute the load.
pub const USER_AGENT: &str = concat!("breakeven/", env!("CARGO_PKG_VERSION"));
