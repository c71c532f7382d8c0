//! Queries of annotations: hostile text, and queries that hang.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use breakeven::sources::Poll;
use breakeven::sources::prometheus::{
    AnnotationQuery, Preset, Queries, RequestsSource, Settings, check_query,
};
use breakeven_model::inventory::{
    Cluster, Counted, DedicatedTraffic, Observation, Traffic, WorkloadAnnotations, WorkloadId,
    WorkloadKind,
};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::json;

#[test]
fn a_hostile_annotation_is_refused_at_once() {
    let nested = |open: &str, close: &str, times: usize| {
        format!("{}x[$window]{}", open.repeat(times), close.repeat(times))
    };
    for (what, text) in [
        ("signs", nested("-", "", 20_000)),
        ("parentheses", nested("(", ")", 10_000)),
        ("functions", nested("abs(", ")", 5_000)),
        ("powers", "x^".repeat(10_000)),
        ("signs of 4 KiB", nested("-", "", 4_000)),
        ("parentheses of 4 KiB", nested("(", ")", 2_000)),
        ("powers of 4 KiB", "x^".repeat(2_000)),
        ("subqueries of 4 KiB", format!("x{}", "[1m:]".repeat(800))),
        ("without an end", format!("x{{a=\"{}", "\\".repeat(16_000))),
    ] {
        let error = check_query(&text).unwrap_err().to_string();
        assert!(error.len() < 1_000, "{what}: {} bytes", error.len());
        assert!(
            error.contains("more than 4096") || error.contains("more than 50 levels"),
            "{what}: {error}"
        );
    }
    let longest = format!("increase(x{{a=\"{}\"}}[$window])", "é".repeat(2_035));
    assert_eq!(longest.len(), 4_096);
    check_query(&longest).unwrap();
}

/// How long a check takes at the most of three.
fn time_of_check(text: &str) -> Duration {
    let times = (0..3).map(|_| {
        let began = Instant::now();
        let _ = check_query(text);
        began.elapsed()
    });
    times.min().unwrap()
}

#[test]
fn the_check_of_a_late_error_parses_the_text_a_few_times() {
    // A long flat query, with an error at its very end that the parser does not locate.
    let late = |length: usize| {
        let mut text = "sum(increase(x[$window])) + f{".to_owned();
        while text.len() + 20 < length {
            text.push_str("label=\"value\",");
        }
        format!("{text}a=\"b\"}} by")
    };
    let times = [1_024, 2_048, 4_096].map(|length| {
        let text = late(length);
        let time = time_of_check(&text);
        println!("{} bytes: {time:?}", text.len());
        time
    });
    // Parsing every prefix of the longest takes 4,096 times as long as parsing it once: 20 s here.
    assert!(times[2] < Duration::from_millis(500), "{times:?}");
}

const START: i64 = 1_772_539_200;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + 90 + second).unwrap()
}

fn id(namespace: &str, name: &str) -> WorkloadId {
    WorkloadId {
        namespace: namespace.into(),
        kind: WorkloadKind::Deployment,
        name: name.into(),
    }
}

/// A Prometheus that counts 10 requests in each step of everything, and does not answer what names `hang` while it is stuck.
#[derive(Default)]
struct Server {
    is_stuck: AtomicBool,
    hung: AtomicUsize,
}

impl Server {
    async fn start(self: &Arc<Self>) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Arc::clone(self);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = Arc::clone(&server);
                let service = service_fn(move |request| {
                    let server = Arc::clone(&server);
                    async move { server.answer(request).await }
                });
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        address
    }

    async fn answer(
        &self,
        request: http::Request<hyper::body::Incoming>,
    ) -> Result<http::Response<Full<bytes::Bytes>>, hyper::Error> {
        let form = request.into_body().collect().await?.to_bytes();
        let form = String::from_utf8_lossy(&form).into_owned();
        if form.contains("hang") && self.is_stuck.load(Ordering::SeqCst) {
            self.hung.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
        let number = |name: &str| -> Option<f64> {
            let value = form.split('&').find_map(|pair| pair.strip_prefix(name))?;
            value.parse().ok()
        };
        let labels = json!({
            "destination_workload_namespace": "shop", "destination_workload": "web",
        });
        let data = match (number("start="), number("end="), number("step=")) {
            (Some(start), Some(end), Some(step)) => {
                let count = ((end - start) / step) as usize + 1;
                let values = (0..count).map(|at| json!([start + step * at as f64, "10"]));
                let values: Vec<_> = values.collect();
                json!({"resultType": "matrix", "result": [{"metric": labels, "values": values}]})
            }
            _ => {
                let value = json!([number("time=").unwrap(), "10"]);
                json!({"resultType": "vector", "result": [{"metric": labels, "value": value}]})
            }
        };
        let body = json!({"status": "success", "data": data}).to_string();
        Ok(http::Response::new(Full::new(bytes::Bytes::from(body))))
    }
}

