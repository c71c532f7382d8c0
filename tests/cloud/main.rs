//! The clients of AWS and Azure, against the simulator, moto and scripted answers.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

mod accounts;
mod aws_environment;
mod azure_prices;
mod cloudwatch;
mod cloudwatch_responses;
mod cost_explorer;
mod credentials;
mod lambda;
mod lambda_attributes;
mod lambda_http_endpoints;
mod lambda_insights;
mod load_balancers;
mod moto;
mod moto_accounts;
mod moto_cost_explorer;
mod node_prices;
mod price_sources;
mod region_prices;
#[path = "../support/mod.rs"]
mod support;
