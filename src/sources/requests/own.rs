//! Queries that count one workload each, as annotations have them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tracing::warn;

use super::query::{BadQuery, Expression};
use super::{MOST_POINTS, RequestsSource, convert};
use crate::observation::{Cluster, Counted, OwnCount, OwnTraffic, WorkloadId};
use crate::sources::told::{Heard, Told};
use crate::sources::{Reason, SourceError};

/// The most workloads that are asked for by a query each; there are two queries for each of them.
const MOST: usize = 200;

/// Which workloads are counted by which query.
pub(super) type Queries = BTreeMap<WorkloadId, Arc<str>>;

/// Checks the query of an annotation.
///
/// # Errors
/// When it is not PromQL for an instant vector, or lacks `$window`.
pub fn check_query(text: &str) -> Result<(), BadQuery> {
    expression(text).map(|_| ())
}

/// All that a query gives, as one number.
fn expression(text: &str) -> Result<Expression, BadQuery> {
    Expression::new("requests-query", text)?;
    Expression::new("requests-query", &format!("sum({text})"))
}

/// Tells the source of requests which workloads have queries of their own; clones tell the same one.
#[derive(Clone, Debug, Default)]
pub struct OwnQueries(Told<Queries>);

impl OwnQueries {
    /// Asks for what the annotations in a cluster say, from now on.
    pub fn look_at(&self, cluster: &Cluster) {
        let queries = cluster.notes.iter().filter_map(|(id, notes)| {
            let query = notes.requests_query.as_ref()?;
            Some((id.clone(), Arc::clone(query)))
        });
        self.0.tell(queries.collect());
    }

    /// The queries, as they change.
    pub(super) fn listen(&self) -> Heard<Queries> {
        self.0.listen()
    }
}

/// The query of one workload, and how far it was read.
#[derive(Debug)]
pub(super) struct Own {
    text: Arc<str>,
    query: Expression,
    read_to: Option<Timestamp>,
    /// Read already, but not yet handed on.
    kept: Counted,
}

impl RequestsSource {
    /// What was counted of the workloads that have queries of their own; absent while it is not known which have.
    ///
    /// A query that cannot be evaluated fails alone.
    pub(super) async fn own_traffic(
        &mut self,
        now: Timestamp,
    ) -> Result<Option<OwnTraffic>, SourceError> {
        let Some(queries) = self.own_queries.latest() else {
            return Ok(None);
        };
        self.want(&queries);
        let ids: Vec<WorkloadId> = self.own.keys().cloned().collect();
        for id in ids {
            let read = self.read_own(&id, now).await;
            let Err(error) = read else { continue };
            if !matches!(
                error.reason(),
                Reason::InvalidRequest | Reason::InvalidResponse
            ) {
                return Err(error);
            }
            self.left_out.add("own_query_failed", 1);
            if let Some(own) = self.own.get_mut(&id) {
                warn!(workload = %id, %error, "the query of an annotation failed");
                own.kept.failure = Some(error.to_string().into());
            }
        }
        let workloads = self.own.iter_mut();
        let workloads = workloads.map(|(id, own)| (id.clone(), std::mem::take(&mut own.kept)));
        Ok(Some(OwnTraffic {
            at: now,
            by: OwnCount::Annotation,
            workloads: workloads.collect(),
        }))
    }

    /// Takes up new queries, and lets go of those that are no longer wanted.
    fn want(&mut self, queries: &Queries) {
        self.own
            .retain(|id, own| queries.get(id).is_some_and(|text| *text == own.text));
        let beyond = queries.len().saturating_sub(MOST);
        self.left_out.add("too_many_own_queries", beyond as u64);
        for (id, text) in queries.iter().take(MOST) {
            if self.own.contains_key(id) {
                continue;
            }
            // Those that make no sense are not among the notes.
            let Ok(query) = expression(text) else {
                continue;
            };
            let own = Own {
                text: Arc::clone(text),
                query,
                read_to: None,
                kept: Counted::default(),
            };
            self.own.insert(id.clone(), own);
        }
    }

    async fn read_own(&mut self, id: &WorkloadId, now: Timestamp) -> Result<(), SourceError> {
        let Some(own) = self.own.get_mut(id) else {
            return Ok(());
        };
        let due = self.reach.due(own.read_to, now);
        let parts = due.map(|window| convert::parts(window, self.reach.step, MOST_POINTS));
        for window in parts.into_iter().flatten() {
            let asked = own.query.over(self.reach.step);
            let answer = self.client.range(&asked, window, self.reach.step).await?;
            let steps = convert::sums(answer, self.reach.step, window, &self.left_out);
            own.kept.steps.extend(steps);
            own.kept.covered.push(window);
            own.read_to = Some(window.end());
        }
        let asked = own.query.over(self.recent);
        let answer = self.client.instant(&asked, now).await?;
        own.kept.rate = convert::rate(answer, self.recent, &self.left_out);
        Ok(())
    }
}
