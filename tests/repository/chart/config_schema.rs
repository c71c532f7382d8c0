//! The schema of the chart's values has that of the configuration, so Helm refuses a value that the program would refuse.

use std::fs;

use serde_json::Value;

use super::compare;
use super::helm::{Helm, OPERATOR, root};

const SCHEMA: &str = "charts/breakeven/values.schema.json";

/// The text before, of and after the value of a key of the values.
fn split<'a>(text: &'a str, key: &str) -> (&'a str, &'a str, &'a str) {
    let start = format!("\n    \"{key}\": ");
    let start = text.find(&start).unwrap() + start.len();
    let length = text[start..].find("\n    }").unwrap() + "\n    }".len();
    let (before, rest) = text.split_at(start);
    let (value, after) = rest.split_at(length);
    (before, value, after)
}

#[test]
fn the_schema_of_the_values_has_that_of_the_configuration() {
    let mut schema: Value = serde_json::from_str(&breakeven::config::schema()).unwrap();
    let keys = schema.as_object_mut().unwrap();
    keys.remove("$schema");
    keys.remove("title");
    let made = format!("{schema:#}").replace('\n', "\n    ");
    let text = fs::read_to_string(root().join(SCHEMA)).unwrap();
    let (before, _, after) = split(&text, "config");
    compare(SCHEMA, &[before, &made, after].concat());
}

/// Ends of errors about the form of a file, which a schema finds too.
const OF_FORM: [&str; 8] = [
    "is not a number",
    "is not a whole number",
    "is not true or false",
    "is not text",
    "is not a list",
    "is not a section with keys",
    "is not a setting",
    "is not one of",
];

#[test]
fn helm_refuses_a_configuration_of_a_wrong_form() {
    let Some(helm) = Helm::found() else { return };
    let mut refused = 0;
    for entry in fs::read_dir(root().join("tests/config/bad")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let is_of_form = |line: &str| {
            // A file of prices is not part of the configuration.
            let error = line.strip_prefix("# error: ");
            error.is_some_and(|error| {
                !error.starts_with("prices.file") && OF_FORM.iter().any(|form| error.contains(form))
            })
        };
        if !text.lines().any(is_of_form) {
            continue;
        }
        let values = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
        let indented: String = text.lines().map(|line| format!("  {line}\n")).collect();
        fs::write(values.path(), format!("config:\n{indented}")).unwrap();
        let said = helm.refusal(values.path(), &[OPERATOR]);
        // JSON has no infinity, so Helm cannot read that file.
        let reasons = [
            "values don't meet the specifications of the schema",
            "unsupported value: +Inf",
        ];
        assert!(
            reasons.iter().any(|reason| said.contains(reason)),
            "{text}\n{said}"
        );
        refused += 1;
    }
    assert!(refused >= 15, "only {refused} files");
}
