//! A real Prometheus (the Debian package) on loopback, and what its API answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::exposition::get;
use super::program::Program;
use super::{on_path, skip, until};

/// A program of the Debian package `prometheus`, for the test to be skipped where there is none.
pub(crate) fn installed(program: &str) -> Option<PathBuf> {
    let found = on_path(program);
    if found.is_none() {
        skip(&format!(
            "{program} is not installed; it is in the package prometheus"
        ));
    }
    found
}

/// A running Prometheus; it ends with this.
pub(crate) struct Prometheus {
    program: Program,
    address: String,
    home: tempfile::TempDir,
}

impl Prometheus {
    /// Starts it with a configuration file of this text. Paths in it are relative to its home, where `files` are
    /// written before, by name and content.
    pub(crate) async fn start(executable: &Path, config: &str, files: &[(&str, &str)]) -> Self {
        Self::begin(executable, config, files, |_| ()).await
    }

    /// Starts it over data that it finds; `fill` is told where to put them. It scrapes nothing.
    pub(crate) async fn over(executable: &Path, fill: impl FnOnce(&Path)) -> Self {
        let prometheus = Self::begin(executable, "", &[], fill).await;
        let ready = format!("{}/-/ready", prometheus.url());
        until("a Prometheus that has read its data", async || {
            let (status, ..) = get(&ready).await?;
            status.is_success().then_some(())
        })
        .await;
        prometheus
    }

    async fn begin(
        executable: &Path,
        config: &str,
        files: &[(&str, &str)],
        fill: impl FnOnce(&Path),
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(home.path().join(name), content).unwrap();
        }
        let file = home.path().join("prometheus.yml");
        fs::write(&file, config).unwrap();
        let data = home.path().join("data");
        fill(&data);
        let mut command = Command::new(executable);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg("--storage.tsdb.retention.time=100y")
            .arg("--web.listen-address=127.0.0.1:0");
        let mut program = Program::start(&mut command);
        let address = program.listens("msg=\"Listening on\" address=").await;
        Self {
            program,
            address: address.to_string(),
            home,
        }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that it has written so far.
    pub(crate) fn said(&self) -> String {
        self.program.said()
    }

    /// An answer of its API.
    pub(crate) async fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let pairs: Vec<_> = parameters
            .iter()
            .map(|(key, value)| format!("{key}={}", escaped(value)))
            .collect();
        let url = format!("http://{}/api/v1/{path}?{}", self.address, pairs.join("&"));
        let (_, _, body) = get(&url).await.unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            answer["status"], "success",
            "{path} {parameters:?}: {answer}"
        );
        answer["data"].clone()
    }

    /// What a query for a vector gives now: labels and values.
    pub(crate) async fn query(&self, query: &str) -> Vec<(Value, f64)> {
        let data = self.ask("query", &[("query", query)]).await;
        let results = data["result"].as_array().unwrap().iter();
        results
            .map(|result| (result["metric"].clone(), number(&result["value"][1])))
            .collect()
    }

    /// The one number that a query gives now.
    pub(crate) async fn value(&self, query: &str) -> f64 {
        match self.query(query).await.as_slice() {
            [(_, value)] => *value,
            other => panic!("{query} gives {other:?}"),
        }
    }
}

/// A number as the API writes it.
pub(crate) fn number(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
