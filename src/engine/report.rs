//! The report of what the engine knows.

use std::sync::Arc;

use jiff::Timestamp;

use super::Engine;
use crate::ledger::{FunctionAccount, WorkloadAccount};
use breakeven_model::alternatives::kubernetes::{ClusterPrices, NodeType};
use breakeven_model::assessment::{self, Assessment};
use breakeven_model::billing::reconcile;
use breakeven_model::cold_starts::Method;
use breakeven_model::counterpart::pair;
use breakeven_model::inputs::Evidence;
use breakeven_model::inputs::WorkloadInputs;
use breakeven_model::inventory::{CapacityType, Function, Resources, WorkloadId, WorkloadKind};
use breakeven_model::lambda::HttpEndpointOrigin;
use breakeven_model::resource_prices::split;
use breakeven_model::units::{Requests, Seconds, Usd, UsdPerHour};
use breakeven_model::verdict::StableVerdict;
use breakeven_model::{
    AccountReport, ClusterComponent, ClusterReport, Component, FunctionCounters, Outcome, Platform,
    Report, SharedWorkload, Throttled, WorkloadAttributes, WorkloadRef, WorkloadReport,
};

/// The label that names the team that owns a function.
const TEAM: &str = "team";

impl Engine {
    /// Everything that is known at an instant.
    #[must_use]
    pub fn report(&mut self, now: Timestamp) -> Report {
        self.ledger.prune(now);
        let mut workloads: Vec<WorkloadReport> = self
            .ledger
            .workloads()
            .filter(|(id, _)| self.is_present(id))
            .map(|(id, account)| self.workload(id, account, now))
            .collect();
        let prices = self.cluster_prices();
        let functions = self
            .by_id
            .values()
            .map(|function| self.function(function, prices.as_ref()));
        let mut functions: Vec<WorkloadReport> = functions.collect();
        pair_up(&mut workloads, &mut functions);
        let cluster = self
            .cluster
            .as_ref()
            .map(|_| self.cluster_report(&workloads));
        let mut workloads = workloads;
        workloads.extend(functions);
        workloads.sort_by(|left, right| left.workload.cmp(&right.workload));
        self.settle(&mut workloads, now);
        let shared = self
            .ledger
            .shared()
            .map(|(workload, cost_total)| SharedWorkload {
                workload: workload.clone(),
                cost_total,
            });
        let accounts = self.functions.values().map(|one| AccountReport {
            account_id: Arc::clone(&one.account_id),
            region: Arc::clone(&one.region),
            concurrency_limit: one.concurrency_limit,
        });
        Report {
            at: now,
            settings: Arc::new(self.charged(now)),
            workloads,
            shared: shared.collect(),
            nodes: self.rates.nodes.clone(),
            volumes: self.rates.volumes.clone(),
            cluster,
            accounts: accounts.collect(),
            bill: self
                .bill
                .as_ref()
                .map(|bill| reconcile(bill, self.ledger.days(), &self.settings)),
            requests: self.origin.clone(),
        }
    }

    /// Gives each subject the verdict that stands, and forgets those of subjects that are gone.
    fn settle(&mut self, workloads: &mut [WorkloadReport], now: Timestamp) {
        let mut before = std::mem::take(&mut self.verdicts);
        for one in workloads {
            let assessment = &mut one.assessment;
            let fresh = assessment.verdict;
            let mut settled = before
                .remove(&one.workload)
                .unwrap_or(StableVerdict::new(fresh));
            let (window, seen) = (self.settings.decision_window, seen(&assessment.evidence));
            settled.record_seen(seen, window);
            let blockers = assessment.blockers();
            if blockers.iter().all(|reason| reason.is_measured()) {
                let held = settled.consider(fresh, now, window);
                // A limit that is exceeded shows at once, but a single measurement does not end a verdict that is held.
                if blockers.is_empty() {
                    assessment.verdict = held;
                }
            } else {
                // What cannot move must not be held at a verdict from before.
                settled.show(fresh);
            }
            one.provisional = settled.is_provisional().then_some(seen);
            self.verdicts.insert(one.workload.clone(), settled);
        }
    }

    /// A workload vanishes with its pods; one whose pods come and go by the clock stays for a window.
    fn is_present(&self, id: &WorkloadId) -> bool {
        self.rates.workloads.contains_key(id) || id.kind == WorkloadKind::CronJob
    }

