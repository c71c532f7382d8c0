//! The walk over the pieces of Lambda's line and the steps of the cluster's staircase, in plain numbers.
//!
//! The *lead* of the cluster is `C_L(R) - C_K(R)`. Within a step it is straight, and from a step to the next it falls
//! by the price of one. At the beginnings of the steps of one piece the leads grow or fall evenly, and so they do
//! at the ends: so the step in which a lead changes its sign follows from a division, and only its neighbours and the
//! steps at the ends of the piece are looked at.

use smallvec::{SmallVec, smallvec};

use super::{CostFunction, CostStaircase};

/// The answer flips.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Breakpoint {
    /// At which traffic.
    pub(super) requests: f64,
    /// Whether the cluster costs less from there on.
    taken_by_kubernetes: bool,
}

/// A straight piece of Lambda's line: from `start` requests on, `base + slope · (R - start)`.
#[derive(Clone, Copy, Debug)]
struct LineSegment {
    start: f64,
    end: f64,
    base: f64,
    slope: f64,
}

impl LineSegment {
    fn cost_at(&self, requests: f64) -> f64 {
        self.base + self.slope * (requests - self.start)
    }
}

/// Both costs.
pub(super) struct BreakEvenSweep {
    pieces: SmallVec<[LineSegment; 4]>,
    fixed: f64,
    step: f64,
    least: f64,
    capacity: f64,
    each: f64,
}

impl BreakEvenSweep {
    pub(super) fn new(lambda: &CostFunction, kubernetes: &CostStaircase) -> Self {
        Self {
            pieces: pieces(lambda),
            fixed: kubernetes.fixed.usd(),
            step: kubernetes.step.usd(),
            least: f64::from(kubernetes.steps_min),
            capacity: kubernetes
                .capacity
                .filter(|capacity| !capacity.is_zero())
                .map_or(f64::INFINITY, crate::units::Requests::requests),
            each: kubernetes.each.each(),
        }
    }

    /// The least traffic at which the answer flips.
    pub(super) fn first(&self) -> Option<Breakpoint> {
        self.pieces.iter().find_map(|piece| {
            let mut steps = self.steps_to_look_at(piece);
            steps.sort_by(f64::total_cmp);
            steps.into_iter().find_map(|k| self.events(piece, k).next())
        })
    }

    /// The most traffic at which the cluster becomes the cheaper one.
    pub(super) fn last_switch_to_kubernetes(&self) -> Option<Breakpoint> {
        self.pieces.iter().rev().find_map(|piece| {
            let mut steps = self.steps_to_look_at(piece);
            steps.sort_by(|left, right| right.total_cmp(left));
            steps.into_iter().find_map(|k| {
                self.events(piece, k)
                    .find(|event| event.taken_by_kubernetes)
            })
        })
    }

    /// Whether the cluster costs no more for the first few requests.
    pub(super) fn kubernetes_cheaper_at_low_traffic(&self) -> bool {
        self.pieces.first().is_none_or(|piece| {
            let lead = self.lead(piece, 0.0, self.first_step(piece));
            lead > 0.0 || (lead == 0.0 && piece.slope >= self.each)
        })
    }

    /// Whether the cluster costs no more above some traffic.
    pub(super) fn kubernetes_cheaper_at_high_traffic(&self) -> bool {
        self.pieces.last().is_some_and(|piece| {
            let gain = piece.slope - self.each - self.step / self.capacity;
            // The first step that begins on the piece; without steps the whole piece.
            let step = self.first_step(piece) + f64::from(u8::from(self.capacity.is_finite()));
            gain > 0.0 || (gain == 0.0 && self.lead(piece, self.begin(piece, step), step) >= 0.0)
        })
    }

    /// How much less so many steps cost than Lambda.
    fn lead(&self, piece: &LineSegment, requests: f64, steps: f64) -> f64 {
        piece.cost_at(requests) - (self.fixed + steps * self.step + self.each * requests)
    }

