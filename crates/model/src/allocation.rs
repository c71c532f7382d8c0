//! Allocation of the cost of nodes and volumes to pods and workloads.
//!
//! What enters: priced nodes and volumes, pods with requests and usage. What leaves: rates in USD per hour for each workload and for
//! each component of the cluster (allocated, idle, shared, fixed, unallocated), which add up to the price of all nodes.

mod sharing;
mod storage;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::sharing::{ByGroup, NodeGroup, Sharing};
use super::parameters::ModelParameters;
use super::report::{HourlyPrice, NodeReport, Unpriced, UnpricedVolume, VolumeReport};
use super::resource_prices::{ResourcePrices, Weights, split};
use crate::inventory::{
    CapacityType, Node, Pod, PodKey, PodUsage, Resources, Volume, WorkloadId, WorkloadKind,
};
use crate::pricing::list_prices::fargate;
use crate::units::{Cores, Gib, Ratio, UsdPerHour};

/// A node with its price, or the reason why it has none.
#[derive(Clone, Debug)]
pub struct PricedNode {
    /// The node.
    pub node: Arc<Node>,
    /// Its price.
    pub price: Result<HourlyPrice, Unpriced>,
}

/// A persistent volume with its price, or the reason why it has none.
#[derive(Clone, Debug)]
pub struct PricedVolume {
    /// The volume.
    pub volume: Arc<Volume>,
    /// Its price.
    pub price: Result<HourlyPrice, UnpricedVolume>,
}

/// What the cluster costs at one instant, and who carries it.
#[derive(Clone, Debug, Default)]
pub struct ClusterRates {
    /// The workloads that carry cost.
    pub workloads: BTreeMap<WorkloadId, WorkloadRates>,
    /// The workloads whose cost the others carry.
    pub shared: BTreeMap<WorkloadId, UsdPerHour>,
    /// The whole, by component.
    pub components: ClusterAmounts<UsdPerHour>,
    /// The nodes.
    pub nodes: Vec<NodeReport>,
    /// The persistent volumes.
    pub volumes: Vec<VolumeReport>,
    /// Pods on nodes without a price.
    pub unpriced_pods: usize,
}

/// An amount for each component of the cluster's cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterAmounts<T> {
    /// Held for workloads that carry cost.
    pub allocated: T,
    /// Held for nobody, carried by workloads.
    pub idle: T,
    /// Of shared workloads, carried by the others.
    pub shared: T,
    /// Besides the nodes, carried by workloads.
    pub fixed: T,
    /// Carried by nobody.
    pub unallocated: T,
}

/// What one workload costs at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WorkloadRates {
    /// Processors held for it.
    pub cpu: UsdPerHour,
    /// Memory held for it.
    pub memory: UsdPerHour,
    /// GPUs held for it.
    pub gpu: UsdPerHour,
    /// Persistent volumes held for it.
    pub storage: UsdPerHour,
    /// Its part of what nobody holds.
    pub idle: UsdPerHour,
    /// Its part of what serves everybody.
    pub shared: UsdPerHour,
    /// Its part of what the cluster costs besides its nodes.
    pub fixed: UsdPerHour,
    /// What is held for it.
    pub held: Resources,
    /// Its pods that hold something.
    pub pods: usize,
    /// Those of them on nodes without a price: their cost is not in here.
    pub unpriced_pods: usize,
    /// What it uses, where at least half of its pods say so.
    pub used: Option<UsedRates>,
}

/// What one workload uses at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct UsedRates {
    /// The cost of the processors in use.
    pub cpu: UsdPerHour,
    /// The cost of the memory in use.
    pub memory: UsdPerHour,
    /// Processors in use.
    pub cores: Cores,
    /// Memory in use.
    pub working_set: Gib,
    /// Whether the processor time of its pods is counted, so that these rates add to no sum: it is known once it has
    /// been counted.
    pub is_counted: bool,
}

impl WorkloadRates {
    /// What is held for it, in USD per hour.
    #[must_use]
    pub fn allocated(&self) -> UsdPerHour {
        self.cpu + self.memory + self.gpu + self.storage
    }

