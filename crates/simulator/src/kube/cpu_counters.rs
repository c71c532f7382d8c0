//! What the pods of the running cluster have computed since they began.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::world::Workload;
use super::store::Key;

/// How many pods each workload had over time, and when containers began anew.
#[derive(Debug, Default)]
pub(super) struct CpuCounters {
    /// For each workload of the world, how many of its pods ran from an instant on.
    counts: BTreeMap<usize, Vec<(Timestamp, usize)>>,
    /// When the container of a pod was started last, and how often it was restarted.
    restarts: BTreeMap<Key, (Timestamp, u32)>,
}

impl CpuCounters {
    /// Notes how many pods each workload has from now on.
    pub(super) fn record(&mut self, now: Timestamp, counts: &BTreeMap<usize, usize>) {
        for (workload, seen) in &mut self.counts {
            let count = counts.get(workload).copied().unwrap_or_default();
            if seen.last().is_none_or(|(_, last)| *last != count) {
                seen.push((now, count));
            }
        }
        for (workload, count) in counts {
            let begin = || vec![(now, *count)];
            self.counts.entry(*workload).or_insert_with(begin);
        }
    }

    /// Notes that the container of a pod was started anew. Returns how often it was by now.
    pub(super) fn restart(&mut self, pod: &Key, now: Timestamp) -> u32 {
        let restart = self.restarts.entry(pod.clone()).or_insert((now, 0));
        *restart = (now, restart.1 + 1);
        restart.1
    }

    /// When the container of a pod that began then was started last.
    pub(super) fn started(&self, pod: &Key, began: Timestamp) -> Timestamp {
        let restart = self.restarts.get(pod).map(|(at, _)| *at);
        restart.map_or(began, |at| at.max(began))
    }

    /// Core-seconds that one pod of a workload used between two instants.
    ///
    /// Formula: for each stretch of time with the same number k of pods: `idle_cpu` · time + `cpu_seconds_per_request` ·
    /// requests / k. Before the first stretch k is as in it; where it is 0, as a pod begins on a whole second, it is 1.
    pub(super) fn core_seconds(
        &self,
        index: usize,
        workload: &Workload,
        from: Timestamp,
        to: Timestamp,
    ) -> f64 {
        let counts = self.counts.get(&index).map_or(&[][..], Vec::as_slice);
        let mut sum = 0.0;
        for (position, (begin, count)) in counts.iter().enumerate() {
            let begin = if position == 0 {
                from
            } else {
                from.max(*begin)
            };
            let end = counts
                .get(position + 1)
                .map_or(to, |(next, _)| to.min(*next));
            if begin < end {
                sum += workload.core_seconds_of_pod((*count).max(1), begin, end);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::world::World;
    use super::*;

    #[test]
    fn a_pod_computes_its_share_of_what_is_asked_and_what_it_does_without() {
        let world = World::from_yaml(
            "
name: w
start: 2026-03-03T00:00:00Z
history_hours: 1
nodes: [{name: a, instance_type: m5.large, zone: z, cpu: 2, memory_gib: 8}]
namespaces: [{name: n}]
workloads:
  - {name: web, namespace: n, kind: Deployment, replicas: 2, latency_ms: 10,
     usage: {idle_cpu: 0.5, cpu_seconds_per_request: 0.01, memory_mib: 1},
     traffic: {pattern: steady, requests_per_second: 40}}
",
        );
        let world = world.unwrap();
        let web = &world.workloads()[0];
        let at = |second: i64| Timestamp::from_second(world.start().as_second() + second).unwrap();
        let mut meters = CpuCounters::default();
        meters.record(at(0), &BTreeMap::from([(0, 2)]));
        let used = |meters: &CpuCounters, from, to| meters.core_seconds(0, web, at(from), at(to));
        assert!((used(&meters, -60, 30) - 90.0 * (0.5 + 0.2)).abs() < 1e-9);
        meters.record(at(10), &BTreeMap::from([(0, 4)]));
        let expected = 10.0 * 0.7 + 20.0 * (0.5 + 0.1);
        assert!((used(&meters, 0, 30) - expected).abs() < 1e-9);
        meters.record(at(20), &BTreeMap::new());
        meters.record(at(30), &BTreeMap::from([(0, 1)]));
        assert!((used(&meters, 29, 31) - 2.0 * (0.5 + 0.4)).abs() < 1e-9);
    }

    #[test]
    fn a_container_is_as_old_as_its_last_start() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let pod = ("n".to_owned(), "p".to_owned());
        let mut meters = CpuCounters::default();
        assert_eq!(meters.started(&pod, at(5)), at(5));
        assert_eq!(
            (meters.restart(&pod, at(10)), meters.restart(&pod, at(20))),
            (1, 2)
        );
        assert_eq!(meters.started(&pod, at(5)), at(20));
        assert_eq!(
            meters.started(&pod, at(30)),
            at(30),
            "it is another pod of that name"
        );
    }
}
