//! The report: all results at one instant, immutable.

mod cluster;
mod labels;
mod verdict;
mod volume;
mod workload;

pub use cluster::{
    AccountReport, ClusterReport, HourlyPrice, NodeReport, PriceSource, Provenance, SharedWorkload,
    Unpriced,
};
pub use labels::{Basis, ClusterComponent, Component, Outcome, Platform, WorkloadRef};
pub use verdict::{Ineligibility, Verdict};
pub use volume::{UnpricedVolume, VolumeReport};
pub use workload::{
    Breakeven, FunctionCounters, MonthlyCost, Throttled, Utilization, WorkloadAttributes,
    WorkloadReport,
};

use std::sync::Arc;

use jiff::Timestamp;

use super::billing::BillReport;
use super::parameters::ModelParameters;
use crate::inventory::RequestOrigin;

/// Everything that is known at one instant.
#[derive(Clone, Debug)]
pub struct Report {
    /// The instant.
    pub at: Timestamp,
    /// The settings that it was made with.
    pub settings: Arc<ModelParameters>,
    /// The workloads of the cluster that carry cost, and the functions.
    pub workloads: Vec<WorkloadReport>,
    /// The workloads whose cost is spread over the others.
    pub shared: Vec<SharedWorkload>,
    /// The nodes.
    pub nodes: Vec<NodeReport>,
    /// The persistent volumes.
    pub volumes: Vec<VolumeReport>,
    /// The cluster as a whole; absent while none was ever seen.
    pub cluster: Option<ClusterReport>,
    /// The AWS accounts and regions.
    pub accounts: Vec<AccountReport>,
    /// What AWS bills for Lambda, against the model; absent while no bill is known.
    pub bill: Option<BillReport>,
    /// Which metrics requests are counted by; absent while nothing counts any.
    pub requests: Option<RequestOrigin>,
}

impl Report {
    /// The subjects that a name means: `namespace/Kind/name`, `namespace/name` or the name alone; for functions
    /// `account/region/name` or the name.
    #[must_use]
    pub fn find(&self, name: &str) -> Vec<&WorkloadReport> {
        let means = |workload: &WorkloadRef| match workload {
            WorkloadRef::Kubernetes(id) => {
                let short = name.split_once('/');
                name == &*id.name
                    || short.is_some_and(|(namespace, name)| {
                        namespace == &*id.namespace && name == &*id.name
                    })
            }
            WorkloadRef::Lambda(id) => name == &*id.name,
        };
        let whole = |workload: &WorkloadRef| workload.to_string() == name;
        self.workloads
            .iter()
            .filter(|one| means(&one.workload) || whole(&one.workload))
            .collect()
    }
}
