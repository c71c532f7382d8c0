//! The files that are shipped or read by people, and the rules of the code.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

mod alertmanager;
mod architecture;
mod chart;
mod config_files;
mod dashboards;
mod dependencies;
mod documents;
mod image;
mod rules;
#[path = "../support/mod.rs"]
mod support;
