//! Where the monthly costs of the platforms cross as traffic grows.
//!
//! Lambda's cost is a concave line of straight pieces (its tiers fall); the cluster's is a staircase (whole
//! nodes or pods). Both are walked piece by piece, and each crossing is solved exactly.

use super::report::Breakeven;
use crate::tariff::Tiers;
use crate::units::{GibSeconds, Requests, Usd, UsdPerRequest};

/// What Lambda costs in a month, by requests R. `C_L(R) = T(G0 + g·R) - T(G0) + fee·R`.
#[derive(Clone, Debug, PartialEq)]
pub struct LambdaCurve {
    /// The price of duration (T).
    pub tiers: Tiers,
    /// What the account used already (G0).
    pub used_before: GibSeconds,
    /// Billed memory over time for one request (g).
    pub each: GibSeconds,
    /// All that is paid by the request.
    pub fee: UsdPerRequest,
}

/// What the cluster costs in a month, by requests R. `C_K(R) = fixed + N(R)·step + each·R` with
/// `N(R) = max(steps_min, ceil(R / capacity))`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KubernetesCurve {
    /// Paid at any traffic.
    pub fixed: Usd,
    /// Paid for each node or pod.
    pub step: Usd,
    /// The least number of nodes or pods.
    pub steps_min: u32,
    /// What one of them serves in a month; absent where they serve any traffic.
    pub capacity: Option<Requests>,
    /// What is paid by the request.
    pub each: UsdPerRequest,
}

/// A straight piece of Lambda's line: from `start` requests on, `base + slope · (R - start)`.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: f64,
    end: f64,
    base: f64,
    slope: f64,
}

impl Piece {
    fn at(&self, requests: f64) -> f64 {
        self.base + self.slope * (requests - self.start)
    }
}

/// Finds the traffic at which the platforms cost the same.
///
/// `first` is the smallest such traffic; above `sustained` the cluster always costs less. Saw-teeth between them
/// come from whole nodes. With no crossing, it says which platform is always cheaper.
///
/// ```
/// use breakeven::model::{Breakeven, crossover::{KubernetesCurve, LambdaCurve, crossing}};
/// use breakeven::tariff::Tiers;
/// use breakeven::units::{GibSeconds, Requests, Usd, UsdPerGibSecond, UsdPerRequest};
///
/// // Two nodes at 73 USD that serve 26 million each, against 3 USD for a million.
/// let lambda = LambdaCurve {
///     tiers: Tiers::flat(UsdPerGibSecond::ZERO),
///     used_before: GibSeconds::ZERO,
///     each: GibSeconds::ZERO,
///     fee: UsdPerRequest::from_per_million(3.0)?,
/// };
/// let kubernetes = KubernetesCurve {
///     fixed: Usd::ZERO,
///     step: Usd::from_usd(73.0)?,
///     steps_min: 2,
///     capacity: Some(Requests::from_requests(26e6)?),
///     each: UsdPerRequest::ZERO,
/// };
/// let Breakeven::Crossing { first, sustained } = crossing(&lambda, &kubernetes) else { panic!() };
/// assert_eq!(first.requests().round(), 48_666_667.0);
/// assert_eq!(sustained.unwrap().requests().round(), 365_000_000.0);
/// # Ok::<(), breakeven::units::NotAQuantity>(())
/// ```
#[must_use]
pub fn crossing(lambda: &LambdaCurve, kubernetes: &KubernetesCurve) -> Breakeven {
    let pieces = pieces(lambda);
    let stairs = Stairs::new(kubernetes);
    if stairs.is_free_of_entry() {
        return stairs.without_entry(&pieces);
    }
    let first = pieces
        .iter()
        .find_map(|piece| stairs.first_in(piece))
        .map(Requests::from_requests);
    let Some(Ok(first)) = first else {
        return Breakeven::LambdaAlways;
    };
    let sustained = stairs.sustained(&pieces).map(Requests::from_requests);
    Breakeven::Crossing {
        first,
        sustained: sustained.and_then(Result::ok),
    }
}

/// Lambda's line, piece by piece; the last has no end.
fn pieces(lambda: &LambdaCurve) -> Vec<Piece> {
    let each = lambda.each.gib_seconds();
    let before = lambda.used_before.gib_seconds();
    let fee = lambda.fee.each();
    let mut pieces: Vec<Piece> = Vec::new();
    let mut start = 0.0;
    let mut base = 0.0;
    let bounded = lambda
        .tiers
        .bounded()
        .iter()
        .map(|(end, price)| (end.gib_seconds(), *price));
    for (tier_end, price) in bounded.chain([(f64::INFINITY, lambda.tiers.last())]) {
        let end = if each > 0.0 {
            (tier_end - before) / each
        } else {
            f64::INFINITY
        };
        if end <= start {
            continue;
        }
        let piece = Piece {
            start,
            end,
            base,
            slope: each * price.secondly() + fee,
        };
        pieces.push(piece);
        if end == f64::INFINITY {
            break;
        }
        (start, base) = (end, piece.at(end));
    }
    pieces
}

