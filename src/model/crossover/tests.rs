use proptest::prelude::*;

use super::*;
use crate::units::UsdPerGibSecond;

/// Monthly costs by their definition, and a walk over every step and tier: slow, and plain.
struct Reference {
    lambda: LambdaCurve,
    kubernetes: KubernetesCurve,
}

impl Reference {
    fn lambda(&self, requests: f64) -> f64 {
        let used = GibSeconds::from_gib_seconds(requests * self.lambda.each.gib_seconds()).unwrap();
        let duration = self
            .lambda
            .tiers
            .on_top_of(self.lambda.used_before, used)
            .usd();
        duration + requests * self.lambda.fee.each()
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
        let each = self.lambda.each.gib_seconds();
        let tiers = self
            .lambda
            .tiers
            .bounded()
            .iter()
            .map(|(end, _)| (end.gib_seconds() - self.lambda.used_before.gib_seconds()) / each);
        let mut bounds: Vec<f64> = tiers.filter(|end| 0.0 < *end && *end < up_to).collect();
        if let Some(capacity) = curve.capacity.map(Requests::requests) {
            let mut full = least.max(0.0) * capacity;
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

    /// The first and the last traffic at which the cluster becomes no dearer, and whether it is cheaper at the end.
    fn scan(&self, up_to: f64) -> (Option<f64>, Option<f64>, bool) {
        let mut first = None;
        let mut last = None;
        let mut ahead = false;
        for (from, to, steps) in self.stretches(up_to) {
            let (before, after) = (self.lead(from, steps), self.lead(to, steps));
            if before < 0.0 && after >= 0.0 {
                let crossing = from + (to - from) * before / (before - after);
                first = first.or(Some(crossing));
                last = Some(crossing);
            }
            ahead = after >= 0.0;
        }
        (first, last, ahead)
    }
}

fn usd(value: f64) -> Usd {
    Usd::from_usd(value).unwrap()
}

fn lambda_curve() -> impl Strategy<Value = LambdaCurve> {
    let tiers = proptest::collection::vec((1e3..1e5, 0.3..0.95), 0..3);
    (tiers, 1e-5..1e-4, 0.0..3e4, 0.001..1.0, 0.0..1e-6).prop_map(
        |(steps, top, before, each, fee)| {
            let mut end = 0.0;
            let mut price: f64 = top;
            let bounded = steps.into_iter().map(|(step, fall)| {
                end += step;
                let tier = UsdPerGibSecond::from_secondly(price).unwrap();
                price *= fall;
                (GibSeconds::from_gib_seconds(end).unwrap(), tier)
            });
            let bounded: Vec<_> = bounded.collect();
            LambdaCurve {
                tiers: Tiers::new(bounded, UsdPerGibSecond::from_secondly(price).unwrap()).unwrap(),
                used_before: GibSeconds::from_gib_seconds(before).unwrap(),
                each: GibSeconds::from_gib_seconds(each).unwrap(),
                fee: UsdPerRequest::from_each(fee).unwrap(),
            }
        },
    )
}

fn kubernetes_curve() -> impl Strategy<Value = KubernetesCurve> {
    let capacity = proptest::option::weighted(0.8, 2e3..1e5);
    (0.0..2.0, 0.001..1.0, 1_u32..4, capacity, 0.0..2e-5).prop_map(
        |(fixed, step, steps_min, capacity, each)| KubernetesCurve {
            fixed: usd(fixed),
            step: usd(step),
            steps_min,
            capacity: capacity.map(|one| Requests::from_requests(one).unwrap()),
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
        let (first, last, ahead) = reference.scan(FAR);
        match found {
            Breakeven::Crossing { first: at, sustained } => {
                let at = at.requests();
                if at < FAR * 0.999 {
                    prop_assert!(first.is_some_and(|first| same(at, first)), "{} {:?}", at, first);
                } else {
                    prop_assert!(first.is_none_or(|first| first > FAR * 0.998), "{} {:?}", at, first);
                }
                match sustained.map(Requests::requests) {
                    Some(sustained) if sustained < FAR * 0.999 => {
                        prop_assert!(ahead, "the cluster is dearer beyond {}", sustained);
                        prop_assert!(last.is_some_and(|last| same(sustained, last)), "{} {:?}", sustained, last);
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
            Breakeven::LambdaAlways => prop_assert!(first.is_none(), "{:?}", first),
            Breakeven::KubernetesAlways | Breakeven::BeyondCapacity => {
                prop_assert!(false, "{:?} with something to pay before the first request", found);
            }
        }
    }
}

fn flat(per_million: f64) -> LambdaCurve {
    LambdaCurve {
        tiers: Tiers::flat(UsdPerGibSecond::ZERO),
        used_before: GibSeconds::ZERO,
        each: GibSeconds::ZERO,
        fee: UsdPerRequest::from_per_million(per_million).unwrap(),
    }
}

fn nodes(step: f64, least: u32, capacity: Option<f64>) -> KubernetesCurve {
    KubernetesCurve {
        fixed: Usd::ZERO,
        step: usd(step),
        steps_min: least,
        capacity: capacity.map(|one| Requests::from_requests(one).unwrap()),
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
    let each = |per_million| KubernetesCurve {
        each: UsdPerRequest::from_per_million(per_million).unwrap(),
        ..nodes(0.0, 0, None)
    };
    assert_eq!(
        crossing(&flat(3.0), &each(2.0)),
        Breakeven::KubernetesAlways
    );
    assert_eq!(crossing(&flat(3.0), &each(4.0)), Breakeven::LambdaAlways);
    // 4 USD for the first million GB-s, 1 USD for each million after it, against 2 USD for a million.
    let falling = LambdaCurve {
        tiers: Tiers::new(
            vec![(
                GibSeconds::from_gib_seconds(1e6).unwrap(),
                UsdPerGibSecond::from_secondly(4e-6).unwrap(),
            )],
            UsdPerGibSecond::from_secondly(1e-6).unwrap(),
        )
        .unwrap(),
        each: GibSeconds::from_gib_seconds(1.0).unwrap(),
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
