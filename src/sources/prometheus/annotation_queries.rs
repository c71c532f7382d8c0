//! Queries that count one workload each, from annotations.
//!
//! They are other people's: each fails, and is slow, alone. The shared queries of a poll are asked before them, each of them
//! has a deadline, all of them together have another, and one that fails waits longer each time until it is asked again.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tracing::warn;

use super::client::Client;
use super::query::{Expression, QuerySyntaxError};
use super::{MAX_POINTS, RequestsSource, convert};
use crate::sources::latest::{Publisher, Subscriber};
use crate::sources::{DiscardCounts, Reason, SourceError};
use breakeven_model::inventory::{Cluster, Counted, DedicatedSource, DedicatedTraffic, WorkloadId};
use breakeven_model::units::Window;

/// The most workloads that are asked for by a query each; there are two queries for each of them.
const MOST: usize = 200;

/// How many workloads are asked for at a time. Prometheus evaluates 20 queries at a time by default
/// (`--query.max-concurrency`); most of them stay free for others.
const MAX_CONCURRENT: usize = 8;

/// How long the queries of one workload may take together, if the timeout of a query is not shorter. A query that counts one
/// workload takes less than a second.
const MAX_TIME: Duration = Duration::from_secs(10);

/// How long all of them may take in one poll, in units of what one may take. Those that are left are the first of the next poll.
const ROUNDS_OF_A_POLL: u32 = 2;

/// The longest answer, in bytes: one series of 11,000 points has less than half of it.
const MAX_ANSWER: usize = 1_024 * 1_024;

/// The pause after a first failure; each further failure doubles it.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// The longest pause: a query that is repaired on the server is noticed within half an hour. One that changes is asked at once.
const MAX_PAUSE: SignedDuration = SignedDuration::from_mins(30);

/// Which workloads are counted by which query.
pub(super) type Queries = BTreeMap<WorkloadId, Arc<str>>;

/// Checks the query of an annotation.
///
/// # Errors
/// When it has more than 4,096 bytes, nests more than 50 levels deep, is not PromQL for an instant vector, or lacks `$window`.
pub fn check_query(text: &str) -> Result<(), QuerySyntaxError> {
    Expression::of_annotation(text).map(|_| ())
}

/// Tells the source of requests which workloads have queries of their own; clones tell the same one.
#[derive(Clone, Debug, Default)]
pub struct AnnotationQuery(Publisher<Queries>);

impl AnnotationQuery {
    /// Asks for what the annotations in a cluster say, from now on.
    pub fn on_snapshot(&self, cluster: &Cluster) {
        let queries = cluster.annotations.iter().filter_map(|(id, notes)| {
            let query = notes.requests_query.as_ref()?;
            Some((id.clone(), Arc::clone(query)))
        });
        self.0.publish(queries.collect());
    }

    /// The queries, as they change.
    pub(super) fn listen(&self) -> Subscriber<Queries> {
        self.0.listen()
    }
}

/// The query of one workload, and how far it was read.
#[derive(Debug)]
pub(super) struct WorkloadQuery {
    text: Arc<str>,
    query: Expression,
    read_to: Option<Timestamp>,
    /// When it was last answered, or failed.
    last_asked: Option<Timestamp>,
    /// Failures since it last succeeded.
    failures: u32,
    /// When it is asked again after a failure.
    retry_at: Option<Timestamp>,
    /// Read already, but not yet handed on.
    kept: Counted,
}

impl WorkloadQuery {
    const fn new(text: Arc<str>, query: Expression) -> Self {
        Self {
            text,
            query,
            read_to: None,
            last_asked: None,
            failures: 0,
            retry_at: None,
            kept: Counted {
                covered: Vec::new(),
                steps: Vec::new(),
                rate: None,
                failure: None,
            },
        }
    }

    /// Whether no pause holds it back. A pause that is longer than any is left from a clock that was ahead.
    fn is_due(&self, now: Timestamp) -> bool {
        let pause = self.retry_at.map(|at| at.duration_since(now));
        pause.is_none_or(|pause| !pause.is_positive() || pause > MAX_PAUSE)
    }

    /// Healthy queries come before those that failed, and of both those that wait longest.
    fn place(&self) -> (bool, Option<Timestamp>) {
        (self.failures > 0, self.last_asked)
    }

