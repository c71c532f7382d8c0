//! The only reader of time.
//!
//! Everything that needs to know what time it is, or to wait, is handed a [`Clock`]. The system clock
//! is the ordinary one; an accelerated clock starts at a chosen instant and runs faster than the wall,
//! which lets a simulated day pass in minutes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
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

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System => Timestamp::now(),
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
        tokio::time::sleep(self.on_the_wall(duration)).await;
    }

    /// How long `duration` of this clock takes on the wall.
    #[must_use]
    pub fn on_the_wall(&self, duration: Duration) -> Duration {
        match &self.0 {
            Kind::System => duration,
            Kind::Accelerated { speed, .. } => duration.div_f64(*speed),
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

    #[tokio::test(start_paused = true)]
    async fn a_senseless_speed_is_taken_as_one() {
        let clock = Clock::accelerated(Timestamp::UNIX_EPOCH, f64::NAN);
        assert_eq!(
            clock.on_the_wall(Duration::from_secs(5)),
            Duration::from_secs(5)
        );
    }
}
