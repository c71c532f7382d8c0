//! What Lambda Insights measured of functions, where it is switched on.

use jiff::Timestamp;

use super::FunctionId;
use crate::units::{CoreSeconds, Gib, Ratio, Requests, Seconds, Window};

/// So many invocations have to be measured for the share of them that met a cold start to be taken.
const MIN_INVOCATIONS: Requests = match Requests::from_requests(100.0) {
    Ok(least) => least,
    Err(_) => Requests::ZERO,
};

/// What Lambda Insights measured of one function in a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Insights {
    /// The time that it is of.
    pub window: Window,
    /// When it was read.
    pub read_at: Timestamp,
    /// The invocations that were measured.
    pub invocations: Requests,
    /// The processor time that they took.
    pub cpu: CoreSeconds,
    /// The environments that were initialised.
    pub initialised: Requests,
    /// How long that took, together.
    pub init: Seconds,
    /// The most memory that an environment used; absent where that is not known.
    pub memory_peak: Option<Gib>,
}

impl Insights {
    /// The processor time of an invocation; absent without any.
    #[must_use]
    pub fn cpu_each(&self) -> Option<Seconds> {
        self.cpu.per(self.invocations)
    }

    /// How long an environment initialised in the mean; absent where none did.
    #[must_use]
    pub fn init_each(&self) -> Option<Seconds> {
        self.init.per(self.initialised)
    }

    /// The share of the invocations for which an environment was initialised; absent of fewer than 100.
    ///
    /// Formula: `initialised / invocations`, at most 1.
    #[must_use]
    pub fn cold_share(&self) -> Option<Ratio> {
        let share = self.initialised.over(self.invocations)?;
        (self.invocations >= MIN_INVOCATIONS).then(|| share.min(Ratio::ONE))
    }
}

/// What was read of functions: of each what was measured, or that nothing is any more.
#[derive(Clone, Debug, PartialEq)]
pub struct InsightsRead {
    /// The functions.
    pub functions: Vec<(FunctionId, Option<Insights>)>,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn insights(invocations: f64, initialised: f64) -> Insights {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let window = Window::closed_before(now, Duration::from_secs(300), Duration::ZERO).unwrap();
        Insights {
            window,
            read_at: now,
            invocations: Requests::from_requests(invocations).unwrap(),
            cpu: CoreSeconds::from_core_seconds(20.0).unwrap(),
            initialised: Requests::from_requests(initialised).unwrap(),
            init: Seconds::from_seconds(3.0).unwrap(),
            memory_peak: None,
        }
    }

    #[test]
    fn means_are_over_what_was_measured_and_absent_where_nothing_was() {
        let known = insights(400.0, 10.0);
        assert_eq!(known.cpu_each().unwrap().millis(), 50.0);
        assert_eq!(known.init_each().unwrap().millis(), 300.0);
        assert_eq!(known.cold_share().unwrap().get(), 0.025);
        let none = insights(0.0, 0.0);
        assert_eq!((none.cpu_each(), none.init_each()), (None, None));
        assert_eq!(none.cold_share(), None);
    }

    #[test]
    fn a_share_of_few_invocations_is_not_taken_and_none_is_above_one() {
        assert_eq!(insights(99.0, 1.0).cold_share(), None);
        assert_eq!(insights(100.0, 0.0).cold_share(), Some(Ratio::ZERO));
        // Of environments that were initialised and then not needed.
        assert_eq!(insights(100.0, 130.0).cold_share(), Some(Ratio::ONE));
    }
}
