//! The simulated cloud's AWS side, read with clients that nobody here wrote: the CloudWatch SDK, boto3,
//! and plain HTTP where the answer itself matters.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::retry::RetryConfig;
use aws_sdk_cloudwatch::config::{Credentials, Region};
use aws_sdk_cloudwatch::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    Dimension, Metric, MetricDataQuery, MetricStat, ScanBy, StatusCode,
};
use breakeven_simulator::world::Function;
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud, World};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;

/// A header that looks signed, for service `%`.
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKID/20260303/us-east-1/%/aws4_request, \
    SignedHeaders=host;x-amz-date, \
    Signature=585d437664e87e73aafec8be38e67bab8c0f92afaa5bf9271565d91f40395456";

/// A day of history, a function of each pattern and many small ones, so that lists have several pages.
fn world() -> World {
    let small: String = (0..55)
        .map(|i| {
            format!(
                "  - {{name: small-{i}, memory_mib: 128, duration_ms: {}, traffic: {{pattern: timer, \
                 every_minutes: 15, offset_minutes: {}, requests: 10}}}}\n",
                20 + i,
                i % 15
            )
        })
        .collect();
    let text = format!(
        "
name: aws
seed: 7
start: 2026-03-03T12:34:56Z
history_hours: 24
nodes: [{{name: a, instance_type: m5.large, zone: us-east-1a, cpu: 2, memory_gib: 8}}]
namespaces: [{{name: shop}}]
workloads:
  - {{name: web, namespace: shop, kind: Deployment, replicas: 3, usage: {{memory_mib: 100}},
     latency_ms: 40, traffic: {{pattern: steady, requests_per_second: 12}}}}
functions:
  - {{name: steady, memory_mib: 512, architecture: arm64, timeout_s: 30, duration_ms: 180,
     error_ratio: 0.01, traffic: {{pattern: steady, requests_per_second: 3.7}}}}
  - {{name: diurnal, memory_mib: 1024, runtime: python3.13, timeout_s: 30, duration_ms: 95.5,
     error_ratio: 0.003, throttle_ratio: 0.01, concurrency: 50,
     traffic: {{pattern: diurnal, requests_per_second: 8, amplitude: 0.7, peak_hour: 14}}}}
  - {{name: bursty, memory_mib: 256, timeout_s: 30, duration_ms: 1200, concurrency: 20,
     traffic: {{pattern: bursty, requests_per_second: 0.5, burst_factor: 20, burst_share: 0.3,
     slot_minutes: 30}}}}
  - {{name: sporadic, memory_mib: 3008, timeout_s: 60, duration_ms: 2500, error_ratio: 0.2,
     traffic: {{pattern: sporadic, requests_per_active_minute: 4, active_share: 0.1}}}}
{small}"
    );
    World::from_yaml(&text).unwrap()
}

async fn start() -> SimulatedCloud {
    let world = world();
    let clock = world.clock();
    SimulatedCloud::start(world, clock, ([127, 0, 0, 1], 0).into())
        .await
        .unwrap()
}

fn cloudwatch(cloud: &SimulatedCloud, attempts: u32) -> Client {
    let config = aws_sdk_cloudwatch::Config::builder()
        .behavior_version_latest()
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKID", "secret", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(attempts)
                .with_initial_backoff(Duration::from_millis(5)),
        )
        .endpoint_url(cloud.aws_url())
        .build();
    Client::from_conf(config)
}

fn query(id: &str, metric: &str, function: &str, statistic: &str) -> MetricDataQuery {
    let dimension = Dimension::builder()
        .name("FunctionName")
        .value(function)
        .build();
    let metric = Metric::builder()
        .namespace("AWS/Lambda")
        .metric_name(metric)
        .dimensions(dimension)
        .build();
    let stat = MetricStat::builder()
        .metric(metric)
        .period(60)
        .stat(statistic)
        .build();
    MetricDataQuery::builder().id(id).metric_stat(stat).build()
}

fn function<'c>(cloud: &'c SimulatedCloud, name: &str) -> &'c Function {
    cloud
        .world()
        .functions()
        .iter()
        .find(|function| function.spec.name == name)
        .unwrap()
}

/// The last whole minute that is published, and the window of three hours before its end.
fn window(cloud: &SimulatedCloud) -> (i64, i64) {
    let end = (cloud.clock().now().as_second() / 60 - 1) * 60;
    (end - 3 * 3_600, end)
}

