//! What annotations change.

use std::collections::BTreeMap;

use super::*;
use breakeven_model::Ineligibility;
use breakeven_model::inventory::{
    Counted, CountedStep, DedicatedSource, DedicatedTraffic, FunctionName, WorkloadAnnotations,
    WorkloadId,
};

fn web_id() -> WorkloadId {
    deployment("shop", "web")
}

/// The cluster with what an annotation says of its only workload.
pub(super) fn annotated(second: i64, notes: WorkloadAnnotations) -> Observation {
    let Observation::Cluster(cluster) = cluster(second, vec![web()]) else {
        panic!("it is a cluster")
    };
    Observation::Cluster(Cluster {
        annotations: BTreeMap::from([(web_id(), Arc::new(notes))]),
        ..cluster
    })
}

fn seen_with(notes: &WorkloadAnnotations) -> Engine {
    let mut engine = engine();
    for second in (0..=60).step_by(15) {
        engine.observe(uses(second, resources(0.1, 1.0)));
        engine.observe(annotated(second, notes.clone()));
    }
    engine
}

fn reported(notes: &WorkloadAnnotations) -> Report {
    let mut engine = seen_with(notes);
    engine.observe(a_day_of_traffic(0));
    engine.report(at(60))
}

#[test]
fn an_excluded_workload_has_its_cost_and_is_not_compared_with_others() {
    let excluded = reported(&WorkloadAnnotations {
        is_excluded: true,
        ..WorkloadAnnotations::default()
    });
    let web = only(&excluded);
    assert_eq!(web.assessment.blockers(), [Ineligibility::Excluded]);
    assert!(cost(web, Platform::Kubernetes, Basis::Loaded).is_some());
    assert_eq!(excluded.cluster.as_ref().unwrap().utilization, None);
    let included = reported(&WorkloadAnnotations::default());
    assert!(included.cluster.unwrap().utilization.is_some());
}

#[test]
fn an_objective_decides_how_slow_the_function_may_be() {
    // 0.1 s of processor time in 0.1 s: 1,229 MiB take 144 ms.
    let memory = |objective: Option<f64>| {
        let report = reported(&WorkloadAnnotations {
            latency_objective: objective.map(seconds),
            ..WorkloadAnnotations::default()
        });
        let web = only(&report);
        let memory = web.facts.lambda_memory.unwrap().mib();
        (memory, web.assessment.blockers().to_vec())
    };
    assert_eq!(memory(None), (1_229, vec![]));
    assert_eq!(memory(Some(0.5)), (1_229, vec![]));
    assert_eq!(memory(Some(0.1)), (1_769, vec![]));
    assert_eq!(memory(Some(0.05)), (1_769, vec![Ineligibility::Latency]));
}

#[test]
fn a_query_of_its_own_comes_before_what_others_count_and_says_so() {
    let mut engine = seen_with(&WorkloadAnnotations::default());
    let steps = (-86_400..0).step_by(300);
    let steps = steps.map(|from| CountedStep {
        window: window(from, from + 300),
        requests: Requests::from_requests(150.0).unwrap(),
        latency: None,
    });
    let counted = Counted {
        covered: vec![window(-86_400, 0)],
        steps: steps.collect(),
        rate: None,
        failure: None,
    };
    engine.observe(Observation::DedicatedTraffic(DedicatedTraffic {
        at: at(0),
        by: DedicatedSource::Annotation,
        workloads: BTreeMap::from([(web_id(), counted)]),
    }));
    engine.observe(a_day_of_traffic(0));
    let report = engine.report(at(60));
    let web = only(&report);
    let requests = web
        .assessment
        .cost_on(Platform::Kubernetes)
        .unwrap()
        .requests
        .requests();
    assert!((requests - 1_314_000.0).abs() < 1e-6, "{requests}");
    assert_eq!(web.facts.requests_by.as_deref(), Some("annotation"));
    let text = super::explanations::explained(&report).to_string();
    assert!(text.contains("by its annotation"), "{text}");
}

#[test]
fn a_pair_is_compared_by_what_was_observed_of_both() {
    let mut engine = seen_with(&WorkloadAnnotations {
        lambda_function: Some(FunctionName {
            place: None,
            name: "resize".into(),
        }),
        ..WorkloadAnnotations::default()
    });
    engine.observe(a_day_of_traffic(0));
    engine.observe(listed(vec![resize()]));
    engine.observe(a_day_of_minutes(60));
    let report = engine.report(at(60));
    let find = |name: &str| report.find(name)[0];
    let (web, resize) = (find("web"), find("resize"));
    let each = |workload: &WorkloadReport, home| {
        let cost = workload.assessment.cost_on(home).unwrap();
        cost.per_request().unwrap().each()
    };
    for home in [Platform::Kubernetes, Platform::Lambda] {
        let (one, other) = (each(web, home), each(resize, home));
        assert!((one / other - 1.0).abs() < 1e-9, "{one} {other}");
    }
    assert_eq!(web.facts.pair, Some(resize.workload.clone()));
    assert_eq!(resize.facts.pair, Some(web.workload.clone()));
    assert_eq!(web.assessment.verdict, resize.assessment.verdict);
    let lambda = cost(web, Platform::Lambda, Basis::Loaded).unwrap();
    let loaded = cost(web, Platform::Kubernetes, Basis::Loaded).unwrap();
    assert!((web.assessment.monthly_saving().unwrap().usd() - (loaded - lambda)).abs() < 1e-9);
}

#[test]
fn a_pair_moves_nothing_that_cannot_move() {
    let mut engine = seen_with(&WorkloadAnnotations {
        lambda_function: Some(FunctionName {
            place: None,
            name: "resize".into(),
        }),
        is_excluded: true,
        ..WorkloadAnnotations::default()
    });
    engine.observe(a_day_of_traffic(0));
    engine.observe(listed(vec![resize()]));
    engine.observe(a_day_of_minutes(60));
    let report = engine.report(at(60));
    let web = report.find("web")[0];
    assert!(web.facts.pair.is_some());
    assert_eq!(
        (web.assessment.verdict, web.assessment.monthly_saving()),
        (Verdict::Kubernetes, None)
    );
}

#[test]
fn a_pair_that_is_not_there_changes_nothing_and_explain_says_so() {
    let report = reported(&WorkloadAnnotations {
        lambda_function: Some(FunctionName {
            place: None,
            name: "gone".into(),
        }),
        unit: Some("checkout".into()),
        problems: vec![(
            "breakeven.dev/exclude",
            "\"yes\" is not true or false".into(),
        )],
        ..WorkloadAnnotations::default()
    });
    let web = only(&report);
    assert_eq!(web.facts.pair, None);
    assert_eq!(
        cost(web, Platform::Lambda, Basis::Loaded),
        cost(
            only(&reported(&WorkloadAnnotations::default())),
            Platform::Lambda,
            Basis::Loaded
        )
    );
    let text = super::explanations::explained(&report).to_string();
    for said in [
        "gone: no such function, or several",
        "\"yes\" is not true or false",
        "checkout",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
}
