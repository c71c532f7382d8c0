//! Requests that the cluster's workloads served, from any server that speaks Prometheus' HTTP API
//! (Prometheus, Thanos, Mimir, `VictoriaMetrics`).
//!
//! What is asked is one of the presets ([`Preset`]), which know what well-known programs expose, or PromQL of one's own.
//! Left to itself the source takes the first preset that has data.
//!
//! Each poll reads the closed steps that were not read yet with one range query an expression, and the present
//! rate with one instant query. A step is read with `increase(...[step])` at its end, so it covers just the time
//! from the step before. At the start the weeks before the decision window are read too, once and hour by hour. On an error nothing is lost: the next poll begins at the end of the last step
//! that was read of all expressions, and reaches back at most [`Settings::backfill`]. What was read before the error is
//! handed on all the same.

mod annotation_queries;
mod client;
mod convert;
mod preset_detection;
mod response;
mod target_labels;
#[macro_use]
mod promql_templates;
mod latency_unit;
mod preset;
mod query;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use tracing::warn;

use self::annotation_queries::WorkloadQuery;
pub use self::annotation_queries::{AnnotationQuery, check_query};
pub(in crate::sources) use self::client::Client;
pub use self::client::Credentials;
use self::convert::Counts;
pub use self::latency_unit::LatencyUnit;
pub use self::preset::Preset;
use self::preset_detection::Choice;
use self::query::CheckedQueries;
pub use self::query::{LatencyQueries, Queries, QuerySyntaxError};
pub(in crate::sources) use self::response::{Answer, Series};
use super::latest::Subscriber;
use super::{AddressError, DiscardCounts, Poll, Reason, Secret, Source, SourceError};
use crate::disk::Disk;
use breakeven_model::inventory::{Observation, RequestRate, RequestStep, Traffic, WorkloadId};
use breakeven_model::units::Window;

/// The most points of each series that Prometheus gives for one range query.
/// <https://github.com/prometheus/prometheus/blob/main/web/api/v1/api.go>
const MAX_POINTS: usize = 11_000;

/// The steps of what was before the decision window.
const HOUR: Duration = Duration::from_secs(3_600);

/// Where requests are read, and which.
#[derive(Clone)]
pub struct Settings {
    /// The address up to `/api/v1`, such as `http://prometheus.monitoring:9090`.
    pub base_url: String,
    /// What is asked.
    pub queries: Queries,
    /// The length of a step, whole seconds.
    pub step: Duration,
    /// How long after its end a step is taken as closed: two scrapes of 30 s.
    pub delay: Duration,
    /// How far back the first reading reaches, and no catching up reaches further.
    pub backfill: Duration,
    /// How far back from there hours are read, once; nothing for zero.
    pub history: Duration,
    /// The time over which the present rate is averaged.
    pub recent: Duration,
    /// As whom it is asked, where it wants to know.
    pub credentials: Option<Credentials>,
    /// A file with the certificates of the only authorities that are trusted; absent for those of the system.
    pub ca_file: Option<PathBuf>,
    /// Further headers, such as `X-Scope-OrgID`.
    pub headers: Vec<(String, Secret)>,
    /// How long one query may take.
    pub timeout: Duration,
    /// The longest answer that is read, in bytes.
    pub max_answer: usize,
}

