//! Node objects as EKS has them, and those of AKS where the machine is of Azure.

use serde_json::{Value, json};

use super::super::super::world::{CapacityType, Node, NodeSpec, World};
use super::{NODE_AGE_DAYS, before_history, quantity, time};

/// What a kubelet on EKS keeps back: see "Reserve compute resources" in the EKS best practices.
const RESERVED_MIB: f64 = 255.0 + 100.0;
const RESERVED_MIB_PER_POD: f64 = 11.0;
/// What Fargate keeps back for the kubelet and its companions.
const RESERVED_MIB_ON_FARGATE: f64 = 256.0;

/// What AKS labels and taints the machines of spot pools with.
const AKS_SPOT: (&str, &str) = ("kubernetes.azure.com/scalesetpriority", "spot");

/// The Node object.
pub(in super::super) fn object(world: &World, node: &Node) -> Value {
    let spec = &node.spec;
    let pods = most_pods(node);
    let resources = |cpu: f64, memory_mib: f64| {
        let mut resources = json!({
            "cpu": quantity::cores(cpu),
            "ephemeral-storage": "20959212Ki",
            "hugepages-1Gi": "0",
            "hugepages-2Mi": "0",
            "memory": quantity::kibibytes(memory_mib),
            "pods": pods.to_string(),
        });
        if spec.gpus > 0 {
            resources["nvidia.com/gpu"] = spec.gpus.to_string().into();
        }
        resources
    };
    let memory_mib = spec.memory_gib * 1024.0;
    let created = before_history(world, &spec.name, NODE_AGE_DAYS);
    let taint =
        |(key, value): (&str, &str)| json!([{"key": key, "value": value, "effect": "NoSchedule"}]);
    let taints = match spec.capacity_type {
        CapacityType::Fargate => taint(("eks.amazonaws.com/compute-type", "fargate")),
        CapacityType::Spot if spec.is_of_azure() => taint(AKS_SPOT),
        _ => Value::Null,
    };
    let mut object = json!({
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {
            "name": spec.name,
            "uid": node.uid,
            "creationTimestamp": time(created),
            "labels": labels(world, node),
            "annotations": {
                "alpha.kubernetes.io/provided-node-ip": node.address,
                "node.alpha.kubernetes.io/ttl": "0",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
            },
        },
        "spec": {
            "providerID": spec.provider_id.clone().unwrap_or_else(|| {
                format!("aws:///{}/{}", spec.zone, node.instance_id)
            }),
        },
        "status": {
            "capacity": resources(spec.cpu, memory_mib),
            "allocatable": resources(
                spec.cpu - reserved_cores(node),
                memory_mib - reserved_mib(node, pods),
            ),
            "conditions": conditions(&time(created), &time(world.start())),
            "addresses": [
                { "type": "InternalIP", "address": node.address },
                { "type": "InternalDNS", "address": spec.name },
                { "type": "Hostname", "address": spec.name },
            ],
            "daemonEndpoints": { "kubeletEndpoint": { "Port": 10250 } },
            "nodeInfo": {
                "architecture": spec.architecture.as_str(),
                "bootID": world.uid_of("boot", &spec.name),
                "containerRuntimeVersion": "containerd://1.7.27",
                "kernelVersion": "6.1.148-173.267.amzn2023",
                "kubeProxyVersion": "v1.33.4-eks-99d6cc0",
                "kubeletVersion": "v1.33.4-eks-99d6cc0",
                "machineID": world.uid_of("machine", &spec.name).replace('-', ""),
                "operatingSystem": "linux",
                "osImage": "Amazon Linux 2023.8.20250818",
                "systemUUID": world.uid_of("system", &spec.name),
            },
        },
    });
    if !taints.is_null() {
        object["spec"]["taints"] = taints;
    }
    object
}

