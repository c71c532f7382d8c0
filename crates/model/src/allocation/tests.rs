use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::SharingPolicy;
use crate::test_util::{deployment, node, pod, resources, settings, usage, workload};

pub(super) fn hourly(value: f64) -> UsdPerHour {
    UsdPerHour::from_hourly(value).unwrap()
}

pub(super) fn close(left: UsdPerHour, right: f64) -> bool {
    (left.hourly() - right).abs() <= 1e-9 * right.abs().max(1e-3)
}

/// Σ loaded + unattributed, and Σ node prices + fixed.
pub(super) fn both_sides(
    nodes: &[PricedNode],
    rates: &ClusterRates,
    settings: &ModelParameters,
) -> (f64, f64) {
    let loaded: UsdPerHour = rates.workloads.values().map(WorkloadRates::loaded).sum();
    let prices: UsdPerHour = nodes
        .iter()
        .filter_map(|node| node.price.as_ref().ok())
        .map(|price| price.price)
        .sum();
    let carried = loaded + rates.components.unallocated;
    let machines = nodes.iter().filter(|node| !is_fargate(node)).count();
    let fixed = settings.fixed + settings.fixed_per_node * Ratio::count(machines);
    (carried.hourly(), (prices + fixed).hourly())
}

fn is_fargate(node: &PricedNode) -> bool {
    node.node.capacity_type == CapacityType::Fargate
}

/// A node of Fargate, which has just what its pod was sized for.
fn fargate(name: &str, cores: f64, gib: f64, price: Option<f64>) -> PricedNode {
    let mut fargate = node(name, cores, gib, price);
    let mut machine = (*fargate.node).clone();
    machine.capacity_type = CapacityType::Fargate;
    fargate.node = Arc::new(machine);
    fargate
}

#[derive(Clone, Debug)]
pub(super) struct RandomPod {
    pub(super) workload: usize,
    pub(super) node: usize,
    pub(super) request: (f64, f64),
    pub(super) used: Option<(f64, f64)>,
}

pub(super) fn random_pods() -> impl Strategy<Value = Vec<RandomPod>> {
    let amount = || prop_oneof![Just((0.0, 0.0)), (0.0..6.0, 0.0..24.0)];
    let one = (
        0_usize..6,
        0_usize..6,
        amount(),
        proptest::option::of(amount()),
    )
        .prop_map(|(workload, node, request, used)| RandomPod {
            workload,
            node,
            request,
            used,
        });
    proptest::collection::vec(one, 0..40)
}

pub(super) fn random_nodes() -> impl Strategy<Value = Vec<PricedNode>> {
    let one = (
        0.0..64.0,
        0.0..256.0,
        proptest::option::weighted(0.8, 0.0..12.0),
        proptest::bool::weighted(0.3),
    );
    proptest::collection::vec(one, 0..6).prop_map(|nodes| {
        let named = nodes.into_iter().enumerate();
        named
            .map(|(at, (cores, gib, price, on_fargate))| {
                let make = if on_fargate { fargate } else { node };
                make(&format!("n{at}"), cores, gib, price)
            })
            .collect()
    })
}

pub(super) fn policy() -> impl Strategy<Value = SharingPolicy> {
    prop_oneof![
        Just(SharingPolicy::Proportional),
        Just(SharingPolicy::Even),
        Just(SharingPolicy::None)
    ]
}

