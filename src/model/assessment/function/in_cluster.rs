//! What a function would cost in the cluster.

use super::ClusterPrices;
use crate::model::assessment::monthly;
use crate::model::band::{Banded, Ends, Parameter, evaluate};
use crate::model::concurrency::Concurrency;
use crate::model::crossover::{KubernetesCurve, LambdaCurve, crossing};
use crate::model::kubernetes_equivalent::{Equivalent, Sizing, size};
use crate::model::report::Breakeven;
use crate::model::settings::{KubernetesEquivalent, Settings};
use crate::units::{MemoryMib, Requests, Usd, UsdPerRequest};

/// A function's pods, each parameter at one value.
#[derive(Clone, Copy, Debug)]
pub(super) struct InCluster<'a> {
    sizing: Sizing,
    is_dedicated: bool,
    memory: MemoryMib,
    concurrency: &'a Concurrency,
    /// The pods of the likeliest sizing, of which some parameters change the price alone.
    likeliest: Option<Equivalent>,
    prices: &'a ClusterPrices,
    settings: &'a Settings,
}

impl<'a> InCluster<'a> {
    /// What is not known exactly.
    const PARAMETERS: [Ends<Self>; 4] = [
        Ends {
            parameter: Parameter::CpuShare,
            one: |known, moved| moved.sizing.cpu_share = known.ranges().cpu_share.low,
            other: |known, moved| moved.sizing.cpu_share = known.ranges().cpu_share.high,
        },
        Ends {
            parameter: Parameter::TargetUtilization,
            one: |known, moved| {
                moved.sizing.target_utilization = known.ranges().target_utilization.low;
            },
            other: |known, moved| {
                moved.sizing.target_utilization = known.ranges().target_utilization.high;
            },
        },
        Ends {
            parameter: Parameter::PackingEfficiency,
            one: |known, moved| {
                moved.sizing.packing_efficiency = known.ranges().packing_efficiency.low;
            },
            other: |known, moved| {
                moved.sizing.packing_efficiency = known.ranges().packing_efficiency.high;
            },
        },
        Ends {
            parameter: Parameter::Placement,
            one: |_, moved| moved.is_dedicated = false,
            other: |_, moved| moved.is_dedicated = true,
        },
    ];

    pub(super) fn of(
        memory: MemoryMib,
        concurrency: &'a Concurrency,
        prices: &'a ClusterPrices,
        settings: &'a Settings,
    ) -> Self {
        let sizing = settings.kubernetes_equivalent.point();
        Self {
            sizing,
            is_dedicated: false,
            memory,
            concurrency,
            likeliest: size(concurrency, memory, prices.mean, &sizing),
            prices,
            settings,
        }
    }

    const fn ranges(&self) -> &KubernetesEquivalent {
        &self.settings.kubernetes_equivalent
    }

    /// The pods.
    pub(super) fn size(&self) -> Option<Equivalent> {
        let likeliest = self.ranges().point();
        let Sizing {
            target_utilization,
            cpu_share,
            ..
        } = self.sizing;
        if (target_utilization, cpu_share) == (likeliest.target_utilization, likeliest.cpu_share) {
            let packed = self.sizing.packing_efficiency;
            return self
                .likeliest?
                .packed_with(likeliest.packing_efficiency, packed);
        }
        size(
            self.concurrency,
            self.memory,
            self.prices.mean,
            &self.sizing,
        )
    }

    /// What a month of them costs.
    pub(super) fn cost(&self) -> Option<Banded> {
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
            Some(monthly(rate, projection.settings))
        })
    }
}

/// The traffic at which pods cost what the function does: each pod serves what it would be filled with.
pub(super) fn breakeven(
    lambda: &LambdaCurve,
    requests: Requests,
    pods: &Equivalent,
    settings: &Settings,
) -> Breakeven {
    let pods = KubernetesCurve {
        fixed: Usd::ZERO,
        step: monthly(pods.replica, settings),
        steps_min: settings.kubernetes_equivalent.min_replicas,
        capacity: pods.replicas_filled.inverse().map(|share| requests * share),
        each: UsdPerRequest::ZERO,
    };
    crossing(lambda, &pods)
}
