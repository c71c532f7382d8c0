//! What the counters of pods said last, and what they counted since.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::exposition::{ContainerReading, Count, PodReading};
use crate::sources::usage::rates;
use breakeven_model::inventory::{CpuUsageDelta, PodKey, PodUsage};
use breakeven_model::units::{CoreSeconds, Window};

/// How far the clock of a node may be from the agent's for its times to be taken.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What is known of the counters of every pod.
#[derive(Debug, Default)]
pub(super) struct CounterTracker {
    pods: HashMap<PodKey, LastReading>,
    /// When each pod that there is was created.
    start_times: HashMap<PodKey, Option<Timestamp>>,
    /// When each node was read for the first time: all that a pod counts which began later was counted since.
    first_read: HashMap<Arc<str>, Timestamp>,
}

/// What a pod said last.
#[derive(Debug)]
struct LastReading {
    born: Option<Timestamp>,
    reading: PodReading,
}

/// What a pod used since it was read last.
#[derive(Debug, PartialEq)]
pub(super) enum CounterDelta {
    /// The kubelet has not looked anew, or there is nothing to compare with.
    Nothing,
    /// There is something to count from now on; until then this is what it used on average since its containers began.
    Begun(PodUsage),
    /// So much.
    Used(PodUsage, CpuUsageDelta),
    /// The cluster has no such pod, or not yet.
    UnmatchedPod,
    /// The time that its counters give is not believed.
    Implausible,
}

impl CounterTracker {
    /// Forgets the pods and nodes that are gone.
    pub(super) fn keep(
        &mut self,
        nodes: &[Arc<str>],
        start_times: HashMap<PodKey, Option<Timestamp>>,
    ) {
        self.pods.retain(|pod, _| start_times.contains_key(pod));
        self.first_read.retain(|node, _| nodes.contains(node));
        self.start_times = start_times;
    }

    /// Notes that a node was read.
    pub(super) fn read(&mut self, node: &Arc<str>, now: Timestamp) {
        self.first_read.entry(Arc::clone(node)).or_insert(now);
    }

    /// Takes in what a pod says.
    pub(super) fn record(
        &mut self,
        node: &Arc<str>,
        key: PodKey,
        reading: PodReading,
        now: Timestamp,
    ) -> CounterDelta {
        let Some(born) = self.start_times.get(&key).copied() else {
            return CounterDelta::UnmatchedPod;
        };
        let counts = reading.containers.values();
        let counts = counts
            .filter_map(|one| one.processor)
            .chain(reading.processor);
        if !counts.clone().all(|one| is_plausible(one.at, now)) {
            return CounterDelta::Implausible;
        }
        let before = self.pods.get(&key).filter(|known| known.born == born);
        let first_read = self.first_read.get(node);
        let began = born.filter(|born| first_read.is_some_and(|first| born >= first));
        let used = used(&key, before.map(|known| &known.reading), &reading, began);
        let life = before.is_none().then(|| life(&key, &reading)).flatten();
        let reading = match before {
            Some(before) => reading.filled_from(&before.reading),
            None => reading,
        };
        self.pods.insert(key, LastReading { born, reading });
        match (used, life) {
            (Some((usage, counted)), _) => CounterDelta::Used(usage, counted),
            (None, Some(life)) => CounterDelta::Begun(life),
            (None, None) => CounterDelta::Nothing,
        }
    }
}

fn is_plausible(at: Timestamp, now: Timestamp) -> bool {
    at.duration_since(now).abs() <= MAX_SKEW
}

impl PodReading {
    /// The same, with the counts of an earlier one where it has none: a count that is missing once is no new counter.
    fn filled_from(mut self, before: &Self) -> Self {
        self.processor = self.processor.or(before.processor);
        for (name, container) in &mut self.containers {
            let earlier = before.containers.get(name).and_then(|one| one.processor);
            container.processor = container.processor.or(earlier);
        }
        self
    }
}

/// What a pod used since an earlier reading, or since it began where there is none and that is known.
fn used(
    key: &PodKey,
    before: Option<&PodReading>,
    now: &PodReading,
    began: Option<Timestamp>,
) -> Option<(PodUsage, CpuUsageDelta)> {
    let mut containers = Vec::new();
    let mut parts: Vec<(Window, CoreSeconds)> = Vec::new();
    for (name, container) in &now.containers {
        let earlier = before.and_then(|before| before.containers.get(name));
        // A container that was not there when the pod was read before began since.
        let began = match (before, earlier) {
            (Some(before), None) => container
                .started
                .or_else(|| before.processor.map(|one| one.at)),
            _ => began.max(container.started.filter(|_| began.is_some())),
        };
        let Some((window, processor)) = of_container(earlier, container, began) else {
            continue;
        };
        parts.push((window, processor));
        let container = rates::container(name, window, processor, container.memory);
        containers.extend(container);
    }
    let of_pod = now.processor.and_then(|count| {
        let earlier = before.and_then(|before| before.processor);
        increase(earlier, count, began)
    });
    let (window, processor) = match of_pod {
        Some(whole) => whole,
        None if now.processor.is_some() => return None,
        None => together(&parts)?,
    };
    let counted = CpuUsageDelta {
        pod: key.clone(),
        window,
        processor,
        throttling: None,
    };
    Some((rates::pod(&counted, containers)?, counted))
}

