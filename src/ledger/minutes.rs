//! The minutes that a function ran, in little memory.

mod persisted;

use std::ops::Range;

use derive_more::AddAssign;
use serde::{Deserialize, Serialize};

use breakeven_model::inventory::FunctionMinute;
use breakeven_model::units::{Requests, Seconds};
use persisted::MinuteLists;

/// In place of a peak that is not known.
const UNKNOWN: u32 = u32::MAX;

/// The minutes in which a function did anything, in order of time. One in which nothing happened takes no room.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "MinuteLists")]
pub(super) struct Minutes {
    active: Vec<ActiveMinute>,
    /// Few minutes have any.
    failures: Vec<Failures>,
}

/// A minute with invocations, in 20 bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ActiveMinute {
    /// Since 1970.
    minute: u32,
    invocations: u32,
    /// The bits of the seconds, in two halves: eight bytes in one would be followed by four that nothing fills.
    duration: [u32; 2],
    peak: u32,
}

/// What failed in a minute.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Failures {
    minute: u32,
    errors: u32,
    throttles: u32,
}

/// What some minutes add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, AddAssign, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct FunctionTotals {
    pub(super) invocations: Requests,
    pub(super) duration: Seconds,
    /// Invocations that did not fail.
    pub(super) served: Requests,
    pub(super) errors: Requests,
    pub(super) throttles: Requests,
}

impl Minutes {
    /// Puts what is known now of a range in place of what was known of it.
    pub(super) fn replace(&mut self, range: &Range<i64>, minutes: &[FunctionMinute]) {
        let inside = minutes.iter().filter(|one| range.contains(&one.minute));
        let active = inside.clone().filter_map(ActiveMinute::new);
        splice(&mut self.active, range, active, |one| one.minute);
        let failures = inside.filter_map(Failures::new);
        splice(&mut self.failures, range, failures, |one| one.minute);
    }

    /// Drops the minutes before one.
    pub(super) fn forget(&mut self, before: i64) {
        self.active
            .drain(..position(&self.active, before, |one| one.minute));
        self.failures
            .drain(..position(&self.failures, before, |one| one.minute));
    }

    /// Drops the minutes from one on.
    pub(super) fn truncate(&mut self, from: i64) {
        self.active
            .truncate(position(&self.active, from, |one| one.minute));
        self.failures
            .truncate(position(&self.failures, from, |one| one.minute));
    }

    /// The minutes of a range that had invocations, without what failed in them.
    pub(super) fn within(&self, range: &Range<i64>) -> impl Iterator<Item = FunctionMinute> {
        slice(&self.active, range, |one| one.minute)
            .iter()
            .map(|one| FunctionMinute {
                minute: one.minute.into(),
                invocations: count(one.invocations),
                duration: one.duration(),
                errors: Requests::ZERO,
                throttles: Requests::ZERO,
                concurrency_peak: one.known_peak(),
            })
    }

    /// What the minutes of a range add up to.
    pub(super) fn sums(&self, range: &Range<i64>) -> FunctionTotals {
        let mut sums = FunctionTotals::default();
        for one in slice(&self.active, range, |one| one.minute) {
            sums.invocations += count(one.invocations);
            sums.duration += one.duration();
        }
        let mut failed = Requests::ZERO;
        for one in slice(&self.failures, range, |one| one.minute) {
            sums.errors += count(one.errors);
            sums.throttles += count(one.throttles);
            let active = &self.active;
            let active = active.binary_search_by_key(&one.minute, |active| active.minute);
            let invocations = active.map_or(0, |position| self.active[position].invocations);
            failed += count(one.errors.min(invocations));
        }
        sums.served = sums.invocations.less(failed);
        sums
    }

    /// The bytes that it holds beside itself.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        self.active.capacity() * size_of::<ActiveMinute>()
            + self.failures.capacity() * size_of::<Failures>()
    }
}

impl ActiveMinute {
    /// Nothing where nothing ran, and for a minute before 1970.
    fn new(minute: &FunctionMinute) -> Option<Self> {
        let nothing = minute.invocations.is_zero()
            && minute.duration.is_zero()
            && minute.concurrency_peak.is_none();
        (!nothing).then_some(Self {
            minute: minute.minute.try_into().ok()?,
            invocations: whole(minute.invocations),
            duration: halves(minute.duration.seconds()),
            peak: minute.concurrency_peak.unwrap_or(UNKNOWN),
        })
    }

    fn duration(self) -> Seconds {
        Seconds::from_seconds(self.seconds()).unwrap_or_default()
    }

    fn seconds(self) -> f64 {
        let [high, low] = self.duration.map(u64::from);
        f64::from_bits(high << 32 | low)
    }

    fn known_peak(self) -> Option<u32> {
        (self.peak != UNKNOWN).then_some(self.peak)
    }
}

