//! `breakeven estimate` over the scenarios of `tests/scenarios`.
//!
//! Beside each `NAME.yaml` stands a `NAME.json` with figures that the answer must have, to the cent and to the request;
//! `null` stands for what must be absent. A file in `tests/scenarios/bad` begins with a line `# error: …` for each
//! error that it must be refused with, in any order; all of them, and no others.

// The functions around the tests fail them like the tests themselves.
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Money is right to the cent, unless `within_usd` says otherwise: AWS adds up parts that it rounded.
const CENT: f64 = 0.005;

fn estimate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_breakeven"))
        .arg("estimate")
        .args(arguments)
        .output()
        .unwrap()
}

/// As [`estimate`], with the scenario on standard input.
fn estimate_of(text: &str, arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_breakeven"))
        .args(["estimate", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|kind| kind == "yaml"))
        .collect()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What of the expected figures the answer does not have.
fn missing(expected: &Value, answer: Option<&Value>, place: &str, cent: f64) -> Vec<String> {
    let Some(keys) = expected.as_object() else {
        let right = match (expected, answer) {
            (Value::Null, answer) => answer.is_none(),
            (Value::Number(expected), Some(Value::Number(answer))) => {
                let (expected, answer) = (expected.as_f64().unwrap(), answer.as_f64().unwrap());
                let allowed = if place.contains("per_request_usd") || place.ends_with("_ratio") {
                    1e-9 * expected
                } else if place.ends_with("requests_per_month") {
                    1.0
                } else {
                    cent
                };
                (expected - answer).abs() <= allowed
            }
            (expected, answer) => Some(expected) == answer,
        };
        return if right {
            Vec::new()
        } else {
            vec![format!("{place}: expected {expected}, found {answer:?}")]
        };
    };
    keys.iter()
        .filter(|(key, _)| *key != "within_usd")
        .flat_map(|(key, expected)| {
            let found = answer.and_then(|answer| answer.get(key));
            missing(expected, found, &format!("{place}.{key}"), cent)
        })
        .collect()
}

#[test]
fn every_scenario_costs_what_stands_beside_it() {
    let mut wrong = Vec::new();
    let scenarios = files(&folder());
    for path in &scenarios {
        let beside = std::fs::read_to_string(path.with_extension("json")).unwrap();
        let expected: Value = serde_json::from_str(&beside).unwrap();
        let cent = expected["within_usd"].as_f64().unwrap_or(CENT);
        let name = path.to_str().unwrap();
        let output = estimate(&[name, "--output", "json"]);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let lines = missing(&expected, Some(&answer), "", cent + 1e-9);
        wrong.extend(lines.into_iter().map(|line| format!("{name}{line}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        scenarios.len() >= 30,
        "only {} files were found",
        scenarios.len()
    );
}

#[test]
fn components_add_up_and_a_request_has_its_share() {
    for path in files(&folder()) {
        let output = estimate(&[path.to_str().unwrap(), "--output", "json"]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        for side in ["lambda", "kubernetes"]
            .iter()
            .filter_map(|side| answer.get(side))
        {
            let parts = side["components"].as_object().unwrap().values();
            let sum: f64 = parts.map(|part| part.as_f64().unwrap()).sum();
            let monthly = side["monthly_usd"].as_f64().unwrap();
            assert!(
                (sum - monthly).abs() <= 1e-9 * monthly.max(1.0),
                "{}: {side}",
                path.display()
            );
        }
    }
}

#[test]
fn every_bad_scenario_is_refused_with_just_the_errors_it_names() {
    let mut wrong = Vec::new();
    let bad = files(&folder().join("bad"));
    for path in &bad {
        let scenario = std::fs::read_to_string(path).unwrap();
        let expected: BTreeSet<&str> = scenario
            .lines()
            .filter_map(|line| line.strip_prefix("# error: "))
            .collect();
        assert!(!expected.is_empty(), "{} names no error", path.display());
        let output = estimate(&[path.to_str().unwrap(), "--output", "json"]);
        let mut lines = text(&output.stderr).lines();
        let first = format!("breakeven: the scenario {} is wrong:", path.display());
        let output_text = lines.next() == Some(&*first);
        let found: BTreeSet<&str> = lines.collect();
        let silent = output.stdout.is_empty() && output.status.code() == Some(2);
        if !output_text || !silent || found != expected {
            wrong.push(format!(
                "{}\n  expected {expected:#?}\n  found {output:?}",
                path.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(bad.len() >= 25, "only {} files were found", bad.len());
}

#[test]
fn a_file_without_a_byte_is_refused() {
    let output = estimate_of("", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("the file: has neither"),
        "{output:?}"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let output = estimate(&["/nonexistent/scenario.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    let output_text = text(&output.stderr);
    assert!(
        output_text
            .starts_with("breakeven: the scenario /nonexistent/scenario.yaml cannot be read: "),
        "{output_text}"
    );
}

#[test]
fn text_that_is_no_terminal_is_plain() {
    let article = folder().join("article.yaml");
    let output = estimate(&[article.to_str().unwrap()]);
    let shown = text(&output.stdout);
    assert!(shown.is_ascii(), "{shown}");
    for line in [
        "A month of 730 hours and 5,000,000 requests, in USD",
        "                                  Lambda        Kubernetes",
        "duration                            4.17",
        "nodes                                                60.74",
        "a month                             5.17             60.74",
        "Lambda costs 55.57 USD a month less.",
        "Both cost the same at 58,776,679 requests a month; above that Kubernetes costs less.",
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "{line:?} is not in\n{shown}"
        );
    }
    let curves = shown
        .lines()
        .filter(|line| line.contains("|") && line.contains('L'));
    assert!(curves.count() > 5, "{shown}");
}

#[test]
fn a_side_alone_is_priced_without_a_curve() {
    let output = estimate_of("kubernetes: {node: {instance_type: m5.large}}", &[]);
    let shown = text(&output.stdout);
    assert!(
        shown.contains("a month                            70.08"),
        "{shown}"
    );
    assert!(!shown.contains("Lambda") && !shown.contains('|'), "{shown}");
    let plot = estimate_of(
        "kubernetes: {node: {instance_type: m5.large}}",
        &["--plot", "/dev/null"],
    );
    assert_eq!(plot.status.code(), Some(2), "{plot:?}");
}

#[test]
fn the_picture_is_an_svg_with_both_curves_and_the_crossing() {
    let folder_of_pictures = tempfile::tempdir().unwrap();
    let file = folder_of_pictures.path().join("curve.svg");
    for name in [
        "article",
        "saw_tooth",
        "nodes_too_small",
        "kubernetes_always",
        "every_part_of_a_cluster",
    ] {
        let scenario = folder().join(format!("{name}.yaml"));
        let output = estimate(&[scenario.to_str().unwrap(), "--plot", file.to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
        let svg = std::fs::read_to_string(&file).unwrap();
        assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("<polyline").count(), 2, "{name}");
        let crossings = match name {
            "article" => 1,
            "saw_tooth" => 2,
            _ => 0,
        };
        assert_eq!(svg.matches("<circle").count(), crossings, "{name}");
        for number in svg.split(['"', ' ', ',']) {
            assert!(!["NaN", "inf", "-inf"].contains(&number), "{name}");
        }
    }
}

/// The fenced blocks of the documentation in a language.
fn blocks(language: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/estimate.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```").skip(1).step_by(2);
    let wanted = blocks.filter_map(|block| block.strip_prefix(&format!("{language}\n")));
    wanted.map(str::to_owned).collect()
}

#[test]
fn the_example_of_the_documentation_answers_as_it_says() {
    let (scenario, answer) = (&blocks("yaml")[0], &blocks("text")[0]);
    let output = estimate_of(scenario, &[]);
    let shown = text(&output.stdout);
    assert!(shown.starts_with(&**answer), "{shown}");
}

#[test]
fn the_documentation_names_every_key_with_its_default() {
    let page = blocks("yaml")[1].replace("instance_type: null", "instance_type: m5.large");
    let given = [
        ("memory_mib", "256"),
        ("requests_per_month", "5e6"),
        ("duration_ms", "200"),
    ];
    let all = given.iter().fold(page, |page, (key, value)| {
        page.replace(&format!("{key}: ..."), &format!("{key}: {value}"))
    });
    let least = "
lambda: {memory_mib: 256, requests_per_month: 5e6, duration_ms: 200}
kubernetes: {node: {instance_type: m5.large}}
";
    let read = |text: &str| breakeven::estimate::parse(text).map_err(|error| error.to_string());
    assert_eq!(read(&all), read(least));
    let words: BTreeSet<&str> = all
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .collect();
    let raw = include_str!("../../src/estimate/file.rs");
    let keys = raw
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(": "));
    let missing: Vec<&str> = keys
        .map(|(key, _)| key)
        .filter(|key| !words.contains(key))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_wrong_argument_has_the_same_exit_code() {
    let output = estimate(&["--output", "xml", "-"]);
    assert_eq!(output.status.code(), Some(2));
}
