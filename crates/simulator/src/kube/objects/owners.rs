//! The objects that own pods: Deployments and their ReplicaSets, StatefulSets, DaemonSets, CronJobs, Jobs.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::super::world::{Run, RunsSpec, Workload, World};
use super::{controller, labels, pod, time};

/// Deployment, StatefulSet or DaemonSet with so many pods.
pub(in super::super) fn apps_object(workload: &Workload, created: Timestamp, pods: usize) -> Value {
    use super::super::super::world::WorkloadKind;
    match workload.spec.kind {
        WorkloadKind::DaemonSet => daemon_set(workload, created, pods),
        WorkloadKind::StatefulSet => stateful_set(workload, created, pods),
        _ => deployment(workload, created, pods),
    }
}

/// The reference of a pod to the object that controls it, for kinds whose pods are not those of runs.
pub(in super::super) fn of_pods(world: &World, workload: &Workload) -> Value {
    use super::super::super::world::WorkloadKind;
    let name = &workload.spec.name;
    match workload.spec.kind {
        WorkloadKind::Deployment => {
            let uid = replica_set_uid(world, workload);
            controller("apps/v1", "ReplicaSet", &workload.replica_set_name(), &uid)
        }
        WorkloadKind::StatefulSet => controller("apps/v1", "StatefulSet", name, &workload.uid),
        WorkloadKind::DaemonSet => controller("apps/v1", "DaemonSet", name, &workload.uid),
        WorkloadKind::CronJob | WorkloadKind::Job | WorkloadKind::Pod => Value::Null,
    }
}

/// The reference of a run's pods to its Job.
pub(in super::super) fn of_run_pods(run: &Run) -> Value {
    controller("batch/v1", "Job", &run.name, &run.uid)
}

/// The ReplicaSet of a Deployment with so many pods.
pub(in super::super) fn replica_set(
    world: &World,
    workload: &Workload,
    created: Timestamp,
    pods: usize,
) -> Value {
    let hash = workload.template_hash();
    let mut object = object(workload, "apps/v1", "ReplicaSet", created);
    let metadata = &mut object["metadata"];
    metadata["name"] = workload.replica_set_name().into();
    metadata["uid"] = replica_set_uid(world, workload).into();
    metadata["labels"]["pod-template-hash"] = hash.as_str().into();
    metadata["ownerReferences"] =
        controller("apps/v1", "Deployment", &workload.spec.name, &workload.uid);
    metadata["annotations"] = json!({
        "deployment.kubernetes.io/desired-replicas": pods.to_string(),
        "deployment.kubernetes.io/revision": "1",
    });
    object["spec"] = json!({
        "replicas": pods,
        "selector": selector(workload),
        "template": pod::template(workload),
    });
    object["spec"]["selector"]["matchLabels"]["pod-template-hash"] = hash.as_str().into();
    object["spec"]["template"]["metadata"]["labels"]["pod-template-hash"] = hash.into();
    object["status"] = json!({
        "replicas": pods,
        "fullyLabeledReplicas": pods,
        "readyReplicas": pods,
        "availableReplicas": pods,
        "observedGeneration": 1,
    });
    object
}

/// A CronJob; `active` are the runs that have not ended.
pub(in super::super) fn cron_job(workload: &Workload, created: Timestamp, runs: &[Run]) -> Value {
    let mut object = object(workload, "batch/v1", "CronJob", created);
    let schedule = workload.spec.runs.as_ref().map(schedule);
    object["spec"] = json!({
        "schedule": schedule,
        "concurrencyPolicy": "Allow",
        "suspend": false,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
        "jobTemplate": { "metadata": {}, "spec": {
            "parallelism": workload.replicas(),
            "completions": workload.replicas(),
            "template": pod::template(workload),
        } },
    });
    let active = runs.iter().filter(|run| run.ended.is_none()).map(|run| {
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": run.name,
            "namespace": workload.spec.namespace,
            "uid": run.uid,
        })
    });
    let active: Vec<Value> = active.collect();
    object["status"] = json!({});
    if !active.is_empty() {
        object["status"]["active"] = active.into();
    }
    if let Some(last) = runs.last() {
        object["status"]["lastScheduleTime"] = time(last.started);
    }
    if let Some(ended) = runs.iter().filter_map(|run| run.ended).max() {
        object["status"]["lastSuccessfulTime"] = time(ended);
    }
    object
}

