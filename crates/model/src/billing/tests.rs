use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::plan::Compute;
use super::usage::DAY;
use super::*;
use crate::inventory::{Architecture, Bill, BilledDay, Charge, UsageType};
use crate::test_util::{seconds, settings};
use crate::units::{BilledUnits, GibSeconds, Ratio, Requests, Seconds, Usd};

const ACCOUNT: &str = "123456789012";
/// What one processor uses on a day: a million requests, 100,000 GB-s.
const REQUESTS: f64 = 1e6;
const GB_SECONDS: f64 = 1e5;
const DURATION_USD: f64 = GB_SECONDS * 0.000_016_666_7;
const REQUESTS_USD: f64 = REQUESTS * 0.000_000_2;

fn usd(amount: f64) -> Usd {
    Usd::from_usd(amount).unwrap()
}

fn ratio(value: f64) -> Ratio {
    Ratio::from_factor(value).unwrap()
}

fn first() -> Date {
    date(2026, 3, 1)
}

fn charge(usage_type: &str, usage: f64, unblended: f64, amortized: f64) -> Charge {
    Charge {
        account_id: ACCOUNT.into(),
        usage_type: UsageType::parse(usage_type),
        usage: BilledUnits::from_units(usage).unwrap(),
        unblended: usd(unblended),
        amortized: usd(amortized),
    }
}

/// The charges of a day at list prices, of which requests are paid by `base`; duration stands on the invoice with `unblended` of
/// that, and costs `amortized` of it.
fn paid(base: f64, unblended: f64, amortized: f64) -> Vec<Charge> {
    let requests = REQUESTS_USD * base;
    let duration = DURATION_USD * base;
    vec![
        charge("Request", REQUESTS, requests, requests),
        charge(
            "Lambda-GB-Second",
            GB_SECONDS,
            duration * unblended,
            duration * amortized,
        ),
    ]
}

fn bill(days: impl IntoIterator<Item = Vec<Charge>>) -> Bill {
    let days = days.into_iter().enumerate();
    let day = |at: usize| first().saturating_add(i64::try_from(at).unwrap().days());
    Bill {
        days: days
            .map(|(at, charges)| BilledDay {
                day: day(at),
                charges,
            })
            .collect(),
        before: Vec::new(),
    }
}

/// What the model has of the days from the first on: so many hours of each were seen, and the usage of the day.
fn modelled(hours: &[f64]) -> Vec<(UsageKey, DayUsage)> {
    let day = |(at, hours): (usize, &f64)| {
        let key = UsageKey {
            day: first().saturating_add(i64::try_from(at).unwrap().days()),
            place: AccountRegion {
                account_id: ACCOUNT.into(),
                region: "us-east-1".into(),
            },
            architecture: Architecture::X86_64,
        };
        let usage = DayUsage {
            usage: LambdaUsage {
                requests: Requests::from_requests(REQUESTS).unwrap(),
                duration: GibSeconds::from_gib_seconds(GB_SECONDS).unwrap(),
                ..LambdaUsage::default()
            },
            seen: seconds(hours * 3_600.0),
            functions: 1,
        };
        (key, usage)
    };
    hours.iter().enumerate().map(day).collect()
}

/// The one place of the report.
fn place(bill: &Bill, hours: &[f64]) -> BilledScope {
    let modelled = modelled(hours);
    let report = reconcile(
        bill,
        modelled.iter().map(|(key, day)| (key, day)),
        &settings(),
    );
    let [place] = <[BilledScope; 1]>::try_from(report.places).unwrap();
    place
}

fn line<'p>(place: &'p BilledScope, name: &str) -> &'p BilledLine {
    let mut lines = place.lines.iter();
    lines.find(|line| &*line.usage_type.name == name).unwrap()
}

fn is(found: Option<Ratio>, expected: f64) -> bool {
    found.is_some_and(|found| (found.get() - expected).abs() < 1e-9)
}

#[test]
fn a_bill_at_list_prices_of_what_was_seen_is_what_the_model_says() {
    let place = place(&bill([paid(1.0, 1.0, 1.0)]), &[24.0]);
    assert_eq!(&*place.account_id, ACCOUNT);
    assert_eq!(place.region.as_deref(), Some("us-east-1"));
    assert_eq!(place.compared, DAY * ratio(1.0));
    assert!(is(place.observed, 1.0));
    assert_eq!(place.savings_plan, None);
    assert_eq!(place.lines.len(), 2);
    for line in &place.lines {
        for found in [line.to_model, line.usage_to_model, line.price_to_list] {
            assert!(is(found, 1.0), "{line:?}");
        }
    }
    let duration = line(&place, "Lambda-GB-Second");
    assert!((duration.unblended_total.usd() - DURATION_USD).abs() < 1e-9);
    assert!((duration.amortized_total.usd() - DURATION_USD).abs() < 1e-9);
}

#[test]
fn what_the_model_does_not_see_is_told_from_a_price_that_is_not_paid() {
    let mut charges = paid(0.9, 1.0, 1.0);
    charges[1].usage = BilledUnits::from_units(GB_SECONDS * 1.2).unwrap();
    charges[1].amortized = usd(DURATION_USD * 1.2 * 0.9);
    let place = place(&bill([charges]), &[24.0]);
    let duration = line(&place, "Lambda-GB-Second");
    assert!(is(duration.usage_to_model, 1.2));
    assert!(is(duration.price_to_list, 0.9));
    assert!(is(duration.to_model, 1.08));
    assert!(is(line(&place, "Request").to_model, 0.9));
}

