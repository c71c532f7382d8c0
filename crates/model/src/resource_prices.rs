//! What one core and one GiB of a node cost.

use crate::inventory::Resources;
use crate::units::{Gib, Ratio, UsdPerCoreHour, UsdPerGibHour, UsdPerHour};

/// What things cost, relative to a GiB of memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// A core (ρ).
    pub core: Ratio,
    /// A GPU (γ).
    pub gpu: Ratio,
}

/// The price of a node, split over what it has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResourcePrices {
    /// The price of one core.
    pub core: UsdPerCoreHour,
    /// The price of one GiB.
    pub memory: UsdPerGibHour,
    /// The price of one GPU.
    pub gpu: UsdPerHour,
}

/// Splits a node's hourly price over its cores, memory and GPUs; absent for a node that has nothing.
///
/// Formula: `memory price = P / (c·ρ + g + n·γ)` in USD per GiB-hour, `cpu price = ρ · memory price` in USD per core-hour and
/// `gpu price = γ · memory price` in USD per hour, for price P, c cores, g GiB and n GPUs. All of it at these prices costs P again.
///
/// ```
/// use breakeven_model::resource_prices::{Weights, split};
/// use breakeven_model::inventory::Resources;
/// use breakeven_model::units::{Cores, Gib, Ratio, UsdPerHour};
///
/// let m5_large =
///     Resources { cpu: Cores::from_cores(2.0)?, memory: Gib::from_gib(8.0)?, gpus: 0 };
/// let weights = Weights { core: Ratio::from_factor(7.460_7)?, gpu: Ratio::from_factor(224.0)? };
/// let split = split(UsdPerHour::from_hourly(0.096)?, m5_large, weights).unwrap();
/// assert!((split.core.hourly() - 0.031_25).abs() < 5e-6);
/// assert!((split.memory.hourly() - 0.004_19).abs() < 5e-6);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn split(price: UsdPerHour, capacity: Resources, weights: Weights) -> Option<ResourcePrices> {
    let gpu_worth = Gib::from_cores_ratio(weights.gpu);
    let worth = capacity.cpu.as_memory(weights.core)
        + capacity.memory
        + gpu_worth * Ratio::from(capacity.gpus);
    let memory = price.per_gib(worth)?;
    Some(ResourcePrices {
        core: memory.per_core_at(weights.core),
        memory,
        gpu: gpu_worth * memory,
    })
}
