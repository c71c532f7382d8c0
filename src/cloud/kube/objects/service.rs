//! The Services before the pods of workloads that serve requests.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::super::world::{Workload, World};
use super::{labels, time};

/// The Service of a workload, by the name of the workload.
pub(in super::super) fn object(world: &World, workload: &Workload, created: Timestamp) -> Value {
    let number = 1 + (world.chance(&workload.key, "service", 0) * 65_000.0) as u32;
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
