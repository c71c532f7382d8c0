//! What Prometheus reads: from a report to bytes, and which bytes to send.
//!
//! What enters: a report, and the counters of the program itself. What leaves: the bytes of every format and encoding.
//!
//! [`render`] is called once for every report and writes it in every format and encoding at once; a
//! scrape only picks one ([`Format::asked_for`], [`Encoding::asked_for`], [`Rendered::body`]) and sends
//! it. Everything here is pure but [`SelfMetrics`], where the program keeps what it knows of itself.
//!
//! Families are named in one place, the catalogue; [`reference()`] writes it out for readers.
//!
//! **Architecture Invariant:** no other module writes the name of a metric.

mod content_negotiation;
mod docs;
mod encode;
mod escape;
mod families;
mod limit;
mod metrics;
mod render;
mod self_metrics;
mod series;

#[cfg(test)]
pub(crate) mod tests;

pub use content_negotiation::{Encoding, Escaping, Format, OpenMetricsVersion};
pub use docs::reference;
pub use render::{Inputs, RenderConfig, Rendered, render};
pub use self_metrics::{
    ApiBudget, ApiUsage, Build, ConfigState, HttpRequests, SelfMetricValues, SelfMetrics,
    StateStatus,
};
pub use series::is_label_name;