pub(super) fn cluster(random: &[RandomPod]) -> (Vec<Arc<Pod>>, HashMap<PodKey, PodUsage>) {
    let kinds = [
        WorkloadKind::Deployment,
        WorkloadKind::DaemonSet,
        WorkloadKind::StatefulSet,
    ];
    let namespaces = ["shop", "kube-system"];
    let mut pods = Vec::new();
    let mut used = HashMap::new();
    for (at, one) in random.iter().enumerate() {
        let kind = kinds[one.workload % 3].clone();
        let owner = workload(
            namespaces[one.workload % 2],
            kind,
            &format!("w{}", one.workload),
        );
        let request = resources(one.request.0, one.request.1);
        let made = pod(&format!("p{at}"), owner, &format!("n{}", one.node), request);
        if let Some((cores, gib)) = one.used {
            used.insert(made.key.clone(), usage(resources(cores, gib)));
        }
        pods.push(Arc::new(made));
    }
    (pods, used)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_dollar_of_every_priced_node_lands_somewhere(
        nodes in random_nodes(), random in random_pods(), sharing in policy(), fixed in 0.0..3.0,
        fixed_per_node in 0.0..0.2,
    ) {
        let settings = ModelParameters { sharing, fixed: hourly(fixed), fixed_per_node: hourly(fixed_per_node), ..settings() };
        // A node that has nothing cannot be split: it is reported unpriced, and is outside of the identity.
        let nodes: Vec<PricedNode> = nodes.into_iter()
            .filter(|node| node.node.capacity.cpu.cores() + node.node.capacity.memory.gib() > 0.0)
            .collect();
        let (pods, used) = cluster(&random);
        let rates = allocate(&nodes, &[], &pods, &used, &settings);
        let (carried, paid) = both_sides(&nodes, &rates, &settings);
        prop_assert!((carried - paid).abs() <= 1e-9 * paid.max(1.0), "{} {}", carried, paid);
        let all = rates.components;
        let components = all.allocated + all.idle + all.shared + all.fixed + all.unallocated;
        prop_assert!((components.hourly() - paid).abs() <= 1e-9 * paid.max(1.0));
    }

    #[test]
    fn fargate_pods_bear_no_idle_capacity_and_no_daemon_sets(
        nodes in random_nodes(), random in random_pods(), sharing in policy(), more in 1.0..64.0,
    ) {
        let settings = ModelParameters { sharing, ..settings() };
        let (pods, used) = cluster(&random);
        let nodes: Vec<PricedNode> = nodes.into_iter()
            .filter(|node| node.node.capacity.cpu.cores() + node.node.capacity.memory.gib() > 0.0)
            .collect();
        let on_machines = |id: &WorkloadId| {
            let names = |node: &&PricedNode| !is_fargate(node) && node.price.is_ok();
            let machines: Vec<_> = nodes.iter().filter(names).map(|node| &node.node.name).collect();
            pods.iter().any(|pod| pod.workload == *id && machines.contains(&&pod.node))
        };
        let before = allocate(&nodes, &[], &pods, &used, &settings);
        // A machine that nobody uses, and a DaemonSet on it.
        let mut nodes_after = nodes.clone();
        nodes_after.push(node("empty", more, more, Some(more)));
        let agent = workload("platform", WorkloadKind::DaemonSet, "agent");
        let mut pods_after = pods.clone();
        pods_after.push(Arc::new(pod("agent", agent, "empty", resources(0.5, 0.5))));
        let after = allocate(&nodes_after, &[], &pods_after, &used, &settings);
        for (id, rates) in &after.workloads {
            if !on_machines(id) {
                prop_assert!(close(rates.loaded(), before.workloads[id].loaded().hourly()), "{}", id);
                prop_assert!(rates.idle.is_zero(), "{}", id);
            }
        }
    }

    #[test]
    fn nobody_uses_more_than_is_held_for_it(nodes in random_nodes(), random in random_pods()) {
        let (pods, used) = cluster(&random);
        let rates = allocate(&nodes, &[], &pods, &used, &settings());
        for (id, workload) in &rates.workloads {
            if let Some(used) = workload.used {
                let sum = used.cpu + used.memory;
                prop_assert!(sum.hourly() <= workload.allocated().hourly() * (1.0 + 1e-12), "{}", id);
            }
        }
    }
}

#[test]
fn a_pod_without_requests_is_charged_for_what_it_uses() {
    let nodes = [node("n", 2.0, 8.0, Some(0.096))];
    let idle_pod = pod("p", deployment("shop", "web"), "n", Resources::default());
    let used = HashMap::from([(idle_pod.key.clone(), usage(resources(1.0, 0.0)))]);
    let rates = allocate(&nodes, &[], &[Arc::new(idle_pod)], &used, &settings());
    let web = &rates.workloads[&deployment("shop", "web")];
    assert!(
        close(web.allocated(), 0.096 * 10.1 / 28.2),
        "{:?}",
        web.allocated()
    );
}

#[test]
fn what_a_pod_requests_is_held_for_it_even_while_it_is_idle() {
    let nodes = [node("n", 2.0, 8.0, Some(0.096))];
    let held = pod("p", deployment("shop", "web"), "n", resources(1.0, 4.0));
    let used = HashMap::from([(held.key.clone(), usage(resources(0.1, 1.0)))]);
    let rates = allocate(&nodes, &[], &[Arc::new(held)], &used, &settings());
    let web = &rates.workloads[&deployment("shop", "web")];
    assert!(close(web.allocated(), 0.048), "{:?}", web.allocated());
    assert!(close(web.idle, 0.048), "{:?}", web.idle);
    let used = web.used.unwrap();
    assert!(close(
        used.cpu + used.memory,
        0.096 * (0.1 * 10.1 + 1.0) / 28.2
    ));
}

