//! `breakeven check`: the configuration, and each source once.

mod bill;
mod plan;
mod prices;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::output::Output;
use super::{Failure, print};
use crate::agent::ConfigSource;
use crate::agent::check::{CheckResult, probe};
use breakeven_clock::Clock;
use breakeven_model::inventory::OriginChoice;
use breakeven_model::inventory::{Source, SourceId, SourceLocation, SourceStatus};
use breakeven_model::{Platform, PriceSource, WorkloadRef, WorkloadReport};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The configuration file; without one the defaults.
    #[arg(long = "config.file", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// How long the sources may take to answer, all at once.
    #[arg(long, value_name = "SECONDS", default_value = "20")]
    patience: u16,
    /// Prints every node too, with its price, where that comes from, its age, and what a core and a GiB cost.
    #[arg(long)]
    prices: bool,
    /// Shows too how often each function's metrics would be read, and what that would cost in a month.
    #[arg(long)]
    plan: bool,
    /// How the answer is written.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

pub(super) async fn run(args: CheckArgs) -> Result<(), Failure> {
    let source = ConfigSource {
        file: args.config_file,
        ..ConfigSource::default()
    };
    let (raw, config) = source
        .load()
        .map_err(|errors| format!("the configuration is wrong:\n{errors}"))?;
    let patience = Duration::from_secs(args.patience.into());
    let findings = probe(raw, &config, Clock::system(), patience).await;
    match args.output {
        Output::Text => {
            text(&config.warnings, &findings);
            if args.prices {
                prices::table(&findings.report);
            }
            if let Some(budget) = findings.budget.as_ref().filter(|_| args.plan) {
                plan::table(budget);
            }
        }
        Output::Json => {
            let mut answer = as_json(&findings);
            answer["warnings"] = config.warnings.clone().into();
            if args.prices {
                answer["node_prices"] = prices::as_json(&findings.report).into();
                answer["volume_prices"] = prices::volumes_as_json(&findings.report).into();
            }
            if let Some(budget) = findings.budget.as_ref().filter(|_| args.plan) {
                answer["plan"] = plan::as_json(budget);
            }
            print(serde_json::to_string_pretty(&answer)?);
        }
    }
    let failed: Vec<String> = findings
        .sources
        .iter()
        .filter(|(_, status)| status.up != Some(true))
        .map(|(id, _)| id.to_string())
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("failed: {}", failed.join(", ")).into())
    }
}

fn text(warnings: &[String], findings: &CheckResult) {
    print("configuration  ok");
    for warning in warnings {
        print(format!("{:<14} warning: {warning}", ""));
    }
    for (id, status) in &findings.sources {
        let name = id.to_string();
        print(format!("{name:<14} {}", outcome(id, status, findings)));
        for (what, why) in &status.missing_attributes {
            print(format!("{:<14} without {what}: {why}", ""));
        }
    }
    let counts = [Source::Requests, Source::Scrape, Source::Edge];
    if !counts
        .iter()
        .any(|one| findings.sources.contains_key(&(*one).into()))
    {
        print(
            "requests       not configured: costs per request of the cluster's workloads need requests.prometheus, requests.scrape or requests.edge, see docs/requests.md",
        );
    }
    if let Some(bill) = &findings.report.bill {
        bill::table(bill);
    }
    for node in &findings.report.nodes {
        if let Err(reason) = &node.price {
            let kind = node
                .node
                .instance_type
                .as_deref()
                .unwrap_or("no instance type");
            let name = &node.node.name;
            print(format!(
                "unpriced node  {name} ({kind}): {}; add it to prices.nodes",
                reason.as_str()
            ));
        }
    }
}

fn outcome(id: &SourceId, status: &SourceStatus, findings: &CheckResult) -> String {
    match (status.up, &status.last_error) {
        (Some(true), _) => format!("ok: {}", found(id.source, status, findings)),
        (Some(false), Some(error)) => format!("failed: {error}"),
        _ if id.source == Source::CloudWatch && are_unlisted(id, findings) => {
            "not asked: which functions there are is not known".to_owned()
        }
        _ => "no answer: raise --patience or check that the endpoint is reachable from here"
            .to_owned(),
    }
}

/// Whether the functions of this account and region could not be listed.
fn are_unlisted(metrics: &SourceId, findings: &CheckResult) -> bool {
    let list = SourceId {
        source: Source::Lambda,
        ..metrics.clone()
    };
    let status = findings.sources.get(&list);
    status.is_some_and(|status| status.up == Some(false))
}

