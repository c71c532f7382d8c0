//! From what CloudWatch says of the namespace `LambdaInsights` to what was measured of functions.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Lambda-Insights-metrics-lambda-functions.html>

use aws_sdk_cloudwatch::types::MetricDataQuery;
use jiff::Timestamp;

use super::PERIOD;
use crate::sources::Reason;
use crate::sources::aws::cloudwatch::query::{StatisticQuery, fits_one_call, minutes};
use crate::sources::aws::cloudwatch::response::{Answer, MissingResult, Query};
use breakeven_model::inventory::{FunctionId, Insights};
use breakeven_model::units::{CoreSeconds, Gib, QuantityError, Requests, Seconds, Window};

pub(super) const NAMESPACE: &str = "LambdaInsights";
pub(super) const DIMENSION: &str = "function_name";

/// The metric that every invocation has.
pub(super) const MEASURED: &str = "cpu_total_time";

/// Metrics and statistics, those of one metric side by side.
const SERIES: [(&str, &str); QUERIES] = [
    (MEASURED, "SampleCount"),
    (MEASURED, "Sum"),
    ("init_duration", "SampleCount"),
    ("init_duration", "Sum"),
    ("used_memory_max", "Maximum"),
];

/// How many statistics are asked for of a function, and of how many metrics.
pub(super) const QUERIES: usize = 5;
pub(super) const METRICS: usize = 3;

/// How many functions are asked for in one call: as many as its queries allow, and as have their datapoints on one page.
pub(super) fn functions_at_once(window: Window) -> usize {
    let steps = minutes(window) * 60 / usize::try_from(PERIOD.as_secs()).unwrap_or(60);
    let fit = (1..).take_while(|functions| fits_one_call(QUERIES * functions, steps));
    fit.last().unwrap_or(1)
}

/// The queries of a call, all of one function side by side.
pub(super) fn queries(functions: &[FunctionId], linked: Option<&str>) -> Vec<MetricDataQuery> {
    let wanted = functions.iter().flat_map(|function| {
        SERIES.map(|(metric, statistic)| StatisticQuery {
            namespace: NAMESPACE,
            metric,
            dimension: DIMENSION,
            function,
            period: PERIOD,
            statistic,
        })
    });
    let queries = wanted.enumerate();
    queries
        .map(|(index, wanted)| wanted.query(index, linked))
        .collect()
}

/// What was measured of each function that was asked for; absent of one of which nothing was, or why it is not known.
pub(super) fn insights(
    answer: &Answer,
    window: Window,
    asked: &[FunctionId],
    now: Timestamp,
) -> impl Iterator<Item = (FunctionId, Result<Option<Insights>, MissingResult>)> {
    let answers = answer.queries().chunks(QUERIES);
    asked.iter().zip(answers).map(move |(function, queries)| {
        let problem = |problem| MissingResult {
            reason: Reason::InvalidResponse,
            problem: format!("Lambda Insights of {}: {problem}", function.name),
        };
        let measured = match missing(function, queries) {
            Some(missing) => Err(missing),
            None => measured(queries, window, now).map_err(|error| problem(error.to_string())),
        };
        (function.clone(), measured)
    })
}

/// Why the queries of a function are not answered to their end; absent where they are.
fn missing(function: &FunctionId, queries: &[Query]) -> Option<MissingResult> {
    let mut named = SERIES.iter().zip(queries);
    named.find_map(|((metric, _), query)| {
        let what = format!("{metric} of {}", function.name);
        let unanswered = || MissingResult {
            reason: Reason::Incomplete,
            problem: format!("{what} has no answer"),
        };
        let missing = query.missing(&what);
        missing.or_else(|| query.is_unanswered().then(unanswered))
    })
}

