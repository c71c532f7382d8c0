//! What the bill changes.

use jiff::civil::date;

use super::explanations::{explained, line};
use super::*;
use breakeven_model::inventory::{BilledDay, Charge, UsageType};
use breakeven_model::units::{BilledUnits, Ratio};

/// A bill of one day on which a discount was given on everything, and a Savings Plan covered all of duration.
fn bill() -> Observation {
    let charge = |name: &str, units: f64, unblended: f64, amortized: f64| Charge {
        account_id: "123456789012".into(),
        usage_type: UsageType::parse(name),
        usage: BilledUnits::from_units(units).unwrap(),
        unblended: Usd::from_usd(unblended).unwrap(),
        amortized: Usd::from_usd(amortized).unwrap(),
    };
    // 90 % of the list price, and 80 % of that.
    let requests = 1e6 * 2e-7 * 0.9;
    let duration = 1e5 * 0.000_016_666_7 * 0.9 * 0.8;
    Observation::Bill(Arc::new(Bill {
        days: vec![BilledDay {
            day: date(2027, 1, 13),
            charges: vec![
                charge("Request", 1e6, requests, requests),
                charge("Lambda-GB-Second", 1e5, 0.0, duration),
            ],
        }],
        before: Vec::new(),
    }))
}

fn month(applies_bill: bool) -> (f64, Report) {
    let mut applied = settings();
    applied.lambda.applies_bill = applies_bill;
    applied.lambda.discount = Ratio::from_factor(0.5).unwrap();
    let mut engine = engine();
    engine.reconfigure(applied, PriceBook::default(), limits());
    engine.observe(listed(vec![resize()]));
    engine.observe(bill());
    engine.observe(a_day_of_minutes(0));
    let report = engine.report(at(0));
    let cost = cost(only(&report), Platform::Lambda, Basis::Loaded);
    (cost.unwrap(), report)
}

#[test]
fn a_function_is_priced_by_the_bill_where_that_is_wanted_and_by_the_list_otherwise() {
    let requests = 2_628_000.0;
    let sum = |fee: f64, price: f64| requests * (2e-7 * fee + 0.500_5 * 0.000_016_666_7 * price);
    let (cost, report) = month(false);
    assert!((cost - sum(1.0, 0.5)).abs() < 1e-6, "{cost}");
    let explained_report = explained(&report);
    let (from, _) = line(&explained_report, "Cost on Lambda", "prices");
    assert!(from.starts_with("list of"), "{from}");
    let (cost, report) = month(true);
    assert!((cost - sum(0.9, 0.72)).abs() < 1e-6, "{cost}");
    let explained_report = explained(&report);
    let (from, _) = line(&explained_report, "Cost on Lambda", "prices");
    assert_eq!(from, "as billed in us-east-1 on the last settled days");
}

#[test]
fn an_explanation_tells_the_bill_of_the_place_and_its_savings_plan() {
    let (_, report) = month(false);
    let explained_report = explained(&report);
    let said = |name| line(&explained_report, "The bill", name);
    let (from, until) = said("settled");
    assert_eq!(until, "to 2027-01-14");
    assert!(from.contains("0 s of it were seen whole"), "{from}");
    assert_eq!(said("Request").1, "0.9000");
    assert_eq!(said("Lambda-GB-Second").1, "0.7200");
    let (from, coverage) = said("Savings Plan");
    assert_eq!(coverage, "100.0 %");
    assert!(
        from.starts_with("of duration is covered, at 20.0 % less"),
        "{from}"
    );
}

#[test]
fn a_bill_that_is_switched_off_is_forgotten_with_the_functions() {
    let mut engine = engine();
    engine.observe(bill());
    assert!(engine.report(at(0)).bill.is_some());
    engine.forget_functions();
    assert_eq!(engine.report(at(0)).bill, None);
}
