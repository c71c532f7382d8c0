//! Which minutes a query may see, and how they fall into periods.

use super::series::Series;
use super::statistics::Bucket;

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

/// How long data of each resolution live: seconds of a period that is kept, and for how many days
/// (GetMetricData, "CloudWatch retains metric data as follows").
const RETENTION: [(i64, i64); 3] = [(60, 15), (300, 63), (3_600, 455)];

/// The time that a request covers, as of one instant. All in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// First minute's start.
    pub(super) start: i64,
    /// Minutes that start here or later are out.
    pub(super) end: i64,
    /// The time of asking.
    pub(super) now: i64,
    /// When the first metric was published.
    pub(super) history_start: i64,
}

impl Window {
    /// The window of a request; `start` is rounded down as the API documents it: to the minute, to five
    /// minutes when older than 15 days, to the hour when older than 63 days.
    pub(super) fn new(start: f64, end: f64, now: i64, history_start: i64) -> Self {
        let (start, end) = (whole_seconds(start.floor()), whole_seconds(end.ceil()));
        let age = now.saturating_sub(start);
        let step = match age {
            _ if age < 15 * DAY => MINUTE,
            _ if age < 63 * DAY => 5 * MINUTE,
            _ => 60 * MINUTE,
        };
        Self {
            start: start.div_euclid(step) * step,
            end,
            now,
            history_start,
        }
    }

    /// The periods with data, oldest first; periods begin at the window's start.
    ///
    /// A period is made of the minutes that the window holds, what is published of them by now, and that are
    /// kept at the period's resolution.
    pub(super) fn buckets(&self, series: &Series<'_>, period: i64) -> Vec<(i64, Bucket)> {
        let kept_from = oldest_kept(period, self.now);
        let ended = self.now - MINUTE;
        let first = self
            .start
            .max(self.history_start - self.history_start.rem_euclid(MINUTE));
        let mut minute = first + (MINUTE - first.rem_euclid(MINUTE)) % MINUTE;
        let mut buckets: Vec<(i64, Bucket)> = Vec::new();
        while minute < self.end && minute <= ended {
            let begin = self.start + (minute - self.start).div_euclid(period) * period;
            if begin < kept_from {
                minute = (begin + period).max(minute + MINUTE);
                continue;
            }
            for part in series.parts(minute / MINUTE, self.now) {
                match buckets.last_mut() {
                    Some((last, bucket)) if *last == begin => bucket.add(part),
                    _ => {
                        let mut bucket = Bucket::default();
                        bucket.add(part);
                        buckets.push((begin, bucket));
                    }
                }
            }
            minute += MINUTE;
        }
        buckets
    }
}

/// The oldest time of which data at this period are kept.
fn oldest_kept(period: i64, now: i64) -> i64 {
    let days = RETENTION
        .iter()
        .filter(|(resolution, _)| period % resolution == 0);
    now - days.map(|(_, days)| *days).max().unwrap_or(0) * DAY
}
fn whole_seconds(seconds: f64) -> i64 {
    // A date that jiff could not hold is as good as the last it can.
    (seconds as i64).clamp(-377_705_023_201, 253_402_207_200)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::cloudwatch::statistics::Statistic;
    use crate::aws::scope::AccountRegion;
    use crate::world::World;

    /// 2026-03-03T00:00:00Z, the start of the world below.
    const START: i64 = 1_772_496_000;

    fn world() -> World {
        World::from_yaml(
            "{name: w, start: '2026-03-03T00:00:00Z', history_hours: 48, functions: [{name: f, \
             memory_mib: 128, duration_ms: 100, traffic: {pattern: diurnal, \
             requests_per_second: 2, amplitude: 0.5, peak_hour: 12}}]}",
        )
        .unwrap()
    }

    fn sums(world: &World, window: Window, metric: &str, period: i64) -> Vec<(i64, f64)> {
        let dimensions = [("FunctionName".to_owned(), "f".to_owned())];
        let series = Series::find(
            AccountRegion::home(world),
            "AWS/Lambda",
            metric,
            &dimensions,
        )
        .unwrap();
        let buckets = window.buckets(&series, period).into_iter();
        buckets
            .map(|(at, bucket)| (at, bucket.statistic(Statistic::Sum)))
            .collect()
    }

    fn times(world: &World, start: i64, end: i64, now: i64, period: i64) -> Vec<i64> {
        let window = Window::new(
            start as f64,
            end as f64,
            now,
            world.history_start().as_second(),
        );
        sums(world, window, "Invocations", period)
            .into_iter()
            .map(|(at, _)| at - start)
            .collect()
    }

    #[test]
    fn the_start_belongs_to_the_window_and_the_end_does_not() {
        let world = world();
        let start = START - 3_600;
        assert_eq!(times(&world, start, start + 180, START, 60), [0, 60, 120]);
        assert_eq!(
            times(&world, start, start + 181, START, 60),
            [0, 60, 120, 180]
        );
        // The start is rounded down to its minute.
        assert_eq!(times(&world, start + 59, start + 120, START, 60), [-59, 1]);
    }

    #[test]
    fn the_running_minute_and_the_one_not_yet_published_are_absent() {
        let world = world();
        let from = START - 240;
        for (now, expected) in [
            (START - 1, &[0, 60][..]),
            (START, &[0, 60, 120][..]),
            (START + 59, &[0, 60, 120][..]),
            (START + 60, &[0, 60, 120, 180][..]),
        ] {
            assert_eq!(
                times(&world, from, START + 3_600, now, 60),
                expected,
                "at {now}"
            );
        }
    }

    #[test]
    fn nothing_is_older_than_the_history() {
        let world = world();
        let begin = START - 2 * DAY;
        assert_eq!(
            times(&world, begin - 120, begin + 120, START, 60),
            [120, 180]
        );
    }

    #[test]
    fn periods_begin_at_the_start_and_sum_their_minutes() {
        let world = world();
        let start = START - 7_200 + 60;
        let window = Window::new(start as f64, (start + 600) as f64, START, 0);
        let minutes = sums(&world, window, "Invocations", 60);
        let fives = sums(&world, window, "Invocations", 300);
        assert_eq!(
            fives.iter().map(|(at, _)| at - start).collect::<Vec<_>>(),
            [0, 300]
        );
        for (five, minutes) in fives.iter().zip(minutes.chunks(5)) {
            assert_eq!(five.1, minutes.iter().map(|(_, sum)| sum).sum::<f64>());
        }
        let durations = sums(&world, window, "Duration", 300);
        assert!((durations[0].1 - fives[0].1 * 100.0).abs() < 1e-6);
    }

    #[test]
    fn old_minutes_are_kept_in_fives_and_older_ones_in_hours() {
        let world = world();
        for (age, start, period, expected) in [
            // The minute that is just 15 days old is the first one kept.
            (15, -120, 60, &[120, 180][..]),
            // A start older than that is rounded down to five minutes.
            (15, -120, 300, &[-180, 120]),
            // Between 15 and 63 days there are only fives.
            (20, -600, 60, &[]),
            (20, -600, 300, &[0, 300, 600]),
            (63, -600, 300, &[600]),
            // Between 63 and 455 days there are only hours.
            (100, -7_200, 300, &[]),
            (100, -7_200, 3_600, &[0, 3_600, 7_200]),
            (456, -7_200, 3_600, &[]),
        ] {
            let from = START - DAY + start;
            let found = times(
                &world,
                from,
                START - DAY + 120,
                START - DAY + age * DAY,
                period,
            );
            assert_eq!(found, expected, "{age} days, {start}, period {period}");
        }
    }
}
