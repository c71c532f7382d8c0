//! From what CloudWatch says to minutes of functions.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::types::{MessageData, StatusCode};
use tracing::warn;

use super::plan::{self, Series};
use crate::observation::{FunctionBatch, FunctionId, FunctionMinute};
use crate::sources::Tally;
use crate::units::{NotAQuantity, Requests, Seconds, Window};

/// All pages of one call, merged by query.
#[derive(Debug)]
pub(super) struct Answer {
    queries: Vec<Query>,
    messages: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Query {
    /// Seconds since 1970, and the value there.
    points: Vec<(i64, f64)>,
    /// As the last page that mentions it has it.
    status: Option<StatusCode>,
    messages: Vec<String>,
}

/// Why an answer is not whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// A metric may not be read.
    Forbidden(String),
    /// Something is missing.
    Incomplete(String),
}

impl Answer {
    pub(super) fn expecting(queries: usize) -> Self {
        Self {
            queries: vec![Query::default(); queries],
            messages: Vec::new(),
        }
    }

    /// Adds a page. The error says what of it makes no sense.
    pub(super) fn add(&mut self, page: GetMetricDataOutput) -> Result<(), String> {
        self.messages.extend(page.messages().iter().map(text));
        for result in page.metric_data_results.unwrap_or_default() {
            let id = result.id().unwrap_or_default();
            let query = plan::index(id)
                .and_then(|index| self.queries.get_mut(index))
                .ok_or_else(|| format!("a result has the id {id:?}, which was not asked for"))?;
            let (times, values) = (result.timestamps(), result.values());
            if times.len() != values.len() {
                return Err(format!(
                    "a result has {} timestamps and {} values",
                    times.len(),
                    values.len()
                ));
            }
            let times = times.iter().map(aws_smithy_types::DateTime::secs);
            query.points.extend(times.zip(values.iter().copied()));
            query.messages.extend(result.messages().iter().map(text));
            query.status = result.status_code;
        }
        Ok(())
    }

    /// Whether every query was answered to its end.
    pub(super) fn complete(&self) -> Result<(), Lack> {
        for (index, query) in self.queries.iter().enumerate() {
            let metric = Series::ALL[index % Series::ALL.len()].metric();
            let said = query.messages.join(", ");
            match &query.status {
                Some(StatusCode::Complete) => {}
                Some(StatusCode::Forbidden) => {
                    return Err(Lack::Forbidden(format!("{metric} is forbidden {said}")));
                }
                Some(other) => {
                    let problem =
                        format!("a query for {metric} ended as {} {said}", other.as_str());
                    return Err(Lack::Incomplete(problem.trim_end().into()));
                }
                None => {
                    let problem = format!("a query for {metric} has no answer");
                    return Err(Lack::Incomplete(problem));
                }
            }
        }
        Ok(())
    }

    /// Logs and counts what CloudWatch remarked.
    pub(super) fn report(&self, left_out: &Tally) {
        for message in &self.messages {
            left_out.add("message", 1);
            warn!(message, "cloudwatch remarks");
        }
    }
}

fn text(message: &MessageData) -> String {
    let part = |part: Option<&str>| part.unwrap_or_default().to_owned();
    format!("{}: {}", part(message.code()), part(message.value()))
}

/// What was odd about an answer that is whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Odd {
    outside: u64,
    twice: u64,
    without_duration: u64,
}

impl Odd {
    pub(super) fn report(&self, left_out: &Tally) {
        left_out.add("outside_the_window", self.outside);
        left_out.add("twice", self.twice);
        left_out.add("invocations_without_duration", self.without_duration);
    }
}

/// The values of one minute, in the order of the series.
type Values = [Option<f64>; Series::ALL.len()];

