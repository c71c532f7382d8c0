//! What an Application Load Balancer charges: us-east-1, list, [`AS_OF`](super::AS_OF).
//!
//! It charges for each hour it exists and for capacity units (LCU). A unit is the dearest of 25 new connections a
//! second, 3,000 active connections a minute, 1 GB an hour (0.4 GB where Lambda is the target) and 1,000 rule
//! evaluations a second (ten rules are free). Source: <https://aws.amazon.com/elasticloadbalancing/pricing/>.

use super::known;
use crate::units::{Ratio, Requests, Seconds, UsdPerHour};

/// The region of these prices.
pub const REGION: &str = "us-east-1";

/// The load balancer itself.
pub const HOUR: UsdPerHour = known(UsdPerHour::from_hourly(0.022_5));

/// One capacity unit.
pub const CAPACITY_UNIT: UsdPerHour = known(UsdPerHour::from_hourly(0.008));

/// What one unit takes of new connections in each second.
pub const NEW_CONNECTIONS: Requests = known(Requests::from_requests(25.0));

/// What one unit takes of connections that are active in a minute.
pub const ACTIVE_CONNECTIONS: Requests = known(Requests::from_requests(3_000.0));

const MINUTE: Seconds = known(Seconds::from_seconds(60.0));

/// How long one request takes up one capacity unit, where it has a connection of its own and takes `duration`.
///
/// Formula: `max(1 s / 25, (60 s + duration) / 3000)`: it is new once, and active in each minute that it touches. A kept
/// connection takes less; bytes and rules beyond the free ones, which are not counted here, may take more.
///
/// ```
/// use breakeven_model::pricing::list_prices::load_balancer::{CAPACITY_UNIT, capacity_time};
/// use breakeven_model::units::Seconds;
///
/// // 25 requests a second take one unit, which costs 0.008 USD an hour.
/// let each = capacity_time(Seconds::from_millis(200.0)?);
/// assert_eq!(each.millis(), 40.0);
/// assert!(((each * CAPACITY_UNIT).usd() * 25.0 * 3_600.0 - 0.008).abs() < 1e-12);
/// # Ok::<(), breakeven_model::units::QuantityError>(())
/// ```
#[must_use]
pub fn capacity_time(duration: Seconds) -> Seconds {
    let share = |of: Requests| Requests::ONE.over(of).unwrap_or(Ratio::ZERO);
    let second = known(Seconds::from_seconds(1.0));
    let new = second * share(NEW_CONNECTIONS);
    let active = (MINUTE + duration) * share(ACTIVE_CONNECTIONS);
    new.max(active)
}
