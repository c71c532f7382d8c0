//! Which queries are asked together.

use std::time::Duration;

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};

use super::poll_schedule::MetricPoll;
use breakeven_model::inventory::FunctionId;
use breakeven_model::units::Window;

/// The length of the minutes. Lambda reports no finer.
pub(super) const PERIOD: Duration = Duration::from_secs(60);

/// The most queries of one call.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
const MAX_QUERIES: usize = 500;

/// The most datapoints of one answer; more come on further pages.
const MAX_DATAPOINTS: usize = 100_800;

/// How functions may be read, the best first: all series each time; or all of them at each fourth reading, and those that
/// cost is made of alone in between.
pub(super) const READINGS: [MetricPoll; 2] = [
    MetricPoll {
        all_every: 1,
        statistics: 6.0,
        metrics: 5.0,
    },
    MetricPoll {
        all_every: 4,
        // Two statistics of Duration; four others at each fourth reading.
        statistics: 3.0,
        // The same, with both statistics of Duration as one metric.
        metrics: 2.0,
    },
];

/// How much is asked of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// How often and how long it ran.
    Counts,
    /// All that is read of it.
    All,
}

/// A function that is due, with the window and the metrics to read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DueFunction {
    pub(super) function: FunctionId,
    pub(super) window: Window,
    pub(super) scope: Scope,
    /// Whether it could not be read the last time.
    pub(super) has_failed: bool,
}

/// A metric of `AWS/Lambda` and the statistic that is read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Series {
    /// How many durations were measured: as many as there were invocations.
    Measured,
    /// In milliseconds.
    Duration,
    Invocations,
    Errors,
    Throttles,
    ConcurrentExecutions,
}

impl Scope {
    /// The series, in the order in which they are asked for: the statistics of one metric side by side.
    pub(super) const fn series(self) -> &'static [Series] {
        match self {
            Self::Counts => &[Series::Measured, Series::Duration],
            Self::All => &Series::ALL,
        }
    }
}

impl Series {
    pub(super) const ALL: [Self; 6] = [
        Self::Measured,
        Self::Duration,
        Self::Invocations,
        Self::Errors,
        Self::Throttles,
        Self::ConcurrentExecutions,
    ];

    pub(super) const fn metric(self) -> &'static str {
        match self {
            Self::Measured | Self::Duration => "Duration",
            Self::Invocations => "Invocations",
            Self::Errors => "Errors",
            Self::Throttles => "Throttles",
            Self::ConcurrentExecutions => "ConcurrentExecutions",
        }
    }

    const fn statistic(self) -> &'static str {
        match self {
            Self::Measured => "SampleCount",
            Self::ConcurrentExecutions => "Maximum",
            _ => "Sum",
        }
    }
}

/// The readings of each call: as many as its queries allow, and as have their datapoints on one page, so that a
/// failure costs little of what was paid for already. They come with the longest windows last. What failed
/// before is asked for alone, so that it keeps nothing else from being read.
pub(super) fn batches(due: &[DueFunction]) -> Vec<&[DueFunction]> {
    let mut batches = Vec::new();
    let mut rest = due;
    while let Some(first) = rest.first() {
        let mut queries = 0;
        let together = rest.iter().take_while(|one| {
            queries += one.scope.series().len();
            let alone = one.has_failed || first.has_failed;
            !alone && fits_one_call(queries, minutes(one.window))
        });
        let count = together.count().max(1);
        let (batch, after) = rest.split_at(count);
        batches.push(batch);
        rest = after;
    }
    batches
}

/// Whether so many queries, each of so many minutes, are one call with one page of answers.
pub(in crate::sources) const fn fits_one_call(queries: usize, minutes: usize) -> bool {
    queries <= MAX_QUERIES && queries * minutes <= MAX_DATAPOINTS
}

/// How many minutes a window has.
pub(in crate::sources) fn minutes(window: Window) -> usize {
    let seconds = window.end().as_second() - window.start().as_second();
    usize::try_from(seconds / 60).unwrap_or_default().max(1)
}

/// How many datapoints these queries may return at the most over so many minutes, each in steps of its own length.
pub(super) fn datapoints(queries: &[MetricDataQuery], minutes: usize) -> usize {
    let steps = queries.iter().map(|query| {
        let period = query.metric_stat().and_then(MetricStat::period);
        let minutes_each = period.and_then(|seconds| usize::try_from(seconds / 60).ok());
        minutes / minutes_each.unwrap_or_default().max(1)
    });
    steps.sum()
}

/// A statistic of a metric of a function.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatisticQuery<'f> {
    pub(super) namespace: &'static str,
    pub(super) metric: &'static str,
    /// The one dimension, whose value is the name of the function.
    pub(super) dimension: &'static str,
    pub(super) function: &'f FunctionId,
    pub(super) period: Duration,
    pub(super) statistic: &'static str,
}

