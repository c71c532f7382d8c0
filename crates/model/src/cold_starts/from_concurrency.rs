//! Cold starts from the peaks of concurrency in each minute.

use std::collections::VecDeque;
use std::iter::Sum;
use std::ops::RangeInclusive;

use super::{ColdStarts, Method};
use crate::units::{Requests, Seconds};

/// The seconds of a minute.
const MINUTE: f64 = 60.0;

/// What the ratchet counted in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConcurrencyColdStarts {
    /// Cold starts in minutes whose whole keep-alive before them is known.
    pub sure: u64,
    /// The number of those minutes.
    pub sure_minutes: u64,
    /// The most that there may have been in the first minutes of the window: environments may have been idle
    /// from before it, and then there were fewer.
    pub unsure: u64,
    /// The number of those first minutes.
    pub unsure_minutes: u64,
}

impl ConcurrencyColdStarts {
    /// All of them, as if nothing had run before the window: an upper bound.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.sure.saturating_add(self.unsure)
    }

    /// The cold starts that are sure.
    #[must_use]
    pub fn certain_cold_starts(&self) -> Requests {
        Requests::from_requests(plain(self.sure)).unwrap_or_default()
    }

    /// The cold starts that are sure, over the minutes for which they are; absent where there is no such minute.
    #[must_use]
    pub fn cold_starts(&self) -> Option<ColdStarts> {
        if self.sure_minutes == 0 {
            return None;
        }
        Some(ColdStarts {
            count: self.certain_cold_starts(),
            over: Seconds::from_seconds(plain(self.sure_minutes) * MINUTE).ok()?,
            method: Method::ConcurrencyColdStarts,
        })
    }
}

/// Of windows that do not touch.
impl Sum for ConcurrencyColdStarts {
    fn sum<I: Iterator<Item = Self>>(windows: I) -> Self {
        windows.fold(Self::default(), |sum, one| Self {
            sure: sum.sure.saturating_add(one.sure),
            sure_minutes: sum.sure_minutes + one.sure_minutes,
            unsure: sum.unsure.saturating_add(one.unsure),
            unsure_minutes: sum.unsure_minutes + one.unsure_minutes,
        })
    }
}

/// Counts the cold starts that the peaks of concurrency betray.
///
/// Formula: `Σ_m max(0, c_m - max(c_{m-w} .. c_{m-1}))`, with c_m the most executions at once in minute m and w the
/// keep-alive in whole minutes (rounded, at least one). A minute that is not given counts as 0, and so do all
/// before the window.
///
/// `peaks` are the minutes with executions, in order of time; `known` is the window, from its first to its last
/// minute: what is given outside it is passed over, and what is missing inside it did not run. For each of the
/// first w minutes a part of the keep-alive before them lies outside the window. Their cold starts are counted
/// apart as `unsure`. To be sure of a whole day, begin the window one keep-alive before it.
///
/// Accuracy: peaks are of whole minutes, so an environment is taken to live half a minute longer than the
/// keep-alive in the mean; against a simulation the count is between 9 % low and 3 % high for requests of up to a
/// minute, in bursts too. A request that is longer than the keep-alive hides that its environment still runs,
/// because Lambda reports the minute in which it began: for requests of fifteen minutes the count may be twice the
/// truth.
///
/// ```
/// use breakeven_model::cold_starts::cold_starts_from_peaks;
/// use breakeven_model::units::Seconds;
///
/// // 0 1 0 0 0 0 0 0 2 1 3: one environment for the first, two after seven idle minutes, and a third at the end.
/// let peaks = [(1, 1), (8, 2), (9, 1), (10, 3)];
/// let found = cold_starts_from_peaks(peaks, 0..=10, Seconds::from_seconds(360.0)?);
/// assert_eq!(found.total(), 4);
/// // The first of them lies within 6 minutes of the start: it may have met an environment from before.
/// assert_eq!((found.sure, found.unsure), (3, 1));
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn cold_starts_from_peaks(
    peaks: impl IntoIterator<Item = (i64, u32)>,
    known: RangeInclusive<i64>,
    keep_alive: Seconds,
) -> ConcurrencyColdStarts {
    let (first, last) = (*known.start(), *known.end());
    let kept = whole_minutes(keep_alive);
    let first_sure = first.saturating_add(kept);
    let minutes = minutes_between(first, last.saturating_add(1));
    let sure_minutes = minutes_between(first_sure, last.saturating_add(1));
    let mut found = ConcurrencyColdStarts {
        sure_minutes,
        unsure_minutes: minutes - sure_minutes,
        ..ConcurrencyColdStarts::default()
    };
    // The peaks of the last minutes that no later one exceeds: the front is the highest, the back the newest.
    let mut before: VecDeque<(i64, u32)> = VecDeque::new();
    for (minute, peak) in peaks {
        if minute < first || last < minute {
            continue;
        }
        while before
            .front()
            .is_some_and(|(oldest, _)| *oldest < minute.saturating_sub(kept))
        {
            before.pop_front();
        }
        let warm = before.front().map_or(0, |(_, highest)| *highest);
        let started = u64::from(peak.saturating_sub(warm));
        if minute < first_sure {
            found.unsure = found.unsure.saturating_add(started);
        } else {
            found.sure = found.sure.saturating_add(started);
        }
        while before.back().is_some_and(|(_, lower)| *lower <= peak) {
            before.pop_back();
        }
        before.push_back((minute, peak));
    }
    found
}

