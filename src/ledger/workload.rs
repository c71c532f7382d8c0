//! The account of a workload of the cluster.

mod counted_use;
mod truncate;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::cost::Cost;
use super::cpu_throttling::ThrottlingSums;
use super::intervals::Intervals;
use super::recent_usage::RecentUsage;
use super::step::Step;
use super::window_buckets::WindowBuckets;
use super::workload_days;
use breakeven_model::allocation::WorkloadRates;
use breakeven_model::inventory::{Counted, DedicatedSource};
use breakeven_model::month::{DAYS, DailyTotals, Month};
use breakeven_model::regression::Scatter;
use breakeven_model::traffic_pattern::classify;
use breakeven_model::units::{Ratio, Requests, RequestsPerSecond, Seconds, Usd, Window, numbers};
use breakeven_model::window::{TrafficWindow, WorkloadWindow};

/// The time for which the present rates are taken before any time has passed at them.
const SHORT_PAUSE: Seconds = match Seconds::from_seconds(1.0) {
    Ok(second) => second,
    Err(_) => Seconds::ZERO,
};

/// How old a present rate may be.
const RATE_AGE: SignedDuration = SignedDuration::from_mins(5);

/// The last days (UTC).
type Days = WindowBuckets<DailyTotals, DAYS>;

/// What one workload cost, used and served.
///
/// The rates are those of the next look at the cluster, so the state file has none. It has no recent usage either: that is
/// paired with requests of steps that end after a restart, which were not seen whole.
#[derive(Debug, Serialize, Deserialize)]
pub struct WorkloadAccount {
    first_seen: Timestamp,
    last_seen: Timestamp,
    created_at: Timestamp,
    /// Totals since the program started.
    #[serde(default)]
    accrued: AccruedCost,
    #[serde(default)]
    requests: Requests,
    /// Whether a part of its cost was ever known.
    #[serde(default)]
    has_price: bool,
    /// Whether anything ever counted its requests.
    #[serde(default)]
    is_counted: bool,
    /// The last rates.
    #[serde(skip)]
    rates: WorkloadRates,
    buckets: WindowBuckets<WindowBucket>,
    days: Days,
    #[serde(skip)]
    moments: RecentUsage,
    #[serde(skip)]
    rate: Option<(RequestsPerSecond, Timestamp)>,
    /// How it is counted by itself, where it is: what others count of it does not count then.
    #[serde(default)]
    dedicated: Option<DedicatedCounting>,
    /// Until when its requests are in the total by another way of counting.
    #[serde(default)]
    total_until: Option<Timestamp>,
    /// Since when others count it again, after a query of its own did.
    #[serde(default)]
    shared_since: Option<Timestamp>,
    /// Until when what it uses has been counted, where it is counted.
    #[serde(skip)]
    counted_until: Option<Timestamp>,
    /// Steps of requests that wait for what was used in them to be counted.
    #[serde(skip)]
    unpaired: Vec<(Window, Requests)>,
    /// How its containers are held back; absent where nobody ever said so. Most have no limit, so it is kept aside.
    #[serde(default)]
    cpu_throttling: Option<Box<ThrottlingSums>>,
}

/// How a workload is counted by itself.
#[derive(Debug, Serialize, Deserialize)]
struct DedicatedCounting {
    source: DedicatedSource,
    /// The time that was counted so.
    counted: Intervals,
}

/// Money spent since the program started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccruedCost {
    /// Processors held for it.
    pub cpu: Usd,
    /// Memory held for it.
    pub memory: Usd,
    /// GPUs held for it.
    pub gpu: Usd,
    /// Persistent volumes held for it.
    pub storage: Usd,
    /// Its part of what nobody holds.
    pub idle: Usd,
    /// Its part of what serves everybody.
    pub shared: Usd,
    /// Its part of what the cluster costs besides its nodes.
    pub fixed: Usd,
    /// Processors it used; not part of the sum of the above.
    pub used_cpu: Usd,
    /// Memory it used; not part of the sum of the above.
    pub used_memory: Usd,
}

numbers! {
    #[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
    #[serde(default)]
    struct WindowBucket {
        cost: Cost,
        requests: Requests,
        latency: Seconds,
        measured: Requests,
        peak: RequestsPerSecond,
        /// The steps whose use was seen too.
        paired: Scatter,
    }
}

