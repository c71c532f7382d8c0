//! The HTTP server over real sockets.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use breakeven::exposition::{Build, Encoding, Format, Inputs, SelfMetricValues, render};
use breakeven::server::{ReloadHook, ServerConfig, bind};
use breakeven::snapshot::{NotReady, ReportSnapshot, Store};
use breakeven::sources::{Source, SourceStatus};
use breakeven_model::Report;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Nothing here takes this long unless it hangs.
const DEADLINE: Duration = Duration::from_secs(60);

struct Running {
    address: SocketAddr,
    store: Store,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(settings: ServerConfig, reload: ReloadHook) -> Self {
        let store = Store::new();
        let settings = ServerConfig {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            ..settings
        };
        let server = bind(settings, store.clone(), reload).await.unwrap();
        let address = server.addresses()[0];
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(server.serve(shutdown.clone()));
        Self {
            address,
            store,
            shutdown,
            task,
        }
    }

    async fn ordinary() -> Self {
        let running = Self::start(ServerConfig::default(), accepting()).await;
        running.store.publish(published(0));
        running
    }

    async fn ask(&self, request: &str) -> Answer {
        ask(self.address, request).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1")).await
    }

    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(DEADLINE, self.task)
            .await
            .expect("it stops")
            .unwrap();
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Sends the request line and headers on a connection of their own.
async fn ask(address: SocketAddr, request: &str) -> Answer {
    let talk = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "{}\r\nHost: breakeven\r\nConnection: close\r\n\r\n",
            request.replace('\n', "\r\n")
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        bytes
    };
    let bytes = tokio::time::timeout(DEADLINE, talk)
        .await
        .expect("an answer");
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        head,
        body: bytes[end + 4..].to_vec(),
    }
}

fn accepting() -> ReloadHook {
    Arc::new(|| Box::pin(async { Ok(()) }))
}

fn report() -> Report {
    Report {
        at: "2026-03-01T12:00:00Z".parse().unwrap(),
        settings: breakeven::config::parse("").unwrap().1.model.into(),
        workloads: Vec::new(),
        shared: Vec::new(),
        nodes: Vec::new(),
        volumes: Vec::new(),
        cluster: None,
        accounts: Vec::new(),
        bill: None,
        requests: None,
    }
}

/// A report with so many more external labels, to make it long.
fn published(labels: usize) -> ReportSnapshot {
    let report = report();
    let sources = BTreeMap::new();
    let external: Vec<_> = (0..labels)
        .map(|index| (format!("label_{index}"), "x".repeat(1_000)))
        .collect();
    let rendered = render(&Inputs {
        report: &report,
        sources: &sources,
        own: &SelfMetricValues::new(Build::THIS),
        external_labels: &external,
        settings: breakeven::exposition::RenderConfig::default(),
    });
    ReportSnapshot {
        report: Arc::new(report),
        sources,
        rendered,
    }
}

