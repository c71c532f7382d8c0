//! What a kubelet says under `/metrics/resource`.
//!
//! The metrics are stable since Kubernetes 1.29; all but the start time carry the instant at which they were read from the
//! kernel: <https://kubernetes.io/docs/reference/instrumentation/metrics/>,
//! `pkg/kubelet/metrics/collectors/resource_metrics.go`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use crate::sources::text_format::{Line, Lines, Sample, name, pairs};
use breakeven_model::inventory::PodKey;
use breakeven_model::units::{CoreSeconds, Gib};

const CONTAINER_CPU: &[u8] = b"container_cpu_usage_seconds_total";
const CONTAINER_MEMORY: &[u8] = b"container_memory_working_set_bytes";
const CONTAINER_START: &[u8] = b"container_start_time_seconds";
const POD_CPU: &[u8] = b"pod_cpu_usage_seconds_total";
/// 1 where the kubelet could not read what its containers use; before Kubernetes 1.29 without the prefix.
const SCRAPE_ERROR: [&[u8]; 2] = [b"resource_scrape_error", b"scrape_error"];

/// The most containers of one node: several times what a kubelet can hold.
const MAX_CONTAINERS: usize = 10_000;

/// A count of processor time, and when it stood so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Count {
    pub(super) at: Timestamp,
    pub(super) value: CoreSeconds,
}

/// What a kubelet says of one container.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ContainerReading {
    pub(super) processor: Option<Count>,
    pub(super) memory: Option<Gib>,
    pub(super) started: Option<Timestamp>,
}

/// What a kubelet says of one pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PodReading {
    /// Of all its containers, and of those that went before them: it outlives a restart.
    pub(super) processor: Option<Count>,
    pub(super) containers: BTreeMap<Arc<str>, ContainerReading>,
}

/// What a kubelet says of its pods.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    pub(super) pods: HashMap<PodKey, PodReading>,
    /// Whether it could read what its containers use, as it says near its end.
    pub(super) could_read: Option<bool>,
    /// Lines that were left out, by reason.
    pub(super) unread: BTreeMap<&'static str, u64>,
    containers: usize,
}

/// There are more containers than any node can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooManyContainers;

/// A body that is being read.
#[derive(Debug)]
pub(super) struct Reader {
    lines: Lines,
    found: Exposition,
    now: Timestamp,
}

impl Reader {
    /// For an answer that was asked for at this instant, which is when a count stood that does not say so itself.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            lines: Lines::default(),
            found: Exposition::default(),
            now,
        }
    }

    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), TooManyContainers> {
        self.lines
            .push(piece, |line| self.found.line(line, self.now))
    }

    pub(super) fn finish(mut self) -> Result<Exposition, TooManyContainers> {
        self.lines.finish(|line| self.found.line(line, self.now))?;
        Ok(self.found)
    }
}

impl Exposition {
    fn line(&mut self, line: Line<'_>, now: Timestamp) -> Result<(), TooManyContainers> {
        let read = match line {
            Line::Text(text) => self.sample(text, now),
            Line::TooLong => Err("long_line"),
        };
        if let Err(reason) = read {
            *self.unread.entry(reason).or_default() += 1;
        }
        if self.containers > MAX_CONTAINERS || self.pods.len() > MAX_CONTAINERS {
            return Err(TooManyContainers);
        }
        Ok(())
    }

    fn sample(&mut self, line: &[u8], now: Timestamp) -> Result<(), &'static str> {
        let (name, rest) = name(line);
        let is_of_container = [CONTAINER_CPU, CONTAINER_MEMORY, CONTAINER_START].contains(&name);
        let is_error = SCRAPE_ERROR.contains(&name);
        if !is_of_container && !is_error && name != POD_CPU {
            return Ok(());
        }
        let sample = Sample::behind_name(rest).ok_or("no_sample")?;
        if !sample.value.is_finite() || sample.value < 0.0 {
            return Err("not_finite");
        }
        if is_error {
            let could_read = self.could_read != Some(false) && sample.value == 0.0;
            self.could_read = Some(could_read);
            return Ok(());
        }
        let (mut namespace, mut pod, mut container) = (None, None, None);
        for (label, value) in pairs(sample.labels) {
            match label {
                "namespace" => namespace = Some(value),
                "pod" => pod = Some(value),
                "container" => container = Some(value),
                _ => {}
            }
        }
        let (Some(namespace), Some(pod)) = (namespace, pod) else {
            return Err("no_labels");
        };
        let key = PodKey {
            namespace: namespace.as_ref().into(),
            name: pod.as_ref().into(),
        };
        let count = || {
            CoreSeconds::from_core_seconds(sample.value).map(|value| Count {
                at: sample.taken_at().unwrap_or(now),
                value,
            })
        };
        if name == POD_CPU {
            self.pods.entry(key).or_default().processor = count().ok();
            return Ok(());
        }
        let container = container.ok_or("no_labels")?;
        let containers = &mut self.pods.entry(key).or_default().containers;
        if !containers.contains_key(&*container) {
            self.containers += 1;
        }
        let reading = containers.entry(container.as_ref().into()).or_default();
        match name {
            CONTAINER_CPU => reading.processor = count().ok(),
            CONTAINER_MEMORY => reading.memory = Gib::from_bytes(sample.value).ok(),
            _ => reading.started = instant(sample.value),
        }
        Ok(())
    }
}

