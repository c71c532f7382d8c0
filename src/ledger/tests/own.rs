//! Workloads that queries of their own count.

use std::collections::BTreeMap;

use super::*;
use breakeven_model::inventory::{Counted, CountedStep, DedicatedSource, DedicatedTraffic};

/// What its own query counted: as many requests in each step of five minutes.
pub(super) fn own(from: i64, to: i64, each: f64) -> DedicatedTraffic {
    let steps = (from..to).step_by(300);
    let counted = Counted {
        covered: vec![step(from, to)],
        steps: steps
            .map(|from| CountedStep {
                window: step(from, from + 300),
                requests: requests(each),
                latency: None,
            })
            .collect(),
        rate: Some(RequestsPerSecond::from_per_second(each / 300.0).unwrap()),
        failure: None,
    };
    DedicatedTraffic {
        at: at(to),
        by: DedicatedSource::Annotation,
        workloads: BTreeMap::from([(web(), counted)]),
    }
}

fn others(from: i64, to: i64, each: f64) -> Traffic {
    let steps = (from..to).step_by(300);
    let steps = steps.map(|from| served(from, from + 300, each));
    traffic(steps.collect(), from, to)
}

fn record_requests_of_step(ledger: &mut Ledger, traffic: &Traffic) {
    ledger.record_requests(traffic, |_| whole(web()));
}

fn counted(ledger: &Ledger, now: i64) -> (f64, f64) {
    let traffic = window(ledger, now).traffic.unwrap();
    (traffic.requests.requests(), traffic.covered.seconds())
}

#[test]
fn what_others_count_of_it_is_not_added_and_their_latency_is_taken() {
    let mut ledger = ledger();
    ledger.record_direct_requests(&own(-3_600, 0, 30.0));
    record_requests_of_step(&mut ledger, &others(-3_600, 0, 300.0));
    assert_eq!(counted(&ledger, 0), (360.0, 3_600.0));
    let latency = window(&ledger, 0).traffic.unwrap().mean_latency().unwrap();
    assert!((latency.seconds() - 0.1).abs() < 1e-9);
    accrue_for(&mut ledger, 0, 60);
    let recent = window(&ledger, 60).recent.unwrap();
    assert!((recent.1.per_second() - 0.1).abs() < 1e-9);
}

#[test]
fn an_annotation_that_comes_later_counts_the_whole_window_anew_and_the_total_goes_on() {
    let mut ledger = ledger();
    record_requests_of_step(&mut ledger, &others(0, 600, 300.0));
    ledger.record_direct_requests(&own(-3_000, 600, 30.0));
    assert_eq!(counted(&ledger, 600), (360.0, 3_600.0));
    let total = |ledger: &Ledger| ledger.workload(&web()).unwrap().requests().requests();
    assert!((total(&ledger) - 600.0).abs() < 1e-9, "{}", total(&ledger));
    ledger.record_direct_requests(&own(600, 900, 30.0));
    record_requests_of_step(&mut ledger, &others(600, 900, 300.0));
    assert!((total(&ledger) - 630.0).abs() < 1e-9, "{}", total(&ledger));
    assert_eq!(counted(&ledger, 900), (390.0, 3_900.0));
}

#[test]
fn without_its_annotation_the_others_count_it_from_then_on() {
    let mut ledger = ledger();
    ledger.record_direct_requests(&own(0, 600, 30.0));
    record_requests_of_step(&mut ledger, &others(0, 600, 300.0));
    let none = DedicatedTraffic {
        at: at(900),
        by: DedicatedSource::Annotation,
        workloads: BTreeMap::new(),
    };
    ledger.record_direct_requests(&none);
    record_requests_of_step(&mut ledger, &others(600, 900, 300.0));
    assert_eq!(counted(&ledger, 900), (300.0, 300.0));
    let total = ledger.workload(&web()).unwrap().requests().requests();
    assert!((total - 360.0).abs() < 1e-9, "{total}");
}

