//! The engine: takes observations, keeps the current state, and makes reports.
//!
//! What enters: observations of the sources, with their own time, in any order. What leaves: a report, whenever one is requested. The
//! engine waits for no source: what one source has not sent is absent, and the rest is reported.

mod report;
mod request_targets;
mod service_backends;
mod steady_pods;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;
use breakeven_model::allocation::{ClusterRates, allocate};
use breakeven_model::alternatives::fargate::{PodDemand, demands};
use breakeven_model::billing::{PaidRatios, reconcile};
use breakeven_model::inventory::{
    Bill, Cluster, DedicatedSource, DedicatedTraffic, Function, FunctionBatch, FunctionId,
    FunctionMinutes, Functions, Insights, InsightsRead, Observation, PodKey, PodUsage,
    RequestOrigin, Traffic, Usage, WorkloadId,
};
use breakeven_model::pricing::{KnownPrices, PriceBook};
use breakeven_model::units::Seconds;
use breakeven_model::verdict::StableVerdict;
use breakeven_model::{ModelParameters, WorkloadRef};
use request_targets::Targets;
use steady_pods::SteadyPods;

/// How many batches are kept while what they belong to is not known yet.
const WAITING_BATCHES: usize = 1_024;

/// How old what a source saw may be before it is no longer taken as present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest time between two looks at the cluster that is charged; a longer gap is charged to nobody and counted as
    /// unobserved.
    pub longest_gap: Duration,
    /// How old what a pod uses may be.
    pub usage_age: Duration,
}

/// All that is known, and the ledger of what has added up.
#[derive(Debug)]
pub struct Engine {
    settings: Arc<ModelParameters>,
    prices: PriceBook,
    market: KnownPrices,
    /// The version of Kubernetes that the API server runs.
    version: Option<Arc<str>>,
    limits: Limits,
    ledger: Ledger,
    cluster: Option<Cluster>,
    targets: Targets,
    /// Which metrics requests are counted by.
    origin: Option<RequestOrigin>,
    /// Why the queries of annotations count nothing, where they cannot be evaluated.
    query_failures: BTreeMap<WorkloadId, Arc<str>>,
    facts: HashMap<WorkloadId, WorkloadState>,
    usage: HashMap<PodKey, PodUsage>,
    steady_pods: SteadyPods,
    rates: ClusterRates,
    functions: BTreeMap<(Arc<str>, Arc<str>), Functions>,
    by_id: HashMap<FunctionId, Arc<Function>>,
    insights: HashMap<FunctionId, Insights>,
    verdicts: HashMap<WorkloadRef, StableVerdict>,
    bill: Option<Arc<Bill>>,
    pending_traffic: Vec<Traffic>,
    pending_metrics: Vec<FunctionMinutes>,
    /// Steps of requests of somebody whom the cluster does not know.
    unmatched_targets: u64,
    /// Counts of the use of pods that it does not know.
    unmatched_pods: u64,
    /// When the cluster was last seen before a restart.
    last_snapshot_at: Option<Timestamp>,
}

/// What outlives a restart: all that has added up, and the verdicts that stand.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub struct PersistedState {
    ledger: Ledger,
    #[serde(default)]
    verdicts: Vec<WorkloadVerdict>,
    last_snapshot_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WorkloadVerdict {
    workload: WorkloadRef,
    verdict: StableVerdict,
}

/// What pods say of their workload.
#[derive(Clone, Debug, Default)]
struct WorkloadState {
    team: Option<Arc<str>>,
    needs_accelerator: bool,
    is_on_windows: bool,
    persistent_volume: bool,
    host_network: bool,
    pod: Option<PodDemand>,
    nodes: Vec<Arc<str>>,
}

impl Engine {
    /// An empty engine that counts from `started` on.
    #[must_use]
    pub fn new(
        started: Timestamp,
        settings: ModelParameters,
        prices: PriceBook,
        limits: Limits,
    ) -> Self {
        Self {
            ledger: Ledger::new(started, settings.decision_window),
            settings: Arc::new(settings),
            prices,
            market: KnownPrices::default(),
            version: None,
            limits,
            cluster: None,
            targets: Targets::default(),
            origin: None,
            query_failures: BTreeMap::new(),
            facts: HashMap::new(),
            usage: HashMap::new(),
            steady_pods: SteadyPods::default(),
            rates: ClusterRates::default(),
            functions: BTreeMap::new(),
            by_id: HashMap::new(),
            insights: HashMap::new(),
            verdicts: HashMap::new(),
            bill: None,
            pending_traffic: Vec::new(),
            pending_metrics: Vec::new(),
            unmatched_targets: 0,
            unmatched_pods: 0,
            last_snapshot_at: None,
        }
    }

