//! The annotations of breakeven.

use std::sync::Arc;

use super::Unreadable;
use crate::observation::{FunctionName, Notes};
use crate::sources::kubernetes::object::Annotations;
use crate::sources::requests::check_query;
use crate::units::Seconds;

/// The longest name of a unit.
const LONGEST_UNIT: usize = 63;

pub(in crate::sources::kubernetes) const REQUESTS_QUERY: &str = "breakeven.dev/requests-query";
const UNIT: &str = "breakeven.dev/unit";
const LAMBDA_FUNCTION: &str = "breakeven.dev/lambda-function";
const EXCLUDE: &str = "breakeven.dev/exclude";
const LATENCY_OBJECTIVE: &str = "breakeven.dev/latency-objective";

/// What annotations say; absent where they say nothing.
pub(in crate::sources::kubernetes) fn notes(annotations: &Annotations) -> Option<Notes> {
    let mut notes = Notes::default();
    let mut problems = Vec::new();
    let mut read =
        |text: &Option<String>, name, take: &mut dyn FnMut(&str) -> Result<(), String>| {
            let Some(text) = text else { return };
            if let Err(problem) = take(text.trim()) {
                problems.push((name, Arc::from(problem)));
            }
        };
    read(&annotations.requests_query, REQUESTS_QUERY, &mut |text| {
        check_query(text).map_err(|error| error.to_string())?;
        notes.requests_query = Some(text.into());
        Ok(())
    });
    read(&annotations.unit, UNIT, &mut |text| {
        notes.unit = Some(unit(text)?.into());
        Ok(())
    });
    read(&annotations.lambda_function, LAMBDA_FUNCTION, &mut |text| {
        notes.lambda_function = Some(function(text)?);
        Ok(())
    });
    read(&annotations.exclude, EXCLUDE, &mut |text| {
        let says = text.parse::<bool>();
        notes.is_excluded = says.map_err(|_| format!("{text:?} is not true or false"))?;
        Ok(())
    });
    read(
        &annotations.latency_objective,
        LATENCY_OBJECTIVE,
        &mut |text| {
            notes.latency_objective = Some(duration(text)?);
            Ok(())
        },
    );
    notes.problems = problems;
    (notes != Notes::default()).then_some(notes)
}

/// The problems, each with the object that has them.
pub(in crate::sources::kubernetes) fn unreadable(notes: &Notes, object: &str) -> Vec<Unreadable> {
    let problems = notes.problems.iter();
    let problems = problems.map(|(annotation, problem)| Unreadable {
        object: object.to_owned(),
        field: format!("metadata.annotations[{annotation}]"),
        problem: problem.to_string(),
    });
    problems.collect()
}

fn unit(text: &str) -> Result<&str, String> {
    let fits = |c: char| c.is_alphanumeric() || "-_. ".contains(c);
    if text.is_empty() || text.chars().count() > LONGEST_UNIT || !text.chars().all(fits) {
        return Err(format!(
            "{text:?} is not the name of a unit such as checkout: at most {LONGEST_UNIT} letters, digits, dots, dashes and spaces"
        ));
    }
    Ok(text)
}

/// A name, or an ARN without a version: `arn:aws:lambda:us-east-1:123456789012:function:checkout`.
fn function(text: &str) -> Result<FunctionName, String> {
    let is_name = |name: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        (1..=64).contains(&name.len()) && name.chars().all(fits)
    };
    let parts: Vec<&str> = text.split(':').collect();
    let (place, name) = match parts.as_slice() {
        [name] => (None, *name),
        ["arn", _, "lambda", region, account_id, "function", name] => {
            (Some(((*account_id).into(), (*region).into())), *name)
        }
        _ => (None, ""),
    };
    is_name(name)
        .then(|| FunctionName {
            place,
            name: name.into(),
        })
        .ok_or_else(|| format!("{text:?} is neither the name of a function nor its ARN"))
}

/// `250ms`, `1.5s`, `2m`.
fn duration(text: &str) -> Result<Seconds, String> {
    let bad = || format!("{text:?} is not a duration such as 250ms, 1.5s or 2m");
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0)];
    let (number, unit) = units
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))
        .ok_or_else(bad)?;
    let number: f64 = number.trim().parse().map_err(|_| bad())?;
    let seconds = Seconds::from_seconds(number * unit).map_err(|_| bad())?;
    (!seconds.is_zero()).then_some(seconds).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(annotations: Value) -> Option<Notes> {
        notes(&serde_json::from_value(annotations).unwrap())
    }

    #[test]
    fn what_annotations_say_is_read() {
        let notes = read(json!({
            REQUESTS_QUERY: "increase(checkouts_total[$window])",
            UNIT: "checkout",
            LAMBDA_FUNCTION: "arn:aws:lambda:eu-west-1:123456789012:function:checkout",
            EXCLUDE: "true",
            LATENCY_OBJECTIVE: "250ms",
            "other": "x",
        }));
        let expected = Notes {
            requests_query: Some("increase(checkouts_total[$window])".into()),
            unit: Some("checkout".into()),
            lambda_function: Some(FunctionName {
                place: Some(("123456789012".into(), "eu-west-1".into())),
                name: "checkout".into(),
            }),
            is_excluded: true,
            latency_objective: Seconds::from_millis(250.0).ok(),
            problems: Vec::new(),
        };
        assert_eq!(notes, Some(expected));
        assert_eq!(read(json!({"other": "x"})), None);
        assert_eq!(read(json!({EXCLUDE: "false"})), None);
    }

    #[test]
    fn durations_have_units() {
        for (text, seconds) in [("250ms", 0.25), ("1.5s", 1.5), ("2m", 120.0), ("2 s", 2.0)] {
            let read = duration(text).unwrap().seconds();
            assert!((read - seconds).abs() < 1e-12, "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_named_and_the_rest_holds() {
        let long = "x".repeat(64);
        for (annotation, text, problem) in [
            (REQUESTS_QUERY, "increase(x[5m])", "it lacks `$window`"),
            (
                REQUESTS_QUERY,
                "sum(increase(x[$window])",
                "unclosed left parenthesis",
            ),
            (UNIT, "", "is not the name of a unit"),
            (UNIT, "a\nb", "is not the name of a unit"),
            (UNIT, &long, "is not the name of a unit"),
            (
                LAMBDA_FUNCTION,
                "check out",
                "is neither the name of a function nor its ARN",
            ),
            (
                LAMBDA_FUNCTION,
                "arn:aws:lambda:eu-west-1:123456789012:function:checkout:7",
                "is neither the name of a function nor its ARN",
            ),
            (EXCLUDE, "yes", "\"yes\" is not true or false"),
            (LATENCY_OBJECTIVE, "250", "is not a duration such as 250ms"),
            (LATENCY_OBJECTIVE, "0s", "is not a duration such as 250ms"),
            (LATENCY_OBJECTIVE, "NaNs", "is not a duration such as 250ms"),
        ] {
            let other = if annotation == UNIT { EXCLUDE } else { UNIT };
            let notes = read(json!({annotation: text, other: "true"})).unwrap();
            assert!(notes.is_excluded || notes.unit.is_some(), "{text}");
            let shown = unreadable(&notes, "Deployment shop/web");
            let [one] = shown.as_slice() else {
                panic!("{shown:?}")
            };
            let start = format!("Deployment shop/web: metadata.annotations[{annotation}] ");
            assert!(one.to_string().starts_with(&start), "{one}");
            assert!(one.to_string().contains(problem), "{one}");
        }
    }
}
