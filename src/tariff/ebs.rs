//! What Amazon EBS charges for volumes: list, [`AS_OF`](super::AS_OF), in the [`REGIONS`] with the prices of us-east-1.
//!
//! Charged is what is provisioned, used or not. The operations on `standard` volumes, snapshots, and fast restores of them
//! are not in here. Source: <https://aws.amazon.com/ebs/pricing/>.

use crate::units::{Gib, HOURS_PER_MONTH, Ratio, UsdPerGibHour, UsdPerHour};

/// The regions that these prices are of: they are the same in all three.
pub const REGIONS: [&str; 3] = ["us-east-1", "us-east-2", "us-west-2"];

/// A kind of disk: what it is called, and its prices in USD per month.
struct Disk {
    name: &'static str,
    /// Each GiB.
    gib: f64,
    /// Each operation per second, from so many of them on.
    iops: &'static [(u32, f64)],
    /// Each MiB per second, from so many of them on.
    throughput: &'static [(u32, f64)],
    /// Whether it has no operations per second but those that are asked for.
    needs_iops: bool,
}

impl Disk {
    const fn plain(name: &'static str, gib: f64) -> Self {
        Self {
            name,
            gib,
            iops: &[],
            throughput: &[],
            needs_iops: false,
        }
    }
}

const DISKS: [Disk; 7] = [
    Disk {
        iops: &[(3_000, 0.005)],
        throughput: &[(125, 0.040)],
        ..Disk::plain("gp3", 0.08)
    },
    Disk::plain("gp2", 0.10),
    Disk {
        iops: &[(0, 0.065)],
        needs_iops: true,
        ..Disk::plain("io1", 0.125)
    },
    Disk {
        iops: &[(0, 0.065), (32_000, 0.045_5), (64_000, 0.032)],
        needs_iops: true,
        ..Disk::plain("io2", 0.125)
    },
    Disk::plain("st1", 0.045),
    Disk::plain("sc1", 0.015),
    Disk::plain("standard", 0.05),
];

/// How fast a volume is made, where that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Performance {
    /// Operations per second.
    pub iops: Option<u32>,
    /// MiB per second.
    pub throughput_mib: Option<u32>,
}

/// What a volume costs in any of [`REGIONS`], in USD per hour; absent for a kind of disk that is not known, and for one
/// that is charged by operations per second where nothing says how many.
///
/// Formula: `(GiB · price of a GiB + Σ operations per second and MiB per second beyond what comes with it · their price) / 730`.
///
/// ```
/// use breakeven::tariff::ebs::{self, Performance};
/// use breakeven::units::{Gib, HOURS_PER_MONTH};
///
/// let month = |disk, performance| {
///     let hourly = ebs::volume(disk, Gib::from_gib(100.0).ok()?, performance)?;
///     Some(format!("{:.2}", (hourly * HOURS_PER_MONTH).usd()))
/// };
/// let plain = Performance::default();
/// assert_eq!(month("gp3", plain).as_deref(), Some("8.00"));
/// let fast = Performance { iops: Some(4_000), throughput_mib: Some(250) };
/// assert_eq!(month("gp3", fast).as_deref(), Some("18.00"));
/// assert_eq!(month("io2", plain), None);
/// ```
#[must_use]
pub fn volume(disk: &str, size: Gib, performance: Performance) -> Option<UsdPerHour> {
    let disk = DISKS.iter().find(|one| one.name == disk)?;
    if disk.needs_iops && performance.iops.is_none() {
        return None;
    }
    let gib = UsdPerGibHour::from_hourly(disk.gib / HOURS_PER_MONTH.hours()).ok()?;
    let speed = beyond(performance.iops, disk.iops)?;
    let throughput = beyond(performance.throughput_mib, disk.throughput)?;
    Some(size * gib + speed + throughput)
}

/// What an amount costs by tiers, each of which begins at so many.
fn beyond(amount: Option<u32>, tiers: &[(u32, f64)]) -> Option<UsdPerHour> {
    let amount = amount.unwrap_or_default();
    let mut sum = UsdPerHour::ZERO;
    for (at, (from, monthly)) in tiers.iter().enumerate() {
        let until = tiers.get(at + 1).map_or(u32::MAX, |next| next.0);
        let within = amount.min(until).saturating_sub(*from);
        let each = UsdPerHour::from_hourly(monthly / HOURS_PER_MONTH.hours()).ok()?;
        sum += each * Ratio::from(within);
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monthly(
        disk: &str,
        gib: f64,
        iops: Option<u32>,
        throughput_mib: Option<u32>,
    ) -> Option<f64> {
        let performance = Performance {
            iops,
            throughput_mib,
        };
        let hourly = volume(disk, Gib::from_gib(gib).unwrap(), performance)?;
        Some((hourly * HOURS_PER_MONTH).usd())
    }

    #[test]
    fn a_volume_is_charged_by_what_is_provisioned() {
        for (disk, gib, iops, throughput, expected) in [
            ("gp3", 500.0, None, None, Some(40.0)),
            ("gp3", 500.0, Some(3_000), Some(125), Some(40.0)),
            (
                "gp3",
                1.0,
                Some(16_000),
                Some(1_000),
                Some(0.08 + 65.0 + 35.0),
            ),
            ("gp2", 500.0, Some(9_000), Some(900), Some(50.0)),
            ("io1", 100.0, Some(1_000), None, Some(12.5 + 65.0)),
            (
                "io2",
                100.0,
                Some(70_000),
                None,
                Some(12.5 + 2_080.0 + 1_456.0 + 192.0),
            ),
            ("io2", 100.0, None, None, None),
            ("st1", 1_000.0, None, None, Some(45.0)),
            ("sc1", 1_000.0, None, None, Some(15.0)),
            ("standard", 10.0, None, None, Some(0.5)),
            ("gp4", 10.0, None, None, None),
            ("", 10.0, None, None, None),
        ] {
            let found = monthly(disk, gib, iops, throughput);
            match (found, expected) {
                (Some(found), Some(expected)) => {
                    assert!((found - expected).abs() < 1e-9, "{disk}: {found}");
                }
                _ => assert_eq!(found, expected, "{disk}"),
            }
        }
    }
}
