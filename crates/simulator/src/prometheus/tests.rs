//! Queries over a small world whose counters can be worked out in the head.

use serde_json::{Value as Json, json};

use super::*;

/// 2026-03-03T00:00:00Z, the start of the world: two hours of history lie before it.
const NOW: i64 = 1_772_496_000;

/// `web` serves 12 requests a second on 3 pods (40 ms each), `api` 2 on 2 pods (100 ms each).
fn world() -> World {
    World::from_yaml(
        "
name: w
start: 2026-03-03T00:00:00Z
history_hours: 2
nodes: [{name: a, instance_type: m5.large, zone: z, cpu: 2, memory_gib: 8}]
namespaces: [{name: shop}, {name: back}]
workloads:
  - {name: web, namespace: shop, kind: Deployment, replicas: 3, usage: {memory_mib: 1},
     latency_ms: 40, traffic: {pattern: steady, requests_per_second: 12}}
  - {name: api, namespace: back, kind: StatefulSet, replicas: 2, usage: {memory_mib: 1},
     latency_ms: 100, traffic: {pattern: steady, requests_per_second: 2}}
",
    )
    .unwrap()
}

fn ask(world: &World, path: &str, parameters: &[(&str, &str)]) -> Result<Json, QueryError> {
    let encode = |text: &str| -> String { text.bytes().map(|b| format!("%{b:02x}")).collect() };
    let query: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    let request = Request::get(format!("/?{}", query.join("&")))
        .body(Bytes::new())
        .unwrap();
    api(
        world,
        path,
        &Parameters::from_request(&request),
        NOW * 1_000,
    )
    .unwrap()
}

fn query(text: &str) -> Result<Json, QueryError> {
    ask(&world(), "/api/v1/query", &[("query", text)])
}

