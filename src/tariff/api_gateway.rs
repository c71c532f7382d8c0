//! What Amazon API Gateway charges: us-east-1, list, [`AS_OF`](super::AS_OF).
//!
//! A request counts once for each 512 KB of its payload on an HTTP API. Tiers are by month, account and region.
//! Source: <https://aws.amazon.com/api-gateway/pricing/>.

use super::{Tiers, known};
use crate::units::{Requests, UsdPerRequest};

/// Requests through an HTTP API.
///
/// ```
/// use breakeven::tariff::api_gateway;
/// use breakeven::units::Requests;
///
/// let month = api_gateway::http_api().total(Requests::from_requests(1e9)?);
/// assert!((month.usd() - 930.0).abs() < 1e-6);
/// # Ok::<(), breakeven::units::NotAQuantity>(())
/// ```
#[must_use]
pub fn http_api() -> Tiers<Requests> {
    tiers([(300.0, 1.00)], 0.90)
}

/// Requests through a REST API.
///
/// ```
/// use breakeven::tariff::api_gateway;
/// use breakeven::units::Requests;
///
/// let month = api_gateway::rest_api().total(Requests::from_requests(21e9)?);
/// assert!((month.usd() - 49_763.10).abs() < 1e-6);
/// # Ok::<(), breakeven::units::NotAQuantity>(())
/// ```
#[must_use]
pub fn rest_api() -> Tiers<Requests> {
    tiers([(333.0, 3.50), (667.0, 2.80), (19_000.0, 2.38)], 1.51)
}

/// Tiers of millions of requests, at prices of a million.
fn tiers<const N: usize>(steps: [(f64, f64); N], last: f64) -> Tiers<Requests> {
    let price = |per_million| known(UsdPerRequest::from_per_million(per_million));
    let million = |count: f64| known(Requests::from_requests(count * 1e6));
    Tiers::new(
        steps.map(|(count, step)| (million(count), price(step))),
        price(last),
    )
}
