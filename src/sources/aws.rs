//! What the AWS sources share: one configuration, signed calls, errors that name the missing permission,
//! and the count of what the calls cost.
//!
//! What enters: the environment of the AWS SDK. What leaves: a session for each account and region, and the count of calls.
//!
//! Credentials, region and endpoints come from the same places, in the same order, as for every AWS
//! SDK and the `aws` command: environment, shared profile files, web identity (IRSA), container
//! credentials (Pod Identity, ECS), instance metadata. Everything is read on first use, so that an agent without a
//! region or without credentials starts, says what is missing, and goes on once it is there. Other accounts are reached
//! by roles, with credentials that the SDK fetches with AssumeRole, keeps, and renews.
//!
//! No SDK of Lambda is linked for its two plain calls: `rest.rs` makes them with the SDK's own
//! runtime, so they are signed, retried and timed out like those of the CloudWatch SDK.

pub mod cloudwatch;
pub mod cost_explorer;
pub mod lambda;
pub mod load_balancers;
pub mod price_list;
pub mod spot;

mod accounts;
mod error;
mod http_client;
mod listing;
mod meter;
mod rest;
mod role;
mod session;
mod spend;
mod tagging;
mod trust;

pub use accounts::{Account, Accounts, OWN, Reader};
pub use role::Role;
pub use session::{Aws, AwsConfig, FixedCredentials};
pub use spend::{ApiSpend, AwsSpend};

pub(super) use error::{CallDescription, undecodable};
pub(super) use listing::Listing;
pub(super) use meter::Meter;
pub(super) use rest::{RestCall, Service};
pub(super) use session::Session;
pub(super) use spend::{PER_METRIC_REQUESTED, Price};
pub(super) use tagging::{Tagged, Tagging};
