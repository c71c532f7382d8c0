//! The table of sources: whether the numbers can be trusted.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::format::{UNKNOWN, age};
use crate::server::html::Html;
use breakeven_model::inventory::{SourceId, SourceStatus};

/// How each source fares, and what to do about those that fail.
pub(super) fn table(html: &mut Html, sources: &BTreeMap<SourceId, SourceStatus>, now: Timestamp) {
    html.markup("<section id=sources>\n<h2>Sources</h2>\n");
    if sources.is_empty() {
        html.markup("<p>No source is set up yet.</p>\n</section>\n");
        return;
    }
    html.markup("<table>\n<thead><tr><th>Source<th>State<th>Data from<th>Took<th>Last error, and what to do</tr></thead>\n<tbody>\n");
    for (source, status) in sources {
        row(html, source, status, now);
    }
    html.markup("</tbody>\n</table>\n</section>\n");
}

/// Says at once that some of the numbers may be old.
pub(super) fn warning(html: &mut Html, sources: &BTreeMap<SourceId, SourceStatus>) {
    let failing = sources
        .iter()
        .filter(|(_, status)| status.up == Some(false));
    let names: Vec<String> = failing.map(|(id, _)| id.to_string()).collect();
    if !names.is_empty() {
        html.markup("<p class=notice>What these sources say is not up to date: ");
        html.text(&names.join(", "))
            .markup(". <a href=\"#sources\">Why, and what to do</a></p>\n");
    }
}

fn row(html: &mut Html, source: &SourceId, status: &SourceStatus, now: Timestamp) {
    html.markup("<tr><th scope=row>").text(&source.to_string());
    html.markup("<td data-label=State>");
    html.markup(match status.up {
        Some(true) => "<span class=\"badge good\">up</span>",
        Some(false) => "<span class=\"badge bad\">failing</span>",
        None => "<span class=badge>not tried yet</span>",
    });
    html.markup("<td data-label=\"Data from\">");
    match status.last_success {
        Some(success) => html.text(&age(success, now)).markup(" ago"),
        None => html.text(UNKNOWN),
    };
    html.markup("<td data-label=Took>");
    match status.last_duration {
        Some(took) => html.text(&format!("{:.2} s", took.as_secs_f64())),
        None => html.text(UNKNOWN),
    };
    html.markup("<td class=prose data-label=\"Last error\">");
    html.text(status.last_error.as_deref().unwrap_or(UNKNOWN));
    for (what, why) in &status.missing_attributes {
        html.markup("<br>").text(&format!("without {what}: {why}"));
    }
    html.markup("</tr>\n");
}
