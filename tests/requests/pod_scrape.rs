//! Pods that are scraped directly: two hundred of them that restart, and some that answer with anything.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crate::support::{is_inner, run_again};
use breakeven::sources::scrape::{ScrapeSource, Settings, Targets};
use breakeven::sources::{Poll, Reason, Source, USER_AGENT};
use breakeven_model::inventory::{
    Cluster, DedicatedSource, DedicatedTraffic, Observation, PodKey, ScrapeTarget, WorkloadId,
    WorkloadKind,
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;

const START: i64 = 1_772_496_000;
const INTERVAL: i64 = 30;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

type Body = BoxBody<Bytes, Infallible>;

fn whole(body: impl Into<Bytes>) -> Response<Body> {
    Response::new(Full::new(body.into()).boxed())
}

/// Serves what a function makes of each path.
async fn serve(answer: impl Fn(&str) -> Response<Body> + Send + Sync + 'static) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            let service = service_fn(move |request: Request<Incoming>| {
                let mut response = answer(request.uri().path());
                // Each request is to name the program that sends it.
                if request.headers().get(http::header::USER_AGENT)
                    != Some(&http::HeaderValue::from_static(USER_AGENT))
                {
                    *response.status_mut() = http::StatusCode::FORBIDDEN;
                }
                async move { Ok::<_, Infallible>(response) }
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

fn workload(name: &str) -> WorkloadId {
    WorkloadId {
        namespace: "shop".into(),
        kind: WorkloadKind::Deployment,
        name: name.into(),
    }
}

fn target(server: SocketAddr, of: &str, pod: &str, born: Option<Timestamp>) -> ScrapeTarget {
    ScrapeTarget {
        pod: PodKey {
            namespace: "shop".into(),
            name: pod.into(),
        },
        workload: workload(of),
        url: format!("http://{server}/{pod}").into(),
        born,
    }
}

fn cluster(second: i64, scrapes: Vec<ScrapeTarget>) -> Cluster {
    Cluster {
        at: at(second),
        scrapes,
        ..Cluster::default()
    }
}

async fn poll(source: &mut ScrapeSource, second: i64) -> Option<DedicatedTraffic> {
    let mut observations = source.poll(at(second)).await.unwrap();
    match observations.pop() {
        Some(Observation::DedicatedTraffic(own)) => {
            assert_eq!(own.by, DedicatedSource::Scrape);
            Some(own)
        }
        None => None,
        other => panic!("{other:?}"),
    }
}

/// A pod of the two hundred: when it lives, and when its process begins anew.
#[derive(Clone, Debug)]
struct Simulated {
    number: i64,
    from: i64,
    to: i64,
    restarts: Vec<i64>,
}

impl Simulated {
    fn name(&self) -> String {
        format!("pod-{}", self.number)
    }

    fn workload(&self) -> &'static str {
        ["web", "api", "mail"][(self.number % 3).unsigned_abs() as usize]
    }

    /// Requests in a second.
    fn asked(&self, second: i64) -> u64 {
        (5 + (self.number * 7 + second / 60) % 11).unsigned_abs()
    }

    fn served(&self, from: i64, to: i64) -> u64 {
        let seconds = from.max(self.from)..to.min(self.to);
        seconds.map(|second| self.asked(second)).sum()
    }

    /// What its process says: `None` while there is none.
    fn metrics(&self, now: i64) -> Option<String> {
        if !(self.from..self.to).contains(&now) {
            return None;
        }
        let restarts = self.restarts.iter().copied();
        let began = restarts.filter(|restart| *restart <= now).max();
        let began = began.unwrap_or(self.from);
        let count = self.served(began, now);
        let failed = count / 40;
        let mut text = String::new();
        for other in 0..200 {
            writeln!(text, "other_metric_{other}{{a=\"b\"}} {}", other * now).unwrap();
        }
        for (code, count) in [("200", count - failed), ("500", failed)] {
            let labels = format!("{{code=\"{code}\",path=\"/a}}b\"}}");
            writeln!(text, "http_requests_total{labels} {count}").unwrap();
            let sum = count as f64 * 0.025;
            writeln!(text, "http_request_duration_seconds_sum{labels} {sum}").unwrap();
            writeln!(text, "http_request_duration_seconds_count{labels} {count}").unwrap();
        }
        if self.number % 2 == 0 {
            writeln!(text, "process_start_time_seconds {}.25", START + began).unwrap();
            writeln!(text, "# EOF").unwrap();
        }
        Some(text)
    }
}

fn two_hundred(end: i64) -> Vec<Simulated> {
    let pod = |number: i64| {
        let (from, to) = match number % 20 {
            // Some are added, and some taken away.
            17 => (300 + number, end + 1),
            18 => (-5_000, 600 + number),
            _ => (-5_000, end + 1),
        };
        let restarts = match number % 50 {
            3 => vec![150 + number, 700 + number],
            _ if number % 5 == 0 => vec![200 + number * 3],
            _ => Vec::new(),
        };
        Simulated {
            number,
            from,
            to,
            restarts,
        }
    };
    (0..200).map(pod).collect()
}

#[tokio::test]
async fn two_hundred_pods_are_counted_to_half_a_percent_though_they_restart() {
    let end = 1_500;
    let pods = two_hundred(end);
    let now = Arc::new(AtomicI64::new(0));
    let (shown, clock) = (pods.clone(), Arc::clone(&now));
    let server = serve(move |path| {
        let number: usize = path.trim_start_matches("/pod-").parse().unwrap();
        match shown[number].metrics(clock.load(Ordering::SeqCst)) {
            Some(text) => whole(text),
            None => {
                let gone = Response::builder().status(503);
                gone.body(Full::default().boxed()).unwrap()
            }
        }
    })
    .await;
    let targets = Targets::default();
    let mut source = ScrapeSource::new(Settings::default(), &targets);
    assert_eq!(source.source(), Source::Scrape);
    assert!(
        poll(&mut source, -INTERVAL).await.is_none(),
        "no cluster is known"
    );
    let mut counted: BTreeMap<String, (f64, f64, f64)> = BTreeMap::new();
    for second in (0..=end).step_by(30) {
        now.store(second, Ordering::SeqCst);
        let live = pods
            .iter()
            .filter(|pod| (pod.from..pod.to).contains(&second));
        let scrapes =
            live.map(|pod| target(server, pod.workload(), &pod.name(), Some(at(pod.from))));
        targets.on_snapshot(&cluster(second, scrapes.collect()));
        let Some(own) = poll(&mut source, second).await else {
            assert_eq!(second, 0, "the first time there is nothing to compare with");
            continue;
        };
        for (id, one) in own.workloads {
            assert_eq!(one.covered[0].end(), at(second));
            let sum = counted.entry(id.name.to_string()).or_default();
            for step in &one.steps {
                let (latency, measured) = step.latency.unwrap();
                sum.0 += step.requests.requests();
                sum.1 += latency.seconds();
                sum.2 += measured.requests();
            }
        }
    }
    for (name, (requests, latency, measured)) in counted {
        let own = pods.iter().filter(|pod| pod.workload() == name);
        let truth: u64 = own.map(|pod| pod.served(0, end)).sum();
        let error = requests / truth as f64 - 1.0;
        println!("{name}: {:.3} % of {truth}", 100.0 * error);
        assert!(error.abs() < 0.005, "{name}: {requests} of {truth}");
        assert!((measured / requests - 1.0).abs() < 1e-9);
        assert!((latency / measured / 0.025 - 1.0).abs() < 1e-6);
    }
    assert!(source.discarded().snapshot().is_empty());
}

/// The most memory that this process ever had, in MiB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1_024
}