fn annotated(queries: impl IntoIterator<Item = (WorkloadId, &'static str)>) -> Cluster {
    let notes = queries.into_iter().map(|(id, query)| {
        let notes = WorkloadAnnotations {
            requests_query: Some(query.into()),
            ..WorkloadAnnotations::default()
        };
        (id, Arc::new(notes))
    });
    Cluster {
        annotations: notes.collect(),
        ..Cluster::default()
    }
}

const HANG: &str = "increase(hang[$window])";
const GOOD: &str = "increase(good[$window])";

/// Three steps are read at first.
fn settings(server: SocketAddr) -> Settings {
    Settings {
        timeout: Duration::from_secs(2),
        backfill: Duration::from_secs(900),
        ..Settings::new(format!("http://{server}"), Queries::Preset(Preset::Istio))
    }
}

fn split(observations: Vec<Observation>) -> (Vec<Traffic>, Option<DedicatedTraffic>) {
    let (mut shared, mut own) = (Vec::new(), None);
    for one in observations {
        match one {
            Observation::Traffic(traffic) => shared.push(traffic),
            Observation::DedicatedTraffic(traffic) => own = Some(traffic),
            _ => {}
        }
    }
    (shared, own)
}

fn served(counted: &Counted) -> f64 {
    let steps = counted.steps.iter();
    steps.map(|step| step.requests.requests()).sum()
}

#[tokio::test]
async fn one_query_that_hangs_delays_neither_the_preset_nor_the_others() {
    let server = Arc::new(Server::default());
    server.is_stuck.store(true, Ordering::SeqCst);
    let queries = AnnotationQuery::default();
    let address = server.start().await;
    let mut source = RequestsSource::with(&settings(address), &queries).unwrap();
    let good = ["a", "b", "c"].map(|name| (id("shop", name), GOOD));
    let stuck = id("shop", "aaa");
    queries.on_snapshot(&annotated(good.into_iter().chain([(stuck.clone(), HANG)])));

    let mut totals: BTreeMap<WorkloadId, f64> = BTreeMap::new();
    let mut preset = 0.0;
    for (second, steps, hung) in [(0, 3.0, 1), (30, 3.0, 1), (300, 4.0, 2)] {
        let (shared, own) = split(source.poll(at(second)).await.unwrap());
        let steps_of = shared.iter().flat_map(|traffic| &traffic.steps);
        preset += steps_of.map(|step| step.requests.requests()).sum::<f64>();
        assert_eq!(preset, 10.0 * steps, "at {second}");
        let own = own.unwrap();
        assert_eq!(own.workloads.len(), 4);
        let failed = &own.workloads[&stuck];
        assert!(
            failed.covered.is_empty() && failed.rate.is_none(),
            "{failed:?}"
        );
        let failure = failed.failure.as_deref().unwrap();
        assert!(failure.contains("answer within 2 s; "), "{failure}");
        for (id, counted) in own.workloads {
            assert_eq!(counted.failure.is_some(), id == stuck, "{id}");
            *totals.entry(id).or_default() += served(&counted);
        }
        for name in ["a", "b", "c"] {
            assert_eq!(
                totals[&id("shop", name)],
                10.0 * steps,
                "{name} at {second}"
            );
        }
        // It waits before it is asked again.
        assert_eq!(server.hung.load(Ordering::SeqCst), hung, "at {second}");
    }
    assert_eq!(source.discarded().snapshot()["own_query_failed"], 2);

    // Once it is answered nothing is missing.
    server.is_stuck.store(false, Ordering::SeqCst);
    let (_, own) = split(source.poll(at(600)).await.unwrap());
    let repaired = &own.unwrap().workloads[&stuck];
    assert_eq!(repaired.failure, None);
    assert_eq!(served(repaired), 30.0, "as far back as it looks");
}

#[tokio::test]
async fn a_namespace_full_of_queries_that_hang_delays_no_other_namespace() {
    let server = Arc::new(Server::default());
    server.is_stuck.store(true, Ordering::SeqCst);
    let queries = AnnotationQuery::default();
    let address = server.start().await;
    let mut source = RequestsSource::with(&settings(address), &queries).unwrap();
    let bad = (0..250).map(|number| (id("bad", &format!("w{number:03}")), HANG));
    let good = [(id("shop", "a"), GOOD), (id("zoo", "b"), GOOD)];
    queries.on_snapshot(&annotated(bad.chain(good.clone())));
    let polled = tokio::time::timeout(Duration::from_secs(30), source.poll(at(0))).await;
    let (shared, own) = split(polled.expect("the poll ends in time").unwrap());
    assert_eq!(shared.len(), 1);
    let own = own.unwrap();
    for (id, _) in good {
        assert_eq!(served(&own.workloads[&id]), 30.0, "{id}");
    }
    assert_eq!(source.discarded().snapshot()["too_many_own_queries"], 52);
}

#[tokio::test]
async fn what_was_answered_before_a_poll_is_given_up_is_published() {
    let server = Arc::new(Server::default());
    server.is_stuck.store(true, Ordering::SeqCst);
    let queries = AnnotationQuery::default();
    let address = server.start().await;
    let slow = Settings {
        timeout: Duration::from_secs(60),
        ..settings(address)
    };
    let mut source = RequestsSource::with(&slow, &queries).unwrap();
    queries.on_snapshot(&annotated([
        (id("shop", "a"), GOOD),
        (id("shop", "b"), HANG),
    ]));
    let (mut windows, mut rates, mut good) = (0, 0, 0.0);
    // Each poll is given up before the query that hangs is, and the last of them late enough for a busy machine.
    for seconds in [0.5, 1.0, 2.0, 4.0, 8.0] {
        let patience = Duration::from_secs_f64(seconds);
        let polled = tokio::time::timeout(patience, source.poll(at(0))).await;
        polled.expect_err("one query hangs");
        let (shared, own) = split(source.partial_results());
        windows += shared.iter().filter(|one| one.covered.is_some()).count();
        rates += shared.iter().map(|one| one.rates.len()).sum::<usize>();
        let own = own
            .as_ref()
            .and_then(|own| own.workloads.get(&id("shop", "a")));
        good += own.map(served).unwrap_or_default();
        if windows == 1 && rates > 0 && good > 0.0 {
            break;
        }
    }
    assert_eq!((windows, good), (1, 30.0));
    assert!(rates > 0);
    assert!(source.partial_results().is_empty(), "it is published once");
}
