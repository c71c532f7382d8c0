//! The parts of the bill for requests and for what they run on.

use super::bill::{Component, Part};
use super::month::{Init, Instances, Month, OnDemand};
use crate::pricing::list_prices::Tiers;
use crate::pricing::list_prices::lambda::{self as tariff, Prices};
use crate::units::{GibSeconds, Ratio, Requests, Seconds};

/// The fee for each request, in USD.
///
/// Formula: `2e-7 · max(0, R - free requests)`. A discount does not touch it.
///
/// ```
/// use breakeven_model::lambda::{Month, requests};
/// use breakeven_model::inventory::Architecture;
/// use breakeven_model::pricing::list_prices::lambda::Prices;
/// use breakeven_model::units::{MemoryMib, Requests, Seconds};
///
/// let five_million = Requests::from_requests(5e6)?;
/// let month = Month::from_requests(MemoryMib::MIN, five_million, Seconds::ZERO);
/// let part = requests(&month, &Prices::list(Architecture::Arm64));
/// assert!((part.cost_at(five_million).usd() - 1.0).abs() < 1e-12);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn requests(month: &Month, prices: &Prices) -> Part {
    let tiers = Tiers::flat(prices.request).after_free(month.free.requests);
    Part::by_request(Component::Requests, tiers)
}

/// Memory over billed time outside provisioned concurrency, in USD.
///
/// Formula: `[T(G0 + G - free) - T(G0)] · (1 - discount)` with `G = M/1024 · d · (R - R_p)` GB-s, of which R_p requests run
/// inside provisioned concurrency. Cold starts bill their initialisation as duration, so that they share its tiers
/// and its free tier with it: of both together this is the part `G / (G + INIT)`.
///
/// ```
/// use breakeven_model::lambda::{Compute, Month, OnDemand, duration};
/// use breakeven_model::inventory::Architecture;
/// use breakeven_model::pricing::list_prices::lambda::Prices;
/// use breakeven_model::units::{MemoryMib, Ratio, Requests, Seconds};
///
/// // A million requests of 1 s on 1,024 MB, with a discount of 12 %.
/// let month = Month::from_requests(
///     MemoryMib::from_mib(1_024).unwrap(),
///     Requests::from_requests(1e6)?,
///     Seconds::from_seconds(1.0)?,
/// );
/// let Compute::OnDemand(on_demand) = month.compute else { unreachable!() };
/// let discounted = OnDemand { discount: Ratio::from_factor(0.12)?, ..on_demand };
/// let part = duration(&month, &discounted, &Prices::list(Architecture::X86_64));
/// assert!((part.cost_at(month.requests).usd() - 16.666_7 * 0.88).abs() < 1e-9);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn duration(month: &Month, on_demand: &OnDemand, prices: &Prices) -> Part {
    let (served, init) = on_demand_amounts(month, on_demand);
    Part::by_request(
        Component::Duration,
        shared_tiers(month, on_demand, prices, served, init),
    )
}

/// The initialisation of cold starts, in USD; absent where there are none.
///
/// Formula: `cold starts · M/1024 · init seconds` GB-s at the price of [`duration`], whose tiers, free tier and discount they
/// share: AWS bills both as one.
///
/// ```
/// use breakeven_model::lambda::{Init, Month, OnDemand, init};
/// use breakeven_model::inventory::Architecture;
/// use breakeven_model::pricing::list_prices::lambda::Prices;
/// use breakeven_model::units::{MemoryMib, Requests, Seconds};
///
/// // A million requests of 1 s on 1,024 MB, and 10,000 cold starts of 500 ms.
/// let million = Requests::from_requests(1e6)?;
/// let second = Seconds::from_seconds(1.0)?;
/// let month = Month::from_requests(MemoryMib::from_mib(1_024).unwrap(), million, second);
/// let on_demand = OnDemand {
///     duration: second,
///     init: Some(Init {
///         cold_starts: Requests::from_requests(10_000.0)?,
///         duration: Seconds::from_millis(500.0)?,
///     }),
///     ..OnDemand::default()
/// };
/// let part = init(&month, &on_demand, &Prices::list(Architecture::X86_64)).unwrap();
/// assert!((part.cost_at(million).usd() - 5_000.0 * 0.000_016_666_7).abs() < 1e-9);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn init(month: &Month, on_demand: &OnDemand, prices: &Prices) -> Option<Part> {
    on_demand.init?;
    let (served, init) = on_demand_amounts(month, on_demand);
    Some(Part::by_request(
        Component::Init,
        shared_tiers(month, on_demand, prices, init, served),
    ))
}

