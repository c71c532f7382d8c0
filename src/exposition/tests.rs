//! Whole expositions: report in, text out.

mod golden;
mod limits;
mod promtool;
mod properties;
pub(crate) mod reports;

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;

use super::{
    Build, Encoding, Format, Inputs, OpenMetricsVersion, RenderConfig, Rendered, SelfMetricValues,
    render,
};
use breakeven_model::Report;
use breakeven_model::inventory::{SourceId, SourceStatus};

const OPENMETRICS: Format = Format::OpenMetrics {
    version: OpenMetricsVersion::V1_0_0,
    escaping: None,
};

const BUILD: Build = Build {
    version: "1.2.3",
    revision: None,
    rustversion: Some("1.95.0"),
};

/// The exposition of a report, and nothing else.
fn rendered(report: &Report, max_series: usize) -> Rendered {
    render(&Inputs {
        report,
        sources: &BTreeMap::<SourceId, SourceStatus>::new(),
        own: &SelfMetricValues::new(BUILD),
        external_labels: &[],
        settings: RenderConfig { max_series },
    })
}

fn text_of(rendered: &Rendered, format: Format) -> String {
    let (bytes, _) = rendered.body(format, Encoding::Identity);
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn text(report: &Report) -> String {
    text_of(&rendered(report, usize::MAX), Format::Text)
}

fn inflated(rendered: &Rendered, format: Format) -> String {
    let (bytes, encoding) = rendered.body(format, Encoding::Gzip);
    assert_eq!(encoding, Encoding::Gzip);
    let mut text = String::new();
    GzDecoder::new(&bytes[..])
        .read_to_string(&mut text)
        .unwrap();
    text
}

/// The series of the families, in the order of letters.
fn series<'a>(exposition: &'a str, families: &[&str]) -> Vec<&'a str> {
    let name = |line: &'a str| line.split(['{', ' ']).next().unwrap_or_default();
    let mut lines: Vec<&str> = exposition
        .lines()
        .filter(|line| families.contains(&name(line)))
        .collect();
    lines.sort_unstable();
    lines
}
