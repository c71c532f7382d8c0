//! The traffic pattern of a workload: how its requests are spread over time.
//!
//! Two services with the same number of requests can want different platforms. One that is asked evenly keeps a pod
//! busy; one that is asked in bursts makes the cluster hold pods for the peak, while Lambda is paid by the request.
//! The pattern feeds the [advice](super::advice), never a price.
//!
//! | pattern | what it looks like |
//! |---|---|
//! | steady | nearly the same at all times |
//! | diurnal | follows the day, up and down once in 24 hours |
//! | bursty | most of the time quiet, now and then several times as much |
//! | sporadic | most of the time nothing at all, and no rhythm in it |
//! | timer-like | beats: nearly everything comes at fixed intervals, with nothing between |
//!
//! Only the form counts, not the amount: ten times the requests at all times is the same pattern. The rules are
//! tried in this order: timer-like, sporadic, diurnal, bursty, else steady.
//!
//! The pattern is that of the buckets given. A job that runs each minute is a timer in buckets of seconds and steady in
//! buckets of minutes. The finer, the better: minutes where they are known.

mod series;
mod timer;

use series::Series;

use crate::units::{Ratio, Requests, Seconds};

/// The longest buckets that show a day: 24 of them.
pub const MAX_BUCKET: Seconds = seconds(3_600.0);

/// The least time in which a timer shows. Some beats within minutes may be chance.
pub const MIN_WINDOW: Seconds = seconds(3_600.0);

/// The least time for all other patterns: a day, less an hour that may be missing at its ends. In less, the morning
/// of a diurnal pattern looks like growth and its night like rest.
pub const MIN_DAY: Seconds = seconds(23.0 * 3_600.0);

/// Sporadic: requests in less than this share of the buckets. Then a pod waits more than it works.
const SPORADIC_SHARE: f64 = 0.5;

/// Diurnal: at least this swing up and down, relative to the mean. Less is not worth an autoscaler.
const DIURNAL_SWING: f64 = 0.2;

/// Diurnal, with one day known: at least this share of the ups and downs of hours lies in one wave of 24 hours. Office
/// hours (8 to 10 hours on, the others off) have 0.68 and more, a single burst of an hour 0.08.
const DIURNAL_SHARE_OF_ONE_DAY: f64 = 0.5;

/// Diurnal, with two days or more known: at least this autocorrelation of the hours at a lag of a day, so more of the
/// ups and downs come again than do not.
const DIURNAL_REPEAT: f64 = 0.5;

/// Diurnal, with two days or more known: at least this share in the wave, so that what comes again is a day and not one
/// short peak.
const DIURNAL_SHARE: f64 = 0.25;

/// Bursty: a peak of this many means. Chance alone does not reach it in buckets that are nearly all active: with five
/// requests in the mean, once in some 10,000 days.
const BURSTY_PEAK: f64 = 4.0;

/// Bursty: a standard deviation of this many means. A wave from nothing to twice the mean has 0.71 but is diurnal;
/// chance has 0.45 with five requests in the mean, and less with more.
const BURSTY_SPREAD: f64 = 0.6;

/// Bursty, where it lasts: a smaller peak is enough when neighbouring buckets go up and down together, which chance
/// does not do. Half as much again is a pod more for each two.
const BURSTY_LASTING_PEAK: f64 = 1.5;

/// Bursty, where it lasts: at least this autocorrelation at a lag of one bucket.
const BURSTY_LASTING: f64 = 0.4;

/// How requests are spread over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrafficPattern {
    /// Nearly the same at all times.
    Steady,
    /// Follows the day.
    Diurnal,
    /// Now and then several times as much.
    Bursty,
    /// Most of the time nothing, without a rhythm.
    Sporadic,
    /// At fixed intervals, with nothing between.
    TimerLike,
}

impl TrafficPattern {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Steady,
        Self::Diurnal,
        Self::Bursty,
        Self::Sporadic,
        Self::TimerLike,
    ];

    /// As it stands in a label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Diurnal => "diurnal",
            Self::Bursty => "bursty",
            Self::Sporadic => "sporadic",
            Self::TimerLike => "timer_like",
        }
    }
}

/// A pattern, and what it was recognised by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrafficStatistics {
    /// The pattern.
    pub pattern: TrafficPattern,
    /// The peak over the mean, in buckets of five minutes or more: long enough that nearly all have requests, an
    /// hour at most.
    pub peak_to_mean: Ratio,
    /// The share of the buckets given that have requests.
    pub active_share: Ratio,
    /// The share of the ups and downs of hours that a wave of 24 hours explains; absent where less than a day is
    /// known, or nothing goes up or down.
    pub day_share: Option<Ratio>,
    /// The interval of a timer.
    pub period: Option<Seconds>,
}

