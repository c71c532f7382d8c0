//! The documents: that what they point to is there, and that the map of the code has every module.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

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

#[test]
fn the_map_of_the_code_has_every_module_and_no_other() {
    let modules: BTreeSet<String> = fs::read_to_string(root().join("src/lib.rs"))
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mapped: BTreeSet<String> = map
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .map(str::to_owned)
        .collect();
    assert_eq!(mapped, modules);
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
