//! How much has to be seen before a verdict is given, and before it is held.

use super::annotations::annotated;
use super::*;
use breakeven_model::Ineligibility;
use breakeven_model::inventory::WorkloadAnnotations;

fn started(second: i64) -> Pod {
    Pod {
        started_at: Some(at(second)),
        ..web()
    }
}

fn look(engine: &mut Engine, from: i64, to: i64, pod: &Pod) {
    for second in (from..=to).step_by(15) {
        engine.observe(uses(second, resources(0.1, 1.0)));
        engine.observe(cluster(second, vec![pod.clone()]));
    }
}

#[test]
fn a_new_workload_has_no_verdict_for_an_hour() {
    let mut engine = engine();
    look(&mut engine, 0, 60, &started(0));
    engine.observe(a_day_of_traffic(0));
    let report = engine.report(at(60));
    assert_eq!(only(&report).assessment.verdict, Verdict::InsufficientData);
    assert!(cost(only(&report), Platform::Lambda, Basis::Loaded).is_some());
    let text = super::explanations::explained(&report).to_string();
    assert!(
        text.contains("less than an hour of its cost was seen"),
        "{text}"
    );
    look(&mut engine, 75, 3_600, &started(0));
    engine.observe(a_day_of_traffic(3_600));
    assert_eq!(
        only(&engine.report(at(3_600))).assessment.verdict,
        Verdict::Lambda
    );
}

#[test]
fn a_resize_begins_the_hour_again_for_an_agent_that_has_just_started() {
    let mut engine = engine();
    look(&mut engine, 0, 60, &started(-86_400));
    engine.observe(a_day_of_traffic(0));
    assert_eq!(
        only(&engine.report(at(60))).assessment.verdict,
        Verdict::Lambda
    );
    let mut resized = started(-86_400);
    resized.request = resources(0.5, 2.0);
    look(&mut engine, 75, 120, &resized);
    let report = engine.report(at(120));
    assert_eq!(only(&report).assessment.verdict, Verdict::InsufficientData);
    look(&mut engine, 135, 3_675, &resized);
    engine.observe(a_day_of_traffic(3_600));
    assert_eq!(
        only(&engine.report(at(3_675))).assessment.verdict,
        Verdict::Lambda
    );
}

#[test]
fn a_verdict_is_provisional_until_a_full_window_was_seen() {
    let mut engine = engine();
    look(&mut engine, 0, 3_600, &web());
    engine.observe(a_day_of_traffic(3_600));
    let report = engine.report(at(3_600));
    let seen = only(&report).provisional.unwrap();
    assert!((seen.seconds() - 3_600.0).abs() < 1e-9, "{seen:?}");
    let explanation = super::explanations::explained(&report);
    let (_, result) = super::explanations::line(&explanation, "Verdict", "provisional");
    assert_eq!(result, "1.00 h of 24 h observed");
    // Another verdict within the window shows at once.
    let mut blocked = web();
    blocked.host_network = true;
    look(&mut engine, 3_615, 3_630, &blocked);
    assert_eq!(
        only(&engine.report(at(3_630))).assessment.verdict,
        Verdict::Kubernetes
    );
    look(&mut engine, 3_645, 3_660, &web());
    assert_eq!(
        only(&engine.report(at(3_660))).assessment.verdict,
        Verdict::Lambda
    );
}

