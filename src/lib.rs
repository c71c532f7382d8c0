//! The library behind the `breakeven` program: what one request costs on Kubernetes and on AWS Lambda, live and per workload.
//!
//! Each source converts the responses of one API to observations. Pure functions of [`breakeven_model`] turn observations and
//! prices into one immutable report. The snapshot is replaced by the new report, and HTTP serves bytes that are rendered once
//! per report:
//!
//! ```text
//!  Kubernetes, metrics.k8s.io ─┐                                             ┌▶ exposition ─┐
//!  Lambda, CloudWatch ─────────┼▶ sources ─▶ observations ─▶ engine ─▶ report ─▶ snapshot    ├▶ server
//!  Prometheus ─────────────────┘                             │    ▲          └──────────────┘
//!                                                         ledger, model
//! ```
//!
//! From the bottom to the top; each module names only those below it, which `tests/architecture` checks:
//!
//! - [`disk`]: file operations with a deadline; [`schema`]: reading and validation of YAML files;
//! - [`ledger`]: counters and sums over the decision window; [`persistence`]: the state file;
//! - [`sources`]: the clients; [`engine`]: from observations to the report; [`estimate`]: the file of `breakeven estimate`;
//! - [`exposition`]: from the report to bytes; [`snapshot`]: the latest of both; [`server`]: HTTP;
//! - [`config`]: the configuration; [`agent`]: the running agent; [`cli`]: the commands.

pub mod agent;
pub mod cli;
pub mod config;
pub mod disk;
pub mod engine;
pub mod estimate;
pub mod exposition;
pub mod ledger;
pub mod persistence;
pub mod schema;
pub mod server;
pub mod snapshot;
pub mod sources;