impl StatisticQuery<'_> {
    /// The n-th query of a call. Its id is `q` and n. It is of a metric in the account of the credentials, or in one that is
    /// linked to it.
    pub(super) fn query(&self, index: usize, linked: Option<&str>) -> MetricDataQuery {
        let dimension = Dimension::builder()
            .name(self.dimension)
            .value(&*self.function.name)
            .build();
        let metric = Metric::builder()
            .namespace(self.namespace)
            .metric_name(self.metric)
            .dimensions(dimension)
            .build();
        let statistic = MetricStat::builder()
            .metric(metric)
            .period(i32::try_from(self.period.as_secs()).unwrap_or(i32::MAX))
            .stat(self.statistic)
            .build();
        MetricDataQuery::builder()
            .id(format!("q{index}"))
            .set_account_id(linked.map(str::to_owned))
            .metric_stat(statistic)
            .return_data(true)
            .build()
    }
}

/// The queries of a call, all of one function side by side.
pub(super) fn queries<'a>(
    asked: impl IntoIterator<Item = (&'a FunctionId, Scope)>,
    linked: Option<&str>,
) -> Vec<MetricDataQuery> {
    let wanted = asked.into_iter().flat_map(|(function, scope)| {
        scope.series().iter().map(move |series| StatisticQuery {
            namespace: "AWS/Lambda",
            metric: series.metric(),
            dimension: "FunctionName",
            function,
            period: PERIOD,
            statistic: series.statistic(),
        })
    });
    let queries = wanted.enumerate();
    queries
        .map(|(index, wanted)| wanted.query(index, linked))
        .collect()
}

/// The index in an id that [`PriceQueries::query`] made.
pub(super) fn index(id: &str) -> Option<usize> {
    id.strip_prefix('q')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn window(minutes: u64) -> Window {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        Window::closed_before(now, PERIOD, Duration::ZERO)
            .unwrap()
            .extended_back(Duration::from_secs(60 * minutes))
    }

    fn due(index: usize, minutes: u64, scope: Scope) -> DueFunction {
        DueFunction {
            function: FunctionId {
                account_id: "123456789012".into(),
                region: "us-east-1".into(),
                name: format!("f{index}").into(),
            },
            window: window(minutes),
            scope,
            has_failed: false,
        }
    }

    fn sizes(due: &[DueFunction]) -> Vec<usize> {
        batches(due).into_iter().map(<[DueFunction]>::len).collect()
    }

    #[test]
    fn a_call_holds_500_queries_of_a_short_time_and_one_page_of_a_long_one() {
        for (count, minutes, scope, expected) in [
            (300, 20, Scope::Counts, vec![250, 50]),
            (100, 20, Scope::All, vec![83, 17]),
            (250, 200, Scope::Counts, vec![250]),
            (30, 1_440, Scope::All, vec![11, 11, 8]),
            (2, 1_000_000, Scope::All, vec![1, 1]),
            (0, 5, Scope::All, vec![]),
        ] {
            let due: Vec<DueFunction> = (0..count).map(|one| due(one, minutes, scope)).collect();
            assert_eq!(
                sizes(&due),
                expected,
                "{count} functions, {minutes} minutes"
            );
        }
    }

    #[test]
    fn a_long_window_joins_short_ones_only_where_the_page_holds_all() {
        let mut together: Vec<DueFunction> =
            (0..34).map(|one| due(one, 18, Scope::Counts)).collect();
        together.push(due(34, 1_440, Scope::Counts));
        together.push(due(35, 1_440, Scope::Counts));
        // 35 functions of 2 series are 100,800 datapoints of a day.
        assert_eq!(sizes(&together), [35, 1]);
    }

    #[test]
    fn what_failed_before_is_asked_alone() {
        let mut due: Vec<DueFunction> = (0..5).map(|one| due(one, 18, Scope::Counts)).collect();
        due[3].has_failed = true;
        due[4].has_failed = true;
        assert_eq!(sizes(&due), [3, 1, 1]);
    }

    #[test]
    fn the_statistics_of_a_metric_stand_side_by_side_with_the_name_as_the_only_dimension() {
        let due = [due(0, 5, Scope::All), due(1, 5, Scope::Counts)];
        let queries = queries(due.iter().map(|due| (&due.function, due.scope)), None);
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
                (0, "f0", "Duration", "SampleCount"),
                (1, "f0", "Duration", "Sum"),
                (2, "f0", "Invocations", "Sum"),
                (3, "f0", "Errors", "Sum"),
                (4, "f0", "Throttles", "Sum"),
                (5, "f0", "ConcurrentExecutions", "Maximum"),
                (6, "f1", "Duration", "SampleCount"),
                (7, "f1", "Duration", "Sum"),
            ]
        );
    }

    #[test]
    fn a_reading_in_the_mean_is_what_its_series_make_it() {
        let count = |one: usize| f64::from(u32::try_from(one).unwrap());
        let (counts, all) = (Scope::Counts.series().len(), Scope::All.series().len());
        for reading in READINGS {
            let every = f64::from(reading.all_every);
            let mean = |counts, all| ((every - 1.0) * count(counts) + count(all)) / every;
            assert_eq!(reading.statistics, mean(counts, all));
            // Both statistics of Duration are of one metric.
            assert_eq!(reading.metrics, mean(counts - 1, all - 1));
        }
    }
}
