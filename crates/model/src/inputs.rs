//! The inputs of an assessment, kept so that every number can be explained.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::cold_starts::ColdStarts;
use super::kubernetes_equivalent;
use super::lambda::{Component, HttpEndpoint, HttpEndpointOrigin, MissingPrice, PricingTerms};
use super::lambda_equivalent::{self, RequestDemand};
use super::node_split::Split;
use super::report::Ineligibility;
use super::uncertainty::Range;
use super::window::WorkloadWindow;
use crate::inventory::{Architecture, EventSource, Insights};
use crate::units::{MemoryMib, Ratio, Requests, Seconds, Usd};

/// What an assessment stands on.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Evidence {
    /// Nothing was seen yet.
    #[default]
    Nothing,
    /// Of a workload of the cluster.
    Workload(Box<WorkloadEvidence>),
    /// Of a function.
    Function(Box<FunctionEvidence>),
    /// Of a function without a price.
    Unpriced(MissingPrice),
}

/// What the assessment of a workload stands on.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadEvidence {
    /// What was seen of it.
    pub window: WorkloadWindow,
    /// How long ago the oldest of its pods started that has not changed since.
    pub unchanged_for: Seconds,
    /// The requests of a month.
    pub requests: Requests,
    /// The function that would do it; absent while it is not known what one request needs.
    pub lambda: Option<LambdaEvidence>,
}

/// The function that would do what a workload does.
#[derive(Clone, Debug, PartialEq)]
pub struct LambdaEvidence {
    /// What one request needs.
    pub demand: RequestDemand,
    /// Memory and duration.
    pub equivalent: lambda_equivalent::LambdaProjection,
    /// Its processor.
    pub architecture: Architecture,
    /// The share of requests that would meet a cold start, while they arrive independently of each other.
    pub cold_share: Ratio,
    /// How long each of them would initialise.
    pub init: Range<Seconds>,
    /// What a month would cost, by what it is for.
    pub bill: Vec<(Component, Usd)>,
    /// Reasons against Lambda that hold at the likely CPU time of a request but not at the least possible: they block nothing.
    pub possible_blockers: Vec<Ineligibility>,
}

/// What the assessment of a function stands on.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionEvidence {
    /// Its region.
    pub region: Arc<str>,
    /// Its memory.
    pub memory: MemoryMib,
    /// Its processor.
    pub architecture: Architecture,
    /// The time that is known.
    pub covered: Seconds,
    /// The invocations in it.
    pub invocations: Requests,
    /// The sum of their durations.
    pub duration: Seconds,
    /// The requests of a month.
    pub requests: Requests,
    /// Its cold starts; absent while they are not known.
    pub cold_starts: Option<ColdStarts>,
    /// How long each of them initialises.
    pub init: Range<Seconds>,
    /// What Lambda Insights measured of it; absent where it is not switched on, or not read.
    pub insights: Option<Insights>,
    /// What is polled for it; absent where that is not known.
    pub event_sources: Option<BTreeSet<EventSource>>,
    /// What its requests come through, and how that is known.
    pub http_endpoint: (HttpEndpoint, HttpEndpointOrigin),
    /// What it is charged by.
    pub terms: PricingTerms,
    /// What a month costs, by what it is for.
    pub bill: Vec<(Component, Usd)>,
    /// Cost of a month without any request, by component; components without such a cost are left out.
    pub idle: Vec<(Component, Usd)>,
    /// The pods that would do it; absent while the prices of the cluster are not known.
    pub pods: Option<PodsEvidence>,
}

/// The pods that would do what a function does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PodsEvidence {
    /// What it needs.
    pub demand: kubernetes_equivalent::FunctionDemand,
    /// How many there are, and what one costs.
    pub equivalent: kubernetes_equivalent::KubernetesProjection,
    /// The mean prices of the cluster.
    pub prices: Split,
}
