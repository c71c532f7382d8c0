//! From a report to the bytes that answer every scrape until the next report.

use std::collections::BTreeMap;
use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::content_negotiation::{Encoding, Format};
use super::encode::{openmetrics, text};
use super::families::{bill, cluster, self_metrics, sources, workload};
use super::limit;
use super::metrics::Metric;
use super::self_metrics::{DropReason, Dropped, SelfMetricValues};
use super::series::{Families, Labels, SeriesBuffer};
use breakeven_model::Report;
use breakeven_model::inventory::{SourceId, SourceStatus};

/// How expositions are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenderConfig {
    /// The most series of one exposition. Those that say how many there are come on top.
    pub max_series: usize,
}

impl Default for RenderConfig {
    /// A hundred thousand series: some four thousand workloads, 20 MB of text.
    fn default() -> Self {
        Self {
            max_series: 100_000,
        }
    }
}

/// What an exposition is made from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// What is known.
    pub report: &'a Report,
    /// How the sources fare.
    pub sources: &'a BTreeMap<SourceId, SourceStatus>,
    /// What the program knows of itself.
    pub own: &'a SelfMetricValues,
    /// Labels for every series, such as `cluster`. Where a series has a label of that name itself, its own
    /// stays; a name that cannot be a label's ([`is_label_name`](super::is_label_name)) is left out.
    pub external_labels: &'a [(String, String)],
    /// How it is made.
    pub settings: RenderConfig,
}

/// An exposition in every format and encoding that can be asked for.
#[derive(Clone, Debug)]
pub struct Rendered {
    text: Body,
    openmetrics: Body,
    pub(super) dropped: Dropped,
}

#[derive(Clone, Debug)]
struct Body {
    identity: Bytes,
    gzip: Option<Bytes>,
}

impl Rendered {
    /// The bytes to send, and how they are encoded.
    #[must_use]
    pub fn body(&self, format: Format, encoding: Encoding) -> (Bytes, Encoding) {
        let body = match format {
            Format::Text => &self.text,
            Format::OpenMetrics { .. } => &self.openmetrics,
        };
        match (encoding, &body.gzip) {
            (Encoding::Gzip, Some(gzip)) => (gzip.clone(), Encoding::Gzip),
            _ => (body.identity.clone(), Encoding::Identity),
        }
    }
}

/// Writes everything that is known, in every format and encoding.
///
/// This takes time in proportion to the number of series (a second or less for a hundred thousand): nothing else runs on
/// its thread meanwhile.
#[must_use]
pub fn render(inputs: &Inputs<'_>) -> Rendered {
    let (families, dropped) = families(inputs);
    Rendered {
        text: Body::new(text::encode(&families)),
        openmetrics: Body::new(openmetrics::encode(&families)),
        dropped,
    }
}

fn families(inputs: &Inputs<'_>) -> (Families, Dropped) {
    let report = inputs.report;
    let mut families = Families::new(inputs.external_labels);
    let mut dropped = inputs.own.dropped.clone();

    families.show(cluster::series(report), |_| true);
    if let Some(report) = &report.bill {
        families.show(bill::bill(report), |_| true);
    }
    families.show(sources::sources(inputs.sources, report.at), |_| true);
    families.show(self_metrics::own(inputs.own, report.at), |_| true);
    for shared in &report.shared {
        families.show(workload::shared(shared), |_| true);
    }
    let workloads = report
        .workloads
        .iter()
        .map(|one| (one, workload::series(one, report.settings.hours_per_month)));
    let max_series = inputs.settings.max_series;
    limit::limit_series(workloads.collect(), max_series, &mut families, &mut dropped);

    for (metric, duplicates) in families.settle() {
        let count = u64::try_from(duplicates).unwrap_or(u64::MAX);
        *dropped.entry((metric, DropReason::Duplicate)).or_default() += count;
    }
    families.show(series_counts(&families, &dropped), |_| true);
    let again = families.settle();
    debug_assert!(
        again.is_empty(),
        "the census names a family twice: {again:?}"
    );
    (families, dropped)
}

/// How many series each family has, and how many were left out of it.
fn series_counts(families: &Families, dropped: &Dropped) -> SeriesBuffer {
    let named = |metric: Metric| Labels::default().and("family", metric.description().name);
    let mut batch = SeriesBuffer::default();
    for ((metric, reason), series) in dropped {
        let labels = named(*metric).and("reason", reason.as_str());
        batch.push(Metric::SeriesDropped, labels, count(*series));
    }
    let counted = families
        .iter()
        .map(|(metric, samples)| (metric, samples.len()));
    // The two families of the census count themselves as well.
    let series_counts = [(Metric::Series, 0), (Metric::SeriesDropped, dropped.len())];
    let mut all: Vec<(Metric, usize)> = counted.chain(series_counts).collect();
    all.retain(|(metric, series)| *series > 0 || *metric == Metric::Series);
    let families = all.len();
    for (metric, series) in all {
        let series = if metric == Metric::Series {
            families
        } else {
            series
        };
        batch.push(Metric::Series, named(metric), count(series));
    }
    batch
}

/// A number of series as a number.
#[expect(
    clippy::cast_precision_loss,
    reason = "there is no memory for 2^53 series"
)]
fn count<N: TryInto<u64>>(series: N) -> f64 {
    series.try_into().unwrap_or(u64::MAX) as f64
}

impl Body {
    fn new(text: String) -> Self {
        Self {
            gzip: gzip(text.as_bytes()).ok(),
            identity: text.into(),
        }
    }
}

fn gzip(bytes: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish().map(Bytes::from)
}
