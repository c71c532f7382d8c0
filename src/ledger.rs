//! What has added up: counters since counting began, and sums over the decision window.
//!
//! What enters: rates of cost, requests, usage and minutes of functions, each once and with its time. What leaves: accounts of
//! workloads, functions and the cluster, and the state that outlives a restart. The ledger reads no clock.
//!
//! Counters only grow. What happened before counting began (a backfill) fills the windows and is not added to the
//! counters, so that nothing is counted twice; the minute of a function in which counting began counts whole.

mod billed_days;
mod cluster;
mod compact_series;
mod cost;
mod cpu_throttling;
mod function;
mod intervals;
mod minutes;
mod recent_usage;
mod revisable_counter;
mod step;
mod truncate;
mod window_buckets;
mod workload;
mod workload_days;

pub use function::FunctionAccount;
use step::Step;
pub use workload::WorkloadAccount;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use billed_days::Days;
use serde::{Deserialize, Serialize};

use breakeven_model::ModelParameters;
use breakeven_model::allocation::ClusterRates;
use breakeven_model::billing::{DayUsage, UsageKey};
use breakeven_model::inventory::{
    CpuUsageDelta, DedicatedTraffic, Function, FunctionId, FunctionMinutes, PodKey, RequestTarget,
    Traffic, WorkloadId,
};
use breakeven_model::month::{DAYS, Month};
use breakeven_model::units::{Ratio, Requests, RequestsPerSecond, Seconds, Usd};
use cluster::ClusterAccount;
use intervals::Intervals;

/// The accounts of everything that costs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ledger {
    started: Timestamp,
    /// Requests before it are in no total.
    counting_since: Timestamp,
    window: Seconds,
    #[serde(default)]
    cluster: ClusterAccount,
    #[serde(default)]
    workloads: BTreeMap<WorkloadId, WorkloadAccount>,
    #[serde(default)]
    shared: BTreeMap<WorkloadId, SharedAccount>,
    #[serde(default)]
    functions: BTreeMap<FunctionId, FunctionAccount>,
    #[serde(default)]
    days: Days,
    /// The time whose requests were counted.
    #[serde(default)]
    counted: Intervals,
}

/// The cost of a shared workload.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct SharedAccount {
    #[serde(default)]
    cost: Usd,
    last_seen: Timestamp,
}

impl SharedAccount {
    const fn new(last_seen: Timestamp) -> Self {
        Self {
            cost: Usd::ZERO,
            last_seen,
        }
    }
}

impl Ledger {
    /// An empty ledger. Counters count what happens from `started` on; windows reach back for `window`.
    #[must_use]
    pub fn new(started: Timestamp, window: Seconds) -> Self {
        Self {
            started,
            counting_since: started,
            window,
            cluster: ClusterAccount::default(),
            workloads: BTreeMap::new(),
            shared: BTreeMap::new(),
            functions: BTreeMap::new(),
            days: Days::default(),
            counted: Intervals::default(),
        }
    }

    /// Notes what everybody costs now.
    pub fn set_rates(&mut self, rates: &ClusterRates, now: Timestamp) {
        for (id, rates) in &rates.workloads {
            let new = || WorkloadAccount::new(now, self.window);
            self.workloads
                .entry(id.clone())
                .or_insert_with(new)
                .set_initial_rates(rates);
        }
        for id in rates.shared.keys() {
            let new = || SharedAccount::new(now);
            self.shared.entry(id.clone()).or_insert_with(new);
        }
    }

    /// Charges everybody for the time from one look at the cluster to the next, at the rates of the first.
    pub fn accrue_cost(&mut self, rates: &ClusterRates, from: Timestamp, to: Timestamp) {
        let time = Seconds::between(from, to);
        self.cluster.accrue_cost(rates, from, to);
        for (id, rates) in &rates.workloads {
            let account = self
                .workloads
                .entry(id.clone())
                .or_insert_with(|| WorkloadAccount::new(from, self.window));
            account.accrue_cost(rates, from, to);
        }
        for (id, rate) in &rates.shared {
            let new = || SharedAccount::new(to);
            let account = self.shared.entry(id.clone()).or_insert_with(new);
            account.cost += *rate * time;
            account.last_seen = to;
        }
    }

