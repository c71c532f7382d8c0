//! A cost whose inputs are not all known exactly: its low, point and high value, and the input that moves it most.

use crate::units::{Ratio, Usd};

/// Something that a projection depends on and that is known only within limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parameter {
    /// How fast a core of Lambda is, against one of the cluster's nodes.
    CoreSpeed,
    /// The memory that one request at a time needs.
    WorkingSet,
    /// The processor time of one request.
    CpuPerRequest,
    /// How long a cold start initialises.
    InitDuration,
    /// How long an idle environment is kept.
    KeepAlive,
    /// Which of the requests go to what is kept ready.
    ProvisionedShare,
    /// Rounding of each invocation up to whole milliseconds.
    Rounding,
    /// The part of its wall time that a function computes.
    CpuShare,
    /// The utilisation at which an autoscaler adds a pod.
    TargetUtilization,
    /// How much of the nodes' cost pods can be packed onto.
    PackingEfficiency,
    /// Whether pods share nodes with others or have nodes of their own.
    Placement,
}

impl Parameter {
    /// As it stands in the `parameter` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CoreSpeed => "core_speed",
            Self::WorkingSet => "working_set",
            Self::CpuPerRequest => "cpu_per_request",
            Self::InitDuration => "init_duration",
            Self::KeepAlive => "keep_alive",
            Self::ProvisionedShare => "kept_ready_share",
            Self::Rounding => "rounding",
            Self::CpuShare => "cpu_share",
            Self::TargetUtilization => "target_utilization",
            Self::PackingEfficiency => "packing_efficiency",
            Self::Placement => "placement",
        }
    }
}

/// A value that is known within limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range<T> {
    /// The least that it may be.
    pub low: T,
    /// The best single value.
    pub point: T,
    /// The most that it may be.
    pub high: T,
}

impl<T: Copy> Range<T> {
    /// A value that is known exactly.
    #[must_use]
    pub const fn exactly(value: T) -> Self {
        Self {
            low: value,
            point: value,
            high: value,
        }
    }
}

impl<T> Range<T> {
    /// What follows from each value; absent where it does not from one of them.
    pub fn map<U>(self, follows: impl Fn(T) -> Option<U>) -> Option<Range<U>> {
        Some(Range {
            low: follows(self.low)?,
            point: follows(self.point)?,
            high: follows(self.high)?,
        })
    }
}

/// A cost with its band.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostEstimate {
    /// With every parameter at its cheaper end.
    pub low: Usd,
    /// With every parameter at its best single value.
    pub point: Usd,
    /// With every parameter at its dearer end.
    pub high: Usd,
    /// The parameter that moves it most by itself, and by how much of the point.
    pub largest: Option<(Parameter, Ratio)>,
}

impl CostEstimate {
    /// A cost that is known exactly.
    #[must_use]
    pub const fn exactly(cost: Usd) -> Self {
        Self {
            low: cost,
            point: cost,
            high: cost,
            largest: None,
        }
    }
}

/// One parameter, and the inputs with it at its ends.
#[derive(Clone, Debug)]
pub struct SensitivityInput<I> {
    /// Which.
    pub parameter: Parameter,
    /// Puts it at one end, the others as they are.
    pub one: fn(&I, &mut I),
    /// Puts it at the other end.
    pub other: fn(&I, &mut I),
}