/// What the containers of a pod used on average since each of them began.
fn life(key: &PodKey, reading: &PodReading) -> Option<PodUsage> {
    let mut began: Option<Timestamp> = None;
    let mut whole = PodReading::default();
    for (name, container) in &reading.containers {
        if let Some(started) = container.started {
            began = Some(began.map_or(started, |began| began.min(started)));
            whole.containers.insert(Arc::clone(name), *container);
        }
    }
    used(key, None, &whole, began).map(|(usage, _)| usage)
}

/// What a container counted since an earlier reading. A restart is known by its start, or by a counter that fell; what it
/// counted then, it counted since.
fn of_container(
    before: Option<&ContainerReading>,
    now: &ContainerReading,
    began: Option<Timestamp>,
) -> Option<(Window, CoreSeconds)> {
    let count = now.processor?;
    let earlier = before.and_then(|before| before.processor);
    let started_before = before.and_then(|before| before.started);
    let restarted = started_before
        .zip(now.started)
        .is_some_and(|(one, other)| one < other);
    match earlier {
        Some(earlier) if restarted => {
            let from = now
                .started
                .map_or(earlier.at, |started| started.max(earlier.at));
            Some((Window::between(from, count.at)?, count.value))
        }
        earlier => increase(earlier, count, began),
    }
}

/// What a counter counted since it was read before. One that fell began at 0, and what it had counted after that reading is not
/// known. One that was never read and began since counts whole.
fn increase(
    before: Option<Count>,
    now: Count,
    began: Option<Timestamp>,
) -> Option<(Window, CoreSeconds)> {
    match before {
        Some(before) => {
            let increase = if before.value <= now.value {
                now.value.less(before.value)
            } else {
                now.value
            };
            Some((Window::between(before.at, now.at)?, increase))
        }
        None => Some((Window::between(began?, now.at)?, now.value)),
    }
}

