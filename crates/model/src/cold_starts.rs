//! Cold starts: how often a function has to start a new environment, and what that takes.
//!
//! Lambda runs each request in an *environment* that serves one request at a time. When a request arrives and no
//! idle environment is left, a new one is started and initialised first: a *cold start*. Its initialisation (INIT) is
//! billed like any other time, but CloudWatch's `Duration` does not contain it. An idle environment is kept for some
//! minutes (the *keep-alive*) and then removed.
//!
//! AWS publishes no count of cold starts unless Lambda Insights is switched on. So there are three ways to know it, the
//! best first:
//!
//! 1. **Measured.** Lambda Insights reports `init_duration` once for each cold start: as a share of the invocations that it
//!    measured, their number is its sample count over that of the others.
//! 2. **Ratchet.** CloudWatch knows the most executions that ran at once in each minute. Where that peak rises above
//!    everything of the last minutes, environments must have been started for the difference; where it does not, idle
//!    ones sufficed. See [`cold_starts_from_peaks`].
//! 3. **Closed form.** For a workload that does not run on Lambda yet there is nothing to count. From its rate and
//!    duration a formula gives what would be expected if requests arrived independently of each other. See
//!    [`expected`].
//!
//! All three assume that the environment that was used last is used next. Then the idle ones form a stack: the k-th
//! is needed exactly when k requests run at once, and it has expired exactly when that did not happen for the
//! keep-alive. AWS does not document the order; that idle environments beyond the need of the moment disappear
//! within minutes although traffic goes on is what this order explains, and performance models of Lambda assume much
//! the same, the newest environment first (Mahmoudi and Khazaei, *Performance Modeling of Serverless Computing Platforms*, IEEE Transactions on Cloud
//! Computing, 2020).
//!
//! `tests/accuracy/cold_starts.rs` holds the second and the third way against a simulation of single requests.

mod erlang;
mod from_concurrency;

use std::collections::BTreeMap;

pub use erlang::{
    LARGEST_CONCURRENCY, expected, expected_fraction, refined_fraction, refined_fractions,
};
pub use from_concurrency::{ConcurrencyColdStarts, cold_starts_from_peaks, whole_minutes};

use super::uncertainty::Range;
use crate::inventory::Function;
use crate::units::{GibSeconds, MemoryMib, Ratio, Requests, RequestsPerSecond, Seconds};

/// How long Lambda keeps an idle environment.
///
/// AWS promises nothing. Measured from outside it was exactly 10 minutes in 2019
/// (<https://mikhail.io/2019/08/aws-lambda-cold-starts-after-10-minutes/>) and between 5 and 7 later
/// (<https://mikhail.io/serverless/coldstarts/aws/>), so 6 to 10 minutes, and the middle where one value is needed. The
/// *shorter* it is, the more cold starts there are.
pub const KEEP_ALIVE: Range<Seconds> = Range {
    low: seconds(360.0),
    point: seconds(480.0),
    high: seconds(600.0),
};

/// How long an environment initialises, where nobody measured it.
///
/// AWS says "from under 100 ms to over 1 second" (Lambda operator guide, *Execution environments*). A function that
/// does nothing takes some 0.05 s compiled, 0.1 to 0.2 s on Python or Node.js and more on the JVM
/// (<https://maxday.github.io/lambda-perf/>); what it imports comes on top, and doubles it or worse.
pub const INIT: Range<Seconds> = Range {
    low: seconds(0.05),
    point: seconds(0.3),
    high: seconds(2.0),
};

/// How cold starts came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Counted by Lambda Insights.
    Measured,
    /// From the peaks of concurrency in each minute.
    ConcurrencyColdStarts,
    /// Expected from rate and duration.
    ClosedForm,
}

impl Method {
    /// As it stands in a label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::ConcurrencyColdStarts => "ratchet",
            Self::ClosedForm => "closed_form",
        }
    }
}

/// Cold starts over some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColdStarts {
    /// How many. Not whole where they are expected.
    pub count: Requests,
    /// The time in which they were counted.
    pub over: Seconds,
    /// How they came to be known.
    pub method: Method,
}

impl ColdStarts {
    /// As many as Lambda Insights counted over some time.
    #[must_use]
    pub const fn measured(samples: Requests, over: Seconds) -> Self {
        Self {
            count: samples,
            over,
            method: Method::Measured,
        }
    }

    /// Cold starts in each second; absent for no time.
    #[must_use]
    pub fn rate(&self) -> Option<RequestsPerSecond> {
        self.count.per(self.over)
    }