/// The records of each function, in order of time.
///
/// A minute with any value is a record, so that one with nothing but throttles is not lost. The error says which
/// value is none that a metric can have.
pub(super) fn minutes(
    window: Window,
    functions: &[FunctionId],
    answer: &Answer,
) -> Result<(Vec<FunctionBatch>, Odd), String> {
    let mut odd = Odd::default();
    let mut records = Vec::with_capacity(functions.len());
    for (function, queries) in functions
        .iter()
        .zip(answer.queries.chunks(Series::ALL.len()))
    {
        let mut minutes: BTreeMap<i64, Values> = BTreeMap::new();
        for (series, query) in queries.iter().enumerate() {
            for &(second, value) in &query.points {
                if second < window.start().as_second() || window.end().as_second() <= second {
                    odd.outside += 1;
                    continue;
                }
                let values = minutes.entry(second.div_euclid(60)).or_default();
                odd.twice += u64::from(values[series].replace(value).is_some());
            }
        }
        let minutes = minutes.into_iter().map(|(minute, values)| {
            odd.without_duration +=
                u64::from(values[0].is_some_and(|count| count > 0.0) && values[1].is_none());
            record(minute, values).map_err(|error| {
                format!("a metric of {} at minute {minute}: {error}", function.name)
            })
        });
        records.push(FunctionBatch {
            id: function.clone(),
            window,
            minutes: minutes.collect::<Result<_, _>>()?,
        });
    }
    Ok((records, odd))
}

fn record(minute: i64, values: Values) -> Result<FunctionMinute, NotAQuantity> {
    let [invocations, milliseconds, errors, throttles, concurrency] = values;
    // A count that CloudWatch has no point for is 0: it stores none for a minute in which nothing was counted.
    let count = |value: Option<f64>| Requests::from_requests(value.unwrap_or_default());
    Ok(FunctionMinute {
        minute,
        invocations: count(invocations)?,
        duration: Seconds::from_millis(milliseconds.unwrap_or_default())?,
        errors: count(errors)?,
        throttles: count(throttles)?,
        concurrency_peak: concurrency.map(whole).transpose()?,
    })
}

