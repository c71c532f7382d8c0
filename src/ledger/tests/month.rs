//! What a workload cost and served on its last days.

use super::*;
use breakeven_model::units::HOURS_PER_MONTH;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Requests of an hour: a working day has ten times those of a weekend, between eight and twenty o'clock.
fn asked(hour: i64) -> f64 {
    // START is a Thursday.
    let is_weekend = matches!((hour / 24) % 7, 2 | 3);
    match hour % 24 {
        8..20 if is_weekend => 360.0,
        8..20 => 3_600.0,
        _ => 0.0,
    }
}

/// Forty days, hour by hour.
fn forty_days() -> Ledger {
    let mut ledger = ledger();
    let rates = rates();
    for hour in 0..40 * 24 {
        let (from, to) = (hour * HOUR, (hour + 1) * HOUR);
        ledger.set_rates(&rates, at(from));
        ledger.accrue_cost(&rates, at(from), at(to));
        let steps = (from..to).step_by(300).filter(|_| asked(hour) > 0.0);
        let steps = steps.map(|from| served(from, from + 300, asked(hour) / 12.0));
        ledger.record_requests(&traffic(steps.collect(), from, to), |_| whole(web()));
        ledger.prune(at(to));
    }
    ledger
}

fn month(ledger: &Ledger, now: i64) -> Month {
    ledger.workload_month(ledger.workload(&web()).unwrap(), at(now))
}

#[test]
fn a_month_is_that_of_the_last_four_weeks_and_not_of_the_last_day() {
    let ledger = forty_days();
    // The end of a Monday, with the 27 days before it.
    let now = 40 * DAY - 1;
    let month = month(&ledger, now);
    let expected: f64 = (12 * 24..40 * 24).map(asked).sum();
    assert!((month.totals.requests.requests() / expected - 1.0).abs() < 1e-6);
    assert!((month.covered.seconds() - 28.0 * 86_400.0).abs() < 1e-6);
    assert!((month.totals.observed.seconds() / (28.0 * 86_400.0) - 1.0).abs() < 1e-6);
    // 28 days of a node at 0.1 an hour.
    let cost = month.cost(HOURS_PER_MONTH).unwrap();
    assert!((cost.loaded().usd() / 73.0 - 1.0).abs() < 1e-6, "{cost:?}");
    assert!((cost.allocated.usd() / 36.5 - 1.0).abs() < 1e-6, "{cost:?}");
    let (cores, memory) = month.mean_use().unwrap();
    assert!((cores.cores() / 0.5 - 1.0).abs() < 1e-6);
    assert!((memory.gib() / 2.0 - 1.0).abs() < 1e-6);
    // Twelve hours of each day.
    assert!((month.active_ratio().unwrap().get() - 0.5).abs() < 1e-6);
    assert!((month.mean_latency().unwrap().seconds() - 0.1).abs() < 1e-6);

    let by_window = window(&ledger, now).traffic.unwrap().rate().unwrap();
    let by_month = month.requests(HOURS_PER_MONTH).unwrap();
    let of_window = by_window.per_second() * 730.0 * 3_600.0;
    // A Monday says 43,200 a day; of seven days five do, and two a tenth of it.
    let ratio = by_month.requests() / of_window;
    assert!((ratio / (5.2 / 7.0) - 1.0).abs() < 0.001, "{ratio}");
}

#[test]
fn hours_before_the_first_reading_are_of_the_month_and_not_of_the_total() {
    let mut ledger = ledger();
    accrue_for(&mut ledger, -1_860, -1_800);
    let history = (-10 * 24..-25).map(|hour| served(hour * HOUR, (hour + 1) * HOUR, 100.0));
    let history = traffic(history.collect(), -10 * DAY, -25 * HOUR);
    ledger.record_requests(&history, |_| whole(web()));
    ledger.record_created_at(&web(), at(-30 * DAY));
    // Whole hours are read of the history, so that half an hour is missing before what is read in small steps.
    let recent = (-DAY - 1_800..-1_800).step_by(300);
    let recent = recent.map(|from| served(from, from + 300, 10.0));
    let recent = traffic(recent.collect(), -DAY - 1_800, -1_800);
    ledger.record_requests(&recent, |_| whole(web()));
    let seen = month(&ledger, 60);
    let expected = 215.0 * 100.0 + 288.0 * 10.0;
    assert!((seen.totals.requests.requests() - expected).abs() < 1e-2);
    assert!((seen.covered.seconds() - 239.0 * 3_600.0).abs() < 1e-6);
    let total = ledger.workload(&web()).unwrap().requests();
    assert!(total.is_zero(), "{total:?}");
    // Of the hour that the window begins in no more counts than is in the window.
    let window = window(&ledger, -1_800).traffic.unwrap();
    assert!((window.covered.seconds() - 86_400.0).abs() < 1e-6);
    assert!((window.requests.requests() - 2_880.0).abs() < 1e-2);
}

#[test]
fn requests_that_are_counted_anew_are_counted_anew_in_the_month_too_and_the_cost_stays() {
    let mut ledger = forty_days();
    ledger.restart_request_counting();
    let now = 40 * DAY;
    let month = month(&ledger, now - 1);
    assert!(
        month.totals.requests.is_zero() && month.covered.is_zero() && month.totals.active.is_zero()
    );
    assert!((month.totals.observed.seconds() / (28.0 * 86_400.0) - 1.0).abs() < 1e-6);
}

#[test]
fn what_is_kept_of_a_month_and_of_a_day_takes_less_than_four_kilobytes() {
    let ledger = forty_days();
    let account = ledger.workload(&web()).unwrap();
    let bytes = account.bucket_bytes();
    assert!((2_500..4_096).contains(&bytes), "{bytes}");
    let all = account.bytes();
    assert!((4_000..6_144).contains(&all), "{all}");
}
