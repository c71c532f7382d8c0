//! The series of the sources.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{count, flag, seconds_of};
use crate::exposition::metrics::Metric;
use crate::exposition::series::{Labels, SeriesBuffer};
use breakeven_model::inventory::{SourceId, SourceStatus};

/// How every source fares, as seen at the time of the report.
pub(in crate::exposition) fn sources(
    sources: &BTreeMap<SourceId, SourceStatus>,
    at: Timestamp,
) -> SeriesBuffer {
    let mut batch = SeriesBuffer::default();
    for (id, status) in sources {
        let site = &status.site;
        let labels = Labels::default()
            .and("source", id.source.as_str())
            .and("account_id", site.account_id.as_deref().unwrap_or_default())
            .and("aws_region", site.region.as_deref().unwrap_or_default());
        if let Some(up) = status.up {
            batch.push(Metric::SourceUp, labels.clone(), flag(up));
        }
        if let Some(success) = status.last_success {
            batch.push(
                Metric::SourceLastSuccess,
                labels.clone(),
                seconds_of(success),
            );
            // A success between the report and its writing is no older than the report.
            let age = at.duration_since(success).as_secs_f64().max(0.0);
            batch.push(Metric::DataAge, labels.clone(), age);
        }
        if let Some(took) = status.last_duration {
            batch.push(Metric::SourceDuration, labels.clone(), took.as_secs_f64());
        }
        for (reason, errors) in &status.errors {
            let labels = labels.clone().and("reason", reason.as_str());
            batch.push(Metric::SourceErrors, labels, count(*errors));
        }
        for (reason, discarded) in &status.discarded {
            let labels = labels.clone().and("reason", reason);
            batch.push(Metric::SourceDiscardedRecords, labels, count(*discarded));
        }
    }
    batch
}
