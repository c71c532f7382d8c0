//! Functions.

use super::*;
use breakeven_model::inventory::{
    Architecture, FunctionBatch, FunctionMinute, NamePattern, ProvisionedConcurrency,
};
use breakeven_model::lambda::{AncillaryCharges, Component, HttpEndpoint};
use breakeven_model::units::MemoryMib;

pub(super) fn function() -> Arc<Function> {
    let id = FunctionId {
        account_id: "123456789012".into(),
        region: "us-east-1".into(),
        name: "resize".into(),
    };
    Arc::new(Function {
        timeout: seconds(30.0),
        ..Function::plain(
            id,
            MemoryMib::from_mib(1_024).unwrap(),
            Architecture::X86_64,
        )
    })
}

pub(super) fn minute(second: i64, invocations: f64) -> FunctionMinute {
    FunctionMinute {
        minute: (START + second) / 60,
        invocations: requests(invocations),
        duration: seconds(invocations * 0.5),
        errors: Requests::ZERO,
        throttles: Requests::ZERO,
        concurrency_peak: Some(3),
    }
}

pub(super) fn batch(from: i64, to: i64, minutes: Vec<FunctionMinute>) -> FunctionMinutes {
    FunctionMinutes {
        functions: vec![FunctionBatch {
            id: function().id.clone(),
            window: step(from, to),
            minutes,
        }],
    }
}

pub(super) fn ran(ledger: &mut Ledger, from: i64, to: i64, minutes: Vec<FunctionMinute>) {
    let function = function();
    let batch = batch(from, to, minutes);
    ledger.record_invocations(&batch, &settings(), |_| Some(&function));
}

#[test]
fn minutes_of_a_function_are_charged_once_and_only_those_after_the_start() {
    let mut ledger = ledger();
    ran(&mut ledger, -600, 0, vec![minute(-600, 1e6)]);
    ran(
        &mut ledger,
        0,
        300,
        vec![minute(0, 100.0), minute(240, 100.0)],
    );
    ran(
        &mut ledger,
        0,
        300,
        vec![minute(0, 100.0), minute(240, 100.0)],
    );
    let account = ledger.function(&function().id).unwrap();
    let totals = account.totals();
    assert!((totals.invocations.requests() - 200.0).abs() < 1e-9);
    // And three environments, as idle ones of ten minutes before are gone.
    let gib_seconds = 200.0 * 0.500_5 + 3.0 * 0.3;
    assert!((totals.gib_seconds.gib_seconds() - gib_seconds).abs() < 1e-9);
    let cost = |component| totals.cost[&component].usd();
    assert!((cost(Component::Requests) - 200.0 * 2e-7).abs() < 1e-12);
    assert!((cost(Component::Duration) - 200.0 * 0.500_5 * 0.000_016_666_7).abs() < 1e-12);
    let window = account.window().unwrap();
    assert_eq!(window.minutes, 15);
    let seconds = 0.5 * 1_000_200.0 / 60.0;
    assert!((window.concurrency.mean().unwrap().get() - seconds / 15.0).abs() < 1e-9);
    assert!((window.invocations.requests() - 1_000_200.0).abs() < 1e-6);
}

#[test]
fn environments_that_had_to_be_started_are_counted_and_their_initialisation_is_charged() {
    let mut ledger = ledger();
    // Ten minutes of quiet are known; then three at once, once more within the keep-alive of eight minutes, and
    // again after twelve.
    ran(&mut ledger, -600, 0, Vec::new());
    let minutes = vec![minute(0, 1.0), minute(240, 1.0), minute(960, 1.0)];
    ran(&mut ledger, 0, 1_200, minutes);
    let totals = ledger.function(&function().id).unwrap().totals();
    assert!(
        (totals.cold_starts.requests() - 6.0).abs() < 1e-9,
        "{totals:?}"
    );
    let init = totals.cost[&Component::Init].usd();
    assert!((init - 6.0 * 0.3 * 0.000_016_666_7).abs() < 1e-12, "{init}");
    let gib_seconds = 3.0 * 0.500_5 + 6.0 * 0.3;
    assert!((totals.gib_seconds.gib_seconds() - gib_seconds).abs() < 1e-9);
}

#[test]
fn what_ran_before_the_first_known_minute_may_have_left_environments() {
    let mut ledger = ledger();
    let minutes = vec![minute(0, 1.0), minute(540, 1.0)];
    ran(&mut ledger, 0, 600, minutes);
    // The first minute may have met idle ones; the last one, nine minutes later, did not.
    let totals = ledger.function(&function().id).unwrap().totals();
    assert!(
        (totals.cold_starts.requests() - 3.0).abs() < 1e-9,
        "{totals:?}"
    );
}

