//! From series of Prometheus to requests of workloads.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::latency_unit::LatencyUnit;
use super::response::{Answer, Series};
use super::target_labels::{self, TargetLabels};
use crate::sources::DiscardCounts;
use breakeven_model::inventory::{CountedStep, RequestRate, RequestStep, RequestTarget};
use breakeven_model::units::{QuantityError, Requests, RequestsPerSecond, Seconds, Window};

/// What was counted, by target and by the end of the step in seconds since 1970.
pub(super) type Counts = BTreeMap<RequestTarget, BTreeMap<i64, f64>>;

/// The window in parts of at most so many steps each.
pub(super) fn parts(window: Window, step: Duration, most: usize) -> Vec<Window> {
    let seconds = i64::try_from(step.as_secs()).unwrap_or(i64::MAX);
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut parts = Vec::new();
    let mut start = window.start();
    while start < window.end() {
        let end = start
            .as_second()
            .saturating_add(seconds.saturating_mul(most));
        let end = Timestamp::from_second(end).map_or(window.end(), |end| end.min(window.end()));
        let length = Duration::try_from(end.duration_since(start)).unwrap_or_default();
        parts.extend(
            Window::closed_before(end, step, Duration::ZERO).map(|last| last.extended_back(length)),
        );
        start = end;
    }
    parts
}

/// The counts of a ranged result. The error says how its labels break the contract.
pub(super) fn counts(
    answer: Answer,
    ways: &[TargetLabels],
    window: Window,
    discarded: &DiscardCounts,
) -> Result<Counts, String> {
    let (start, end) = (window.start().as_second(), window.end().as_second());
    let mut counts = Counts::new();
    for (target, series) in targets(answer, ways, discarded)? {
        let steps = counts.entry(target).or_default();
        for point in &series.points {
            let Some(value) = sound(point.1, discarded) else {
                continue;
            };
            let at = second(point.0);
            if start < at && at <= end {
                *steps.entry(at).or_default() += value;
            } else {
                discarded.add("outside_the_range", 1);
            }
        }
    }
    Ok(counts)
}

/// The steps in which requests were served, in order of time for each target.
pub(super) fn steps(
    step: Duration,
    requests: Counts,
    latency: Option<(LatencyUnit, Counts, Counts)>,
    discarded: &DiscardCounts,
) -> Vec<RequestStep> {
    let (unit, mut sums, mut measured) =
        latency.unwrap_or_else(|| (LatencyUnit::Seconds, Counts::new(), Counts::new()));
    let mut steps = Vec::new();
    for (target, counts) in requests {
        let sums = sums.get_mut(&target).map(std::mem::take);
        let mut sums = sums.unwrap_or_default();
        let measured = measured.get_mut(&target).map(std::mem::take);
        let measured = measured.unwrap_or_default();
        for (at, count) in counts {
            let latency = sums.remove(&at).zip(measured.get(&at).copied());
            if count == 0.0 {
                continue;
            }
            let window = Timestamp::from_second(at)
                .ok()
                .and_then(|end| Window::closed_before(end, step, Duration::ZERO));
            let (Some(window), Ok(requests)) = (window, Requests::from_requests(count)) else {
                discarded.add("not_finite", 1);
                continue;
            };
            steps.push(RequestStep {
                target: target.clone(),
                window,
                requests,
                latency: latency.and_then(|(sum, count)| in_seconds(unit, sum, count).ok()?),
            });
        }
        let orphans = sums.values().filter(|sum| **sum > 0.0).count();
        discarded.add("latency_without_requests", orphans as u64);
    }
    let orphans = sums.values().flat_map(BTreeMap::values);
    let orphans = orphans.filter(|sum| **sum > 0.0).count();
    discarded.add("latency_without_requests", orphans as u64);
    steps
}

/// The sum and how many were measured; absent where none was.
fn in_seconds(
    unit: LatencyUnit,
    sum: f64,
    count: f64,
) -> Result<Option<(Seconds, Requests)>, QuantityError> {
    let sum = match unit {
        LatencyUnit::Seconds => Seconds::from_seconds(sum)?,
        LatencyUnit::Milliseconds => Seconds::from_millis(sum)?,
    };
    let count = Requests::from_requests(count)?;
    Ok((!count.is_zero()).then_some((sum, count)))
}

/// The present rates of an instant result. The error says how its labels break the contract.
pub(super) fn rates(
    answer: Answer,
    ways: &[TargetLabels],
    over: Duration,
    discarded: &DiscardCounts,
) -> Result<Vec<RequestRate>, String> {
    let mut sums: BTreeMap<RequestTarget, f64> = BTreeMap::new();
    for (target, series) in targets(answer, ways, discarded)? {
        for point in &series.points {
            if let Some(value) = sound(point.1, discarded) {
                *sums.entry(target.clone()).or_default() += value;
            }
        }
    }
    let rate = |(target, count)| {
        let rate = Requests::from_requests(count).ok()?.per(over.into())?;
        Some(RequestRate { target, rate })
    };
    Ok(sums.into_iter().filter_map(rate).collect())
}

