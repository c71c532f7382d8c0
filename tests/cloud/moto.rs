//! An AWS that nobody here wrote: moto (PyPI), with functions and metrics that stock boto3 put there, and the
//! real program reading them.
//!
//! Limits of moto 5.2.5 that shape this test, beside those that `support::moto` gets around:
//! - It has neither GetAccountSettings nor ListProvisionedConcurrencyConfigs: the program has to go on without them.
//! - ListFunctions and GetMetricData come on one page, whatever is asked, so paging is not tested here.
//! - A query that names dimensions is answered from all namespaces, and p99 with status 500; neither is asked here.
//! - It looks at every metric for every minute of every query: an hour of 100 functions takes minutes.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::support::exposition::Exposition;
use crate::support::moto::{Moto, REGION};
use crate::support::{python, until};
use serde::Serialize;

/// The minutes that are put before the program starts: more than the 120 of its decision window.
const HISTORY: i64 = 180;

/// The minutes that are put after it has started.
const NEWS: i64 = 6;

/// After how many minutes the numbers of a function repeat. Every window holds the same number of whole turns, so
/// what is expected of it does not depend on when it ends.
const TURN: usize = 10;

/// A new minute ends up to 60 s after it was put, is taken as closed 60 s later, and is shown within seconds.
const GROWTH_DEADLINE: Duration = Duration::from_secs(150);

const CONFIG: &str = "
kubernetes: {enabled: false}
model:
  interval_seconds: 1
  decision_window_seconds: 7200
  # Cold starts are counted, and cost nothing.
  cold_starts: {init_seconds: {low: 0, point: 0, high: 0}}
aws:
  exclude: [canary-*]
  functions_interval_seconds: 10
  # All metrics of all functions each second.
  budget_usd_per_month: 1000
  metrics_interval_seconds: 1
  metrics_delay_seconds: 60
";

#[derive(Clone, Copy, Default, Serialize)]
struct Minute {
    invocations: u32,
    duration_ms: f64,
    errors: u32,
    throttles: u32,
    concurrency: u32,
}

#[derive(Serialize)]
struct Function {
    name: &'static str,
    architecture: &'static str,
    memory_mb: u32,
    tmp_mb: u32,
    minutes: [Minute; TURN],
}

/// What is created: a busy function, one that works now and then on a large `/tmp`, one that reaches
/// into the third tier of prices, one that nobody calls, and one that the configuration leaves out.
fn functions() -> [Function; 5] {
    let busy = [60, 61, 73, 58, 90, 112, 75, 64, 59, 67].map(|invocations| Minute {
        invocations,
        duration_ms: f64::from(invocations) * 118.25,
        errors: u32::from(invocations > 100) * 3,
        concurrency: 1 + invocations / 40,
        ..Minute::default()
    });
    let mut rare = [Minute::default(); TURN];
    rare[2] = Minute {
        invocations: 4,
        duration_ms: 9_301.5,
        concurrency: 2,
        ..Minute::default()
    };
    rare[7] = Minute {
        throttles: 5,
        ..Minute::default()
    };
    let large = [Minute {
        invocations: 300_000,
        duration_ms: 300_000.0 * 700.0,
        concurrency: 3_500,
        ..Minute::default()
    }; TURN];
    let silent = [Minute::default(); TURN];
    let function = |name, architecture, memory_mb, tmp_mb, minutes| Function {
        name,
        architecture,
        memory_mb,
        tmp_mb,
        minutes,
    };
    [
        function("checkout", "x86_64", 512, 512, busy),
        function("thumbnails", "arm64", 1_769, 2_048, rare),
        function("ingest", "x86_64", 2_048, 512, large),
        function("forgotten", "arm64", 128, 512, silent),
        function("canary-checkout", "x86_64", 128, 512, busy),
    ]
}

/// What Lambda charges, by component, in USD.
#[derive(Debug)]
struct Charge {
    requests: f64,
    duration: f64,
    ephemeral: f64,
}

impl Function {
    fn invocations(&self) -> f64 {
        self.minutes
            .iter()
            .map(|one| f64::from(one.invocations))
            .sum()
    }

    fn milliseconds(&self) -> f64 {
        self.minutes.iter().map(|one| one.duration_ms).sum()
    }

    /// Half a millisecond of rounding for each invocation, and 1,024 MB to the GB.
    fn gb_seconds(&self, invocations: f64, milliseconds: f64) -> f64 {
        f64::from(self.memory_mb) / 1_024.0 * billed_seconds(invocations, milliseconds)
    }

