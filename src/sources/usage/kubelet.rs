//! What pods use, counted: the counters of each node's kubelet, asked through the API server.
//!
//! The API server hands `GET /api/v1/nodes/NAME/proxy/metrics/resource` on to the kubelet, for which RBAC wants `get` on
//! `nodes/proxy`. Nodes are asked many at once, each with a limit on time and size; those that failed last time come last, so
//! that they do not keep the others waiting. What was read counts whatever becomes of the rest.
//!
//! Counters are exact: what a pod used between two readings is the difference, whatever happened in between. A container that
//! restarts begins its counter anew, that of its pod goes on.

mod counter_tracker;
mod exposition;
mod nodes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use tracing::{debug, warn};

use self::counter_tracker::{CounterDelta, CounterTracker};
use self::exposition::{Exposition, Reader};
use self::nodes::NodeSnapshot;
pub use self::nodes::Nodes;
use crate::sources::body::{BodyError, pieces};
use crate::sources::error_chain::causes;
use crate::sources::kubernetes::{Attempt, Connection, RequestError, Server};
use crate::sources::latest::Subscriber;
use crate::sources::{
    DiscardCounts, MissingAttributes, Poll, Reason, Source, SourceError, SourceStatuses,
};
use breakeven_model::inventory::{Observation, Usage};

/// How many nodes are asked at once.
const AT_ONCE: usize = 16;

/// How long it is waited for to know which nodes there are, on the wall.
const NODES_PATIENCE: Duration = Duration::from_secs(10);

/// What the source does without where some nodes cannot be read.
const MISSING: &str = "what pods use on some nodes";

/// How kubelets are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long one node may take, on the wall.
    pub timeout: Duration,
    /// The longest answer that is read, in bytes.
    pub longest: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            longest: 16 * 1_024 * 1_024,
        }
    }
}

/// The kubelets of one cluster.
#[derive(Debug)]
pub struct KubeletSource {
    settings: Settings,
    connection: Connection,
    statuses: SourceStatuses,
    nodes: Subscriber<NodeSnapshot>,
    memory: CounterTracker,
    /// Why nodes could not be read the last time.
    failures: BTreeMap<Arc<str>, SourceError>,
    /// What was read and not handed on yet.
    read: Usage,
    discarded: DiscardCounts,
}

/// The exposition of a node, or why there is none.
type Answer = (Arc<str>, Result<Exposition, SourceError>);

impl KubeletSource {
    /// Asks nothing yet. Nodes that cannot be read while others are, are counted on `board`.
    #[must_use]
    pub fn new(
        settings: Settings,
        connection: Connection,
        statuses: SourceStatuses,
        nodes: &Nodes,
    ) -> Self {
        Self {
            settings,
            connection,
            statuses,
            nodes: nodes.listen(),
            memory: CounterTracker::default(),
            failures: BTreeMap::new(),
            read: Usage::default(),
            discarded: DiscardCounts::default(),
        }
    }

    /// What was left out: lines (`long_line`, `no_sample`, `not_finite`, `no_labels`), and pods whose counters are of a time
    /// that is minutes off (`implausible_time`).
    #[must_use]
    pub fn discarded(&self) -> DiscardCounts {
        self.discarded.clone()
    }

    async fn read_nodes(&mut self) -> Result<Arc<NodeSnapshot>, SourceError> {
        self.nodes.first(NODES_PATIENCE).await.ok_or_else(|| {
            SourceError::new(
                Reason::Incomplete,
                "which nodes there are to read is not known yet",
                "look at the source kubernetes, which lists them",
            )
        })
    }

    fn record_exposition(&mut self, node: &Arc<str>, exposition: Exposition, now: Timestamp) {
        for (reason, count) in exposition.unread {
            self.discarded.add(reason, count);
        }
        self.memory.read(node, now);
        for (key, reading) in exposition.pods {
            match self.memory.record(node, key.clone(), reading, now) {
                CounterDelta::Used(usage, counted) => {
                    self.read.pods.insert(key, usage);
                    self.read.counted.push(counted);
                }
                CounterDelta::Begun(usage) => {
                    self.read.pods.insert(key, usage);
                }
                CounterDelta::Implausible => self.discarded.add("implausible_time", 1),
                CounterDelta::Nothing | CounterDelta::UnmatchedPod => {}
            }
        }
    }

    /// What was read since it was handed on last.
    fn publish_usage(&mut self, now: Timestamp) -> Observation {
        let read = std::mem::take(&mut self.read);
        Observation::Usage(Usage { at: now, ..read })
    }

    /// Notes that a node could not be read.
    fn miss(&mut self, node: Arc<str>, error: SourceError) {
        if self.failures.get(&node) == Some(&error) {
            debug!(%node, reason = %error.reason(), "node still not read");
        } else {
            warn!(%node, reason = %error.reason(), %error, "node not read");
        }
        self.failures.insert(node, error);
    }

