//! Prices that a cloud publishes: on-demand prices from its price list, and spot prices.
//!
//! The sources look up the products that the cluster has, which [`PriceQueryPublisher`] tells them, and hand prices on as observations.
//! [`breakeven_model::pricing`] resolves the price of each node from them.

use std::sync::Arc;
use std::time::Duration;

use breakeven_model::inventory::Cluster;
use breakeven_model::pricing::PriceQueries;

use crate::sources::latest::{Publisher, Subscriber};
use crate::sources::{Reason, SourceError};

/// How long a poll waits for the nodes to be known for the first time.
const FIRST_WAIT: Duration = Duration::from_secs(10);

/// Tells the sources of prices what is wanted; clones tell the same ones.
#[derive(Clone, Debug, Default)]
pub struct PriceQueryPublisher(Publisher<PriceQueries>);

impl PriceQueryPublisher {
    /// Wants the prices of what is in a cluster, from now on.
    pub fn on_snapshot(&self, cluster: &Cluster) {
        self.0.publish(PriceQueries::from_cluster(cluster));
    }

    /// What is wanted, as it changes.
    #[must_use]
    pub fn listen(&self) -> PriceQuerySubscriber {
        PriceQuerySubscriber(self.0.listen())
    }
}

/// What is wanted, as it changes; nothing before the first look at a cluster.
#[derive(Debug)]
pub struct PriceQuerySubscriber(Subscriber<PriceQueries>);

impl PriceQuerySubscriber {
    /// What is wanted, waiting a little for the first look at the cluster.
    pub(super) async fn wanted(&mut self) -> Result<Arc<PriceQueries>, SourceError> {
        self.0.first(FIRST_WAIT).await.ok_or_else(|| {
            SourceError::new(
                Reason::Incomplete,
                "the nodes are not known yet, so there is none to ask prices for",
                "see why the source `kubernetes` does not answer",
            )
        })
    }

    /// Waits until something is wanted of which `is_news` is true.
    pub(super) async fn news(&mut self, is_news: impl Fn(&PriceQueries) -> bool + Send) {
        self.0.until(is_news).await;
    }
}
