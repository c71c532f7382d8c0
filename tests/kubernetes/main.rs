//! The sources of the cluster and its usage, against the simulator and against servers that misbehave.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

mod agent;
mod credentials;
mod failures;
mod kubelet;
mod limits;
mod metrics_api;
mod objects_without_end;
mod outages;
mod stub;
#[path = "../support/mod.rs"]
mod support;
mod usage_sources;
mod watches;
