//! The time series that a Prometheus in the cluster has scraped, every one a closed form of the world.
//!
//! For each pod of a workload with traffic, in Istio's standard shape and in that of a plain HTTP server:
//!
//! | name | labels | value |
//! |---|---|---|
//! | `istio_requests_total` | Istio's | requests with this `response_code` |
//! | `istio_request_duration_milliseconds_sum`, `_count`, `_bucket` | Istio's, and `le` | their latency |
//! | `http_requests_total` | `namespace`, `pod`, `code` | requests with this `code` |
//! | `http_request_duration_seconds_sum`, `_count` | `namespace`, `pod`, `code` | their latency |
//! | `up` | `namespace`, `pod`, `job`, `instance` | 1 |
//!
//! Of the counter c of a pod, floor(c / 500) requests have the code 503 and the others 200. Each pod of the world, with traffic
//! or without, has the series of its container in [cAdvisor](super::cadvisor) besides.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use promql_parser::parser::LabelModifier;

use super::cadvisor;
use crate::world::{Workload, World};

/// Labels of a series, the metric's name among them as [`NAME`].
pub(super) type Labels = BTreeMap<String, String>;

/// The label that holds the name of the metric.
pub(super) const NAME: &str = "__name__";

/// What an element is matched by in a binary operation: the labels that `on` names, or all but the name and those that
/// `ignoring` names.
pub(super) fn matched_by(labels: &Labels, matching: Option<&LabelModifier>) -> Labels {
    let mut key = labels.clone();
    match matching {
        Some(LabelModifier::Include(list)) => key.retain(|name, _| list.labels.contains(name)),
        Some(LabelModifier::Exclude(list)) => {
            key.retain(|name, _| name != NAME && !list.labels.contains(name));
        }
        None => key.retain(|name, _| name != NAME),
    }
    key
}

/// Milliseconds between two samples of a series; samples stand at whole multiples of it.
pub(super) const SCRAPE_INTERVAL_MS: i64 = 15_000;

/// One request in this many fails with 503.
const FAILS_ONE_IN: u64 = 500;

/// The upper ends of the latency buckets, in milliseconds; a part of Istio's.
const BUCKETS: [f64; 9] = [5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 5_000.0];

/// A series of the world.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) labels: Labels,
    /// Position of the workload in the world.
    pub(super) workload: usize,
    /// The pod's position among the pods of the workload.
    index: u64,
    pods: u64,
    content: Content,
}

/// What a series says about its pod.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    Up,
    Requests(Code),
    /// The summed latency, where one request counts this much.
    Latency(Code, f64),
    /// What does not change.
    Constant(f64),
    /// What grows with time, and with each request of the workload.
    Grown {
        each_second: f64,
        each_request: f64,
        /// Only whole steps of it are seen, each of this size; 0 where all is.
        step: f64,
    },
}

/// A workload when it is scraped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Its counter of requests.
    pub(super) requests: u64,
    /// The same with the part of the next that has passed.
    pub(super) served: f64,
    /// Seconds since the history began.
    pub(super) seconds: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Ok,
    Unavailable,
    /// For buckets that no request falls into.
    Never,
}