impl WorkloadAccount {
    pub(super) fn new(seen: Timestamp, window: Seconds) -> Self {
        Self {
            first_seen: seen,
            last_seen: seen,
            created_at: seen,
            accrued: AccruedCost::default(),
            requests: Requests::ZERO,
            has_price: false,
            is_counted: false,
            rates: WorkloadRates::default(),
            buckets: WindowBuckets::new(window),
            days: Days::of_days(),
            moments: RecentUsage::default(),
            rate: None,
            dedicated: None,
            total_until: None,
            shared_since: None,
            counted_until: None,
            unpaired: Vec::new(),
            cpu_throttling: None,
        }
    }

    /// Notes what it costs now. Until time has passed at these rates they stand for the window.
    pub(super) fn set_initial_rates(&mut self, rates: &WorkloadRates) {
        self.rates = *rates;
        self.has_price |= rates.pods > rates.unpriced_pods;
    }

    pub(super) fn accrue_cost(&mut self, rates: &WorkloadRates, from: Timestamp, to: Timestamp) {
        let time = Seconds::between(from, to);
        self.first_seen = self.first_seen.min(from);
        self.last_seen = self.last_seen.max(to);
        self.accrued.cpu += rates.cpu * time;
        self.accrued.memory += rates.memory * time;
        self.accrued.gpu += rates.gpu * time;
        self.accrued.storage += rates.storage * time;
        self.accrued.idle += rates.idle * time;
        self.accrued.shared += rates.shared * time;
        self.accrued.fixed += rates.fixed * time;
        self.buckets.across(from, to, |part, slot| {
            slot.cost.accrue_cost(rates, time * part)
        });
        self.days.across(from, to, |part, day| {
            workload_days::accrue_cost(day, rates, time * part)
        });
        let Some(used) = rates.sampled() else { return };
        self.accrued.used_cpu += used.cpu * time;
        self.accrued.used_memory += used.memory * time;
        self.moments.add(from, time, used.cores * time);
    }

    /// Begins to count it by itself in this way, if it is not counted so yet. Says whether it is: a way that comes before this
    /// one keeps it, and what stands before the cluster, where not every request comes by, counts what nothing else does.
    pub(super) fn use_dedicated_source(
        &mut self,
        by: DedicatedSource,
        counted_until: Option<Timestamp>,
    ) -> bool {
        match &self.dedicated {
            Some(before) if before.source < by => return false,
            None if by == DedicatedSource::Edge && self.is_counted => return false,
            Some(before) if before.source == by => {}
            other => {
                let others_until = counted_until.filter(|_| other.is_none());
                self.forget_traffic();
                self.total_until = self.total_until.max(others_until);
                self.dedicated = Some(DedicatedCounting {
                    source: by,
                    counted: Intervals::default(),
                });
            }
        }
        true
    }

    /// Begins to count it among the others, if it was counted by itself.
    pub(super) fn use_shared_source(&mut self, counted_until: Option<Timestamp>) {
        if self.dedicated.is_some() {
            self.forget_traffic();
            self.shared_since = counted_until;
        }
    }

    /// Forgets which time was counted before an instant.
    pub(super) fn forget(&mut self, before: Timestamp) {
        if let Some(dedicated) = &mut self.dedicated {
            dedicated.counted.forget(before);
        }
    }

    /// How it is counted by itself, where it is.
    #[must_use]
    pub fn dedicated_source(&self) -> Option<DedicatedSource> {
        self.dedicated.as_ref().map(|dedicated| dedicated.source)
    }

    /// Counts what was counted of it by itself.
    pub(super) fn record_direct_requests(
        &mut self,
        counted: &Counted,
        started: Timestamp,
        at: Timestamp,
    ) {
        let own_until = self
            .dedicated
            .as_ref()
            .and_then(|dedicated| dedicated.counted.until());
        for step in &counted.steps {
            if own_until.is_none_or(|until| until <= step.window.start()) {
                let (latency, measured) = step.latency.unwrap_or_default();
                let step = Step {
                    window: step.window,
                    requests: step.requests,
                    latency,
                    measured,
                };
                self.add(&step, started);
            }
        }
        for window in &counted.covered {
            if let Some(dedicated) = &mut self.dedicated {
                dedicated.counted.add(window.start(), window.end());
                self.is_counted = true;
            }
        }
        if let Some(rate) = counted.rate {
            self.set_rate(rate, at);
        }
    }

