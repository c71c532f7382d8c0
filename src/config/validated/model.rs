//! The settings of the model.

use crate::config::file::{self, RawConfig};
use crate::schema::{ConfigPath, Validator};
use breakeven_model::resource_prices::Weights;
use breakeven_model::units::{Cores, Hours, Seconds};
use breakeven_model::{KubernetesEquivalent, ModelParameters};

/// What a core or a GPU may cost, relative to a GiB.
const WEIGHT: std::ops::RangeInclusive<f64> = 0.1..=10_000.0;

impl Validator {
    pub(super) fn model(&mut self, all: &RawConfig, place: &ConfigPath) -> ModelParameters {
        let (raw, prices) = (&all.model, &all.prices);
        let window = &place.key("decision_window_seconds");
        let hours = &place.key("hours_per_month");
        let window_seconds = self.within(
            raw.decision_window_seconds,
            &(3_600.0..=2_678_400.0),
            window,
        );
        let hours_per_month = self.within(raw.hours_per_month, &(1.0..=744.0), hours);
        let hours_per_month = self.quantity(Hours::from_hours(hours_per_month), hours);
        let lambda = self.functions(all);
        ModelParameters {
            decision_window: self.quantity(Seconds::from_seconds(window_seconds), window),
            hours_per_month,
            weights: Weights {
                core: self.ratio(
                    raw.cpu_to_memory_price_ratio,
                    &WEIGHT,
                    &place.key("cpu_to_memory_price_ratio"),
                ),
                gpu: self.ratio(
                    raw.gpu_to_memory_price_ratio,
                    &WEIGHT,
                    &place.key("gpu_to_memory_price_ratio"),
                ),
            },
            shared_namespaces: raw.shared_namespaces.iter().cloned().collect(),
            sharing: raw.sharing,
            fixed: self.fixed(prices, hours_per_month),
            fixed_per_node: self.sum(
                &prices.fixed_per_node,
                hours_per_month,
                &ConfigPath::top().key("prices").key("fixed_per_node"),
            ),
            avoidable: self.range(
                raw.avoidable_ratio,
                &(0.0..=1.0),
                &place.key("avoidable_ratio"),
            ),
            lambda_equivalent: self.lambda_equivalent(
                &raw.lambda_equivalent,
                &lambda,
                hours_per_month,
                &place.key("lambda_equivalent"),
            ),
            lambda,
            kubernetes_equivalent: self.kubernetes_equivalent(
                &raw.kubernetes_equivalent,
                &place.key("kubernetes_equivalent"),
            ),
        }
    }

    fn kubernetes_equivalent(
        &mut self,
        raw: &file::KubernetesEquivalent,
        place: &ConfigPath,
    ) -> KubernetesEquivalent {
        let at = |key| place.key(key);
        let cores = self.within(raw.pod_cpu_cores, &(0.01..=192.0), &at("pod_cpu_cores"));
        let share = 0.01..=1.0;
        KubernetesEquivalent {
            pod_cpu: self.quantity(Cores::from_cores(cores), &at("pod_cpu_cores")),
            pod_concurrency: self.count(raw.pod_concurrency, &at("pod_concurrency")),
            target_utilization: self.range(
                raw.target_utilization_ratio,
                &share,
                &at("target_utilization_ratio"),
            ),
            min_replicas: self.count(raw.min_replicas, &at("min_replicas")),
            packing_efficiency: self.range(
                raw.packing_efficiency_ratio,
                &share,
                &at("packing_efficiency_ratio"),
            ),
            cpu_share: self.range(raw.cpu_share_ratio, &share, &at("cpu_share_ratio")),
        }
    }
}
