//! Requests of pods that are scraped directly, for clusters without a Prometheus.
//!
//! Pods that carry the annotations `prometheus.io/scrape: "true"` and `prometheus.io/port` are asked for their metrics, many
//! at once, each with a limit on time and size; of what they answer the wanted series alone are kept. Counters that fall
//! began anew. What a pod counted between two scrapes is its workload's in the time between two polls.

//!
//! Pods that cannot be reached are other people's: they delay no other. Healthy pods are scraped first, one that fails waits
//! longer each time, and what is not read when the time of a poll is over is the first of the next.

mod client;
mod counter_tracker;
mod target;
mod text;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use tokio::time::Instant;
use tracing::debug;

use self::client::{Client, ScrapeError};
use self::counter_tracker::{CounterDelta, CounterReading};
use self::target::TargetState;
use self::text::{LineError, Series};
use super::latest::{Publisher, Subscriber};
use super::{DiscardCounts, Poll, Reason, Source, SourceError};
use breakeven_model::inventory::{
    Cluster, Counted, CountedStep, DedicatedSource, DedicatedTraffic, Observation, PodKey,
    ScrapeTarget, WorkloadId,
};
use breakeven_model::units::{Requests, Seconds, Window};

/// How many pods are scraped at once. Each takes a file descriptor, of which a process has 1,024 by default.
const AT_ONCE: usize = 128;

/// When a process began, as every client library of Prometheus has it.
const PROCESS_START: &str = "process_start_time_seconds";

/// Metrics that count requests and measure them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// The counter of requests.
    pub requests: String,
    /// The sum of their latencies in seconds.
    pub latency: String,
    /// How many were measured.
    pub measured: String,
}

impl Metrics {
    /// A counter, and a classic histogram in seconds.
    #[must_use]
    pub fn new(requests: &str, histogram: &str) -> Self {
        Self {
            requests: requests.to_owned(),
            latency: format!("{histogram}_sum"),
            measured: format!("{histogram}_count"),
        }
    }

    /// Those that are looked for, in this order: of a pod the first that it has.
    #[must_use]
    pub fn known() -> Vec<Self> {
        let otel = "http_server_request_duration_seconds";
        vec![
            Self::new(&format!("{otel}_count"), otel),
            Self::new("http_requests_total", "http_request_duration_seconds"),
            Self::new("grpc_server_handled_total", "grpc_server_handling_seconds"),
        ]
    }
}

/// How pods are scraped.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The metrics that are looked for.
    pub metrics: Vec<Metrics>,
    /// How long one pod may take.
    pub timeout: Duration,
    /// The longest answer that is read, in bytes.
    pub longest: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            metrics: Metrics::known(),
            timeout: Duration::from_secs(5),
            longest: 16 * 1_024 * 1_024,
        }
    }
}

/// Tells the source which pods there are to scrape; clones tell the same one.
#[derive(Clone, Debug, Default)]
pub struct Targets(Publisher<Vec<ScrapeTarget>>);

impl Targets {
    /// Scrapes the pods of a cluster that ask for it, from now on.
    pub fn on_snapshot(&self, cluster: &Cluster) {
        self.0.publish(cluster.scrapes.clone());
    }
}

/// What a pod said of its requests, if it said anything of them.
type ScrapeResult = Result<Option<CounterReading>, ScrapeError>;

/// Scrapes pods when it is polled.
#[derive(Debug)]
pub struct ScrapeSource {
    settings: Settings,
    /// All metrics that are wanted, the start of the process first.
    wanted: Vec<String>,
    client: Client,
    targets: Subscriber<Vec<ScrapeTarget>>,
    states: HashMap<PodKey, TargetState>,
    /// The workloads that have requests to count, and until when they are counted.
    counted: BTreeMap<WorkloadId, Timestamp>,
    /// What was read and not yet handed on.
    read: BTreeMap<WorkloadId, Sum>,
    polled_at: Option<Timestamp>,
    /// The poll before.
    last: Option<Timestamp>,
    discarded: DiscardCounts,
}

/// What the pods of a workload counted since they were read before.
#[derive(Debug, Default)]
struct Sum {
    increase: CounterDelta,
    /// Whether any of its pods was read before, or began since the last poll, so that it is known what it counted.
    is_known: bool,
}

impl ScrapeSource {
    /// Asks nothing yet.
    #[must_use]
    pub fn new(settings: Settings, targets: &Targets) -> Self {
        let names = settings.metrics.iter();
        let names = names.flat_map(|one| [&one.requests, &one.latency, &one.measured]);
        let mut wanted = vec![PROCESS_START.to_owned()];
        for name in names {
            if !wanted.contains(name) {
                wanted.push(name.clone());
            }
        }
        Self {
            client: Client::new(settings.timeout, settings.longest),
            wanted,
            settings,
            targets: targets.0.listen(),
            states: HashMap::new(),
            counted: BTreeMap::new(),
            read: BTreeMap::new(),
            polled_at: None,
            last: None,
            discarded: DiscardCounts::default(),
        }
    }

