//! Whether requests come at fixed intervals.

use super::series::{Series, number};

/// A beat has at least this part of the peak; less is what comes between.
const BEAT: f64 = 0.25;

/// At least this part of all requests comes on the beat.
const TIMER_TOLERANCE: f64 = 0.8;

/// The least number of beats. Of bursts at random, four in a row are about evenly spaced once in a thousand days; six
/// never were in ten thousands of random days.
const MIN_BEATS: usize = 6;

/// The part of its interval that a beat may last. Longer ones are hours of work, not a timer.
const MAX_BEAT: f64 = 0.2;

/// The least regularity, 0 for chance and 1 for a clock. A timer that misses one beat in ten has 0.87 and more.
const REGULARITY: f64 = 0.8;

/// The interval of the timer behind a series, in seconds; absent where there is none.
pub(super) fn period(series: &Series) -> Option<f64> {
    let floor = BEAT * series.peak();
    let beats: Vec<bool> = series.counts.iter().map(|count| *count >= floor).collect();
    let on_beat: f64 = series.counts.iter().filter(|count| **count >= floor).sum();
    if on_beat < TIMER_TOLERANCE * series.counts.iter().sum::<f64>() {
        return None;
    }
    let starts: Vec<usize> = (0..beats.len())
        .filter(|index| beats[*index] && !index.checked_sub(1).is_some_and(|before| beats[before]))
        .collect();
    if starts.len() < MIN_BEATS {
        return None;
    }
    let interval = median_interval(&starts)?;
    let lasting = number(beats.iter().filter(|beat| **beat).count()) / number(starts.len());
    if lasting > (MAX_BEAT * number(interval)).max(1.0) {
        return None;
    }
    (regularity(&beats, interval)? >= REGULARITY).then(|| number(interval) * series.bucket)
}

fn median_interval(starts: &[usize]) -> Option<usize> {
    let mut intervals: Vec<usize> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    intervals.sort_unstable();
    intervals.get(intervals.len() / 2).copied()
}

/// How well one beat predicts the next: `(share followed after the interval - chance) / (1 - chance)`. An
/// autocorrelation of beats that allows them to be early or late by a bucket, or by a twentieth of a long interval.
fn regularity(beats: &[bool], interval: usize) -> Option<f64> {
    let slack = if interval < 5 {
        0
    } else {
        (interval / 20).max(1)
    };
    // How many beats lie before each bucket, so that a span is one subtraction.
    let mut before = Vec::with_capacity(beats.len() + 1);
    before.push(0_usize);
    for beat in beats {
        before.push(before.last()? + usize::from(*beat));
    }
    let hit = |middle: usize| {
        let (from, to) = (middle.saturating_sub(slack), middle + slack + 1);
        before[to] > before[from]
    };
    let last = beats.len().checked_sub(slack + 1)?;
    let uniform_sample = share((slack..=last).map(hit))?;
    let predicted = (0..beats.len()).filter(|index| beats[*index] && index + interval <= last);
    let followed = share(predicted.map(|index| hit(index + interval)))?;
    (uniform_sample < 1.0).then(|| (followed - uniform_sample) / (1.0 - uniform_sample))
}

/// The share of those that are true; absent for none.
fn share(all: impl Iterator<Item = bool>) -> Option<f64> {
    let (mut count, mut hits) = (0_usize, 0_usize);
    for hit in all {
        count += 1;
        hits += usize::from(hit);
    }
    (count > 0).then(|| number(hits) / number(count))
}
