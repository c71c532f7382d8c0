//! Servers that answer without end, and an agent that asks all of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use breakeven::sources::requests::{Preset, Queries, RequestsSource, Settings};
use breakeven::sources::{Poll, Reason};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::support::exposition::{Exposition, get};
use super::support::program::{Program, breakeven};
use super::support::until;

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

/// Answers every request with a body.
async fn serving(body: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let body: Arc<str> = body.into();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let body = Arc::clone(&body);
            tokio::spawn(async move {
                let mut request = [0; 16_384];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                    let sent = stream.write_all(head.as_bytes()).await;
                    if sent.is_err() || stream.write_all(body.as_bytes()).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

/// A body of nearly as many bytes as are read, which repeats a part.
fn filled(begin: &str, part: &str, end: &str) -> String {
    const LENGTH: usize = 31 << 20;
    let count = (LENGTH - begin.len() - end.len()) / (part.len() + 1);
    format!("{begin}{}{end}", vec![part; count].join(","))
}

/// Bodies that take most memory for their length, each with a part of the error that the source reports.
fn large_bodies() -> [(&'static str, String, &'static str); 7] {
    let vector = r#"{"status":"success","data":{"resultType":"vector","result":["#;
    let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":["#;
    let labels: Vec<String> = (0..128).map(|label| format!(r#""{label}":"""#)).collect();
    let many_labels = format!(r#"{{"metric":{{{}}}}}"#, labels.join(","));
    let large_label = format!(r#"{{"metric":{{"a":"{}"}}}}"#, "x".repeat(4_096));
    let escaped = format!(r#"{{"metric":{{"a":"{}"}}}}"#, r"\u0041".repeat(5 << 20));
    [
        (
            "short series",
            filled(vector, r#"{"metric":{}}"#, "]}}"),
            "more than 100000 series",
        ),
        (
            "many labels",
            filled(vector, &many_labels, "]}}"),
            "more than 28 MiB",
        ),
        (
            "large labels",
            filled(vector, &large_label, "]}}"),
            "more than 28 MiB",
        ),
        (
            "one escaped label",
            format!("{vector}{escaped}]}}}}"),
            "more than 4096 bytes",
        ),
        (
            "points",
            filled(
                &format!(r#"{matrix}{{"metric":{{}},"values":["#),
                r#"[1,"1"]"#,
                "]}]}}",
            ),
            "more than 28 MiB",
        ),
        (
            "result before its type",
            filled(
                r#"{"status":"success","data":{"result":["#,
                r#"{"metric":{}}"#,
                "]}}",
            ),
            "`result` before `resultType`",
        ),
        (
            "warnings",
            filled(
                r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]},"warnings":["#,
                r#""""#,
                "]}",
            ),
            "was asked for",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_prometheus_answers_an_agent_stays_small_and_says_why() {
    let home = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (small, _) = peak_with_prometheus(&home, closed.local_addr().unwrap(), 0.0).await;
    drop(closed);
    for (shape, body, reason) in large_bodies() {
        let (large, page) = peak_with_prometheus(&home, serving(body).await, 2.0).await;
        println!("{shape}: peak {small} MiB, and {large} MiB");
        assert!(page.contains(reason), "{shape}: no {reason:?} in\n{page}");
        assert!(
            large < small + 100,
            "{shape}: {small} MiB, and then {large} MiB"
        );
    }
}

/// The most memory that an agent has that asks a Prometheus, in MiB, and its page, once so many polls failed.
async fn peak_with_prometheus(
    home: &tempfile::TempDir,
    server: SocketAddr,
    failures: f64,
) -> (u64, String) {
    let text = format!(
        "kubernetes: {{enabled: false}}\naws: {{enabled: false}}\n\
         requests: {{prometheus: {{url: \"http://{server}\", preset: istio, interval_seconds: 5, timeout_seconds: 30}}}}\n"
    );
    let config = home.path().join("config.yaml");
    std::fs::write(&config, text).unwrap();
    let arguments = [
        "run",
        "--web.listen-address",
        "127.0.0.1:0",
        "--config.file",
    ];
    let mut agent = Program::start(breakeven(&arguments).arg(&config));
    let address = agent.listens("message=listening address=").await;
    let page = until("Prometheus to fail", async || {
        let shown = Exposition::at(&format!("http://{address}/metrics")).await?;
        let labels = [("source", "requests"), ("reason", "invalid_response")];
        let errors = shown.sum("breakeven_source_errors_total", &labels);
        let has_failed = errors.unwrap_or_default() >= failures;
        let (.., page) = get(&format!("http://{address}/")).await?;
        has_failed.then(|| String::from_utf8(page.to_vec()).unwrap())
    })
    .await;
    (agent.peak_memory() >> 20, page)
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
    let mut command = breakeven(&[
        "run",
        "--web.listen-address",
        "127.0.0.1:0",
        "--config.file",
    ]);
    command
        .arg(&config)
        .env("AWS_ENDPOINT_URL", format!("http://{server}"))
        .env("AWS_ACCESS_KEY_ID", "AKID")
        .env("AWS_SECRET_ACCESS_KEY", "secret");
    let mut agent = Program::start(&mut command);
    let address = agent.listens("message=listening address=").await;
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