#[test]
fn days_that_were_not_seen_whole_are_in_the_totals_and_in_no_comparison() {
    let days = [
        paid(1.0, 1.0, 1.0),
        paid(1.0, 1.0, 1.0),
        paid(0.5, 1.0, 1.0),
    ];
    let place = place(&bill(days), &[24.0, 23.9, 12.0]);
    assert_eq!(place.compared, DAY * ratio(2.0));
    assert!(is(place.observed, 0.5));
    let requests = line(&place, "Request");
    assert!(is(requests.to_model, 1.0));
    // Prices need no model of the day.
    assert!(is(requests.price_to_list, 2.5 / 3.0));
    assert!((requests.unblended_total.usd() - REQUESTS_USD * 2.5).abs() < 1e-9);
}

#[test]
fn seven_days_are_compared_and_all_are_in_the_totals() {
    let days = (0..9).map(|at| paid(if at < 2 { 1.0 } else { 0.8 }, 1.0, 1.0));
    let mut bill = bill(days);
    bill.before = vec![charge("Request", 5.0, 3.0, 3.0)];
    let place = place(&bill, &[24.0; 9]);
    assert_eq!(place.compared, DAY * ratio(7.0));
    let requests = line(&place, "Request");
    assert!(is(requests.to_model, 0.8));
    assert!(is(requests.price_to_list, 0.8));
    let expected = 3.0 + REQUESTS_USD * (2.0 + 7.0 * 0.8);
    assert!((requests.unblended_total.usd() - expected).abs() < 1e-9);
}

#[test]
fn a_day_that_cost_nothing_is_a_zero_and_a_day_without_a_model_is_absent() {
    let mut bill = bill([Vec::new()]);
    bill.before = vec![charge("Request", 5.0, 3.0, 3.0)];
    let seen = place(&bill, &[24.0]);
    assert!(is(line(&seen, "Request").to_model, 0.0));
    let unseen = place(&bill, &[]);
    assert_eq!((unseen.compared, unseen.observed), (Seconds::ZERO, None));
    assert_eq!(line(&unseen, "Request").to_model, None);
    assert_eq!(line(&unseen, "Request").price_to_list, None);
}

#[test]
fn usage_types_that_the_model_does_not_have_are_shown_and_not_compared() {
    let charges = vec![
        charge("Lambda-Edge-Request", 10.0, 1.0, 1.0),
        charge("MOON1-Request", 10.0, 2.0, 2.0),
        charge(
            "Lambda-Provisioned-Concurrency",
            100.0,
            4.166_7e-4,
            4.166_7e-4,
        ),
    ];
    let modelled = modelled(&[24.0]);
    let modelled = modelled.iter().map(|(key, day)| (key, day));
    let report = reconcile(&bill([charges]), modelled, &settings());
    let end: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
    assert_eq!(report.settled_until, Some(end));
    let [nowhere, here] = &report.places[..] else {
        panic!("{report:?}")
    };
    assert_eq!((&nowhere.region, nowhere.observed), (&None, None));
    assert!((nowhere.lines[0].unblended_total.usd() - 2.0).abs() < 1e-12);
    let edge = line(here, "Lambda-Edge-Request");
    assert_eq!((edge.to_model, edge.price_to_list), (None, None));
    let kept = line(here, "Lambda-Provisioned-Concurrency");
    assert_eq!(kept.to_model, None);
    assert!(is(kept.price_to_list, 1.0));
}

#[test]
fn without_a_settled_day_nothing_is_known() {
    let report = reconcile(&Bill::default(), std::iter::empty(), &settings());
    assert_eq!(report, BillReport::default());
}

#[test]
fn a_plan_whose_price_is_spread_already_is_told_by_the_price_alone() {
    for (base, price, expected) in [
        (1.0, 0.85, true),
        (1.0, 0.83, true),
        (1.0, 0.88, true),
        (1.0, 0.8, false),
        (1.0, 0.9, false),
        (1.0, 1.0, false),
        // Then it may as well be a discount on everything.
        (0.9, 0.85, false),
    ] {
        let place = place(&bill([paid(base, price, price)]), &[]);
        assert_eq!(place.savings_plan.is_some(), expected, "{base} {price}");
        if let Some(plan) = place.savings_plan {
            assert!(is(Some(plan.price), price));
            assert_eq!((plan.coverage, plan.discount), (None, None));
        }
    }
}

proptest! {
    #[test]
    fn coverage_and_discount_of_a_plan_are_found_whatever_else_is_off_the_price(
        coverage in 0.05..1.0_f64,
        discount in 0.12..0.5_f64,
        base in 0.3..1.0_f64,
    ) {
        let plan = paid(base, 1.0 - coverage, 1.0 - coverage * discount);
        let found = place(&bill([plan]), &[]).savings_plan.unwrap();
        prop_assert!(is(found.coverage, coverage), "{found:?}");
        prop_assert!((found.discount.unwrap().get() - discount).abs() < 1e-6, "{found:?}");
        prop_assert!(is(Some(found.price), 1.0 - coverage * discount));
    }
}

#[test]
fn nothing_that_is_charged_has_no_plan() {
    assert_eq!(SavingsPlan::detect(Compute::default(), None), None);
    assert_eq!(
        SavingsPlan::detect(Compute::default(), Some(ratio(1.0))),
        None
    );
}
