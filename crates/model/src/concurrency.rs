//! How many requests a function works on at once, minute by minute.

use std::collections::VecDeque;

use crate::units::Ratio;

/// How many minutes an autoscaler holds a peak before it removes pods, as the HPA's default does.
const HELD_MINUTES: i64 = 5;

/// From so many pods on rounding up is taken to add half of one: its mean over levels that differ.
const MANY: f64 = 50.0;

/// How much above a whole number still counts as that number: a level of seven digits misses it by the last of them.
const ROUNDING: f64 = 1e-6;

/// The mean concurrency of one minute, by Little's law: time spent / time passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MinuteConcurrency {
    /// Minutes since 1970.
    pub minute: i64,
    /// Requests in work at once.
    pub concurrency: Ratio,
}

/// Concurrency over the minutes of a window.
///
/// An autoscaler holds a peak for five minutes, so pods follow the *held* concurrency: the highest of a minute and the four
/// before it. For how many minutes each level is held is all that sizing needs; it is made once for a window, and asked often.
/// An estate has millions of levels, so they are kept small: seven digits, and minutes of up to 45 days.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Concurrency {
    /// All minutes of the window.
    minutes: u32,
    /// The concurrency of all minutes added up.
    total: Ratio,
    /// The levels that are held, from the highest down. In the other minutes nothing is.
    levels: Box<[f32]>,
    /// How many minutes each level and all higher ones are held.
    held: Box<[u16]>,
    /// What each level and all higher ones add up to, minute by minute.
    sums: Box<[f32]>,
}

impl Concurrency {
    /// Of a window of so many minutes up to and including `last`. `active` are the minutes with requests, in order.
    ///
    /// ```
    /// use breakeven_model::concurrency::{Concurrency, MinuteConcurrency};
    /// use breakeven_model::units::Ratio;
    ///
    /// // Six at once in the first of eight minutes: held for five of them.
    /// let six = Ratio::from_factor(6.0)?;
    /// let seen = Concurrency::over([MinuteConcurrency { minute: 0, concurrency: six }], 7, 8);
    /// assert_eq!((seen.peak(), seen.mean().unwrap().get()), (six, 0.75));
    /// // Each pod works on two, and there is at least one.
    /// let pods = seen.mean_replicas(Ratio::from_factor(0.5)?, Ratio::ONE).unwrap();
    /// assert_eq!(pods.get(), (5.0 * 3.0 + 3.0 * 1.0) / 8.0);
    /// # Ok::<(), breakeven_model::units::QuantityError>(())
    /// ```
    #[must_use]
    pub fn over(
        active: impl IntoIterator<Item = MinuteConcurrency>,
        last: i64,
        minutes: u32,
    ) -> Self {
        let first = last - i64::from(minutes) + 1;
        let mut active = active
            .into_iter()
            .filter(|one| first <= one.minute && one.minute <= last)
            .peekable();
        let mut total = Ratio::ZERO;
        let mut levels: Vec<f32> = Vec::new();
        // The peaks still held, falling: the front is the highest, the back the newest.
        let mut held: VecDeque<MinuteConcurrency> = VecDeque::new();
        let mut minute = first;
        while minute <= last {
            if let Some(now) = active.next_if(|next| next.minute == minute) {
                total = total + now.concurrency;
                while held
                    .back()
                    .is_some_and(|older| older.concurrency <= now.concurrency)
                {
                    held.pop_back();
                }
                held.push_back(now);
            }
            while held
                .front()
                .is_some_and(|oldest| oldest.minute <= minute - HELD_MINUTES)
            {
                held.pop_front();
            }
            match held.front() {
                Some(peak) => {
                    levels.push(small(peak.concurrency.get()));
                    minute += 1;
                }
                None => minute = active.peek().map_or(last + 1, |next| next.minute),
            }
        }
        Self::counted(minutes, total, levels)
    }

    /// From the held level of each minute in which one is held.
    fn counted(minutes: u32, total: Ratio, mut each_minute: Vec<f32>) -> Self {
        each_minute.sort_unstable_by(|left, right| right.total_cmp(left));
        let (mut levels, mut held, mut sums) = (Vec::new(), Vec::new(), Vec::new());
        let mut sum = 0.0_f64;
        let runs = each_minute.chunk_by(|one, next| one.to_bits() == next.to_bits());
        let mut minute = 0_usize;
        for run in runs {
            minute += run.len();
            sum += run.iter().copied().map(f64::from).sum::<f64>();
            levels.push(run[0]);
            held.push(u16::try_from(minute).unwrap_or(u16::MAX));
            sums.push(small(sum));
        }
        Self {
            minutes,
            total,
            levels: levels.into(),
            held: held.into(),
            sums: sums.into(),
        }
    }

    /// The mean over all minutes; absent where there are none.
    #[must_use]
    pub fn mean(&self) -> Option<Ratio> {
        Some(self.total * self.share()?)
    }

    /// The highest of all minutes.
    #[must_use]
    pub fn peak(&self) -> Ratio {
        let highest = self.levels.first().copied().unwrap_or_default();
        Ratio::from_factor(highest.into()).unwrap_or(Ratio::ZERO)
    }

