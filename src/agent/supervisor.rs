//! The sources that run, each group by its own part of the configuration.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;
use tracing::error;

use crate::config::file::{RawConfig, UsageSource};
use crate::config::{Config, validated};
use crate::disk::Disks;
use crate::exposition::{ApiBudget, ApiUsage};
use crate::sources::aws::cloudwatch::{API, Budget, BudgetBalance, CloudWatchSource};
use crate::sources::aws::cost_explorer::BillSource;
use crate::sources::aws::lambda::LambdaSource;
use crate::sources::aws::load_balancers::{Bindings, LoadBalancerSource};
use crate::sources::aws::price_list::AwsPriceList;
use crate::sources::aws::spot::SpotPriceSource;
use crate::sources::aws::{Aws, Reader};
use crate::sources::azure::retail_prices::AzureRetail;
use crate::sources::kubernetes::{self, Connection, VersionApi};
use crate::sources::price_list::{ListSource, PriceList};
use crate::sources::price_queries::PriceQueryPublisher;
use crate::sources::prometheus::{AnnotationQuery, RequestsSource};
use crate::sources::scrape::{ScrapeSource, Targets};
use crate::sources::usage::{CadvisorSource, KubeletSource, MetricsApi, Nodes};
use crate::sources::{Context, DiscardCounts, Poll, Schedule, poll_forever};
use breakeven_model::Report;
use breakeven_model::inventory::{FunctionId, Observation};
use breakeven_model::inventory::{Source, SourceId, SourceLocation};

use super::poll_priority::poll_priorities;

/// How long connecting to the Kubernetes API may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The sources that run.
#[derive(Debug)]
pub(super) struct SourceSupervisor {
    context: Context,
    raw: RawConfig,
    /// Where the sources' file operations are watched.
    disks: Disks,
    kubernetes: SourceGroup,
    /// What the Kubernetes sources stand on.
    connection: Option<Connection>,
    aws: SourceGroup,
    requests: SourceGroup,
    edge: SourceGroup,
    prices: SourceGroup,
    price_queries: PriceQueryPublisher,
    own_queries: AnnotationQuery,
    scrape_targets: Targets,
    bindings: Bindings,
    nodes: Nodes,
    /// What the AWS sources that were replaced had spent.
    spent_before: BTreeMap<Arc<str>, ApiUsage>,
    /// What sources that were replaced had left out.
    discarded_before: DiscardedRecords,
    tallies: Vec<(SourceId, DiscardCounts)>,
    /// What the AWS sources stand on.
    session: Option<Aws>,
    /// The accounts and regions that are read.
    readers: Vec<Reader>,
    /// What reading metrics may cost.
    budget: Option<Budget>,
    /// What the budget before this one held.
    balance: Option<BudgetBalance>,
    /// How far the minutes of each function were read by a program before this one.
    read_to: HashMap<FunctionId, Timestamp>,
}