#[test]
fn after_a_full_window_a_verdict_is_held_unless_it_is_blocked() {
    let day = 86_400;
    let mut engine = engine();
    look(&mut engine, 0, day, &web());
    engine.observe(a_day_of_traffic(day));
    let report = engine.report(at(day));
    let shown = |report: &Report| (only(report).assessment.verdict, only(report).provisional);
    assert_eq!(shown(&report), (Verdict::Lambda, None));
    let mut blocked = web();
    blocked.needs_accelerator = true;
    look(&mut engine, day + 15, day + 30, &blocked);
    let report = engine.report(at(day + 30));
    assert_eq!(shown(&report), (Verdict::Kubernetes, None));
    assert_eq!(only(&report).assessment.blockers(), [Ineligibility::Gpu]);
    assert_eq!(only(&report).assessment.monthly_saving(), None);
    let text = super::explanations::explained(&report).to_string();
    assert!(
        text.contains("it cannot move, so it stays where it is"),
        "{text}"
    );
    assert!(!text.contains("costs less on"), "{text}");
    // It may move again: what the bands say now has to hold for a window first.
    look(&mut engine, day + 45, day + 60, &web());
    assert_eq!(
        only(&engine.report(at(day + 60))).assessment.verdict,
        Verdict::Kubernetes
    );
}

#[test]
fn a_limit_that_is_exceeded_for_a_moment_does_not_end_a_verdict_that_is_held() {
    let day = 86_400;
    let mut engine = engine();
    look(&mut engine, 0, day, &web());
    engine.observe(a_day_of_traffic(day));
    assert_eq!(
        only(&engine.report(at(day))).assessment.verdict,
        Verdict::Lambda
    );
    let slow = WorkloadAnnotations {
        latency_objective: Some(seconds(0.001)),
        ..WorkloadAnnotations::default()
    };
    engine.observe(annotated(day + 15, slow.clone()));
    let report = engine.report(at(day + 15));
    assert_eq!(
        only(&report).assessment.blockers(),
        [Ineligibility::Latency]
    );
    assert_eq!(
        only(&report).assessment.verdict,
        Verdict::Kubernetes,
        "not held"
    );
    assert_eq!(only(&report).assessment.monthly_saving(), None);
    look(&mut engine, day + 30, day + 45, &web());
    let report = engine.report(at(day + 45));
    assert_eq!(only(&report).assessment.verdict, Verdict::Lambda);
    // Exceeded for a whole window, it is what holds.
    for second in (day + 60..=2 * day + 120).step_by(60) {
        engine.observe(uses(second, resources(0.1, 1.0)));
        engine.observe(annotated(second, slow.clone()));
        if second % 3_600 == 60 {
            engine.observe(a_day_of_traffic(second));
            let _ = engine.report(at(second));
        }
    }
    assert_eq!(
        only(&engine.report(at(2 * day + 120))).assessment.verdict,
        Verdict::Kubernetes
    );
    look(&mut engine, 2 * day + 135, 2 * day + 150, &web());
    let report = engine.report(at(2 * day + 150));
    assert_eq!(only(&report).assessment.blockers(), []);
    assert_eq!(only(&report).assessment.verdict, Verdict::Kubernetes);
}

#[test]
fn a_workload_on_windows_cannot_move() {
    let mut engine = engine();
    let mut windows = (*machine("n")).clone();
    let label = ("kubernetes.io/os".to_owned(), "windows".to_owned());
    windows.labels.extend([label]);
    for second in [0, 15] {
        engine.observe(uses(second, resources(0.1, 1.0)));
        engine.observe(Observation::Cluster(Cluster {
            at: at(second),
            nodes: vec![Arc::new(windows.clone())],
            pods: vec![Arc::new(web())],
            ..Cluster::default()
        }));
    }
    engine.observe(a_day_of_traffic(0));
    let report = engine.report(at(15));
    let web = only(&report);
    assert_eq!(web.assessment.blockers(), [Ineligibility::Windows]);
    assert_eq!(
        (web.assessment.verdict, web.assessment.monthly_saving()),
        (Verdict::Kubernetes, None)
    );
    let explanation = super::explanations::explained(&report);
    let advice = explanation
        .sections
        .iter()
        .find(|one| one.title == "Advice");
    let lines = advice.map_or(&[][..], |one| &one.lines);
    assert!(
        lines.iter().all(|line| line.result != "lambda"),
        "{lines:?}"
    );
}
