//! What a world file must keep beyond its form. All errors are found in one go.

mod aws;
mod prices;
mod storage;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::schema::{CapacityType, NodeSpec, RunsSpec, WorkloadKind, WorkloadSpec, WorldSpec};
use super::traffic::Traffic;

/// CloudWatch keeps one-minute metrics for 15 days.
const HISTORY_HOURS: std::ops::RangeInclusive<u32> = 1..=360;
/// A run may overlap with this many later ones, to keep what a cluster shows small.
const OVERLAPPING_RUNS: u32 = 10;

/// One line for each error: place, value, what would be right.
pub(super) fn errors(world: &WorldSpec) -> Vec<String> {
    let mut found = Found::default();
    if world.name.is_empty() {
        found.add("name", "is empty; give the world a name");
    }
    found.account("account_id", &world.account_id);
    aws::accounts(world, &mut found);
    if world.region.is_empty() {
        found.add("region", "is empty; name an AWS region such as us-east-1");
    }
    found.positive("speed", world.speed);
    found.within("history_hours", world.history_hours, &HISTORY_HOURS);
    aws::bill_and_ingestion_delay(world, &mut found);
    prices::prices(world, &mut found);
    nodes(world, &mut found);
    namespaces(world, &mut found);
    storage::storage(world, &mut found);
    workloads(world, &mut found);
    aws::functions(world, &mut found);
    found.errors
}

fn nodes(world: &WorldSpec, found: &mut Found) {
    let mut names = BTreeSet::new();
    for (i, node) in world.nodes.iter().enumerate() {
        let place = format!("nodes[{i}]");
        found.name(&format!("{place}.name"), &node.name, 253, true);
        if !names.insert(&node.name) {
            found.add(
                &format!("{place}.name"),
                format!("{:?} is there twice", node.name),
            );
        }
        found.positive(&format!("{place}.cpu"), node.cpu);
        found.positive(&format!("{place}.memory_gib"), node.memory_gib);
        match (&node.instance_type, node.capacity_type) {
            (None, CapacityType::OnDemand | CapacityType::Spot) => {
                found.add(
                    &format!("{place}.instance_type"),
                    "is missing; give one such as m5.large",
                );
            }
            (Some(name), CapacityType::Fargate) => found.add(
                &format!("{place}.instance_type"),
                format!("is {name:?}, but a Fargate node has none; leave it out"),
            ),
            _ => {}
        }
        if node.capacity_type == CapacityType::Fargate {
            fargate(world, node, &place, found);
        }
    }
}

fn fargate(world: &WorldSpec, node: &NodeSpec, place: &str, found: &mut Found) {
    let pods: u32 = (world.workloads.iter())
        .filter_map(|workload| {
            let names = workload.nodes.as_ref()?;
            let position = names.iter().position(|name| *name == node.name)?;
            let replicas = workload.replicas.unwrap_or(1);
            let turns = u32::try_from(names.len()).ok()?;
            Some(
                replicas
                    .saturating_sub(u32::try_from(position).ok()?)
                    .div_ceil(turns),
            )
        })
        .sum();
    if pods > 1 {
        found.add(
            place,
            format!("is a Fargate node with {pods} pods; it can hold only one"),
        );
    }
}

fn namespaces(world: &WorldSpec, found: &mut Found) {
    let mut names = BTreeSet::new();
    for (i, namespace) in world.namespaces.iter().enumerate() {
        let place = format!("namespaces[{i}].name");
        found.name(&place, &namespace.name, 63, false);
        if !names.insert(&namespace.name) {
            found.add(&place, format!("{:?} is there twice", namespace.name));
        }
    }
}

