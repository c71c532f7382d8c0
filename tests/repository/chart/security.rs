//! The "restricted" level of the Pod Security Standards, over the spec of a pod.
//!
//! <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>

use serde_json::Value;

/// The kinds of volumes that a restricted pod may have.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

/// What of a pod the level does not allow; beyond it, a root file system that can be written to and a privileged user.
pub(crate) fn violations(pod: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut need = |holds: bool, what: &str| {
        if !holds {
            found.push(what.to_owned());
        }
    };
    for host in ["hostNetwork", "hostPID", "hostIPC"] {
        need(pod[host] != true, host);
    }
    let context = &pod["securityContext"];
    need(context["runAsNonRoot"] == true, "runAsNonRoot");
    need(
        context["runAsUser"].as_u64().is_some_and(|user| user != 0),
        "runAsUser",
    );
    need(
        context["seccompProfile"]["type"] == "RuntimeDefault",
        "seccompProfile",
    );
    for volume in items(pod, "volumes") {
        let kinds = volume.as_object().unwrap().keys();
        let allowed = kinds
            .filter(|kind| *kind != "name")
            .all(|kind| VOLUMES.contains(&&**kind));
        need(allowed, "volume");
    }
    for container in items(pod, "containers").chain(items(pod, "initContainers")) {
        let context = &container["securityContext"];
        need(context["privileged"] != true, "privileged");
        need(
            context["allowPrivilegeEscalation"] == false,
            "allowPrivilegeEscalation",
        );
        need(
            context["capabilities"]["drop"] == serde_json::json!(["ALL"]),
            "capabilities.drop",
        );
        need(
            context["capabilities"].get("add").is_none(),
            "capabilities.add",
        );
        need(
            context["readOnlyRootFilesystem"] == true,
            "readOnlyRootFilesystem",
        );
        need(
            context.get("runAsUser").is_none(),
            "the container's runAsUser",
        );
        need(
            items(container, "ports").all(|port| port.get("hostPort").is_none()),
            "hostPort",
        );
    }
    found
}

mod tests {
    use serde_json::json;

    #[test]
    fn a_pod_that_may_do_more_is_found() {
        let pod = json!({
            "hostNetwork": true,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 0},
            "volumes": [{"name": "root", "hostPath": {"path": "/"}}],
            "containers": [{
                "ports": [{"containerPort": 80, "hostPort": 80}],
                "securityContext": {"privileged": true, "capabilities": {"drop": ["NET_RAW"], "add": ["SYS_ADMIN"]}},
            }],
        });
        assert_eq!(
            super::violations(&pod),
            [
                "hostNetwork",
                "runAsUser",
                "seccompProfile",
                "volume",
                "privileged",
                "allowPrivilegeEscalation",
                "capabilities.drop",
                "capabilities.add",
                "readOnlyRootFilesystem",
                "hostPort",
            ]
        );
    }
}
