//! The report: everything that is known at one instant, immutable, ready to be shown.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::band::{Banded, Parameter};
use super::evidence::Evidence;
use super::pattern::Pattern;
use super::settings::Settings;
use crate::observation::{Architecture, FunctionId, Node, WorkloadId};
use crate::units::{
    GibSeconds, MemoryMib, Ratio, Requests, Seconds, Usd, UsdDelta, UsdPerCoreHour, UsdPerGibHour,
    UsdPerHour, UsdPerRequest,
};

/// Everything that is known at one instant.
#[derive(Clone, Debug)]
pub struct Report {
    /// The instant.
    pub at: Timestamp,
    /// The settings that it was made with.
    pub settings: Arc<Settings>,
    /// The workloads of the cluster that carry cost, and the functions.
    pub subjects: Vec<SubjectReport>,
    /// The workloads whose cost is spread over the others.
    pub shared: Vec<SharedWorkload>,
    /// The nodes.
    pub nodes: Vec<NodeReport>,
    /// The cluster as a whole; absent while none was ever seen.
    pub cluster: Option<ClusterReport>,
    /// The AWS accounts and regions.
    pub accounts: Vec<AccountReport>,
}

impl Report {
    /// The subjects that a name means: `namespace/Kind/name`, `namespace/name` or the name alone; for functions
    /// `account/region/name` or the name.
    #[must_use]
    pub fn find(&self, name: &str) -> Vec<&SubjectReport> {
        let means = |subject: &Subject| match subject {
            Subject::Workload(id) => {
                let short = name.split_once('/');
                name == &*id.name
                    || short.is_some_and(|(namespace, name)| {
                        namespace == &*id.namespace && name == &*id.name
                    })
            }
            Subject::Function(id) => name == &*id.name,
        };
        let whole = |subject: &Subject| subject.to_string() == name;
        self.subjects
            .iter()
            .filter(|one| means(&one.subject) || whole(&one.subject))
            .collect()
    }
}

/// A platform that work runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Home {
    /// The cluster.
    Kubernetes,
    /// AWS Lambda.
    Lambda,
}

impl Home {
    /// As it stands in the `home` and `platform` labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Lambda => "lambda",
        }
    }

    /// The other platform.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Kubernetes => Self::Lambda,
            Self::Lambda => Self::Kubernetes,
        }
    }
}

/// Whose cost it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A workload of the cluster.
    Workload(WorkloadId),
    /// A function.
    Function(FunctionId),
}

impl Subject {
    /// Where it runs.
    #[must_use]
    pub const fn home(&self) -> Home {
        match self {
            Self::Workload(_) => Home::Kubernetes,
            Self::Function(_) => Home::Lambda,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workload(workload) => workload.fmt(formatter),
            Self::Function(function) => function.fmt(formatter),
        }
    }
}

/// What a cost of a cluster's workload includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// What it uses.
    Used,
    /// What is held for it: the larger of request and use.
    Allocated,
    /// That, and its part of idle, shared and fixed cost. Reconciles with the bill.
    Loaded,
    /// What its leaving would really free.
    Avoidable,
}

impl Basis {
    /// As it stands in the `basis` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Allocated => "allocated",
            Self::Loaded => "loaded",
            Self::Avoidable => "avoidable",
        }
    }
}

/// A part of what a subject costs where it runs. The parts exclude each other and add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// Processors held for it.
    Cpu,
    /// Memory held for it.
    Memory,
    /// GPUs held for it.
    Gpu,
    /// Its part of what nobody holds.
    Idle,
    /// Its part of what serves everybody.
    Shared,
    /// Its part of what the cluster costs besides its nodes.
    Fixed,
    /// Lambda's fee for each request.
    Requests,
    /// Lambda's price of duration.
    Duration,
    /// Lambda's `/tmp` above 512 MB.
    Ephemeral,
}

impl Component {
    /// As it stands in the `component` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Gpu => "gpu",
            Self::Idle => "idle",
            Self::Shared => "shared",
            Self::Fixed => "fixed",
            Self::Requests => "requests",
            Self::Duration => "duration",
            Self::Ephemeral => "ephemeral",
        }
    }
}

/// A part of what the whole cluster costs. The parts exclude each other and add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClusterComponent {
    /// Held for workloads.
    Allocated,
    /// Held for nobody, carried by workloads.
    Idle,
    /// Shared workloads, carried by the others.
    Shared,
    /// Besides the nodes, carried by workloads.
    Fixed,
    /// Carried by nobody.
    Unattributed,
}

impl ClusterComponent {
    /// As it stands in the `component` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allocated => "allocated",
            Self::Idle => "idle",
            Self::Shared => "shared",
            Self::Fixed => "fixed",
            Self::Unattributed => "unattributed",
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Served, well or not as far as is known.
    Served,
    /// Served, and known to have failed.
    Failed,
}

