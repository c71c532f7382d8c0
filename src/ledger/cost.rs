//! What a workload paid and used, as sums.

use serde::{Deserialize, Serialize};

use breakeven_model::allocation::{UsedRates, WorkloadRates};
use breakeven_model::units::{CoreSeconds, Gib, Ratio, Seconds, Usd, numbers};
use breakeven_model::window::UsedWindow;

numbers! {
    /// Cost and usage of a workload.
    #[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
    #[serde(default)]
    pub(super) struct Cost {
        /// The time in which a part of its cost was unknown; nothing below is of that time.
        pub(super) unpriced: Seconds,
        pub(super) allocated: Usd,
        pub(super) loaded: Usd,
        pub(super) used: UsedWindow,
    }
}

/// What was used in some time that was seen, and what that cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct UsedAmounts {
    pub(super) seen: Seconds,
    pub(super) cores: CoreSeconds,
    pub(super) cpu: Usd,
    pub(super) memory: Usd,
    pub(super) working_set: Gib,
}

impl UsedAmounts {
    /// What is used in a time at these rates.
    pub(super) fn at(used: UsedRates, seen: Seconds) -> Self {
        Self {
            seen,
            cores: used.cores * seen,
            cpu: used.cpu * seen,
            memory: used.memory * seen,
            working_set: used.working_set,
        }
    }

    /// The processor time that was counted in a time, at what a core in use costs now.
    pub(super) fn counted(used: UsedRates, seen: Seconds, cores: CoreSeconds) -> Self {
        let cost = |time| used.cpu * time;
        Self {
            cores,
            cpu: cores.taking(used.cores).map_or(Usd::ZERO, cost),
            ..Self::at(used, seen)
        }
    }
}

impl std::ops::Mul<Ratio> for UsedAmounts {
    type Output = Self;

    fn mul(self, share: Ratio) -> Self {
        Self {
            seen: self.seen * share,
            cores: self.cores * share,
            cpu: self.cpu * share,
            memory: self.memory * share,
            working_set: self.working_set,
        }
    }
}

impl Cost {
    /// Takes what is used at these rates for a moment as all that was, where nothing was counted or sampled yet.
    pub(super) fn assume_usage(&mut self, rates: &WorkloadRates, moment: Seconds) {
        if let (true, Some(used)) = (self.used.observed.is_zero(), rates.used) {
            self.add_usage(rates, UsedAmounts::at(used, moment));
        }
    }

    /// Adds what was paid, and what was used as far as that is known from samples.
    pub(super) fn accrue_cost(&mut self, rates: &WorkloadRates, time: Seconds) {
        self.pay(rates, time);
        if let Some(used) = rates.sampled() {
            self.add_usage(rates, UsedAmounts::at(used, time));
        }
    }

    fn pay(&mut self, rates: &WorkloadRates, time: Seconds) {
        if rates.unpriced_pods > 0 {
            self.unpriced += time;
            return;
        }
        self.allocated += rates.allocated() * time;
        self.loaded += rates.loaded() * time;
    }

    /// Adds what was used, and what was held and paid meanwhile.
    pub(super) fn add_usage(&mut self, rates: &WorkloadRates, one: UsedAmounts) {
        if rates.unpriced_pods > 0 {
            return;
        }
        let time = one.seen;
        self.used.observed += time;
        self.used.cost += one.cpu + one.memory;
        self.used.loaded += rates.loaded() * time;
        self.used.cores += one.cores;
        self.used.cores_allocated += rates.held.cpu * time;
        self.used.memory += one.working_set * time;
        self.used.memory_allocated += rates.held.memory * time;
        let pods = Ratio::count(rates.pods);
        self.used.pods += time * pods;
        if let Some(share) = pods.inverse() {
            let each = one.working_set * share;
            self.stretch((each, each));
        }
    }

    pub(super) fn add(&mut self, other: &Self, share: Ratio) {
        self.unpriced += other.unpriced * share;
        self.allocated += other.allocated * share;
        self.loaded += other.loaded * share;
        self.used.observed += other.used.observed * share;
        self.used.cost += other.used.cost * share;
        self.used.loaded += other.used.loaded * share;
        self.used.cores += other.used.cores * share;
        self.used.cores_allocated += other.used.cores_allocated * share;
        self.used.memory += other.used.memory * share;
        self.used.memory_allocated += other.used.memory_allocated * share;
        self.used.pods += other.used.pods * share;
        if let Some(extremes) = other.used.extremes {
            self.stretch(extremes);
        }
    }

    fn stretch(&mut self, (least, most): (Gib, Gib)) {
        let (low, high) = self.used.extremes.unwrap_or((least, most));
        self.used.extremes = Some((low.min(least), high.max(most)));
    }
}