/// Evaluates a cost at its point and at the corners of what its inputs may be.
///
/// Each parameter is moved alone to both its ends; the end that costs less is its cheaper one. The band has all
/// parameters at their cheaper ends, and all at their dearer ones: a cost that is monotone in each of them lies
/// within. The largest swing of a single parameter is given relative to the point. Absent where the point has no cost.
pub fn evaluate<I: Clone>(
    inputs: &I,
    parameters: &[SensitivityInput<I>],
    cost: impl Fn(&I) -> Option<Usd>,
) -> Option<CostEstimate> {
    let point = cost(inputs)?;
    let (mut cheap, mut dear) = (inputs.clone(), inputs.clone());
    let mut largest: Option<(Parameter, Ratio)> = None;
    for SensitivityInput {
        parameter,
        one,
        other,
    } in parameters
    {
        let at = |end: fn(&I, &mut I)| {
            let mut moved = inputs.clone();
            end(inputs, &mut moved);
            cost(&moved).unwrap_or(point)
        };
        let (first, second) = (at(*one), at(*other));
        let (cheaper, dearer) = if first <= second {
            (one, other)
        } else {
            (other, one)
        };
        cheaper(inputs, &mut cheap);
        dearer(inputs, &mut dear);
        let (least, most) = (first.min(second).min(point), first.max(second).max(point));
        let swing = most.less(least).over(point).unwrap_or(Ratio::ZERO);
        if !swing.is_zero() && largest.is_none_or(|(_, before)| swing > before) {
            largest = Some((*parameter, swing));
        }
    }
    let low = cost(&cheap).unwrap_or(point).min(point);
    let high = cost(&dear).unwrap_or(point).max(point);
    Some(CostEstimate {
        low,
        point,
        high,
        largest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::range;
    use proptest::prelude::*;

    fn usd(value: f64) -> Usd {
        Usd::from_usd(value).unwrap()
    }

    /// A price and an amount, each with its ends.
    #[derive(Clone, Debug)]
    struct Order {
        price: Range<f64>,
        amount: Range<f64>,
        now: (f64, f64),
    }

    fn order(price: Range<f64>, amount: Range<f64>) -> Order {
        Order {
            price,
            amount,
            now: (price.point, amount.point),
        }
    }

    const ENDS: [SensitivityInput<Order>; 2] = [
        SensitivityInput {
            parameter: Parameter::CoreSpeed,
            one: |order, moved| moved.now.0 = order.price.low,
            other: |order, moved| moved.now.0 = order.price.high,
        },
        SensitivityInput {
            // The other way round: more of it costs less.
            parameter: Parameter::CpuShare,
            one: |order, moved| moved.now.1 = order.amount.high,
            other: |order, moved| moved.now.1 = order.amount.low,
        },
    ];

    proptest! {
        #[test]
        fn a_band_holds_the_point_and_every_mixture_of_ends(
            price in range(0.0..9.0), amount in range(0.1..9.0), at in (0.0..=1.0, 0.0..=1.0),
        ) {
            let cost = |order: &Order| Some(usd(order.now.0 / order.now.1));
            let order = order(price, amount);
            let band = evaluate(&order, &ENDS, cost).unwrap();
            prop_assert!(band.low <= band.point && band.point <= band.high);
            let mix = |range: Range<f64>, share: f64| range.low + (range.high - range.low) * share;
            let mixed = Order { now: (mix(price, at.0), mix(amount, at.1)), ..order };
            let mixed = cost(&mixed).unwrap().usd();
            prop_assert!(band.low.usd() <= mixed * (1.0 + 1e-9) + 1e-12, "{:?} {}", band, mixed);
            prop_assert!(mixed <= band.high.usd() * (1.0 + 1e-9) + 1e-12, "{:?} {}", band, mixed);
        }
    }

    #[test]
    fn the_parameter_with_the_largest_swing_is_named() {
        let order = order(
            Range {
                low: 1.0,
                point: 2.0,
                high: 3.0,
            },
            Range {
                low: 0.5,
                point: 1.0,
                high: 2.0,
            },
        );
        let band = evaluate(&order, &ENDS, |order| Some(usd(order.now.0 / order.now.1))).unwrap();
        // The price alone: 1 to 3. The amount alone: 1 to 4.
        assert_eq!(
            (band.low, band.point, band.high),
            (usd(0.5), usd(2.0), usd(6.0))
        );
        let (parameter, swing) = band.largest.unwrap();
        assert_eq!((parameter, swing.get()), (Parameter::CpuShare, 1.5));
    }

    #[test]
    fn what_is_known_exactly_has_no_swing() {
        let order = order(Range::exactly(2.0), Range::exactly(1.0));
        let band = evaluate(&order, &ENDS, |order| Some(usd(order.now.0 / order.now.1))).unwrap();
        assert_eq!(band, CostEstimate::exactly(usd(2.0)));
    }
}