#[tokio::test]
async fn metrics_are_sent_in_the_format_and_encoding_asked_for() {
    let running = Running::ordinary().await;

    let text = running.get("/metrics").await;
    assert_eq!(text.status, 200);
    assert_eq!(
        text.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert_eq!(text.header("content-encoding"), None);
    assert_eq!(
        text.header("content-length"),
        Some(text.body.len().to_string().as_str())
    );
    assert!(
        text.text()
            .contains("\nbreakeven_report_timestamp_seconds 1772366400\n")
    );

    let request = "GET /metrics HTTP/1.1\nAccept: application/openmetrics-text;version=1.0.0\nAccept-Encoding: br, gzip";
    let compressed = running.ask(request).await;
    assert_eq!(
        compressed.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    assert_eq!(compressed.header("vary"), Some("Accept, Accept-Encoding"));
    let mut inflated = String::new();
    flate2::read::GzDecoder::new(&compressed.body[..])
        .read_to_string(&mut inflated)
        .unwrap();
    assert!(inflated.ends_with("# EOF\n"), "{inflated}");

    // A header in two parts is one header.
    let request =
        "GET /metrics HTTP/1.1\nAccept: text/plain;q=0.5\nAccept: application/openmetrics-text";
    assert!(running.ask(request).await.text().ends_with("# EOF\n"));
    let request = "GET /metrics HTTP/1.1\nAccept: \u{ff};;q=nonsense";
    assert_eq!(running.ask(request).await.body, text.body);
    running.stop().await;
}

#[tokio::test]
async fn head_says_what_get_would_and_sends_no_body() {
    let running = Running::ordinary().await;
    for path in [
        "/",
        "/metrics",
        "/-/healthy",
        "/-/ready",
        "/docs/cost-model",
    ] {
        let (get, head) = (
            running.get(path).await,
            running.ask(&format!("HEAD {path} HTTP/1.1")).await,
        );
        assert_eq!((get.status, head.status), (200, 200), "{path}");
        assert_eq!(head.body.len(), 0, "{path}");
        for header in [
            "content-type",
            "content-length",
            "vary",
            "content-security-policy",
        ] {
            assert_eq!(head.header(header), get.header(header), "{path} {header}");
        }
        assert!(get.header("content-length").is_some());
    }
    running.stop().await;
}

#[tokio::test]
async fn a_wrong_method_is_refused_with_those_that_are_right() {
    let running = Running::ordinary().await;
    for (request, allowed) in [
        ("POST / HTTP/1.1", "GET, HEAD"),
        ("DELETE /metrics HTTP/1.1", "GET, HEAD"),
        ("PUT /-/ready HTTP/1.1", "GET, HEAD"),
        ("OPTIONS /-/healthy HTTP/1.1", "GET, HEAD"),
        ("GET /-/reload HTTP/1.1", "POST, PUT"),
        ("HEAD /-/reload HTTP/1.1", "POST, PUT"),
    ] {
        let answer = running.ask(request).await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some(allowed)),
            "{request}"
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_says_where_the_metrics_are() {
    let settings = ServerConfig {
        telemetry_path: "/costs".into(),
        ..ServerConfig::default()
    };
    let running = Running::start(settings, accepting()).await;
    running.store.publish(published(0));
    assert_eq!(running.get("/costs").await.status, 200);
    let answer = running.get("/metrics").await;
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.text(),
        "there is no /metrics; the metrics are at /costs, a page to read is at /\n"
    );
    running.stop().await;
}

#[tokio::test]
async fn the_page_leads_to_the_cost_model() {
    let running = Running::ordinary().await;
    let page = running.get("/").await;
    assert!(page.text().contains("<a href=\"./docs/cost-model\">"));
    let model = running.get("/docs/cost-model").await;
    assert_eq!(
        (model.status, model.header("content-type")),
        (200, Some("text/plain; charset=utf-8"))
    );
    assert_eq!(model.text(), include_str!("../../docs/cost-model.md"));
    running.stop().await;
}

#[tokio::test]
async fn it_is_ready_with_the_first_report_and_says_before_what_is_missing() {
    let running = Running::start(ServerConfig::default(), accepting()).await;
    assert_eq!(running.get("/-/healthy").await.status, 200);
    assert_eq!(running.get("/").await.status, 200);
    let early = running.get("/-/ready").await;
    assert_eq!(
        (early.status, early.text()),
        (503, "not ready: there is no report yet\n")
    );
    assert_eq!(running.get("/metrics").await.status, 503);

    let fails = SourceStatus {
        up: Some(false),
        last_error: Some("nobody listens there; check the address".into()),
        ..SourceStatus::default()
    };
    let sources = BTreeMap::from([
        (Source::Kubernetes.into(), fails),
        (Source::Usage.into(), SourceStatus::default()),
    ]);
    let rendered = Some(published(0).rendered);
    running.store.wait(NotReady { sources, rendered });
    let late = running.get("/-/ready").await;
    assert_eq!(late.status, 503);
    assert_eq!(
        late.text(),
        "not ready: there is no report yet\nkubernetes: nobody listens there; check the address\nusage: was not tried yet\n"
    );
    assert!(
        running
            .get("/")
            .await
            .text()
            .contains("nobody listens there; check the address")
    );
    // What the program says of itself can be scraped before that.
    assert_eq!(running.get("/metrics").await.status, 200);

    running.store.publish(published(0));
    assert_eq!(running.get("/-/ready").await.status, 200);
    running.stop().await;
}

#[tokio::test]
async fn reloading_over_http_is_off_unless_it_is_enabled() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let hook: ReloadHook = Arc::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(()) })
    });
    let running = Running::start(ServerConfig::default(), hook).await;
    let answer = running.ask("POST /-/reload HTTP/1.1").await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.text().contains("--web.enable-lifecycle"),
        "{}",
        answer.text()
    );
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    running.stop().await;
}

