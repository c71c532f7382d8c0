//! One pod that is scraped: what it said last, and when it is scraped again.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::client::ScrapeError;
use super::counter_tracker::{CounterDelta, CounterReading};
use breakeven_model::inventory::ScrapeTarget;

/// The pause after a first failure; each further failure doubles it. A pod that only starts is read a poll later.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(30);

/// The longest pause: a pod that is reachable again is counted within five minutes.
const MAX_PAUSE: SignedDuration = SignedDuration::from_mins(5);

/// What is known of a pod.
#[derive(Debug)]
pub(super) struct TargetState {
    url: Arc<str>,
    /// The poll before the first one that had it as a target.
    listed_after: Option<Timestamp>,
    reading: Option<CounterReading>,
    last_tried: Option<Timestamp>,
    /// Failures since it was last read.
    failures: u32,
    retry_at: Option<Timestamp>,
    /// Why it was not read the last time.
    pub(super) failure: Option<ScrapeError>,
}

impl TargetState {
    pub(super) fn new(url: &Arc<str>, listed_after: Option<Timestamp>) -> Self {
        Self {
            url: Arc::clone(url),
            listed_after,
            reading: None,
            last_tried: None,
            failures: 0,
            retry_at: None,
            failure: None,
        }
    }

    /// A pod that has another address starts without failures.
    pub(super) fn move_to(&mut self, url: &Arc<str>) {
        if self.url != *url {
            self.url = Arc::clone(url);
            self.failures = 0;
            self.retry_at = None;
            self.failure = None;
        }
    }

    /// Whether no pause holds it back. A pause that is longer than any is left from a clock that was ahead.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let pause = self.retry_at.map(|at| at.duration_since(now));
        pause.is_none_or(|pause| !pause.is_positive() || pause > MAX_PAUSE)
    }

    /// Healthy pods come before those that failed, and of both those that wait longest.
    pub(super) const fn place(&self) -> (bool, Option<Timestamp>) {
        (self.failures > 0, self.last_tried)
    }

    /// Notes that it was not read.
    pub(super) fn fail(&mut self, failure: ScrapeError, now: Timestamp) {
        let doubled = 1_i32 << self.failures.min(8);
        let pause = (FIRST_PAUSE * doubled).min(MAX_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.last_tried = Some(now);
        self.retry_at = now.checked_add(pause).ok();
        self.failure = Some(failure);
    }

    /// Notes that it was read, and whether it has what is looked for.
    pub(super) fn succeed(&mut self, now: Timestamp) {
        self.failures = 0;
        self.last_tried = Some(now);
        self.retry_at = None;
        self.failure = None;
    }

    /// What it counted since it was read last. Of one that began after scraping did that is all it ever counted; of one
    /// that was there already, nothing is known of the time before.
    pub(super) fn grow(
        &mut self,
        target: &ScrapeTarget,
        reading: CounterReading,
    ) -> Option<CounterDelta> {
        let is_young = self
            .listed_after
            .zip(target.born)
            .is_some_and(|(before, born)| born >= before);
        let increase = match &self.reading {
            Some(before) => Some(reading.since(Some(before))),
            None => is_young.then(|| reading.since(None)),
        };
        self.reading = Some(reading);
        increase
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_pod_that_fails_waits_longer_each_time_until_it_is_read_or_moves() {
        let mut state = TargetState::new(&"http://10.0.0.1:80/".into(), None);
        let mut second = 0;
        for pause in [30, 60, 120, 240, 300, 300] {
            state.fail(ScrapeError::new("scrape_timeout", "slow"), at(second));
            assert!(!state.is_due(at(second + pause - 1)), "{pause}");
            assert!(state.is_due(at(second + pause)), "{pause}");
            assert!(state.is_due(at(second - 3_600)), "the clock went back");
            second += pause;
        }
        let healthy = TargetState::new(&"http://10.0.0.2:80/".into(), None);
        assert!(healthy.place() < state.place());
        state.move_to(&"http://10.0.0.1:80/".into());
        assert!(!state.is_due(at(second - 1)));
        state.move_to(&"http://10.0.0.3:80/".into());
        assert!(state.is_due(at(second - 1)) && state.failure.is_none());
    }
}
