//! The demo world keeps what its documentation says of it.

use std::collections::BTreeMap;

use super::{CapacityType, WorkloadKind, World};

fn demo() -> World {
    let text = include_str!("../../../../config/worlds/demo.yaml");
    World::from_yaml(text)
        .unwrap()
        .begin("2026-03-02T12:00:00Z".parse().unwrap())
}

#[test]
fn the_pods_of_the_demo_world_fit_their_nodes() {
    let world = demo();
    let mut requested: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for workload in world.workloads() {
        // Every pod that there can be at one time, with the runs of CronJobs.
        let runs = workload.runs_at("2026-03-02T12:06:00Z".parse().unwrap());
        let runs = runs.iter().filter(|run| run.ended.is_none());
        let pods = workload.pods.iter().chain(runs.flat_map(|run| &run.pods));
        for pod in pods {
            let node = world
                .nodes()
                .iter()
                .find(|node| node.spec.name == pod.node)
                .unwrap();
            let (cpu, memory) = requested.entry(node.spec.name.as_str()).or_default();
            *cpu += workload.spec.requests.cpu.unwrap_or(0.0);
            *memory += workload.spec.requests.memory_mib.unwrap_or(0.0);
        }
    }
    assert_eq!(requested.len(), 6, "every node has pods");
    for node in world.nodes() {
        let (cpu, memory) = requested[node.spec.name.as_str()];
        // What a kubelet keeps back is below these.
        let (most_cpu, most_memory) = (node.spec.cpu * 0.96, node.spec.memory_gib * 1024.0 * 0.75);
        println!(
            "{}: {cpu} of {most_cpu} cores, {memory} of {most_memory} MiB",
            node.spec.name
        );
        assert!(
            cpu <= most_cpu && memory <= most_memory,
            "{} is too small",
            node.spec.name
        );
    }
}

#[test]
fn deployments_with_traffic_use_a_believable_part_of_what_they_request() {
    let world = demo();
    let first = world.history_start().as_second() / 60;
    let mut seen = 0;
    for workload in world.workloads() {
        let Some(cpu) = workload.spec.requests.cpu else {
            continue;
        };
        if workload.spec.kind != WorkloadKind::Deployment || workload.spec.traffic.is_none() {
            continue;
        }
        seen += 1;
        let minutes = 1_440;
        let used: f64 = (first..first + minutes)
            .map(|m| workload.cores_in_minute(m))
            .sum();
        let utilisation = used / minutes as f64 / (cpu * workload.pods.len() as f64);
        println!("{}: {utilisation:.2}", workload.key);
        assert!(
            (0.15..=0.60).contains(&utilisation),
            "{}: {utilisation}",
            workload.key
        );
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn the_demo_world_has_the_variety_that_is_promised() {
    let world = demo();
    let of = |capacity| {
        world
            .nodes()
            .iter()
            .filter(|node| node.spec.capacity_type == capacity)
            .count()
    };
    assert_eq!(
        (
            of(CapacityType::OnDemand),
            of(CapacityType::Spot),
            of(CapacityType::Fargate)
        ),
        (4, 1, 1)
    );
    assert_eq!(world.spec.namespaces.len(), 4);
    assert_eq!(world.functions().len(), 12);
    let memory: Vec<u32> = world
        .functions()
        .iter()
        .map(|f| f.spec.memory_mib)
        .collect();
    assert_eq!(
        memory.iter().min().zip(memory.iter().max()),
        Some((&128, &3_008))
    );
}

#[test]
fn every_key_of_a_world_file_is_documented() {
    fn keys(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(object) => {
                for (key, value) in object {
                    found.push(key.clone());
                    // Labels, tags, parameters and prices have keys of their own.
                    if !["labels", "tags", "parameters", "on_demand", "disks"].contains(&&**key) {
                        keys(value, found);
                    }
                }
            }
            serde_json::Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }
    let documentation = include_str!("../../../../docs/worlds.md");
    // The keys of lists and parts that the demo does without.
    let rest = World::from_yaml(
        "{name: w, lateness: {}, bill: {}, accounts: [{id: '111111111111'}], functions: [{name: f, \
         memory_mib: 128, duration_ms: 1, provisioned: [{qualifier: live, concurrency: 1}], \
         traffic: {pattern: steady, requests_per_second: 1}}], prices: {fargate: {usd_per_vcpu_hour: 1, \
         usd_per_gib_hour: 1}}}",
    )
    .unwrap();
    let mut found = Vec::new();
    for spec in [demo().spec, rest.spec] {
        keys(&serde_json::to_value(spec).unwrap(), &mut found);
    }
    assert!(found.iter().any(|key| key == "burst_share"), "{found:?}");
    for key in found {
        let ways = [format!("`{key}`"), format!("`{key}."), format!(".{key}`")];
        let named = ways.iter().any(|way| documentation.contains(way));
        assert!(named, "docs/worlds.md says nothing of {key}");
    }
}
