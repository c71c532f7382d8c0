//! The terms on which a function is charged.

use super::door::Door;
use super::month::FrontDoor;
use crate::observation::Architecture;
use crate::tariff::lambda::Prices;
use crate::units::{Gib, GibSeconds, Ratio, UsdPerHour};

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
pub struct Terms {
    /// The prices of its region and processor.
    pub prices: Prices,
    /// Where they come from.
    pub origin: PriceOrigin,
    /// A discount on duration, such as that of a Savings Plan.
    pub discount: Ratio,
    /// GB-s that others in the organisation use each month, in that region and architecture (G0).
    pub used_before: GibSeconds,
    /// What its requests come through.
    pub front_door: FrontDoor,
    /// What each request writes to the logs.
    pub logged_by_request: Gib,
    /// What the managed instances cost that it runs on, with the fee; absent where that is not known.
    pub instances: Option<UsdPerHour>,
}

impl Terms {
    /// List prices, and nothing around the function; absent where the prices of the region are not known.
    #[must_use]
    pub fn list(region: &str, architecture: Architecture) -> Option<Self> {
        Prices::in_region(region, architecture).map(Self::of)
    }

    /// List prices in us-east-1, and nothing around the function.
    #[must_use]
    pub fn known(architecture: Architecture) -> Self {
        Self::of(Prices::list(architecture))
    }

    const fn of(prices: Prices) -> Self {
        Self {
            prices,
            origin: PriceOrigin::List,
            discount: Ratio::ZERO,
            used_before: GibSeconds::ZERO,
            front_door: FrontDoor::Free,
            logged_by_request: Gib::ZERO,
            instances: None,
        }
    }
}

/// What is around a function, as it is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Surroundings {
    /// What its requests come through, where that is configured.
    pub door: Option<Door>,
    /// What each request writes to the logs.
    pub logged_by_request: Gib,
    /// What the managed instances of a function on a capacity provider cost.
    pub instances: Option<UsdPerHour>,
}

impl Surroundings {
    /// Whether its requests come and go for nothing.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.door.is_none_or(Door::is_free) && self.logged_by_request.is_zero()
    }
}
