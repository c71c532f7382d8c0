mod clock;
mod days;
mod functions;
mod month;
mod own;
mod revisions;
mod used;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use breakeven_model::allocation::{WorkloadRates, allocate};
use breakeven_model::inventory::{PodKey, PodUsage, RequestRate, RequestStep};
use breakeven_model::test_util::{deployment, node, pod, resources, seconds, settings, usage};
use breakeven_model::traffic_pattern::TrafficPattern;
use breakeven_model::units::{Requests, RequestsPerSecond, Window};

/// A midnight.
const START: i64 = 20_833 * 86_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

fn step(from: i64, to: i64) -> Window {
    let length = Duration::from_secs(u64::try_from(to - from).unwrap());
    let minute = Window::closed_before(at(to), Duration::from_secs(60), Duration::ZERO).unwrap();
    let window = minute.extended_back(length);
    assert_eq!(
        (window.start(), window.end()),
        (at(from), at(to)),
        "not aligned"
    );
    window
}

fn requests(count: f64) -> Requests {
    Requests::from_requests(count).unwrap()
}

fn web() -> WorkloadId {
    deployment("shop", "web")
}

fn to_web() -> RequestTarget {
    RequestTarget::Workload {
        namespace: "shop".into(),
        kind: None,
        name: "web".into(),
    }
}

fn served(from: i64, to: i64, count: f64) -> RequestStep {
    RequestStep {
        target: to_web(),
        window: step(from, to),
        requests: requests(count),
        latency: Some((seconds(count * 0.1), requests(count))),
    }
}

fn traffic(steps: Vec<RequestStep>, from: i64, to: i64) -> Traffic {
    Traffic {
        at: at(to),
        covered: Some(step(from, to)),
        steps,
        rates: Vec::new(),
    }
}

/// One node at 0.1 an hour and one pod that holds half of it and uses half of that.
fn rates() -> ClusterRates {
    let nodes = [node("n", 2.0, 8.0, Some(0.1))];
    let one = pod("p", web(), "n", resources(1.0, 4.0));
    let used: HashMap<PodKey, PodUsage> =
        HashMap::from([(one.key.clone(), usage(resources(0.5, 2.0)))]);
    allocate(&nodes, &[], &[Arc::new(one)], &used, &settings())
}

/// Somebody who serves all of it.
fn whole(id: WorkloadId) -> Option<(WorkloadId, Ratio)> {
    Some((id, Ratio::ONE))
}

fn nobody() -> Option<(WorkloadId, Ratio)> {
    None
}

fn ledger() -> Ledger {
    Ledger::new(at(0), seconds(86_400.0))
}

fn accrue_for(ledger: &mut Ledger, from: i64, to: i64) {
    let rates = rates();
    let mut start = from;
    while start < to {
        let end = (start + 15).min(to);
        ledger.set_rates(&rates, at(start));
        ledger.accrue_cost(&rates, at(start), at(end));
        start = end;
    }
}

fn window(ledger: &Ledger, now: i64) -> breakeven_model::window::WorkloadWindow {
    ledger.workload_window(ledger.workload(&web()).unwrap(), at(now))
}

fn processor_time(ledger: &Ledger, now: i64) -> Seconds {
    window(ledger, now).cpu_per_request().unwrap().value.point
}

#[test]
fn money_is_the_rate_times_the_time_and_adds_up_to_the_node() {
    let mut ledger = ledger();
    accrue_for(&mut ledger, 0, 3_600);
    let accrued = ledger.workload(&web()).unwrap().accrued();
    let loaded = accrued.cpu + accrued.memory + accrued.idle + accrued.shared + accrued.fixed;
    assert!((loaded.usd() - 0.1).abs() < 1e-12, "{accrued:?}");
    let cluster = ledger.cluster().accrued();
    assert!((cluster.allocated.usd() + cluster.idle.usd() - 0.1).abs() < 1e-12);
    assert!((ledger.cluster().observed().seconds() - 3_600.0).abs() < 1e-9);
}

