//! What stands before pods: Services and routes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::pod::PodRecord;
use crate::sources::kubernetes::api_types::{BindingObject, RouteObject, ServiceObject};
use crate::sources::kubernetes::interner::{Interner, LabelSet};
use breakeven_model::inventory::{RouteRule, Service, TargetGroupBinding, WorkloadId};

/// A Service as it is written: its pods are looked for when they are asked for.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sources::kubernetes) struct ServiceRecord {
    namespace: Arc<str>,
    name: Arc<str>,
    ports: Vec<Arc<str>>,
    selector: LabelSet,
}

impl ServiceRecord {
    /// The memory of its own lists, in bytes, of which each allocation costs so much besides.
    pub(in crate::sources::kubernetes) fn memory(&self, allocation: usize) -> usize {
        let selector = 2 * size_of::<(Arc<str>, Arc<str>)>() * self.selector.len();
        let ports = size_of_val(self.ports.as_slice());
        3 * allocation + self.name.len() + ports + selector
    }
}

/// The Service that an object describes; absent where it selects no pods.
pub(in crate::sources::kubernetes) fn service(
    object: &ServiceObject,
    names: &mut Interner,
) -> Option<ServiceRecord> {
    let selector: LabelSet = object
        .spec
        .selector
        .iter()
        .map(|(key, value)| (names.share(key), names.share(value)))
        .collect();
    let ports = object.spec.ports.iter().flat_map(|port| {
        let name = Some(port.name.clone()).filter(|name| !name.is_empty());
        name.into_iter().chain([port.port.to_string()])
    });
    let ports = ports.map(|port| names.share(&port)).collect();
    (!selector.is_empty()).then(|| ServiceRecord {
        namespace: names.share(&object.metadata.namespace),
        name: object.metadata.name.as_str().into(),
        ports,
        selector,
    })
}

/// The rules of a route, with the Services that they lead to.
pub(in crate::sources::kubernetes) fn route(
    object: &RouteObject,
    names: &mut Interner,
) -> Vec<RouteRule> {
    let namespace = names.share(&object.metadata.namespace);
    let name: Arc<str> = object.metadata.name.as_str().into();
    let rules = object.spec.rules.iter().enumerate();
    let rules = rules.map(|(rule, spec)| {
        let services = spec
            .backend_refs
            .iter()
            .filter(|backend| backend.kind.as_deref().is_none_or(|kind| kind == "Service"));
        let backends = services.map(|backend| {
            let elsewhere = backend.namespace.as_deref().map(|other| names.share(other));
            (
                elsewhere.unwrap_or_else(|| Arc::clone(&namespace)),
                names.share(&backend.name),
                backend.weight.unwrap_or(1),
            )
        });
        RouteRule {
            backends: backends.collect(),
            namespace: Arc::clone(&namespace),
            name: Arc::clone(&name),
            rule,
        }
    });
    rules.collect()
}

/// The target group that an object binds to a Service; absent while it has none.
pub(in crate::sources::kubernetes) fn binding(
    object: &BindingObject,
    names: &mut Interner,
) -> Option<TargetGroupBinding> {
    let target_group = object.spec.target_group_arn.as_str();
    (!target_group.is_empty()).then(|| TargetGroupBinding {
        target_group: target_group.into(),
        namespace: names.share(&object.metadata.namespace),
        service: names.share(&object.spec.service_ref.name),
    })
}