/// The cluster's staircase, in plain numbers.
struct Stairs {
    fixed: f64,
    step: f64,
    least: f64,
    capacity: f64,
    each: f64,
}

impl Stairs {
    fn new(curve: &KubernetesCurve) -> Self {
        Self {
            fixed: curve.fixed.usd(),
            step: curve.step.usd(),
            least: f64::from(curve.steps_min),
            capacity: curve
                .capacity
                .filter(|capacity| !capacity.is_zero())
                .map_or(f64::INFINITY, Requests::requests),
            each: curve.each.each(),
        }
    }

    /// Whether the first request costs no more than any other.
    fn is_free_of_entry(&self) -> bool {
        let entered = if self.capacity == f64::INFINITY {
            self.least
        } else {
            self.least.max(1.0)
        };
        self.fixed + entered * self.step <= 0.0
    }

    /// Two lines from nothing: the flatter one wins, and Lambda's may become the flatter one as its tiers fall.
    fn without_entry(&self, pieces: &[Piece]) -> Breakeven {
        let Some(turn) = pieces.iter().position(|piece| piece.slope < self.each) else {
            return Breakeven::KubernetesAlways;
        };
        if turn == 0 {
            return Breakeven::LambdaAlways;
        }
        let overtaken = |piece: &Piece| {
            let requests = (piece.slope * piece.start - piece.base) / (piece.slope - self.each);
            (piece.start <= requests && requests <= piece.end).then_some(requests)
        };
        match pieces[turn..]
            .iter()
            .find_map(overtaken)
            .map(Requests::from_requests)
        {
            Some(Ok(first)) => Breakeven::Crossing {
                first,
                sustained: None,
            },
            _ => Breakeven::KubernetesAlways,
        }
    }

    /// The traffic that so many steps serve at most.
    fn full(&self, steps: f64) -> f64 {
        if steps <= 0.0 {
            0.0
        } else {
            steps * self.capacity
        }
    }

    /// The traffic at which so many steps cost what Lambda does on this piece, if it is on the piece and that many
    /// steps are needed for it.
    fn solve(&self, piece: &Piece, steps: f64) -> Option<f64> {
        let gain = piece.slope - self.each;
        if gain <= 0.0 || !steps.is_finite() {
            return None;
        }
        let dearer = self.fixed + steps * self.step - piece.base + piece.slope * piece.start;
        let requests = dearer / gain;
        let from = if steps <= self.least {
            0.0
        } else {
            self.full(steps - 1.0)
        };
        let inside =
            piece.start.max(from) <= requests && requests <= piece.end.min(self.full(steps));
        inside.then_some(requests)
    }

    /// The number of steps, as a real number, at which steps that are paid `ahead` of their requests cost what Lambda
    /// does on this piece: `slope·k·capacity + … = fixed + (k + ahead)·step + each·k·capacity`.
    fn even(&self, piece: &Piece, ahead: f64) -> f64 {
        let gain = (piece.slope - self.each) * self.capacity - self.step;
        (self.fixed + ahead * self.step - piece.base + piece.slope * piece.start) / gain
    }

    /// The least traffic on this piece at which the cluster is no dearer.
    ///
    /// Within a step the cluster gains on Lambda, so it is at its best when a step is full: the first full step
    /// that is no dearer holds the crossing. Rounding may be one off, so its neighbours are tried, in order.
    fn first_in(&self, piece: &Piece) -> Option<f64> {
        let begun = (piece.start / self.capacity).ceil();
        let even = self.even(piece, 0.0).ceil();
        let last = (piece.end / self.capacity).ceil();
        [self.least, begun, even - 1.0, even, even + 1.0, last]
            .into_iter()
            .filter(|steps| *steps >= self.least)
            .filter_map(|steps| self.solve(piece, steps))
            .reduce(f64::min)
    }

    /// The traffic above which the cluster always costs less.
    ///
    /// Just after a step begins the cluster is at its worst: the last step that begins dearer holds the crossing.
    fn sustained(&self, pieces: &[Piece]) -> Option<f64> {
        let last = pieces.last()?;
        if last.slope <= self.each + self.step / self.capacity {
            return None;
        }
        pieces.iter().rev().find_map(|piece| {
            let begun = (piece.start / self.capacity).ceil();
            let even = self.even(piece, 1.0).ceil();
            let last = (piece.end / self.capacity).ceil();
            [last, even + 1.0, even, even - 1.0, begun, self.least]
                .into_iter()
                .filter(|steps| *steps >= self.least)
                .filter_map(|steps| self.solve(piece, steps))
                .reduce(f64::max)
        })
    }
}

#[cfg(test)]
mod tests;
