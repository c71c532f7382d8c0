//! When CloudWatch shows the invocations of a minute: in a world without lateness all at once, else as
//! they end, some of them late, some minutes missing for a while.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::latency_distribution::duration_multiple;
use super::rng;

/// After the end of its minute, an invocation is published this much later.
const DELAY_SECONDS: u32 = 60;
const MINUTE_SECONDS: f64 = 60.0;

/// How far what CloudWatch shows lags behind what happened. `docs/worlds.md` has the formulas.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestionDelaySpec {
    /// Seconds from the end of the minute, or of the invocation, to its publication.
    #[serde(default = "default_delay_seconds")]
    pub delay_seconds: u32,
    /// Part of the invocations that are published later still.
    #[serde(default)]
    pub late_share: f64,
    /// They come one after the other within so many minutes.
    #[serde(default = "default_late_minutes")]
    pub late_minutes: u32,
    /// Part of the minutes of which nothing is shown for a while.
    #[serde(default)]
    pub missing_share: f64,
    /// For so many minutes.
    #[serde(default = "default_missing_minutes")]
    pub missing_minutes: u32,
    /// Part of the points that an answer has twice.
    #[serde(default)]
    pub repeated_share: f64,
    /// Whether the points of an answer come in no order, whatever was asked for.
    #[serde(default)]
    pub shuffled: bool,
}

/// The invocations of one minute of one function.
#[derive(Clone, Copy)]
pub(super) struct Batch<'a> {
    pub(super) seed: u64,
    pub(super) key: &'a str,
    pub(super) minute: i64,
    pub(super) invocations: u64,
    pub(super) duration_ms: f64,
}

