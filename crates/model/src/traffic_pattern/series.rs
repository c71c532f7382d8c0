//! Requests in buckets of equal length, as plain numbers, and what can be said of them.

use std::f64::consts::TAU;

use crate::units::{Requests, Seconds};

const DAY: f64 = 86_400.0;

/// The shortest buckets in which bursts are looked for: an autoscaler holds a peak for about as long.
const MIN_BUSY: f64 = 300.0;

/// The longest buckets in which bursts are looked for.
const MAX_BUSY: f64 = 3_600.0;

/// The share of buckets with requests from which chance no longer looks like bursts: in independent arrivals it
/// means some five in each.
const BUSY_SHARE: f64 = 0.99;

/// Evenly spaced counts, at least one of them above zero.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// The length of a bucket, in seconds.
    pub(super) bucket: f64,
    /// The counts.
    pub(super) counts: Vec<f64>,
}

/// The daily wave of a series.
#[derive(Clone, Copy, Debug)]
pub(super) struct DailyCycle {
    /// Its amplitude over the mean.
    pub(super) swing: f64,
    /// The share of the variance that it explains.
    pub(super) share: f64,
    /// The autocorrelation at a day, where two days are known.
    pub(super) repeat: Option<f64>,
}

impl Series {
    /// Absent where there is nothing in it.
    pub(super) fn new(bucket: Seconds, counts: &[Requests]) -> Option<Self> {
        let series = Self {
            bucket: bucket.seconds(),
            counts: counts.iter().map(|count| count.requests()).collect(),
        };
        (series.bucket > 0.0 && series.mean() > 0.0).then_some(series)
    }

    /// The time that it covers, in seconds.
    pub(super) fn length(&self) -> f64 {
        self.bucket * number(self.counts.len())
    }

    fn mean(&self) -> f64 {
        mean(&self.counts)
    }

    /// The largest count.
    pub(super) fn peak(&self) -> f64 {
        self.counts.iter().copied().fold(0.0, f64::max)
    }

    /// The largest count over the mean.
    pub(super) fn peak_to_mean(&self) -> f64 {
        self.peak() / self.mean()
    }

    /// The standard deviation over the mean.
    pub(super) fn spread(&self) -> f64 {
        variance(&self.counts).sqrt() / self.mean()
    }

    /// The share of buckets with requests.
    pub(super) fn active_share(&self) -> f64 {
        let active = self.counts.iter().filter(|count| **count > 0.0).count();
        number(active) / number(self.counts.len())
    }

    /// The correlation of the series with itself so many buckets later, -1 to 1 or a little beyond; absent where it
    /// is too short or nothing goes up or down.
    pub(super) fn autocorrelation(&self, lag: usize) -> Option<f64> {
        let (mean, variance) = (self.mean(), variance(&self.counts));
        let later = self.counts.get(lag..).filter(|later| !later.is_empty())?;
        // Less than the rounding of the mean is no variance.
        if variance <= (mean * 1e-9).powi(2) {
            return None;
        }
        let products = self.counts.iter().zip(later);
        let sum: f64 = products.map(|(x, y)| (x - mean) * (y - mean)).sum();
        Some(sum / number(later.len()) / variance)
    }

    /// Neighbouring buckets together, so that one is about so long. What is left over at the start is dropped.
    pub(super) fn merge_to(&self, bucket: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast from a float saturates"
        )]
        let size = ((bucket / self.bucket).round() as usize).max(1);
        self.merge(size)
    }

    fn merge(&self, size: usize) -> Self {
        let mut counts: Vec<f64> = self
            .counts
            .rchunks_exact(size)
            .map(|part| part.iter().sum())
            .collect();
        counts.reverse();
        Self {
            bucket: self.bucket * number(size),
            counts,
        }
    }

    /// In buckets of five minutes, doubled until nearly all have requests or the next would be longer than an hour.
    pub(super) fn merge_until_active(&self) -> Self {
        let mut merge = self.merge_to(MIN_BUSY);
        while merge.active_share() < BUSY_SHARE && 2.0 * merge.bucket <= MAX_BUSY {
            merge = merge.merge(2);
        }
        merge
    }

    /// The wave of 24 hours that fits best, over the last whole days; absent where nothing goes up or down.
    pub(super) fn daily_cycle(&self) -> Option<DailyCycle> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast from a float saturates"
        )]
        let per_day = (DAY / self.bucket).round() as usize;
        let days = self.counts.len() / per_day.max(1);
        let first = match days {
            0 => 0,
            days => self.counts.len() - days * per_day,
        };
        let whole = Self {
            bucket: self.bucket,
            counts: self.counts[first..].to_vec(),
        };
        let (mean, variance) = (whole.mean(), variance(&whole.counts));
        if mean <= 0.0 || variance <= (mean * 1e-9).powi(2) {
            return None;
        }
        let (mut along, mut across) = (0.0, 0.0);
        for (index, count) in whole.counts.iter().enumerate() {
            let angle = TAU * number(index) * whole.bucket / DAY;
            along += (count - mean) * angle.cos();
            across += (count - mean) * angle.sin();
        }
        let amplitude = 2.0 * along.hypot(across) / number(whole.counts.len());
        let repeat = (days >= 2).then(|| whole.autocorrelation(per_day));
        Some(DailyCycle {
            swing: amplitude / mean,
            share: (amplitude * amplitude / 2.0 / variance).min(1.0),
            repeat: repeat.flatten(),
        })
    }
}

fn mean(counts: &[f64]) -> f64 {
    if counts.is_empty() {
        0.0
    } else {
        counts.iter().sum::<f64>() / number(counts.len())
    }
}

fn variance(counts: &[f64]) -> f64 {
    let mean = mean(counts);
    let squares: f64 = counts.iter().map(|count| (count - mean).powi(2)).sum();
    squares / number(counts.len().max(1))
}

/// A number of buckets for arithmetic.
pub(super) fn number(count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "numbers of buckets are small")]
    let number = count as f64;
    number
}
