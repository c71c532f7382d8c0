//! The agent as its users run it: start, reload, restart, faults, secrets and foreign input.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

mod explanations;
mod faults;
mod foreign_input;
mod permissions;
mod restart;
mod secrets;
mod start;
#[path = "../support/mod.rs"]
mod support;
mod user_agent;