fn workloads(world: &WorldSpec, found: &mut Found) {
    let mut keys = BTreeMap::new();
    for (i, workload) in world.workloads.iter().enumerate() {
        let place = format!("workloads[{i}]");
        found.name(&format!("{place}.name"), &workload.name, 52, false);
        if let Some(first) = keys.insert((&workload.namespace, &workload.name), i) {
            let key = format!("{}/{}", workload.namespace, workload.name);
            found.add(
                &format!("{place}.name"),
                format!("{key:?} is also workloads[{first}]; names must differ within a namespace"),
            );
        }
        if !world
            .namespaces
            .iter()
            .any(|namespace| namespace.name == workload.namespace)
        {
            found.add(
                &format!("{place}.namespace"),
                format!(
                    "{:?} is not listed in namespaces; add it there",
                    workload.namespace
                ),
            );
        }
        placement(world, workload, &place, found);
        usage(workload, &place, found);
        storage::claims(world, workload, &place, found);
        traffic_of(workload, &place, found);
        if workload.edge.is_some() && workload.traffic.is_none() {
            let place = format!("{place}.edge");
            found.add(
                &place,
                "is given without traffic; what would come through it?",
            );
        }
        runs(workload, &place, found);
    }
}

fn placement(world: &WorldSpec, workload: &WorkloadSpec, place: &str, found: &mut Found) {
    if workload.kind == WorkloadKind::DaemonSet {
        if workload.replicas.is_some() {
            let place = format!("{place}.replicas");
            found.add(
                &place,
                "is given, but a DaemonSet has one pod on each node; leave it out",
            );
        }
        if workload.nodes.is_some() {
            let place = format!("{place}.nodes");
            found.add(
                &place,
                "is given, but a DaemonSet has one pod on each node; leave it out",
            );
        }
        return;
    }
    let Some(names) = &workload.nodes else {
        if world
            .nodes
            .iter()
            .all(|node| node.capacity_type == CapacityType::Fargate)
        {
            found.add(
                place,
                "has no node to run on; add a node that is not Fargate",
            );
        }
        return;
    };
    if names.is_empty() {
        found.add(
            &format!("{place}.nodes"),
            "is empty; name nodes, or leave it out",
        );
    }
    for (i, name) in names.iter().enumerate() {
        let place = format!("{place}.nodes[{i}]");
        if !world.nodes.iter().any(|node| node.name == *name) {
            found.add(&place, format!("{name:?} is not listed in nodes"));
        }
        if names[..i].contains(name) {
            found.add(&place, format!("{name:?} is there twice"));
        }
    }
}

fn usage(workload: &WorkloadSpec, place: &str, found: &mut Found) {
    for (key, value) in [
        ("cpu", workload.requests.cpu),
        ("memory_mib", workload.requests.memory_mib),
    ] {
        if let Some(value) = value {
            found.positive(&format!("{place}.requests.{key}"), value);
        }
    }
    let usage = &workload.usage;
    found.not_negative(&format!("{place}.usage.idle_cpu"), usage.idle_cpu);
    let place_of_cost = format!("{place}.usage.cpu_seconds_per_request");
    found.not_negative(&place_of_cost, usage.cpu_seconds_per_request);
    found.positive(&format!("{place}.usage.memory_mib"), usage.memory_mib);
    if let Some(share) = usage.throttled_share {
        found.share(&format!("{place}.usage.throttled_share"), share);
    }
}

fn traffic_of(workload: &WorkloadSpec, place: &str, found: &mut Found) {
    if let Some(latency) = workload.latency_ms {
        found.positive(&format!("{place}.latency_ms"), latency);
    }
    let Some(pattern) = &workload.traffic else {
        if workload.latency_ms.is_some() {
            found.add(
                &format!("{place}.latency_ms"),
                "is given without traffic; leave it out",
            );
        }
        return;
    };
    traffic(pattern, &format!("{place}.traffic"), found);
    if workload.latency_ms.is_none() {
        found.add(
            &format!("{place}.latency_ms"),
            "is missing; a workload with traffic has a latency",
        );
    }
    if matches!(workload.kind, WorkloadKind::CronJob | WorkloadKind::Job) {
        let place = format!("{place}.traffic");
        found.add(
            &place,
            "is given, but a CronJob or Job serves no requests; leave it out",
        );
    }
}

