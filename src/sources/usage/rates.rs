//! What counters say of a pod: the averages that follow from what was counted.

use std::sync::Arc;

use breakeven_model::inventory::{Container, CpuUsageDelta, PodUsage, Resources};
use breakeven_model::units::{CoreSeconds, Gib, Window};

/// What a container used on average, where its memory is known.
pub(super) fn container(
    name: &Arc<str>,
    window: Window,
    processor: CoreSeconds,
    memory: Option<Gib>,
) -> Option<Container> {
    Some(Container {
        name: Arc::clone(name),
        request: Resources {
            cpu: processor.mean_over(window.length())?,
            memory: memory?,
            gpus: 0,
        },
    })
}

/// What a pod used on average, where anything is known of its containers.
pub(super) fn pod(counted: &CpuUsageDelta, containers: Vec<Container>) -> Option<PodUsage> {
    (!containers.is_empty()).then(|| PodUsage {
        at: counted.window.end(),
        window: counted.window.length(),
        containers,
        is_counted: true,
    })
}
