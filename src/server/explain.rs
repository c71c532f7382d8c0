//! `/api/v1/explain/WORKLOAD`: how the numbers of one workload or function came about.

use std::sync::Arc;

use ::http::StatusCode;
use ::http::header::{ACCEPT, HeaderMap};
use serde_json::json;

use super::answer::{Answer, answer, text};
use crate::snapshot::{ReportSnapshot, Store};
use breakeven_clock::Clock;
use breakeven_model::WorkloadRef;
use breakeven_model::explanation::{Explanation, Input, Inputs, explain};
use breakeven_model::inventory::SourceLocation;

/// Where explanations are.
pub(super) const PREFIX: &str = "/api/v1/explain/";

/// How many names an answer offers where none, or several, were meant.
const OFFERED: usize = 10;

/// The explanation of what `name` means: its name, or `namespace/name`, or `namespace/Kind/name`; for a function its name, or
/// `account/region/name`. JSON, or text for whoever asks for text first, as browsers do.
pub(super) fn explanation(store: &Store, clock: &Clock, headers: &HeaderMap, name: &str) -> Answer {
    let Some(published) = store.latest() else {
        return text(
            StatusCode::SERVICE_UNAVAILABLE,
            "there is no report yet; /-/ready says why",
        );
    };
    let report = &published.report;
    let meant = report.find(name);
    let listed = |names: Vec<String>| {
        names
            .into_iter()
            .take(OFFERED)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match meant.as_slice() {
        [workload] => shown(
            headers,
            &explain(
                report,
                workload,
                &inputs(&published, clock, &workload.workload),
            ),
        ),
        [] => {
            let all = report.workloads.iter().map(|one| one.workload.to_string());
            let known = listed(all.collect());
            let hint = format!("there is no workload {name:?}; there are {known}");
            text(StatusCode::NOT_FOUND, &hint)
        }
        several => {
            let names = several.iter().map(|one| one.workload.to_string());
            let which = listed(names.collect());
            let hint = format!("{name:?} is several workloads; say which: {which}");
            text(StatusCode::BAD_REQUEST, &hint)
        }
    }
}

/// How the sources of a workload stood when the report was made: of those that read accounts and regions, the ones that read its
/// own.
fn inputs(published: &ReportSnapshot, clock: &Clock, workload: &WorkloadRef) -> Inputs {
    let read_it = |site: &SourceLocation| match workload {
        WorkloadRef::Lambda(function) => {
            let is = |known: &Option<Arc<str>>, own| known.as_ref().is_none_or(|one| one == own);
            is(&site.account_id, &function.account_id) && is(&site.region, &function.region)
        }
        WorkloadRef::Kubernetes(_) => true,
    };
    let sources = published.sources.iter();
    let sources = sources.filter(|(_, status)| read_it(&status.site));
    let sources = sources.map(|(id, status)| {
        let input = Input {
            last_success: status.last_success,
            is_failing: status.up == Some(false),
        };
        (id.source.as_str(), input)
    });
    Inputs {
        now: clock.now(),
        sources: sources.collect(),
    }
}

fn shown(headers: &HeaderMap, explanation: &Explanation) -> Answer {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    if accept.is_some_and(|accept| accept.starts_with("text/")) {
        return text(StatusCode::OK, explanation.to_string().trim_end());
    }
    let sections = explanation.sections.iter().map(|section| {
        let lines = section
            .lines
            .iter()
            .map(|line| json!({"name": line.name, "result": line.result, "from": line.from}));
        json!({"title": section.title, "lines": lines.collect::<Vec<_>>()})
    });
    let body = json!({
        "title": explanation.title,
        "sections": sections.collect::<Vec<_>>(),
    });
    answer(StatusCode::OK, "application/json", body.to_string())
}
