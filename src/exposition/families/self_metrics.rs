//! The series of the program itself.

use jiff::Timestamp;
use prometheus::proto::{MetricFamily, MetricType};

use super::{count, flag, seconds_of};
use crate::exposition::metrics::Metric;
use crate::exposition::self_metrics::SelfMetricValues;
use crate::exposition::series::{Labels, SeriesBuffer};

/// What the program knows of itself, with the report of this instant.
pub(in crate::exposition) fn own(facts: &SelfMetricValues, report_at: Timestamp) -> SeriesBuffer {
    let mut batch = SeriesBuffer::default();
    batch.push(
        Metric::ReportTimestamp,
        Labels::default(),
        seconds_of(report_at),
    );
    for (api, usage) in &facts.aws_api {
        let labels = Labels::default().and("api", api);
        batch.push(
            Metric::AwsApiRequests,
            labels.clone(),
            count(usage.requests),
        );
        batch.push(Metric::AwsApiCost, labels, usage.cost.usd());
    }
    for (api, budget) in &facts.aws_budgets {
        let labels = || Labels::default().and("api", api);
        batch.push(Metric::AwsApiBudget, labels(), budget.monthly.usd());
        batch.push(Metric::AwsApiExpected, labels(), budget.expected.usd());
        let longest = budget.longest_interval.as_secs_f64();
        batch.push(Metric::AwsApiLongestInterval, labels(), longest);
    }
    let build = &facts.build;
    let labels = Labels::default()
        .and("version", build.version)
        .and("revision", build.revision.unwrap_or_default())
        .and("rustversion", build.rustversion.unwrap_or_default());
    batch.push(Metric::BuildInfo, labels, 1.0);
    if let Some(successful) = facts.config.last_reload_successful {
        batch.push(Metric::ConfigReloaded, Labels::default(), flag(successful));
    }
    if let Some(at) = facts.config.last_success {
        batch.push(Metric::ConfigReloadedAt, Labels::default(), seconds_of(at));
    }
    if let Some(warnings) = facts.config.warnings {
        batch.push(
            Metric::ConfigWarnings,
            Labels::default(),
            count(warnings as u64),
        );
    }
    if let Some((at, bytes)) = facts.state.saved {
        batch.push(Metric::StateSavedAt, Labels::default(), seconds_of(at));
        batch.push(Metric::StateSize, Labels::default(), count(bytes));
    }
    for (reason, failures) in &facts.state.failures {
        let labels = Labels::default().and("reason", reason);
        batch.push(Metric::StateFailures, labels, count(*failures));
    }
    if let Some(corrections) = facts.clock_corrections {
        let corrections = count(corrections);
        batch.push(Metric::ClockCorrections, Labels::default(), corrections);
    }
    live(&facts.live, &mut batch);
    batch
}

/// Numbers of live registries, as far as the catalogue knows them.
fn live(families: &[MetricFamily], batch: &mut SeriesBuffer) {
    for family in families {
        let named = |metric: &&Metric| metric.description().name == family.name();
        let Some(metric) = Metric::ALL.iter().find(named) else {
            continue;
        };
        for series in family.get_metric() {
            let value = match family.get_field_type() {
                MetricType::COUNTER => series.get_counter().get_value(),
                MetricType::GAUGE => series.get_gauge().get_value(),
                MetricType::UNTYPED | MetricType::SUMMARY | MetricType::HISTOGRAM => continue,
            };
            let labels = series
                .get_label()
                .iter()
                .fold(Labels::default(), |labels, pair| {
                    labels.and(pair.name(), pair.value())
                });
            batch.push(*metric, labels, value);
        }
    }
}
