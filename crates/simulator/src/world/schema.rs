//! The world file as it is written: every key, with its default. `docs/worlds.md` documents it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bill::BillSpec;
use super::ingestion_delay::IngestionDelaySpec;
use super::prices::PricesSpec;
use super::storage::{ClaimSpec, StorageClassSpec, VolumeSpec};
use super::traffic::Traffic;

/// A world file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldSpec {
    /// Name of the world; shown, and part of no number.
    pub name: String,
    /// Where all chance comes from: names, uids, bursts.
    #[serde(default)]
    pub seed: u64,
    /// The AWS account, twelve digits.
    #[serde(default = "default_account")]
    pub account_id: String,
    /// The AWS region of the cluster and of the functions.
    #[serde(default = "default_region")]
    pub region: String,
    /// How long the credentials live that a service account of the cluster gets for a role in this account, whatever is
    /// asked for; absent: as asked for.
    #[serde(default)]
    pub session_seconds: Option<u32>,
    /// Further accounts, each with a role that the caller may assume.
    #[serde(default)]
    pub accounts: Vec<AccountSpec>,
    /// The world's time when the simulation starts; absent: the wall's time.
    #[serde(default)]
    pub start: Option<Timestamp>,
    /// World seconds per wall second.
    #[serde(default = "default_speed")]
    pub speed: f64,
    /// Hours before the start at which counters and CloudWatch metrics begin.
    #[serde(default = "default_history_hours")]
    pub history_hours: u32,
    /// How late CloudWatch shows what happened; absent: each minute at once, a minute after its end.
    #[serde(default)]
    #[serde(rename = "lateness")]
    pub ingestion_delay: Option<IngestionDelaySpec>,
    /// How the bill differs from the list prices; absent: not at all.
    #[serde(default)]
    pub bill: Option<BillSpec>,
    /// What AWS says that machines cost.
    #[serde(default)]
    pub prices: PricesSpec,
    /// The cluster's nodes.
    #[serde(default)]
    pub nodes: Vec<NodeSpec>,
    /// The cluster's namespaces.
    #[serde(default)]
    pub namespaces: Vec<NamespaceSpec>,
    /// The cluster's storage classes.
    #[serde(default)]
    pub storage_classes: Vec<StorageClassSpec>,
    /// The volumes that nobody claimed.
    #[serde(default)]
    pub volumes: Vec<VolumeSpec>,
    /// What runs on the cluster.
    #[serde(default)]
    pub workloads: Vec<WorkloadSpec>,
    /// The Lambda functions.
    #[serde(default)]
    pub functions: Vec<FunctionSpec>,
}

/// An account beside the world's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSpec {
    /// Twelve digits.
    pub id: String,
    /// Name of the role that can be assumed there.
    #[serde(default = "default_role")]
    pub role: String,
    /// What must be given with the request for the role; absent: anything will do.
    #[serde(default)]
    pub external_id: Option<String>,
    /// How long the credentials of the role live, whatever is asked for; absent: as asked for.
    #[serde(default)]
    pub session_seconds: Option<u32>,
    /// Whether the world's own account can read its metrics (CloudWatch cross-account observability).
    #[serde(default)]
    pub linked: bool,
}

/// One node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSpec {
    /// Name of the Node object.
    pub name: String,
    /// EC2 instance type; required, except on Fargate, where there is none.
    #[serde(default)]
    pub instance_type: Option<String>,
    /// Availability zone.
    pub zone: String,
    /// How it is paid.
    #[serde(default)]
    pub capacity_type: CapacityType,
    /// Processor architecture.
    #[serde(default)]
    pub architecture: NodeArchitecture,
    /// vCPUs.
    pub cpu: f64,
    /// Memory in GiB.
    pub memory_gib: f64,
    /// GPUs, which Kubernetes calls `nvidia.com/gpu`.
    #[serde(default)]
    pub gpus: u32,
    /// Whose machine it is, as in `spec.providerID`; absent: one of AWS.
    #[serde(default)]
    pub provider_id: Option<String>,
    /// More labels of the Node object.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl NodeSpec {
    /// Whether the machine is one of Azure, by its id.
    pub(crate) fn is_of_azure(&self) -> bool {
        let id = self.provider_id.as_deref();
        id.is_some_and(|id| id.starts_with("azure://"))
    }
}

/// How a node is paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CapacityType {
    /// On demand.
    #[default]
    OnDemand,
    /// Spot.
    Spot,
    /// A Fargate node, which holds one pod.
    Fargate,
}