/// The labels of a Node, which the metrics server repeats.
pub(in super::super) fn labels(world: &World, node: &Node) -> Value {
    let spec = &node.spec;
    let mut labels = json!({
        "beta.kubernetes.io/arch": spec.architecture.as_str(),
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": spec.architecture.as_str(),
        "kubernetes.io/hostname": spec.name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/region": world.spec.region,
        "topology.kubernetes.io/zone": spec.zone,
    });
    if let Some(instance_type) = &spec.instance_type {
        labels["node.kubernetes.io/instance-type"] = instance_type.as_str().into();
        labels["beta.kubernetes.io/instance-type"] = instance_type.as_str().into();
    }
    if spec.is_of_azure() {
        aks_labels(spec, &mut labels);
    } else {
        eks_labels(spec, &mut labels);
    }
    for (name, value) in &spec.labels {
        labels[name] = value.as_str().into();
    }
    labels
}

fn eks_labels(spec: &NodeSpec, labels: &mut Value) {
    match spec.capacity_type {
        CapacityType::OnDemand => labels["eks.amazonaws.com/capacityType"] = "ON_DEMAND".into(),
        CapacityType::Spot => labels["eks.amazonaws.com/capacityType"] = "SPOT".into(),
        CapacityType::Fargate => labels["eks.amazonaws.com/compute-type"] = "fargate".into(),
    }
    if spec.instance_type.is_some() {
        labels["eks.amazonaws.com/nodegroup"] = "general".into();
    }
}

/// The zone of a machine of Azure begins with its region: `westeurope-1`.
fn aks_labels(spec: &NodeSpec, labels: &mut Value) {
    let region = spec.zone.split('-').next().unwrap_or_default();
    labels["topology.kubernetes.io/region"] = region.into();
    labels["kubernetes.azure.com/agentpool"] = "general".into();
    labels["agentpool"] = "general".into();
    if spec.capacity_type == CapacityType::Spot {
        let (key, value) = AKS_SPOT;
        labels[key] = value.into();
    }
}

/// Pods per node with the VPC network plugin, for the common sizes.
fn most_pods(node: &Node) -> u32 {
    match node.spec.cpu {
        _ if node.spec.capacity_type == CapacityType::Fargate => 1,
        cpu if cpu <= 2.0 => 29,
        cpu if cpu <= 8.0 => 58,
        _ => 110,
    }
}

/// Cores that the kubelet keeps back: 6 % of the first core, 1 % of the second, 0.5 % of the next two,
/// 0.25 % of the others; nothing on Fargate.
fn reserved_cores(node: &Node) -> f64 {
    let cpu = node.spec.cpu;
    if node.spec.capacity_type == CapacityType::Fargate {
        return 0.0;
    }
    let part = |from: f64, to: f64| (cpu.min(to) - from).max(0.0);
    let reserved = 0.06 * part(0.0, 1.0) + 0.01 * part(1.0, 2.0) + 0.005 * part(2.0, 4.0);
    reserved + 0.0025 * part(4.0, f64::INFINITY)
}

/// MiB that the kubelet keeps back; at most a quarter of the node.
fn reserved_mib(node: &Node, pods: u32) -> f64 {
    let reserved = match node.spec.capacity_type {
        CapacityType::Fargate => RESERVED_MIB_ON_FARGATE,
        _ => RESERVED_MIB + RESERVED_MIB_PER_POD * f64::from(pods),
    };
    reserved.min(node.spec.memory_gib * 1024.0 / 4.0)
}

fn conditions(since: &Value, heartbeat: &Value) -> Value {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": heartbeat,
            "lastTransitionTime": since,
        })
    };
    json!([
        condition(
            "MemoryPressure",
            "False",
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
        ),
        condition(
            "DiskPressure",
            "False",
            "KubeletHasNoDiskPressure",
            "kubelet has no disk pressure",
        ),
        condition(
            "PIDPressure",
            "False",
            "KubeletHasSufficientPID",
            "kubelet has sufficient PID available",
        ),
        condition(
            "Ready",
            "True",
            "KubeletReady",
            "kubelet is posting ready status"
        ),
    ])
}