/// Tells the traffic pattern from requests in buckets of equal length, one after another, none missing.
///
/// Absent where it cannot be told: no requests at all; buckets longer than [`MAX_BUCKET`]; or less time than
/// [`MIN_DAY`] (for a timer, [`MIN_WINDOW`]).
///
/// Formula, on the mean μ, with buckets joined to longer ones where a rule speaks of hours:
/// - timer-like: see the rules of a beat below;
/// - sporadic: requests in less than half of the buckets (of those in hours that have any, if the pattern is diurnal);
/// - diurnal: a wave of 24 hours, fitted to the hours by least squares, swings by 0.2 μ or more; and it explains
///   half of the variance, or, when two days are known, a quarter while the autocorrelation at a day is at least
///   0.5;
/// - bursty: peak ≥ 4 μ; or standard deviation ≥ 0.6 μ; or peak ≥ 1.5 μ and autocorrelation at one bucket ≥ 0.4; in
///   buckets of at least five minutes, joined until 99 % have requests;
/// - steady: none of these.
///
/// A beat is a bucket with at least a quarter of the peak. It is a timer when beats hold 80 % of the requests,
/// begin at least six times, last for a fifth of their interval at most, and the one predicts the next: the share
/// of beats that are followed by another after the median interval (give or take 5 %, or one bucket) is at least
/// 0.8 of the way from what chance gives to all.
///
/// ```
/// use breakeven_model::traffic_pattern::{TrafficPattern, classify};
/// use breakeven_model::units::{Requests, Seconds};
///
/// // Ten requests in every fifth minute, for two hours: a timer, whatever the day looks like.
/// let ten = Requests::from_requests(10.0)?;
/// let counts: Vec<_> = (0..120).map(|m| if m % 5 == 2 { ten } else { Requests::ZERO }).collect();
/// let shape = classify(Seconds::from_seconds(60.0)?, &counts).unwrap();
/// assert_eq!(shape.pattern, TrafficPattern::TimerLike);
/// assert_eq!(shape.period.unwrap().seconds(), 300.0);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn classify(bucket: Seconds, counts: &[Requests]) -> Option<TrafficStatistics> {
    let given = Series::new(bucket, counts)?;
    if bucket > MAX_BUCKET || given.length() < MIN_WINDOW.seconds() {
        return None;
    }
    let busy = given.merge_until_active();
    let day_known = given.length() >= MIN_DAY.seconds();
    let hours = given.merge_to(MAX_BUCKET.seconds());
    let wave = if day_known { hours.daily_cycle() } else { None };
    let beat = timer::period(&given);
    let pattern = if beat.is_some() {
        TrafficPattern::TimerLike
    } else if day_known {
        without_timer(&given, &hours, &busy, wave)
    } else {
        return None;
    };
    Some(TrafficStatistics {
        pattern,
        peak_to_mean: Ratio::from_factor(busy.peak_to_mean()).ok()?,
        active_share: Ratio::from_factor(given.active_share()).ok()?,
        day_share: wave.and_then(|wave| Ratio::from_factor(wave.share).ok()),
        period: beat.and_then(|period| Seconds::from_seconds(period).ok()),
    })
}

/// The pattern of at least a day that is no timer.
fn without_timer(
    given: &Series,
    hours: &Series,
    busy: &Series,
    wave: Option<series::DailyCycle>,
) -> TrafficPattern {
    let diurnal = wave.is_some_and(|wave| {
        let comes_again = wave
            .repeat
            .map_or(wave.share >= DIURNAL_SHARE_OF_ONE_DAY, |repeat| {
                repeat >= DIURNAL_REPEAT && wave.share >= DIURNAL_SHARE
            });
        wave.swing >= DIURNAL_SWING && comes_again
    });
    let active = if diurnal {
        given.active_share() / hours.active_share()
    } else {
        given.active_share()
    };
    if active < SPORADIC_SHARE {
        TrafficPattern::Sporadic
    } else if diurnal {
        TrafficPattern::Diurnal
    } else if is_bursty(busy) {
        TrafficPattern::Bursty
    } else {
        TrafficPattern::Steady
    }
}

fn is_bursty(busy: &Series) -> bool {
    let peak = busy.peak_to_mean();
    let lasts = || {
        busy.autocorrelation(1)
            .is_some_and(|lasting| lasting >= BURSTY_LASTING)
    };
    peak >= BURSTY_PEAK
        || busy.spread() >= BURSTY_SPREAD
        || (peak >= BURSTY_LASTING_PEAK && lasts())
}

/// A duration that is one by inspection; a constant that is none does not compile.
const fn seconds(value: f64) -> Seconds {
    match Seconds::from_seconds(value) {
        Ok(seconds) => seconds,
        Err(_) => panic!("not a duration"),
    }
}

#[cfg(test)]
mod tests;
