//! How often each operation was asked for, and by which programs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, header};

use super::faults::Endpoint;
use super::route::Route;

/// Counts of requests, also of those that a fault then answered. Clones share the counts.
///
/// GetMetricData is billed by the metric, and the price list can be read in two ways. So there are two
/// more counts of CloudWatch: `metrics requested`, where up to five statistics of one metric in one
/// request count once, and `metric queries`, where each query counts.
#[derive(Clone, Debug, Default)]
pub struct RequestLog {
    counts: Arc<Mutex<Counts>>,
    user_agents: Arc<Mutex<UserAgents>>,
}

type Counts = BTreeMap<Endpoint, BTreeMap<String, u64>>;

type UserAgents = BTreeMap<Endpoint, BTreeSet<String>>;

impl RequestLog {
    /// Requests for the operation (`GetMetricData`, `list pods`) at the endpoint so far.
    #[must_use]
    pub fn count(&self, endpoint: Endpoint, operation: &str) -> u64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts
            .get(&endpoint)
            .and_then(|counts| counts.get(operation))
            .copied()
            .unwrap_or(0)
    }

    /// All counts, by endpoint and operation.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Endpoint, BTreeMap<String, u64>> {
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The values of `User-Agent` that each endpoint has seen; an empty one if there was none.
    #[must_use]
    pub fn user_agents(&self) -> BTreeMap<Endpoint, BTreeSet<String>> {
        let user_agents = self.user_agents.lock();
        user_agents.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn record(&self, route: &Route, headers: &HeaderMap) {
        let Some(endpoint) = route.endpoint else {
            return;
        };
        self.add(endpoint, &route.operation, 1);
        let user_agent = headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let mut user_agents = self
            .user_agents
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        user_agents
            .entry(endpoint)
            .or_default()
            .insert(user_agent.to_owned());
    }

    /// Adds to a count, which need not be one of requests.
    pub(super) fn add(&self, endpoint: Endpoint, what: &str, count: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts
            .entry(endpoint)
            .or_default()
            .entry(what.to_owned())
            .or_default() += count;
    }
}
