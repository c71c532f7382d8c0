//! What the ledger forgets when the clock was ahead and has been corrected.

use jiff::Timestamp;

use super::{FunctionAccount, Ledger, WorkloadAccount};
use breakeven_model::ModelParameters;

impl Ledger {
    /// The latest instant that it knows of.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        let workloads = self.workloads.values().map(WorkloadAccount::latest);
        let functions = self.functions.values();
        let functions = functions.filter_map(FunctionAccount::counted_until_by_function);
        let own = [
            Some(self.started),
            Some(self.counting_since),
            self.counted.until(),
            self.cluster.seen().until(),
        ];
        let own = own.into_iter().flatten();
        workloads.chain(functions).chain(own).max()
    }

    /// Drops what is after an instant from windows and days, and sets later timestamps to it, so that counting goes on from
    /// there. Totals stay: what was counted of later time is in them, and what they have of later minutes of functions is not
    /// counted again.
    pub fn truncate_after(&mut self, now: Timestamp, settings: &ModelParameters) {
        let seen = self.cluster.seen();
        for account in self.workloads.values_mut() {
            account.truncate_after(now, seen);
        }
        for account in self.functions.values_mut() {
            account.truncate_after(now, self.started, settings);
        }
        for account in self.shared.values_mut() {
            account.last_seen = now.min(account.last_seen);
        }
        self.days.truncate_after(now);
        self.cluster.truncate_after(now);
        self.counted.truncate_after(now);
        self.started = self.started.min(now);
        self.counting_since = self.counting_since.min(now);
    }
}