    fn workload(
        &self,
        id: &WorkloadId,
        account: &WorkloadAccount,
        now: Timestamp,
    ) -> WorkloadReport {
        let facts = self.facts.get(id).cloned().unwrap_or_default();
        let notes = self
            .cluster
            .as_ref()
            .and_then(|one| one.annotations.get(id));
        let workload_inputs = WorkloadInputs {
            unpriced_pods: self
                .rates
                .workloads
                .get(id)
                .map_or(0, |rates| rates.unpriced_pods),
            needs_accelerator: facts.needs_accelerator,
            is_on_windows: facts.is_on_windows,
            unchanged_for: self
                .steady_pods
                .since(id)
                .map_or(Seconds::ZERO, |since| Seconds::between(since, now)),
            persistent_volume: facts.persistent_volume,
            host_network: facts.host_network,
            pod: facts.pod,
            concurrency_limit: self.concurrency_limit(),
            scaler: self
                .cluster
                .as_ref()
                .and_then(|one| one.scalers.get(id).copied()),
            is_excluded: notes.as_ref().is_some_and(|notes| notes.is_excluded),
            latency_objective: notes.as_ref().and_then(|notes| notes.latency_objective),
        };
        let month = self.ledger.workload_month(account, now);
        let mut window = self.ledger.workload_window(account, now);
        window.count_rare_requests(&month);
        let assessment = assessment::workload(id, &window, workload_inputs, &self.settings);
        let spent = account.accrued();
        let workload_ref = WorkloadRef::Kubernetes(id.clone());
        let (cost_total, used_cost_total) = if account.has_price() {
            let cost = vec![
                (Component::Cpu, spent.cpu),
                (Component::Memory, spent.memory),
                (Component::Gpu, spent.gpu),
                (Component::Storage, spent.storage),
                (Component::Idle, spent.idle),
                (Component::Shared, spent.shared),
                (Component::Fixed, spent.fixed),
            ];
            let used = vec![
                (Component::Cpu, spent.used_cpu),
                (Component::Memory, spent.used_memory),
            ];
            (cost, used)
        } else {
            (Vec::new(), Vec::new())
        };
        let requests_total = if account.is_counted() {
            vec![(Outcome::Served, account.requests())]
        } else {
            Vec::new()
        };
        let shown = WorkloadAttributes {
            team: facts.team,
            traffic_pattern: window.traffic.and_then(|traffic| traffic.pattern),
            annotations: notes.cloned(),
            scaler: workload_inputs.scaler,
            requests_by: self.requests_by(id),
            query_failure: self.query_failures.get(id).cloned(),
            lambda_memory: assessment.lambda_memory(),
            ..WorkloadAttributes::default()
        };
        WorkloadReport {
            used_cost_total,
            month: Some(month),
            throttled: account.throttled().map(|total| Throttled {
                total,
                ratio: window.throttling.and_then(|throttling| throttling.ratio()),
            }),
            nodes: facts.nodes,
            ..workload_report(workload_ref, assessment, cost_total, requests_total, shown)
        }
    }

    fn function(&self, function: &Function, prices: Option<&ClusterPrices>) -> WorkloadReport {
        let account = self.ledger.function(&function.id);
        let window = account.and_then(FunctionAccount::window);
        let assessment =
            window.map(|window| assessment::function(function, window, prices, &self.settings));
        let totals = account.map(FunctionAccount::totals);
        let cost_total = totals.map_or_else(Vec::new, |totals| {
            let costs = totals.cost.iter();
            costs
                .map(|(part, cost)| (Component::Lambda(*part), *cost))
                .collect()
        });
        let requests_total = totals.map_or_else(Vec::new, |totals| {
            vec![
                (Outcome::Served, totals.served),
                (Outcome::Failed, totals.errors),
            ]
        });
        let (http_endpoint, origin) = self.settings.lambda.http_endpoint_of(function);
        let facts = WorkloadAttributes {
            architecture: Some(function.architecture),
            runtime: function.runtime.clone(),
            team: function.labels.get(TEAM).cloned(),
            labels: function.labels.clone(),
            http_endpoint: (origin != HttpEndpointOrigin::Assumed).then_some(http_endpoint),
            event_sources: function.event_sources.clone().unwrap_or_default(),
            insights: function.insights,
            reserved_concurrency: function.reserved_concurrency,
            lambda_memory: Some(function.memory),
            provisioned_concurrency: function
                .provisioned
                .as_ref()
                .map(|_| function.provisioned_concurrency()),
            traffic_pattern: window.and_then(|window| window.pattern),
            ..WorkloadAttributes::default()
        };
        let method = match function.cold_share() {
            Some(_) => Method::Measured,
            None => Method::ConcurrencyColdStarts,
        };
        let counters = totals.map(|totals| FunctionCounters {
            gib_seconds_total: totals.gib_seconds,
            errors_total: totals.errors,
            throttles_total: totals.throttles,
            cold_starts_total: (method, totals.cold_starts),
            concurrency_peak: window.and_then(|window| window.concurrency_peak),
        });
        let workload = WorkloadRef::Lambda(function.id.clone());
        let assessment = assessment.unwrap_or_else(|| Assessment::unknown(Platform::Lambda));
        WorkloadReport {
            function: counters,
            ..workload_report(workload, assessment, cost_total, requests_total, facts)
        }
    }

