//! The Lambda and CloudWatch sources against the simulated cloud: what they report is what the world
//! holds, every failure says what it is and what to do, and nothing is lost by one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use breakeven::sources::aws::cloudwatch::{self, Budget, CloudWatchSource, ScheduleLimits};
use breakeven::sources::aws::lambda::{self, LambdaSource};
use breakeven::sources::aws::{self, Aws, FixedCredentials};
use breakeven::sources::{Poll, Reason, Source, SourceError};
use breakeven_clock::Clock;
use breakeven_model::inventory::NamePattern;
use breakeven_model::inventory::{
    Architecture, FunctionBatch, FunctionMinute, Functions, Observation,
};
use breakeven_model::units::Usd;
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud, World};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// The first instant at which the tests poll. The cloud's own clock is hours ahead, so it has all data.
fn noon() -> Timestamp {
    "2026-03-03T12:00:20Z".parse().unwrap()
}

fn after(minutes: i64) -> Timestamp {
    noon() + SignedDuration::from_mins(minutes)
}

/// A function of each pattern, one that never runs, and as many small ones as asked for.
fn world(small: usize, history_hours: u32) -> World {
    let mut text = format!(
        "
name: functions
seed: 11
account_id: '123456789012'
region: eu-west-1
history_hours: {history_hours}
functions:
  - {{name: steady, memory_mib: 512, architecture: arm64, runtime: nodejs22.x, timeout_s: 30, duration_ms: 180,
     error_ratio: 0.01, traffic: {{pattern: steady, requests_per_second: 3.7}}}}
  - {{name: diurnal, memory_mib: 1024, timeout_s: 30, duration_ms: 95.5, error_ratio: 0.003, throttle_ratio: 0.01,
     traffic: {{pattern: diurnal, requests_per_second: 8, amplitude: 0.7, peak_hour: 14}}}}
  - {{name: sporadic, memory_mib: 128, timeout_s: 30, duration_ms: 12,
     traffic: {{pattern: sporadic, requests_per_active_minute: 9, active_share: 0.2}}}}
  - {{name: never, memory_mib: 128, duration_ms: 5, traffic: {{pattern: steady, requests_per_second: 0}}}}
"
    );
    for index in 0..small {
        let offset = index % 15;
        writeln!(
            text,
            "  - {{name: small-{index}, memory_mib: 128, duration_ms: 20, traffic: {{pattern: timer, \
             every_minutes: 15, offset_minutes: {offset}, requests: 10}}}}"
        )
        .unwrap();
    }
    World::from_yaml(&text).unwrap()
}

async fn start(world: World) -> SimulatedCloud {
    let clock = Clock::accelerated(after(4 * 60), 1.0);
    SimulatedCloud::start(world, clock, LOOPBACK).await.unwrap()
}

/// A way to the cloud that tries each call once.
fn way_to(url: String) -> Aws {
    Aws::new(aws::AwsConfig {
        max_attempts: 1,
        ..settings(url)
    })
}

/// The same, that waits for an answer no longer than a second.
fn impatient(cloud: &SimulatedCloud) -> Aws {
    Aws::new(aws::AwsConfig {
        attempt_timeout: Duration::from_secs(1),
        max_attempts: 1,
        ..settings(cloud.aws_url())
    })
}

fn settings(url: String) -> aws::AwsConfig {
    aws::AwsConfig {
        region: Some("eu-west-1".into()),
        endpoint_url: Some(url),
        credentials: Some(FixedCredentials {
            access_key_id: "AKIDSIMULATED".into(),
            secret_access_key: "simulated".into(),
        }),
        ..aws::AwsConfig::default()
    }
}

fn lister(aws: &Aws, exclude: &[&str]) -> LambdaSource {
    let settings = lambda::LambdaConfig {
        include: Vec::new(),
        exclude: exclude
            .iter()
            .map(|name| NamePattern::new(name).unwrap())
            .collect(),
        ..lambda::LambdaConfig::default()
    };
    LambdaSource::new(settings, aws.clone())
}

async fn list(source: &mut LambdaSource, at: Timestamp) -> Functions {
    match source.poll(at).await.unwrap().as_slice() {
        [Observation::Functions(functions)] => functions.clone(),
        other => panic!("{other:?}"),
    }
}

/// A source of minutes with a list that the test fills.
fn reader(aws: &Aws) -> (CloudWatchSource, watch::Sender<Option<Arc<Functions>>>) {
    let (listed, receiver) = watch::channel(None);
    let settings = cloudwatch::CloudWatchConfig::default();
    let source = CloudWatchSource::new(settings, aws.clone(), receiver, every_minute(4));
    (source, listed)
}

