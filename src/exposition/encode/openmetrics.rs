//! The text format of OpenMetrics, version 1.0.0.

use super::{size_hint, write_help, write_sample};
use crate::exposition::metrics::Kind;
use crate::exposition::series::Families;

/// The whole exposition.
pub(in crate::exposition) fn encode(families: &Families) -> String {
    let mut out = String::with_capacity(size_hint(families.len()));
    for (metric, samples) in families.iter() {
        let description = metric.description();
        let family = description.family();
        let kind = match description.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Info => "info",
        };
        out.extend(["# TYPE ", family, " ", kind, "\n"]);
        if let Some(unit) = description.unit {
            out.extend(["# UNIT ", family, " ", unit, "\n"]);
        }
        write_help(family, description.help, true, &mut out);
        for sample in samples {
            write_sample(description.name, sample, &mut out);
        }
    }
    out.push_str("# EOF\n");
    out
}