    /// How many pods there are in the mean, where each request at work takes so much of one; absent where there are no
    /// minutes.
    ///
    /// Formula: the mean over the minutes of `max(least, ceil(each · held concurrency))`. Where that is above 50, half a pod stands
    /// for the rounding: less than 1 % off.
    #[must_use]
    pub fn mean_replicas(&self, each: Ratio, least: Ratio) -> Option<Ratio> {
        let (each, least) = (each.get() * (1.0 - ROUNDING), least.get());
        let exact = |level: &f32| f64::from(*level) * each;
        let many = self
            .levels
            .partition_point(|level| exact(level) > MANY.max(least));
        let (mut minutes, mut pods) = match many.checked_sub(1) {
            Some(last) => {
                let minutes = f64::from(self.held[last]);
                (minutes, exact(&self.sums[last]) + minutes / 2.0)
            }
            None => (0.0, 0.0),
        };
        let mut at = many;
        while let Some(highest) = self.levels.get(at) {
            let wanted = exact(highest).ceil();
            if wanted <= least {
                break;
            }
            // As many pods down to the level that asks for one less.
            at += gallop(&self.levels[at..], |level| exact(level) > wanted - 1.0);
            let until = f64::from(self.held[at - 1]);
            pods += wanted * (until - minutes);
            minutes = until;
        }
        let all = f64::from(self.minutes);
        Ratio::from_factor((pods + least * (all - minutes)) / all).ok()
    }

    /// The bytes that it holds beside itself.
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        size_of_val(&*self.levels) + size_of_val(&*self.held) + size_of_val(&*self.sums)
    }

    /// How many pods there are at the peak: `ceil(each · peak)`.
    #[must_use]
    pub fn peak_replicas(&self, each: Ratio) -> Ratio {
        whole(self.peak() * each)
    }

    /// The part of the window that a minute is.
    fn share(&self) -> Option<Ratio> {
        count(self.minutes).inverse()
    }
}

/// How many of the first hold, of which there is one: like `partition_point`, and quicker where they are few.
fn gallop(levels: &[f32], holds: impl Fn(&f32) -> bool) -> usize {
    let (mut held, mut step) = (1, 1);
    while levels.get(held + step - 1).is_some_and(&holds) {
        held += step;
        step *= 2;
    }
    let end = levels.len().min(held + step);
    held + levels[held..end].partition_point(holds)
}

/// To seven digits.
fn small(value: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "seven digits are kept")]
    let small = value as f32;
    small
}

/// Rounded up to a whole number.
fn whole(pods: Ratio) -> Ratio {
    let slack = Ratio::from_factor(1.0 - ROUNDING).unwrap_or(Ratio::ONE);
    (pods * slack).ceil()
}

fn count(minutes: u32) -> Ratio {
    Ratio::from_factor(f64::from(minutes)).unwrap_or(Ratio::ZERO)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_util::ratio;

    fn seen(active: &[(i64, f64)], minutes: u32) -> Concurrency {
        let active = active.iter().map(|(minute, level)| MinuteConcurrency {
            minute: *minute,
            concurrency: ratio(*level),
        });
        Concurrency::over(active, i64::from(minutes) - 1, minutes)
    }

    /// Each level with how long it is held.
    fn levels(of: &Concurrency) -> Vec<(f32, u16)> {
        let before = std::iter::once(0).chain(of.held.iter().copied());
        let minutes = of.held.iter().zip(before).map(|(until, from)| until - from);
        of.levels.iter().copied().zip(minutes).collect()
    }

    #[test]
    fn a_lower_peak_counts_only_once_the_higher_one_is_released() {
        // 4 in minutes 10 to 14, then the 2 of minute 13 until minute 17.
        let found = seen(&[(10, 4.0), (13, 2.0)], 60);
        assert_eq!(levels(&found), [(4.0, 5), (2.0, 3)]);
    }

    #[test]
    fn a_peak_is_held_no_longer_than_the_window_and_what_lies_outside_is_not_seen() {
        let found = seen(&[(-3, 9.0), (59, 4.0), (60, 9.0)], 60);
        assert_eq!(levels(&found), [(4.0, 1)]);
        assert_eq!(found.mean(), Some(ratio(4.0 / 60.0)));
    }

    #[test]
    fn a_window_without_minutes_has_no_mean() {
        assert_eq!(seen(&[], 0).mean(), None);
        assert_eq!(seen(&[], 0).mean_replicas(Ratio::ONE, Ratio::ONE), None);
    }

    #[test]
    fn a_whole_number_of_pods_stays_one_whatever_its_last_digit() {
        // 0.1 + 0.2 is a little more than 0.3.
        assert_eq!(whole(ratio((0.1 + 0.2) * 10.0)), ratio(3.0));
        assert_eq!(whole(ratio(3.001)), ratio(4.0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_mean_is_what_minute_after_minute_gives(
            levels in proptest::collection::vec(prop_oneof![Just(0.0), 0.01..30.0, Just(7.0)], 1..80),
            each in prop_oneof![0.01..3.0_f64, 3.0..300.0], least in 0_u32..4,
        ) {
            let minutes = u32::try_from(levels.len()).unwrap();
            let active: Vec<(i64, f64)> = (0..).zip(levels.iter().copied()).filter(|(_, level)| *level > 0.0).collect();
            let plain = |minute: usize| {
                let held = levels[minute.saturating_sub(4)..=minute].iter().copied().fold(0.0_f64, f64::max);
                (held * each * (1.0 - ROUNDING)).ceil().max(f64::from(least))
            };
            let expected = (0..levels.len()).map(plain).sum::<f64>() / f64::from(minutes);
            let found = seen(&active, minutes).mean_replicas(ratio(each), ratio(f64::from(least))).unwrap().get();
            // Up to 50 pods it is the same, and above them half a pod at most is between.
            let slack = if expected * 80.0 > MANY { 0.5 / MANY } else { 1e-6 };
            prop_assert!((found - expected).abs() <= slack * expected.max(1.0), "{found:?} {expected}");
        }
    }
}
