//! The requests source against the simulated Prometheus, and against a small server of the test's own where
//! that one is too well-behaved.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use breakeven::sources::prometheus::{
    Credentials, LatencyQueries, LatencyUnit, Preset, Queries, RequestsSource, Settings,
};
use breakeven::sources::{Poll, Reason, Source};
use breakeven_clock::Clock;
use breakeven_model::inventory::{Observation, RequestStep, RequestTarget, Traffic};
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud, World};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::mpsc;

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// The first instant at which the tests poll. The cloud's own clock is hours ahead, so it has all data.
fn noon() -> Timestamp {
    "2026-03-03T12:01:30Z".parse().unwrap()
}

fn after(minutes: i64) -> Timestamp {
    noon() + SignedDuration::from_mins(minutes)
}

fn world() -> World {
    World::from_yaml(
        "
name: requests
seed: 5
history_hours: 48
nodes: [{name: a, instance_type: m5.large, zone: us-east-1a, cpu: 2, memory_gib: 8}]
namespaces: [{name: shop}, {name: mail}]
workloads:
  - {name: web, namespace: shop, kind: Deployment, replicas: 3, usage: {memory_mib: 100}, latency_ms: 40,
     traffic: {pattern: steady, requests_per_second: 40}}
  - {name: day, namespace: shop, kind: Deployment, replicas: 2, usage: {memory_mib: 100}, latency_ms: 12.5,
     traffic: {pattern: diurnal, requests_per_second: 20, amplitude: 0.5, peak_hour: 14}}
  - {name: burst, namespace: mail, kind: StatefulSet, replicas: 1, usage: {memory_mib: 100}, latency_ms: 100,
     traffic: {pattern: bursty, requests_per_second: 5, burst_factor: 6, burst_share: 0.2, slot_minutes: 30}}
  - {name: idle, namespace: mail, kind: Deployment, replicas: 1, usage: {memory_mib: 100}}
",
    )
    .unwrap()
}

async fn start() -> SimulatedCloud {
    let clock = Clock::accelerated(after(4 * 60), 1.0);
    SimulatedCloud::start(world(), clock, LOOPBACK)
        .await
        .unwrap()
}

fn own() -> Queries {
    let sum = |metric: &str| format!("sum by (namespace, pod) (increase({metric}[$window]))");
    Queries::Own {
        requests: sum("http_requests_total"),
        latency: Some(LatencyQueries {
            sum: sum("http_request_duration_seconds_sum"),
            count: sum("http_request_duration_seconds_count"),
            unit: LatencyUnit::Seconds,
        }),
    }
}

fn settings(url: String, queries: Queries) -> Settings {
    Settings {
        timeout: Duration::from_secs(5),
        ..Settings::new(url, queries)
    }
}

async fn read(source: &mut RequestsSource, at: Timestamp) -> Vec<Traffic> {
    let observations = source.poll(at).await.unwrap().into_iter();
    let traffic = observations.filter_map(|observation| match observation {
        Observation::Traffic(traffic) => Some(traffic),
        Observation::RequestOrigin(_) => None,
        other => panic!("{other:?}"),
    });
    traffic.collect()
}

