//! The page at `/`: what this is, what it found, and whether it can be trusted. Written by the server, without
//! scripts, from the latest report.

mod format;
mod sources;
mod workloads;

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::format::{age, money, percent};
use super::ServerConfig;
use super::html::Html;
use super::paths::COST_MODEL;
use crate::exposition::Build;
use crate::snapshot::{NotReady, ReportSnapshot};
use breakeven_model::inventory::{SourceId, SourceStatus};
use breakeven_model::units::HOURS_PER_MONTH;
use breakeven_model::{ClusterReport, Report};

/// The page with a report.
pub(super) fn report(settings: &ServerConfig, published: &ReportSnapshot) -> String {
    let now = settings.clock.now();
    let report = &published.report;
    let mut html = Html::default();
    head(&mut html, Some(report.at), now);
    sources::warning(&mut html, &published.sources);
    tiles(&mut html, report);
    workloads::table(&mut html, report, &settings.telemetry_path);
    around(html, settings, &published.sources, now)
}

/// The page before the first report.
pub(super) fn waiting(settings: &ServerConfig, waiting: &NotReady) -> String {
    let now = settings.clock.now();
    let mut html = Html::default();
    head(&mut html, None, now);
    html.markup("<p class=notice>There is no report yet: the first one comes when a source has answered.</p>\n");
    around(html, settings, &waiting.sources, now)
}

fn around(
    mut html: Html,
    settings: &ServerConfig,
    sources: &BTreeMap<SourceId, SourceStatus>,
    now: Timestamp,
) -> String {
    sources::table(&mut html, sources, now);
    render_footer(&mut html, settings);
    html.finish()
}

fn head(html: &mut Html, report: Option<Timestamp>, now: Timestamp) {
    html.markup(concat!(
        "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n",
        "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n",
        "<meta name=color-scheme content=\"light dark\">\n<meta http-equiv=refresh content=30>\n",
        "<link rel=icon href=\"data:,\">\n<title>breakeven</title>\n<style>\n",
        include_str!("page/style.css"),
        "</style>\n</head>\n<body>\n<header>\n<h1>breakeven</h1>\n",
        "<p>What one request costs on Kubernetes and on AWS Lambda, for every workload, and where the answer flips.</p>\n",
        "<p class=quiet>Version ",
    ));
    html.text(Build::THIS.version);
    if let Some(at) = report {
        html.markup(" · report of <time>")
            .text(&at.strftime("%F %T UTC").to_string());
        html.markup("</time>, ").text(&age(at, now)).markup(" ago");
    }
    html.markup("</p>\n</header>\n<main>\n");
}

/// The answer in a few numbers. What is not known has no tile.
fn tiles(html: &mut Html, report: &Report) {
    html.markup("<section class=tiles>\n");
    if let Some(monthly) = report.cluster.as_ref().and_then(monthly) {
        tile(
            html,
            &monthly,
            "the cluster costs each month, as seen since the start",
        );
    }
    let cluster = report.cluster.as_ref();
    if let Some(utilization) = cluster.and_then(|cluster| cluster.utilization) {
        tile(
            html,
            &percent(utilization),
            "of what is paid for the workloads that could move is used",
        );
    }
    if let Some(breakeven) = cluster.and_then(|cluster| cluster.breakeven_utilization) {
        tile(
            html,
            &percent(breakeven),
            "of use is where Lambda would cost the same",
        );
    }
    let (savings, movers) = workloads::possible_saving(report);
    if movers > 0 {
        let label = match movers {
            1 => "saved each month if the one workload that costs less elsewhere moved".to_owned(),
            _ => {
                format!("saved each month if the {movers} workloads that cost less elsewhere moved")
            }
        };
        tile(html, &money(savings), &label);
    }
    let unpriced = report
        .nodes
        .iter()
        .filter(|node| node.price.is_err())
        .count();
    if unpriced > 0 {
        let pods = cluster.map_or(0, |cluster| cluster.unpriced_pods);
        let label = format!(
            "of {} nodes have no known price; {pods} pods on them cost nothing here",
            report.nodes.len()
        );
        tile(html, &unpriced.to_string(), &label);
    }
    html.markup("</section>\n");
}

/// The mean rate of spending over a month.
fn monthly(cluster: &ClusterReport) -> Option<String> {
    let total = cluster
        .cost_total
        .iter()
        .map(|(_, spent)| *spent)
        .sum::<breakeven_model::units::Usd>();
    total
        .over_time(cluster.observed_total)
        .map(|rate| money((rate * HOURS_PER_MONTH).usd()))
}

fn tile(html: &mut Html, number: &str, label: &str) {
    html.markup("<div class=tile><b>")
        .text(number)
        .markup("</b><span>")
        .text(label);
    html.markup("</span></div>\n");
}

fn render_footer(html: &mut Html, settings: &ServerConfig) {
    // Relative links work behind a proxy that adds a prefix, too.
    let metrics = settings.telemetry_path.trim_start_matches('/');
    html.markup("</main>\n<footer>\n<a href=\"./")
        .text(metrics)
        .markup("\">Metrics</a>\n");
    html.markup("<a href=\".")
        .text(COST_MODEL)
        .markup("\">Cost model</a>\n");
    html.markup("<a href=\"./-/ready\">Ready</a>\n<a href=\"./-/healthy\">Healthy</a>\n");
    html.markup("</footer>\n</body>\n</html>\n");
}

#[cfg(test)]
mod tests;
