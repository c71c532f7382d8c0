//! What a month costs that is like the last four weeks.
//!
//! The decision window says what holds now, by which a verdict is given: a day, as a rule. A month has weekends. So what a
//! workload cost and served is kept by day as well, and projected from as many days as were seen, up to [`DAYS`]: four whole
//! weeks, in which each day of the week counts alike.

use derive_more::{Add, AddAssign, Mul};
use serde::{Deserialize, Serialize};

use crate::units::{
    CoreSeconds, Cores, Gib, GibSeconds, Hours, Ratio, Requests, Seconds, Usd, numbers,
};

/// How many days are kept, today with them.
pub const DAYS: i64 = 28;

/// How much must have been seen before a month is projected from it: a day.
const LEAST: Seconds = match Seconds::from_seconds(86_400.0) {
    Ok(day) => day,
    Err(_) => Seconds::ZERO,
};

numbers! {
    /// Cost, usage and requests of a workload: the sums of a day (UTC), or of several.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Add, AddAssign, Mul, Serialize, Deserialize)]
    #[serde(default)]
    pub struct DailyTotals {
        /// The time with a known cost; the costs below are of this time.
        pub observed: Seconds,
        /// Allocated cost.
        pub allocated: Usd,
        /// Its share of idle cost.
        pub idle: Usd,
        /// Its share of the cost of shared workloads.
        pub shared: Usd,
        /// Its share of fixed cost.
        pub fixed: Usd,
        /// The time with a known usage; cores and memory are of this time.
        pub usage_observed: Seconds,
        /// Processors that it used.
        pub cores: CoreSeconds,
        /// Memory that it used.
        pub memory: GibSeconds,
        /// Requests that it served.
        pub requests: Requests,
        /// The sum of their latencies, of those that were measured.
        pub latency: Seconds,
        /// How many were measured.
        pub measured: Requests,
        /// The time with requests, at the resolution of the steps: see [`active_time`].
        pub active: Seconds,
    }
}

impl DailyTotals {
    /// A part of its cost and usage, and all of its requests.
    #[must_use]
    pub fn with_cost_of(self, seen: Ratio) -> Self {
        Self {
            requests: self.requests,
            latency: self.latency,
            measured: self.measured,
            active: self.active,
            ..self * seen
        }
    }

    /// Its cost and usage, without its requests.
    #[must_use]
    pub fn without_requests(self) -> Self {
        Self {
            requests: Requests::ZERO,
            latency: Seconds::ZERO,
            measured: Requests::ZERO,
            active: Seconds::ZERO,
            ..self
        }
    }
}

/// The last days of a workload.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Month {
    /// The sums of these days.
    pub totals: DailyTotals,
    /// The time over which its requests were counted.
    pub covered: Seconds,
}

/// What a month like these days would be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Projection {
    /// Allocated cost.
    pub allocated: Usd,
    /// Its share of idle cost.
    pub idle: Usd,
    /// Its share of the cost of shared workloads.
    pub shared: Usd,
    /// Its share of fixed cost.
    pub fixed: Usd,
}

impl Projection {
    /// All of it.
    #[must_use]
    pub fn loaded(&self) -> Usd {
        self.allocated + self.idle + self.shared + self.fixed
    }
}

impl Month {
    /// The cost of a month. Absent until a day was seen.
    ///
    /// Formula: sum / time seen · hours of a month, for each component.
    #[must_use]
    pub fn cost(&self, hours: Hours) -> Option<Projection> {
        let times = self.times(self.totals.observed, hours)?;
        Some(Projection {
            allocated: self.totals.allocated * times,
            idle: self.totals.idle * times,
            shared: self.totals.shared * times,
            fixed: self.totals.fixed * times,
        })
    }

    /// The requests of a month. Absent until a day was counted.
    ///
    /// Formula: sum / time counted · hours of a month.
    #[must_use]
    pub fn requests(&self, hours: Hours) -> Option<Requests> {
        Some(self.totals.requests * self.times(self.covered, hours)?)
    }

    /// The part of the time in which it served any request. Absent until a day was counted.
    #[must_use]
    pub fn active_ratio(&self) -> Option<Ratio> {
        let active = self.totals.active.over(self.covered);
        active.filter(|_| self.covered >= LEAST)
    }

    /// The mean latency, where any was measured.
    #[must_use]
    pub fn mean_latency(&self) -> Option<Seconds> {
        self.totals.latency.per(self.totals.measured)
    }

    /// The processors and the memory that it used in the mean; absent until a day of its use was seen.
    #[must_use]
    pub fn mean_use(&self) -> Option<(Cores, Gib)> {
        let is_enough = self.totals.usage_observed >= LEAST;
        let cores = self
            .totals
            .cores
            .mean_over(self.totals.usage_observed)
            .filter(|_| is_enough)?;
        Some((
            cores,
            self.totals.memory.mean_over(self.totals.usage_observed)?,
        ))
    }

    fn times(&self, seen: Seconds, hours: Hours) -> Option<Ratio> {
        let month = Seconds::from(hours);
        month.over(seen).filter(|_| seen >= LEAST)
    }
}

/// The time of a step in which requests were served: all of it, but no more than a minute for each request.
#[must_use]
pub fn active_time(requests: Requests, length: Seconds) -> Seconds {
    const MINUTE: Seconds = match Seconds::from_seconds(60.0) {
        Ok(minute) => minute,
        Err(_) => Seconds::ZERO,
    };
    requests.total_time(MINUTE).min(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::seconds;
    use crate::units::HOURS_PER_MONTH;

    fn requests(count: f64) -> Requests {
        Requests::from_requests(count).unwrap()
    }

    #[test]
    fn a_month_is_projected_from_the_time_that_was_seen_of_each() {
        let usd = |value| Usd::from_usd(value).unwrap();
        let month = Month {
            totals: DailyTotals {
                observed: seconds(10.0 * 86_400.0),
                allocated: usd(10.0),
                idle: usd(5.0),
                shared: usd(2.0),
                fixed: usd(1.0),
                requests: requests(1_000.0),
                active: seconds(86_400.0),
                ..DailyTotals::default()
            },
            covered: seconds(5.0 * 86_400.0),
        };
        let cost = month.cost(HOURS_PER_MONTH).unwrap();
        // 730 hours are 3.041666 times ten days.
        assert!((cost.loaded().usd() - 54.75).abs() < 1e-9);
        assert!((cost.idle.usd() - 15.208_333_333).abs() < 1e-6);
        let served = month.requests(HOURS_PER_MONTH).unwrap();
        assert!((served.requests() - 6_083.333_333).abs() < 1e-3);
        assert!((month.active_ratio().unwrap().get() - 0.2).abs() < 1e-12);
        assert_eq!(month.mean_latency(), None);
        assert_eq!(month.mean_use(), None);
    }

    #[test]
    fn less_than_a_day_is_no_month() {
        let almost = Month {
            totals: DailyTotals {
                observed: seconds(86_399.0),
                ..DailyTotals::default()
            },
            covered: seconds(86_399.0),
        };
        assert_eq!(almost.cost(HOURS_PER_MONTH), None);
        assert_eq!(almost.requests(HOURS_PER_MONTH), None);
        assert_eq!(almost.active_ratio(), None);
    }

    #[test]
    fn a_request_makes_no_more_than_a_minute_active() {
        let active = |count, length| active_time(requests(count), seconds(length)).seconds();
        assert_eq!(active(0.0, 300.0), 0.0);
        assert_eq!(active(2.0, 300.0), 120.0);
        assert_eq!(active(900.0, 300.0), 300.0);
        assert_eq!(active(7.0, 30.0), 30.0);
    }
}