#[test]
fn time_that_passed_unseen_costs_nobody_anything() {
    let mut ledger = ledger();
    accrue_for(&mut ledger, 0, 60);
    ledger.record_gap(seconds(600.0));
    accrue_for(&mut ledger, 660, 720);
    assert!((ledger.cluster().observed().seconds() - 120.0).abs() < 1e-9);
    assert!((ledger.cluster().unobserved().seconds() - 600.0).abs() < 1e-9);
    assert!((window(&ledger, 720).observed.seconds() - 120.0).abs() < 1e-9);
}

#[test]
fn a_backfill_feeds_the_window_and_not_the_counter() {
    let mut ledger = ledger();
    let unmatched_targets = ledger.record_requests(
        &traffic(
            vec![served(-600, -300, 300.0), served(-300, 0, 300.0)],
            -600,
            0,
        ),
        |_| whole(web()),
    );
    assert_eq!(unmatched_targets, 0);
    let account = ledger.workload(&web()).unwrap();
    assert!(account.requests().is_zero());
    let window = window(&ledger, 0).traffic.unwrap();
    assert!((window.requests.requests() - 600.0).abs() < 1e-9);
    assert!((window.rate().unwrap().per_second() - 1.0).abs() < 1e-9);
    assert!((window.mean_latency().unwrap().seconds() - 0.1).abs() < 1e-9);
}

#[test]
fn steps_that_were_counted_are_not_counted_again() {
    let mut ledger = ledger();
    let batch = traffic(vec![served(0, 300, 300.0)], 0, 300);
    ledger.record_requests(&batch, |_| whole(web()));
    ledger.record_requests(&batch, |_| whole(web()));
    ledger.record_requests(
        &traffic(vec![served(0, 300, 300.0), served(300, 600, 300.0)], 0, 600),
        |_| whole(web()),
    );
    assert!((ledger.workload(&web()).unwrap().requests().requests() - 600.0).abs() < 1e-9);
}

#[test]
fn a_steady_rate_stays_steady_in_a_window_whose_slots_are_shorter_than_a_step() {
    let mut ledger = Ledger::new(at(0), seconds(3_600.0));
    let steps = (0..24).map(|step| served(step * 300, (step + 1) * 300, 300.0));
    ledger.record_requests(&traffic(steps.collect(), 0, 7_200), |_| whole(web()));
    for now in [7_200, 7_230, 7_299, 7_375] {
        let rate = window(&ledger, now).traffic.unwrap().rate().unwrap();
        assert!((rate.per_second() - 1.0).abs() < 1e-9, "{rate:?} at {now}");
    }
}

#[test]
fn a_target_that_nobody_answers_for_is_counted_as_a_stranger() {
    let batch = traffic(vec![served(0, 300, 300.0)], 0, 300);
    assert_eq!(ledger().record_requests(&batch, |_| nobody()), 1);
}

#[test]
fn a_new_workload_is_averaged_over_its_own_life() {
    let mut ledger = ledger();
    // Requests of everybody were counted for a day; this one exists for ten minutes.
    ledger.record_requests(&traffic(vec![], -86_400, 0), |_| nobody());
    ledger.record_requests(
        &traffic(vec![served(0, 300, 300.0), served(300, 600, 300.0)], 0, 600),
        |_| whole(web()),
    );
    let traffic = window(&ledger, 600).traffic.unwrap();
    assert!(
        (traffic.covered.seconds() - 600.0).abs() < 1e-9,
        "{traffic:?}"
    );
    // Its oldest pod is a day old: then it had no requests before.
    ledger.record_created_at(&web(), at(-86_400));
    let traffic = window(&ledger, 600).traffic.unwrap();
    assert!(
        (traffic.covered.seconds() - 86_400.0).abs() < 1e-9,
        "{traffic:?}"
    );
}

#[test]
fn use_and_requests_of_the_same_steps_give_the_processor_time_of_a_request() {
    let mut ledger = ledger();
    accrue_for(&mut ledger, 0, 600);
    // Half a core for five minutes, for a thousand requests; the step before was not seen.
    ledger.record_requests(
        &traffic(
            vec![served(-300, 0, 50.0), served(0, 300, 1_000.0)],
            -300,
            300,
        ),
        |_| whole(web()),
    );
    let each = processor_time(&ledger, 600);
    assert!((each.seconds() - 0.15).abs() < 1e-9, "{each:?}");
}