impl Batch<'_> {
    /// How many of the invocations are published at `now`, in seconds since 1970.
    pub(super) fn published(self, ingestion_delay: Option<&IngestionDelaySpec>, now: i64) -> u64 {
        let Some(ingestion_delay) = ingestion_delay else {
            let shown = now >= (self.minute + 1) * 60 + i64::from(DELAY_SECONDS);
            return if shown { self.invocations } else { 0 };
        };
        let late = self.late(ingestion_delay);
        let begin = self.first_shown(ingestion_delay);
        // Later invocations are never published earlier, so the first that is not yet can be searched.
        let (mut low, mut high) = (0, self.invocations);
        while low < high {
            let middle = low + (high - low) / 2;
            if begin + self.lag(ingestion_delay, late, middle) <= now as f64 {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// When the last invocation is published; of a minute without any, when the first would be.
    pub(super) fn settled_at(self, ingestion_delay: Option<&IngestionDelaySpec>) -> Timestamp {
        let seconds = match (ingestion_delay, self.invocations.checked_sub(1)) {
            (None, _) => ((self.minute + 1) * 60 + i64::from(DELAY_SECONDS)) as f64,
            (Some(ingestion_delay), None) => self.first_shown(ingestion_delay),
            (Some(ingestion_delay), Some(last)) => {
                self.first_shown(ingestion_delay)
                    + self.lag(ingestion_delay, self.late(ingestion_delay), last)
            }
        };
        Timestamp::from_second(seconds.ceil() as i64).unwrap_or(Timestamp::MAX)
    }

    /// Invocations that are published late: floor(n * `late_share` + u(key, "late", m)), at most n.
    fn late(self, ingestion_delay: &IngestionDelaySpec) -> u64 {
        if ingestion_delay.late_share == 0.0 || self.invocations == 0 {
            return 0;
        }
        let uniform_sample = rng::unit(self.seed, self.key, "late", self.minute);
        let late =
            (self.invocations as f64 * ingestion_delay.late_share + uniform_sample).floor() as u64;
        late.min(self.invocations)
    }

    /// When an invocation without duration is published that is not late, in seconds since 1970.
    fn first_shown(self, ingestion_delay: &IngestionDelaySpec) -> f64 {
        let end = ((self.minute + 1) * 60 + i64::from(ingestion_delay.delay_seconds)) as f64;
        let missing = ingestion_delay.missing_share > 0.0
            && rng::unit(self.seed, self.key, "missing", self.minute)
                < ingestion_delay.missing_share;
        let gap = f64::from(ingestion_delay.missing_minutes) * MINUTE_SECONDS;
        if missing { end + gap } else { end }
    }

    /// How many seconds after that the i-th (from 0) is published: its duration, and what it is late.
    fn lag(self, ingestion_delay: &IngestionDelaySpec, late: u64, i: u64) -> f64 {
        let quantile = (i as f64 + 0.5) / self.invocations as f64;
        let duration = self.duration_ms / 1_000.0 * duration_multiple(quantile);
        let turn = (i + 1).saturating_sub(self.invocations - late);
        if turn == 0 {
            return duration;
        }
        let minutes = (turn * u64::from(ingestion_delay.late_minutes)).div_ceil(late);
        duration + minutes as f64 * MINUTE_SECONDS
    }
}

fn default_delay_seconds() -> u32 {
    DELAY_SECONDS
}

fn default_late_minutes() -> u32 {
    10
}

fn default_missing_minutes() -> u32 {
    10
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 29_541_600;

    fn batch(invocations: u64, duration_ms: f64) -> Batch<'static> {
        Batch {
            seed: 7,
            key: "f",
            minute: MINUTE,
            invocations,
            duration_ms,
        }
    }

    fn ingestion_delay(text: &str) -> IngestionDelaySpec {
        serde_json::from_str(text).unwrap()
    }

    /// Seconds after the end of the minute.
    fn after(seconds: i64) -> i64 {
        (MINUTE + 1) * 60 + seconds
    }

    #[test]
    fn without_lateness_a_minute_is_shown_whole_a_minute_after_its_end() {
        let batch = batch(100, 90_000.0);
        assert_eq!(batch.published(None, after(59)), 0);
        assert_eq!(batch.published(None, after(60)), 100);
        assert_eq!(batch.settled_at(None).as_second(), after(60));
    }

    #[test]
    fn long_invocations_are_shown_as_they_end() {
        let (batch, ingestion_delay) = (batch(100, 600_000.0), ingestion_delay("{}"));
        let shown = |seconds: i64| batch.published(Some(&ingestion_delay), after(60 + seconds));
        // The quickest takes half of the mean, half of them at most 0.9 of it, the longest 1.6.
        assert_eq!(shown(299), 0);
        assert!((1..=2).contains(&shown(304)), "{}", shown(304));
        assert_eq!(shown(540), 50);
        assert!((97..100).contains(&shown(920)), "{}", shown(920));
        assert_eq!(shown(960), 100);
    }

    #[test]
    fn late_invocations_come_one_after_the_other() {
        let ingestion_delay =
            ingestion_delay(r#"{"late_share": 0.5, "late_minutes": 10, "delay_seconds": 30}"#);
        let batch = batch(20, 1.0);
        let shown: Vec<u64> = (0..=11)
            .map(|minutes| batch.published(Some(&ingestion_delay), after(31 + 60 * minutes)))
            .collect();
        assert_eq!(shown, [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 20]);
    }

    #[test]
    fn some_minutes_are_missing_and_come_whole() {
        let ingestion_delay = ingestion_delay(r#"{"missing_share": 0.25, "missing_minutes": 5}"#);
        let missing = (MINUTE..MINUTE + 1_000)
            .filter(|minute| {
                let batch = Batch {
                    minute: *minute,
                    ..batch(9, 1.0)
                };
                let shown = |seconds: i64| {
                    batch.published(Some(&ingestion_delay), (minute + 1) * 60 + seconds)
                };
                assert_eq!(shown(361), 9);
                shown(61) == 0
            })
            .count();
        assert!((200..300).contains(&missing), "{missing}");
    }

    #[test]
    fn a_minute_is_settled_exactly_when_all_of_it_is_shown() {
        let ingestion_delay = ingestion_delay(
            r#"{"late_share": 0.3, "late_minutes": 17, "missing_share": 0.5, "missing_minutes": 4}"#,
        );
        for (invocations, duration_ms) in [(1, 3.0), (10, 250.0), (999, 45_000.0)] {
            for minute in MINUTE..MINUTE + 50 {
                let batch = Batch {
                    minute,
                    ..batch(invocations, duration_ms)
                };
                let settled = batch.settled_at(Some(&ingestion_delay)).as_second();
                assert_eq!(
                    batch.published(Some(&ingestion_delay), settled),
                    invocations
                );
                assert!(batch.published(Some(&ingestion_delay), settled - 1) < invocations);
            }
        }
    }
}