/// A node's processor architecture, as Kubernetes spells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeArchitecture {
    /// x86-64.
    #[default]
    Amd64,
    /// 64-bit Arm.
    Arm64,
}

impl NodeArchitecture {
    /// The value of the label `kubernetes.io/arch`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// One namespace.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceSpec {
    /// Name of the namespace.
    pub name: String,
    /// Labels of the namespace.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// The kinds of workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are those of Kubernetes")]
pub enum WorkloadKind {
    Deployment,
    StatefulSet,
    DaemonSet,
    CronJob,
    Job,
    Pod,
}

/// One workload.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadSpec {
    /// Name of the workload.
    pub name: String,
    /// Its namespace, which must be listed in `namespaces`.
    pub namespace: String,
    /// Its kind.
    pub kind: WorkloadKind,
    /// How many pods; 1 when absent. Not for a DaemonSet, which has one on each node.
    #[serde(default)]
    pub replicas: Option<u32>,
    /// The nodes its pods go to in turn; absent: all that are not Fargate. Not for a DaemonSet.
    #[serde(default)]
    pub nodes: Option<Vec<String>>,
    /// Labels of the workload and of its pods, beside `app.kubernetes.io/name`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What a pod requests.
    #[serde(default)]
    pub requests: RequestsSpec,
    /// What a pod uses.
    pub usage: UsageSpec,
    /// The volumes that its pods claim.
    #[serde(default)]
    pub volumes: Vec<ClaimSpec>,
    /// The requests it serves; absent: none, and no request metrics.
    #[serde(default)]
    pub traffic: Option<Traffic>,
    /// Mean latency of a request in milliseconds; required with traffic.
    #[serde(default)]
    pub latency_ms: Option<f64>,
    /// When the runs of a CronJob begin and how long they last; required for a CronJob, optional for a Job.
    #[serde(default)]
    pub runs: Option<RunsSpec>,
    /// What AWS has before it, through which all of its requests come.
    #[serde(default)]
    pub edge: Option<RequestCounterSpec>,
}

/// What AWS has before a workload.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum RequestCounterSpec {
    /// A target group of an Application Load Balancer.
    TargetGroup {
        /// Name of the target group.
        name: String,
        /// Name of the load balancer.
        load_balancer: String,
        /// Whether a TargetGroupBinding leads to the workload's Service.
        #[serde(default = "yes")]
        bound: bool,
        /// Tags of the target group.
        #[serde(default)]
        tags: BTreeMap<String, String>,
    },
    /// An HTTP API of API Gateway.
    HttpApi {
        /// Its id.
        id: String,
    },
    /// A REST API of API Gateway.
    RestApi {
        /// Its name.
        name: String,
        /// Its stage.
        stage: String,
    },
}

/// What each pod of a workload requests.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestsSpec {
    /// Cores; absent: no CPU request.
    #[serde(default)]
    pub cpu: Option<f64>,
    /// MiB; absent: no memory request.
    #[serde(default)]
    pub memory_mib: Option<f64>,
    /// GPUs; absent: none.
    #[serde(default)]
    pub gpus: Option<u32>,
    /// GiB of storage on the node itself; absent: no request of it.
    #[serde(default)]
    pub ephemeral_storage_gib: Option<f64>,
}

/// What each pod of a workload uses.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageSpec {
    /// Cores of one pod that serves nothing.
    #[serde(default)]
    pub idle_cpu: f64,
    /// CPU time of one request, in core-seconds.
    #[serde(default)]
    pub cpu_seconds_per_request: f64,
    /// MiB of one pod.
    pub memory_mib: f64,
    /// Part of the scheduler's periods in which a pod is held back by its CPU limit; absent: it has none.
    #[serde(default)]
    pub throttled_share: Option<f64>,
}

/// When the runs of a CronJob or a Job begin and how long they last.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunsSpec {
    /// A CronJob begins a run in each minute m with `m mod every_minutes = offset_minutes`; ignored for a Job.
    #[serde(default = "default_every_minutes")]
    pub every_minutes: u32,
    /// See `every_minutes`.
    #[serde(default)]
    pub offset_minutes: u32,
    /// Whole minutes that a run lasts; a Job's begins when the simulation starts.
    pub minutes: u32,
}

