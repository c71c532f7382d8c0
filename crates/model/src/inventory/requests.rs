//! Requests that workloads of the cluster served.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{PodKey, WorkloadId, WorkloadKind};
use crate::units::{Requests, RequestsPerSecond, Seconds, Window};

/// What requests were served in a window of closed steps, and how many are served now.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// When it was read.
    pub at: Timestamp,
    /// The time that the steps below cover completely; absent where only rates were read.
    pub covered: Option<Window>,
    /// The steps, in order of time for each target. A target without a step had no requests in it.
    pub steps: Vec<RequestStep>,
    /// The present rates.
    pub rates: Vec<RequestRate>,
}

/// What workloads served that are counted one by one: all of those that are counted so. What others say of their requests does
/// not count.
#[derive(Clone, Debug)]
pub struct DedicatedTraffic {
    /// When it was read.
    pub at: Timestamp,
    /// How they are counted.
    pub by: DedicatedSource,
    /// Each of them.
    pub workloads: BTreeMap<WorkloadId, Counted>,
}

/// How a workload is counted by itself. The first comes before the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DedicatedSource {
    /// By the query of its annotation.
    Annotation,
    /// By scraping its pods.
    Scrape,
    /// By what AWS has before the cluster: load balancers and API gateways. It counts a workload that nothing else does.
    Edge,
}

impl DedicatedSource {
    /// As it stands in the `requests_by` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Annotation => "annotation",
            Self::Scrape => "scrape",
            Self::Edge => "edge",
        }
    }
}

/// A pod that asks to be scraped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrapeTarget {
    /// The pod.
    pub pod: PodKey,
    /// Its workload.
    pub workload: WorkloadId,
    /// Where its metrics are.
    pub url: Arc<str>,
    /// When it was created.
    pub born: Option<Timestamp>,
}

/// A target group of a load balancer of AWS that a Service is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroupBinding {
    /// The ARN of the target group.
    pub target_group: Arc<str>,
    /// The namespace of the Service.
    pub namespace: Arc<str>,
    /// The name of the Service.
    pub service: Arc<str>,
}

/// What was counted of one workload in a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CountedStep {
    /// The step.
    pub window: Window,
    /// How many were served.
    pub requests: Requests,
    /// The sum of their latencies and how many were measured, where they are measured.
    pub latency: Option<(Seconds, Requests)>,
}

/// What was counted of one workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    /// The time that the steps below cover completely.
    pub covered: Vec<Window>,
    /// Each step, in order of time; none were served in those that are not there.
    pub steps: Vec<CountedStep>,
    /// The present rate, where it is known.
    pub rate: Option<RequestsPerSecond>,
    /// Why it cannot be counted, since it could not.
    pub failure: Option<Arc<str>>,
}

/// Whose requests they are, as the source names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestTarget {
    /// A workload. Without a kind it is looked for among Deployments, then the other kinds.
    Workload {
        /// Its namespace.
        namespace: Arc<str>,
        /// Its kind, where the source knows it.
        kind: Option<WorkloadKind>,
        /// Its name.
        name: Arc<str>,
    },
    /// A pod, whose workload the cluster knows.
    Pod(PodKey),
    /// A Service, whose requests its pods share.
    Service {
        /// Its namespace.
        namespace: Arc<str>,
        /// Its name.
        name: Arc<str>,
    },
    /// A Service and its port in one word, `namespace-service-port`, as Traefik names it.
    ServicePort(Arc<str>),
    /// A rule of an `HTTPRoute`, whose requests its backends share.
    RouteRule {
        /// The namespace of the route.
        namespace: Arc<str>,
        /// The name of the route.
        name: Arc<str>,
        /// Which of its rules, from 0.
        rule: usize,
    },
}

/// Which metrics requests are counted by, and why these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestOrigin {
    /// The preset, or `own` for queries that the configuration has; absent while nothing was found.
    pub name: Option<Arc<str>>,
    /// Why this one.
    pub choice: OriginChoice,
    /// What was tried and passed over before it, and why, in the order of trying.
    pub passed_over: Vec<(Arc<str>, Arc<str>)>,
}

/// Why requests are counted by some metrics and not by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginChoice {
    /// The configuration says so.
    Configured,
    /// It was the first that had data.
    FirstWithData,
    /// None has data.
    NoneHasData,
}

impl OriginChoice {
    /// As it stands in the `choice` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::FirstWithData => "first_with_data",
            Self::NoneHasData => "none_has_data",
        }
    }
}

/// Requests of one target in one closed step.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestStep {
    /// Whose.
    pub target: RequestTarget,
    /// The step.
    pub window: Window,
    /// How many were served.
    pub requests: Requests,
    /// The sum of their latencies and how many were measured, where they are measured.
    pub latency: Option<(Seconds, Requests)>,
}

/// The present rate of one target.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestRate {
    /// Whose.
    pub target: RequestTarget,
    /// Requests in each second, averaged over the last minutes.
    pub rate: RequestsPerSecond,
}
