//! What one request costs on Kubernetes and on AWS Lambda, live and for every workload.

pub mod app;
pub mod cli;
pub mod clock;
pub mod cloud;
pub mod config;
pub mod exposition;
pub mod http;
pub mod ledger;
pub mod model;
pub mod observation;
pub mod pipeline;
pub mod sources;
pub mod store;
pub mod tariff;
pub mod units;
