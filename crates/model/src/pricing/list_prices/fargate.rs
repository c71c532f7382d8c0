//! What AWS Fargate charges for a pod: Linux on Intel and AMD (EKS has no other), list, [`AS_OF`](super::AS_OF).
//!
//! Source: <https://aws.amazon.com/fargate/pricing/>, and for the sizes
//! <https://docs.aws.amazon.com/eks/latest/userguide/fargate-pod-configuration.html>.

use super::known;
use crate::units::{Cores, Gib, Ratio, UsdPerCoreHour, UsdPerGibHour, UsdPerHour};

/// The regions that the embedded prices are of: they are the same in all three.
pub const REGIONS: [&str; 3] = ["us-east-1", "us-east-2", "us-west-2"];

/// The price of one vCPU.
pub const CORE: UsdPerCoreHour = known(UsdPerCoreHour::from_hourly(0.040_48));

/// The price of one GiB of memory.
pub const GIB: UsdPerGibHour = known(UsdPerGibHour::from_hourly(0.004_445));

/// The price of one GiB of storage beyond what comes with a pod.
pub const STORAGE: UsdPerGibHour = known(UsdPerGibHour::from_hourly(0.000_111));

/// The storage that comes with a pod.
pub const STORAGE_INCLUDED: Gib = known(Gib::from_gib(20.0));

/// Maximum of the storage of a pod.
pub const MAX_STORAGE: Gib = known(Gib::from_gib(175.0));

/// How many times the price of a GiB a vCPU costs: `0.04048 / 0.004445`.
pub const CPU_TO_MEMORY_RATIO: Ratio = known(Ratio::from_factor(0.040_48 / 0.004_445));

/// What Fargate charges in a region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// One vCPU.
    pub core: UsdPerCoreHour,
    /// One GiB of memory.
    pub gib: UsdPerGibHour,
    /// One GiB of storage beyond what comes with a pod; absent where that is not known.
    pub storage: Option<UsdPerGibHour>,
}

/// What it charges in [`REGIONS`].
pub const EMBEDDED: Rates = Rates {
    core: CORE,
    gib: GIB,
    storage: Some(STORAGE),
};

impl Rates {
    /// What a pod of a provisioned size costs, in USD per hour; absent where it has more storage than comes with it, and
    /// nothing says what that costs.
    ///
    /// Formula: `vCPU · price of a vCPU + GiB · price of a GiB + GiB of storage beyond 20 · price of a GiB of it`.
    ///
    /// ```
    /// use breakeven_model::pricing::list_prices::fargate;
    /// use breakeven_model::units::{Cores, Gib};
    ///
    /// let (cores, gib) = (Cores::from_cores(1.0)?, Gib::from_gib(2.0)?);
    /// let plain = fargate::EMBEDDED.pod(cores, gib, Gib::ZERO);
    /// assert_eq!(plain.map(|price| format!("{:.5}", price.hourly())).as_deref(), Some("0.04937"));
    ///
    /// let rates = fargate::Rates { storage: None, ..fargate::EMBEDDED };
    /// assert_eq!(rates.pod(cores, gib, Gib::from_gib(30.0)?), None);
    /// # Ok::<(), breakeven_model::units::QuantityError>(())
    /// ```
    #[must_use]
    pub fn pod(self, cpu: Cores, memory: Gib, extra_storage: Gib) -> Option<UsdPerHour> {
        let storage = match self.storage {
            Some(rate) => extra_storage * rate,
            None if extra_storage == Gib::ZERO => UsdPerHour::ZERO,
            None => return None,
        };
        Some(cpu * self.core + memory * self.gib + storage)
    }
}

/// What Fargate adds to the memory that a pod requests, for the kubelet and its companions.
const RESERVED: Gib = known(Gib::from_mib(256.0));

/// The sizes: vCPU, the GiB of memory from and to, and the step between.
const SIZES: [(f64, f64, f64, f64); 8] = [
    (0.25, 0.5, 0.5, 0.5),
    (0.25, 1.0, 2.0, 1.0),
    (0.5, 1.0, 4.0, 1.0),
    (1.0, 2.0, 8.0, 1.0),
    (2.0, 4.0, 16.0, 1.0),
    (4.0, 8.0, 30.0, 1.0),
    (8.0, 16.0, 60.0, 4.0),
    (16.0, 32.0, 120.0, 8.0),
];

