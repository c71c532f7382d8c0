//! The only reader of time.
//!
//! Everything that needs to know what time it is, or to wait, is handed a [`Clock`]. The system clock
//! is the ordinary one; an accelerated clock starts at a chosen instant and runs faster than the wall,
//! which lets a simulated day pass in minutes; a manual clock stands until it is set, which lets a simulated week pass in
//! as many steps as are of interest.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

/// A source of the present time, cheap to clone; clones agree with each other.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    Accelerated {
        origin: Timestamp,
        started: Instant,
        speed: f64,
    },
    Manual(watch::Receiver<Timestamp>),
    Stepped(Box<Clock>, watch::Receiver<SignedDuration>),
}

/// Sets a manual clock.
#[derive(Debug)]
pub struct ManualClock(watch::Sender<Timestamp>);

impl ManualClock {
    /// Sets the clock, and ends the waiting of those whose time has come. It stays there when the hand is gone.
    pub fn set(&self, now: Timestamp) {
        self.0.send_replace(now);
    }
}

/// Steps a clock forward and back, as an operator or NTP does.
#[derive(Debug)]
pub struct Stepper(watch::Sender<SignedDuration>);

impl Stepper {
    /// Sets how far the clock is ahead. Those who wait go on waiting as long as they would have.
    pub fn set_ahead(&self, ahead: SignedDuration) {
        self.0.send_replace(ahead);
    }
}

impl Clock {
    /// The machine's own clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that shows `origin` now and then runs `speed` times as fast as the wall.
    ///
    /// A speed that is not a positive finite number is taken as 1.
    #[must_use]
    pub fn accelerated(origin: Timestamp, speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 {
            speed
        } else {
            1.0
        };
        Self(Kind::Accelerated {
            origin,
            started: Instant::now(),
            speed,
        })
    }

    /// A clock that shows `origin` until its hand is set.
    #[must_use]
    pub fn manual(origin: Timestamp) -> (Self, ManualClock) {
        let (hand, shown) = watch::channel(origin);
        (Self(Kind::Manual(shown)), ManualClock(hand))
    }

    /// A clock that shows the time of this one, ahead by what is set.
    #[must_use]
    pub fn stepped(self) -> (Self, Stepper) {
        let (stepper, ahead) = watch::channel(SignedDuration::ZERO);
        (Self(Kind::Stepped(Box::new(self), ahead)), Stepper(stepper))
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System => Timestamp::now(),
            Kind::Manual(shown) => *shown.borrow(),
            Kind::Stepped(clock, ahead) => clock
                .now()
                .saturating_add(*ahead.borrow())
                .unwrap_or(Timestamp::MAX),
            Kind::Accelerated {
                origin,
                started,
                speed,
            } => {
                let elapsed = started.elapsed().as_secs_f64() * speed;
                SignedDuration::try_from_secs_f64(elapsed)
                    .ok()
                    .and_then(|elapsed| origin.checked_add(elapsed).ok())
                    .unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// Waits until `duration` has passed on this clock.
    pub async fn sleep(&self, duration: Duration) {
        match &self.0 {
            Kind::Stepped(clock, _) => Box::pin(clock.sleep(duration)).await,
            Kind::System | Kind::Accelerated { .. } => {
                tokio::time::sleep(self.to_real_duration(duration)).await;
            }
            Kind::Manual(shown) => {
                let end = SignedDuration::try_from(duration)
                    .ok()
                    .and_then(|duration| self.now().checked_add(duration).ok())
                    .unwrap_or(Timestamp::MAX);
                if shown.clone().wait_for(|now| end <= *now).await.is_err() {
                    // Nobody will set it any more.
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// How long `duration` of this clock takes on the wall; of a manual clock nobody knows, and it is taken as long as it is.
    #[must_use]
    pub fn to_real_duration(&self, duration: Duration) -> Duration {
        match &self.0 {
            Kind::System | Kind::Manual(_) => duration,
            Kind::Accelerated { speed, .. } => duration.div_f64(*speed),
            Kind::Stepped(clock, _) => clock.to_real_duration(duration),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_accelerated_clock_passes_an_hour_in_a_minute() {
        let origin: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let clock = Clock::accelerated(origin, 60.0);
        clock.sleep(Duration::from_secs(3_600)).await;
        let passed = clock.now().duration_since(origin).as_secs();
        assert!((3_599..=3_601).contains(&passed), "{passed} s");
    }

    #[tokio::test]
    async fn a_manual_clock_stands_until_it_is_set() {
        let origin: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let (clock, hand) = Clock::manual(origin);
        let waiting = clock.clone();
        let mut sleep = std::pin::pin!(waiting.sleep(Duration::from_secs(60)));
        for (second, is_over) in [(0, false), (59, false), (60, true)] {
            let now = origin + SignedDuration::from_secs(second);
            hand.set(now);
            assert_eq!(clock.now(), now);
            assert_eq!(
                futures::poll!(sleep.as_mut()).is_ready(),
                is_over,
                "{second}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_stepped_is_ahead_and_waits_as_long_as_before() {
        let origin: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let (clock, stepper) = Clock::accelerated(origin, 60.0).stepped();
        let hour = SignedDuration::from_hours(1);
        stepper.set_ahead(hour);
        assert_eq!(clock.now(), origin + hour);
        clock.sleep(Duration::from_secs(60)).await;
        stepper.set_ahead(SignedDuration::ZERO);
        let passed = clock.now().duration_since(origin).as_secs();
        assert!((59..=61).contains(&passed), "{passed} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_senseless_speed_is_taken_as_one() {
        let clock = Clock::accelerated(Timestamp::UNIX_EPOCH, f64::NAN);
        assert_eq!(
            clock.to_real_duration(Duration::from_secs(5)),
            Duration::from_secs(5)
        );
    }
}
