//! Processor time of a request, from looks at the cluster and counted steps to the explanation.

use super::explanations::explained;
use super::*;
use breakeven_model::alternatives::{Alternative, ProjectionInputs};
use breakeven_model::cpu_per_request::{Method, NoSlope, ProcessorTime};
use breakeven_model::explanation::Line;
use breakeven_model::inputs::Evidence;

/// Cores that the pod uses whatever it serves.
const IDLE: f64 = 0.3;
/// Core-seconds of one request.
const EACH: f64 = 0.02;

/// Requests per second in the step that begins then: between 8 and 32, every two hours.
fn waves(start: i64) -> f64 {
    let angle = std::f64::consts::TAU * f64::from(i32::try_from(start).unwrap()) / 7_200.0;
    20.0 + 12.0 * angle.sin()
}

fn steady(_: i64) -> f64 {
    20.0
}

/// What the source of requests says of the step that begins then.
fn step(start: i64, rate: f64) -> Observation {
    served(start, rate * 300.0)
}

/// A report after so many steps of five minutes.
fn after(steps: i64, rate: fn(i64) -> f64) -> Report {
    let mut engine = engine();
    for start in (0..steps * 300).step_by(300) {
        let used = resources(IDLE + EACH * rate(start), 1.0);
        for second in (start..start + 300).step_by(60) {
            engine.observe(cluster(second, vec![web()]));
            engine.observe(uses(second, used));
        }
        engine.observe(cluster(start + 300, vec![web()]));
        engine.observe(step(start, rate(start)));
    }
    engine.report(at(steps * 300))
}

fn found(report: &Report) -> ProcessorTime {
    let Evidence::Workload(evidence) = &only(report).assessment.evidence else {
        panic!("it is a workload");
    };
    let time = evidence.window.cpu_per_request().unwrap();
    let assessment = &only(report).assessment;
    let lambda = assessment.alternative(Alternative::Lambda).unwrap();
    let Some(ProjectionInputs::Lambda(inputs)) = &lambda.inputs else {
        panic!("it has no inputs of Lambda");
    };
    assert_eq!(
        inputs.demand.cpu, time.value.point,
        "it is what Lambda is asked for"
    );
    time
}

/// How the explanation shows it.
fn shown(report: &Report) -> Line {
    let explanation = explained(report);
    let lines = explanation.sections.into_iter().flat_map(|one| one.lines);
    let mut lines = lines.filter(|line| line.name == "processor time (s)");
    lines.next().unwrap()
}

#[test]
fn what_idle_pods_compute_is_not_charged_to_requests_once_traffic_has_varied() {
    // Three hours, and more than a day: then steps have left the window again.
    for steps in [36, 330] {
        let report = after(steps, waves);
        let time = found(&report);
        assert_eq!(time.method, Method::Slope);
        assert!((time.value.point.seconds() - EACH).abs() < 1e-9, "{time:?}");
        let line = shown(&report);
        assert_eq!(line.result, "20.0 ms");
        let kept = steps.min(288);
        assert!(
            line.from.starts_with(&format!(
                "slope of cores over requests per second in {kept} steps seen together; 95 %: 20.0 ms to 20.0 ms"
            )),
            "{line:?}"
        );
    }
}

#[test]
fn until_thirty_steps_were_seen_all_use_is_charged_to_requests() {
    let time = found(&after(29, waves));
    assert_eq!(time.method, Method::Ratio(NoSlope::FewSteps));
    let served: f64 = (0..29).map(|step| waves(step * 300)).sum();
    let ratio = EACH + IDLE * 29.0 / served;
    assert!(
        (time.value.point.seconds() / ratio - 1.0).abs() < 1e-6,
        "{time:?}"
    );
}

#[test]
fn of_steady_traffic_all_use_is_charged_to_requests_and_the_explanation_says_so() {
    let report = after(40, steady);
    let time = found(&report);
    assert_eq!(time.method, Method::Ratio(NoSlope::SteadyTraffic));
    let ratio = EACH + IDLE / 20.0;
    assert!(
        (time.value.point.seconds() - ratio).abs() < 1e-9,
        "{time:?}"
    );
    let line = shown(&report);
    assert_eq!(line.result, "35.0 ms");
    assert_eq!(
        line.from,
        "8400.00 core-seconds / 240,000 requests in 40 steps seen together; an upper bound, as traffic varies by less than 10 %"
    );
}
