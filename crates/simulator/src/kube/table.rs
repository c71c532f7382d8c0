//! Tables: what `kubectl get` shows.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::content_type::{META_VERSION, metadata_of};
use super::resource::ResourceType;

/// A column: its name, whether it stands only in wide output, and its cell.
type Column = (&'static str, bool, fn(&Value, Timestamp) -> Value);

/// The table of some objects. `columns_too` is false for rows after the first of a watch.
pub(super) fn new<'a>(
    resource: &ResourceType,
    objects: impl Iterator<Item = &'a Value>,
    metadata: Value,
    include_object: Option<&str>,
    now: Timestamp,
    columns_too: bool,
) -> Value {
    let columns = columns(resource);
    let definitions: Vec<Value> = columns
        .iter()
        .filter(|_| columns_too)
        .map(definition)
        .collect();
    let rows = objects.map(|object| {
        let cells: Vec<Value> = columns
            .iter()
            .map(|(_, _, cell)| cell(object, now))
            .collect();
        let mut row = json!({ "cells": cells });
        match include_object {
            Some("None") => {}
            Some("Object") => row["object"] = object.clone(),
            _ => row["object"] = metadata_of(object),
        }
        row
    });
    json!({
        "kind": "Table",
        "apiVersion": META_VERSION,
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows.collect::<Vec<_>>(),
    })
}

fn definition((name, wide, _): &Column) -> Value {
    json!({
        "name": name,
        "type": "string",
        "format": if *name == "Name" { "name" } else { "" },
        "description": "",
        "priority": i32::from(*wide),
    })
}

const NAME: Column = ("Name", false, |object, _| {
    object["metadata"]["name"].clone()
});
const AGE: Column = ("Age", false, |object, now| {
    age(&object["metadata"]["creationTimestamp"], now).into()
});
const CONTAINERS: Column = ("Containers", true, |object, _| {
    containers(object, "/spec/template/spec/containers", "name")
});
const IMAGES: Column = ("Images", true, |object, _| {
    containers(object, "/spec/template/spec/containers", "image")
});
const SELECTOR: Column = ("Selector", true, |object, _| selector(object));

const POD: &[Column] = &[
    NAME,
    ("Ready", false, |pod, _| ready_containers(pod)),
    ("Status", false, |pod, _| pod_status(pod)),
    ("Restarts", false, |pod, _| restarts(pod)),
    AGE,
    ("IP", true, |pod, _| or(pod, "/status/podIP", "<none>")),
    ("Node", true, |pod, _| or(pod, "/spec/nodeName", "<none>")),
    ("Nominated Node", true, |pod, _| {
        or(pod, "/status/nominatedNodeName", "<none>")
    }),
    ("Readiness Gates", true, |_, _| "<none>".into()),
];

const NODE: &[Column] = &[
    NAME,
    ("Status", false, |node, _| node_status(node)),
    ("Roles", false, |_, _| "<none>".into()),
    AGE,
    ("Version", false, |node, _| {
        or(node, "/status/nodeInfo/kubeletVersion", "<none>")
    }),
    ("Internal-IP", true, |node, _| internal_address(node)),
    ("External-IP", true, |_, _| "<none>".into()),
    ("OS-Image", true, |node, _| {
        or(node, "/status/nodeInfo/osImage", "<unknown>")
    }),
    ("Kernel-Version", true, |node, _| {
        or(node, "/status/nodeInfo/kernelVersion", "<unknown>")
    }),
    ("Container-Runtime", true, |node, _| {
        or(
            node,
            "/status/nodeInfo/containerRuntimeVersion",
            "<unknown>",
        )
    }),
];

const NAMESPACE: &[Column] = &[
    NAME,
    ("Status", false, |o, _| or(o, "/status/phase", "")),
    AGE,
];

