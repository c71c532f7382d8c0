//! Servers that answer without end, and an agent that asks all of them.

use std::net::SocketAddr;
use std::time::Duration;

use breakeven::sources::prometheus::{Preset, Queries, RequestsSource, Settings};
use breakeven::sources::{Poll, Reason};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::start_agent;
use crate::support::exposition::{Exposition, get};
use crate::support::until;

/// Answers every request with spaces without end.
async fn endless() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4_096];
                let _ = stream.read(&mut request).await;
                let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
                let mut sent = stream.write_all(head.as_bytes()).await;
                while sent.is_ok() {
                    sent = stream.write_all(chunk.as_bytes()).await;
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn an_answer_of_prometheus_is_cut_at_its_limit() {
    let queries = Queries::Preset(Preset::Istio);
    let mut settings = Settings::new(format!("http://{}", endless().await), queries);
    settings.timeout = Duration::from_secs(60);
    let mut source = RequestsSource::new(&settings).unwrap();
    let error = source.poll(Timestamp::now()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::InvalidResponse, "{error}");
    let text = format!("more than {} bytes", settings.max_answer);
    assert!(error.to_string().contains(&text), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_servers_answer_without_end_stays_small_and_says_so() {
    let home = tempfile::tempdir().unwrap();
    // Nothing is asked of a server that does not answer at all.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let small = peak_of(&home, closed.local_addr().unwrap(), 0.0).await;
    drop(closed);
    let large = peak_of(&home, endless().await, 2.0).await;
    println!("peak {small} MiB, and {large} MiB with answers without end");
    assert!(large < small + 100, "{small} MiB, and then {large} MiB");
}

/// The most memory that an agent has whose every source is at an address, once two of them failed so often.
async fn peak_of(home: &tempfile::TempDir, server: SocketAddr, failures: f64) -> u64 {
    let config = home.path().join("config.yaml");
    let text = format!(
        "kubernetes: {{enabled: false}}\n\
         aws: {{enabled: true, region: us-east-1, timeout_seconds: 20, functions_interval_seconds: 5}}\n\
         requests: {{prometheus: {{url: \"http://{server}\", preset: istio, interval_seconds: 5}}}}\n"
    );
    std::fs::write(&config, text).unwrap();
    let (agent, address) = start_agent(&config, server).await;
    until("the sources to fail", async || {
        let (status, ..) = get(&format!("http://{address}/-/healthy")).await?;
        assert_eq!(status.as_u16(), 200);
        let shown = Exposition::at(&format!("http://{address}/metrics")).await?;
        let failed = |source: &str| {
            let labels = [("source", source), ("reason", "invalid_response")];
            let errors = shown.sum("breakeven_source_errors_total", &labels);
            errors.unwrap_or_default() >= failures
        };
        (failed("lambda") && failed("requests")).then_some(())
    })
    .await;
    agent.peak_memory() >> 20
}
