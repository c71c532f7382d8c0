//! Requests: a count, and a rate.

use super::memory::GibSeconds;
use super::quantity::{kept, product, quantity};
use super::time::Seconds;

quantity! {
    /// Requests, invocations or messages. Not always whole: a rate over a window gives fractions.
    Requests, "requests", from_requests, requests
}

quantity! {
    /// Requests in each second.
    RequestsPerSecond, "requests per second", from_per_second, per_second
}

quantity! {
    /// Periods of the kernel's scheduler, in each of which a container may run for so long.
    Periods, "periods", from_periods, periods
}

quantity! {
    /// What a bill counts, in the unit of its usage type: requests, or GB-s.
    BilledUnits, "units", from_units, units
}

impl From<Requests> for BilledUnits {
    fn from(requests: Requests) -> Self {
        Self(requests.0)
    }
}

impl From<GibSeconds> for BilledUnits {
    fn from(amount: GibSeconds) -> Self {
        Self(amount.0)
    }
}

product!(RequestsPerSecond * Seconds = Requests);

impl Requests {
    /// A single one.
    pub const ONE: Self = Self(1.0);

    /// The mean rate over a time; absent for no time.
    #[must_use]
    pub fn per(self, time: Seconds) -> Option<RequestsPerSecond> {
        (time.0 > 0.0).then(|| RequestsPerSecond(kept(self.0 / time.0)))
    }

    /// Time spent on them all, when each takes so long.
    #[must_use]
    pub fn total_time(self, time: Seconds) -> Seconds {
        Seconds(kept(self.0 * time.0))
    }
}

impl Seconds {
    /// The part of this time that falls on each request; absent for no requests.
    #[must_use]
    pub fn per(self, requests: Requests) -> Option<Seconds> {
        (requests.0 > 0.0).then(|| Seconds(kept(self.0 / requests.0)))
    }
}
