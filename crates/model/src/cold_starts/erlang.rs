//! Cold starts that a rate and a duration let expect.

use super::{ColdStarts, Method};
use crate::uncertainty::Range;
use crate::units::{Ratio, RequestsPerSecond, Seconds};

/// The largest mean concurrency (rate times duration) that is looked into. Accounts begin at 1,000 and large ones
/// have tens of thousands.
pub const LARGEST_CONCURRENCY: f64 = 1e6;

/// How much of the sum may be cut off, relative to it.
const CUT_OFF: f64 = 1e-12;

/// How many standard deviations below the mean the sum begins. A Poisson variable is so far down with a probability
/// under `exp(-50)`, which no double can add to anything.
const DEVIATIONS_BELOW: f64 = 10.0;

/// Beyond so much nothing is left of `exp(-x)`.
const NOTHING_LEFT: f64 = 700.0;

/// The share of requests that meet a cold start, when they arrive independently of each other.
///
/// Formula: `Σ_{k>=1} Pois(k-1; a) · exp(-λ · B(k-1, a) · τ)`, with λ the rate, a = λ·d the mean number of requests at
/// once (d the duration), `Pois(n; a)` the chance that n run, τ the keep-alive and B Erlang's loss formula: `B(0) = 1`,
/// `B(n) = a·B(n-1) / (n + a·B(n-1))`. Times λ it is the cold starts in each second.
///
/// In words: a request needs the k-th environment when it finds k-1 others running. The k-th was needed last some
/// time ago, in the mean `1/(λ·B(k-1, a))`; taken as exponential, that time exceeds the keep-alive with the chance
/// in the formula.
///
/// Accuracy: the sum as written is right to a relative 1e-9 for a up to ten thousand. As a picture of Lambda it is
/// within 10 % of the truth for independent arrivals while the keep-alive is 200 durations or more, and within
/// 26 % for any duration that Lambda allows: too low for many requests at once, too high for requests of
/// minutes. Why, and how to do better: [`refined_fraction`]. Bursts are not in it: with half hours of
/// tenfold traffic the truth was between 0.6 and 2.4 times the figure.
///
/// Absent without requests, or for more than [`LARGEST_CONCURRENCY`] at once.
///
/// ```
/// use breakeven_model::cold_starts::expected_fraction;
/// use breakeven_model::units::{RequestsPerSecond, Seconds};
///
/// // One environment, 100 s between requests in the mean, kept for 100 s: exp(-1) of them come later.
/// let rate = RequestsPerSecond::from_per_second(0.01)?;
/// let found = expected_fraction(rate, Seconds::ZERO, Seconds::from_seconds(100.0)?).unwrap();
/// assert!((found.get() - 0.367_879_441).abs() < 1e-9);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn expected_fraction(
    rate: RequestsPerSecond,
    duration: Seconds,
    keep_alive: Seconds,
) -> Option<Ratio> {
    let [share] = fraction(rate, duration, |level| {
        [decay(rate.per_second() * level.loss * keep_alive.seconds())]
    })?;
    Some(share)
}

/// The same share, with the time since the k-th environment was needed described by two moments.
///
/// Formula: `Σ_{k>=1} Pois(k-1; a) · 1/ν_k · exp(-λ · B(k-1, a) · τ / ν_k)`, with ν_k half the second moment of
/// that time over the square of its mean, 1 where it is exponential. With j = k-1 and r = B(j)/B(j-1), `ν_1 = 1`
/// and `ν_k = a/(a+j)·B(j)² + j/(a+j)·(1+r)·B(j) + (1-B(j))·(1 + r·ν_{k-1})`.
///
/// The time is not exponential: having just been needed, the k-th environment is often needed again at once,
/// because nearly as many requests still run; if it is not, it takes the longer. So a part `1 - 1/ν` of the pauses
/// is short, and the others are ν times longer than the mean suggests. This form has the right first two moments.
/// For exponential durations it is within 0.1 % of the exact figure while the keep-alive is 50 durations or more,
/// and within 8 % for any duration that Lambda allows.
///
/// Absent as [`expected_fraction`] is.
///
/// ```
/// use breakeven_model::cold_starts::refined_fraction;
/// use breakeven_model::units::{RequestsPerSecond, Seconds};
///
/// let rate = RequestsPerSecond::from_per_second(0.9)?;
/// let found = refined_fraction(rate, Seconds::from_seconds(1.991)?, Seconds::from_seconds(600.0)?).unwrap();
/// assert!((found.get() - 0.001_329).abs() < 1e-6);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn refined_fraction(
    rate: RequestsPerSecond,
    duration: Seconds,
    keep_alive: Seconds,
) -> Option<Ratio> {
    let [share] = fraction(rate, duration, |level| [level.refined(rate, keep_alive)])?;
    Some(share)
}

