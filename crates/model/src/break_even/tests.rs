use proptest::prelude::*;

use super::*;

/// Monthly costs by their definition, and a walk over every step and tier: slow, and plain.
struct Reference {
    lambda: CostFunction,
    kubernetes: CostStaircase,
}

/// What a scan finds.
#[derive(Debug)]
struct Scan {
    /// Whether the cluster is no dearer just above nothing.
    at_first: bool,
    /// Where the answer flips, and whether the cluster is the cheaper one from there on.
    flips: Vec<(f64, bool)>,
}

impl Reference {
    fn lambda(&self, requests: f64) -> f64 {
        self.lambda
            .cost_at(Requests::from_requests(requests).unwrap())
            .usd()
    }

    fn kubernetes(&self, requests: f64, steps: f64) -> f64 {
        let curve = &self.kubernetes;
        curve.fixed.usd() + steps * curve.step.usd() + requests * curve.each.each()
    }

    /// Lambda's cost less the cluster's, at so many steps.
    fn lead(&self, requests: f64, steps: f64) -> f64 {
        self.lambda(requests) - self.kubernetes(requests, steps)
    }

    /// All stretches up to a traffic on which both costs are straight: from, to, steps.
    fn stretches(&self, up_to: f64) -> Vec<(f64, f64, f64)> {
        let curve = &self.kubernetes;
        let least = f64::from(curve.steps_min);
        let mut end = 0.0;
        let tiers = self.lambda.by_request.steps().iter().map(|(width, _)| {
            end += width.requests();
            end
        });
        let mut bounds: Vec<f64> = tiers.filter(|end| 0.0 < *end && *end < up_to).collect();
        if let Some(capacity) = curve.capacity.map(Requests::requests) {
            let mut full = capacity;
            while full < up_to {
                bounds.push(full);
                full += capacity;
            }
        }
        bounds.extend([0.0, up_to]);
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let steps = |middle: f64| {
            curve
                .capacity
                .map_or(least, |one| (middle / one.requests()).ceil().max(least))
        };
        bounds
            .windows(2)
            .map(|pair| (pair[0], pair[1], steps(f64::midpoint(pair[0], pair[1]))))
            .collect()
    }

    /// Every flip up to a traffic.
    fn scan(&self, up_to: f64) -> Scan {
        let mut flips = Vec::new();
        let mut state = None;
        let mut at_first = true;
        for (from, to, steps) in self.stretches(up_to) {
            let (begin, end) = (self.lead(from, steps), self.lead(to, steps));
            match state {
                None => at_first = begin >= 0.0,
                Some(true) if begin < 0.0 => flips.push((from, false)),
                // It never rises by itself: a further step is dearer.
                Some(_) => {}
            }
            if (begin >= 0.0) != (end >= 0.0) {
                flips.push((from + (to - from) * begin / (begin - end), end >= 0.0));
            }
            state = Some(end >= 0.0);
        }
        Scan { at_first, flips }
    }
}

fn usd(value: f64) -> Usd {
    Usd::from_usd(value).unwrap()
}

fn requests(value: f64) -> Requests {
    Requests::from_requests(value).unwrap()
}

/// Something fixed half of the time, and tiers; half of the time with requests that are free at first.
fn lambda_curve() -> impl Strategy<Value = CostFunction> {
    let steps = proptest::collection::vec((1e3..1e6, 0.3..0.95), 0..4);
    let free = proptest::option::of(1e3..1e6);
    let fixed = proptest::option::of(0.0..3.0);
    (steps, 1e-7..3e-5, free, fixed).prop_map(|(steps, top, free, fixed)| {
        let mut price: f64 = top;
        let steps = steps.into_iter().map(|(width, fall)| {
            let step = (requests(width), UsdPerRequest::from_each(price).unwrap());
            price *= fall;
            step
        });
        let steps: Vec<_> = steps.collect();
        let tiers = Tiers::new(steps, UsdPerRequest::from_each(price).unwrap());
        CostFunction {
            fixed: usd(fixed.unwrap_or(0.0)),
            by_request: tiers.after_free(requests(free.unwrap_or(0.0))),
        }
    })
}