    /// What counts the requests of a workload.
    fn requests_by(&self, id: &WorkloadId) -> Option<Arc<str>> {
        let account = self.ledger.workload(id);
        match account.and_then(WorkloadAccount::dedicated_source) {
            Some(by) => Some(by.as_str().into()),
            None => self.origin.as_ref().and_then(|origin| origin.name.clone()),
        }
    }

    fn cluster_report(&self, workloads: &[WorkloadReport]) -> ClusterReport {
        let account = self.ledger.cluster();
        let spent = account.accrued();
        let comparable: Vec<(Usd, Usd, Usd)> = workloads
            .iter()
            .map(|one| &one.assessment)
            .filter(|one| one.blockers().is_empty())
            .filter_map(|one| {
                let loaded = one.monthly(Platform::Kubernetes)?.point;
                let used = loaded * one.utilization.cost?;
                Some((used, loaded, one.monthly(Platform::Lambda)?.point))
            })
            .collect();
        let used: Usd = comparable.iter().map(|one| one.0).sum();
        ClusterReport {
            cost_total: vec![
                (ClusterComponent::Allocated, spent.allocated),
                (ClusterComponent::Idle, spent.idle),
                (ClusterComponent::Shared, spent.shared),
                (ClusterComponent::Fixed, spent.fixed),
                (ClusterComponent::Unallocated, spent.unallocated),
            ],
            observed_total: account.observed(),
            unobserved_total: account.unobserved(),
            utilization: used.over(comparable.iter().map(|one| one.1).sum()),
            breakeven_utilization: used.over(comparable.iter().map(|one| one.2).sum()),
            unpriced_pods: self.rates.unpriced_pods,
        }
    }

    /// What the cluster's machines cost; absent while none has a price.
    fn cluster_prices(&self) -> Option<ClusterPrices> {
        let mut price = UsdPerHour::ZERO;
        let mut capacity = Resources::default();
        let mut machines: Vec<NodeType> = Vec::new();
        for report in &self.rates.nodes {
            let is_machine = report.node.capacity_type != CapacityType::Fargate;
            if let (true, Ok(known)) = (is_machine, &report.price) {
                price += known.price;
                capacity.cpu += report.node.capacity.cpu;
                capacity.memory += report.node.capacity.memory;
                let machine = NodeType {
                    price: known.price,
                    allocatable: report.node.allocatable,
                };
                if !machines.contains(&machine) {
                    machines.push(machine);
                }
            }
        }
        let mean = split(price, capacity, self.settings.weights)?;
        Some(ClusterPrices { mean, machines })
    }

    /// The least limit of the accounts that say theirs: a workload would move to one of them.
    fn concurrency_limit(&self) -> Option<u32> {
        self.functions
            .values()
            .filter_map(|one| one.concurrency_limit)
            .min()
    }
}

/// Puts each workload beside the function that its annotation names, where there is just one such function.
fn pair_up(workloads: &mut [WorkloadReport], functions: &mut [WorkloadReport]) {
    for workload in workloads {
        let Some(name) = workload
            .facts
            .annotations
            .as_ref()
            .and_then(|notes| notes.lambda_function.clone())
        else {
            continue;
        };
        let mut meant = functions.iter_mut().filter(
            |function| matches!(&function.workload, WorkloadRef::Lambda(id) if name.means(id)),
        );
        if let (Some(function), None) = (meant.next(), meant.next()) {
            pair(workload, function);
        }
    }
}

/// How much of the decision window was seen of a subject: of its cost and its requests, whichever is less.
fn seen(evidence: &Evidence) -> Seconds {
    match evidence {
        Evidence::Nothing | Evidence::Unpriced(_) => Seconds::ZERO,
        Evidence::Workload(evidence) => {
            let traffic = evidence.window.traffic.unwrap_or_default();
            evidence.window.observed.min(traffic.covered)
        }
        Evidence::Function(evidence) => evidence.covered,
    }
}

fn workload_report(
    workload: WorkloadRef,
    assessment: Assessment,
    cost_total: Vec<(Component, Usd)>,
    requests_total: Vec<(Outcome, Requests)>,
    facts: WorkloadAttributes,
) -> WorkloadReport {
    WorkloadReport {
        workload,
        cost_total,
        used_cost_total: Vec::new(),
        requests_total,
        throttled: None,
        function: None,
        facts,
        assessment,
        provisional: None,
        month: None,
        nodes: Vec::new(),
    }
}
