//! A workload of the cluster with each of its pods on AWS Fargate.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Alternative, Projection, ProjectionInputs};
use crate::inputs::WorkloadInputs;
use crate::inventory::{CapacityType, Cluster, Node, WorkloadId};
use crate::parameters::ModelParameters;
use crate::pricing::list_prices::eks;
use crate::pricing::list_prices::fargate::{self, Rates};
use crate::pricing::{KnownPrices, fargate_rates};
use crate::report::{Ineligibility, MonthlyCost};
use crate::uncertainty::CostEstimate;
use crate::units::{Cores, Gib, Ratio, Requests, Usd, UsdPerHour};
use crate::window::WorkloadWindow;

/// What Fargate needs to know of the pods of a workload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PodDemand {
    /// Largest CPU request of a pod.
    pub cpu: Cores,
    /// Largest memory request of a pod.
    pub memory: Gib,
    /// Largest request for ephemeral storage, if a pod has one.
    pub ephemeral_storage: Option<Gib>,
    /// Prices of Fargate in the region of the pods; absent outside EKS, and if they are unknown.
    pub rates: Option<Rates>,
}

impl PodDemand {
    /// The larger of each request.
    fn max(self, other: Self) -> Self {
        let storage = (self.ephemeral_storage, other.ephemeral_storage);
        Self {
            cpu: self.cpu.max(other.cpu),
            memory: self.memory.max(other.memory),
            ephemeral_storage: match storage {
                (Some(one), Some(other)) => Some(one.max(other)),
                (one, other) => one.or(other),
            },
            rates: self.rates.or(other.rates),
        }
    }
}

/// The largest request of the pods of each workload on nodes of EKS, with the prices of Fargate in their region. Pods on
/// Fargate are left out; `version` is that of the API server.
#[must_use]
pub fn demands(
    cluster: &Cluster,
    version: Option<&str>,
    market: &KnownPrices,
) -> HashMap<WorkloadId, PodDemand> {
    let is_eks = version.is_some_and(eks::is_eks);
    let nodes = cluster.nodes.iter().map(|node| (&*node.name, node));
    let nodes: HashMap<&str, &Arc<Node>> = nodes.collect();
    let mut demands: HashMap<WorkloadId, PodDemand> = HashMap::new();
    for pod in &cluster.pods {
        let Some(node) = nodes.get(&*pod.node) else {
            continue;
        };
        if node.capacity_type == CapacityType::Fargate {
            continue;
        }
        let region = node.region.as_ref().filter(|_| is_eks);
        let rates = region.and_then(|region| Some(fargate_rates(market, region)?.0));
        let one = PodDemand {
            cpu: pod.request.cpu,
            memory: pod.request.memory,
            ephemeral_storage: pod.ephemeral_request,
            rates,
        };
        let demand = demands.entry(pod.workload.clone()).or_insert(one);
        *demand = demand.max(one);
    }
    demands
}

/// Inputs of the projection on Fargate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FargateInputs {
    /// Largest request of a pod.
    pub demand: PodDemand,
    /// vCPU and memory of a pod on Fargate.
    pub size: (Cores, Gib),
    /// Price of a pod.
    pub pod: UsdPerHour,
    /// Mean number of pods in the window.
    pub pods: Ratio,
}

/// Projects a workload on Fargate.
///
/// Formula: `cost = mean pods · price of the size · hours of a month`; the size is the smallest of Fargate's that holds the
/// largest request with 256 MiB more. EKS has no spot price of it. The cost is absent if a price is unknown.
///
/// Source of sizes and limits: <https://docs.aws.amazon.com/eks/latest/userguide/fargate.html>.
#[must_use]
pub fn project(
    window: &WorkloadWindow,
    inputs: &WorkloadInputs,
    requests: Requests,
    today: (Option<Usd>, Option<Usd>),
    settings: &ModelParameters,
) -> Projection {
    let mut projection = Projection {
        blockers: blockers(inputs),
        ..Projection::unknown(Alternative::Fargate)
    };
    let Some(inputs) = inputs.pod.and_then(|demand| size(demand, window)) else {
        return projection;
    };
    let cost = inputs.pod * inputs.pods * settings.hours_per_month;
    projection.cost = Some(MonthlyCost {
        monthly: CostEstimate::exactly(cost),
        requests,
    });
    let (loaded, used) = today;
    let can_move = projection.blockers.is_empty();
    projection.monthly_saving = loaded.filter(|_| can_move).map(|loaded| loaded.minus(cost));
    projection.breakeven_utilization = used.and_then(|used| used.over(cost));
    projection.inputs = Some(ProjectionInputs::Fargate(inputs));
    projection
}

/// Size, price and number of the pods.
fn size(demand: PodDemand, window: &WorkloadWindow) -> Option<FargateInputs> {
    let size = fargate::provisioned(demand.cpu, demand.memory)?;
    let storage = fargate::extra_storage(demand.ephemeral_storage);
    Some(FargateInputs {
        demand,
        size,
        pod: demand.rates?.pod(size.0, size.1, storage)?,
        pods: window.used.pods.over(window.used.observed)?,
    })
}

