//! Which platform costs less, or why that is not known.

use jiff::Timestamp;

use super::band::Banded;
use super::report::Verdict;
use crate::units::{Requests, Seconds, row};

/// The least time and traffic that a verdict stands on.
const LEAST_COVERED: f64 = 3_600.0;
const LEAST_REQUESTS: f64 = 100.0;

/// Whether enough was seen for a verdict; otherwise the verdict that says what is missing.
///
/// Under an hour or 100 requests: `insufficient_data`. No requests at all in an hour: `no_requests`.
#[must_use]
pub fn insufficient(covered: Seconds, requests: Requests) -> Option<Verdict> {
    if covered.seconds() < LEAST_COVERED {
        Some(Verdict::InsufficientData)
    } else if requests.is_zero() {
        Some(Verdict::NoRequests)
    } else if requests.requests() < LEAST_REQUESTS {
        Some(Verdict::InsufficientData)
    } else {
        None
    }
}

/// The platform that costs less whatever the inputs may be; inconclusive where the bands overlap.
#[must_use]
pub fn compare(kubernetes: &Banded, lambda: &Banded) -> Verdict {
    if kubernetes.high < lambda.low {
        Verdict::Kubernetes
    } else if lambda.high < kubernetes.low {
        Verdict::Lambda
    } else {
        Verdict::Inconclusive
    }
}

/// A verdict that does not flap: it changes only after another one held for a whole decision window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    shown: Verdict,
    rival: Option<(Verdict, Timestamp)>,
}

row!(Settled { shown, rival });

impl Settled {
    /// The first verdict stands at once.
    #[must_use]
    pub const fn new(first: Verdict) -> Self {
        Self {
            shown: first,
            rival: None,
        }
    }

    /// Sets the time since when another verdict holds to an instant, if it is later: the clock was ahead.
    pub fn truncate_after(&mut self, now: Timestamp) {
        self.rival = self.rival.map(|(rival, since)| (rival, since.min(now)));
    }

    /// Takes in the verdict of this instant, and gives the one that stands.
    ///
    /// A verdict between platforms yields to another one after that one held for `window`. That something is missing, or no
    /// longer is, shows at once.
    pub fn consider(&mut self, fresh: Verdict, now: Timestamp, window: Seconds) -> Verdict {
        let held = |since: Timestamp| Seconds::between(since, now) >= window;
        let both_decide = self.shown.decides() && fresh.decides();
        self.rival = match self.rival {
            _ if fresh == self.shown => None,
            Some((rival, since)) if rival == fresh && both_decide && !held(since) => {
                Some((rival, since))
            }
            Some((rival, _)) if rival != fresh && both_decide => Some((fresh, now)),
            None if both_decide => Some((fresh, now)),
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
    use crate::model::fixtures::seconds;
    use crate::units::Usd;

    #[test]
    fn a_verdict_needs_an_hour_and_a_hundred_requests() {
        let after = |time, requests| {
            insufficient(seconds(time), Requests::from_requests(requests).unwrap())
        };
        assert_eq!(after(3_599.0, 1e6), Some(Verdict::InsufficientData));
        assert_eq!(after(3_600.0, 99.0), Some(Verdict::InsufficientData));
        assert_eq!(after(3_600.0, 0.0), Some(Verdict::NoRequests));
        assert_eq!(after(60.0, 0.0), Some(Verdict::InsufficientData));
        assert_eq!(after(3_600.0, 100.0), None);
    }

    #[test]
    fn only_bands_that_do_not_overlap_give_a_verdict() {
        let usd = |value| Usd::from_usd(value).unwrap();
        let band = |low, high| Banded {
            low: usd(low),
            high: usd(high),
            ..Banded::exactly(usd(low))
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
        let mut settled = Settled::new(Verdict::Kubernetes);
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
    fn that_something_is_missing_shows_at_once_and_so_does_the_end_of_it() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut settled = Settled::new(Verdict::InsufficientData);
        let mut shown = |second, fresh| settled.consider(fresh, at(second), seconds(100.0));
        assert_eq!(shown(0, Verdict::Lambda), Verdict::Lambda);
        assert_eq!(shown(1, Verdict::Unpriced), Verdict::Unpriced);
        assert_eq!(shown(2, Verdict::Kubernetes), Verdict::Kubernetes);
    }
}
