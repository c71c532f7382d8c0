//! Series before they are written: labels and a value, by family.

use super::escape::escape_label_value;
use super::metrics::Metric;

/// The labels of one series, already written and escaped: the text format and OpenMetrics agree on how.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Labels(String);

impl Labels {
    /// One label more. An empty value is no label.
    pub(super) fn and(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            if !self.0.is_empty() {
                self.0.push(',');
            }
            self.0.push_str(name);
            self.0.push_str("=\"");
            escape_label_value(value, &mut self.0);
            self.0.push('"');
        }
        self
    }

    /// As they stand between the braces.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn append(&mut self, others: &Self) {
        if !self.0.is_empty() && !others.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(&others.0);
    }
}

/// One series and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    /// Which one of its family.
    pub(super) labels: Labels,
    /// Finite.
    pub(super) value: f64,
}

/// Series that one thing gave, before it is decided whether they are shown.
#[derive(Debug, Default)]
pub(super) struct SeriesBuffer(Vec<(Metric, Sample)>);

impl SeriesBuffer {
    /// One series more. A value that is not finite is not known, and therefore absent.
    pub(super) fn push(&mut self, metric: Metric, labels: Labels, value: f64) {
        if value.is_finite() {
            self.0.push((metric, Sample { labels, value }));
        }
    }

    /// The families of its series, one for each.
    pub(super) fn metrics(&self) -> impl Iterator<Item = Metric> {
        self.0.iter().map(|(metric, _)| *metric)
    }
}

/// Every family with its series.
#[derive(Debug)]
pub(super) struct Families {
    samples: Vec<Vec<Sample>>,
    external: Vec<Labels>,
}

impl Families {
    /// Without series yet. Each will also carry the external labels that it has not itself.
    pub(super) fn new(external: &[(String, String)]) -> Self {
        let of = |metric: &Metric| {
            let mut labels = Labels::default();
            let mut seen: Vec<&str> = Vec::new();
            for (name, value) in external {
                let taken = metric.description().has_label(name) || seen.contains(&name.as_str());
                if is_label_name(name) && !taken {
                    labels = labels.and(name, value);
                    seen.push(name);
                }
            }
            labels
        };
        Self {
            samples: vec![Vec::new(); Metric::ALL.len()],
            external: Metric::ALL.iter().map(of).collect(),
        }
    }

    /// Shows those series of the batch whose family is wanted.
    pub(super) fn show(&mut self, batch: SeriesBuffer, wanted: impl Fn(Metric) -> bool) {
        for (metric, mut sample) in batch.0 {
            if wanted(metric) {
                let index = metric as usize;
                sample.labels.append(&self.external[index]);
                self.samples[index].push(sample);
            }
        }
    }

    /// Puts the series of each family in order, and takes out those that are there already: whoever gave
    /// them is wrong, but an exposition with a series twice is refused whole. Returns how many, by family.
    pub(super) fn settle(&mut self) -> Vec<(Metric, usize)> {
        let mut duplicates = Vec::new();
        for (metric, samples) in Metric::ALL.iter().zip(&mut self.samples) {
            let before = samples.len();
            samples.sort_by(|one, other| one.labels.cmp(&other.labels));
            samples.dedup_by(|later, first| later.labels == first.labels);
            if samples.len() < before {
                duplicates.push((*metric, before - samples.len()));
            }
        }
        duplicates
    }

    /// The families that have series, in the order of the catalogue.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Metric, &[Sample])> {
        let families = Metric::ALL.iter().zip(&self.samples);
        families
            .filter(|(_, samples)| !samples.is_empty())
            .map(|(metric, samples)| (*metric, samples.as_slice()))
    }

    /// How many series there are.
    pub(super) fn len(&self) -> usize {
        self.samples.iter().map(Vec::len).sum()
    }
}

/// Whether this can be the name of a label that is added to every series: letters, digits and underscores,
/// and a letter first (names that begin with an underscore are reserved).
///
/// ```
/// use breakeven::exposition::is_label_name;
///
/// assert!(is_label_name("cluster"));
/// assert!(!is_label_name("__address__") && !is_label_name("k8s.cluster") && !is_label_name(""));
/// ```
#[must_use]
pub fn is_label_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.chars().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn external(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    fn shown(external: &[(String, String)], metric: Metric, labels: Labels) -> String {
        let mut families = Families::new(external);
        let mut batch = SeriesBuffer::default();
        batch.push(metric, labels, 1.0);
        families.show(batch, |_| true);
        families.iter().next().unwrap().1[0]
            .labels
            .as_str()
            .to_owned()
    }

    #[test]
    fn an_empty_label_is_an_absent_one() {
        let labels = Labels::default().and("a", "").and("b", "1").and("c", "");
        assert_eq!(labels.as_str(), r#"b="1""#);
    }

    #[test]
    fn external_labels_go_on_every_series_and_yield_to_its_own() {
        let external = external(&[
            ("cluster", "blue"),
            ("node", "theirs"),
            ("cluster", "twice"),
            ("not-a-name", "x"),
        ]);
        let own = Labels::default().and("node", "n1");
        let with = |metric, labels| shown(&external, metric, labels);
        assert_eq!(with(Metric::CpuPrice, own), r#"node="n1",cluster="blue""#);
        assert_eq!(
            with(Metric::Series, Labels::default()),
            r#"cluster="blue",node="theirs""#
        );
    }

    #[test]
    fn a_number_that_is_not_finite_never_leaves() {
        let mut batch = SeriesBuffer::default();
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            batch.push(Metric::Series, Labels::default(), value);
        }
        assert_eq!(batch.metrics().count(), 0);
    }

    #[test]
    fn a_series_given_twice_is_shown_once_and_counted() {
        let mut families = Families::new(&[]);
        let mut batch = SeriesBuffer::default();
        for value in [1.0, 2.0, 3.0] {
            batch.push(
                Metric::SourceUp,
                Labels::default().and("source", "usage"),
                value,
            );
        }
        families.show(batch, |_| true);
        assert_eq!(families.settle(), [(Metric::SourceUp, 2)]);
        assert_eq!(families.iter().next().unwrap().1[0].value, 1.0);
    }
}
