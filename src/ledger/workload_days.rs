//! Adds cost, usage and requests to the totals of a day.

use super::cost::UsedAmounts;
use super::step::Step;
use breakeven_model::allocation::WorkloadRates;
use breakeven_model::month::DailyTotals;
use breakeven_model::units::{Ratio, Seconds};

/// Adds the cost of a time. A cost that is known in part counts as unknown.
pub(super) fn accrue_cost(day: &mut DailyTotals, rates: &WorkloadRates, time: Seconds) {
    if rates.unpriced_pods > 0 {
        return;
    }
    day.observed += time;
    day.allocated += rates.allocated() * time;
    day.idle += rates.idle * time;
    day.shared += rates.shared * time;
    day.fixed += rates.fixed * time;
    if let Some(used) = rates.sampled() {
        add_usage(day, rates, UsedAmounts::at(used, time));
    }
}

/// Adds usage. If the cost is known in part, it counts as unknown.
pub(super) fn add_usage(day: &mut DailyTotals, rates: &WorkloadRates, one: UsedAmounts) {
    if rates.unpriced_pods > 0 {
        return;
    }
    day.usage_observed += one.seen;
    day.cores += one.cores;
    day.memory += one.working_set * one.seen;
}

/// Adds the requests of the part of a step that lies in the day.
pub(super) fn record_requests_of_step(day: &mut DailyTotals, step: &Step, part: Ratio) {
    day.requests += step.requests * part;
    day.latency += step.latency * part;
    day.measured += step.measured * part;
    day.active += step.active() * part;
}
