//! What counters say that pods use, from the source to the report and its explanation.

use super::explanations::{explained, line};
use super::*;
use breakeven_model::cpu_per_request::Method;
use breakeven_model::inputs::Evidence;
use breakeven_model::inventory::{CpuUsageDelta, Throttling};
use breakeven_model::units::{CoreSeconds, Periods};

/// Cores that a pod uses however it serves, and core-seconds of a request.
const IDLE: f64 = 0.1;
const EACH: f64 = 0.02;

fn between(from: i64, to: i64) -> Window {
    Window::between(at(from), at(to)).unwrap()
}

/// A reading of the counters of web's pod, and the average that follows.
fn counts(from: i64, to: i64, core_seconds: f64, throttling: Option<Throttling>) -> Observation {
    let window = between(from, to);
    let processor = CoreSeconds::from_core_seconds(core_seconds).unwrap();
    let mean = processor.mean_over(window.length()).unwrap().cores();
    let mut used = usage(resources(mean, 1.0));
    used.at = at(to);
    used.is_counted = true;
    Observation::Usage(Usage {
        at: at(to),
        pods: HashMap::from([(web().key, used)]),
        counted: vec![CpuUsageDelta {
            pod: web().key,
            window,
            processor,
            throttling,
        }],
    })
}

/// Requests per second: ten, but for the half minute in which each third minute begins.
fn rate(second: i64) -> f64 {
    if second.rem_euclid(180) < 30 {
        55.0
    } else {
        10.0
    }
}

fn computed(from: i64, to: i64) -> f64 {
    (from..to).map(|second| IDLE + EACH * rate(second)).sum()
}

/// An hour of bursts, read by counters at these intervals in turn.
fn hour(intervals: &[i64]) -> Engine {
    let mut engine = engine();
    let (mut from, mut turn) = (0, 0);
    engine.observe(cluster(0, vec![web()]));
    while from < 3_600 {
        let to = (from + intervals[turn % intervals.len()]).min(3_600);
        engine.observe(counts(from, to, computed(from, to), None));
        engine.observe(cluster(to, vec![web()]));
        (from, turn) = (to, turn + 1);
    }
    for start in (0..3_600).step_by(300) {
        let count = (start..start + 300).map(rate).sum();
        engine.observe(served(start, count));
    }
    engine
}

#[test]
fn bursts_count_for_what_they_computed_however_the_counters_are_read() {
    let truth = computed(0, 3_600);
    for intervals in [&[15][..], &[15, 20, 10], &[60, 15, 105]] {
        let report = hour(intervals).report(at(3_600));
        let workload = only(&report);
        let Evidence::Workload(evidence) = &workload.assessment.evidence else {
            panic!("it is a workload");
        };
        let used = evidence.window.used;
        let error = used.cores.core_seconds() / truth - 1.0;
        assert!(error.abs() < 1e-6, "{intervals:?}: {error}");
        assert!((used.observed.seconds() - 3_600.0).abs() < 0.01);
        let price = 0.1 * 10.1 / (2.0 * 10.1 + 8.0) / 3_600.0;
        let spent = workload
            .used_cost_total
            .iter()
            .find(|(what, _)| *what == Component::Cpu);
        let error = spent.unwrap().1.usd() / (truth * price) - 1.0;
        assert!(error.abs() < 1e-6, "{intervals:?}: {error}");
    }
}

#[test]
fn steps_of_requests_meet_what_was_counted_in_them() {
    let report = hour(&[20]).report(at(3_600));
    let Evidence::Workload(evidence) = &only(&report).assessment.evidence else {
        panic!("it is a workload");
    };
    let time = evidence.window.cpu_per_request().unwrap();
    assert!(matches!(time.method, Method::Ratio(_)), "{time:?}");
    let requests: f64 = (0..3_600).map(rate).sum();
    let error = time.value.point.seconds() / (computed(0, 3_600) / requests) - 1.0;
    // A reading that stands across the border of a step is shared out evenly.
    assert!(error.abs() < 0.005, "{error}");
}

#[test]
fn a_pod_that_says_nothing_new_stands_until_it_is_too_old_and_counts_on() {
    let mut engine = engine();
    engine.observe(cluster(0, vec![web()]));
    engine.observe(counts(0, 15, 7.5, None));
    let silent = || {
        Observation::Usage(Usage {
            at: at(0),
            ..Usage::default()
        })
    };
    for second in (15..=300).step_by(15) {
        engine.observe(silent());
        engine.observe(cluster(second, vec![web()]));
    }
    assert!(
        engine
            .rates
            .workloads
            .values()
            .all(|one| one.used.is_some())
    );
    engine.observe(cluster(330, vec![web()]));
    assert!(
        engine
            .rates
            .workloads
            .values()
            .all(|one| one.used.is_none())
    );
    // All that it computed meanwhile comes with the next reading.
    engine.observe(counts(15, 345, 165.0, None));
    let report = engine.report(at(345));
    let Evidence::Workload(evidence) = &only(&report).assessment.evidence else {
        panic!("it is a workload");
    };
    assert!((evidence.window.used.cores.core_seconds() - 172.5).abs() < 1e-4);
}

#[test]
fn a_count_of_nobody_is_told() {
    let mut engine = engine();
    engine.observe(counts(0, 15, 1.0, None));
    assert_eq!(engine.unmatched_pods(), 0, "there may be such a pod");
    engine.observe(cluster(15, vec![web()]));
    let Observation::Usage(mut usage) = counts(15, 30, 1.0, None) else {
        unreachable!()
    };
    usage.counted[0].pod.name = "stranger".into();
    engine.observe(Observation::Usage(usage));
    assert_eq!(engine.unmatched_pods(), 1);
}

#[test]
fn a_workload_that_is_held_back_too_often_is_explained_with_a_doubt() {
    let periods = |count| Periods::from_periods(count).unwrap();
    let explained_at = |throttled: f64| {
        let mut engine = engine();
        engine.observe(cluster(0, vec![web()]));
        let throttling = Throttling {
            time: seconds(throttled * 0.05),
            throttled: periods(throttled),
            periods: periods(6_000.0),
        };
        engine.observe(counts(0, 600, 300.0, Some(throttling)));
        engine.observe(cluster(600, vec![web()]));
        let report = engine.report(at(600));
        let shown = only(&report).throttled.unwrap();
        assert!((shown.total.seconds() - throttled * 0.05).abs() < 1e-6);
        let explanation = explained(&report);
        let (from, result) = line(&explanation, "What was seen", "held back by CPU limits");
        (from.to_owned(), result.to_owned())
    };
    let (from, result) = explained_at(600.0);
    assert_eq!(result, "10.0 %, 30.00 s");
    assert!(
        from.ends_with("; 600 of 6000 periods of the scheduler"),
        "{from}"
    );
    let (from, result) = explained_at(2_400.0);
    assert_eq!(result, "40.0 %, 120.00 s");
    assert!(
        from.contains("; above 25.0 %: latency (w) and waiting (i) are more those of the limit"),
        "{from}"
    );
}