    /// By the price list of us-east-1, written here once more.
    fn charge(&self, invocations: f64, milliseconds: f64) -> Charge {
        let (ends, prices) = match self.architecture {
            "x86_64" => ([6e9, 15e9], [0.000_016_666_7, 0.000_015, 0.000_013_333_4]),
            _ => (
                [7.5e9, 18.75e9],
                [0.000_013_333_4, 0.000_012_000_1, 0.000_010_666_7],
            ),
        };
        let all = self.gb_seconds(invocations, milliseconds);
        let first = all.min(ends[0]);
        let second = all.min(ends[1]) - first;
        let third = all - first - second;
        let tmp =
            f64::from(self.tmp_mb - 512) / 1_024.0 * billed_seconds(invocations, milliseconds);
        Charge {
            requests: invocations * 0.000_000_2,
            duration: first * prices[0] + second * prices[1] + third * prices[2],
            ephemeral: tmp * 0.000_000_030_9,
        }
    }
}

fn billed_seconds(invocations: f64, milliseconds: f64) -> f64 {
    milliseconds / 1_000.0 + 0.000_5 * invocations
}

fn assert_same(shown: Option<f64>, expected: f64, what: &str) {
    let shown = shown.unwrap_or_else(|| panic!("{what} is not shown"));
    assert!(
        (shown - expected).abs() <= 1e-6 * expected.abs(),
        "{what} is {shown}, not {expected}"
    );
}

fn this_minute() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs() / 60).unwrap()
}

