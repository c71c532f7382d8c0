//! What AWS has before workloads: target groups of load balancers and APIs, in the world's own account and region.

use super::scope::AccountRegion;
use crate::world::{RequestCounterSpec, Workload, World};

/// A part of the name of a target group or a load balancer, as AWS ends them.
fn id(world: &World, what: &str, name: &str) -> String {
    let mut digits = world.hex_of(what, name);
    digits.truncate(16);
    digits
}

/// `targetgroup/name/0123456789abcdef`, as it stands in dimensions of metrics.
pub(super) fn target_group(world: &World, name: &str) -> String {
    format!("targetgroup/{name}/{}", id(world, "targetgroup", name))
}

/// `app/name/0123456789abcdef`.
pub(super) fn load_balancer(world: &World, name: &str) -> String {
    format!("app/{name}/{}", id(world, "loadbalancer", name))
}

/// The ARN of a target group.
pub(crate) fn target_group_arn(world: &World, name: &str) -> String {
    let (region, account) = (&world.spec.region, &world.spec.account_id);
    let group = target_group(world, name);
    format!("arn:aws:elasticloadbalancing:{region}:{account}:{group}")
}

/// The workloads that something stands before, as far as the place has it.
pub(super) fn edges<'w>(
    place: AccountRegion<'w>,
) -> impl Iterator<Item = (&'w Workload, &'w RequestCounterSpec)> {
    let spec = &place.world.spec;
    let is_here = place.account == spec.account_id && place.region == spec.region;
    let workloads = place.world.workloads().iter().filter(move |_| is_here);
    workloads.filter_map(|workload| Some((workload, workload.spec.edge.as_ref()?)))
}
