//! Which nodes there are to read, and which pods they may speak of.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::sources::latest::{Publisher, Subscriber};
use breakeven_model::inventory::{Cluster, Pod, PodKey};

/// Tells the source which nodes and pods there are; clones tell the same one.
#[derive(Clone, Debug, Default)]
pub struct Nodes(Publisher<NodeSnapshot>);

/// The nodes and pods of a cluster at one instant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NodeSnapshot {
    pub(super) nodes: Vec<Arc<str>>,
    pods: Vec<Arc<Pod>>,
}

impl Nodes {
    /// Reads the nodes of this cluster, from now on.
    pub fn on_snapshot(&self, cluster: &Cluster) {
        let nodes = cluster.nodes.iter();
        self.0.publish(NodeSnapshot {
            nodes: nodes.map(|node| Arc::clone(&node.name)).collect(),
            pods: cluster.pods.clone(),
        });
    }

    pub(super) fn listen(&self) -> Subscriber<NodeSnapshot> {
        self.0.listen()
    }
}

impl NodeSnapshot {
    /// When each pod was created.
    pub(super) fn start_times(&self) -> HashMap<PodKey, Option<Timestamp>> {
        let pods = self.pods.iter();
        pods.map(|pod| (pod.key.clone(), pod.created_at)).collect()
    }
}
