//! What pods are counted to use.

use super::*;
use breakeven_model::inventory::{CpuUsageDelta, Throttling};
use breakeven_model::units::{CoreSeconds, Periods};

/// The rates of [`rates`], where use is counted.
fn counted_rates(pods: usize) -> ClusterRates {
    let nodes = [node("n", 2.0, 8.0, Some(0.1))];
    let pods: Vec<_> = (0..pods)
        .map(|one| Arc::new(pod(&format!("p{one}"), web(), "n", resources(0.5, 2.0))))
        .collect();
    let mut used = usage(resources(0.25, 1.0));
    used.is_counted = true;
    let used: HashMap<PodKey, PodUsage> = pods
        .iter()
        .map(|one| (one.key.clone(), used.clone()))
        .collect();
    allocate(&nodes, &[], &pods, &used, &settings())
}

fn counted(pod: usize, from: i64, to: i64, cores: f64) -> CpuUsageDelta {
    let window = Window::between(at(from), at(to)).unwrap();
    let length = window.length().seconds();
    CpuUsageDelta {
        pod: PodKey {
            namespace: "shop".into(),
            name: format!("p{pod}").into(),
        },
        window,
        processor: CoreSeconds::from_core_seconds(cores * length).unwrap(),
        throttling: None,
    }
}

fn count(ledger: &mut Ledger, rates: &ClusterRates, counted: &[CpuUsageDelta]) -> u64 {
    ledger.add_cpu_usage(rates, counted, |pod| (&*pod.name != "stranger").then(web))
}

fn near(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < 1e-6 * expected.max(1.0),
        "{found} is not {expected}"
    );
}

#[test]
fn what_is_counted_adds_up_exactly_however_irregular_the_readings_are() {
    let (mut ledger, rates) = (ledger(), counted_rates(1));
    ledger.set_rates(&rates, at(0));
    let mut expected = 0.0;
    let mut from = 0;
    for (length, cores) in [(15, 0.1), (20, 0.7), (5, 0.2), (120, 0.4), (15, 0.05)] {
        // Money is spent by looks at the cluster, at other times.
        ledger.accrue_cost(&rates, at(from), at(from + length));
        count(
            &mut ledger,
            &rates,
            &[counted(0, from, from + length, cores)],
        );
        expected += cores * f64::from(i32::try_from(length).unwrap());
        from += length;
    }
    let used = window(&ledger, from).used;
    near(used.cores.core_seconds(), expected);
    near(used.observed.seconds(), 175.0);
    let price = 0.1 * 10.1 / (2.0 * 10.1 + 8.0) / 3_600.0;
    let accrued = ledger.workload(&web()).unwrap().accrued();
    near(accrued.used_cpu.usd(), expected * price);
    let memory = 0.1 / (2.0 * 10.1 + 8.0) / 3_600.0;
    near(accrued.used_memory.usd(), 175.0 * memory);
}

#[test]
fn pods_that_report_at_different_times_are_seen_as_long_as_each_of_them() {
    let (mut ledger, rates) = (ledger(), counted_rates(3));
    ledger.set_rates(&rates, at(0));
    // The third is on a node that could not be read for a while.
    for from in (0..120).step_by(15) {
        let mut batch = vec![
            counted(0, from, from + 15, 0.2),
            counted(1, from, from + 15, 0.3),
        ];
        if from == 105 {
            batch.push(counted(2, 0, 120, 0.4));
        }
        ledger.accrue_cost(&rates, at(from), at(from + 15));
        count(&mut ledger, &rates, &batch);
    }
    let used = window(&ledger, 120).used;
    near(used.observed.seconds(), 120.0);
    near(used.cores.core_seconds(), 120.0 * 0.9);
    near(used.pods.seconds(), 3.0 * 120.0);
}

#[test]
fn pods_that_come_and_go_within_a_window_do_not_lengthen_it() {
    let (mut ledger, rates) = (ledger(), counted_rates(2));
    ledger.set_rates(&rates, at(0));
    ledger.accrue_cost(&rates, at(0), at(120));
    let batch: Vec<_> = (0..4).map(|pod| counted(pod, 0, 120, 0.1)).collect();
    count(&mut ledger, &rates, &batch);
    let used = window(&ledger, 120).used;
    near(used.observed.seconds(), 120.0);
    near(used.cores.core_seconds(), 120.0 * 0.4);
}