/// What a pod of a provisioned size costs, in USD per hour.
///
/// Formula: `vCPU · 0.04048 + GiB · 0.004445`.
///
/// ```
/// use breakeven_model::pricing::list_prices::fargate;
/// use breakeven_model::units::{Cores, Gib, HOURS_PER_MONTH};
///
/// let (cores, memory) = (Cores::from_cores(2.0)?, Gib::from_gib(4.0)?);
/// let month = |cores, memory| {
///     format!("{:.2}", (fargate::pod(cores, memory) * HOURS_PER_MONTH).usd())
/// };
/// assert_eq!(month(cores, Gib::ZERO), "59.10");
/// assert_eq!(month(Cores::ZERO, memory), "12.98");
/// assert_eq!(month(cores, memory), "72.08");
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn pod(cpu: Cores, memory: Gib) -> UsdPerHour {
    cpu * CORE + memory * GIB
}

/// The size that Fargate provisions for what a pod requests: the smallest that holds the processors, and the memory with
/// 256 MiB more. Absent for a pod that no size holds.
///
/// ```
/// use breakeven_model::pricing::list_prices::fargate;
/// use breakeven_model::units::{Cores, Gib};
///
/// let size = fargate::provisioned(Cores::from_cores(1.0)?, Gib::from_gib(8.0)?);
/// assert_eq!(size, Some((Cores::from_cores(2.0)?, Gib::from_gib(9.0)?)));
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn provisioned(cpu: Cores, memory: Gib) -> Option<(Cores, Gib)> {
    let least = (memory + RESERVED).gib();
    SIZES
        .iter()
        .filter(|size| size.0 >= cpu.cores() && size.2 >= least)
        .find_map(|(vcpu, from, _, step)| {
            let steps = ((least - from) / step).ceil().max(0.0);
            let memory = Gib::from_gib(from + steps * step).ok()?;
            Some((Cores::from_cores(*vcpu).ok()?, memory))
        })
}

/// The storage that is paid for: what a pod requests beyond what comes with it.
#[must_use]
pub fn extra_storage(requested: Option<Gib>) -> Gib {
    requested.map_or(Gib::ZERO, |requested| requested.less(STORAGE_INCLUDED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_gets_the_smallest_size_that_holds_it() {
        for (cpu, memory, expected) in [
            (0.0, 0.0, Some((0.25, 0.5))),
            (0.25, 0.25, Some((0.25, 0.5))),
            (0.25, 0.3, Some((0.25, 1.0))),
            (0.25, 1.75, Some((0.25, 2.0))),
            (0.25, 1.76, Some((0.5, 3.0))),
            (0.3, 0.1, Some((0.5, 1.0))),
            (1.0, 1.0, Some((1.0, 2.0))),
            (0.1, 7.75, Some((1.0, 8.0))),
            (3.0, 30.0, Some((8.0, 32.0))),
            (8.0, 17.0, Some((8.0, 20.0))),
            (9.0, 1.0, Some((16.0, 32.0))),
            (16.0, 119.75, Some((16.0, 120.0))),
            (16.0, 119.8, None),
            (16.5, 1.0, None),
        ] {
            let (cores, gib) = (
                Cores::from_cores(cpu).unwrap(),
                Gib::from_gib(memory).unwrap(),
            );
            let found = provisioned(cores, gib).map(|(cpu, memory)| (cpu.cores(), memory.gib()));
            assert_eq!(found, expected, "{cpu} {memory}");
        }
    }

    #[test]
    fn storage_is_paid_for_beyond_twenty_gib() {
        for (requested, paid) in [(None, 0.0), (Some(20.0), 0.0), (Some(70.0), 50.0)] {
            let requested = requested.map(|gib| Gib::from_gib(gib).unwrap());
            assert!((extra_storage(requested).gib() - paid).abs() < 1e-12);
        }
    }
}
