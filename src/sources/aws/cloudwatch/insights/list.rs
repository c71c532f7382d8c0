//! Which functions have Lambda Insights switched on.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_cloudwatch::types::Metric;

use super::convert::DIMENSION;

/// The functions of these metrics, by name.
pub(super) fn names(metrics: &[Metric]) -> BTreeSet<Arc<str>> {
    metrics.iter().filter_map(name).collect()
}

/// The function that a metric is of, where it is of all its versions.
fn name(metric: &Metric) -> Option<Arc<str>> {
    let [only] = metric.dimensions() else {
        return None;
    };
    (only.name() == Some(DIMENSION)).then(|| only.value().map(Arc::from))?
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::types::Dimension;

    use super::*;

    #[test]
    fn a_metric_of_a_version_is_not_one_of_the_function() {
        let metric = |dimensions: &[(&str, &str)]| {
            let dimensions = dimensions
                .iter()
                .map(|(name, value)| Dimension::builder().name(*name).value(*value).build());
            Metric::builder()
                .set_dimensions(Some(dimensions.collect()))
                .build()
        };
        let metrics = [
            metric(&[("function_name", "f")]),
            metric(&[("function_name", "g"), ("version", "7")]),
            metric(&[("version", "7")]),
            metric(&[]),
        ];
        assert_eq!(names(&metrics), ["f".into()].into());
    }
}