/// A budget that is enough for reading so many functions each minute, and not for reading all of them each time.
fn every_minute(functions: u32) -> Budget {
    Budget::new(ScheduleLimits {
        budget: Usd::from_usd(2.0 * f64::from(functions)).unwrap(),
        ..ScheduleLimits::default()
    })
}

async fn read(source: &mut CloudWatchSource, at: Timestamp) -> Vec<FunctionBatch> {
    minutes(source.poll(at).await.unwrap())
}

fn minutes(observations: Vec<Observation>) -> Vec<FunctionBatch> {
    let minutes = observations
        .into_iter()
        .flat_map(|observation| match observation {
            Observation::FunctionMinutes(minutes) => minutes.functions,
            other => panic!("{other:?}"),
        });
    minutes.collect()
}

/// The windows as minutes since 1970, with the number of functions in each.
fn windows(read: &[FunctionBatch]) -> Vec<(i64, i64, usize)> {
    let minute = |at: Timestamp| at.as_second() / 60;
    let alike = read.chunk_by(|one, next| one.window == next.window);
    alike
        .map(|batches| {
            let window = batches[0].window;
            (minute(window.start()), minute(window.end()), batches.len())
        })
        .collect()
}

/// Every record of every function, by name and minute: what was read last stands.
fn by_name(read: &[FunctionBatch]) -> BTreeMap<String, BTreeMap<i64, FunctionMinute>> {
    let mut all: BTreeMap<String, BTreeMap<i64, FunctionMinute>> = BTreeMap::new();
    for batch in read {
        let name = &batch.id.name;
        let of_one = all.entry(name.to_string()).or_default();
        let window = batch.window.start().as_second() / 60..batch.window.end().as_second() / 60;
        of_one.retain(|minute, _| !window.contains(minute));
        of_one.extend(batch.minutes.iter().map(|record| (record.minute, *record)));
    }
    all
}

