//! What functions used, by the day of the bill.

use jiff::civil::date;

use super::functions::{batch, function, minute, ran};
use super::*;
use breakeven_model::billing::DayUsage;
use breakeven_model::inventory::FunctionMinutes;

const DAY: i64 = 86_400;

/// The days, counted from the one on which the ledger begins to count.
fn days(ledger: &Ledger) -> Vec<(i64, DayUsage)> {
    let first = date(2027, 1, 15);
    let number = |day: jiff::civil::Date| i64::from(first.until(day).unwrap().get_days());
    ledger
        .days()
        .map(|(key, day)| (number(key.day), *day))
        .collect()
}

fn invocations(days: &[(i64, DayUsage)]) -> Vec<(i64, f64)> {
    days.iter()
        .map(|(day, used)| (*day, used.usage.requests.requests()))
        .collect()
}

#[test]
fn a_backfill_fills_its_days_though_it_is_in_no_total() {
    let mut ledger = ledger();
    let minutes = vec![minute(-DAY, 5.0), minute(-60, 7.0), minute(0, 100.0)];
    ran(&mut ledger, -DAY, 600, minutes);
    let found = days(&ledger);
    assert_eq!(invocations(&found), [(-1, 12.0), (0, 100.0)]);
    let totals = ledger.function(&function().id).unwrap().totals().clone();
    assert_eq!(totals.invocations, requests(100.0));
    let [(_, yesterday), (_, today)] = &found[..] else {
        panic!("{found:?}")
    };
    assert!(yesterday.is_whole() && !today.is_whole());
    assert!((today.observed().unwrap().get() - 600.0 / 86_400.0).abs() < 1e-12);
    // A GiB each, rounded up, and the INIT of the environments that were started for sure: before the first minute that is known
    // some may have been left.
    let starts = 3.0;
    let expected = 12.0 * 0.500_5 + starts * 0.3;
    let found = yesterday.usage.duration.gib_seconds();
    assert!((found - expected).abs() < 1e-9, "{found} {expected}");
}

#[test]
fn what_is_told_again_stands_in_place_of_what_was_told_before() {
    let mut ledger = ledger();
    ran(&mut ledger, 0, 600, vec![minute(0, 100.0), minute(60, 9.0)]);
    ran(&mut ledger, 0, 300, vec![minute(0, 90.0)]);
    ran(
        &mut ledger,
        0,
        600,
        vec![minute(0, 110.0), minute(300, 1.0)],
    );
    let found = days(&ledger);
    assert_eq!(invocations(&found), [(0, 111.0)]);
    assert_eq!(found[0].1.functions, 1);
    assert!((found[0].1.seen.seconds() - 600.0).abs() < 1e-9);
}

#[test]
fn the_order_and_grouping_of_batches_do_not_matter_to_a_day() {
    let all = |ledger: &mut Ledger, parts: &[(i64, i64)]| {
        for (from, to) in parts {
            let inside = [(-120, 4.0), (-60, 5.0), (0, 6.0), (120, 7.0)];
            let inside = inside.iter().filter(|(at, _)| (*from..*to).contains(at));
            let minutes = inside.map(|(at, count)| minute(*at, *count)).collect();
            ran(ledger, *from, *to, minutes);
        }
        days(ledger)
    };
    let mut whole = ledger();
    let expected = all(&mut whole, &[(-180, 180)]);
    for parts in [
        &[(-180, 0), (0, 180)][..],
        &[(0, 180), (-180, 0)],
        &[(-180, -60), (60, 180), (-60, 60)],
    ] {
        let mut ledger = ledger();
        let found = all(&mut ledger, parts);
        assert_eq!(invocations(&found), invocations(&expected));
        for ((_, found), (_, expected)) in found.iter().zip(&expected) {
            let less = found.usage.duration.gib_seconds() - expected.usage.duration.gib_seconds();
            // Of cold starts within the keep-alive after midnight either day may have those that the other order gave
            // to the one before.
            assert!(less.abs() <= 3.0 * 0.3 + 1e-9, "{parts:?} {less}");
        }
        let sum = |days: &[(i64, DayUsage)]| {
            let each = days.iter().map(|one| one.1.usage.duration.gib_seconds());
            each.sum::<f64>()
        };
        assert!((sum(&found) - sum(&expected)).abs() < 1e-9, "{parts:?}");
    }
}

#[test]
fn a_function_that_is_seen_for_a_part_of_the_day_leaves_it_less_than_whole() {
    let mut ledger = ledger();
    let (one, mut other) = (function(), (*function()).clone());
    other.id.name = "other".into();
    let other = Arc::new(other);
    let known = [one, other];
    let run = |ledger: &mut Ledger, at: usize, from, to| {
        let mut read: FunctionMinutes = batch(from, to, Vec::new());
        read.functions[0].id = known[at].id.clone();
        ledger.record_invocations(&read, &settings(), |id| {
            known.iter().find(|one| one.id == *id)
        });
    };
    run(&mut ledger, 0, 0, DAY);
    assert!(days(&ledger)[0].1.is_whole());
    run(&mut ledger, 1, 0, DAY / 2);
    let found = days(&ledger)[0].1;
    assert_eq!(found.functions, 2);
    assert!((found.observed().unwrap().get() - 0.75).abs() < 1e-12);
    assert!(!found.is_whole());
    run(&mut ledger, 1, DAY / 2, DAY);
    assert!(days(&ledger)[0].1.is_whole());
}

#[test]
fn days_are_kept_for_a_fortnight() {
    let mut ledger = ledger();
    ran(&mut ledger, 0, 600, vec![minute(0, 1.0)]);
    ledger.prune(at(14 * DAY));
    assert_eq!(days(&ledger).len(), 1);
    ledger.prune(at(15 * DAY));
    assert!(days(&ledger).is_empty());
}
