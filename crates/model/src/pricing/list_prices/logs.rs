//! Amazon CloudWatch Logs list prices per region, for the logs of Lambda functions.
//!
//! Prices: `logs/prices.csv`, the price file of the AWS Pricing Calculator of 2025-09-23. Rules:
//! <https://aws.amazon.com/cloudwatch/pricing/>.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::region_table::RegionTable;
use super::{Tiers, known};
use crate::units::{Gib, UsdPerGib};

const GIB_PER_TIB: f64 = 1_024.0;

const PRICE_FILE: &str = include_str!("logs/prices.csv");

/// Tiers by region.
static PRICES: LazyLock<BTreeMap<&'static str, Tiers<Gib>>> = LazyLock::new(|| {
    let table = RegionTable::parse(PRICE_FILE);
    let regions = table.regions();
    regions
        .filter_map(|region| Some((region, from_table(&table, region)?)))
        .collect()
});

/// Ingestion of the logs of Lambda functions in a region, in tiers per month; `None` if the region lists no price.
///
/// ```
/// use breakeven_model::pricing::list_prices::logs;
///
/// let tokyo = logs::ingestion_in("ap-northeast-1").unwrap();
/// assert_eq!((tokyo.first().each(), tokyo.last().each()), (0.76, 0.076));
/// ```
#[must_use]
pub fn ingestion_in(region: &str) -> Option<Tiers<Gib>> {
    PRICES.get(region).cloned()
}

fn from_table(table: &RegionTable, region: &str) -> Option<Tiers<Gib>> {
    let price = |column| table.price(region, column, UsdPerGib::from_each);
    let steps = [
        (10.0, price("lambda_logs_gb_first_10TB")?),
        (20.0, price("next_20TB")?),
        (20.0, price("next_20TB_2")?),
    ]
    .map(|(tib, each)| (known(Gib::from_gib(tib * GIB_PER_TIB)), each));
    Some(Tiers::new(steps, price("above_50TB")?))
}

/// Ingestion of the logs of Lambda functions in us-east-1.
///
/// ```
/// use breakeven_model::pricing::list_prices::logs;
/// use breakeven_model::units::Gib;
///
/// // 12 TB: ten at 0.50 USD for a GB, two at 0.25.
/// let month = logs::ingestion().total(Gib::from_gib(12.0 * 1_024.0)?);
/// assert_eq!(month.usd(), 10_240.0 * 0.50 + 2_048.0 * 0.25);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn ingestion() -> Tiers<Gib> {
    let price = |each| known(UsdPerGib::from_each(each));
    let steps = [(10.0, 0.50), (20.0, 0.25), (20.0, 0.10)]
        .map(|(tib, each)| (known(Gib::from_gib(tib * GIB_PER_TIB)), price(each)));
    Tiers::new(steps, price(0.05))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_file_is_sound_and_agrees_with_us_east_1() {
        RegionTable::assert_sound(PRICE_FILE, 36);
        assert_eq!(ingestion_in("us-east-1"), Some(ingestion()));
        assert_eq!(ingestion_in("cn-north-1"), None);
        // Every region with prices of Lambda has one of logs.
        assert!(
            crate::pricing::list_prices::lambda::regions()
                .all(|region| ingestion_in(region).is_some())
        );
        let large = Gib::from_gib(60.0 * GIB_PER_TIB).unwrap();
        let month = ingestion_in("sa-east-1").unwrap().total(large).usd();
        let expected = GIB_PER_TIB * (10.0 * 0.9 + 20.0 * 0.45 + 20.0 * 0.18 + 10.0 * 0.09);
        assert!((month - expected).abs() < 1e-6, "{month}");
    }
}
