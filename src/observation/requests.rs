//! Requests that workloads of the cluster served.

use std::sync::Arc;

use jiff::Timestamp;

use super::{PodKey, WorkloadKind};
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
