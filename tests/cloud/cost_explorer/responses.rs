//! Answers that the simulated cloud does not give, by a small server of the test's own.

use std::collections::VecDeque;
use std::sync::Mutex;

use breakeven::sources::{Poll, Reason};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

/// Answers one after the other, each with its status, and keeps what was asked.
async fn serve(replies: Vec<(u16, Value)>) -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind(LOOPBACK).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let replies = Arc::new(Mutex::new(VecDeque::from(replies)));
    let questions = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&questions);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (replies, kept) = (Arc::clone(&replies), Arc::clone(&kept));
            let service = service_fn(move |request: Request<Incoming>| {
                let (replies, kept) = (Arc::clone(&replies), Arc::clone(&kept));
                async move {
                    let body = request.into_body().collect().await?.to_bytes();
                    kept.lock()
                        .unwrap()
                        .push(serde_json::from_slice(&body).unwrap());
                    let (status, answer) = replies.lock().unwrap().pop_front().unwrap();
                    let response = Response::builder()
                        .status(status)
                        .header("content-type", "application/x-amz-json-1.1");
                    let body = Full::<Bytes>::from(answer.to_string());
                    Ok::<_, hyper::Error>(response.body(body).unwrap())
                }
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    (url, questions)
}

fn day(day: &str, is_estimated: bool) -> Value {
    json!({"TimePeriod": {"Start": day, "End": "2026-12-31"}, "Total": {}, "Groups": [], "Estimated": is_estimated})
}

#[tokio::test]
async fn what_is_asked_leaves_out_credits_and_accounts_that_are_not_read() {
    let answer = json!({"ResultsByTime": [day("2026-03-09", false)]});
    let (url, questions) = serve(vec![(200, answer)]).await;
    let directory = tempfile::tempdir().unwrap();
    let mut source = source(url, &[PAYMENTS, OWN, PAYMENTS], directory.path(), 2);
    let bill = published_bill(source.poll(at("2026-03-10T09:00:00Z")).await.unwrap());
    // A day on which nothing was charged is one.
    assert_eq!(bill.unwrap().days.len(), 1);
    let asked = questions.lock().unwrap().remove(0);
    assert_eq!(
        asked["TimePeriod"],
        json!({"Start": "2026-03-03", "End": "2026-03-10"})
    );
    assert_eq!(asked["Granularity"], "DAILY");
    let groups = json!([
        {"Type": "DIMENSION", "Key": "USAGE_TYPE"},
        {"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"},
    ]);
    assert_eq!(asked["GroupBy"], groups);
    let filter = json!({"And": [
        {"Dimensions": {"Key": "SERVICE", "Values": ["AWS Lambda"]}},
        {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": [PAYMENTS, OWN]}},
        {"Not": {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Credit", "Refund", "Tax"]}}},
    ]});
    assert_eq!(asked["Filter"], filter);
}

#[tokio::test]
async fn a_month_that_aws_calls_estimated_is_settled_two_days_late() {
    let days: Vec<Value> = (3..10)
        .map(|of| day(&format!("2026-03-{of:02}"), true))
        .collect();
    let answer = json!({"ResultsByTime": days});
    let (url, _) = serve(vec![(200, answer)]).await;
    let directory = tempfile::tempdir().unwrap();
    let mut source = source(url, &[OWN], directory.path(), 2);
    let bill = published_bill(source.poll(at("2026-03-10T09:00:00Z")).await.unwrap()).unwrap();
    assert_eq!(bill.days.last().unwrap().day.to_string(), "2026-03-07");
}

#[tokio::test]
async fn cost_explorer_that_has_prepared_nothing_yet_is_a_failure_of_its_own() {
    let refusal =
        json!({"__type": "DataUnavailableException", "Message": "Data is not available."});
    let (url, _) = serve(vec![(400, refusal)]).await;
    let directory = tempfile::tempdir().unwrap();
    let mut source = source(url, &[OWN], directory.path(), 2);
    let error = source.poll(at("2026-03-10T09:00:00Z")).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Incomplete);
    for part in [
        "DataUnavailableException",
        "Data is not available.",
        "switched on",
    ] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[tokio::test]
async fn days_before_a_page_that_fails_are_kept_and_told() {
    let first = json!({
        "ResultsByTime": [day("2026-03-03", false), day("2026-03-04", false)],
        "NextPageToken": "more",
    });
    let rest = json!({"ResultsByTime": [day("2026-03-04", false), day("2026-03-05", false)]});
    let refusal = json!({"__type": "LimitExceededException", "message": "too many"});
    let (url, questions) = serve(vec![(200, first), (400, refusal), (200, rest)]).await;
    let directory = tempfile::tempdir().unwrap();
    let mut source = source(url, &[OWN], directory.path(), 5);
    let error = source.poll(at("2026-03-10T09:00:00Z")).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Throttled);
    let bill = published_bill(source.partial_results()).unwrap();
    assert_eq!(bill.days.len(), 1);
    let bill = published_bill(source.poll(at("2026-03-10T10:00:00Z")).await.unwrap()).unwrap();
    assert_eq!(bill.days.len(), 3);
    let asked = questions.lock().unwrap();
    assert_eq!(asked[1]["NextPageToken"], "more");
    assert_eq!(asked[2]["TimePeriod"]["Start"], "2026-03-04");
    assert_eq!(asked[2].get("NextPageToken"), None);
}

#[tokio::test]
async fn a_day_of_more_pages_than_calls_asks_for_more_calls() {
    let page = json!({"ResultsByTime": [day("2026-03-03", false)], "NextPageToken": "more"});
    let (url, questions) = serve(vec![(200, page.clone()), (200, page)]).await;
    let directory = tempfile::tempdir().unwrap();
    let mut source = source(url, &[OWN], directory.path(), 2);
    let error = source.poll(at("2026-03-10T09:00:00Z")).await.unwrap_err();
    assert!(
        error.to_string().contains("raise `aws.bill.calls_per_day`"),
        "{error}"
    );
    assert_eq!(questions.lock().unwrap().len(), 2);
}
