//! Two hundred and twenty pods that cannot be scraped, and five that can.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use breakeven::sources::Poll;
use breakeven::sources::scrape::{ScrapeSource, Settings, Targets};
use breakeven_model::inventory::{
    Cluster, Observation, PodKey, ScrapeTarget, WorkloadId, WorkloadKind,
};
use http::Response;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::TcpListener;

/// The longest that the agent lets a poll take by default: an interval.
const INTERVAL: Duration = Duration::from_secs(15);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_496_000 + second).unwrap()
}

fn target(server: SocketAddr, name: &str) -> ScrapeTarget {
    let namespace: Arc<str> = "shop".into();
    ScrapeTarget {
        pod: PodKey {
            namespace: Arc::clone(&namespace),
            name: name.into(),
        },
        workload: WorkloadId {
            namespace,
            kind: WorkloadKind::Deployment,
            name: name.into(),
        },
        url: format!("http://{server}/metrics").into(),
        born: None,
    }
}

/// Accepts connections, and never answers.
async fn silent() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
        }
    });
    address
}

/// A port that refuses connections.
async fn refused() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// A pod whose counter stands where `count` does.
async fn healthy(count: Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            let service = service_fn(move |_| {
                let text = format!("http_requests_total {}\n", count.load(Ordering::SeqCst));
                async { Ok::<_, Infallible>(Response::new(Full::<bytes::Bytes>::from(text))) }
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

#[tokio::test]
async fn pods_that_cannot_be_reached_delay_no_other() {
    let count = Arc::new(AtomicU64::new(1_000));
    let (silent, refused) = (silent().await, refused().await);
    let healthy = healthy(Arc::clone(&count)).await;
    let bad = (0..220).map(|number| {
        let server = if number % 11 == 0 { refused } else { silent };
        target(server, &format!("bad-{number:03}"))
    });
    let good = (0..5).map(|number| target(healthy, &format!("good-{number}")));
    let targets = Targets::default();
    targets.on_snapshot(&Cluster {
        at: at(0),
        scrapes: bad.chain(good).collect(),
        ..Cluster::default()
    });
    let settings = Settings {
        timeout: Duration::from_secs(4),
        ..Settings::default()
    };
    let mut source = ScrapeSource::new(settings, &targets);
    let mut served: BTreeMap<String, f64> = BTreeMap::new();
    for poll in 0..4 {
        let began = Instant::now();
        let polled = tokio::time::timeout(INTERVAL, source.poll(at(poll * 15))).await;
        let observations = polled.expect("the poll ends within the interval").unwrap();
        println!("poll {poll} took {:?}", began.elapsed());
        count.fetch_add(10, Ordering::SeqCst);
        let Some(Observation::DedicatedTraffic(own)) = observations.into_iter().next() else {
            assert_eq!(poll, 0, "nothing is published");
            continue;
        };
        for (id, one) in own.workloads {
            assert!(id.name.starts_with("good"), "{id}: {one:?}");
            assert_eq!(one.covered.len(), 1, "{id} is read at each poll");
            let steps = one.steps.iter().map(|step| step.requests.requests());
            *served.entry(id.name.to_string()).or_default() += steps.sum::<f64>();
        }
    }
    let expected = (0..5).map(|number| (format!("good-{number}"), 30.0));
    assert_eq!(served, expected.collect());
    let discarded = source.discarded().snapshot();
    assert!(discarded["scrape_timeout"] >= 128, "{discarded:?}");
    assert!(discarded["scrape_connect"] >= 1, "{discarded:?}");
    // None is tried at each of the four polls.
    assert!(discarded["scrape_timeout"] <= 400, "{discarded:?}");
}

#[tokio::test]
async fn a_workload_without_an_answer_is_unknown_and_not_idle_and_nothing_is_lost() {
    let count = Arc::new(AtomicU64::new(1_000));
    let (silent, healthy) = (silent().await, healthy(Arc::clone(&count)).await);
    let targets = Targets::default();
    let settings = Settings {
        timeout: Duration::from_millis(500),
        ..Settings::default()
    };
    let mut source = ScrapeSource::new(settings, &targets);
    let mut windows = Vec::new();
    for (second, web) in [
        (0, healthy),
        (15, healthy),
        (30, silent),
        (45, silent),
        (60, healthy),
    ] {
        count.fetch_add(10, Ordering::SeqCst);
        targets.on_snapshot(&Cluster {
            at: at(second),
            scrapes: vec![target(web, "web"), target(healthy, "other")],
            ..Cluster::default()
        });
        let observations = source.poll(at(second)).await.unwrap();
        let Some(Observation::DedicatedTraffic(own)) = observations.into_iter().next() else {
            continue;
        };
        let web = &own.workloads[&target(healthy, "web").workload];
        assert_eq!(web.failure.is_some(), web.covered.is_empty(), "{web:?}");
        windows.extend(web.steps.iter().map(|step| {
            let (start, end) = (step.window.start(), step.window.end());
            let second = |time: Timestamp| time.as_second() - at(0).as_second();
            (second(start), second(end), step.requests.requests())
        }));
    }
    assert_eq!(windows, [(0, 15, 10.0), (15, 60, 30.0)]);
}
