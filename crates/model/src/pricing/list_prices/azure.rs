//! What the name of a virtual machine of Azure tells. Prices are asked for; none are carried here.
//!
//! Source: <https://learn.microsoft.com/en-us/azure/virtual-machines/vm-naming-conventions>.

use crate::units::{Ratio, UsdPerHour};

/// What all names begin with.
const TIER: &str = "Standard_";

/// Roughly what one vCPU costs each hour in the families whose machines differ by size alone: Linux, eastus, 2026.
/// Source: <https://azure.microsoft.com/en-us/pricing/details/virtual-machines/linux/>.
const ABOUT: [(char, f64); 5] = [
    ('B', 0.04),
    ('D', 0.048),
    ('E', 0.063),
    ('F', 0.042_5),
    ('L', 0.087),
];

/// The parts of a name: `D`, `2` and `s_v5` of `Standard_D2s_v5`.
fn parts(size: &str) -> Option<(&str, u32, &str)> {
    let name = size.strip_prefix(TIER)?;
    let digits = name.find(|one: char| one.is_ascii_digit())?;
    let (family, rest) = name.split_at(digits);
    let end = rest
        .find(|one: char| !one.is_ascii_digit())
        .unwrap_or(rest.len());
    let (vcpus, rest) = rest.split_at(end);
    Some((family, vcpus.parse().ok()?, rest))
}

/// The series of a machine, as Azure calls it; absent where it has another kind of name.
///
/// ```
/// use breakeven_model::pricing::list_prices::azure;
///
/// assert_eq!(azure::series("Standard_D2s_v5").as_deref(), Some("Dsv5"));
/// assert_eq!(azure::series("Standard_E16-4ads_v5").as_deref(), Some("Eadsv5"));
/// assert_eq!(azure::series("m5.large"), None);
/// ```
#[must_use]
pub fn series(size: &str) -> Option<String> {
    let (family, _, rest) = parts(size)?;
    // How many of the vCPUs are left on, in `16-4`, is part of the size.
    let rest = rest.strip_prefix('-').map_or(rest, |active| {
        active.trim_start_matches(|one: char| one.is_ascii_digit())
    });
    Some(format!("{family}{}", rest.replace('_', "")))
}

/// Roughly what a machine costs on demand, in USD per hour: good to tell a price of another unit by, and no price.
/// Absent for machines that differ by more than their size.
///
/// Formula: `vCPU by its name · what one costs in its family`.
///
/// ```
/// use breakeven_model::pricing::list_prices::azure;
///
/// assert_eq!(azure::about("Standard_D2s_v5").map(|price| price.hourly()), Some(0.096));
/// assert_eq!(azure::about("Standard_NC24ads_A100_v4"), None);
/// ```
#[must_use]
pub fn about(size: &str) -> Option<UsdPerHour> {
    let (family, vcpus, _) = parts(size)?;
    let first = family.chars().next()?;
    let (_, each) = ABOUT.into_iter().find(|one| one.0 == first)?;
    Some(UsdPerHour::from_hourly(each).ok()? * Ratio::from(vcpus))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_a_name_without_its_size() {
        for (size, expected) in [
            ("Standard_B2ms", Some("Bms")),
            ("Standard_DS3_v2", Some("DSv2")),
            ("Standard_D16as_v5", Some("Dasv5")),
            ("Standard_M416-208s_v2", Some("Msv2")),
            ("Standard_NC24ads_A100_v4", Some("NCadsA100v4")),
            ("Standard_", None),
            ("standard_D2s_v5", None),
            ("Basic_A1", None),
            ("Standard_D99999999999s_v5", None),
        ] {
            assert_eq!(series(size).as_deref(), expected, "{size}");
        }
    }
}
