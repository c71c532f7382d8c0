//! Answers of a Prometheus that take many times their length in memory if they are not bounded.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::start_agent;
use crate::support::exposition::{Exposition, get};
use crate::support::until;

/// The length of each body. It is less than the limit, so it is read whole.
const LENGTH: usize = 60_000_000;

/// The maximum growth of the resident memory, in MiB: 100 MB.
const MAX_GROWTH: u64 = 95;

/// Answers every request with this body.
async fn serve(body: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let body = Arc::new(body);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let body = Arc::clone(&body);
            tokio::spawn(async move {
                let mut request = [0; 16_384];
                let _ = stream.read(&mut request).await;
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
                );
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(body.as_bytes()).await;
            });
        }
    });
    address
}

/// As many copies of a text as fit into a body.
fn repeated(text: &str) -> String {
    let copies = LENGTH / (text.len() + 1);
    vec![text; copies].join(",")
}

fn labels(count: usize) -> String {
    let labels: Vec<String> = (0..count).map(|n| format!("\"l{n}\":\"v\"")).collect();
    labels.join(",")
}

fn vector(series: &str) -> String {
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#)
}

/// The maximum memory of an agent that asks this server, in MiB, once two queries failed for this reason.
async fn peak_of(server: SocketAddr, reason: Option<&str>) -> u64 {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config.yaml");
    let text = format!(
        "kubernetes: {{enabled: false}}\n\
         aws: {{enabled: true, region: us-east-1, timeout_seconds: 20}}\n\
         requests: {{prometheus: {{url: \"http://{server}\", preset: istio, interval_seconds: 5}}}}\n"
    );
    std::fs::write(&config, text).unwrap();
    // AWS does not answer: its connections wait in the backlog.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (agent, address) = start_agent(&config, silent.local_addr().unwrap()).await;
    until("the queries to fail", async || {
        let (status, ..) = get(&format!("http://{address}/-/healthy")).await?;
        assert_eq!(status.as_u16(), 200);
        let shown = Exposition::at(&format!("http://{address}/metrics")).await?;
        let labels = [("source", "requests"), ("reason", "invalid_response")];
        let errors = shown.sum("breakeven_source_errors_total", &labels);
        (reason.is_none() || errors >= Some(2.0)).then_some(())
    })
    .await;
    if let Some(reason) = reason {
        let said = agent.said();
        assert!(said.contains(reason), "{reason}: {said}");
    }
    agent.peak_memory() >> 20
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_any_shape_takes_less_than_100_mb() {
    let small = peak_of(serve(vector("")).await, None).await;
    let point = r#"[1,"2"]"#;
    let many_labels = format!("{{\"metric\":{{{}}}}}", labels(100));
    let too_many_labels = format!("{{\"metric\":{{{}}}}}", labels(200_000));
    let type_last = format!(
        r#"{{"data":{{"result":[{}],"resultType":"vector"}},"status":"success"}}"#,
        repeated(r#"{"metric":{"a":"b"}}"#)
    );
    let memory = "bytes of memory";
    for (shape, body, reason) in [
        (
            "many series with many labels",
            vector(&repeated(&many_labels)),
            memory,
        ),
        (
            "series with 200,000 labels",
            vector(&repeated(&too_many_labels)),
            "more than 128 labels",
        ),
        ("many short series, their type last", type_last, memory),
        (
            "one series with many points",
            vector(&format!(
                r#"{{"metric":{{}},"values":[{}]}}"#,
                repeated(point)
            )),
            memory,
        ),
        (
            "many warnings",
            format!(
                r#"{{"status":"success","warnings":[{}]}}"#,
                repeated("\"\"")
            ),
            "the result is a nothing",
        ),
        (
            "one long text",
            format!(r#"{{"status":"error","error":"\n{}"}}"#, "x".repeat(LENGTH)),
            "longer than 1048576 bytes",
        ),
    ] {
        let large = peak_of(serve(body).await, Some(reason)).await;
        println!("{shape}: peak {large} MiB, and {small} MiB with an empty result");
        assert!(
            large < small + MAX_GROWTH,
            "{shape}: {small} MiB, and then {large} MiB"
        );
    }
}
