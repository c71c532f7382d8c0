//! Detects a clock that is behind the time of the state, and decides when the state is truncated.
//!
//! At a start, either the clock was ahead and has been corrected, or it is behind and will be corrected: a machine without
//! a battery-backed clock boots in the past until NTP has set it. Both look the same at first. A clock that is behind is
//! corrected within minutes, so the state is only truncated if it is still ahead after [`CORRECTION_DELAY`].
//!
//! A clock that is set back while the program runs was ahead: the state is truncated at once, and counting goes on.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tracing::{info, warn};

/// How far ahead of the clock a timestamp may be. A clock that is disciplined by NTP or PTP is off by far less, and what is off by
/// less than this is made up for before the next step of requests ends.
pub(super) const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(1);

/// How long the clock must be behind before the state is truncated. `chronyd` and `systemd-timesyncd` set a clock within seconds
/// of a connection, and retry after 34 s to 8 min without one.
pub(super) const CORRECTION_DELAY: Duration = Duration::from_secs(600);

/// A truncation by more than this keeps a copy of the state file.
pub(super) const COPY_THRESHOLD: SignedDuration = SignedDuration::from_hours(1);

/// The clock compared with the latest instant of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClockStep {
    /// The clock is not behind.
    None,
    /// The clock is behind. Nothing is counted or saved for now.
    Behind,
    /// The clock was behind and is no longer.
    CaughtUp,
    /// The clock was ahead: it was set back, or was behind for the whole delay. The state is to be truncated. The value is how far
    /// it was ahead.
    Corrected(SignedDuration),
}

/// Compares the clock with the state again and again.
#[derive(Debug)]
pub(super) struct ClockCheck {
    /// The last reading of the clock that was not behind.
    last_reading: Timestamp,
    phase: Phase,
}

/// What the checks so far have found.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// No check yet.
    Starting,
    /// The clock has been behind from the start, since this instant.
    Behind(Instant),
    /// The clock was right once, or the state was truncated. If the clock is set back now, it was ahead.
    Right,
}

impl ClockCheck {
    /// A check of a clock whose last reading is that.
    pub(super) const fn new(last_reading: Timestamp) -> Self {
        Self {
            last_reading,
            phase: Phase::Starting,
        }
    }

    /// Whether the clock is behind now, by the last check.
    pub(super) const fn is_behind(&self) -> bool {
        matches!(self.phase, Phase::Behind(_))
    }

    /// Compares the clock with the latest instant of the state. `delay` is [`CORRECTION_DELAY`] in monotonic time.
    pub(super) fn check(
        &mut self,
        now: Timestamp,
        latest: Option<Timestamp>,
        delay: Duration,
    ) -> ClockStep {
        let latest = latest.map_or(self.last_reading, |latest| latest.max(self.last_reading));
        let ahead = latest.duration_since(now);
        if ahead <= CLOCK_TOLERANCE {
            self.last_reading = now;
            let was_behind = self.is_behind();
            self.phase = Phase::Right;
            if !was_behind {
                return ClockStep::None;
            }
            info!(%now, "the clock is no longer behind the state; counting goes on");
            return ClockStep::CaughtUp;
        }
        match self.phase {
            Phase::Starting => {
                self.phase = Phase::Behind(Instant::now());
                warn!(
                    %now,
                    %latest,
                    delay_seconds = delay.as_secs(),
                    "the clock is behind the latest time of the state; nothing is counted or saved until \
                     it has caught up or the delay has passed"
                );
                ClockStep::Behind
            }
            Phase::Behind(since) if since.elapsed() < delay => ClockStep::Behind,
            Phase::Behind(_) | Phase::Right => self.correct(now, latest),
        }
    }

    fn correct(&mut self, now: Timestamp, latest: Timestamp) -> ClockStep {
        let ahead = latest.duration_since(now);
        self.phase = Phase::Right;
        self.last_reading = now;
        warn!(
            %now,
            %latest,
            ahead_seconds = ahead.as_secs(),
            "the clock was ahead and has been corrected; counters stay, and counting goes on from now"
        );
        ClockStep::Corrected(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_behind_for_a_while_truncates_nothing() {
        let latest = Some(at("2026-12-01T12:00:00Z"));
        let mut clock = ClockCheck::new(at("2026-12-01T12:00:00Z"));
        let (boot, set) = (at("2020-01-01T00:00:00Z"), at("2026-12-01T12:10:00Z"));
        assert_eq!(
            clock.check(boot, latest, CORRECTION_DELAY),
            ClockStep::Behind
        );
        tokio::time::advance(CORRECTION_DELAY - Duration::from_secs(1)).await;
        assert_eq!(
            clock.check(boot, latest, CORRECTION_DELAY),
            ClockStep::Behind
        );
        assert!(clock.is_behind());
        assert_eq!(
            clock.check(set, latest, CORRECTION_DELAY),
            ClockStep::CaughtUp
        );
        assert!(!clock.is_behind());
        assert_eq!(clock.check(set, latest, CORRECTION_DELAY), ClockStep::None);
    }

    #[test]
    fn a_clock_that_is_set_back_while_the_program_runs_was_ahead() {
        let ahead = at("2026-12-01T18:00:00Z");
        let mut clock = ClockCheck::new(ahead);
        assert_eq!(clock.check(ahead, None, CORRECTION_DELAY), ClockStep::None);
        let six_hours = SignedDuration::from_hours(6);
        assert_eq!(
            clock.check(ahead - six_hours, None, CORRECTION_DELAY),
            ClockStep::Corrected(six_hours)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_stays_behind_is_right_in_the_end() {
        let mut clock = ClockCheck::new(at("2026-12-01T18:00:00Z"));
        let now = at("2026-12-01T12:00:00Z");
        assert_eq!(clock.check(now, None, CORRECTION_DELAY), ClockStep::Behind);
        tokio::time::advance(CORRECTION_DELAY).await;
        let ahead = SignedDuration::from_hours(6);
        assert_eq!(
            clock.check(now, None, CORRECTION_DELAY),
            ClockStep::Corrected(ahead)
        );
        assert_eq!(clock.check(now, None, CORRECTION_DELAY), ClockStep::None);
        let within = now - CLOCK_TOLERANCE;
        assert_eq!(clock.check(within, None, CORRECTION_DELAY), ClockStep::None);
    }
}