#[test]
fn each_container_holds_the_larger_of_its_request_and_its_use() {
    let nodes = [node("n", 4.0, 0.0, Some(0.4))];
    let mut two = pod("p", deployment("shop", "web"), "n", resources(1.5, 0.0));
    two.containers = vec![
        crate::inventory::Container {
            name: "app".into(),
            request: resources(1.0, 0.0),
        },
        crate::inventory::Container {
            name: "proxy".into(),
            request: resources(0.5, 0.0),
        },
    ];
    // The app uses less than it requests; that does not make room for the proxy, which uses more.
    let mut used = usage(resources(0.2, 0.0));
    used.containers.push(crate::inventory::Container {
        name: "proxy".into(),
        request: resources(0.9, 0.0),
    });
    let used = HashMap::from([(two.key.clone(), used)]);
    let rates = allocate(&nodes, &[], &[Arc::new(two)], &used, &settings());
    let held = rates.workloads[&deployment("shop", "web")].held;
    assert!((held.cpu.cores() - 1.9).abs() < 1e-12, "{held:?}");
}

#[test]
fn an_over_committed_node_is_scaled_down_to_what_it_has() {
    let nodes = [node("n", 2.0, 8.0, Some(0.1))];
    let pods = [
        Arc::new(pod("a", deployment("shop", "a"), "n", resources(3.0, 2.0))),
        Arc::new(pod("b", deployment("shop", "b"), "n", resources(1.0, 2.0))),
    ];
    let rates = allocate(&nodes, &[], &pods, &HashMap::new(), &settings());
    let (a, b) = (
        &rates.workloads[&deployment("shop", "a")],
        &rates.workloads[&deployment("shop", "b")],
    );
    assert!(close(a.cpu, 3.0 * b.cpu.hourly()));
    assert!(close(a.cpu + b.cpu, 0.1 * 2.0 * 10.1 / 28.2));
    assert!(
        close(rates.components.idle, 0.1 * 4.0 / 28.2),
        "{:?}",
        rates.components
    );
}

#[test]
fn daemon_sets_and_shared_namespaces_are_carried_by_the_others() {
    let nodes = [node("n", 4.0, 16.0, Some(0.2))];
    let agent = workload("platform", WorkloadKind::DaemonSet, "agent");
    let pods = [
        Arc::new(pod("a", deployment("shop", "a"), "n", resources(1.0, 1.0))),
        Arc::new(pod("d", agent.clone(), "n", resources(1.0, 1.0))),
        Arc::new(pod(
            "s",
            deployment("kube-system", "dns"),
            "n",
            resources(1.0, 1.0),
        )),
    ];
    let rates = allocate(&nodes, &[], &pods, &HashMap::new(), &settings());
    assert_eq!(rates.workloads.len(), 1);
    let a = &rates.workloads[&deployment("shop", "a")];
    assert!(close(a.shared, 2.0 * a.allocated().hourly()));
    assert!(close(rates.shared[&agent], a.allocated().hourly()));
    assert!(close(a.loaded(), 0.2));
}

#[test]
fn without_a_workload_to_carry_it_a_node_is_unattributed() {
    let nodes = [node("n", 4.0, 16.0, Some(0.2))];
    let settings = ModelParameters {
        fixed: hourly(0.1),
        ..settings()
    };
    let rates = allocate(&nodes, &[], &[], &HashMap::new(), &settings);
    assert!(
        close(rates.components.unallocated, 0.3),
        "{:?}",
        rates.components
    );
}

#[test]
fn a_pod_on_an_unpriced_node_is_counted_and_costs_nothing_known() {
    let nodes = [node("n", 4.0, 16.0, None)];
    let pods = [Arc::new(pod(
        "a",
        deployment("shop", "a"),
        "n",
        resources(1.0, 1.0),
    ))];
    let rates = allocate(&nodes, &[], &pods, &HashMap::new(), &settings());
    assert_eq!(
        (
            rates.unpriced_pods,
            rates.workloads[&deployment("shop", "a")].unpriced_pods
        ),
        (1, 1)
    );
    assert_eq!(rates.nodes[0].price, Err(Unpriced::UnknownInstanceType));
}