    /// That, and its part of idle, shared and fixed cost, in USD per hour.
    #[must_use]
    pub fn loaded(&self) -> UsdPerHour {
        self.allocated() + self.idle + self.shared + self.fixed
    }

    /// What it uses, where that is known from samples alone.
    #[must_use]
    pub fn sampled(&self) -> Option<UsedRates> {
        self.used.filter(|used| !used.is_counted)
    }
}

/// What is gathered of one workload.
struct WorkloadSums<'a> {
    id: &'a WorkloadId,
    /// Whether the others carry its cost.
    is_shared: bool,
    rates: WorkloadRates,
    /// Its pods with a price that say what they use.
    measured_pods: usize,
    /// Its allocated cost without storage, by the group of the node.
    by_group: ByGroup,
}

/// One pod's part of its node.
struct PodShare {
    /// Whose it is: the place among what is gathered.
    workload: usize,
    held: Resources,
    used: Option<Resources>,
    /// Whether that is counted too.
    is_counted: bool,
}

/// A node and the pods on it.
struct Placement<'a> {
    split: Result<(ResourcePrices, UsdPerHour), Unpriced>,
    node: &'a PricedNode,
    holdings: Vec<PodShare>,
}

/// Distributes what the cluster costs over its workloads, in USD per hour.
///
/// Formula, for a pod on a node with core and memory prices from [`split`]: `allocated = Σ_r allocation_r ·
/// price_r`, where `allocation_r` is the larger of the pod's effective request and the sum over its containers of
/// the larger of request and use. A node whose allocations exceed its capacity scales them down to it. `idle = P - Σ allocated` per
/// node; `shared` is what DaemonSets and the shared namespaces hold; both and `fixed` are spread by `settings.sharing`.
/// Workloads with pods on nodes other than Fargate bear the idle capacity of those nodes and the DaemonSets, by their
/// allocated cost there; all workloads bear the other shared workloads and `fixed`. A Fargate pod pays for its node.
/// A persistent volume is allocated in equal parts to the pods that hold it; one that none holds is a fixed cost.
///
/// Identity: `Σ loaded over workloads + unallocated = Σ prices of priced nodes + Σ prices of priced volumes + fixed`, where
/// fixed is that of the cluster and of each of its machines.
#[must_use]
pub fn allocate(
    nodes: &[PricedNode],
    volumes: &[PricedVolume],
    pods: &[Arc<Pod>],
    usage: &HashMap<PodKey, PodUsage>,
    settings: &ModelParameters,
) -> ClusterRates {
    let mut placements = place(nodes, settings);
    let index: HashMap<&str, usize> = nodes
        .iter()
        .enumerate()
        .map(|(at, node)| (&*node.node.name, at))
        .collect();
    let mut rates = ClusterRates::default();
    let mut gathered: Vec<WorkloadSums<'_>> = Vec::new();
    let mut places: HashMap<&WorkloadId, usize> = HashMap::new();
    for pod in pods {
        let used = usage.get(&pod.key);
        let placement = index.get(&*pod.node).map(|at| &mut placements[*at]);
        let priced = placement.filter(|placement| placement.split.is_ok());
        rates.unpriced_pods += usize::from(priced.is_none());
        let place = *places.entry(&pod.workload).or_insert_with(|| {
            gathered.push(WorkloadSums {
                id: &pod.workload,
                is_shared: is_shared(&pod.workload, settings),
                rates: WorkloadRates::default(),
                measured_pods: 0,
                by_group: ByGroup::new(),
            });
            gathered.len() - 1
        });
        let workload = &mut gathered[place];
        workload.rates.pods += 1;
        workload.rates.unpriced_pods += usize::from(priced.is_none());
        workload.measured_pods += usize::from(priced.is_some() && used.is_some());
        if let Some(placement) = priced {
            let held = allocation(pod, used, &placement.node.node);
            placement.holdings.push(PodShare {
                workload: place,
                held,
                used: used.map(total_use),
                is_counted: used.is_some_and(|used| used.is_counted),
            });
        }
    }
    let mut sharing = Sharing::default();
    for placement in &placements {
        rates.nodes.push(node_report(placement));
        if let Ok((split, price)) = &placement.split {
            let idle = charge(&mut gathered, placement, *split, *price);
            sharing.add_idle(NodeGroup::of_node(&placement.node.node), idle);
        }
    }
    let storage = storage::share(volumes, pods);
    rates.volumes = storage.reports;
    for mut workload in gathered {
        workload.rates.storage = storage.held.get(workload.id).copied().unwrap_or_default();
        let WorkloadSums { id, is_shared, .. } = workload;
        let held = workload.rates.allocated();
        if !is_shared {
            rates.components.allocated += held;
            sharing.add_bearer(&workload);
            rates.workloads.insert(id.clone(), settled(workload));
        } else if workload.rates.pods > workload.rates.unpriced_pods || !held.is_zero() {
            sharing.add_shared(&workload);
            rates.shared.insert(id.clone(), held);
        }
    }
    let fixed = fixed(&rates.nodes, storage.unowned, settings);
    sharing.spread(&mut rates, fixed, settings.sharing);
    rates
}