fn streamed(pieces: impl Stream<Item = Bytes> + Send + Sync + 'static) -> Response<Body> {
    let frames = pieces.map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
    Response::new(BodyExt::boxed(StreamBody::new(frames)))
}

fn hostile(path: &str) -> Response<Body> {
    match path {
        "/endless" => {
            let piece = Bytes::from("# and so on, and so on\n".repeat(2_000));
            streamed(stream::repeat(piece))
        }
        "/slow" => {
            let first = stream::iter([Bytes::from_static(b"http_requests_total")]);
            streamed(first.chain(stream::pending()))
        }
        "/huge" => {
            let lines = Bytes::from(("x".repeat(1_023) + "\n").repeat(64));
            streamed(stream::iter((0..1_600).map(move |_| lines.clone())))
        }
        "/one-line" => {
            let line = Bytes::from("http_requests_total{".repeat(2_500));
            streamed(stream::iter((0..100).map(move |_| line.clone())))
        }
        "/many" => {
            let mut text = String::new();
            for series in 0..50_000 {
                writeln!(text, "http_requests_total{{a=\"{series}\"}} 1").unwrap();
            }
            whole(text)
        }
        "/gzip" => {
            let bomb = Response::builder().header("content-encoding", "gzip");
            bomb.body(Full::from(&b"\x1f\x8b\x08"[..]).boxed()).unwrap()
        }
        "/bytes" => whole(&b"http_requests_total{a=\"\xff\xfe\"} 7\n\xff\xff\x00\n"[..]),
        "/nan" => whole("http_requests_total{a=\"b\"} NaN\nhttp_requests_total{a=\"c\"} 7\n"),
        "/twice" => whole("http_requests_total 7\nhttp_requests_total 9\n"),
        "/broken" => Response::builder()
            .status(500)
            .body(Full::default().boxed())
            .unwrap(),
        _ => whole("http_requests_total 7\n"),
    }
}

