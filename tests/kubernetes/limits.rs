//! Answers without an end: they cost little memory, are reported, and harm no other source.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use breakeven::sources::kubernetes::Settings;
use breakeven_model::inventory::Observation;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::agent::{Agent, settings};
use crate::stub::{Answer, Asked, Stub, endless, list, quiet_until, refused, whole};
use crate::support::exposition::{Exposition, get};
use crate::support::program::without_aws;
use crate::support::{until, until_within};

/// The beginning of a list.
pub(crate) const LIST: &str = r#"{"kind":"List","metadata":{"resourceVersion":"1"},"items":["#;

/// How much the memory of the agent may grow.
const MAX_GROWTH: u64 = 100 << 20;

/// Everything is asked at once of a program without optimizations: what is read is read up to its limits.
const PATIENCE: Duration = Duration::from_secs(300);

fn node() -> Value {
    json!({
        "metadata": {"name": "node-a", "uid": "node-a", "resourceVersion": "1",
            "labels": {"node.kubernetes.io/instance-type": "m5.large", "topology.kubernetes.io/region": "us-east-1"}},
        "status": {"capacity": {"cpu": "2", "memory": "8Gi"}, "allocatable": {"cpu": "2", "memory": "8Gi"}},
    })
}

fn owner() -> Value {
    json!({"metadata": {"name": "web", "namespace": "shop", "uid": "web", "resourceVersion": "1"}})
}

