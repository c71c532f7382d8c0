//! Cost of a function's requests in the cluster for a month, with its uncertainty.

use super::ClusterPrices;
use super::sizing::{FunctionDemand, PodSizing, SizedPods, size};
use crate::break_even::{CostFunction, CostStaircase, crossing};
use crate::concurrency::Concurrency;
use crate::inventory::{Function, Insights};
use crate::parameters::{KubernetesEquivalent, ModelParameters};
use crate::report::Breakeven;
use crate::uncertainty::{CostEstimate, Parameter, SensitivityInput, evaluate};
use crate::units::{Cores, Gib, MemoryMib, Ratio, Requests, Usd, UsdPerRequest};
use crate::window::FunctionWindow;

/// A month of a function's requests in the cluster, each unknown at one value.
#[derive(Clone, Copy, Debug)]
pub(super) struct KubernetesMonth<'a> {
    sizing: PodSizing,
    is_dedicated: bool,
    setting: MemoryMib,
    concurrency: &'a Concurrency,
    /// The cores of Lambda that each request keeps busy, where that was measured.
    measured: Option<Cores>,
    /// How many times as long as a core of the cluster they take.
    core_time: Ratio,
    /// The part of its wall time that it computes, where that was not measured.
    cpu_share: Ratio,
    /// The memory of a pod.
    memory: Gib,
    /// The pods of the likeliest demand and sizing, of which some parameters change the price alone.
    likeliest: Option<(FunctionDemand, SizedPods)>,
    prices: &'a ClusterPrices,
    settings: &'a ModelParameters,
}

impl<'a> KubernetesMonth<'a> {
    /// What is not known exactly. Of the share of its wall time, the speed of cores and the memory only that matters which was
    /// not measured, or was.
    const PARAMETERS: [SensitivityInput<Self>; 6] = [
        SensitivityInput {
            parameter: Parameter::CpuShare,
            one: |known, moved| moved.cpu_share = known.ranges().cpu_share.low,
            other: |known, moved| moved.cpu_share = known.ranges().cpu_share.high,
        },
        SensitivityInput {
            parameter: Parameter::CoreSpeed,
            one: |known, moved| moved.core_time = known.settings.lambda_equivalent.core_time.low,
            other: |known, moved| moved.core_time = known.settings.lambda_equivalent.core_time.high,
        },
        // What one request at a time used is the least that a pod needs, and what its owner gave it the most.
        SensitivityInput {
            parameter: Parameter::WorkingSet,
            one: |_, _| {},
            other: |known, moved| moved.memory = known.setting.gib(),
        },
        SensitivityInput {
            parameter: Parameter::TargetUtilization,
            one: |known, moved| {
                moved.sizing.target_utilization = known.ranges().target_utilization.low;
            },
            other: |known, moved| {
                moved.sizing.target_utilization = known.ranges().target_utilization.high;
            },
        },
        SensitivityInput {
            parameter: Parameter::PackingEfficiency,
            one: |known, moved| {
                moved.sizing.packing_efficiency = known.ranges().packing_efficiency.low;
            },
            other: |known, moved| {
                moved.sizing.packing_efficiency = known.ranges().packing_efficiency.high;
            },
        },
        SensitivityInput {
            parameter: Parameter::Placement,
            one: |_, moved| moved.is_dedicated = false,
            other: |_, moved| moved.is_dedicated = true,
        },
    ];

    pub(super) fn from_window(
        function: &Function,
        window: &'a FunctionWindow,
        prices: &'a ClusterPrices,
        settings: &'a ModelParameters,
    ) -> Self {
        let sizing = settings.kubernetes_equivalent.point();
        let insights = function.insights;
        let peak = insights.and_then(|insights| insights.memory_peak);
        let setting = function.memory.gib();
        let mut projection = Self {
            sizing,
            is_dedicated: false,
            setting: function.memory,
            concurrency: &window.concurrency,
            measured: insights.and_then(|insights| busy(&insights, window)),
            core_time: settings.lambda_equivalent.core_time.point,
            cpu_share: settings.kubernetes_equivalent.cpu_share.point,
            memory: peak.map_or(setting, |peak| peak.min(setting)),
            likeliest: None,
            prices,
            settings,
        };
        let demand = projection.demand();
        let pods = size(projection.concurrency, &demand, prices.mean, &sizing);
        projection.likeliest = pods.map(|pods| (demand, pods));
        projection
    }

    /// What it needs: as measured, else as its setting lets expect.
    pub(super) fn demand(&self) -> FunctionDemand {
        let assumed = FunctionDemand::assumed(self.setting, self.cpu_share);
        let here = |cores: Cores| Some(cores * self.core_time.inverse()?);
        FunctionDemand {
            busy: self.measured.and_then(here).unwrap_or(assumed.busy),
            memory: self.memory,
        }
    }

    const fn ranges(&self) -> &KubernetesEquivalent {
        &self.settings.kubernetes_equivalent
    }

    /// The pods.
    pub(super) fn size(&self) -> Option<SizedPods> {
        let (demand, likeliest) = (self.demand(), self.ranges().point());
        let same_target = self.sizing.target_utilization == likeliest.target_utilization;
        let (known, pods) = self.likeliest?;
        if same_target && demand == known {
            let packed = self.sizing.packing_efficiency;
            return pods.packed_with(likeliest.packing_efficiency, packed);
        }
        size(self.concurrency, &demand, self.prices.mean, &self.sizing)
    }

    /// What a month of them costs.
    pub(super) fn cost(&self) -> Option<CostEstimate> {
        evaluate(self, &Self::PARAMETERS, |projection| {
            let pods = projection.size()?;
            let packed = pods.packed();
            let rate = if projection.is_dedicated {
                let own = pods.dedicated(&projection.prices.machines);
                // Machines of its own are the dearer end: where they would cost less, packing would use them too.
                own.map_or(packed, |own| own.max(packed))
            } else {
                packed
            };
            Some(rate * projection.settings.hours_per_month)
        })
    }
}

/// The cores of Lambda that each request keeps busy, as Lambda Insights measured it.
///
/// Formula: `b = processor time of an invocation / its duration`.
fn busy(insights: &Insights, window: &FunctionWindow) -> Option<Cores> {
    let lasts = window.duration.per(window.invocations)?;
    let share = insights.cpu_each()?.over(lasts)?;
    Cores::from_cores(share.get()).ok()
}

/// The traffic at which pods cost what the function does: each pod serves what it would be filled with.
pub(super) fn breakeven(
    lambda: &CostFunction,
    requests: Requests,
    pods: &SizedPods,
    settings: &ModelParameters,
) -> Breakeven {
    let pods = CostStaircase {
        fixed: Usd::ZERO,
        step: pods.replica * settings.hours_per_month,
        steps_min: settings.kubernetes_equivalent.min_replicas,
        capacity: pods.replicas_filled.inverse().map(|share| requests * share),
        each: UsdPerRequest::ZERO,
    };
    crossing(lambda, &pods)
}