    /// Counts what pods used, at what their workloads cost now. `resolve` says whose they are; returns how many are of pods that
    /// nobody answers for.
    pub fn add_cpu_usage(
        &mut self,
        rates: &ClusterRates,
        counted: &[CpuUsageDelta],
        resolve: impl Fn(&PodKey) -> Option<WorkloadId>,
    ) -> u64 {
        let mut unmatched_targets = 0;
        let mut by_workload: BTreeMap<WorkloadId, Vec<&CpuUsageDelta>> = BTreeMap::new();
        for one in counted {
            match resolve(&one.pod) {
                Some(id) => by_workload.entry(id).or_default().push(one),
                None => unmatched_targets += 1,
            }
        }
        for (id, counted) in by_workload {
            let rates = rates.workloads.get(&id);
            if let Some((account, rates)) = self.workloads.get_mut(&id).zip(rates) {
                account.count_use(rates, &counted);
            }
        }
        unmatched_targets
    }

    /// Notes time that passed unseen: it is charged to nobody.
    pub fn record_gap(&mut self, time: Seconds) {
        self.cluster.record_gap(time);
    }

    /// Counts requests. `resolve` says whose they are, and which part of them; returns how many steps are of targets that
    /// nobody answers for.
    pub fn record_requests<S: IntoIterator<Item = (WorkloadId, Ratio)>>(
        &mut self,
        traffic: &Traffic,
        resolve: impl Fn(&RequestTarget) -> S,
    ) -> u64 {
        let counted_until = self.counted.until();
        let mut unmatched_targets = 0;
        // Several targets may be one workload: its pods.
        let mut steps: BTreeMap<(WorkloadId, Timestamp), Step> = BTreeMap::new();
        for step in &traffic.steps {
            // Of a step that was counted in part the rest counts.
            let fresh = step.window.since(counted_until.unwrap_or(Timestamp::MIN));
            let Some(window) = fresh else { continue };
            let fresh = window
                .length()
                .over(step.window.length())
                .unwrap_or(Ratio::ONE);
            let (latency, measured) = step.latency.unwrap_or_default();
            let mut is_known = false;
            for (id, part) in resolve(&step.target) {
                is_known = true;
                let share = fresh * part;
                let sum = steps.entry((id, window.start())).or_insert(Step {
                    window,
                    requests: Requests::ZERO,
                    latency: Seconds::ZERO,
                    measured: Requests::ZERO,
                });
                sum.requests += step.requests * share;
                sum.latency += latency * share;
                sum.measured += measured * share;
            }
            unmatched_targets += u64::from(!is_known);
        }
        let (window, counting_since) = (self.window, self.counting_since);
        for ((id, start), step) in steps {
            let new = || WorkloadAccount::new(start, window);
            let account = self.workloads.entry(id).or_insert_with(new);
            account.record_requests_of_step(&step, counting_since);
        }
        if let Some(covered) = traffic.covered {
            self.counted.add(covered.start(), covered.end());
        }
        let mut rates: BTreeMap<WorkloadId, RequestsPerSecond> = BTreeMap::new();
        for rate in &traffic.rates {
            for (id, part) in resolve(&rate.target) {
                *rates.entry(id).or_default() += rate.rate * part;
            }
        }
        for (id, rate) in rates {
            let account = self.workloads.get_mut(&id);
            if let Some(account) = account.filter(|account| account.dedicated_source().is_none()) {
                account.set_rate(rate, traffic.at);
            }
        }
        unmatched_targets
    }

    /// Counts the requests of those workloads that are counted one by one. What others count of them before and
    /// after does not count.
    pub fn record_direct_requests(&mut self, traffic: &DedicatedTraffic) {
        let counted_until = self.counted.until();
        for (id, account) in &mut self.workloads {
            if account.dedicated_source() == Some(traffic.by) && !traffic.workloads.contains_key(id)
            {
                account.use_shared_source(counted_until);
            }
        }
        for (id, counted) in &traffic.workloads {
            let new = || WorkloadAccount::new(traffic.at, self.window);
            let account = self.workloads.entry(id.clone()).or_insert_with(new);
            if !account.use_dedicated_source(traffic.by, counted_until) {
                continue;
            }
            account.record_direct_requests(counted, self.counting_since, traffic.at);
        }
    }

    /// Begins to count requests anew, for a source that counts otherwise: windows are filled again, and the totals
    /// go on where they ended.
    pub fn restart_request_counting(&mut self) {
        self.counting_since = self
            .counting_since
            .max(self.counted.until().unwrap_or(self.started));
        self.counted = Intervals::default();
        self.workloads
            .values_mut()
            .for_each(WorkloadAccount::forget_traffic);
    }

    /// Averages over another length of time from now on: the windows begin anew, and the totals go on.
    pub fn set_window(&mut self, window: Seconds) {
        if window == self.window {
            return;
        }
        self.window = window;
        self.cluster.begin_window();
        for account in self.workloads.values_mut() {
            account.begin_window(window);
        }
        self.restart_request_counting();
    }

