//! What CloudWatch answers to a call, page by page.

use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::types::{MessageData, StatusCode};
use tracing::warn;

use super::query;
use crate::sources::{DiscardCounts, Reason};

/// How many messages of one call are logged.
const MAX_MESSAGES: usize = 20;

/// All pages of one call, merged by query.
#[derive(Debug)]
pub(in crate::sources) struct Answer {
    queries: Vec<Query>,
    messages: Vec<String>,
}

/// What is known of one query.
#[derive(Clone, Debug, Default)]
pub(in crate::sources) struct Query {
    /// Seconds since 1970, and the value there.
    points: Vec<(i64, f64)>,
    /// As the last page that mentions it has it.
    status: Option<StatusCode>,
    messages: Vec<String>,
}

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sources) struct MissingResult {
    /// Forbidden, incomplete or an invalid response.
    pub(in crate::sources) reason: Reason,
    pub(in crate::sources) problem: String,
}

impl Answer {
    pub(super) fn expecting(queries: usize) -> Self {
        Self {
            queries: vec![Query::default(); queries],
            messages: Vec::new(),
        }
    }

    /// Adds a page, and says whether it brought anything: a point, or the end of a query. The error says what of
    /// it makes no sense.
    pub(super) fn add(&mut self, page: GetMetricDataOutput) -> Result<bool, String> {
        let mut brought = false;
        let room = MAX_MESSAGES.saturating_sub(self.messages.len());
        self.messages
            .extend(page.messages().iter().take(room).map(text));
        for result in page.metric_data_results.unwrap_or_default() {
            let id = result.id().unwrap_or_default();
            let query = query::index(id)
                .and_then(|index| self.queries.get_mut(index))
                .ok_or_else(|| format!("a result has the id {id:?}, which was not asked for"))?;
            let (times, values) = (result.timestamps(), result.values());
            if times.len() != values.len() {
                return Err(format!(
                    "a result has {} timestamps and {} values",
                    times.len(),
                    values.len()
                ));
            }
            let times = times.iter().map(aws_smithy_types::DateTime::secs);
            query.points.extend(times.zip(values.iter().copied()));
            query.messages = result.messages().iter().map(text).collect();
            brought |= !values.is_empty() || result.status_code() == Some(&StatusCode::Complete);
            query.status = result.status_code;
        }
        Ok(brought)
    }

    /// How many data points all pages have.
    pub(super) fn datapoints(&self) -> usize {
        self.queries.iter().map(|query| query.points.len()).sum()
    }

    /// The queries, in the order in which they were asked.
    pub(in crate::sources) fn queries(&self) -> &[Query] {
        &self.queries
    }

    /// Logs and counts what CloudWatch remarked.
    pub(in crate::sources) fn report(&self, discarded: &DiscardCounts) {
        for message in &self.messages {
            discarded.add("message", 1);
            warn!(message, "cloudwatch remarks");
        }
    }
}

impl Query {
    /// Seconds since 1970, and the value there.
    pub(in crate::sources) fn points(&self) -> &[(i64, f64)] {
        &self.points
    }

    /// Whether the answer ended before it came to it.
    pub(in crate::sources) const fn is_unanswered(&self) -> bool {
        self.status.is_none()
    }

    /// Why it is not answered to its end, if it ended otherwise. `what` is what was asked for.
    pub(in crate::sources) fn missing(&self, what: &str) -> Option<MissingResult> {
        let status = self.status.as_ref();
        let status = status.filter(|status| **status != StatusCode::Complete)?;
        let what = format!("{what} ended as {}", status.as_str());
        let said = self.messages.join(", ");
        Some(MissingResult {
            reason: match status {
                StatusCode::Forbidden => Reason::Forbidden,
                _ => Reason::Incomplete,
            },
            problem: if said.is_empty() {
                what
            } else {
                format!("{what} ({said})")
            },
        })
    }
}

fn text(message: &MessageData) -> String {
    let part = |part: Option<&str>| part.unwrap_or_default().to_owned();
    format!("{}: {}", part(message.code()), part(message.value()))
}
