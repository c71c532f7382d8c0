//! The memory of what is kept of objects, estimated.
//!
//! Estimates are of the content alone, without what is counted elsewhere: the names that values share, and the values
//! themselves in the table of their store.

use std::sync::Arc;

use super::convert::{Owner, PodRecord, ServiceRecord};
use breakeven_model::inventory::{
    Node, Pod, RouteRule, Scaler, StorageClass, TargetGroupBinding, Volume, WorkloadAnnotations,
    WorkloadId,
};

/// What an allocation costs besides its content, in bytes: counts and the allocator's share.
const ALLOCATION: usize = 32;

/// What an entry of a map costs: two strings, in a tree whose nodes are half full, and their allocations.
const MAP_ENTRY: usize = 2 * (2 * size_of::<String>()) + 2 * 16;

/// A value whose memory can be estimated.
pub(super) trait Footprint {
    /// The memory behind the value, in bytes.
    fn bytes(&self) -> usize;
}

fn list<T>(list: &[T]) -> usize {
    ALLOCATION + size_of_val(list)
}

impl Footprint for Arc<Node> {
    fn bytes(&self) -> usize {
        let labels = self.labels.iter();
        let labels = labels.map(|(key, value)| MAP_ENTRY + key.len() + value.len());
        ALLOCATION + size_of::<Node>() + labels.sum::<usize>()
    }
}

impl Footprint for PodRecord {
    fn bytes(&self) -> usize {
        let pod = &self.pod;
        let claims = pod.claims.iter().map(|claim| ALLOCATION + claim.len());
        let metrics = self
            .metrics
            .as_ref()
            .map_or(0, |url| ALLOCATION + url.len());
        ALLOCATION
            + size_of::<Pod>()
            + ALLOCATION
            + pod.key.name.len()
            + list(&pod.containers)
            + list(&pod.claims)
            + claims.sum::<usize>()
            + metrics
            + self.notes.as_ref().map_or(0, Footprint::bytes)
    }
}

impl Footprint for Arc<WorkloadAnnotations> {
    fn bytes(&self) -> usize {
        let text =
            |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| ALLOCATION + text.len());
        let function = self.lambda_function.as_ref().map_or(0, |function| {
            let place = function.place.as_ref();
            let place = place.map_or(0, |(account, region)| account.len() + region.len());
            3 * ALLOCATION + place + function.name.len()
        });
        let problems = self.problems.iter();
        let problems = problems.map(|(_, problem)| ALLOCATION + problem.len());
        ALLOCATION
            + size_of::<WorkloadAnnotations>()
            + text(&self.requests_query)
            + text(&self.unit)
            + function
            + list(&self.problems)
            + problems.sum::<usize>()
    }
}

/// All its names are shared.
impl Footprint for Owner {
    fn bytes(&self) -> usize {
        0
    }
}

impl Footprint for (WorkloadId, Arc<WorkloadAnnotations>) {
    fn bytes(&self) -> usize {
        self.1.bytes()
    }
}

impl Footprint for (WorkloadId, Scaler) {
    fn bytes(&self) -> usize {
        ALLOCATION + self.0.kind.as_str().len()
    }
}

impl Footprint for ServiceRecord {
    fn bytes(&self) -> usize {
        self.memory(ALLOCATION)
    }
}

impl Footprint for Vec<RouteRule> {
    fn bytes(&self) -> usize {
        let rules = self.iter().map(|rule| list(&rule.backends));
        let name = self.first().map_or(0, |rule| ALLOCATION + rule.name.len());
        list(self) + name + rules.sum::<usize>()
    }
}

impl Footprint for TargetGroupBinding {
    fn bytes(&self) -> usize {
        ALLOCATION + self.target_group.len()
    }
}

impl Footprint for Arc<Volume> {
    fn bytes(&self) -> usize {
        let claim = self.claim.as_ref();
        let claim = claim.map_or(0, |claim| ALLOCATION + claim.name.len());
        ALLOCATION + size_of::<Volume>() + ALLOCATION + self.name.len() + claim
    }
}

impl Footprint for (Arc<str>, Arc<StorageClass>) {
    fn bytes(&self) -> usize {
        ALLOCATION + size_of::<StorageClass>()
    }
}

#[cfg(test)]
impl Footprint for Arc<i32> {
    fn bytes(&self) -> usize {
        ALLOCATION
    }
}

#[cfg(test)]
impl Footprint for Arc<str> {
    fn bytes(&self) -> usize {
        ALLOCATION + self.len()
    }
}
