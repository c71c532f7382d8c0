//! Which queries are asked together.

use std::time::Duration;

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};

use crate::observation::FunctionId;
use crate::units::Window;

/// The length of the minutes. Lambda reports no finer.
pub(super) const PERIOD: Duration = Duration::from_secs(60);

/// The most queries of one call.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
const MOST_QUERIES: usize = 500;

/// The most datapoints of one answer; more come on further pages.
const MOST_DATAPOINTS: usize = 100_800;

/// A metric of `AWS/Lambda` and the statistic that is read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Series {
    Invocations,
    /// In milliseconds.
    Duration,
    Errors,
    Throttles,
    ConcurrentExecutions,
}

impl Series {
    /// Those of one function, in the order in which they are asked for.
    pub(super) const ALL: [Self; 5] = [
        Self::Invocations,
        Self::Duration,
        Self::Errors,
        Self::Throttles,
        Self::ConcurrentExecutions,
    ];

    pub(super) const fn metric(self) -> &'static str {
        match self {
            Self::Invocations => "Invocations",
            Self::Duration => "Duration",
            Self::Errors => "Errors",
            Self::Throttles => "Throttles",
            Self::ConcurrentExecutions => "ConcurrentExecutions",
        }
    }

    const fn statistic(self) -> &'static str {
        match self {
            Self::ConcurrentExecutions => "Maximum",
            _ => "Sum",
        }
    }
}

/// The functions of each call: as many as its queries allow, and as have their datapoints on one page,
/// so that a failure costs little of what was paid for already.
pub(super) fn batches(
    functions: &[FunctionId],
    window: Window,
) -> impl Iterator<Item = &[FunctionId]> {
    let seconds = window.end().as_second() - window.start().as_second();
    let minutes = usize::try_from(seconds / 60).unwrap_or_default().max(1);
    let by_queries = MOST_QUERIES / Series::ALL.len();
    let by_datapoints = MOST_DATAPOINTS / (Series::ALL.len() * minutes);
    functions.chunks(by_queries.min(by_datapoints).max(1))
}

/// The queries of these functions, all of one function side by side. The id of the n-th is `q` and n.
pub(super) fn queries(functions: &[FunctionId]) -> Vec<MetricDataQuery> {
    let series = |function: &FunctionId| Series::ALL.map(|series| (function.name.clone(), series));
    functions
        .iter()
        .flat_map(series)
        .enumerate()
        .map(|(index, (function, series))| query(index, &function, series))
        .collect()
}

fn query(index: usize, function: &str, series: Series) -> MetricDataQuery {
    let metric = Metric::builder()
        .namespace("AWS/Lambda")
        .metric_name(series.metric())
        .dimensions(
            Dimension::builder()
                .name("FunctionName")
                .value(function)
                .build(),
        )
        .build();
    let statistic = MetricStat::builder()
        .metric(metric)
        .period(60)
        .stat(series.statistic())
        .build();
    MetricDataQuery::builder()
        .id(format!("q{index}"))
        .metric_stat(statistic)
        .return_data(true)
        .build()
}

/// The index in an id that [`queries`] made.
pub(super) fn index(id: &str) -> Option<usize> {
    id.strip_prefix('q')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn functions(count: usize) -> Vec<FunctionId> {
        (0..count)
            .map(|index| FunctionId {
                account_id: "123456789012".into(),
                region: "us-east-1".into(),
                name: format!("f{index}").into(),
            })
            .collect()
    }

    fn window(minutes: u64) -> Window {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        Window::closed_before(now, PERIOD, Duration::ZERO)
            .unwrap()
            .reaching_back(Duration::from_secs(60 * minutes))
    }

    #[test]
    fn a_call_holds_500_queries_of_a_short_time_and_one_page_of_a_long_one() {
        for (count, minutes, sizes) in [
            (120, 5, vec![100, 20]),
            (100, 1, vec![100]),
            (30, 1_440, vec![14, 14, 2]),
            (2, 1_000_000, vec![1, 1]),
            (0, 5, vec![]),
        ] {
            let functions = functions(count);
            let batches: Vec<usize> = batches(&functions, window(minutes))
                .map(<[FunctionId]>::len)
                .collect();
            assert_eq!(batches, sizes, "{count} functions, {minutes} minutes");
        }
    }

    #[test]
    fn the_queries_of_a_function_stand_side_by_side_with_its_name_as_the_only_dimension() {
        let queries = queries(&functions(2));
        let read: Vec<_> = queries
            .iter()
            .map(|query| {
                let statistic = query.metric_stat().unwrap();
                let metric = statistic.metric().unwrap();
                let [dimension] = metric.dimensions() else {
                    panic!("one dimension");
                };
                (
                    index(query.id().unwrap()).unwrap(),
                    dimension.value().unwrap(),
                    metric.metric_name().unwrap(),
                    statistic.stat().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            read,
            [
                (0, "f0", "Invocations", "Sum"),
                (1, "f0", "Duration", "Sum"),
                (2, "f0", "Errors", "Sum"),
                (3, "f0", "Throttles", "Sum"),
                (4, "f0", "ConcurrentExecutions", "Maximum"),
                (5, "f1", "Invocations", "Sum"),
                (6, "f1", "Duration", "Sum"),
                (7, "f1", "Errors", "Sum"),
                (8, "f1", "Throttles", "Sum"),
                (9, "f1", "ConcurrentExecutions", "Maximum"),
            ]
        );
    }
}
