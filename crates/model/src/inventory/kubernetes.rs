//! The cluster: nodes and pods.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::{ScrapeTarget, TargetGroupBinding, WorkloadAnnotations, WorkloadId};
use crate::units::{Cores, Gib, Ratio};

/// Every node and every pod that is bound to one, at one instant.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// When it was so.
    pub at: Timestamp,
    /// The nodes.
    pub nodes: Vec<Arc<Node>>,
    /// The pods that hold resources of a node: bound to it and not finished.
    pub pods: Vec<Arc<Pod>>,
    /// The persistent volumes, as far as they can be read.
    pub volumes: Vec<Arc<Volume>>,
    /// The storage classes by name: what volumes are made of.
    pub storage_classes: HashMap<Arc<str>, Arc<StorageClass>>,
    /// What stands before pods and shares requests out to them.
    pub service_routing: ServiceRouting,
    /// The pods that ask to be scraped.
    pub scrapes: Vec<ScrapeTarget>,
    /// What scales workloads; those that nothing scales are not in it.
    pub scalers: BTreeMap<WorkloadId, Scaler>,
    /// What annotations say of workloads; those of which they say nothing are not in it.
    pub annotations: BTreeMap<WorkloadId, Arc<WorkloadAnnotations>>,
}

/// A HorizontalPodAutoscaler: how many pods a workload may have, and when it is given one more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaler {
    /// The least number of pods.
    pub min: u32,
    /// The most.
    pub max: u32,
    /// The use of processors over their requests that it aims at, where it goes by that.
    pub target: Option<Ratio>,
}

/// The Services of a cluster and the routes to them, as far as they lead to pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceRouting {
    /// The Services that select pods.
    pub services: Vec<Service>,
    /// The rules of routes.
    pub routes: Vec<RouteRule>,
    /// The target groups of load balancers that lead to Services.
    pub target_groups: Vec<TargetGroupBinding>,
}

/// A Service that selects pods.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its ports, each by its number and, where it has one, by its name.
    pub ports: Vec<Arc<str>>,
    /// The workloads of its pods, and how many pods each has.
    pub workloads: Vec<(WorkloadId, u32)>,
}

/// A rule of an `HTTPRoute` of the Gateway API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteRule {
    /// The namespace of the route.
    pub namespace: Arc<str>,
    /// The name of the route.
    pub name: Arc<str>,
    /// Which of its rules, from 0.
    pub rule: usize,
    /// The namespaces and names of the Services that it leads to, and the weight of each.
    pub backends: Vec<(Arc<str>, Arc<str>, u32)>,
}

/// Processors, memory and GPUs together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Resources {
    /// Processors.
    pub cpu: Cores,
    /// Memory.
    pub memory: Gib,
    /// Whole GPUs.
    pub gpus: u32,
}

/// How the machine under a node is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CapacityType {
    /// By the hour, at the list price or a discount on it.
    OnDemand,
    /// Spare capacity, at a price that moves.
    Spot,
    /// AWS Fargate: one pod, paid by its provisioned size.
    Fargate,
}

impl CapacityType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OnDemand, Self::Spot, Self::Fargate];

    /// As AWS and Karpenter write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Spot => "spot",
            Self::Fargate => "fargate",
        }
    }
}

/// Whose machine is under a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// Amazon Web Services.
    Aws,
    /// Google Cloud.
    GoogleCloud,
    /// Microsoft Azure.
    Azure,
    /// Nobody's that is known: a machine of one's own, or of another cloud.
    Other,
}

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: Arc<str>,
    /// Whose machine it is.
    pub provider: Provider,
    /// The cloud's name for the kind of machine, such as `m5.large`.
    pub instance_type: Option<Arc<str>>,
    /// The cloud's region.
    pub region: Option<Arc<str>>,
    /// The zone in the region.
    pub zone: Option<Arc<str>>,
    /// How it is paid for.
    pub capacity_type: CapacityType,
    /// What the machine has.
    pub capacity: Resources,
    /// What pods can have of it.
    pub allocatable: Resources,
    /// All its labels, for the selectors of price rules.
    pub labels: BTreeMap<String, String>,
}

impl Node {
    /// Whether it runs Windows, by the label that every kubelet sets.
    #[must_use]
    pub fn is_windows(&self) -> bool {
        self.labels
            .get("kubernetes.io/os")
            .is_some_and(|os| os == "windows")
    }
}

/// A pod that is bound to a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// Its namespace and name.
    pub key: PodKey,
    /// The workload that it belongs to.
    pub workload: WorkloadId,
    /// The node it is bound to.
    pub node: Arc<str>,
    /// Its containers: the ordinary ones and those init containers that keep running beside them (native sidecars).
    pub containers: Vec<Container>,
    /// The effective request as the scheduler counts it: the larger of what init containers need one by one
    /// and what all running containers need together, plus the pod's overhead.
    pub request: Resources,
    /// The storage that it requests on the machine itself, not on a volume.
    pub ephemeral_request: Option<Gib>,
    /// The size that Fargate provisioned for it, where it runs there and says so.
    pub fargate_size: Option<Resources>,
    /// Whether it keeps data on a persistent volume.
    pub persistent_volume: bool,
    /// The claims, in its namespace, through which it holds volumes: those it names, and those made for its own life alone.
    pub claims: Vec<Arc<str>>,
    /// Whether it shares the network of its node.
    pub host_network: bool,
    /// Whether it needs a GPU or another device of its node beside processors and memory.
    pub needs_accelerator: bool,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// When its node took it on; if the kubelet does not say, when it was created.
    pub started_at: Option<Timestamp>,
    /// The team that owns it, from the label that the configuration names.
    pub team: Option<Arc<str>>,
}

/// The name of a pod, unique at any one time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodKey {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// A persistent volume that is no part of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    /// Its name.
    pub name: Arc<str>,
    /// What was provisioned.
    pub size: Gib,
    /// The name of its storage class.
    pub storage_class: Option<Arc<str>>,
    /// What provides it, such as `ebs.csi.aws.com`.
    pub driver: Option<Arc<str>>,
    /// The cloud's region.
    pub region: Option<Arc<str>>,
    /// The claim that has it; absent for one that nobody claimed.
    pub claim: Option<ClaimKey>,
}

/// The name of a claim on a volume.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimKey {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// What volumes of a class are made of, as far as it bears on their price.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StorageClass {
    /// The cloud's name for the kind of disk, such as `gp3`; absent: what the driver takes by default.
    pub disk: Option<Arc<str>>,
    /// Operations per second that are provisioned.
    pub iops: Option<u32>,
    /// Operations per second that are provisioned for each GiB.
    pub iops_per_gib: Option<u32>,
    /// MiB per second that are provisioned.
    pub throughput_mib: Option<u32>,
}

/// A container of a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    /// Its name.
    pub name: Arc<str>,
    /// What it requests; nothing where it requests nothing.
    pub request: Resources,
}
