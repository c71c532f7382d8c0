//! Numbers without a unit: shares, factors, utilisations.

use super::quantity::{QuantityError, checked, kept};

/// A factor without a unit, finite and not negative. A utilisation of 40 % is `0.4`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Ratio(f64);

impl Ratio {
    /// Nothing of it.
    pub const ZERO: Self = Self(0.0);
    /// All of it.
    pub const ONE: Self = Self(1.0);

    /// From a plain factor.
    ///
    /// # Errors
    /// When the number is negative, infinite or not a number.
    pub const fn from_factor(value: f64) -> Result<Self, QuantityError> {
        match checked(value, "a ratio") {
            Ok(value) => Ok(Self(value)),
            Err(error) => Err(error),
        }
    }

    /// `part / whole`; absent where the whole is nothing or the quotient is beyond all numbers.
    pub(super) fn quotient(part: f64, whole: f64) -> Option<Self> {
        if whole > 0.0 {
            Self::from_factor(part / whole).ok()
        } else {
            None
        }
    }

    /// A count as a factor.
    #[must_use]
    pub fn count(count: usize) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts of pods and replicas are small"
        )]
        Self(count as f64)
    }

    /// Whether there is nothing of it.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0.0
    }

    /// As a plain factor.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    /// `1 / self`; absent for zero.
    #[must_use]
    pub fn inverse(self) -> Option<Self> {
        Self::quotient(1.0, self.0)
    }

    /// What is missing to the whole, and nothing above it.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self((1.0 - self.0).max(0.0))
    }

    /// The next whole number at or above, forgiving the last digits of a binary fraction.
    #[must_use]
    pub fn ceil(self) -> Self {
        Self((self.0 - self.0 * 1e-12).ceil())
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
}

impl From<u32> for Ratio {
    fn from(count: u32) -> Self {
        Self(f64::from(count))
    }
}

impl std::ops::Mul for Ratio {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self(kept(self.0 * other.0))
    }
}

impl std::ops::Add for Ratio {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(kept(self.0 + other.0))
    }
}

impl std::iter::Sum for Ratio {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::ZERO, |sum, part| sum + part)
    }
}
