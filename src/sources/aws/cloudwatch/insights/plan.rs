//! How often Lambda Insights is read.

use std::time::Duration;

use super::convert::{METRICS, QUERIES};
use crate::sources::aws::cloudwatch::poll_schedule::{Forecast, MetricPoll, count, month};

/// The part of the budget that it may take.
const SHARE: f64 = 0.1;

/// The shortest time from one reading of a function to the next: what is measured hardly changes from hour to hour.
const SHORTEST: Duration = Duration::from_secs(3_600);

/// How often Lambda Insights is read, and what that takes in a month.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InsightsPlan {
    functions: usize,
    interval: Duration,
    expected: Forecast,
}

impl Default for InsightsPlan {
    /// Where no function has it.
    fn default() -> Self {
        Self::new(0, 0, 0.0)
    }
}

impl InsightsPlan {
    /// The plan for so many functions, found on so many pages, where so many metrics may be asked for in a month.
    ///
    /// Formula: each function once an hour; less often where that would take more than a tenth of the metrics, so that it takes a
    /// tenth. The pages are listed once an hour.
    pub(in crate::sources::aws::cloudwatch) fn new(
        functions: usize,
        pages: usize,
        metrics: f64,
    ) -> Self {
        let reading = MetricPoll {
            all_every: 1,
            statistics: count(QUERIES),
            metrics: count(METRICS),
        };
        let once = count(functions) * reading.statistics;
        let interval = once / (metrics * SHARE) * month().as_secs_f64();
        let interval = Duration::try_from_secs_f64(interval)
            .unwrap_or(SHORTEST)
            .max(SHORTEST);
        let readings = count(functions) * month().as_secs_f64() / interval.as_secs_f64();
        let lists = count(pages) * month().as_secs_f64() / SHORTEST.as_secs_f64();
        let list = MetricPoll {
            all_every: 1,
            statistics: 1.0,
            metrics: 1.0,
        };
        Self {
            functions,
            interval,
            expected: Forecast::from_polls(readings, reading) + Forecast::from_polls(lists, list),
        }
    }

    /// How many functions have it.
    #[must_use]
    pub const fn functions(&self) -> usize {
        self.functions
    }

    /// From one reading of each to the next.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// What that takes. A page of the list costs as much as a metric.
    #[must_use]
    pub const fn expected(&self) -> Forecast {
        self.expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_is_read_once_an_hour_as_long_as_that_is_a_tenth_of_the_budget_at_most() {
        // 10 USD are a million metrics a month.
        let plan = |functions| InsightsPlan::new(functions, 1, 1e6);
        let hours = |functions| plan(functions).interval().as_secs_f64() / 3_600.0;
        let usd = |functions| plan(functions).expected().cost().usd();
        assert_eq!(hours(0), 1.0);
        assert!((usd(0) - 0.007_3).abs() < 1e-9, "the list alone");
        assert_eq!(hours(20), 1.0);
        assert!((usd(20) - 0.007_3 - 0.73).abs() < 1e-9);
        // 1,000 functions x 5 statistics x 730 h would be 36.50 USD.
        assert!((hours(1_000) - 36.5).abs() < 1e-9);
        assert!((usd(1_000) - 0.007_3 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn where_nothing_is_listed_nothing_is_spent() {
        assert_eq!(InsightsPlan::default().expected().cost().usd(), 0.0);
    }
}