#[tokio::test]
async fn the_sdk_reads_every_minute_of_the_world_over_several_pages() {
    let cloud = start().await;
    let (start, end) = window(&cloud);
    let queries = [
        ("steady", "steady"),
        ("diurnal", "diurnal"),
        ("bursty", "bursty"),
        ("sporadic", "sporadic"),
        ("nobody", "nobody"),
    ]
    .map(|(id, name)| query(id, "Duration", name, "Sum"));
    let mut pages = cloudwatch(&cloud, 1)
        .get_metric_data()
        .set_metric_data_queries(Some(queries.to_vec()))
        .start_time(DateTime::from_secs(start))
        .end_time(DateTime::from_secs(end))
        .scan_by(ScanBy::TimestampAscending)
        .max_datapoints(100)
        .into_paginator()
        .send();

    let mut points: BTreeMap<String, Vec<(i64, f64)>> = BTreeMap::new();
    let mut statuses: BTreeMap<String, Vec<StatusCode>> = BTreeMap::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        let results = page.metric_data_results();
        assert!(
            results
                .iter()
                .map(|result| result.values().len())
                .sum::<usize>()
                <= 100
        );
        for result in results {
            let id = result.id().unwrap().to_owned();
            let times = result.timestamps().iter().map(DateTime::secs);
            points
                .entry(id.clone())
                .or_default()
                .extend(times.zip(result.values().to_vec()));
            statuses
                .entry(id)
                .or_default()
                .push(result.status_code().unwrap().clone());
        }
    }
    for name in ["steady", "diurnal", "bursty", "sporadic"] {
        let function = function(&cloud, name);
        let truth: Vec<(i64, f64)> = (start / 60..end / 60)
            .filter(|minute| function.invocations(*minute) > 0)
            .map(|minute| (minute * 60, function.duration_ms_sum(minute)))
            .collect();
        assert_eq!(points[name], truth, "{name}");
    }
    assert!(points["nobody"].is_empty());
    // 180 points do not fit on a page of 100.
    assert_eq!(
        statuses["steady"],
        [StatusCode::PartialData, StatusCode::Complete]
    );
    assert!(
        statuses
            .values()
            .all(|parts| parts.last() == Some(&StatusCode::Complete))
    );
    cloud.stop().await;
}

#[tokio::test]
async fn the_sdk_lists_all_metrics() {
    let cloud = start().await;
    let mut pages = cloudwatch(&cloud, 1)
        .list_metrics()
        .namespace("AWS/Lambda")
        .into_paginator()
        .send();
    let mut metrics = Vec::new();
    while let Some(page) = pages.next().await {
        metrics.extend_from_slice(page.unwrap().metrics());
    }
    assert_eq!(metrics.len(), 5 * (2 * cloud.world().functions().len() + 1));
    assert_eq!(
        cloud.requests().count(Endpoint::CloudWatch, "ListMetrics"),
        2
    );
    cloud.stop().await;
}

#[tokio::test]
async fn metrics_requested_are_counted_in_both_readings() {
    let cloud = start().await;
    let (start, end) = window(&cloud);
    let statistics = ["Sum", "Average", "Minimum", "Maximum", "p99"];
    let queries = statistics
        .map(|statistic| query(&statistic.to_lowercase(), "Duration", "steady", statistic));
    cloudwatch(&cloud, 1)
        .get_metric_data()
        .set_metric_data_queries(Some(queries.to_vec()))
        .metric_data_queries(query("errors", "Errors", "steady", "Sum"))
        .start_time(DateTime::from_secs(start))
        .end_time(DateTime::from_secs(end))
        .send()
        .await
        .unwrap();
    assert_eq!(
        cloud
            .requests()
            .count(Endpoint::CloudWatch, "metrics requested"),
        2
    );
    assert_eq!(
        cloud
            .requests()
            .count(Endpoint::CloudWatch, "metric queries"),
        6
    );
    cloud.stop().await;
}

/// The code and message of a failed call for one metric, after `attempts` attempts.
async fn failure(cloud: &SimulatedCloud, attempts: u32) -> (Option<String>, String) {
    let (start, end) = window(cloud);
    let error = cloudwatch(cloud, attempts)
        .get_metric_data()
        .metric_data_queries(query("a", "Duration", "steady", "Sum"))
        .start_time(DateTime::from_secs(start))
        .end_time(DateTime::from_secs(end))
        .send()
        .await
        .unwrap_err();
    (
        error.code().map(str::to_owned),
        DisplayErrorContext(&error).to_string(),
    )
}

