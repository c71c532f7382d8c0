//! Which load balancers send to a target group: requests are counted for both together.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::DimensionFilter;

use super::counter::Counter;
use crate::sources::SourceError;
use crate::sources::aws::{Attempted, Meter, Price, Session, undecodable};
use crate::sources::cloudwatch::CLOUDWATCH;

const API: &str = "ListMetrics";
const ACTION: &str = "cloudwatch:ListMetrics";

/// The most pages that are followed: a target group is at few load balancers, in a handful of zones.
const MOST_PAGES: usize = 10;

/// Asks CloudWatch which metrics there are, in one region.
///
/// A load balancer has them as soon as a request came through it, and for two weeks after the last one.
#[derive(Debug)]
pub(super) struct Finder {
    client: Client,
    attempted: Attempted,
}

impl Finder {
    pub(super) fn new(session: &Session) -> Self {
        Self {
            client: Client::new(&session.config),
            attempted: session.attempting(CLOUDWATCH, ACTION),
        }
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
        let mut counters = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = self
                .client
                .list_metrics()
                .namespace("AWS/ApplicationELB")
                .metric_name("RequestCount")
                .dimensions(filter.clone())
                .set_next_token(token.clone())
                .customize()
                .interceptor(Meter {
                    spend: session.spend.clone(),
                    api: API,
                    // 0.01 USD for 1,000 calls, which is what a call for one metric costs.
                    price: Price::EachMetric(1),
                })
                .send()
                .await
                .map_err(|error| self.attempted.failed(error))?;
            for metric in page.metrics() {
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
            let next = page.next_token().filter(|next| !next.is_empty());
            if next.is_none() {
                return Ok(counters);
            }
            token = next.map(str::to_owned);
        }
        Err(undecodable(ACTION, "its pages do not end"))
    }
}