/// Holds what was read against the closed forms of the world, from one minute to another.
fn assert_true(read: &[FunctionBatch], world: &World, from: i64, to: i64) {
    let read = by_name(read);
    for function in world.functions() {
        let name = &function.spec.name;
        let records = &read[name];
        for minute in from..to {
            let (invocations, throttles) =
                (function.invocations(minute), function.throttles(minute));
            let Some(record) = records.get(&minute) else {
                assert_eq!((invocations, throttles), (0, 0), "{name} at {minute}");
                continue;
            };
            let count = |count: u64| u32::try_from(count).map(f64::from).unwrap();
            let at = format!("{name} at {minute}");
            assert_eq!(record.invocations.requests(), count(invocations), "{at}");
            assert_eq!(record.throttles.requests(), count(throttles), "{at}");
            assert_eq!(
                record.errors.requests(),
                count(function.errors(minute)),
                "{at}"
            );
            let duration = record.duration.millis() - function.duration_ms_sum(minute);
            assert!(duration.abs() < 1e-6, "{at}");
            let peak = function.concurrency_peak(minute);
            assert_eq!(record.concurrency_peak.map(u64::from), peak, "{at}");
        }
        assert!(
            records.keys().all(|minute| (from..to).contains(minute)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn functions_are_listed_over_all_pages_with_their_account_and_its_limit() {
    let cloud = start(world(126, 1)).await;
    let aws = way_to(cloud.aws_url());
    let mut source = lister(&aws, &["small-9?"]);
    let functions = list(&mut source, noon()).await;
    assert_eq!(functions.functions.len(), 120);
    assert_eq!(cloud.requests().count(Endpoint::Lambda, "ListFunctions"), 3);
    assert_eq!(&*functions.account_id, "123456789012");
    assert_eq!(&*functions.region, "eu-west-1");
    assert_eq!(functions.concurrency_limit, Some(1_000));
    let steady = functions.functions.iter().find(|f| &*f.id.name == "steady");
    let steady = steady.unwrap();
    assert_eq!(steady.architecture, Architecture::Arm64);
    assert_eq!(steady.memory.mib(), 512);
    assert_eq!(steady.runtime.as_deref(), Some("nodejs22.x"));
    assert_eq!(steady.timeout.seconds(), 30.0);
    assert_eq!(steady.ephemeral_storage_mib, 512);
    assert_eq!(
        source.listed().borrow().as_ref().unwrap().functions.len(),
        120
    );
    assert_eq!(aws.spend().snapshot()["ListFunctions"].requests, 3);
}

#[tokio::test]
async fn a_limit_that_cannot_be_read_takes_no_function_away() {
    let cloud = start(world(0, 1)).await;
    let mut source = lister(&impatient(&cloud), &[]);
    let forbidden = FaultRule::always(Endpoint::Lambda, Fault::Forbidden);
    cloud.faults().add(forbidden.on_path("account-settings"));
    let functions = list(&mut source, noon()).await;
    assert_eq!(functions.functions.len(), 4);
    assert_eq!(functions.concurrency_limit, None);
    assert_eq!(source.discarded().snapshot()["account_limit_unread"], 1);
    cloud.faults().clear();
    assert_eq!(
        list(&mut source, after(5)).await.concurrency_limit,
        Some(1_000)
    );
    let hang = FaultRule::always(Endpoint::Lambda, Fault::Hang);
    cloud.faults().add(hang.on_path("account-settings"));
    let functions = list(&mut source, after(10)).await;
    assert_eq!(
        functions.concurrency_limit,
        Some(1_000),
        "the last one known"
    );
}

#[tokio::test]
async fn every_minute_is_read_until_it_is_settled_and_as_the_world_has_it() {
    let cloud = start(world(20, 48)).await;
    let aws = way_to(cloud.aws_url());
    let mut lister = lister(&aws, &[]);
    let settings = cloudwatch::CloudWatchConfig::default();
    let mut source =
        CloudWatchSource::new(settings, aws.clone(), lister.listed(), every_minute(24));
    list(&mut lister, noon()).await;

    let mut all = Vec::new();
    for poll in [0, 5, 5, 6, 47, 53] {
        all.extend(read(&mut source, after(poll)).await);
    }
    let noon = noon().as_second() / 60;
    let (from, to) = (noon - 3 - 1_440, noon + 53 - 3);
    // Each begins 18 minutes before the one before it; the last where all was read last.
    assert_eq!(
        windows(&all),
        [
            (from, noon - 3, 24),
            (noon - 18, noon + 2, 24),
            (noon + 5 - 18, noon + 3, 24),
            (noon + 6 - 18, noon + 44, 24),
            (noon - 18, to, 24),
        ]
    );
    assert_true(&all, cloud.world(), from, to);
    assert!(source.discarded().snapshot().is_empty());
    let throttled = &by_name(&all)["diurnal"];
    assert!(throttled.values().any(|record| !record.throttles.is_zero()));
}

#[tokio::test]
async fn a_call_asks_500_metrics_and_what_is_spent_is_what_the_cloud_counts() {
    let cloud = start(world(122, 1)).await;
    let aws = way_to(cloud.aws_url());
    let mut lister = lister(&aws, &[]);
    let settings = cloudwatch::CloudWatchConfig {
        backfill: Duration::from_secs(600),
        ..cloudwatch::CloudWatchConfig::default()
    };
    let mut source =
        CloudWatchSource::new(settings, aws.clone(), lister.listed(), every_minute(126));
    list(&mut lister, noon()).await;
    let minutes = read(&mut source, noon()).await;
    assert_eq!(by_name(&minutes).len(), 126);
    let log = cloud.requests();
    assert_eq!(log.count(Endpoint::CloudWatch, "GetMetricData"), 2);
    let spend = aws.spend().snapshot()["GetMetricData"];
    // Six statistics of five metrics.
    assert_eq!((spend.requests, spend.metrics), (2, 756));
    assert_eq!(log.count(Endpoint::CloudWatch, "metric queries"), 756);
    assert_eq!(log.count(Endpoint::CloudWatch, "metrics requested"), 630);
    assert!((spend.cost().usd() - 0.00756).abs() < 1e-12);
    read(&mut source, after(5)).await;
    // Two statistics of one metric.
    assert_eq!(log.count(Endpoint::CloudWatch, "metric queries"), 756 + 252);
    assert_eq!(
        log.count(Endpoint::CloudWatch, "metrics requested"),
        630 + 126
    );
}

#[tokio::test]
async fn an_answer_of_several_pages_is_one() {
    let cloud = start(world(0, 360)).await;
    let aws = way_to(cloud.aws_url());
    let mut lister = lister(&aws, &["diurnal", "sporadic", "never"]);
    let settings = cloudwatch::CloudWatchConfig {
        // CloudWatch keeps minutes for 15 days, and the cloud's clock is 4 hours ahead.
        backfill: Duration::from_secs(355 * 3_600),
        ..cloudwatch::CloudWatchConfig::default()
    };
    let mut source = CloudWatchSource::new(settings, aws, lister.listed(), every_minute(1));
    list(&mut lister, noon()).await;
    let read = read(&mut source, noon()).await;
    let asked = cloud
        .requests()
        .count(Endpoint::CloudWatch, "GetMetricData");
    assert_eq!(asked, 2, "100,800 points are one page");
    let (from, to, _) = windows(&read)[0];
    let steady = &by_name(&read)["steady"];
    assert_eq!(i64::try_from(steady.len()), Ok(to - from));
    let sum: f64 = steady.values().map(|record| record.errors.requests()).sum();
    let function = cloud
        .world()
        .functions()
        .iter()
        .find(|f| f.spec.name == "steady");
    let errors: u64 = (from..to)
        .map(|minute| function.unwrap().errors(minute))
        .sum();
    assert_eq!(sum, f64::from(u32::try_from(errors).unwrap()));
}

#[tokio::test]
async fn a_new_function_is_read_back_by_itself_and_one_that_is_gone_to_its_end() {
    let cloud = start(world(0, 48)).await;
    let aws = way_to(cloud.aws_url());
    let (mut source, listed) = reader(&aws);
    let mut all = Vec::new();
    for (minutes, exclude) in [
        (0, &["steady"][..]),
        (5, &[]),
        (10, &["sporadic"]),
        (15, &["sporadic"]),
        (20, &["sporadic"]),
    ] {
        let functions = list(&mut lister(&aws, exclude), after(minutes)).await;
        listed.send_replace(Some(Arc::new(functions)));
        all.extend(read(&mut source, after(minutes)).await);
    }
    let noon = noon().as_second() / 60;
    assert_eq!(
        windows(&all),
        [
            (noon - 3 - 1_440, noon - 3, 3),
            (noon - 18, noon + 2, 3),
            (noon + 2 - 1_440, noon + 2, 1),
            (noon - 13, noon + 7, 3),
            // One that is gone is read with all that is known of it.
            (noon - 18, noon + 7, 1),
            (noon - 8, noon + 12, 4),
            (noon - 3, noon + 17, 1),
            (noon - 18, noon + 17, 2),
        ]
    );
    assert_eq!(&*all[6].id.name, "steady");
}

#[tokio::test]
async fn what_a_failure_keeps_from_being_read_is_read_after_it() {
    let cloud = start(world(120, 48)).await;
    let aws = way_to(cloud.aws_url());
    let mut lister = lister(&aws, &[]);
    let settings = cloudwatch::CloudWatchConfig {
        backfill: Duration::from_secs(3_600),
        catch_up: Duration::from_secs(3_600),
        ..cloudwatch::CloudWatchConfig::default()
    };
    let mut source =
        CloudWatchSource::new(settings, aws.clone(), lister.listed(), every_minute(124));
    list(&mut lister, noon()).await;
    let mut all = read(&mut source, noon()).await;
    for (minutes, fault) in [
        (5, Fault::Cut),
        (10, Fault::Throttle),
        (15, Fault::Truncate),
    ] {
        cloud.faults().replace(vec![
            FaultRule::always(Endpoint::CloudWatch, fault.clone()),
            FaultRule::always(Endpoint::Lambda, Fault::Cut),
        ]);
        assert!(lister.poll(after(minutes)).await.is_err(), "{fault:?}");
        assert!(source.poll(after(minutes)).await.is_err(), "{fault:?}");
        cloud.faults().clear();
        // The functions are not listed anew; those known are read all the same.
        all.extend(read(&mut source, after(minutes + 1)).await);
    }
    all.extend(read(&mut source, after(21)).await);
    let noon = noon().as_second() / 60;
    assert_true(&all, cloud.world(), noon - 3 - 60, noon + 21 - 3);

    // Away for longer than the reach: the reach is read, and the rest is counted.
    let late = read(&mut source, after(180)).await;
    assert_eq!(windows(&late), [(noon + 177 - 60, noon + 177, 124)]);
    let skipped = source.discarded().snapshot()["minutes_too_old_to_catch_up"];
    assert_eq!(skipped, 124 * (177 - 60 - 18));
}

#[tokio::test]
async fn one_bad_answer_is_tried_again_within_the_poll() {
    let cloud = start(world(0, 48)).await;
    let aws = Aws::new(settings(cloud.aws_url()));
    for endpoint in [Endpoint::Lambda, Endpoint::CloudWatch] {
        for fault in [
            Fault::Cut,
            Fault::Throttle,
            Fault::Status {
                code: 503,
                retry_after: None,
            },
        ] {
            cloud
                .faults()
                .replace(vec![FaultRule::always(endpoint, fault).times(1)]);
            let mut lister = lister(&aws, &[]);
            let functions = list(&mut lister, noon()).await;
            let (mut source, listed) = reader(&aws);
            listed.send_replace(Some(Arc::new(functions)));
            assert_eq!(by_name(&read(&mut source, noon()).await).len(), 4);
            assert!(cloud.faults().rules().is_empty(), "the fault was met");
        }
    }
    let asked = cloud
        .requests()
        .count(Endpoint::CloudWatch, "GetMetricData");
    assert_eq!(
        aws.spend().snapshot()["GetMetricData"].requests,
        asked,
        "retries are counted"
    );
}

/// Each fault, the reason it has, and what its text must hold beside the action.
fn failures() -> Vec<(Fault, Reason, &'static str)> {
    vec![
        (Fault::Forbidden, Reason::Forbidden, "; grant `"),
        (Fault::Expired, Reason::Unauthorized, "ExpiredToken"),
        (
            Fault::Unauthorized,
            Reason::Unauthorized,
            "security token included in the request is invalid",
        ),
        (Fault::Throttle, Reason::Throttled, "Rate exceeded"),
        (
            Fault::Status {
                code: 500,
                retry_after: None,
            },
            Reason::ServerError,
            "tried again",
        ),
        (
            Fault::Status {
                code: 404,
                retry_after: None,
            },
            Reason::NotFound,
            "check the endpoint",
        ),
        (Fault::Garbage, Reason::InvalidResponse, "not understood"),
        (Fault::Truncate, Reason::Connect, "the connection failed"),
        (Fault::Cut, Reason::Connect, "the connection failed"),
        (Fault::Hang, Reason::Timeout, "not answered in time"),
    ]
}

fn assert_says(error: &SourceError, action: &str, (fault, reason, text): &(Fault, Reason, &str)) {
    assert_eq!(error.reason(), *reason, "{fault:?}: {error}");
    let said = error.to_string();
    assert!(said.contains(text), "{fault:?}: {said}");
    assert!(said.contains(action), "{fault:?}: {said}");
    assert!(said.contains("; "), "{fault:?}: {said}");
}

#[tokio::test]
async fn every_failure_of_lambda_has_its_reason_and_ends_with_the_fault() {
    let cloud = start(world(0, 1)).await;
    let mut source = lister(&impatient(&cloud), &[]);
    assert_eq!(source.source(), Source::Lambda);
    for failure in failures() {
        let rule = FaultRule::always(Endpoint::Lambda, failure.0.clone());
        cloud.faults().replace(vec![rule.on_path("/functions/")]);
        let error = source.poll(noon()).await.unwrap_err();
        assert_says(&error, "lambda:ListFunctions", &failure);
        cloud.faults().clear();
        assert_eq!(list(&mut source, noon()).await.functions.len(), 4);
    }
}

#[tokio::test]
async fn every_failure_of_cloudwatch_has_its_reason_and_ends_with_the_fault() {
    let cloud = start(world(0, 48)).await;
    let aws = impatient(&cloud);
    let functions = Arc::new(list(&mut lister(&aws, &[]), noon()).await);
    for failure in failures() {
        let (mut source, listed) = reader(&aws);
        listed.send_replace(Some(functions.clone()));
        cloud.faults().replace(vec![FaultRule::always(
            Endpoint::CloudWatch,
            failure.0.clone(),
        )]);
        let error = source.poll(noon()).await.unwrap_err();
        assert_says(&error, "cloudwatch:GetMetricData", &failure);
        cloud.faults().clear();
        assert_eq!(by_name(&read(&mut source, noon()).await).len(), 4);
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_a_failure_to_connect() {
    let cloud = start(world(0, 1)).await;
    let url = cloud.aws_url();
    cloud.stop().await;
    let error = lister(&way_to(url), &[]).poll(noon()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Connect, "{error}");
}

#[tokio::test]
async fn without_a_list_the_minutes_are_incomplete_and_with_an_empty_one_there_are_none() {
    let aws = way_to("http://127.0.0.1:9".into());
    let (listed, receiver) = watch::channel(None);
    let settings = cloudwatch::CloudWatchConfig {
        list_wait: Duration::from_millis(10),
        ..cloudwatch::CloudWatchConfig::default()
    };
    let mut source = CloudWatchSource::new(settings, aws, receiver, every_minute(1));
    assert_eq!(source.source(), Source::CloudWatch);
    let error = source.poll(noon()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Incomplete);
    assert!(error.to_string().contains("`lambda`"), "{error}");
    listed.send_replace(Some(Arc::new(Functions {
        at: noon(),
        account_id: "".into(),
        region: "eu-west-1".into(),
        functions: Vec::new(),
        concurrency_limit: None,
    })));
    assert!(read(&mut source, noon()).await.is_empty());
}