#[tokio::test]
async fn functions_of_moto_are_shown_with_what_they_did_and_cost() {
    let Some(python) = python() else { return };
    let functions = functions();
    let json = serde_json::to_string(&functions).unwrap();
    let moto = Moto::start(python).await;
    moto.world(REGION, &["create", &json]).await;
    let put = async |first: i64, count: i64| {
        let (first, count) = (first.to_string(), count.to_string());
        moto.world(REGION, &["put", &json, &first, &count]).await;
    };
    let begun = this_minute();
    put(begun - HISTORY, HISTORY).await;

    let home = tempfile::tempdir().unwrap();
    let mut agent = moto.agent(home.path(), CONFIG);
    let address = agent.listens("message=listening address=").await;
    let started = [begun, this_minute()];
    // The minute that goes on, and the next ones: they are closed a minute after their end, so not before this is done.
    put(begun, NEWS).await;

    let page = format!("http://{address}/metrics");
    let shown = until("the cost of the functions", async || {
        let shown = Exposition::at(&page).await?;
        shown.one("breakeven_request_cost_usd", &[("workload", "checkout")])?;
        let up = |source| shown.one("breakeven_source_up", &[("source", source)]);
        (up("lambda")? + up("cloudwatch")? > 1.0).then_some(shown)
    })
    .await;
    no_source_failed(&shown);
    the_window_is_what_was_put(&functions, &shown);

    let end = Instant::now() + GROWTH_DEADLINE;
    let (grown, first, count) = loop {
        let shown = Exposition::at(&page).await.unwrap();
        let calls = shown.sum(
            "breakeven_workload_requests_total",
            &[("workload", "checkout")],
        );
        if let Some(calls) = calls.filter(|calls| *calls > 0.0) {
            let (first, count) = which_minutes(&functions[0], started, calls);
            break (shown, first, count);
        }
        assert!(
            Instant::now() < end,
            "no new minute within {GROWTH_DEADLINE:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(first + count > begun);
    the_counters_are_what_was_put(&functions, &grown, first, count);
    the_window_is_what_was_put(&functions, &grown);
    assert!(
        moto.bridge.said().lines().count() == 1,
        "the bridge complains:\n{}",
        moto.bridge.said()
    );
}

/// No source failed, and what moto does not have is counted and left out.
fn no_source_failed(shown: &Exposition) {
    for source in ["lambda", "cloudwatch"] {
        let errors = shown.sum("breakeven_source_errors_total", &[("source", source)]);
        assert_eq!(errors.unwrap_or_default(), 0.0, "{source}");
    }
    let limit = shown.one("breakeven_account_concurrency_limit", &[]);
    assert_eq!(limit, None, "moto has no account settings");
    let unread = [("source", "lambda"), ("reason", "account_limit_unread")];
    let unread = shown.one("breakeven_source_left_out_total", &unread);
    assert!(unread.is_some_and(|count| count >= 1.0), "{unread:?}");
}

/// A month like the window: its mean traffic over 730 hours, by tiers.
fn the_window_is_what_was_put(functions: &[Function], shown: &Exposition) {
    #[expect(clippy::cast_precision_loss, reason = "a window of minutes")]
    let turns_of_a_month = 730.0 * 60.0 / TURN as f64;
    for function in functions {
        let labels = [
            ("workload", function.name),
            ("workload_kind", "Function"),
            ("home", "lambda"),
            ("account_id", "123456789012"),
            ("aws_region", REGION),
        ];
        let facts = shown.all("breakeven_workload_info", &labels).count();
        let excluded = function.name.starts_with("canary-");
        assert_eq!(facts, usize::from(!excluded), "{}", function.name);
        let on_lambda = [&labels[..], &[("platform", "lambda"), ("basis", "loaded")]].concat();
        let each = shown.one("breakeven_request_cost_usd", &on_lambda);
        let month = shown.one("breakeven_workload_monthly_cost_usd", &on_lambda);
        let peak = shown.one("breakeven_function_concurrency_peak", &labels);
        if excluded || function.invocations() == 0.0 {
            assert_eq!((each, peak), (None, None), "{}", function.name);
            assert_eq!(month.unwrap_or_default(), 0.0, "{}", function.name);
            continue;
        }
        let requests = function.invocations() * turns_of_a_month;
        let charge = function.charge(requests, function.milliseconds() * turns_of_a_month);
        let expected = charge.requests + charge.duration + charge.ephemeral;
        assert_same(month, expected, &format!("the month of {}", function.name));
        let what = format!("a request of {}", function.name);
        assert_same(each, expected / requests, &what);
        let most = function.minutes.iter().map(|one| one.concurrency).max();
        assert_eq!(peak, most.map(f64::from), "the peak of {}", function.name);
    }
}

/// The first of the minutes that are counted, and how many they are: from the minute in which the program started on.
fn which_minutes(function: &Function, started: [i64; 2], calls: f64) -> (i64, i64) {
    let mut candidates = started
        .into_iter()
        .flat_map(|first| (1..=NEWS).map(move |count| (first, count)));
    candidates
        .find(|&(first, count)| {
            let counted: u32 = minutes(function, first, count)
                .map(|one| one.invocations)
                .sum();
            f64::from(counted) == calls
        })
        .unwrap_or_else(|| {
            panic!("{calls} invocations are those of no minutes from {started:?} on")
        })
}

fn minutes(function: &Function, first: i64, count: i64) -> impl Iterator<Item = &Minute> {
    let turn = i64::try_from(TURN).unwrap();
    (first..first + count)
        .map(move |minute| &function.minutes[usize::try_from(minute % turn).unwrap()])
}

/// Where more run at once than in the eight minutes before, as many environments were started.
fn cold_starts(function: &Function, first: i64, count: i64) -> f64 {
    let peak = |one: &Minute| one.concurrency;
    let started = |minute| {
        let warm = minutes(function, minute - 8, 8).map(peak).max();
        let now = minutes(function, minute, 1).map(peak).max();
        f64::from(now.unwrap().saturating_sub(warm.unwrap()))
    };
    (first..first + count).map(started).sum()
}

/// Counters hold the minutes since the start, and no older one.
fn the_counters_are_what_was_put(
    functions: &[Function],
    shown: &Exposition,
    first: i64,
    count: i64,
) {
    for function in functions
        .iter()
        .filter(|one| !one.name.starts_with("canary-"))
    {
        let sum =
            |number: fn(&Minute) -> f64| minutes(function, first, count).map(number).sum::<f64>();
        let calls = sum(|one| one.invocations.into());
        let milliseconds = sum(|one| one.duration_ms);
        let errors = sum(|one| one.errors.into());
        let charge = function.charge(calls, milliseconds);
        let gb_seconds = function.gb_seconds(calls, milliseconds);
        for (name, label, expected) in [
            (
                "workload_requests_total",
                Some(("outcome", "served")),
                calls - errors,
            ),
            (
                "workload_requests_total",
                Some(("outcome", "failed")),
                errors,
            ),
            (
                "workload_cost_usd_total",
                Some(("component", "requests")),
                charge.requests,
            ),
            (
                "workload_cost_usd_total",
                Some(("component", "duration")),
                charge.duration,
            ),
            (
                "workload_cost_usd_total",
                Some(("component", "ephemeral")),
                charge.ephemeral,
            ),
            (
                "function_cold_starts_total",
                Some(("method", "ratchet")),
                cold_starts(function, first, count),
            ),
            ("function_errors_total", None, errors),
            (
                "function_throttles_total",
                None,
                sum(|one| one.throttles.into()),
            ),
            ("function_gib_seconds_total", None, gb_seconds),
        ] {
            let labels: Vec<_> = [("workload", function.name)]
                .into_iter()
                .chain(label)
                .collect();
            let value = shown.one(&format!("breakeven_{name}"), &labels);
            // A part that does not apply to a function is not shown.
            if label == Some(("component", "ephemeral")) && function.tmp_mb == 512 {
                assert_eq!(value, None, "{labels:?}");
                continue;
            }
            assert_same(value, expected, &format!("{name} {labels:?}"));
        }
    }
}
