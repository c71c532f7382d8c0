//! What keeps a verdict from being given: a blocked platform, and too little data.

use super::*;
use crate::alternatives::lambda::LambdaInputs;
use crate::cpu_per_request::{Method, NoSlope};
use crate::month::{DailyTotals, Month};

fn web() -> crate::inventory::WorkloadId {
    deployment("shop", "web")
}

/// A workload that would cost much less on Lambda, if it could move.
fn cheaper_on_lambda() -> WorkloadWindow {
    window(0.1, 0.1, 0.01, 0.05, 200.0)
}

#[test]
fn why_it_cannot_move_is_said_and_does_not_change_the_price() {
    let window = window(0.1, 2.0, 0.01, 0.05, 200.0);
    let stateful = named("data", WorkloadKind::StatefulSet, "db");
    let with_gpu = WorkloadInputs {
        needs_accelerator: true,
        ..WorkloadInputs::default()
    };
    let found = workload(&stateful, &window, with_gpu, &settings());
    assert_eq!(
        found.blockers(),
        [Ineligibility::Stateful, Ineligibility::Gpu]
    );
    assert_eq!(
        found.monthly(Platform::Lambda),
        assessed(&window).monthly(Platform::Lambda)
    );
    let little = WorkloadInputs {
        concurrency_limit: Some(0),
        ..WorkloadInputs::default()
    };
    let found = workload(&deployment("shop", "web"), &window, little, &settings());
    assert_eq!(found.blockers(), [Ineligibility::NeedsQuota]);
}

#[test]
fn a_blocked_alternative_is_never_the_verdict() {
    let free = workload(
        &web(),
        &cheaper_on_lambda(),
        WorkloadInputs::default(),
        &settings(),
    );
    assert_eq!(free.verdict, Verdict::Lambda);
    assert!(free.monthly_saving().is_some());
    let stateful = named("shop", WorkloadKind::StatefulSet, "web");
    let none = WorkloadInputs::default();
    for (reason, id, workload_inputs) in [
        (Ineligibility::Stateful, stateful, none),
        (
            Ineligibility::Gpu,
            web(),
            WorkloadInputs {
                needs_accelerator: true,
                ..none
            },
        ),
        (
            Ineligibility::Windows,
            web(),
            WorkloadInputs {
                is_on_windows: true,
                ..none
            },
        ),
        (
            Ineligibility::PersistentVolume,
            web(),
            WorkloadInputs {
                persistent_volume: true,
                ..none
            },
        ),
        (
            Ineligibility::HostNetwork,
            web(),
            WorkloadInputs {
                host_network: true,
                ..none
            },
        ),
        (
            Ineligibility::Excluded,
            web(),
            WorkloadInputs {
                is_excluded: true,
                ..none
            },
        ),
        (
            Ineligibility::Latency,
            web(),
            WorkloadInputs {
                latency_objective: Some(seconds(0.001)),
                ..none
            },
        ),
        (
            Ineligibility::NeedsQuota,
            web(),
            WorkloadInputs {
                concurrency_limit: Some(0),
                ..none
            },
        ),
    ] {
        let found = workload(&id, &cheaper_on_lambda(), workload_inputs, &settings());
        assert_eq!(found.blockers(), [reason]);
        assert_eq!(found.verdict, Verdict::Kubernetes, "{reason:?}");
        assert_eq!(found.monthly_saving(), None, "{reason:?}");
        assert!(
            found.monthly(Platform::Lambda).is_some(),
            "{reason:?}: the cost there is still shown"
        );
    }
}

proptest! {
    #[test]
    fn what_cannot_move_has_no_saving_and_no_verdict_for_lambda(
        hourly in 0.001..5.0, per_second in 0.001..500.0, cpu in 1e-5..1.0, extra in 0.0..3.0, mib in 1.0..12_000.0,
        limit in 0_u32..200, observed in 0.0..7_200.0_f64,
    ) {
        let mut window = window(hourly, per_second, cpu, cpu + extra, mib);
        window.observed = seconds(observed.max(1.0));
        let limited = WorkloadInputs { concurrency_limit: Some(limit), ..WorkloadInputs::default() };
        let found = workload(&web(), &window, limited, &settings());
        if !found.blockers().is_empty() {
            prop_assert!(found.verdict != Verdict::Lambda && found.verdict != Verdict::Inconclusive);
            prop_assert_eq!(found.monthly_saving(), None);
        }
        prop_assert_eq!(found.verdict.decides(), observed >= HOUR, "{:?}", found.verdict);
    }
}