#[tokio::test]
async fn the_sdk_understands_every_refusal() {
    let cloud = start().await;
    for (fault, code, message) in [
        (Fault::Throttle, "Throttling", "Rate exceeded"),
        (
            Fault::Unauthorized,
            "InvalidClientTokenId",
            "security token included in the request is invalid",
        ),
        (
            Fault::Expired,
            "ExpiredToken",
            "security token included in the request is expired",
        ),
        (
            Fault::Forbidden,
            "AccessDenied",
            "User: arn:aws:iam::123456789012:user/simulated is not authorized to perform: \
             cloudwatch:GetMetricData because no identity-based policy allows the \
             cloudwatch:GetMetricData action",
        ),
        (
            Fault::Status {
                code: 500,
                retry_after: None,
            },
            "InternalFailure",
            "simulated fault",
        ),
    ] {
        cloud
            .faults()
            .replace(vec![FaultRule::always(Endpoint::CloudWatch, fault.clone())]);
        let (found, text) = failure(&cloud, 1).await;
        assert_eq!(found.as_deref(), Some(code), "{fault:?}: {text}");
        assert!(text.contains(message), "{fault:?}: {text}");
    }
    for fault in [Fault::Garbage, Fault::Truncate, Fault::Cut] {
        cloud
            .faults()
            .replace(vec![FaultRule::always(Endpoint::CloudWatch, fault.clone())]);
        let (found, text) = failure(&cloud, 1).await;
        assert_eq!(found, None, "{fault:?}: {text}");
    }
    cloud.stop().await;
}

#[tokio::test]
async fn the_sdk_retries_through_a_throttle_and_a_cut_connection() {
    let cloud = start().await;
    cloud
        .faults()
        .add(FaultRule::always(Endpoint::CloudWatch, Fault::Throttle).times(1));
    cloud
        .faults()
        .add(FaultRule::always(Endpoint::CloudWatch, Fault::Cut).times(1));
    let listed = cloudwatch(&cloud, 4)
        .list_metrics()
        .metric_name("Errors")
        .send()
        .await
        .unwrap();
    assert_eq!(
        listed.metrics().len(),
        2 * cloud.world().functions().len() + 1
    );
    assert_eq!(
        cloud.requests().count(Endpoint::CloudWatch, "ListMetrics"),
        3
    );
    cloud.stop().await;
}

#[tokio::test]
async fn a_made_up_token_is_an_error_of_its_own() {
    let cloud = start().await;
    let (start, end) = window(&cloud);
    let error = cloudwatch(&cloud, 1)
        .get_metric_data()
        .metric_data_queries(query("a", "Duration", "steady", "Sum"))
        .start_time(DateTime::from_secs(start))
        .end_time(DateTime::from_secs(end))
        .next_token("made up")
        .send()
        .await
        .unwrap_err();
    assert!(error.into_service_error().is_invalid_next_token());
    cloud.stop().await;
}

/// Sends a request below the AWS endpoint, looking signed for `service` unless that is empty.
async fn send(
    cloud: &SimulatedCloud,
    (method, path): (Method, &str),
    service: &str,
    body: &'static str,
) -> Response<Bytes> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", cloud.aws_url()));
    if !service.is_empty() {
        request = request
            .header("authorization", SIGNED.replace('%', service))
            .header("x-amz-date", "20260303T120000Z");
    }
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let client = legacy::Client::builder(TokioExecutor::new()).build_http();
    let (head, body) = client.request(request).await.unwrap().into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

fn body(response: &Response<Bytes>) -> String {
    String::from_utf8_lossy(response.body()).into_owned()
}

const FUNCTIONS: (Method, &str) = (Method::GET, "/2015-03-31/functions/");

