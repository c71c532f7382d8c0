//! Answers of all kinds, and what becomes of them.

use std::time::Duration;

use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::types::{MessageData, MetricDataResult, StatusCode};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::*;
use breakeven_model::inventory::FunctionId;

const START: i64 = 30_000_000;

/// The ten minutes from `START`.
fn window() -> Window {
    let end = Timestamp::from_second((START + 10) * 60).unwrap();
    Window::closed_before(end, Duration::from_secs(60), Duration::ZERO)
        .unwrap()
        .extended_back(Duration::from_secs(600))
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

fn due(name: &str, scope: Scope) -> DueFunction {
    DueFunction {
        function: FunctionId {
            account_id: "1".into(),
            region: "r".into(),
            name: name.into(),
        },
        window: window(),
        scope,
        has_failed: false,
    }
}

/// One function's answer on one page.
fn answer(series: &[&[(i64, f64)]]) -> Answer {
    let mut answer = Answer::expecting(series.len());
    let results = series.iter().enumerate();
    let results =
        results.map(|(index, points)| result(&format!("q{index}"), StatusCode::Complete, points));
    assert!(answer.add(page(results)).unwrap());
    answer
}

/// What an answer says of a function of which nothing is known from before.
fn read(answer: &Answer, scope: Scope) -> (MinuteResult, UnexpectedResult) {
    read_after(answer, scope, &[])
}

fn read_after(
    answer: &Answer,
    scope: Scope,
    before: &[FunctionMinute],
) -> (MinuteResult, UnexpectedResult) {
    let mut unexpected = UnexpectedResult::default();
    let due = due("f", scope);
    let before: BTreeMap<_, _> = before.iter().map(|one| (one.minute, *one)).collect();
    let mut outcomes = super::outcomes(
        answer,
        window(),
        &[&due],
        |_| before.clone(),
        &mut unexpected,
    );
    (outcomes.remove(0).1, unexpected)
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
fn six_series_become_one_record_a_minute() {
    let answer = answer(&[
        &[(0, 10.0), (2, 4.0)],
        &[(0, 1_800.0), (2, 500.0)],
        &[(0, 10.0), (2, 4.0)],
        &[(2, 1.0)],
        &[(1, 7.0)],
        &[(0, 2.0)],
    ]);
    let (outcome, unexpected) = read(&answer, Scope::All);
    let expected = vec![
        record(0, [10.0, 1.8, 0.0, 0.0], Some(2)),
        record(1, [0.0, 0.0, 0.0, 7.0], None),
        record(2, [4.0, 0.5, 1.0, 0.0], None),
    ];
    assert_eq!(outcome, MinuteResult::Whole(expected));
    assert_eq!(unexpected, UnexpectedResult::default());
}

#[test]
fn a_function_that_did_not_run_has_no_records_and_is_whole() {
    let nothing: [&[(i64, f64)]; 6] = [&[]; 6];
    let (outcome, _) = read(&answer(&nothing), Scope::All);
    assert_eq!(outcome, MinuteResult::Whole(Vec::new()));
}

#[test]
fn a_reading_of_the_counts_keeps_what_the_one_before_said_besides() {
    let before = [
        record(0, [10.0, 1.8, 3.0, 0.0], Some(2)),
        record(1, [0.0, 0.0, 0.0, 7.0], None),
        // Settled, and not asked for any more.
        record(-1, [8.0, 1.0, 1.0, 1.0], None),
    ];
    let answer = answer(&[&[(0, 12.0), (2, 5.0)], &[(0, 2_000.0), (2, 600.0)]]);
    let (outcome, _) = read_after(&answer, Scope::Counts, &before);
    let expected = vec![
        record(0, [12.0, 2.0, 3.0, 0.0], Some(2)),
        before[1],
        record(2, [5.0, 0.6, 0.0, 0.0], None),
    ];
    assert_eq!(outcome, MinuteResult::Whole(expected));
}

#[test]
fn what_is_billed_counts_where_a_duration_is_missing() {
    let answer = answer(&[&[(0, 9.0)], &[(0, 900.0)], &[(0, 10.0)], &[], &[], &[]]);
    let (outcome, _) = read(&answer, Scope::All);
    let expected = vec![record(0, [10.0, 0.9, 0.0, 0.0], None)];
    assert_eq!(outcome, MinuteResult::Whole(expected));
}

#[test]
fn the_points_of_one_query_are_merged_over_pages() {
    let mut answer = Answer::expecting(2);
    let partial = result("q0", StatusCode::PartialData, &[(0, 1.0)]);
    let failed = result("q1", StatusCode::InternalError, &[]);
    assert!(answer.add(page([partial, failed])).unwrap());
    assert!(matches!(
        read(&answer, Scope::Counts).0,
        MinuteResult::Failed(_)
    ));
    let again = result("q1", StatusCode::InternalError, &[]);
    assert!(!answer.add(page([again])).unwrap(), "it brings nothing");
    let rest = [
        result("q0", StatusCode::Complete, &[(1, 2.0)]),
        result("q1", StatusCode::Complete, &[(0, 100.0), (1, 200.0)]),
    ];
    assert!(answer.add(page(rest)).unwrap());
    let expected = vec![
        record(0, [1.0, 0.1, 0.0, 0.0], None),
        record(1, [2.0, 0.2, 0.0, 0.0], None),
    ];
    assert_eq!(
        read(&answer, Scope::Counts).0,
        MinuteResult::Whole(expected)
    );
}

#[test]
fn what_does_not_belong_is_counted() {
    let answer = answer(&[&[(-1, 5.0), (10, 5.0), (3, 1.0), (3, 2.0)], &[]]);
    let (outcome, unexpected) = read(&answer, Scope::Counts);
    let expected = vec![record(3, [2.0, 0.0, 0.0, 0.0], None)];
    assert_eq!(outcome, MinuteResult::Whole(expected));
    assert_eq!(
        unexpected,
        UnexpectedResult {
            outside: 2,
            twice: 1,
            without_duration: 1
        }
    );
}

#[test]
fn one_function_that_fails_takes_nothing_from_the_others() {
    let due = ["a", "b", "c"].map(|name| due(name, Scope::Counts));
    for (status, reason, problem) in [
        (
            StatusCode::InternalError,
            Reason::Incomplete,
            "Duration of b ended as InternalError (Why: it broke)",
        ),
        (
            StatusCode::PartialData,
            Reason::Incomplete,
            "Duration of b ended as PartialData (Why: it broke)",
        ),
        (
            StatusCode::Forbidden,
            Reason::Forbidden,
            "Duration of b ended as Forbidden (Why: it broke)",
        ),
    ] {
        let mut answer = Answer::expecting(6);
        let said = MessageData::builder().code("Why").value("it broke").build();
        let mut broken = result("q3", status, &[]);
        broken.messages = Some(vec![said]);
        let whole = ["q0", "q1", "q2", "q4"].map(|id| result(id, StatusCode::Complete, &[]));
        answer.add(page(whole.into_iter().chain([broken]))).unwrap();
        let asked: Vec<&DueFunction> = due.iter().collect();
        let none = |_: &DueFunction| BTreeMap::new();
        let outcomes = super::outcomes(
            &answer,
            window(),
            &asked,
            none,
            &mut UnexpectedResult::default(),
        );
        let outcomes: Vec<MinuteResult> =
            outcomes.into_iter().map(|(_, outcome)| outcome).collect();
        let missing = MissingResult {
            reason,
            problem: problem.into(),
        };
        assert_eq!(
            outcomes,
            [
                MinuteResult::Whole(Vec::new()),
                MinuteResult::Failed(missing),
                MinuteResult::Unanswered
            ]
        );
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
fn a_value_that_no_metric_can_have_fails_its_function_and_is_named() {
    for (value, problem) in [
        (-3.0, "-3 is not an amount of milliseconds"),
        (f64::NAN, "NaN is not an amount of milliseconds"),
    ] {
        let answer = answer(&[&[], &[(4, value)]]);
        let (MinuteResult::Failed(missing), _) = read(&answer, Scope::Counts) else {
            panic!("it is whole");
        };
        assert_eq!(missing.reason, Reason::InvalidResponse);
        let expected = format!("a metric of f at minute 30000004: {problem}");
        assert!(
            missing.problem.starts_with(&expected),
            "{}",
            missing.problem
        );
    }
}