/// One Lambda function.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionSpec {
    /// Name of the function.
    pub name: String,
    /// The account it is in; absent: the world's.
    #[serde(default)]
    pub account_id: Option<String>,
    /// The region it is in; absent: the world's.
    #[serde(default)]
    pub region: Option<String>,
    /// Memory size in MiB, 128 to 10,240.
    pub memory_mib: u32,
    /// Instruction set.
    #[serde(default)]
    pub architecture: FunctionArchitecture,
    /// Runtime identifier.
    #[serde(default = "default_runtime")]
    pub runtime: String,
    /// Timeout in seconds, 1 to 900.
    #[serde(default = "default_timeout")]
    pub timeout_s: u32,
    /// Mean duration of an invocation in milliseconds.
    pub duration_ms: f64,
    /// Part of the invocations that fail.
    #[serde(default)]
    pub error_ratio: f64,
    /// Throttled requests per invocation.
    #[serde(default)]
    pub throttle_ratio: f64,
    /// Invocations over time.
    pub traffic: Traffic,
    /// Reserved concurrency; absent: none reserved.
    #[serde(default)]
    pub concurrency: Option<u32>,
    /// The function's own lateness; absent: that of the world.
    #[serde(default)]
    #[serde(rename = "lateness")]
    pub ingestion_delay: Option<IngestionDelaySpec>,
    /// Size of `/tmp` in MiB, 512 to 10,240.
    #[serde(default = "default_ephemeral_storage_mib")]
    pub ephemeral_storage_mib: u32,
    /// Whether published versions start from a snapshot.
    #[serde(default)]
    pub snap_start: bool,
    /// What the code comes in.
    #[serde(default)]
    pub package_type: PackageType,
    /// Name of the capacity provider whose instances it runs on; absent: on Lambda's own.
    #[serde(default)]
    pub capacity_provider: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Provisioned concurrency of its versions and aliases.
    #[serde(default)]
    pub provisioned: Vec<ProvisionedSpec>,
    /// Milliseconds of the INIT phase of a cold start; absent: none.
    #[serde(default)]
    pub init_ms: Option<f64>,
    /// Whether it publishes the metrics of Lambda Insights.
    #[serde(default)]
    pub insights: bool,
    /// Memory that an invocation uses at most; absent: half of `memory_mib`. Only in Lambda Insights.
    #[serde(default)]
    pub memory_used_mib: Option<f64>,
    /// Processor time of an invocation; absent: half of `duration_ms`. Only in Lambda Insights.
    #[serde(default)]
    pub cpu_ms: Option<f64>,
    /// ARNs of what it polls: queues and streams.
    #[serde(default)]
    pub event_sources: Vec<String>,
    /// How its function URL answers; absent: it has none.
    #[serde(default)]
    pub url: Option<InvokeMode>,
}

/// Provisioned concurrency of a version or an alias.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvisionedSpec {
    /// The version or the alias.
    pub qualifier: String,
    /// Execution environments that are kept ready.
    pub concurrency: u32,
    /// Part of the function's invocations that go to the qualifier.
    #[serde(default = "default_share")]
    pub share: f64,
}

/// What the code of a function comes in, as Lambda writes it in `PackageType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PackageType {
    /// An archive.
    #[default]
    Zip,
    /// A container image.
    Image,
}

/// How a function URL answers, as Lambda writes it in `InvokeMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InvokeMode {
    /// When the invocation has ended.
    Buffered,
    /// Piece by piece.
    ResponseStream,
}

/// A function's instruction set, as Lambda spells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FunctionArchitecture {
    /// x86-64.
    #[default]
    #[serde(rename = "x86_64")]
    X86,
    /// 64-bit Arm.
    #[serde(rename = "arm64")]
    Arm64,
}

impl FunctionArchitecture {
    /// As Lambda writes it in `Architectures`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X86 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

fn yes() -> bool {
    true
}

fn default_account() -> String {
    "123456789012".to_owned()
}

fn default_region() -> String {
    "us-east-1".to_owned()
}

fn default_role() -> String {
    "breakeven".to_owned()
}

fn default_speed() -> f64 {
    1.0
}

fn default_history_hours() -> u32 {
    48
}

fn default_every_minutes() -> u32 {
    60
}

fn default_runtime() -> String {
    "nodejs22.x".to_owned()
}

fn default_ephemeral_storage_mib() -> u32 {
    // What Lambda gives without being asked.
    512
}

fn default_share() -> f64 {
    1.0
}

fn default_timeout() -> u32 {
    // The default of Lambda's CreateFunction.
    3
}