/// The workload of a target; the pods of the world are named after theirs.
fn name(target: &RequestTarget) -> String {
    match target {
        RequestTarget::Workload { name, .. } => name.to_string(),
        RequestTarget::Pod(pod) => pod.name.split('-').next().unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// What the steps hold of each workload: requests, seconds of latency, and how many were measured.
fn sums<'a>(steps: impl IntoIterator<Item = &'a RequestStep>) -> BTreeMap<String, (f64, f64, f64)> {
    let mut sums: BTreeMap<String, (f64, f64, f64)> = BTreeMap::new();
    for step in steps {
        let sum = sums.entry(name(&step.target)).or_default();
        sum.0 += step.requests.requests();
        if let Some((latency, measured)) = step.latency {
            sum.1 += latency.seconds();
            sum.2 += measured.requests();
        }
    }
    sums
}

/// Holds sums against the closed forms of the world, within half a percent: `increase` extrapolates.
fn assert_true(
    sums: &BTreeMap<String, (f64, f64, f64)>,
    world: &World,
    from: Timestamp,
    to: Timestamp,
) {
    assert_eq!(sums.keys().collect::<Vec<_>>(), ["burst", "day", "web"]);
    for workload in world
        .workloads()
        .iter()
        .filter(|w| w.spec.traffic.is_some())
    {
        let minutes = from.as_second() / 60..to.as_second() / 60;
        let served: u64 = minutes
            .map(|minute| workload.requests_in_minute(minute))
            .sum();
        let served = f64::from(u32::try_from(served).unwrap());
        let (requests, latency, measured) = sums[&workload.spec.name];
        let about = |value: f64, truth: f64| (value / truth - 1.0).abs() < 0.005;
        let name = &workload.spec.name;
        assert!(about(requests, served), "{name}: {requests} of {served}");
        assert!(about(measured, served), "{name}: {measured} of {served}");
        let mean = latency / measured * 1_000.0;
        assert!(
            about(mean, workload.spec.latency_ms.unwrap()),
            "{name}: {mean} ms"
        );
    }
}

fn minute(text: &str) -> Timestamp {
    format!("2026-03-0{text}:00Z").parse().unwrap()
}

#[tokio::test]
async fn the_preset_and_own_promql_both_read_what_the_world_served() {
    let cloud = start().await;
    for queries in [Queries::Preset(Preset::Istio), own()] {
        let settings = settings(cloud.prometheus_url(), queries);
        let mut source = RequestsSource::new(&settings).unwrap();
        assert_eq!(source.source(), Source::Requests);
        let traffic = read(&mut source, noon()).await;
        let [traffic] = traffic.as_slice() else {
            panic!("{traffic:?}");
        };
        let covered = traffic.covered.unwrap();
        assert_eq!(
            (covered.start(), covered.end()),
            (minute("2T12:00"), minute("3T12:00"))
        );
        assert_true(
            &sums(&traffic.steps),
            cloud.world(),
            covered.start(),
            covered.end(),
        );
        let ordered = traffic.steps.windows(2).all(|pair| {
            (&pair[0].target, pair[0].window.end()) < (&pair[1].target, pair[1].window.end())
        });
        assert!(ordered);
        let mut rates: BTreeMap<String, f64> = BTreeMap::new();
        for rate in &traffic.rates {
            *rates.entry(name(&rate.target)).or_default() += rate.rate.per_second();
        }
        assert!((rates["web"] - 40.0).abs() < 0.2, "{rates:?}");
        assert!(source.discarded().snapshot().is_empty());
    }
}

#[tokio::test]
async fn each_step_is_read_once_and_a_failure_loses_none() {
    let cloud = start().await;
    let settings = settings(cloud.prometheus_url(), Queries::Preset(Preset::Istio));
    let mut source = RequestsSource::new(&settings).unwrap();
    let mut all = read(&mut source, noon()).await;
    for (minutes, failing) in [(2, false), (5, true), (20, true), (21, false), (26, false)] {
        if failing {
            let fault = Fault::Status {
                code: 503,
                retry_after: None,
            };
            cloud
                .faults()
                .add(FaultRule::always(Endpoint::Prometheus, fault));
            assert!(source.poll(after(minutes)).await.is_err());
            cloud.faults().clear();
        } else {
            all.extend(read(&mut source, after(minutes)).await);
        }
    }
    let covered: Vec<_> = all.iter().map(|traffic| traffic.covered).collect();
    assert_eq!(covered[1], None, "no step was closed in those two minutes");
    assert!(!all[1].rates.is_empty());
    let ends: Vec<_> = covered
        .iter()
        .flatten()
        .map(|w| (w.start(), w.end()))
        .collect();
    assert_eq!(
        ends,
        [
            (minute("2T12:00"), minute("3T12:00")),
            (minute("3T12:00"), minute("3T12:20")),
            (minute("3T12:20"), minute("3T12:25"))
        ]
    );
    let steps = all.iter().flat_map(|traffic| &traffic.steps);
    assert_true(
        &sums(steps),
        cloud.world(),
        minute("2T12:00"),
        minute("3T12:25"),
    );
    assert_eq!(all.last().unwrap().steps.len(), 3);
}

#[tokio::test]
async fn after_a_day_and_more_away_the_reach_is_read_and_the_rest_counted() {
    let cloud = start().await;
    let mut settings = settings(cloud.prometheus_url(), Queries::Preset(Preset::Istio));
    settings.backfill = Duration::from_secs(3_600);
    let mut source = RequestsSource::new(&settings).unwrap();
    read(&mut source, noon()).await;
    let late = read(&mut source, after(120)).await;
    let covered = late[0].covered.unwrap();
    assert_eq!(
        (covered.start(), covered.end()),
        (minute("3T13:00"), minute("3T14:00"))
    );
    let skipped = source.discarded().snapshot()["steps_too_old_to_catch_up"];
    assert_eq!(skipped, 12);
}

#[tokio::test]
async fn every_failure_has_its_reason_and_ends_with_the_fault() {
    let cloud = start().await;
    let mut settings = settings(cloud.prometheus_url(), Queries::Preset(Preset::Istio));
    settings.backfill = Duration::from_secs(600);
    settings.timeout = Duration::from_secs(1);
    let status = |code| Fault::Status {
        code,
        retry_after: None,
    };
    for (fault, reason, text) in [
        (Fault::Hang, Reason::Timeout, "no answer within 1 s"),
        (Fault::Cut, Reason::Connect, "check the address"),
        (Fault::Truncate, Reason::Connect, "check the address"),
        (
            Fault::Garbage,
            Reason::InvalidResponse,
            "expected value at line 1",
        ),
        (
            Fault::Unauthorized,
            Reason::Unauthorized,
            "`bearer_token_file`",
        ),
        (Fault::Forbidden, Reason::Forbidden, "`bearer_token_file`"),
        (Fault::Throttle, Reason::Throttled, "status 429"),
        (
            status(404),
            Reason::NotFound,
            "`/api/v1/query` is looked for",
        ),
        (status(500), Reason::ServerError, "simulated fault"),
        (status(422), Reason::InvalidRequest, "simulated fault"),
    ] {
        let mut source = RequestsSource::new(&settings).unwrap();
        cloud
            .faults()
            .add(FaultRule::always(Endpoint::Prometheus, fault.clone()));
        let error = source.poll(noon()).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{fault:?}: {error}");
        assert!(error.to_string().contains(text), "{fault:?}: {error}");
        assert!(error.to_string().contains("http://127.0.0.1"), "{error}");
        cloud.faults().clear();
        assert_eq!(read(&mut source, noon()).await[0].rates.len(), 3);
    }
    let url = cloud.prometheus_url();
    cloud.stop().await;
    settings.base_url = url;
    let mut source = RequestsSource::new(&settings).unwrap();
    let error = source.poll(noon()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Connect, "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn what_prometheus_says_of_an_expression_is_passed_on() {
    let cloud = start().await;
    let queries = Queries::Own {
        requests: "increase(http_requests_total[$window]) / on () group_left increase(up[$window])"
            .into(),
        latency: None,
    };
    let mut source = RequestsSource::new(&settings(cloud.prometheus_url(), queries)).unwrap();
    let error = source.poll(noon()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::InvalidRequest, "{error}");
    assert!(
        error.to_string().ends_with("; correct the expression"),
        "{error}"
    );
}

#[tokio::test]
async fn a_result_without_the_labels_of_the_contract_names_those_it_has() {
    let cloud = start().await;
    let queries = Queries::Own {
        requests: "sum by (code) (increase(http_requests_total[$window]))".into(),
        latency: None,
    };
    let mut source = RequestsSource::new(&settings(cloud.prometheus_url(), queries)).unwrap();
    let error = source.poll(noon()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::InvalidResponse);
    assert_eq!(
        error.to_string(),
        "the result of `requests` is not usable: no series names its workload: it takes the labels \
         `namespace` and `workload`, or `namespace` and `pod`; found `code`; \
         name the workload with `sum by (namespace, workload) (...)` or `sum by (namespace, pod) (...)`"
    );
}

/// A server that gives every request the same body, and tells what was asked.
async fn serve(body: &'static str) -> (String, mpsc::UnboundedReceiver<(http::HeaderMap, String)>) {
    let listener = tokio::net::TcpListener::bind(LOOPBACK).await.unwrap();
    let url = format!("http://{}/select/0/", listener.local_addr().unwrap());
    let (asked, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let asked = asked.clone();
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let asked = asked.clone();
                async move {
                    let (head, form) = request.into_parts();
                    let form = form.collect().await?.to_bytes();
                    let form = String::from_utf8_lossy(&form).into_owned();
                    let asked_for = format!("{} {} {form}", head.method, head.uri);
                    let _ = asked.send((head.headers, asked_for));
                    Ok::<_, hyper::Error>(http::Response::new(Full::new(bytes::Bytes::from(body))))
                }
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    (url, requests)
}

#[tokio::test]
async fn a_request_carries_the_headers_and_the_token_as_it_is_now() {
    let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
    let (url, mut requests) = serve(matrix).await;
    let token = tempfile::NamedTempFile::new().unwrap();
    let mut settings = settings(url, Queries::Preset(Preset::Istio));
    settings.headers = vec![("X-Scope-OrgID".into(), "shop".into())];
    settings.credentials = Some(Credentials::Bearer {
        token_file: token.path().to_owned(),
    });
    settings.backfill = Duration::from_secs(600);
    let mut source = RequestsSource::new(&settings).unwrap();
    for secret in ["first", "second"] {
        std::fs::write(token.path(), format!("{secret}\n")).unwrap();
        // The instant query is answered with a matrix, which is wrong; the range queries went before it.
        let error = source.poll(noon()).await.unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidResponse, "{error}");
        let (headers, asked) = requests.recv().await.unwrap();
        assert_eq!(headers["authorization"], format!("Bearer {secret}"));
        assert_eq!(headers["x-scope-orgid"], "shop");
        // What the first poll read of the steps is kept, so the second asks for the rates alone.
        let (start, end) = match secret {
            "first" => (
                "POST /select/0/api/v1/query_range query=sum%20by",
                "&start=1772538900&end=1772539200&step=300",
            ),
            _ => (
                "POST /select/0/api/v1/query query=sum%20by",
                "&time=1772539290.000",
            ),
        };
        assert!(asked.starts_with(start), "{asked}");
        assert!(asked.ends_with(end), "{asked}");
        while requests.try_recv().is_ok() {}
    }
    std::fs::remove_file(token.path()).unwrap();
    let error = source.poll(noon()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Unauthorized, "{error}");
    assert!(
        error.to_string().contains(token.path().to_str().unwrap()),
        "{error}"
    );
}

#[tokio::test]
async fn a_user_is_sent_with_the_password_as_it_is_now() {
    let (url, mut requests) = serve("{}").await;
    let password = tempfile::NamedTempFile::new().unwrap();
    let mut settings = settings(url, Queries::Auto);
    settings.credentials = Some(Credentials::Basic {
        username: "Aladdin".into(),
        password_file: password.path().to_owned(),
    });
    let mut source = RequestsSource::new(&settings).unwrap();
    std::fs::write(password.path(), "open sesame\n").unwrap();
    source.poll(noon()).await.unwrap_err();
    let (headers, _) = requests.recv().await.unwrap();
    // The example of RFC 7617.
    let expected = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    assert_eq!(headers["authorization"], expected);
}

#[tokio::test]
async fn an_answer_that_is_too_long_or_of_the_wrong_kind_is_refused() {
    for (body, limit, text) in [
        (
            r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
            1_000,
            "the result is a vector, where a matrix was asked for",
        ),
        (
            r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#,
            20,
            "more than 20 bytes",
        ),
        (
            "<html>login</html>",
            1_000,
            "it begins with \"<html>login</html>\"",
        ),
        (
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,2]]}]}}"#,
            1_000,
            "expected a number in quotes",
        ),
    ] {
        let (url, _requests) = serve(body).await;
        let mut settings = settings(url, Queries::Preset(Preset::Istio));
        settings.max_answer = limit;
        let error = RequestsSource::new(&settings)
            .unwrap()
            .poll(noon())
            .await
            .unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidResponse, "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused_before_anything_is_asked() {
    let refused = |settings: &Settings| RequestsSource::new(settings).unwrap_err().to_string();
    for (url, text) in [
        ("prometheus:9090", "does not begin with `http://`"),
        ("ftp://prometheus", "does not begin with `http://`"),
        ("http://user:secret@prometheus", "give them in `headers`"),
        ("http://prometheus/?x=1", "has a query"),
        ("http://a b", "is not an address"),
    ] {
        let error = refused(&settings(url.into(), Queries::Preset(Preset::Istio)));
        assert!(error.starts_with("`base_url` is not usable: "), "{error}");
        assert!(error.contains(text), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
    let mut bad_header = settings("http://prometheus".into(), Queries::Preset(Preset::Istio));
    bad_header.headers = vec![("X-Key".into(), "sec\nret".into())];
    assert_eq!(
        refused(&bad_header),
        "`headers` is not usable: the value of `x-key` is none"
    );
    assert!(!format!("{bad_header:?}").contains("sec"));
}

/// A file of tests/data/tls: an authority of one's own, and a server that it knows as 127.0.0.1.
fn of_tls(name: &str) -> std::path::PathBuf {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls");
    data.join(name)
}

/// A server that says who it is, and then nothing that makes sense.
async fn serve_tls() -> SocketAddr {
    let certificates = CertificateDer::pem_file_iter(of_tls("server.pem")).unwrap();
    let certificates = certificates.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(of_tls("server_key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind(LOOPBACK).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            let service = service_fn(async |_| {
                Ok::<_, hyper::Error>(http::Response::new(Full::new(bytes::Bytes::from("none"))))
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

#[tokio::test]
async fn a_server_is_trusted_by_the_authority_that_the_settings_name_and_by_no_other() {
    let mut settings = settings(
        format!("https://{}", serve_tls().await),
        Queries::Preset(Preset::Istio),
    );
    for (ca_file, reason, text) in [
        (None, Reason::Connect, "certificate"),
        (Some("server.pem"), Reason::Connect, "certificate"),
        (
            Some("authority.pem"),
            Reason::InvalidResponse,
            "it begins with \"none\"",
        ),
    ] {
        settings.ca_file = ca_file.map(of_tls);
        let mut source = RequestsSource::new(&settings).unwrap();
        let error = source.poll(noon()).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{ca_file:?}: {error}");
        assert!(error.to_string().contains(text), "{ca_file:?}: {error}");
    }
    settings.ca_file = Some(of_tls("server_key.pem"));
    let error = RequestsSource::new(&settings).unwrap_err().to_string();
    assert!(error.contains("it holds no certificate"), "{error}");
}
