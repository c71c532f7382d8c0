//! A simulated week of late, revised, missing, repeated and shuffled minutes, with failures of every kind in it.

use std::collections::BTreeMap;

use breakeven::engine::Engine;
use breakeven::sources::Reason;
use breakeven::sources::aws::cloudwatch::ScheduleLimits;
use breakeven_model::inventory::{Architecture, Observation};
use breakeven_model::units::Requests;
use breakeven_model::{Report, WorkloadRef, WorkloadReport};
use breakeven_simulator::world::Function;
use breakeven_simulator::{Endpoint, Fault, FaultRule, ResultFault, ResultStatus};

use super::*;

const WORLD: &str = "
name: week
seed: 5
start: '2026-03-02T00:00:00Z'
history_hours: 2
lateness: {delay_seconds: 90, late_share: 0.15, late_minutes: 40, missing_share: 0.03, missing_minutes: 25,
  repeated_share: 0.05, shuffled: true}
functions:
  - {name: steady, memory_mib: 512, timeout_s: 30, duration_ms: 180, error_ratio: 0.02,
     traffic: {pattern: steady, requests_per_second: 3.7}}
  - {name: diurnal, memory_mib: 1024, architecture: arm64, timeout_s: 30, duration_ms: 95.5, throttle_ratio: 0.01,
     traffic: {pattern: diurnal, requests_per_second: 8, amplitude: 0.7, peak_hour: 14}}
  - {name: bursty, memory_mib: 256, timeout_s: 60, duration_ms: 700,
     traffic: {pattern: bursty, requests_per_second: 0.5, burst_factor: 20, burst_share: 0.1}}
  - {name: long, memory_mib: 2048, timeout_s: 900, duration_ms: 500000, error_ratio: 0.05,
     traffic: {pattern: timer, every_minutes: 10, offset_minutes: 3, requests: 5}}
  - {name: rare, memory_mib: 128, timeout_s: 30, duration_ms: 12,
     traffic: {pattern: sporadic, requests_per_active_minute: 9, active_share: 0.05}}
  - {name: never, memory_mib: 128, duration_ms: 5, traffic: {pattern: steady, requests_per_second: 0}}
";

/// Cold starts cost nothing, so that what is charged is invocations and their duration alone.
const CONFIG: &str = "
kubernetes: {enabled: false}
model: {cold_starts: {init_seconds: {low: 0, point: 0, high: 0}}}
";

const DAY: i64 = 24 * 60;
const WEEK: i64 = 7 * DAY;

/// From one look to the next, in minutes.
const STEP: i64 = 10;

/// When what fails, from minute to minute, and the reason that is shown; none where only some functions fail.
fn failures() -> Vec<(i64, i64, Fault, Option<Reason>)> {
    let status = |code| Fault::Status {
        code,
        retry_after: None,
    };
    let result = |status, function: Option<&str>, token| {
        Fault::Result(ResultFault {
            status,
            function: function.map(Into::into),
            token,
        })
    };
    let skew = Fault::ClockSkew { seconds: 3_600 };
    let some = Some("diurnal");
    vec![
        (100, 160, Fault::Throttle, Some(Reason::Throttled)),
        (700, 730, status(429), Some(Reason::Throttled)),
        (DAY, DAY + 90, status(503), Some(Reason::ServerError)),
        (
            DAY + 600,
            DAY + 700,
            Fault::Expired,
            Some(Reason::Unauthorized),
        ),
        // From the answer to the first call the client knows how far its clock is off.
        (
            2 * DAY,
            2 * DAY + 1,
            skew.clone(),
            Some(Reason::Unauthorized),
        ),
        (2 * DAY + STEP, 2 * DAY + 30, skew, None),
        (
            2 * DAY + 500,
            2 * DAY + 520,
            Fault::Hang,
            Some(Reason::Timeout),
        ),
        (3 * DAY, 3 * DAY + 400, Fault::Cut, Some(Reason::Connect)),
        (
            4 * DAY,
            4 * DAY + 300,
            result(ResultStatus::InternalError, some, true),
            None,
        ),
        (
            4 * DAY + 500,
            4 * DAY + 600,
            result(ResultStatus::PartialData, some, false),
            None,
        ),
        (
            5 * DAY,
            5 * DAY + 200,
            result(ResultStatus::Forbidden, some, false),
            None,
        ),
        (
            6 * DAY,
            6 * DAY + 40,
            Fault::Truncate,
            Some(Reason::Connect),
        ),
    ]
}

fn engine(start: Timestamp) -> Engine {
    let (_, config) = breakeven::config::parse(CONFIG).unwrap();
    Engine::new(start, config.model, config.prices, config.limits)
}

fn workload<'a>(report: &'a Report, name: &str) -> Option<&'a WorkloadReport> {
    let is = |one: &&WorkloadReport| matches!(&one.workload, WorkloadRef::Lambda(id) if &*id.name == name);
    report.workloads.iter().find(is)
}

/// Every counter of every function.
fn counters(report: &Report) -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    for one in &report.workloads {
        let mut count =
            |what: String, value: f64| all.insert(format!("{} {what}", one.workload), value);
        for (outcome, requests) in &one.requests_total {
            count(format!("{outcome:?}"), requests.requests());
        }
        for (component, cost) in &one.cost_total {
            count(format!("{component:?}"), cost.usd());
        }
        if let Some(function) = one.function {
            count("errors".into(), function.errors_total.requests());
            count("throttles".into(), function.throttles_total.requests());
            count("GiB-s".into(), function.gib_seconds_total.gib_seconds());
        }
    }
    all
}

