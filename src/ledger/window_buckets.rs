//! Sums over a sliding window of time, in slots.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::compact_series::CompactSeries;
use super::intervals::Intervals;
use breakeven_model::units::{Compact, Ratio, Seconds};

/// Something that adds up, kept for one window of time in so many slots: the window's edge is interpolated within one.
///
/// A window of a day has 24 slots of an hour. The oldest slot counts for the part of it that is in the window. The newest is exact;
/// those before it are kept to seven digits, see [`CompactSeries`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(
    serialize = "T: Serialize + Compact",
    deserialize = "T: Deserialize<'de> + Compact + Default"
))]
pub(super) struct WindowBuckets<T, const SLOTS: i64 = 24> {
    /// Seconds of one slot.
    length: i64,
    /// The newest slot that holds something.
    #[serde(default)]
    newest: Option<Newest<T>>,
    /// Those before it.
    #[serde(default)]
    older: CompactSeries<T>,
}

/// The newest slot, with all digits.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Newest<T> {
    /// Its number since 1970.
    number: i64,
    #[serde(default)]
    sums: T,
}

impl<T: Compact + Clone + Default, const SLOTS: i64> WindowBuckets<T, SLOTS> {
    pub(super) fn new(window: Seconds) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a window is far below 2^63 seconds"
        )]
        let length = (window.seconds() as i64 / SLOTS).max(1);
        Self {
            length,
            newest: None,
            older: CompactSeries::default(),
        }
    }

    /// As many slots of a day each (UTC).
    pub(super) fn of_days() -> Self {
        Self {
            length: 86_400,
            newest: None,
            older: CompactSeries::default(),
        }
    }

    /// Changes the slot of an instant, unless it is older than the whole window.
    pub(super) fn change(&mut self, instant: Timestamp, change: impl FnOnce(&mut T)) {
        let number = instant.as_second().div_euclid(self.length);
        let Some(newest) = self.newest.as_ref().map(|newest| newest.number) else {
            let mut sums = T::default();
            change(&mut sums);
            self.newest = Some(Newest { number, sums });
            return;
        };
        if number > newest {
            if let (Some(last), Ok(newest)) = (self.newest.take(), u32::try_from(newest)) {
                self.older.push(newest, &last.sums);
            }
            let oldest = u32::try_from(number - SLOTS).unwrap_or_default();
            self.older.forget(oldest);
            let sums = T::default();
            self.newest = Some(Newest { number, sums });
        }
        if number >= newest {
            if let Some(Newest { sums: slot, .. }) = &mut self.newest {
                change(slot);
            }
        } else if let (true, Ok(number)) = (number >= newest - SLOTS, u32::try_from(number)) {
            let mut slot = self.older.get(number).unwrap_or_default();
            change(&mut slot);
            self.older.push(number, &slot);
        }
    }

    /// Drops the slots that begin after an instant. Of the slot that it lies in, `cut` leaves what was before it; it receives the
    /// slot and its start and end.
    pub(super) fn truncate_after(
        &mut self,
        instant: Timestamp,
        cut: impl FnOnce(&mut T, (Timestamp, Timestamp)),
    ) {
        let current = instant.as_second().div_euclid(self.length);
        if self
            .newest
            .as_ref()
            .is_some_and(|newest| newest.number > current)
        {
            let last = u32::try_from(current).unwrap_or_default();
            let newest = self.older.take_last_until(last);
            self.newest = newest.map(|(number, sums)| Newest {
                number: number.into(),
                sums,
            });
        }
        let Some(Newest { number, sums }) = &mut self.newest else {
            return;
        };
        let start = Timestamp::from_second(current * self.length);
        let end = Timestamp::from_second((current + 1) * self.length);
        if let (true, Ok(start), Ok(end)) = (*number == current, start, end) {
            cut(sums, (start, end));
        }
    }

    /// All slots that hold something, oldest first.
    fn iter(&self) -> impl Iterator<Item = (i64, T)> {
        let older = self.older.iter();
        let older = older.map(|(number, slot)| (i64::from(number), slot));
        let newest = self.newest.clone();
        older.chain(newest.map(|newest| (newest.number, newest.sums)))
    }

    /// Changes every slot that holds something.
    pub(super) fn each(&mut self, mut change: impl FnMut(&mut T)) {
        if let Some(Newest { sums: slot, .. }) = &mut self.newest {
            change(slot);
        }
        let older: Vec<(u32, T)> = self.older.iter().collect();
        for (number, mut slot) in older {
            change(&mut slot);
            self.older.push(number, &slot);
        }
    }

    /// The length of a slot.
    pub(super) fn length(&self) -> Seconds {
        Seconds::between(
            Timestamp::UNIX_EPOCH,
            Timestamp::from_second(self.length).unwrap_or_default(),
        )
    }

    /// The length of the window, to the whole slots that it has.
    pub(super) fn whole_length(&self) -> Seconds {
        Seconds::between(
            Timestamp::UNIX_EPOCH,
            Timestamp::from_second(self.length * SLOTS).unwrap_or_default(),
        )
    }

    /// When the slot of an instant begins.
    pub(super) fn start_of(&self, instant: Timestamp) -> Timestamp {
        let number = instant.as_second().div_euclid(self.length);
        Timestamp::from_second(number * self.length).unwrap_or(instant)
    }

    /// Every slot that lies wholly between two instants, in order; absent ones hold nothing.
    pub(super) fn whole<R>(&self, from: Timestamp, to: Timestamp, read: impl Fn(&T) -> R) -> Vec<R>
    where
        R: Clone + Default,
    {
        let first = -(-from.as_second()).div_euclid(self.length);
        let end = to.as_second().div_euclid(self.length);
        let count = usize::try_from(end - first).unwrap_or_default();
        let mut all = vec![R::default(); count];
        for (number, slot) in self.iter() {
            let place = usize::try_from(number - first).ok();
            if let Some(one) = place.and_then(|place| all.get_mut(place)) {
                *one = read(&slot);
            }
        }
        all
    }

    /// Each slot that a span of time touches, with the part of the span that lies in it; those older than the whole
    /// window are left out.
    pub(super) fn across(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        mut each: impl FnMut(Ratio, &mut T),
    ) {
        let whole = Seconds::between(from, to);
        let mut start = from;
        while start < to {
            let number = start.as_second().div_euclid(self.length);
            let Ok(border) = Timestamp::from_second((number + 1) * self.length) else {
                return;
            };
            let end = border.min(to);
            let part = Seconds::between(start, end).over(whole);
            if let Some(part) = part {
                self.change(start, |slot| each(part, slot));
            }
            start = end;
        }
    }

    /// The slots that begin at an instant or after it.
    pub(super) fn from(&self, instant: Timestamp) -> impl Iterator<Item = T> {
        let first = -(-instant.as_second()).div_euclid(self.length);
        let slots = self.iter().filter(move |(number, _)| *number >= first);
        slots.map(|(_, slot)| slot)
    }

    /// The slots that end after an instant, each with the part of what was seen of it that is not before the
    /// instant.
    pub(super) fn since(
        &self,
        instant: Timestamp,
        seen: &Intervals,
    ) -> impl Iterator<Item = (Ratio, T)> {
        self.iter().filter_map(move |(number, slot)| {
            let start = Timestamp::from_second(number * self.length).ok()?;
            let end = Timestamp::from_second((number + 1) * self.length).ok()?;
            if end <= instant {
                return None;
            }
            if instant <= start {
                return Some((Ratio::ONE, slot));
            }
            let inside = seen.between(instant, end).over(seen.between(start, end));
            Some((inside.unwrap_or(Ratio::ONE), slot))
        })
    }

    /// The bytes that it holds beside itself.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        self.older.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakeven_model::units::Requests;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const ONE: Requests = match Requests::from_requests(1.0) {
        Ok(one) => one,
        Err(_) => Requests::ZERO,
    };

    fn day() -> Seconds {
        Seconds::from_seconds(86_400.0).unwrap()
    }

    /// One request in each second of a span.
    fn served(spans: &[(i64, i64)]) -> (WindowBuckets<Requests>, Intervals) {
        let (mut slots, mut seen): (WindowBuckets<Requests>, _) =
            (WindowBuckets::new(day()), Intervals::default());
        for (from, to) in spans {
            for second in *from..*to {
                slots.change(at(second), |slot| *slot += ONE);
            }
            seen.add(at(*from), at(*to));
        }
        (slots, seen)
    }

    fn sum((slots, seen): &(WindowBuckets<Requests>, Intervals), since: i64) -> f64 {
        slots
            .since(at(since), seen)
            .map(|(share, count)| (count * share).requests())
            .sum()
    }

    #[test]
    fn a_window_counts_what_is_in_it_and_the_part_of_the_slot_at_its_edge() {
        let day = served(&[(0, 86_400)]);
        assert!((sum(&day, 0) - 86_400.0).abs() < 1e-6);
        assert!((sum(&day, 900) - 85_500.0).abs() < 1e-6);
        assert!(sum(&day, 86_400).abs() < 1e-6);
    }

    #[test]
    fn a_slot_that_was_seen_in_part_counts_for_the_part_that_was_seen() {
        // Seen from 1000 to 1200 of a slot that lasts from 0 to 3600.
        let short = served(&[(1_000, 1_200)]);
        assert!((sum(&short, 1_100) - 100.0).abs() < 1e-9);
        assert!((sum(&short, 500) - 200.0).abs() < 1e-9);
    }

    #[test]
    fn a_span_is_divided_over_the_slots_it_touches() {
        // Slots of an hour: the span lies a quarter in the first, the rest in the second and third.
        let mut slots: WindowBuckets<Requests> = WindowBuckets::new(day());
        let whole = Requests::from_requests(400.0).unwrap();
        slots.across(at(1_800), at(9_000), |part, slot| *slot += whole * part);
        let counts: Vec<f64> = slots.iter().map(|(_, one)| one.requests()).collect();
        assert_eq!(counts, [100.0, 200.0, 100.0]);
        slots.across(at(900), at(900), |_, _| panic!("an empty span"));
    }

    #[test]
    fn what_is_older_than_the_window_is_dropped_and_not_taken_in_again() {
        let (mut slots, _) = served(&[(0, 100)]);
        for second in [200_000, 50] {
            slots.change(at(second), |slot| *slot += ONE);
        }
        let numbers: Vec<i64> = slots.iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, [55]);
    }

    #[test]
    fn what_is_after_an_instant_is_dropped_and_counting_goes_on_from_there() {
        let (mut slots, mut seen) =
            served(&[(0, 100), (3_600, 7_200), (9_000, 9_100), (20_000, 20_100)]);
        slots.truncate_after(at(5_400), |slot, span| {
            *slot = *slot * seen.share_until(at(5_400), span);
        });
        seen.truncate_after(at(5_400));
        let counts = |slots: &WindowBuckets<Requests>| -> Vec<(i64, f64)> {
            slots
                .iter()
                .map(|(number, one)| (number, one.requests()))
                .collect()
        };
        assert_eq!(counts(&slots), [(0, 100.0), (1, 1_800.0)]);
        for second in [5_400, 5_401, 7_200] {
            slots.change(at(second), |slot| *slot += ONE);
        }
        assert_eq!(counts(&slots), [(0, 100.0), (1, 1_802.0), (2, 1.0)]);
        slots.truncate_after(at(3_599), |_, span| assert_eq!(span, (at(0), at(3_600))));
        assert_eq!(counts(&slots), [(0, 100.0)]);
    }

    #[test]
    fn slots_that_come_late_find_their_place() {
        let mut slots: WindowBuckets<Requests> = WindowBuckets::new(day());
        for start in [10_800, 3_600, 7_200, 3_600] {
            slots.change(at(start), |slot| *slot += ONE);
        }
        let counts: Vec<f64> = slots.iter().map(|(_, one)| one.requests()).collect();
        assert_eq!(counts, [2.0, 1.0, 1.0]);
        let whole = slots.whole(at(1), at(18_000), |one| one.requests());
        assert_eq!(whole, [2.0, 1.0, 1.0, 0.0]);
    }
}
