//! How often each operation was asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::faults::Endpoint;
use super::route::Route;

/// Counts of requests, also of those that a fault then answered. Clones share the counts.
///
/// GetMetricData is billed by the metric, and the price list can be read in two ways. So there are two
/// more counts of CloudWatch: `metrics requested`, where up to five statistics of one metric in one
/// request count once, and `metric queries`, where each query counts.
#[derive(Clone, Debug, Default)]
pub struct RequestLog(Arc<Mutex<Counts>>);

type Counts = BTreeMap<Endpoint, BTreeMap<String, u64>>;

impl RequestLog {
    /// Requests for the operation (`GetMetricData`, `list pods`) at the endpoint so far.
    #[must_use]
    pub fn count(&self, endpoint: Endpoint, operation: &str) -> u64 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts
            .get(&endpoint)
            .and_then(|counts| counts.get(operation))
            .copied()
            .unwrap_or(0)
    }

    /// All counts, by endpoint and operation.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Endpoint, BTreeMap<String, u64>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn record(&self, route: &Route) {
        if let Some(endpoint) = route.endpoint {
            self.add(endpoint, &route.operation, 1);
        }
    }

    /// Adds to a count, which need not be one of requests.
    pub(super) fn add(&self, endpoint: Endpoint, what: &str, count: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts
            .entry(endpoint)
            .or_default()
            .entry(what.to_owned())
            .or_default() += count;
    }
}
