//! The bill, as `check` tells it.

use serde_json::{Value, json};

use crate::cli::print;
use breakeven_model::Report;
use breakeven_model::billing::{BillReport, BilledScope};
use breakeven_model::units::{Ratio, Usd};

/// What the source found, in a line.
pub(super) fn found(report: &Report) -> String {
    let settled = report.bill.as_ref().and_then(|bill| bill.settled_until);
    let (Some(bill), Some(until)) = (&report.bill, settled) else {
        return "no day of the bill is settled yet".to_owned();
    };
    let lines = bill.places.iter().flat_map(|place| &place.lines);
    let total: Usd = lines.map(|line| line.unblended_total).sum();
    format!(
        "the bill is settled to {}: {:.2} USD for Lambda since it was first read",
        until.strftime("%F"),
        total.usd()
    )
}

/// Each usage type, with what is paid of its list price and how the model compares.
pub(super) fn table(bill: &BillReport) {
    for place in &bill.places {
        let region = place
            .region
            .as_deref()
            .unwrap_or("a region that is not known");
        let name = format!("{} in {region}", place.account_id);
        for line in &place.lines {
            let shown = |ratio: Option<Ratio>| {
                ratio.map_or_else(
                    || "not known".to_owned(),
                    |ratio| format!("{:.3}", ratio.get()),
                )
            };
            print(format!(
                "bill           {name}: {} {:.2} USD; billed / modelled {} (usage {}), paid / list {}",
                line.usage_type.name,
                line.amortized_total.usd(),
                shown(line.to_model),
                shown(line.usage_to_model),
                shown(line.price_to_list)
            ));
        }
        if let Some(plan) = plan(place) {
            print(format!("bill           {name}: {plan}"));
        }
    }
}

/// The same for a program.
pub(super) fn as_json(bill: &BillReport) -> Value {
    let ratio = |ratio: Option<Ratio>| ratio.map(Ratio::get);
    let places = bill.places.iter().map(|place| {
        let lines = place.lines.iter().map(|line| {
            json!({
                "usage_type": &*line.usage_type.name,
                "usd": line.unblended_total.usd(),
                "amortized_usd": line.amortized_total.usd(),
                "to_model": ratio(line.to_model),
                "usage_to_model": ratio(line.usage_to_model),
                "price_to_list": ratio(line.price_to_list),
            })
        });
        let plan = place.savings_plan.map(|plan| {
            json!({
                "price": plan.price.get(),
                "coverage": ratio(plan.coverage),
                "discount": ratio(plan.discount),
            })
        });
        json!({
            "account_id": &*place.account_id,
            "aws_region": place.region.as_deref(),
            "compared_seconds": place.compared.seconds(),
            "savings_plan": plan,
            "usage_types": lines.collect::<Vec<_>>(),
        })
    });
    json!({
        "settled_until": bill.settled_until.map(|until| until.to_string()),
        "places": places.collect::<Vec<_>>(),
    })
}

fn plan(place: &BilledScope) -> Option<String> {
    let plan = place.savings_plan?;
    let percent = |ratio: Ratio| format!("{:.1} %", ratio.get() * 100.0);
    Some(match (plan.coverage, plan.discount) {
        (Some(coverage), Some(discount)) => format!(
            "a Savings Plan covers {} of duration, at {} less",
            percent(coverage),
            percent(discount)
        ),
        _ => format!(
            "duration is paid at {} of its list price, as a Compute Savings Plan on all of it would leave",
            percent(plan.price)
        ),
    })
}
