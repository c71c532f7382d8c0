//! Where facts come from. Each source turns what a foreign API says into plain [`Observation`]s.
//!
//! A source never waits for another and never clears another's numbers. What all of them share is here:
//! the error with its reason ([`SourceError`]), the board where each shows how it fares
//! ([`StatusBoard`]), and the loop that polls, times out and backs off ([`poll_forever`]).
//!
//! [`Observation`]: crate::observation::Observation

pub mod aws;
pub mod bill;
pub mod cloudwatch;
pub mod edge;
pub mod kubernetes;
pub mod lambda;
pub mod requests;
pub mod scrape;
pub mod usage;

mod backoff;
mod body;
mod causes;
mod error;
mod kept_file;
mod log_limit;
mod percent;
mod poll;
pub mod prices;
mod redaction;
mod status;
mod tally;
mod text_format;
mod told;
mod transport;

pub use error::{Reason, SourceError};
pub use poll::{Context, Poll, Schedule, poll_forever};
pub use redaction::{REDACTED, Secret, redact, redact_tokens};
pub use status::{Lacks, Site, Source, SourceId, SourceStatus, StatusBoard};
pub use tally::Tally;
pub use transport::BadAddress;

/// The `User-Agent` of every request to every API, by which its operator can attribute the load.
pub const USER_AGENT: &str = concat!("breakeven/", env!("CARGO_PKG_VERSION"));
