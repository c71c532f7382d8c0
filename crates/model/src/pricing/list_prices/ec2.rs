//! What EC2 charges on demand: Linux, list, [`AS_OF`](super::AS_OF), in the [`REGIONS`] with the prices of us-east-1.
//!
//! Within a family the price grows with the size, so one row prices every size to 1.2 %. Machines with accelerators have
//! a price each; `.metal` is not here, as it follows no rule. Source: <https://aws.amazon.com/ec2/pricing/on-demand/>.

mod exact;
mod families;

use self::exact::EXACT;
use self::families::LARGE;
use super::known;
use crate::units::{Ratio, UsdPerHour};

/// The regions that these prices are of: they are the same in all three. Any other region costs more.
pub const REGIONS: [&str; 3] = ["us-east-1", "us-east-2", "us-west-2"];

/// How many times the price of a GiB a vCPU costs (ρ): fits ten generations of the families c, m and r within 2.3 %.
pub const CPU_TO_MEMORY_RATIO: Ratio = known(Ratio::from_factor(10.1));

/// The on-demand price of an instance type in any of [`REGIONS`], in USD per hour; absent where it is not known.
///
/// Formula: `price of the family's large · size factor`; the factor is 1 for `large` and 2·n for `n`xlarge. Machines with
/// accelerators: as listed.
///
/// ```
/// use breakeven_model::pricing::list_prices::ec2;
///
/// assert_eq!(ec2::on_demand("m5.2xlarge").map(|price| price.hourly()), Some(0.384));
/// assert_eq!(ec2::on_demand("t2.nano").map(|price| price.hourly()), Some(0.005_8));
/// assert_eq!(ec2::on_demand("m5.metal"), None);
/// ```
#[must_use]
pub fn on_demand(instance_type: &str) -> Option<UsdPerHour> {
    if let Some(exactly) = row(EXACT, instance_type) {
        return Some(exactly);
    }
    let (family, size) = instance_type.split_once('.')?;
    Some(row(LARGE, family)? * factor(size)?)
}

/// The price in the row of a sorted table.
fn row(table: &[(&str, f64)], name: &str) -> Option<UsdPerHour> {
    let position = table.binary_search_by_key(&name, |row| row.0).ok()?;
    UsdPerHour::from_hourly(table[position].1).ok()
}

/// The family of an instance type: `m5` of `m5.large`.
#[must_use]
pub fn family(instance_type: &str) -> &str {
    instance_type
        .split_once('.')
        .map_or(instance_type, |(family, _)| family)
}

/// How many times the price of `large` a size costs.
fn factor(size: &str) -> Option<Ratio> {
    let factor = match size {
        "nano" => 1.0 / 16.0,
        "micro" => 1.0 / 8.0,
        "small" => 1.0 / 4.0,
        "medium" => 1.0 / 2.0,
        "large" => 1.0,
        "xlarge" => 2.0,
        _ => {
            let times = size.strip_suffix("xlarge")?;
            // "02xlarge" and "+2xlarge" are no sizes.
            if !times.starts_with(|first: char| ('1'..='9').contains(&first)) {
                return None;
            }
            2.0 * f64::from(times.parse::<u16>().ok()?)
        }
    };
    Ratio::from_factor(factor).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_each_stands_once() {
        for table in [LARGE, EXACT] {
            assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }

    /// The list holds metal and accelerators too, as clusters have them: nothing was left out to come out well.
    #[test]
    fn nineteen_of_twenty_common_types_have_their_price_and_none_a_wrong_one() {
        let list = include_str!("../../../../../tests/data/ec2_us_east_1.csv");
        let rows = list.lines().filter(|line| !line.starts_with('#')).skip(1);
        let (mut all, mut priced) = (0, 0);
        for line in rows {
            let (instance_type, listed) = line.split_once(',').unwrap();
            let listed: f64 = listed.parse().unwrap();
            all += 1;
            if let Some(price) = on_demand(instance_type) {
                let off = (price.hourly() / listed - 1.0).abs();
                assert!(off < 0.012, "{line}: {price:?} is {off} off");
                priced += 1;
            }
        }
        assert_eq!(all, 400);
        assert!(priced * 20 >= all * 19, "{priced} of {all}");
    }

    #[test]
    fn sizes_follow_from_the_family() {
        for (instance_type, hourly) in [
            ("m5.large", Some(0.096)),
            ("m5.24xlarge", Some(4.608)),
            ("m7g.medium", Some(0.040_8)),
            ("c5.9xlarge", Some(1.53)),
            ("t3.medium", Some(0.041_6)),
            ("t3.2xlarge", Some(0.332_8)),
            ("r8i-flex.xlarge", Some(0.263_94)),
            ("m5", None),
            ("m5.", None),
            ("m5.huge", None),
            ("m5.0xlarge", None),
            ("m5.-2xlarge", None),
            ("p5.48xlarge", Some(55.04)),
            ("u7i-6tb.112xlarge", None),
            ("", None),
        ] {
            let found = on_demand(instance_type).map(UsdPerHour::hourly);
            match (found, hourly) {
                (Some(found), Some(hourly)) => {
                    assert!((found - hourly).abs() < 1e-9, "{instance_type}: {found}");
                }
                _ => assert_eq!(found, hourly, "{instance_type}"),
            }
        }
    }
}