fn runs(workload: &WorkloadSpec, place: &str, found: &mut Found) {
    let place = format!("{place}.runs");
    match (workload.kind, &workload.runs) {
        (WorkloadKind::CronJob, None) => {
            found.add(
                &place,
                "is missing; say when a CronJob runs: {every_minutes: 60, minutes: 5}",
            );
        }
        (WorkloadKind::CronJob, Some(runs)) => {
            let RunsSpec {
                every_minutes,
                offset_minutes,
                minutes,
            } = *runs;
            found.period(&place, every_minutes, offset_minutes);
            let most = every_minutes.saturating_mul(OVERLAPPING_RUNS);
            found.within(&format!("{place}.minutes"), minutes, &(1..=most.max(1)));
        }
        (WorkloadKind::Job, Some(runs)) if runs.minutes == 0 => {
            found.add(&format!("{place}.minutes"), "is 0; it must be at least 1");
        }
        (WorkloadKind::Job, _) | (_, None) => {}
        (_, Some(_)) => found.add(&place, "is only for CronJobs and Jobs; leave it out"),
    }
}

fn traffic(traffic: &Traffic, place: &str, found: &mut Found) {
    let at = |key: &str| format!("{place}.{key}");
    match *traffic {
        Traffic::Steady {
            requests_per_second,
        } => {
            found.not_negative(&at("requests_per_second"), requests_per_second);
        }
        Traffic::Diurnal {
            requests_per_second,
            amplitude,
            peak_hour,
        } => {
            found.not_negative(&at("requests_per_second"), requests_per_second);
            found.share(&at("amplitude"), amplitude);
            if !(0.0..=24.0).contains(&peak_hour) {
                found.add(
                    &at("peak_hour"),
                    format!("is {peak_hour}; it must be 0 to 24"),
                );
            }
        }
        Traffic::Bursty {
            requests_per_second,
            burst_factor,
            burst_share,
            slot_minutes,
        } => {
            found.not_negative(&at("requests_per_second"), requests_per_second);
            found.not_negative(&at("burst_factor"), burst_factor);
            found.share(&at("burst_share"), burst_share);
            found.within(&at("slot_minutes"), slot_minutes, &(1..=1_440));
        }
        Traffic::Sporadic {
            requests_per_active_minute,
            active_share,
        } => {
            found.not_negative(
                &at("requests_per_active_minute"),
                requests_per_active_minute,
            );
            found.share(&at("active_share"), active_share);
        }
        Traffic::Timer {
            every_minutes,
            offset_minutes,
            requests,
        } => {
            found.period(place, every_minutes, offset_minutes);
            found.not_negative(&at("requests"), requests);
        }
    }
}

/// The errors found so far.
#[derive(Default)]
struct Found {
    errors: Vec<String>,
}

impl Found {
    fn add(&mut self, place: &str, what: impl Display) {
        self.errors.push(format!("{place}: {what}"));
    }

    fn account(&mut self, place: &str, id: &str) {
        if id.len() != 12 || !id.bytes().all(|b| b.is_ascii_digit()) {
            self.add(place, format!("is {id:?}; it must be twelve digits"));
        }
    }

    fn positive(&mut self, place: &str, value: f64) {
        if !(value.is_finite() && value > 0.0) {
            self.add(place, format!("is {value}; it must be above 0"));
        }
    }

    fn not_negative(&mut self, place: &str, value: f64) {
        if !(value.is_finite() && value >= 0.0) {
            self.add(place, format!("is {value}; it must be 0 or more"));
        }
    }

    fn share(&mut self, place: &str, value: f64) {
        if !(0.0..=1.0).contains(&value) {
            self.add(place, format!("is {value}; it must be 0 to 1"));
        }
    }

    fn within(&mut self, place: &str, value: u32, range: &std::ops::RangeInclusive<u32>) {
        if !range.contains(&value) {
            let (low, high) = (range.start(), range.end());
            self.add(place, format!("is {value}; it must be {low} to {high}"));
        }
    }

    fn period(&mut self, place: &str, every: u32, offset: u32) {
        if every == 0 {
            self.add(
                &format!("{place}.every_minutes"),
                "is 0; it must be at least 1",
            );
        } else if offset >= every {
            let what = format!("is {offset}; it must be below every_minutes ({every})");
            self.add(&format!("{place}.offset_minutes"), what);
        }
    }