    /// Counts the requests of a closed step. The counter counts those after `started` alone. Where the query of an annotation
    /// counts them, only the latency is of interest, and where its pods are scraped, not even that. Where the edge of the cluster
    /// did, it no longer does from the first requests on.
    pub(super) fn record_requests_of_step(&mut self, step: &Step, started: Timestamp) {
        if self.dedicated_source() == Some(DedicatedSource::Edge) && !step.requests.is_zero() {
            self.use_shared_source(Some(step.window.start()));
        }
        match self.dedicated_source() {
            None => {
                self.is_counted = true;
                self.add(step, started);
            }
            Some(DedicatedSource::Scrape | DedicatedSource::Edge) => {}
            Some(DedicatedSource::Annotation) => {
                let measured = Step {
                    requests: Requests::ZERO,
                    ..*step
                };
                self.add(&measured, started);
            }
        }
    }

    fn add(&mut self, step: &Step, started: Timestamp) {
        let started = self.total_until.map_or(started, |until| started.max(until));
        let window = step.window;
        if !step.requests.is_zero() {
            self.created_at = self.created_at.min(window.start());
        }
        if let Some(after) = window.since(started) {
            let share = after.length().over(window.length()).unwrap_or(Ratio::ONE);
            self.requests += step.requests * share;
        }
        let rate = step.requests.per(window.length());
        self.buckets
            .across(window.start(), window.end(), |part, slot| {
                slot.requests += step.requests * part;
                slot.latency += step.latency * part;
                slot.measured += step.measured * part;
                slot.peak = slot.peak.max(rate.unwrap_or_default());
            });
        self.days.across(window.start(), window.end(), |part, day| {
            workload_days::record_requests_of_step(day, step, part);
        });
        if !step.requests.is_zero() {
            self.meet(window, step.requests);
        }
    }

    pub(super) fn set_rate(&mut self, rate: RequestsPerSecond, at: Timestamp) {
        self.rate = Some((rate, at));
    }

    pub(super) fn exists_since(&mut self, since: Timestamp) {
        self.created_at = self.created_at.min(since);
    }

    pub(super) fn window(
        &self,
        from: Timestamp,
        now: Timestamp,
        seen: &Intervals,
        counted: &Intervals,
    ) -> WorkloadWindow {
        let mut cost = Cost::default();
        for (share, slot) in self.buckets.since(from, seen) {
            cost.add(&slot.cost, share);
        }
        let watched = seen.between(from.max(self.first_seen), now);
        // Less than a millisecond is what rounding leaves of nothing.
        let mut observed = watched.less(cost.unpriced);
        if observed.millis() < 1.0 {
            observed = SHORT_PAUSE;
            cost = Cost::default();
            cost.accrue_cost(&self.rates, observed);
        }
        cost.assume_usage(&self.rates, SHORT_PAUSE);
        let counted = self
            .dedicated
            .as_ref()
            .map_or(counted, |dedicated| &dedicated.counted);
        let created_at = self.counted_since();
        WorkloadWindow {
            observed,
            allocated: cost.allocated,
            loaded: cost.loaded,
            used: cost.used,
            traffic: counted.until().map(|until| {
                let covered = counted.between(from.max(created_at), until);
                self.traffic(from, covered, counted)
            }),
            recent: self.recent(now),
            throttling: self
                .cpu_throttling
                .as_ref()
                .map(|one| one.since(from, seen)),
        }
    }

