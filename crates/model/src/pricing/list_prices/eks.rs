//! What Amazon EKS charges for a cluster besides its nodes: all regions, list, [`AS_OF`](super::AS_OF).
//!
//! Source: <https://aws.amazon.com/eks/pricing/>, and for the end of standard support
//! <https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html>.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use super::known;
use crate::units::{Ratio, UsdPerHour};

/// The control plane.
pub const CONTROL_PLANE: UsdPerHour = known(UsdPerHour::from_hourly(0.10));

/// The control plane of a Kubernetes version in extended support.
pub const CONTROL_PLANE_EXTENDED: UsdPerHour = known(UsdPerHour::from_hourly(0.60));

/// What EKS Auto Mode charges for running a machine, as a part of its on-demand price; no discount touches it. m7g.large:
/// 0.00979 of 0.0816 USD per hour.
pub const AUTO_MODE_FEE: Ratio = known(Ratio::from_factor(0.12));

/// How EKS writes its own builds of Kubernetes: `v1.33.4-eks-99d6cc0`.
const MARK: &str = "-eks-";

/// The day on which standard support ends, by minor version of Kubernetes 1.
const STANDARD_SUPPORT_ENDS: [(u32, Date); 8] = [
    (28, date(2024, 11, 26)),
    (29, date(2025, 3, 23)),
    (30, date(2025, 7, 23)),
    (31, date(2025, 11, 26)),
    (32, date(2026, 3, 23)),
    (33, date(2026, 7, 29)),
    (34, date(2026, 12, 2)),
    (35, date(2027, 3, 27)),
];

/// Whether a version of Kubernetes is one of EKS.
#[must_use]
pub fn is_eks(version: &str) -> bool {
    version.contains(MARK)
}

/// What the control plane of a version of Kubernetes costs at a time, in USD per hour; absent where the version is not one
/// of EKS. A version that is newer than the table is taken to be in standard support, an older one in extended support.
///
/// ```
/// use breakeven_model::pricing::list_prices::eks;
///
/// let at = |text: &str| text.parse::<jiff::Timestamp>();
/// let hourly = |version, at| eks::control_plane(version, at).map(|price| price.hourly());
/// assert_eq!(hourly("v1.32.9-eks-113cf36", at("2026-03-01T00:00:00Z")?), Some(0.10));
/// assert_eq!(hourly("v1.32.9-eks-113cf36", at("2026-04-01T00:00:00Z")?), Some(0.60));
/// assert_eq!(hourly("v1.33.4-gke.1036000", at("2026-04-01T00:00:00Z")?), None);
/// # Ok::<(), jiff::Error>(())
/// ```
#[must_use]
pub fn control_plane(version: &str, at: Timestamp) -> Option<UsdPerHour> {
    let (number, _) = version.split_once(MARK)?;
    let minor = number.strip_prefix("v1.")?.split('.').next()?;
    let minor: u32 = minor.parse().ok()?;
    let today = at.to_zoned(TimeZone::UTC).date();
    let oldest = STANDARD_SUPPORT_ENDS[0].0;
    let is_extended = STANDARD_SUPPORT_ENDS
        .iter()
        .find(|row| row.0 == minor)
        .map_or(minor < oldest, |row| row.1 <= today);
    Some(if is_extended {
        CONTROL_PLANE_EXTENDED
    } else {
        CONTROL_PLANE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn support_ends_on_the_day_that_the_calendar_says() {
        for (version, at, expected) in [
            ("v1.33.4-eks-99d6cc0", "2026-07-28T23:59:59Z", Some(0.10)),
            ("v1.33.4-eks-99d6cc0", "2026-07-29T00:00:00Z", Some(0.60)),
            ("v1.21.14-eks-1", "2020-01-01T00:00:00Z", Some(0.60)),
            ("v1.60.0-eks-1", "2030-01-01T00:00:00Z", Some(0.10)),
            ("v1.33.4", "2026-07-29T00:00:00Z", None),
            ("v2.0.1-eks-1", "2026-07-29T00:00:00Z", None),
            ("-eks-", "2026-07-29T00:00:00Z", None),
        ] {
            let found = control_plane(version, at.parse().unwrap());
            assert_eq!(found.map(UsdPerHour::hourly), expected, "{version} {at}");
        }
    }
}