fn place<'a>(nodes: &'a [PricedNode], settings: &ModelParameters) -> Vec<Placement<'a>> {
    let placement = |node: &'a PricedNode| {
        let weights = match node.node.capacity_type {
            CapacityType::Fargate => Weights {
                core: fargate::CPU_TO_MEMORY_RATIO,
                ..settings.weights
            },
            CapacityType::OnDemand | CapacityType::Spot => settings.weights,
        };
        let split = node
            .price
            .as_ref()
            .map_err(|reason| *reason)
            .and_then(|price| {
                let split = split(price.price, node.node.capacity, weights);
                split
                    .map(|split| (split, price.price))
                    .ok_or(Unpriced::NoCapacity)
            });
        Placement {
            split,
            node,
            holdings: Vec::new(),
        }
    };
    nodes.iter().map(placement).collect()
}

fn node_report(placement: &Placement<'_>) -> NodeReport {
    let split = placement.split.as_ref();
    let price = match (&placement.node.price, &placement.split) {
        (Ok(price), Ok(_)) => Ok(price.clone()),
        (Err(reason), _) | (_, Err(reason)) => Err(*reason),
    };
    NodeReport {
        node: Arc::clone(&placement.node.node),
        price,
        core_price: split.ok().map(|(split, _)| split.core),
        memory_price: split.ok().map(|(split, _)| split.memory),
    }
}

/// What a pod holds of its node: the larger of request and use, container by container, and at least its
/// effective request. On Fargate it holds all that was provisioned for it.
fn allocation(pod: &Pod, usage: Option<&PodUsage>, node: &Node) -> Resources {
    if node.capacity_type == CapacityType::Fargate {
        return pod.fargate_size.unwrap_or(node.capacity);
    }
    let mut held = Resources {
        gpus: pod.request.gpus,
        ..Resources::default()
    };
    for container in &pod.containers {
        let used = usage
            .and_then(|usage| {
                usage
                    .containers
                    .iter()
                    .find(|used| used.name == container.name)
            })
            .map_or_else(Resources::default, |used| used.request);
        held.cpu += container.request.cpu.max(used.cpu);
        held.memory += container.request.memory.max(used.memory);
    }
    held.cpu = held.cpu.max(pod.request.cpu);
    held.memory = held.memory.max(pod.request.memory);
    held
}

fn total_use(usage: &PodUsage) -> Resources {
    let mut total = Resources::default();
    for container in &usage.containers {
        total.cpu += container.request.cpu;
        total.memory += container.request.memory;
    }
    total
}

