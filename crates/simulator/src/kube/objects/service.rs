//! The Services before the pods of workloads that serve requests, and what binds target groups to them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::super::aws::target_group_arn;
use super::super::super::world::{RequestCounterSpec, Workload, World};
use super::{labels, time};

/// The Service of a workload, by the name of the workload.
pub(in super::super) fn object(world: &World, workload: &Workload, created: Timestamp) -> Value {
    let number = 1 + (world.uniform_sample(&workload.key, "service", 0) * 65_000.0) as u32;
    let address = format!("172.20.{}.{}", number / 256, number % 256);
    json!({
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {
            "name": workload.spec.name,
            "namespace": workload.spec.namespace,
            "uid": world.uid_of("service", &workload.key),
            "creationTimestamp": time(created),
            "labels": labels(workload),
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": address,
            "clusterIPs": [address],
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "ports": [{ "name": "http", "port": 80, "protocol": "TCP", "targetPort": "http" }],
            "selector": { "app.kubernetes.io/name": workload.spec.name },
            "sessionAffinity": "None",
        },
        "status": { "loadBalancer": {} },
    })
}

/// What the AWS Load Balancer Controller makes of an Ingress that leads to the workload's Service.
pub(in super::super) fn target_group_binding(
    world: &World,
    workload: &Workload,
    created: Timestamp,
) -> Option<Value> {
    let Some(RequestCounterSpec::TargetGroup {
        name, bound: true, ..
    }) = &workload.spec.edge
    else {
        return None;
    };
    Some(json!({
        "kind": "TargetGroupBinding",
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "metadata": {
            "name": name,
            "namespace": workload.spec.namespace,
            "uid": world.uid_of("targetgroupbinding", &workload.key),
            "creationTimestamp": time(created),
            "labels": { "ingress.k8s.aws/stack-name": workload.spec.name },
        },
        "spec": {
            "ipAddressType": "ipv4",
            "serviceRef": { "name": workload.spec.name, "port": 80 },
            "targetGroupARN": target_group_arn(world, name),
            "targetType": "ip",
        },
        "status": { "observedGeneration": 1 },
    }))
}
