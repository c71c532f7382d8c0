//! How the labels of a result name whose requests they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use breakeven_model::inventory::{PodKey, RequestTarget, WorkloadKind};

/// What meshes write for a workload that they do not know.
const UNKNOWN: [&str; 2] = ["unknown", "reserved:unknown"];

/// A way in which labels may name whose requests they are. Those of a result are tried in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TargetLabels {
    /// A workload by its name; `kind` is the label that holds its kind, where there is one.
    Workload {
        namespace: &'static str,
        name: &'static str,
        kind: &'static str,
    },
    /// A workload of a kind that the label's own name says.
    Controller {
        namespace: &'static str,
        name: &'static str,
        kind: &'static str,
    },
    /// A pod.
    Pod {
        namespace: &'static str,
        name: &'static str,
    },
    /// A Service.
    Service {
        namespace: &'static str,
        name: &'static str,
    },
    /// `namespace-service-port@kubernetes`, as Traefik names a Service.
    TraefikService(&'static str),
    /// `namespace_service_port` or `namespace_svc_service_port`, as the ingress controllers of HAProxy name a backend.
    HaproxyBackend(&'static str),
    /// `httproute/namespace/name/rule/0`, as Envoy Gateway names a rule of a route.
    EnvoyCluster(&'static str),
}

impl TargetLabels {
    /// The labels that it reads.
    pub(super) fn labels(&self) -> Vec<&'static str> {
        match *self {
            Self::Workload {
                namespace,
                name,
                kind,
            } => vec![namespace, name, kind],
            Self::Controller {
                namespace, name, ..
            }
            | Self::Pod { namespace, name }
            | Self::Service { namespace, name } => vec![namespace, name],
            Self::TraefikService(label)
            | Self::HaproxyBackend(label)
            | Self::EnvoyCluster(label) => vec![label],
        }
    }

    /// As a sentence about labels has it: `` `namespace` and `pod` ``.
    fn in_words(&self) -> String {
        let labels = match self {
            Self::Workload {
                namespace, name, ..
            } => vec![*namespace, *name],
            other => other.labels(),
        };
        let quoted: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        quoted.join(" and ")
    }

    fn target(&self, found: &BTreeMap<String, String>) -> Option<RequestTarget> {
        let get = |label: &str| found.get(label).filter(|value| !value.is_empty());
        let share = |label: &str| get(label).map(|value| Arc::from(value.as_str()));
        let workload = |namespace, name, kind: Option<&str>| {
            Some(RequestTarget::Workload {
                namespace: share(namespace)?,
                name: share(name)?,
                kind: kind.map(WorkloadKind::from),
            })
        };
        match *self {
            Self::Workload {
                namespace,
                name,
                kind,
            } => workload(namespace, name, get(kind).map(String::as_str)),
            Self::Controller {
                namespace,
                name,
                kind,
            } => workload(namespace, name, Some(kind)),
            Self::Pod { namespace, name } => Some(RequestTarget::Pod(PodKey {
                namespace: share(namespace)?,
                name: share(name)?,
            })),
            Self::Service { namespace, name } => Some(RequestTarget::Service {
                namespace: share(namespace)?,
                name: share(name)?,
            }),
            Self::TraefikService(label) => {
                let (service, provider) = get(label)?.rsplit_once('@')?;
                provider
                    .starts_with("kubernetes")
                    .then(|| RequestTarget::ServicePort(service.into()))
            }
            Self::HaproxyBackend(label) => haproxy_service(get(label)?),
            Self::EnvoyCluster(label) => route_rule(get(label)?),
        }
    }
}

/// `namespace_service_port` or `namespace_svc_service_port`: names of Kubernetes have no underscore. HAProxy's own backends, such
/// as `_error404`, name no Service.
fn haproxy_service(backend: &str) -> Option<RequestTarget> {
    let parts: Vec<&str> = backend.split('_').collect();
    let (namespace, name) = match parts[..] {
        [namespace, "svc", name, _] | [namespace, name, _] => (namespace, name),
        _ => return None,
    };
    let is_named = !namespace.is_empty() && !name.is_empty();
    is_named.then(|| RequestTarget::Service {
        namespace: namespace.into(),
        name: name.into(),
    })
}

/// `httproute/namespace/name/rule/0`; what follows names one of the rule's backends, and is left aside.
fn route_rule(cluster: &str) -> Option<RequestTarget> {
    let mut parts = cluster.split('/');
    let kind = parts.next()?;
    let (namespace, name) = (parts.next()?, parts.next()?);
    let is_rule = kind == "httproute" && parts.next() == Some("rule");
    let rule = parts.next()?.parse().ok()?;
    is_rule.then(|| RequestTarget::RouteRule {
        namespace: namespace.into(),
        name: name.into(),
        rule,
    })
}

/// Whose requests they are, by the first way that the labels allow.
pub(super) fn target(
    found: &BTreeMap<String, String>,
    ways: &[TargetLabels],
) -> Option<RequestTarget> {
    let target = ways.iter().find_map(|way| way.target(found))?;
    match &target {
        RequestTarget::Workload { name, .. } if UNKNOWN.contains(&&**name) => None,
        _ => Some(target),
    }
}

/// All ways, as a sentence has them: `` `namespace` and `workload`, or `namespace` and `pod` ``.
pub(super) fn in_words(ways: &[TargetLabels]) -> String {
    let words: Vec<String> = ways.iter().map(TargetLabels::in_words).collect();
    words.join(", or ")
}

/// The labels of a series, for an error.
pub(super) fn shown(labels: &BTreeMap<String, String>) -> String {
    if labels.is_empty() {
        return "no labels at all".into();
    }
    let names: Vec<String> = labels.keys().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = labels
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        owned.collect()
    }

    #[test]
    fn a_traefik_service_is_read_without_its_provider_and_only_from_kubernetes() {
        let of = |service: &str| {
            target(
                &found(&[("service", service)]),
                &[TargetLabels::TraefikService("service")],
            )
        };
        let expected = Some(RequestTarget::ServicePort("shop-web-http".into()));
        assert_eq!(of("shop-web-http@kubernetes"), expected);
        assert_eq!(of("shop-web-http@kubernetescrd"), expected);
        for other in ["dashboard@internal", "web@docker", "shop-web-http", ""] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_backend_of_haproxy_names_a_service() {
        let of = |backend: &str| {
            target(
                &found(&[("proxy", backend)]),
                &[TargetLabels::HaproxyBackend("proxy")],
            )
        };
        let expected = Some(RequestTarget::Service {
            namespace: "shop".into(),
            name: "web-api".into(),
        });
        for backend in [
            "shop_web-api_8080",
            "shop_web-api_http",
            "shop_svc_web-api_http",
        ] {
            assert_eq!(of(backend), expected, "{backend}");
        }
        for other in [
            "_error404",
            "_default_backend",
            "haproxy_default_service_of_many_words",
            "stats",
            "shop_web",
            "__",
            "",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_cluster_of_envoy_gateway_names_a_rule_of_a_route() {
        let of = |cluster: &str| {
            target(
                &found(&[("cluster", cluster)]),
                &[TargetLabels::EnvoyCluster("cluster")],
            )
        };
        let expected = Some(RequestTarget::RouteRule {
            namespace: "shop".into(),
            name: "web".into(),
            rule: 2,
        });
        assert_eq!(of("httproute/shop/web/rule/2"), expected);
        assert_eq!(of("httproute/shop/web/rule/2/backend/0"), expected);
        for other in [
            "grpcroute/shop/web/rule/0",
            "httproute/shop/web",
            "httproute/shop/web/rule/x",
            "xds_cluster",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn the_first_way_that_the_labels_allow_is_taken() {
        let ways = [
            TargetLabels::Controller {
                namespace: "ns",
                name: "set",
                kind: "StatefulSet",
            },
            TargetLabels::Pod {
                namespace: "ns",
                name: "pod",
            },
        ];
        let by_set = target(
            &found(&[("ns", "shop"), ("set", "db"), ("pod", "x")]),
            &ways,
        );
        let named = RequestTarget::Workload {
            namespace: "shop".into(),
            kind: Some(WorkloadKind::StatefulSet),
            name: "db".into(),
        };
        assert_eq!(by_set, Some(named));
        let by_pod = target(&found(&[("ns", "shop"), ("set", ""), ("pod", "x")]), &ways);
        assert!(matches!(by_pod, Some(RequestTarget::Pod(_))), "{by_pod:?}");
        assert_eq!(target(&found(&[("pod", "x")]), &ways), None);
        assert_eq!(in_words(&ways), "`ns` and `set`, or `ns` and `pod`");
    }
}
