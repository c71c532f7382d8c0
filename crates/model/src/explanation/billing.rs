//! What AWS bills where a function runs, against the model.

use super::Line;
use super::number::{factor, percent};
use crate::billing::{BilledLine, BilledScope, SavingsPlan};
use crate::report::{Report, WorkloadRef};

/// The bill of the account and region of a function; nothing for a workload, and where no bill is read.
pub(super) fn lines(report: &Report, workload: &WorkloadRef) -> Vec<Line> {
    let (WorkloadRef::Lambda(id), Some(bill)) = (workload, &report.bill) else {
        return Vec::new();
    };
    let Some(until) = bill.settled_until else {
        return vec![Line::new("settled", "no day yet", "")];
    };
    let is_there = |place: &&BilledScope| {
        place.account_id == id.account_id && place.region.as_ref() == Some(&id.region)
    };
    let Some(place) = bill.places.iter().find(is_there) else {
        let from = format!("nothing is billed for {} in {}", id.account_id, id.region);
        return vec![Line::new(
            "settled",
            from,
            until.strftime("to %F").to_string(),
        )];
    };
    let from = format!(
        "{} in {}, source bill; {} of it were seen whole and are compared",
        id.account_id,
        id.region,
        place.compared.in_words()
    );
    let settled = Line::new("settled", from, until.strftime("to %F").to_string());
    let billed = place.lines.iter().filter_map(billed);
    let plan = place.savings_plan.map(savings_plan);
    std::iter::once(settled).chain(billed).chain(plan).collect()
}

fn billed(line: &BilledLine) -> Option<Line> {
    let price = line.price_to_list?;
    let from = match (line.to_model, line.usage_to_model) {
        (Some(cost), Some(usage)) => format!(
            "of its list price is paid; {} of the modelled cost, {} of the modelled usage",
            factor(cost),
            factor(usage)
        ),
        _ => "of its list price is paid; the model has no whole day of it".to_owned(),
    };
    Some(Line::new(&*line.usage_type.name, from, factor(price)))
}

fn savings_plan(plan: SavingsPlan) -> Line {
    match (plan.coverage, plan.discount) {
        (Some(coverage), Some(discount)) => Line::new(
            "Savings Plan",
            format!(
                "of duration is covered, at {} less; 1 - unblended / cost without a plan",
                percent(discount)
            ),
            percent(coverage),
        ),
        _ => Line::new(
            "Savings Plan",
            "of the list price of duration, as a Compute Savings Plan (12 to 17 % less) on all of it would leave",
            factor(plan.price),
        ),
    }
}
