//! The dependencies: what `cargo deny check licenses bans sources` would say by deny.toml, without that tool.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

const DENY: &str = include_str!("../../deny.toml");
const LOCK: &str = include_str!("../../Cargo.lock");

/// All dependencies for the machines that deny.toml names, as cargo knows them.
fn packages() -> Vec<Value> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args([
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--offline",
    ]);
    for target in strings(DENY, "targets = [") {
        cargo.args(["--filter-platform", target]);
    }
    let output = cargo.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// The strings in the list that begins with this text.
fn strings<'a>(text: &'a str, beginning: &str) -> Vec<&'a str> {
    let (_, list) = text.split_once(&format!("\n{beginning}")).unwrap();
    let (list, _) = list.split_once(']').unwrap();
    list.split('"').skip(1).step_by(2).collect()
}

/// The values of a key in a file of simple TOML, such as `name = "…"`.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let start = format!("{key} = \"");
    text.split(start.as_str())
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect()
}

/// Whether a licence expression can be satisfied with these licences alone. The old way to write a choice, with a
/// slash, is understood.
fn satisfied(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut words = &*words;
    let satisfied = any(&mut words, allowed);
    assert!(words.is_empty(), "{expression:?} is not understood");
    satisfied
}

fn any(words: &mut &[&str], allowed: &[&str]) -> bool {
    let mut satisfied = all(words, allowed);
    while let ["OR", rest @ ..] = *words {
        *words = rest;
        satisfied |= all(words, allowed);
    }
    satisfied
}

fn all(words: &mut &[&str], allowed: &[&str]) -> bool {
    let mut satisfied = one(words, allowed);
    while let ["AND", rest @ ..] = *words {
        *words = rest;
        satisfied &= one(words, allowed);
    }
    satisfied
}

fn one(words: &mut &[&str], allowed: &[&str]) -> bool {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let satisfied = any(words, allowed);
            assert_eq!(words.first(), Some(&")"), "a bracket is not closed");
            *words = &words[1..];
            satisfied
        }
        [licence, "WITH", exception, rest @ ..] => {
            *words = rest;
            allowed.contains(&&*format!("{licence} WITH {exception}"))
        }
        [licence, rest @ ..] => {
            *words = rest;
            allowed.contains(licence)
        }
        [] => panic!("a licence is missing"),
    }
}

#[test]
fn every_dependency_has_a_licence_that_is_allowed() {
    let allowed = strings(DENY, "allow = [");
    assert!(allowed.contains(&"Apache-2.0"), "{allowed:?}");
    let packages = packages();
    assert!(packages.len() > 100, "only {}", packages.len());
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| {
            let licence = package["license"].as_str();
            !licence.is_some_and(|licence| satisfied(licence, &allowed))
        })
        .map(|package| {
            format!(
                "{} {}: {}",
                package["name"], package["version"], package["license"]
            )
        })
        .collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn a_licence_that_is_not_allowed_is_refused() {
    let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "ISC"];
    for fine in [
        "MIT",
        "MIT OR GPL-3.0",
        "GPL-3.0/MIT",
        "Apache-2.0 WITH LLVM-exception",
        "(GPL-3.0 OR MIT) AND ISC",
        "GPL-3.0 AND MPL-2.0 OR MIT",
    ] {
        assert!(satisfied(fine, &allowed), "{fine}");
    }
    for refused in [
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "MIT WITH LLVM-exception",
        "(MIT OR ISC) AND MPL-2.0",
        "MIT AND (GPL-3.0 OR MPL-2.0)",
    ] {
        assert!(!satisfied(refused, &allowed), "{refused}");
    }
}

#[test]
fn nothing_that_is_banned_is_in_the_lock_file() {
    let banned = values(DENY, "crate");
    assert!(banned.contains(&"aws-sdk-ec2"), "{banned:?}");
    let locked: BTreeSet<&str> = values(LOCK, "\nname").into_iter().collect();
    assert!(locked.contains("aws-sdk-cloudwatch"));
    let found: Vec<_> = banned
        .iter()
        .filter(|name| locked.contains(**name))
        .collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn everything_comes_from_the_one_registry() {
    let allowed = strings(DENY, "allow-registry = [");
    let sources: BTreeSet<&str> = values(LOCK, "\nsource").into_iter().collect();
    let allowed: BTreeSet<String> = allowed
        .iter()
        .map(|registry| format!("registry+{registry}"))
        .collect();
    assert!(!sources.is_empty());
    let other: Vec<_> = sources
        .iter()
        .filter(|source| !allowed.contains(**source))
        .collect();
    assert!(other.is_empty(), "{other:?}");
}