/// The Job of a run; `of_cron_job` says whether a CronJob owns it.
pub(in super::super) fn job(workload: &Workload, run: &Run, of_cron_job: bool) -> Value {
    let mut object = object(workload, "batch/v1", "Job", run.started);
    object["metadata"]["name"] = run.name.as_str().into();
    object["metadata"]["uid"] = run.uid.as_str().into();
    if of_cron_job {
        object["metadata"]["ownerReferences"] =
            controller("batch/v1", "CronJob", &workload.spec.name, &workload.uid);
    }
    let pods = run.pods.len();
    object["spec"] = json!({
        "parallelism": pods,
        "completions": pods,
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "suspend": false,
        "selector": { "matchLabels": { "batch.kubernetes.io/controller-uid": run.uid } },
        "template": pod::template(workload),
    });
    object["status"] = match run.ended {
        None => json!({ "startTime": time(run.started), "active": pods, "ready": pods }),
        Some(ended) => json!({
            "startTime": time(run.started),
            "completionTime": time(ended),
            "succeeded": pods,
            "ready": 0,
            "conditions": [{
                "type": "Complete",
                "status": "True",
                "reason": "CompletionsReached",
                "lastProbeTime": time(ended),
                "lastTransitionTime": time(ended),
            }],
        }),
    };
    object
}

fn deployment(workload: &Workload, created: Timestamp, pods: usize) -> Value {
    let mut object = object(workload, "apps/v1", "Deployment", created);
    object["metadata"]["annotations"] = json!({ "deployment.kubernetes.io/revision": "1" });
    object["spec"] = json!({
        "replicas": pods,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "selector": selector(workload),
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": "25%" },
        },
        "template": pod::template(workload),
    });
    let condition = |kind: &str, reason: &str| {
        json!({
            "type": kind,
            "status": "True",
            "reason": reason,
            "lastUpdateTime": time(created),
            "lastTransitionTime": time(created),
        })
    };
    object["status"] = json!({
        "observedGeneration": 1,
        "replicas": pods,
        "updatedReplicas": pods,
        "readyReplicas": pods,
        "availableReplicas": pods,
        "conditions": [
            condition("Available", "MinimumReplicasAvailable"),
            condition("Progressing", "NewReplicaSetAvailable"),
        ],
    });
    object
}

fn stateful_set(workload: &Workload, created: Timestamp, pods: usize) -> Value {
    let mut object = object(workload, "apps/v1", "StatefulSet", created);
    let revision = format!("{}-{}", workload.spec.name, workload.template_hash());
    object["spec"] = json!({
        "replicas": pods,
        "serviceName": workload.spec.name,
        "podManagementPolicy": "OrderedReady",
        "revisionHistoryLimit": 10,
        "selector": selector(workload),
        "template": pod::template(workload),
        "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } },
    });
    object["status"] = json!({
        "observedGeneration": 1,
        "replicas": pods,
        "readyReplicas": pods,
        "currentReplicas": pods,
        "updatedReplicas": pods,
        "availableReplicas": pods,
        "currentRevision": revision,
        "updateRevision": revision,
    });
    object
}

fn daemon_set(workload: &Workload, created: Timestamp, pods: usize) -> Value {
    let mut object = object(workload, "apps/v1", "DaemonSet", created);
    object["spec"] = json!({
        "revisionHistoryLimit": 10,
        "selector": selector(workload),
        "template": pod::template(workload),
        "updateStrategy": {
            "type": "RollingUpdate",
            "rollingUpdate": { "maxSurge": 0, "maxUnavailable": 1 },
        },
    });
    object["status"] = json!({
        "observedGeneration": 1,
        "desiredNumberScheduled": pods,
        "currentNumberScheduled": pods,
        "updatedNumberScheduled": pods,
        "numberAvailable": pods,
        "numberReady": pods,
        "numberMisscheduled": 0,
    });
    object
}

fn object(workload: &Workload, api_version: &str, kind: &str, created: Timestamp) -> Value {
    json!({
        "kind": kind,
        "apiVersion": api_version,
        "metadata": {
            "name": workload.spec.name,
            "namespace": workload.spec.namespace,
            "uid": workload.uid,
            "generation": 1,
            "creationTimestamp": time(created),
            "labels": labels(workload),
        },
    })
}

fn selector(workload: &Workload) -> Value {
    json!({ "matchLabels": { "app.kubernetes.io/name": workload.spec.name } })
}

fn replica_set_uid(world: &World, workload: &Workload) -> String {
    world.uid_of("replica-set", &workload.key)
}

/// The five fields of cron that come nearest; a period that cron cannot say is shown as its parts.
fn schedule(runs: &RunsSpec) -> String {
    let RunsSpec {
        every_minutes: every,
        offset_minutes: offset,
        ..
    } = *runs;
    match every {
        0..60 if offset == 0 => format!("*/{every} * * * *"),
        0..60 => format!("{offset}-59/{every} * * * *"),
        60 => format!("{offset} * * * *"),
        61..1_440 => format!("{} {}-23/{} * * *", offset % 60, offset / 60, every / 60),
        _ => format!("{} {} * * *", offset % 60, (offset / 60) % 24),
    }
}