fn whole(value: f64) -> Result<u32, NotAQuantity> {
    let count = Requests::from_requests(value)?.requests().round();
    if count > f64::from(u32::MAX) {
        return Err(NotAQuantity {
            value,
            unit: "environments",
        });
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and within the range"
    )]
    Ok(count as u32)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_cloudwatch::types::MetricDataResult;
    use aws_smithy_types::DateTime;
    use jiff::Timestamp;

    use super::*;

    const START: i64 = 30_000_000;

    fn functions(names: &[&str]) -> Vec<FunctionId> {
        let id = |name: &&str| FunctionId {
            account_id: "1".into(),
            region: "r".into(),
            name: (*name).into(),
        };
        names.iter().map(id).collect()
    }

    /// The ten minutes from `START`.
    fn window() -> Window {
        let end = Timestamp::from_second((START + 10) * 60).unwrap();
        Window::closed_before(end, Duration::from_secs(60), Duration::ZERO)
            .unwrap()
            .reaching_back(Duration::from_secs(600))
    }

    fn result(id: &str, status: StatusCode, points: &[(i64, f64)]) -> MetricDataResult {
        let times = points.iter().map(|(minute, _)| (START + minute) * 60);
        MetricDataResult::builder()
            .id(id)
            .set_timestamps(Some(times.map(DateTime::from_secs).collect()))
            .set_values(Some(points.iter().map(|(_, value)| *value).collect()))
            .status_code(status)
            .build()
    }

    fn page(results: impl IntoIterator<Item = MetricDataResult>) -> GetMetricDataOutput {
        GetMetricDataOutput::builder()
            .set_metric_data_results(Some(results.into_iter().collect()))
            .build()
    }

    /// One function's answer on one page.
    fn answer(series: [&[(i64, f64)]; 5]) -> Answer {
        let mut answer = Answer::expecting(5);
        let results = series.iter().enumerate();
        let results = results
            .map(|(index, points)| result(&format!("q{index}"), StatusCode::Complete, points));
        answer.add(page(results)).unwrap();
        answer.complete().unwrap();
        answer
    }

    fn record(minute: i64, counts: [f64; 4], concurrency_peak: Option<u32>) -> FunctionMinute {
        let requests = |count| Requests::from_requests(count).unwrap();
        FunctionMinute {
            minute: START + minute,
            invocations: requests(counts[0]),
            duration: Seconds::from_seconds(counts[1]).unwrap(),
            errors: requests(counts[2]),
            throttles: requests(counts[3]),
            concurrency_peak,
        }
    }

    #[test]
    fn five_series_become_one_record_a_minute() {
        let answer = answer([
            &[(0, 10.0), (2, 4.0)],
            &[(0, 1_800.0), (2, 500.0)],
            &[(2, 1.0)],
            &[(1, 7.0)],
            &[(0, 2.0)],
        ]);
        let (records, odd) = minutes(window(), &functions(&["f"]), &answer).unwrap();
        assert_eq!(
            records[0].minutes,
            [
                record(0, [10.0, 1.8, 0.0, 0.0], Some(2)),
                record(1, [0.0, 0.0, 0.0, 7.0], None),
                record(2, [4.0, 0.5, 1.0, 0.0], None),
            ]
        );
        assert_eq!(odd, Odd::default());
    }

    #[test]
    fn a_function_that_did_not_run_is_there_without_records() {
        let (records, _) = minutes(window(), &functions(&["f"]), &answer([&[]; 5])).unwrap();
        assert_eq!(records[0].id.name.as_ref(), "f");
        assert!(records[0].minutes.is_empty());
    }

    #[test]
    fn the_points_of_one_query_are_merged_over_pages() {
        let mut answer = Answer::expecting(5);
        let partial = result("q0", StatusCode::PartialData, &[(0, 1.0)]);
        let failed = result("q1", StatusCode::InternalError, &[]);
        answer.add(page([partial, failed])).unwrap();
        assert!(answer.complete().is_err());
        let rest = [
            result("q0", StatusCode::Complete, &[(1, 2.0)]),
            result("q1", StatusCode::Complete, &[(0, 100.0), (1, 200.0)]),
        ];
        let others = ["q2", "q3", "q4"].map(|id| result(id, StatusCode::Complete, &[]));
        answer.add(page(rest.into_iter().chain(others))).unwrap();
        answer.complete().unwrap();
        let (records, _) = minutes(window(), &functions(&["f"]), &answer).unwrap();
        assert_eq!(
            records[0].minutes,
            [
                record(0, [1.0, 0.1, 0.0, 0.0], None),
                record(1, [2.0, 0.2, 0.0, 0.0], None)
            ]
        );
    }

    #[test]
    fn what_does_not_belong_is_counted() {
        let answer = answer([
            &[(-1, 5.0), (10, 5.0), (3, 1.0), (3, 2.0)],
            &[],
            &[],
            &[],
            &[],
        ]);
        let (records, odd) = minutes(window(), &functions(&["f"]), &answer).unwrap();
        assert_eq!(records[0].minutes, [record(3, [2.0, 0.0, 0.0, 0.0], None)]);
        assert_eq!(
            odd,
            Odd {
                outside: 2,
                twice: 1,
                without_duration: 1
            }
        );
    }

    #[test]
    fn an_answer_that_is_not_whole_says_what_is_missing() {
        for (status, expected) in [
            (
                Some(StatusCode::InternalError),
                Lack::Incomplete("a query for Duration ended as InternalError".into()),
            ),
            (
                Some(StatusCode::PartialData),
                Lack::Incomplete("a query for Duration ended as PartialData".into()),
            ),
            (
                Some(StatusCode::Forbidden),
                Lack::Forbidden("Duration is forbidden ".into()),
            ),
            (
                None,
                Lack::Incomplete("a query for Duration has no answer".into()),
            ),
        ] {
            let mut answer = Answer::expecting(5);
            let whole = ["q0", "q2", "q3", "q4"].map(|id| result(id, StatusCode::Complete, &[]));
            let other = status.map(|status| result("q1", status, &[]));
            answer.add(page(whole.into_iter().chain(other))).unwrap();
            assert_eq!(answer.complete(), Err(expected));
        }
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_an_error() {
        let mut answer = Answer::expecting(5);
        let error = answer
            .add(page([result("q5", StatusCode::Complete, &[])]))
            .unwrap_err();
        assert_eq!(error, "a result has the id \"q5\", which was not asked for");
        let uneven = MetricDataResult::builder().id("q0").values(1.0).build();
        let error = answer.add(page([uneven])).unwrap_err();
        assert_eq!(error, "a result has 0 timestamps and 1 values");
    }

    #[test]
    fn a_value_that_no_metric_can_have_is_an_error_that_names_it() {
        for (value, problem) in [
            (-3.0, "-3 is not an amount of milliseconds"),
            (f64::NAN, "NaN is not an amount of milliseconds"),
        ] {
            let answer = answer([&[], &[(4, value)], &[], &[], &[]]);
            let error = minutes(window(), &functions(&["f"]), &answer).unwrap_err();
            assert!(
                error.starts_with(&format!("a metric of f at minute 30000004: {problem}")),
                "{error}"
            );
        }
    }
}