    /// A DNS-1123 label, or, with dots, a subdomain.
    fn name(&mut self, place: &str, name: &str, longest: usize, dots: bool) {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let label = |part: &str| {
            !part.is_empty()
                && part.chars().all(inner)
                && !part.starts_with('-')
                && !part.ends_with('-')
        };
        let valid = if dots {
            name.split('.').all(label)
        } else {
            label(name)
        };
        if !valid || name.len() > longest {
            self.add(
                place,
                format!("is {name:?}; a name has lower-case letters, digits and hyphens, at most {longest}"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::World;

    #[test]
    fn every_error_is_reported_at_once_with_its_place() {
        let error = World::from_yaml(
            "
name: bad
account_id: '12'
session_seconds: 43201
accounts: [{id: '111111111111', session_seconds: 0}, {id: '111111111111', role: a/b}]
speed: 0
bill: {discount: 2}
lateness: {late_share: 2, missing_minutes: 181}
nodes:
  - {name: a, zone: z, cpu: 0, memory_gib: 8}
  - {name: f, zone: z, capacity_type: fargate, instance_type: m5.large, cpu: 1, memory_gib: 2}
namespaces: [{name: n}]
workloads:
  - {name: w, namespace: m, kind: DaemonSet, replicas: 2, usage: {memory_mib: 1}}
  - {name: c, namespace: n, kind: CronJob, nodes: [b], usage: {memory_mib: 1}}
  - name: v
    namespace: n
    kind: Deployment
    replicas: 2
    nodes: [f]
    usage: {memory_mib: 1}
    traffic: {pattern: diurnal, requests_per_second: 1, amplitude: 2, peak_hour: 3}
functions:
  - {name: g, memory_mib: 64, duration_ms: 5000, traffic: {pattern: timer, every_minutes: 5, offset_minutes: 5, requests: 1}, lateness: {repeated_share: -1},
     ephemeral_storage_mib: 100, init_ms: 0, provisioned: [{qualifier: a, concurrency: 0}, {qualifier: a, concurrency: 1, share: 2}], event_sources: [queue]}
  - {name: h, memory_mib: 128, duration_ms: 1, region: eu-west-1, traffic: {pattern: steady, requests_per_second: 1}}
  - {name: h, memory_mib: 128, duration_ms: 1, region: '', account_id: '111111111111', traffic: {pattern: steady, requests_per_second: 1}}
  - {name: h, memory_mib: 128, duration_ms: 1, region: eu-west-1, account_id: '222222222222', traffic: {pattern: steady, requests_per_second: 1}}
  - {name: h, memory_mib: 128, duration_ms: 1, region: eu-west-1, traffic: {pattern: steady, requests_per_second: 1}}
",
        )
        .unwrap_err();
        let places: Vec<_> = error
            .errors
            .iter()
            .map(|line| line.split(": ").next().unwrap())
            .collect();
        assert_eq!(
            places,
            [
                "account_id",
                "session_seconds",
                "accounts[0].session_seconds",
                "accounts[1].id",
                "accounts[1].role",
                "speed",
                "bill.discount",
                "lateness.late_share",
                "lateness.missing_minutes",
                "nodes[0].cpu",
                "nodes[0].instance_type",
                "nodes[1].instance_type",
                "nodes[1]",
                "workloads[0].namespace",
                "workloads[0].replicas",
                "workloads[1].nodes[0]",
                "workloads[1].runs",
                "workloads[2].traffic.amplitude",
                "workloads[2].latency_ms",
                "functions[0].memory_mib",
                "functions[0].duration_ms",
                "functions[0].traffic.offset_minutes",
                "functions[0].ephemeral_storage_mib",
                "functions[0].init_ms",
                "functions[0].provisioned[0].concurrency",
                "functions[0].provisioned[1].qualifier",
                "functions[0].provisioned[1].share",
                "functions[0].provisioned",
                "functions[0].event_sources[0]",
                "functions[0].lateness.repeated_share",
                "functions[2].region",
                "functions[3].account_id",
                "functions[4].name",
            ]
        );
    }
}