/// The shares by [`refined_fraction`] for three lengths of time that an idle environment may be kept, found in one sum.
#[must_use]
pub fn refined_fractions(
    rate: RequestsPerSecond,
    duration: Seconds,
    keep_alive: Range<Seconds>,
) -> Option<Range<Ratio>> {
    let [low, point, high] = fraction(rate, duration, |level| {
        [keep_alive.low, keep_alive.point, keep_alive.high].map(|kept| level.refined(rate, kept))
    })?;
    Some(Range { low, point, high })
}

/// The cold starts that a rate and a duration let expect over a time, by [`refined_fraction`].
///
/// Formula: `λ · fraction · time`. Without requests there are none; absent for more than [`LARGEST_CONCURRENCY`] at
/// once.
#[must_use]
pub fn expected(
    rate: RequestsPerSecond,
    duration: Seconds,
    keep_alive: Seconds,
    over: Seconds,
) -> Option<ColdStarts> {
    let fraction = if rate.is_zero() {
        Ratio::ZERO
    } else {
        refined_fraction(rate, duration, keep_alive)?
    };
    Some(ColdStarts {
        count: rate * over * fraction,
        over,
        method: Method::ClosedForm,
    })
}

/// What is known of the time between two needs of the k-th environment.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// k - 1: how many run when it is needed.
    below: f64,
    /// Erlang's loss formula with so many servers (B).
    loss: f64,
    /// Half the second moment of the time over the square of its mean (ν).
    spread: f64,
}

impl Level {
    /// The chance that it was not needed for the keep-alive, by two moments.
    fn refined(self, rate: RequestsPerSecond, keep_alive: Seconds) -> f64 {
        decay(rate.per_second() * self.loss * keep_alive.seconds() / self.spread) / self.spread
    }

    /// The next environment's.
    fn next(self, concurrency: f64) -> Self {
        let below = self.below + 1.0;
        let loss = concurrency * self.loss / (below + concurrency * self.loss);
        // B(j)/B(j-1), written so that it stays a number when both vanish.
        let shrink = concurrency / (below + concurrency * self.loss);
        let served = below / (concurrency + below);
        let spread = (1.0 - served) * loss * loss
            + served * (1.0 + shrink) * loss
            + (1.0 - loss) * (1.0 + shrink * self.spread);
        Self {
            below,
            loss,
            spread,
        }
    }
}

/// `exp(-x)`.
fn decay(x: f64) -> f64 {
    if x < NOTHING_LEFT { (-x).exp() } else { 0.0 }
}

/// `Σ_{k>=1} Pois(k-1; a) · cold(k)`, for several functions `cold` at once. The weights are those of Poisson up to a
/// factor, which falls out.
fn fraction<const N: usize>(
    rate: RequestsPerSecond,
    duration: Seconds,
    cold: impl Fn(Level) -> [f64; N],
) -> Option<[Ratio; N]> {
    let concurrency = (rate * duration).requests();
    if rate.is_zero() || concurrency > LARGEST_CONCURRENCY {
        return None;
    }
    let mut level = start(concurrency);
    let (mut sums, mut all, mut weight) = ([0.0; N], 0.0, 1.0);
    loop {
        for (sum, share) in sums.iter_mut().zip(cold(level)) {
            *sum += weight * share;
        }
        all += weight;
        let falling = concurrency / (level.below + 1.0);
        weight *= falling;
        level = level.next(concurrency);
        // Beyond the mean the weights fall faster than a geometric series, and no term exceeds its weight.
        if falling < 1.0 {
            let rest = weight / (1.0 - falling);
            let enough = sums.iter().all(|sum| rest <= CUT_OFF * sum);
            if enough || rest < f64::MIN_POSITIVE * all {
                break;
            }
        }
    }
    // Rounding may leave a sum a last digit above the whole.
    let mut shares = [Ratio::ZERO; N];
    for (share, sum) in shares.iter_mut().zip(sums) {
        *share = Ratio::from_factor((sum / all).min(1.0)).ok()?;
    }
    Some(shares)
}

