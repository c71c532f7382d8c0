//! The expressions that are asked, checked before anything is sent.

use std::time::Duration;

use promql_parser::parser::value::ValueType;

use super::latency_unit::LatencyUnit;
use super::preset::Preset;
use super::target_labels::TargetLabels;
use breakeven_promql::{ExpressionError, LIMITS, Limits, Regexes};

/// What stands for the length of the time that an expression covers.
const PLACEHOLDER: &str = "$window";

/// The setting that the query of an annotation is called by in errors.
const ANNOTATION: &str = "requests-query";

/// How much of an expression that is too long is shown, in characters.
const MAX_SHOWN: usize = 80;

/// The limits of what an annotation says, inside `sum(...)`.
const SUMMED: Limits = Limits {
    max_bytes: LIMITS.max_bytes + "sum()".len(),
    max_nesting: LIMITS.max_nesting + 1,
};

/// The range that an expression is checked with. Its length is less than that of the placeholder.
const SAMPLE_WINDOW: Duration = Duration::from_secs(300);

/// What is asked of Prometheus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Queries {
    /// Those of the first preset that has data.
    Auto,
    /// Those of a preset.
    Preset(Preset),
    /// Own PromQL over counters, with `$window` in place of the range:
    /// `sum by (namespace, workload) (increase(http_requests_total[$window]))`.
    ///
    /// The result names its workload by the labels `namespace` and `workload` (and, where it is known,
    /// `workload_kind`), or by `namespace` and `pod`. Series of one workload that differ in other labels are added up.
    Own {
        /// Requests served within the window.
        requests: String,
        /// Their latency, where it is measured.
        latency: Option<LatencyQueries>,
    },
}

/// The sum and count of a latency histogram, with `$window` in place of the range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatencyQueries {
    /// The sum of all latencies within the window.
    pub sum: String,
    /// How many were measured within the window.
    pub count: String,
    /// What the sum is counted in.
    pub unit: LatencyUnit,
}

/// An expression that cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is not usable at character {position} of {expression:?}: {problem}")]
pub struct QuerySyntaxError {
    /// The setting: `requests`, `latency.sum` or `latency.count`; for an annotation `requests-query`.
    pub field: &'static str,
    /// The expression as written; its beginning if it is too long.
    pub expression: String,
    /// Where the problem is, or as far as the expression makes sense; the first character is 1.
    pub position: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// The labels that name a workload in the result of own queries.
pub(super) const OWN_WAYS: &[TargetLabels] = &[
    TargetLabels::Workload {
        namespace: "namespace",
        name: "workload",
        kind: "workload_kind",
    },
    TargetLabels::Pod {
        namespace: "namespace",
        name: "pod",
    },
];

/// Expressions that are sound.
#[derive(Debug)]
pub(super) struct CheckedQueries {
    pub(super) ways: &'static [TargetLabels],
    pub(super) requests: Expression,
    pub(super) latency: Option<CheckedLatencyQueries>,
}

#[derive(Debug)]
pub(super) struct CheckedLatencyQueries {
    pub(super) sum: Expression,
    pub(super) count: Expression,
    pub(super) unit: LatencyUnit,
}

impl CheckedQueries {
    pub(super) fn own(
        requests: &str,
        latency: Option<&LatencyQueries>,
    ) -> Result<Self, QuerySyntaxError> {
        let latency = latency.map(|latency| {
            Ok(CheckedLatencyQueries {
                sum: Expression::new("latency.sum", &latency.sum)?,
                count: Expression::new("latency.count", &latency.count)?,
                unit: latency.unit,
            })
        });
        Ok(Self {
            ways: OWN_WAYS,
            requests: Expression::new("requests", requests)?,
            latency: latency.transpose()?,
        })
    }
}

impl From<Preset> for CheckedQueries {
    fn from(preset: Preset) -> Self {
        let row = preset.row();
        let latency = row.latency.map(|(sum, count, unit)| CheckedLatencyQueries {
            sum: Expression::sound("latency.sum", sum),
            count: Expression::sound("latency.count", count),
            unit,
        });
        Self {
            ways: row.ways,
            requests: Expression::sound("requests", row.requests),
            latency,
        }
    }
}

/// An expression with a placeholder for its range.
#[derive(Debug)]
pub(super) struct Expression {
    field: &'static str,
    text: String,
}

impl Expression {
    pub(super) fn new(field: &'static str, text: &str) -> Result<Self, QuerySyntaxError> {
        Self::checked(field, text, LIMITS, Regexes::Compile)
    }

    /// The query of an annotation: all that it gives, as one number.
    pub(super) fn of_annotation(text: &str) -> Result<Self, QuerySyntaxError> {
        Self::checked(ANNOTATION, text, LIMITS, Regexes::Ignore)?;
        let summed = format!("sum({text})");
        Self::checked(ANNOTATION, &summed, SUMMED, Regexes::Ignore)
    }

    fn checked(
        field: &'static str,
        text: &str,
        limits: Limits,
        regexes: Regexes,
    ) -> Result<Self, QuerySyntaxError> {
        let bad = |position: usize, problem: &str| QuerySyntaxError {
            field,
            expression: text.to_owned(),
            position,
            problem: problem.to_owned(),
        };
        breakeven_promql::check_limits(text, limits)
            .map_err(|error| beyond_limits(field, text, &error))?;
        let expression = Self::sound(field, text);
        if !text.contains(PLACEHOLDER) {
            let problem = "it lacks `$window`, which stands for its range, as in `increase(requests_total[$window])`";
            return Err(bad(1, problem));
        }
        let filled = expression.over(SAMPLE_WINDOW);
        match breakeven_promql::parse(&filled, limits, regexes).map(|parsed| parsed.value_type()) {
            Ok(ValueType::Vector) => Ok(expression),
            Ok(other) => Err(bad(
                1,
                &format!("it gives a {other}, not an instant vector"),
            )),
            Err(problem) => {
                let problem = problem.to_string();
                let longest = || breakeven_promql::longest_expression(&filled, limits, regexes);
                Err(bad(position(longest, &problem, text), &problem))
            }
        }
    }