    /// Counts minutes of functions. `known` gives the configuration of a function; one that is gone keeps its last.
    pub fn record_invocations<'a>(
        &mut self,
        minutes: &FunctionMinutes,
        settings: &ModelParameters,
        known: impl Fn(&FunctionId) -> Option<&'a Arc<Function>>,
    ) {
        for batch in &minutes.functions {
            let function = known(&batch.id);
            if function.is_some() {
                self.functions.entry(batch.id.clone()).or_default();
            }
            if let Some(account) = self.functions.get_mut(&batch.id) {
                account.run(function, batch, self.started, &mut self.days, settings);
            }
        }
    }

    /// The account of a workload.
    #[must_use]
    pub fn workload(&self, id: &WorkloadId) -> Option<&WorkloadAccount> {
        self.workloads.get(id)
    }

    /// Makes sure that a workload exists in the ledger at least since then.
    pub fn record_created_at(&mut self, id: &WorkloadId, since: Timestamp) {
        if let Some(account) = self.workloads.get_mut(id) {
            account.exists_since(since);
        }
    }

    /// All workloads that carry cost.
    pub fn workloads(&self) -> impl Iterator<Item = (&WorkloadId, &WorkloadAccount)> {
        self.workloads.iter()
    }

    /// The shared workloads and what each cost.
    pub fn shared(&self) -> impl Iterator<Item = (&WorkloadId, Usd)> {
        self.shared.iter().map(|(id, account)| (id, account.cost))
    }

    /// The account of a function.
    #[must_use]
    pub fn function(&self, id: &FunctionId) -> Option<&FunctionAccount> {
        self.functions.get(id)
    }

    /// Up to when the minutes of each function are known.
    pub fn counted_until_by_function(&self) -> impl Iterator<Item = (&FunctionId, Timestamp)> {
        let known =
            |(id, account): (_, &FunctionAccount)| Some((id, account.counted_until_by_function()?));
        self.functions.iter().filter_map(known)
    }

    /// What the functions used on each of the last days, whether counting had begun or not.
    pub fn days(&self) -> impl Iterator<Item = (&UsageKey, &DayUsage)> {
        self.days.iter()
    }

    /// The account of the cluster.
    #[must_use]
    pub(crate) const fn cluster(&self) -> &ClusterAccount {
        &self.cluster
    }

    /// What was seen of a workload in the decision window that ends `now`.
    #[must_use]
    pub fn workload_window(
        &self,
        account: &WorkloadAccount,
        now: Timestamp,
    ) -> breakeven_model::window::WorkloadWindow {
        let from = self.window_start(now);
        let seen = self.cluster.seen();
        account.window(from, now, seen, &self.counted)
    }

    /// When the decision window that ends `now` begins.
    #[must_use]
    pub fn window_start(&self, now: Timestamp) -> Timestamp {
        SignedDuration::try_from_secs_f64(self.window.seconds())
            .ok()
            .and_then(|window| now.checked_sub(window).ok())
            .unwrap_or(Timestamp::MIN)
    }

    /// What was seen of a workload on the last days, today with them.
    #[must_use]
    pub fn workload_month(&self, account: &WorkloadAccount, now: Timestamp) -> Month {
        account.month(month_start(now), &self.counted)
    }

    /// Forgets what was not seen for a whole decision window.
    pub fn prune(&mut self, now: Timestamp) {
        let horizon = self.window_start(now);
        self.workloads
            .retain(|_, account| account.last_seen() >= horizon);
        // Which time was counted is known for as long as the days are.
        let counted = horizon.min(month_start(now));
        for account in self.workloads.values_mut() {
            account.forget(counted);
        }
        self.shared
            .retain(|_, account| account.last_seen >= horizon);
        self.functions.retain(|_, account| {
            account
                .deleted_since(now)
                .is_none_or(|since| since >= horizon)
        });
        self.days.forget(now);
        self.cluster.forget(horizon);
        self.counted.forget(counted);
    }

    /// Notes which functions exist. Of one that does not the account is kept for a decision window, so that its last
    /// minutes are counted and it goes on where it was should it come back.
    pub fn record_functions<'a>(
        &mut self,
        settings: &ModelParameters,
        listed: impl Fn(&FunctionId) -> Option<&'a Arc<Function>>,
    ) {
        for (id, account) in &mut self.functions {
            account.record_attributes(listed(id), settings);
        }
    }

    /// Forgets all functions.
    pub fn prune_functions(&mut self) {
        self.functions.clear();
        self.days.clear();
    }
}

/// When the first of the last days (UTC) begins.
fn month_start(now: Timestamp) -> Timestamp {
    const DAY: i64 = 86_400;
    let today = now.as_second().div_euclid(DAY);
    let first = today + 1 - DAYS;
    Timestamp::from_second(first * DAY).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
