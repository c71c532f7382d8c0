//! The series of the bill.

use super::seconds_of;
use crate::exposition::metrics::Metric;
use crate::exposition::series::{Labels, SeriesBuffer};
use breakeven_model::billing::{BillReport, BilledScope};

/// What AWS bills, and how the model compares with it.
pub(in crate::exposition) fn bill(report: &BillReport) -> SeriesBuffer {
    let mut batch = SeriesBuffer::default();
    if let Some(until) = report.settled_until {
        batch.push(
            Metric::BillSettledUntil,
            Labels::default(),
            seconds_of(until),
        );
    }
    for one in &report.places {
        place(one, &mut batch);
    }
    batch
}

fn place(billed: &BilledScope, batch: &mut SeriesBuffer) {
    let place = Labels::default()
        .and("account_id", &billed.account_id)
        .and("aws_region", billed.region.as_deref().unwrap_or_default());
    if billed.region.is_some() {
        let compared = billed.compared.seconds();
        batch.push(Metric::BillCompared, place.clone(), compared);
    }
    let coverage = billed.savings_plan.and_then(|plan| plan.coverage);
    for (metric, ratio) in [
        (Metric::BillObserved, billed.observed),
        (Metric::BillPlanCoverage, coverage),
    ] {
        if let Some(ratio) = ratio {
            batch.push(metric, place.clone(), ratio.get());
        }
    }
    for line in &billed.lines {
        let labels = place.clone().and("usage_type", &line.usage_type.name);
        for (metric, total) in [
            (Metric::BillUsd, line.unblended_total),
            (Metric::BillAmortizedUsd, line.amortized_total),
        ] {
            batch.push(metric, labels.clone(), total.usd());
        }
        for (metric, ratio) in [
            (Metric::BillToModel, line.to_model),
            (Metric::BillUsageToModel, line.usage_to_model),
            (Metric::BillPriceToList, line.price_to_list),
        ] {
            if let Some(ratio) = ratio {
                batch.push(metric, labels.clone(), ratio.get());
            }
        }
    }
}
