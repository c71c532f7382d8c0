//! How a quantity is made: the macros behind every unit, and the error of a number that is none.

/// A number that cannot be a quantity of the unit asked for.
///
/// ```
/// use breakeven_model::units::Usd;
///
/// let error = Usd::from_usd(-3.0).unwrap_err();
/// assert_eq!(error.to_string(), "-3 is not an amount of USD: it must be finite and not negative");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{value} is not an amount of {unit}: it must be finite and not negative")]
pub struct QuantityError {
    /// The number as given.
    pub value: f64,
    /// The unit it was meant in.
    pub unit: &'static str,
}

/// A finite number that is not negative, or the error that says so.
pub(super) const fn checked(value: f64, unit: &'static str) -> Result<f64, QuantityError> {
    if value.is_finite() && value >= 0.0 {
        // Negative zero is zero.
        Ok(value + 0.0)
    } else {
        Err(QuantityError { value, unit })
    }
}

/// Keeps the result of arithmetic on quantities a quantity: an overflow stays at the largest number.
pub(super) const fn kept(value: f64) -> f64 {
    if value > f64::MAX { f64::MAX } else { value }
}

/// Defines a quantity: `quantity!(/// docs  Name, "unit", constructor, accessor);`
macro_rules! quantity {
    ($(#[$docs:meta])* $name:ident, $unit:literal, $from:ident, $get:ident) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
        pub struct $name(pub(super) f64);

        impl $name {
            /// None of it.
            pub const ZERO: Self = Self(0.0);

            #[doc = concat!("From a number of ", $unit, ".")]
            ///
            /// # Errors
            /// When the number is negative, infinite or not a number.
            pub const fn $from(value: f64) -> Result<Self, $crate::units::QuantityError> {
                match $crate::units::quantity::checked(value, $unit) {
                    Ok(value) => Ok(Self(value)),
                    Err(error) => Err(error),
                }
            }

            #[doc = concat!("As a number of ", $unit, ".")]
            #[must_use]
            pub const fn $get(self) -> f64 {
                self.0
            }

            /// Whether there is none of it.
            #[must_use]
            pub const fn is_zero(self) -> bool {
                self.0 == 0.0
            }

            /// The larger of the two.
            #[must_use]
            pub const fn max(self, other: Self) -> Self {
                Self(self.0.max(other.0))
            }

            /// The smaller of the two.
            #[must_use]
            pub const fn min(self, other: Self) -> Self {
                Self(self.0.min(other.0))
            }

            /// What is left after taking `other` away, and nothing where `other` is more.
            #[must_use]
            pub const fn less(self, other: Self) -> Self {
                Self((self.0 - other.0).max(0.0))
            }

            /// How many times `other` this is; absent where `other` is nothing.
            #[must_use]
            pub fn over(self, other: Self) -> Option<$crate::units::Ratio> {
                $crate::units::Ratio::quotient(self.0, other.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_f64(self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = serde::Deserialize::deserialize(deserializer)?;
                Self::$from(value).map_err(serde::de::Error::custom)
            }
        }

        impl $crate::units::Compact for $name {
            const COUNT: usize = 1;

            fn columns(name: &str, out: &mut Vec<String>) {
                out.push(name.to_owned());
            }

            fn write(&self, out: &mut Vec<f32>) {
                $crate::units::Compact::write(&self.0.min(f64::from(f32::MAX)), out);
            }

            fn read(numbers: &mut &[f32]) -> Option<Self> {
                let number = <f64 as $crate::units::Compact>::read(numbers)?;
                Self::$from(number).ok()
            }
        }

        impl std::ops::Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self($crate::units::quantity::kept(self.0 + other.0))
            }
        }

        impl std::ops::AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl std::iter::Sum for $name {
            fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
                amounts.fold(Self::ZERO, |sum, amount| sum + amount)
            }
        }

        impl std::ops::Mul<$crate::units::Ratio> for $name {
            type Output = Self;
            fn mul(self, factor: $crate::units::Ratio) -> Self {
                Self($crate::units::quantity::kept(self.0 * factor.get()))
            }
        }
    };
}

/// Defines a product of two quantities, both ways round: `product!(Cores * Seconds = CoreSeconds);` The optional
/// last number divides, for units that differ by a factor.
macro_rules! product {
    ($left:ident * $right:ident = $result:ident $(, over $divisor:expr)?) => {
        impl std::ops::Mul<$right> for $left {
            type Output = $result;
            fn mul(self, other: $right) -> $result {
                $result($crate::units::quantity::kept(self.0 * other.0 $(/ $divisor)?))
            }
        }

        impl std::ops::Mul<$left> for $right {
            type Output = $result;
            fn mul(self, other: $left) -> $result {
                other * self
            }
        }
    };
}

pub(super) use {product, quantity};
