//! The account of the whole cluster.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::intervals::Intervals;
use breakeven_model::allocation::{ClusterAmounts, ClusterRates};
use breakeven_model::units::{Seconds, Usd};

/// What the cluster cost, and over which time that was seen.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ClusterAccount {
    accrued: ClusterAmounts<Usd>,
    observed: Seconds,
    unobserved: Seconds,
    seen: Intervals,
}

impl ClusterAccount {
    pub(super) fn accrue_cost(&mut self, rates: &ClusterRates, from: Timestamp, to: Timestamp) {
        let time = Seconds::between(from, to);
        let rates = &rates.components;
        self.accrued.allocated += rates.allocated * time;
        self.accrued.idle += rates.idle * time;
        self.accrued.shared += rates.shared * time;
        self.accrued.fixed += rates.fixed * time;
        self.accrued.unallocated += rates.unallocated * time;
        self.observed += time;
        self.seen.add(from, to);
    }

    pub(super) fn record_gap(&mut self, time: Seconds) {
        self.unobserved += time;
    }

    /// Forgets which time was seen. The totals stay.
    pub(super) fn begin_window(&mut self) {
        self.seen = Intervals::default();
    }

    /// Which time was seen.
    pub(super) const fn seen(&self) -> &Intervals {
        &self.seen
    }

    pub(super) fn truncate_after(&mut self, instant: Timestamp) {
        self.seen.truncate_after(instant);
    }

    pub(super) fn forget(&mut self, before: Timestamp) {
        self.seen.forget(before);
    }

    /// Money spent since the program started, by component.
    pub(crate) const fn accrued(&self) -> &ClusterAmounts<Usd> {
        &self.accrued
    }

    /// The time over which it was spent.
    pub(crate) const fn observed(&self) -> Seconds {
        self.observed
    }

    /// Time that passed unseen.
    pub(crate) const fn unobserved(&self) -> Seconds {
        self.unobserved
    }
}