#[test]
fn a_pod_on_a_node_that_is_not_known_yet_is_unpriced() {
    let pods = [Arc::new(pod(
        "a",
        deployment("shop", "a"),
        "elsewhere",
        resources(1.0, 1.0),
    ))];
    let rates = allocate(&[], &[], &pods, &HashMap::new(), &settings());
    assert_eq!(rates.workloads[&deployment("shop", "a")].unpriced_pods, 1);
}

#[test]
fn a_fargate_pod_holds_all_that_was_provisioned_for_it() {
    let fargate = fargate("f", 0.5, 1.0, Some(0.024_685));
    let mut small = pod("p", deployment("shop", "batch"), "f", resources(0.25, 0.5));
    small.fargate_size = Some(resources(0.5, 1.0));
    let rates = allocate(
        &[fargate],
        &[],
        &[Arc::new(small)],
        &HashMap::new(),
        &settings(),
    );
    let batch = &rates.workloads[&deployment("shop", "batch")];
    assert!(close(batch.allocated(), 0.024_685), "{batch:?}");
    assert!(rates.components.idle.hourly() < 1e-12);
}

#[test]
fn use_is_known_when_half_of_the_pods_report_and_absent_when_fewer_do() {
    let nodes = [node("n", 8.0, 32.0, Some(0.4))];
    let web = || deployment("shop", "web");
    let pods: Vec<Arc<Pod>> = (0..4)
        .map(|at| Arc::new(pod(&format!("p{at}"), web(), "n", resources(1.0, 1.0))))
        .collect();
    let usage_of = |count: usize| -> HashMap<PodKey, PodUsage> {
        let some = pods.iter().take(count);
        some.map(|pod| (pod.key.clone(), usage(resources(0.5, 0.5))))
            .collect()
    };
    let used =
        |count| allocate(&nodes, &[], &pods, &usage_of(count), &settings()).workloads[&web()].used;
    assert!((used(4).unwrap().cores.cores() - 2.0).abs() < 1e-12);
    assert!((used(2).unwrap().cores.cores() - 2.0).abs() < 1e-12);
    assert_eq!(used(1), None);
}

#[test]
fn a_gpu_is_held_by_whoever_requests_it_and_its_price_is_part_of_the_node() {
    let mut machine = node("g", 4.0, 16.0, Some(0.526));
    let mut with_gpu = (*machine.node).clone();
    with_gpu.capacity.gpus = 1;
    machine.node = Arc::new(with_gpu);
    let mut trainer = pod("p", deployment("ml", "trainer"), "g", resources(4.0, 16.0));
    trainer.request.gpus = 1;
    let beside = pod("q", deployment("ml", "web"), "g", resources(0.0, 0.0));
    let pods = [Arc::new(trainer), Arc::new(beside)];
    let rates = allocate(&[machine], &[], &pods, &HashMap::new(), &settings());
    let trainer = &rates.workloads[&deployment("ml", "trainer")];
    assert!(
        close(trainer.gpu, 0.526 * 224.0 / (40.4 + 16.0 + 224.0)),
        "{trainer:?}"
    );
    assert!(close(trainer.allocated(), 0.526));
    assert!(rates.workloads[&deployment("ml", "web")].gpu.is_zero());
}

#[test]
fn more_gpus_than_the_node_has_are_scaled_down_to_it() {
    let mut machine = node("g", 4.0, 16.0, Some(1.0));
    let mut with_gpu = (*machine.node).clone();
    with_gpu.capacity.gpus = 1;
    machine.node = Arc::new(with_gpu);
    let mut greedy = pod("p", deployment("ml", "trainer"), "g", resources(0.0, 0.0));
    greedy.request.gpus = 4;
    let rates = allocate(
        &[machine],
        &[],
        &[Arc::new(greedy)],
        &HashMap::new(),
        &settings(),
    );
    let trainer = &rates.workloads[&deployment("ml", "trainer")];
    assert!(
        close(trainer.gpu, 224.0 / (40.4 + 16.0 + 224.0)),
        "{trainer:?}"
    );
}

