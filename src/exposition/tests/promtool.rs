//! What Prometheus' own tool says, where it is on the machine.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::reports::everything;
use super::*;
use crate::exposition::{ApiUsage, SelfMetrics};
use breakeven_model::inventory::Source;

/// Whether promtool is there. In CI a machine without it is an error.
fn promtool() -> bool {
    let found = Command::new("promtool").arg("--version").output().is_ok();
    if !found {
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(
            !in_ci,
            "promtool is not on this machine; the package prometheus brings it"
        );
        let skipped = "promtool is not on this machine; the package prometheus brings it";
        eprintln!("skipped: {skipped}");
        // Where ./test counts what was skipped.
        if let Some(file) = std::env::var_os("BREAKEVEN_SKIPS") {
            let mut file = fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(file)
                .unwrap();
            writeln!(file, "{skipped}").unwrap();
        }
    }
    found
}

/// One of everything, numbers of the process included.
fn exposition(format: Format) -> String {
    let own = SelfMetrics::new(BUILD);
    let asked = ApiUsage {
        requests: 5,
        cost: super::reports::usd(0.00005),
    };
    own.aws_spent(BTreeMap::from([("GetMetricData".into(), asked)]));
    own.config_accepted(super::reports::at(), 0);
    let status = SourceStatus {
        up: Some(true),
        last_success: Some(super::reports::at()),
        last_duration: Some(std::time::Duration::from_millis(20)),
        errors: [(breakeven_model::inventory::Reason::Timeout, 2)].into(),
        last_error: None,
        discarded: [("not_finite", 3)].into(),
        ..SourceStatus::default()
    };
    let rendered = render(&Inputs {
        report: &everything(),
        sources: &BTreeMap::from([(Source::Kubernetes.into(), status)]),
        own: &own.facts(),
        external_labels: &[("cluster".into(), "blue".into())],
        settings: RenderConfig { max_series: 80 },
    });
    text_of(&rendered, format)
}

fn run(arguments: &[&str], directory: &Path, input: &str) -> Output {
    let mut child = Command::new("promtool")
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn promtool_finds_nothing_in_the_text_format() {
    if !promtool() {
        return;
    }
    let text = exposition(Format::Text);
    assert!(text.contains("process_cpu_seconds_total") && text.contains("_series_dropped_total"));
    let output = run(&["check", "metrics"], Path::new("."), &text);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn the_parser_of_prometheus_reads_our_openmetrics() {
    if !promtool() {
        return;
    }
    // The one way to that parser is to fill a database, which wants a time on every sample.
    let openmetrics = exposition(OPENMETRICS);
    let timed: String = openmetrics
        .lines()
        .map(|line| match line.starts_with('#') {
            true => format!("{line}\n"),
            false => format!("{line} 1772366400\n"),
        })
        .collect();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("exposition.txt"), timed).unwrap();
    let arguments = [
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "exposition.txt",
        "data",
    ];
    let output = run(&arguments, directory.path(), "");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // The dump wants a write-ahead log, be it empty.
    fs::create_dir(directory.path().join("data/wal")).unwrap();
    let arguments = ["tsdb", "dump", "data"];
    let output = run(&arguments, directory.path(), "");
    let dumped = String::from_utf8_lossy(&output.stdout);
    let series = openmetrics
        .lines()
        .filter(|line| !line.starts_with('#'))
        .count();
    assert_eq!(dumped.lines().count(), series, "{dumped}");
}