/// What the points add up to; absent where no invocation was measured.
fn measured(
    queries: &[Query],
    window: Window,
    now: Timestamp,
) -> Result<Option<Insights>, QuantityError> {
    let [counts, cpu, initialised, init, memory] = queries else {
        return Ok(None);
    };
    let within = |query: &Query| {
        let points = query.points().iter().filter(|(second, _)| {
            window.start().as_second() <= *second && *second < window.end().as_second()
        });
        points.map(|(_, value)| *value).collect::<Vec<f64>>()
    };
    let requests = |query| -> Result<Requests, QuantityError> {
        let counts = within(query).into_iter().map(Requests::from_requests);
        counts.sum()
    };
    let seconds = |query| -> Result<Seconds, QuantityError> {
        let times = within(query).into_iter().map(Seconds::from_millis);
        times.sum()
    };
    let invocations = requests(counts)?;
    if invocations.is_zero() {
        return Ok(None);
    }
    // Megabytes of Lambda are 1,024-based.
    let memory = within(memory).into_iter().map(Gib::from_mib);
    let memory: Vec<Gib> = memory.collect::<Result<_, _>>()?;
    Ok(Some(Insights {
        window,
        read_at: now,
        invocations,
        cpu: CoreSeconds::from_core_seconds(seconds(cpu)?.seconds())?,
        initialised: requests(initialised)?,
        init: seconds(init)?,
        memory_peak: memory.into_iter().reduce(Gib::max),
    }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
    use aws_sdk_cloudwatch::types::{MetricDataResult, StatusCode};
    use aws_smithy_types::DateTime;

    use super::*;

    fn window() -> Window {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let closed = Window::closed_before(now, PERIOD, Duration::ZERO).unwrap();
        closed.extended_back(Duration::from_secs(3_600))
    }

    fn id(name: &str) -> FunctionId {
        FunctionId {
            account_id: "1".into(),
            region: "r".into(),
            name: name.into(),
        }
    }

    /// What is made of an answer with these values for the series of one function, one value in each step.
    fn read(values: [&[f64]; QUERIES]) -> Result<Option<Insights>, MissingResult> {
        let results = values.iter().enumerate().map(|(index, values)| {
            let times =
                (0..).map(|step| DateTime::from_secs(window().start().as_second() + 300 * step));
            MetricDataResult::builder()
                .id(format!("q{index}"))
                .set_timestamps(Some(times.take(values.len()).collect()))
                .set_values(Some(values.to_vec()))
                .status_code(StatusCode::Complete)
                .build()
        });
        let page = GetMetricDataOutput::builder();
        let page = page
            .set_metric_data_results(Some(results.collect()))
            .build();
        let mut answer = Answer::expecting(QUERIES);
        answer.add(page).unwrap();
        let asked = [id("f")];
        let mut found = insights(&answer, window(), &asked, window().end());
        found.next().unwrap().1
    }

    #[test]
    fn points_add_up_and_the_most_memory_counts() {
        let found = read([
            &[10.0, 30.0],
            &[500.0, 1_500.0],
            &[2.0],
            &[600.0],
            &[80.0, 64.0],
        ]);
        let found = found.unwrap().unwrap();
        assert_eq!(found.invocations.requests(), 40.0);
        assert_eq!(found.cpu_each().unwrap().millis(), 50.0);
        assert_eq!(found.init_each().unwrap().millis(), 300.0);
        assert_eq!(found.memory_peak.unwrap().mib(), 80.0);
    }

    #[test]
    fn without_invocations_nothing_was_measured_and_without_cold_starts_no_initialisation() {
        assert_eq!(read([&[], &[], &[], &[], &[]]), Ok(None));
        let warm = read([&[10.0], &[5.0], &[], &[], &[]]).unwrap().unwrap();
        assert_eq!((warm.init_each(), warm.memory_peak), (None, None));
        assert!(warm.initialised.is_zero());
    }

    #[test]
    fn what_no_metric_can_be_is_refused_and_what_was_not_answered_is_not_nothing() {
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            let missing = read([&[10.0], &[5.0], &[], &[], &[bad]]).unwrap_err();
            assert_eq!(missing.reason, Reason::InvalidResponse, "{bad}");
            assert!(
                missing.problem.starts_with("Lambda Insights of f: "),
                "{missing:?}"
            );
        }
        let asked = [id("f")];
        let answer = Answer::expecting(QUERIES);
        let mut found = insights(&answer, window(), &asked, window().end());
        let missing = found.next().unwrap().1.unwrap_err();
        assert_eq!(missing.reason, Reason::Incomplete);
        assert_eq!(missing.problem, "cpu_total_time of f has no answer");
    }

    #[test]
    fn a_call_is_for_as_many_functions_as_have_their_steps_on_a_page() {
        let of = |hours: u64| {
            functions_at_once(window().extended_back(Duration::from_secs(3_600 * hours)))
        };
        assert_eq!([of(1), of(24), of(24 * 14)], [100, 70, 5]);
    }
}