    fn record(&mut self, reading: AnnotationResult, now: Timestamp) {
        self.kept.steps.extend(reading.counted.steps);
        self.kept.covered.extend(reading.counted.covered);
        self.kept.rate = reading.counted.rate.or(self.kept.rate);
        self.read_to = self
            .kept
            .covered
            .last()
            .map_or(self.read_to, |last| Some(last.end()));
        self.last_asked = Some(now);
        self.kept.failure = reading.failure.map(|error| error.to_string().into());
        if self.kept.failure.is_none() {
            self.failures = 0;
            self.retry_at = None;
            return;
        }
        let doubled = 1_i32 << self.failures.min(8);
        let pause = (FIRST_PAUSE * doubled).min(MAX_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.retry_at = now.checked_add(pause).ok();
    }

    /// What was read since it was last handed on. A failure stays until the query succeeds.
    fn take(&mut self) -> Counted {
        let failure = self.kept.failure.clone();
        let taken = std::mem::take(&mut self.kept);
        self.kept.failure = failure;
        taken
    }
}

/// What is to be asked of one workload.
struct Job {
    id: WorkloadId,
    windows: Vec<Window>,
    step: Duration,
    steps: String,
    recent: Duration,
    rate: String,
    now: Timestamp,
}

/// What was answered of one workload, and why the rest was not.
#[derive(Default)]
struct AnnotationResult {
    counted: Counted,
    failure: Option<SourceError>,
}

impl Job {
    async fn read(
        self,
        client: &Client,
        max_time: Duration,
        discarded: &DiscardCounts,
    ) -> (WorkloadId, AnnotationResult) {
        let mut counted = Counted::default();
        let asked = tokio::time::timeout(max_time, self.ask(client, discarded, &mut counted)).await;
        let failure = asked.unwrap_or_else(|_| Err(too_slow(max_time))).err();
        (self.id, AnnotationResult { counted, failure })
    }

    async fn ask(
        &self,
        client: &Client,
        discarded: &DiscardCounts,
        counted: &mut Counted,
    ) -> Result<(), SourceError> {
        for window in &self.windows {
            let answer = client.range(&self.steps, *window, self.step).await?;
            let steps = convert::sums(answer, self.step, *window, discarded);
            counted.steps.extend(steps);
            counted.covered.push(*window);
        }
        let answer = client.instant(&self.rate, self.now).await?;
        counted.rate = convert::rate(answer, self.recent, discarded);
        Ok(())
    }
}

impl RequestsSource {
    /// Asks for the workloads that have queries of their own, and keeps what is answered.
    ///
    /// A query that fails or is slow does so alone. If this future is dropped, what was answered before is kept.
    pub(super) async fn read_annotation_queries(&mut self, now: Timestamp) {
        let Some(queries) = self.own_queries.latest() else {
            return;
        };
        self.want(&queries);
        self.has_asked_own = true;
        let jobs = self.own_jobs(now);
        let max_time = MAX_TIME.min(self.query_timeout);
        let until = Instant::now() + max_time * ROUNDS_OF_A_POLL;
        let Self {
            client,
            own,
            discarded,
            ..
        } = self;
        let client = &client.limited_to(MAX_ANSWER);
        let jobs = jobs
            .into_iter()
            .map(|job| job.read(client, max_time, discarded));
        let mut readings = pin!(stream::iter(jobs).buffer_unordered(MAX_CONCURRENT));
        while let Ok(Some((id, reading))) = tokio::time::timeout_at(until, readings.next()).await {
            if let Some(error) = &reading.failure {
                discarded.add("own_query_failed", 1);
                warn!(workload = %id, %error, "the query of an annotation failed");
            }
            if let Some(own) = own.get_mut(&id) {
                own.record(reading, now);
            }
        }
    }

    /// What was answered since it was last handed on, of all workloads that have queries of their own; absent while it is not
    /// known which have.
    pub(super) fn own_traffic(&mut self, now: Timestamp) -> Option<DedicatedTraffic> {
        if !std::mem::take(&mut self.has_asked_own) {
            return None;
        }
        let workloads = self.own.iter_mut();
        Some(DedicatedTraffic {
            at: now,
            by: DedicatedSource::Annotation,
            workloads: workloads
                .map(|(id, own)| (id.clone(), own.take()))
                .collect(),
        })
    }

    /// Takes up new queries, and lets go of those that are no longer wanted.
    fn want(&mut self, queries: &Queries) {
        self.own
            .retain(|id, own| queries.get(id).is_some_and(|text| *text == own.text));
        let beyond = queries.len().saturating_sub(MOST);
        self.discarded.add("too_many_own_queries", beyond as u64);
        let chosen = chosen(queries);
        self.own.retain(|id, _| chosen.contains_key(id));
        for (id, text) in chosen {
            if self.own.contains_key(id) {
                continue;
            }
            // Those that make no sense are not among the notes.
            let Ok(query) = Expression::of_annotation(text) else {
                continue;
            };
            self.own
                .insert(id.clone(), WorkloadQuery::new(Arc::clone(text), query));
        }
    }

