//! The inputs of an assessment, kept so that every number can be explained.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::alternatives::fargate::PodDemand;
use super::cold_starts::ColdStarts;
use super::lambda::{Component, HttpEndpoint, HttpEndpointOrigin, MissingPrice, PricingTerms};
use super::uncertainty::Range;
use super::window::WorkloadWindow;
use crate::inventory::{Architecture, EventSource, Insights, Scaler};
use crate::units::{MemoryMib, Requests, Seconds, Usd};

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
}

/// Properties of a workload besides its window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WorkloadInputs {
    /// Its pods on nodes without a price.
    pub unpriced_pods: usize,
    /// The largest request of its pods, and the prices of Fargate for it; absent if they are not on nodes of their own.
    pub pod: Option<PodDemand>,
    /// Whether it needs a GPU or another accelerator.
    pub needs_accelerator: bool,
    /// Whether it runs on Windows.
    pub is_on_windows: bool,
    /// How long ago the oldest of its pods started whose node, price and requests have not changed since: for so long its
    /// cost is known, though the agent may have seen less.
    pub unchanged_for: Seconds,
    /// Whether it keeps data on a persistent volume.
    pub persistent_volume: bool,
    /// Whether it shares the network of its node.
    pub host_network: bool,
    /// How many environments the account may run at once, where it says so.
    pub concurrency_limit: Option<u32>,
    /// What scales it, where anything does.
    pub scaler: Option<Scaler>,
    /// Whether it is not to be compared.
    pub is_excluded: bool,
    /// How long a request may take in the mean, where that is said of it.
    pub latency_objective: Option<Seconds>,
}
