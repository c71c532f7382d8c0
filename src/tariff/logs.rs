//! What Amazon CloudWatch Logs charges for what functions write: us-east-1, list, [`AS_OF`](super::AS_OF).
//!
//! Source: <https://aws.amazon.com/cloudwatch/pricing/>.

use super::{Tiers, known};
use crate::units::{Gib, UsdPerGib};

const GIB_PER_TIB: f64 = 1_024.0;

/// Ingestion of the logs of Lambda functions.
///
/// ```
/// use breakeven::tariff::logs;
/// use breakeven::units::Gib;
///
/// // 12 TB: ten at 0.50 USD for a GB, two at 0.25.
/// let month = logs::ingestion().total(Gib::from_gib(12.0 * 1_024.0)?);
/// assert_eq!(month.usd(), 10_240.0 * 0.50 + 2_048.0 * 0.25);
/// # Ok::<(), breakeven::units::NotAQuantity>(())
/// ```
#[must_use]
pub fn ingestion() -> Tiers<Gib> {
    let price = |each| known(UsdPerGib::from_each(each));
    let steps = [(10.0, 0.50), (20.0, 0.25), (20.0, 0.10)]
        .map(|(tib, each)| (known(Gib::from_gib(tib * GIB_PER_TIB)), price(each)));
    Tiers::new(steps, price(0.05))
}
