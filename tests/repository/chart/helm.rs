//! Helm, and what it makes of the chart.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Outcome, on_path, outcome, skip};

/// The version of Kubernetes that the chart is rendered for.
pub(crate) const KUBERNETES: &str = "1.34.0";

/// The namespace of the release.
pub(crate) const NAMESPACE: &str = "breakeven";

/// Says that the Prometheus operator is there.
pub(crate) const OPERATOR: &str = "--api-versions=monitoring.coreos.com/v1";

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of values in a folder, by name.
pub(crate) fn values_files(folder: &str) -> Vec<(String, PathBuf)> {
    let mut files: Vec<_> = fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == "yaml"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    files.sort();
    files
}

pub(crate) struct Helm(PathBuf);

impl Helm {
    /// The helm on the machine; without one the test is skipped.
    pub(crate) fn found() -> Option<Self> {
        let found = on_path("helm");
        if found.is_none() {
            skip("helm is not installed; run ./test");
        }
        found.map(Self)
    }

    /// It, in a home of its own.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.0);
        command
            .env("HOME", env!("CARGO_TARGET_TMPDIR"))
            .env_remove("KUBECONFIG");
        command
    }

    fn rendering(&self, values: &Path, more: &[&str]) -> Command {
        let mut command = self.command();
        command
            .args(["template", "breakeven"])
            .arg(root().join("charts/breakeven"))
            .args([
                "--namespace",
                NAMESPACE,
                "--kube-version",
                KUBERNETES,
                "--values",
            ])
            .arg(values)
            .args(more);
        command
    }

    /// What the chart makes of a file of values.
    pub(crate) fn template(&self, values: &Path, more: &[&str]) -> String {
        crate::support::run(&mut self.rendering(values, more))
    }

    /// What helm says when it refuses a file of values.
    pub(crate) fn refusal(&self, values: &Path, more: &[&str]) -> String {
        let outcome = outcome(&mut self.rendering(values, more));
        assert!(
            !outcome.status.success(),
            "{} is accepted",
            values.display()
        );
        outcome.err
    }
}

/// kubeconform, with the schemas that `./test` makes.
pub(crate) struct Kubeconform {
    program: PathBuf,
    schemas: PathBuf,
}

impl Kubeconform {
    /// The one on the machine; without it, or without schemas, the test is skipped.
    pub(crate) fn found() -> Option<Self> {
        let schemas = root().join("target/tools/kubernetes-schemas");
        let program = on_path("kubeconform");
        if program.is_none() || !schemas.join("deployment-apps-v1.json").exists() {
            skip("kubeconform or its schemas are missing; run ./test");
            return None;
        }
        Some(Self {
            program: program?,
            schemas,
        })
    }

    /// What it says of manifests, in JSON.
    pub(crate) fn check(&self, manifests: &str) -> Outcome {
        let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
        fs::write(file.path(), manifests).unwrap();
        let place = format!(
            "{}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json",
            self.schemas.display()
        );
        let mut command = Command::new(&self.program);
        command
            .args(["-strict", "-summary", "-output", "json", "-schema-location"])
            .args([place.as_ref(), file.path().as_os_str()]);
        outcome(&mut command)
    }
}

/// The documents of a YAML stream.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    text.split("\n---\n")
        .filter(|document| {
            let mut lines = document.lines().filter(|line| *line != "---");
            lines.any(|line| !line.trim().is_empty() && !line.starts_with('#'))
        })
        .map(|document| {
            serde_saphyr::from_str(document).unwrap_or_else(|error| panic!("{error}\n{document}"))
        })
        .collect()
}

/// The documents of a kind.
pub(crate) fn of_kind<'a>(documents: &'a [Value], kind: &str) -> Vec<&'a Value> {
    documents
        .iter()
        .filter(|document| document["kind"] == kind)
        .collect()
}