fn kubernetes_curve() -> impl Strategy<Value = CostStaircase> {
    let capacity = proptest::option::weighted(0.8, 2e3..1e5);
    (0.0..2.0, 0.001..1.0, 0_u32..4, capacity, 0.0..2e-5).prop_map(
        |(fixed, step, steps_min, capacity, each)| CostStaircase {
            fixed: usd(fixed),
            step: usd(step),
            steps_min,
            capacity: capacity.map(requests),
            each: UsdPerRequest::from_each(each).unwrap(),
        },
    )
}

fn same(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-6 * right.max(1.0)
}

const FAR: f64 = 3e6;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn the_walk_finds_what_a_scan_of_every_step_and_tier_finds(
        lambda in lambda_curve(), kubernetes in kubernetes_curve(),
    ) {
        let found = crossing(&lambda, &kubernetes);
        let reference = Reference { lambda, kubernetes };
        let scan = reference.scan(FAR);
        let first = scan.flips.first().map(|flip| flip.0);
        let last = scan.flips.last();
        match found {
            Breakeven::Crossing { first: at, sustained } => {
                let at = at.requests();
                if at < FAR * 0.999 {
                    prop_assert!(first.is_some_and(|first| same(at, first)), "{at} {scan:?}");
                } else {
                    prop_assert!(first.is_none_or(|first| first > FAR * 0.998), "{at} {scan:?}");
                }
                match sustained.map(Requests::requests) {
                    Some(sustained) if sustained < FAR * 0.999 => {
                        prop_assert!(
                            last.is_some_and(|(last, taken)| *taken && same(sustained, *last)),
                            "{sustained} {scan:?}"
                        );
                    }
                    Some(_) => {}
                    None => {
                        // Lambda wins in the end: far enough out its line is below the staircase.
                        let far = 1e12;
                        let steps = reference.kubernetes.capacity.map_or_else(
                            || f64::from(reference.kubernetes.steps_min),
                            |one| (far / one.requests()).floor() + 1.0,
                        );
                        prop_assert!(reference.lead(far, steps) <= 1e-6 * reference.lambda(far));
                    }
                }
            }
            Breakeven::LambdaAlways => prop_assert!(!scan.at_first && first.is_none(), "{scan:?}"),
            Breakeven::KubernetesAlways => prop_assert!(scan.at_first && first.is_none(), "{scan:?}"),
            Breakeven::BeyondCapacity => prop_assert!(false, "a walk knows nothing of capacity"),
        }
    }

    #[test]
    fn at_a_crossing_the_costs_are_the_same_or_a_step_apart(
        lambda in lambda_curve(), kubernetes in kubernetes_curve(),
    ) {
        if let Breakeven::Crossing { first, .. } = crossing(&lambda, &kubernetes) {
            let (one, other) = (lambda.cost_at(first).usd(), kubernetes.cost_at(first).usd());
            let apart = (one - other).abs();
            prop_assert!(apart <= kubernetes.step.usd() + 1e-9 * one.max(1.0), "{one} {other}");
        }
    }

    #[test]
    fn the_money_has_no_influence_on_the_crossing_but_by_its_proportions(
        lambda in lambda_curve(), kubernetes in kubernetes_curve(), factor in 0.01..100.0,
    ) {
        let factor = Ratio::from_factor(factor).unwrap();
        let before = crossing(&lambda, &kubernetes);
        let after = crossing(
            &CostFunction { fixed: lambda.fixed * factor, by_request: lambda.by_request.scaled(factor) },
            &CostStaircase {
                fixed: kubernetes.fixed * factor,
                step: kubernetes.step * factor,
                each: kubernetes.each * factor,
                ..kubernetes
            },
        );
        match (before, after) {
            (
                Breakeven::Crossing { first, sustained },
                Breakeven::Crossing { first: one, sustained: other },
            ) => {
                prop_assert!(same(one.requests(), first.requests()));
                let ends = (sustained.map(Requests::requests), other.map(Requests::requests));
                prop_assert!(
                    matches!(ends, (None, None)) || matches!(ends, (Some(a), Some(b)) if same(a, b)),
                    "{ends:?}"
                );
            }
            (before, after) => prop_assert_eq!(before, after),
        }
    }
}

