//! Which platform costs less, or why that is not known.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::report::{Platform, Verdict};
use super::uncertainty::CostEstimate;
use crate::units::{Requests, Seconds};

/// The least time and traffic that a verdict stands on.
const MIN_COVERED: f64 = 3_600.0;
const MIN_REQUESTS: f64 = 100.0;

/// The least time over which fewer requests than that are counted: three days.
const MIN_RARE_COVERED: f64 = 3.0 * 86_400.0;

/// The part of a decision window that must be seen for it to count as seen in full: the last look at a cluster is some
/// seconds ago, and CloudWatch is some minutes late.
const FULL_WINDOW: f64 = 0.95;

/// How much may be missing of a short decision window for the same reason. The shortest that can be set is an hour.
const MAX_DELAY_SECONDS: f64 = 600.0;

/// Whether enough requests were seen for a verdict; otherwise the verdict that says what is missing.
///
/// Under an hour, or fewer than 100 requests in less than three days: `insufficient_data`. No requests at all in an hour:
/// `no_requests`.
#[must_use]
pub fn insufficient(covered: Seconds, requests: Requests) -> Option<Verdict> {
    if covered.seconds() < MIN_COVERED {
        Some(Verdict::InsufficientData)
    } else if requests.is_zero() {
        Some(Verdict::NoRequests)
    } else if is_rare(requests) && covered.seconds() < MIN_RARE_COVERED {
        Some(Verdict::InsufficientData)
    } else {
        None
    }
}

/// Whether requests are too few for a verdict, unless they were counted over three days.
#[must_use]
pub fn is_rare(requests: Requests) -> bool {
    requests.requests() < MIN_REQUESTS
}

/// Whether rare requests were counted for long enough.
#[must_use]
pub fn covers_rare_requests(covered: Seconds) -> bool {
    covered.seconds() >= MIN_RARE_COVERED
}

/// Whether the cost of a workload was seen for long enough for a verdict: for an hour.
#[must_use]
pub fn is_cost_seen(observed: Seconds) -> bool {
    observed.seconds() >= MIN_COVERED
}

/// The verdict for what cannot move, whatever the costs: it stays where it is.
#[must_use]
pub const fn staying(home: Platform) -> Verdict {
    match home {
        Platform::Kubernetes => Verdict::Kubernetes,
        Platform::Lambda => Verdict::Lambda,
    }
}

/// The platform that costs less whatever the inputs may be; inconclusive where the bands overlap.
#[must_use]
pub fn compare(kubernetes: &CostEstimate, lambda: &CostEstimate) -> Verdict {
    if kubernetes.high < lambda.low {
        Verdict::Kubernetes
    } else if lambda.high < kubernetes.low {
        Verdict::Lambda
    } else {
        Verdict::Inconclusive
    }
}

/// A verdict that does not flap: it changes only after another one held for a whole decision window.
///
/// Until a full decision window has been seen it is provisional, and changes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StableVerdict {
    shown: Verdict,
    #[serde(default)]
    rival: Option<Rival>,
    #[serde(skip, default = "provisional")]
    is_provisional: bool,
}

/// Another verdict, which replaces the one shown when it has held for a whole decision window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Rival {
    verdict: Verdict,
    since: Timestamp,
}

/// After a restart a verdict is stable again if the state file covers the window.
const fn provisional() -> bool {
    true
}

impl StableVerdict {
    /// The first verdict stands at once.
    #[must_use]
    pub const fn new(first: Verdict) -> Self {
        Self {
            shown: first,
            rival: None,
            is_provisional: true,
        }
    }

    /// Sets the time since when another verdict holds to an instant, if it is later: the clock was ahead.
    pub fn truncate_after(&mut self, now: Timestamp) {
        if let Some(rival) = &mut self.rival {
            rival.since = rival.since.min(now);
        }
    }

    /// Whether less than a full decision window has been seen so far.
    #[must_use]
    pub const fn is_provisional(&self) -> bool {
        self.is_provisional
    }

    /// Shows a verdict at once.
    pub const fn show(&mut self, verdict: Verdict) {
        self.shown = verdict;
        self.rival = None;
    }

    /// Notes how much of the decision window has been seen.
    ///
    /// What was seen in full once does not become provisional again while the agent runs. The state file does not contain
    /// this flag: after a restart the verdict is provisional until a full window has been seen, so that a restart during a
    /// gap in observation ends the holding of a verdict.
    pub fn record_seen(&mut self, seen: Seconds, window: Seconds) {
        let window = window.seconds();
        let full = (FULL_WINDOW * window).min(window - MAX_DELAY_SECONDS);
        let is_full = seen.seconds() >= full;
        self.is_provisional &= !is_full;
    }

