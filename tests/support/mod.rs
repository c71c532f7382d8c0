//! What the integration tests share: the programs that nobody here wrote, and waiting without sleeping.
//!
//! A program that is not on the machine skips its test aloud. With `CI=true` it fails the test instead,
//! so that nothing is left out where it counts.

// Each test binary uses a part of it; what is printed is the reason of a skipped test.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used
)]

pub(crate) mod agent;
pub(crate) mod exposition;
pub(crate) mod hung_file;
pub(crate) mod moto;
pub(crate) mod program;
pub(crate) mod prometheus;
pub(crate) mod watching;

use std::env;
use std::fs::OpenOptions;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

use breakeven_model::inventory::{Pod, Resources, WorkloadId};
use breakeven_model::test_util;

/// How long a condition may take that a test waits for: far beyond the usual time, also on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(180);

/// How long to wait before looking again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A Python with the packages of tests/python/requirements.txt: `BREAKEVEN_PYTHON`, else that of
/// target/venv. Absent when there is none, for the test to be skipped.
pub(crate) fn python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python");
    let python = env::var_os("BREAKEVEN_PYTHON").map_or(own, PathBuf::from);
    if !python.exists() {
        let missing = format!("no Python at {}", python.display());
        skip(&format!("{missing}; run ./test, or set BREAKEVEN_PYTHON"));
        return None;
    }
    Some(python)
}

/// `kubectl`, if it is on the machine, for the test to be skipped otherwise.
pub(crate) fn kubectl() -> Option<PathBuf> {
    let found = on_path("kubectl");
    if found.is_none() {
        skip("kubectl is not installed; run ./test");
    }
    found
}

/// The program of this name on the `PATH`, if there is one; nothing is said when there is not.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let directories = env::var_os("PATH")?;
    env::split_paths(&directories)
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
}

/// Says aloud that a test is skipped, and why, also in the file that `BREAKEVEN_SKIPS` names; with
/// `CI=true` that is a failure.
pub(crate) fn skip(reason: &str) {
    assert!(
        env::var("CI").as_deref() != Ok("true"),
        "skipped in CI: {reason}"
    );
    println!("skipped: {reason}");
    if let Some(file) = env::var_os("BREAKEVEN_SKIPS") {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)
            .unwrap();
        writeln!(file, "{reason}").unwrap();
    }
}

/// Runs a script of tests/python to its end; a script that fails, fails the test with its output.
/// Blocks the thread.
pub(crate) fn run_python(script: &str, environment: &[(&str, &str)]) {
    let Some(python) = python() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let mut command = Command::new(python);
    command
        .arg(folder.join(script))
        .envs(environment.iter().copied());
    println!("{}", run(&mut command));
}

/// Runs a script of tests/python whose boto3 knows an address as AWS, and nothing of the machine's settings.
pub(crate) async fn run_boto3(script: &'static str, url: String) {
    let boto3 = move || {
        run_python(
            script,
            &[
                ("AWS_ENDPOINT_URL", &url),
                ("AWS_ACCESS_KEY_ID", "AKID"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                ("AWS_DEFAULT_REGION", "us-east-1"),
                ("AWS_CONFIG_FILE", "/dev/null"),
                ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ],
        );
    };
    tokio::task::spawn_blocking(boto3).await.unwrap();
}

/// A pod of a workload of which nothing else matters.
pub(crate) fn pod_of(workload: WorkloadId, name: &str) -> Arc<Pod> {
    Arc::new(Pod {
        containers: Vec::new(),
        ..test_util::pod(name, workload, "n", Resources::default())
    })
}

/// The configuration of the demo, with the address of a Prometheus.
pub(crate) fn demo_config(prometheus: &str) -> tempfile::NamedTempFile {
    let nowhere = "http://127.0.0.1:0";
    let config = include_str!("../../config/demo.yaml");
    assert!(config.contains(nowhere));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config.replace(nowhere, prometheus)).unwrap();
    file
}

/// Runs a program to its end and gives what it wrote to standard output; one that fails, fails the test with
/// all that it wrote. Blocks the thread.
pub(crate) fn run(command: &mut Command) -> String {
    let Outcome { status, out, err } = outcome(command);
    assert!(
        status.success(),
        "{command:?} failed, {status}\n{out}\n{err}"
    );
    out
}

/// What came of a program.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs a program to its end; one that does not end in time fails the test with all that it wrote. Blocks
/// the thread.
pub(crate) fn outcome(command: &mut Command) -> Outcome {
    let (mut out, mut err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    command
        .stdout(out.try_clone().unwrap())
        .stderr(err.try_clone().unwrap());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    let end = Instant::now() + DEADLINE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if Instant::now() > end {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(LOOK_AGAIN);
    };
    let [out, err] = [&mut out, &mut err].map(|file| {
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let Some(status) = status else {
        panic!("{command:?} did not end within {DEADLINE:?}\n{out}\n{err}")
    };
    Outcome { status, out, err }
}

/// Marks the process that is started by a test.
const INNER: &str = "BREAKEVEN_TEST_INNER";

/// Whether this is the process that [`run_again`] started.
pub(crate) fn is_inner() -> bool {
    env::var_os(INNER).is_some()
}

/// Runs a test of this binary in a process of its own, with this environment and no other: a program's own is read-only
/// here. One that does not pass fails the test with all that it wrote.
pub(crate) async fn run_again(test: &str, environment: &[(&str, &str)]) {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args([test, "--exact", "--nocapture"])
        .env_clear()
        .envs(environment.iter().copied())
        .env(INNER, "yes")
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.unwrap().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("1 passed"), "{out}\n{err}");
}

/// The same for a test that opens up to `files` files, with what else of the environment it needs. Skipped if the
/// machine does not let a process have so many. Blocks the thread.
pub(crate) fn run_again_with_files(test: &str, files: u64, environment: &[(&str, &str)]) {
    let limit = run(Command::new("sh").args(["-c", "ulimit -H -n"]));
    if limit.trim().parse().is_ok_and(|limit: u64| limit < files) {
        return skip(&format!(
            "a process may have {} open files, not {files}",
            limit.trim()
        ));
    }
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -S -n \"$0\" && exec \"$@\""])
        .arg(files.to_string())
        .arg(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .envs(environment.iter().copied())
        .env(INNER, "yes");
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("1 passed"), "{out}\n{err}");
    println!("{out}");
}

/// Asks again and again until there is an answer, or the deadline has come, which fails the test; `what`
/// says what was waited for.
pub(crate) async fn until<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(DEADLINE, what, ask).await
}

/// The same with another deadline.
pub(crate) async fn until_within<T>(
    deadline: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(
            Instant::now() < end,
            "waited {deadline:?} in vain for {what}"
        );
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
