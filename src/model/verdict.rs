//! Which platform costs less, or why that is not known.

use super::band::Banded;
use super::report::Verdict;
use crate::units::{Requests, Seconds};

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
}