impl Settings {
    /// The defaults for a server and what is asked of it.
    #[must_use]
    pub fn new(base_url: impl Into<String>, queries: Queries) -> Self {
        Self {
            base_url: base_url.into(),
            queries,
            step: Duration::from_secs(300),
            delay: Duration::from_secs(60),
            backfill: Duration::from_secs(24 * 3_600),
            history: Duration::ZERO,
            recent: Duration::from_secs(300),
            credentials: None,
            ca_file: None,
            headers: Vec::new(),
            timeout: Duration::from_secs(10),
            max_answer: 64 * 1_024 * 1_024,
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("base_url", &self.base_url)
            .field("queries", &self.queries)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// Settings that no source can be made of.
#[derive(Debug, thiserror::Error)]
pub enum PrometheusConfigError {
    /// A query is wrong.
    #[error(transparent)]
    Query(#[from] QuerySyntaxError),
    /// The address or a header is wrong.
    #[error(transparent)]
    Address(#[from] AddressError),
}

/// Which time is read.
#[derive(Clone, Copy, Debug)]
struct ReadRange {
    step: Duration,
    delay: Duration,
    backfill: Duration,
}

impl ReadRange {
    /// The closed time that is not read yet.
    fn due(self, read_to: Option<Timestamp>, now: Timestamp) -> Option<Window> {
        let closed = Window::closed_before(now, self.step, self.delay)?;
        let reach = closed.extended_back(self.backfill);
        reach.since(read_to.unwrap_or(reach.start()))
    }
}

/// Reads requests when it is polled.
#[derive(Debug)]
pub struct RequestsSource {
    reach: ReadRange,
    recent: Duration,
    choice: Choice,
    client: Client,
    read_to: Option<Timestamp>,
    /// How much of the time before the first reading is still to be read.
    history: Duration,
    /// What it is once all has to be read anew.
    whole_history: Duration,
    /// Read already, but not yet handed on because what came after it failed.
    kept: Vec<(Window, Vec<RequestStep>)>,
    kept_rates: Option<Vec<RequestRate>>,
    own_queries: Subscriber<annotation_queries::Queries>,
    /// The workloads that are counted by queries of their own.
    own: BTreeMap<WorkloadId, WorkloadQuery>,
    /// How long one query may take.
    query_timeout: Duration,
    polled_at: Option<Timestamp>,
    /// Whether the last poll came to the own queries. Before that nothing is said of them.
    has_asked_own: bool,
    discarded: DiscardCounts,
}

impl RequestsSource {
    /// Asks nothing yet. Reads the certificates, so it blocks while their disk hangs.
    ///
    /// # Errors
    /// When an expression is not PromQL for an instant vector or lacks `$window`, the address or a header is none, or the
    /// certificates cannot be read.
    pub fn new(settings: &Settings) -> Result<Self, PrometheusConfigError> {
        let source = Self::with(settings, &AnnotationQuery::default())?;
        source.client.load_certificates()?;
        Ok(source)
    }

    /// One that counts some workloads by queries of their own as well. It reads the certificates before the first query.
    ///
    /// # Errors
    /// As [`Self::new`], except for the certificates.
    pub fn with(settings: &Settings, own: &AnnotationQuery) -> Result<Self, PrometheusConfigError> {
        let whole = |duration: Duration| Duration::from_secs(duration.as_secs().max(1));
        Ok(Self {
            reach: ReadRange {
                step: whole(settings.step),
                delay: settings.delay,
                backfill: settings.backfill,
            },
            recent: whole(settings.recent),
            choice: Choice::new(&settings.queries)?,
            client: Client::new(settings)?,
            read_to: None,
            history: settings.history,
            whole_history: settings.history,
            kept: Vec::new(),
            kept_rates: None,
            own_queries: own.listen(),
            own: BTreeMap::new(),
            query_timeout: settings.timeout,
            polled_at: None,
            has_asked_own: false,
            discarded: DiscardCounts::default(),
        })
    }

    /// Runs its file operations.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        self.client.disk()
    }

    /// What was left out: `not_finite`, `negative`, `without_target`, `native_histogram`, `outside_the_range`,
    /// `latency_without_requests`, `steps_too_old_to_catch_up`, `history_unread`, `own_query_failed`, `too_many_own_queries`,
    /// `warning`.
    #[must_use]
    pub fn discarded(&self) -> DiscardCounts {
        self.discarded.clone()
    }

    /// Keeps the steps of a window, and goes on behind it.
    fn complete(&mut self, window: Window, steps: Vec<RequestStep>) {
        let read_to = self.read_to.replace(window.end()).unwrap_or(window.start());
        let skipped = window.start().duration_since(read_to).as_secs();
        let skipped = u64::try_from(skipped).unwrap_or_default() / self.reach.step.as_secs();
        if skipped > 0 {
            self.discarded.add("steps_too_old_to_catch_up", skipped);
            warn!(
                steps = skipped,
                "steps of requests were too old to catch up with"
            );
        }
        self.kept.push((window, steps));
    }

    /// The steps, of a length, of a time that one range query can give.
    async fn steps(
        &self,
        asked: &CheckedQueries,
        window: Window,
        step: Duration,
    ) -> Result<Vec<RequestStep>, SourceError> {
        let span = (window, step);
        let requests = self.counts(asked, &asked.requests, span).await?;
        let Some(latency) = &asked.latency else {
            return Ok(convert::steps(step, requests, None, &self.discarded));
        };
        let sum = self.counts(asked, &latency.sum, span).await?;
        let count = self.counts(asked, &latency.count, span).await?;
        let latency = Some((latency.unit, sum, count));
        Ok(convert::steps(step, requests, latency, &self.discarded))
    }

    /// Reads the whole hours before a time that is about to be read. They begin after the first in which anything was counted:
    /// before it nobody may have, and it may not be whole. A server that does not give them is asked for no more of them.
    async fn read_history(&mut self, due: Window) -> Result<(), SourceError> {
        let last = Window::closed_before(due.start(), HOUR, Duration::ZERO);
        let (Some(last), Some(asked)) = (last, self.choice.asked()) else {
            return Ok(());
        };
        match self
            .steps(asked, last.extended_back(self.history), HOUR)
            .await
        {
            Ok(mut steps) => {
                let first = steps.iter().map(|step| step.window.end()).min();
                let known = first.and_then(|first| Window::between(first, last.end()));
                steps.retain(|step| known.is_some_and(|known| known.contains(step.window.start())));
                self.kept.extend(known.map(|known| (known, steps)));
            }
            Err(error) if is_query_error(error.reason()) => {
                self.discarded.add("history_unread", 1);
                warn!(%error, "the weeks before the decision window are not known");
            }
            Err(error) => return Err(error),
        }
        self.history = Duration::ZERO;
        Ok(())
    }

    async fn counts(
        &self,
        asked: &CheckedQueries,
        query: &query::Expression,
        (window, step): (Window, Duration),
    ) -> Result<Counts, SourceError> {
        let expression = query.over(step);
        let answer = self.client.range(&expression, window, step).await?;
        self.remarks(&answer.remarks);
        convert::counts(answer, asked.ways, window, &self.discarded)
            .map_err(|problem| client::broken_contract(query.field(), &problem))
    }

    async fn rates(
        &self,
        asked: &CheckedQueries,
        now: Timestamp,
    ) -> Result<Vec<RequestRate>, SourceError> {
        let query = &asked.requests;
        let answer = self.client.instant(&query.over(self.recent), now).await?;
        self.remarks(&answer.remarks);
        convert::rates(answer, asked.ways, self.recent, &self.discarded)
            .map_err(|problem| client::broken_contract(query.field(), &problem))
    }

    /// Reads what was served in the time that is not read yet, and is served now; nothing while nothing is asked.
    async fn read_traffic(&mut self, now: Timestamp) -> Result<(), SourceError> {
        let due = self.reach.due(self.read_to, now);
        if let Some(due) = due.filter(|_| !self.history.is_zero()) {
            self.read_history(due).await?;
        }
        let parts = due.map(|window| convert::parts(window, self.reach.step, MAX_POINTS));
        for window in parts.into_iter().flatten() {
            let Some(asked) = self.choice.asked() else {
                return Ok(());
            };
            let steps = self.steps(asked, window, self.reach.step).await?;
            self.complete(window, steps);
        }
        let Some(asked) = self.choice.asked() else {
            return Ok(());
        };
        let rates = self.rates(asked, now).await?;
        self.choice.record_result(!rates.is_empty(), now);
        self.kept_rates = Some(rates);
        Ok(())
    }

    /// Hands on what was read: the steps of each window, and with the last of them the present rates.
    fn traffic(&mut self, at: Timestamp) -> Vec<Traffic> {
        let kept = std::mem::take(&mut self.kept).into_iter();
        let steps = kept.map(|(window, steps)| Traffic {
            at,
            covered: Some(window),
            steps,
            rates: Vec::new(),
        });
        let mut traffic: Vec<Traffic> = steps.collect();
        let Some(rates) = self.kept_rates.take() else {
            return traffic;
        };
        match traffic.last_mut() {
            Some(last) => last.rates = rates,
            None => traffic.push(Traffic {
                at,
                covered: None,
                steps: Vec::new(),
                rates,
            }),
        }
        traffic
    }

    /// Hands on all that was read. What another preset counts ends what the one before it counted, so if the poll failed, a
    /// new preset is not named before it has data.
    fn publish(&mut self, at: Timestamp, has_failed: bool) -> Vec<Observation> {
        let traffic = self.traffic(at);
        let is_origin_known = !has_failed || !traffic.is_empty();
        let origin = is_origin_known.then(|| self.choice.news()).flatten();
        let origin = origin.map(Observation::RequestOrigin);
        let own = self.own_traffic(at).map(Observation::DedicatedTraffic);
        let traffic = traffic.into_iter().map(Observation::Traffic);
        origin.into_iter().chain(own).chain(traffic).collect()
    }

    /// Asks the shared queries: those of a preset, or of the configuration.
    async fn read_shared(&mut self, now: Timestamp) -> Result<(), SourceError> {
        if self.choice.detect(&self.client, self.recent, now).await? {
            // What another preset counted is counted anew by this one.
            self.read_to = None;
            self.history = self.whole_history;
            self.kept.clear();
        }
        self.read_traffic(now).await
    }

    fn remarks(&self, remarks: &[String]) {
        for remark in remarks {
            self.discarded.add("warning", 1);
            warn!(remark, "prometheus warns");
        }
    }
}

/// Whether any other question would fail as well.
const fn is_of_the_server(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Connect
            | Reason::Unauthorized
            | Reason::Forbidden
            | Reason::NotFound
            | Reason::Throttled
    )
}

/// Whether a question failed for what it asks, so that it would fail again.
const fn is_query_error(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::InvalidRequest | Reason::InvalidResponse | Reason::Timeout | Reason::ServerError
    )
}

impl Poll for RequestsSource {
    fn source(&self) -> Source {
        Source::Requests
    }

    async fn poll(&mut self, now: Timestamp) -> Result<Vec<Observation>, SourceError> {
        self.polled_at = Some(now);
        self.has_asked_own = false;
        self.client.read_secret().await?;
        let shared = self.read_shared(now).await;
        if let Err(error) = &shared
            && is_of_the_server(error.reason())
        {
            return shared.map(|()| Vec::new());
        }
        self.read_annotation_queries(now).await;
        shared.map(|()| self.publish(now, false))
    }

    fn partial_results(&mut self) -> Vec<Observation> {
        let polled_at = self.polled_at;
        polled_at.map_or_else(Vec::new, |at| self.publish(at, true))
    }
}