/// The sums of a ranged result, whatever its labels, by step; those of nothing are left out.
pub(super) fn sums(
    answer: Answer,
    step: Duration,
    window: Window,
    discarded: &DiscardCounts,
) -> Vec<CountedStep> {
    let mut sums: BTreeMap<i64, f64> = BTreeMap::new();
    for series in &answer.series {
        for point in &series.points {
            if let Some(value) = sound(point.1, discarded) {
                *sums.entry(second(point.0)).or_default() += value;
            }
        }
    }
    let sums = sums.into_iter().filter_map(|(at, sum)| {
        let end = Timestamp::from_second(at).ok()?;
        let one = Window::closed_before(end, step, Duration::ZERO)?;
        let inside = window.start() <= one.start() && one.end() <= window.end();
        let requests = Requests::from_requests(sum).ok()?;
        (inside && !requests.is_zero()).then_some(CountedStep {
            window: one,
            requests,
            latency: None,
        })
    });
    sums.collect()
}

/// The present rate of an instant result, whatever its labels; absent where it is empty.
pub(super) fn rate(
    answer: Answer,
    over: Duration,
    discarded: &DiscardCounts,
) -> Option<RequestsPerSecond> {
    let points = answer.series.iter().flat_map(|series| &series.points);
    let values: Vec<f64> = points
        .filter_map(|point| sound(point.1, discarded))
        .collect();
    let sum = Requests::from_requests(values.iter().sum()).ok()?;
    (!values.is_empty()).then(|| sum.per(over.into()))?
}

/// The whole second of a time.
#[expect(
    clippy::cast_possible_truncation,
    reason = "times are compared with a range"
)]
fn second(time: f64) -> i64 {
    time.round() as i64
}

/// Each series with the target that its labels name. Those that name none are counted, but where no series names
/// one, the expression is wrong.
fn targets(
    answer: Answer,
    ways: &[TargetLabels],
    discarded: &DiscardCounts,
) -> Result<Vec<(RequestTarget, Series)>, String> {
    let mut nameless = None;
    let mut named = Vec::with_capacity(answer.series.len());
    for series in answer.series {
        if series.histogram {
            discarded.add("native_histogram", 1);
            continue;
        }
        match target_labels::target(&series.labels, ways) {
            Some(target) => named.push((target, series)),
            None => {
                discarded.add("without_target", 1);
                nameless.get_or_insert(series.labels);
            }
        }
    }
    match nameless {
        Some(found) if named.is_empty() => Err(format!(
            "no series names its workload: it takes the labels {}; found {}",
            target_labels::in_words(ways),
            target_labels::shown(&found)
        )),
        _ => Ok(named),
    }
}

