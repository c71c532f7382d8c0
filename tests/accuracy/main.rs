//! Results against computations that share no code with the model.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

mod cold_starts;
mod end_to_end;
mod scenario_files;
#[path = "../support/mod.rs"]
mod support;
mod traffic_patterns;