/// GB-s for each request: of serving it outside provisioned concurrency, and of cold starts.
fn on_demand_amounts(month: &Month, on_demand: &OnDemand) -> (GibSeconds, GibSeconds) {
    let init = on_demand.init.map_or(Seconds::ZERO, Init::time);
    let each = |time: Seconds| month.memory.gib() * (time * month.each());
    (each(on_demand.outside(month.requests)), each(init))
}

/// The tiers of duration for something that is charged together with `other`: its share of both.
fn shared_tiers(
    month: &Month,
    on_demand: &OnDemand,
    prices: &Prices,
    one: GibSeconds,
    other: GibSeconds,
) -> Tiers<Requests> {
    let share = one.over(one + other).unwrap_or(Ratio::ZERO);
    prices
        .duration
        .beyond(on_demand.used_before)
        .after_free(month.free.duration)
        .discounted(on_demand.discount)
        .by_request(one + other)
        .scaled(share)
}

/// Environments kept ready, and the time of the requests in them, in USD; absent where there are none.
///
/// Formula: `concurrency · M/1024 · time · configured price + M/1024 · d_p · R_p · lower duration price`. The first part is paid at any traffic. Neither has a free tier, tiers or a discount.
///
/// ```
/// use breakeven_model::lambda::{Month, OnDemand, Provisioned, provisioned};
/// use breakeven_model::inventory::Architecture;
/// use breakeven_model::pricing::list_prices::lambda::Prices;
/// use breakeven_model::units::{Hours, MemoryMib, Ratio, Requests, Seconds};
///
/// // 100 environments of 1,536 MB for 8 hours serve half a million of 3 million requests, 100 ms each.
/// let memory = MemoryMib::from_mib(1_536).unwrap();
/// let month = Month::from_requests(memory, Requests::from_requests(3e6)?, Seconds::ZERO);
/// let on_demand = OnDemand {
///     provisioned: Some(Provisioned {
///         concurrency: Ratio::from_factor(100.0)?,
///         time: Hours::from_hours(8.0)?,
///         requests: Requests::from_requests(5e5)?,
///         duration: Seconds::from_millis(100.0)?,
///     }),
///     ..OnDemand::default()
/// };
/// let part = provisioned(&month, &on_demand, &Prices::list(Architecture::X86_64)).unwrap();
/// assert!((part.fixed.usd() - 18.00).abs() < 0.01);
/// assert!((part.cost_at(month.requests).usd() - (18.00 + 0.73)).abs() < 0.01);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn provisioned(month: &Month, on_demand: &OnDemand, prices: &Prices) -> Option<Part> {
    let ready = on_demand.provisioned?;
    let kept = month.memory.gib() * ready.concurrency * Seconds::from(ready.time);
    let inside = month.memory.gib() * (ready.requests.total_time(ready.duration) * month.each());
    Some(Part {
        component: Component::Provisioned,
        fixed: kept * prices.provisioned,
        by_request: Tiers::flat(prices.provisioned_duration).by_request(inside),
    })
}

/// Managed Instances, in USD: they are paid at any traffic, and in place of duration.
///
/// Formula: `hours · (price paid + 0.15 · on-demand price)`.
///
/// ```
/// use breakeven_model::lambda::{Instances, instances};
/// use breakeven_model::units::{Hours, Requests, UsdPerHour};
///
/// let part = instances(&Instances {
///     time: Hours::from_hours(1_000.0)?,
///     price: UsdPerHour::from_hourly(0.06)?,
///     on_demand: UsdPerHour::from_hourly(0.10)?,
/// });
/// assert!((part.cost_at(Requests::ZERO).usd() - 75.0).abs() < 1e-9);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn instances(managed: &Instances) -> Part {
    let fee = managed.on_demand * tariff::MANAGED_INSTANCES_FEE;
    Part {
        component: Component::Instances,
        fixed: (managed.price + fee) * managed.time,
        by_request: Tiers::<Requests>::free(),
    }
}
