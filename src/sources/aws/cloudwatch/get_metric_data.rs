//! One call of GetMetricData, page by page.

use std::sync::Arc;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{MetricDataQuery, ScanBy};
use aws_smithy_types::DateTime;

use super::budget::Budget;
use super::query;
use super::rate_limiter::Pace;
use super::response::{Answer, MissingResult};
use crate::sources::aws::{CallDescription, Meter, Price, Service, Session, undecodable};
use crate::sources::{Reason, SourceError};
use breakeven_model::units::Window;

/// The call that metrics are read with, and what its use is counted as.
pub const API: &str = "GetMetricData";
const ACTION: &str = "cloudwatch:GetMetricData";
pub(in crate::sources) const CLOUDWATCH: Service = Service {
    id: "CloudWatch",
    host: "monitoring",
};

/// The most pages of one answer: at 100,800 datapoints a page, far above what is ever asked for.
const MAX_PAGES: usize = 1_000;

/// How many pages in a row may bring nothing, before what is missing is given up. CloudWatch asks to try a query again
/// that ended as `InternalError` or `PartialData`, with the token of that page.
const MAX_BARREN_PAGES: usize = 3;

/// How often the data points that were asked for may come: a page that is asked for again repeats some of them.
const MAX_REPEATS: usize = 4;

/// How CloudWatch is asked, in one account and region.
#[derive(Debug)]
pub(in crate::sources) struct Caller {
    client: Client,
    /// The account that is read, where it is not the one of the credentials.
    linked: Option<Arc<str>>,
    attempted: CallDescription,
    pace: Pace,
}

impl Caller {
    pub(in crate::sources) fn new(session: &Session, linked: Option<&str>) -> Self {
        Self {
            client: Client::new(&session.config),
            linked: linked.map(Arc::from),
            attempted: session.attempting(CLOUDWATCH, ACTION),
            pace: Pace::default(),
        }
    }

    /// The account that is read, where it is not the one of the credentials.
    pub(super) fn linked(&self) -> Option<&str> {
        self.linked.as_deref()
    }

    /// All pages of one call, for a window that holds those of all queries: how much time it is for costs nothing.
    ///
    /// The error is one of the whole call. What befalls a single query is in the answer.
    pub(in crate::sources) async fn ask(
        &mut self,
        session: &Session,
        (window, queries): (Window, Vec<MetricDataQuery>),
        budget: &Budget,
    ) -> Result<Answer, SourceError> {
        let mut answer = Answer::expecting(queries.len());
        let (mut token, mut barren): (Option<String>, usize) = (None, 0);
        for _ in 0..MAX_PAGES {
            let minutes = query::minutes(window);
            let datapoints = query::datapoints(&queries, minutes);
            self.pace.call(datapoints, minutes).await;
            budget.spend(queries.len());
            let meter = Meter {
                spend: session.spend.clone(),
                api: API,
                price: Price::EachMetric(queries.len().try_into().unwrap_or(u64::MAX)),
            };
            let page = self
                .client
                .get_metric_data()
                .set_metric_data_queries(Some(queries.clone()))
                .start_time(DateTime::from_secs(window.start().as_second()))
                .end_time(DateTime::from_secs(window.end().as_second()))
                .scan_by(ScanBy::TimestampAscending)
                .set_next_token(token.clone())
                .customize()
                .interceptor(meter)
                .send()
                .await
                .map_err(|error| self.attempted.failed(error))?;
            let next = page.next_token().filter(|next| !next.is_empty());
            let next = next.map(str::to_owned);
            let brought = answer
                .add(page)
                .map_err(|problem| undecodable(ACTION, &problem))?;
            if answer.datapoints() > MAX_REPEATS * datapoints.max(queries.len()) {
                let problem = "it gives more data points than were asked for";
                return Err(undecodable(ACTION, problem));
            }
            let goes_on = brought && next != token;
            barren = if goes_on { 0 } else { barren + 1 };
            if next.is_none() || barren == MAX_BARREN_PAGES {
                return Ok(answer);
            }
            token = next;
        }
        Err(undecodable(ACTION, "its pages do not end"))
    }

    /// Why a function could not be read, as an error of the source.
    pub(in crate::sources) fn error(&self, missing: &MissingResult) -> SourceError {
        let region = &self.attempted.region;
        match (missing.reason, &self.linked) {
            (Reason::Forbidden, Some(account)) => SourceError::new(
                Reason::Forbidden,
                format!(
                    "metrics of {account} in {region} are not shown to the account of the credentials: {}",
                    missing.problem
                ),
                format!(
                    "link {account} to it in {region} as a source of metrics, or take `linked` off it in the configuration"
                ),
            ),
            (Reason::Forbidden, None) => self.attempted.forbidden(&missing.problem),
            (Reason::InvalidResponse, _) => undecodable(ACTION, &missing.problem),
            (reason, _) => SourceError::new(
                reason,
                format!("{ACTION} in {region} gave only a part: {}", missing.problem),
                "all of it is asked for again",
            ),
        }
    }
}