impl Outcome {
    /// As it stands in the `outcome` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Failed => "failed",
        }
    }
}

/// What is known of one subject.
#[derive(Clone, Debug)]
pub struct SubjectReport {
    /// Whose.
    pub subject: Subject,
    /// Money spent where it runs since the program started, by component.
    pub cost_total: Vec<(Component, Usd)>,
    /// Money for what it used since the program started, by resource (`cpu`, `memory`).
    pub used_cost_total: Vec<(Component, Usd)>,
    /// Requests since the program started, by how they ended.
    pub requests_total: Vec<(Outcome, Requests)>,
    /// More counts, of functions only.
    pub function: Option<FunctionCounters>,
    /// What it costs on each platform, as far as that is known.
    pub costs: Vec<PlatformCost>,
    /// What moving to the other platform would save each month; negative where it would cost.
    pub monthly_saving: Option<UsdDelta>,
    /// How well it uses what it pays for.
    pub utilization: Utilization,
    /// The utilisation at which both platforms cost the same.
    pub breakeven_utilization: Option<Ratio>,
    /// The traffic at which both platforms cost the same.
    pub breakeven: Option<Breakeven>,
    /// What follows.
    pub verdict: Verdict,
    /// Why it cannot move.
    pub ineligible: Vec<Ineligibility>,
    /// The parameter that moves the projection most, and by how much of it.
    pub uncertainty: Option<(Parameter, Ratio)>,
    /// Facts for joins.
    pub facts: SubjectFacts,
    /// The nodes that its pods are on.
    pub nodes: Vec<Arc<str>>,
    /// What all this stands on.
    pub evidence: Evidence,
}

impl SubjectReport {
    /// The cost on a platform, on the basis that decisions stand on.
    #[must_use]
    pub fn decisive(&self, platform: Home) -> Option<&PlatformCost> {
        let is = |cost: &&PlatformCost| cost.platform == platform && cost.basis == Basis::Loaded;
        self.costs.iter().find(is)
    }
}

/// Counts of a function since the program started, and its peak.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FunctionCounters {
    /// Memory over billed time.
    pub gib_seconds_total: GibSeconds,
    /// Invocations that failed.
    pub errors_total: Requests,
    /// Invocations that were turned away.
    pub throttles_total: Requests,
    /// The most environments at once in the decision window, where known.
    pub concurrency_peak: Option<u32>,
}

/// What a subject costs on one platform, on one basis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlatformCost {
    /// The platform; the subject's home: observed, the other: projected.
    pub platform: Home,
    /// What is included.
    pub basis: Basis,
    /// The decision window scaled to a month.
    pub monthly: Banded,
    /// The requests of that month.
    pub requests: Requests,
}

impl PlatformCost {
    /// The cost of one request; absent where there were none.
    #[must_use]
    pub fn per_request(&self) -> Option<UsdPerRequest> {
        self.monthly.point.per(self.requests)
    }

    /// The least and the most that one request may cost; absent where there were none.
    #[must_use]
    pub fn per_request_band(&self) -> Option<(UsdPerRequest, UsdPerRequest)> {
        Some((
            self.monthly.low.per(self.requests)?,
            self.monthly.high.per(self.requests)?,
        ))
    }
}

/// How well a workload uses what it pays for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Utilization {
    /// Cost used / cost loaded.
    pub cost: Option<Ratio>,
    /// Processors used / processors held.
    pub cpu: Option<Ratio>,
    /// Memory used / memory held.
    pub memory: Option<Ratio>,
}

/// Where the costs of the platforms cross.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Breakeven {
    /// They cross; requests per month.
    Crossing {
        /// The least traffic at which they cost the same.
        first: Requests,
        /// The traffic above which Kubernetes always costs less; absent where it never does for good.
        sustained: Option<Requests>,
    },
    /// Kubernetes costs less at any traffic.
    KubernetesAlways,
    /// Lambda costs less at any traffic.
    LambdaAlways,
    /// They would cross above the traffic that the capacity can serve.
    BeyondCapacity,
}

/// Which platform costs less, or why that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Kubernetes costs less.
    Kubernetes,
    /// Lambda costs less.
    Lambda,
    /// They cost about the same.
    Inconclusive,
    /// Less than an hour, or less than 100 requests, was seen.
    InsufficientData,
    /// No requests were seen, or nothing counts them.
    NoRequests,
    /// How long a request takes is not known.
    NoLatency,
    /// A price is not known.
    Unpriced,
}

impl Verdict {
    /// All of them, in the order of the reference.
    pub const ALL: [Self; 7] = [
        Self::Kubernetes,
        Self::Lambda,
        Self::Inconclusive,
        Self::InsufficientData,
        Self::NoRequests,
        Self::NoLatency,
        Self::Unpriced,
    ];

    /// Whether it is a comparison of the platforms, and not a reason why there is none.
    #[must_use]
    pub const fn decides(self) -> bool {
        matches!(self, Self::Kubernetes | Self::Lambda | Self::Inconclusive)
    }

