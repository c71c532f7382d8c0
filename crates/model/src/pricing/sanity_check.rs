//! Whether a price can be meant, seen beside the list price of its type.

use crate::inventory::Sku;
use crate::pricing::list_prices::{azure, ebs, ec2, fargate};
use crate::units::UsdPerHour;

/// How many times the list price no price is: no region, no licence and no other operating system comes near.
const MOST: f64 = 20.0;

/// The part of the list price that no discount and no spare capacity comes near.
const LEAST: f64 = 1.0 / 100.0;

/// How many times too much is written by which mistake.
const WRONG_UNITS: [(f64, &str); 8] = [
    (24.0, "a price per day (24 hours)"),
    (100.0, "a price in cents"),
    (730.0, "a price per month (730 hours)"),
    (1_000.0, "a price in thousandths of a dollar"),
    (8_760.0, "a price per year (8,760 hours)"),
    (1.0 / 730.0, "a price divided by 730 once too often"),
    (1.0 / 1_000.0, "a price in thousands of dollars"),
    (1.0 / 3_600.0, "a price per second"),
];

/// A price that is so far from the list price that its unit must be another one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{hourly} USD per hour is {} the list price of {name} ({}{list} USD per hour); it looks like {wrong_unit}", multiple(*times), if *is_rough { "about " } else { "" })]
pub struct Implausible {
    hourly: f64,
    times: f64,
    name: String,
    list: f64,
    /// Whether the list price is known roughly.
    is_rough: bool,
    wrong_unit: &'static str,
}

fn multiple(times: f64) -> String {
    if times >= 1.0 {
        format!("{times:.0} times")
    } else {
        format!("1/{:.0} of", 1.0 / times)
    }
}

/// Holds a price against the list price of an instance type, where that is known, if roughly. Nothing is said of a price
/// of 0.
///
/// # Errors
/// When it is at least 20 times the list price, or at most a hundredth of it.
pub fn plausible(instance_type: &str, price: UsdPerHour) -> Result<(), Implausible> {
    let exact = ec2::on_demand(instance_type);
    match exact.or_else(|| azure::about(instance_type)) {
        Some(list) => beside(instance_type, list, exact.is_none(), price),
        None => Ok(()),
    }
}

/// The same for whatever a cloud offers.
///
/// # Errors
/// As [`plausible`].
pub fn plausible_product(product: &Sku, price: UsdPerHour) -> Result<(), Implausible> {
    let of_disk = |disk: &str, what: &str, rate: &dyn Fn(ebs::Rates) -> Option<UsdPerHour>| {
        let list = ebs::embedded(disk).and_then(rate);
        list.map(|list| (format!("a {what} of {disk}"), list))
    };
    let by_the_hour = |hourly: f64| UsdPerHour::from_hourly(hourly).ok();
    let of_fargate = |what: &str, hourly: f64| {
        by_the_hour(hourly).map(|list| (format!("a {what} of Fargate"), list))
    };
    let known = match product {
        Sku::Machine { instance_type, .. } => return plausible(instance_type, price),
        Sku::FargateCore => of_fargate("vCPU", fargate::CORE.hourly()),
        Sku::FargateGib => of_fargate("GiB", fargate::GIB.hourly()),
        Sku::FargateStorage => of_fargate("GiB of storage", fargate::STORAGE.hourly()),
        Sku::DiskGib(disk) => of_disk(disk, "GiB", &|rates| by_the_hour(rates.gib.hourly())),
        Sku::DiskIops(disk, tier) => of_disk(disk, "operation per second", &|rates| {
            rates.iops.get(*tier).copied().flatten()
        }),
        Sku::DiskThroughput(disk) => of_disk(disk, "MiB per second", &|rates| rates.throughput),
    };
    match known {
        Some((name, list)) => beside(&name, list, false, price),
        None => Ok(()),
    }
}

