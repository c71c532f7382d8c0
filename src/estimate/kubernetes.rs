//! The cluster of a scenario.

use super::{AMOUNT, amount, file, list_price};
use crate::schema::{ConfigPath, Validator};
use breakeven_model::estimate::Cluster;
use breakeven_model::inventory::Resources;
use breakeven_model::pricing::list_prices::ec2;
use breakeven_model::units::{Cores, Gib, Requests, Usd, UsdPerHour, UsdPerRequest};

/// What a node may cost each hour, and a request, in USD: the dearest of either is far below.
const HOURLY: std::ops::RangeInclusive<f64> = 0.0..=1e6;

pub(super) fn cluster(
    check: &mut Validator,
    raw: &file::Kubernetes,
    lambda: Option<&file::Lambda>,
    place: &ConfigPath,
) -> Cluster {
    let node = node(check, &raw.node, lambda, &place.key("node"));
    let capacity = raw.requests_per_node_per_month.map(|one| {
        let place = place.key("requests_per_node_per_month");
        amount(check, one, &(1.0..=1e15), Requests::from_requests, &place)
    });
    if raw.nodes == 0 && capacity.is_none() {
        let what = "0 nodes serve nothing; give at least 1, or requests_per_node_per_month";
        check.refuse(&place.key("nodes"), what);
    }
    for (key, given) in [
        ("requests_per_node_per_month", capacity.is_some()),
        ("usd_per_request", raw.usd_per_request > 0.0),
    ] {
        if given && lambda.is_none() {
            let what = "needs the traffic, which stands in lambda.requests_per_month";
            check.refuse(&place.key(key), what);
        }
    }
    let mut usd =
        |value: f64, key: &str| amount(check, value, &AMOUNT, Usd::from_usd, &place.key(key));
    let ancillary = usd(
        raw.ancillary_usd_per_node_per_month,
        "ancillary_usd_per_node_per_month",
    );
    let fixed = usd(raw.fixed_usd_per_month, "fixed_usd_per_month");
    let used = raw
        .cost_used_usd_per_month
        .map(|used| usd(used, "cost_used_usd_per_month"));
    let at_each = place.key("usd_per_request");
    let at_control_plane = place.key("control_plane_usd_per_hour");
    Cluster {
        node,
        resources: resources(check, &raw.node, &place.key("node")),
        ancillary,
        nodes: raw.nodes,
        capacity,
        each: amount(
            check,
            raw.usd_per_request,
            &HOURLY,
            UsdPerRequest::from_each,
            &at_each,
        ),
        control_plane: amount(
            check,
            raw.control_plane_usd_per_hour,
            &HOURLY,
            UsdPerHour::from_hourly,
            &at_control_plane,
        ),
        fixed,
        used,
    }
}

/// What a node costs: the price given, else the list price of its type.
fn node(
    check: &mut Validator,
    raw: &file::Node,
    lambda: Option<&file::Lambda>,
    place: &ConfigPath,
) -> UsdPerHour {
    let at_type = place.key("instance_type");
    match (raw.usd_per_hour, raw.instance_type.as_deref()) {
        (Some(hourly), _) => {
            let place = place.key("usd_per_hour");
            amount(check, hourly, &HOURLY, UsdPerHour::from_hourly, &place)
        }
        (None, Some(instance_type)) => {
            // The two platforms are compared in one region.
            if let Some(lambda) = lambda.filter(|lambda| !ec2::REGIONS.contains(&&*lambda.region)) {
                let what = format!(
                    "list prices are known for {}, and the function is in {}; give usd_per_hour",
                    ec2::REGIONS.join(", "),
                    lambda.region
                );
                check.refuse(&at_type, what);
            }
            list_price(check, instance_type, &at_type)
        }
        (None, None) => {
            check.refuse(place, "is missing: give instance_type or usd_per_hour");
            UsdPerHour::ZERO
        }
    }
}

/// What a node has; both or nothing is given.
fn resources(check: &mut Validator, raw: &file::Node, place: &ConfigPath) -> Option<Resources> {
    let limits = 0.01..=1e6;
    let (at_cpu, at_memory) = (place.key("vcpu"), place.key("memory_gib"));
    match (raw.vcpu, raw.memory_gib) {
        (Some(cpu), Some(memory)) => Some(Resources {
            cpu: amount(check, cpu, &limits, Cores::from_cores, &at_cpu),
            memory: amount(check, memory, &limits, Gib::from_gib, &at_memory),
            gpus: 0,
        }),
        (None, None) => None,
        (cpu, _) => {
            let missing = if cpu.is_none() { at_cpu } else { at_memory };
            let what =
                "is missing: the price of a node is split over its processors and its memory";
            check.refuse(&missing, what);
            None
        }
    }
}
