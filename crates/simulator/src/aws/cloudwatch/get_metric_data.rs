//! GetMetricData.

use std::collections::BTreeMap;

use super::query::{MetricName, Query, Request};
use super::series::Series;
use super::statistics::Bucket;
use super::window::Window;
use crate::aws::error::AwsError;
use crate::aws::pagination::{Position, page};
use crate::aws::scope::AccountRegion;
use crate::aws::value::{Document, structure, text};
use crate::faults::{Faults, ResultFault, ResultStatus};

/// Answers a request at `now`, in seconds since 1970.
///
/// Metrics that nothing publishes have an empty, complete result. Metrics of another account are
/// `Forbidden`.
pub(super) fn respond(
    place: AccountRegion<'_>,
    faults: &Faults,
    request: &Request,
    now: i64,
) -> Result<Document, AwsError> {
    let described = describe(request);
    let from = match &request.next_token {
        None => Position {
            asked_at: now,
            ..Position::default()
        },
        Some(token) => Position::from_token(token, &described)?,
    };
    let history_start = place.world.history_start().as_second();
    let window = Window::new(request.start, request.end, from.asked_at, history_start);
    let queries: Vec<&Query> = request
        .queries
        .iter()
        .filter(|query| query.return_data)
        .collect();

    let mut data = Data {
        place,
        window,
        descending: request.descending,
        read: BTreeMap::new(),
    };
    let points_of = |result: usize| data.points_of_query(queries[result]).len();
    let (slices, mut next) = page(queries.len(), points_of, from, request.max_datapoints);
    let mut results = Vec::new();
    for slice in slices {
        let query = queries[slice.result];
        let owner = place_of(place, query);
        let asked = query.account.as_deref().unwrap_or(place.account);
        let named = |dimension| query.metric.dimension(dimension);
        let function = named("FunctionName").or_else(|| named("function_name"));
        let fault = faults.take_for_result(asked, place.region, function);
        let status = match (&fault, owner, slice.complete) {
            (Some(fault), _, _) => fault.status.as_str(),
            (None, None, _) => "Forbidden",
            (None, Some(_), true) => "Complete",
            (None, Some(_), false) => "PartialData",
        };
        let shown = match &fault {
            None => slice.points.clone(),
            Some(fault) if fault.status == ResultStatus::PartialData => {
                slice.points.start..slice.points.start.midpoint(slice.points.end)
            }
            Some(_) => slice.points.start..slice.points.start,
        };
        let end = shown.end;
        let points = &data.points_of_query(query)[shown];
        let label = label(query, request.queries.len());
        results.push(result(query, label, points, status, fault.as_ref()));
        // The page ends with a result that can be asked for again, as a full one does.
        if fault.is_some_and(|fault| fault.token && fault.status != ResultStatus::Forbidden) {
            next = Some(Position {
                result: slice.result,
                point: end,
                ..from
            });
            break;
        }
    }

    let mut answer = vec![
        ("MetricDataResults".to_owned(), Document::List(results)),
        ("Messages".to_owned(), Document::List(Vec::new())),
    ];
    if let Some(next) = next {
        answer.push(("NextToken".to_owned(), text(next.to_token(&described))));
    }
    Ok(Document::Map(answer))
}

/// What a result says of its own fault.
fn message(fault: &ResultFault) -> Document {
    let why = match fault.status {
        ResultStatus::PartialData => "The result has only a part of the data points.",
        ResultStatus::InternalError => "The result could not be read, for an internal reason.",
        ResultStatus::Forbidden => "The caller may not read this metric.",
    };
    structure([("Code", text(fault.status.as_str())), ("Value", text(why))])
}

/// The data of one call: queries for several statistics of one metric read them once.
struct Data<'a> {
    place: AccountRegion<'a>,
    window: Window,
    descending: bool,
    read: BTreeMap<Key<'a>, Vec<(i64, Bucket)>>,
}

/// One result of an answer.
fn result(
    query: &Query,
    label: String,
    points: &[(i64, Bucket)],
    status: &str,
    fault: Option<&ResultFault>,
) -> Document {
    let (times, values) = points
        .iter()
        .map(|(time, bucket)| {
            let value = bucket.statistic(query.statistic);
            (Document::Time(*time as f64), Document::Float(value))
        })
        .unzip();
    let mut result = vec![
        ("Id".to_owned(), text(query.id.as_str())),
        ("Label".to_owned(), text(label)),
        ("Timestamps".to_owned(), Document::List(times)),
        ("Values".to_owned(), Document::List(values)),
        ("StatusCode".to_owned(), text(status)),
    ];
    if let Some(fault) = fault {
        result.push(("Messages".to_owned(), Document::List(vec![message(fault)])));
    }
    Document::Map(result)
}