/// A machine half of which is idle with a DaemonSet, and a pod on Fargate.
fn machine_and_fargate(shop_on: &str) -> (Vec<PricedNode>, Vec<Arc<Pod>>) {
    let nodes = vec![
        node("m", 4.0, 0.0, Some(0.4)),
        fargate("f", 0.5, 1.0, Some(0.02)),
    ];
    let agent = workload("platform", WorkloadKind::DaemonSet, "agent");
    let dns = deployment("kube-system", "dns");
    let pods = vec![
        pod(
            "shop",
            deployment("shop", "web"),
            shop_on,
            resources(0.5, 0.0),
        ),
        pod(
            "batch",
            deployment("shop", "batch"),
            "f",
            resources(0.5, 1.0),
        ),
        pod("agent", agent, "m", resources(0.5, 0.0)),
        pod("dns", dns, "m", resources(0.2, 0.0)),
    ];
    (nodes, pods.into_iter().map(Arc::new).collect())
}

#[test]
fn a_fargate_pod_bears_only_what_serves_the_whole_cluster() {
    let (nodes, pods) = machine_and_fargate("m");
    // The node costs 0.40: 0.05 web, 0.05 DaemonSet, 0.02 DNS, 0.28 idle.
    for (sharing, web, batch) in [
        // DNS and the fixed cost by allocated cost: 0.05 to 0.02.
        (
            SharingPolicy::Proportional,
            0.28 + 0.05 + 0.05 + 0.12 * 5.0 / 7.0,
            0.02 + 0.12 * 2.0 / 7.0,
        ),
        (SharingPolicy::Even, 0.28 + 0.05 + 0.05 + 0.06, 0.02 + 0.06),
        (SharingPolicy::None, 0.05, 0.02),
    ] {
        let settings = ModelParameters {
            sharing,
            fixed: hourly(0.1),
            ..settings()
        };
        let rates = allocate(&nodes, &[], &pods, &HashMap::new(), &settings);
        let loaded = |name| rates.workloads[&deployment("shop", name)].loaded();
        assert!(close(loaded("web"), web), "{sharing:?} {:?}", loaded("web"));
        assert!(
            close(loaded("batch"), batch),
            "{sharing:?} {:?}",
            loaded("batch")
        );
    }
}

#[test]
fn without_a_workload_on_machines_their_idle_capacity_is_unattributed() {
    let (nodes, pods) = machine_and_fargate("f");
    for sharing in [SharingPolicy::Proportional, SharingPolicy::Even] {
        let settings = ModelParameters {
            sharing,
            fixed: hourly(0.1),
            ..settings()
        };
        let rates = allocate(&nodes, &[], &pods, &HashMap::new(), &settings);
        let all = rates.components;
        assert!(close(all.unallocated, 0.33 + 0.05), "{all:?}");
        assert!(
            all.idle.is_zero() && close(all.shared, 0.02) && close(all.fixed, 0.1),
            "{all:?}"
        );
    }
}

#[test]
fn a_volume_draws_no_idle_capacity() {
    let (nodes, mut pods) = machine_and_fargate("m");
    let claim = crate::inventory::ClaimKey {
        namespace: "shop".into(),
        name: "data".into(),
    };
    let mut with_volume = (*pods[1]).clone();
    with_volume.claims = vec![Arc::clone(&claim.name)];
    pods[1] = Arc::new(with_volume);
    let volume = PricedVolume {
        volume: Arc::new(Volume {
            name: "v".into(),
            size: Gib::from_gib(1.0).unwrap(),
            storage_class: None,
            driver: None,
            region: None,
            claim: Some(claim),
        }),
        price: nodes[0]
            .price
            .clone()
            .map_err(|_| UnpricedVolume::UnknownDisk),
    };
    let rates = allocate(&nodes, &[volume], &pods, &HashMap::new(), &settings());
    let batch = &rates.workloads[&deployment("shop", "batch")];
    assert!(
        close(batch.storage, 0.4) && batch.idle.is_zero(),
        "{batch:?}"
    );
}

#[test]
fn what_each_machine_costs_besides_is_fixed_cost_and_fargate_has_none_of_it() {
    let nodes = [
        node("n", 4.0, 16.0, Some(0.2)),
        fargate("f", 0.5, 1.0, Some(0.02)),
    ];
    let settings = ModelParameters {
        fixed_per_node: hourly(0.01),
        ..settings()
    };
    let pods = [Arc::new(pod(
        "a",
        deployment("shop", "a"),
        "n",
        resources(1.0, 1.0),
    ))];
    let rates = allocate(&nodes, &[], &pods, &HashMap::new(), &settings);
    assert!(
        close(rates.components.fixed, 0.01),
        "{:?}",
        rates.components
    );
}
