//! What people wrote on workloads, in annotations.

use std::sync::Arc;

use super::FunctionId;
use crate::units::Seconds;

/// What the annotations of a workload say, as far as it makes sense.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkloadAnnotations {
    /// The PromQL that counts its requests, with `$window` in place of the range.
    pub requests_query: Option<Arc<str>>,
    /// What one request is called, such as `checkout` or `message`.
    pub unit: Option<Arc<str>>,
    /// The function that does the same job.
    pub lambda_function: Option<FunctionName>,
    /// Whether it is left out of comparisons.
    pub is_excluded: bool,
    /// How long a request may take in the mean, wherever it is served.
    pub latency_objective: Option<Seconds>,
    /// The annotations that make no sense, and why.
    pub problems: Vec<(&'static str, Arc<str>)>,
}

/// A function as somebody names it: by its name alone, or by account and region as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionName {
    /// Its account and region, where they are said.
    pub place: Option<(Arc<str>, Arc<str>)>,
    /// Its name.
    pub name: Arc<str>,
}

impl FunctionName {
    /// Whether a function is meant.
    #[must_use]
    pub fn means(&self, id: &FunctionId) -> bool {
        let is_there = self.place.as_ref().is_none_or(|(account_id, region)| {
            *account_id == id.account_id && *region == id.region
        });
        is_there && self.name == id.name
    }
}
