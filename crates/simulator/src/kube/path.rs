//! What a path of the API server means.

use super::resource::{self, ResourceType};

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// `/version`.
    Version,
    /// `/healthz`, `/livez`, `/readyz`.
    Health,
    /// `/api`.
    CoreVersions,
    /// `/apis`.
    Groups,
    /// `/apis/apps`.
    Group(&'a str),
    /// `/api/v1`, `/apis/apps/v1`.
    Resources { group: &'a str, version: &'a str },
    /// All objects of a type, or those of one namespace.
    Collection {
        resource: &'static ResourceType,
        namespace: Option<&'a str>,
    },
    /// One object.
    Object {
        resource: &'static ResourceType,
        namespace: &'a str,
        name: &'a str,
    },
    /// What a node's kubelet has under a path.
    NodeProxy { node: &'a str, path: &'a str },
    /// Usage of all nodes or of one.
    NodeMetrics { name: Option<&'a str> },
    /// Usage of all pods, of a namespace's, or of one.
    PodMetrics {
        namespace: Option<&'a str>,
        name: Option<&'a str>,
    },
    /// Nothing that is here.
    Unknown,
}

/// The API group of the metrics server.
pub(super) const METRICS_GROUP: &str = "metrics.k8s.io";
/// Its version.
pub(super) const METRICS_VERSION: &str = "v1beta1";

/// What the path names.
pub(super) fn parse(path: &str) -> Target<'_> {
    let of_nodes = path.strip_prefix("/api/v1/nodes/");
    if let Some((node, path)) = of_nodes.and_then(|rest| rest.split_once("/proxy/")) {
        return Target::NodeProxy { node, path };
    }
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["version"] => Target::Version,
        ["healthz" | "livez" | "readyz", ..] => Target::Health,
        ["api"] => Target::CoreVersions,
        ["apis"] => Target::Groups,
        ["apis", group] => Target::Group(group),
        ["api", version] => Target::Resources { group: "", version },
        ["apis", group, version] => Target::Resources { group, version },
        ["apis", METRICS_GROUP, METRICS_VERSION, rest @ ..] => metrics(rest),
        ["api", version, rest @ ..] => objects("", version, rest),
        ["apis", group, version, rest @ ..] => objects(group, version, rest),
        _ => Target::Unknown,
    }
}

fn metrics<'a>(rest: &[&'a str]) -> Target<'a> {
    match *rest {
        ["nodes"] => Target::NodeMetrics { name: None },
        ["nodes", name] => Target::NodeMetrics { name: Some(name) },
        ["pods"] => Target::PodMetrics {
            namespace: None,
            name: None,
        },
        ["namespaces", namespace, "pods"] => Target::PodMetrics {
            namespace: Some(namespace),
            name: None,
        },
        ["namespaces", namespace, "pods", name] => Target::PodMetrics {
            namespace: Some(namespace),
            name: Some(name),
        },
        _ => Target::Unknown,
    }
}

fn objects<'a>(group: &str, version: &str, rest: &[&'a str]) -> Target<'a> {
    let find = |plural| resource::by_path(group, version, plural);
    let found = match *rest {
        [plural] => find(plural).map(|resource| Target::Collection {
            resource,
            namespace: None,
        }),
        [plural, name] => find(plural)
            .filter(|resource| !resource.namespaced)
            .map(|resource| Target::Object {
                resource,
                namespace: "",
                name,
            }),
        ["namespaces", namespace, plural] => find(plural)
            .filter(|resource| resource.namespaced)
            .map(|resource| Target::Collection {
                resource,
                namespace: Some(namespace),
            }),
        ["namespaces", namespace, plural, name] => find(plural)
            .filter(|resource| resource.namespaced)
            .map(|resource| Target::Object {
                resource,
                namespace,
                name,
            }),
        _ => None,
    };
    found.unwrap_or(Target::Unknown)
}

#[cfg(test)]
mod tests {
    use super::super::resource::{DEPLOYMENTS, NAMESPACES, NODES, PODS};
    use super::*;

    #[test]
    fn paths_name_collections_objects_and_usage() {
        let cases = [
            (
                "/api/v1/pods",
                Target::Collection {
                    resource: &PODS,
                    namespace: None,
                },
            ),
            (
                "/api/v1/namespaces/shop/pods",
                Target::Collection {
                    resource: &PODS,
                    namespace: Some("shop"),
                },
            ),
            (
                "/api/v1/nodes/a",
                Target::Object {
                    resource: &NODES,
                    namespace: "",
                    name: "a",
                },
            ),
            (
                "/api/v1/namespaces/shop",
                Target::Object {
                    resource: &NAMESPACES,
                    namespace: "",
                    name: "shop",
                },
            ),
            (
                "/apis/apps/v1/namespaces/shop/deployments/web",
                Target::Object {
                    resource: &DEPLOYMENTS,
                    namespace: "shop",
                    name: "web",
                },
            ),
            (
                "/apis/metrics.k8s.io/v1beta1/nodes",
                Target::NodeMetrics { name: None },
            ),
            (
                "/api/v1/nodes/a/proxy/metrics/resource",
                Target::NodeProxy {
                    node: "a",
                    path: "metrics/resource",
                },
            ),
            ("/apis/apps/v1beta1/deployments", Target::Unknown),
            ("/api/v1/namespaces/shop/nodes", Target::Unknown),
            ("/openapi/v2", Target::Unknown),
        ];
        for (path, target) in cases {
            assert_eq!(parse(path), target, "{path}");
        }
    }
}
