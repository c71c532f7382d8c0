//! Traffic over time: closed forms of the minute, and counters as prefix sums of them.

use std::f64::consts::TAU;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::rng;

const MINUTES_PER_DAY: i64 = 1_440;

/// Requests over time. `m` is the minute: Unix seconds divided by 60, rounded down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "pattern", rename_all = "snake_case", deny_unknown_fields)]
pub enum Traffic {
    /// Always the same rate.
    Steady {
        /// Requests per second.
        requests_per_second: f64,
    },
    /// A cosine over the day (UTC).
    Diurnal {
        /// Mean requests per second.
        requests_per_second: f64,
        /// Swing around the mean, 0 to 1.
        amplitude: f64,
        /// Hour of the day (UTC) with the most traffic, 0 to 24.
        peak_hour: f64,
    },
    /// A base rate, multiplied in some slots of time.
    Bursty {
        /// Requests per second outside bursts.
        requests_per_second: f64,
        /// Factor within a burst.
        burst_factor: f64,
        /// Part of the slots that are bursts, 0 to 1.
        burst_share: f64,
        /// Length of a slot.
        #[serde(default = "default_slot_minutes")]
        slot_minutes: u32,
    },
    /// Nothing in most minutes, something in a few.
    Sporadic {
        /// Requests in a minute that has any.
        requests_per_active_minute: f64,
        /// Part of the minutes that have any, 0 to 1.
        active_share: f64,
    },
    /// A fixed number of requests every so many minutes.
    Timer {
        /// The period.
        every_minutes: u32,
        /// The minute of the period in which it fires.
        #[serde(default)]
        offset_minutes: u32,
        /// Requests each time.
        requests: f64,
    },
}

fn default_slot_minutes() -> u32 {
    30
}

impl Traffic {
    /// Requests per second in the given minute, for the owner `name` under `seed`.
    ///
    /// Formula: see `docs/worlds.md`, one closed form for each pattern.
    #[must_use]
    pub fn rate(&self, seed: u64, name: &str, minute: i64) -> f64 {
        match *self {
            Self::Steady {
                requests_per_second,
            } => requests_per_second,
            Self::Diurnal {
                requests_per_second,
                amplitude,
                peak_hour,
            } => {
                let passed = minute.rem_euclid(MINUTES_PER_DAY) as f64 - 60.0 * peak_hour;
                let angle = TAU * passed / MINUTES_PER_DAY as f64;
                requests_per_second * (1.0 + amplitude * angle.cos())
            }
            Self::Bursty {
                requests_per_second,
                burst_factor,
                burst_share,
                slot_minutes,
            } => {
                let slot = minute.div_euclid(i64::from(slot_minutes.max(1)));
                if rng::unit(seed, name, "burst", slot) < burst_share {
                    requests_per_second * burst_factor
                } else {
                    requests_per_second
                }
            }
            Self::Sporadic {
                requests_per_active_minute,
                active_share,
            } => {
                if rng::unit(seed, name, "active", minute) < active_share {
                    requests_per_active_minute / 60.0
                } else {
                    0.0
                }
            }
            Self::Timer {
                every_minutes,
                offset_minutes,
                requests,
            } => {
                let period = i64::from(every_minutes.max(1));
                if minute.rem_euclid(period) == i64::from(offset_minutes) {
                    requests / 60.0
                } else {
                    0.0
                }
            }
        }
    }
}

/// The requests of one owner, minute by minute since the history began.
#[derive(Clone, Debug)]
pub(super) struct Series {
    traffic: Traffic,
    seed: u64,
    name: String,
    first_minute: i64,
    /// Element i: requests before the minute `first_minute + i`. Extended as time passes.
    sums: Arc<Mutex<Vec<u64>>>,
}

impl Series {
    pub(super) fn new(traffic: Traffic, seed: u64, name: &str, first_minute: i64) -> Self {
        let sums = Arc::new(Mutex::new(vec![0]));
        Self {
            traffic,
            seed,
            name: name.to_owned(),
            first_minute,
            sums,
        }
    }

    /// Requests in the minute; 0 before the history began.
    ///
    /// Formula: floor(60 r(m) + 0.5).
    pub(super) fn in_minute(&self, minute: i64) -> u64 {
        if minute < self.first_minute {
            return 0;
        }
        (60.0 * self.traffic.rate(self.seed, &self.name, minute) + 0.5).floor() as u64
    }

