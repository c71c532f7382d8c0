//! Which time was seen.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::units::Seconds;

/// The time that was seen, as spans that do not touch, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Coverage(VecDeque<(Timestamp, Timestamp)>);

impl Coverage {
    /// Adds a span that is not before the last one; what was seen already is not seen twice.
    pub(super) fn add(&mut self, from: Timestamp, to: Timestamp) {
        let until = self.until().unwrap_or(from);
        if to <= until && !self.0.is_empty() {
            return;
        }
        match self.0.back_mut() {
            Some((_, end)) if from <= *end => *end = to,
            _ if from < to => self.0.push_back((from, to)),
            _ => {}
        }
    }

    /// The end of the last span.
    pub(super) fn until(&self) -> Option<Timestamp> {
        self.0.back().map(|(_, end)| *end)
    }

    /// How much of the time between two instants was seen.
    pub(super) fn between(&self, from: Timestamp, to: Timestamp) -> Seconds {
        self.0
            .iter()
            .rev()
            .take_while(|(_, end)| *end > from)
            .map(|(start, end)| Seconds::between(from.max(*start), to.min(*end)))
            .sum()
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

    fn covered(spans: &[(i64, i64)]) -> Coverage {
        let mut coverage = Coverage::default();
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
    fn an_empty_span_is_nothing() {
        let coverage = covered(&[(5, 5)]);
        assert_eq!(coverage.until(), None);
    }
}
