//! Sums over a sliding window of time, in slots.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::coverage::Coverage;
use crate::units::{Ratio, Seconds};

/// How many slots a window has: its edge is interpolated within one.
const SLOTS: i64 = 48;

/// Something that adds up, kept for one window of time.
///
/// A window of a day has slots of half an hour. The oldest slot counts for the part of it that is in the window.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Slots<T> {
    /// Seconds of one slot.
    length: i64,
    /// Slots that hold something, by their number since 1970, oldest first.
    slots: VecDeque<(i64, T)>,
}

impl<T: Default> Slots<T> {
    pub(super) fn new(window: Seconds) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a window is far below 2^63 seconds"
        )]
        let length = (window.seconds() as i64 / SLOTS).max(1);
        Self {
            length,
            slots: VecDeque::new(),
        }
    }

    /// The slot of an instant; absent for one that is older than the whole window.
    pub(super) fn at(&mut self, instant: Timestamp) -> Option<&mut T> {
        let number = instant.as_second().div_euclid(self.length);
        let newest = self
            .slots
            .back()
            .map_or(number, |(newest, _)| (*newest).max(number));
        if number < newest - SLOTS {
            return None;
        }
        while self
            .slots
            .front()
            .is_some_and(|(oldest, _)| *oldest < newest - SLOTS)
        {
            self.slots.pop_front();
        }
        let position = self.slots.partition_point(|(one, _)| *one < number);
        if self
            .slots
            .get(position)
            .is_none_or(|(one, _)| *one != number)
        {
            self.slots.insert(position, (number, T::default()));
        }
        self.slots.get_mut(position).map(|(_, slot)| slot)
    }

    /// Every slot that holds something.
    pub(super) fn each(&mut self, change: impl FnMut(&mut T)) {
        self.slots.iter_mut().map(|(_, slot)| slot).for_each(change);
    }

    /// The length of a slot.
    pub(super) fn length(&self) -> Seconds {
        Seconds::between(
            Timestamp::UNIX_EPOCH,
            Timestamp::from_second(self.length).unwrap_or_default(),
        )
    }

    /// Every slot that lies wholly between two instants, in order; absent ones hold nothing.
    pub(super) fn whole<'a, R>(
        &'a self,
        from: Timestamp,
        to: Timestamp,
        read: impl Fn(&T) -> R + 'a,
    ) -> impl Iterator<Item = R> + 'a
    where
        R: Default,
    {
        let first = -(-from.as_second()).div_euclid(self.length);
        let end = to.as_second().div_euclid(self.length);
        (first..end).map(move |number| {
            let position = self.slots.binary_search_by_key(&number, |(one, _)| *one);
            position.map_or_else(|_| R::default(), |at| read(&self.slots[at].1))
        })
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
            if let (Some(part), Some(slot)) = (part, self.at(start)) {
                each(part, slot);
            }
            start = end;
        }
    }

    /// The slots that end after an instant, each with the part of what was seen of it that is not before the
    /// instant.
    pub(super) fn since<'a>(
        &'a self,
        instant: Timestamp,
        seen: &'a Coverage,
    ) -> impl Iterator<Item = (Ratio, &'a T)> {
        self.slots.iter().filter_map(move |(number, slot)| {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Requests;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn day() -> Seconds {
        Seconds::from_seconds(86_400.0).unwrap()
    }

    /// One request in each second of a span.
    fn served(spans: &[(i64, i64)]) -> (Slots<Requests>, Coverage) {
        let (mut slots, mut seen): (Slots<Requests>, _) = (Slots::new(day()), Coverage::default());
        for (from, to) in spans {
            for second in *from..*to {
                *slots.at(at(second)).unwrap() += Requests::from_requests(1.0).unwrap();
            }
            seen.add(at(*from), at(*to));
        }
        (slots, seen)
    }

    fn sum((slots, seen): &(Slots<Requests>, Coverage), since: i64) -> f64 {
        slots
            .since(at(since), seen)
            .map(|(share, count)| (*count * share).requests())
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
        // Seen from 1000 to 1200 of a slot that lasts from 0 to 1800.
        let short = served(&[(1_000, 1_200)]);
        assert!((sum(&short, 1_100) - 100.0).abs() < 1e-9);
        assert!((sum(&short, 500) - 200.0).abs() < 1e-9);
    }

    #[test]
    fn a_span_is_divided_over_the_slots_it_touches() {
        // Slots of half an hour: the span lies a quarter in the first, the rest in the second and third.
        let mut slots: Slots<Requests> = Slots::new(day());
        let whole = Requests::from_requests(400.0).unwrap();
        slots.across(at(900), at(4_500), |part, slot| *slot += whole * part);
        let counts: Vec<f64> = slots.slots.iter().map(|(_, one)| one.requests()).collect();
        assert_eq!(counts, [100.0, 200.0, 100.0]);
        slots.across(at(900), at(900), |_, _| panic!("an empty span"));
    }

    #[test]
    fn what_is_older_than_the_window_is_dropped_and_not_taken_in_again() {
        let (mut slots, _) = served(&[(0, 100)]);
        assert!(slots.at(at(200_000)).is_some());
        assert!(slots.at(at(50)).is_none());
    }

    #[test]
    fn slots_that_come_late_find_their_place() {
        let mut slots: Slots<Requests> = Slots::new(day());
        for start in [5_400, 1_800, 3_600, 1_800] {
            *slots.at(at(start)).unwrap() += Requests::from_requests(1.0).unwrap();
        }
        let numbers: Vec<i64> = slots.slots.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 2, 3]);
    }
}