#[tokio::test]
async fn a_request_that_is_not_signed_is_refused_by_every_service() {
    let cloud = start().await;
    let cbor = "/service/GraniteServiceVersion20100801/operation/ListMetrics";
    let sts = "Action=GetCallerIdentity&Version=2011-06-15";
    for (target, content, code) in [
        (FUNCTIONS, "", "MissingAuthenticationTokenException"),
        (
            (Method::POST, cbor),
            "",
            "MissingAuthenticationTokenException",
        ),
        (
            (Method::POST, "/"),
            sts,
            "<Code>MissingAuthenticationToken</Code>",
        ),
    ] {
        let answer = send(&cloud, target.clone(), "", content).await;
        assert_eq!(answer.status(), 403, "{target:?}");
        let kind = answer
            .headers()
            .get("x-amzn-errortype")
            .and_then(|kind| kind.to_str().ok());
        assert!(
            kind == Some(code) || body(&answer).contains(code),
            "{target:?}: {answer:?}"
        );
    }
    let other = send(&cloud, FUNCTIONS, "monitoring", "").await;
    assert_eq!(other.status(), 403);
    assert!(
        body(&other).contains("correct service: 'lambda'"),
        "{}",
        body(&other)
    );
    cloud.stop().await;
}

#[tokio::test]
async fn lambda_refuses_in_its_own_words() {
    let cloud = start().await;
    for (fault, status, kind, message) in [
        (
            Fault::Throttle,
            429,
            "TooManyRequestsException",
            "Rate exceeded",
        ),
        (
            Fault::Forbidden,
            403,
            "AccessDeniedException",
            "is not authorized to perform: lambda:ListFunctions on resource: * because",
        ),
        (Fault::Expired, 403, "ExpiredTokenException", "expired"),
    ] {
        cloud
            .faults()
            .replace(vec![FaultRule::always(Endpoint::Lambda, fault)]);
        let answer = send(&cloud, FUNCTIONS, "lambda", "").await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["x-amzn-errortype"], kind);
        assert!(body(&answer).contains(message), "{}", body(&answer));
    }
    cloud.faults().clear();
    let answer = send(
        &cloud,
        (Method::GET, "/2015-03-31/functions/nobody"),
        "lambda",
        "",
    )
    .await;
    assert_eq!(answer.status(), 404);
    assert_eq!(
        answer.headers()["x-amzn-errortype"],
        "ResourceNotFoundException"
    );
    cloud.stop().await;
}

#[tokio::test]
async fn paths_of_lambda_may_end_in_a_slash() {
    let cloud = start().await;
    for path in [
        "/2015-03-31/functions",
        "/2015-03-31/functions/",
        "/2016-08-19/account-settings",
        "/2016-08-19/account-settings/",
    ] {
        let answer = send(&cloud, (Method::GET, path), "lambda", "").await;
        assert_eq!(answer.status(), 200, "{path}: {}", body(&answer));
        assert_eq!(answer.headers()["content-type"], "application/json");
    }
    cloud.stop().await;
}

#[tokio::test]
async fn prometheus_answers_over_http_and_fails_as_told() {
    let cloud = start().await;
    let get = |path: &'static str| {
        let request = Request::get(format!("{}{path}", cloud.prometheus_url()))
            .body(Full::<Bytes>::default())
            .unwrap();
        let client = legacy::Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        async move {
            let (head, body) = client.request(request).await.unwrap().into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            (
                head.status.as_u16(),
                serde_json::from_slice::<serde_json::Value>(&body),
            )
        }
    };
    let rate = "/api/v1/query?query=sum(rate(istio_requests_total%5B5m%5D))";
    let (status, answer) = get(rate).await;
    let answer = answer.unwrap();
    assert_eq!((status, &answer["status"]), (200, &"success".into()));
    let value: f64 = answer["data"]["result"][0]["value"][1]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((value - 12.0).abs() < 0.05, "{value}");

    let (status, answer) = get("/api/v1/query?query=sum(").await;
    assert_eq!(
        (status, &answer.unwrap()["errorType"]),
        (400, &"bad_data".into())
    );

    for (fault, expected) in [
        (Fault::Throttle, 429),
        (
            Fault::Status {
                code: 503,
                retry_after: None,
            },
            503,
        ),
    ] {
        cloud
            .faults()
            .replace(vec![FaultRule::always(Endpoint::Prometheus, fault)]);
        let (status, answer) = get(rate).await;
        assert_eq!(
            (status, &answer.unwrap()["status"]),
            (expected, &"error".into())
        );
    }
    cloud.faults().replace(vec![FaultRule::always(
        Endpoint::Prometheus,
        Fault::Garbage,
    )]);
    let (status, answer) = get(rate).await;
    assert!(status == 200 && answer.is_err());
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_agrees_with_the_world() {
    let cloud = start().await;
    crate::support::run_boto3("test_boto3_client.py", cloud.aws_url()).await;
    cloud.stop().await;
}
