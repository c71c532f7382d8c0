//! How the time of one invocation is spread about its mean.

/// The quantile function of every function of the world, as multiples of the mean, straight between the
/// points.
///
/// The mean itself is fixed by the world (`Sum` is exactly invocations times `duration_ms`).
const DURATION_QUANTILES: [(f64, f64); 6] = [
    (0.0, 0.5),
    (0.5, 0.9),
    (0.9, 1.2),
    (0.95, 1.3),
    (0.99, 1.5),
    (1.0, 1.6),
];

/// The multiple of the mean that a share of `p` of the invocations does not exceed.
#[must_use]
pub fn duration_multiple(p: f64) -> f64 {
    straight(&DURATION_QUANTILES, p)
}

/// The share of the invocations that do not exceed this multiple of the mean.
#[must_use]
pub fn share_within(multiple: f64) -> f64 {
    let inverse = DURATION_QUANTILES.map(|(p, multiple)| (multiple, p));
    straight(&inverse, multiple)
}

/// The value at `x` of the curve that joins `points` with straight lines, level beyond its ends.
fn straight(points: &[(f64, f64)], x: f64) -> f64 {
    let (mut before, first) = points[0];
    let mut value = first;
    for &(at, next) in points {
        if x <= at {
            let width = at - before;
            let share = if width > 0.0 {
                ((x - before) / width).max(0.0)
            } else {
                0.0
            };
            return if share >= 1.0 {
                next
            } else {
                value + (next - value) * share
            };
        }
        (before, value) = (at, next);
    }
    value
}