/// What goes on without an end, each resource in its own way; all others answer as they should.
fn without_an_end(asked: &Asked) -> Option<Answer> {
    let is_watch = asked.is_watch();
    Some(match asked {
        // One object.
        one if one.is_of("/replicasets") && !is_watch => {
            endless(&format!(r#"{LIST}{{"metadata":{{"name":""#), "web")
        }
        // A line.
        one if one.is_of("/jobs") && is_watch => endless(r#"{"type":"ADDED","object":""#, "web"),
        // Pages.
        one if one.is_of("/deployments") && !is_watch => {
            let (_, token) = one.path.split_once("continue=").unwrap_or(("", "0"));
            let number = token.split('&').next().unwrap().parse::<u64>().unwrap();
            list(&[owner()], &(number + 1).to_string())
        }
        // Pages that lead to themselves.
        one if one.is_of("/daemonsets") && !is_watch => list(&[owner()], "again"),
        // Objects.
        one if one.is_of("/statefulsets") && !is_watch => {
            endless(LIST, r#"{"metadata":{"name":"web","uid":"web"}},"#)
        }
        // An error.
        one if one.is_of("/storageclasses") && !is_watch => {
            let mut answer = endless("no ", "such thing ");
            *answer.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            answer
        }
        one if one.is_of("/apis/metrics.k8s.io/v1beta1/pods") => {
            endless(&format!("{LIST}{{\"metadata\":\""), "web")
        }
        one if one.is_of("/metrics/resource") => {
            endless("", "container_cpu_usage_seconds_total 1\n")
        }
        one if one.is_of("/version") => endless("{\"gitVersion\": \"v1", "36"),
        _ => return None,
    })
}

fn as_it_should_be(asked: &Asked, end: &CancellationToken) -> Answer {
    match asked {
        one if one.is_watch() && end.is_cancelled() => refused(410, "too old resource version"),
        one if one.is_watch() => quiet_until(end.clone().cancelled_owned()),
        one if one.is_of("/nodes") => list(&[node()], ""),
        one if one.is_of("/version") => whole(http::StatusCode::OK, r#"{"gitVersion": "v1.36.0"}"#),
        one if one.is_of("/apis/metrics.k8s.io/v1beta1/pods") => {
            let list = r#"{"kind": "PodMetricsList", "metadata": {}, "items": []}"#;
            whole(http::StatusCode::OK, list)
        }
        one if one.is_of("/metrics/resource") => {
            whole(http::StatusCode::OK, "resource_scrape_error 0\n")
        }
        _ => list(&[], ""),
    }
}

/// An agent whose API server begins to answer some requests without an end, each several times. It has to report each of
/// these texts, while this source is up.
pub(crate) async fn survives(
    usage_source: &str,
    without_an_end: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static,
    reported: &[&str],
    up: &str,
) {
    let end = CancellationToken::new();
    let begun = end.clone();
    let endless = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&endless);
    let stub = Stub::start(move |asked| {
        let answer = begun.is_cancelled().then(|| without_an_end(asked));
        let answer = answer.flatten();
        count.fetch_add(answer.is_some().into(), Ordering::Relaxed);
        answer.unwrap_or_else(|| as_it_should_be(asked, &begun))
    })
    .await;
    let settings = format!(", usage_source: {usage_source}");
    let (agent, address) = without_aws(&stub.kubeconfig(), &settings).await;
    let sources = async || {
        let shown = Exposition::at(&format!("http://{address}/metrics")).await?;
        (shown.sum("breakeven_source_up", &[])? >= 3.0).then_some(())
    };
    until("all sources", sources).await;
    let before = agent.peak_memory();

    // Watches end, and their versions are gone.
    end.cancel();
    until_within(PATIENCE, "all reports", async || {
        let said = agent.said();
        let is_repeated = endless.load(Ordering::Relaxed) >= 3;
        let mut texts = reported.iter();
        (is_repeated && texts.all(|text| said.contains(text))).then_some(())
    })
    .await;
    until("the others to go on", async || {
        let shown = Exposition::at(&format!("http://{address}/metrics")).await?;
        let is_up = shown.one("breakeven_source_up", &[("source", up)]);
        (is_up == Some(1.0)).then_some(())
    })
    .await;
    let grown = agent.peak_memory() - before;
    println!("{reported:?}: memory grew by {} MiB", grown >> 20);
    assert!(grown < MAX_GROWTH, "memory grew by {grown} bytes");
    let (status, ..) = get(&format!("http://{address}/-/ready")).await.unwrap();
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_an_end_are_reported_and_cost_little_memory() {
    let reported = [
        "cannot list replicasets.apps",
        "an object does not end within",
        "cannot watch jobs.batch at",
        "a line does not end within",
        "the list has more than 800 pages",
        "the list has more than 200000 objects",
        "the list repeats a `continue` token",
        "cannot list storageclasses.storage.k8s.io",
        "source=usage",
    ];
    survives("metrics_api", without_an_end, &reported, "kubernetes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubelet_that_answers_without_an_end_is_reported_and_costs_little_memory() {
    let reported = ["longer than 16777216 bytes"];
    survives("kubelet", without_an_end, &reported, "kubernetes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_300_mib_in_one_answer_is_read() {
    const PODS: usize = 3_000;
    let last_applied = "x".repeat(100 << 10);
    let pods: Vec<String> = (0..PODS)
        .map(|number| {
            let metadata = json!({"name": format!("web-{number}"), "namespace": "shop", "uid": format!("{number}"),
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": last_applied}});
            json!({"metadata": metadata, "spec": {"nodeName": "node-a"}}).to_string()
        })
        .collect();
    let list = bytes::Bytes::from(format!("{LIST}{}]}}", pods.join(",")));
    assert!(list.len() > 290 << 20);
    let stub = Stub::start(move |asked| match asked {
        one if one.is_of("/api/v1/pods") && !one.is_watch() => {
            whole(http::StatusCode::OK, list.clone())
        }
        one => as_it_should_be(one, &CancellationToken::new()),
    })
    .await;
    let patient = Settings {
        request_timeout: PATIENCE,
        ..settings()
    };
    let mut agent = Agent::by(&stub.kubeconfig(), patient);
    let pods = async {
        while let Some(observed) = agent.seen.recv().await {
            if let Observation::Cluster(cluster) = observed {
                return cluster.pods.len();
            }
        }
        0
    };
    assert_eq!(timeout(PATIENCE, pods).await.unwrap(), PODS);
    assert!(agent.status().errors.is_empty(), "{:?}", agent.status());
}