#[test]
fn a_load_balancer_costs_its_hours_whether_anything_runs_or_not() {
    let mut ledger = ledger();
    let function = function();
    let batch = batch(0, 3_600, Vec::new());
    let mut settings = settings();
    let around = AncillaryCharges {
        http_endpoint: Some(HttpEndpoint::LoadBalancer),
        ..AncillaryCharges::default()
    };
    settings.lambda.function_overrides = vec![(NamePattern::new("resize").unwrap(), around)];
    ledger.record_invocations(&batch, &settings, |_| Some(&function));
    let totals = ledger.function(&function.id).unwrap().totals();
    assert!((totals.cost[&Component::HttpEndpoint].usd() - 0.022_5).abs() < 1e-12);
}

#[test]
fn a_gap_in_the_minutes_is_passed_over_and_filled_later() {
    let mut ledger = ledger();
    ran(&mut ledger, 0, 300, vec![minute(0, 100.0)]);
    ran(&mut ledger, 600, 900, vec![minute(600, 50.0)]);
    let seen = |ledger: &Ledger| {
        let account = ledger.function(&function().id).unwrap();
        let window = account.window().unwrap();
        let counts = [account.totals().invocations, window.invocations];
        (window.minutes, counts.map(Requests::requests))
    };
    assert_eq!(seen(&ledger), (10, [150.0, 150.0]));
    ran(&mut ledger, 300, 600, vec![minute(360, 30.0)]);
    assert_eq!(seen(&ledger), (15, [180.0, 180.0]));
}

#[test]
fn a_function_that_does_not_run_is_known_to_be_idle() {
    let mut ledger = ledger();
    ran(&mut ledger, 0, 3_600, vec![]);
    let window = ledger.function(&function().id).unwrap().window().unwrap();
    assert_eq!(window.minutes, 60);
    assert!(window.invocations.is_zero());
}

#[test]
fn minutes_older_than_the_window_leave_it() {
    let mut ledger = ledger();
    ran(
        &mut ledger,
        0,
        86_400,
        vec![minute(0, 100.0), minute(86_340, 1.0)],
    );
    ran(&mut ledger, 86_400, 86_700, vec![]);
    let window = ledger.function(&function().id).unwrap().window().unwrap();
    assert_eq!(window.minutes, 1_440);
    assert!(
        (window.invocations.requests() - 1.0).abs() < 1e-9,
        "{window:?}"
    );
}

#[test]
fn the_pattern_of_a_function_is_told_from_its_minutes() {
    let mut ledger = ledger();
    let every_fifth = (0..7_200)
        .step_by(300)
        .map(|second| minute(second, 10.0))
        .collect();
    ran(&mut ledger, 0, 7_200, every_fifth);
    let window = ledger.function(&function().id).unwrap().window().unwrap();
    assert_eq!(window.pattern, Some(TrafficPattern::TimerLike));
}

#[test]
fn errors_that_come_late_do_not_lower_what_was_served() {
    let mut ledger = ledger();
    ran(&mut ledger, 0, 60, vec![minute(0, 10.0)]);
    let served = |ledger: &Ledger| ledger.function(&function().id).unwrap().totals().served;
    assert!((served(&ledger).requests() - 10.0).abs() < 1e-9);
    let late = FunctionMinute {
        errors: requests(5.0),
        ..minute(60, 0.0)
    };
    ran(&mut ledger, 60, 120, vec![late]);
    assert!((served(&ledger).requests() - 10.0).abs() < 1e-9);
}

#[test]
fn a_minute_that_grows_is_counted_for_what_it_grew_and_one_that_shrinks_lowers_nothing() {
    let mut ledger = ledger();
    ran(
        &mut ledger,
        0,
        300,
        vec![minute(60, 10.0), minute(120, 20.0)],
    );
    let counted = |ledger: &Ledger| {
        let account = ledger.function(&function().id).unwrap();
        let window = account.window().unwrap();
        [account.totals().invocations, window.invocations].map(Requests::requests)
    };
    assert_eq!(counted(&ledger), [30.0, 30.0]);
    ran(
        &mut ledger,
        60,
        240,
        vec![minute(60, 15.0), minute(120, 20.0), minute(180, 1.0)],
    );
    assert_eq!(counted(&ledger), [36.0, 36.0]);
    ran(&mut ledger, 120, 240, vec![minute(120, 16.0)]);
    assert_eq!(
        counted(&ledger),
        [36.0, 31.0],
        "the window has what is known"
    );
    ran(&mut ledger, 240, 360, vec![minute(300, 7.0)]);
    assert_eq!(counted(&ledger), [38.0, 38.0]);
}

#[test]
fn a_minute_before_the_start_is_never_counted_however_late_it_is_known() {
    let mut ledger = ledger();
    ran(&mut ledger, -600, 0, vec![minute(-60, 10.0)]);
    ran(
        &mut ledger,
        -300,
        120,
        vec![minute(-60, 500.0), minute(0, 1.0)],
    );
    let account = ledger.function(&function().id).unwrap();
    assert_eq!(account.totals().invocations.requests(), 1.0);
    assert_eq!(account.window().unwrap().invocations.requests(), 501.0);
}

