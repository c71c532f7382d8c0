//! Answers without an end: they cost little memory, are reported, and harm no other source.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::stub::{Answer, Asked, Stub, endless, list, quiet_until, refused, whole};
use crate::support::exposition::{Exposition, get};
use crate::support::program::{Program, breakeven};
use crate::support::{until, until_within};

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
    const LIST: &str = r#"{"kind":"List","metadata":{"resourceVersion":"1"},"items":["#;
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

/// An agent whose API server begins to answer without an end; it is to report each of these texts.
async fn survives(usage_source: &str, reported: &[&str]) {
    let end = CancellationToken::new();
    let begun = end.clone();
    let stub = Stub::start(move |asked| {
        let answer = begun
            .is_cancelled()
            .then(|| without_an_end(asked))
            .flatten();
        answer.unwrap_or_else(|| as_it_should_be(asked, &begun))
    })
    .await;
    let folder = TempDir::new().unwrap();
    let [kubeconfig, config] = ["kubeconfig", "config.yaml"].map(|name| folder.path().join(name));
    std::fs::write(&kubeconfig, stub.kubeconfig()).unwrap();
    let text = format!(
        "aws: {{enabled: false}}\nkubernetes: {{kubeconfig: {}, usage_source: {usage_source}, \
         usage_interval_seconds: 1}}\nmodel: {{interval_seconds: 1}}\n",
        kubeconfig.display()
    );
    std::fs::write(&config, text).unwrap();
    let mut agent = Program::start(&mut breakeven(&[
        "run",
        "--config.file",
        config.to_str().unwrap(),
        "--web.listen-address",
        "127.0.0.1:0",
    ]));
    let address = agent.listens("message=listening address=").await;
    until("all sources", async || {
        let shown = Exposition::at(&format!("http://{address}/metrics")).await?;
        (shown.sum("breakeven_source_up", &[])? >= 3.0).then_some(())
    })
    .await;
    let before = agent.peak_memory();

    // Watches end, and their versions are gone.
    end.cancel();
    until_within(PATIENCE, "all reports", async || {
        let said = agent.said();
        reported
            .iter()
            .all(|text| said.contains(text))
            .then_some(())
    })
    .await;
    let grown = agent.peak_memory() - before;
    assert!(grown < MAX_GROWTH, "memory grew by {grown} bytes");
    println!("{usage_source}: memory grew by {} KiB", grown >> 10);
    let (status, ..) = get(&format!("http://{address}/-/ready")).await.unwrap();
    assert_eq!(status, 200);
    let shown = Exposition::at(&format!("http://{address}/metrics")).await;
    let up = shown
        .unwrap()
        .one("breakeven_source_up", &[("source", "kubernetes")]);
    assert_eq!(up, Some(1.0), "nodes and pods go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_an_end_are_reported_and_cost_little_memory() {
    let reported = [
        "cannot list replicasets.apps",
        "cannot watch jobs.batch at",
        "a line does not end within",
        "the list has more than 800 pages",
        "the list has more than 200000 objects",
        "the list repeats a `continue` token",
        "cannot list storageclasses.storage.k8s.io",
        "source=usage",
    ];
    survives("metrics_api", &reported).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubelet_that_answers_without_an_end_is_reported_and_costs_little_memory() {
    survives("kubelet", &["longer than 16777216 bytes"]).await;
}
