//! Who serves what is counted before pods: at a Service, or at a route.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use breakeven_model::inventory::{self, RequestTarget, WorkloadId};
use breakeven_model::units::Ratio;

/// The workloads that served requests, each with its share; empty if unknown.
pub(super) type Weights = SmallVec<[(WorkloadId, Ratio); 1]>;

/// A namespace and a name in it.
type Name = (Arc<str>, Arc<str>);

/// The Services and routes of a cluster, by what counts requests at them.
#[derive(Debug, Default)]
pub(super) struct ServiceBackends {
    services: HashMap<Name, Vec<(WorkloadId, u32)>>,
    /// By `namespace-service-port`; none where two Services have it in common.
    ports: HashMap<String, Option<Name>>,
    /// By route and number; the weight of each Service.
    rules: HashMap<(Name, usize), Vec<(Name, u32)>>,
}

impl ServiceBackends {
    pub(super) fn from_inventory(seen: &inventory::ServiceRouting) -> Self {
        let mut fronts = Self::default();
        for service in &seen.services {
            let (namespace, name) = (&service.namespace, &service.name);
            let key = (Arc::clone(namespace), Arc::clone(name));
            for port in &service.ports {
                fronts
                    .ports
                    .entry(format!("{namespace}-{name}-{port}"))
                    .and_modify(|one| *one = one.take().filter(|one| *one == key))
                    .or_insert_with(|| Some(key.clone()));
            }
            fronts.services.insert(key, service.workloads.clone());
        }
        for rule in &seen.routes {
            let route = (Arc::clone(&rule.namespace), Arc::clone(&rule.name));
            let backends = rule.backends.iter();
            let backends = backends.map(|(namespace, name, weight)| {
                ((Arc::clone(namespace), Arc::clone(name)), *weight)
            });
            fronts.rules.insert((route, rule.rule), backends.collect());
        }
        fronts
    }

    /// The workloads behind a Service or a route and the part of each; absent for a target that is neither.
    ///
    /// A Service shares requests out to its pods alike, so a workload's part is its part of the pods. A rule of a route
    /// shares them out to its Services by their weights.
    pub(super) fn behind(&self, target: &RequestTarget) -> Option<Weights> {
        Some(match target {
            RequestTarget::Service { namespace, name } => {
                self.service(&(Arc::clone(namespace), Arc::clone(name)))
            }
            RequestTarget::ServicePort(joined) => {
                let name = self.ports.get(&**joined).and_then(Option::as_ref);
                name.map(|name| self.service(name)).unwrap_or_default()
            }
            RequestTarget::RouteRule {
                namespace,
                name,
                rule,
            } => {
                let key = ((Arc::clone(namespace), Arc::clone(name)), *rule);
                let backends = self.rules.get(&key).map_or(&[][..], Vec::as_slice);
                let parts = parts(backends.iter().map(|(_, weight)| *weight));
                let shares = backends.iter().zip(parts);
                let shares = shares.flat_map(|((name, _), part)| {
                    let behind = self.service(name).into_iter();
                    behind.map(move |(id, share)| (id, share * part))
                });
                shares.collect()
            }
            RequestTarget::Workload { .. } | RequestTarget::Pod(_) => return None,
        })
    }

    fn service(&self, name: &Name) -> Weights {
        let workloads = self.services.get(name).map_or(&[][..], Vec::as_slice);
        let parts = parts(workloads.iter().map(|(_, pods)| *pods));
        let ids = workloads.iter().map(|(id, _)| id.clone());
        ids.zip(parts).collect()
    }
}

/// Each count as a part of all; nothing where all are 0. Formula: `nᵢ / Σ n`.
fn parts(counts: impl Iterator<Item = u32> + Clone) -> impl Iterator<Item = Ratio> {
    let all: u64 = counts.clone().map(u64::from).sum();
    let whole = Ratio::count(usize::try_from(all).unwrap_or(usize::MAX)).inverse();
    let each = counts.map(move |count| Some(Ratio::count(count as usize) * whole?));
    each.map_while(|part| part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakeven_model::inventory::{RouteRule, Service};
    use breakeven_model::test_util::deployment;

    fn service(name: &str, ports: &[&str], workloads: &[(&str, u32)]) -> Service {
        let workloads = workloads.iter();
        Service {
            namespace: "shop".into(),
            name: name.into(),
            ports: ports.iter().map(|port| Arc::from(*port)).collect(),
            workloads: workloads
                .map(|(name, pods)| (deployment("shop", name), *pods))
                .collect(),
        }
    }

    fn fronts() -> ServiceBackends {
        let backend = |name: &str, weight| ("shop".into(), name.into(), weight);
        ServiceBackends::from_inventory(&inventory::ServiceRouting {
            services: vec![
                service("web", &["http", "80"], &[("web", 3), ("web-canary", 1)]),
                service("api", &["80"], &[("api", 2)]),
                service("none", &["80"], &[]),
                service("a", &["b-80"], &[("api", 2)]),
                service("a-b", &["80"], &[("web", 2)]),
            ],
            routes: vec![RouteRule {
                namespace: "shop".into(),
                name: "entry".into(),
                rule: 1,
                backends: vec![backend("web", 1), backend("api", 3)],
            }],
            target_groups: Vec::new(),
        })
    }

    fn shown(target: &RequestTarget) -> Vec<(String, f64)> {
        let behind = fronts().behind(target).unwrap().into_iter();
        behind
            .map(|(id, part)| (id.name.to_string(), part.get()))
            .collect()
    }

    fn at_service(name: &str) -> RequestTarget {
        RequestTarget::Service {
            namespace: "shop".into(),
            name: name.into(),
        }
    }

    #[test]
    fn a_service_shares_requests_out_by_pods() {
        let expected = [("web".into(), 0.75), ("web-canary".into(), 0.25)];
        assert_eq!(shown(&at_service("web")), expected);
        assert_eq!(shown(&at_service("api")), [("api".into(), 1.0)]);
        assert_eq!(shown(&at_service("none")), []);
        assert_eq!(shown(&at_service("gone")), []);
    }

    #[test]
    fn a_service_and_its_port_in_one_word_are_told_apart_or_nobodys() {
        let of = |joined: &str| shown(&RequestTarget::ServicePort(joined.into()));
        assert_eq!(of("shop-api-80"), [("api".into(), 1.0)]);
        assert_eq!(of("shop-web-http").len(), 2);
        assert_eq!(of("shop-web-8080"), [], "it has no such port");
        assert_eq!(of("shop-a-b-80"), [], "two Services fit");
    }

    #[test]
    fn a_rule_of_a_route_shares_requests_out_by_weights() {
        let rule = |rule| RequestTarget::RouteRule {
            namespace: "shop".into(),
            name: "entry".into(),
            rule,
        };
        let expected = [
            ("web".into(), 0.1875),
            ("web-canary".into(), 0.0625),
            ("api".into(), 0.75),
        ];
        assert_eq!(shown(&rule(1)), expected);
        assert_eq!(shown(&rule(0)), []);
    }

    #[test]
    fn other_targets_stand_before_nothing() {
        let workload = RequestTarget::Workload {
            namespace: "shop".into(),
            kind: None,
            name: "web".into(),
        };
        assert_eq!(fronts().behind(&workload), None);
    }
}