    /// The traffic that so many steps serve at most.
    fn full(&self, steps: f64) -> f64 {
        if self.capacity.is_finite() {
            steps * self.capacity
        } else {
            f64::INFINITY
        }
    }

    /// From where on so many steps are needed on the piece.
    fn begin(&self, piece: &LineSegment, steps: f64) -> f64 {
        if steps <= self.least {
            piece.start
        } else {
            piece.start.max(self.full(steps - 1.0))
        }
    }

    /// The steps that are needed just after the start of the piece.
    fn first_step(&self, piece: &LineSegment) -> f64 {
        if self.capacity.is_finite() {
            self.least.max((piece.start / self.capacity).floor() + 1.0)
        } else {
            self.least
        }
    }

    /// The steps of the piece in which the sign of the lead may change: the first ones and the last ones, and
    /// those about where the lead at the beginning or at the end of a step is nothing.
    fn steps_to_look_at(&self, piece: &LineSegment) -> SmallVec<[f64; 10]> {
        let first = self.first_step(piece);
        if self.capacity.is_infinite() {
            return smallvec![first];
        }
        let last = (piece.end / self.capacity).ceil().max(first);
        // The lead when the step k is full: `rest + k · gain`; when it begins: `rest + (k - 1) · gain - step`.
        let gain = (piece.slope - self.each) * self.capacity - self.step;
        let rest = piece.base - piece.slope * piece.start - self.fixed;
        let full = -rest / gain;
        let begun = 1.0 + (self.step - rest) / gain;
        let around = |step: f64| [-1.0, 0.0, 1.0].map(|beside| step.ceil() + beside);
        let mut steps: SmallVec<[f64; 10]> = smallvec![first, first + 1.0, last - 1.0, last];
        steps.extend(around(full).into_iter().chain(around(begun)));
        steps.retain(|step| step.is_finite() && first <= *step && *step <= last);
        steps
    }

    /// What happens in a step of the piece: as it begins, and within it.
    fn events(&self, piece: &LineSegment, steps: f64) -> impl Iterator<Item = Breakpoint> {
        let begin = self.begin(piece, steps);
        let end = piece.end.min(self.full(steps));
        let at_begin = self.lead(piece, begin, steps);
        let gain = piece.slope - self.each;
        let at_end = if end.is_finite() {
            self.lead(piece, end, steps)
        } else if gain == 0.0 {
            at_begin
        } else {
            gain * f64::INFINITY
        };
        let ahead = at_begin > 0.0 || (at_begin == 0.0 && gain >= 0.0);
        let jumps = steps > self.least && begin <= self.full(steps - 1.0) * (1.0 + 1e-12);
        let before = if jumps {
            at_begin + self.step
        } else {
            at_begin
        };
        let lost = begin > 0.0 && before >= 0.0 && !ahead;
        let crosses = begin < end && ahead != (at_end >= 0.0);
        let within = Breakpoint {
            requests: (begin - at_begin / gain).clamp(begin, end),
            taken_by_kubernetes: !ahead,
        };
        let lost = lost.then_some(Breakpoint {
            requests: begin,
            taken_by_kubernetes: false,
        });
        lost.into_iter().chain(crosses.then_some(within))
    }
}

/// Lambda's line, piece by piece; the last has no end.
fn pieces(lambda: &CostFunction) -> SmallVec<[LineSegment; 4]> {
    let steps = lambda.by_request.steps().iter();
    let steps = steps.map(|(width, price)| (width.requests(), price.each()));
    let last = (f64::INFINITY, lambda.by_request.last().each());
    let mut pieces = SmallVec::new();
    let (mut start, mut base) = (0.0, lambda.fixed.usd());
    for (width, slope) in steps.chain([last]) {
        let end = start + width;
        let piece = LineSegment {
            start,
            end,
            base,
            slope,
        };
        pieces.push(piece);
        (start, base) = (end, piece.cost_at(end));
    }
    pieces
}
