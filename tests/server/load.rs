//! Health, readiness and scrapes while thousands of clients hold connections and send or read slowly.
//!
//! The measure is Debian's `prometheus-node-exporter` in the same run, under the same load, probed at the same times.

mod attack;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::program::Program;
use crate::support::{is_inner, on_path, run_again_with_files, skip, until, until_within};
use attack::{Attack, Behavior};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How often each path is probed during an attack.
const PROBES: usize = 40;

/// A probe that takes at most this long is fast enough on any machine.
const FAST: Duration = Duration::from_millis(100);

/// A probe that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How many files the test may need: two connections for each attacker and some more.
const FILES: u64 = 10_000;

/// The usual limit of open files for a service.
const FILES_OF_THE_PROGRAM: usize = 1_024;

const SCRAPE: &str = "/metrics";
const PATHS: [&str; 3] = ["/-/healthy", "/-/ready", SCRAPE];

const ALONE: [(Behavior, usize); 4] = [
    (Behavior::Idle, 2_000),
    (Behavior::HalfHead, 600),
    (Behavior::Dripping, 1_300),
    (Behavior::SlowReader, 600),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_and_scrapes_are_answered_under_attack() {
    if !is_inner() {
        let Some(exporter) = on_path("prometheus-node-exporter") else {
            return skip("prometheus-node-exporter is not installed; run ./test");
        };
        let test = "load::probes_and_scrapes_are_answered_under_attack";
        return run_again_with_files(test, FILES, &[("EXPORTER", exporter.to_str().unwrap())]);
    }
    let exporter = std::env::var("EXPORTER").unwrap();
    let (_measure, measure) = node_exporter(Path::new(&exporter)).await;
    let (_program, program) = program(FILES_OF_THE_PROGRAM).await;
    let all_together = [ALONE.to_vec()];
    let each_alone = ALONE.iter().map(|attack| vec![*attack]);
    let mut failures = Vec::new();
    for attacks in each_alone.chain(all_together) {
        let mut running = Vec::new();
        for (behavior, count) in &attacks {
            for target in [program, measure] {
                running.push(Attack::start(*behavior, *count, target).await);
            }
        }
        let result = probe_both(program, measure).await;
        println!("{attacks:?}: {result:?}");
        if !result.is_good() {
            failures.push(format!("{attacks:?}: {result:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_are_answered_when_no_file_is_left_for_a_connection() {
    let files = 100;
    let (_program, address) = program(files).await;
    let _attack = Attack::start(Behavior::Idle, 3 * files, address).await;
    // Sooner than the connections time out by themselves.
    until_within(TIMEOUT, "an answer", async || {
        probe(address, "/-/healthy").await.ok()
    })
    .await;
}

/// The program without sources, with at most so many open files.
async fn program(files: usize) -> (Program, SocketAddr) {
    let config = tempfile::NamedTempFile::new().unwrap();
    // Long labels, so that the metrics exceed what the kernel takes for a client that does not read.
    let config_text = json!({
        "kubernetes": {"enabled": false},
        "aws": {"enabled": false},
        "external_labels": {"filler": "x".repeat(20_000)},
    });
    std::fs::write(config.path(), config_text.to_string()).unwrap();
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "ulimit -n \"$0\" && exec \"$@\""])
        .arg(files.to_string())
        .args([env!("CARGO_BIN_EXE_breakeven"), "run", "--config.file"])
        .arg(config.path())
        .args(["--web.listen-address", "127.0.0.1:0"])
        .env_clear()
        .env("HOME", "/nonexistent");
    let mut program = Program::start(&mut command);
    let address = program.listens("message=listening address=").await;
    until("the first report", async || {
        probe(address, "/-/ready").await.ok()
    })
    .await;
    (program, address)
}

async fn node_exporter(path: &Path) -> (Program, SocketAddr) {
    let mut command = Command::new(path);
    command.args([
        "--web.listen-address=127.0.0.1:0",
        "--collector.disable-defaults",
        "--web.max-requests=0",
    ]);
    let mut exporter = Program::start(&mut command);
    let address = exporter.listens("msg=\"Listening on\" address=").await;
    (exporter, address)
}

/// What came of the probes during an attack.
#[derive(Debug)]
struct Probes {
    /// The slowest answer of each path, or what was wrong with the first that failed.
    program: Vec<Result<Duration, String>>,
    /// The slowest answer of the exporter.
    measure: Duration,
}

impl Probes {
    fn is_good(&self) -> bool {
        let limit = FAST.max(2 * self.measure);
        let is_fast = |slowest: &Result<Duration, String>| {
            slowest.as_ref().is_ok_and(|slowest| *slowest <= limit)
        };
        self.program.iter().all(is_fast)
    }
}

/// Probes both programs at the same times, so that a pause of the machine hits both.
async fn probe_both(program: SocketAddr, measure: SocketAddr) -> Probes {
    let mut probes = Probes {
        program: vec![Ok(Duration::ZERO); PATHS.len()],
        measure: Duration::ZERO,
    };
    for _ in 0..PROBES {
        for (slowest, path) in probes.program.iter_mut().zip(PATHS) {
            let Ok(until_now) = *slowest else {
                continue;
            };
            let (own, other) = tokio::join!(probe(program, path), probe(measure, SCRAPE));
            // The load may be too much for it.
            probes.measure = probes.measure.max(other.unwrap_or(TIMEOUT));
            *slowest = own
                .map(|time| time.max(until_now))
                .map_err(|error| error.to_string());
        }
    }
    probes
}

/// How long it takes to connect, ask and read the answer.
async fn probe(address: SocketAddr, path: &str) -> io::Result<Duration> {
    let started = Instant::now();
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    let answer = tokio::time::timeout(TIMEOUT, exchange).await??;
    if !answer.starts_with(b"HTTP/1.1 200 ") {
        let answer = String::from_utf8_lossy(&answer);
        let line = answer.lines().next().unwrap_or_default();
        return Err(io::Error::other(format!("{path} answered {line:?}")));
    }
    Ok(started.elapsed())
}
