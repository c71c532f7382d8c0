//! What CloudWatch keeps of the values published within a period, and the statistics of it.

use crate::aws::error::AwsError;
use crate::world::{duration_multiple, share_within};

/// Halvings of the search for a percentile of several functions together.
const BISECTIONS: usize = 60;

/// A statistic that a query asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Statistic {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
    /// A share of the values, 0 to 1.
    Percentile(f64),
}

/// The shape of the values of one part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Spread {
    /// All values are this one.
    Constant(f64),
    /// Values are 0, except for this many that are 1.
    Flags { ones: f64 },
    /// Times about this mean.
    Duration { mean: f64 },
    /// Evenly from 1 to this peak.
    Ramp { peak: f64 },
}

/// Values of one shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) samples: f64,
    pub(super) spread: Spread,
}

/// Everything published within one period.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bucket(Vec<Part>);

impl Statistic {
    /// Reads a statistic's name.
    pub(super) fn parse(name: &str) -> Result<Self, AwsError> {
        Ok(match name {
            "SampleCount" => Self::SampleCount,
            "Average" => Self::Average,
            "Sum" => Self::Sum,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            _ => {
                let percent = name
                    .strip_prefix('p')
                    .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
                    .and_then(|digits| digits.parse::<f64>().ok())
                    .filter(|percent| (0.0..=100.0).contains(percent));
                match percent {
                    Some(percent) => Self::Percentile(percent / 100.0),
                    None => {
                        return Err(AwsError::validation(format!(
                            "The value {name} for parameter Stat is not supported: SampleCount, \
                             Average, Sum, Minimum, Maximum or a percentile such as p99"
                        )));
                    }
                }
            }
        })
    }
}

impl Part {
    fn sum(&self) -> f64 {
        match self.spread {
            Spread::Constant(value) => self.samples * value,
            Spread::Flags { ones } => ones,
            Spread::Duration { mean } => self.samples * mean,
            Spread::Ramp { peak } => self.samples * f64::midpoint(1.0, peak),
        }
    }

    /// The value that a share of `p` of the values does not exceed.
    fn quantile(&self, p: f64) -> f64 {
        match self.spread {
            Spread::Constant(value) => value,
            Spread::Flags { ones } => f64::from(u8::from(
                ones > 0.0 && self.samples - ones < p * self.samples,
            )),
            Spread::Duration { mean } => mean * duration_multiple(p),
            Spread::Ramp { peak } => 1.0 + (peak - 1.0) * p,
        }
    }

    fn minimum(&self) -> f64 {
        match self.spread {
            Spread::Flags { ones } => f64::from(u8::from(ones >= self.samples)),
            _ => self.quantile(0.0),
        }
    }

    fn maximum(&self) -> f64 {
        self.quantile(1.0)
    }

    /// The share of the values that do not exceed `value`.
    fn share_up_to(&self, value: f64) -> f64 {
        match self.spread {
            Spread::Constant(constant) => f64::from(u8::from(value >= constant)),
            Spread::Flags { ones } if value < 1.0 => {
                if value < 0.0 {
                    0.0
                } else {
                    1.0 - ones / self.samples
                }
            }
            Spread::Flags { .. } => 1.0,
            Spread::Duration { mean } if mean > 0.0 => share_within(value / mean),
            Spread::Ramp { peak } if peak > 1.0 => ((value - 1.0) / (peak - 1.0)).clamp(0.0, 1.0),
            Spread::Duration { .. } | Spread::Ramp { .. } => {
                f64::from(u8::from(value >= self.maximum()))
            }
        }
    }
}

impl Bucket {
    /// Adds what one source published; parts of one shape become one part.
    pub(super) fn add(&mut self, part: Part) {
        for kept in &mut self.0 {
            match (&mut kept.spread, part.spread) {
                (Spread::Flags { ones }, Spread::Flags { ones: more }) => {
                    *ones += more;
                    kept.samples += part.samples;
                    return;
                }
                (one, other) if *one == other => {
                    kept.samples += part.samples;
                    return;
                }
                _ => {}
            }
        }
        self.0.push(part);
    }