#[tokio::test]
async fn a_week_of_bad_data_and_failures_ends_with_the_truth() {
    let scene = Scene::new(WORLD).await;
    let settings = cloudwatch::CloudWatchConfig {
        // An invocation takes up to 13 minutes, is late by up to 40, and 25 more where its minute is missing at first.
        settle: Duration::from_secs(80 * 60),
        backfill: Duration::from_secs(3_600),
        ..cloudwatch::CloudWatchConfig::default()
    };
    let every_step = Duration::from_secs(60 * STEP.unsigned_abs());
    let budget = Budget::new(ScheduleLimits {
        // Enough for six functions, and not for reading all of them each time.
        budget: usd(1.5),
        shortest: every_step,
        longest: every_step,
    });
    let mut source = scene.source(settings, budget);
    let mut engine = engine(scene.start);
    engine.observe(Observation::Functions((*scene.places[0].functions).clone()));

    let failures = failures();
    let mut shown = BTreeMap::new();
    for minute in (0..=WEEK).step_by(usize::try_from(STEP).unwrap()) {
        let now = scene.minute(minute);
        scene.hand.set(now);
        let failing = failures.iter().find(|one| (one.0..one.1).contains(&minute));
        let rules = failing.map(|one| FaultRule::always(Endpoint::CloudWatch, one.2.clone()));
        scene.cloud.faults().replace(rules.into_iter().collect());
        let seen = match source.poll(now).await {
            Ok(seen) => {
                assert!(
                    failing.is_none_or(|one| one.3.is_none()),
                    "{failing:?} at {minute}"
                );
                seen
            }
            Err(error) => {
                let expected = failing.and_then(|one| one.3);
                assert_eq!(Some(error.reason()), expected, "{error} at {minute}");
                source.partial_results()
            }
        };
        seen.into_iter().for_each(|one| engine.observe(one));
        let now_shown = counters(&engine.report(now));
        for (counter, value) in &shown {
            assert!(
                now_shown.get(counter) >= Some(value),
                "{counter} fell at {minute}"
            );
        }
        shown = now_shown;
    }
    assert!(source.discarded().snapshot()["function_incomplete"] > 5);
    assert!(source.discarded().snapshot()["function_forbidden"] > 2);
    assert!(source.discarded().snapshot()["twice"] > 1_000);

    // All that happened is published now. One of four readings is of everything.
    scene.hand.set(scene.minute(WEEK + DAY));
    let mut exact = BTreeMap::new();
    for minute in (WEEK + STEP..=WEEK + 4 * STEP).step_by(usize::try_from(STEP).unwrap()) {
        let now = scene.minute(minute);
        let seen = source.poll(now).await.unwrap();
        seen.into_iter().for_each(|one| engine.observe(one));
        let report = engine.report(now);
        for function in scene.cloud.world().functions() {
            // A minute is read three minutes after it has ended.
            let truth = Truth::of(function, scene.start, minute - 3);
            let shown = workload(&report, &function.spec.name).unwrap();
            truth.assert_billed(shown);
            *exact.entry(function.spec.name.clone()).or_insert(0) +=
                u32::from(truth.has_failed(shown));
        }
    }
    assert!(exact.values().all(|readings| *readings > 0), "{exact:?}");
}

/// What a function did from the start on.
struct Truth<'a> {
    function: &'a Function,
    invocations: f64,
    seconds: f64,
    errors: f64,
    throttles: f64,
}

impl<'a> Truth<'a> {
    fn of(function: &'a Function, start: Timestamp, minutes: i64) -> Self {
        let first = start.as_second() / 60;
        let minutes = || first..first + minutes;
        let count = |of: fn(&Function, i64) -> u64| {
            let counts = minutes().map(|minute| u32::try_from(of(function, minute)).unwrap());
            counts.map(f64::from).sum::<f64>()
        };
        Self {
            function,
            invocations: count(Function::invocations),
            seconds: minutes()
                .map(|minute| function.duration_ms_sum(minute))
                .sum::<f64>()
                / 1e3,
            errors: count(Function::errors),
            throttles: count(Function::throttles),
        }
    }

    /// By the price list of us-east-1, written here once more: the first tier of duration.
    fn assert_billed(&self, shown: &WorkloadReport) {
        let spec = &self.function.spec;
        let gb_seconds =
            f64::from(spec.memory_mib) / 1_024.0 * (self.seconds + 0.000_5 * self.invocations);
        let price = match shown.facts.architecture {
            Some(Architecture::Arm64) => 0.000_013_333_4,
            _ => 0.000_016_666_7,
        };
        let charged = |part: &str| {
            let mut parts = shown.cost_total.iter().filter(|one| one.0.as_str() == part);
            parts.next().map_or(0.0, |one| one.1.usd())
        };
        let counted = shown.function.unwrap().gib_seconds_total.gib_seconds();
        for (what, shown, expected) in [
            (
                "requests",
                charged("requests"),
                self.invocations * 0.000_000_2,
            ),
            ("duration", charged("duration"), gb_seconds * price),
            ("GB-s", counted, gb_seconds),
        ] {
            let name = &spec.name;
            assert!(
                (shown - expected).abs() <= 1e-9 * expected,
                "{what} of {name}: {shown}, not {expected}"
            );
        }
    }

    fn has_failed(&self, shown: &WorkloadReport) -> bool {
        let function = shown.function.unwrap();
        let is = |shown: Requests, expected: f64| (shown.requests() - expected).abs() < 1e-6;
        is(function.errors_total, self.errors) && is(function.throttles_total, self.throttles)
    }
}
