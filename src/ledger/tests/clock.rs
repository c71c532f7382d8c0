//! A clock that was ahead and is corrected: counters stay, and counting goes on at once.

use super::functions::{function, minute, ran};
use super::own::own;
use super::*;

const HOUR: i64 = 3_600;

fn requests_of_web(ledger: &Ledger) -> f64 {
    ledger.workload(&web()).unwrap().requests().requests()
}

fn record_requests_of_step(ledger: &mut Ledger, from: i64, to: i64) {
    let traffic = traffic(vec![served(from, to, 300.0)], from, to);
    assert_eq!(ledger.record_requests(&traffic, |_| whole(web())), 0);
}

/// Jumps within an hour, within the windows and far beyond all that is kept.
const JUMPS: [i64; 4] = [HOUR, 6 * HOUR, 48 * HOUR, 365 * 24 * HOUR];

#[test]
fn requests_are_counted_from_the_correction_on_and_none_twice() {
    for jump in JUMPS {
        let mut ledger = ledger();
        accrue_for(&mut ledger, 0, 600);
        record_requests_of_step(&mut ledger, 0, 300);
        // While it is ahead nothing is there to be counted.
        let none = traffic(Vec::new(), 300, 600 + jump);
        ledger.record_requests(&none, |_| whole(web()));
        assert_eq!(requests_of_web(&ledger), 300.0);
        assert_eq!(ledger.latest(), Some(at(600 + jump)));

        ledger.truncate_after(at(600), &settings());
        assert_eq!(ledger.latest(), Some(at(600)));
        assert_eq!(requests_of_web(&ledger), 300.0);
        accrue_for(&mut ledger, 600, 1_200);
        record_requests_of_step(&mut ledger, 600, 900);
        record_requests_of_step(&mut ledger, 600, 900);
        record_requests_of_step(&mut ledger, 900, 1_200);
        ledger.prune(at(1_200));
        assert_eq!(requests_of_web(&ledger), 900.0, "{jump}");
        let window = window(&ledger, 1_200);
        let served = window.traffic.unwrap();
        assert_eq!(served.requests.requests(), 900.0, "{jump}");
        assert_eq!(served.covered.seconds(), 1_200.0, "{jump}");
    }
}

#[test]
fn a_ledger_that_began_ahead_of_the_clock_counts_from_the_correction_on() {
    for jump in JUMPS {
        let mut ledger = Ledger::new(at(jump), seconds(86_400.0));
        accrue_for(&mut ledger, jump, jump + 600);
        record_requests_of_step(&mut ledger, jump, jump + 300);
        ran(&mut ledger, jump - 600, jump + 600, Vec::new());
        ledger.truncate_after(at(0), &settings());
        accrue_for(&mut ledger, 0, 600);
        record_requests_of_step(&mut ledger, 0, 300);
        ran(&mut ledger, 0, 300, vec![minute(60, 100.0)]);
        assert_eq!(requests_of_web(&ledger), 600.0, "{jump}");
        let functions = ledger.function(&function().id).unwrap();
        assert_eq!(functions.totals().invocations.requests(), 100.0, "{jump}");
        let window = window(&ledger, 600);
        assert_eq!(window.observed.seconds(), 600.0, "{jump}");
        assert!(
            (window.loaded.usd() - 0.1 / 6.0).abs() < 1e-9,
            "{jump}: {window:?}"
        );
    }
}

#[test]
fn what_a_window_has_of_the_time_that_is_dropped_goes_with_it() {
    let mut ledger = ledger();
    accrue_for(&mut ledger, 0, 900);
    accrue_for(&mut ledger, 900 + HOUR / 4, 900 + HOUR);
    let accrued = ledger.cluster().accrued().allocated;
    ledger.truncate_after(at(900), &settings());
    assert_eq!(ledger.cluster().accrued().allocated, accrued, "totals stay");
    let window = window(&ledger, 900);
    assert_eq!(window.observed.seconds(), 900.0);
    // The slot of the hour is cut in proportion to the time that was seen, and slots have seven digits.
    assert!((window.loaded.usd() - 0.1 / 4.0).abs() < 1e-6, "{window:?}");
    let month = ledger.workload_month(ledger.workload(&web()).unwrap(), at(900));
    assert!(
        (month.totals.observed.seconds() - 900.0).abs() < 1e-3,
        "{month:?}"
    );
}

#[test]
fn minutes_of_functions_are_counted_from_the_correction_on_and_none_twice() {
    for jump in JUMPS {
        let mut ledger = ledger();
        let first = vec![minute(0, 100.0), minute(240, 100.0)];
        ran(&mut ledger, 0, 600, first);
        // CloudWatch has nothing of a time that has not come.
        ran(&mut ledger, 600, 600 + jump, Vec::new());
        ledger.truncate_after(at(600), &settings());
        assert_eq!(
            ledger
                .counted_until_by_function()
                .next()
                .map(|(_, until)| until),
            Some(at(600))
        );
        ran(&mut ledger, 600, 900, vec![minute(660, 7.0)]);
        ran(&mut ledger, 600, 900, vec![minute(660, 7.0)]);
        let totals = ledger.function(&function().id).unwrap().totals();
        assert_eq!(totals.invocations.requests(), 207.0, "{jump}");
    }
}

#[test]
fn minutes_that_were_counted_ahead_of_the_clock_are_not_counted_again() {
    let mut ledger = ledger();
    ran(
        &mut ledger,
        0,
        1_200,
        vec![minute(0, 100.0), minute(900, 40.0)],
    );
    ledger.truncate_after(at(600), &settings());
    let invocations = |ledger: &Ledger| {
        let account = ledger.function(&function().id).unwrap();
        account.totals().invocations.requests()
    };
    assert_eq!(invocations(&ledger), 140.0);
    ran(&mut ledger, 600, 1_200, vec![minute(900, 50.0)]);
    assert_eq!(invocations(&ledger), 150.0);
}

#[test]
fn a_workload_that_is_counted_by_itself_goes_on_too() {
    for jump in JUMPS {
        let mut ledger = ledger();
        accrue_for(&mut ledger, 0, 600);
        ledger.record_direct_requests(&own(0, 600, 30.0));
        ledger.record_direct_requests(&own(600, 600 + jump, 0.0));
        ledger.truncate_after(at(600), &settings());
        accrue_for(&mut ledger, 600, 1_200);
        ledger.record_direct_requests(&own(600, 1_200, 30.0));
        ledger.record_direct_requests(&own(600, 1_200, 30.0));
        assert_eq!(requests_of_web(&ledger), 120.0, "{jump}");
    }
}