impl Code {
    const SEEN: [(Self, &'static str); 2] = [(Self::Ok, "200"), (Self::Unavailable, "503")];

    fn count(self, requests: u64) -> u64 {
        let failed = requests / FAILS_ONE_IN;
        match self {
            Self::Ok => requests - failed,
            Self::Unavailable => failed,
            Self::Never => 0,
        }
    }
}

impl Source {
    /// The value at a moment of the workload.
    pub(super) fn value(&self, at: &Moment) -> f64 {
        let requests = (at.requests + self.index) / self.pods;
        match self.content {
            Content::Up => 1.0,
            Content::Constant(value) => value,
            Content::Grown {
                each_second,
                each_request,
                step,
            } => {
                let grown = each_second * at.seconds + each_request * at.served / self.pods as f64;
                if step > 0.0 {
                    (grown / step).floor() * step
                } else {
                    grown
                }
            }
            Content::Requests(code) => code.count(requests) as f64,
            Content::Latency(code, each) => code.count(requests) as f64 * each,
        }
    }
}

/// Every series of the world.
pub(super) fn all(world: &World) -> Vec<Source> {
    let mut all = Vec::new();
    for (position, workload) in world.workloads().iter().enumerate() {
        for (index, pod) in workload.pods.iter().enumerate() {
            let mut add = |labels: Labels, content| {
                all.push(Source {
                    labels,
                    workload: position,
                    index: index as u64,
                    pods: workload.pods.len() as u64,
                    content,
                });
            };
            cadvisor::of_pod(workload, pod, &mut add);
            if workload.spec.traffic.is_some() {
                of_pod(workload, &pod.name, index, &mut add);
            }
        }
    }
    all
}

fn of_pod(workload: &Workload, pod: &str, index: usize, add: &mut impl FnMut(Labels, Content)) {
    let spec = &workload.spec;
    let (name, namespace) = (spec.name.as_str(), spec.namespace.as_str());
    let latency_ms = spec.latency_ms.unwrap_or(0.0);
    let own = [("namespace", namespace), ("pod", pod)];

    let instance = format!("{name}-{index}.{namespace}:8080");
    let target = [("job", "kubernetes-pods"), ("instance", instance.as_str())];
    add(labels("up", &[&own, &target]), Content::Up);

    for (code, number) in Code::SEEN {
        let plain: &[&[(&str, &str)]] = &[&own, &[("code", number)]];
        let seconds = Content::Latency(code, latency_ms / 1_000.0);
        add(
            labels("http_requests_total", plain),
            Content::Requests(code),
        );
        add(labels("http_request_duration_seconds_sum", plain), seconds);
        add(
            labels("http_request_duration_seconds_count", plain),
            Content::Requests(code),
        );

        let istio = [
            ("reporter", "destination"),
            ("destination_workload", name),
            ("destination_workload_namespace", namespace),
            ("destination_service_name", name),
            ("response_code", number),
            ("request_protocol", "http"),
        ];
        let mesh: &[&[(&str, &str)]] = &[&own, &istio];
        add(
            labels("istio_requests_total", mesh),
            Content::Requests(code),
        );
        let duration = |part: &str| format!("istio_request_duration_milliseconds_{part}");
        add(
            labels(&duration("sum"), mesh),
            Content::Latency(code, latency_ms),
        );
        add(labels(&duration("count"), mesh), Content::Requests(code));
        for end in BUCKETS.into_iter().chain([f64::INFINITY]) {
            let le = if end.is_finite() {
                end.to_string()
            } else {
                "+Inf".to_owned()
            };
            let within = if latency_ms <= end { code } else { Code::Never };
            let bucket = labels(&duration("bucket"), &[&own, &istio, &[("le", le.as_str())]]);
            add(bucket, Content::Requests(within));
        }
    }
}

pub(super) fn labels(name: &str, groups: &[&[(&str, &str)]]) -> Labels {
    let name = [(NAME, name)];
    let pairs = groups.iter().copied().flatten().chain(&name);
    pairs
        .map(|(label, value)| ((*label).to_owned(), (*value).to_owned()))
        .collect()
}

/// A workload at each scrape, which are counted from 1970.
pub(super) fn moments(
    world: &World,
    workload: &Workload,
    scrapes: RangeInclusive<i64>,
) -> Vec<Moment> {
    let begin = world.history_start();
    let moment = |scrape: i64| {
        let at = Timestamp::from_millisecond(scrape * SCRAPE_INTERVAL_MS).unwrap_or(begin);
        Moment {
            requests: workload.counter_at(at),
            served: workload.served_by(at),
            seconds: at.duration_since(begin).as_secs_f64().max(0.0),
        }
    };
    scrapes.map(moment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        World::from_yaml(
            "
name: w
start: 2026-03-03T00:00:00Z
history_hours: 1
nodes: [{name: a, instance_type: m5.large, zone: z, cpu: 2, memory_gib: 8}]
namespaces: [{name: shop}]
workloads:
  - {name: web, namespace: shop, kind: Deployment, replicas: 3, usage: {memory_mib: 1},
     latency_ms: 40, traffic: {pattern: steady, requests_per_second: 10}}
  - {name: quiet, namespace: shop, kind: Deployment, usage: {memory_mib: 1}}
",
        )
        .unwrap()
    }

    fn moment(requests: u64) -> Moment {
        Moment {
            requests,
            served: requests as f64,
            seconds: 0.0,
        }
    }

    #[test]
    fn only_workloads_with_traffic_have_series_of_requests() {
        let all = all(&world());
        let of_requests = |source: &&Source| !source.labels[NAME].starts_with("container_");
        assert!(
            all.iter()
                .filter(of_requests)
                .all(|source| source.workload == 0)
        );
        let up = all.iter().filter(|source| source.labels[NAME] == "up");
        assert_eq!(up.count(), 3);
    }

    #[test]
    fn pods_and_codes_together_are_the_counter_of_the_workload() {
        let all = all(&world());
        for name in ["istio_requests_total", "http_requests_total"] {
            for counter in [0, 1, 2, 499, 1_500, 36_001] {
                let values = all
                    .iter()
                    .filter(|s| s.labels[NAME] == name)
                    .map(|s| s.value(&moment(counter)));
                assert_eq!(values.sum::<f64>(), counter as f64, "{name}");
            }
        }
    }

    #[test]
    fn buckets_hold_what_is_not_slower() {
        let all = all(&world());
        let bucket = |le: &str| {
            let mut found = all.iter().filter(|source| {
                source.labels.get("le").is_some_and(|found| found == le)
                    && source.labels["response_code"] == "200"
            });
            found.next().unwrap().value(&moment(300))
        };
        assert_eq!(
            [bucket("25"), bucket("50"), bucket("+Inf")],
            [0.0, 100.0, 100.0]
        );
    }

    #[test]
    fn a_counter_rises_between_scrapes_within_a_minute() {
        let world = world();
        let start = world.history_start().as_millisecond() / SCRAPE_INTERVAL_MS;
        let moments = moments(&world, &world.workloads()[0], start..=start + 3);
        let requests: Vec<u64> = moments.iter().map(|one| one.requests).collect();
        assert_eq!(requests, [0, 150, 300, 450]);
        assert_eq!(moments[3].seconds, 45.0);
    }
}
