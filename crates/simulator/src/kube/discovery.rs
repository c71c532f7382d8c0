//! What the API server says it has.

use serde_json::{Value, json};

use super::path::{METRICS_GROUP, METRICS_VERSION};
use super::resource::{self, RESOURCES};

/// The groups beside the core group, each with its version.
const GROUPS: [(&str, &str); 6] = [
    ("apps", "v1"),
    ("autoscaling", "v2"),
    ("batch", "v1"),
    ("gateway.networking.k8s.io", "v1"),
    ("storage.k8s.io", "v1"),
    (METRICS_GROUP, METRICS_VERSION),
];

/// `/version`: an EKS cluster of the time.
pub(super) fn version() -> Value {
    json!({
        "major": "1",
        "minor": "33",
        "gitVersion": "v1.33.5-eks-113cf36",
        "gitCommit": "3ea8a1a2d2c5d1b9cb1bc1a3ffa6d3fe0f1fe6a7",
        "gitTreeState": "clean",
        "buildDate": "2025-09-17T00:00:00Z",
        "goVersion": "go1.24.6",
        "compiler": "gc",
        "platform": "linux/amd64",
    })
}

/// `/api`.
pub(super) fn core_versions() -> Value {
    json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] })
}

/// `/apis`.
pub(super) fn groups() -> Value {
    let groups: Vec<Value> = GROUPS
        .iter()
        .map(|(name, version)| group_of(name, version))
        .collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

/// `/apis/apps`; absent when there is no such group.
pub(super) fn group(name: &str) -> Option<Value> {
    let (name, version) = GROUPS.iter().find(|(group, _)| *group == name)?;
    let mut group = group_of(name, version);
    group["kind"] = "APIGroup".into();
    group["apiVersion"] = "v1".into();
    Some(group)
}

fn group_of(name: &str, version: &str) -> Value {
    let version = json!({
        "groupVersion": resource::api_version(name, version),
        "version": version,
    });
    json!({ "name": name, "versions": [version], "preferredVersion": version })
}

/// `/api/v1`, `/apis/apps/v1`; absent when there is no such version.
pub(super) fn resources(group: &str, version: &str) -> Option<Value> {
    let resources: Vec<Value> = if (group, version) == (METRICS_GROUP, METRICS_VERSION) {
        vec![
            metrics("nodes", "NodeMetrics", false),
            metrics("pods", "PodMetrics", true),
        ]
    } else {
        let those = RESOURCES
            .iter()
            .filter(|r| r.group == group && r.version == version);
        let those = those.map(|r| {
            let mut entry = json!({
                "name": r.plural,
                "singularName": r.singular,
                "namespaced": r.namespaced,
                "kind": r.kind,
                "verbs": ["get", "list", "watch"],
            });
            if !r.short_names.is_empty() {
                entry["shortNames"] = r.short_names.into();
            }
            if r.in_all {
                entry["categories"] = json!(["all"]);
            }
            entry
        });
        those.collect()
    };
    (!resources.is_empty()).then(|| {
        json!({
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": resource::api_version(group, version),
            "resources": resources,
        })
    })
}

fn metrics(plural: &str, kind: &str, namespaced: bool) -> Value {
    json!({
        "name": plural,
        "singularName": "",
        "namespaced": namespaced,
        "kind": kind,
        "verbs": ["get", "list"],
    })
}
