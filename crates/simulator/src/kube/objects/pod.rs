//! Pod objects as a running cluster has them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::super::world::{CapacityType, Node, PodIdentity, Workload, WorkloadKind, World};
use super::{labels, quantity, time};

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct PodLifetime {
    /// When it was made and began to run.
    pub(in super::super) started: Timestamp,
    /// When it ended, if it has.
    pub(in super::super) ended: Option<Timestamp>,
}

/// The Pod object of a workload; `owner` is its list of owner references.
pub(in super::super) fn object(
    world: &World,
    workload: &Workload,
    pod: &PodIdentity,
    owner: &Value,
    life: PodLifetime,
) -> Value {
    let node = world.nodes().iter().find(|node| node.spec.name == pod.node);
    let spec = &workload.spec;
    let mut metadata = json!({
        "name": pod.name,
        "namespace": spec.namespace,
        "uid": pod.uid,
        "creationTimestamp": time(life.started),
        "labels": labels(workload),
        "managedFields": managed_fields(workload, &time(life.started)),
    });
    let pod_labels = &mut metadata["labels"];
    match spec.kind {
        WorkloadKind::Deployment => {
            pod_labels["pod-template-hash"] = workload.template_hash().into();
        }
        WorkloadKind::StatefulSet => {
            pod_labels["statefulset.kubernetes.io/pod-name"] = pod.name.as_str().into();
            pod_labels["apps.kubernetes.io/pod-index"] = pod.index.to_string().into();
        }
        WorkloadKind::DaemonSet => pod_labels["pod-template-generation"] = "1".into(),
        WorkloadKind::CronJob | WorkloadKind::Job => {
            pod_labels["batch.kubernetes.io/job-name"] = owner[0]["name"].clone();
            pod_labels["job-name"] = owner[0]["name"].clone();
        }
        WorkloadKind::Pod => {}
    }
    if !owner.is_null() {
        metadata["ownerReferences"] = owner.clone();
        metadata["generateName"] = generate_name(owner);
    }
    let fargate = node.filter(|node| node.spec.capacity_type == CapacityType::Fargate);
    if let Some(node) = fargate {
        metadata["labels"]["eks.amazonaws.com/fargate-profile"] = "default".into();
        metadata["annotations"] = json!({
            "CapacityProvisioned": format!("{}vCPU {}GB", node.spec.cpu, node.spec.memory_gib),
            "Logging": "LoggingDisabled: LOGGING_CONFIGMAP_NOT_FOUND",
        });
    }
    json!({
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": pod_spec(workload, pod, fargate.is_some()),
        "status": status(world, workload, pod, node, life),
    })
}

/// The pod template of a workload's object.
pub(super) fn template(workload: &Workload) -> Value {
    json!({
        "metadata": { "labels": labels(workload) },
        "spec": {
            "containers": [container(workload)],
            "dnsPolicy": "ClusterFirst",
            "restartPolicy": restart_policy(workload),
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "terminationGracePeriodSeconds": 30,
        },
    })
}

fn restart_policy(workload: &Workload) -> &'static str {
    match workload.spec.kind {
        WorkloadKind::CronJob | WorkloadKind::Job => "Never",
        _ => "Always",
    }
}

fn generate_name(owner: &Value) -> Value {
    owner[0]["name"]
        .as_str()
        .map_or(Value::Null, |name| format!("{name}-").into())
}

fn image(workload: &Workload) -> String {
    format!(
        "registry.example.com/{}/{}:1.0.0",
        workload.spec.namespace, workload.spec.name
    )
}

fn container(workload: &Workload) -> Value {
    let requests = &workload.spec.requests;
    let mut resources = json!({});
    if let Some(cpu) = requests.cpu {
        resources["requests"]["cpu"] = quantity::cores(cpu).into();
    }
    if let Some(memory) = requests.memory_mib {
        resources["requests"]["memory"] = quantity::mebibytes(memory).into();
    }
    if let Some(gpus) = requests.gpus {
        // What is not shared is requested by its limit.
        resources["requests"]["nvidia.com/gpu"] = gpus.to_string().into();
        resources["limits"]["nvidia.com/gpu"] = gpus.to_string().into();
    }
    if let Some(storage) = requests.ephemeral_storage_gib {
        let storage = quantity::mebibytes(storage * 1024.0);
        resources["requests"]["ephemeral-storage"] = storage.into();
    }
    let mut container = json!({
        "name": workload.spec.name,
        "image": image(workload),
        "imagePullPolicy": "IfNotPresent",
        "env": [
            { "name": "POD_NAME", "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.name" } } },
            { "name": "LOG_LEVEL", "value": "info" },
        ],
        "resources": resources,
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": [{
            "name": "kube-api-access",
            "readOnly": true,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        }],
    });
    if workload.spec.traffic.is_some() {
        container["ports"] = json!([{ "name": "http", "containerPort": 8080, "protocol": "TCP" }]);
    }
    container
}

