//! What a workload cost, used and served on a day.

use serde::{Deserialize, Serialize};

use super::cost::UsedAmounts;
use super::workload::Step;
use breakeven_model::allocation::WorkloadRates;
use breakeven_model::month::Month;
use breakeven_model::units::{CoreSeconds, GibSeconds, Ratio, Requests, Seconds, Usd, numbers};

/// The sums of one day (UTC).
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Day {
    /// The time for which its cost was known; the cost is of this time.
    observed: Seconds,
    allocated: Usd,
    idle: Usd,
    shared: Usd,
    fixed: Usd,
    /// The time for which its use was known; what was used is of this time.
    usage_observed: Seconds,
    cores: CoreSeconds,
    memory: GibSeconds,
    requests: Requests,
    latency: Seconds,
    measured: Requests,
    active: Seconds,
}

numbers!(Day {
    observed: Seconds,
    allocated: Usd,
    idle: Usd,
    shared: Usd,
    fixed: Usd,
    usage_observed: Seconds,
    cores: CoreSeconds,
    memory: GibSeconds,
    requests: Requests,
    latency: Seconds,
    measured: Requests,
    active: Seconds,
});

impl Day {
    /// Charges a time of it. What is not known in full is not known.
    pub(super) fn accrue_cost(&mut self, rates: &WorkloadRates, time: Seconds) {
        if rates.unpriced_pods > 0 {
            return;
        }
        self.observed += time;
        self.allocated += rates.allocated() * time;
        self.idle += rates.idle * time;
        self.shared += rates.shared * time;
        self.fixed += rates.fixed * time;
        if let Some(used) = rates.sampled() {
            self.add_usage(rates, UsedAmounts::at(used, time));
        }
    }

    /// Adds what was used. What is not known in full is not known.
    pub(super) fn add_usage(&mut self, rates: &WorkloadRates, one: UsedAmounts) {
        if rates.unpriced_pods > 0 {
            return;
        }
        self.usage_observed += one.seen;
        self.cores += one.cores;
        self.memory += one.working_set * one.seen;
    }

    /// Counts the part of a step that is of this day.
    pub(super) fn record_requests_of_step(&mut self, step: &Step, part: Ratio) {
        self.requests += step.requests * part;
        self.latency += step.latency * part;
        self.measured += step.measured * part;
        self.active += step.active() * part;
    }

    /// A part of what it cost and used, and all that it served.
    pub(super) fn part(self, seen: Ratio) -> Self {
        Self {
            observed: self.observed * seen,
            allocated: self.allocated * seen,
            idle: self.idle * seen,
            shared: self.shared * seen,
            fixed: self.fixed * seen,
            usage_observed: self.usage_observed * seen,
            cores: self.cores * seen,
            memory: self.memory * seen,
            ..self
        }
    }

    /// What it cost and used, without what it served.
    pub(super) fn unserved(self) -> Self {
        Self {
            requests: Requests::ZERO,
            latency: Seconds::ZERO,
            measured: Requests::ZERO,
            active: Seconds::ZERO,
            ..self
        }
    }

    pub(super) fn add_to(&self, month: &mut Month) {
        month.observed += self.observed;
        month.allocated += self.allocated;
        month.idle += self.idle;
        month.shared += self.shared;
        month.fixed += self.fixed;
        month.watched += self.usage_observed;
        month.cores += self.cores;
        month.memory += self.memory;
        month.requests += self.requests;
        month.latency += self.latency;
        month.measured += self.measured;
        month.active += self.active;
    }
}