    /// Takes in the verdict of this instant, and gives the one that stands.
    ///
    /// A verdict between platforms yields to another one after that one held for `window`. That something is missing, or no
    /// longer is, shows at once, and so does any verdict while it is provisional.
    pub fn consider(&mut self, fresh: Verdict, now: Timestamp, window: Seconds) -> Verdict {
        if self.is_provisional {
            self.show(fresh);
            return self.shown;
        }
        let held = |since: Timestamp| Seconds::between(since, now) >= window;
        let both_decide = self.shown.decides() && fresh.decides();
        let begun = Rival {
            verdict: fresh,
            since: now,
        };
        self.rival = match self.rival {
            _ if fresh == self.shown => None,
            Some(rival) if rival.verdict == fresh && both_decide && !held(rival.since) => {
                Some(rival)
            }
            Some(rival) if rival.verdict != fresh && both_decide => Some(begun),
            None if both_decide => Some(begun),
            _ => {
                self.shown = fresh;
                None
            }
        };
        self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::seconds;
    use crate::units::Usd;

    #[test]
    fn a_verdict_needs_an_hour_and_a_hundred_requests() {
        let after = |time, requests| {
            insufficient(seconds(time), Requests::from_requests(requests).unwrap())
        };
        assert_eq!(after(3_599.0, 1e6), Some(Verdict::InsufficientData));
        assert_eq!(after(3_600.0, 99.0), Some(Verdict::InsufficientData));
        assert_eq!(
            after(3.0 * 86_400.0 - 1.0, 99.0),
            Some(Verdict::InsufficientData)
        );
        assert_eq!(after(3.0 * 86_400.0, 1.0), None);
        assert_eq!(after(3.0 * 86_400.0, 0.0), Some(Verdict::NoRequests));
        assert_eq!(after(3_600.0, 0.0), Some(Verdict::NoRequests));
        assert_eq!(after(60.0, 0.0), Some(Verdict::InsufficientData));
        assert_eq!(after(3_600.0, 100.0), None);
    }

    #[test]
    fn only_bands_that_do_not_overlap_give_a_verdict() {
        let usd = |value| Usd::from_usd(value).unwrap();
        let band = |low, high| CostEstimate {
            low: usd(low),
            high: usd(high),
            ..CostEstimate::exactly(usd(low))
        };
        assert_eq!(
            compare(&band(1.0, 2.0), &band(3.0, 4.0)),
            Verdict::Kubernetes
        );
        assert_eq!(compare(&band(3.0, 4.0), &band(1.0, 2.0)), Verdict::Lambda);
        assert_eq!(
            compare(&band(1.0, 3.0), &band(2.0, 4.0)),
            Verdict::Inconclusive
        );
        assert_eq!(
            compare(&band(1.0, 2.0), &band(2.0, 2.0)),
            Verdict::Inconclusive
        );
        assert_eq!(
            compare(&band(0.0, 0.0), &band(0.0, 0.0)),
            Verdict::Inconclusive
        );
    }

    #[test]
    fn a_verdict_changes_after_another_one_held_for_a_whole_window() {
        let window = seconds(100.0);
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut settled = StableVerdict::new(Verdict::Kubernetes);
        settled.record_seen(window, window);
        let mut shown = |second, fresh| settled.consider(fresh, at(second), window);
        assert_eq!(shown(0, Verdict::Lambda), Verdict::Kubernetes);
        assert_eq!(shown(99, Verdict::Lambda), Verdict::Kubernetes);
        // It comes back, so the other one begins anew.
        assert_eq!(shown(100, Verdict::Kubernetes), Verdict::Kubernetes);
        assert_eq!(shown(110, Verdict::Lambda), Verdict::Kubernetes);
        assert_eq!(shown(150, Verdict::Inconclusive), Verdict::Kubernetes);
        assert_eq!(shown(249, Verdict::Inconclusive), Verdict::Kubernetes);
        assert_eq!(shown(250, Verdict::Inconclusive), Verdict::Inconclusive);
    }

    #[test]
    fn a_verdict_is_not_held_before_a_full_window_was_seen() {
        let window = seconds(86_400.0);
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut settled = StableVerdict::new(Verdict::Lambda);
        let mut shown = |seen, fresh| {
            settled.record_seen(seconds(seen), window);
            (
                settled.consider(fresh, at(0), window),
                settled.is_provisional(),
            )
        };
        assert_eq!(shown(3_600.0, Verdict::Lambda), (Verdict::Lambda, true));
        assert_eq!(
            shown(7_200.0, Verdict::Kubernetes),
            (Verdict::Kubernetes, true)
        );
        assert_eq!(
            shown(82_000.0, Verdict::Inconclusive),
            (Verdict::Inconclusive, true)
        );
        // The last look is always a little ago.
        assert_eq!(
            shown(86_370.0, Verdict::Lambda),
            (Verdict::Inconclusive, false)
        );
        // A gap in what is seen does not begin it again.
        assert_eq!(
            shown(40_000.0, Verdict::Lambda),
            (Verdict::Inconclusive, false)
        );
    }

    #[test]
    fn a_short_window_is_full_although_cloudwatch_is_late() {
        let is_provisional = |seen, window| {
            let mut settled = StableVerdict::new(Verdict::Lambda);
            settled.record_seen(seconds(seen), seconds(window));
            settled.is_provisional()
        };
        // Ten minutes late, of an hour and of two.
        assert!(!is_provisional(3_000.0, 3_600.0));
        assert!(is_provisional(2_999.0, 3_600.0));
        assert!(!is_provisional(6_600.0, 7_200.0));
        assert!(is_provisional(6_599.0, 7_200.0));
    }

    #[test]
    fn that_something_is_missing_shows_at_once_and_so_does_the_end_of_it() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut settled = StableVerdict::new(Verdict::InsufficientData);
        settled.record_seen(seconds(100.0), seconds(100.0));
        let mut shown = |second, fresh| settled.consider(fresh, at(second), seconds(100.0));
        assert_eq!(shown(0, Verdict::Lambda), Verdict::Lambda);
        assert_eq!(shown(1, Verdict::Unpriced), Verdict::Unpriced);
        assert_eq!(shown(2, Verdict::Kubernetes), Verdict::Kubernetes);
    }
}