/// Account, metric, unit and period.
type Key<'a> = (&'a str, &'a MetricName, Option<&'a str>, i64);

impl<'a> Data<'a> {
    /// The points of a query, in the order of the answer.
    fn points_of_query(&mut self, query: &'a Query) -> &[(i64, Bucket)] {
        let (window, descending) = (self.window, self.descending);
        let Some(place) = place_of(self.place, query) else {
            return &[];
        };
        let unit = query.unit.as_deref();
        self.read
            .entry((place.account, &query.metric, unit, query.period))
            .or_insert_with(|| {
                let metric = &query.metric;
                Series::find(place, &metric.namespace, &metric.name, &metric.dimensions)
                    .filter(|series| unit.is_none_or(|unit| unit == series.unit()))
                    .map(|series| {
                        let mut points = window.buckets(&series, query.period);
                        if descending {
                            points.reverse();
                        }
                        disturb(place, &series, &mut points);
                        points
                    })
                    .unwrap_or_default()
            })
    }
}

/// Repeats points and takes them out of their order, where the world says so.
fn disturb(place: AccountRegion<'_>, series: &Series<'_>, points: &mut Vec<(i64, Bucket)>) {
    let function = series.function();
    let ingestion_delay = match function {
        Some(function) => function.ingestion_delay(),
        None => place.world.spec.ingestion_delay.as_ref(),
    };
    let Some(ingestion_delay) = ingestion_delay else {
        return;
    };
    let name = function.map_or(place.region, |function| function.key.as_str());
    if ingestion_delay.repeated_share > 0.0 {
        let twice = |time: i64| {
            place.world.uniform_sample(name, "repeated", time / 60) < ingestion_delay.repeated_share
        };
        // Side by side, so that one of two may stand on the next page.
        *points = std::mem::take(points)
            .into_iter()
            .flat_map(|point| {
                let again = twice(point.0).then(|| point.clone());
                std::iter::once(point).chain(again)
            })
            .collect();
    }
    if ingestion_delay.shuffled {
        let turn = |time: i64| place.world.uniform_sample(name, "order", time / 60);
        points.sort_by_cached_key(|(time, _)| turn(*time).to_bits());
    }
}

/// Whose metrics a query asks for; `None` where the caller may not read them.
fn place_of<'a>(caller: AccountRegion<'a>, query: &Query) -> Option<AccountRegion<'a>> {
    match &query.account {
        None => Some(caller),
        Some(account) => caller.observed(account),
    }
}

/// The label of a result: what was asked for, else the metric's name, with its dimensions where the
/// request has several queries.
fn label(query: &Query, queries: usize) -> String {
    if let Some(label) = &query.label {
        return label.clone();
    }
    let mut words: Vec<&str> = Vec::new();
    if queries > 1 {
        words.extend(
            query
                .metric
                .dimensions
                .iter()
                .map(|(_, value)| value.as_str()),
        );
    }
    words.push(&query.metric.name);
    words.join(" ")
}

