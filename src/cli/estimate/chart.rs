//! Both costs over the traffic, on logarithmic scales, before they are drawn.

use breakeven_model::Breakeven;
use breakeven_model::estimate::{Curves, Estimate};
use breakeven_model::units::{Ratio, Requests};

/// How many points a curve has, besides those where it jumps.
const POINTS: u16 = 240;

/// A logarithmic scale over whole decades.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// The decades that hold all values above nothing; absent where there are none.
    fn over(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values = values
            .into_iter()
            .filter(|value| *value > 0.0 && value.is_finite());
        let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        (low <= high).then(|| {
            let low = (low.log10() + 1e-9).floor();
            Self {
                low,
                high: (high.log10() - 1e-9).ceil().max(low + 1.0),
            }
        })
    }

    /// Where a value stands, from 0 to 1; what is below stands at 0.
    pub(super) fn place(self, value: f64) -> f64 {
        ((value.log10() - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// The value at a place.
    fn value(self, place: f64) -> f64 {
        10_f64.powf(self.low + place * (self.high - self.low))
    }

    /// The values to be named, at most so many: powers of ten.
    pub(super) fn ticks(self, most: usize) -> Vec<f64> {
        let decades = self.high - self.low;
        let mut step = 1.0;
        while decades / step + 1.0 > most as f64 {
            step += 1.0;
        }
        let mut ticks = Vec::new();
        let mut at = self.low;
        while at <= self.high + 1e-9 {
            ticks.push(10_f64.powf(at));
            at += step;
        }
        ticks
    }
}

/// A point of a curve: requests and USD.
pub(super) type Point = (f64, f64);

/// What is drawn.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    /// Requests a month.
    pub(super) x: Scale,
    /// USD a month.
    pub(super) y: Scale,
    pub(super) lambda: Vec<Point>,
    pub(super) kubernetes: Vec<Point>,
    /// The traffic of the scenario.
    pub(super) now: f64,
    /// Where the costs are the same: first and for good, if these differ.
    pub(super) crossings: Vec<Point>,
}

impl Chart {
    /// A picture of the stretch of traffic that matters; absent with one side alone, or where nothing costs anything.
    pub(super) fn from_estimate(estimate: &Estimate) -> Option<Self> {
        let curves = estimate.curves.as_ref()?;
        let now = estimate.requests?.requests();
        let crossings = crossings(estimate.breakeven);
        let around = crossings.iter().copied().chain([now]);
        let x = Scale::over(around.flat_map(|value| [value / 8.0, value * 8.0]))?;
        let (lambda, kubernetes) = sample(curves, x);
        let y = Scale::over(lambda.iter().chain(&kubernetes).map(|point| point.1))?;
        let on_both = |requests: f64| {
            let cost = curves.lambda.cost_at(count(requests)).usd();
            (requests, cost)
        };
        Some(Self {
            x,
            y,
            lambda,
            kubernetes,
            now,
            crossings: crossings.into_iter().map(on_both).collect(),
        })
    }
}

fn count(requests: f64) -> Requests {
    Requests::from_requests(requests).unwrap_or_default()
}

fn crossings(breakeven: Option<Breakeven>) -> Vec<f64> {
    let Some(Breakeven::Crossing { first, sustained }) = breakeven else {
        return Vec::new();
    };
    let mut crossings = vec![first.requests()];
    crossings.extend(
        sustained
            .filter(|sustained| *sustained != first)
            .map(Requests::requests),
    );
    crossings
}

/// Points of both curves, evenly over the scale; where nodes are added, also the foot and the top of the step.
fn sample(curves: &Curves, x: Scale) -> (Vec<Point>, Vec<Point>) {
    let (mut lambda, mut kubernetes) = (Vec::new(), Vec::new());
    let mut before: Option<Ratio> = None;
    for at in 0..=POINTS {
        let requests = x.value(f64::from(at) / f64::from(POINTS));
        let traffic = count(requests);
        lambda.push((requests, curves.lambda.cost_at(traffic).usd()));
        let steps = curves.kubernetes.steps(traffic);
        let grown = before.is_some_and(|before| before < steps);
        if let Some(capacity) = curves.kubernetes.capacity.filter(|_| grown) {
            // The last step that begins before the point.
            let full = capacity.requests() * (steps.get() - 1.0);
            let foot = curves.kubernetes.cost_at(count(full * (1.0 - 1e-9))).usd();
            kubernetes.push((full, foot));
            kubernetes.push((
                full,
                curves.kubernetes.cost_at(count(full * (1.0 + 1e-9))).usd(),
            ));
        }
        before = Some(steps);
        kubernetes.push((requests, curves.kubernetes.cost_at(traffic).usd()));
    }
    (lambda, kubernetes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_covers_whole_decades() {
        let scale = Scale::over([0.0, 0.3, 58.8]).unwrap();
        assert_eq!(scale.ticks(9), [0.1, 1.0, 10.0, 100.0]);
        assert_eq!(scale.ticks(2), [0.1, 100.0]);
        assert_eq!((scale.place(0.1), scale.place(0.0)), (0.0, 0.0));
        assert!((scale.place(10.0) - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(Scale::over([0.0]), None);
    }
}