/// The bits of seconds in two halves, the high one first.
#[expect(clippy::cast_possible_truncation, reason = "each half is 32 bits")]
const fn halves(seconds: f64) -> [u32; 2] {
    let bits = seconds.to_bits();
    [(bits >> 32) as u32, bits as u32]
}

impl Failures {
    fn new(minute: &FunctionMinute) -> Option<Self> {
        let failures = Self {
            minute: minute.minute.try_into().ok()?,
            errors: whole(minute.errors),
            throttles: whole(minute.throttles),
        };
        (failures.errors > 0 || failures.throttles > 0).then_some(failures)
    }
}

/// Counts of CloudWatch are whole; one above four thousand million a minute stays there.
fn whole(count: Requests) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a float saturates, and a count is not negative"
    )]
    let whole = count.requests().round() as u32;
    whole
}

fn count(whole: u32) -> Requests {
    Requests::from_requests(f64::from(whole)).unwrap_or_default()
}

/// Where the records from a minute on begin.
fn position<T>(records: &[T], minute: i64, of: impl Fn(&T) -> u32) -> usize {
    records.partition_point(|one| i64::from(of(one)) < minute)
}

fn slice<'a, T>(records: &'a [T], range: &Range<i64>, of: impl Fn(&T) -> u32) -> &'a [T] {
    let (start, end) = (
        position(records, range.start, &of),
        position(records, range.end, &of),
    );
    &records[start..end.max(start)]
}

/// Replaces a range, and keeps little room to spare.
fn splice<T>(
    records: &mut Vec<T>,
    range: &Range<i64>,
    new: impl Iterator<Item = T>,
    of: impl Fn(&T) -> u32,
) {
    let mut new: Vec<T> = new.collect();
    new.sort_by_key(&of);
    // Of two records of one minute the later one stands.
    new.reverse();
    new.dedup_by_key(|one| of(one));
    new.reverse();
    let (start, end) = (
        position(records, range.start, &of),
        position(records, range.end, &of),
    );
    records.splice(start..end.max(start), new);
    if records.capacity() > records.len() + records.len() / 8 + 8 {
        records.shrink_to(records.len() + records.len() / 16);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: i64, invocations: f64, errors: f64, throttles: f64) -> FunctionMinute {
        let requests = |count| Requests::from_requests(count).unwrap();
        FunctionMinute {
            minute,
            invocations: requests(invocations),
            duration: Seconds::from_seconds(invocations * 0.123_456_789).unwrap(),
            errors: requests(errors),
            throttles: requests(throttles),
            concurrency_peak: None,
        }
    }

    #[test]
    fn what_is_known_of_a_range_stands_in_place_of_what_was_known() {
        let mut minutes = Minutes::default();
        let [first, second, third] = [
            minute(1, 5.0, 0.0, 0.0),
            minute(2, 7.0, 1.0, 0.0),
            minute(3, 9.0, 0.0, 2.0),
        ];
        minutes.replace(&(1..4), &[first, second, third]);
        let grown = minute(2, 8.0, 0.0, 0.0);
        minutes.replace(&(2..3), &[grown]);
        let seen: Vec<FunctionMinute> = minutes.within(&(0..9)).collect();
        assert_eq!(seen[..2], [first, grown]);
        let sums = minutes.sums(&(1..4));
        assert_eq!(sums.invocations.requests(), 22.0);
        assert_eq!(
            (sums.errors, sums.throttles.requests()),
            (Requests::ZERO, 2.0)
        );
        minutes.replace(&(1..4), &[]);
        assert_eq!(minutes, Minutes::default());
    }

    #[test]
    fn what_failed_is_served_by_nobody_and_never_more_than_ran() {
        let mut minutes = Minutes::default();
        minutes.replace(
            &(0..9),
            &[
                minute(1, 5.0, 2.0, 0.0),
                minute(2, 3.0, 4.0, 0.0),
                minute(3, 0.0, 6.0, 1.0),
            ],
        );
        let sums = minutes.sums(&(0..9));
        assert_eq!(sums.served.requests(), 3.0);
        assert_eq!(sums.errors.requests(), 12.0);
    }

    #[test]
    fn records_out_of_order_and_outside_the_range_find_their_place_or_none() {
        let mut minutes = Minutes::default();
        let given = [
            minute(3, 1.0, 0.0, 0.0),
            minute(1, 2.0, 0.0, 0.0),
            minute(3, 4.0, 0.0, 0.0),
            minute(9, 8.0, 0.0, 0.0),
        ];
        minutes.replace(&(1..4), &given);
        let seen: Vec<(i64, f64)> = minutes
            .within(&(0..100))
            .map(|one| (one.minute, one.invocations.requests()))
            .collect();
        assert_eq!(seen, [(1, 2.0), (3, 4.0)]);
        minutes.forget(2);
        assert_eq!(minutes.within(&(0..100)).count(), 1);
    }

    #[test]
    fn a_count_that_no_minute_has_stays_at_the_largest() {
        assert_eq!(whole(Requests::from_requests(1e20).unwrap()), u32::MAX);
    }
}