#[test]
fn a_duration_that_is_known_after_its_invocations_is_charged() {
    let mut ledger = ledger();
    let invoked = FunctionMinute {
        duration: Seconds::ZERO,
        ..minute(0, 100.0)
    };
    ran(&mut ledger, -600, 60, vec![invoked]);
    ran(&mut ledger, 0, 60, vec![minute(0, 100.0)]);
    let totals = ledger.function(&function().id).unwrap().totals();
    let cost = totals.cost[&Component::Duration].usd();
    assert!(
        (cost - 100.0 * 0.500_5 * 0.000_016_666_7).abs() < 1e-12,
        "{cost}"
    );
}

#[test]
fn a_function_that_is_gone_is_counted_to_its_end_and_goes_on_when_it_comes_back() {
    let mut ledger = ledger();
    let known = Arc::new(function());
    ran(&mut ledger, 0, 300, vec![minute(0, 10.0)]);
    ledger.record_functions(&settings(), |_| None);
    let last = batch(300, 600, vec![minute(300, 5.0)]);
    ledger.record_invocations(&last, &settings(), |_| None);
    ledger.prune(at(600));
    ledger.record_functions(&settings(), |_| Some(&known));
    ledger.prune(at(3_600));
    ran(&mut ledger, 600, 900, vec![minute(600, 1.0)]);
    let counted = |ledger: &Ledger| {
        let account = ledger.function(&known.id);
        account.map(|one| one.totals().invocations.requests())
    };
    assert_eq!(counted(&ledger), Some(16.0));
    ledger.record_functions(&settings(), |_| None);
    ledger.prune(at(7_200));
    ledger.prune(at(7_200 + 86_400));
    assert!(counted(&ledger).is_some());
    ledger.prune(at(7_201 + 86_400));
    assert_eq!(counted(&ledger), None, "for a window, and no longer");
}

#[test]
fn a_day_of_a_function_takes_less_than_48_kilobytes_and_an_idle_one_next_to_nothing() {
    let mut ledger = ledger();
    let busy = |number: i64| FunctionMinute {
        duration: seconds(0.123 * f64::from(i32::try_from(number * 7_919 % 1_000).unwrap())),
        ..minute(number * 60, 100.0)
    };
    // As polled: a day at once, then five minutes after five minutes, each with a quarter of an hour before it.
    ran(&mut ledger, 0, 86_400, (0..1_440).map(busy).collect());
    for end in (1_445..1_800).step_by(5) {
        let minutes = (end - 20..end).map(busy).collect();
        ran(&mut ledger, (end - 20) * 60, end * 60, minutes);
    }
    let bytes = |ledger: &Ledger| ledger.function(&function().id).unwrap().heap_bytes();
    let day = bytes(&ledger);
    // 20 bytes a minute, an eighth to spare.
    assert!((28_800..48_000).contains(&day), "{day}");
    let mut idle = super::ledger();
    ran(&mut idle, 0, 86_400, Vec::new());
    assert!(bytes(&idle) < 1_024, "{}", bytes(&idle));
}

fn provisioned_concurrency(concurrency: u32) -> Arc<Function> {
    let live = ProvisionedConcurrency {
        qualifier: "live".into(),
        concurrency,
    };
    Arc::new(Function {
        provisioned: Some(vec![live]),
        ..(*function()).clone()
    })
}

#[test]
fn what_is_kept_ready_is_charged_for_the_time_that_is_known_whether_anything_runs_or_not() {
    let mut ledger = ledger();
    let function = provisioned_concurrency(4);
    for (from, to) in [(0, 300), (0, 300), (240, 360)] {
        let batch = batch(from, to, Vec::new());
        ledger.record_invocations(&batch, &settings(), |_| Some(&function));
    }
    let totals = ledger.function(&function.id).unwrap().totals();
    // Four environments of a GiB for six minutes.
    let kept = totals.cost[&Component::Provisioned].usd();
    assert!(
        (kept - 4.0 * 360.0 * 0.000_004_166_7).abs() < 1e-9,
        "{kept}"
    );
    let (_, day) = ledger.days().next().unwrap();
    let kept = day.usage.provisioned.gib_seconds();
    assert_eq!((day.usage.duration.gib_seconds(), kept), (0.0, 4.0 * 360.0));
}

#[test]
fn only_environments_beyond_those_kept_ready_have_to_be_started() {
    let cold_starts = |function: &Arc<Function>| {
        let mut ledger = ledger();
        let quiet = batch(-600, 0, Vec::new());
        let busy = batch(0, 300, vec![minute(60, 100.0)]);
        for batch in [quiet, busy] {
            ledger.record_invocations(&batch, &settings(), |_| Some(function));
        }
        let account = ledger.function(&function.id).unwrap();
        let window = account.window().unwrap().cold_starts.unwrap();
        [account.totals().cold_starts, window.point.count].map(Requests::requests)
    };
    assert_eq!(cold_starts(&function()), [3.0, 3.0]);
    assert_eq!(cold_starts(&provisioned_concurrency(2)), [1.0, 1.0]);
    assert_eq!(cold_starts(&provisioned_concurrency(9)), [0.0, 0.0]);
}
