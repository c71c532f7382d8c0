//! From what is known to series, one file for each kind of thing.

pub(super) mod bill;
pub(super) mod cluster;
pub(super) mod self_metrics;
pub(super) mod sources;
pub(super) mod workload;

use jiff::Timestamp;

/// Seconds since 1970.
fn seconds_of(timestamp: Timestamp) -> f64 {
    timestamp
        .duration_since(Timestamp::UNIX_EPOCH)
        .as_secs_f64()
}

/// A number of things as a number.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53, and a count beyond that is not a count"
)]
const fn count(things: u64) -> f64 {
    things as f64
}

/// What holds is 1, what does not is 0.
fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}
