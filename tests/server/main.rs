//! The HTTP server: its endpoints, and its answers under load.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

mod endpoints;
mod load;
#[path = "../support/mod.rs"]
mod support;