    /// What was left out: pods that could not be scraped (`scrape_connect`, `scrape_timeout`, `scrape_status`,
    /// `scrape_encoding`, `scrape_too_long`, `scrape_too_many_series`), those that the time of a poll did not suffice for
    /// (`scrape_put_off`), and of the others `long_line`, `no_sample`, `not_finite` and `duplicate_series`.
    #[must_use]
    pub fn discarded(&self) -> DiscardCounts {
        self.discarded.clone()
    }

    /// Notes which pods there are, and returns those that are due, in the order in which they are scraped.
    fn due(&mut self, targets: &[ScrapeTarget], now: Timestamp) -> Vec<ScrapeTarget> {
        for target in targets {
            let state = self.states.entry(target.pod.clone());
            let new = || TargetState::new(&target.url, self.last);
            state.or_insert_with(new).move_to(&target.url);
        }
        if self.states.len() > targets.len() {
            let there: HashSet<&PodKey> = targets.iter().map(|target| &target.pod).collect();
            self.states.retain(|pod, _| there.contains(pod));
        }
        let state = |target: &ScrapeTarget| self.states.get(&target.pod);
        let is_due = |target: &&ScrapeTarget| state(target).is_some_and(|one| one.is_due(now));
        let mut due: Vec<_> = targets.iter().filter(is_due).cloned().collect();
        due.sort_by_key(|target| state(target).map(TargetState::place));
        due
    }

    /// Scrapes pods until all are read or the time is over. What was read before is kept, also if this future is dropped.
    async fn scrape(&mut self, due: Vec<ScrapeTarget>, now: Timestamp) {
        // Less than the two timeouts that a poll has, and enough for one that begins late.
        let until = Instant::now() + self.settings.timeout.mul_f64(1.5);
        let wanted: Vec<&str> = self.wanted.iter().map(String::as_str).collect();
        let (client, wanted) = (&self.client, wanted.as_slice());
        let mut waiting = due.len();
        let scrapes = due.into_iter().map(async |target: ScrapeTarget| {
            let body = client.scrape(&target.url, wanted).await;
            (target, body)
        });
        let mut scrapes = pin!(stream::iter(scrapes).buffer_unordered(AT_ONCE));
        while let Ok(Some((target, body))) = tokio::time::timeout_at(until, scrapes.next()).await {
            waiting -= 1;
            let result = body.map(|(series, unread)| {
                count_unread(&unread, &self.discarded);
                reading(&self.settings.metrics, wanted, series)
            });
            let Some(state) = self.states.get_mut(&target.pod) else {
                continue;
            };
            if let Some(sum) = take_body(state, &target, result, now, &self.discarded) {
                self.read.entry(target.workload).or_default().add(&sum);
            }
        }
        self.discarded.add("scrape_put_off", waiting as u64);
    }

    /// Hands on what was read of each workload that has requests to count. One of which nothing was read says why.
    fn publish(&mut self, targets: &[ScrapeTarget], now: Timestamp) -> Option<DedicatedTraffic> {
        let last = self.last.replace(now);
        let workloads: HashSet<&WorkloadId> = targets.iter().map(|one| &one.workload).collect();
        self.counted.retain(|id, _| workloads.contains(id));
        let mut read = std::mem::take(&mut self.read);
        for (id, sum) in &read {
            // Until there are two readings nothing is known of the time before the first.
            let since = if sum.is_known {
                last.unwrap_or(now)
            } else {
                now
            };
            self.counted.entry(id.clone()).or_insert(since);
        }
        let mut failures: HashMap<&WorkloadId, Arc<str>> = HashMap::new();
        for target in targets {
            if let Some(failure) = self
                .states
                .get(&target.pod)
                .and_then(|one| one.failure.as_ref())
            {
                let text = || format!("{}: {}", target.url, failure.text).into();
                failures.entry(&target.workload).or_insert_with(text);
            }
        }
        last?;
        let mut workloads = BTreeMap::new();
        for (id, until) in &mut self.counted {
            let window = Window::between(*until, now);
            let counted = match (read.remove(id), window) {
                (Some(sum), Some(window)) => {
                    *until = now;
                    counted(window, sum.increase)
                }
                // It was read for the first time.
                (Some(_), None) => Counted::default(),
                (None, _) => Counted {
                    failure: failures.get(id).cloned(),
                    ..Counted::default()
                },
            };
            workloads.insert(id.clone(), counted);
        }
        Some(DedicatedTraffic {
            at: now,
            by: DedicatedSource::Scrape,
            workloads,
        })
    }

