//! The table of workloads and functions: the answer.

use super::format::{UNKNOWN, money, percent, signed_money};
use crate::server::explain;
use crate::server::html::Html;
use crate::server::paths::COST_MODEL;
use breakeven_model::{Platform, Report, Verdict, WorkloadRef, WorkloadReport};

/// How many of them are shown: those that cost most. The metrics have all.
const SHOWN: usize = 25;

/// Workloads and functions, those that cost most first.
pub(super) fn table(html: &mut Html, report: &Report, telemetry_path: &str) {
    html.markup("<section>\n<h2>Workloads and functions</h2>\n");
    if report.workloads.is_empty() {
        html.markup("<p>None was seen yet.</p>\n</section>\n");
        return;
    }
    let mut workloads: Vec<&WorkloadReport> = report.workloads.iter().collect();
    workloads.sort_by(|one, other| {
        let by_cost =
            monthly_on_current_platform(other).total_cmp(&monthly_on_current_platform(one));
        by_cost.then_with(|| one.workload.cmp(&other.workload))
    });
    html.markup(concat!(
        "<table>\n<thead><tr><th>Workload<th>Runs on<th class=number>Each month<th class=number>1M requests on Kubernetes",
        "<th class=number>1M requests on Lambda<th class=number>Moving saves<th class=number>Used / break-even",
        "<th>Costs less</tr></thead>\n<tbody>\n",
    ));
    for workload in workloads.iter().take(SHOWN) {
        row(html, workload);
    }
    html.markup("</tbody>\n</table>\n");
    let hidden = workloads.len().saturating_sub(SHOWN);
    if hidden > 0 {
        html.markup("<p class=quiet>").text(&hidden.to_string());
        html.markup(" more cost less; all of them are in <a href=\"./");
        html.text(telemetry_path.trim_start_matches('/'))
            .markup("\">the metrics</a>.</p>\n");
    }
    html.markup("<p class=quiet>Cost on Kubernetes holds the workload's part of idle, shared and fixed cost. On the platform where it runs, cost is observed; on the other it is projected. ");
    html.markup("<a href=\".")
        .text(COST_MODEL)
        .markup("\">How each column is computed</a>; behind each name, how its own numbers came about.</p>\n</section>\n");
}

/// Money each month that moving would save, over those that can move and clearly cost less elsewhere, and how
/// many they are.
pub(super) fn possible_saving(report: &Report) -> (f64, usize) {
    let movers = report.workloads.iter().filter(|workload| {
        let assessment = &workload.assessment;
        let elsewhere = match assessment.verdict {
            Verdict::Kubernetes => Some(Platform::Kubernetes),
            Verdict::Lambda => Some(Platform::Lambda),
            _ => None,
        };
        elsewhere == Some(assessment.platform.other()) && assessment.blockers().is_empty()
    });
    let savings = movers
        .filter_map(|workload| workload.assessment.compared()?.monthly_saving)
        .map(|saving| saving.usd());
    savings.fold((0.0, 0), |(sum, count), saving| (sum + saving, count + 1))
}

fn row(html: &mut Html, workload_report: &WorkloadReport) {
    // Names hold nothing that an address would have to write differently.
    html.markup("<tr><th scope=row><a href=\".")
        .text(explain::PREFIX)
        .text(&workload_report.workload.to_string())
        .markup("\">");
    match &workload_report.workload {
        WorkloadRef::Kubernetes(workload) => {
            html.text(&workload.name)
                .markup("</a><small>")
                .text(&workload.namespace);
            html.markup(" · ").text(workload.kind.as_str());
        }
        WorkloadRef::Lambda(function) => {
            html.text(&function.name)
                .markup("</a><small>")
                .text(&function.account_id);
            html.markup(" · ").text(&function.region);
        }
    }
    html.markup("</small><td data-label=\"Runs on\">")
        .text(name(workload_report.workload.platform()));

    let assessment = &workload_report.assessment;
    let compared = assessment.compared();
    html.markup("<td class=number data-label=\"Each month\">");
    number(
        html,
        assessment
            .current_cost()
            .map(|cost| money(cost.monthly.point.usd())),
    );
    html.markup("<td class=number data-label=\"1M on Kubernetes\">");
    number(html, per_million(workload_report, Platform::Kubernetes));
    html.markup("<td class=number data-label=\"1M on Lambda\">");
    number(html, per_million(workload_report, Platform::Lambda));
    html.markup("<td class=number data-label=\"Moving saves\">");
    number(
        html,
        compared
            .and_then(|one| one.monthly_saving)
            .map(|saving| signed_money(saving.usd())),
    );
    html.markup("<td class=number data-label=\"Used / break-even\">");
    number(html, assessment.utilization.cost.map(percent));
    html.markup(" / ");
    let breakeven = assessment.breakeven_utilization();
    number(html, breakeven.map(percent));
    html.markup("<td data-label=\"Costs less\">");
    verdict(html, workload_report);
    html.markup("</tr>\n");
}

fn verdict(html: &mut Html, workload: &WorkloadReport) {
    let assessment = &workload.assessment;
    let reasons: Vec<&str> = assessment
        .blockers()
        .iter()
        .map(|reason| reason.as_str())
        .collect();
    let reasons = reasons.join(", ").replace('_', " ");
    // Its verdict is its home whatever the costs, and the other price beside it may be lower.
    if assessment.verdict.decides() && !reasons.is_empty() {
        html.markup("<span class=badge>cannot move</span><small>")
            .text(&reasons)
            .markup("</small>");
        return;
    }
    html.markup(match assessment.verdict {
        Verdict::Kubernetes => "<span class=\"badge kubernetes\">Kubernetes</span>",
        Verdict::Lambda => "<span class=\"badge lambda\">Lambda</span>",
        Verdict::Inconclusive => "<span class=badge>too close to call</span>",
        Verdict::InsufficientData => "<span class=badge>too little seen yet</span>",
        Verdict::NoRequests => "<span class=badge>no requests seen</span>",
        Verdict::NoLatency => "<span class=badge>latency not known</span>",
        Verdict::Unpriced => "<span class=badge>a price is not known</span>",
    });
    if !reasons.is_empty() {
        html.markup("<small>cannot move: ")
            .text(&reasons)
            .markup("</small>");
    }
}

fn number(html: &mut Html, number: Option<String>) {
    html.text(number.as_deref().unwrap_or(UNKNOWN));
}

const fn name(home: Platform) -> &'static str {
    match home {
        Platform::Kubernetes => "Kubernetes",
        Platform::Lambda => "Lambda",
    }
}

fn per_million(workload: &WorkloadReport, platform: Platform) -> Option<String> {
    let each = workload.assessment.cost_on(platform)?.per_request()?;
    Some(money(each.each() * 1e6))
}

fn monthly_on_current_platform(workload: &WorkloadReport) -> f64 {
    workload
        .assessment
        .current_cost()
        .map_or(-1.0, |cost| cost.monthly.point.usd())
}
