//! The explanation of a number: its inputs, prices with their source, formulas with the numbers put in, and results.

mod alternatives;
mod annotations;
mod billing;
mod charges;
mod function;
mod inputs;
mod number;
mod result;
mod what_if;
mod workload;

pub use inputs::{Input, Inputs};

use std::fmt;
use std::sync::Arc;

use super::advice::{Advice, AdviceInputs, ProvisionedConcurrency, advise};
use super::inputs::Evidence;
use super::lambda::{Component, EndpointTraffic};
use super::parameters::ModelParameters;
use super::report::{Ineligibility, MonthlyCost, Platform, Report, WorkloadRef, WorkloadReport};
use crate::units::{MemoryMib, Ratio, Seconds, Usd};
use number::{count, usd};

/// An explanation: what a reader needs to do the sum again by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What is explained.
    pub title: String,
    /// From what was seen to the verdict.
    pub sections: Vec<Section>,
}

/// One step of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What it is about.
    pub title: &'static str,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// A number and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub name: String,
    /// How it was made, with the numbers put in, or where it was read.
    pub from: String,
    /// The number with its unit.
    pub result: String,
}

impl Line {
    fn new(name: impl Into<String>, from: impl Into<String>, result: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            from: from.into(),
            result: result.into(),
        }
    }
}

/// Explains what is known of a subject, from what was seen of it to what would change its verdict.
#[must_use]
pub fn explain(report: &Report, workload_report: &WorkloadReport, inputs: &Inputs) -> Explanation {
    let settings = &report.settings;
    let mut sections = vec![Section {
        title: "Report",
        lines: vec![made(report, inputs)],
    }];
    sections.push(Section {
        title: "Annotations",
        lines: annotations::lines(workload_report),
    });
    let assessment = &workload_report.assessment;
    sections.extend(match &assessment.evidence {
        Evidence::Nothing | Evidence::Unpriced(_) => Vec::new(),
        Evidence::Workload(evidence) => {
            workload::sections(report, workload_report, evidence, inputs)
        }
        Evidence::Function(evidence) => {
            function::sections(workload_report, evidence, settings, inputs)
        }
    });
    sections.extend(alternatives::sections(workload_report, settings));
    sections.push(Section {
        title: "The bill",
        lines: billing::lines(report, &workload_report.workload),
    });
    sections.extend([
        Section {
            title: "Break-even",
            lines: result::breakeven(workload_report),
        },
        Section {
            title: "Verdict",
            lines: result::verdict(workload_report, settings),
        },
        Section {
            title: "What would change the verdict",
            lines: what_if::lines(workload_report, settings),
        },
        Section {
            title: "Advice",
            lines: advice(workload_report, settings),
        },
    ]);
    sections.retain(|section| !section.lines.is_empty());
    Explanation {
        title: workload_report.workload.to_string(),
        sections,
    }
}

/// When the report was made: what sources said after that is not in it.
fn made(report: &Report, inputs: &Inputs) -> Line {
    let at = report.at.strftime("%F %T UTC");
    let age = Seconds::between(report.at, inputs.now).in_words();
    Line::new("made", format!("at {at}"), format!("{age} ago"))
}

/// A month's cost and that of one request, `from` being the sum for the month.
fn month_and_request(cost: &MonthlyCost, from: impl Into<String>) -> Vec<Line> {
    let month = usd(cost.monthly.point);
    let each = cost.per_request().map(|each| {
        let from = format!("{month} / {} requests", count(cost.requests));
        Line::new("one request", from, number::per_million(each))
    });
    let month = Line::new("a month", from, month);
    std::iter::once(month).chain(each).collect()
}

/// What else speaks for a platform, in words; it does not change the verdict.
fn advice(workload_report: &WorkloadReport, settings: &ModelParameters) -> Vec<Line> {
    let assessment = &workload_report.assessment;
    let is = |reason| assessment.blockers().contains(&reason);
    let kind = match &workload_report.workload {
        WorkloadRef::Kubernetes(workload) => Some(workload.kind.clone()),
        WorkloadRef::Lambda(_) => None,
    };
    let requests = assessment
        .current_cost()
        .or(assessment.compared().and_then(|one| one.cost.as_ref()))
        .map(|cost| cost.requests);
    let cost = |platform| assessment.monthly(platform).map(|cost| cost.point);
    let (provisioned, idle) = on_lambda(workload_report, settings);
    let facts = AdviceInputs {
        pattern: workload_report.facts.traffic_pattern,
        kind,
        memory: workload_report.facts.lambda_memory.map(MemoryMib::gib),
        gpu: is(Ineligibility::Gpu),
        stateful: is(Ineligibility::Stateful) || is(Ineligibility::PersistentVolume),
        utilization: assessment.utilization.cost,
        monthly_requests: requests.filter(|requests| !requests.is_zero()),
        cost_on_lambda: cost(Platform::Lambda),
        cost_on_kubernetes: cost(Platform::Kubernetes),
        breakeven_utilization: assessment.breakeven_utilization(),
        idle_cost_on_lambda: Some(idle.iter().map(|(_, cost)| *cost).sum()),
        idle_components: idle.into_iter().map(|(component, _)| component).collect(),
        provisioned: Some(provisioned),
        ..AdviceInputs::default()
    };
    let line = |advice: Advice| {
        let name = advice.rule.replace('_', " ");
        Line::new(name, advice.reason.as_ref(), advice.favours.as_str())
    };
    // Nothing speaks for a platform that it cannot move to.
    let elsewhere = workload_report.workload.platform().other();
    let can_move = assessment.blockers().is_empty();
    let advice = advise(&facts).into_iter();
    let advice = advice.filter(|one| can_move || one.favours != elsewhere);
    advice.map(line).collect()
}

/// When provisioned concurrency pays in the region of the subject, and what Lambda costs per month without any request, by
/// component.
fn on_lambda(
    workload: &WorkloadReport,
    settings: &ModelParameters,
) -> (ProvisionedConcurrency, Vec<(Component, Usd)>) {
    let (terms, region, idle) = match &workload.assessment.evidence {
        Evidence::Function(evidence) => (&evidence.terms, &evidence.region, evidence.idle.clone()),
        _ => {
            let equivalent = &settings.lambda_equivalent;
            let idle = match equivalent.terms.endpoint_traffic {
                EndpointTraffic::LoadBalancer { time, hour, .. } => {
                    vec![(Component::HttpEndpoint, hour * time)]
                }
                EndpointTraffic::Free | EndpointTraffic::Api(_) => Vec::new(),
            };
            (&equivalent.terms, &equivalent.region, idle)
        }
    };
    let break_even = terms.provisioned_break_even();
    let provisioned = ProvisionedConcurrency {
        region: Arc::clone(region),
        break_even: break_even.filter(|ratio| *ratio < Ratio::ONE),
        is_configured: workload
            .facts
            .provisioned_concurrency
            .is_some_and(|count| count > 0),
    };
    (provisioned, idle)
}

impl fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.title)?;
        for section in &self.sections {
            writeln!(formatter, "\n{}", section.title)?;
            let names = section.lines.iter().map(|line| line.name.chars().count());
            let results = section.lines.iter().map(|line| line.result.chars().count());
            let (name_width, result_width) = (names.max().unwrap_or(0), results.max().unwrap_or(0));
            for Line { name, from, result } in &section.lines {
                writeln!(
                    formatter,
                    "  {name:<name_width$}  {result:<result_width$}  {from}"
                )?;
            }
        }
        Ok(())
    }
}
