//! From series of cAdvisor to what pods use.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::sources::DiscardCounts;
use crate::sources::prometheus::{Answer, Series};
use crate::sources::usage::rates;
use breakeven_model::inventory::{Container, CpuUsageDelta, PodKey, PodUsage, Throttling};
use breakeven_model::units::{CoreSeconds, Gib, Periods, Seconds, Window};

/// Whose a value is: a pod, and a container of it where it is of one alone.
type Owner = (PodKey, Arc<str>);

/// Values by the end of their window, in seconds since 1970.
pub(super) type Values = BTreeMap<i64, HashMap<Owner, f64>>;

/// The values of an answer, and how many there are. Those without a pod, and those that no amount can have, are counted.
pub(super) fn values(answer: Answer, discarded: &DiscardCounts) -> Values {
    let mut values = Values::new();
    for series in answer.series {
        let Some(owner) = owner(&series) else {
            discarded.add("without_target", 1);
            continue;
        };
        for point in &series.points {
            if !point.1.is_finite() || point.1 < 0.0 {
                discarded.add("not_finite", 1);
                continue;
            }
            #[expect(
                clippy::cast_possible_truncation,
                reason = "times are compared with a range"
            )]
            let end = point.0.round() as i64;
            values
                .entry(end)
                .or_default()
                .insert(owner.clone(), point.1);
        }
    }
    values
}

fn owner(series: &Series) -> Option<Owner> {
    let label = |name: &str| {
        let value = series.labels.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    };
    let key = PodKey {
        namespace: label("namespace")?.into(),
        name: label("pod")?.into(),
    };
    Some((key, label("container").unwrap_or_default().into()))
}

/// What was asked for one window.
#[derive(Clone, Copy, Debug)]
pub(super) struct UsageSums<'a> {
    pub(super) processor: &'a HashMap<Owner, f64>,
    pub(super) memory: Option<&'a HashMap<Owner, f64>>,
    pub(super) throttled_time: Option<&'a HashMap<Owner, f64>>,
    pub(super) throttled: Option<&'a HashMap<Owner, f64>>,
    pub(super) periods: Option<&'a HashMap<Owner, f64>>,
}

/// What each pod used in a window. Of one that has no memory at the end of it, which is then gone, nothing is said of the
/// present.
pub(super) fn used(window: Window, sums: UsageSums<'_>) -> Vec<(Option<PodUsage>, CpuUsageDelta)> {
    let mut pods: BTreeMap<&PodKey, (CoreSeconds, Vec<Container>)> = BTreeMap::new();
    for (owner, value) in sums.processor {
        let Ok(processor) = CoreSeconds::from_core_seconds(*value) else {
            continue;
        };
        let memory = sums.memory.and_then(|memory| memory.get(owner));
        let memory = memory.and_then(|bytes| Gib::from_bytes(*bytes).ok());
        let (sum, containers) = pods.entry(&owner.0).or_default();
        *sum += processor;
        let container = rates::container(&owner.1, window, processor, memory);
        containers.extend(container);
    }
    let of_pod = |(key, (processor, containers)): (&PodKey, (CoreSeconds, Vec<Container>))| {
        let counted = CpuUsageDelta {
            pod: key.clone(),
            window,
            processor,
            throttling: throttling(key, sums),
        };
        (rates::pod(&counted, containers), counted)
    };
    pods.into_iter().map(of_pod).collect()
}

/// How a pod was held back; absent where its containers have no limit, or nobody says so.
fn throttling(pod: &PodKey, sums: UsageSums<'_>) -> Option<Throttling> {
    let of = |sums: Option<&HashMap<Owner, f64>>| {
        let owner = (pod.clone(), Arc::from(""));
        sums.and_then(|sums| sums.get(&owner).copied())
    };
    let periods = of(sums.periods)?;
    Some(Throttling {
        time: Seconds::from_seconds(of(sums.throttled_time)?).ok()?,
        throttled: Periods::from_periods(of(sums.throttled)?).ok()?,
        periods: Periods::from_periods(periods).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Labels = &'static [(&'static str, &'static str)];

    fn answer(series: &[(Labels, &[(f64, f64)])]) -> Answer {
        let series = series
            .iter()
            .map(|(labels, points)| Series::of(labels, points));
        Answer {
            series: series.collect(),
            remarks: Vec::new(),
        }
    }

    const APP: Labels = &[
        ("namespace", "shop"),
        ("pod", "web-1"),
        ("container", "app"),
    ];
    const PROXY: Labels = &[
        ("namespace", "shop"),
        ("pod", "web-1"),
        ("container", "proxy"),
    ];
    const POD: Labels = &[("namespace", "shop"), ("pod", "web-1")];

    fn window() -> Window {
        let at = |second| jiff::Timestamp::from_second(second).unwrap();
        Window::between(at(120), at(240)).unwrap()
    }

    #[test]
    fn containers_are_added_up_to_their_pod() {
        let discard_counts = DiscardCounts::default();
        let processor = values(
            answer(&[(APP, &[(240.0, 60.0)]), (PROXY, &[(240.0, 12.0)])]),
            &discard_counts,
        );
        let memory = values(answer(&[(APP, &[(240.0, 536_870_912.0)])]), &discard_counts);
        let one = |value: f64| values(answer(&[(POD, &[(240.0, value)])]), &discard_counts);
        let (time, throttled, periods) = (one(3.0), one(200.0), one(1_000.0));
        let sums = UsageSums {
            processor: &processor[&240],
            memory: memory.get(&240),
            throttled_time: time.get(&240),
            throttled: throttled.get(&240),
            periods: periods.get(&240),
        };
        let [(usage, counted)] = &used(window(), sums)[..] else {
            panic!("one pod");
        };
        assert_eq!(counted.processor.core_seconds(), 72.0);
        let throttling = counted.throttling.unwrap();
        assert_eq!(throttling.ratio().unwrap().get(), 0.2);
        assert_eq!(throttling.time.seconds(), 3.0);
        let [app] = &usage.as_ref().unwrap().containers[..] else {
            panic!("the proxy has no memory: {usage:?}");
        };
        let request = app.request;
        assert_eq!((request.cpu.cores(), request.memory.mib()), (0.5, 512.0));
        let without = UsageSums {
            periods: None,
            ..sums
        };
        assert_eq!(used(window(), without)[0].1.throttling, None, "no limit");
        let gone = UsageSums {
            memory: None,
            ..sums
        };
        assert_eq!(used(window(), gone)[0].0, None);
        assert!(discard_counts.snapshot().is_empty());
    }

    #[test]
    fn what_is_no_amount_or_nobodys_is_counted() {
        let discard_counts = DiscardCounts::default();
        let found = values(
            answer(&[
                (APP, &[(120.0, f64::NAN), (240.0, -1.0), (360.0, 2.0)]),
                (&[("namespace", "shop"), ("pod", "")], &[(120.0, 1.0)]),
                (&[], &[(120.0, 1.0)]),
            ]),
            &discard_counts,
        );
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [360]);
        let counts = [("not_finite", 2), ("without_target", 2)];
        assert_eq!(discard_counts.snapshot(), BTreeMap::from(counts));
    }
}
