//! US dollars, and dollars for a unit of something.

use super::compute::{CoreSeconds, Cores};
use super::counts::Requests;
use super::memory::{Gib, GibSeconds};
use super::quantity::{QuantityError, kept, product, quantity};
use super::ratio::Ratio;
use super::time::{Hours, Seconds};

const SECONDS_PER_HOUR: f64 = 3_600.0;

quantity! {
    /// An amount of money.
    Usd, "USD", from_usd, usd
}

quantity! {
    /// Money for each hour.
    UsdPerHour, "USD per hour", from_hourly, hourly
}

quantity! {
    /// Money for one core, each hour.
    UsdPerCoreHour, "USD per core-hour", from_hourly, hourly
}

quantity! {
    /// Money for one GiB, each hour.
    UsdPerGibHour, "USD per GiB-hour", from_hourly, hourly
}

quantity! {
    /// Money for one GiB, each second: Lambda's price of duration, which AWS writes per GB-s.
    UsdPerGibSecond, "USD per GiB-second", from_secondly, secondly
}

quantity! {
    /// Money for one GiB, once: what is written, sent or restored.
    UsdPerGib, "USD per GiB", from_each, each
}

quantity! {
    /// Money for one request.
    UsdPerRequest, "USD per request", from_each, each
}

product!(UsdPerHour * Hours = Usd);
product!(UsdPerHour * Seconds = Usd, over SECONDS_PER_HOUR);
product!(CoreSeconds * UsdPerCoreHour = Usd, over SECONDS_PER_HOUR);
product!(GibSeconds * UsdPerGibHour = Usd, over SECONDS_PER_HOUR);
product!(GibSeconds * UsdPerGibSecond = Usd);
product!(Cores * UsdPerCoreHour = UsdPerHour);
product!(Gib * UsdPerGibHour = UsdPerHour);
product!(Gib * UsdPerGib = Usd);
product!(Requests * UsdPerRequest = Usd);

impl Usd {
    /// Spread over requests; absent for no requests.
    ///
    /// ```
    /// use breakeven_model::units::{Requests, Usd};
    ///
    /// let month = Usd::from_usd(60.0)?;
    /// assert_eq!(month.per(Requests::from_requests(3e6)?).unwrap().each(), 0.00002);
    /// assert_eq!(month.per(Requests::ZERO), None);
    /// # Ok::<(), breakeven_model::units::QuantityError>(())
    /// ```
    #[must_use]
    pub fn per(self, requests: Requests) -> Option<UsdPerRequest> {
        (requests.0 > 0.0).then(|| UsdPerRequest(kept(self.0 / requests.0)))
    }

    /// The mean rate of spending over a time; absent for no time.
    #[must_use]
    pub fn over_time(self, time: Seconds) -> Option<UsdPerHour> {
        (time.0 > 0.0).then(|| UsdPerHour(kept(self.0 / time.0 * SECONDS_PER_HOUR)))
    }

    /// Signed difference: what is left of this after spending `other`.
    #[must_use]
    pub const fn minus(self, other: Self) -> UsdDelta {
        UsdDelta(self.0 - other.0)
    }
}

impl UsdPerHour {
    /// The price of one GiB when `memory` of it costs this; absent for none.
    #[must_use]
    pub fn per_gib(self, memory: Gib) -> Option<UsdPerGibHour> {
        (memory.0 > 0.0).then(|| UsdPerGibHour(kept(self.0 / memory.0)))
    }
}

impl UsdPerGibHour {
    /// The price of one core that costs `ratio` times as much as one GiB.
    #[must_use]
    pub fn per_core_at(self, ratio: Ratio) -> UsdPerCoreHour {
        UsdPerCoreHour(kept(self.0 * ratio.get()))
    }
}

impl UsdPerRequest {
    /// From a price for a million requests.
    ///
    /// # Errors
    /// When the number is negative, infinite or not a number.
    pub const fn from_per_million(value: f64) -> Result<Self, QuantityError> {
        match super::quantity::checked(value, "USD per million requests") {
            Ok(value) => Ok(Self(value / 1e6)),
            Err(error) => Err(error),
        }
    }
}

/// A signed difference of two amounts of money, finite.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct UsdDelta(f64);

impl UsdDelta {
    /// As a number of USD.
    #[must_use]
    pub const fn usd(self) -> f64 {
        self.0
    }
}

impl std::ops::Neg for UsdDelta {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}