/// The value, where it is one that a count can have.
fn sound(value: f64, discarded: &DiscardCounts) -> Option<f64> {
    if !value.is_finite() {
        discarded.add("not_finite", 1);
        return None;
    }
    if value < 0.0 {
        discarded.add("negative", 1);
        return None;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::super::query::OWN_WAYS;
    use super::super::response::Point;
    use super::*;
    use breakeven_model::inventory::{PodKey, WorkloadKind};

    const STEP: Duration = Duration::from_secs(300);

    /// Two steps, that end at 300 and 600.
    fn window() -> Window {
        let end = Timestamp::from_second(600).unwrap();
        Window::closed_before(end, STEP, Duration::ZERO)
            .unwrap()
            .extended_back(STEP * 2)
    }

    fn series(labels: &[(&str, &str)], points: &[(f64, f64)]) -> Series {
        let owned = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
        Series {
            labels: labels.iter().map(owned).collect(),
            points: points.iter().map(|&(at, value)| Point(at, value)).collect(),
            histogram: false,
        }
    }

    fn answer(series: impl IntoIterator<Item = Series>) -> Answer {
        Answer {
            series: series.into_iter().collect(),
            remarks: Vec::new(),
        }
    }

    fn web(points: &[(f64, f64)]) -> Answer {
        answer([series(
            &[("namespace", "shop"), ("workload", "web")],
            points,
        )])
    }

    fn workload(kind: Option<WorkloadKind>) -> RequestTarget {
        RequestTarget::Workload {
            namespace: "shop".into(),
            kind,
            name: "web".into(),
        }
    }

    fn read(answer: Answer) -> (Counts, BTreeMap<&'static str, u64>) {
        let discarded = DiscardCounts::default();
        let counts = counts(answer, OWN_WAYS, window(), &discarded).unwrap();
        (counts, discarded.snapshot())
    }

    #[test]
    fn labels_name_a_workload_with_or_without_kind_or_a_pod() {
        for (labels, expected) in [
            (
                &[("namespace", "shop"), ("workload", "web")][..],
                workload(None),
            ),
            (
                &[
                    ("namespace", "shop"),
                    ("workload", "web"),
                    ("workload_kind", "StatefulSet"),
                ],
                workload(Some(WorkloadKind::StatefulSet)),
            ),
            (
                &[("namespace", "shop"), ("pod", "web-0")],
                RequestTarget::Pod(PodKey {
                    namespace: "shop".into(),
                    name: "web-0".into(),
                }),
            ),
        ] {
            let (counts, _) = read(answer([series(labels, &[(300.0, 5.0)])]));
            assert_eq!(counts, BTreeMap::from([(expected, [(300, 5.0)].into())]));
        }
    }

    #[test]
    fn series_of_one_workload_are_added_up() {
        let of = |code, count| {
            let labels = [("namespace", "shop"), ("workload", "web"), ("code", code)];
            series(&labels, &[(300.0, count)])
        };
        let (counts, _) = read(answer([of("200", 5.0), of("503", 1.0)]));
        assert_eq!(counts[&workload(None)][&300], 6.0);
    }

    #[test]
    fn values_that_no_count_has_are_left_out_and_counted() {
        let (counts, discarded) = read(web(&[
            (0.0, 1.0),
            (300.0, f64::NAN),
            (600.0, f64::INFINITY),
            (600.0, -1.0),
            (900.0, 1.0),
        ]));
        assert!(counts[&workload(None)].is_empty());
        let expected = [("negative", 1), ("not_finite", 2), ("outside_the_range", 2)];
        assert_eq!(discarded, BTreeMap::from(expected));
    }

    #[test]
    fn a_series_without_a_workload_is_counted_and_a_result_without_any_is_an_error() {
        let named = series(
            &[("namespace", "shop"), ("workload", "web")],
            &[(300.0, 5.0)],
        );
        let unknown = series(&[("namespace", "shop"), ("workload", "unknown")], &[]);
        let (counts, discarded) = read(answer([named, series(&[], &[]), unknown]));
        assert_eq!(counts.len(), 1);
        assert_eq!(discarded, BTreeMap::from([("without_target", 2)]));

        for (labels, found) in [
            (
                &[("job", "api"), ("instance", "x")][..],
                "`instance`, `job`",
            ),
            (&[], "no labels at all"),
        ] {
            let result = answer([series(labels, &[])]);
            let error =
                super::counts(result, OWN_WAYS, window(), &DiscardCounts::default()).unwrap_err();
            assert_eq!(
                error,
                format!(
                    "no series names its workload: it takes the labels `namespace` and `workload`, \
                     or `namespace` and `pod`; found {found}"
                )
            );
        }
    }

    #[test]
    fn an_empty_result_is_no_error() {
        assert!(read(answer([])).0.is_empty());
    }

    #[test]
    fn steps_hold_requests_and_the_latency_that_was_measured_of_them() {
        let discarded = DiscardCounts::default();
        let of = |points: &[(f64, f64)]| read(web(points)).0;
        let latency = (
            LatencyUnit::Milliseconds,
            of(&[(300.0, 1_500.0), (600.0, 0.0)]),
            of(&[(300.0, 10.0), (600.0, 0.0)]),
        );
        let requests = of(&[(300.0, 10.0), (600.0, 4.0)]);
        let steps = steps(STEP, requests, Some(latency), &discarded);
        let seconds = Seconds::from_seconds(1.5).unwrap();
        let count = |count| Requests::from_requests(count).unwrap();
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[0].window.start().as_second(), 0);
        assert_eq!(steps[0].window.end().as_second(), 300);
        assert_eq!(steps[0].requests, count(10.0));
        assert_eq!(steps[0].latency, Some((seconds, count(10.0))));
        assert_eq!(steps[1].latency, None, "none was measured");
        assert!(discarded.snapshot().is_empty());
    }

    #[test]
    fn a_step_without_requests_is_none_and_latency_without_requests_is_counted() {
        let discarded = DiscardCounts::default();
        let of = |points: &[(f64, f64)]| read(web(points)).0;
        let latency = (
            LatencyUnit::Seconds,
            of(&[(600.0, 3.0)]),
            of(&[(600.0, 2.0)]),
        );
        let steps = steps(STEP, of(&[(300.0, 0.0)]), Some(latency), &discarded);
        assert!(steps.is_empty());
        let expected = BTreeMap::from([("latency_without_requests", 1)]);
        assert_eq!(discarded.snapshot(), expected);
    }

    #[test]
    fn a_rate_is_the_count_over_its_time() {
        let discarded = DiscardCounts::default();
        let rates = rates(web(&[(700.0, 600.0)]), OWN_WAYS, STEP, &discarded).unwrap();
        assert_eq!(rates[0].target, workload(None));
        assert_eq!(rates[0].rate.per_second(), 2.0);
    }

    #[test]
    fn parts_cover_the_window_without_gap_or_overlap() {
        let end = Timestamp::from_second(25 * 300).unwrap();
        let window = Window::closed_before(end, STEP, Duration::ZERO)
            .unwrap()
            .extended_back(STEP * 25);
        let seconds = |part: &Window| (part.start().as_second(), part.end().as_second());
        let split: Vec<_> = parts(window, STEP, 10).iter().map(seconds).collect();
        assert_eq!(split, [(0, 3_000), (3_000, 6_000), (6_000, 7_500)]);
        assert_eq!(parts(window, STEP, 25), [window]);
    }
}
