//! What is known of one workload or function.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Component, Outcome, WorkloadRef};
use crate::assessment::Assessment;
use crate::cold_starts::Method;
use crate::inventory::{Architecture, EventSource, Insights, Scaler, WorkloadAnnotations};
use crate::lambda::HttpEndpoint;
use crate::month::Month;
use crate::traffic_pattern::TrafficPattern;
use crate::uncertainty::CostEstimate;
use crate::units::{GibSeconds, MemoryMib, Ratio, Requests, Seconds, Usd, UsdPerRequest};

/// What is known of one subject.
#[derive(Clone, Debug)]
pub struct WorkloadReport {
    /// Whose.
    pub workload: WorkloadRef,
    /// Money spent where it runs since the program started, by component.
    pub cost_total: Vec<(Component, Usd)>,
    /// Money for what it used since the program started, by resource (`cpu`, `memory`).
    pub used_cost_total: Vec<(Component, Usd)>,
    /// Requests since the program started, by how they ended.
    pub requests_total: Vec<(Outcome, Requests)>,
    /// How its containers are held back by their CPU limits, where that is known.
    pub throttled: Option<Throttled>,
    /// More counts, of functions only.
    pub function: Option<FunctionCounters>,
    /// Its cost today, its alternatives and the verdict that stands.
    pub assessment: Assessment,
    /// How much of the decision window was seen, while no full one was: until then the verdict is not held.
    pub provisional: Option<Seconds>,
    /// Facts for joins.
    pub facts: WorkloadAttributes,
    /// What a workload of the cluster cost and served on its last days.
    pub month: Option<Month>,
    /// The nodes that its pods are on.
    pub nodes: Vec<Arc<str>>,
}

/// How the containers of a workload are held back by their CPU limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throttled {
    /// For how long since the program started, summed over processors.
    pub total: Seconds,
    /// The part of the scheduler's periods in the decision window in which they were; absent where there were none.
    pub ratio: Option<Ratio>,
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
    /// Environments that had to be started, and how that came to be known.
    pub cold_starts_total: (Method, Requests),
    /// The most environments at once in the decision window, where known.
    pub concurrency_peak: Option<u32>,
}

/// Cost of a month on one platform, and the requests of that month.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MonthlyCost {
    /// Cost of the decision window, scaled to a month.
    pub monthly: CostEstimate,
    /// Requests of the same month.
    pub requests: Requests,
}

impl MonthlyCost {
    /// Cost of one request; absent without requests.
    #[must_use]
    pub fn per_request(&self) -> Option<UsdPerRequest> {
        self.monthly.point.per(self.requests)
    }

    /// Minimum and maximum of the cost of one request; absent without requests.
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

/// Facts of a subject that others join on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkloadAttributes {
    /// The processor.
    pub architecture: Option<Architecture>,
    /// The runtime of a function.
    pub runtime: Option<Arc<str>>,
    /// The memory of the function, or of the workload's equivalent.
    pub lambda_memory: Option<MemoryMib>,
    /// The team that owns it.
    pub team: Option<Arc<str>>,
    /// How its requests are spread over time.
    pub traffic_pattern: Option<TrafficPattern>,
    /// What its annotations say.
    pub annotations: Option<Arc<WorkloadAnnotations>>,
    /// What scales it.
    pub scaler: Option<Scaler>,
    /// What counts its requests: `annotation`, or the origin of all others.
    pub requests_by: Option<Arc<str>>,
    /// Why the query of its annotation counts nothing, where it cannot be evaluated.
    pub query_failure: Option<Arc<str>>,
    /// Who does the same job on the other platform.
    pub pair: Option<WorkloadRef>,
    /// Further labels, made of the tags of a function.
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// What the requests of a function come through, where that is configured or Lambda says it.
    pub http_endpoint: Option<HttpEndpoint>,
    /// What is polled for a function, as far as that is known.
    pub event_sources: BTreeSet<EventSource>,
    /// What Lambda Insights measured of a function, where it is switched on and read.
    pub insights: Option<Insights>,
    /// How many environments are set aside for a function, where any are.
    pub reserved_concurrency: Option<u32>,
    /// How many environments are kept ready for a function, where that is known.
    pub provisioned_concurrency: Option<u32>,
}
