//! Physical and monetary quantities, each a type of its own.
//!
//! Every quantity is a finite number that is not negative; the one exception is [`UsdDelta`], a signed
//! difference. A bare number becomes a quantity only through a constructor that names the unit
//! (`UsdPerHour::from_hourly`, `Gib::from_mib`), and products exist only where they make sense:
//!
//! ```
//! use breakeven_model::units::{CoreSeconds, Usd, UsdPerCoreHour};
//!
//! let price = UsdPerCoreHour::from_hourly(0.03)?;
//! let hour = CoreSeconds::from_core_seconds(3_600.0)?;
//! assert_eq!(hour * price, Usd::from_usd(0.03)?);
//! # Ok::<(), breakeven_model::units::QuantityError>(())
//! ```
//!
//! So a monthly price cannot be used as an hourly one, nor seconds as hours, by accident.

mod compact;
mod quantity;

mod compute;
mod counts;
mod memory;
mod money;
mod priced;
mod ratio;
mod time;

pub use crate::numbers;
pub use compact::{Compact, column};
pub use compute::{CoreSeconds, Cores};
pub use counts::{BilledUnits, Periods, Requests, RequestsPerSecond};
pub use memory::{Gib, GibSeconds, MemoryMib};
pub use money::{
    Usd, UsdDelta, UsdPerCoreHour, UsdPerGib, UsdPerGibHour, UsdPerGibSecond, UsdPerHour,
    UsdPerRequest,
};
pub use priced::Metered;
pub use quantity::QuantityError;
pub use ratio::Ratio;
pub use time::{HOURS_PER_MONTH, Hours, Seconds, Window};

#[cfg(test)]
mod properties;
