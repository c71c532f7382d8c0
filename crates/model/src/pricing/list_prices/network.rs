//! What AWS charges for traffic to the internet: us-east-1, list, [`AS_OF`](super::AS_OF).
//!
//! Source: <https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer>.

use super::{Tiers, known};
use crate::units::{Gib, UsdPerGib};

const GIB_PER_TIB: f64 = 1_024.0;

/// Traffic to the internet, of all services of an account together; the first 100 GB of a month are free.
///
/// ```
/// use breakeven_model::pricing::list_prices::network;
/// use breakeven_model::units::Gib;
///
/// let month = network::egress().total(Gib::from_gib(1_100.0)?);
/// assert!((month.usd() - 90.0).abs() < 1e-9);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn egress() -> Tiers<Gib> {
    let price = |each| known(UsdPerGib::from_each(each));
    let free = known(Gib::from_gib(100.0));
    let first = known(Gib::from_gib(10.0 * GIB_PER_TIB));
    let further = [(40.0, 0.085), (100.0, 0.07)]
        .map(|(tib, each)| (known(Gib::from_gib(tib * GIB_PER_TIB)), price(each)));
    let steps = [(free, UsdPerGib::ZERO), (first.less(free), price(0.09))];
    Tiers::new(steps.into_iter().chain(further), price(0.05))
}
