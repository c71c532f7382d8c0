//! Which preset is taken where none is configured, and for how long.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use breakeven::sources::prometheus::{Preset, Queries, RequestsSource, Settings};
use breakeven::sources::{Poll, Reason};
use breakeven_model::inventory::{Observation, OriginChoice, RequestOrigin};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};

/// The one metric that there is, with its labels, and whether the server is broken.
#[derive(Clone, Debug)]
enum Holds {
    Metric(&'static str, &'static str),
    Nothing,
    /// A server that refuses what it cannot evaluate, and has nothing else.
    Refuses,
    Broken,
}

const BY_POD: &str = r#"{"namespace":"shop","pod":"web-0"}"#;

/// A server with the API of Prometheus, and what it holds.
async fn server() -> (String, Arc<Mutex<Holds>>) {
    let holds = Arc::new(Mutex::new(Holds::Nothing));
    let listener = tokio::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let held = Arc::clone(&holds);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let held = Arc::clone(&held);
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let held = Arc::clone(&held);
                async move {
                    let ranged = request.uri().path().ends_with("query_range");
                    let form = request.into_body().collect().await.unwrap().to_bytes();
                    let form = String::from_utf8_lossy(&form).into_owned();
                    let holds = held.lock().unwrap().clone();
                    Ok::<_, Infallible>(answer(&holds, &form, ranged))
                }
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    (url, holds)
}

fn answer(holds: &Holds, form: &str, ranged: bool) -> http::Response<Full<Bytes>> {
    let mut code = 200;
    let kind = if ranged { "matrix" } else { "vector" };
    let none = format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":[]}}}}"#);
    let body = match holds {
        Holds::Metric(metric, labels) if form.contains(metric) => {
            let value = match ranged {
                true => r#""values":[]"#,
                false => r#""value":[1,"60"]"#,
            };
            let series = format!(r#"{{"metric":{labels},{value}}}"#);
            none.replace("[]}}", &format!("[{series}]}}}}"))
        }
        Holds::Broken => {
            code = 503;
            String::new()
        }
        Holds::Refuses if form.contains("group_left") => {
            code = 422;
            r#"{"status":"error","errorType":"execution","error":"no joins here"}"#.into()
        }
        _ => none,
    };
    let response = http::Response::builder().status(code);
    response.body(Full::from(body)).unwrap()
}

fn after(minutes: i64) -> Timestamp {
    let noon: Timestamp = "2026-03-03T12:01:30Z".parse().unwrap();
    noon + SignedDuration::from_mins(minutes)
}

fn source(url: String) -> RequestsSource {
    let settings = Settings {
        backfill: Duration::from_secs(600),
        ..Settings::new(url, Queries::Auto)
    };
    RequestsSource::new(&settings).unwrap()
}

/// What a poll says of the origin, and how much time it covers in minutes.
async fn poll(source: &mut RequestsSource, minutes: i64) -> (Option<RequestOrigin>, i64) {
    let (mut origin, mut covered) = (None, 0);
    for observation in source.poll(after(minutes)).await.unwrap() {
        match observation {
            Observation::RequestOrigin(one) => origin = Some(one),
            Observation::Traffic(traffic) => {
                let window = traffic.covered;
                covered += window.map_or(0, |one| one.end().duration_since(one.start()).as_mins());
            }
            other => panic!("{other:?}"),
        }
    }
    (origin, covered)
}

fn name(origin: Option<&RequestOrigin>) -> Option<&str> {
    origin.and_then(|one| one.name.as_deref())
}

#[tokio::test]
async fn the_first_preset_with_data_is_taken_and_says_what_it_was_preferred_to() {
    let (url, holds) = server().await;
    let mut source = source(url);
    let (origin, covered) = poll(&mut source, 0).await;
    let origin = origin.unwrap();
    assert_eq!((origin.name, covered), (None, 0));
    assert_eq!(origin.choice, OriginChoice::NoneHasData);
    assert_eq!(origin.passed_over.len(), Preset::ALL.len());
    assert_eq!(poll(&mut source, 1).await.0, None, "it is told once");

    *holds.lock().unwrap() = Holds::Metric("grpc_server_handled_total", BY_POD);
    let (origin, covered) = poll(&mut source, 2).await;
    let origin = origin.unwrap();
    assert_eq!(origin.name.as_deref(), Some("grpc"));
    assert_eq!(origin.choice, OriginChoice::FirstWithData);
    let passed_over: Vec<&str> = origin.passed_over.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        passed_over,
        ["istio", "linkerd", "hubble", "opentelemetry", "http"]
    );
    assert_eq!(&*origin.passed_over[0].1, "no data");
    assert_eq!(covered, 10, "what came before is read as well");
}

#[tokio::test]
async fn what_was_taken_stays_until_it_has_no_data_for_an_hour_and_another_has() {
    let (url, holds) = server().await;
    let hold = |one| *holds.lock().unwrap() = one;
    hold(Holds::Metric("http_requests_total", BY_POD));
    let mut source = source(url);
    assert_eq!(name(poll(&mut source, 0).await.0.as_ref()), Some("http"));
    // One that comes before it in the order appears while this one is gone for a while.
    let istio = r#"{"destination_workload_namespace":"shop","destination_workload":"web"}"#;
    hold(Holds::Metric("istio_requests_total", istio));
    for minutes in [10, 30, 59] {
        assert_eq!(poll(&mut source, minutes).await.0, None, "{minutes}");
    }
    let (origin, covered) = poll(&mut source, 61).await;
    assert_eq!(name(origin.as_ref()), Some("istio"));
    assert_eq!(covered, 10, "the window is read anew by the other");
    hold(Holds::Nothing);
    for minutes in [70, 200, 400] {
        let chosen = poll(&mut source, minutes).await.0;
        assert_eq!(chosen, None, "none is better after {minutes} minutes");
    }
}

#[tokio::test]
async fn a_preset_whose_series_name_nobody_is_passed_over_with_the_labels_they_have() {
    let (url, holds) = server().await;
    let labels = r#"{"method":"GET","reporter":"server"}"#;
    *holds.lock().unwrap() = Holds::Metric("hubble_http_requests_total", labels);
    let origin = poll(&mut source(url), 0).await.0.unwrap();
    let (_, why) = &origin.passed_over[2];
    assert!(
        why.contains("`destination_namespace` and `destination_workload`"),
        "{why}"
    );
    assert!(why.ends_with("found `method`, `reporter`"), "{why}");
}

#[tokio::test]
async fn a_query_that_the_server_refuses_is_passed_over_and_a_server_that_fails_is_not() {
    let (url, holds) = server().await;
    *holds.lock().unwrap() = Holds::Refuses;
    let mut source = source(url);
    let origin = poll(&mut source, 0).await.0.unwrap();
    let (name, why) = &origin.passed_over[3];
    assert_eq!(&**name, "opentelemetry");
    assert!(why.contains("no joins here"), "{why}");

    *holds.lock().unwrap() = Holds::Broken;
    let error = source.poll(after(1)).await.unwrap_err();
    assert_eq!(error.reason(), Reason::ServerError, "{error}");
}
