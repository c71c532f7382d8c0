//! What one core and one GiB of a node cost.

use crate::observation::Resources;
use crate::units::{Ratio, UsdPerCoreHour, UsdPerGibHour, UsdPerHour};

/// The price of a node, split over what it has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// The price of one core.
    pub core: UsdPerCoreHour,
    /// The price of one GiB.
    pub memory: UsdPerGibHour,
}

/// Splits a node's hourly price over its cores and memory; absent for a node that has nothing.
///
/// Formula: `memory price = P / (c·ρ + g)` in USD per GiB-hour and `cpu price = ρ · memory price` in USD per
/// core-hour, for price P, c cores, g GiB and ρ = `cpu_to_memory_ratio`. All cores and all memory at these prices
/// cost P again.
///
/// ```
/// use breakeven::model::node_split;
/// use breakeven::observation::Resources;
/// use breakeven::units::{Cores, Gib, Ratio, UsdPerHour};
///
/// let m5_large =
///     Resources { cpu: Cores::from_cores(2.0)?, memory: Gib::from_gib(8.0)?, gpus: 0 };
/// let ratio = Ratio::from_factor(7.460_7)?;
/// let split = node_split::split(UsdPerHour::from_hourly(0.096)?, m5_large, ratio).unwrap();
/// assert!((split.core.hourly() - 0.031_25).abs() < 1e-4);
/// assert!((split.memory.hourly() - 0.004_19).abs() < 1e-5);
/// # Ok::<(), breakeven::units::NotAQuantity>(())
/// ```
#[must_use]
pub fn split(price: UsdPerHour, capacity: Resources, cpu_to_memory_ratio: Ratio) -> Option<Split> {
    let worth = capacity.cpu.worth_in_memory(cpu_to_memory_ratio) + capacity.memory;
    let memory = price.per_gib(worth)?;
    Some(Split {
        core: memory.per_core_at(cpu_to_memory_ratio),
        memory,
    })
}
