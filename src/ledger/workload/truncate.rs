//! What a workload forgets when the clock was ahead and has been corrected.

use jiff::Timestamp;

use super::WorkloadAccount;
use crate::ledger::cost::Cost;
use crate::ledger::intervals::Intervals;
use crate::ledger::recent_usage::RecentUsage;

impl WorkloadAccount {
    /// The latest instant that it has seen.
    pub(in crate::ledger) fn latest(&self) -> Timestamp {
        let dedicated = self
            .dedicated
            .as_ref()
            .and_then(|dedicated| dedicated.counted.until());
        dedicated.unwrap_or(self.last_seen).max(self.last_seen)
    }

    /// Drops what is after an instant from its windows, and sets later timestamps to it. The totals stay. `seen` is the time in
    /// which the cluster was seen, with the time after the instant.
    ///
    /// Of the hour and the day of the instant the cost is cut in proportion to that time. Requests are not: whoever counts them
    /// has none of a time that has not come.
    pub(in crate::ledger) fn truncate_after(&mut self, now: Timestamp, seen: &Intervals) {
        self.buckets.truncate_after(now, |slot, span| {
            let mut cost = Cost::default();
            cost.add(&slot.cost, seen.share_until(now, span));
            slot.cost = cost;
        });
        self.days.truncate_after(now, |day, span| {
            *day = day.with_cost_of(seen.share_until(now, span));
        });
        if let Some(cpu_throttling) = &mut self.cpu_throttling {
            cpu_throttling.truncate_after(now, seen);
        }
        if let Some(dedicated) = &mut self.dedicated {
            dedicated.counted.truncate_after(now);
        }
        for instant in [
            &mut self.first_seen,
            &mut self.last_seen,
            &mut self.created_at,
        ] {
            *instant = now.min(*instant);
        }
        for instant in [&mut self.total_until, &mut self.shared_since] {
            *instant = instant.map(|instant| instant.min(now));
        }
        // Of the moment, and known again at the next look.
        self.moments = RecentUsage::default();
        self.rate = None;
        self.counted_until = None;
        self.unpaired.clear();
    }
}