fn pod_spec(workload: &Workload, pod: &PodIdentity, fargate: bool) -> Value {
    let toleration = |key: &str| json!({ "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 });
    let mut container = container(workload);
    let mut volumes = vec![json!({
        "name": "kube-api-access",
        "projected": { "defaultMode": 420, "sources": [
            { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
            { "configMap": {
                "name": "kube-root-ca.crt",
                "items": [{ "key": "ca.crt", "path": "ca.crt" }],
            } },
        ] },
    })];
    for spec in &workload.spec.volumes {
        volumes.push(json!({
            "name": spec.name,
            "persistentVolumeClaim": { "claimName": spec.claim(workload, pod) },
        }));
        let mount = json!({ "name": spec.name, "mountPath": format!("/mnt/{}", spec.name) });
        let mounts = container["volumeMounts"].as_array_mut();
        mounts
            .into_iter()
            .for_each(|mounts| mounts.push(mount.clone()));
    }
    json!({
        "containers": [container],
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": true,
        "nodeName": pod.node,
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
        "restartPolicy": restart_policy(workload),
        "schedulerName": if fargate { "fargate-scheduler" } else { "default-scheduler" },
        "securityContext": {},
        "serviceAccount": "default",
        "serviceAccountName": "default",
        "terminationGracePeriodSeconds": 30,
        "tolerations": [
            toleration("node.kubernetes.io/not-ready"),
            toleration("node.kubernetes.io/unreachable"),
        ],
        "volumes": volumes,
    })
}

fn status(
    world: &World,
    workload: &Workload,
    pod: &PodIdentity,
    node: Option<&Node>,
    life: PodLifetime,
) -> Value {
    let running = life.ended.is_none();
    let (started, ended) = (time(life.started), life.ended.map(time));
    let image = image(workload);
    let container_id = format!("containerd://{}", world.hex_of("container", &pod.uid));
    let state = match &ended {
        None => json!({ "running": { "startedAt": started } }),
        Some(ended) => json!({ "terminated": {
            "containerID": container_id,
            "exitCode": 0,
            "reason": "Completed",
            "startedAt": started,
            "finishedAt": ended,
        } }),
    };
    let ready = if running { "True" } else { "False" };
    let since = ended.as_ref().unwrap_or(&started);
    let condition = |kind: &str, status: &str, since: &Value| {
        let mut condition = json!({
            "type": kind,
            "status": status,
            "lastProbeTime": null,
            "lastTransitionTime": since,
        });
        if status == "False" {
            condition["reason"] = "PodCompleted".into();
        }
        condition
    };
    let address = pod_address(world, &pod.uid);
    let mut status = json!({
        "phase": if running { "Running" } else { "Succeeded" },
        "conditions": [
            condition("PodReadyToStartContainers", ready, since),
            condition("Initialized", "True", &started),
            condition("Ready", ready, since),
            condition("ContainersReady", ready, since),
            condition("PodScheduled", "True", &started),
        ],
        "podIP": address,
        "podIPs": [{ "ip": address }],
        "startTime": started,
        "containerStatuses": [{
            "name": workload.spec.name,
            "image": image,
            "imageID": format!("{}@sha256:{}", image, world.hex_of("image", &image)),
            "containerID": container_id,
            "state": state,
            "lastState": {},
            "ready": running,
            "started": running,
            "restartCount": 0,
        }],
        "qosClass": qos_class(workload),
    });
    if let Some(node) = node {
        status["hostIP"] = node.address.as_str().into();
        status["hostIPs"] = json!([{ "ip": node.address }]);
    }
    status
}

/// Limits are never set in a world, so no pod is `Guaranteed`.
fn qos_class(workload: &Workload) -> &'static str {
    let requests = &workload.spec.requests;
    if requests.cpu.is_none() && requests.memory_mib.is_none() {
        "BestEffort"
    } else {
        "Burstable"
    }
}

fn pod_address(world: &World, uid: &str) -> String {
    let part = |tag: &str, size: f64| (world.uniform_sample(uid, tag, 0) * size) as u32;
    format!(
        "10.0.{}.{}",
        64 + part("subnet", 64.0),
        2 + part("host", 252.0)
    )
}

/// What each manager set: nothing that a reader needs, but a third of what a real server sends.
fn managed_fields(workload: &Workload, at: &Value) -> Value {
    let container = format!("k:{{\"name\":\"{}\"}}", workload.spec.name);
    let env = |name: &str| format!("k:{{\"name\":\"{name}\"}}");
    let condition = |kind: &str| format!("k:{{\"type\":\"{kind}\"}}");
    let conditions: serde_json::Map<String, Value> = [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
    ]
    .iter()
    .map(|kind| {
        let fields = json!({
            ".": {}, "f:lastProbeTime": {}, "f:lastTransitionTime": {}, "f:status": {},
            "f:type": {},
        });
        (condition(kind), fields)
    })
    .collect();
    json!([
        {
            "manager": "kube-controller-manager",
            "operation": "Update",
            "apiVersion": "v1",
            "time": at,
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {
                    "f:generateName": {},
                    "f:labels": { ".": {}, "f:app.kubernetes.io/name": {}, "f:pod-template-hash": {} },
                    "f:ownerReferences": { ".": {} },
                },
                "f:spec": {
                    "f:containers": { container: {
                        ".": {},
                        "f:env": {
                            ".": {},
                            env("POD_NAME"): {
                                ".": {}, "f:name": {}, "f:valueFrom": { ".": {}, "f:fieldRef": {} },
                            },
                            env("LOG_LEVEL"): { ".": {}, "f:name": {}, "f:value": {} },
                        },
                        "f:image": {}, "f:imagePullPolicy": {}, "f:name": {},
                        "f:resources": {
                            ".": {}, "f:requests": { ".": {}, "f:cpu": {}, "f:memory": {} },
                        },
                        "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {},
                    } },
                    "f:dnsPolicy": {}, "f:enableServiceLinks": {}, "f:restartPolicy": {},
                    "f:schedulerName": {}, "f:securityContext": {},
                    "f:terminationGracePeriodSeconds": {},
                },
            },
        },
        {
            "manager": "kubelet",
            "operation": "Update",
            "apiVersion": "v1",
            "time": at,
            "fieldsType": "FieldsV1",
            "fieldsV1": { "f:status": {
                "f:conditions": conditions,
                "f:containerStatuses": {}, "f:hostIP": {}, "f:hostIPs": {}, "f:phase": {},
                "f:podIP": {}, "f:podIPs": {}, "f:startTime": {},
            } },
            "subresource": "status",
        },
    ])
}
