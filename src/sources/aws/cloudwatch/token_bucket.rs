//! What may be taken over time: it flows in evenly, and what is not taken waits up to a limit.

use std::time::Duration;

/// A token bucket. It is told how much time has passed, so it works on any clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TokenBucket {
    capacity: f64,
    per_second: f64,
    level: f64,
}

impl TokenBucket {
    /// A full bucket.
    pub(super) const fn full(capacity: f64, per_second: f64) -> Self {
        Self {
            capacity,
            per_second,
            level: capacity,
        }
    }

    /// Holds as much as was left in another one, as far as it has room.
    pub(super) const fn restore(&mut self, level: f64) {
        self.level = level.min(self.capacity);
    }

    /// Lets in what has come since it was last told.
    pub(super) fn advance(&mut self, time: Duration) {
        self.level = (self.level + self.per_second * time.as_secs_f64()).min(self.capacity);
    }

    /// What can be taken now.
    pub(super) const fn level(&self) -> f64 {
        self.level
    }

    /// Takes an amount, also one that is not there yet: later takers wait for it.
    pub(super) const fn consume(&mut self, amount: f64) {
        self.level -= amount;
    }

    /// How long to wait before an amount may be taken. More than the bucket holds needs a full one.
    pub(super) fn wait_for(&self, amount: f64) -> Duration {
        let missing = (amount.min(self.capacity) - self.level).max(0.0);
        Duration::try_from_secs_f64(missing / self.per_second).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_there_is_waited_for_and_no_more_than_the_limit_is_saved() {
        let mut bucket = TokenBucket::full(10.0, 2.0);
        assert_eq!(bucket.wait_for(10.0), Duration::ZERO);
        bucket.consume(7.0);
        assert_eq!(bucket.wait_for(8.0), Duration::from_millis(2_500));
        bucket.advance(Duration::from_secs(60));
        assert_eq!(bucket.level(), 10.0);
        // More than it holds is given from a full one, and those after it wait.
        assert_eq!(bucket.wait_for(15.0), Duration::ZERO);
        bucket.consume(15.0);
        assert_eq!(bucket.wait_for(1.0), Duration::from_secs(3));
    }

    proptest! {
        #[test]
        fn who_waits_never_takes_more_than_the_limit_and_what_came(
            takes in prop::collection::vec((0.0..10.0, 0_u64..5_000), 1..100),
        ) {
            let mut bucket = TokenBucket::full(10.0, 3.0);
            let (mut taken, mut time) = (0.0, 0.0);
            for (amount, idle) in takes {
                let idle = Duration::from_millis(idle);
                bucket.advance(idle);
                let wait = bucket.wait_for(amount);
                bucket.advance(wait);
                bucket.consume(amount);
                taken += amount;
                time += (idle + wait).as_secs_f64();
                prop_assert!(taken <= 10.0 + 3.0 * time + 1e-6);
            }
        }
    }
}