fn instant(seconds: f64) -> Option<Timestamp> {
    let since_1970 = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::from_duration(since_1970).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &[u8], piece: usize) -> Result<Exposition, TooManyContainers> {
        let mut reader = Reader::new(Timestamp::UNIX_EPOCH);
        for piece in body.chunks(piece.max(1)) {
            reader.push(piece)?;
        }
        reader.finish()
    }

    /// As in `pkg/kubelet/metrics/collectors/resource_metrics_test.go`.
    const BODY: &str = r#"# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the container in core-seconds
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="app",namespace="shop",pod="web-1"} 10 1624396278302
container_cpu_usage_seconds_total{container="proxy",namespace="shop",pod="web-1"} 0.5 1624396279000
# HELP container_memory_working_set_bytes [STABLE] Current working set of the container in bytes
# TYPE container_memory_working_set_bytes gauge
container_memory_working_set_bytes{container="app",namespace="shop",pod="web-1"} 5.36870912e+08 1624396278302
# HELP container_start_time_seconds [STABLE] Start time of the container since unix epoch in seconds
# TYPE container_start_time_seconds gauge
container_start_time_seconds{container="app",namespace="shop",pod="web-1"} 1.6243962483020916e+09
# HELP node_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the node in core-seconds
# TYPE node_cpu_usage_seconds_total counter
node_cpu_usage_seconds_total 1000 1624396278302
# HELP pod_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the pod in core-seconds
# TYPE pod_cpu_usage_seconds_total counter
pod_cpu_usage_seconds_total{namespace="shop",pod="web-1"} 11 1624396278302
# HELP resource_scrape_error [STABLE] 1 if there was an error while getting container metrics, 0 otherwise
# TYPE resource_scrape_error gauge
resource_scrape_error 0
"#;

    #[test]
    fn what_a_kubelet_says_is_read_with_its_times() {
        for piece in [1, 7, 64, 100_000] {
            let found = read(BODY.as_bytes(), piece).unwrap();
            assert_eq!(found.could_read, Some(true));
            assert!(found.unread.is_empty(), "{found:?}");
            let key = PodKey {
                namespace: "shop".into(),
                name: "web-1".into(),
            };
            let pod = &found.pods[&key];
            let count = pod.processor.unwrap();
            assert_eq!(count.value.core_seconds(), 11.0);
            assert_eq!(count.at.as_millisecond(), 1_624_396_278_302);
            let app = pod.containers["app"];
            assert_eq!(app.processor.unwrap().value.core_seconds(), 10.0);
            assert_eq!(app.memory.unwrap().mib(), 512.0);
            assert_eq!(app.started.unwrap().as_second(), 1_624_396_248);
            assert_eq!(pod.containers["proxy"].memory, None);
        }
    }

    #[test]
    fn what_makes_no_sense_is_left_out_and_counted() {
        let body = b"container_cpu_usage_seconds_total{pod=\"a\"} 1\npod_cpu_usage_seconds_total NaN\n\
            pod_cpu_usage_seconds_total{namespace=\"n\",pod=\"a\"} -1\npod_cpu_usage_seconds_total{namespace=\"n\" 1\n\
            container_cpu_usage_seconds_total{namespace=\"n\",pod=\"a\"} 1\n";
        let found = read(body, 9).unwrap();
        assert!(found.pods.is_empty(), "{found:?}");
        let counts = [("no_labels", 2), ("no_sample", 1), ("not_finite", 2)];
        assert_eq!(found.unread, BTreeMap::from(counts));
    }

    #[test]
    fn a_kubelet_that_could_not_read_says_so() {
        for name in ["resource_scrape_error", "scrape_error"] {
            let found = read(format!("{name} 1\n").as_bytes(), 5).unwrap();
            assert_eq!(found.could_read, Some(false));
        }
    }

    #[test]
    fn containers_without_end_are_an_error() {
        let line = |one: usize| {
            format!(
                "container_start_time_seconds{{container=\"{one}\",namespace=\"n\",pod=\"a\"}} 1\n"
            )
        };
        let body: String = (0..=MAX_CONTAINERS).map(line).collect();
        assert_eq!(read(body.as_bytes(), 4_096).unwrap_err(), TooManyContainers);
        let line = |one: usize| {
            format!("pod_cpu_usage_seconds_total{{namespace=\"n\",pod=\"{one}\"}} 1\n")
        };
        let body: String = (0..=MAX_CONTAINERS).map(line).collect();
        assert_eq!(read(body.as_bytes(), 4_096).unwrap_err(), TooManyContainers);
    }

    proptest! {
        #[test]
        fn no_bytes_do_any_harm(body in proptest::collection::vec(any::<u8>(), 0..400), piece in 1usize..40) {
            let _ = read(&body, piece);
        }
    }
}