/// Properties of a workload that keep its pods from Fargate.
fn blockers(inputs: &WorkloadInputs) -> Vec<Ineligibility> {
    let too_large = inputs
        .pod
        .is_some_and(|pod| fargate::provisioned(pod.cpu, pod.memory).is_none());
    let storage = inputs.pod.and_then(|pod| pod.ephemeral_storage);
    let too_much_storage = storage.is_some_and(|storage| storage > fargate::MAX_STORAGE);
    let reasons = [
        // Only file systems of EFS that were made beforehand can be mounted, which the claim does not show.
        (inputs.persistent_volume, Ineligibility::PersistentVolume),
        (inputs.host_network, Ineligibility::HostNetwork),
        (inputs.needs_accelerator, Ineligibility::Gpu),
        (inputs.is_on_windows, Ineligibility::Windows),
        (inputs.is_excluded, Ineligibility::Excluded),
        (too_large || too_much_storage, Ineligibility::PodSize),
    ];
    let holds = reasons.into_iter().filter(|(holds, _)| *holds);
    holds.map(|(_, reason)| reason).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::{seconds, settings};
    use crate::units::Seconds;
    use crate::window::UsedWindow;

    /// Two pods on average over an hour.
    fn window() -> WorkloadWindow {
        WorkloadWindow {
            used: UsedWindow {
                observed: seconds(3_600.0),
                pods: seconds(7_200.0),
                ..UsedWindow::default()
            },
            ..WorkloadWindow::default()
        }
    }

    fn inputs(cpu: f64, memory: f64, ephemeral_storage: Option<f64>) -> WorkloadInputs {
        WorkloadInputs {
            unchanged_for: Seconds::ZERO,
            pod: Some(PodDemand {
                cpu: Cores::from_cores(cpu).unwrap(),
                memory: Gib::from_gib(memory).unwrap(),
                ephemeral_storage: ephemeral_storage.map(|gib| Gib::from_gib(gib).unwrap()),
                rates: Some(fargate::EMBEDDED),
            }),
            ..WorkloadInputs::default()
        }
    }

    fn projected(inputs: &WorkloadInputs) -> Projection {
        let today = (Some(Usd::from_usd(200.0).unwrap()), None);
        project(&window(), inputs, Requests::ZERO, today, &settings())
    }

    #[test]
    fn pods_cost_what_their_size_costs() {
        // 1 vCPU and 1.75 GiB with 256 MiB more are 1 vCPU and 2 GiB: 0.04937 USD per hour, twice, for 730 hours.
        let found = projected(&inputs(1.0, 1.75, None));
        let cost = found.cost.unwrap().monthly.point;
        assert!(
            (cost.usd() - 2.0 * 0.049_37 * 730.0).abs() < 1e-9,
            "{cost:?}"
        );
        assert!((found.monthly_saving.unwrap().usd() - (200.0 - cost.usd())).abs() < 1e-9);
        assert_eq!(found.blockers, []);
    }

    #[test]
    fn ephemeral_storage_costs_beyond_twenty_gib() {
        let plain = projected(&inputs(1.0, 1.0, Some(20.0)))
            .cost
            .unwrap()
            .monthly
            .point;
        let more = projected(&inputs(1.0, 1.0, Some(30.0)))
            .cost
            .unwrap()
            .monthly
            .point;
        assert!((more.usd() - plain.usd() - 2.0 * 10.0 * 0.000_111 * 730.0).abs() < 1e-9);
    }

    #[test]
    fn a_pod_that_fits_no_size_is_blocked_and_has_no_cost() {
        let found = projected(&inputs(4.0, 120.0, None));
        assert_eq!(
            (found.blockers, found.cost),
            (vec![Ineligibility::PodSize], None)
        );
        let storage = projected(&inputs(1.0, 1.0, Some(176.0)));
        assert_eq!(storage.blockers, [Ineligibility::PodSize]);
        assert_eq!(storage.monthly_saving, None);
    }

    #[test]
    fn a_property_that_fargate_does_not_offer_blocks_it() {
        for (change, reason) in [
            (
                (|inputs| inputs.needs_accelerator = true) as fn(&mut WorkloadInputs),
                Ineligibility::Gpu,
            ),
            (
                |inputs| inputs.host_network = true,
                Ineligibility::HostNetwork,
            ),
            (|inputs| inputs.is_on_windows = true, Ineligibility::Windows),
            (
                |inputs| inputs.persistent_volume = true,
                Ineligibility::PersistentVolume,
            ),
            (|inputs| inputs.is_excluded = true, Ineligibility::Excluded),
        ] {
            let mut blocked = inputs(1.0, 1.0, None);
            change(&mut blocked);
            let found = projected(&blocked);
            assert_eq!(found.blockers, [reason]);
            assert!(found.cost.is_some() && found.monthly_saving.is_none());
        }
    }

    #[test]
    fn without_a_price_in_the_region_there_is_no_cost() {
        let mut elsewhere = inputs(1.0, 1.0, None);
        elsewhere.pod.as_mut().unwrap().rates = None;
        assert_eq!(projected(&elsewhere).cost, None);
    }
}
