//! What one request costs on Kubernetes and on AWS Lambda, live and for every workload, and where the answer flips.
//!
//! This is the library behind the `breakeven` program. Every interval each source turns what it reads into plain
//! observations; pure functions turn observations and prices into one immutable report; the store swaps it in; HTTP
//! sends bytes that were rendered once for each report:
//!
//! ```text
//!  Kubernetes, metrics.k8s.io ─┐                                                  ┌▶ exposition ─┐
//!  Lambda, CloudWatch ─────────┼▶ sources ─▶ observation ─▶ pipeline ─▶ report ─▶ store          ├▶ http
//!  Prometheus ─────────────────┘                             │    ▲               └─────────────┘
//!                                                          ledger, model
//! ```
//!
//! From the bottom to the top, each module naming only those before it:
//!
//! - [`units`]: money, cores, memory, time, each a type of its own; [`clock`]: the only reader of time;
//!   [`disk`]: file operations with a deadline;
//! - [`observation`]: what was seen; [`tariff`]: list prices; [`model`]: what it costs, on both platforms;
//!   [`ledger`]: what has added up; [`state`]: what of it outlives a restart;
//! - [`promql`]: limits of foreign expressions;
//! - [`sources`]: where observations come from; [`pipeline`]: from observations to the report;
//! - [`exposition`]: from the report to bytes; [`store`]: the latest of both; [`http`]: who asks for them;
//! - [`config`]: what the user chose; [`cloud`]: a simulated Kubernetes, AWS and Prometheus, reached over sockets;
//! - [`app`]: all of it put together; [`cli`]: the commands.
//!
//! **Architecture Invariant:** units, observation, tariff and model do no I/O, await nothing, log nothing and read no
//! clock. `tests/architecture` holds this and the order of the modules.

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
