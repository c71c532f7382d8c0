//! What annotations say of a workload, and who is its pair.

use super::Line;
use super::number::{millis, per_million};
use crate::report::WorkloadReport;

pub(super) fn lines(workload: &WorkloadReport) -> Vec<Line> {
    let facts = &workload.facts;
    let mut lines = Vec::new();
    if let Some(notes) = &facts.annotations {
        let mut says = |annotation: &str, meaning: &str, value: String| {
            let name = format!("breakeven.dev/{annotation}");
            lines.push(Line::new(name, meaning, value));
        };
        if let Some(query) = &notes.requests_query {
            says("requests-query", "counts its requests", query.to_string());
        }
        if let Some(unit) = &notes.unit {
            says("unit", "what a request is called", unit.to_string());
        }
        if let Some(function) = &notes.lambda_function {
            let found = match &facts.pair {
                Some(pair) => pair.to_string(),
                None => format!("{}: no such function, or several", function.name),
            };
            says("lambda-function", "does the same job", found);
        }
        if notes.is_excluded {
            says("exclude", "it is not to be compared", "true".to_owned());
        }
        if let Some(objective) = notes.latency_objective {
            let meaning = "the longest that a request may take in the mean";
            says("latency-objective", meaning, millis(objective));
        }
        for (annotation, problem) in &notes.problems {
            lines.push(Line::new(*annotation, &**problem, "ignored"));
        }
    }
    if let Some(failure) = &facts.query_failure {
        lines.push(Line::new("its query", &**failure, "failed"));
    }
    if let Some(pair) = &facts.pair {
        let there = workload
            .assessment
            .cost_on(workload.workload.platform().other());
        let each = there.and_then(|cost| cost.per_request());
        let from = format!("observed of {pair}, and not projected");
        let result = each.map_or_else(|| "not known yet".to_owned(), per_million);
        lines.push(Line::new("one request there", from, result));
    }
    lines
}
