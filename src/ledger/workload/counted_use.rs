//! What the pods of a workload were counted to use, and the steps of requests that wait for it.

use super::WorkloadAccount;
use crate::ledger::cost::UsedAmounts;
use crate::ledger::cpu_throttling::ThrottlingSums;
use crate::ledger::workload_days;
use breakeven_model::allocation::WorkloadRates;
use breakeven_model::inventory::CpuUsageDelta;
use breakeven_model::regression::Scatter;
use breakeven_model::units::{Ratio, Requests, Seconds, Window};

/// How many steps of requests wait for their use: about as many as moments are kept for.
const MAX_UNPAIRED: usize = 8;

impl WorkloadAccount {
    /// Adds the processor time that its pods were counted to use, each in a window of its own, at what its processors cost
    /// now.
    ///
    /// Pods do not report in step. The time that was seen of the workload is `Σ windows / pods`, and no more than passed from
    /// the first to the last of their readings: pods that came and went meanwhile do not lengthen it.
    pub(in crate::ledger) fn count_use(
        &mut self,
        rates: &WorkloadRates,
        counted: &[&CpuUsageDelta],
    ) {
        self.count_throttling(counted);
        let Some(used) = rates.used else { return };
        let windows = || counted.iter().map(|one| one.window);
        let whole: Seconds = windows().map(Window::length).sum();
        let first = windows().map(Window::start).min();
        let last = windows().map(Window::end).max();
        let (Some(first), Some(last)) = (first, last) else {
            return;
        };
        let passed = Seconds::between(first, last);
        let pods = Ratio::count(rates.pods.saturating_sub(rates.unpriced_pods));
        let seen = pods.inverse().map_or(passed, |each| whole * each);
        let Some(share) = seen.min(passed).over(whole) else {
            return;
        };
        for one in counted {
            let seen = one.window.length() * share;
            let use_of_it = UsedAmounts::counted(used, seen, one.processor);
            self.accrued.used_cpu += use_of_it.cpu;
            self.accrued.used_memory += use_of_it.memory;
            self.moments.spread(one.window, seen, one.processor);
            let (start, end) = (one.window.start(), one.window.end());
            self.buckets.across(start, end, |part, slot| {
                slot.cost.add_usage(rates, use_of_it * part);
            });
            self.days.across(start, end, |part, day| {
                workload_days::add_usage(day, rates, use_of_it * part);
            });
            self.counted_until = self.counted_until.max(Some(end));
        }
        let until = self.counted_until;
        let known = |(window, _): &mut (Window, Requests)| Some(window.end()) <= until;
        let known: Vec<_> = self.unpaired.extract_if(.., known).collect();
        for (window, requests) in known {
            self.pair(window, requests);
        }
    }

    /// Puts the requests of a step beside what was used in it, if nearly all of that was seen.
    fn pair(&mut self, window: Window, requests: Requests) {
        let Some(cores) = self.moments.within(window) else {
            return;
        };
        let paired = Scatter::of_step(cores, requests, window.length());
        let (start, end) = (window.start(), window.end());
        self.buckets
            .across(start, end, |part, slot| slot.paired += paired * part);
    }

    fn count_throttling(&mut self, counted: &[&CpuUsageDelta]) {
        for one in counted {
            if let Some(throttling) = one.throttling {
                let whole = self.buckets.whole_length();
                let new = || Box::new(ThrottlingSums::new(whole));
                let cpu_throttling = self.cpu_throttling.get_or_insert_with(new);
                cpu_throttling.add(one.window, throttling);
            }
        }
    }

    /// Puts the requests of a step beside what was used in it, at once or when all of that has been counted.
    pub(super) fn meet(&mut self, window: Window, requests: Requests) {
        let is_counted = self.rates.used.is_some_and(|used| used.is_counted);
        if !is_counted || self.counted_until >= Some(window.end()) {
            self.pair(window, requests);
            return;
        }
        if self.unpaired.len() == MAX_UNPAIRED {
            self.unpaired.remove(0);
        }
        self.unpaired.push((window, requests));
    }
}
