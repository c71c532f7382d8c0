//! Which platform costs less, or why that is not known.

use super::report::Verdict;
use crate::units::{Ratio, Requests, Seconds, Usd};

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

/// The cheaper platform, where they differ by more than `margin` of the dearer one.
#[must_use]
pub fn compare(kubernetes: Usd, lambda: Usd, margin: Ratio) -> Verdict {
    let dearer = kubernetes.max(lambda);
    let difference = dearer.less(kubernetes.min(lambda));
    if difference <= dearer * margin {
        Verdict::Inconclusive
    } else if kubernetes < lambda {
        Verdict::Kubernetes
    } else {
        Verdict::Lambda
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::{ratio, seconds};

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
    fn costs_that_hardly_differ_are_inconclusive() {
        let usd = |value| Usd::from_usd(value).unwrap();
        let verdict = |kubernetes, lambda| compare(usd(kubernetes), usd(lambda), ratio(0.05));
        assert_eq!(verdict(100.0, 104.0), Verdict::Inconclusive);
        assert_eq!(verdict(100.0, 106.0), Verdict::Kubernetes);
        assert_eq!(verdict(106.0, 100.0), Verdict::Lambda);
        assert_eq!(verdict(0.0, 0.0), Verdict::Inconclusive);
    }
}
