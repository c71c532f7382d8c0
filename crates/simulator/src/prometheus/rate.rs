//! `rate` and `increase`, as Prometheus computes them.

/// The samples of one series within a range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range<'s> {
    /// Values, oldest first.
    pub(super) values: &'s [f64],
    /// Time of the first value, in milliseconds.
    pub(super) first_ms: i64,
    /// Time of the last value, in milliseconds.
    pub(super) last_ms: i64,
    /// Where the range begins, itself outside of it, in milliseconds.
    pub(super) start_ms: i64,
    /// Where the range ends, itself inside of it, in milliseconds.
    pub(super) end_ms: i64,
}

/// The rise of a counter over the range, extrapolated to its ends; absent with fewer than two samples.
///
/// Formula: (last - first + every value lost in a reset) * (covered + to start + to end) / covered, where
/// the way to an end counts whole if it is below 1.1 times the mean distance of samples, else as half of
/// that distance, and the way to the start no further than to where the counter would be zero
/// (`extrapolatedRate` of Prometheus).
pub(super) fn increase(range: Range<'_>) -> Option<f64> {
    let [first, .., last] = *range.values else {
        return None;
    };
    let lost: f64 = range
        .values
        .windows(2)
        .filter(|pair| pair[1] < pair[0])
        .map(|pair| pair[0])
        .sum();
    let rise = last - first + lost;

    let seconds = |from: i64, to: i64| (to - from) as f64 / 1_000.0;
    let covered = seconds(range.first_ms, range.last_ms);
    let distance = covered / (range.values.len() - 1) as f64;
    let reach = |to_end: f64| {
        if to_end >= distance * 1.1 {
            distance / 2.0
        } else {
            to_end
        }
    };

    let mut to_start = reach(seconds(range.start_ms, range.first_ms));
    if rise > 0.0 && first >= 0.0 {
        to_start = to_start.min(covered * (first / rise));
    }
    let to_end = reach(seconds(range.last_ms, range.end_ms));
    Some(rise * ((covered + to_start + to_end) / covered))
}

/// The rise per second; see [`increase`].
pub(super) fn rate(range: Range<'_>) -> Option<f64> {
    let seconds = (range.end_ms - range.start_ms) as f64 / 1_000.0;
    increase(range).map(|rise| rise / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples every 15 s from `first` on, in a range of whole seconds.
    fn range(values: &[f64], first: i64, start: i64, end: i64) -> Range<'_> {
        let last = first + 15 * (values.len() as i64 - 1);
        Range {
            values,
            first_ms: first * 1_000,
            last_ms: last * 1_000,
            start_ms: start * 1_000,
            end_ms: end * 1_000,
        }
    }

    #[test]
    fn the_rise_is_extrapolated_as_worked_out_by_hand() {
        for (case, values, first, start, end, expected) in [
            // 45 s covered rise by 90; 15 s and 0 s to the ends are within 16.5 s: 90 * 60 / 45.
            (
                "to both ends",
                &[100.0, 130.0, 160.0, 190.0][..],
                15,
                0,
                60,
                120.0,
            ),
            // 40 s to the start is too far: half a distance of 7.5 s counts: 90 * 52.5 / 45.
            (
                "a far start",
                &[100.0, 130.0, 160.0, 190.0],
                40,
                0,
                85,
                105.0,
            ),
            // The same at the end.
            (
                "a far end",
                &[100.0, 130.0, 160.0, 190.0],
                15,
                15,
                100,
                105.0,
            ),
            // The counter would be zero 5 s before the first sample: 90 * 50 / 45.
            (
                "a young counter",
                &[10.0, 40.0, 70.0, 100.0],
                15,
                0,
                60,
                100.0,
            ),
            // A counter that begins at zero is not extrapolated to the start.
            ("from zero", &[0.0, 30.0, 60.0, 90.0], 15, 0, 60, 90.0),
            // 100, 130, restart, 20, 50: 30 + 20 + 30 = 80 in 45 s; 80 * 60 / 45.
            (
                "a restart",
                &[100.0, 130.0, 20.0, 50.0],
                15,
                0,
                60,
                80.0 * 60.0 / 45.0,
            ),
            ("at rest", &[7.0, 7.0, 7.0], 15, 0, 45, 0.0),
        ] {
            let increase = increase(range(values, first, start, end)).unwrap();
            assert!(
                (increase - expected).abs() < 1e-9,
                "{case}: {increase}, not {expected}"
            );
        }
    }

    #[test]
    fn the_rate_is_the_rise_by_the_length_of_the_range() {
        let rate = rate(range(&[100.0, 130.0, 160.0, 190.0], 15, 0, 60)).unwrap();
        assert!((rate - 2.0).abs() < 1e-12, "{rate}");
    }

    #[test]
    fn one_sample_has_no_rate() {
        assert_eq!(increase(range(&[5.0], 15, 0, 60)), None);
        assert_eq!(increase(range(&[], 15, 0, 60)), None);
    }
}
