//! What Amazon EBS charges for volumes, by the list prices of a region. Those of the [`REGIONS`] with the prices of us-east-1 are
//! carried here: list, [`AS_OF`](super::AS_OF).
//!
//! Charged is what is provisioned, used or not. The operations on `standard` volumes, snapshots, and fast restores of them
//! are not in here. Source: <https://aws.amazon.com/ebs/pricing/>.

use crate::units::{Gib, HOURS_PER_MONTH, Ratio, UsdPerGibHour, UsdPerHour};

/// The regions that the embedded prices are of: they are the same in all three.
pub const REGIONS: [&str; 3] = ["us-east-1", "us-east-2", "us-west-2"];

/// How many tiers the price of operations per second has at most.
pub const TIERS: usize = 3;

/// A kind of disk: what it is called, and its embedded prices in USD per month.
struct Disk {
    name: &'static str,
    /// Each GiB.
    gib: f64,
    /// Each operation per second, from so many of them on.
    iops: &'static [(u32, f64)],
    /// Each MiB per second, from so many of them on.
    throughput: Option<(u32, f64)>,
    /// Whether it has no operations per second but those that are asked for.
    needs_iops: bool,
}

impl Disk {
    const fn plain(name: &'static str, gib: f64) -> Self {
        Self {
            name,
            gib,
            iops: &[],
            throughput: None,
            needs_iops: false,
        }
    }
}

const DISKS: [Disk; 7] = [
    Disk {
        iops: &[(3_000, 0.005)],
        throughput: Some((125, 0.040)),
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

fn disk(name: &str) -> Option<&'static Disk> {
    DISKS.iter().find(|one| one.name == name)
}

/// Whether this is a kind of disk that EBS has.
#[must_use]
pub fn is_disk(name: &str) -> bool {
    disk(name).is_some()
}

/// What a kind of disk costs in a region. What is absent is not known, or charged by nobody.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// One GiB.
    pub gib: UsdPerGibHour,
    /// One operation per second, tier by tier.
    pub iops: [Option<UsdPerHour>; TIERS],
    /// One MiB per second.
    pub throughput: Option<UsdPerHour>,
}

/// What a kind of disk costs in [`REGIONS`]; absent for one that is not known.
#[must_use]
pub fn embedded(name: &str) -> Option<Rates> {
    let disk = disk(name)?;
    let mut iops = [None; TIERS];
    for (rate, (_, monthly)) in iops.iter_mut().zip(disk.iops) {
        *rate = Some(by_month(*monthly)?);
    }
    Some(Rates {
        gib: UsdPerGibHour::from_hourly(disk.gib / HOURS_PER_MONTH.hours()).ok()?,
        iops,
        throughput: disk.throughput.and_then(|(_, monthly)| by_month(monthly)),
    })
}

fn by_month(usd: f64) -> Option<UsdPerHour> {
    UsdPerHour::from_hourly(usd / HOURS_PER_MONTH.hours()).ok()
}

/// How fast a volume is made, where that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Performance {
    /// Operations per second.
    pub iops: Option<u32>,
    /// MiB per second.
    pub throughput_mib: Option<u32>,
}

/// Why what a volume costs is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPrice {
    /// There is no such kind of disk.
    UnknownDisk,
    /// It is charged by operations per second, and nothing says how many.
    NoIops,
    /// Its speed is charged for, and nothing says how much.
    NoRate,
}

/// What a volume costs, in USD per hour.
///
/// Formula: `GiB · price of a GiB + Σ operations per second and MiB per second beyond what comes with it · their price`.
///
/// # Errors
/// Where that is not known: [`NoPrice`] says why.
///
/// ```
/// use breakeven_model::pricing::list_prices::ebs::{self, NoPrice, Performance};
/// use breakeven_model::units::{Gib, HOURS_PER_MONTH};
///
/// let month = |disk, performance| {
///     let rates = ebs::embedded(disk).ok_or(NoPrice::UnknownDisk)?;
///     let gib = Gib::from_gib(100.0).map_err(|_| NoPrice::UnknownDisk)?;
///     let hourly = ebs::volume(disk, gib, performance, &rates)?;
///     Ok(format!("{:.2}", (hourly * HOURS_PER_MONTH).usd()))
/// };
/// let plain = Performance::default();
/// assert_eq!(month("gp3", plain).as_deref(), Ok("8.00"));
/// let fast = Performance { iops: Some(4_000), throughput_mib: Some(250) };
/// assert_eq!(month("gp3", fast).as_deref(), Ok("18.00"));
/// assert_eq!(month("io2", plain), Err(NoPrice::NoIops));
/// ```
pub fn volume(
    name: &str,
    size: Gib,
    performance: Performance,
    rates: &Rates,
) -> Result<UsdPerHour, NoPrice> {
    let disk = disk(name).ok_or(NoPrice::UnknownDisk)?;
    if disk.needs_iops && performance.iops.is_none() {
        return Err(NoPrice::NoIops);
    }
    let iops = performance.iops.unwrap_or_default();
    let mut sum = size * rates.gib;
    for (tier, (from, _)) in disk.iops.iter().enumerate() {
        let until = disk.iops.get(tier + 1).map_or(u32::MAX, |next| next.0);
        let rate = rates.iops.get(tier).copied().flatten();
        sum += beyond(iops.min(until), *from, rate)?;
    }
    if let Some((from, _)) = disk.throughput {
        let throughput = performance.throughput_mib.unwrap_or_default();
        sum += beyond(throughput, from, rates.throughput)?;
    }
    Ok(sum)
}

/// What an amount costs beyond what comes with the volume.
fn beyond(amount: u32, included: u32, rate: Option<UsdPerHour>) -> Result<UsdPerHour, NoPrice> {
    match amount.saturating_sub(included) {
        0 => Ok(UsdPerHour::ZERO),
        more => Ok(rate.ok_or(NoPrice::NoRate)? * Ratio::from(more)),
    }
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
        let size = Gib::from_gib(gib).unwrap();
        let hourly = volume(disk, size, performance, &embedded(disk)?).ok()?;
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

    #[test]
    fn speed_that_nobody_says_the_price_of_has_none_and_what_comes_with_a_volume_needs_none() {
        let rates = Rates {
            iops: [None; TIERS],
            throughput: None,
            ..embedded("gp3").unwrap()
        };
        for (iops, throughput_mib, expected) in [
            (None, None, None),
            (Some(3_000), Some(125), None),
            (Some(3_001), None, Some(NoPrice::NoRate)),
            (None, Some(126), Some(NoPrice::NoRate)),
        ] {
            let performance = Performance {
                iops,
                throughput_mib,
            };
            let found = volume("gp3", Gib::from_gib(1.0).unwrap(), performance, &rates);
            assert_eq!(found.err(), expected, "{performance:?}");
        }
    }
}
