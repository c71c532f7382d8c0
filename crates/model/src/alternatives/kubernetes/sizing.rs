//! Number and price of the pods that would serve the invocations of a function.

use crate::concurrency::Concurrency;
use crate::inventory::Resources;
use crate::pricing::list_prices::lambda as tariff;
use crate::resource_prices::ResourcePrices;
use crate::units::{Cores, Gib, MemoryMib, Ratio, UsdPerHour};

/// How pods are sized, each parameter at one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PodSizing {
    /// What one pod requests.
    pub pod_cpu: Cores,
    /// How many requests one pod works on at once.
    pub pod_concurrency: u32,
    /// The least number of pods.
    pub min_replicas: u32,
    /// The utilisation of its CPU request at which an autoscaler adds a pod.
    pub target_utilization: Ratio,
    /// How much of the nodes' cost pods can be packed onto (η).
    pub packing_efficiency: Ratio,
}

/// What a function needs in the cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FunctionDemand {
    /// How much of a core each request keeps busy while it is worked on (b).
    pub busy: Cores,
    /// The memory of one pod.
    pub memory: Gib,
}

impl FunctionDemand {
    /// What a function lets expect of which nothing was measured.
    ///
    /// Formula: `b = φ · min(1, M/1769)`, as the share φ of its wall time it computes on what it has of a core; and as much memory as
    /// it has.
    ///
    /// ```
    /// use breakeven_model::alternatives::kubernetes::FunctionDemand;
    /// use breakeven_model::units::{MemoryMib, Ratio};
    ///
    /// let demand = FunctionDemand::assumed(MemoryMib::from_mib(1_769).unwrap(), Ratio::from_factor(0.5)?);
    /// assert_eq!(demand.busy.cores(), 0.5);
    /// # Ok::<(), breakeven_model::units::QuantityError>(())
    /// ```
    #[must_use]
    pub fn assumed(memory: MemoryMib, cpu_share: Ratio) -> Self {
        let cores = (f64::from(memory.mib()) / tariff::MIB_PER_CORE).min(1.0);
        Self {
            busy: Cores::from_cores(cores).unwrap_or_default() * cpu_share,
            memory: memory.gib(),
        }
    }
}

/// A kind of machine that pods could have for themselves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeType {
    /// What it costs.
    pub price: UsdPerHour,
    /// What pods can have of it.
    pub allocatable: Resources,
}

/// Pods sized for a demand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizedPods {
    /// Pods, mean over time (n).
    pub replicas: Ratio,
    /// Pods, at the peak.
    pub replicas_peak: Ratio,
    /// Pods that the mean traffic would fill, without floor, rounding or holding.
    pub replicas_filled: Ratio,
    /// What one pod costs, packed.
    pub replica: UsdPerHour,
    /// What one pod requests.
    pub request: Resources,
}

impl SizedPods {
    /// What all of it costs, in USD per hour. Formula: `mean n · replica`.
    #[must_use]
    pub fn packed(&self) -> UsdPerHour {
        self.replica * self.replicas
    }

    /// The same pods, packed so well and not as well as they were. Absent where nothing can be packed.
    #[must_use]
    pub fn packed_with(self, before: Ratio, efficiency: Ratio) -> Option<Self> {
        let share = before * efficiency.inverse()?;
        Some(Self {
            replica: self.replica * share,
            ..self
        })
    }

    /// What it would cost on machines of its own, the cheapest kind that does it; absent where no kind holds a pod.
    ///
    /// Formula: `price · max over r of ceil(peak n · request_r / allocatable_r)`.
    #[must_use]
    pub fn dedicated(&self, machines: &[NodeType]) -> Option<UsdPerHour> {
        let cost = |machine: &NodeType| {
            let (request, has) = (self.request, machine.allocatable);
            let fits = request.cpu <= has.cpu && request.memory <= has.memory;
            let cpu = (request.cpu * self.replicas_peak).over(has.cpu)?.ceil();
            let memory = (request.memory * self.replicas_peak)
                .over(has.memory)?
                .ceil();
            fits.then(|| machine.price * cpu.max(memory))
        };
        machines.iter().filter_map(cost).reduce(UsdPerHour::min)
    }
}

