//! Which time was seen.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use breakeven_model::units::{Ratio, Seconds};

/// The time that was seen, as spans that do not touch, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Intervals(VecDeque<(Timestamp, Timestamp)>);

impl Intervals {
    /// Adds a span; what was seen already is not seen twice.
    pub(super) fn add(&mut self, from: Timestamp, to: Timestamp) {
        if to <= from {
            return;
        }
        // The spans that it touches become one with it.
        let first = self.0.partition_point(|(_, end)| *end < from);
        let after = self.0.partition_point(|(start, _)| *start <= to);
        let touched = self.0.drain(first..after);
        let whole = touched.fold((from, to), |(start, end), one| {
            (start.min(one.0), end.max(one.1))
        });
        self.0.insert(first, whole);
    }

    /// The start of the first span.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.0.front().map(|(start, _)| *start)
    }

    /// The end of the last span.
    pub(super) fn until(&self) -> Option<Timestamp> {
        self.0.back().map(|(_, end)| *end)
    }

    /// The spans between two instants, and of those at the edges the part between them.
    pub(super) fn within(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let first = self.0.partition_point(|(_, end)| *end <= from);
        self.0
            .range(first..)
            .take_while(move |(start, _)| *start < to)
            .map(move |(start, end)| (from.max(*start), to.min(*end)))
            .filter(|(start, end)| start < end)
    }

    /// How much of the time between two instants was seen.
    pub(super) fn between(&self, from: Timestamp, to: Timestamp) -> Seconds {
        self.within(from, to)
            .map(|(start, end)| Seconds::between(start, end))
            .sum()
    }

    /// Drops what is after an instant.
    pub(super) fn truncate_after(&mut self, instant: Timestamp) {
        while self.0.back().is_some_and(|(start, _)| *start >= instant) {
            self.0.pop_back();
        }
        if let Some((_, end)) = self.0.back_mut() {
            *end = instant.min(*end);
        }
    }

    /// The part of what was seen between two instants that is not after a third one; all of it if nothing was seen.
    pub(super) fn share_until(
        &self,
        instant: Timestamp,
        (from, to): (Timestamp, Timestamp),
    ) -> Ratio {
        let until = self.between(from, instant.min(to));
        until.over(self.between(from, to)).unwrap_or(Ratio::ONE)
    }

    /// Drops what ended before an instant.
    pub(super) fn forget(&mut self, before: Timestamp) {
        while self.0.front().is_some_and(|(_, end)| *end < before) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn covered(spans: &[(i64, i64)]) -> Intervals {
        let mut coverage = Intervals::default();
        for (from, to) in spans {
            coverage.add(at(*from), at(*to));
        }
        coverage
    }

    #[test]
    fn spans_that_touch_are_one_and_gaps_are_not_seen() {
        let coverage = covered(&[(0, 10), (10, 20), (30, 40), (35, 45), (32, 40)]);
        assert_eq!(coverage.0.len(), 2);
        let seen = |from, to| coverage.between(at(from), at(to)).seconds();
        assert!((seen(0, 100) - 35.0).abs() < 1e-9);
        assert!((seen(15, 35) - 10.0).abs() < 1e-9);
        assert!(seen(20, 30) < 1e-9 && seen(50, 60) < 1e-9);
    }

    #[test]
    fn spans_may_come_in_any_order() {
        let ways: [&[(i64, i64)]; 3] = [
            &[(0, 10), (10, 20), (30, 40)],
            &[(30, 40), (0, 10), (10, 20)],
            &[(35, 40), (10, 20), (0, 15), (30, 36), (12, 14)],
        ];
        for way in ways {
            let spans = [(at(0), at(20)), (at(30), at(40))];
            assert_eq!(Vec::from(covered(way).0), spans, "{way:?}");
        }
        let spans = covered(&[(0, 10), (20, 30), (40, 50), (60, 70), (25, 45)]);
        assert_eq!(
            Vec::from(spans.0),
            [(at(0), at(10)), (at(20), at(50)), (at(60), at(70))]
        );
    }

    #[test]
    fn the_spans_between_two_instants_end_with_them() {
        let coverage = covered(&[(0, 10), (20, 30), (40, 50)]);
        let within: Vec<_> = coverage.within(at(5), at(45)).collect();
        assert_eq!(
            within,
            [(at(5), at(10)), (at(20), at(30)), (at(40), at(45))]
        );
        assert_eq!(coverage.within(at(10), at(20)).count(), 0);
    }

    #[test]
    fn what_is_after_an_instant_is_dropped() {
        let mut coverage = covered(&[(0, 10), (20, 30), (40, 50)]);
        let share = coverage.share_until(at(25), (at(5), at(30)));
        assert!((share.get() - 10.0 / 15.0).abs() < 1e-9, "{share:?}");
        assert_eq!(coverage.share_until(at(5), (at(10), at(20))), Ratio::ONE);
        coverage.truncate_after(at(60));
        coverage.truncate_after(at(25));
        assert_eq!(
            Vec::from(coverage.0.clone()),
            [(at(0), at(10)), (at(20), at(25))]
        );
        coverage.truncate_after(at(20));
        assert_eq!(Vec::from(coverage.0), [(at(0), at(10))]);
    }

    #[test]
    fn an_empty_span_is_nothing() {
        let coverage = covered(&[(5, 5)]);
        assert_eq!(coverage.until(), None);
    }
}