/// How many functions there are in an account and region.
fn functions_in(site: &SourceLocation, findings: &CheckResult) -> usize {
    let is = |known: &Option<Arc<str>>, one: &Arc<str>| known.as_ref().is_none_or(|id| id == one);
    let workloads = findings.report.workloads.iter();
    let there = workloads.filter(|one| match &one.workload {
        WorkloadRef::Lambda(id) => {
            is(&site.account_id, &id.account_id) && is(&site.region, &id.region)
        }
        WorkloadRef::Kubernetes(_) => false,
    });
    there.count()
}

fn found(source: Source, status: &SourceStatus, findings: &CheckResult) -> String {
    let report = &findings.report;
    let is_workload = |one: &&WorkloadReport| one.workload.platform() == Platform::Kubernetes;
    let priced = |by: PriceSource, what: &str| {
        let known = report
            .nodes
            .iter()
            .filter_map(|node| node.price.as_ref().ok());
        let count = known.filter(|price| price.provenance.source == by).count();
        format!("{count} nodes have their price {what} from it")
    };
    match source {
        Source::Kubernetes => format!(
            "{} nodes, {} pods, {} workloads and {} shared ones",
            report.nodes.len(),
            findings.pods,
            report.workloads.iter().filter(is_workload).count(),
            report.shared.len()
        ),
        Source::Usage => "what pods use can be read".to_owned(),
        Source::Lambda => format!("{} functions", functions_in(&status.site, findings)),
        Source::CloudWatch => "metrics of the functions are read".to_owned(),
        Source::Requests => requests(findings),
        Source::Scrape => "pods that ask for it are scraped".to_owned(),
        Source::Edge => {
            let by_it = |one: &&WorkloadReport| one.facts.requests_by.as_deref() == Some("edge");
            let counted = report.workloads.iter().filter(by_it).count();
            format!("{counted} workloads are counted before the cluster")
        }
        Source::ControlPlane => "the version of the API server is known".to_owned(),
        Source::PriceList => priced(PriceSource::PriceList, "on demand"),
        Source::Bill => bill::found(report),
        Source::Spot => priced(PriceSource::Spot, "of spare capacity"),
        Source::AzureRetail => priced(PriceSource::AzureRetail, "on demand or of spare capacity"),
    }
}

/// How many workloads have requests counted, by which metrics, and why by these.
fn requests(findings: &CheckResult) -> String {
    let Some(origin) = &findings.report.requests else {
        return format!("{} workloads have requests counted", findings.counted);
    };
    let passed_over = origin.passed_over.iter();
    let passed_over: Vec<String> = passed_over
        .map(|(name, why)| format!("{name} ({why})"))
        .collect();
    let passed_over = passed_over.join(", ");
    let Some(name) = &origin.name else {
        return format!(
            "but no preset has data: {passed_over}; set requests.prometheus.queries, see docs/requests.md"
        );
    };
    let why = match origin.choice {
        OriginChoice::Configured => "as configured".to_owned(),
        _ if passed_over.is_empty() => "the first preset with data".to_owned(),
        _ => format!("the first preset with data, after {passed_over}"),
    };
    format!(
        "{} workloads have requests counted, by {name}: {why}",
        findings.counted
    )
}

fn as_json(findings: &CheckResult) -> serde_json::Value {
    let sources = findings.sources.iter().map(|(id, status)| {
        let value = json!({
            "account_id": status.site.account_id.as_deref(),
            "aws_region": status.site.region.as_deref(),
            "up": status.up,
            "error": status.last_error,
            "without": status.missing_attributes,
            "errors": status.errors.iter().map(|(reason, count)| (reason.as_str(), count)).collect::<std::collections::BTreeMap<_, _>>(),
        });
        (id.to_string(), value)
    });
    let unpriced = findings.report.nodes.iter().filter_map(|node| {
        let reason = node.price.as_ref().err()?;
        Some(json!({"node": &*node.node.name, "reason": reason.as_str()}))
    });
    json!({
        "sources": sources.collect::<serde_json::Map<_, _>>(),
        "nodes": findings.report.nodes.len(),
        "pods": findings.pods,
        "requests": findings.report.requests.as_ref().map(|origin| json!({
            "origin": origin.name.as_deref(),
            "choice": origin.choice.as_str(),
            "passed_over": origin.passed_over.iter().map(|(name, why)| (&**name, &**why))
                .collect::<std::collections::BTreeMap<_, _>>(),
        })),
        "unpriced_nodes": unpriced.collect::<Vec<_>>(),
        "bill": findings.report.bill.as_ref().map(bill::as_json),
    })
}
