//! Which prices are asked for: those of the machines that there are, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::observation::{CapacityType, Cluster, Provider};
use crate::sources::{Reason, SourceError};

/// How long a poll waits for the nodes to be known for the first time.
const FIRST_WAIT: Duration = Duration::from_secs(10);

/// Regions of the partitions that have price lists of their own, in another currency or behind other credentials.
const ELSEWHERE: [&str; 3] = ["cn-", "us-gov-", "us-iso"];

/// The instance types of AWS in a cluster, by region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Those whose price on demand matters. That of spot nodes does too: EKS Auto Mode charges a part of it.
    pub(super) list: BTreeSet<(Arc<str>, Arc<str>)>,
    /// Those that are spare capacity.
    pub(super) spot: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
}

impl Wanted {
    /// What a cluster wants prices for.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let mut wanted = Self::default();
        let machines = cluster.nodes.iter().filter(|node| {
            node.provider == Provider::Aws && node.capacity_type != CapacityType::Fargate
        });
        for node in machines {
            let (Some(region), Some(kind)) = (&node.region, &node.instance_type) else {
                continue;
            };
            if ELSEWHERE.iter().any(|prefix| region.starts_with(prefix)) {
                continue;
            }
            if node.capacity_type == CapacityType::Spot {
                let types = wanted.spot.entry(Arc::clone(region)).or_default();
                types.insert(Arc::clone(kind));
            }
            wanted.list.insert((Arc::clone(region), Arc::clone(kind)));
        }
        wanted
    }
}

/// Tells the sources of prices what is wanted; clones tell the same ones.
#[derive(Clone, Debug)]
pub struct Wishes(watch::Sender<Option<Arc<Wanted>>>);

impl Default for Wishes {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Wishes {
    /// Wants the prices of what is in a cluster, from now on.
    pub fn look_at(&self, cluster: &Cluster) {
        let wanted = Wanted::of(cluster);
        self.0.send_if_modified(|before| {
            let is_new = before.as_deref() != Some(&wanted);
            if is_new {
                *before = Some(Arc::new(wanted));
            }
            is_new
        });
    }

    /// What is wanted, as it changes.
    #[must_use]
    pub fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }
}

/// What is wanted, as it changes; nothing before the first look at a cluster.
#[derive(Clone, Debug)]
pub struct Listener(watch::Receiver<Option<Arc<Wanted>>>);

impl Listener {
    /// What is wanted, waiting a little for the first look at the cluster.
    pub(super) async fn wanted(&mut self) -> Result<Arc<Wanted>, SourceError> {
        let first = self.0.wait_for(Option::is_some);
        let wanted = match tokio::time::timeout(FIRST_WAIT, first).await {
            Ok(Ok(wanted)) => wanted.clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        wanted.ok_or_else(|| {
            SourceError::new(
                Reason::Incomplete,
                "the nodes are not known yet, so there is none to ask prices for",
                "see why the source `kubernetes` does not answer",
            )
        })
    }

    /// Waits until something is wanted of which `is_news` is true.
    pub(super) async fn news(&mut self, is_news: impl Fn(&Wanted) -> bool + Send) {
        let is_news = |wanted: &Option<Arc<Wanted>>| wanted.as_deref().is_some_and(&is_news);
        if self.0.wait_for(is_news).await.is_err() {
            std::future::pending().await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::node;
    use crate::observation::Node;
    use jiff::Timestamp;

    #[test]
    fn machines_of_aws_want_prices_and_each_type_once() {
        type Change = fn(&mut Node);
        let changes: [Change; 8] = [
            |_| {},
            |_| {},
            |node| node.capacity_type = CapacityType::Spot,
            |node| node.region = Some("eu-west-1".into()),
            |node| node.capacity_type = CapacityType::Fargate,
            |node| node.provider = Provider::Other,
            |node| node.instance_type = None,
            |node| node.region = Some("cn-north-1".into()),
        ];
        let nodes = changes.map(|change| {
            let mut machine = (*node("n", 2.0, 8.0, None).node).clone();
            change(&mut machine);
            Arc::new(machine)
        });
        let wanted = Wanted::of(&Cluster {
            at: Timestamp::UNIX_EPOCH,
            nodes: nodes.into(),
            ..Cluster::default()
        });
        let pair = |region: &str| (Arc::from(region), Arc::from("m5.large"));
        assert_eq!(
            wanted.list,
            BTreeSet::from([pair("eu-west-1"), pair("us-east-1")])
        );
        assert_eq!(
            wanted.spot,
            BTreeMap::from([("us-east-1".into(), BTreeSet::from(["m5.large".into()]))])
        );
    }
}
