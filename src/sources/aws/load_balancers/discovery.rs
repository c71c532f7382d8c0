//! Which load balancers send to a target group: requests are counted for both together.

use aws_sdk_cloudwatch::types::DimensionFilter;

use super::counter::Counter;
use crate::sources::SourceError;
use crate::sources::aws::Session;
use crate::sources::aws::cloudwatch::Lister;

/// Asks CloudWatch which metrics there are, in one region.
///
/// A load balancer has them as soon as a request came through it, and for two weeks after the last one.
#[derive(Debug)]
pub(super) struct CounterDiscovery(Lister);

impl CounterDiscovery {
    pub(super) fn new(session: &Session) -> Self {
        Self(Lister::new(session, None))
    }

    /// The counters of a target group, one for each load balancer; none where no requests are counted.
    pub(super) async fn counters(
        &self,
        session: &Session,
        target_group: &str,
    ) -> Result<Vec<Counter>, SourceError> {
        let filter = DimensionFilter::builder()
            .name("TargetGroup")
            .value(target_group)
            .build();
        let metric = ("AWS/ApplicationELB", "RequestCount");
        let listed = self.0.list(session, metric, Some(filter)).await?;
        let mut counters = Vec::new();
        for metric in &listed.metrics {
            // Those of one zone count a part of the same requests.
            let [_, _] = metric.dimensions() else {
                continue;
            };
            let mut dimensions = metric.dimensions().iter();
            let balancer = dimensions.find(|one| one.name() == Some("LoadBalancer"));
            if let Some(load_balancer) = balancer.and_then(|one| one.value()) {
                counters.push(Counter::TargetGroup {
                    target_group: target_group.to_owned(),
                    load_balancer: load_balancer.to_owned(),
                });
            }
        }
        Ok(counters)
    }
}
