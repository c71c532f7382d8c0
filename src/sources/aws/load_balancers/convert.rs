//! From what CloudWatch says of counters to what workloads served.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::PERIOD;
use super::counter::{Counter, Series};
use super::target_mapping::Weights;
use crate::sources::DiscardCounts;
use crate::sources::Reason;
use crate::sources::aws::cloudwatch::{MissingResult, Query};
use breakeven_model::inventory::{Counted, CountedStep, WorkloadId};
use breakeven_model::units::{QuantityError, Requests, Seconds, Window};

/// What a counter counted, by the second at which each minute begins. Where nothing was counted there is nothing.
pub(super) type Minutes = BTreeMap<i64, Minute>;

/// What was counted in a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Minute {
    pub(super) requests: Requests,
    pub(super) latency: Seconds,
    pub(super) measured: Requests,
}

/// The minutes of a counter, from the answers to its queries.
///
/// # Errors
/// Why it could not be read to its end, or what of it makes no sense.
pub(super) fn minutes(
    counter: &Counter,
    queries: &[Query],
    window: Window,
    discarded: &DiscardCounts,
) -> Result<Minutes, MissingResult> {
    let mut minutes = Minutes::new();
    for (series, query) in Series::ALL.into_iter().zip(queries) {
        if let Some(missing) = query.missing(counter.name()) {
            return Err(missing);
        }
        if query.is_unanswered() {
            return Err(MissingResult {
                reason: Reason::Incomplete,
                problem: format!("{} has no answer", counter.name()),
            });
        }
        for &(second, value) in query.points() {
            if second < window.start().as_second() || window.end().as_second() <= second {
                discarded.add("outside_the_window", 1);
                continue;
            }
            let minute = minutes.entry(second).or_default();
            add_requests(minute, counter, series, value).map_err(|error| MissingResult {
                reason: Reason::InvalidResponse,
                problem: format!("a metric of {} at {second}: {error}", counter.name()),
            })?;
        }
    }
    Ok(minutes)
}

fn add_requests(
    minute: &mut Minute,
    counter: &Counter,
    series: Series,
    value: f64,
) -> Result<(), QuantityError> {
    match series {
        Series::Requests => minute.requests = Requests::from_requests(value)?,
        Series::Latency => minute.latency = counter.latency(value)?,
        Series::Measured => minute.measured = Requests::from_requests(value)?,
    }
    Ok(())
}

/// What each workload served in a window that all of its counters were read for.
#[derive(Debug, Default)]
pub(super) struct ServedRequests(BTreeMap<WorkloadId, (Window, Minutes)>);

impl ServedRequests {
    /// Adds what a counter counted in a window, and shares it out to those behind it. A workload with several counters has
    /// the time that all of them were read for.
    pub(super) fn add(&mut self, shares: &Weights, window: Window, minutes: &Minutes) {
        for (id, part) in shares {
            let new = || (window, Minutes::new());
            let (common, sums) = self.0.entry(id.clone()).or_insert_with(new);
            *common = common.since(window.start()).unwrap_or(*common);
            for (second, minute) in minutes {
                let sum = sums.entry(*second).or_default();
                sum.requests += minute.requests * *part;
                sum.latency += minute.latency * *part;
                sum.measured += minute.measured * *part;
            }
        }
    }

    pub(super) fn counted(self) -> BTreeMap<WorkloadId, Counted> {
        let each = self.0.into_iter();
        let each = each.map(|(id, (window, minutes))| {
            let steps = minutes.into_iter();
            let steps = steps.filter_map(|(second, minute)| step(window, second, minute));
            let counted = Counted {
                covered: vec![window],
                steps: steps.collect(),
                rate: None,
                failure: None,
            };
            (id, counted)
        });
        each.collect()
    }
}

fn step(all: Window, second: i64, minute: Minute) -> Option<CountedStep> {
    let start = jiff::Timestamp::from_second(second).ok()?;
    let end = start.checked_add(PERIOD).ok()?;
    Some(CountedStep {
        window: Window::between(start, end).filter(|_| all.contains(start))?,
        requests: minute.requests,
        latency: (!minute.measured.is_zero()).then_some((minute.latency, minute.measured)),
    })
}

/// The part of an ARN that names a target group in the dimensions of metrics, and the region that it is in.
///
/// `arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef`
pub(super) fn target_group(arn: &str) -> Option<(Arc<str>, &str)> {
    let mut parts = arn.splitn(6, ':');
    let is_one = (parts.next(), parts.nth(1)) == (Some("arn"), Some("elasticloadbalancing"));
    let (region, _, resource) = (parts.next()?, parts.next()?, parts.next()?);
    (is_one && resource.starts_with("targetgroup/")).then(|| (region.into(), resource))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use breakeven_model::test_util::deployment;
    use breakeven_model::units::Ratio;

    fn window(from: i64, to: i64) -> Window {
        let at = |second| Timestamp::from_second(second).unwrap();
        Window::between(at(from), at(to)).unwrap()
    }

    fn minute(requests: f64) -> Minute {
        Minute {
            requests: Requests::from_requests(requests).unwrap(),
            latency: Seconds::from_seconds(requests * 0.1).unwrap(),
            measured: Requests::from_requests(requests).unwrap(),
        }
    }

    fn shares(parts: &[(&str, f64)]) -> Weights {
        let parts = parts.iter();
        parts
            .map(|(name, part)| (deployment("shop", name), Ratio::from_factor(*part).unwrap()))
            .collect()
    }

    #[test]
    fn counters_of_a_workload_add_up_over_the_time_that_all_were_read_for() {
        let mut served = ServedRequests::default();
        let minutes = Minutes::from([(0, minute(8.0)), (120, minute(4.0))]);
        served.add(
            &shares(&[("web", 0.75), ("canary", 0.25)]),
            window(0, 180),
            &minutes,
        );
        served.add(
            &shares(&[("web", 1.0)]),
            window(60, 180),
            &Minutes::from([(60, minute(1.0)), (120, minute(2.0))]),
        );
        let counted = served.counted();
        let shown = |name: &str| {
            let counted = &counted[&deployment("shop", name)];
            let steps = counted.steps.iter();
            let steps = steps.map(|step| {
                let (sum, count) = step.latency.unwrap();
                let mean = sum.seconds() / count.requests();
                assert!((mean - 0.1).abs() < 1e-9);
                (step.window.start().as_second(), step.requests.requests())
            });
            (counted.covered.clone(), steps.collect::<Vec<_>>())
        };
        assert_eq!(
            shown("web"),
            (vec![window(60, 180)], vec![(60, 1.0), (120, 5.0)])
        );
        assert_eq!(
            shown("canary"),
            (vec![window(0, 180)], vec![(0, 2.0), (120, 1.0)])
        );
    }

    #[test]
    fn an_arn_names_the_region_and_the_group() {
        let group = "targetgroup/web/0123456789abcdef";
        let arn = format!("arn:aws-cn:elasticloadbalancing:cn-north-1:1:{group}");
        assert_eq!(target_group(&arn), Some(("cn-north-1".into(), group)));
        for unexpected in [
            "",
            group,
            "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/x/1",
            "arn:aws:lambda:r:1:targetgroup/x/1",
        ] {
            assert_eq!(target_group(unexpected), None, "{unexpected}");
        }
    }
}