#[test]
fn before_the_first_step_the_present_rate_stands_in() {
    let mut ledger = ledger();
    accrue_for(&mut ledger, 0, 60);
    let rate = RequestsPerSecond::from_per_second(5.0).unwrap();
    let rates = vec![RequestRate {
        target: to_web(),
        rate,
    }];
    let now = Traffic {
        at: at(60),
        covered: None,
        steps: vec![],
        rates,
    };
    ledger.record_requests(&now, |_| whole(web()));
    let each = processor_time(&ledger, 60);
    assert!((each.seconds() - 0.1).abs() < 1e-9, "{each:?}");
    assert_eq!(
        window(&ledger, 3_600).cpu_per_request(),
        None,
        "an old rate is no rate"
    );
}

#[test]
fn what_was_not_seen_for_a_whole_window_is_forgotten() {
    let mut ledger = ledger();
    accrue_for(&mut ledger, 0, 60);
    ledger.prune(at(86_400));
    assert!(ledger.workload(&web()).is_some());
    ledger.prune(at(86_461));
    assert!(ledger.workload(&web()).is_none());
}

#[test]
fn the_pattern_of_a_workload_is_told_from_a_day_of_its_requests() {
    let mut ledger = ledger();
    let steps = (-86_400..0)
        .step_by(300)
        .map(|from| served(from, from + 300, 300.0))
        .collect();
    ledger.record_requests(&traffic(steps, -86_400, 0), |_| whole(web()));
    assert_eq!(
        window(&ledger, 0).traffic.unwrap().pattern,
        Some(TrafficPattern::Steady)
    );
    // An hour of it is too little to tell a day from.
    let mut young = self::ledger();
    let steps = (-3_600..0)
        .step_by(300)
        .map(|from| served(from, from + 300, 300.0))
        .collect();
    young.record_requests(&traffic(steps, -3_600, 0), |_| whole(web()));
    assert_eq!(window(&young, 0).traffic.unwrap().pattern, None);
}

#[test]
fn time_without_a_price_is_not_averaged_in_as_free() {
    let mut ledger = ledger();
    let mut unpriced = rates();
    let web_rates = unpriced.workloads.get_mut(&web()).unwrap();
    *web_rates = WorkloadRates {
        pods: 1,
        unpriced_pods: 1,
        ..WorkloadRates::default()
    };
    ledger.set_rates(&unpriced, at(0));
    assert!(!ledger.workload(&web()).unwrap().has_price());
    ledger.accrue_cost(&unpriced, at(0), at(7_200));
    accrue_for(&mut ledger, 7_200, 10_800);
    let window = window(&ledger, 10_800);
    assert!(
        (window.observed.seconds() - 3_600.0).abs() < 1e-6,
        "{window:?}"
    );
    assert!((window.loaded.usd() - 0.1).abs() < 1e-9);
}

/// The same requests as one step of the workload, by two of its pods.
fn by_pods(from: i64, to: i64, each: f64) -> Traffic {
    let pod = |name: &str| RequestStep {
        target: RequestTarget::Pod(PodKey {
            namespace: "shop".into(),
            name: name.into(),
        }),
        ..served(from, to, each)
    };
    let rate = |name: &str| RequestRate {
        target: pod(name).target,
        rate: RequestsPerSecond::from_per_second(5.0).unwrap(),
    };
    Traffic {
        rates: vec![rate("p"), rate("q")],
        ..traffic(vec![pod("p"), pod("q")], from, to)
    }
}

#[test]
fn requests_of_several_pods_are_those_of_their_workload_and_its_use_is_paired_once() {
    let mut ledger = ledger();
    accrue_for(&mut ledger, 0, 600);
    ledger.record_requests(&by_pods(0, 300, 500.0), |_| whole(web()));
    let window = window(&ledger, 600);
    // Half a core for five minutes, for a thousand requests.
    assert!((window.cpu_per_request().unwrap().value.point.seconds() - 0.15).abs() < 1e-9);
    let traffic = window.traffic.unwrap();
    assert!((traffic.requests.requests() - 1_000.0).abs() < 1e-9);
    assert!((traffic.peak.per_second() - 1_000.0 / 300.0).abs() < 1e-9);
    assert!((window.recent.unwrap().1.per_second() - 10.0).abs() < 1e-9);
}

