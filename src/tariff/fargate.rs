//! What AWS Fargate charges for a pod: us-east-1, Linux, list, [`AS_OF`](super::AS_OF).
//!
//! Source: <https://aws.amazon.com/fargate/pricing/>.

use super::known;
use crate::units::{Cores, Gib, Ratio, UsdPerCoreHour, UsdPerGibHour, UsdPerHour};

/// The price of one vCPU on Intel and AMD.
pub const CORE: UsdPerCoreHour = known(UsdPerCoreHour::from_hourly(0.040_48));

/// The price of one GiB on Intel and AMD.
pub const GIB: UsdPerGibHour = known(UsdPerGibHour::from_hourly(0.004_445));

/// What a pod of this provisioned size costs, in USD per hour, up to 20 GiB of ephemeral storage.
///
/// Formula: `vCPU · 0.04048 + GiB · 0.004445`.
///
/// ```
/// use breakeven::tariff::fargate;
/// use breakeven::units::{Cores, Gib, HOURS_PER_MONTH};
///
/// let hourly = fargate::pod(Cores::from_cores(2.0)?, Gib::from_gib(4.0)?);
/// assert!(((hourly * HOURS_PER_MONTH).usd() - (59.10 + 12.98)).abs() < 0.01);
/// # Ok::<(), breakeven::units::NotAQuantity>(())
/// ```
#[must_use]
pub fn pod(cpu: Cores, memory: Gib) -> UsdPerHour {
    cpu * CORE + memory * GIB
}

/// How many times the price of a GiB a vCPU costs: `0.04048 / 0.004445`.
pub const CPU_TO_MEMORY_RATIO: Ratio = known(Ratio::from_factor(0.040_48 / 0.004_445));
