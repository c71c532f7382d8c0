//! The documents: that what they point to is there, and that the map of the code has every module.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use breakeven::sources::Source;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All documents of the repository.
fn documents() -> Vec<PathBuf> {
    let folders = ["", "docs", "docs/runbooks"].map(|folder| root().join(folder));
    folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

/// Where the links of a text lead that stay in the repository, without the part after `#`.
fn links(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next())
        .filter(|link| !link.is_empty() && !link.contains("://"))
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let documents = documents();
    assert!(documents.len() >= 20, "{documents:?}");
    let mut broken = Vec::new();
    for document in &documents {
        for link in links(&fs::read_to_string(document).unwrap()) {
            if !document.parent().unwrap().join(link).exists() {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn links_are_found_in_text() {
    let text = "[a](b.md), [c](d/e.md#f), [g](#h), [`i`](https://example.com/)";
    assert_eq!(links(text), ["b.md", "d/e.md"]);
}

fn text(document: &str) -> String {
    fs::read_to_string(root().join(document)).unwrap()
}

/// What stands in backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn the_runbook_for_sources_names_every_source() {
    let runbook = text("docs/runbooks/BreakevenSourceDown.md");
    let rows: BTreeSet<&str> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| *name != "source")
        .collect();
    assert_eq!(rows, BTreeSet::from(Source::ALL.map(Source::as_str)));
}

/// Whether a dotted path leads to a setting. Below a list, a map or a value that is absent by default, any key may follow.
fn is_setting(defaults: &Value, path: &str) -> bool {
    let mut at = defaults;
    for key in path.split('.') {
        match at {
            Value::Object(keys) if keys.is_empty() => return true,
            Value::Object(keys) => match keys.get(key) {
                Some(value) => at = value,
                None => return false,
            },
            Value::Array(_) | Value::Null => return true,
            _ => return false,
        }
    }
    true
}

#[test]
fn every_setting_that_a_document_names_exists() {
    let defaults: Value = serde_saphyr::from_str(&breakeven::config::default_file()).unwrap();
    let sections = defaults.as_object().unwrap();
    let is_path = |word: &str| {
        let mut keys = word.split('.');
        let first = keys.next().unwrap();
        let is_key = |key: &str| {
            !key.is_empty()
                && key
                    .chars()
                    .all(|letter| letter.is_ascii_lowercase() || "_0123456789".contains(letter))
        };
        sections.contains_key(first) && word.contains('.') && keys.all(is_key)
    };
    let mut unknown = Vec::new();
    let mut known = 0;
    // The keys of a world file, not those of the configuration.
    let others = [root().join("docs/worlds.md")];
    let all = documents().into_iter();
    for document in all.filter(|document| !others.contains(document)) {
        let text = fs::read_to_string(&document).unwrap();
        for path in code(&text).filter(|word| is_path(word)) {
            if is_setting(&defaults, path) {
                known += 1;
            } else {
                unknown.push(format!("{}: {path}", document.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    assert!(known >= 100, "only {known} settings were found");
}

#[test]
fn a_setting_is_told_from_a_path_that_leads_nowhere() {
    let defaults = serde_json::json!({"a": {"b": 1, "list": [], "absent": null, "map": {}}});
    for path in ["a", "a.b", "a.list.x", "a.absent.x", "a.map.x"] {
        assert!(is_setting(&defaults, path), "{path}");
    }
    for path in ["a.c", "a.b.c", "b"] {
        assert!(!is_setting(&defaults, path), "{path}");
    }
}

#[test]
fn the_map_of_the_code_has_every_module_and_no_other() {
    let modules = |file: &str| -> BTreeSet<String> {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let modules = text
            .lines()
            .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "))
            .filter_map(|line| line.strip_suffix(';'));
        modules
            .filter(|module| *module != "test_util")
            .map(str::to_owned)
            .collect()
    };
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, text) = text.split_once("### `crates/model`").unwrap();
    let (model, program) = text.split_once("### `src`").unwrap();
    let (program, _) = program.split_once("\n## ").unwrap();
    let rows = |table: &str| -> BTreeSet<String> {
        let rows = table.lines().filter_map(|line| line.strip_prefix("| "));
        let cells = rows.filter_map(|row| row.split(" |").next());
        let words = cells.flat_map(|cell| cell.split([',', '`', '[', ']', ' ']));
        let words = words.filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        words
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(rows(model), modules("crates/model/src/lib.rs"));
    assert_eq!(rows(program), modules("src/lib.rs"));
}

#[test]
fn security_and_the_permissions_name_the_same_aws_actions() {
    let policy: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(root().join("config/iam-policy.json")).unwrap())
            .unwrap();
    let document = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let named: BTreeSet<&str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| AWS | `")?.split('`').next())
        .collect();
    let granted: BTreeSet<&str> = policy["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|statement| statement["Action"].as_array().unwrap())
        .map(|action| action.as_str().unwrap())
        .collect();
    assert_eq!(named, granted);
}
