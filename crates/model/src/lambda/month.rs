//! A month of a function, with all that it is charged for.

use crate::pricing::list_prices::{Tiers, lambda as tariff};
use crate::units::{
    Gib, GibSeconds, Hours, MemoryMib, Ratio, Requests, Seconds, UsdPerGib, UsdPerHour,
};

/// A month of a function.
///
/// ```
/// use breakeven_model::lambda::{Bill, Month};
/// use breakeven_model::inventory::Architecture;
/// use breakeven_model::pricing::list_prices::lambda::Prices;
/// use breakeven_model::units::{MemoryMib, Requests, Seconds};
///
/// // Five million requests of 200 ms on 256 MB.
/// let month = Month::from_requests(
///     MemoryMib::from_mib(256).unwrap(),
///     Requests::from_requests(5e6)?,
///     Seconds::from_millis(200.0)?,
/// );
/// let bill = Bill::from_month(&month, &Prices::list(Architecture::X86_64));
/// assert!((bill.total().usd() - 5.166_675).abs() < 1e-9);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Month {
    /// The memory setting (M).
    pub memory: MemoryMib,
    /// All requests (R).
    pub requests: Requests,
    /// What they run on.
    pub compute: Compute,
    /// What is left of the free tier for this function.
    pub free: FreeTier,
    /// `/tmp` above what is free.
    pub ephemeral_storage: Gib,
    /// What is streamed and billed, of all requests.
    pub streamed: Gib,
    /// What each request writes to the logs.
    pub logged_by_request: Gib,
    /// The price of logs.
    pub log_prices: Tiers<Gib>,
    /// What requests come through.
    pub endpoint_traffic: EndpointTraffic,
}

/// What the requests of a function run on.
#[derive(Clone, Debug, PartialEq)]
pub enum Compute {
    /// Environments that Lambda starts as they are needed, and keeps ready where asked.
    OnDemand(OnDemand),
    /// EC2 instances of the account that Lambda manages; duration is not charged.
    Instances(Instances),
}

/// Environments of Lambda's own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OnDemand {
    /// The mean billed time of a request outside provisioned concurrency (d).
    pub duration: Seconds,
    /// GB-s that others in the organisation used before, in that region and architecture (G0).
    pub used_before: GibSeconds,
    /// A discount on duration, such as that of a Savings Plan.
    pub discount: Ratio,
    /// Environments kept ready.
    pub provisioned: Option<Provisioned>,
    /// Snapshots.
    pub snapstart: Option<SnapStart>,
    /// Cold starts.
    pub init: Option<Init>,
}

/// Environments kept ready.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Provisioned {
    /// How many.
    pub concurrency: Ratio,
    /// How long.
    pub time: Hours,
    /// The requests that they serve, of all requests.
    pub requests: Requests,
    /// The mean billed time of one of these.
    pub duration: Seconds,
}

/// Snapshots of initialised environments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SnapStart {
    /// How long they are kept, of all versions together.
    pub cached: Hours,
    /// How often environments start from them.
    pub restores: Requests,
}

/// Cold starts, whose initialisation is billed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Init {
    /// How many.
    pub cold_starts: Requests,
    /// The mean time of one.
    pub duration: Seconds,
}

/// Managed Instances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instances {
    /// Hours of instances, of all together.
    pub time: Hours,
    /// What is paid for one.
    pub price: UsdPerHour,
    /// The on-demand price of one, of which the fee is taken.
    pub on_demand: UsdPerHour,
}

/// What requests come through before they reach the function.
#[derive(Clone, Debug, PartialEq)]
pub enum EndpointTraffic {
    /// Nothing that is charged for: an event source, the SDK, or a function URL.
    Free,
    /// API Gateway, by the request.
    Api(Tiers<Requests>),
    /// An Application Load Balancer.
    LoadBalancer {
        /// How long it exists.
        time: Hours,
        /// Its price.
        hour: UsdPerHour,
        /// The price of a capacity unit.
        capacity_unit: UsdPerHour,
    },
}

/// What of the account's monthly allowance is left for a function. Both architectures share one; it does not cover
/// provisioned concurrency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FreeTier {
    /// Requests.
    pub requests: Requests,
    /// Duration.
    pub duration: GibSeconds,
}