    /// Why no pod is read, if none is.
    fn failure(&self, targets: &[ScrapeTarget]) -> Option<SourceError> {
        let mut failed = targets.iter().map(|target| {
            let failure = self.states.get(&target.pod)?.failure.as_ref()?;
            Some((&target.url, failure))
        });
        let (url, first) = failed.next()??;
        failed
            .all(|one| one.is_some())
            .then(|| no_response(url, first))
    }
}

impl Sum {
    fn add(&mut self, other: &Self) {
        self.increase.requests += other.increase.requests;
        self.increase.latency += other.increase.latency;
        self.increase.measured += other.increase.measured;
        self.is_known |= other.is_known;
    }
}

/// Notes what came of a scrape; what it adds to the workload, if the pod has what is looked for.
fn take_body(
    state: &mut TargetState,
    target: &ScrapeTarget,
    result: ScrapeResult,
    now: Timestamp,
    discarded: &DiscardCounts,
) -> Option<Sum> {
    match result {
        Ok(reading) => {
            state.succeed(now);
            let increase = state.grow(target, reading?);
            Some(Sum {
                increase: increase.unwrap_or_default(),
                is_known: increase.is_some(),
            })
        }
        Err(failed) => {
            discarded.add(failed.reason, 1);
            debug!(url = %target.url, reason = failed.reason, error = failed.text, "pod not scraped");
            state.fail(failed, now);
            None
        }
    }
}

fn count_unread(unread: &[LineError], discarded: &DiscardCounts) {
    for why in unread {
        let reason = match why {
            LineError::LongLine => "long_line",
            LineError::NoSample => "no_sample",
            LineError::NoCount => "not_finite",
            LineError::Duplicate => "duplicate_series",
        };
        discarded.add(reason, 1);
    }
}

/// What the first metrics say that the pod has; absent where it has none of them.
fn reading(metrics: &[Metrics], wanted: &[&str], series: Vec<Series>) -> Option<CounterReading> {
    let named: HashMap<&str, Series> = wanted.iter().copied().zip(series).collect();
    let of = |name: &str| named.get(name).cloned().unwrap_or_default();
    let metrics = metrics.iter().find(|one| !of(&one.requests).is_empty())?;
    Some(CounterReading {
        requests: of(&metrics.requests),
        latency: of(&metrics.latency),
        measured: of(&metrics.measured),
        began: of(PROCESS_START).into_values().next(),
    })
}

impl Poll for ScrapeSource {
    fn source(&self) -> Source {
        Source::Scrape
    }

    async fn poll(&mut self, now: Timestamp) -> Result<Vec<Observation>, SourceError> {
        let Some(targets) = self.targets.latest() else {
            return Ok(Vec::new());
        };
        self.polled_at = Some(now);
        let due = self.due(&targets, now);
        self.scrape(due, now).await;
        self.polled_at = None;
        let own = self.publish(&targets, now);
        match self.failure(&targets) {
            Some(error) => Err(error),
            None => Ok(own.map(Observation::DedicatedTraffic).into_iter().collect()),
        }
    }

    /// What was read before the poll was given up.
    fn partial_results(&mut self) -> Vec<Observation> {
        let (Some(targets), Some(at)) = (self.targets.latest(), self.polled_at.take()) else {
            return Vec::new();
        };
        let own = self.publish(&targets, at);
        own.map(Observation::DedicatedTraffic).into_iter().collect()
    }
}

fn counted(window: Window, increase: CounterDelta) -> Counted {
    let requests = Requests::from_requests(increase.requests).unwrap_or_default();
    let latency = Seconds::from_seconds(increase.latency).ok();
    let measured = Requests::from_requests(increase.measured).ok();
    let step = CountedStep {
        window,
        requests,
        latency: latency.zip(measured.filter(|measured| !measured.is_zero())),
    };
    Counted {
        covered: vec![window],
        steps: vec![step],
        rate: requests.per(window.length()),
        failure: None,
    }
}

fn no_response(url: &str, failed: &ScrapeError) -> SourceError {
    let reason = match failed.reason {
        "scrape_connect" => Reason::Connect,
        "scrape_timeout" => Reason::Timeout,
        _ => Reason::InvalidResponse,
    };
    SourceError::new(
        reason,
        format!("no pod could be scraped; of {url}: {}", failed.text),
        "check that a network policy lets this process to the pods, and that prometheus.io/port and prometheus.io/path are right",
    )
}