/// The pods that would serve what a function served.
///
/// Formula, for each minute t with concurrency a(t): `cpu(t) = b · a(t)` cores and `n(t) =
/// max(n_min, ceil(cpu(t) / (target · pod cpu)), ceil(a(t) / pod concurrency))`, with a(t) held at its maximum of the last 5 minutes. A pod
/// requests the pod cpu and the memory of the demand; `replica = Σ_r request_r · price_r / η`.
///
/// Absent where there were no minutes, or nothing can be packed.
#[must_use]
pub fn size(
    seen: &Concurrency,
    demand: &FunctionDemand,
    prices: ResourcePrices,
    sizing: &PodSizing,
) -> Option<SizedPods> {
    let floor = Ratio::from_factor(f64::from(sizing.min_replicas)).ok()?;
    let each = replicas_each(demand.busy, sizing)?;
    let request = Resources {
        cpu: sizing.pod_cpu,
        memory: demand.memory,
        gpus: 0,
    };
    let pod = request.cpu * prices.core + request.memory * prices.memory;
    Some(SizedPods {
        replicas: seen.mean_replicas(each, floor)?,
        replicas_peak: seen.peak_replicas(each).max(floor),
        replicas_filled: seen.mean()? * each,
        replica: pod * sizing.packing_efficiency.inverse()?,
        request,
    })
}

/// How much of a pod each request at work fills.
fn replicas_each(busy: Cores, sizing: &PodSizing) -> Option<Ratio> {
    let by_cpu = busy.over(sizing.pod_cpu * sizing.target_utilization)?;
    let by_slots = Ratio::from_factor(f64::from(sizing.pod_concurrency))
        .ok()?
        .inverse()?;
    Some(by_cpu.max(by_slots))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concurrency::MinuteConcurrency;
    use crate::test_util::{ratio, resources, settings};
    use crate::units::{UsdPerCoreHour, UsdPerGibHour};

    fn prices() -> ResourcePrices {
        ResourcePrices {
            core: UsdPerCoreHour::from_hourly(0.03).unwrap(),
            memory: UsdPerGibHour::from_hourly(0.003).unwrap(),
            gpu: UsdPerHour::ZERO,
        }
    }

    fn sized(active: &[(i64, f64)], minutes: u32) -> SizedPods {
        let active = active
            .iter()
            .map(|(minute, concurrency)| MinuteConcurrency {
                minute: *minute,
                concurrency: ratio(*concurrency),
            });
        let memory = MemoryMib::from_mib(1_769).unwrap();
        let equivalent = settings().kubernetes_equivalent;
        let last = i64::from(minutes) - 1;
        size(
            &Concurrency::over(active, last, minutes),
            &FunctionDemand::assumed(memory, equivalent.cpu_share.point),
            prices(),
            &equivalent.point(),
        )
        .unwrap()
    }

    #[test]
    fn an_idle_function_still_needs_its_least_number_of_pods() {
        assert!((sized(&[], 60).replicas.get() - 2.0).abs() < 1e-12);
    }

    #[test]
    fn steady_traffic_needs_as_many_pods_as_its_processor_time_fills() {
        // 6.5 at once, half of it computing on one core each: 3.25 cores / (0.65 · 0.25) = 20 pods.
        let steady: Vec<(i64, f64)> = (0..60).map(|minute| (minute, 6.5)).collect();
        let found = sized(&steady, 60);
        assert!((found.replicas.get() - 20.0).abs() < 1e-9, "{found:?}");
        assert!((found.replicas_filled.get() - 20.0).abs() < 1e-9);
    }

    #[test]
    fn a_peak_of_one_minute_is_held_for_five() {
        let found = sized(&[(10, 6.5)], 60);
        assert!(
            (found.replicas.get() - (5.0 * 20.0 + 55.0 * 2.0) / 60.0).abs() < 1e-9,
            "{found:?}"
        );
    }

    #[test]
    fn a_pod_costs_what_it_requests_over_the_packing_efficiency() {
        let expected = (0.25 * 0.03 + 1_769.0 / 1_024.0 * 0.003) / 0.75;
        assert!((sized(&[], 10).replica.hourly() - expected).abs() < 1e-12);
    }

    #[test]
    fn machines_of_its_own_are_as_many_as_the_peak_fills_of_the_cheapest_kind() {
        // A peak of 20 pods: 5 cores and 34.5 GiB.
        let found = sized(&[(10, 6.5)], 60);
        let machine = |price, cores, gib| NodeType {
            price: UsdPerHour::from_hourly(price).unwrap(),
            allocatable: resources(cores, gib),
        };
        let large = machine(0.1, 2.0, 8.0);
        let huge = machine(0.45, 8.0, 32.0);
        let tiny = machine(0.001, 0.2, 64.0);
        let cost = |machines: &[NodeType]| found.dedicated(machines).map(UsdPerHour::hourly);
        assert!(
            (cost(&[large]).unwrap() - 0.5).abs() < 1e-12,
            "{:?}",
            cost(&[large])
        );
        assert!((cost(&[huge, large]).unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(cost(&[tiny]), None, "no pod fits");
        assert_eq!(cost(&[]), None);
    }
}
