//! The recording and alert rules: promtool finds them right, each alert has a test and a page, and each threshold a name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{on_path, run, skip};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The paths of all files of a folder with this ending, in order.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

fn yaml(path: &Path) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The alerts of the chart.
fn alerts() -> Vec<Value> {
    let file = yaml(&root().join("charts/breakeven/rules/alerts.yaml"));
    let groups = file["groups"].as_array().unwrap().iter();
    groups
        .flat_map(|group| group["rules"].as_array().unwrap().clone())
        .collect()
}

fn names() -> BTreeSet<String> {
    alerts()
        .iter()
        .map(|alert| alert["alert"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn promtool_finds_the_rules_right() {
    let Some(promtool) = on_path("promtool") else {
        return skip("promtool is not installed; run ./test");
    };
    let rules = files("charts/breakeven/rules", "yaml");
    let said = run(Command::new(&promtool).args(["check", "rules"]).args(rules));
    assert!(!said.contains(" 0 rules found"), "{said}");
    for test in files("tests/rules", "yaml") {
        run(Command::new(&promtool).args(["test", "rules"]).arg(test));
    }
}

/// promtool holds what they expect; this, that they expect enough.
#[test]
fn each_alert_has_a_test_that_it_fires_waits_resolves_and_is_quiet_without_data() {
    let mut tests = files("tests/rules", "yaml");
    tests.retain(|path| stem(path) != "recording");
    let tested: BTreeSet<_> = tests.iter().map(|path| stem(path)).collect();
    assert_eq!(tested, names());
    for path in tests {
        let alert = stem(&path);
        let file = yaml(&path);
        let groups = file["tests"].as_array().unwrap();
        // Whether it fires, in the order of time.
        let course: Vec<bool> = groups[0]["alert_rule_test"]
            .as_array()
            .unwrap()
            .iter()
            .inspect(|test| assert_eq!(test["alertname"], *alert))
            .map(|test| !test["exp_alerts"].as_array().unwrap().is_empty())
            .collect();
        let fires = course.iter().position(|fires| *fires);
        let fires = fires.unwrap_or_else(|| panic!("{alert} never fires"));
        assert!(fires > 0, "{alert} is not shown to wait");
        assert_eq!(
            course.last(),
            Some(&false),
            "{alert} is not shown to resolve"
        );
        let without = groups.last().unwrap();
        assert_eq!(without["name"], "quiet without data", "{alert}");
        assert_eq!(without["alert_rule_test"][0]["alertname"], *alert);
    }
}

#[test]
fn each_alert_is_named_labelled_and_described_as_agreed() {
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        assert!(name.starts_with("Breakeven"), "{name}");
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(["warning", "info"].contains(&severity), "{name}");
        assert!(alert["for"].is_string(), "{name} does not wait");
        let annotations = &alert["annotations"];
        let summary = annotations["summary"].as_str().unwrap();
        assert!(
            summary.ends_with('.') && !summary.contains("{{"),
            "{name}: the summary is a sentence that never changes"
        );
        assert!(annotations["description"].as_str().unwrap().contains("{{"));
        assert_eq!(
            annotations["runbook_url"],
            format!("https://breakeven.dev/runbooks/{name}")
        );
    }
}

#[test]
fn each_alert_has_a_runbook_and_each_runbook_an_alert() {
    let pages = files("docs/runbooks", "md");
    let mut described = BTreeSet::new();
    for page in pages {
        let name = stem(&page);
        if name == "README" {
            continue;
        }
        let text = fs::read_to_string(&page).unwrap();
        let headings: Vec<_> = text.lines().filter(|line| line.starts_with('#')).collect();
        assert_eq!(
            headings,
            [
                &*format!("# {name}"),
                "## Meaning",
                "## Impact",
                "## Diagnosis",
                "## Mitigation"
            ]
        );
        described.insert(name);
    }
    assert_eq!(described, names());
    let index = fs::read_to_string(root().join("docs/runbooks/README.md")).unwrap();
    let listed: BTreeSet<String> = index
        .lines()
        .filter_map(|line| line.strip_prefix("| [")?.split(']').next())
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, names());
}

/// The chart replaces a threshold by the name behind it, so a number without one could not be set.
#[test]
fn each_threshold_has_a_name_and_stands_in_the_table_with_its_value() {
    let text = fs::read_to_string(root().join("charts/breakeven/rules/alerts.yaml")).unwrap();
    let mut thresholds = BTreeSet::new();
    for line in text.lines().map(str::trim) {
        let Some((before, name)) = line.split_once(" # ") else {
            continue;
        };
        let value = before.rsplit(' ').next().unwrap();
        assert!(before.ends_with(&format!("> {value}")), "{line}");
        value.parse::<f64>().unwrap();
        thresholds.insert((name.to_owned(), value.to_owned()));
    }
    let index = fs::read_to_string(root().join("docs/runbooks/README.md")).unwrap();
    let listed: BTreeSet<_> = index
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
            let name = cells.next()?.trim_end_matches('`').to_owned();
            Some((name, cells.next()?.to_owned()))
        })
        .collect();
    assert_eq!(listed, thresholds);
    assert!(thresholds.len() >= 9, "{thresholds:?}");
}
