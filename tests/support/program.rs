//! Programs that run beside a test until it ends.

use std::fs::File;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use http::StatusCode;

use super::exposition::get;
use super::until;

/// A running program; it is killed when this is dropped.
pub(crate) struct Program {
    name: String,
    child: Child,
    output: tempfile::NamedTempFile,
    started: Instant,
    /// Its configuration, which is removed with it.
    folder: Option<tempfile::TempDir>,
}

/// The program of this crate, in an environment without a kubeconfig, AWS and a home.
pub(crate) fn breakeven(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_breakeven"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// The demo with these further arguments, once it is ready, and the address it listens on.
pub(crate) async fn demo(arguments: &[&str]) -> (Program, SocketAddr) {
    let mut command = breakeven(&["demo", "--web.listen-address", "127.0.0.1:0"]);
    let mut demo = Program::start(command.args(arguments));
    let address = demo.listens("message=listening address=").await;
    until("the demo to be ready", async || {
        let (status, ..) = get(&format!("http://{address}/-/ready")).await?;
        (status == StatusCode::OK).then_some(())
    })
    .await;
    (demo, address)
}

/// The program with a cluster and without AWS, and the address it listens on. `kubernetes` are further settings of the cluster.
pub(crate) async fn without_aws(kubeconfig: &str, kubernetes: &str) -> (Program, SocketAddr) {
    let folder = tempfile::TempDir::new().unwrap();
    let [cluster, config] = ["kubeconfig", "config.yaml"].map(|name| folder.path().join(name));
    fs::write(&cluster, kubeconfig).unwrap();
    let text = format!(
        "aws: {{enabled: false}}\nkubernetes: {{kubeconfig: {}, usage_interval_seconds: 1{kubernetes}}}\n\
         model: {{interval_seconds: 1}}\n",
        cluster.display()
    );
    fs::write(&config, text).unwrap();
    let mut program = Program::start(&mut breakeven(&[
        "run",
        "--config.file",
        config.to_str().unwrap(),
        "--web.listen-address",
        "127.0.0.1:0",
    ]));
    program.folder = Some(folder);
    let address = program.listens("message=listening address=").await;
    (program, address)
}

impl Program {
    /// Starts it. What it writes to either stream is kept.
    pub(crate) fn start(command: &mut Command) -> Self {
        let started = Instant::now();
        let output = tempfile::NamedTempFile::new().unwrap();
        let stream =
            || -> io::Result<Stdio> { Ok(File::options().append(true).open(&output)?.into()) };
        command
            .stdin(Stdio::null())
            .stdout(stream().unwrap())
            .stderr(stream().unwrap());
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        Self {
            name: format!("{command:?}"),
            child,
            output,
            started,
            folder: None,
        }
    }

    /// How long ago it was started.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// The most memory that it has held so far, in bytes (`VmHWM` of the kernel).
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(status).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = peak.unwrap().trim().strip_suffix(" kB").unwrap();
        kilobytes.trim().parse::<u64>().unwrap() << 10
    }

    /// All that it has written so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.output.path()).unwrap()).into_owned()
    }

    /// Waits for what is looked for in its output. The test fails when the program ends before.
    pub(crate) async fn says<T>(&mut self, look: impl Fn(&str) -> Option<T>) -> T {
        let what = format!("a word of {}", self.name);
        until(&what, async || {
            let ended = self.child.try_wait().unwrap();
            let found = look(&self.said());
            if let (None, Some(status)) = (&found, ended) {
                panic!("{} ended early, {status}\n{}", self.name, self.said());
            }
            found
        })
        .await
    }

    /// Waits for the word that it writes behind this text.
    pub(crate) async fn word(&mut self, text: &str) -> String {
        self.says(|said| {
            let (_, rest) = said.split_once(text)?;
            // The line may not be written to its end yet.
            let (word, _) = rest.split_once(char::is_whitespace)?;
            Some(word.to_owned())
        })
        .await
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(status.success(), "{kill}: {status}");
    }

    /// Waits for its end.
    pub(crate) async fn ends(&mut self) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        until(&what, async || self.child.try_wait().unwrap()).await
    }

    /// Waits for the address that it writes behind this text.
    pub(crate) async fn listens(&mut self, text: &str) -> SocketAddr {
        self.says(|said| {
            let (_, rest) = said.split_once(text)?;
            // The line may not be written to its end yet.
            let is_end = |end: char| end.is_whitespace() || "/;".contains(end);
            let (address, _) = rest.split_once(is_end)?;
            address.parse().ok()
        })
        .await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("{} wrote:\n{}", self.name, self.said());
        }
    }
}
