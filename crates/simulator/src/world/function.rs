//! A Lambda function of the world and the truth about each of its minutes.

use jiff::Timestamp;

use super::ingestion_delay::{Batch, IngestionDelaySpec};
use super::rng;
use super::schema::{FunctionSpec, ProvisionedSpec, WorldSpec};
use super::traffic::Series;

/// The busiest second of a minute holds this many times the mean number of concurrent executions.
const CONCURRENCY_PEAK: f64 = 1.3;

/// An execution environment without work is kept for this many minutes.
const KEPT_MINUTES: i64 = 10;

/// What a version or an alias with provisioned concurrency does in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvisionedMinute {
    /// Its invocations.
    pub invocations: u64,
    /// Those that run in environments that were kept ready.
    pub inside: u64,
    /// The most environments in use at one time that were kept ready.
    pub peak: u64,
}

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
    ingestion_delay: Option<IngestionDelaySpec>,
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
        let ingestion_delay = spec
            .ingestion_delay
            .as_ref()
            .or(world.ingestion_delay.as_ref());
        Self {
            spec: spec.clone(),
            account: account.clone(),
            region: region.clone(),
            key,
            seed: world.seed,
            series,
            ingestion_delay: ingestion_delay.cloned(),
        }
    }

    /// How late CloudWatch shows its invocations; absent: as late as it shows any.
    #[must_use]
    pub fn ingestion_delay(&self) -> Option<&IngestionDelaySpec> {
        self.ingestion_delay.as_ref()
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
        self.peak_of(self.invocations(minute))
    }

    /// Invocations of the minute that had to wait for a new execution environment.
    ///
    /// Environments are kept for ten minutes, and the provisioned ones P for ever: with the concurrency
    /// c(m) (0 without invocations), e(m) = max(0, c(m) - P).
    ///
    /// Formula: max(0, e(m) - max(e(m - 1), ... e(m - 10))), at most n(m).
    #[must_use]
    pub fn cold_starts(&self, minute: i64) -> u64 {
        let provisioned = self.provisioned_environments();
        let beyond = |minute: i64| {
            let peak = self.concurrency_peak(minute).unwrap_or(0);
            peak.saturating_sub(provisioned)
        };
        let needed = beyond(minute).min(self.invocations(minute));
        if needed == 0 {
            return 0;
        }
        let kept = (1..=KEPT_MINUTES).map(|before| beyond(minute - before));
        let kept = kept.max().unwrap_or(0);
        beyond(minute).saturating_sub(kept).min(needed)
    }

    /// Summed duration of the INIT phases of the minute, in milliseconds.
    ///
    /// Formula: cold starts * `init_ms`.
    #[must_use]
    pub fn init_ms_sum(&self, minute: i64) -> f64 {
        match self.spec.init_ms {
            Some(init_ms) => self.cold_starts(minute) as f64 * init_ms,
            None => 0.0,
        }
    }

    /// Execution environments that are kept ready, over all versions and aliases.
    #[must_use]
    pub fn provisioned_environments(&self) -> u64 {
        let provisioned = self.spec.provisioned.iter();
        provisioned
            .map(|provisioned| u64::from(provisioned.concurrency))
            .sum()
    }

    /// What one of the qualifiers in `provisioned` does in the minute; absent without invocations.
    ///
    /// Formula: n_q = floor(n(m) * `share`), its concurrency c_q as that of the function; inside are n_q,
    /// or floor(n_q * `concurrency` / c_q) where that is less.
    #[must_use]
    pub fn provisioned_in(&self, of: &ProvisionedSpec, minute: i64) -> Option<ProvisionedMinute> {
        let invocations = (self.invocations(minute) as f64 * of.share).floor() as u64;
        let (peak, ready) = (self.peak_of(invocations)?, u64::from(of.concurrency));
        let inside = if peak <= ready {
            invocations
        } else {
            invocations * ready / peak
        };
        Some(ProvisionedMinute {
            invocations,
            inside,
            peak: peak.min(ready),
        })
    }

    /// The most executions of a version or alias at one time in the minute, ready or not.
    #[must_use]
    pub fn qualified_peak(&self, of: &ProvisionedSpec, minute: i64) -> Option<u64> {
        self.peak_of((self.invocations(minute) as f64 * of.share).floor() as u64)
    }

    fn peak_of(&self, invocations: u64) -> Option<u64> {
        let mean = invocations as f64 / 60.0 * self.spec.duration_ms / 1_000.0;
        (invocations > 0).then(|| (CONCURRENCY_PEAK * mean).ceil().max(1.0) as u64)
    }

    /// How many of the minute's invocations CloudWatch shows at `now`, in seconds since 1970.
    #[must_use]
    pub fn published(&self, minute: i64, now: i64) -> u64 {
        self.batch(minute)
            .published(self.ingestion_delay.as_ref(), now)
    }

    /// When CloudWatch shows the whole minute, to the second, rounded up.
    #[must_use]
    pub fn settled_at(&self, minute: i64) -> Timestamp {
        self.batch(minute).settled_at(self.ingestion_delay.as_ref())
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
        let uniform_sample = rng::unit(self.seed, &self.key, tag, minute);
        (invocations as f64 * ratio + uniform_sample).floor() as u64
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

    #[test]
    fn environments_are_kept_for_ten_minutes_and_the_provisioned_ones_for_ever() {
        let text = |every: u32, provisioned: u32| {
            format!(
                "{{name: f, memory_mib: 128, duration_ms: 60000, timeout_s: 60, init_ms: 200, \
                 provisioned: [{{qualifier: live, concurrency: {provisioned}}}], \
                 traffic: {{pattern: timer, every_minutes: {every}, requests: 10}}}}"
            )
        };
        // Thirteen at one time, ten of them new environments at most.
        let cold = |function: &Function| -> Vec<u64> {
            (0..3 * 60)
                .map(|i| function.cold_starts(minute() + i))
                .filter(|n| *n > 0)
                .collect()
        };
        let mut seldom = function(&text(12, 1));
        seldom.spec.provisioned.clear();
        assert_eq!(cold(&seldom), [10; 15]);
        assert_eq!(cold(&function(&text(12, 10))), [3; 15]);
        assert!(cold(&function(&text(12, 13))).is_empty());
        let mut often = function(&text(10, 1));
        often.spec.provisioned.clear();
        assert!(cold(&often).is_empty());
        assert_eq!(seldom.init_ms_sum(minute()), 2_000.0);
    }

    #[test]
    fn what_is_beyond_the_provisioned_concurrency_spills_over() {
        let function = function(
            "{name: f, memory_mib: 128, duration_ms: 1000, provisioned: [{qualifier: live, \
             concurrency: 10, share: 0.5}, {qualifier: '7', concurrency: 4, share: 0.5}], \
             traffic: {pattern: steady, requests_per_second: 10}}",
        );
        let [live, version] = &function.spec.provisioned[..] else {
            panic!("two")
        };
        // Half of 600, 1.3 * 5 at one time.
        let all_inside = ProvisionedMinute {
            invocations: 300,
            inside: 300,
            peak: 7,
        };
        assert_eq!(function.provisioned_in(live, minute()), Some(all_inside));
        // The other half, of which 4 at one time are ready: 300 * 4 / 7.
        let beyond = ProvisionedMinute {
            invocations: 300,
            inside: 171,
            peak: 4,
        };
        assert_eq!(function.provisioned_in(version, minute()), Some(beyond));
        assert_eq!(function.provisioned_in(live, 0), None);
    }
}
