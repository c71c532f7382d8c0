//! Whether a price can be meant, seen beside the list price of its type.

use crate::tariff::{azure, ec2};
use crate::units::UsdPerHour;

/// How many times the list price no price is: no region, no licence and no other operating system comes near.
const MOST: f64 = 20.0;

/// The part of the list price that no discount and no spare capacity comes near.
const LEAST: f64 = 1.0 / 100.0;

/// How many times too much is written by which mistake.
const MISTAKES: [(f64, &str); 8] = [
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
#[error("{hourly} USD per hour is {} the list price of {instance_type} ({}{list} USD per hour); it looks like {mistake}", multiple(*times), if *is_rough { "about " } else { "" })]
pub struct Implausible {
    hourly: f64,
    times: f64,
    instance_type: String,
    list: f64,
    /// Whether the list price is known roughly.
    is_rough: bool,
    mistake: &'static str,
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
    let Some(list) = exact.or_else(|| azure::about(instance_type)) else {
        return Ok(());
    };
    let times = price.hourly() / list.hourly();
    if price.is_zero() || (times > LEAST && times < MOST) {
        return Ok(());
    }
    let distance = |factor: f64| (times / factor).ln().abs();
    let (_, mistake) = MISTAKES
        .into_iter()
        .min_by(|left, right| distance(left.0).total_cmp(&distance(right.0)))
        .unwrap_or((1.0, "a price in another unit"));
    Err(Implausible {
        hourly: price.hourly(),
        times,
        instance_type: instance_type.to_owned(),
        list: list.hourly(),
        is_rough: exact.is_none(),
        mistake,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_of_another_unit_is_refused_with_the_mistake_named() {
        for (times, mistake) in [
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
            match (mistake, &text) {
                (None, Ok(())) => {}
                (Some(mistake), Err(text)) => assert!(text.contains(mistake), "{times}: {text}"),
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
        for (size, price, mistake) in [
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
            match (plausible(size, price), mistake) {
                (Ok(()), None) => {}
                (Err(error), Some(mistake)) => {
                    assert!(error.to_string().contains(mistake), "{error}")
                }
                (found, _) => panic!("{size} {price:?}: {found:?}"),
            }
        }
    }
}
