//! How a number came about: inputs, prices with their source, formulas with the numbers put in, and results.

mod function;
mod number;
mod workload;

use std::fmt;

use super::advice::{Advice, Facts, advise};
use super::evidence::Evidence;
use super::report::{
    Breakeven, Home, Ineligibility, PlatformCost, Report, Subject, SubjectReport, Verdict,
};
use crate::units::MemoryMib;
use number::{count, factor, percent, usd};

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

/// Explains what is known of a subject.
#[must_use]
pub fn explain(report: &Report, subject: &SubjectReport) -> Explanation {
    let settings = &report.settings;
    let mut sections = match &subject.evidence {
        Evidence::Nothing => Vec::new(),
        Evidence::Workload(evidence) => workload::sections(report, subject, evidence, settings),
        Evidence::Function(evidence) => function::sections(subject, evidence, settings),
    };
    sections.push(Section {
        title: "Break-even",
        lines: breakeven(subject),
    });
    sections.push(Section {
        title: "Verdict",
        lines: verdict(subject),
    });
    sections.push(Section {
        title: "Advice",
        lines: advice(subject),
    });
    sections.retain(|section| !section.lines.is_empty());
    Explanation {
        title: subject.subject.to_string(),
        sections,
    }
}

fn breakeven(subject: &SubjectReport) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(utilization) = subject.utilization.cost {
        let from = "cost used / cost loaded";
        lines.push(Line::new("utilisation u", from, percent(utilization)));
    }
    if let Some(utilization) = subject.breakeven_utilization {
        let from = "cost used / cost on Lambda";
        lines.push(Line::new(
            "break-even utilisation u*",
            from,
            percent(utilization),
        ));
    }
    match subject.breakeven {
        Some(Breakeven::Crossing { first, sustained }) => {
            let from = "the least traffic at which both platforms cost the same";
            let result = format!("{} requests a month", count(first));
            lines.push(Line::new("first crossing", from, result));
            if let Some(sustained) = sustained.filter(|sustained| *sustained != first) {
                let from = "above it Kubernetes always costs less";
                let result = format!("{} requests a month", count(sustained));
                lines.push(Line::new("sustained crossing", from, result));
            }
        }
        Some(Breakeven::KubernetesAlways) => {
            lines.push(Line::new(
                "crossing",
                "Kubernetes costs less at any traffic",
                "none",
            ));
        }
        Some(Breakeven::LambdaAlways) => {
            lines.push(Line::new(
                "crossing",
                "Lambda costs less at any traffic",
                "none",
            ));
        }
        Some(Breakeven::BeyondCapacity) => {
            let from =
                "even used to the full, what is held costs more than Lambda (u* above 100 %)";
            lines.push(Line::new(
                "crossing",
                from,
                "beyond the capacity that is held",
            ));
        }
        None => {}
    }
    lines
}

fn verdict(subject: &SubjectReport) -> Vec<Line> {
    let mut lines = Vec::new();
    for platform in [Home::Kubernetes, Home::Lambda] {
        if let Some(cost) = subject.decisive(platform) {
            let from = "every parameter at its cheaper and at its dearer end, over a month";
            let band = cost.monthly;
            let result = format!(
                "{} to {}, point {}",
                usd(band.low),
                usd(band.high),
                usd(band.point)
            );
            lines.push(Line::new(format!("on {}", platform.as_str()), from, result));
        }
    }
    if let Some((parameter, swing)) = subject.uncertainty {
        let name = parameter.as_str().replace('_', " ");
        let from = "the parameter that moves the projection most, by itself";
        lines.push(Line::new(
            name,
            from,
            format!("{} of the point", factor(swing)),
        ));
    }
    if let Some(saving) = subject.monthly_saving {
        let from =
            "cost at home - cost on the other platform, by the points; negative: moving would cost";
        lines.push(Line::new("moving saves", from, number::signed(saving)));
    }
    for reason in &subject.ineligible {
        let name = reason.as_str().replace('_', " ");
        lines.push(Line::new("cannot move", "as it is now", name));
    }
    lines.push(Line::new(
        "verdict",
        what_decides(subject),
        subject.verdict.as_str(),
    ));
    lines
}

/// A month's cost and that of one request, `from` being the sum for the month.
fn month_and_request(cost: &PlatformCost, from: impl Into<String>) -> Vec<Line> {
    let month = usd(cost.monthly.point);
    let each = cost.per_request().map(|each| {
        let from = format!("{month} / {} requests", count(cost.requests));
        Line::new("one request", from, number::per_million(each))
    });
    let month = Line::new("a month", from, month);
    std::iter::once(month).chain(each).collect()
}

/// What else speaks for a platform, in words; it does not change the verdict.
fn advice(subject: &SubjectReport) -> Vec<Line> {
    let is = |reason| subject.ineligible.contains(&reason);
    let kind = match &subject.subject {
        Subject::Workload(workload) => Some(workload.kind.clone()),
        Subject::Function(_) => None,
    };
    let requests = subject.costs.first().map(|cost| cost.requests);
    let facts = Facts {
        pattern: subject.facts.traffic_pattern,
        kind,
        memory: subject.facts.lambda_memory.map(MemoryMib::gib),
        gpu: is(Ineligibility::Gpu),
        stateful: is(Ineligibility::Stateful) || is(Ineligibility::PersistentVolume),
        utilization: subject.utilization.cost,
        monthly_requests: requests.filter(|requests| !requests.is_zero()),
        ..Facts::default()
    };
    let line = |advice: Advice| {
        let name = advice.rule.replace('_', " ");
        Line::new(name, advice.reason, advice.favours.as_str())
    };
    advise(&facts).into_iter().map(line).collect()
}

/// Whether nothing ever said what its pods use.
fn lacks_use(subject: &SubjectReport) -> bool {
    match &subject.evidence {
        Evidence::Workload(evidence) => evidence.window.used.observed.is_zero(),
        _ => false,
    }
}

/// Why the verdict is so, and what would change it.
fn what_decides(subject: &SubjectReport) -> String {
    let crossing = match subject.breakeven {
        Some(Breakeven::Crossing { first, .. }) => Some(count(first)),
        _ => None,
    };
    let turn = |way: &str| match &crossing {
        Some(at) => format!("; {way} {at} requests a month it would turn"),
        None => String::new(),
    };
    let parameter = subject
        .uncertainty
        .map(|(one, _)| one.as_str().replace('_', " "));
    match subject.verdict {
        Verdict::Kubernetes => format!("its band lies below that of Lambda{}", turn("below")),
        Verdict::Lambda => format!("its band lies below that of Kubernetes{}", turn("above")),
        Verdict::Inconclusive => match parameter {
            Some(parameter) => {
                format!("the bands overlap; knowing the {parameter} better would narrow them most")
            }
            None => "the bands overlap".to_owned(),
        },
        Verdict::InsufficientData if lacks_use(subject) => {
            "what its pods use is not known; see the source usage".to_owned()
        }
        Verdict::InsufficientData => {
            "less than an hour or less than 100 requests were seen; it comes with time".to_owned()
        }
        Verdict::NoRequests => {
            "no requests were counted; see that requests.prometheus covers it".to_owned()
        }
        Verdict::NoLatency => {
            "how long a request takes is not measured; add latency queries".to_owned()
        }
        Verdict::Unpriced => "a node has no price; add it to prices.nodes".to_owned(),
    }
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
