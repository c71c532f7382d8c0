//! The text format of Prometheus, version 0.0.4.

use super::{size_hint, write_help, write_sample};
use crate::exposition::metrics::Kind;
use crate::exposition::series::Families;

/// The whole exposition.
pub(in crate::exposition) fn encode(families: &Families) -> String {
    let mut out = String::with_capacity(size_hint(families.len()));
    for (metric, samples) in families.iter() {
        let description = metric.description();
        let name = description.name;
        write_help(name, description.help, false, &mut out);
        // The format knows no facts: they are gauges that are always 1.
        let kind = match description.kind {
            Kind::Counter => "counter",
            Kind::Gauge | Kind::Info => "gauge",
        };
        out.extend(["# TYPE ", name, " ", kind, "\n"]);
        for sample in samples {
            write_sample(name, sample, &mut out);
        }
    }
    out
}