#[test]
fn windows_that_come_together_count_one_after_the_other() {
    let (mut ledger, rates) = (ledger(), counted_rates(2));
    ledger.set_rates(&rates, at(0));
    ledger.accrue_cost(&rates, at(0), at(360));
    let windows = [(0, 120, 0.1), (120, 240, 0.4), (240, 360, 0.2)];
    let of_pod = |pod| windows.map(|(from, to, cores)| counted(pod, from, to, cores));
    let batch: Vec<_> = (0..2).flat_map(of_pod).collect();
    count(&mut ledger, &rates, &batch);
    let used = window(&ledger, 360).used;
    near(used.observed.seconds(), 360.0);
    near(used.cores.core_seconds(), 2.0 * 120.0 * 0.7);
}

#[test]
fn rates_add_nothing_where_use_is_counted_and_strangers_are_told() {
    let (mut ledger, rates) = (ledger(), counted_rates(1));
    ledger.set_rates(&rates, at(0));
    ledger.accrue_cost(&rates, at(0), at(60));
    // Until something is counted, the present stands for it.
    let used = window(&ledger, 60).used;
    assert_eq!(used.observed, seconds(1.0));
    near(used.cores.core_seconds(), 0.25);
    assert!(
        ledger
            .workload(&web())
            .unwrap()
            .accrued()
            .used_cpu
            .is_zero()
    );
    let mut unmatched_target = counted(0, 0, 60, 0.5);
    unmatched_target.pod.name = "stranger".into();
    assert_eq!(count(&mut ledger, &rates, &[unmatched_target]), 1);
    assert_eq!(window(&ledger, 60).used.observed, seconds(1.0));
    count(&mut ledger, &rates, &[counted(0, 0, 60, 0.5)]);
    assert_eq!(window(&ledger, 60).used.observed, seconds(60.0));
}

#[test]
fn steps_of_requests_are_paired_with_what_was_counted_in_them() {
    let (mut ledger, rates) = (ledger(), counted_rates(1));
    ledger.set_rates(&rates, at(0));
    // Readings that stand across the borders of moments and of the step: 0.5 cores in it, 2 before and after.
    for (from, to, cores) in [
        (-100, -10, 2.0),
        (-10, 0, 2.0),
        (0, 137, 0.5),
        (137, 300, 0.5),
        (300, 390, 2.0),
    ] {
        count(&mut ledger, &rates, &[counted(0, from, to, cores)]);
    }
    ledger.record_requests(&traffic(vec![served(0, 300, 600.0)], 0, 300), |_| {
        whole(web())
    });
    near(processor_time(&ledger, 300).seconds(), 0.25);
}

#[test]
fn a_step_of_requests_waits_for_what_was_counted_in_it() {
    let (mut ledger, rates) = (ledger(), counted_rates(1));
    ledger.set_rates(&rates, at(0));
    count(&mut ledger, &rates, &[counted(0, 0, 280, 0.5)]);
    let step = traffic(vec![served(0, 300, 600.0)], 0, 300);
    ledger.record_requests(&step, |_| whole(web()));
    let paired = |ledger: &Ledger| window(ledger, 300).traffic.unwrap().paired.steps();
    assert_eq!(
        paired(&ledger),
        0,
        "nearly all of it is known, and the rest is to come"
    );
    count(&mut ledger, &rates, &[counted(0, 280, 340, 0.5)]);
    assert_eq!(paired(&ledger), 1);
    near(processor_time(&ledger, 300).seconds(), 0.25);
    count(&mut ledger, &rates, &[counted(0, 340, 400, 0.5)]);
    assert_eq!(paired(&ledger), 1, "once");
}

#[test]
fn how_often_a_workload_is_held_back_is_known_where_somebody_says_so() {
    let (mut ledger, rates) = (ledger(), counted_rates(1));
    ledger.set_rates(&rates, at(0));
    count(&mut ledger, &rates, &[counted(0, 0, 60, 0.1)]);
    assert_eq!(ledger.workload(&web()).unwrap().throttled(), None);
    assert_eq!(window(&ledger, 60).throttling, None);
    let periods = |count| Periods::from_periods(count).unwrap();
    let cpu_throttling = CpuUsageDelta {
        throttling: Some(Throttling {
            time: seconds(3.0),
            throttled: periods(60.0),
            periods: periods(600.0),
        }),
        ..counted(0, 60, 120, 0.1)
    };
    count(&mut ledger, &rates, std::slice::from_ref(&cpu_throttling));
    count(
        &mut ledger,
        &rates,
        &[CpuUsageDelta {
            throttling: Some(Throttling::default()),
            ..counted(0, 120, 180, 0.1)
        }],
    );
    near(
        ledger
            .workload(&web())
            .unwrap()
            .throttled()
            .unwrap()
            .seconds(),
        3.0,
    );
    near(
        window(&ledger, 180)
            .throttling
            .unwrap()
            .ratio()
            .unwrap()
            .get(),
        0.1,
    );
}