#[tokio::test]
async fn a_reload_answers_with_what_came_of_it() {
    let results = Arc::new(std::sync::Mutex::new(vec![
        None,
        Some(Err(
            "breakeven.yml: lambda.regions: nothing is called eu-wst-1".to_owned(),
        )),
        Some(Ok(())),
    ]));
    let hook: ReloadHook = Arc::new(move || {
        let result = results.lock().unwrap().pop().unwrap();
        Box::pin(async { result.expect("a bug in the hook") })
    });
    let settings = ServerConfig {
        enable_lifecycle: true,
        ..ServerConfig::default()
    };
    let running = Running::start(settings, hook).await;

    let good = running.ask("POST /-/reload HTTP/1.1").await;
    assert_eq!(
        (good.status, good.text()),
        (200, "the configuration is reloaded\n")
    );
    let bad = running.ask("PUT /-/reload HTTP/1.1").await;
    assert_eq!(bad.status, 500);
    assert_eq!(
        bad.text(),
        "breakeven.yml: lambda.regions: nothing is called eu-wst-1\n"
    );
    let broken = running.ask("POST /-/reload HTTP/1.1").await;
    assert_eq!(broken.status, 500);
    assert_eq!(running.get("/-/healthy").await.status, 200);
    running.stop().await;
}

/// Counts the hooks that run.
struct RunningHook(Arc<AtomicUsize>);

