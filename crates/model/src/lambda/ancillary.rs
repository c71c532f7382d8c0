//! The parts of the bill for what is around a function: storage, snapshots, responses, the front door, logs.

use super::bill::{Component, Part};
use super::month::{EndpointTraffic, Month, OnDemand};
use crate::pricing::list_prices::lambda::Prices;
use crate::pricing::list_prices::{Tiers, load_balancer};
use crate::units::{Gib, Requests, Seconds};

/// `/tmp` above 512 MB, for as long as requests run, in USD; absent where there is none.
///
/// Formula: `3.09e-8 · GiB above 0.5 · Σ billed seconds`, inside provisioned concurrency and outside it.
///
/// ```
/// use breakeven_model::lambda::{Month, ephemeral};
/// use breakeven_model::inventory::Architecture;
/// use breakeven_model::pricing::list_prices::lambda::Prices;
/// use breakeven_model::units::{Gib, MemoryMib, Requests, Seconds};
///
/// // Six million requests of 280 ms with 2,048 MB, of which 1,536 are not free.
/// let requests = Requests::from_requests(6e6)?;
/// let mut month = Month::from_requests(MemoryMib::MIN, requests, Seconds::from_millis(280.0)?);
/// month.ephemeral_storage = Gib::from_mib(1_536.0)?;
/// let part = ephemeral(&month, &Prices::list(Architecture::X86_64)).unwrap();
/// assert!((part.cost_at(requests).usd() - 0.08).abs() < 0.005);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn ephemeral(month: &Month, prices: &Prices) -> Option<Part> {
    if month.ephemeral_storage.is_zero() {
        return None;
    }
    let each = month.ephemeral_storage * month.mean_duration();
    let tiers = Tiers::flat(prices.ephemeral_storage).by_request(each);
    Some(Part::by_request(Component::Ephemeral, tiers))
}

/// Snapshots and starts from them, in USD; absent where there are none, or the region lists no price of them. Java has them for
/// nothing.
///
/// Formula: `M/1024 · time kept · 3600 · 1.5046e-6 + restores · M/1024 · 1.397998e-4`. The first part is paid at any
/// traffic.
///
/// ```
/// use breakeven_model::lambda::{Month, OnDemand, SnapStart, snapstart};
/// use breakeven_model::inventory::Architecture;
/// use breakeven_model::pricing::list_prices::lambda::Prices;
/// use breakeven_model::units::{Hours, MemoryMib, Requests, Seconds};
///
/// // A version of 1,024 MB kept for 100 hours, and 10,000 restores.
/// let memory = MemoryMib::from_mib(1_024).unwrap();
/// let month = Month::from_requests(memory, Requests::from_requests(1e6)?, Seconds::ZERO);
/// let on_demand = OnDemand {
///     snapstart: Some(SnapStart {
///         cached: Hours::from_hours(100.0)?,
///         restores: Requests::from_requests(1e4)?,
///     }),
///     ..OnDemand::default()
/// };
/// let part = snapstart(&month, &on_demand, &Prices::list(Architecture::X86_64)).unwrap();
/// let expected = 360_000.0 * 0.000_001_504_6 + 10_000.0 * 0.000_139_799_8;
/// assert!((part.cost_at(month.requests).usd() - expected).abs() < 1e-9);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn snapstart(month: &Month, on_demand: &OnDemand, prices: &Prices) -> Option<Part> {
    let snapshots = on_demand.snapstart?;
    let (cache, restore) = (prices.snapstart_cache?, prices.snapstart_restore?);
    let memory = month.memory.gib();
    let kept = Seconds::from(snapshots.cached);
    let restores = snapshots.restores.over(month.requests).unwrap_or_default();
    Some(Part {
        component: Component::SnapStart,
        fixed: (memory * kept) * cache,
        by_request: Tiers::flat(restore).by_request(memory * restores),
    })
}

/// Streamed responses, in USD; absent where there are none, or the region lists no price of them.
///
/// Formula: `0.008 · GiB billed`: beyond 6 MB of each request and what is free.
#[must_use]
pub fn streaming(month: &Month, prices: &Prices) -> Option<Part> {
    if month.streamed.is_zero() {
        return None;
    }
    let tiers = Tiers::flat(prices.streaming?).by_request(month.streamed * month.each());
    Some(Part::by_request(Component::Streaming, tiers))
}

/// What requests come through, in USD; absent where that is free.
///
/// Formula: API Gateway: its tiers of requests, each up to 512 KB. A load balancer: `hours · hourly price`, paid at any traffic,
/// and `LCU hours · price`, of which each request takes [`load_balancer::capacity_time`]. Of the four things that
/// a capacity unit is measured by, two are known here: new connections (one for each request, an upper bound where
/// connections are kept) and active ones. Bytes and rules beyond the ten free ones are not counted.
///
/// ```
/// use breakeven_model::lambda::{EndpointTraffic, Month, http_endpoint};
/// use breakeven_model::pricing::list_prices::load_balancer;
/// use breakeven_model::units::{HOURS_PER_MONTH, MemoryMib, Requests, Seconds};
///
/// // 25 requests a second take one capacity unit.
/// let requests = Requests::from_requests(25.0 * 3_600.0 * 730.0)?;
/// let mut month = Month::from_requests(MemoryMib::MIN, requests, Seconds::from_millis(200.0)?);
/// month.endpoint_traffic = EndpointTraffic::LoadBalancer {
///     time: HOURS_PER_MONTH,
///     hour: load_balancer::HOUR,
///     capacity_unit: load_balancer::CAPACITY_UNIT,
/// };
/// let part = http_endpoint(&month).unwrap();
/// assert!((part.cost_at(requests).usd() - 730.0 * (0.022_5 + 0.008)).abs() < 1e-9);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn http_endpoint(month: &Month) -> Option<Part> {
    match &month.endpoint_traffic {
        EndpointTraffic::Free => None,
        EndpointTraffic::Api(tiers) => {
            Some(Part::by_request(Component::HttpEndpoint, tiers.clone()))
        }
        EndpointTraffic::LoadBalancer {
            time,
            hour,
            capacity_unit,
        } => {
            let units = load_balancer::capacity_time(month.mean_duration()) * *capacity_unit;
            Some(Part {
                component: Component::HttpEndpoint,
                fixed: *hour * *time,
                by_request: Tiers::flat(units.per(Requests::ONE).unwrap_or_default()),
            })
        }
    }
}

/// What is written to CloudWatch Logs, in USD; absent where nothing is.
///
/// Formula: the tiers of ingestion over `R · GiB of each request`.
#[must_use]
pub fn logs(month: &Month) -> Option<Part> {
    let each: Gib = month.logged_by_request;
    (!each.is_zero()).then(|| Part::by_request(Component::Logs, month.log_prices.by_request(each)))
}