/// Counts of what was left out.
pub(super) type DiscardedRecords = BTreeMap<(SourceId, &'static str), u64>;

fn add(all: &mut DiscardedRecords, tallies: &[(SourceId, DiscardCounts)]) {
    for (source, discard_counts) in tallies {
        for (reason, count) in discard_counts.snapshot() {
            *all.entry((source.clone(), reason)).or_default() += count;
        }
    }
}

/// Sources that start and end together; dropping the group ends them.
#[derive(Debug, Default)]
struct SourceGroup(JoinSet<()>);

impl SourceGroup {
    /// Starts a source, which is on the board from now on.
    fn add(
        &mut self,
        context: &Context,
        id: impl Into<SourceId>,
        source: impl Future<Output = ()> + Send + 'static,
    ) {
        context.statuses.register(id);
        self.0.spawn(source);
    }

    /// Starts a source that is asked again and again.
    fn poll(&mut self, context: &Context, source: impl Poll + 'static, schedule: Schedule) {
        let id = source.id();
        self.add(context, id, poll_forever(source, schedule, context.clone()));
    }
}

impl SourceSupervisor {
    pub(super) fn new(context: Context, raw: RawConfig, disks: Disks) -> Self {
        Self {
            context,
            raw,
            disks,
            kubernetes: SourceGroup::default(),
            connection: None,
            aws: SourceGroup::default(),
            requests: SourceGroup::default(),
            edge: SourceGroup::default(),
            prices: SourceGroup::default(),
            price_queries: PriceQueryPublisher::default(),
            own_queries: AnnotationQuery::default(),
            scrape_targets: Targets::default(),
            bindings: Bindings::default(),
            nodes: Nodes::default(),
            spent_before: BTreeMap::new(),
            discarded_before: DiscardedRecords::new(),
            tallies: Vec::new(),
            session: None,
            readers: Vec::new(),
            budget: None,
            balance: None,
            read_to: HashMap::new(),
        }
    }

    /// Lets the sources go on from what a program before this one had read and not spent, once they start.
    pub(super) fn resume(
        &mut self,
        balance: Option<BudgetBalance>,
        read_to: HashMap<FunctionId, Timestamp>,
    ) {
        self.balance = balance;
        self.read_to = read_to;
    }

    /// Starts all sources.
    pub(super) fn start(&mut self, config: &Config) {
        self.start_kubernetes(config);
        self.start_aws(config.aws.as_ref());
        self.start_prices(config);
        self.start_requests(config);
        self.start_edge(config);
    }

    /// Restarts all sources, which may have read up to instants that are ahead of the clock. Functions are read from `read_to` on.
    pub(super) fn restart(
        &mut self,
        config: &Config,
        read_to: HashMap<FunctionId, Timestamp>,
        now: Timestamp,
    ) {
        self.balance = self.balance().map(|balance| balance.not_after(now));
        self.budget = None;
        self.read_to = read_to;
        self.start(config);
    }

    /// Lets the sources know what another one saw, as far as it concerns what they ask.
    pub(super) fn on_observation(&self, observation: &Observation) {
        if let Observation::Cluster(cluster) = observation {
            self.price_queries.on_snapshot(cluster);
            self.own_queries.on_snapshot(cluster);
            self.scrape_targets.on_snapshot(cluster);
            self.bindings.on_snapshot(cluster);
            self.nodes.on_snapshot(cluster);
        }
    }

    /// The connection to Kubernetes, if the cluster is read.
    pub(super) fn connection(&self) -> Option<Connection> {
        self.connection.clone()
    }

    /// Starts those sources anew whose part of the configuration has changed; the others go on. Those of Kubernetes also
    /// start anew for a new connection. Says whether requests are counted otherwise from now on.
    pub(super) fn change(
        &mut self,
        raw: RawConfig,
        config: &Config,
        has_new_connection: bool,
    ) -> bool {
        let window_changed = raw.model.decision_window_seconds.to_bits()
            != self.raw.model.decision_window_seconds.to_bits();
        let requests_changed = raw.requests != self.raw.requests;
        // What pods use may be read from the same server as requests.
        let usage_changed =
            requests_changed && raw.kubernetes.usage_source == UsageSource::Prometheus;
        // The watch of the pods knows which of them are scraped.
        let scrape_changed = raw.requests.scrape != self.raw.requests.scrape;
        let kubernetes_changed = raw.kubernetes != self.raw.kubernetes || has_new_connection;
        if kubernetes_changed || usage_changed || scrape_changed {
            self.start_kubernetes(config);
        }
        let aws_changed = raw.aws != self.raw.aws || window_changed;
        if aws_changed {
            self.start_aws(config.aws.as_ref());
        }
        if aws_changed
            || raw.kubernetes.enabled != self.raw.kubernetes.enabled
            || raw.prices.price_list != self.raw.prices.price_list
            || raw.prices.spot != self.raw.prices.spot
            || raw.prices.azure_retail != self.raw.prices.azure_retail
        {
            self.start_prices(config);
        }
        if requests_changed || window_changed {
            self.start_requests(config);
        }
        if requests_changed || aws_changed || raw.kubernetes.enabled != self.raw.kubernetes.enabled
        {
            self.start_edge(config);
        }
        self.raw = raw;
        requests_changed
    }

    fn start_kubernetes(&mut self, config: &Config) {
        self.kubernetes = SourceGroup::default();
        self.connection = None;
        self.forget(&[Source::Kubernetes, Source::Usage, Source::ControlPlane]);
        let Some(settings) = &config.kubernetes else {
            return;
        };
        let connection = Connection::new(settings.access.clone(), CONNECT_TIMEOUT);
        self.start_usage(settings, &connection, config.requests.as_ref());
        self.connection = Some(connection.clone());
        let version = VersionApi::new(connection.clone());
        let watch = settings.watch.clone();
        let cluster = kubernetes::run(connection, watch, self.context.clone());
        self.kubernetes
            .add(&self.context, Source::Kubernetes, cluster);
        self.kubernetes
            .poll(&self.context, version, settings.version);
    }

    fn start_usage(
        &mut self,
        settings: &validated::Kubernetes,
        connection: &Connection,
        requests: Option<&validated::Requests>,
    ) {
        let (statuses, schedule) = (self.context.statuses.clone(), settings.usage_schedule);
        match &settings.usage {
            validated::UsageSource::MetricsApi => {
                let api = MetricsApi::new(connection.clone(), statuses);
                self.kubernetes.poll(&self.context, api, schedule);
            }
            validated::UsageSource::Kubelet(settings) => {
                let connection = connection.clone();
                let kubelets =
                    KubeletSource::new(settings.clone(), connection, statuses, &self.nodes);
                self.tallies.push((kubelets.id(), kubelets.discarded()));
                self.kubernetes.poll(&self.context, kubelets, schedule);
            }
            validated::UsageSource::Cadvisor(settings) => {
                let Some(requests) = requests else { return };
                match CadvisorSource::new(*settings, &requests.prometheus) {
                    Ok(cadvisor) => {
                        self.disks.watch("usage", cadvisor.disk());
                        self.tallies.push((cadvisor.id(), cadvisor.discarded()));
                        self.kubernetes.poll(&self.context, cadvisor, schedule);
                    }
                    // The configuration was checked with the same function.
                    Err(error) => error!(%error, "what pods use cannot be read"),
                }
            }
        }
    }

    fn start_aws(&mut self, settings: Option<&validated::Aws>) {
        self.aws = SourceGroup::default();
        self.spent_before = self.aws_spend();
        self.session = None;
        self.readers.clear();
        self.balance = self.balance();
        self.budget = None;
        self.forget(&[Source::Lambda, Source::CloudWatch, Source::Bill]);
        let Some(settings) = settings else { return };
        let session = Aws::new(settings.session.clone());
        self.disks.watch("aws", session.disk());
        self.readers = settings.accounts.readers(&session);
        self.session = Some(session);
        let budget = Budget::new(settings.metrics_terms);
        if let Some(balance) = self.balance {
            budget.resume(balance);
        }
        let read_to = Arc::new(std::mem::take(&mut self.read_to));
        self.budget = Some(budget.clone());
        let mut billed = Vec::new();
        // Each account and region has its own, so that none waits for another.
        for Reader {
            functions: own,
            metrics,
        } in &self.readers
        {
            let functions = LambdaSource::new(settings.functions.clone(), own.clone());
            let listed = functions.listed();
            billed.push((own.clone(), functions.listed()));
            let metrics =
                CloudWatchSource::new(settings.metrics, metrics.clone(), listed, budget.clone())
                    .resuming(Arc::clone(&read_to));
            self.tallies.push((functions.id(), functions.discarded()));
            self.tallies.push((metrics.id(), metrics.discarded()));
            let (when_listed, when_read) = (settings.functions_schedule, settings.metrics_schedule);
            self.aws.poll(&self.context, functions, when_listed);
            self.aws.poll(&self.context, metrics, when_read);
        }
        if let (Some((bill, schedule)), Some(aws)) = (&settings.bill, &self.session) {
            let bill = BillSource::new(bill.clone(), aws.clone(), billed);
            self.disks.watch("bill", bill.disk());
            self.tallies.push((bill.id(), bill.discarded()));
            self.aws.poll(&self.context, bill, *schedule);
        }
    }

    /// Whether the functions of an account in a region are among those that are read. The account that is not known yet may be
    /// any that none of the roles is in.
    pub(super) fn reads(&self, account_id: &str, region: &str) -> bool {
        let sites: Vec<SourceLocation> = self
            .readers
            .iter()
            .map(|one| one.functions.site())
            .collect();
        let is = |known: &Option<Arc<str>>, one: &str| known.as_deref().is_some_and(|id| id == one);
        let is_of_a_role = sites.iter().any(|site| is(&site.account_id, account_id));
        sites.iter().any(|site| {
            let account = match &site.account_id {
                Some(_) => is(&site.account_id, account_id),
                None => !is_of_a_role,
            };
            account && (site.region.is_none() || is(&site.region, region))
        })
    }

    /// Starts the sources of prices. AWS is asked as the program itself: prices are the same in every account.
    fn start_prices(&mut self, config: &Config) {
        self.prices = SourceGroup::default();
        self.forget(&[Source::PriceList, Source::Spot, Source::AzureRetail]);
        self.start_azure_retail(config);
        let Some(aws) = self.session.clone() else {
            return;
        };
        if let Some((settings, schedule)) = &config.price_list {
            let list = AwsPriceList::new(aws.clone());
            let list = ListSource::new(settings, list, self.price_queries.listen());
            self.start_list(list, *schedule);
        }
        if let Some(schedule) = config.spot {
            let spot =
                SpotPriceSource::new(schedule.interval, aws.clone(), self.price_queries.listen());
            self.tallies.push((spot.id(), spot.discarded()));
            self.prices.poll(&self.context, spot, schedule);
        }
    }

    fn start_azure_retail(&mut self, config: &Config) {
        let Some((settings, schedule)) = &config.azure_retail else {
            return;
        };
        match AzureRetail::at(&settings.base_url) {
            Ok(list) => {
                self.disks.watch("azure_retail", list.disk());
                let list = ListSource::new(&settings.list, list, self.price_queries.listen());
                self.start_list(list, *schedule);
            }
            // The configuration was checked with the same function.
            Err(error) => error!(%error, "Azure's retail prices cannot be read"),
        }
    }

    fn start_list<L: PriceList + 'static>(&mut self, list: ListSource<L>, schedule: Schedule) {
        if let Some(disk) = list.disk() {
            self.disks.watch(list.id().to_string(), disk);
        }
        self.tallies.push((list.id(), list.discarded()));
        self.prices.poll(&self.context, list, schedule);
    }

    fn start_requests(&mut self, config: &Config) {
        self.requests = SourceGroup::default();
        self.forget(&[Source::Requests, Source::Scrape]);
        if let Some((settings, schedule)) = &config.scrape {
            let source = ScrapeSource::new(settings.clone(), &self.scrape_targets);
            self.tallies.push((source.id(), source.discarded()));
            self.requests.poll(&self.context, source, *schedule);
        }
        let Some(settings) = &config.requests else {
            return;
        };
        match RequestsSource::with(&settings.prometheus, &self.own_queries) {
            Ok(source) => {
                self.disks.watch("requests", source.disk());
                self.tallies.push((source.id(), source.discarded()));
                self.requests.poll(&self.context, source, settings.schedule);
            }
            // The configuration was checked with the same function.
            Err(error) => error!(%error, "requests cannot be counted"),
        }
    }

    /// Starts the source of what is counted before the cluster, as the program itself and from the budget of all metrics.
    fn start_edge(&mut self, config: &Config) {
        self.edge = SourceGroup::default();
        self.forget(&[Source::Edge]);
        let (Some((settings, schedule)), Some(aws), Some(budget)) =
            (&config.edge, &self.session, &self.budget)
        else {
            return;
        };
        let edge = LoadBalancerSource::new(
            settings.clone(),
            aws.clone(),
            &self.bindings,
            budget.clone(),
        );
        self.tallies.push((edge.id(), edge.discarded()));
        self.edge.poll(&self.context, edge, *schedule);
    }

    /// Takes sources that have ended off the board, and keeps their counts.
    fn forget(&mut self, sources: &[Source]) {
        for source in sources {
            self.context.statuses.remove(*source);
        }
        let (ended, live) = std::mem::take(&mut self.tallies)
            .into_iter()
            .partition(|(id, _)| sources.contains(&id.source));
        self.tallies = live;
        add(&mut self.discarded_before, &ended);
    }

    /// What the sources received and left out since the program started, by source and reason.
    pub(super) fn discarded(&self) -> DiscardedRecords {
        let mut all = self.discarded_before.clone();
        add(&mut all, &self.tallies);
        all
    }

    /// What reading metrics may cost, and the plan that follows; absent where they are not read.
    pub(super) const fn budget(&self) -> Option<&Budget> {
        self.budget.as_ref()
    }

    /// What that budget holds, or the one before it held.
    pub(super) fn balance(&self) -> Option<BudgetBalance> {
        let held = self.budget.as_ref().and_then(Budget::balance);
        held.or(self.balance)
    }

    /// Says what is at stake with each function, so that those that matter are read more often.
    pub(super) fn set_poll_priorities(&self, report: &Report) {
        if let Some(budget) = &self.budget {
            budget.set_poll_priorities(poll_priorities(report));
        }
    }

    /// What asking AWS may cost and will cost by the plan, by API.
    pub(super) fn aws_budgets(&self) -> BTreeMap<Arc<str>, ApiBudget> {
        let planned = |budget: &Budget| {
            let plan = budget.plan();
            let budget = ApiBudget {
                monthly: budget.monthly(),
                expected: plan.expected().cost(),
                longest_interval: plan.longest(),
            };
            (API.into(), budget)
        };
        self.budget.iter().map(planned).collect()
    }

    /// What was asked of AWS since the program started, and what that cost.
    pub(super) fn aws_spend(&self) -> BTreeMap<Arc<str>, ApiUsage> {
        let mut all = self.spent_before.clone();
        for (api, spend) in self
            .session
            .iter()
            .flat_map(|session| session.spend().snapshot())
        {
            let sum = all.entry(api.into()).or_default();
            sum.requests += spend.requests;
            sum.cost += spend.cost();
        }
        all
    }
}