/// Holds a price against the list price of what is named.
fn beside(
    name: &str,
    list: UsdPerHour,
    is_rough: bool,
    price: UsdPerHour,
) -> Result<(), Implausible> {
    let times = price.hourly() / list.hourly();
    if price.is_zero() || (times > LEAST && times < MOST) {
        return Ok(());
    }
    let distance = |factor: f64| (times / factor).ln().abs();
    let (_, wrong_unit) = WRONG_UNITS
        .into_iter()
        .min_by(|left, right| distance(left.0).total_cmp(&distance(right.0)))
        .unwrap_or((1.0, "a price in another unit"));
    Err(Implausible {
        hourly: price.hourly(),
        times,
        name: name.to_owned(),
        list: list.hourly(),
        is_rough,
        wrong_unit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_of_another_unit_is_refused_with_the_mistake_named() {
        for (times, wrong_unit) in [
            (1.0, None),
            (0.02, None),
            (15.0, None),
            (24.0, Some("per day")),
            (100.0, Some("in cents")),
            (730.0, Some("per month")),
            (1_000.0, Some("in thousandths")),
            (9_000.0, Some("per year")),
            (1.0 / 730.0, Some("divided by 730")),
            (1.0 / 1_000.0, Some("in thousands")),
            (1.0 / 3_600.0, Some("per second")),
        ] {
            let price = UsdPerHour::from_hourly(0.096 * times).unwrap();
            let text = plausible("m5.large", price).map_err(|error| error.to_string());
            match (wrong_unit, &text) {
                (None, Ok(())) => {}
                (Some(wrong_unit), Err(text)) => {
                    assert!(text.contains(wrong_unit), "{times}: {text}")
                }
                _ => panic!("{times}: {text:?}"),
            }
        }
    }

    #[test]
    fn nothing_is_said_of_a_type_without_a_list_price_and_of_no_price() {
        let dear = UsdPerHour::from_hourly(1_000.0).unwrap();
        assert_eq!(plausible("n2-standard-4", dear), Ok(()));
        assert_eq!(plausible("m5.large", UsdPerHour::ZERO), Ok(()));
    }

    #[test]
    fn the_text_has_both_prices() {
        let price = UsdPerHour::from_hourly(70.08).unwrap();
        assert_eq!(
            plausible("m5.large", price).unwrap_err().to_string(),
            "70.08 USD per hour is 730 times the list price of m5.large (0.096 USD per hour); \
             it looks like a price per month (730 hours)"
        );
    }

    #[test]
    fn of_azure_a_price_is_known_roughly_and_suffices_to_tell_another_unit() {
        for (size, price, wrong_unit) in [
            ("Standard_D2s_v5", 0.096, None),
            ("Standard_D2s_v5", 0.0096, None),
            ("Standard_DS3_v2", 0.229, None),
            ("Standard_B1ls", 0.005_2, None),
            (
                "Standard_D2s_v5",
                70.08,
                Some(
                    "730 times the list price of Standard_D2s_v5 (about 0.096 USD per hour); it looks like a price per month",
                ),
            ),
            ("Standard_E16-4s_v5", 100.8, Some("in cents")),
            ("Standard_B2ms", 83.2, Some("in thousandths")),
            ("Standard_ND96isr_H100_v5", 98.32, None),
        ] {
            let price = UsdPerHour::from_hourly(price).unwrap();
            match (plausible(size, price), wrong_unit) {
                (Ok(()), None) => {}
                (Err(error), Some(wrong_unit)) => {
                    assert!(error.to_string().contains(wrong_unit), "{error}")
                }
                (found, _) => panic!("{size} {price:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_price_by_the_month_of_what_is_charged_by_the_month_is_told_from_one_by_the_hour() {
        let hourly = |price: f64| UsdPerHour::from_hourly(price).unwrap();
        for (product, fair, mistaken) in [
            (Sku::FargateCore, 0.046_56, 34.0),
            (Sku::FargateGib, 0.005_11, 3.7),
            (Sku::FargateStorage, 0.000_129, 0.081),
            (Sku::DiskGib("gp3".into()), 0.088 / 730.0, 0.088),
            (Sku::DiskIops("io2".into(), 2), 0.035 / 730.0, 0.035),
            (Sku::DiskThroughput("gp3".into()), 0.044 / 730.0, 0.044),
        ] {
            assert_eq!(
                plausible_product(&product, hourly(fair)),
                Ok(()),
                "{product:?}"
            );
            let error = plausible_product(&product, hourly(mistaken)).unwrap_err();
            assert!(
                error.to_string().contains("per month"),
                "{product:?}: {error}"
            );
        }
        let unknown = Sku::DiskIops("gp2".into(), 0);
        assert_eq!(plausible_product(&unknown, hourly(1.0)), Ok(()));
    }
}
