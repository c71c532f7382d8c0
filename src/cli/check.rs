//! `breakeven check`: the configuration, and each source once.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::output::Output;
use super::{Failure, print};
use crate::app::ConfigSource;
use crate::app::probe::{Findings, probe};
use crate::clock::Clock;
use crate::model::Home;
use crate::sources::{Source, SourceStatus};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The configuration file; without one the defaults.
    #[arg(long = "config.file", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// How long the sources may take to answer, all at once.
    #[arg(long, value_name = "SECONDS", default_value = "20")]
    patience: u16,
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
        Output::Text => text(&findings),
        Output::Json => print(serde_json::to_string_pretty(&as_json(&findings))?),
    }
    let failed: Vec<&str> = findings
        .sources
        .iter()
        .filter(|(_, status)| status.up != Some(true))
        .map(|(source, _)| source.as_str())
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("failed: {}", failed.join(", ")).into())
    }
}

fn text(findings: &Findings) {
    print("configuration  ok");
    for (source, status) in &findings.sources {
        print(format!(
            "{:<14} {}",
            source.as_str(),
            outcome(*source, status, findings)
        ));
    }
    if !findings.sources.contains_key(&Source::Requests) {
        print(
            "requests       not configured: costs per request of the cluster's workloads need requests.prometheus",
        );
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

fn outcome(source: Source, status: &SourceStatus, findings: &Findings) -> String {
    match (status.up, &status.last_error) {
        (Some(true), _) => format!("ok: {}", found(source, findings)),
        (Some(false), Some(error)) => format!("failed: {error}"),
        _ if source == Source::CloudWatch && has_failed(Source::Lambda, findings) => {
            "not asked: which functions there are is not known".to_owned()
        }
        _ => "no answer: raise --patience or check that the endpoint is reachable from here"
            .to_owned(),
    }
}

fn has_failed(source: Source, findings: &Findings) -> bool {
    let status = findings.sources.get(&source);
    status.is_some_and(|status| status.up == Some(false))
}

fn found(source: Source, findings: &Findings) -> String {
    let report = &findings.report;
    let of = |home| {
        report
            .subjects
            .iter()
            .filter(move |one| one.subject.home() == home)
            .count()
    };
    match source {
        Source::Kubernetes => format!(
            "{} nodes, {} pods, {} workloads and {} shared ones",
            report.nodes.len(),
            findings.pods,
            of(Home::Kubernetes),
            report.shared.len()
        ),
        Source::Usage => "what pods use is known".to_owned(),
        Source::Lambda => format!("{} functions", of(Home::Lambda)),
        Source::CloudWatch => "metrics of the functions are read".to_owned(),
        Source::Requests => format!("{} workloads have requests counted", findings.counted),
    }
}

fn as_json(findings: &Findings) -> serde_json::Value {
    let sources = findings.sources.iter().map(|(source, status)| {
        let value = json!({
            "up": status.up,
            "error": status.last_error,
            "errors": status.errors.iter().map(|(reason, count)| (reason.as_str(), count)).collect::<std::collections::BTreeMap<_, _>>(),
        });
        (source.as_str().to_owned(), value)
    });
    let unpriced = findings.report.nodes.iter().filter_map(|node| {
        let reason = node.price.as_ref().err()?;
        Some(json!({"node": &*node.node.name, "reason": reason.as_str()}))
    });
    json!({
        "sources": sources.collect::<serde_json::Map<_, _>>(),
        "nodes": findings.report.nodes.len(),
        "pods": findings.pods,
        "unpriced_nodes": unpriced.collect::<Vec<_>>(),
    })
}