    /// The statistic over all values of the bucket, which must not be empty.
    ///
    /// Formula: sums and counts add, the average is sum / count, extremes are the extremes of the
    /// parts, and a percentile is that of the mixture of the parts.
    pub(super) fn statistic(&self, statistic: Statistic) -> f64 {
        let samples = || self.0.iter().map(|part| part.samples).sum::<f64>();
        let sum = || self.0.iter().map(Part::sum).sum::<f64>();
        let minimum = || {
            self.0
                .iter()
                .map(Part::minimum)
                .fold(f64::INFINITY, f64::min)
        };
        let maximum = || {
            self.0
                .iter()
                .map(Part::maximum)
                .fold(f64::NEG_INFINITY, f64::max)
        };
        match (statistic, self.0.as_slice()) {
            (Statistic::SampleCount, _) => samples(),
            (Statistic::Sum, _) => sum(),
            (Statistic::Average, _) => sum() / samples(),
            (Statistic::Minimum, _) => minimum(),
            (Statistic::Maximum, _) => maximum(),
            (Statistic::Percentile(p), [only]) => only.quantile(p),
            (Statistic::Percentile(p), parts) => {
                let total = samples();
                let (mut low, mut high) = (minimum(), maximum());
                for _ in 0..BISECTIONS {
                    let middle = f64::midpoint(low, high);
                    let share: f64 = parts
                        .iter()
                        .map(|part| part.samples * part.share_up_to(middle))
                        .sum();
                    if share / total >= p {
                        high = middle
                    } else {
                        low = middle
                    }
                }
                high
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(parts: &[(f64, Spread)]) -> Bucket {
        let mut bucket = Bucket::default();
        for &(samples, spread) in parts {
            bucket.add(Part { samples, spread });
        }
        bucket
    }

    fn near(bucket: &Bucket, statistic: &str, expected: f64) {
        let value = bucket.statistic(Statistic::parse(statistic).unwrap());
        assert!(
            (value - expected).abs() < 1e-9,
            "{statistic}: {value}, not {expected}"
        );
    }

    #[test]
    fn the_percentiles_of_a_function_are_fixed_multiples_of_its_mean() {
        let bucket = bucket(&[(10.0, Spread::Duration { mean: 200.0 })]);
        for (statistic, expected) in [
            ("SampleCount", 10.0),
            ("Sum", 2_000.0),
            ("Average", 200.0),
            ("Minimum", 100.0),
            ("p50", 180.0),
            ("p90", 240.0),
            ("p95", 260.0),
            ("p99", 300.0),
            ("p99.5", 310.0),
            ("p100", 320.0),
            ("Maximum", 320.0),
        ] {
            near(&bucket, statistic, expected);
        }
    }

    #[test]
    fn minutes_of_one_function_add_up() {
        let minute = |samples| (samples, Spread::Duration { mean: 100.0 });
        let bucket = bucket(&[minute(10.0), minute(30.0)]);
        assert_eq!(bucket.0.len(), 1);
        near(&bucket, "SampleCount", 40.0);
        near(&bucket, "Sum", 4_000.0);
        near(&bucket, "p99", 150.0);
    }

    #[test]
    fn the_average_of_several_functions_is_weighted_by_their_calls() {
        let bucket = bucket(&[
            (30.0, Spread::Duration { mean: 100.0 }),
            (10.0, Spread::Duration { mean: 1_000.0 }),
        ]);
        near(&bucket, "Average", 325.0);
        near(&bucket, "Minimum", 50.0);
        near(&bucket, "Maximum", 1_600.0);
        // Three quarters of the calls are the quick ones, all below 160 ms and below 500 ms.
        near(&bucket, "p75", 160.0);
        // The median of the slow ones leaves 5 of 40 above it.
        near(&bucket, "p87.5", 900.0);
    }

    #[test]
    fn errors_are_zeros_and_ones() {
        let bucket = bucket(&[
            (90.0, Spread::Flags { ones: 1.0 }),
            (10.0, Spread::Flags { ones: 0.0 }),
        ]);
        for (statistic, expected) in [
            ("SampleCount", 100.0),
            ("Sum", 1.0),
            ("Average", 0.01),
            ("Minimum", 0.0),
            ("Maximum", 1.0),
            ("p99", 0.0),
            ("p99.5", 1.0),
        ] {
            near(&bucket, statistic, expected);
        }
    }

    #[test]
    fn a_minute_without_an_error_has_the_maximum_zero() {
        let bucket = bucket(&[(10.0, Spread::Flags { ones: 0.0 })]);
        near(&bucket, "Maximum", 0.0);
        near(&bucket, "p100", 0.0);
    }

    #[test]
    fn the_peak_of_several_minutes_is_the_highest() {
        let bucket = bucket(&[
            (5.0, Spread::Ramp { peak: 3.0 }),
            (5.0, Spread::Ramp { peak: 7.0 }),
        ]);
        near(&bucket, "Maximum", 7.0);
        near(&bucket, "Minimum", 1.0);
        near(&bucket, "Average", 3.0);
    }

    #[test]
    fn statistics_that_are_not_known_are_refused_by_name() {
        for name in ["p", "p101", "p-1", "pNaN", "p1e1", "tm99", "sum", "IQM", ""] {
            let error = Statistic::parse(name).unwrap_err();
            assert!(
                error.message.contains(&format!("The value {name} ")),
                "{}",
                error.message
            );
        }
    }
}