    /// Requests since the history began, at instant `at`.
    ///
    /// Formula: the sum over whole minutes + floor(n(m) * part of minute m that has passed).
    pub(super) fn counter_at(&self, at: Timestamp) -> u64 {
        let minute = at.as_second().div_euclid(60);
        let Ok(whole) = usize::try_from(minute - self.first_minute) else {
            return 0;
        };
        let milliseconds = at.as_millisecond().rem_euclid(60_000) as u64;
        self.before(whole) + self.in_minute(minute) * milliseconds / 60_000
    }

    /// Requests since the history began, at instant `at`, and the part of the next that has passed.
    pub(super) fn served_by(&self, at: Timestamp) -> f64 {
        let minute = at.as_second().div_euclid(60);
        let Ok(whole) = usize::try_from(minute - self.first_minute) else {
            return 0.0;
        };
        let milliseconds = at.as_millisecond().rem_euclid(60_000) as f64;
        self.before(whole) as f64 + self.in_minute(minute) as f64 * milliseconds / 60_000.0
    }

    fn before(&self, minutes: usize) -> u64 {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        while sums.len() <= minutes {
            let done = sums.len() - 1;
            let next = sums[done] + self.in_minute(self.first_minute + done as i64);
            sums.push(next);
        }
        sums[minutes]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 20_000 * MINUTES_PER_DAY;

    fn at(minute: i64, seconds: i64) -> Timestamp {
        Timestamp::from_second(minute * 60 + seconds).unwrap()
    }

    #[test]
    fn a_counter_grows_within_the_minute_and_agrees_with_its_minutes() {
        let traffic = Traffic::Steady {
            requests_per_second: 40.0,
        };
        let series = Series::new(traffic, 42, "shop/checkout", DAY);
        assert_eq!(series.in_minute(DAY), 2_400);
        assert_eq!(series.in_minute(DAY - 1), 0);
        assert_eq!(series.counter_at(at(DAY - 1, 59)), 0);
        assert_eq!(series.counter_at(at(DAY, 15)), 600);
        assert_eq!(series.counter_at(at(DAY + 10, 30)), 25_200);
        assert_eq!(series.counter_at(at(DAY + 3, 0)), 7_200);
    }

    #[test]
    fn diurnal_traffic_peaks_at_its_hour_and_keeps_its_mean() {
        let traffic = Traffic::Diurnal {
            requests_per_second: 10.0,
            amplitude: 0.5,
            peak_hour: 18.0,
        };
        assert!((traffic.rate(1, "x", DAY + 18 * 60) - 15.0).abs() < 1e-9);
        assert!((traffic.rate(1, "x", DAY + 6 * 60) - 5.0).abs() < 1e-9);
        let sum: f64 = (0..MINUTES_PER_DAY)
            .map(|m| traffic.rate(1, "x", DAY + m))
            .sum();
        assert!((sum / MINUTES_PER_DAY as f64 - 10.0).abs() < 1e-9);
    }

    #[test]
    fn bursts_last_a_whole_slot_and_take_their_share() {
        let traffic = Traffic::Bursty {
            requests_per_second: 2.0,
            burst_factor: 10.0,
            burst_share: 0.2,
            slot_minutes: 30,
        };
        let rate = |slot: i64, minute: i64| traffic.rate(42, "x", slot * 30 + minute);
        assert!((0..500).all(|slot| rate(slot, 0) == rate(slot, 29)));
        let bursts = (0..5_000).filter(|slot| rate(*slot, 0) == 20.0).count();
        assert!((900..1_100).contains(&bursts), "{bursts}");
    }

    #[test]
    fn a_timer_fires_in_its_minute_alone() {
        let traffic = Traffic::Timer {
            every_minutes: 1_440,
            offset_minutes: 120,
            requests: 1.0,
        };
        let series = Series::new(traffic, 1, "nightly", DAY);
        let fired: Vec<_> = (DAY..DAY + 2_880)
            .filter(|m| series.in_minute(*m) > 0)
            .collect();
        assert_eq!(fired, [DAY + 120, DAY + 1_560]);
        assert_eq!(series.counter_at(at(DAY + 2_880, 0)), 2);
    }

    #[test]
    fn sporadic_traffic_is_active_in_its_share_of_minutes() {
        let traffic = Traffic::Sporadic {
            requests_per_active_minute: 6.0,
            active_share: 0.1,
        };
        let series = Series::new(traffic, 42, "webhook", DAY);
        let active = (DAY..DAY + 10_000)
            .filter(|m| series.in_minute(*m) == 6)
            .count();
        assert!((900..1_100).contains(&active), "{active}");
    }
}
