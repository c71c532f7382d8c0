//! Functions.

use super::*;
use crate::model::lambda::{Component, Door, Surroundings};
use crate::observation::{Architecture, FunctionBatch, FunctionMinute, NamePattern};
use crate::units::MemoryMib;

fn function() -> Function {
    let id = FunctionId {
        account_id: "123456789012".into(),
        region: "us-east-1".into(),
        name: "resize".into(),
    };
    Function {
        id,
        memory: MemoryMib::from_mib(1_024).unwrap(),
        architecture: Architecture::X86_64,
        runtime: None,
        timeout: seconds(30.0),
        ephemeral_storage_mib: 512,
    }
}

fn minute(second: i64, invocations: f64) -> FunctionMinute {
    FunctionMinute {
        minute: (START + second) / 60,
        invocations: requests(invocations),
        duration: seconds(invocations * 0.5),
        errors: Requests::ZERO,
        throttles: Requests::ZERO,
        concurrency_peak: Some(3),
    }
}

fn ran(ledger: &mut Ledger, from: i64, to: i64, minutes: Vec<FunctionMinute>) {
    let function = function();
    let batch = FunctionMinutes {
        functions: vec![FunctionBatch {
            id: function.id.clone(),
            window: step(from, to),
            minutes,
        }],
    };
    ledger.run(&batch, &settings(), |_| Some(&function));
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
    let batch = FunctionMinutes {
        functions: vec![FunctionBatch {
            id: function.id.clone(),
            window: step(0, 3_600),
            minutes: Vec::new(),
        }],
    };
    let mut settings = settings();
    let around = Surroundings {
        door: Door::LoadBalancer,
        ..Surroundings::default()
    };
    settings.lambda.surroundings = vec![(NamePattern::new("resize").unwrap(), around)];
    ledger.run(&batch, &settings, |_| Some(&function));
    let totals = ledger.function(&function.id).unwrap().totals();
    assert!((totals.cost[&Component::FrontDoor].usd() - 0.022_5).abs() < 1e-12);
}

#[test]
fn a_gap_in_the_minutes_begins_a_new_window_and_keeps_the_totals() {
    let mut ledger = ledger();
    ran(&mut ledger, 0, 300, vec![minute(0, 100.0)]);
    ran(&mut ledger, 600, 900, vec![minute(600, 50.0)]);
    let account = ledger.function(&function().id).unwrap();
    assert!((account.totals().invocations.requests() - 150.0).abs() < 1e-9);
    let window = account.window().unwrap();
    assert_eq!(window.minutes, 5);
    assert!((window.invocations.requests() - 50.0).abs() < 1e-9);
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
    assert_eq!(window.pattern, Some(Pattern::TimerLike));
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
