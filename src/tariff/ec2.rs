//! What EC2 charges on demand: us-east-1, Linux, list, [`AS_OF`](super::AS_OF).
//!
//! Within a family the price grows with the size, so one row prices every size (to 1.1 %, `.metal` and
//! GPU families apart, which are not here). Source: <https://aws.amazon.com/ec2/pricing/on-demand/>.

use super::known;
use crate::units::{Ratio, UsdPerHour};

/// The region that these prices are of.
pub const REGION: &str = "us-east-1";

/// How many times the price of a GiB a vCPU costs (ρ): fits ten generations of the families c, m and r within 2.3 %.
pub const CPU_TO_MEMORY_RATIO: Ratio = known(Ratio::from_factor(10.1));

/// The on-demand price of an instance type in [`REGION`], in USD per hour; absent where it is not known.
///
/// Formula: `price of the family's large · size factor`; the factor is 1 for `large` and 2·n for `n`xlarge.
///
/// ```
/// use breakeven::tariff::ec2;
///
/// assert_eq!(ec2::on_demand("m5.2xlarge").map(|price| price.hourly()), Some(0.384));
/// assert_eq!(ec2::on_demand("t2.nano").map(|price| price.hourly()), Some(0.005_8));
/// assert_eq!(ec2::on_demand("m5.metal"), None);
/// ```
#[must_use]
pub fn on_demand(instance_type: &str) -> Option<UsdPerHour> {
    let (family, size) = instance_type.split_once('.')?;
    let position = LARGE.binary_search_by_key(&family, |row| row.0).ok()?;
    let large = UsdPerHour::from_hourly(LARGE[position].1).ok()?;
    Some(large * factor(size)?)
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

/// The hourly price of each family's `large` (2 vCPU), sorted by family.
#[rustfmt::skip]
const LARGE: &[(&str, f64)] = &[
    ("a1", 0.051),
    ("c5", 0.085),
    ("c5a", 0.077),
    ("c5ad", 0.086),
    ("c5d", 0.096),
    ("c5n", 0.108),
    ("c6a", 0.0765),
    ("c6g", 0.068),
    ("c6gd", 0.0768),
    ("c6gn", 0.0864),
    ("c6i", 0.085),
    ("c6id", 0.1008),
    ("c6in", 0.1134),
    ("c7a", 0.10264),
    ("c7g", 0.0725),
    ("c7gd", 0.0907),
    ("c7gn", 0.1248),
    ("c7i", 0.08925),
    ("c7i-flex", 0.08479),
    ("c8a", 0.10777),
    ("c8g", 0.07976),
    ("c8gd", 0.09798),
    ("c8gn", 0.1185),
    ("c8i", 0.09371),
    ("c8i-flex", 0.08902),
    ("c8id", 0.11088),
    ("c9g", 0.08694),
    ("i3", 0.156),
    ("i3en", 0.226),
    ("i4g", 0.15444),
    ("i4i", 0.172),
    ("i7i", 0.1888),
    ("i8g", 0.1716),
    ("m4", 0.1),
    ("m5", 0.096),
    ("m5a", 0.086),
    ("m5ad", 0.103),
    ("m5d", 0.113),
    ("m5dn", 0.136),
    ("m5n", 0.119),
    ("m5zn", 0.1652),
    ("m6a", 0.0864),
    ("m6g", 0.077),
    ("m6gd", 0.0904),
    ("m6i", 0.096),
    ("m6id", 0.11865),
    ("m6in", 0.13923),
    ("m7a", 0.11592),
    ("m7g", 0.0816),
    ("m7gd", 0.1068),
    ("m7i", 0.1008),
    ("m7i-flex", 0.09576),
    ("m8a", 0.12172),
    ("m8g", 0.08976),
    ("m8gd", 0.11532),
    ("m8i", 0.10584),
    ("m8i-flex", 0.10055),
    ("m8id", 0.13052),
    ("m9g", 0.09784),
    ("r5", 0.126),
    ("r5a", 0.113),
    ("r5ad", 0.131),
    ("r5b", 0.149),
    ("r5d", 0.144),
    ("r5dn", 0.167),
    ("r5n", 0.149),
    ("r6a", 0.1134),
    ("r6g", 0.1008),
    ("r6gd", 0.1152),
    ("r6i", 0.126),
    ("r6id", 0.1512),
    ("r6in", 0.17433),
    ("r7a", 0.15215),
    ("r7g", 0.1071),
    ("r7gd", 0.1361),
    ("r7i", 0.1323),
    ("r7iz", 0.186),
    ("r8a", 0.15976),
    ("r8g", 0.11782),
    ("r8gd", 0.14696),
    ("r8i", 0.13892),
    ("r8i-flex", 0.13197),
    ("r8id", 0.16632),
    ("t2", 0.0928),
    ("t3", 0.0832),
    ("t3a", 0.0752),
    ("t4g", 0.0672),
    ("x2gd", 0.167),
    ("x8g", 0.1954),
    ("z1d", 0.186),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_sorted_and_each_stands_once() {
        assert!(LARGE.windows(2).all(|pair| pair[0].0 < pair[1].0));
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
            ("p5.48xlarge", None),
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