/// Where the sum begins.
///
/// For many requests at once it begins far below the mean instead of at nothing. The level there is an
/// approximation that the recursion forgets on the way to the first weight that counts: it contracts at each step.
fn start(concurrency: f64) -> Level {
    let below = (concurrency - DEVIATIONS_BELOW * concurrency.sqrt()).floor();
    if below <= 0.0 {
        return Level {
            below: 0.0,
            loss: 1.0,
            spread: 1.0,
        };
    }
    Level {
        below,
        loss: 1.0 - below / concurrency,
        spread: 1.0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cold_starts::KEEP_ALIVE;
    use crate::test_util::seconds;

    fn rate(value: f64) -> RequestsPerSecond {
        RequestsPerSecond::from_per_second(value).unwrap()
    }

    fn plain(lambda: f64, duration: f64, keep_alive: f64) -> f64 {
        expected_fraction(rate(lambda), seconds(duration), seconds(keep_alive))
            .unwrap()
            .get()
    }

    fn refined(lambda: f64, duration: f64, keep_alive: f64) -> f64 {
        refined_fraction(rate(lambda), seconds(duration), seconds(keep_alive))
            .unwrap()
            .get()
    }

    fn near(found: f64, expected: f64, relative: f64) {
        assert!(
            (found - expected).abs() <= relative * expected,
            "{found} is not {expected}"
        );
    }

    /// The sum from its first term on, with the weights by `ln Γ`: slow, and plain.
    fn by_definition(lambda: f64, duration: f64, keep_alive: f64) -> f64 {
        let concurrency = lambda * duration;
        let (mut loss, mut log_factorial, mut sum) = (1.0, 0.0, 0.0);
        for below in 0..200_000_u32 {
            let n = f64::from(below);
            if below > 0 {
                loss = concurrency * loss / (n + concurrency * loss);
                log_factorial += n.ln();
            }
            let weight = (n * concurrency.ln() - concurrency - log_factorial).exp();
            sum += weight * (-lambda * loss * keep_alive).exp();
            if n > concurrency && weight < 1e-30 * sum {
                break;
            }
        }
        sum
    }

    #[test]
    fn the_published_examples_come_out() {
        near(plain(0.9, 1.991, 600.0), 0.001_249_28, 1e-5);
        near(plain(0.1, 0.2, 360.0), 0.009_874, 1e-5);
    }

    #[test]
    fn it_is_the_sum_as_written_from_a_millionth_to_ten_thousand_at_once() {
        for concurrency in [1e-6, 1e-3, 0.5, 7.0, 120.0, 899.0, 901.0, 10_000.0] {
            for duration in [0.01, 1.0, 200.0] {
                let lambda = concurrency / duration;
                let expected = by_definition(lambda, duration, 480.0);
                near(plain(lambda, duration, 480.0), expected, 1e-9);
            }
        }
    }

    #[test]
    fn the_refined_form_is_what_the_exact_passage_times_give() {
        // The exact figures come from the matrix exponential of the birth-and-death process, level by level.
        near(refined(0.9, 1.991, 600.0), 0.001_329_31, 0.001);
        near(refined(20.0, 0.5, 480.0), 0.000_125_156, 0.001);
        near(refined(2.0, 5.0, 480.0), 0.001_532_33, 0.001);
        near(refined(0.01, 60.0, 480.0), 0.134_754, 0.02);
        near(refined(0.02, 240.0, 480.0), 0.134_283, 0.08);
    }

    #[test]
    fn extremes_stay_numbers() {
        assert_eq!(plain(1e-300, 900.0, 600.0), 1.0);
        assert_eq!(plain(1.0, 0.0, f64::MAX), 0.0);
        assert!(plain(1e6, 1.0, f64::MAX) < 1e-300);
        assert_eq!(plain(1e6, 1.0, 0.0), 1.0);
        near(refined(1e6, 1e-12, 0.0), 1.0, 1e-9);
    }

    #[test]
    fn without_requests_or_beyond_all_accounts_it_is_absent() {
        let (duration, keep_alive) = (seconds(1.0), seconds(480.0));
        assert_eq!(expected_fraction(rate(0.0), duration, keep_alive), None);
        assert_eq!(expected_fraction(rate(1.1e6), duration, keep_alive), None);
        let none = expected(rate(0.0), duration, keep_alive, seconds(3_600.0)).unwrap();
        assert!(none.count.is_zero());
        assert_eq!(none.method, Method::ClosedForm);
    }

    #[test]
    fn over_a_time_it_is_the_share_of_the_requests_in_it() {
        let hour = seconds(3_600.0);
        let found = expected(rate(0.1), seconds(0.2), seconds(360.0), hour).unwrap();
        near(
            found.count.requests(),
            360.0 * refined(0.1, 0.2, 360.0),
            1e-9,
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn several_at_once_are_those_one_by_one(
            log_rate in -6.0..3.0_f64, log_duration in -3.0..2.95_f64,
        ) {
            let (lambda, duration) = (rate(10_f64.powf(log_rate)), seconds(10_f64.powf(log_duration)));
            let found = refined_fractions(lambda, duration, KEEP_ALIVE).unwrap();
            let alone = KEEP_ALIVE.map(|kept| refined_fraction(lambda, duration, kept)).unwrap();
            for (one, other) in [(found.low, alone.low), (found.point, alone.point), (found.high, alone.high)] {
                prop_assert!((one.get() - other.get()).abs() <= 1e-9 * other.get(), "{:?} {:?}", found, alone);
            }
        }

        #[test]
        fn it_is_a_share_and_falls_with_the_keep_alive(
            log_rate in -6.0..3.0_f64,
            log_duration in -3.0..2.95_f64,
            keep_alive in 1.0..3_600.0_f64,
        ) {
            let (lambda, duration) = (10_f64.powf(log_rate), 10_f64.powf(log_duration));
            for form in [plain, refined] {
                let (shorter, longer) =
                    (form(lambda, duration, keep_alive), form(lambda, duration, keep_alive * 1.1));
                prop_assert!(0.0 <= longer && longer <= shorter && shorter <= 1.0);
            }
        }
    }
}