impl Drop for RunningHook {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_reload_that_hangs_keeps_no_task_for_clients_that_have_gone() {
    let (count, requested) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (running_hooks, all_hooks) = (count.clone(), requested.clone());
    let hook: ReloadHook = Arc::new(move || {
        all_hooks.fetch_add(1, Ordering::SeqCst);
        running_hooks.fetch_add(1, Ordering::SeqCst);
        let running = RunningHook(running_hooks.clone());
        Box::pin(async move {
            let _running = running;
            std::future::pending().await
        })
    });
    let settings = ServerConfig {
        enable_lifecycle: true,
        ..ServerConfig::default()
    };
    let running = Running::start(settings, hook).await;
    let eventually = async |what: &str, holds: &dyn Fn() -> bool| {
        let wait = async {
            while !holds() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(DEADLINE, wait).await;
        assert!(
            waited.is_ok(),
            "{what}: {} run",
            count.load(Ordering::SeqCst)
        );
    };
    for round in 1..=20 {
        let mut clients = Vec::new();
        for _ in 0..100 {
            let mut stream = TcpStream::connect(running.address).await.unwrap();
            let request = b"POST /-/reload HTTP/1.1\r\nHost: breakeven\r\n\r\n";
            stream.write_all(request).await.unwrap();
            clients.push(stream);
        }
        let all_requested = || requested.load(Ordering::SeqCst) == round * 100;
        eventually("every request to be handled", &all_requested).await;
    }
    let none_runs = || count.load(Ordering::SeqCst) == 0;
    eventually("the tasks of clients that have gone to end", &none_runs).await;
    running.stop().await;
}

#[tokio::test]
async fn a_large_body_is_refused_unread() {
    let settings = ServerConfig {
        enable_lifecycle: true,
        ..ServerConfig::default()
    };
    let running = Running::start(settings, accepting()).await;
    let answer = running
        .ask("POST /-/reload HTTP/1.1\nContent-Length: 70000")
        .await;
    assert_eq!(answer.status, 413);
    running.stop().await;
}

#[tokio::test]
async fn many_scrapes_at_once_all_get_the_same_report() {
    let running = Running::ordinary().await;
    let expected = running.get("/metrics").await.body;
    let scrapes = (0..64).map(|_| tokio::spawn(ask(running.address, "GET /metrics HTTP/1.1")));
    for scrape in scrapes.collect::<Vec<_>>() {
        let answer = scrape.await.unwrap();
        assert_eq!((answer.status, &answer.body), (200, &expected));
    }
    running.stop().await;
}

#[tokio::test]
async fn clients_that_send_or_read_slowly_hold_up_nobody_else() {
    let running = Running::ordinary().await;
    // Large enough that no socket buffer takes it: the server has to wait for its reader.
    running.store.publish(published(2_000));
    let mut slow = Vec::new();
    for sent in [
        "",
        "GET /metr",
        "GET /metrics HTTP/1.1\r\nHost: a\r\n",
        "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    assert_eq!(running.get("/-/healthy").await.status, 200);
    assert!(running.get("/metrics").await.body.len() > 10_000_000);
    drop(slow);
    running.stop().await;
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_served_and_an_idle_one_closes() {
    let settings = ServerConfig {
        max_connections: 1,
        ..ServerConfig::default()
    };
    let running = Running::start(settings, accepting()).await;
    let request = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n";
    for sent in [&b""[..], request] {
        let mut first = TcpStream::connect(running.address).await.unwrap();
        first.write_all(sent).await.unwrap();
        let mut answer = vec![0; sent.len().min(1)];
        first.read_exact(&mut answer).await.unwrap();
        assert_eq!(running.get("/-/healthy").await.status, 200);
        // A response that was sent before is not lost.
        let end = tokio::time::timeout(DEADLINE, first.read_to_end(&mut answer));
        let end = end.await.expect("the first one closes");
        assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(answer.ends_with(b"healthy\n"), !sent.is_empty());
    }
    running.stop().await;
}

/// After an ordinary close the kernel would keep the response for minutes, for any number of such clients.
#[tokio::test]
async fn clients_that_do_not_read_are_reset_when_their_connection_closes_for_another() {
    const LIMIT: usize = 4;
    let settings = ServerConfig {
        max_connections: LIMIT,
        ..ServerConfig::default()
    };
    let running = Running::start(settings, accepting()).await;
    // More than the client's kernel takes and less than the server's: the server has sent all of it.
    let length = publish_metrics_of(&running.store, 40_000);
    let head = "GET /metrics HTTP/1.1\r\nHost: a\r\n";
    for (request, is_half_closed) in [
        (format!("{head}\r\n"), false),
        (format!("{head}Connection: close\r\n\r\n"), false),
        (format!("{head}Connection: close\r\n\r\n"), true),
    ] {
        let mut clients = Vec::new();
        for _ in 0..4 * LIMIT {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(4_096).unwrap();
            let mut client = socket.connect(running.address).await.unwrap();
            client.write_all(request.as_bytes()).await.unwrap();
            if is_half_closed {
                client.shutdown().await.unwrap();
            }
            client.readable().await.unwrap();
            clients.push(client);
        }
        for mut client in clients.drain(..3 * LIMIT) {
            let mut received = Vec::new();
            let end = tokio::time::timeout(DEADLINE, client.read_to_end(&mut received)).await;
            let error = end.expect("it closes").expect_err("it is reset");
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            assert!(received.len() < length, "{} bytes", received.len());
        }
        // A client that keeps its place and reads late receives everything.
        let mut last = clients.pop().unwrap();
        let mut received = vec![0; length];
        let all = tokio::time::timeout(DEADLINE, last.read_exact(&mut received));
        all.await.expect("a response").unwrap();
    }
    running.stop().await;
}

/// Publishes metrics of at least so many bytes; returns how many there are.
fn publish_metrics_of(store: &Store, length: usize) -> usize {
    for labels in 0.. {
        let published = published(labels);
        let (bytes, _) = published.rendered.body(Format::Text, Encoding::Identity);
        if bytes.len() >= length {
            store.publish(published);
            return bytes.len();
        }
    }
    unreachable!("more labels make longer metrics");
}

#[tokio::test]
async fn it_listens_on_every_address() {
    let listen = vec![
        "127.0.0.1:0".parse().unwrap(),
        "127.0.0.1:0".parse().unwrap(),
    ];
    let settings = ServerConfig {
        listen,
        ..ServerConfig::default()
    };
    let server = bind(settings, Store::new(), accepting()).await.unwrap();
    let addresses = server.addresses().to_vec();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(server.serve(shutdown.clone()));
    assert_ne!(addresses[0], addresses[1]);
    for address in addresses {
        assert_eq!(ask(address, "GET /-/healthy HTTP/1.1").await.status, 200);
    }
    shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_before_anything_is_served() {
    let running = Running::ordinary().await;
    let settings = ServerConfig {
        listen: vec![running.address],
        ..ServerConfig::default()
    };
    let error = bind(settings, Store::new(), accepting()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    let text = error.to_string();
    assert!(
        text.contains(&running.address.to_string()) && text.contains("--web.listen-address"),
        "{text}"
    );
    running.stop().await;
}

#[tokio::test]
async fn what_is_under_way_is_answered_before_it_stops() {
    let (entered, mut inside) = tokio::sync::mpsc::channel(1);
    let go = Arc::new(tokio::sync::Notify::new());
    let wait = go.clone();
    let hook: ReloadHook = Arc::new(move || {
        let (entered, wait) = (entered.clone(), wait.clone());
        Box::pin(async move {
            entered.send(()).await.unwrap();
            wait.notified().await;
            Ok(())
        })
    });
    let settings = ServerConfig {
        enable_lifecycle: true,
        ..ServerConfig::default()
    };
    let running = Running::start(settings, hook).await;
    let address = running.address;
    let asked = tokio::spawn(async move { ask(address, "POST /-/reload HTTP/1.1").await });
    inside.recv().await.unwrap();
    running.shutdown.cancel();
    go.notify_one();
    assert_eq!(asked.await.unwrap().status, 200);
    running.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}