/// Everything of a request that must stay the same from page to page.
fn describe(request: &Request) -> String {
    format!(
        "{:?} {} {} {}",
        request.queries, request.start, request.end, request.descending
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::world::World;

    /// 2026-03-03T00:00:00Z, the start of the world below.
    const NOW: i64 = 1_772_496_000;

    fn world() -> World {
        World::from_yaml(
            "{name: w, start: '2026-03-03T00:00:00Z', functions: [
               {name: f, memory_mib: 128, duration_ms: 100, error_ratio: 0.1,
                traffic: {pattern: steady, requests_per_second: 2}},
               {name: g, memory_mib: 128, duration_ms: 3000, timeout_s: 30,
                traffic: {pattern: timer, every_minutes: 10, offset_minutes: 3, requests: 50}}]}",
        )
        .unwrap()
    }

    fn query(id: &str, metric: &str, function: Option<&str>, stat: &str) -> serde_json::Value {
        let dimensions: Vec<_> = function
            .iter()
            .map(|f| json!({"Name": "FunctionName", "Value": f}))
            .collect();
        json!({"Id": id, "MetricStat": {"Period": 60, "Stat": stat, "Metric": {
            "Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions}}})
    }

    fn hour(queries: &[serde_json::Value]) -> serde_json::Value {
        json!({"MetricDataQueries": queries, "StartTime": NOW - 7_200, "EndTime": NOW - 3_600})
    }

    fn call(world: &World, input: &serde_json::Value, now: i64) -> serde_json::Value {
        call_with(world, &Faults::default(), input, now)
    }

    fn call_with(
        world: &World,
        faults: &Faults,
        input: &serde_json::Value,
        now: i64,
    ) -> serde_json::Value {
        let input = Document::from_json(input.to_string().as_bytes()).unwrap();
        let answer = respond(
            AccountRegion::home(world),
            faults,
            &Request::parse(&input).unwrap(),
            now,
        )
        .unwrap();
        serde_json::from_slice(&answer.to_json()).unwrap()
    }

    #[test]
    fn pages_of_any_size_hold_the_same_points_as_one_answer() {
        let world = world();
        let mut input = hour(&[
            query("calls", "Invocations", Some("f"), "Sum"),
            query("nothing", "Invocations", Some("nobody"), "Sum"),
            query("timer", "Duration", Some("g"), "p99"),
            query("all", "Invocations", None, "Sum"),
        ]);
        let whole = call(&world, &input, NOW);
        assert_eq!(whole["NextToken"], json!(null));
        for limit in [1, 7, 59, 60, 61, 126, 127] {
            input["MaxDatapoints"] = limit.into();
            input["NextToken"] = json!(null);
            let mut joined = serde_json::Map::new();
            for page in 0.. {
                // Time passes between the pages.
                let part = call(&world, &input, NOW + page * 60);
                let mut points = 0;
                for result in part["MetricDataResults"].as_array().unwrap() {
                    let values = result["Values"].as_array().unwrap();
                    points += values.len();
                    let known = joined
                        .entry(result["Id"].as_str().unwrap())
                        .or_insert(json!({"Values": [], "Timestamps": []}));
                    for field in ["Values", "Timestamps"] {
                        let more = result[field].as_array().unwrap().clone();
                        known[field].as_array_mut().unwrap().extend(more);
                    }
                    known["StatusCode"] = result["StatusCode"].clone();
                }
                assert!(points <= limit, "{points} of at most {limit}");
                input["NextToken"] = part["NextToken"].clone();
                if part["NextToken"].is_null() {
                    break;
                }
            }
            for result in whole["MetricDataResults"].as_array().unwrap() {
                let joined = &joined[result["Id"].as_str().unwrap()];
                for field in ["Values", "Timestamps", "StatusCode"] {
                    assert_eq!(joined[field], result[field], "limit {limit}, {field}");
                }
            }
        }
    }

    #[test]
    fn the_newest_point_comes_first_unless_asked_otherwise() {
        let world = world();
        let mut input = hour(&[query("a", "Invocations", Some("f"), "Sum")]);
        let newest = call(&world, &input, NOW);
        assert_eq!(newest["MetricDataResults"][0]["Timestamps"][0], NOW - 3_660);
        input["ScanBy"] = "TimestampAscending".into();
        let oldest = call(&world, &input, NOW);
        assert_eq!(oldest["MetricDataResults"][0]["Timestamps"][0], NOW - 7_200);
    }

    #[test]
    fn a_minute_without_invocations_has_no_point_and_an_unknown_metric_none_at_all() {
        let answer = call(
            &world(),
            &hour(&[
                query("timer", "Invocations", Some("g"), "Sum"),
                query("peak", "ConcurrentExecutions", Some("g"), "Maximum"),
                query("function", "Invocations", Some("nobody"), "Sum"),
                query("metric", "InitDuration", Some("f"), "Sum"),
            ]),
            NOW,
        );
        let results = &answer["MetricDataResults"];
        assert_eq!(
            results[0]["Values"],
            json!([50.0, 50.0, 50.0, 50.0, 50.0, 50.0])
        );
        // ceil(1.3 * 50 / 60 * 3 s)
        assert_eq!(results[1]["Values"][0], 4.0);
        for result in [&results[2], &results[3]] {
            assert_eq!(result["Values"], json!([]));
            assert_eq!(result["StatusCode"], "Complete");
        }
    }

    #[test]
    fn the_region_is_the_sum_of_its_functions() {
        let answer = call(
            &world(),
            &hour(&[
                query("calls", "Invocations", None, "Sum"),
                query("peak", "ConcurrentExecutions", None, "Maximum"),
                query("f", "ConcurrentExecutions", Some("f"), "Maximum"),
            ]),
            NOW,
        );
        let results = &answer["MetricDataResults"];
        let mut calls: Vec<f64> = results[0]["Values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect();
        calls.sort_by(f64::total_cmp);
        calls.dedup();
        assert_eq!(calls, [120.0, 170.0]);
        let busiest = results[1]["Values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap());
        assert_eq!(busiest.fold(0.0, f64::max), 1.0 + 4.0);
        assert_eq!(results[2]["Values"][0], 1.0);
    }

    #[test]
    fn data_of_another_account_or_unit_are_not_shown() {
        let mut input = hour(&[
            query("unit", "Duration", Some("f"), "Sum"),
            query("account", "Duration", Some("f"), "Average"),
        ]);
        input["MetricDataQueries"][0]["MetricStat"]["Unit"] = "Seconds".into();
        input["MetricDataQueries"][1]["AccountId"] = "999999999999".into();
        let answer = call(&world(), &input, NOW);
        assert_eq!(answer["MetricDataResults"][0]["StatusCode"], "Complete");
        assert_eq!(answer["MetricDataResults"][0]["Values"], json!([]));
        assert_eq!(answer["MetricDataResults"][1]["StatusCode"], "Forbidden");
    }

    fn fault(text: &str) -> Faults {
        let faults = Faults::default();
        faults.replace(serde_json::from_str(text).unwrap());
        faults
    }

    #[test]
    fn a_result_that_failed_is_completed_with_the_token() {
        let world = world();
        let mut input = hour(&[
            query("a", "Invocations", Some("f"), "Sum"),
            query("b", "Invocations", Some("g"), "Sum"),
            query("c", "Errors", Some("f"), "Sum"),
        ]);
        for (status, kept) in [("PartialData", 3), ("InternalError", 0)] {
            let faults = fault(&format!(
                r#"[{{"endpoint": "cloudwatch", "times": 1,
                     "fault": {{"result": {{"status": "{status}", "function": "g"}}}}}}]"#
            ));
            input["NextToken"] = json!(null);
            let first = call_with(&world, &faults, &input, NOW);
            let results = first["MetricDataResults"].as_array().unwrap();
            assert_eq!(results[0]["StatusCode"], "Complete");
            assert_eq!(results[1]["StatusCode"], status);
            assert_eq!(results[1]["Messages"][0]["Code"], status);
            assert_eq!(results[1]["Values"].as_array().unwrap().len(), kept);
            input["NextToken"] = first["NextToken"].clone();
            let second = call_with(&world, &faults, &input, NOW);
            let results = second["MetricDataResults"].as_array().unwrap();
            assert_eq!(
                (&results[0]["Id"], &results[1]["Id"]),
                (&json!("b"), &json!("c"))
            );
            assert_eq!(results[0]["Values"].as_array().unwrap().len(), 6 - kept);
            assert_eq!(results[0]["StatusCode"], "Complete");
            assert!(second["NextToken"].is_null());
        }
    }

    #[test]
    fn a_result_may_fail_without_a_token_and_leave_the_others_whole() {
        for (status, token) in [("InternalError", "false"), ("Forbidden", "true")] {
            let faults = fault(&format!(
                r#"[{{"endpoint": "cloudwatch", "times": 1,
                     "fault": {{"result": {{"status": "{status}", "token": {token}}}}}}}]"#
            ));
            let input = hour(&[
                query("a", "Invocations", Some("f"), "Sum"),
                query("b", "Invocations", Some("g"), "Sum"),
            ]);
            let answer = call_with(&world(), &faults, &input, NOW);
            let results = &answer["MetricDataResults"];
            assert!(answer["NextToken"].is_null());
            assert_eq!(results[0]["StatusCode"], status);
            assert_eq!(results[0]["Values"], json!([]));
            assert_eq!(results[1]["StatusCode"], "Complete");
            assert_eq!(results[1]["Values"].as_array().unwrap().len(), 6);
        }
    }

    #[test]
    fn late_points_grow_and_repeated_and_shuffled_ones_are_the_same_points() {
        let world = World::from_yaml(
            "{name: w, start: '2026-03-03T00:00:00Z', lateness: {late_share: 0.4, late_minutes: 8, \
               missing_share: 0.1, repeated_share: 0.3, shuffled: true}, functions: [
               {name: f, memory_mib: 128, duration_ms: 100,
                traffic: {pattern: steady, requests_per_second: 2}}]}",
        )
        .unwrap();
        let mut input = hour(&[query("a", "Invocations", Some("f"), "Sum")]);
        input["EndTime"] = NOW.into();
        let points = |now: i64| {
            let answer = call(&world, &input, now);
            let result = &answer["MetricDataResults"][0];
            let times = result["Timestamps"].as_array().unwrap().iter();
            let times: Vec<i64> = times.map(|t| t.as_i64().unwrap()).collect();
            let values = result["Values"].as_array().unwrap().iter();
            let values = values.map(|v| v.as_f64().unwrap());
            (
                times.clone(),
                times.into_iter().zip(values).collect::<BTreeMap<_, _>>(),
            )
        };
        let (order, mut before) = points(NOW);
        assert!(order.len() > before.len(), "no point came twice");
        assert!(!order.is_sorted() && !order.iter().rev().is_sorted());
        assert!(before.len() < 120 && before.values().any(|value| (1.0..120.0).contains(value)));
        for minute in 1..=20 {
            let (_, after) = points(NOW + 60 * minute);
            assert!(before.iter().all(|(time, value)| after[time] >= *value));
            before = after;
        }
        assert_eq!(before.len(), 120);
        assert!(before.values().all(|value| *value == 120.0));
    }
}