#[tokio::test]
async fn whatever_a_pod_answers_is_bounded_and_counted_and_hurts_no_other() {
    // The memory of a process includes that of every test that runs in it.
    if !is_inner() {
        let test = "pod_scrape::whatever_a_pod_answers_is_bounded_and_counted_and_hurts_no_other";
        return run_again(test, &[]).await;
    }
    let server = serve(hostile).await;
    let targets = Targets::default();
    let settings = Settings {
        timeout: Duration::from_secs(6),
        ..Settings::default()
    };
    let mut source = ScrapeSource::new(settings, &targets);
    let names = [
        "endless", "slow", "huge", "one-line", "many", "gzip", "bytes", "nan", "twice", "broken",
        "good",
    ];
    // All were made after scraping began, so that what they say counts whole.
    targets.on_snapshot(&cluster(0, Vec::new()));
    assert!(poll(&mut source, 0).await.is_none());
    let scrapes = names.map(|name| target(server, name, name, Some(at(1))));
    targets.on_snapshot(&cluster(30, scrapes.to_vec()));
    let (before, began) = (most_memory(), Instant::now());
    let own = poll(&mut source, 30).await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    let grown = most_memory() - before;
    println!("{grown} MiB more in {:?}", began.elapsed());
    assert!(grown < 64, "{grown} MiB");
    let counted: BTreeMap<String, f64> = own
        .workloads
        .iter()
        .map(|(id, one)| (id.name.to_string(), one.steps[0].requests.requests()))
        .collect();
    let expected = ["bytes", "good", "nan", "twice"].map(|name| (name.to_owned(), 7.0));
    assert_eq!(counted, BTreeMap::from(expected));
    let discarded = source.discarded().snapshot();
    for (reason, count) in [
        ("scrape_timeout", 1),
        ("scrape_too_long", 2),
        ("scrape_too_many_series", 1),
        ("scrape_encoding", 1),
        ("scrape_status", 1),
        ("long_line", 1),
        ("not_finite", 1),
        ("duplicate_series", 1),
    ] {
        assert_eq!(
            discarded.get(reason),
            Some(&count),
            "{reason}: {discarded:?}"
        );
    }
}

#[tokio::test]
async fn the_source_is_down_only_where_no_pod_answers() {
    let server = serve(hostile).await;
    let targets = Targets::default();
    let mut source = ScrapeSource::new(Settings::default(), &targets);
    let of = |names: &[&str]| {
        let scrapes = names.iter().map(|name| target(server, name, name, None));
        cluster(0, scrapes.collect())
    };
    targets.on_snapshot(&of(&["broken", "good"]));
    source.poll(at(0)).await.unwrap();
    targets.on_snapshot(&of(&["broken", "gzip"]));
    let error = source.poll(at(30)).await.unwrap_err();
    assert_eq!(error.reason(), Reason::InvalidResponse, "{error}");
    assert!(error.to_string().contains("prometheus.io/port"), "{error}");
    targets.on_snapshot(&of(&[]));
    source.poll(at(60)).await.unwrap();
}