/// The Services with the workloads of their pods.
pub(in crate::sources::kubernetes) fn services<'a>(
    fronts: impl Iterator<Item = &'a ServiceRecord>,
    pods: impl Iterator<Item = &'a PodRecord>,
) -> Vec<Service> {
    let mut fronts = fronts.peekable();
    if fronts.peek().is_none() {
        return Vec::new();
    }
    // Pods of one workload mostly share their labels, so they are looked at together.
    let mut alike: HashMap<(&WorkloadId, *const LabelSet), (&LabelSet, u32)> = HashMap::new();
    for held in pods {
        let key = (&held.pod.workload, Arc::as_ptr(&held.labels));
        alike.entry(key).or_insert((&held.labels, 0)).1 += 1;
    }
    let mut by_namespace: HashMap<&str, Vec<(&WorkloadId, &LabelSet, u32)>> = HashMap::new();
    for ((workload, _), (labels, pods)) in alike {
        let here = by_namespace.entry(&*workload.namespace).or_default();
        here.push((workload, labels, pods));
    }
    let services = fronts.map(|front| {
        let here = by_namespace.get(&*front.namespace).into_iter().flatten();
        let mut workloads: BTreeMap<&WorkloadId, u32> = BTreeMap::new();
        for (workload, labels, pods) in here {
            if front.selector.iter().all(|label| labels.contains(label)) {
                *workloads.entry(*workload).or_default() += pods;
            }
        }
        let workloads = workloads.into_iter().map(|(id, pods)| (id.clone(), pods));
        Service {
            namespace: Arc::clone(&front.namespace),
            name: Arc::clone(&front.name),
            ports: front.ports.clone(),
            workloads: workloads.collect(),
        }
    });
    services.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{PodExtras, pod};
    use super::*;

    fn held(name: &str, labels: Value) -> PodRecord {
        let object = serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "shop", "uid": name, "labels": labels},
            "spec": {"nodeName": "n", "containers": []},
        }));
        let read = pod(
            &object.unwrap(),
            &PodExtras::default(),
            &mut Interner::default(),
            &mut Vec::new(),
        );
        read.unwrap().unwrap()
    }

    fn front(selector: Value) -> Option<ServiceRecord> {
        let object = serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "shop", "uid": "s"},
            "spec": {"selector": selector, "ports": [{"name": "http", "port": 80}, {"port": 8443}]},
        }));
        service(&object.unwrap(), &mut Interner::default())
    }

    #[test]
    fn a_service_has_the_pods_that_carry_all_its_labels() {
        let pods = [
            held("a", json!({"app": "web", "track": "stable"})),
            held("b", json!({"app": "web", "track": "canary"})),
            held("c", json!({"app": "api"})),
        ];
        for (selector, expected) in [
            (json!({"app": "web"}), &["a", "b"][..]),
            (json!({"app": "web", "track": "canary"}), &["b"]),
            (json!({"app": "none"}), &[]),
        ] {
            let front = front(selector.clone()).unwrap();
            let services = services([&front].into_iter(), pods.iter());
            let [service] = services.as_slice() else {
                panic!("{services:?}")
            };
            let names: Vec<&str> = service.workloads.iter().map(|(id, _)| &*id.name).collect();
            assert_eq!(names, expected, "{selector}");
            let ports: Vec<&str> = service.ports.iter().map(|port| &**port).collect();
            assert_eq!(ports, ["http", "80", "8443"]);
        }
    }

    #[test]
    fn a_service_without_a_selector_leads_to_no_pods() {
        assert_eq!(front(json!({})), None);
    }

    #[test]
    fn a_binding_leads_from_a_target_group_to_a_service() {
        let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/k8s-shop-web/0123456789abcdef";
        let read = |spec: Value| {
            let object = json!({"metadata": {"name": "k8s-1", "namespace": "shop", "uid": "b"}, "spec": spec});
            binding(
                &serde_json::from_value(object).unwrap(),
                &mut Interner::default(),
            )
        };
        let service = json!({"name": "web", "port": 80});
        let found = read(json!({"serviceRef": service, "targetGroupARN": arn, "targetType": "ip"}));
        let expected = TargetGroupBinding {
            target_group: arn.into(),
            namespace: "shop".into(),
            service: "web".into(),
        };
        assert_eq!(found, Some(expected));
        assert_eq!(
            read(json!({"serviceRef": service, "targetGroupName": "web"})),
            None
        );
    }

    #[test]
    fn a_rule_of_a_route_leads_to_services_by_weight() {
        let object = serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "shop", "uid": "r"},
            "spec": {"rules": [
                {},
                {"backendRefs": [
                    {"name": "web", "port": 80, "weight": 9},
                    {"name": "web", "namespace": "next", "kind": "Service", "group": "", "port": 80},
                    {"name": "bucket", "kind": "Backend", "group": "gateway.envoyproxy.io"},
                ]},
            ]},
        }));
        let rules = route(&object.unwrap(), &mut Interner::default());
        assert_eq!((rules[0].rule, rules[0].backends.len()), (0, 0));
        let backends = [
            ("shop".into(), "web".into(), 9),
            ("next".into(), "web".into(), 1),
        ];
        assert_eq!((rules[1].rule, &rules[1].backends[..]), (1, &backends[..]));
    }
}