    /// An expression that a test has shown to be sound.
    fn sound(field: &'static str, text: &str) -> Self {
        Self {
            field,
            text: text.to_owned(),
        }
    }

    /// The setting it comes from.
    pub(super) const fn field(&self) -> &'static str {
        self.field
    }

    /// The expression for a range of this length.
    pub(super) fn over(&self, window: Duration) -> String {
        self.text
            .replace(PLACEHOLDER, &format!("{}s", window.as_secs()))
    }
}

/// The error of an expression that is too long or nests too deeply. It repeats no more than its beginning.
fn beyond_limits(field: &'static str, text: &str, error: &ExpressionError) -> QuerySyntaxError {
    let offset = match error {
        ExpressionError::TooLong { max, .. } => *max,
        ExpressionError::TooDeep { offset, .. } => *offset,
        ExpressionError::Syntax(_) => 0,
    };
    let before = &text[..text.floor_char_boundary(offset)];
    let mut expression: String = text.chars().take(MAX_SHOWN).collect();
    if expression.len() < text.len() {
        expression.push('…');
    }
    QuerySyntaxError {
        field,
        expression,
        position: before.chars().count() + 1,
        problem: error.to_string(),
    }
}

/// Where the problem is in the text; `longest` gives the length of the longest beginning that makes sense by itself, once its
/// placeholder is filled.
///
/// The parser does not say, so: the name it complains about, the bracket that is not closed, or else the end of that beginning.
fn position(longest: impl FnOnce() -> usize, problem: &str, text: &str) -> usize {
    let named = problem
        .split('\'')
        .nth(1)
        .filter(|name| !name.is_empty())
        .and_then(|name| text.find(name));
    let found = named
        .or_else(|| problem.contains("unclosed").then(|| unclosed(text))?)
        .unwrap_or_else(|| unfilled(longest(), text));
    text.get(..found).unwrap_or(text).chars().count() + 1
}

/// The byte where the last bracket stands that is opened and not closed.
fn unclosed(text: &str) -> Option<usize> {
    let mut open = Vec::new();
    for (at, character) in text.char_indices() {
        match character {
            '(' | '[' | '{' => open.push(at),
            ')' | ']' | '}' => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop()
}

/// The place in the text that corresponds to a length of the filled text.
fn unfilled(filled: usize, text: &str) -> usize {
    let value = format!("{}s", SAMPLE_WINDOW.as_secs()).len();
    let (mut in_text, mut in_filled) = (0, 0);
    for part in text.split_inclusive(PLACEHOLDER) {
        let fixed = part.strip_suffix(PLACEHOLDER).unwrap_or(part).len();
        if filled <= in_filled + fixed {
            return in_text + filled - in_filled;
        }
        in_filled += fixed + value;
        in_text += part.len();
    }
    in_text.min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(requests: &str) -> Result<CheckedQueries, QuerySyntaxError> {
        CheckedQueries::own(requests, None)
    }

    #[test]
    fn the_expressions_of_every_preset_are_sound() {
        for preset in Preset::ALL {
            let row = preset.row();
            Expression::new("requests", row.requests).unwrap();
            let (sum, count, _) = row.latency.unwrap();
            for text in [sum, count] {
                Expression::new("latency", text).unwrap();
            }
        }
    }

    #[test]
    fn istio_is_asked_for_the_receiving_sidecar_before_the_waypoint() {
        let prepared = CheckedQueries::from(Preset::Istio);
        let asked = prepared.requests.over(Duration::from_secs(300));
        let by = "sum by (destination_workload_namespace, destination_workload)";
        let destination =
            format!("{by} (increase(istio_requests_total{{reporter=\"destination\"}}[300s]))");
        assert!(
            asked.starts_with(&format!("{destination} or {by}")),
            "{asked}"
        );
        assert_eq!(prepared.latency.unwrap().unit, LatencyUnit::Milliseconds);
    }

    #[test]
    fn a_wrong_expression_is_refused_with_the_place() {
        for (expression, position, problem) in [
            ("sum(increase(x[5m]))", 1, "it lacks `$window`"),
            ("sum by (a (increase(x[$window]))", 8, "unclosed"),
            ("sum by (a) (increase(x[$window])", 12, "unclosed"),
            ("rat(x[$window])", 1, "unknown function with name 'rat'"),
            ("increase(x[$window]) by", 22, "invalid promql query"),
            ("x[$window]", 1, "it gives a matrix, not an instant vector"),
            ("1 + rate(x)[$window]", 5, "expected type matrix"),
        ] {
            let error = own(expression).unwrap_err();
            assert_eq!(error.field, "requests");
            assert_eq!(error.expression, expression);
            assert!(error.problem.contains(problem), "{expression}: {error}");
            assert_eq!(error.position, position, "{error}");
        }
    }

    #[test]
    fn the_error_names_the_setting() {
        let latency = LatencyQueries {
            sum: "increase(s[$window])".into(),
            count: "increase(c[$window]".into(),
            unit: LatencyUnit::Seconds,
        };
        let requests = "sum by (namespace, pod) (increase(http_requests_total[$window]))";
        let error = CheckedQueries::own(requests, Some(&latency)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`latency.count` is not usable at character 9 of \"increase(c[$window]\": unclosed left parenthesis"
        );
    }
}
