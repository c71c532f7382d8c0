//! What was used a moment ago, to be paired with requests that are counted later.

use jiff::Timestamp;

use super::compact_series::CompactSeries;
use breakeven_model::units::{CoreSeconds, Seconds, Window};

/// Looks at the cluster within so many seconds are one moment: the shortest step in which requests may be counted.
const LENGTH: i64 = 30;

/// How many moments are kept: those of half an hour.
const KEPT: u32 = 60;

/// How much of a step's time must have been seen for its use to stand for the step.
const LEAST: f64 = 0.8;

/// The last half hour: how much of it was seen, and what was used, moment by moment.
#[derive(Debug, Default)]
pub(super) struct RecentUsage(CompactSeries<(Seconds, CoreSeconds)>);

fn moment_of(instant: Timestamp) -> Option<u32> {
    instant.as_second().div_euclid(LENGTH).try_into().ok()
}

impl RecentUsage {
    /// Adds what was used over a time that began then.
    pub(super) fn add(&mut self, from: Timestamp, time: Seconds, cores: CoreSeconds) {
        if let Some(moment) = moment_of(from) {
            self.push(moment, time, cores);
        }
    }

    /// Adds what was counted in a window, evenly over the moments that it touches. As much of the window was seen.
    pub(super) fn spread(&mut self, window: Window, seen: Seconds, cores: CoreSeconds) {
        let length = window.length();
        let (Some(last), Some(first)) = (moment_of(window.end()), moment_of(window.start())) else {
            return;
        };
        for moment in first.max(last.saturating_sub(KEPT))..=last {
            let start = i64::from(moment) * LENGTH;
            let inside = Timestamp::from_second(start)
                .ok()
                .zip(Timestamp::from_second(start + LENGTH).ok())
                .and_then(|(start, end)| {
                    Window::between(window.start().max(start), window.end().min(end))
                });
            if let Some(share) = inside.and_then(|inside| inside.length().over(length)) {
                self.push(moment, seen * share, cores * share);
            }
        }
    }

    fn push(&mut self, moment: u32, time: Seconds, cores: CoreSeconds) {
        let (seen, used) = self.0.get(moment).unwrap_or_default();
        self.0.forget(moment.saturating_sub(KEPT));
        self.0.push(moment, &(seen + time, used + cores));
    }

    /// The processors used in a window of time, if nearly all of it was seen.
    pub(super) fn within(&self, window: Window) -> Option<CoreSeconds> {
        let (from, to) = (moment_of(window.start())?, moment_of(window.end())?);
        let (mut seen, mut used) = (Seconds::ZERO, CoreSeconds::ZERO);
        let inside = self.0.iter().filter(|(one, _)| (from..to).contains(one));
        for (_, (time, cores)) in inside {
            seen += time;
            used += cores;
        }
        let share = seen.over(window.length())?;
        (share.get() >= LEAST).then(|| share.inverse().map(|scale| used * scale))?
    }

    /// The bytes that it holds beside itself.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Two cores, seen each quarter of a minute.
    fn seen(from: i64, to: i64) -> RecentUsage {
        let mut moments = RecentUsage::default();
        for start in (from..to).step_by(15) {
            let cores = CoreSeconds::from_core_seconds(30.0).unwrap();
            moments.add(at(start), Seconds::from_seconds(15.0).unwrap(), cores);
        }
        moments
    }

    fn used(moments: &RecentUsage, to: i64) -> Option<f64> {
        let length = Duration::from_secs(300);
        let window = Window::closed_before(at(to), length, Duration::ZERO).unwrap();
        moments.within(window).map(CoreSeconds::core_seconds)
    }

    #[test]
    fn a_step_has_the_use_of_its_moments_and_a_gap_in_it_is_as_the_rest() {
        assert_eq!(used(&seen(0, 600), 300), Some(600.0));
        let with_a_gap = used(&seen(30, 600), 300).unwrap();
        assert!((with_a_gap - 600.0).abs() < 1e-3, "{with_a_gap}");
        assert_eq!(used(&seen(90, 600), 300), None, "too little was seen");
    }

    #[test]
    fn moments_are_kept_for_half_an_hour() {
        let moments = seen(0, 7_200);
        assert_eq!(used(&moments, 5_700), Some(600.0));
        assert_eq!(used(&moments, 5_400), None);
        assert!(moments.heap_bytes() <= 12 * 61, "{}", moments.heap_bytes());
    }
}
