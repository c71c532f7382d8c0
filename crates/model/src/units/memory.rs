//! Memory. Kubernetes counts in bytes and Mi, AWS in "MB" and "GB" that are 1,024-based: all of it is GiB here.

use super::quantity::{QuantityError, checked, kept, product, quantity};
use super::time::Seconds;

quantity! {
    /// Memory held or in use at one instant.
    Gib, "GiB", from_gib, gib
}

quantity! {
    /// Memory over time. AWS writes it GB-s, and means 1,024 MB.
    GibSeconds, "GiB-seconds", from_gib_seconds, gib_seconds
}

product!(Gib * Seconds = GibSeconds);

impl Gib {
    /// From a number of bytes.
    ///
    /// # Errors
    /// When the number is negative, infinite or not a number.
    pub const fn from_bytes(value: f64) -> Result<Self, QuantityError> {
        match checked(value, "bytes") {
            Ok(value) => Ok(Self(value / 1_073_741_824.0)),
            Err(error) => Err(error),
        }
    }

    /// From a number of MiB.
    ///
    /// # Errors
    /// When the number is negative, infinite or not a number.
    pub const fn from_mib(value: f64) -> Result<Self, QuantityError> {
        match checked(value, "MiB") {
            Ok(value) => Ok(Self(value / 1_024.0)),
            Err(error) => Err(error),
        }
    }

    /// As much memory as costs the same as something that costs `ratio` times as much as a GiB.
    #[must_use]
    pub const fn from_cores_ratio(ratio: super::Ratio) -> Self {
        Self(ratio.get())
    }

    /// As a number of MiB.
    #[must_use]
    pub const fn mib(self) -> f64 {
        self.0 * 1_024.0
    }

    /// As a number of bytes.
    #[must_use]
    pub const fn bytes(self) -> f64 {
        self.0 * 1_073_741_824.0
    }
}

impl GibSeconds {
    /// The mean memory over a time; absent for no time.
    #[must_use]
    pub fn mean_over(self, time: Seconds) -> Option<Gib> {
        (time.0 > 0.0).then(|| Gib(kept(self.0 / time.0)))
    }
}

/// The memory setting of a Lambda function: whole MiB, from 128 to 10,240.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemoryMib(u32);

impl MemoryMib {
    /// The least that Lambda offers.
    pub const MIN: Self = Self(128);
    /// The most that Lambda offers.
    pub const MAX: Self = Self(10_240);

    /// A setting that Lambda accepts; absent for any other.
    ///
    /// ```
    /// use breakeven_model::units::MemoryMib;
    ///
    /// assert!(MemoryMib::from_mib(127).is_none());
    /// assert_eq!(MemoryMib::from_mib(1_769).unwrap().gib().mib(), 1_769.0);
    /// ```
    #[must_use]
    pub const fn from_mib(mib: u32) -> Option<Self> {
        if Self::MIN.0 <= mib && mib <= Self::MAX.0 {
            Some(Self(mib))
        } else {
            None
        }
    }

    /// The least setting that holds this much memory; absent where none does.
    #[must_use]
    pub fn holding(memory: Gib) -> Option<Self> {
        let mib = memory.mib().ceil().max(f64::from(Self::MIN.0));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within the range"
        )]
        (mib <= f64::from(Self::MAX.0)).then_some(Self(mib as u32))
    }

    /// As a number of MiB.
    #[must_use]
    pub const fn mib(self) -> u32 {
        self.0
    }

    /// As an amount of memory.
    #[must_use]
    pub fn gib(self) -> Gib {
        Gib(f64::from(self.0) / 1_024.0)
    }
}
