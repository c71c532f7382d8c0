//! Which metrics there are, by ListMetrics.

use std::sync::Arc;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{DimensionFilter, Metric};

use super::get_metric_data::CLOUDWATCH;
use crate::sources::SourceError;
use crate::sources::aws::{CallDescription, Meter, Price, Session, undecodable};

const API: &str = "ListMetrics";
const ACTION: &str = "cloudwatch:ListMetrics";

/// The most pages that are followed: at 500 metrics a page, far above what there ever is of one name.
const MAX_PAGES: usize = 1_000;

/// The most metrics that are kept of one name: 500 functions of each of 200 accounts.
const MAX_METRICS: usize = 100_000;

/// Asks CloudWatch which metrics there are, in one account and region: those that had a value in the last two weeks.
#[derive(Debug)]
pub(in crate::sources) struct Lister {
    client: Client,
    /// The account that is asked about, where it is not the one of the credentials.
    linked: Option<Arc<str>>,
    attempted: CallDescription,
}

/// What was listed, and on how many pages.
#[derive(Debug, Default)]
pub(in crate::sources) struct Listed {
    pub(in crate::sources) metrics: Vec<Metric>,
    pub(in crate::sources) pages: usize,
}

impl Lister {
    pub(in crate::sources) fn new(session: &Session, linked: Option<&str>) -> Self {
        Self {
            client: Client::new(&session.config),
            linked: linked.map(Arc::from),
            attempted: session.attempting(CLOUDWATCH, ACTION),
        }
    }

    /// The metrics of a namespace that have this name, and a dimension where one is given.
    pub(in crate::sources) async fn list(
        &self,
        session: &Session,
        (namespace, metric): (&str, &str),
        dimension: Option<DimensionFilter>,
    ) -> Result<Listed, SourceError> {
        let mut listed = Listed::default();
        let mut token: Option<String> = None;
        while listed.pages < MAX_PAGES {
            let page = self
                .client
                .list_metrics()
                .namespace(namespace)
                .metric_name(metric)
                .set_dimensions(dimension.clone().map(|one| vec![one]))
                .set_include_linked_accounts(self.linked.as_ref().map(|_| true))
                .set_owning_account(self.linked.as_deref().map(str::to_owned))
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
            listed.pages += 1;
            let next = page.next_token().filter(|next| !next.is_empty());
            let next = next.map(str::to_owned);
            listed.metrics.extend(page.metrics.unwrap_or_default());
            if listed.metrics.len() > MAX_METRICS {
                let problem =
                    format!("it lists more than {MAX_METRICS} metrics, the most that are read");
                return Err(undecodable(ACTION, &problem));
            }
            if next.is_none() {
                return Ok(listed);
            }
            token = next;
        }
        Err(undecodable(ACTION, "its pages do not end"))
    }
}
