//! State files that the program wrote, of each version that is read. `tests/fixtures/README.md` says how they are made.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use ciborium::Value;

use super::*;
use crate::persistence::{OLDEST_VERSION, VERSION};

fn fixture(version: u32) -> Vec<u8> {
    let name = format!("tests/fixtures/version-{version}.state");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    let missing = |error| panic!("{}: {error}; see the README there", path.display());
    fs::read(&path).unwrap_or_else(missing)
}

/// The content of a fixture, as today's program reads it.
fn load<T: serde::de::DeserializeOwned>(version: u32) -> T {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("breakeven.state"), fixture(version)).unwrap();
    let owner = Owner::from([("cluster".to_owned(), "demo".to_owned())]);
    let now = "2026-03-02T12:05:00Z".parse().unwrap();
    match Directory::new(place.path()).load(&owner, now) {
        Ok(LoadResult::Loaded { content, .. }) => content,
        Ok(LoadResult::Quarantined { error, .. }) => panic!("version {version}: {error}"),
        other => panic!("version {version}: {:?}", other.err()),
    }
}

/// The fixture of the current version.
fn current() -> Value {
    load(VERSION)
}

fn read(value: &Value) -> Result<Content, String> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    ciborium::from_reader(&*bytes).map_err(|error| error.to_string())
}

#[test]
fn every_version_has_a_fixture_and_is_read() {
    for version in OLDEST_VERSION..=VERSION {
        let content: Content = load(version);
        let written = Value::serialized(&content).unwrap();
        assert_eq!(read(&written).map(drop), Ok(()));
        assert!(content.budget_balance.is_some());
    }
}

#[test]
fn what_is_read_of_the_current_version_is_written_again_without_a_difference() {
    let written = Value::serialized(&read(&current()).unwrap()).unwrap();
    let (written, expected) = (leaves(&written), leaves(&current()));
    assert!(expected.len() > 10_000, "{} values", expected.len());
    assert_eq!(written, expected);
}

/// All numbers and times of a value, in ascending order.
fn leaves(value: &Value) -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Integer(number) => found.push(i128::from(*number).to_string()),
            Value::Float(number) if number.is_nan() => {}
            Value::Float(number) => found.push(number.to_string()),
            Value::Text(text) if text.starts_with("20") => found.push(text.clone()),
            Value::Array(values) => match minute_of_version_4(values) {
                Some(minute) => found.extend(minute),
                None => values.iter().for_each(|value| collect(value, found)),
            },
            Value::Map(entries) => entries.iter().for_each(|(key, value)| {
                collect(key, found);
                collect(value, found);
            }),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(value, &mut found);
    found.sort_unstable();
    found
}

/// Version 4 has a minute as a row, with the bits of the duration in two halves and 2^32 - 1 in place of an unknown peak.
fn minute_of_version_4(values: &[Value]) -> Option<Vec<String>> {
    let [minute, invocations, Value::Array(halves), peak] = values else {
        return None;
    };
    let whole = |value: &Value| u64::try_from(value.as_integer()?).ok();
    let [high, low] = &**halves else { return None };
    let duration = f64::from_bits(whole(high)? << 32 | whole(low)?);
    let mut found = vec![
        whole(minute)?.to_string(),
        whole(invocations)?.to_string(),
        duration.to_string(),
    ];
    let peak = whole(peak)?;
    found.extend((peak != u64::from(u32::MAX)).then(|| peak.to_string()));
    Some(found)
}

#[test]
fn every_number_of_version_4_arrives() {
    let bytes = fixture(4);
    let start = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut body = &bytes[start..];
    let _header: Value = ciborium::from_reader(&mut body).unwrap();
    let old: Value = ciborium::from_reader(&mut body).unwrap();
    let new = Value::serialized(&load::<Content>(4)).unwrap();
    let (old, new) = (leaves(&old), leaves(&new));
    assert!(old.len() > 10_000, "{} values", old.len());
    assert_eq!(new, old);
}

/// Fields without a default, because the rest has no meaning without them. Those that say what an entry is of are required as
/// well, and not listed. Whatever is written since version 5 has them all, so a field that is new cannot be one of these.
const REQUIRED: [&str; 28] = [
    ".budget_balance.at",
    ".budget_balance.metrics",
    ".engine",
    ".engine.ledger",
    ".engine.ledger.counting_since",
    ".engine.ledger.functions{}.minutes.active.minute",
    ".engine.ledger.functions{}.minutes.failures.minute",
    ".engine.ledger.shared{}.last_seen",
    ".engine.ledger.started",
    ".engine.ledger.window",
    ".engine.ledger.workloads{}.buckets",
    ".engine.ledger.workloads{}.buckets.length",
    ".engine.ledger.workloads{}.buckets.newest.number",
    ".engine.ledger.workloads{}.buckets.older.columns",
    ".engine.ledger.workloads{}.buckets.older.numbers",
    ".engine.ledger.workloads{}.buckets.older.pieces",
    ".engine.ledger.workloads{}.created_at",
    ".engine.ledger.workloads{}.days",
    ".engine.ledger.workloads{}.days.length",
    ".engine.ledger.workloads{}.days.newest.number",
    ".engine.ledger.workloads{}.days.older.columns",
    ".engine.ledger.workloads{}.days.older.numbers",
    ".engine.ledger.workloads{}.days.older.pieces",
    ".engine.ledger.workloads{}.first_seen",
    ".engine.ledger.workloads{}.last_seen",
    ".engine.verdicts[].verdict",
    ".engine.verdicts[].verdict.shown",
    ".engine.verdicts[].workload",
];

