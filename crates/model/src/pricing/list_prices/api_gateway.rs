//! Amazon API Gateway list prices per region.
//!
//! A request counts once for each 512 KB of its payload on an HTTP API. Tiers are by month, account and region.
//! Prices: `api_gateway/prices.csv`, the price file of the AWS Pricing Calculator of 2025-10-20. Rules:
//! <https://aws.amazon.com/api-gateway/pricing/>.

use std::sync::LazyLock;

use super::region_table::RegionTable;
use super::{Tiers, known};
use crate::units::{Requests, UsdPerRequest};

const PRICE_FILE: &str = include_str!("api_gateway/prices.csv");

static PRICES: LazyLock<RegionTable> = LazyLock::new(|| RegionTable::parse(PRICE_FILE));

/// Requests through an HTTP API in a region; `None` if the region lists no price.
///
/// ```
/// use breakeven_model::pricing::list_prices::api_gateway;
///
/// let sao_paulo = api_gateway::http_api_in("sa-east-1").unwrap();
/// assert!((sao_paulo.first().each() * 1e6 - 1.59).abs() < 1e-9);
/// assert_eq!(api_gateway::http_api_in("mx-central-1"), None);
/// ```
#[must_use]
pub fn http_api_in(region: &str) -> Option<Tiers<Requests>> {
    let steps = [(300.0, "http_per_million_first_300M")];
    tiers_in(region, &steps, "http_per_million_above")
}

/// Requests through a REST API in a region; `None` if the region lists no price.
#[must_use]
pub fn rest_api_in(region: &str) -> Option<Tiers<Requests>> {
    let steps = [
        (333.0, "rest_per_million_first_333M"),
        (667.0, "rest_next_667M"),
        (19_000.0, "rest_next_19B"),
    ];
    tiers_in(region, &steps, "rest_above_20B")
}

/// Tiers of millions of requests, each with the column of its price.
fn tiers_in(region: &str, steps: &[(f64, &str)], last: &str) -> Option<Tiers<Requests>> {
    let price = |column: &str| PRICES.price(region, column, UsdPerRequest::from_per_million);
    let mut tiers = Vec::with_capacity(steps.len());
    for (millions, column) in steps {
        let width = Requests::from_requests(millions * 1e6).ok()?;
        tiers.push((width, price(column)?));
    }
    Some(Tiers::new(tiers, price(last)?))
}

/// Requests through an HTTP API in us-east-1.
///
/// ```
/// use breakeven_model::pricing::list_prices::api_gateway;
/// use breakeven_model::units::Requests;
///
/// let month = api_gateway::http_api().total(Requests::from_requests(1e9)?);
/// assert!((month.usd() - 930.0).abs() < 1e-6);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn http_api() -> Tiers<Requests> {
    tiers([(300.0, 1.00)], 0.90)
}

/// Requests through a REST API in us-east-1.
///
/// ```
/// use breakeven_model::pricing::list_prices::api_gateway;
/// use breakeven_model::units::Requests;
///
/// let month = api_gateway::rest_api().total(Requests::from_requests(21e9)?);
/// assert!((month.usd() - 49_763.10).abs() < 1e-6);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_file_is_sound_and_agrees_with_us_east_1() {
        RegionTable::assert_sound(PRICE_FILE, 36);
        assert_eq!(http_api_in("us-east-1"), Some(http_api()));
        assert_eq!(rest_api_in("us-east-1"), Some(rest_api()));
    }

    #[test]
    fn each_region_has_its_own_price_and_a_missing_one_is_absent() {
        let billions = Requests::from_requests(2e9).unwrap();
        let total = |tiers: Option<Tiers<Requests>>| tiers.map(|tiers| tiers.total(billions).usd());
        for (region, http, rest) in [
            (
                "eu-west-1",
                Some(300.0 * 1.11 + 1_700.0),
                Some(333.0 * 3.5 + 667.0 * 3.19 + 1_000.0 * 2.71),
            ),
            (
                "sa-east-1",
                Some(300.0 * 1.59 + 1_700.0 * 1.43),
                Some(1_000.0 * 4.25 + 1_000.0 * 3.61),
            ),
            (
                "mx-central-1",
                None,
                Some(333.0 * 3.675 + 667.0 * 2.94 + 1_000.0 * 2.499),
            ),
            ("cn-north-1", None, None),
        ] {
            for (found, expected) in [
                (total(http_api_in(region)), http),
                (total(rest_api_in(region)), rest),
            ] {
                let difference = found.zip(expected).map(|(one, other)| (one - other).abs());
                assert_eq!(found.is_some(), expected.is_some(), "{region}");
                assert!(
                    difference.is_none_or(|usd| usd < 1e-6),
                    "{region} {found:?}"
                );
            }
        }
    }
}
