//! What AWS Lambda costs.
//!
//! [`Run`] prices invocations that were measured. [`Month`] is a whole month of a function with all that AWS charges for
//! around it; [`Bill::from_month`] prices it, part by part:
//!
//! ```text
//! C_L(R) = [T(G0 + G) - T(G0)]·(1 - discount) + 2e-7·R + provisioned + SnapStart + ephemeral + INIT + front door + logs + streaming
//! ```
//!
//! Each [`Part`] is a cost that does not depend on the traffic and tiers of a price by the request, so that the bill is
//! known not only for the traffic of the month but for any: that is the [curve](Bill::curve) on which
//! the break-even is found. What scales with the traffic does so in proportion: cold starts, restores, requests inside
//! provisioned concurrency and streamed bytes keep their share of each request. What is configured does not: the
//! environments kept ready, the snapshots kept, the hours of a load balancer, the hours of Managed Instances.

mod ancillary;
mod bill;
mod compute;
mod http_endpoint;
mod metered_usage;
mod month;
mod pricing_terms;

pub use ancillary::{ephemeral, http_endpoint, logs, snapstart, streaming};
pub use bill::{Bill, Component, Part};
pub use compute::{duration, init, instances, provisioned, requests};
pub use http_endpoint::{HttpEndpoint, HttpEndpointOrigin};
pub use metered_usage::{ProvisionedUsage, Run};
pub use month::{
    Compute, EndpointTraffic, FreeTier, Init, Instances, Month, OnDemand, Provisioned, SnapStart,
};
pub use pricing_terms::{AncillaryCharges, MissingPrice, PriceOrigin, PricingTerms};

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod strategies;
#[cfg(test)]
mod tests;
