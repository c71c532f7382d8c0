//! The terms on which a function is charged.

use super::http_endpoint::HttpEndpoint;
use super::month::EndpointTraffic;
use crate::inventory::Architecture;
use crate::pricing::list_prices::lambda::Prices;
use crate::pricing::list_prices::{Tiers, logs};
use crate::units::{Gib, GibSeconds, Ratio, UsdPerHour};

/// A price of a function that is unknown, so that its cost lacks that part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingPrice {
    /// No Lambda list prices of the region.
    Region,
    /// Price of the managed instances that it runs on.
    ManagedInstances,
    /// List price of its front door in the region.
    HttpEndpoint,
    /// List price of `SnapStart` in the region.
    SnapStart,
}

impl MissingPrice {
    /// Name of the part that has no price.
    #[must_use]
    pub const fn part(self) -> &'static str {
        match self {
            Self::Region => "Lambda",
            Self::ManagedInstances => "managed instances",
            Self::HttpEndpoint => "front door",
            Self::SnapStart => "SnapStart",
        }
    }

    /// Why the price is unknown, and which setting changes that.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Region => {
                "AWS lists no Lambda price in USD in this region; leave the region out of aws.regions"
            }
            Self::ManagedInstances => {
                "its managed instances have no price; set managed_instances_usd_per_hour in aws.surroundings"
            }
            Self::HttpEndpoint => {
                "its front door has no list price in this region; set prices.lambda.unlisted, or front_door: none in \
                 aws.surroundings to compare without it"
            }
            Self::SnapStart => {
                "SnapStart has no list price in this region; set prices.lambda.unlisted"
            }
        }
    }
}

/// Where the prices of terms come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceOrigin {
    /// The list.
    List,
    /// What AWS billed lately.
    Bill,
}

/// The terms on which a function is charged, whatever it does.
#[derive(Clone, Debug, PartialEq)]
pub struct PricingTerms {
    /// The prices of its region and processor.
    pub prices: Prices,
    /// Where they come from.
    pub origin: PriceOrigin,
    /// A discount on duration, such as that of a Savings Plan.
    pub discount: Ratio,
    /// GB-s that others in the organisation use each month, in that region and architecture (G0).
    pub used_before: GibSeconds,
    /// What its requests come through.
    pub endpoint_traffic: EndpointTraffic,
    /// What each request writes to the logs.
    pub logged_by_request: Gib,
    /// Price of logs in its region.
    pub log_prices: Tiers<Gib>,
    /// What the managed instances cost that it runs on, with the fee; absent where that is not known.
    pub instances: Option<UsdPerHour>,
    /// Parts of the cost that are left out, because their price is unknown.
    pub missing: Vec<MissingPrice>,
}

impl PricingTerms {
    /// List prices, and nothing around the function; absent where the prices of the region are not known.
    #[must_use]
    pub fn list(region: &str, architecture: Architecture) -> Option<Self> {
        let prices = Prices::in_region(region, architecture)?;
        Some(Self::new(prices, logs::ingestion_in(region)?))
    }

    /// List prices in us-east-1, and nothing around the function.
    #[must_use]
    pub fn known(architecture: Architecture) -> Self {
        Self::new(Prices::list(architecture), logs::ingestion())
    }

    /// Utilization of provisioned concurrency above which it costs less than the same work on demand, at these prices, this
    /// discount and the marginal tier; see [`Prices::provisioned_break_even`].
    #[must_use]
    pub fn provisioned_break_even(&self) -> Option<Ratio> {
        self.prices
            .provisioned_break_even(self.used_before, self.discount)
    }

    const fn new(prices: Prices, log_prices: Tiers<Gib>) -> Self {
        Self {
            prices,
            origin: PriceOrigin::List,
            discount: Ratio::ZERO,
            used_before: GibSeconds::ZERO,
            endpoint_traffic: EndpointTraffic::Free,
            logged_by_request: Gib::ZERO,
            log_prices,
            instances: None,
            missing: Vec::new(),
        }
    }
}

/// What is around a function, as it is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AncillaryCharges {
    /// What its requests come through, where that is configured.
    pub http_endpoint: Option<HttpEndpoint>,
    /// What each request writes to the logs.
    pub logged_by_request: Gib,
    /// What the managed instances of a function on a capacity provider cost.
    pub instances: Option<UsdPerHour>,
}
