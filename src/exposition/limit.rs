//! The limit on series.
//!
//! What is shown of the cluster, the sources and the program always stays, and so does the money of every
//! workload, so that sums stay complete. What else is shown of workloads and functions stays for those of
//! the highest cost, as many as fit.

use super::metrics::{Metric, Scope};
use super::self_metrics::{DropReason, Dropped};
use super::series::{Families, SeriesBuffer};
use breakeven_model::WorkloadReport;
use breakeven_model::units::Usd;

/// Shows the subjects' series: money always, the rest as long as there are no more than `max_series`.
/// Counts what is left out.
pub(super) fn limit_series(
    mut workloads: Vec<(&WorkloadReport, SeriesBuffer)>,
    max_series: usize,
    families: &mut Families,
    dropped: &mut Dropped,
) {
    let rest = |batch: &SeriesBuffer| batch.metrics().filter(|metric| !always(*metric)).count();
    let kept: usize = workloads
        .iter()
        .map(|(_, batch)| batch.metrics().count() - rest(batch))
        .sum();
    let mut room = max_series.saturating_sub(families.len() + kept);
    workloads.sort_by(|(one, _), (other, _)| by_descending_cost(one, other));
    let mut full = false;
    for (_, batch) in workloads {
        let needed = rest(&batch);
        // Once one does not fit, no cheaper one is shown in its place.
        full = full || needed > room;
        if full {
            for metric in batch.metrics().filter(|metric| !always(*metric)) {
                *dropped.entry((metric, DropReason::Limit)).or_default() += 1;
            }
            families.show(batch, always);
        } else {
            room -= needed;
            families.show(batch, |_| true);
        }
    }
}

fn always(metric: Metric) -> bool {
    metric.description().scope == Scope::WorkloadCost
}

fn by_descending_cost(one: &WorkloadReport, other: &WorkloadReport) -> std::cmp::Ordering {
    let (cost_of_one, cost_of_other) = (cost(one), cost(other));
    let by_month = cost_of_other.0.usd().total_cmp(&cost_of_one.0.usd());
    let by_total = cost_of_other.1.usd().total_cmp(&cost_of_one.1.usd());
    by_month
        .then(by_total)
        .then_with(|| one.workload.cmp(&other.workload))
}

/// What it costs at home: in a month, and so far.
fn cost(report: &WorkloadReport) -> (Usd, Usd) {
    let monthly = report
        .assessment
        .current_cost()
        .map_or(Usd::ZERO, |cost| cost.monthly.point);
    (
        monthly,
        report.cost_total.iter().map(|(_, spent)| *spent).sum(),
    )
}