    /// The queries that are due, in the order in which they are asked.
    fn own_jobs(&self, now: Timestamp) -> Vec<Job> {
        let due = in_turn(self.own.iter().filter(|(_, own)| own.is_due(now)));
        let job = |(id, own): (&WorkloadId, &WorkloadQuery)| {
            let due = self.reach.due(own.read_to, now);
            let windows = due.map(|window| convert::parts(window, self.reach.step, MAX_POINTS));
            Job {
                id: id.clone(),
                windows: windows.unwrap_or_default(),
                step: self.reach.step,
                steps: own.query.over(self.reach.step),
                recent: self.recent,
                rate: own.query.over(self.recent),
                now,
            }
        };
        due.into_iter().map(job).collect()
    }
}

/// Queries in the order in which they are asked: healthy before failed ones, then the first of each namespace, the second of
/// each, and so on, so that no namespace delays the others by more than one query.
fn in_turn<'a>(
    queries: impl Iterator<Item = (&'a WorkloadId, &'a WorkloadQuery)>,
) -> Vec<(&'a WorkloadId, &'a WorkloadQuery)> {
    let mut queries: Vec<_> = queries.collect();
    queries.sort_by_key(|(_, own)| own.place());
    let mut counts: BTreeMap<(bool, &str), usize> = BTreeMap::new();
    let mut ranked: Vec<_> = queries
        .into_iter()
        .map(|(id, own)| {
            let (has_failed, _) = own.place();
            let rank = counts.entry((has_failed, &id.namespace)).or_default();
            *rank += 1;
            ((has_failed, *rank), (id, own))
        })
        .collect();
    ranked.sort_by_key(|(place, _)| *place);
    ranked.into_iter().map(|(_, query)| query).collect()
}

/// At most [`MOST`] queries: the first of each namespace, then the second of each, so that no namespace takes all of them.
fn chosen(queries: &Queries) -> BTreeMap<&WorkloadId, &Arc<str>> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut ranked: Vec<_> = queries
        .iter()
        .map(|(id, text)| {
            let rank = counts.entry(&id.namespace).or_default();
            *rank += 1;
            (*rank, id, text)
        })
        .collect();
    ranked.sort_by_key(|(rank, id, _)| (*rank, *id));
    let chosen = ranked.into_iter().take(MOST);
    chosen.map(|(_, id, text)| (id, text)).collect()
}

fn too_slow(max_time: Duration) -> SourceError {
    SourceError::new(
        Reason::Timeout,
        format!("no whole answer within {} s", max_time.as_secs_f64()),
        "make the query cheaper, for example by a recording rule",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakeven_model::inventory::WorkloadKind;

    fn id(namespace: &str, name: &str) -> WorkloadId {
        WorkloadId {
            namespace: namespace.into(),
            kind: WorkloadKind::Deployment,
            name: name.into(),
        }
    }

    fn own() -> WorkloadQuery {
        let text = "increase(x[$window])";
        WorkloadQuery::new(text.into(), Expression::of_annotation(text).unwrap())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_namespace_with_many_queries_leaves_room_for_the_others() {
        let many = (0..500).map(|number| (id("a", &format!("w{number}")), Arc::from("x")));
        let few = (0..3).map(|number| (id("z", &format!("w{number}")), Arc::from("x")));
        let queries: Queries = many.chain(few).collect();
        let chosen = chosen(&queries);
        assert_eq!(chosen.len(), MOST);
        let others = chosen.keys().filter(|id| &*id.namespace == "z");
        assert_eq!(others.count(), 3);
    }

    #[test]
    fn namespaces_take_turns() {
        let ids = [
            id("a", "1"),
            id("a", "2"),
            id("a", "3"),
            id("b", "1"),
            id("c", "1"),
        ];
        let mut queries: BTreeMap<WorkloadId, WorkloadQuery> =
            ids.into_iter().map(|id| (id, own())).collect();
        let failure = Some(too_slow(MAX_TIME));
        let reading = AnnotationResult {
            failure,
            ..AnnotationResult::default()
        };
        queries
            .get_mut(&id("b", "1"))
            .unwrap()
            .record(reading, at(0));
        queries
            .get_mut(&id("a", "1"))
            .unwrap()
            .record(AnnotationResult::default(), at(0));
        let names = in_turn(queries.iter()).into_iter();
        let names = names.map(|(id, _)| format!("{}{}", id.namespace, id.name));
        assert_eq!(names.collect::<Vec<_>>(), ["a2", "c1", "a3", "a1", "b1"]);
    }

    #[test]
    fn a_query_that_fails_waits_longer_each_time_and_keeps_its_place_behind_the_healthy() {
        let mut failing = own();
        let mut second = 0;
        for minutes in [1, 2, 4, 8, 16, 30, 30] {
            let failure = Some(too_slow(MAX_TIME));
            let reading = AnnotationResult {
                failure,
                ..AnnotationResult::default()
            };
            failing.record(reading, at(second));
            let retry = second + minutes * 60;
            assert!(!failing.is_due(at(retry - 1)), "{minutes} minutes");
            assert!(failing.is_due(at(retry)), "{minutes} minutes");
            assert!(failing.is_due(at(second - 7_200)), "the clock went back");
            second = retry;
        }
        assert!(failing.take().failure.is_some());
        assert!(failing.take().failure.is_some(), "until it succeeds");
        let mut healthy = own();
        assert!(healthy.place() < failing.place());
        healthy.record(AnnotationResult::default(), at(second + 3_600));
        assert!(healthy.place() < failing.place());
        assert!(own().place() < healthy.place(), "it was never asked");
        failing.record(AnnotationResult::default(), at(second));
        assert_eq!((failing.failures, failing.retry_at), (0, None));
        assert_eq!(failing.take().failure, None);
    }
}
