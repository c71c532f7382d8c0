//! The inventory: plain facts from the sources, without any type of a client library.
//!
//! Sources send [`Observation`]s. Each carries its own time, so a late one is still right, and an unknown value is absent.

mod annotations;
mod bill;
mod event_sources;
mod functions;
mod identity;
mod insights;
mod kubernetes;
mod name_pattern;
mod prices;
mod requests;
mod source_status;
mod usage;

pub use annotations::{FunctionName, WorkloadAnnotations};
pub use bill::{Bill, BilledDay, Charge, UsageKind, UsageType};
pub use event_sources::EventSource;
pub use functions::{
    Architecture, Function, FunctionBatch, FunctionId, FunctionMinute, FunctionMinutes, Functions,
    ProvisionedConcurrency,
};
pub use identity::{WorkloadId, WorkloadKind};
pub use insights::{Insights, InsightsRead};
pub use kubernetes::{
    CapacityType, ClaimKey, Cluster, Container, Node, Pod, PodKey, Provider, Resources, RouteRule,
    Scaler, Service, ServiceRouting, StorageClass, Volume,
};
pub use name_pattern::{NamePattern, NamePatternError};
pub use prices::{ListPrice, PriceKey, Sku, SpotPrice};
pub use requests::{
    Counted, CountedStep, DedicatedSource, DedicatedTraffic, OriginChoice, RequestOrigin,
    RequestRate, RequestStep, RequestTarget, ScrapeTarget, TargetGroupBinding, Traffic,
};
pub use source_status::{
    MissingAttributes, Reason, Source, SourceId, SourceLocation, SourceStatus,
};
pub use usage::{CpuUsageDelta, PodUsage, Throttling, Usage};

use std::sync::Arc;

/// One thing that a source saw.
#[derive(Clone, Debug)]
pub enum Observation {
    /// The nodes and pods of the cluster, complete.
    Cluster(Cluster),
    /// What the pods use now, as far as it is known.
    Usage(Usage),
    /// The functions of one account and region, complete.
    Functions(Functions),
    /// Minutes of function metrics, which later ones may revise.
    FunctionMinutes(FunctionMinutes),
    /// What Lambda Insights measured of functions.
    Insights(InsightsRead),
    /// Which metrics requests are counted by from now on.
    RequestOrigin(RequestOrigin),
    /// Requests that workloads of the cluster served.
    Traffic(Traffic),
    /// Requests of the workloads that are counted one by one.
    DedicatedTraffic(DedicatedTraffic),
    /// What the list of a cloud says that its offers cost.
    ListPrices(Vec<ListPrice>),
    /// What spare capacity costs.
    SpotPrices(Vec<SpotPrice>),
    /// What AWS bills for Lambda, as far as it is settled.
    Bill(Arc<Bill>),
    /// Which version of Kubernetes the cluster's API server runs, such as `v1.33.4-eks-99d6cc0`.
    ControlPlane(Arc<str>),
}