impl FreeTier {
    /// Nothing of it.
    pub const NONE: Self = Self {
        requests: Requests::ZERO,
        duration: GibSeconds::ZERO,
    };

    /// All of it.
    pub const WHOLE: Self = Self {
        requests: tariff::FREE_REQUESTS,
        duration: tariff::FREE_DURATION,
    };

    /// What is left after others of the account, on either architecture, used so much.
    ///
    /// ```
    /// use breakeven_model::lambda::FreeTier;
    /// use breakeven_model::units::{GibSeconds, Requests};
    ///
    /// let left = FreeTier::WHOLE
    ///     .after(Requests::from_requests(3e6)?, GibSeconds::from_gib_seconds(150_000.0)?);
    /// assert_eq!((left.requests.requests(), left.duration.gib_seconds()), (0.0, 250_000.0));
    /// # Ok::<(), breakeven_model::units::QuantityError>(())
    /// ```
    #[must_use]
    pub const fn after(self, requests: Requests, duration: GibSeconds) -> Self {
        Self {
            requests: self.requests.less(requests),
            duration: self.duration.less(duration),
        }
    }
}

impl Month {
    /// Requests of so long, and nothing else that is charged for.
    #[must_use]
    pub fn from_requests(memory: MemoryMib, requests: Requests, duration: Seconds) -> Self {
        Self {
            memory,
            requests,
            compute: Compute::OnDemand(OnDemand {
                duration,
                ..OnDemand::default()
            }),
            free: FreeTier::NONE,
            ephemeral_storage: Gib::ZERO,
            streamed: Gib::ZERO,
            logged_by_request: Gib::ZERO,
            log_prices: Tiers::flat(UsdPerGib::ZERO),
            endpoint_traffic: EndpointTraffic::Free,
        }
    }

    /// The part of all requests, or of what they cause together, that falls on each.
    pub(super) fn each(&self) -> Ratio {
        Requests::ONE.over(self.requests).unwrap_or(Ratio::ZERO)
    }

    /// The mean billed time of a request, wherever it is served.
    ///
    /// Formula: `(d·(R - R_p) + d_p·R_p) / R`, with R_p requests of d_p inside provisioned concurrency. Managed Instances
    /// bill no time.
    pub(super) fn mean_duration(&self) -> Seconds {
        match &self.compute {
            Compute::OnDemand(on_demand) => {
                let inside = on_demand.provisioned.map_or(Seconds::ZERO, |provisioned| {
                    provisioned.requests.total_time(provisioned.duration)
                });
                (on_demand.outside(self.requests) + inside) * self.each()
            }
            Compute::Instances(_) => Seconds::ZERO,
        }
    }
}

impl Provisioned {
    /// The same from when it is configured to when it is not: that time is charged in steps of 5 minutes.
    #[must_use]
    pub fn in_whole_steps(self) -> Self {
        let step = tariff::PROVISIONED_STEP;
        let steps = self.time.over(step).unwrap_or(Ratio::ZERO).ceil();
        Self {
            time: step * steps,
            ..self
        }
    }
}

impl SnapStart {
    /// The same from when a version is published to when it is deleted: that time is charged as 3 hours at least.
    #[must_use]
    pub fn of_a_whole_version(self) -> Self {
        Self {
            cached: self.cached.max(tariff::MIN_SNAPSTART),
            ..self
        }
    }
}

impl EndpointTraffic {
    /// The same for so long.
    #[must_use]
    pub fn over(self, so_long: Hours) -> Self {
        match self {
            Self::LoadBalancer {
                hour,
                capacity_unit,
                ..
            } => Self::LoadBalancer {
                time: so_long,
                hour,
                capacity_unit,
            },
            other => other,
        }
    }
}

impl Init {
    /// All of it together. Formula: `cold starts · INIT`.
    pub(super) fn time(self) -> Seconds {
        self.cold_starts.total_time(self.duration)
    }
}

impl OnDemand {
    /// The billed time of all requests outside provisioned concurrency.
    pub(super) fn outside(&self, requests: Requests) -> Seconds {
        let inside = self
            .provisioned
            .map_or(Requests::ZERO, |provisioned| provisioned.requests);
        requests.less(inside).total_time(self.duration)
    }
}
