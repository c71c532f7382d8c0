//! Answers of CloudWatch that the simulated cloud does not give, by a small server of the test's own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use breakeven::sources::aws::cloudwatch::{self, Budget, CloudWatchSource, ScheduleLimits};
use breakeven::sources::aws::{self, Aws, FixedCredentials};
use breakeven::sources::{Poll, Reason};
use breakeven_model::inventory::{
    Architecture, Function, FunctionBatch, FunctionId, Functions, Observation,
};
use breakeven_model::units::{MemoryMib, Seconds};
use bytes::Bytes;
use ciborium::Value;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What one call is answered with.
#[derive(Clone, Debug)]
enum Reply {
    /// Every query has this status; with this token behind it, and 1 in the first minute that is asked for.
    All(&'static str, Option<&'static str>),
    /// Every query but the last is complete.
    AllButOne,
    /// Status 500.
    Fail,
}

/// The calls that came: how many queries each had, and its token.
type Calls = Arc<Mutex<Vec<(usize, Option<String>)>>>;

async fn serve(replies: impl IntoIterator<Item = Reply>) -> (String, Calls) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let replies: Arc<Mutex<VecDeque<Reply>>> = Arc::new(Mutex::new(replies.into_iter().collect()));
    let calls = Calls::default();
    let shared = (replies, calls.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (replies, calls) = shared.clone();
            let service =
                service_fn(move |request| answer(request, replies.clone(), calls.clone()));
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    (url, calls)
}

async fn answer(
    request: Request<Incoming>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    calls: Calls,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let input: Value = ciborium::from_reader(&*body).unwrap();
    let queries = field(&input, "MetricDataQueries")
        .unwrap()
        .as_array()
        .unwrap()
        .len();
    let token = field(&input, "NextToken").map(|token| token.as_text().unwrap().to_owned());
    calls.lock().unwrap().push((queries, token));
    let reply = replies.lock().unwrap().pop_front().unwrap();
    let builder = Response::builder().header("smithy-protocol", "rpc-v2-cbor");
    let (status, answered, next) = match reply {
        Reply::Fail => {
            let empty = builder.status(500).body(Full::default());
            return Ok(empty.unwrap());
        }
        Reply::AllButOne => ("Complete", queries - 1, None),
        Reply::All(status, next) => (status, queries, next),
    };
    let results = (0..answered).map(|index| {
        let first =
            matches!(status, "Complete").then(|| field(&input, "StartTime").unwrap().clone());
        let values = first.iter().map(|_| Value::Float(1.0)).collect();
        map([
            ("Id", Value::Text(format!("q{index}"))),
            ("Timestamps", Value::Array(first.into_iter().collect())),
            ("Values", Value::Array(values)),
            ("StatusCode", Value::Text(status.into())),
        ])
    });
    let mut output = vec![("MetricDataResults", Value::Array(results.collect()))];
    if let Some(next) = next {
        output.push(("NextToken", Value::Text(next.into())));
    }
    let mut body = Vec::new();
    ciborium::into_writer(&map(output), &mut body).unwrap();
    let response = builder.header("content-type", "application/cbor");
    Ok(response.body(Full::from(body)).unwrap())
}

fn map(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let fields = fields.into_iter();
    Value::Map(
        fields
            .map(|(name, value)| (Value::Text(name.into()), value))
            .collect(),
    )
}

fn field<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    let mut fields = map.as_map().unwrap().iter();
    fields.find_map(|(key, value)| (key.as_text() == Some(name)).then_some(value))
}

fn noon() -> Timestamp {
    "2026-03-03T12:00:20Z".parse().unwrap()
}

