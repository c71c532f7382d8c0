//! Request counts from Prometheus and from pods, and what a real Prometheus reads from the exporter.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

mod pod_scrape;
mod presets;
mod prometheus_scrape;
mod prometheus_source;
#[path = "../support/mod.rs"]
mod support;
