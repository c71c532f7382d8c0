//! The annotations of breakeven.

use std::sync::Arc;

use super::ConversionError;
use crate::sources::kubernetes::api_types::Annotations;
use crate::sources::prometheus::check_query;
use breakeven_model::inventory::{FunctionName, WorkloadAnnotations};
use breakeven_model::units::Seconds;

/// How much of a value that makes no sense is repeated, in characters. An object may have 256 KiB of annotations.
const MAX_SHOWN: usize = 80;

/// The longest name of a unit.
const MAX_UNIT: usize = 63;

/// The longest ARN of a function.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html>
const MAX_ARN: usize = 170;

pub(in crate::sources::kubernetes) const REQUESTS_QUERY: &str = "breakeven.dev/requests-query";
const UNIT: &str = "breakeven.dev/unit";
const LAMBDA_FUNCTION: &str = "breakeven.dev/lambda-function";
const EXCLUDE: &str = "breakeven.dev/exclude";
const LATENCY_OBJECTIVE: &str = "breakeven.dev/latency-objective";

/// What annotations say; absent where they say nothing.
pub(in crate::sources::kubernetes) fn notes(
    annotations: &Annotations,
) -> Option<WorkloadAnnotations> {
    let mut notes = WorkloadAnnotations::default();
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
        notes.is_excluded = says.map_err(|_| format!("{:?} is not true or false", shown(text)))?;
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
    (notes != WorkloadAnnotations::default()).then_some(notes)
}

/// The problems, each with the object that has them.
pub(in crate::sources::kubernetes) fn unreadable(
    notes: &WorkloadAnnotations,
    object: &str,
) -> Vec<ConversionError> {
    let problems = notes.problems.iter();
    let problems = problems.map(|(annotation, problem)| ConversionError {
        object: object.to_owned(),
        field: format!("metadata.annotations[{annotation}]"),
        problem: problem.to_string(),
    });
    problems.collect()
}

fn unit(text: &str) -> Result<&str, String> {
    let fits = |c: char| c.is_alphanumeric() || "-_. ".contains(c);
    if text.is_empty() || text.chars().count() > MAX_UNIT || !text.chars().all(fits) {
        return Err(format!(
            "{:?} is not the name of a unit such as checkout: at most {MAX_UNIT} letters, digits, dots, dashes and spaces",
            shown(text)
        ));
    }
    Ok(text)
}

/// The beginning of a value, for an error.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// A name, or an ARN without a version: `arn:aws:lambda:us-east-1:123456789012:function:checkout`.
fn function(text: &str) -> Result<FunctionName, String> {
    // A name has at most 64 characters, and what stands before it fewer.
    if text.len() > MAX_ARN {
        return Err(format!(
            "{:?} is longer than an ARN, {MAX_ARN} bytes",
            shown(text)
        ));
    }
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
        .ok_or_else(|| {
            let text = shown(text);
            format!("{text:?} is neither the name of a function nor its ARN")
        })
}

/// `250ms`, `1.5s`, `2m`.
fn duration(text: &str) -> Result<Seconds, String> {
    let bad = || {
        let text = shown(text);
        format!("{text:?} is not a duration such as 250ms, 1.5s or 2m")
    };
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

    fn read(annotations: Value) -> Option<WorkloadAnnotations> {
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
        let expected = WorkloadAnnotations {
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
    fn a_value_without_a_bound_is_refused_and_repeated_in_part_alone() {
        for annotation in [
            REQUESTS_QUERY,
            UNIT,
            LAMBDA_FUNCTION,
            EXCLUDE,
            LATENCY_OBJECTIVE,
        ] {
            for text in ["-", "(", "é", "1", ":"] {
                let text = text.repeat(100_000);
                let notes = read(json!({annotation: text})).unwrap();
                let [(name, problem)] = notes.problems.as_slice() else {
                    panic!("{annotation}: {:?}", notes.problems.len())
                };
                assert_eq!(*name, annotation);
                assert!(problem.len() < 600, "{annotation}: {problem}");
            }
        }
        let notes = read(json!({REQUESTS_QUERY: "-".repeat(20_000), UNIT: "order"})).unwrap();
        assert_eq!(notes.unit.as_deref(), Some("order"));
        let problem = &notes.problems[0].1;
        assert!(problem.contains("20000 bytes, more than 4096"), "{problem}");
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