#[test]
fn no_verdict_stands_on_less_than_an_hour_of_cost() {
    for (observed, unchanged_for, expected) in [
        (1.0, 0.0, Verdict::InsufficientData),
        (3_599.0, 0.0, Verdict::InsufficientData),
        (3_600.0, 0.0, Verdict::Lambda),
        // What the agent did not see: its pods have cost the same since they started.
        (1.0, 3_599.0, Verdict::InsufficientData),
        (1.0, 3_600.0, Verdict::Lambda),
    ] {
        let mut window = cheaper_on_lambda();
        let part = ratio(observed / HOUR);
        window.observed = seconds(observed);
        window.allocated = window.allocated * part;
        window.loaded = window.loaded * part;
        let workload_inputs = WorkloadInputs {
            unchanged_for: seconds(unchanged_for),
            ..WorkloadInputs::default()
        };
        let found = workload(&web(), &window, workload_inputs, &settings());
        assert_eq!(found.verdict, expected, "{observed} s, {unchanged_for} s");
        let loaded = found.monthly(Platform::Kubernetes).unwrap();
        assert!((loaded.point.usd() - 73.0).abs() < 1e-9, "{loaded:?}");
    }
}

#[test]
fn what_else_is_missing_comes_before_an_hour_of_cost() {
    let mut window = cheaper_on_lambda();
    window.observed = seconds(1.0);
    let found = |window: &WorkloadWindow| assessed(window).verdict;
    let traffic = window.traffic.unwrap();
    window.traffic = Some(TrafficWindow {
        measured: Requests::ZERO,
        ..traffic
    });
    assert_eq!(found(&window), Verdict::NoLatency);
    window.traffic = Some(TrafficWindow {
        requests: Requests::ZERO,
        ..traffic
    });
    assert_eq!(found(&window), Verdict::NoRequests);
}

#[test]
fn rare_requests_are_known_by_the_last_days() {
    let days = |days: f64| Month {
        covered: seconds(days * DAY),
        totals: DailyTotals {
            requests: requests(30.0 * days),
            latency: seconds(1.5 * days),
            measured: requests(30.0 * days),
            // 0.08 cores, seen for half of the time in which requests were counted.
            usage_observed: seconds(days * DAY / 2.0),
            cores: CoreSeconds::from_core_seconds(0.08 * days * DAY / 2.0).unwrap(),
            ..DailyTotals::default()
        },
    };
    for (in_the_window, month, expected, a_month) in [
        // 40 in this day, 30 on a mean day.
        (40.0, days(3.0), Verdict::Lambda, 912.5),
        (
            40.0,
            days(2.9),
            Verdict::InsufficientData,
            40.0 * 730.0 / 24.0,
        ),
        (0.0, days(28.0), Verdict::Lambda, 912.5),
        (0.0, days(1.0), Verdict::NoRequests, 0.0),
        (100.0, days(28.0), Verdict::Lambda, 100.0 * 730.0 / 24.0),
    ] {
        let mut window = cheaper_on_lambda();
        if let Some(traffic) = &mut window.traffic {
            traffic.requests = requests(in_the_window);
            traffic.measured = requests(in_the_window);
            traffic.latency = seconds(in_the_window * 0.05);
            // The steps have as many requests as the window.
            let cores = CoreSeconds::from_core_seconds(0.08 * DAY).unwrap();
            traffic.paired = Scatter::of_step(cores, requests(in_the_window), seconds(DAY));
        }
        window.count_rare_requests(&month);
        let found = assessed(&window);
        assert_eq!(found.verdict, expected, "{in_the_window}");
        if let (Verdict::Lambda, true) = (expected, in_the_window < 100.0) {
            let time = window.cpu_per_request().unwrap();
            assert_eq!(time.method, Method::Ratio(NoSlope::RareRequests));
            // Of the same days as the requests, scaled to the time in which they were counted.
            let each = 0.08 * DAY / 30.0;
            assert!(
                (time.value.point.seconds() / each - 1.0).abs() < 1e-9,
                "{time:?}"
            );
        }
        let shown = found.current[0].1.requests.requests();
        assert!((shown - a_month).abs() < 1e-6, "{shown} {a_month}");
    }
}