#[test]
fn of_a_step_that_was_counted_in_part_the_rest_counts() {
    let mut ledger = ledger();
    ledger.record_requests(&traffic(vec![served(0, 300, 300.0)], 0, 300), |_| {
        whole(web())
    });
    ledger.record_requests(&traffic(vec![served(0, 600, 600.0)], 0, 600), |_| {
        whole(web())
    });
    let account = ledger.workload(&web()).unwrap();
    assert!((account.requests().requests() - 600.0).abs() < 1e-9);
}

#[test]
fn another_way_of_counting_fills_the_window_anew_and_the_total_goes_on() {
    let mut ledger = ledger();
    let steps = |count| traffic(vec![served(0, 300, count), served(300, 600, count)], 0, 600);
    ledger.record_requests(&steps(300.0), |_| whole(web()));
    ledger.restart_request_counting();
    assert!(!ledger.workload(&web()).unwrap().is_counted());
    ledger.record_requests(&steps(100.0), |_| whole(web()));
    ledger.record_requests(&traffic(vec![served(600, 900, 100.0)], 600, 900), |_| {
        whole(web())
    });
    let account = ledger.workload(&web()).unwrap();
    assert!(
        (account.requests().requests() - 700.0).abs() < 1e-9,
        "{:?}",
        account.requests()
    );
    let traffic = window(&ledger, 900).traffic.unwrap();
    assert!(
        (traffic.requests.requests() - 300.0).abs() < 1e-9,
        "{traffic:?}"
    );
    assert!((traffic.covered.seconds() - 900.0).abs() < 1e-9);
}

#[test]
fn a_window_of_another_length_begins_anew_and_the_totals_go_on() {
    let mut ledger = ledger();
    accrue_for(&mut ledger, 0, 7_200);
    ledger.record_requests(&traffic(vec![served(0, 300, 300.0)], 0, 300), |_| {
        whole(web())
    });
    ledger.set_window(seconds(3_600.0));
    // Until time has passed, the present rates stand for the window.
    let begun = window(&ledger, 7_200);
    assert!((begun.loaded.over_time(begun.observed).unwrap().hourly() - 0.1).abs() < 1e-9);
    assert_eq!(begun.traffic, None);
    accrue_for(&mut ledger, 7_200, 7_800);
    ledger.record_requests(
        &traffic(vec![served(7_200, 7_500, 300.0)], 7_200, 7_500),
        |_| whole(web()),
    );
    let window = window(&ledger, 7_800);
    assert!((window.observed.seconds() - 600.0).abs() < 1e-9);
    assert!((window.traffic.unwrap().requests.requests() - 300.0).abs() < 1e-9);
    let account = ledger.workload(&web()).unwrap();
    assert!((account.requests().requests() - 600.0).abs() < 1e-9);
    assert!((ledger.cluster().observed().seconds() - 7_800.0).abs() < 1e-9);
}

#[test]
fn a_workload_that_is_seen_and_asked_all_day_takes_four_kilobytes() {
    let mut ledger = ledger();
    let end = 26 * 3_600;
    for start in (0..end).step_by(300) {
        for second in (start..start + 300).step_by(15) {
            accrue_for(&mut ledger, second, second + 15);
        }
        let step = served(start, start + 300, 300.0);
        ledger.record_requests(&traffic(vec![step], start, start + 300), |_| whole(web()));
    }
    let account = ledger.workload(&web()).unwrap();
    let bytes = account.bytes();
    assert!((3_500..4_500).contains(&bytes), "{bytes}");
    let rate = window(&ledger, end).traffic.unwrap().rate().unwrap();
    assert!((rate.per_second() - 1.0).abs() < 1e-6, "{rate:?}");
}
