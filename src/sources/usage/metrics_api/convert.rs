//! From objects of metrics.k8s.io to plain facts.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::sources::kubernetes::{
    ConversionError, quantity, read_label, read_list, read_name, read_value,
};
use breakeven_model::inventory::{Container, PodKey, PodUsage, Resources};
use breakeven_model::units::{Cores, Gib, Seconds};

#[derive(Clone, Debug, Deserialize)]
pub(super) struct PodMetrics {
    metadata: Meta,
    /// The end of the window.
    #[serde(deserialize_with = "read_value")]
    timestamp: String,
    /// Its length, as Go writes durations.
    #[serde(deserialize_with = "read_value")]
    window: String,
    #[serde(default, deserialize_with = "read_list")]
    containers: Vec<ContainerMetrics>,
}

#[derive(Clone, Debug, Deserialize)]
struct Meta {
    #[serde(deserialize_with = "read_name")]
    name: String,
    #[serde(default, deserialize_with = "read_label")]
    namespace: String,
}

#[derive(Clone, Debug, Deserialize)]
struct ContainerMetrics {
    #[serde(deserialize_with = "read_label")]
    name: String,
    usage: Amounts,
}

#[derive(Clone, Debug, Deserialize)]
struct Amounts {
    #[serde(deserialize_with = "read_value")]
    cpu: String,
    #[serde(deserialize_with = "read_value")]
    memory: String,
}

/// What an entry of usage costs besides its content, in bytes: its place in a table that is half full, and three allocations.
const ENTRY: usize = 2 * size_of::<(PodKey, PodUsage)>() + 3 * 32;

/// The usage of pods, as it arrives.
#[derive(Debug, Default)]
pub(super) struct PodUsages {
    pub(super) pods: HashMap<PodKey, PodUsage>,
    /// An estimate of the memory.
    bytes: usize,
}

impl PodUsages {
    /// Adds the usage of a pod. One whose usage cannot be understood is left out.
    pub(super) fn add(&mut self, pod: PodMetrics) -> Result<(), ConversionError> {
        let usage = of_pod(&pod)?;
        let containers = usage.containers.iter();
        let containers = containers.map(|one| size_of::<Container>() + 32 + one.name.len());
        let name = pod.metadata.namespace.len() + pod.metadata.name.len();
        let bytes = ENTRY + name + containers.sum::<usize>();
        let key = PodKey {
            namespace: pod.metadata.namespace.into(),
            name: pod.metadata.name.into(),
        };
        self.pods.insert(key, usage);
        self.bytes += bytes;
        Ok(())
    }

    /// The memory of all that was added, in bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

fn of_pod(pod: &PodMetrics) -> Result<PodUsage, ConversionError> {
    let bad = |field: String, problem: String| ConversionError {
        object: format!(
            "usage of pod {}/{}",
            pod.metadata.namespace, pod.metadata.name
        ),
        field,
        problem,
    };
    let at = pod.timestamp.parse::<Timestamp>().map_err(|_| {
        bad(
            "timestamp".to_owned(),
            format!(
                "is {:?}, which is not a time such as 2026-03-01T12:00:00Z",
                pod.timestamp
            ),
        )
    })?;
    let window = window(&pod.window).ok_or_else(|| {
        bad(
            "window".to_owned(),
            format!("is {:?}, which is not a duration such as 15s", pod.window),
        )
    })?;
    let containers = pod
        .containers
        .iter()
        .enumerate()
        .map(|(index, container)| {
            let read = |resource: &str, problem: quantity::QuantityParseError| {
                bad(
                    format!("containers[{index}].usage.{resource}"),
                    problem.to_string(),
                )
            };
            let cpu: Cores =
                quantity::cores(&container.usage.cpu).map_err(|why| read("cpu", why))?;
            let memory: Gib =
                quantity::memory(&container.usage.memory).map_err(|why| read("memory", why))?;
            Ok(Container {
                name: container.name.as_str().into(),
                request: Resources {
                    cpu,
                    memory,
                    gpus: 0,
                },
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(PodUsage {
        at,
        window,
        containers,
        is_counted: false,
    })
}

/// A duration as Go writes it: `15s`, `1m0.5s`.
fn window(text: &str) -> Option<Seconds> {
    let duration: SignedDuration = text.parse().ok()?;
    Seconds::from_seconds(duration.as_secs_f64()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, timestamp: &str, window: &str, containers: Value) -> PodMetrics {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "shop", "creationTimestamp": null},
            "timestamp": timestamp, "window": window, "containers": containers,
        }))
        .unwrap()
    }

    const AT: &str = "2026-03-01T12:00:00Z";

    fn usage(
        pods: impl IntoIterator<Item = PodMetrics>,
    ) -> (HashMap<PodKey, PodUsage>, Vec<ConversionError>) {
        let mut usages = PodUsages::default();
        let problems = pods.into_iter().filter_map(|pod| usages.add(pod).err());
        let problems = problems.collect();
        (usages.pods, problems)
    }

    #[test]
    fn the_usage_of_each_container_is_read_with_its_time() {
        let app = json!({"name": "app", "usage": {"cpu": "12345678n", "memory": "131072Ki"}});
        let proxy = json!({"name": "proxy", "usage": {"cpu": "0", "memory": "0"}});
        let (used, problems) = usage([pod("web", AT, "10.5s", json!([app, proxy]))]);
        assert_eq!(problems, []);
        let key = PodKey {
            namespace: "shop".into(),
            name: "web".into(),
        };
        let web = &used[&key];
        assert_eq!(
            (web.at.to_string().as_str(), web.window.seconds()),
            (AT, 10.5)
        );
        let app = web.containers[0].request;
        assert_eq!((app.cpu.cores(), app.memory.mib()), (0.012_345_678, 128.0));
        assert_eq!(web.containers[1].request, Resources::default());
    }

    #[test]
    fn a_window_is_read_as_go_writes_it() {
        for (text, seconds) in [
            ("15s", Some(15.0)),
            ("1m0s", Some(60.0)),
            ("1m0.5s", Some(60.5)),
            ("1h0m0s", Some(3_600.0)),
            ("500ms", Some(0.5)),
            ("0s", Some(0.0)),
            ("", None),
            ("15", None),
            ("-15s", None),
            ("soon", None),
        ] {
            assert_eq!(window(text).map(Seconds::seconds), seconds, "{text:?}");
        }
    }

    #[test]
    fn a_pod_that_cannot_be_understood_is_named_and_the_others_count() {
        let app = |cpu: &str, memory: &str| json!([{"name": "app", "usage": {"cpu": cpu, "memory": memory}}]);
        let (used, problems) = usage([
            pod("good", AT, "15s", app("1", "1Mi")),
            pod("cpu", AT, "15s", app("much", "1Mi")),
            pod("memory", AT, "15s", app("1", "-1")),
            pod("time", "now", "15s", app("1", "1Mi")),
            pod("window", AT, "soon", app("1", "1Mi")),
        ]);
        assert_eq!(used.len(), 1);
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "usage of pod shop/cpu: containers[0].usage.cpu is \"much\", \
                 which is not a quantity of processors such as 250m or 2",
                "usage of pod shop/memory: containers[0].usage.memory is \"-1\", \
                 which is not a quantity of memory such as 512Mi or 1G",
                "usage of pod shop/time: timestamp is \"now\", \
                 which is not a time such as 2026-03-01T12:00:00Z",
                "usage of pod shop/window: window is \"soon\", which is not a duration such as 15s",
            ]
        );
    }
}