fn flat(per_million: f64) -> CostFunction {
    CostFunction {
        fixed: Usd::ZERO,
        by_request: Tiers::flat(UsdPerRequest::from_per_million(per_million).unwrap()),
    }
}

fn nodes(step: f64, least: u32, capacity: Option<f64>) -> CostStaircase {
    CostStaircase {
        fixed: Usd::ZERO,
        step: usd(step),
        steps_min: least,
        capacity: capacity.map(requests),
        each: UsdPerRequest::ZERO,
    }
}

#[test]
fn nodes_that_cost_more_than_lambda_when_full_never_pay() {
    assert_eq!(
        crossing(&flat(3.0), &nodes(73.0, 2, Some(20e6))),
        Breakeven::LambdaAlways
    );
}

#[test]
fn fixed_nodes_cross_once() {
    let found = crossing(&flat(1.033_335), &nodes(60.736, 1, None));
    let Breakeven::Crossing { first, sustained } = found else {
        panic!("{found:?}")
    };
    assert_eq!(first.requests().round(), 58_776_679.0);
    assert_eq!(sustained, Some(first));
}

#[test]
fn a_cluster_without_anything_to_pay_before_the_first_request_is_compared_by_the_request() {
    let each = |per_million| CostStaircase {
        each: UsdPerRequest::from_per_million(per_million).unwrap(),
        ..nodes(0.0, 0, None)
    };
    assert_eq!(
        crossing(&flat(3.0), &each(2.0)),
        Breakeven::KubernetesAlways
    );
    assert_eq!(crossing(&flat(3.0), &each(4.0)), Breakeven::LambdaAlways);
    // 4 USD for the first million, 1 USD for each million after it, against 2 USD for a million.
    let falling = CostFunction {
        by_request: Tiers::new(
            [(requests(1e6), UsdPerRequest::from_per_million(4.0).unwrap())],
            UsdPerRequest::from_per_million(1.0).unwrap(),
        ),
        ..flat(0.0)
    };
    let found = crossing(&falling, &each(2.0));
    let Breakeven::Crossing {
        first,
        sustained: None,
    } = found
    else {
        panic!("{found:?}")
    };
    assert!(same(first.requests(), 3e6), "{first:?}");
}

#[test]
fn free_requests_on_lambda_are_never_caught_up_with() {
    assert_eq!(
        crossing(&flat(0.0), &nodes(73.0, 1, None)),
        Breakeven::LambdaAlways
    );
}

#[test]
fn what_lambda_costs_without_traffic_counts_from_the_first_request() {
    let ready = |fixed| CostFunction {
        fixed: usd(fixed),
        ..flat(1.0)
    };
    // Dearer from the beginning, and by the request.
    assert_eq!(
        crossing(&ready(80.0), &nodes(73.0, 1, None)),
        Breakeven::KubernetesAlways
    );
    // 80 USD and 1 USD for a million, against 73 USD for each 10 million.
    let found = crossing(&ready(80.0), &nodes(73.0, 1, Some(10e6)));
    let Breakeven::Crossing { first, sustained } = found else {
        panic!("{found:?}")
    };
    assert_eq!((first.requests(), sustained), (10e6, None));
}

#[test]
fn a_cluster_that_is_paid_for_as_a_whole_crosses_once() {
    let whole = CostStaircase {
        fixed: usd(10.0),
        ..nodes(0.0, 0, None)
    };
    let found = crossing(&flat(2.0), &whole);
    let Breakeven::Crossing { first, sustained } = found else {
        panic!("{found:?}")
    };
    assert!(same(first.requests(), 5e6), "{first:?}");
    assert_eq!(sustained, Some(first));
}