fn on_lambda(found: &Assessment) -> &LambdaInputs {
    let projection = found.alternative(Alternative::Lambda).unwrap();
    let Some(ProjectionInputs::Lambda(inputs)) = &projection.inputs else {
        panic!("it has no inputs of Lambda")
    };
    inputs
}

#[test]
fn an_upper_bound_of_cpu_time_blocks_nothing() {
    // Four pods that use 0.02 cores each whatever they serve, and 30 ms of 60 ms for each request, every other second.
    let idle = window(0.196, 0.5, 0.03 + 4.0 * 0.02 / 0.5, 0.06, 200.0);
    let found = assessed(&idle);
    let lambda = on_lambda(&found);
    assert!((lambda.demand.cpu.millis() - 190.0).abs() < 1e-9);
    assert_eq!(found.blockers(), []);
    assert_eq!(lambda.possible_blockers, [Ineligibility::Latency]);
    assert_eq!(found.verdict, Verdict::Lambda);
    assert!(found.monthly_saving().unwrap().usd() > 130.0);
    // Two requests a day: half of the ratio of 3,456 s is more than twice 60 ms, and not certain either.
    let rare = Month {
        covered: seconds(28.0 * DAY),
        totals: DailyTotals {
            requests: requests(56.0),
            latency: seconds(56.0 * 0.06),
            measured: requests(56.0),
            usage_observed: seconds(28.0 * DAY),
            cores: CoreSeconds::from_core_seconds(0.08 * 28.0 * DAY).unwrap(),
            ..DailyTotals::default()
        },
    };
    let mut window = window(0.196, 2.0 / DAY, 3_456.0, 0.06, 200.0);
    window.count_rare_requests(&rare);
    let found = assessed(&window);
    assert_eq!(found.blockers(), []);
    assert_eq!(
        on_lambda(&found).possible_blockers,
        [Ineligibility::Duration]
    );
    assert_eq!(found.verdict, Verdict::Lambda);
}

#[test]
fn a_cpu_time_that_is_certain_blocks() {
    // A second of CPU time in 200 ms, by a slope: it runs on five threads, and there is no room for the last doubt.
    let mut threads = window(0.1, 20.0, 1.0, 0.2, 200.0);
    threads.traffic.as_mut().unwrap().paired = steps([10.0, 10.0, 30.0, 30.0]);
    let found = assessed(&threads);
    assert_eq!(found.blockers(), [Ineligibility::Latency]);
    assert_eq!(on_lambda(&found).possible_blockers, []);
    assert_eq!(found.verdict, Verdict::Kubernetes);
    // So does a latency that is too long by itself, whatever it computes.
    let found = assessed(&window(0.1, 0.5, 0.1, 950.0, 200.0));
    assert_eq!(found.blockers(), [Ineligibility::Duration]);
}

#[test]
fn a_quota_blocks_only_if_the_least_cpu_time_exceeds_it() {
    let verdict = |peak| {
        let mut window = window(0.196, 0.5, 0.19, 0.06, 200.0);
        let traffic = window.traffic.as_mut().unwrap();
        traffic.peak = RequestsPerSecond::from_per_second(peak).unwrap();
        let found = assessed(&window);
        let possible = on_lambda(&found).possible_blockers.clone();
        (found.blockers().to_vec(), possible)
    };
    let (latency, quota) = (Ineligibility::Latency, Ineligibility::NeedsQuota);
    // 1,000 environments: 190 ms each at the upper bound, and no less than 60 ms.
    assert_eq!(verdict(5_000.0), (vec![], vec![latency]));
    assert_eq!(verdict(7_000.0), (vec![], vec![latency, quota]));
    assert_eq!(verdict(20_000.0), (vec![quota], vec![latency]));
}
