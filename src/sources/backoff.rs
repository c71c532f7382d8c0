//! Pauses between attempts that fail.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// Exponential back-off with random jitter, which never pauses for longer than its maximum.
///
/// `backon` adds to each delay a random part of up to the same delay. So the delay itself grows to half of the maximum,
/// and pauses between half of it and all of it remain random: agents that fail together do not return together.
#[derive(Debug)]
pub(super) struct Backoff {
    builder: ExponentialBuilder,
    delays: ExponentialBackoff,
    max: Duration,
}

impl Backoff {
    /// Pauses that begin between `first` and twice of it, and double up to `max`.
    pub(super) fn new(first: Duration, max: Duration) -> Self {
        let builder = ExponentialBuilder::default()
            .with_min_delay(first.min(max / 2))
            .with_max_delay(max / 2)
            .without_max_times()
            .with_jitter();
        Self {
            builder,
            delays: builder.build(),
            max,
        }
    }

    /// The pause after one more failure.
    pub(super) fn next_pause(&mut self) -> Duration {
        self.delays
            .next()
            .map_or(self.max, |pause| pause.min(self.max))
    }

    /// Notes a success: the next pause is a first one.
    pub(super) fn reset(&mut self) {
        self.delays = self.builder.build();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(800);
    const MAX: Duration = Duration::from_secs(30);

    fn pauses(backoff: &mut Backoff, count: usize) -> Vec<Duration> {
        std::iter::repeat_with(|| backoff.next_pause())
            .take(count)
            .collect()
    }

    #[test]
    fn pauses_double_and_never_exceed_the_maximum() {
        let mut backoff = Backoff::new(FIRST, MAX);
        for run in 0..100 {
            for (nth, pause) in pauses(&mut backoff, 20).into_iter().enumerate() {
                let doubled = u32::try_from(nth).map_or(MAX, |nth| FIRST * 2_u32.pow(nth.min(10)));
                let least = doubled.min(MAX / 2);
                assert!(
                    (least..=MAX.min(2 * least)).contains(&pause),
                    "run {run}: pause {nth} is {pause:?}"
                );
            }
            backoff.reset();
        }
    }

    #[test]
    fn jitter_is_random_also_at_the_maximum() {
        let mut backoffs = [(); 2].map(|()| Backoff::new(FIRST, MAX));
        let [one, other] = backoffs.each_mut().map(|backoff| pauses(backoff, 20));
        assert_ne!(one, other, "two agents pause in step");
        assert_ne!(one[18], one[19], "pauses at the maximum are all the same");
        backoffs[0].reset();
        assert_ne!(one, pauses(&mut backoffs[0], 20));
    }

    #[test]
    fn a_maximum_below_the_first_pause_is_kept() {
        let max = Duration::from_millis(100);
        let mut backoff = Backoff::new(FIRST, max);
        assert!(pauses(&mut backoff, 20).iter().all(|pause| *pause <= max));
    }
}
