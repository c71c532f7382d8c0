//! What a pod requests, as the scheduler counts it.

use super::{FieldError, OptionalResources, quantity, read};
use crate::sources::kubernetes::amounts::Amounts;
use crate::sources::kubernetes::api_types::{ContainerSpec, PodSpec, Requirements};
use crate::sources::kubernetes::interner::Interner;
use breakeven_model::inventory::{Container, Resources};
use breakeven_model::units::Gib;

/// The containers that run together, and what the pod requests.
///
/// Formula, for each resource: max(containers + native sidecars, max over init containers of (its own request +
/// the sidecars that started before it)) + overhead. A request of the pod as a whole takes the place of the max.
pub(super) fn requests(
    spec: &PodSpec,
    names: &mut Interner,
) -> Result<(Vec<Container>, Resources), FieldError> {
    let mut running = Vec::with_capacity(spec.containers.len());
    let mut together = Resources::default();
    for (index, container) in spec.containers.iter().enumerate() {
        let request = of_container(container, "spec.containers", index)?;
        together = sum(together, request);
        running.push(Container {
            name: names.share(&container.name),
            request,
        });
    }
    let mut sidecars = Resources::default();
    let mut starting = Resources::default();
    for (index, container) in spec.init_containers.iter().enumerate() {
        let request = of_container(container, "spec.initContainers", index)?;
        starting = larger(starting, sum(sidecars, request));
        if container.restart_policy == "Always" {
            sidecars = sum(sidecars, request);
            running.push(Container {
                name: names.share(&container.name),
                request,
            });
        }
    }
    running.shrink_to_fit();
    let counted = larger(sum(together, sidecars), starting);
    let whole = OptionalResources::read(&spec.resources.requests, "spec.resources.requests")?;
    let overhead =
        OptionalResources::read(&spec.overhead, "spec.overhead")?.unwrap_or(Resources::default());
    Ok((running, sum(whole.unwrap_or(counted), overhead)))
}

/// The storage that a pod requests on its machine, on the rule of the other resources; absent where nothing asks for any.
pub(super) fn storage(spec: &PodSpec) -> Result<Option<Gib>, FieldError> {
    let of = |list: &str, containers: &[ContainerSpec]| -> Result<Vec<Gib>, FieldError> {
        let stated = containers.iter().enumerate().map(|(index, container)| {
            let path = |part| format!("{list}[{index}].resources.{part}");
            let requests = local_storage(&container.resources.requests, &path("requests"))?;
            let limits = local_storage(&container.resources.limits, &path("limits"))?;
            Ok(requests.or(limits))
        });
        let stated: Result<Vec<Option<Gib>>, FieldError> = stated.collect();
        Ok(stated?.into_iter().flatten().collect())
    };
    let together = of("spec.containers", &spec.containers)?;
    let starting = of("spec.initContainers", &spec.init_containers)?;
    let most = starting.iter().copied().reduce(Gib::max);
    let sum = (!together.is_empty()).then(|| together.into_iter().sum());
    Ok(match (sum, most) {
        (Some(sum), Some(most)) => Some(Gib::max(sum, most)),
        (sum, most) => sum.or(most),
    })
}

/// Whether a pod asks for a device beside processors and memory: an accelerator, or whatever it claims by dynamic
/// resource allocation.
pub(super) fn needs_accelerator(spec: &PodSpec) -> bool {
    let has = |resources: &Requirements| {
        resources.requests.has_accelerator || resources.limits.has_accelerator
    };
    let mut containers = spec.containers.iter().chain(&spec.init_containers);
    !spec.resource_claims.is_empty()
        || has(&spec.resources)
        || containers.any(|container| has(&container.resources))
}

fn local_storage(amounts: &Amounts, field: &str) -> Result<Option<Gib>, FieldError> {
    read(
        &amounts.ephemeral_storage,
        quantity::memory,
        field,
        "ephemeral-storage",
    )
}

