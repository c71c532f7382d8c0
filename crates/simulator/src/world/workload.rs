//! A workload of the world: its pods, its requests and what it uses.

use jiff::Timestamp;

use super::job_runs::{self, Run};
use super::rng;
use super::scheduler::Placement;
use super::schema::{WorkloadKind, WorkloadSpec, WorldSpec};
use super::traffic::Series;

/// A workload and the pods it has when the world begins.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The workload as the world file has it.
    pub spec: WorkloadSpec,
    /// `namespace/name`.
    pub key: String,
    /// The uid of the workload's object.
    pub uid: String,
    /// The pods, in their order. Empty for a CronJob and a Job, whose pods are those of its [runs](Self::runs_at).
    pub pods: Vec<PodIdentity>,
    pub(super) seed: u64,
    /// When the simulation starts, which is when a Job begins.
    pub(super) start: Timestamp,
    placement: Placement,
    series: Option<Series>,
}

/// One pod: what tells it from all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodIdentity {
    /// Name of the Pod object.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Name of the node it runs on.
    pub node: String,
    /// Its position among the pods of the workload, from 0.
    pub index: usize,
}

impl Workload {
    pub(super) fn new(
        world: &WorldSpec,
        spec: &WorkloadSpec,
        turn: usize,
        start: Timestamp,
        first_minute: i64,
    ) -> Self {
        let key = format!("{}/{}", spec.namespace, spec.name);
        let traffic = spec.traffic.clone();
        let mut workload = Self {
            spec: spec.clone(),
            uid: rng::uuid(world.seed, &key, "uid", 0),
            pods: Vec::new(),
            seed: world.seed,
            start,
            placement: Placement::new(world, spec, turn),
            series: traffic.map(|traffic| Series::new(traffic, world.seed, &key, first_minute)),
            key,
        };
        let count = match spec.kind {
            WorkloadKind::CronJob | WorkloadKind::Job => 0,
            WorkloadKind::DaemonSet => workload.placement.len(),
            _ => workload.replicas(),
        };
        workload.pods = (0..count).filter_map(|index| workload.pod(index)).collect();
        workload
    }

    /// Pods that the file asks for, or that each run has; for a DaemonSet see [`pods`](Self::pods).
    #[must_use]
    pub fn replicas(&self) -> usize {
        self.spec.replicas.unwrap_or(1) as usize
    }

    /// Requests in the minute; 0 before the history began and for a workload without traffic.
    #[must_use]
    pub fn requests_in_minute(&self, minute: i64) -> u64 {
        self.series
            .as_ref()
            .map_or(0, |series| series.in_minute(minute))
    }

    /// Requests since the history began, of all pods together.
    #[must_use]
    pub fn counter_at(&self, at: Timestamp) -> u64 {
        self.series
            .as_ref()
            .map_or(0, |series| series.counter_at(at))
    }

    /// The same, with the part of the next request that has passed.
    #[must_use]
    pub fn served_by(&self, at: Timestamp) -> f64 {
        self.series
            .as_ref()
            .map_or(0.0, |series| series.served_by(at))
    }

    /// Requests since the history began that pod `index` of `count` shows.
    ///
    /// Formula: floor((C + i) / k), which sums to C over the pods.
    #[must_use]
    pub fn pod_counter_at(&self, at: Timestamp, index: usize, count: usize) -> u64 {
        (self.counter_at(at) + index as u64)
            .checked_div(count as u64)
            .unwrap_or(0)
    }

    /// Core-seconds that each of `pods` pods uses between two instants.
    ///
    /// Formula: `idle_cpu` · time + `cpu_seconds_per_request` · requests / k, where requests are not rounded.
    #[must_use]
    pub fn core_seconds_of_pod(&self, pods: usize, from: Timestamp, to: Timestamp) -> f64 {
        let usage = &self.spec.usage;
        let time = to.duration_since(from).as_secs_f64();
        let requests = (self.served_by(to) - self.served_by(from)) / pods.max(1) as f64;
        usage.idle_cpu * time + usage.cpu_seconds_per_request * requests
    }