    /// The share of requests that met one; absent without requests.
    #[must_use]
    pub fn share_of(&self, requests: Requests) -> Option<Ratio> {
        self.count.over(requests)
    }

    /// What INIT adds to the bill, in GiB-seconds.
    ///
    /// Formula: `cold starts · M/1024 · init`, the time over which they were counted as it is.
    ///
    /// ```
    /// use breakeven_model::cold_starts::ColdStarts;
    /// use breakeven_model::units::{MemoryMib, Requests, Seconds};
    ///
    /// let hour = Seconds::from_seconds(3_600.0)?;
    /// let cold = ColdStarts::measured(Requests::from_requests(100.0)?, hour);
    /// let init = cold.init(MemoryMib::from_mib(512).unwrap(), Seconds::from_seconds(0.3)?);
    /// assert_eq!(init.gib_seconds(), 15.0);
    /// # Ok::<(), breakeven_model::units::QuantityError>(())
    /// ```
    #[must_use]
    pub fn init(&self, memory: MemoryMib, init: Seconds) -> GibSeconds {
        memory.gib() * self.count.total_time(init)
    }
}

/// How long environments initialise, by runtime.
#[derive(Clone, Debug, PartialEq)]
pub struct InitTimes {
    /// Of runtimes that are not named below.
    pub otherwise: Range<Seconds>,
    /// By the beginning of the runtime's identifier: `python` is any Python, `python3.13` that one. The longest wins.
    pub by_runtime: BTreeMap<String, Seconds>,
}

impl Default for InitTimes {
    fn default() -> Self {
        Self {
            otherwise: INIT,
            by_runtime: BTreeMap::new(),
        }
    }
}

impl InitTimes {
    /// The time of a function: as Lambda Insights measured it, in the mean; else that of its runtime.
    #[must_use]
    pub fn of_function(&self, function: &Function) -> Range<Seconds> {
        let measured = function.insights.and_then(|insights| insights.init_each());
        measured.map_or_else(
            || self.for_runtime(function.runtime.as_deref()),
            Range::exactly,
        )
    }

    /// The time of a runtime. One that was configured is taken as exact; container images have no runtime.
    ///
    /// ```
    /// use breakeven_model::cold_starts::InitTimes;
    /// use breakeven_model::units::Seconds;
    ///
    /// let mut times = InitTimes::default();
    /// times.by_runtime.insert("java".to_owned(), Seconds::from_seconds(1.2)?);
    /// assert_eq!(times.for_runtime(Some("java21")).high.seconds(), 1.2);
    /// assert_eq!(times.for_runtime(Some("python3.13")).point.seconds(), 0.3);
    /// # Ok::<(), breakeven_model::units::QuantityError>(())
    /// ```
    #[must_use]
    pub fn for_runtime(&self, runtime: Option<&str>) -> Range<Seconds> {
        let named = self
            .by_runtime
            .iter()
            .filter(|(name, _)| runtime.is_some_and(|runtime| runtime.starts_with(name.as_str())))
            .max_by_key(|(name, _)| name.len());
        named.map_or(self.otherwise, |(_, time)| Range::exactly(*time))
    }
}

/// A duration that is one by inspection; a constant that is none does not compile.
const fn seconds(value: f64) -> Seconds {
    match Seconds::from_seconds(value) {
        Ok(seconds) => seconds,
        Err(_) => panic!("not a duration"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(count: f64) -> Requests {
        Requests::from_requests(count).unwrap()
    }

    #[test]
    fn measured_cold_starts_have_a_rate_and_a_share() {
        let cold = ColdStarts::measured(requests(36.0), seconds(3_600.0));
        assert_eq!(cold.rate().unwrap().per_second(), 0.01);
        assert_eq!(cold.share_of(requests(360.0)).unwrap().get(), 0.1);
        assert_eq!(cold.share_of(Requests::ZERO), None);
        let nothing = ColdStarts::measured(Requests::ZERO, Seconds::ZERO);
        assert_eq!(nothing.rate(), None);
    }

    #[test]
    fn the_most_exact_name_of_a_runtime_wins_and_an_image_has_none() {
        let mut times = InitTimes::default();
        times.by_runtime.insert("python".to_owned(), seconds(0.2));
        times
            .by_runtime
            .insert("python3.13".to_owned(), seconds(0.1));
        assert_eq!(
            times.for_runtime(Some("python3.13")),
            Range::exactly(seconds(0.1))
        );
        assert_eq!(
            times.for_runtime(Some("python3.12")),
            Range::exactly(seconds(0.2))
        );
        assert_eq!(times.for_runtime(Some("nodejs22.x")), INIT);
        assert_eq!(times.for_runtime(None), INIT);
    }
}