/// Charges a node's pods for what they hold, and returns what nobody holds.
fn charge(
    gathered: &mut [WorkloadSums<'_>],
    placement: &Placement<'_>,
    split: ResourcePrices,
    price: UsdPerHour,
) -> UsdPerHour {
    let capacity = placement.node.node.capacity;
    let group = NodeGroup::of_node(&placement.node.node);
    let cpu_sum: Cores = placement
        .holdings
        .iter()
        .map(|holding| holding.held.cpu)
        .sum();
    let memory_sum: Gib = placement
        .holdings
        .iter()
        .map(|holding| holding.held.memory)
        .sum();
    let cpu_scale = capacity
        .cpu
        .over(cpu_sum)
        .unwrap_or(Ratio::ONE)
        .min(Ratio::ONE);
    let memory_scale = capacity
        .memory
        .over(memory_sum)
        .unwrap_or(Ratio::ONE)
        .min(Ratio::ONE);
    let gpu_sum: u32 = placement
        .holdings
        .iter()
        .map(|holding| holding.held.gpus)
        .sum();
    let gpu_scale = Ratio::from(capacity.gpus)
        * Ratio::from(gpu_sum.max(capacity.gpus))
            .inverse()
            .unwrap_or(Ratio::ONE);
    let mut allocated = UsdPerHour::ZERO;
    for PodShare {
        workload,
        held,
        used,
        is_counted,
    } in &placement.holdings
    {
        let held_cpu = held.cpu * cpu_scale;
        let held_memory = held.memory * memory_scale;
        let (cpu, memory) = (held_cpu * split.core, held_memory * split.memory);
        let gpu = split.gpu * Ratio::from(held.gpus) * gpu_scale;
        let whole = cpu + memory + gpu;
        allocated += whole;
        let workload = &mut gathered[*workload];
        *workload.by_group.entry(group).or_default() += whole;
        let workload = &mut workload.rates;
        workload.cpu += cpu;
        workload.memory += memory;
        workload.gpu += gpu;
        workload.held.cpu += held_cpu;
        workload.held.memory += held_memory;
        workload.held.gpus += held.gpus;
        if let Some(used) = used {
            let sum = workload.used.get_or_insert_default();
            sum.is_counted |= is_counted;
            sum.cores += used.cpu;
            sum.working_set += used.memory;
            sum.cpu += used.cpu.min(held_cpu) * split.core;
            sum.memory += used.memory.min(held_memory) * split.memory;
        }
    }
    price.less(allocated)
}

/// A new pod is silent for a minute or so. Where at least half of a workload's pods say what they use, the
/// silent ones are taken to use as much as the others; where fewer do, the use is not known.
fn settled(workload: WorkloadSums<'_>) -> WorkloadRates {
    let WorkloadSums {
        rates,
        measured_pods,
        ..
    } = workload;
    let priced = rates.pods - rates.unpriced_pods;
    let used = rates
        .used
        .filter(|_| measured_pods * 2 >= priced)
        .map(|used| {
            let scale = Ratio::count(priced) * reciprocal(measured_pods);
            UsedRates {
                cpu: (used.cpu * scale).min(rates.cpu),
                memory: (used.memory * scale).min(rates.memory),
                cores: used.cores * scale,
                working_set: used.working_set * scale,
                ..used
            }
        });
    WorkloadRates { used, ..rates }
}

fn reciprocal(count: usize) -> Ratio {
    Ratio::count(count).inverse().unwrap_or(Ratio::ONE)
}

/// What the cluster costs besides its nodes, its pods and the volumes that they hold.
fn fixed(nodes: &[NodeReport], unowned: UsdPerHour, settings: &ModelParameters) -> UsdPerHour {
    let machines = nodes
        .iter()
        .filter(|one| one.node.capacity_type != CapacityType::Fargate);
    settings.fixed + settings.fixed_per_node * Ratio::count(machines.count()) + unowned
}

/// Whether a workload serves everybody, so that the others carry its cost.
#[must_use]
pub fn is_shared(workload: &WorkloadId, settings: &ModelParameters) -> bool {
    workload.kind == WorkloadKind::DaemonSet
        || settings.shared_namespaces.contains(&*workload.namespace)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