/// The sum of what containers counted, in the time from the first to the last of their readings.
fn together(parts: &[(Window, CoreSeconds)]) -> Option<(Window, CoreSeconds)> {
    let start = parts.iter().map(|(window, _)| window.start()).min()?;
    let end = parts.iter().map(|(window, _)| window.end()).max()?;
    let sum = parts.iter().map(|(_, processor)| *processor).sum();
    Some((Window::between(start, end)?, sum))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use breakeven_model::units::Gib;

    const T: i64 = 1_772_496_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(T + second).unwrap()
    }

    fn count(second: i64, value: f64) -> Count {
        Count {
            at: at(second),
            value: CoreSeconds::from_core_seconds(value).unwrap(),
        }
    }

    /// A pod with a container that has counted so much since it started, and a counter of its own.
    fn reading(second: i64, value: f64, started: i64, pod: Option<f64>) -> PodReading {
        let container = ContainerReading {
            processor: Some(count(second, value)),
            memory: Some(Gib::ZERO),
            started: Some(at(started)),
        };
        PodReading {
            processor: pod.map(|value| count(second, value)),
            containers: BTreeMap::from([("app".into(), container)]),
        }
    }

    fn key() -> PodKey {
        PodKey {
            namespace: "shop".into(),
            name: "web-1".into(),
        }
    }

    /// A memory of one node, read since 0, and a pod that was created then.
    fn memory(born: i64) -> CounterTracker {
        let mut memory = CounterTracker::default();
        memory.keep(&["n".into()], HashMap::from([(key(), Some(at(born)))]));
        memory.read(&"n".into(), at(0));
        memory
    }

    fn take(memory: &mut CounterTracker, second: i64, reading: PodReading) -> Option<(f64, f64)> {
        match memory.record(&"n".into(), key(), reading, at(second)) {
            CounterDelta::Used(usage, counted) => {
                assert!(usage.is_counted);
                assert_eq!(usage.at, counted.window.end());
                let length = counted.window.length().seconds();
                Some((counted.processor.core_seconds(), length))
            }
            CounterDelta::Nothing | CounterDelta::Begun(_) => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_counted_between_two_readings_is_counted_once() {
        let mut memory = memory(-900);
        assert_eq!(
            take(&mut memory, 0, reading(0, 100.0, -900, Some(101.0))),
            None
        );
        let next = reading(15, 104.0, -900, Some(106.0));
        assert_eq!(take(&mut memory, 15, next.clone()), Some((5.0, 15.0)));
        assert_eq!(
            take(&mut memory, 20, next),
            None,
            "the kubelet has not looked anew"
        );
        let later = reading(135, 164.0, -900, Some(166.0));
        assert_eq!(
            take(&mut memory, 135, later),
            Some((60.0, 120.0)),
            "after a gap"
        );
    }

    #[test]
    fn at_first_a_pod_uses_what_it_used_on_average_in_its_life() {
        let mut memory = memory(-900);
        let first = reading(0, 90.0, -300, Some(200.0));
        let CounterDelta::Begun(usage) = memory.record(&"n".into(), key(), first, at(0)) else {
            panic!("there is nothing to compare with");
        };
        assert!(usage.is_counted);
        assert_eq!(usage.window.seconds(), 300.0);
        assert_eq!(usage.containers[0].request.cpu.cores(), 0.3);
        let mut silent = reading(0, 90.0, -300, None);
        silent
            .containers
            .values_mut()
            .for_each(|one| one.started = None);
        let mut memory = self::memory(-900);
        let news = memory.record(&"n".into(), key(), silent, at(0));
        assert_eq!(news, CounterDelta::Nothing, "it does not say when it began");
    }

    #[test]
    fn a_container_that_restarts_loses_nothing_of_what_its_pod_counts() {
        let mut memory = memory(-900);
        take(&mut memory, 0, reading(0, 100.0, -900, Some(100.0)));
        let restarted = reading(15, 3.0, 8, Some(110.0));
        assert_eq!(take(&mut memory, 15, restarted), Some((10.0, 15.0)));
        let after = reading(30, 8.0, 8, Some(115.0));
        assert_eq!(take(&mut memory, 30, after), Some((5.0, 15.0)));
    }

    #[test]
    fn without_a_count_of_the_pod_its_containers_are_added_up() {
        let mut memory = memory(-900);
        take(&mut memory, 0, reading(0, 100.0, -900, None));
        assert_eq!(
            take(&mut memory, 15, reading(15, 105.0, -900, None)),
            Some((5.0, 15.0))
        );
        // It has overtaken the one before it, and is known by its start.
        let restarted = reading(30, 200.0, 20, None);
        assert_eq!(take(&mut memory, 30, restarted), Some((200.0, 10.0)));
        // It does not say when it started.
        let mut fell = reading(45, 7.0, 20, None);
        fell.containers
            .values_mut()
            .for_each(|one| one.started = None);
        assert_eq!(take(&mut memory, 45, fell), Some((7.0, 15.0)));
    }

    #[test]
    fn a_pod_that_began_since_counts_whole_and_one_that_was_there_does_not() {
        let mut young = memory(5);
        assert_eq!(
            take(&mut young, 15, reading(15, 4.0, 7, Some(4.5))),
            Some((4.5, 10.0))
        );
        let mut old = memory(-1);
        assert_eq!(take(&mut old, 15, reading(15, 4.0, -1, Some(4.5))), None);
    }

    #[test]
    fn a_pod_of_the_same_name_is_another_one() {
        let mut memory = memory(-900);
        take(&mut memory, 0, reading(0, 100.0, -900, Some(100.0)));
        memory.keep(&["n".into()], HashMap::from([(key(), Some(at(10)))]));
        let again = reading(30, 150.0, 11, Some(151.0));
        assert_eq!(take(&mut memory, 30, again), Some((151.0, 20.0)));
    }

    #[test]
    fn a_container_that_joins_and_a_count_that_is_missing_once_are_no_new_pod() {
        let mut memory = memory(-900);
        take(&mut memory, 0, reading(0, 100.0, -900, Some(100.0)));
        let mut joined = reading(15, 105.0, -900, Some(107.0));
        let sidecar = reading(15, 1.0, 10, None).containers.remove("app");
        joined.containers.insert("sidecar".into(), sidecar.unwrap());
        assert_eq!(take(&mut memory, 15, joined), Some((7.0, 15.0)));
        let mut silent = reading(30, 0.0, -900, None);
        silent
            .containers
            .values_mut()
            .for_each(|one| one.processor = None);
        assert_eq!(take(&mut memory, 30, silent), None);
        assert_eq!(
            take(&mut memory, 45, reading(45, 120.0, -900, Some(122.0))),
            Some((15.0, 30.0))
        );
    }

    #[test]
    fn strangers_and_clocks_that_are_off_are_named() {
        let mut memory = memory(-900);
        let unmatched_target = PodKey {
            name: "other".into(),
            ..key()
        };
        let one = || reading(0, 1.0, -900, Some(1.0));
        assert_eq!(
            memory.record(&"n".into(), unmatched_target, one(), at(0)),
            CounterDelta::UnmatchedPod
        );
        assert_eq!(
            memory.record(&"n".into(), key(), one(), at(900)),
            CounterDelta::Implausible
        );
        assert_eq!(
            memory.record(&"n".into(), key(), one(), at(-900)),
            CounterDelta::Implausible
        );
    }

    #[test]
    fn pods_and_nodes_that_are_gone_are_forgotten() {
        let mut memory = memory(-900);
        take(&mut memory, 0, reading(0, 1.0, -900, Some(1.0)));
        memory.keep(&[], HashMap::new());
        assert!(memory.pods.is_empty() && memory.first_read.is_empty());
    }
}