#[test]
fn a_query_that_counts_nothing_leaves_it_uncounted() {
    let mut ledger = ledger();
    let failed = Counted {
        failure: Some("no such function".into()),
        ..Counted::default()
    };
    ledger.record_direct_requests(&DedicatedTraffic {
        at: at(600),
        by: DedicatedSource::Annotation,
        workloads: BTreeMap::from([(web(), failed)]),
    });
    accrue_for(&mut ledger, 0, 60);
    assert_eq!(window(&ledger, 600).traffic, None);
}

#[test]
fn an_annotation_comes_before_scraping_and_scraping_before_the_others() {
    let by = |by, from, to, each| DedicatedTraffic {
        by,
        ..own(from, to, each)
    };
    let mut ledger = ledger();
    record_requests_of_step(&mut ledger, &others(-600, 0, 300.0));
    ledger.record_direct_requests(&by(DedicatedSource::Scrape, 0, 300, 20.0));
    record_requests_of_step(&mut ledger, &others(0, 300, 300.0));
    assert_eq!(counted(&ledger, 300), (20.0, 300.0));
    assert!(
        window(&ledger, 300)
            .traffic
            .unwrap()
            .mean_latency()
            .is_none()
    );
    ledger.record_direct_requests(&by(DedicatedSource::Annotation, -600, 600, 30.0));
    ledger.record_direct_requests(&by(DedicatedSource::Scrape, 300, 600, 20.0));
    assert_eq!(counted(&ledger, 600), (120.0, 1_200.0));
    // From scraping 20 to 300 s, from the annotation 30 after that.
    let total = ledger.workload(&web()).unwrap().requests().requests();
    assert!((total - 50.0).abs() < 1e-9, "{total}");
}

#[test]
fn the_edge_counts_what_nothing_else_does_and_no_longer_once_something_else_does() {
    let edge = |from, to, each| DedicatedTraffic {
        by: DedicatedSource::Edge,
        ..own(from, to, each)
    };
    let mut ledger = ledger();
    ledger.record_direct_requests(&edge(-3_600, 600, 30.0));
    assert_eq!(counted(&ledger, 600), (420.0, 4_200.0));
    // Others know it, and count nothing of it.
    record_requests_of_step(&mut ledger, &others(0, 600, 0.0));
    ledger.record_direct_requests(&edge(600, 900, 30.0));
    assert_eq!(counted(&ledger, 900), (450.0, 4_500.0));
    let total = |ledger: &Ledger| ledger.workload(&web()).unwrap().requests().requests();
    assert!((total(&ledger) - 90.0).abs() < 1e-9, "{}", total(&ledger));

    record_requests_of_step(&mut ledger, &others(600, 1_200, 100.0));
    ledger.record_direct_requests(&edge(900, 1_200, 30.0));
    assert_eq!(counted(&ledger, 1_200), (200.0, 600.0));
    // From the edge 90 to 900 s, from the others 100 after that.
    assert!((total(&ledger) - 190.0).abs() < 1e-9, "{}", total(&ledger));
}

#[test]
fn what_the_edge_counted_is_not_added_again_when_it_counts_anew() {
    let edge = |from, to, each| DedicatedTraffic {
        by: DedicatedSource::Edge,
        ..own(from, to, each)
    };
    let total = |ledger: &Ledger| ledger.workload(&web()).unwrap().requests().requests();
    let mut ledger = ledger();
    ledger.record_direct_requests(&edge(-3_600, 600, 30.0));
    // Its binding is gone for a while, and what came meanwhile is read with all the rest.
    ledger.record_direct_requests(&DedicatedTraffic {
        workloads: BTreeMap::new(),
        ..edge(600, 900, 30.0)
    });
    ledger.record_direct_requests(&edge(-3_600, 1_200, 30.0));
    assert!((total(&ledger) - 120.0).abs() < 1e-9, "{}", total(&ledger));
    assert_eq!(counted(&ledger, 1_200), (480.0, 4_800.0));
    // And when the configuration counts otherwise and as before again.
    ledger.restart_request_counting();
    ledger.record_direct_requests(&edge(-3_600, 1_500, 30.0));
    assert!((total(&ledger) - 150.0).abs() < 1e-9, "{}", total(&ledger));
}
