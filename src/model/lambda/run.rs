//! What invocations cost that were measured.

use crate::observation::Architecture;
use crate::tariff::{Tiers, lambda as tariff};
use crate::units::{Gib, GibSeconds, MemoryMib, Requests, Seconds, Usd};

/// Invocations of a function over some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    /// Its memory setting.
    pub memory: MemoryMib,
    /// Its processor.
    pub architecture: Architecture,
    /// Its `/tmp`, in MiB.
    pub ephemeral_storage_mib: u32,
    /// Billed invocations.
    pub invocations: Requests,
    /// The sum of their durations as they were measured.
    pub duration: Seconds,
}

/// What Lambda charges for a run, by component.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Charge {
    /// The fee for each request.
    pub requests: Usd,
    /// Memory over billed time.
    pub duration: Usd,
    /// `/tmp` above what is free.
    pub ephemeral: Usd,
}

impl Charge {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> Usd {
        self.requests + self.duration + self.ephemeral
    }
}

impl Run {
    /// What rounding adds in the mean.
    #[must_use]
    pub fn mean_rounding(&self) -> Seconds {
        self.invocations.each_taking(tariff::MEAN_ROUNDING)
    }

    /// The time that is billed: each invocation is rounded up to a whole millisecond.
    ///
    /// Formula: `Σ duration + 0.0005 s · N`; the true figure is within half a millisecond of it for each invocation.
    #[must_use]
    pub fn billed(&self) -> Seconds {
        self.duration + self.mean_rounding()
    }

    /// The least and the most time that may be billed, as each invocation is rounded up to a whole millisecond.
    ///
    /// Formula: from `Σ duration` to `Σ duration + 0.001 s · N`.
    ///
    /// ```
    /// use breakeven::model::lambda::Run;
    /// use breakeven::observation::Architecture;
    /// use breakeven::units::{MemoryMib, Requests, Seconds};
    ///
    /// let run = Run {
    ///     memory: MemoryMib::MIN,
    ///     architecture: Architecture::Arm64,
    ///     ephemeral_storage_mib: 512,
    ///     invocations: Requests::from_requests(1_000.0)?,
    ///     duration: Seconds::from_seconds(50.0)?,
    /// };
    /// let (least, most) = run.billed_between();
    /// assert_eq!((least.seconds(), run.billed().seconds(), most.seconds()), (50.0, 50.5, 51.0));
    /// # Ok::<(), breakeven::units::NotAQuantity>(())
    /// ```
    #[must_use]
    pub fn billed_between(&self) -> (Seconds, Seconds) {
        let most = self.duration + self.invocations.each_taking(tariff::MOST_ROUNDING);
        (self.duration, most)
    }

    /// Memory over billed time, AWS's GB-s.
    #[must_use]
    pub fn gib_seconds(&self) -> GibSeconds {
        self.memory.gib() * self.billed()
    }

    /// What it costs on top of what the account used already, in USD.
    ///
    /// Formula: `requests = 2e-7 · N`, `duration = T(G0 + G) - T(G0)` with G the GiB-seconds billed, G0 =
    /// `used_before` and T the tiers of `duration`, `ephemeral = 3.09e-8 · (MiB above 512)/1024 · billed
    /// seconds`. Without the free tier.
    ///
    /// ```
    /// use breakeven::model::lambda::Run;
    /// use breakeven::observation::Architecture;
    /// use breakeven::tariff::lambda;
    /// use breakeven::units::{GibSeconds, MemoryMib, Requests, Seconds};
    ///
    /// // Five million requests of 200 ms on 256 MB, less the half millisecond of rounding.
    /// let run = Run {
    ///     memory: MemoryMib::from_mib(256).unwrap(),
    ///     architecture: Architecture::X86_64,
    ///     ephemeral_storage_mib: 512,
    ///     invocations: Requests::from_requests(5e6)?,
    ///     duration: Seconds::from_seconds(5e6 * 0.1995)?,
    /// };
    /// let tiers = lambda::duration(run.architecture);
    /// assert!((run.charge(&tiers, GibSeconds::ZERO).total().usd() - 5.166_675).abs() < 1e-6);
    /// # Ok::<(), breakeven::units::NotAQuantity>(())
    /// ```
    #[must_use]
    pub fn charge(&self, duration: &Tiers<GibSeconds>, used_before: GibSeconds) -> Charge {
        self.charge_for(self.billed(), duration, used_before)
    }

    /// The least and the most that it may cost, as each invocation is rounded up to a whole millisecond: the charges for
    /// the ends of [`billed_between`](Self::billed_between).
    #[must_use]
    pub fn charge_between(
        &self,
        duration: &Tiers<GibSeconds>,
        used_before: GibSeconds,
    ) -> (Charge, Charge) {
        let (least, most) = self.billed_between();
        (
            self.charge_for(least, duration, used_before),
            self.charge_for(most, duration, used_before),
        )
    }

    fn charge_for(
        &self,
        billed: Seconds,
        duration: &Tiers<GibSeconds>,
        used_before: GibSeconds,
    ) -> Charge {
        let extra = self
            .ephemeral_storage_mib
            .saturating_sub(tariff::FREE_EPHEMERAL_STORAGE_MIB);
        let extra = Gib::from_mib(f64::from(extra)).unwrap_or_default();
        Charge {
            requests: self.invocations * tariff::REQUEST,
            duration: duration
                .beyond(used_before)
                .total(self.memory.gib() * billed),
            ephemeral: (extra * billed) * tariff::EPHEMERAL_STORAGE,
        }
    }
}