/// The elements of a vector as (labels, value).
fn vector(text: &str) -> Vec<(Json, f64)> {
    let answer = query(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    assert_eq!(answer["resultType"], "vector", "{text}");
    let elements = answer["result"].as_array().unwrap().iter();
    elements
        .map(|element| {
            assert_eq!(element["value"][0], NOW);
            let value = element["value"][1].as_str().unwrap().parse().unwrap();
            (element["metric"].clone(), value)
        })
        .collect()
}

fn near(text: &str, expected: &[(Json, f64)]) {
    let found = vector(text);
    assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.0, expected.0, "{text}");
        assert!(
            (found.1 - expected.1).abs() < 1e-9 * expected.1.abs().max(1.0),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn counters_are_those_of_the_world() {
    near(
        "sum by (namespace) (http_requests_total)",
        &[
            (json!({"namespace": "back"}), 2.0 * 7_200.0),
            (json!({"namespace": "shop"}), 12.0 * 7_200.0),
        ],
    );
    near("count(up)", &[(json!({}), 5.0)]);
    near(
        r#"sum(istio_requests_total{response_code="503"})"#,
        &[(json!({}), 3.0 * 57.0 + 2.0 * 14.0)],
    );
}

#[test]
fn rates_are_those_of_the_world() {
    near(
        "sum by (destination_workload) (rate(istio_requests_total[5m]))",
        &[
            (json!({"destination_workload": "api"}), 2.0),
            (json!({"destination_workload": "web"}), 12.0),
        ],
    );
    near(
        r#"sum(increase(http_requests_total{namespace!="back", pod=~"web-.+"}[10m]))"#,
        &[(json!({}), 7_200.0)],
    );
    near(
        "sum(rate(http_requests_total[5m] offset 1h))",
        &[(json!({}), 14.0)],
    );
}

#[test]
fn latency_is_the_quotient_of_two_sums() {
    near(
        "sum by (namespace) (rate(istio_request_duration_milliseconds_sum[10m])) \
         / sum by (namespace) (rate(istio_request_duration_milliseconds_count[10m]))",
        &[
            (json!({"namespace": "back"}), 100.0),
            (json!({"namespace": "shop"}), 40.0),
        ],
    );
    near(
        "sum(rate(http_request_duration_seconds_sum{namespace=\"shop\"}[5m])) \
         / sum(rate(http_request_duration_seconds_count{namespace=\"shop\"}[5m]))",
        &[(json!({}), 0.04)],
    );
}

#[test]
fn aggregations_go_by_and_without_labels() {
    let by_workload = |value: f64| (json!({"namespace": "shop"}), value);
    let sums = "sum without (pod, code) (http_requests_total{namespace=\"shop\"})";
    near(sums, &[by_workload(86_400.0)]);
    let ok = "http_requests_total{namespace=\"shop\", code=\"200\"}";
    for (aggregation, value) in [
        ("count", 3.0),
        ("avg", 28_743.0),
        ("max", 28_743.0),
        ("min", 28_743.0),
        ("group", 1.0),
    ] {
        near(
            &format!("{aggregation} by (namespace) ({ok})"),
            &[by_workload(value)],
        );
    }
}

#[test]
fn operators_work_on_scalars_and_vectors() {
    near("sum(up) * 2 - 1", &[(json!({}), 9.0)]);
    near("2 ^ sum(up) % 5", &[(json!({}), 2.0)]);
    near("-sum(up)", &[(json!({}), -5.0)]);
    near("vector(3) / 2", &[(json!({}), 1.5)]);
    near(
        "sum by (namespace) (up) > 2",
        &[(json!({"namespace": "shop"}), 3.0)],
    );
    near(
        "4 > sum by (namespace) (up) >= 3",
        &[(json!({"namespace": "shop"}), 3.0)],
    );
    near(
        "sum by (namespace) (up) == bool 3",
        &[
            (json!({"namespace": "back"}), 0.0),
            (json!({"namespace": "shop"}), 1.0),
        ],
    );
    near(
        "sum by (namespace, pod) (up{namespace=\"back\"}) * on (pod) count by (pod, job) (up)",
        &[
            (json!({"pod": "api-0"}), 1.0),
            (json!({"pod": "api-1"}), 1.0),
        ],
    );
    assert_eq!(
        query("1 + 2 * 3").unwrap(),
        json!({"resultType": "scalar", "result": [NOW, "7"]})
    );
    assert_eq!(query("time()").unwrap()["result"][1], NOW.to_string());
    assert_eq!(query("1 / 0").unwrap()["result"][1], "+Inf");
    assert_eq!(
        query("'a'").unwrap(),
        json!({"resultType": "string", "result": [NOW, "a"]})
    );
}

#[test]
fn label_replace_copies_parts_of_labels() {
    near(
        r#"sum by (workload) (label_replace(up, "workload", "$1", "pod", "(api)-\\d+"))"#,
        &[(json!({}), 3.0), (json!({"workload": "api"}), 2.0)],
    );
}

#[test]
fn samples_stand_on_a_grid_of_15_seconds_and_ranges_are_open_at_their_start() {
    let answer = query("up{pod=\"api-0\"}[1m]").unwrap();
    assert_eq!(answer["resultType"], "matrix");
    let times: Vec<i64> = answer["result"][0]["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| NOW - point[0].as_i64().unwrap())
        .collect();
    assert_eq!(times, [45, 30, 15, 0]);
}

#[test]
fn an_instant_sees_samples_of_the_last_five_minutes_only() {
    let world = world();
    let count = |time: i64| {
        let time = time.to_string();
        let answer = ask(&world, "/api/v1/query", &[("query", "up"), ("time", &time)]).unwrap();
        answer["result"].as_array().unwrap().len()
    };
    assert_eq!(count(NOW + 299), 5);
    assert_eq!(count(NOW + 300), 0);
    assert_eq!(count(NOW - 7_200), 5);
    assert_eq!(count(NOW - 7_201), 0);
}

#[test]
fn a_range_query_has_the_values_of_its_instants() {
    let world = world();
    let text = "sum by (pod) (rate(http_requests_total[2m])) * 60";
    let (start, end) = (NOW - 7_200 - 120, NOW + 600);
    let range = ask(
        &world,
        "/api/v1/query_range",
        &[
            ("query", text),
            ("start", &start.to_string()),
            ("end", &end.to_string()),
            ("step", "90s"),
        ],
    )
    .unwrap();
    assert_eq!(range["resultType"], "matrix");
    let mut points = 0;
    for time in (start..=end).step_by(90) {
        let time = time.to_string();
        let instant = ask(&world, "/api/v1/query", &[("query", text), ("time", &time)]).unwrap();
        for element in instant["result"].as_array().unwrap() {
            let mut series = range["result"].as_array().unwrap().iter();
            let series = series
                .find(|series| series["metric"] == element["metric"])
                .unwrap();
            assert!(
                series["values"]
                    .as_array()
                    .unwrap()
                    .contains(&element["value"])
            );
            points += 1;
        }
    }
    let all = range["result"].as_array().unwrap().iter();
    assert_eq!(
        all.map(|series| series["values"].as_array().unwrap().len())
            .sum::<usize>(),
        points
    );
    assert!(points > 5 * 75, "{points}");
}

#[test]
fn sets_of_elements_match_by_their_labels() {
    let pods = |text: &str| vector(text).len();
    assert_eq!(pods("up and up"), 5);
    assert_eq!(pods("up unless up{namespace=\"shop\"}"), 2);
    assert_eq!(pods("up{namespace=\"shop\"} or up"), 5);
    assert_eq!(pods("up and on(namespace) up{pod=~\"web.*\"}"), 3);
    let all = "sum by (namespace) (increase(http_requests_total[5m]))";
    let shop = "sum by (namespace) (2 * increase(http_requests_total{namespace=\"shop\"}[5m]))";
    let expected = [
        (json!({"namespace": "shop"}), 7_200.0),
        (json!({"namespace": "back"}), 600.0),
    ];
    near(&format!("{shop} or {all}"), &expected);
    assert!(query("up or 1").is_err());
}

#[test]
fn what_is_not_supported_is_named() {
    for (text, named) in [
        ("topk(3, up)", "topk"),
        ("histogram_quantile(0.9, up)", "histogram_quantile"),
        ("max_over_time(up[5m:1m])", "max_over_time"),
        ("rate(up[5m:1m])", "subqueries"),
        ("up * on(pod) group_left(job) up", "group_left"),
        ("up @ 1000", "@ modifier"),
        ("sum(", "parse error"),
        ("", "parse error"),
        ("up[5m] + 1", ""),
        ("rate(up)", ""),
    ] {
        match query(text) {
            Err(QueryError::BadData(message)) => {
                assert!(message.contains(named), "{message} for {text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn ambiguous_matches_are_execution_errors() {
    for text in [
        "up * on (namespace) up",
        "http_requests_total * ignoring (code) http_requests_total",
    ] {
        let error = query(text).unwrap_err();
        assert!(
            matches!(&error, QueryError::Execution(message) if message.contains("many-to-many")),
            "{error:?}"
        );
    }
}

#[test]
fn labels_values_and_series_are_listed() {
    let world = world();
    let names = ask(&world, "/api/v1/label/__name__/values", &[]).unwrap();
    assert!(
        names
            .as_array()
            .unwrap()
            .contains(&json!("istio_requests_total"))
    );
    let pods = ask(
        &world,
        "/api/v1/label/pod/values",
        &[("match[]", "up{namespace='back'}")],
    );
    assert_eq!(pods.unwrap(), json!(["api-0", "api-1"]));
    let labels = ask(
        &world,
        "/api/v1/labels",
        &[("match[]", "http_requests_total")],
    )
    .unwrap();
    assert_eq!(labels, json!(["__name__", "code", "namespace", "pod"]));
    let series = ask(&world, "/api/v1/series", &[("match[]", "up{pod='api-1'}")]).unwrap();
    assert_eq!(series.as_array().unwrap().len(), 1);
    assert!(ask(&world, "/api/v1/series", &[]).is_err());
}

/// Two hours of 0.1 cores idle and 1.2 core-seconds a second for requests, on two pods that are held back in a fifth of the periods.
fn limited() -> World {
    World::from_yaml(
        "
name: w
start: 2026-03-03T00:00:00Z
history_hours: 2
nodes: [{name: a, instance_type: m5.large, zone: z, cpu: 2, memory_gib: 8}]
namespaces: [{name: n}]
workloads:
  - {name: web, namespace: n, kind: StatefulSet, replicas: 2, latency_ms: 40,
     usage: {idle_cpu: 0.1, cpu_seconds_per_request: 0.1, memory_mib: 64, throttled_share: 0.2},
     traffic: {pattern: steady, requests_per_second: 12}}
  - {name: db, namespace: n, kind: StatefulSet, usage: {idle_cpu: 0.5, memory_mib: 1}}
",
    )
    .unwrap()
}

#[test]
fn containers_are_those_of_cadvisor() {
    let world = limited();
    let one = |text: &str| -> f64 {
        let answer = ask(&world, "/api/v1/query", &[("query", text)]).unwrap();
        let [element] = &answer["result"].as_array().unwrap()[..] else {
            panic!("{text}: {answer}");
        };
        element["value"][1].as_str().unwrap().parse().unwrap()
    };
    for (text, value) in [
        (
            r#"container_cpu_usage_seconds_total{container="web",pod="web-1"}"#,
            7_200.0 * 0.7,
        ),
        (
            r#"container_cpu_usage_seconds_total{container="",image="",pod="db-0"}"#,
            7_200.0 * 0.5,
        ),
        (
            r#"sum(rate(container_cpu_usage_seconds_total{container!=""}[5m]))"#,
            2.0 * 0.7 + 0.5,
        ),
        (
            r#"sum(container_memory_working_set_bytes{container!="",pod="web-0"})"#,
            67_108_864.0,
        ),
        (r#"container_cpu_cfs_periods_total{pod="web-0"}"#, 72_000.0),
        (
            r#"container_cpu_cfs_throttled_periods_total{pod="web-0"}"#,
            14_400.0,
        ),
        (
            r#"container_cpu_cfs_throttled_seconds_total{pod="web-0"}"#,
            720.0,
        ),
        (r#"count(container_cpu_cfs_periods_total)"#, 2.0),
    ] {
        let found = one(text);
        assert!((found / value - 1.0).abs() < 1e-3, "{text}: {found}");
    }
}
