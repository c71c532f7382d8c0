//! CloudWatch: GetMetricData and ListMetrics over the metrics of the world's functions, and of what stands before its workloads.

mod get_metric_data;
mod list_metrics;
mod load_balancer_metrics;
mod metrics;
mod query;
mod series;
mod statistics;
mod window;

use super::error::AwsError;
use super::scope::AccountRegion;
use super::value::Document;
use crate::faults::Faults;

/// What a call returns, and what it would be billed for.
pub(super) struct Answer {
    pub(super) output: Document,
    /// Metrics requested, by the two readings of the price list: see `Request::metrics_requested`.
    pub(super) metrics_requested: Option<(u64, u64)>,
}

/// Answers one call at `now`, in seconds since 1970.
pub(super) fn respond(
    place: AccountRegion<'_>,
    faults: &Faults,
    operation: &str,
    input: &Document,
    now: i64,
) -> Result<Answer, AwsError> {
    match operation {
        "GetMetricData" => {
            let request = query::Request::parse(input)?;
            let output = get_metric_data::respond(place, faults, &request, now)?;
            Ok(Answer {
                output,
                metrics_requested: Some(request.metrics_requested()),
            })
        }
        "ListMetrics" => {
            let output = list_metrics::respond(place, input)?;
            Ok(Answer {
                output,
                metrics_requested: None,
            })
        }
        other => Err(AwsError::unknown_operation(other)),
    }
}
