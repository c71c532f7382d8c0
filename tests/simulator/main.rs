//! The simulated APIs against the clients that users have: kubectl, boto3, kube and the SDKs of AWS.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

mod accounts;
mod aws;
mod kubernetes;
mod lambda_attributes;
#[path = "../support/mod.rs"]
mod support;