/// The keep-alive in whole minutes, at least one.
#[must_use]
pub fn whole_minutes(keep_alive: Seconds) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast from a float saturates"
    )]
    let minutes = (keep_alive.seconds() / MINUTE).round() as i64;
    minutes.max(1)
}

/// The number of minutes from one to another, none where it is not later.
fn minutes_between(from: i64, to: i64) -> u64 {
    if from < to { from.abs_diff(to) } else { 0 }
}

/// A count as a number for arithmetic.
fn plain(count: u64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts are far below the precision"
    )]
    let plain = count as f64;
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_util::seconds;

    /// By definition: every minute against each of the minutes before it.
    fn by_definition(dense: &[u32], kept: usize) -> (u64, u64) {
        let (mut sure, mut unsure) = (0, 0);
        for (minute, peak) in dense.iter().enumerate() {
            let before = &dense[minute.saturating_sub(kept)..minute];
            let warm = before.iter().copied().max().unwrap_or(0);
            let started = u64::from(peak.saturating_sub(warm));
            if minute < kept {
                unsure += started;
            } else {
                sure += started;
            }
        }
        (sure, unsure)
    }

    fn sparse(dense: &[u32], start: i64) -> Vec<(i64, u32)> {
        let minutes = (start..).zip(dense.iter().copied());
        minutes.filter(|(_, peak)| *peak > 0).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn it_counts_what_the_definition_counts(
            dense in prop::collection::vec(prop_oneof![2 => Just(0_u32), 1 => 0..6_u32], 1..120),
            kept in 1..12_usize,
            start in -1_000..1_000_i64,
        ) {
            let last = start + i64::try_from(dense.len()).unwrap() - 1;
            let keep_alive = seconds(60.0 * f64::from(u32::try_from(kept).unwrap()));
            let found = cold_starts_from_peaks(sparse(&dense, start), start..=last, keep_alive);
            prop_assert_eq!((found.sure, found.unsure), by_definition(&dense, kept));
            let minutes = found.sure_minutes + found.unsure_minutes;
            prop_assert_eq!(minutes, u64::try_from(dense.len()).unwrap());
        }

        #[test]
        fn a_longer_keep_alive_never_means_more_cold_starts(
            dense in prop::collection::vec(0..6_u32, 1..120),
            kept in 1..12_u32,
        ) {
            let last = i64::try_from(dense.len()).unwrap() - 1;
            let total = |minutes: u32| {
                let keep_alive = seconds(60.0 * f64::from(minutes));
                cold_starts_from_peaks(sparse(&dense, 0), 0..=last, keep_alive).total()
            };
            prop_assert!(total(kept + 1) <= total(kept));
        }
    }

    #[test]
    fn a_lead_in_makes_every_minute_of_the_day_sure() {
        // The environment of minute 5 is still there in minute 10, and gone in minute 17.
        let found = cold_starts_from_peaks([(5, 1), (10, 1), (17, 1)], 4..=20, seconds(360.0));
        assert_eq!((found.sure, found.unsure), (1, 1));
        assert_eq!((found.sure_minutes, found.unsure_minutes), (11, 6));
        let cold = found.cold_starts().unwrap();
        assert_eq!((cold.count.requests(), cold.over.seconds()), (1.0, 660.0));
        assert_eq!(cold.method, Method::ConcurrencyColdStarts);
    }

    #[test]
    fn a_window_shorter_than_the_keep_alive_is_sure_of_nothing() {
        let found = cold_starts_from_peaks([(0, 2), (3, 5)], 0..=5, seconds(360.0));
        assert_eq!((found.total(), found.cold_starts()), (5, None));
    }

    #[test]
    fn a_window_without_executions_has_no_cold_start_and_is_sure_of_it() {
        let found = cold_starts_from_peaks([], 0..=59, seconds(600.0));
        assert_eq!(found.cold_starts().unwrap().count, Requests::ZERO);
    }

    #[test]
    fn minutes_outside_the_window_are_passed_over() {
        let found = cold_starts_from_peaks([(-1, 9), (0, 1), (30, 9)], 0..=29, seconds(60.0));
        assert_eq!(found.total(), 1);
        #[expect(clippy::reversed_empty_ranges, reason = "nothing is known")]
        let nothing = cold_starts_from_peaks([(0, 1)], 1..=0, seconds(60.0));
        assert_eq!(nothing, ConcurrencyColdStarts::default());
    }

    #[test]
    fn a_timer_meets_a_cold_start_each_time_once_its_pause_exceeds_the_keep_alive() {
        let every = |minutes: i64| {
            let peaks = (0..240 / minutes).map(move |beat| (beat * minutes, 1));
            cold_starts_from_peaks(peaks, 0..=239, seconds(480.0))
        };
        assert_eq!(every(15).total(), 16);
        assert_eq!(every(5).total(), 1);
    }
}
