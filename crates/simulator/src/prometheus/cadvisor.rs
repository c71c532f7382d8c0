//! The series of cAdvisor, as every kubelet has them under `/metrics/cadvisor`.
//!
//! For each pod of the world but those of runs, with `namespace`, `pod` and cAdvisor's own labels (`id`, `name`, `image`):
//!
//! | name | of | value |
//! |---|---|---|
//! | `container_cpu_usage_seconds_total` | the container, the pod (without `container` and `image`), its sandbox (without `container`) | core-seconds since the history began |
//! | `container_memory_working_set_bytes` | the same | memory |
//! | `container_cpu_cfs_periods_total` | the container, where it has a limit | periods of 0.1 s |
//! | `container_cpu_cfs_throttled_periods_total` | the same | those in which it was held back |
//! | `container_cpu_cfs_throttled_seconds_total` | the same | 0.05 s for each of them |

use super::series::{Content, Labels, labels};
use crate::world::{PodIdentity, Workload};

/// Periods of the scheduler in a second (`cfs_period_us` 100000).
const PERIODS_PER_SECOND: f64 = 10.0;

/// For how much of a period a container is held back that is.
const CPU_THROTTLED_SECONDS: f64 = 0.05;

/// What the sandbox of a pod uses.
const PAUSE_CORES: f64 = 0.000_01;
const PAUSE_BYTES: f64 = 262_144.0;

/// The series of a pod and of its container.
pub(super) fn of_pod(
    workload: &Workload,
    pod: &PodIdentity,
    add: &mut impl FnMut(Labels, Content),
) {
    let (spec, usage) = (&workload.spec, &workload.spec.usage);
    let own = [
        ("namespace", spec.namespace.as_str()),
        ("pod", pod.name.as_str()),
    ];
    let node = [
        ("instance", pod.node.as_str()),
        ("job", "kubelet"),
        ("metrics_path", "/metrics/cadvisor"),
    ];
    let slice = format!(
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice",
        pod.uid.replace('-', "_")
    );
    let scope = format!("{slice}/cri-containerd-app.scope");
    let sandbox = format!("{slice}/cri-containerd-pause.scope");
    let image = format!(
        "registry.example.com/{}/{}:1.0.0",
        spec.namespace, spec.name
    );
    let of_pod = [("id", slice.as_str())];
    let of_sandbox = [
        ("id", sandbox.as_str()),
        ("image", "registry.k8s.io/pause:3.10"),
        ("name", "pause"),
    ];
    let of_container = [
        ("id", scope.as_str()),
        ("image", image.as_str()),
        ("name", "app"),
        ("container", spec.name.as_str()),
    ];
    let cpu = Content::Grown {
        each_second: usage.idle_cpu,
        each_request: usage.cpu_seconds_per_request,
        step: 0.0,
    };
    let pause = Content::Grown {
        each_second: PAUSE_CORES,
        each_request: 0.0,
        step: 0.0,
    };
    let memory = Content::Constant(usage.memory_mib * 1_048_576.0);
    let all = [("cpu", "total")];
    for (of, cpu, memory) in [
        (&of_container[..], cpu, memory),
        (&of_pod[..], cpu, memory),
        (&of_sandbox[..], pause, Content::Constant(PAUSE_BYTES)),
    ] {
        add(
            labels(
                "container_cpu_usage_seconds_total",
                &[&own, &node, of, &all],
            ),
            cpu,
        );
        add(
            labels("container_memory_working_set_bytes", &[&own, &node, of]),
            memory,
        );
    }
    if let Some(share) = usage.throttled_share {
        throttling(share, &[&own, &node, &of_container], add);
    }
}

/// The series of a container that is held back for a share of its periods.
fn throttling(share: f64, of: &[&[(&str, &str)]], add: &mut impl FnMut(Labels, Content)) {
    let cpu_throttling = PERIODS_PER_SECOND * share;
    for (name, each_second, step) in [
        ("periods_total", PERIODS_PER_SECOND, 1.0),
        ("throttled_periods_total", cpu_throttling, 1.0),
        (
            "throttled_seconds_total",
            cpu_throttling * CPU_THROTTLED_SECONDS,
            CPU_THROTTLED_SECONDS,
        ),
    ] {
        let content = Content::Grown {
            each_second,
            each_request: 0.0,
            step,
        };
        add(labels(&format!("container_cpu_cfs_{name}"), of), content);
    }
}