    /// As it stands in the `verdict` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Lambda => "lambda",
            Self::Inconclusive => "inconclusive",
            Self::InsufficientData => "insufficient_data",
            Self::NoRequests => "no_requests",
            Self::NoLatency => "no_latency",
            Self::Unpriced => "unpriced",
        }
    }
}

/// Why a workload cannot move to Lambda as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ineligibility {
    /// It keeps state: a StatefulSet.
    Stateful,
    /// It serves its node: a DaemonSet.
    PerNode,
    /// It keeps data on a persistent volume.
    PersistentVolume,
    /// It shares the network of its node.
    HostNetwork,
    /// It needs a GPU.
    Gpu,
    /// It needs more memory than Lambda offers.
    Memory,
    /// A request takes longer than Lambda allows.
    Duration,
    /// It would be slower than its latency objective at any memory setting.
    Latency,
    /// At its peak it would need more environments than the account may run.
    NeedsQuota,
}

impl Ineligibility {
    /// As it stands in the `reason` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stateful => "stateful",
            Self::PerNode => "per_node",
            Self::PersistentVolume => "persistent_volume",
            Self::HostNetwork => "host_network",
            Self::Gpu => "gpu",
            Self::Memory => "memory",
            Self::Duration => "duration",
            Self::Latency => "latency",
            Self::NeedsQuota => "needs_quota",
        }
    }
}

/// Facts of a subject that others join on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubjectFacts {
    /// The processor.
    pub architecture: Option<Architecture>,
    /// The runtime of a function.
    pub runtime: Option<Arc<str>>,
    /// The memory of the function, or of the workload's equivalent.
    pub lambda_memory: Option<MemoryMib>,
    /// The team that owns it.
    pub team: Option<Arc<str>>,
    /// How its requests are spread over time.
    pub traffic_pattern: Option<Pattern>,
}

/// A workload whose cost is spread over the others.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedWorkload {
    /// Which one.
    pub workload: WorkloadId,
    /// What it cost since the program started.
    pub cost_total: Usd,
}

/// A node and its price.
#[derive(Clone, Debug)]
pub struct NodeReport {
    /// The node.
    pub node: Arc<Node>,
    /// Its price, or why it has none.
    pub price: Result<NodePrice, Unpriced>,
    /// What one of its cores costs.
    pub core_price: Option<UsdPerCoreHour>,
    /// What one of its GiB costs.
    pub memory_price: Option<UsdPerGibHour>,
}

/// The price of a node, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct NodePrice {
    /// The price.
    pub price: UsdPerHour,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// Where a price comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Provenance {
    /// Which source.
    pub source: PriceSource,
    /// When it was learned; absent for what is written in the configuration.
    pub fetched_at: Option<Timestamp>,
    /// How it was made, for a reader.
    pub method: Arc<str>,
}

/// Sources of prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PriceSource {
    /// The configuration.
    Config,
    /// The list prices that the program carries.
    Embedded,
}

impl PriceSource {
    /// As it stands in the `price_source` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Embedded => "embedded",
        }
    }
}

/// Why a node has no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unpriced {
    /// It does not say what kind of machine it is.
    NoInstanceType,
    /// The price of this kind of machine is not known.
    UnknownInstanceType,
    /// Prices of this region are not known.
    UnknownRegion,
    /// A spot node, and nothing says what spot capacity costs now.
    NoSpotPrice,
    /// A Fargate node whose pod does not say which size was provisioned.
    NoFargateSize,
    /// It does not say how much it has.
    NoCapacity,
}

impl Unpriced {
    /// As it stands in the `reason` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoInstanceType => "no_instance_type",
            Self::UnknownInstanceType => "unknown_instance_type",
            Self::UnknownRegion => "unknown_region",
            Self::NoSpotPrice => "no_spot_price",
            Self::NoFargateSize => "no_fargate_size",
            Self::NoCapacity => "no_capacity",
        }
    }
}

/// The cluster as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterReport {
    /// Money spent since the program started, by component.
    pub cost_total: Vec<(ClusterComponent, Usd)>,
    /// The time over which it was spent.
    pub observed_total: Seconds,
    /// Time that passed unseen, and was charged to nobody.
    pub unobserved_total: Seconds,
    /// Cost used / cost loaded over workloads that could move.
    pub utilization: Option<Ratio>,
    /// The utilisation at which they would cost the same on Lambda.
    pub breakeven_utilization: Option<Ratio>,
    /// Pods that cost nothing here because their node has no price.
    pub unpriced_pods: usize,
}

/// An AWS account in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountReport {
    /// The account.
    pub account_id: Arc<str>,
    /// The region.
    pub region: Arc<str>,
    /// How many environments it may run at once.
    pub concurrency_limit: Option<u32>,
}