    /// An error where none of so many nodes could be read; else those that could not are counted.
    fn settle(&self, asked: usize) -> Result<(), SourceError> {
        if let Some(first) = self.failures.values().next()
            && self.failures.len() == asked
        {
            return Err(first.clone());
        }
        for error in self.failures.values() {
            self.statuses.counted(Source::Usage, error);
        }
        Ok(())
    }
}

impl Poll for KubeletSource {
    fn source(&self) -> Source {
        Source::Usage
    }

    fn missing_attributes(&self) -> MissingAttributes {
        let count = self.failures.len();
        let first = self.failures.iter().next();
        let missing = |(node, error): (&Arc<str>, &SourceError)| {
            let more = match count {
                1 => String::new(),
                _ => format!(" (and {} more)", count - 1),
            };
            (MISSING, format!("of {node}{more}: {error}"))
        };
        first.map(missing).into_iter().collect()
    }

    async fn poll(&mut self, now: Timestamp) -> Result<Vec<Observation>, SourceError> {
        let look = self.read_nodes().await?;
        let server = self.connection.server().await?;
        self.memory.keep(&look.nodes, look.start_times());
        let asked = look.nodes.len();
        let mut nodes = look.nodes.clone();
        self.failures.retain(|node, _| nodes.contains(node));
        nodes.sort_by_key(|node| self.failures.contains_key(node));
        let settings = self.settings.clone();
        let answers = nodes
            .into_iter()
            .map(|node| ask(&server, &settings, node, now));
        let mut answers = futures::stream::iter(answers).buffer_unordered(AT_ONCE);
        while let Some((node, answer)) = answers.next().await {
            match answer {
                Ok(exposition) => {
                    self.failures.remove(&node);
                    self.record_exposition(&node, exposition, now);
                }
                Err(error) => self.miss(node, error),
            }
        }
        self.settle(asked)?;
        Ok(vec![self.publish_usage(now)])
    }

    fn partial_results(&mut self) -> Vec<Observation> {
        if self.read.pods.is_empty() {
            return Vec::new();
        }
        let at = self.read.pods.values().map(|usage| usage.at).max();
        vec![self.publish_usage(at.unwrap_or_default())]
    }
}

async fn ask(server: &Server, settings: &Settings, node: Arc<str>, now: Timestamp) -> Answer {
    let path = format!("/api/v1/nodes/{node}/proxy/metrics/resource");
    let url = format!("{}{path}", server.url);
    let attempt = Attempt {
        verb: "get",
        resource: "nodes/proxy",
        url: &url,
        verbs: "get",
        secrets: &server.secrets,
    };
    let reading = read(server, settings, &path, attempt, now);
    let answer = tokio::time::timeout(settings.timeout, reading).await;
    let answer = answer.unwrap_or_else(|_| {
        let waited = format!(
            "no whole answer within {} s",
            settings.timeout.as_secs_f64()
        );
        Err(attempt.timed_out(&waited))
    });
    (node, answer)
}

async fn read(
    server: &Server,
    settings: &Settings,
    path: &str,
    attempt: Attempt<'_>,
    now: Timestamp,
) -> Result<Exposition, SourceError> {
    let request = http::Request::get(path)
        .header(http::header::ACCEPT, "text/plain;version=0.0.4")
        .body(Vec::new())
        .map_err(|why| attempt.not_understood(why))?;
    let response = server.send(&attempt, request).await;
    let body = response
        .map_err(|failure| refusal(attempt, failure))?
        .into_body();
    let mut reader = Reader::new(now);
    let foreign = |problem: String| attempt.not_understood(problem);
    let too_many = |_| foreign("it has more containers than any node can".to_owned());
    pieces(body, settings.longest, |piece| reader.push(piece))
        .await
        .map_err(|cut| match cut {
            BodyError::Broken(why) => attempt.broken(&causes(&why)),
            BodyError::TooLong => foreign(format!("it is longer than {} bytes", settings.longest)),
            BodyError::Refused(refused) => too_many(refused),
        })?;
    let exposition = reader.finish().map_err(too_many)?;
    match exposition.could_read {
        Some(true) => Ok(exposition),
        Some(false) => Err(SourceError::new(
            Reason::ServerError,
            format!(
                "{attempt}: the kubelet could not read what its containers use (resource_scrape_error)"
            ),
            "look at the log of the kubelet; it is tried again",
        )),
        None => Err(foreign(
            "it is not a kubelet's, or not whole: resource_scrape_error is missing".to_owned(),
        )),
    }
}

/// The failure of a request. The API server says why in a Status, a kubelet in plain text.
fn refusal(attempt: Attempt<'_>, failure: RequestError) -> SourceError {
    let status = match failure {
        RequestError::Refused(status) => status,
        RequestError::Unanswered(error) => return error,
    };
    match status.code {
        404 => attempt.answered(
            &status,
            "the node is gone, or its kubelet has no /metrics/resource; set kubernetes.usage_source to metrics_api there",
        ),
        502..=504 => attempt.answered(
            &status,
            "check that the API server reaches the kubelet (port 10250), and that the node is up",
        ),
        _ => attempt.refused(&status),
    }
}
