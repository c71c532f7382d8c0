//! What scales workloads.

use crate::sources::kubernetes::api_types::ScalerObject;
use crate::sources::kubernetes::interner::Interner;
use breakeven_model::inventory::{Scaler, WorkloadId, WorkloadKind};
use breakeven_model::units::Ratio;

/// The workload that an autoscaler scales, and how.
pub(in crate::sources::kubernetes) fn scaler(
    object: &ScalerObject,
    names: &mut Interner,
) -> (WorkloadId, Scaler) {
    let spec = &object.spec;
    let workload = WorkloadId {
        namespace: names.share(&object.metadata.namespace),
        kind: WorkloadKind::from(spec.scale_target_ref.kind.as_str()),
        name: names.share(&spec.scale_target_ref.name),
    };
    let resources = spec.metrics.iter().filter_map(|one| one.resource.as_ref());
    let mut of_cpu = resources.filter(|resource| resource.name == "cpu");
    let percent = of_cpu.find_map(|resource| resource.target.average_utilization);
    let target = percent
        .filter(|percent| *percent > 0)
        .and_then(|percent| Ratio::from_factor(f64::from(percent) / 100.0).ok());
    let scaler = Scaler {
        min: spec.min_replicas.unwrap_or(1),
        max: spec.max_replicas,
        target,
    };
    (workload, scaler)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(spec: Value) -> (String, Scaler) {
        let mut object = json!({
            "metadata": {"name": "web", "namespace": "shop", "uid": "h"},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 10},
        });
        for (key, value) in spec.as_object().unwrap() {
            object["spec"][key] = value.clone();
        }
        let object = serde_json::from_value(object).unwrap();
        let (workload, scaler) = scaler(&object, &mut Interner::default());
        (workload.to_string(), scaler)
    }

    #[test]
    fn an_autoscaler_is_read_with_its_floor_and_what_it_aims_at() {
        let cpu = |target: Value| json!({"type": "Resource", "resource": {"name": "cpu", "target": target}});
        let at_70 = cpu(json!({"type": "Utilization", "averageUtilization": 70}));
        let cores = cpu(json!({"type": "AverageValue", "averageValue": "500m"}));
        let queue = json!({"type": "External", "external": {"metric": {"name": "q"}, "target": {"type": "Value", "value": "1"}}});
        for (spec, min, target) in [
            (json!({}), 1, None),
            (
                json!({"minReplicas": 3, "metrics": [queue, at_70]}),
                3,
                Some(0.7),
            ),
            (json!({"minReplicas": 0, "metrics": [cores]}), 0, None),
        ] {
            let (workload, scaler) = read(spec.clone());
            assert_eq!(workload, "shop/Deployment/web");
            assert_eq!((scaler.min, scaler.max), (min, 10), "{spec}");
            assert_eq!(scaler.target.map(Ratio::get), target, "{spec}");
        }
    }
}
