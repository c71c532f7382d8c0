//! A Lambda function of the world and the truth about each of its minutes.

use jiff::Timestamp;

use super::chance;
use super::lateness::{Batch, LatenessSpec};
use super::spec::{FunctionSpec, WorldSpec};
use super::traffic::Series;

/// The busiest second of a minute holds this many times the mean number of concurrent executions.
const CONCURRENCY_PEAK: f64 = 1.3;

/// A Lambda function.
#[derive(Clone, Debug)]
pub struct Function {
    /// The function as the world file has it.
    pub spec: FunctionSpec,
    /// The account it is in.
    pub account: String,
    /// The region it is in.
    pub region: String,
    /// Where its chance comes from: its name, with account and region before it unless both are the
    /// world's.
    pub key: String,
    seed: u64,
    series: Series,
    lateness: Option<LatenessSpec>,
}

impl Function {
    pub(super) fn new(world: &WorldSpec, spec: &FunctionSpec, first_minute: i64) -> Self {
        let account = spec.account_id.as_ref().unwrap_or(&world.account_id);
        let region = spec.region.as_ref().unwrap_or(&world.region);
        let key = if *account == world.account_id && *region == world.region {
            spec.name.clone()
        } else {
            full_name(account, region, &spec.name)
        };
        let series = Series::new(spec.traffic.clone(), world.seed, &key, first_minute);
        let lateness = spec.lateness.as_ref().or(world.lateness.as_ref());
        Self {
            spec: spec.clone(),
            account: account.clone(),
            region: region.clone(),
            key,
            seed: world.seed,
            series,
            lateness: lateness.cloned(),
        }
    }

    /// How late CloudWatch shows its invocations; absent: as late as it shows any.
    #[must_use]
    pub fn lateness(&self) -> Option<&LatenessSpec> {
        self.lateness.as_ref()
    }

    /// Invocations that begin in the minute; 0 before the history began.
    #[must_use]
    pub fn invocations(&self, minute: i64) -> u64 {
        self.series.in_minute(minute)
    }

    /// Summed duration of the minute's invocations, in milliseconds.
    ///
    /// Formula: n(m) * `duration_ms`.
    #[must_use]
    pub fn duration_ms_sum(&self, minute: i64) -> f64 {
        self.invocations(minute) as f64 * self.spec.duration_ms
    }

    /// Failed invocations of the minute, rounded up or down by chance so that their mean is right.
    ///
    /// Formula: floor(n(m) * `error_ratio` + u(name, "error", m)), at most n(m).
    #[must_use]
    pub fn errors(&self, minute: i64) -> u64 {
        self.part(minute, self.spec.error_ratio, "error")
            .min(self.invocations(minute))
    }

    /// Throttled requests of the minute, which are not invocations.
    ///
    /// Formula: floor(n(m) * `throttle_ratio` + u(name, "throttle", m)).
    #[must_use]
    pub fn throttles(&self, minute: i64) -> u64 {
        self.part(minute, self.spec.throttle_ratio, "throttle")
    }

    /// The most executions at one time in the minute; absent when there was none.
    ///
    /// Formula: max(1, ceil(1.3 * n(m)/60 * `duration_ms`/1000)).
    #[must_use]
    pub fn concurrency_peak(&self, minute: i64) -> Option<u64> {
        let invocations = self.invocations(minute);
        let mean = invocations as f64 / 60.0 * self.spec.duration_ms / 1_000.0;
        (invocations > 0).then(|| (CONCURRENCY_PEAK * mean).ceil().max(1.0) as u64)
    }

    /// How many of the minute's invocations CloudWatch shows at `now`, in seconds since 1970.
    #[must_use]
    pub fn published(&self, minute: i64, now: i64) -> u64 {
        self.batch(minute).published(self.lateness.as_ref(), now)
    }

    /// When CloudWatch shows the whole minute, to the second, rounded up.
    #[must_use]
    pub fn settled_at(&self, minute: i64) -> Timestamp {
        self.batch(minute).settled_at(self.lateness.as_ref())
    }

    fn batch(&self, minute: i64) -> Batch<'_> {
        Batch {
            seed: self.seed,
            key: &self.key,
            minute,
            invocations: self.invocations(minute),
            duration_ms: self.spec.duration_ms,
        }
    }

    fn part(&self, minute: i64, ratio: f64, tag: &str) -> u64 {
        let invocations = self.invocations(minute);
        if invocations == 0 || ratio == 0.0 {
            return 0;
        }
        let chance = chance::unit(self.seed, &self.key, tag, minute);
        (invocations as f64 * ratio + chance).floor() as u64
    }
}

/// A name that no other function of the world has.
pub(super) fn full_name(account: &str, region: &str, name: &str) -> String {
    format!("{account}/{region}/{name}")
}

#[cfg(test)]
mod tests {
    use super::super::World;
    use super::*;

    fn function(text: &str) -> Function {
        let text = format!("name: f\nstart: 2026-03-03T00:00:00Z\nfunctions: [{text}]");
        World::from_yaml(&text).unwrap().functions()[0].clone()
    }

    fn minute() -> i64 {
        let start: jiff::Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        start.as_second() / 60
    }

    #[test]
    fn errors_have_the_right_mean_and_are_whole() {
        let function = function(
            "{name: f, memory_mib: 128, duration_ms: 100, error_ratio: 0.001, \
             traffic: {pattern: steady, requests_per_second: 5}}",
        );
        let errors: u64 = (0..10_000).map(|i| function.errors(minute() + i)).sum();
        assert!((2_800..3_200).contains(&errors), "{errors} of about 3,000");
        assert_eq!(function.throttles(minute()), 0);
    }

    #[test]
    fn a_minute_without_invocations_has_no_concurrency() {
        let timer = function(
            "{name: f, memory_mib: 128, duration_ms: 90000, timeout_s: 900, \
             traffic: {pattern: timer, every_minutes: 10, requests: 3}}",
        );
        assert_eq!(timer.concurrency_peak(minute()), Some(6));
        assert_eq!(timer.concurrency_peak(minute() + 1), None);
        assert!((timer.duration_ms_sum(minute()) - 270_000.0).abs() < 1e-9);
    }
}
