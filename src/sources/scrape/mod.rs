//! Requests of pods that are scraped directly, for clusters without a Prometheus.
//!
//! Pods that carry the annotations `prometheus.io/scrape: "true"` and `prometheus.io/port` are asked for their metrics, many
//! at once, each with a limit on time and size; of what they answer the wanted series alone are kept. Counters that fall
//! began anew. What a pod counted between two scrapes is its workload's in the time between two polls.

mod client;
mod memory;
mod text;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use tracing::debug;

use self::client::{Client, Failure};
use self::memory::{Grown, Reading};
use self::text::{Series, Unread};
use super::told::{Heard, Told};
use super::{Poll, Reason, Source, SourceError, Tally};
use crate::observation::{
    Cluster, Counted, CountedStep, Observation, OwnCount, OwnTraffic, PodKey, ScrapeTarget,
    WorkloadId,
};
use crate::units::{Requests, Seconds, Window};

/// How many pods are scraped at once.
const AT_ONCE: usize = 32;

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
pub struct Targets(Told<Vec<ScrapeTarget>>);

impl Targets {
    /// Scrapes the pods of a cluster that ask for it, from now on.
    pub fn look_at(&self, cluster: &Cluster) {
        self.0.tell(cluster.scrapes.clone());
    }
}

/// What a pod said of its requests, if it said anything of them.
type ScrapeResult = Result<Option<Reading>, Failure>;

/// Scrapes pods when it is polled.
#[derive(Debug)]
pub struct ScrapeSource {
    settings: Settings,
    /// All metrics that are wanted, the start of the process first.
    wanted: Vec<String>,
    client: Client,
    targets: Heard<Vec<ScrapeTarget>>,
    readings: HashMap<PodKey, Reading>,
    /// The workloads that have requests to count.
    counted: BTreeSet<WorkloadId>,
    last: Option<Timestamp>,
    left_out: Tally,
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
            readings: HashMap::new(),
            counted: BTreeSet::new(),
            last: None,
            left_out: Tally::default(),
        }
    }

    /// What was left out: pods that could not be scraped (`scrape_connect`, `scrape_timeout`, `scrape_status`,
    /// `scrape_encoding`, `scrape_too_long`, `scrape_too_many_series`), and of the others `long_line`, `no_sample`,
    /// `not_finite` and `duplicate_series`.
    #[must_use]
    pub fn left_out(&self) -> Tally {
        self.left_out.clone()
    }

    async fn scraped(&self, target: ScrapeTarget) -> (ScrapeTarget, ScrapeResult) {
        let result = self.scrape(&target).await;
        (target, result)
    }

    async fn scrape(&self, target: &ScrapeTarget) -> ScrapeResult {
        let wanted: Vec<&str> = self.wanted.iter().map(String::as_str).collect();
        let (series, unread) = self.client.scrape(&target.url, &wanted).await?;
        for why in unread {
            let reason = match why {
                Unread::LongLine => "long_line",
                Unread::NoSample => "no_sample",
                Unread::NoCount => "not_finite",
                Unread::Duplicate => "duplicate_series",
            };
            self.left_out.add(reason, 1);
        }
        Ok(self.reading(series))
    }

    /// What the first metrics say that the pod has; absent where it has none of them.
    fn reading(&self, series: Vec<Series>) -> Option<Reading> {
        let named: HashMap<&str, Series> =
            self.wanted.iter().map(String::as_str).zip(series).collect();
        let of = |name: &str| named.get(name).cloned().unwrap_or_default();
        let mut metrics = self.settings.metrics.iter();
        let metrics = metrics.find(|one| !of(&one.requests).is_empty())?;
        Some(Reading {
            requests: of(&metrics.requests),
            latency: of(&metrics.latency),
            measured: of(&metrics.measured),
            began: of(PROCESS_START).into_values().next(),
        })
    }

    /// What a pod counted since it was scraped last. Of one that began in the meantime that is all it ever counted; of one
    /// that was there already when scraping began, nothing is known of the time before.
    fn take(&mut self, target: &ScrapeTarget, reading: Reading) -> Grown {
        let before = self.readings.get(&target.pod);
        let is_young = self
            .last
            .zip(target.born)
            .is_some_and(|(last, born)| born >= last);
        let grown = match before {
            Some(before) => reading.since(Some(before)),
            None if is_young => reading.since(None),
            None => Grown::default(),
        };
        self.readings.insert(target.pod.clone(), reading);
        grown
    }
}

impl Poll for ScrapeSource {
    fn source(&self) -> Source {
        Source::Scrape
    }

    async fn poll(&mut self, now: Timestamp) -> Result<Vec<Observation>, SourceError> {
        let Some(targets) = self.targets.latest() else {
            return Ok(Vec::new());
        };
        let scrapes = futures::stream::iter(targets.to_vec())
            .map(|target| self.scraped(target))
            .buffer_unordered(AT_ONCE);
        let results: Vec<_> = scrapes.collect().await;
        let mut sums: BTreeMap<WorkloadId, Grown> = BTreeMap::new();
        let mut failure = None;
        let mut is_any_read = results.is_empty();
        for (target, result) in results {
            match result {
                Ok(reading) => {
                    is_any_read = true;
                    let Some(reading) = reading else { continue };
                    let grown = self.take(&target, reading);
                    let sum = sums.entry(target.workload).or_default();
                    sum.requests += grown.requests;
                    sum.latency += grown.latency;
                    sum.measured += grown.measured;
                }
                Err(failed) => {
                    self.left_out.add(failed.reason, 1);
                    debug!(url = %target.url, reason = failed.reason, error = failed.text, "pod not scraped");
                    failure.get_or_insert((target.url, failed));
                }
            }
        }
        if let Some((url, failed)) = failure.filter(|_| !is_any_read) {
            return Err(nobody_answers(&url, &failed));
        }
        let is_there = |pod: &PodKey| targets.iter().any(|target| target.pod == *pod);
        if self.readings.len() > targets.len() {
            self.readings.retain(|pod, _| is_there(pod));
        }
        let window = self.last.and_then(|last| Window::between(last, now));
        self.last = Some(now);
        let Some(window) = window else {
            return Ok(Vec::new());
        };
        self.counted
            .retain(|id| targets.iter().any(|target| target.workload == *id));
        self.counted.extend(sums.keys().cloned());
        let workloads = self.counted.iter().map(|id| {
            let grown = sums.get(id).copied().unwrap_or_default();
            (id.clone(), counted(window, grown))
        });
        Ok(vec![Observation::OwnTraffic(OwnTraffic {
            at: now,
            by: OwnCount::Scrape,
            workloads: workloads.collect(),
        })])
    }
}

fn counted(window: Window, grown: Grown) -> Counted {
    let requests = Requests::from_requests(grown.requests).unwrap_or_default();
    let latency = Seconds::from_seconds(grown.latency).ok();
    let measured = Requests::from_requests(grown.measured).ok();
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

fn nobody_answers(url: &str, failed: &Failure) -> SourceError {
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