    fn traffic(&self, from: Timestamp, covered: Seconds, counted: &Intervals) -> TrafficWindow {
        let mut traffic = TrafficWindow {
            covered,
            ..TrafficWindow::default()
        };
        for (share, slot) in self.buckets.since(from, counted) {
            traffic.requests += slot.requests * share;
            traffic.latency += slot.latency * share;
            traffic.measured += slot.measured * share;
            traffic.peak = traffic.peak.max(slot.peak);
            traffic.paired += slot.paired * share;
        }
        // The hour that the window begins in is as good as any other where all of it was counted.
        let first = self.buckets.start_of(from);
        let is_whole = counted.between(first, from) == Seconds::between(first, from);
        let since = if is_whole { first } else { from };
        let since = since
            .max(counted.since().unwrap_or(from))
            .max(self.created_at);
        let until = counted.until().unwrap_or(from);
        let counts = self.buckets.whole(since, until, |slot| slot.requests);
        traffic.pattern = classify(self.buckets.length(), &counts).map(|shape| shape.pattern);
        traffic
    }

    /// What was seen of it since the first of some days began.
    pub(super) fn month(&self, from: Timestamp, counted: &Intervals) -> Month {
        let mut month = Month::default();
        for day in self.days.from(from) {
            month.totals += day;
        }
        let counted = self
            .dedicated
            .as_ref()
            .map_or(counted, |dedicated| &dedicated.counted);
        if let Some(until) = counted.until().filter(|_| self.is_counted) {
            let since = self.counted_since().max(from);
            month.covered = counted.between(since, until);
        }
        month
    }

    /// Since when it has existed, and was counted as it is now.
    fn counted_since(&self) -> Timestamp {
        self.shared_since
            .map_or(self.created_at, |since| self.created_at.max(since))
    }

    /// What it uses and serves now, if both are known and fresh.
    fn recent(&self, now: Timestamp) -> Option<(breakeven_model::units::Cores, RequestsPerSecond)> {
        let (rate, at) = self.rate.filter(|(rate, _)| !rate.is_zero())?;
        let fresh =
            now.duration_since(at) <= RATE_AGE && now.duration_since(self.last_seen) <= RATE_AGE;
        self.rates
            .used
            .filter(|_| fresh)
            .map(|used| (used.cores, rate))
    }

    /// Forgets what was served, for a source that counts otherwise. The totals stay.
    pub(super) fn forget_traffic(&mut self) {
        self.buckets.each(|slot| {
            *slot = WindowBucket {
                cost: slot.cost,
                ..WindowBucket::default()
            };
        });
        self.days.each(|day| *day = day.without_requests());
        self.rate = None;
        if let Some(dedicated) = self.dedicated.take() {
            self.total_until = self.total_until.max(dedicated.counted.until());
        }
        self.unpaired.clear();
        self.shared_since = None;
        self.created_at = self.first_seen;
        self.is_counted = false;
    }

    /// Begins a window of this length. The totals stay.
    pub(super) fn begin_window(&mut self, window: Seconds) {
        self.buckets = WindowBuckets::new(window);
        self.days = Days::of_days();
        if let Some(cpu_throttling) = &mut self.cpu_throttling {
            cpu_throttling.begin_window(window);
        }
    }

    /// The bytes that its hours and days take.
    #[cfg(test)]
    pub(super) fn bucket_bytes(&self) -> usize {
        self.buckets.heap_bytes() + self.days.heap_bytes()
    }

    /// The bytes that it takes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let cpu_throttling = self.cpu_throttling.as_ref().map_or(0, |one| one.bytes());
        size_of::<Self>() + self.bucket_bytes() + self.moments.heap_bytes() + cpu_throttling
    }

    /// Whether a part of its cost was ever known.
    #[must_use]
    pub const fn has_price(&self) -> bool {
        self.has_price
    }

    /// Whether anything ever counted its requests.
    #[must_use]
    pub const fn is_counted(&self) -> bool {
        self.is_counted
    }

    /// When its cost was first seen.
    #[must_use]
    pub const fn first_seen(&self) -> Timestamp {
        self.first_seen
    }

    /// When its cost was last seen.
    #[must_use]
    pub const fn last_seen(&self) -> Timestamp {
        self.last_seen
    }

    /// Money spent since the program started.
    #[must_use]
    pub const fn accrued(&self) -> &AccruedCost {
        &self.accrued
    }

    /// For how long its containers were held back since the program started; absent where nobody ever said.
    #[must_use]
    pub fn throttled(&self) -> Option<Seconds> {
        self.cpu_throttling.as_ref().map(|one| one.total())
    }

    /// Requests since the program started.
    #[must_use]
    pub const fn requests(&self) -> Requests {
        self.requests
    }
}
