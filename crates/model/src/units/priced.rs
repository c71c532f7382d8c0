//! Quantities that are sold by the unit.

use std::fmt::Debug;
use std::ops::{Add, Mul};

use super::{Gib, GibSeconds, Ratio, Requests, Usd, UsdPerGib, UsdPerGibSecond, UsdPerRequest};

/// A quantity that has a price for each unit of it: requests, GiB-seconds, GiB.
pub trait Metered:
    Copy + Debug + Default + PartialOrd + Add<Output = Self> + Mul<Self::Price, Output = Usd>
{
    /// The price of a unit.
    type Price: Copy
        + Debug
        + Default
        + PartialEq
        + Add<Output = Self::Price>
        + Mul<Ratio, Output = Self::Price>;

    /// What is left after taking `other` away, and nothing where `other` is more.
    #[must_use]
    fn less(self, other: Self) -> Self;

    /// How many times `other` this is; absent where `other` is nothing.
    #[must_use]
    fn over(self, other: Self) -> Option<Ratio>;
}

macro_rules! metered {
    ($($quantity:ident at $price:ident),+) => { $(
        impl Metered for $quantity {
            type Price = $price;

            fn less(self, other: Self) -> Self {
                Self::less(self, other)
            }

            fn over(self, other: Self) -> Option<Ratio> {
                Self::over(self, other)
            }
        }
    )+ };
}

metered!(Requests at UsdPerRequest, GibSeconds at UsdPerGibSecond, Gib at UsdPerGib);