    /// Cores that `pods` pods use together in the minute.
    ///
    /// Formula: k * `idle_cpu` + `cpu_seconds_per_request` * n(m)/60; 0 without pods.
    #[must_use]
    pub fn cores_of(&self, pods: usize, minute: i64) -> f64 {
        if pods == 0 {
            return 0.0;
        }
        let usage = &self.spec.usage;
        let requests_per_second = self.requests_in_minute(minute) as f64 / 60.0;
        pods as f64 * usage.idle_cpu + usage.cpu_seconds_per_request * requests_per_second
    }

    /// Cores that all pods of the world file use together in the minute.
    #[must_use]
    pub fn cores_in_minute(&self, minute: i64) -> f64 {
        self.cores_of(self.pods_in_minute(minute), minute)
    }

    /// How many pods of the world file run in the minute.
    #[must_use]
    pub fn pods_in_minute(&self, minute: i64) -> usize {
        self.pods.len() + job_runs::running_in(self, minute) * self.replicas()
    }

    /// The runs of a CronJob or a Job that a cluster shows at the instant, oldest first: those that
    /// have not ended, and the last three that have.
    #[must_use]
    pub fn runs_at(&self, at: Timestamp) -> Vec<Run> {
        job_runs::shown_at(self, at)
    }

    /// The identity of pod `index`, also beyond those of the file (for a workload scaled up at run
    /// time); absent when there is no node for it.
    #[must_use]
    pub fn pod(&self, index: usize) -> Option<PodIdentity> {
        let name = &self.spec.name;
        let random = || rng::suffix(self.seed, &self.key, "pod", index as i64, 5);
        let name = match self.spec.kind {
            WorkloadKind::Deployment => format!("{}-{}", self.replica_set_name(), random()),
            WorkloadKind::StatefulSet => format!("{name}-{index}"),
            WorkloadKind::Pod if index == 0 => name.clone(),
            WorkloadKind::Pod => format!("{name}-{index}"),
            WorkloadKind::DaemonSet | WorkloadKind::CronJob | WorkloadKind::Job => {
                format!("{name}-{}", random())
            }
        };
        let uid = rng::uuid(self.seed, &self.key, "pod-uid", index as i64);
        Some(PodIdentity {
            name,
            uid,
            node: self.node_of(index)?.to_owned(),
            index,
        })
    }

    /// The node that pod `index` goes to; absent when there is none.
    pub(super) fn node_of(&self, index: usize) -> Option<&str> {
        self.placement.node_of(index)
    }

    /// The hash in the name of a Deployment's ReplicaSet.
    #[must_use]
    pub fn template_hash(&self) -> String {
        rng::suffix(self.seed, &self.key, "template", 0, 10)
    }

    /// The name of a Deployment's ReplicaSet.
    #[must_use]
    pub fn replica_set_name(&self) -> String {
        format!("{}-{}", self.spec.name, self.template_hash())
    }
}

#[cfg(test)]
mod tests {
    use super::super::World;
    use super::*;

    fn world(workload: &str) -> World {
        let text = format!(
            "
name: w
start: 2026-03-03T00:00:00Z
nodes: [{{name: a, instance_type: m5.large, zone: z, cpu: 2, memory_gib: 8}}]
namespaces: [{{name: n}}]
workloads: [{workload}]
"
        );
        World::from_yaml(&text).unwrap()
    }

    #[test]
    fn the_pods_of_a_workload_share_its_counter_without_loss() {
        let world = world(
            "{name: w, namespace: n, kind: Deployment, replicas: 3, latency_ms: 20, \
             usage: {idle_cpu: 0.1, cpu_seconds_per_request: 0.02, memory_mib: 64}, \
             traffic: {pattern: steady, requests_per_second: 10}}",
        );
        let workload = &world.workloads()[0];
        let at: Timestamp = "2026-03-02T12:00:17Z".parse().unwrap();
        let shares: Vec<_> = (0..3).map(|i| workload.pod_counter_at(at, i, 3)).collect();
        assert_eq!(shares.iter().sum::<u64>(), workload.counter_at(at));
        assert_eq!(workload.counter_at(at), 36 * 36_000 + 170);
        let minute = at.as_second() / 60;
        assert!((workload.cores_in_minute(minute) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn names_are_those_that_kubernetes_would_give() {
        let world = world("{name: w, namespace: n, kind: Deployment, usage: {memory_mib: 1}}");
        let name = world.workloads()[0].pods[0].name.clone();
        let parts: Vec<_> = name.split('-').map(str::len).collect();
        assert_eq!(parts, [1, 10, 5], "{name}");
    }
}