const DEPLOYMENT: &[Column] = &[
    NAME,
    ("Ready", false, |o, _| {
        of_both(o, "/status/readyReplicas", "/spec/replicas")
    }),
    ("Up-to-date", false, |o, _| {
        count(o, "/status/updatedReplicas")
    }),
    ("Available", false, |o, _| {
        count(o, "/status/availableReplicas")
    }),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const REPLICA_SET: &[Column] = &[
    NAME,
    ("Desired", false, |o, _| count(o, "/spec/replicas")),
    ("Current", false, |o, _| count(o, "/status/replicas")),
    ("Ready", false, |o, _| count(o, "/status/readyReplicas")),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const STATEFUL_SET: &[Column] = &[
    NAME,
    ("Ready", false, |o, _| {
        of_both(o, "/status/readyReplicas", "/spec/replicas")
    }),
    AGE,
    CONTAINERS,
    IMAGES,
];

const DAEMON_SET: &[Column] = &[
    NAME,
    ("Desired", false, |o, _| {
        count(o, "/status/desiredNumberScheduled")
    }),
    ("Current", false, |o, _| {
        count(o, "/status/currentNumberScheduled")
    }),
    ("Ready", false, |o, _| count(o, "/status/numberReady")),
    ("Up-to-date", false, |o, _| {
        count(o, "/status/updatedNumberScheduled")
    }),
    ("Available", false, |o, _| {
        count(o, "/status/numberAvailable")
    }),
    ("Node Selector", false, |_, _| "<none>".into()),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const PERSISTENT_VOLUME: &[Column] = &[
    NAME,
    ("Capacity", false, |o, _| {
        or(o, "/spec/capacity/storage", "")
    }),
    ("Access Modes", false, |o, _| access_modes(o)),
    ("Reclaim Policy", false, |o, _| {
        or(o, "/spec/persistentVolumeReclaimPolicy", "")
    }),
    ("Status", false, |o, _| or(o, "/status/phase", "")),
    ("Claim", false, |o, _| claim(o)),
    ("StorageClass", false, |o, _| {
        or(o, "/spec/storageClassName", "")
    }),
    AGE,
];

const PERSISTENT_VOLUME_CLAIM: &[Column] = &[
    NAME,
    ("Status", false, |o, _| or(o, "/status/phase", "")),
    ("Volume", false, |o, _| or(o, "/spec/volumeName", "")),
    ("Capacity", false, |o, _| {
        or(o, "/status/capacity/storage", "")
    }),
    ("Access Modes", false, |o, _| access_modes(o)),
    ("StorageClass", false, |o, _| {
        or(o, "/spec/storageClassName", "")
    }),
    AGE,
];

const STORAGE_CLASS: &[Column] = &[
    NAME,
    ("Provisioner", false, |o, _| or(o, "/provisioner", "")),
    ("ReclaimPolicy", false, |o, _| or(o, "/reclaimPolicy", "")),
    ("VolumeBindingMode", false, |o, _| {
        or(o, "/volumeBindingMode", "")
    }),
    AGE,
];

const JOB: &[Column] = &[
    NAME,
    ("Status", false, |o, _| job_status(o)),
    ("Completions", false, |o, _| {
        of_both(o, "/status/succeeded", "/spec/completions")
    }),
    ("Duration", false, job_duration),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const CRON_JOB: &[Column] = &[
    NAME,
    ("Schedule", false, |o, _| or(o, "/spec/schedule", "<none>")),
    ("Timezone", false, |_, _| "<none>".into()),
    ("Suspend", false, |_, _| "False".into()),
    ("Active", false, |o, _| {
        o["status"]["active"]
            .as_array()
            .map_or(0, Vec::len)
            .to_string()
            .into()
    }),
    ("Last Schedule", false, |o, now| {
        age(&o["status"]["lastScheduleTime"], now).into()
    }),
    AGE,
];

/// The columns of a kind, as `kubectl get` shows them.
fn columns(resource: &ResourceType) -> &'static [Column] {
    match resource.kind {
        "Pod" => POD,
        "Node" => NODE,
        "Namespace" => NAMESPACE,
        "Deployment" => DEPLOYMENT,
        "ReplicaSet" => REPLICA_SET,
        "StatefulSet" => STATEFUL_SET,
        "DaemonSet" => DAEMON_SET,
        "PersistentVolume" => PERSISTENT_VOLUME,
        "PersistentVolumeClaim" => PERSISTENT_VOLUME_CLAIM,
        "StorageClass" => STORAGE_CLASS,
        "Job" => JOB,
        "CronJob" => CRON_JOB,
        _ => &[NAME, AGE],
    }
}

fn or(object: &Value, place: &str, otherwise: &str) -> Value {
    object
        .pointer(place)
        .cloned()
        .unwrap_or_else(|| otherwise.into())
}

fn count(object: &Value, place: &str) -> Value {
    object
        .pointer(place)
        .and_then(Value::as_u64)
        .unwrap_or(0)
        .to_string()
        .into()
}

fn of_both(object: &Value, first: &str, second: &str) -> Value {
    let number = |place| object.pointer(place).and_then(Value::as_u64).unwrap_or(0);
    format!("{}/{}", number(first), number(second)).into()
}

fn statuses(pod: &Value) -> &[Value] {
    pod["status"]["containerStatuses"]
        .as_array()
        .map_or(&[], Vec::as_slice)
}

fn ready_containers(pod: &Value) -> Value {
    let ready = statuses(pod)
        .iter()
        .filter(|status| status["ready"] == true)
        .count();
    let all = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
    format!("{ready}/{all}").into()
}

fn pod_status(pod: &Value) -> Value {
    let reason = statuses(pod).iter().find_map(|status| {
        let state = &status["state"];
        ["terminated", "waiting"]
            .iter()
            .find_map(|kind| state[kind]["reason"].as_str())
    });
    reason.map_or_else(|| or(pod, "/status/phase", "Unknown"), Into::into)
}

fn restarts(pod: &Value) -> Value {
    let sum: u64 = statuses(pod)
        .iter()
        .filter_map(|s| s["restartCount"].as_u64())
        .sum();
    sum.to_string().into()
}

fn node_status(node: &Value) -> Value {
    let conditions = node["status"]["conditions"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let ready = conditions
        .iter()
        .find(|condition| condition["type"] == "Ready");
    match ready.and_then(|condition| condition["status"].as_str()) {
        Some("True") => "Ready".into(),
        Some("False") => "NotReady".into(),
        _ => "Unknown".into(),
    }
}

fn internal_address(node: &Value) -> Value {
    let addresses = node["status"]["addresses"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let internal = addresses
        .iter()
        .find(|address| address["type"] == "InternalIP");
    internal.map_or_else(|| "<none>".into(), |address| address["address"].clone())
}

fn containers(object: &Value, place: &str, field: &str) -> Value {
    let containers = object.pointer(place).and_then(Value::as_array);
    let containers = containers.map_or(&[][..], Vec::as_slice).iter();
    containers
        .filter_map(|container| container[field].as_str())
        .collect::<Vec<_>>()
        .join(",")
        .into()
}

fn selector(object: &Value) -> Value {
    let labels = object["spec"]["selector"]["matchLabels"].as_object();
    let labels = labels.into_iter().flatten();
    let labels =
        labels.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()));
    labels.collect::<Vec<_>>().join(",").into()
}

/// `RWO`, `RWX`.
fn access_modes(object: &Value) -> Value {
    let modes = object
        .pointer("/spec/accessModes")
        .and_then(Value::as_array);
    let short = modes.into_iter().flatten().map(|mode| match mode.as_str() {
        Some("ReadWriteMany") => "RWX",
        Some("ReadOnlyMany") => "ROX",
        _ => "RWO",
    });
    short.collect::<Vec<_>>().join(",").into()
}

/// `namespace/name` of the claim that a volume is bound to.
fn claim(volume: &Value) -> Value {
    let part = |key: &str| volume["spec"]["claimRef"][key].as_str();
    let claim = part("namespace").zip(part("name"));
    claim
        .map_or_else(String::new, |(namespace, name)| {
            format!("{namespace}/{name}")
        })
        .into()
}

fn job_status(job: &Value) -> Value {
    if job["status"]["completionTime"].is_string() {
        "Complete".into()
    } else {
        "Running".into()
    }
}

fn job_duration(job: &Value, now: Timestamp) -> Value {
    let at = |field: &str| {
        job["status"][field]
            .as_str()
            .and_then(|text| text.parse().ok())
    };
    let Some(started) = at("startTime") else {
        return "".into();
    };
    human(
        at("completionTime")
            .unwrap_or(now)
            .duration_since(started)
            .as_secs(),
    )
    .into()
}

fn age(since: &Value, now: Timestamp) -> String {
    match since
        .as_str()
        .and_then(|text| text.parse::<Timestamp>().ok())
    {
        Some(since) => human(now.duration_since(since).as_secs()),
        None => "<unknown>".to_owned(),
    }
}

/// A duration as `kubectl` shows it: at most two units, the second only while the first is small.
fn human(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let both = |big: i64, big_unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{big}{big_unit}"),
        _ => format!("{big}{big_unit}{small}{small_unit}"),
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => both(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => both(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => both(days, "d", hours % 24, "h"),
        _ => format!("{days}d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_written_as_kubectl_writes_them() {
        let cases = [
            (5, "5s"),
            (119, "119s"),
            (125, "2m5s"),
            (600, "10m"),
            (7_199, "119m"),
            (10_860, "3h1m"),
            (100_000, "27h"),
            (176_400, "2d1h"),
            (172_800, "2d"),
            (864_000, "10d"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(human(seconds), expected);
        }
    }
}