/// A resource with a limit and no request is requested up to its limit.
fn of_container(
    container: &ContainerSpec,
    list: &str,
    index: usize,
) -> Result<Resources, FieldError> {
    let path = |part| format!("{list}[{index}].resources.{part}");
    let requests = OptionalResources::read(&container.resources.requests, &path("requests"))?;
    let limits = OptionalResources::read(&container.resources.limits, &path("limits"))?;
    Ok(requests.or(limits).unwrap_or(Resources::default()))
}

fn sum(left: Resources, right: Resources) -> Resources {
    Resources {
        cpu: left.cpu + right.cpu,
        memory: left.memory + right.memory,
        gpus: left.gpus.saturating_add(right.gpus),
    }
}

fn larger(left: Resources, right: Resources) -> Resources {
    Resources {
        cpu: left.cpu.max(right.cpu),
        memory: left.memory.max(right.memory),
        gpus: left.gpus.max(right.gpus),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn storage_on_the_machine_is_the_sum_of_what_runs_together() {
        let wants = |list: &[&str]| {
            let one = |text: &&str| match *text {
                "" => json!({"name": "c"}),
                text => {
                    json!({"name": "c", "resources": {"requests": {"ephemeral-storage": text}}})
                }
            };
            list.iter().map(one).collect::<Vec<_>>()
        };
        for (containers, init, expected) in [
            (&[""][..], &[][..], None),
            (&["10Gi", "", "20Gi"], &[], Some(30.0)),
            (&["10Gi"], &["15Gi", "12Gi"], Some(15.0)),
            (&[""], &["1Gi"], Some(1.0)),
        ] {
            let spec = json!({"containers": wants(containers), "initContainers": wants(init)});
            let spec = serde_json::from_value(spec).unwrap();
            assert_eq!(storage(&spec).unwrap().map(Gib::gib), expected);
        }
    }

    #[test]
    fn a_pod_needs_an_accelerator_by_any_container_or_by_a_claim() {
        let asks = |part: &str| {
            let resources = json!({part: {"nvidia.com/mig-1g.10gb": "1"}});
            json!({"name": "c", "resources": resources})
        };
        let plain = json!({"name": "c", "resources": {"requests": {"cpu": "1"}}});
        for (spec, expected) in [
            (json!({"containers": [plain]}), false),
            (json!({"containers": [plain, asks("requests")]}), true),
            (json!({"containers": [asks("limits")]}), true),
            (
                json!({"containers": [plain], "initContainers": [asks("limits")]}),
                true,
            ),
            (
                json!({"containers": [plain], "resourceClaims": [{"name": "gpu"}]}),
                true,
            ),
        ] {
            let text = spec.to_string();
            let spec = serde_json::from_value(spec).unwrap();
            assert_eq!(needs_accelerator(&spec), expected, "{text}");
        }
    }

    fn read(spec: Value) -> Result<(Vec<Container>, Resources), FieldError> {
        requests(
            &serde_json::from_value(spec).unwrap(),
            &mut Interner::default(),
        )
    }

    /// `[cores, MiB, GPUs]` of the whole pod, and the names of its containers.
    fn counted(spec: Value) -> ([f64; 3], Vec<String>) {
        let (containers, request) = read(spec).unwrap();
        let names = containers.iter().map(|one| one.name.to_string()).collect();
        let gpus = f64::from(request.gpus);
        ([request.cpu.cores(), request.memory.mib(), gpus], names)
    }

    fn container(name: &str, cpu: &str, memory: &str) -> Value {
        json!({"name": name, "resources": {"requests": {"cpu": cpu, "memory": memory}}})
    }

    fn sidecar(name: &str, cpu: &str, memory: &str) -> Value {
        let mut sidecar = container(name, cpu, memory);
        sidecar["restartPolicy"] = json!("Always");
        sidecar
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn the_effective_request_is_what_the_scheduler_counts() {
        let app = || container("app", "500m", "256Mi");
        for (what, spec, expected, names) in [
            (
                "nothing requested",
                json!({"containers": [{"name": "app"}]}),
                [0.0, 0.0, 0.0],
                vec!["app"],
            ),
            (
                "containers add up",
                json!({"containers": [app(), container("proxy", "100m", "64Mi")]}),
                [0.6, 320.0, 0.0],
                vec!["app", "proxy"],
            ),
            (
                "an init container that needs more, for each resource by itself",
                json!({"containers": [app()], "initContainers": [container("init", "2", "64Mi")]}),
                [2.0, 256.0, 0.0],
                vec!["app"],
            ),
            (
                "init containers run one by one",
                json!({"containers": [app()], "initContainers": [
                    container("first", "400m", "1Mi"), container("second", "400m", "1Mi"),
                ]}),
                [0.5, 256.0, 0.0],
                vec!["app"],
            ),
            (
                "a native sidecar runs beside the containers",
                json!({"containers": [app()], "initContainers": [sidecar("mesh", "250m", "128Mi")]}),
                [0.75, 384.0, 0.0],
                vec!["app", "mesh"],
            ),
            (
                "an init container runs beside the sidecars before it",
                json!({"containers": [app()], "initContainers": [
                    sidecar("mesh", "250m", "128Mi"), container("init", "1", "1Mi"),
                ]}),
                [1.25, 384.0, 0.0],
                vec!["app", "mesh"],
            ),
            (
                "and not beside those after it",
                json!({"containers": [app()], "initContainers": [
                    container("init", "1", "1Mi"), sidecar("mesh", "250m", "128Mi"),
                ]}),
                [1.0, 384.0, 0.0],
                vec!["app", "mesh"],
            ),
            (
                "overhead comes on top",
                json!({"containers": [app()], "overhead": {"cpu": "250m", "memory": "64Mi"}}),
                [0.75, 320.0, 0.0],
                vec!["app"],
            ),
            (
                "a request of the whole pod wins where it is set",
                json!({"containers": [app()], "resources": {"requests": {"cpu": "2"}},
                    "overhead": {"cpu": "1"}}),
                [3.0, 256.0, 0.0],
                vec!["app"],
            ),
            (
                "a limit without a request is the request",
                json!({"containers": [{"name": "app", "resources": {
                    "requests": {"cpu": "1"}, "limits": {"cpu": "4", "memory": "1Gi", "nvidia.com/gpu": "2"},
                }}]}),
                [1.0, 1024.0, 2.0],
                vec!["app"],
            ),
            (
                "GPUs of both makers count",
                json!({"containers": [{"name": "app", "resources": {
                    "requests": {"amd.com/gpu": "1", "nvidia.com/gpu": "1"},
                }}]}),
                [0.0, 0.0, 2.0],
                vec!["app"],
            ),
        ] {
            assert_eq!(
                counted(spec),
                (expected, names.iter().map(ToString::to_string).collect()),
                "{what}"
            );
        }
    }

    #[test]
    fn a_bad_quantity_is_named_by_its_path() {
        for (spec, path) in [
            (
                json!({"containers": [container("app", "1", "1Mi"), container("app", "x", "1Mi")]}),
                "spec.containers[1].resources.requests.cpu",
            ),
            (
                json!({"containers": [{"name": "app", "resources": {"limits": {"memory": "1gb"}}}]}),
                "spec.containers[0].resources.limits.memory",
            ),
            (
                json!({"containers": [], "initContainers": [container("init", "1", "-1")]}),
                "spec.initContainers[0].resources.requests.memory",
            ),
            (
                json!({"containers": [], "overhead": {"nvidia.com/gpu": "half"}}),
                "spec.overhead.nvidia.com/gpu",
            ),
            (
                json!({"containers": [], "resources": {"requests": {"cpu": ""}}}),
                "spec.resources.requests.cpu",
            ),
        ] {
            assert_eq!(read(spec).unwrap_err().field, path);
        }
    }
}