/// Calls `change` with each map whose keys are names, and its path. `{}` is any value of a map whose keys are no names, and
/// `[]` any item of a list.
fn each_struct(
    value: &mut Value,
    path: &str,
    change: &mut impl FnMut(&str, &mut Vec<(Value, Value)>),
) {
    match value {
        Value::Array(values) => {
            for value in values {
                each_struct(value, &format!("{path}[]"), change);
            }
        }
        Value::Map(entries) => {
            let is_struct = entries.iter().all(|(key, _)| key.is_text());
            for (key, value) in entries.iter_mut() {
                match key {
                    Value::Text(name) => each_struct(value, &format!("{path}.{name}"), change),
                    key => {
                        each_struct(key, &format!("{path}{{key}}"), change);
                        each_struct(value, &format!("{path}{{}}"), change);
                    }
                }
            }
            if is_struct && !entries.is_empty() {
                change(path, entries);
            }
        }
        _ => {}
    }
}

/// Maps from a value of an enum to something: their keys are no fields.
fn is_by_enum(path: &str) -> bool {
    path.ends_with(".totals.cost") || path.ends_with(".workload")
}

/// The fixture of the current version with a few entries of each map and list, to be read often.
fn small() -> Value {
    fn truncate(value: &mut Value, name: &str) {
        match value {
            Value::Map(entries) => {
                if entries.iter().all(|(key, _)| key.is_map()) {
                    entries.truncate(8);
                }
                for (key, value) in entries {
                    truncate(value, key.as_text().unwrap_or_default());
                }
            }
            Value::Array(values) if name == "verdicts" => values.truncate(8),
            _ => {}
        }
    }
    let mut content = current();
    truncate(&mut content, "");
    content
}

/// The paths of all fields.
fn fields(value: &mut Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    each_struct(value, "", &mut |path, entries| {
        let names = entries.iter().filter_map(|(key, _)| key.as_text());
        found.extend(names.map(|name| format!("{path}.{name}")));
    });
    found
}

/// The value without a field, wherever it stands.
fn without(value: &Value, field: &str) -> Value {
    let mut value = value.clone();
    each_struct(&mut value, "", &mut |path, entries| {
        entries.retain(|(key, _)| {
            key.as_text()
                .is_none_or(|name| format!("{path}.{name}") != field)
        });
    });
    value
}

#[test]
fn any_field_but_those_that_say_what_a_thing_is_may_be_missing() {
    let mut content = small();
    let says_what_it_is_of = |field: &str| field.contains("{key}") || field.contains(".workload.");
    let required = fields(&mut content)
        .into_iter()
        .filter(|field| read(&without(&content, field)).is_err());
    let (of, required): (Vec<String>, Vec<String>) =
        required.partition(|field| says_what_it_is_of(field));
    assert!(of.len() > 10, "{of:?}");
    assert_eq!(required, REQUIRED, "a new field needs a default");
}

#[test]
fn fields_of_later_versions_are_ignored() {
    let mut content = small();
    let expected = leaves(&Value::serialized(&read(&content).unwrap()).unwrap());
    each_struct(&mut content, "", &mut |path, entries| {
        if !is_by_enum(path) {
            let later = Value::Array(vec![Value::Map(vec![(Value::Bool(true), Value::Null)])]);
            entries.push(("of_a_later_version".into(), later));
        }
    });
    let written = Value::serialized(&read(&content).unwrap()).unwrap();
    assert_eq!(leaves(&written), expected);
}

#[test]
fn a_struct_is_never_a_row_of_values() {
    fn check(value: &Value, path: &str) {
        match value {
            Value::Array(values) => {
                let kinds: BTreeSet<&str> = values.iter().filter_map(kind).collect();
                assert!(kinds.len() < 2, "{path} has {kinds:?} in one list");
                let item = format!("{path}[]");
                values.iter().for_each(|value| check(value, &item));
            }
            Value::Map(entries) => {
                for (key, value) in entries {
                    assert!(!key.is_array(), "a key of {path} is a row");
                    let name = key.as_text().unwrap_or("{}");
                    check(value, &format!("{path}.{name}"));
                }
            }
            _ => {}
        }
    }
    fn kind(value: &Value) -> Option<&'static str> {
        match value {
            Value::Integer(_) | Value::Float(_) => Some("numbers"),
            Value::Text(_) => Some("texts"),
            Value::Bool(_) => Some("booleans"),
            Value::Array(_) => Some("lists"),
            Value::Map(_) => Some("maps"),
            _ => None,
        }
    }
    check(&current(), "");
    check(&Value::serialized(&load::<Content>(4)).unwrap(), "");
}