    /// What is to outlive a restart, as [`PersistedState`] reads it.
    pub fn persisted_state(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct Persisting<'a> {
            ledger: &'a Ledger,
            verdicts: Vec<WorkloadVerdict>,
            last_snapshot_at: Option<Timestamp>,
        }
        let verdicts = self.verdicts.iter();
        let verdicts = verdicts.map(|(workload, verdict)| WorkloadVerdict {
            workload: workload.clone(),
            verdict: *verdict,
        });
        Persisting {
            ledger: &self.ledger,
            verdicts: verdicts.collect(),
            last_snapshot_at: self.last_snapshot_at(),
        }
    }

    /// Goes on from what was kept, before anything is observed.
    pub fn resume(&mut self, state: PersistedState) {
        self.ledger = state.ledger;
        self.ledger.set_window(self.settings.decision_window);
        let verdicts = state.verdicts.into_iter();
        self.verdicts = verdicts.map(|one| (one.workload, one.verdict)).collect();
        self.last_snapshot_at = state.last_snapshot_at;
    }

    /// Up to when the minutes of each function are known.
    #[must_use]
    pub fn counted_until_by_function(&self) -> HashMap<FunctionId, Timestamp> {
        let known = self.ledger.counted_until_by_function();
        known.map(|(id, until)| (id.clone(), until)).collect()
    }

    /// The latest instant that it knows of.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        self.last_snapshot_at().max(self.ledger.latest())
    }

    /// Sets what is later than an instant to it, for a clock that was ahead. Totals stay, and counting goes on from there.
    pub fn truncate_after(&mut self, now: Timestamp) {
        self.ledger.truncate_after(now, &self.settings);
        for settled in self.verdicts.values_mut() {
            settled.truncate_after(now);
        }
        if let Some(cluster) = &mut self.cluster {
            cluster.at = cluster.at.min(now);
        }
        self.last_snapshot_at = self.last_snapshot_at.map(|look| look.min(now));
        self.pending_traffic.clear();
        self.pending_metrics.clear();
    }

    fn last_snapshot_at(&self) -> Option<Timestamp> {
        let cluster = self.cluster.as_ref();
        cluster.map(|cluster| cluster.at).or(self.last_snapshot_at)
    }

    /// Replaces settings and prices; what has added up stays.
    pub fn reconfigure(&mut self, settings: ModelParameters, prices: PriceBook, limits: Limits) {
        self.ledger.set_window(settings.decision_window);
        self.settings = Arc::new(settings);
        self.apply_bill();
        self.prices = prices;
        self.limits = limits;
        self.refresh_rates();
    }

    /// Forgets the cluster, which is no longer watched. What has added up stays for a window.
    pub fn forget_cluster(&mut self) {
        self.cluster = None;
        self.version = None;
        self.targets = Targets::default();
        self.rates = ClusterRates::default();
        self.usage.clear();
        self.steady_pods = SteadyPods::default();
        self.facts.clear();
        self.pending_traffic.clear();
    }

    /// Begins to count requests anew: another source counts them.
    pub fn restart_request_counting(&mut self) {
        self.origin = None;
        self.query_failures.clear();
        self.pending_traffic.clear();
        self.ledger.restart_request_counting();
    }

    /// Forgets the bill, which is no longer read.
    pub fn forget_bill(&mut self) {
        self.bill = None;
        self.apply_bill();
    }

    /// Forgets the functions, which are no longer read.
    pub fn forget_functions(&mut self) {
        self.functions.clear();
        self.by_id.clear();
        self.insights.clear();
        self.forget_bill();
        self.ledger.prune_functions();
    }

    /// Forgets the functions of accounts and regions that are no longer read.
    pub fn retain_regions(&mut self, mut is_read: impl FnMut(&str, &str) -> bool) {
        let before = self.functions.len();
        self.functions
            .retain(|(account_id, region), _| is_read(account_id, region));
        if self.functions.len() < before {
            self.index_functions();
        }
    }

    /// Takes in what a source saw.
    pub fn observe(&mut self, observation: Observation) {
        match observation {
            Observation::Cluster(cluster) => self.observe_cluster(cluster),
            Observation::Usage(usage) => self.observe_usage(usage),
            Observation::Functions(functions) => self.observe_functions(functions),
            Observation::FunctionMinutes(minutes) => self.observe_minutes(minutes),
            Observation::Insights(read) => self.observe_insights(read),
            Observation::RequestOrigin(origin) => self.observe_origin(origin),
            Observation::DedicatedTraffic(traffic) => self.observe_own(traffic),
            Observation::Traffic(traffic) => self.observe_traffic(traffic),
            Observation::ListPrices(prices) => {
                self.market.list(prices);
                self.refresh_rates();
            }
            Observation::SpotPrices(prices) => {
                self.market.spot(prices);
                self.refresh_rates();
            }
            Observation::Bill(bill) => {
                self.bill = Some(bill);
                self.apply_bill();
            }
            Observation::ControlPlane(version) => {
                self.version = Some(version);
                self.refresh_rates();
            }
        }
    }

    /// How many steps of requests were left out since the start, because the cluster has nobody of that name.
    #[must_use]
    pub const fn unmatched_targets(&self) -> u64 {
        self.unmatched_targets
    }

    /// How many counts of what pods used were left out since the start, because the cluster never had such pods.
    #[must_use]
    pub const fn unmatched_pods(&self) -> u64 {
        self.unmatched_pods
    }

    /// Charges the time since the last look at the cluster, at what was known then, and looks anew.
    fn observe_cluster(&mut self, cluster: Cluster) {
        if let Some(before) = &self.cluster {
            let gap = Seconds::between(before.at, cluster.at);
            if gap > self.limits.longest_gap.into() {
                self.ledger
                    .record_gap(Seconds::between(before.at, cluster.at));
            } else {
                self.ledger.accrue_cost(&self.rates, before.at, cluster.at);
            }
        } else if let Some(before) = self.last_snapshot_at.take() {
            // What was there meanwhile nobody saw.
            self.ledger.record_gap(Seconds::between(before, cluster.at));
        }
        self.targets
            .update(&cluster, self.ledger.window_start(cluster.at));
        self.facts.clear();
        let windows = cluster.nodes.iter().filter(|node| node.is_windows());
        let windows: HashSet<&str> = windows.map(|node| &*node.name).collect();
        for pod in &cluster.pods {
            let facts = self.facts.entry(pod.workload.clone()).or_default();
            facts.team = facts.team.take().or_else(|| pod.team.clone());
            facts.needs_accelerator |= pod.needs_accelerator || pod.request.gpus > 0;
            facts.is_on_windows |= windows.contains(&*pod.node);
            facts.persistent_volume |= pod.persistent_volume;
            facts.host_network |= pod.host_network;
            if !facts.nodes.contains(&pod.node) {
                facts.nodes.push(Arc::clone(&pod.node));
            }
            if let Some(since) = pod.created_at {
                self.ledger.record_created_at(&pod.workload, since);
            }
        }
        for (workload, pod) in demands(&cluster, self.version.as_deref(), &self.market) {
            self.facts.entry(workload).or_default().pod = Some(pod);
        }
        self.cluster = Some(cluster);
        self.refresh_rates();
        if let Some(cluster) = &self.cluster {
            self.steady_pods.update(cluster, &self.rates.nodes);
        }
        for traffic in std::mem::take(&mut self.pending_traffic) {
            self.observe_traffic(traffic);
        }
    }

    /// What a pod said last stands until it says something new, or is too old.
    fn observe_usage(&mut self, usage: Usage) {
        self.usage.extend(usage.pods);
        self.refresh_rates();
        let targets = &self.targets;
        if self.cluster.is_some() {
            self.unmatched_pods += self
                .ledger
                .add_cpu_usage(&self.rates, &usage.counted, |pod| targets.of_pod(pod));
        }
    }

    fn observe_functions(&mut self, functions: Functions) {
        let place = (
            Arc::clone(&functions.account_id),
            Arc::clone(&functions.region),
        );
        self.functions.insert(place, functions);
        self.index_functions();
        for minutes in std::mem::take(&mut self.pending_metrics) {
            self.observe_minutes(minutes);
        }
    }

    fn index_functions(&mut self) {
        let all = self.functions.values().flat_map(|one| &one.functions);
        let known = all.map(|one| match self.insights.get(&one.id) {
            Some(insights) => Arc::new(Function {
                insights: Some(*insights),
                ..Function::clone(one)
            }),
            None => Arc::clone(one),
        });
        self.by_id = known.map(|one| (one.id.clone(), one)).collect();
        let by_id = &self.by_id;
        self.ledger
            .record_functions(&self.settings, |id| by_id.get(id));
    }

    /// What is measured of a function belongs to what is known of it. It may be said before the function is listed.
    fn observe_insights(&mut self, read: InsightsRead) {
        for (id, insights) in read.functions {
            match insights {
                Some(insights) => self.insights.insert(id, insights),
                None => self.insights.remove(&id),
            };
        }
        let (places, by_id) = (&self.functions, &self.by_id);
        self.insights.retain(|id, _| {
            let place = (Arc::clone(&id.account_id), Arc::clone(&id.region));
            by_id.contains_key(id) || !places.contains_key(&place)
        });
        self.index_functions();
    }

    fn observe_minutes(&mut self, minutes: FunctionMinutes) {
        // They are of one account and region; which functions there are may be about to be said.
        let early = minutes
            .functions
            .first()
            .is_some_and(|FunctionBatch { id, .. }| {
                let place = (Arc::clone(&id.account_id), Arc::clone(&id.region));
                !self.functions.contains_key(&place)
            });
        if early {
            push_bounded(&mut self.pending_metrics, minutes);
            return;
        }
        let by_id = &self.by_id;
        self.ledger
            .record_invocations(&minutes, &self.settings, |id| by_id.get(id));
    }

    /// What other metrics counted is not added to what these count.
    fn observe_origin(&mut self, origin: RequestOrigin) {
        let before = self.origin.as_ref().and_then(|one| one.name.as_ref());
        if before.is_some_and(|before| Some(before) != origin.name.as_ref()) {
            self.restart_request_counting();
        }
        self.origin = Some(origin);
    }

    fn observe_own(&mut self, traffic: DedicatedTraffic) {
        self.ledger.record_direct_requests(&traffic);
        if traffic.by == DedicatedSource::Annotation {
            let workloads = traffic.workloads.into_iter();
            let failed = workloads.filter_map(|(id, one)| Some((id, one.failure?)));
            self.query_failures = failed.collect();
        }
    }

    fn observe_traffic(&mut self, traffic: Traffic) {
        if self.cluster.is_none() {
            // Rates without steps are of the moment, which will have passed.
            if traffic.covered.is_some() {
                push_bounded(&mut self.pending_traffic, traffic);
            }
            return;
        }
        let targets = &self.targets;
        self.unmatched_targets += self
            .ledger
            .record_requests(&traffic, |target| targets.shares(target));
    }

    /// Lets functions cost what the bill says is paid, where that is wanted.
    fn apply_bill(&mut self) {
        let paid = match &self.bill {
            Some(bill) if self.settings.lambda.applies_bill => {
                PaidRatios::read(&reconcile(bill, std::iter::empty(), &self.settings))
            }
            _ => PaidRatios::default(),
        };
        if paid != self.settings.lambda.paid {
            let mut settings = (*self.settings).clone();
            settings.lambda.paid = paid;
            self.settings = Arc::new(settings);
        }
    }

    /// The settings, with what the control plane costs among the fixed costs.
    fn charged(&self, now: Timestamp) -> ModelParameters {
        let control_plane = self.prices.control_plane(self.version.as_deref(), now);
        ModelParameters {
            fixed: self.settings.fixed + control_plane,
            ..(*self.settings).clone()
        }
    }

    /// Distributes the cluster's cost anew, by what is known now.
    fn refresh_rates(&mut self) {
        let Some(cluster) = &self.cluster else { return };
        let (now, age) = (cluster.at, Seconds::from(self.limits.usage_age));
        self.usage
            .retain(|_, usage| Seconds::between(usage.at, now) <= age);
        let nodes = self.prices.price(cluster, &self.market);
        let volumes = self.prices.price_volumes(cluster, &self.market);
        let settings = self.charged(now);
        self.rates = allocate(&nodes, &volumes, &cluster.pods, &self.usage, &settings);
        self.ledger.set_rates(&self.rates, now);
    }
}

/// Keeps a batch that came early, and lets go of the oldest where there are too many.
fn push_bounded<T>(waiting: &mut Vec<T>, batch: T) {
    if waiting.len() == WAITING_BATCHES {
        waiting.remove(0);
    }
    waiting.push(batch);
}

#[cfg(test)]
mod tests;