/// A source of so many functions, that tries each call once.
fn source(url: String, functions: usize) -> CloudWatchSource {
    let function = |index: usize| {
        Arc::new(Function {
            timeout: Seconds::ZERO,
            ..Function::plain(
                FunctionId {
                    account_id: "123456789012".into(),
                    region: "eu-west-1".into(),
                    name: format!("f{index:03}").into(),
                },
                MemoryMib::MIN,
                Architecture::X86_64,
            )
        })
    };
    let (_, listed) = watch::channel(Some(Arc::new(Functions {
        at: noon(),
        account_id: "123456789012".into(),
        region: "eu-west-1".into(),
        functions: (0..functions).map(function).collect(),
        concurrency_limit: None,
    })));
    let aws = Aws::new(aws::AwsConfig {
        region: Some("eu-west-1".into()),
        endpoint_url: Some(url),
        credentials: Some(FixedCredentials {
            access_key_id: "AKID".into(),
            secret_access_key: "simulated".into(),
        }),
        max_attempts: 1,
        ..aws::AwsConfig::default()
    });
    let settings = cloudwatch::CloudWatchConfig {
        backfill: std::time::Duration::from_secs(600),
        ..cloudwatch::CloudWatchConfig::default()
    };
    CloudWatchSource::new(
        settings,
        aws,
        listed,
        Budget::new(ScheduleLimits::default()),
    )
}

async fn read(source: &mut CloudWatchSource, at: Timestamp) -> Vec<FunctionBatch> {
    let observations = source.poll(at).await.unwrap().into_iter();
    let minutes = observations.flat_map(|observation| match observation {
        Observation::FunctionMinutes(minutes) => minutes.functions,
        other => panic!("{other:?}"),
    });
    minutes.collect()
}

#[tokio::test]
async fn what_was_read_before_a_failure_is_not_asked_for_again() {
    let complete = Reply::All("Complete", None);
    let (url, calls) = serve([complete.clone(), Reply::Fail, complete]).await;
    let mut source = source(url, 120);
    let error = source.poll(noon()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::ServerError);
    let read = read(&mut source, noon()).await;
    assert_eq!(read.len(), 120, "all come together");
    let first = &read[0];
    let minute = first.minutes[0];
    assert_eq!(minute.minute, first.window.start().as_second() / 60);
    assert_eq!(minute.duration.millis(), 1.0);
    let asked: Vec<usize> = calls.lock().unwrap().iter().map(|call| call.0).collect();
    assert_eq!(asked, [498, 222, 222]);
}

#[tokio::test]
async fn an_internal_error_with_a_token_goes_on_with_it() {
    let replies = [
        Reply::All("InternalError", Some("one")),
        Reply::All("PartialData", Some("two")),
        Reply::All("Complete", None),
    ];
    let (url, calls) = serve(replies).await;
    assert_eq!(read(&mut source(url, 2), noon()).await.len(), 2);
    let tokens: Vec<_> = calls
        .lock()
        .unwrap()
        .iter()
        .map(|call| call.1.clone())
        .collect();
    assert_eq!(tokens, [None, Some("one".into()), Some("two".into())]);
}

#[tokio::test]
async fn an_answer_that_is_not_whole_is_asked_for_again() {
    for (replies, reason, text) in [
        (
            vec![Reply::All("InternalError", None)],
            Reason::Incomplete,
            "Duration of f000 ended as InternalError",
        ),
        (
            vec![Reply::AllButOne],
            Reason::Incomplete,
            "1 functions have no answer",
        ),
        (
            vec![Reply::All("Forbidden", None)],
            Reason::Forbidden,
            "grant `cloudwatch:GetMetricData`",
        ),
        (
            vec![Reply::All("PartialData", Some("same")); 3],
            Reason::Incomplete,
            "Duration of f000 ended as PartialData",
        ),
    ] {
        let replies = replies.into_iter().chain([Reply::All("Complete", None)]);
        let (url, _) = serve(replies).await;
        let mut source = source(url, 1);
        let error = source.poll(noon()).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        // A minute later also what a single function failed with is tried again.
        let later = noon() + SignedDuration::from_mins(1);
        assert_eq!(read(&mut source, later).await.len(), 1);
    }
}
