//! What there is to know of functions beside the list of them: it is read with few calls, and nothing suffers where it may
//! not be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use breakeven::sources::Poll;
use breakeven::sources::aws::lambda::{LambdaConfig, LambdaSource, MAX_CALLS};
use breakeven::sources::aws::{self, Aws, FixedCredentials};
use breakeven_clock::Clock;
use breakeven_model::inventory::{EventSource, Function, Functions, Observation};
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud, World};
use jiff::{SignedDuration, Timestamp};

fn after(minutes: i64) -> Timestamp {
    let noon: Timestamp = "2026-03-03T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_mins(minutes)
}

/// Two functions with everything, one without anything, one on managed instances, and as many plain ones as asked for.
fn world(reserved: &str, plain: usize) -> World {
    let mut text = format!(
        "name: facts
functions:
  - {{name: api, memory_mib: 512, duration_ms: 20, tags: {{Team: shop, Cost: '4711'}}, {reserved}
     event_sources: ['arn:aws:sqs:us-east-1:123456789012:orders', 'arn:aws:kinesis:us-east-1:123456789012:stream/s'],
     provisioned: [{{qualifier: live, concurrency: 5, share: 0.5}}, {{qualifier: '7', concurrency: 2, share: 0.1}}],
     traffic: {{pattern: steady, requests_per_second: 1}}}}
  - {{name: image, memory_mib: 512, duration_ms: 20, package_type: Image, snap_start: true, tags: {{Owner: me}},
     traffic: {{pattern: steady, requests_per_second: 1}}}}
  - {{name: plain, memory_mib: 128, duration_ms: 20, url: BUFFERED, traffic: {{pattern: steady, requests_per_second: 1}}}}
  - {{name: managed, memory_mib: 4096, duration_ms: 20, capacity_provider: batch,
     traffic: {{pattern: steady, requests_per_second: 1}}}}
"
    );
    for at in 0..plain {
        writeln!(
            text,
            "  - {{name: f{at:03}, memory_mib: 128, duration_ms: 9, traffic: {{pattern: steady, requests_per_second: 0}}}}"
        )
        .unwrap();
    }
    World::from_yaml(&text).unwrap()
}

async fn start(world: World) -> (SimulatedCloud, LambdaSource) {
    let clock = Clock::accelerated(after(0), 1.0);
    let cloud = SimulatedCloud::start(world, clock, ([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let aws = Aws::new(aws::AwsConfig {
        region: Some("us-east-1".into()),
        endpoint_url: Some(cloud.aws_url()),
        credentials: Some(FixedCredentials {
            access_key_id: "simulated".into(),
            secret_access_key: "simulated".into(),
        }),
        max_attempts: 1,
        ..aws::AwsConfig::default()
    });
    let labels = [("team", "Team"), ("cost_centre", "Cost")];
    let settings = LambdaConfig {
        tag_labels: labels
            .map(|(label, tag)| (label.to_owned(), tag.to_owned()))
            .into(),
        ..LambdaConfig::default()
    };
    (cloud, LambdaSource::new(settings, aws))
}

async fn list(source: &mut LambdaSource, at: Timestamp) -> Functions {
    match source.poll(at).await.unwrap().as_slice() {
        [Observation::Functions(functions)] => functions.clone(),
        other => panic!("{other:?}"),
    }
}

fn named<'f>(functions: &'f Functions, name: &str) -> &'f Function {
    let mut found = functions.functions.iter();
    found.find(|one| &*one.id.name == name).unwrap()
}

/// How often each operation was asked for.
fn asked(cloud: &SimulatedCloud) -> BTreeMap<String, u64> {
    let counts = cloud.requests().counts();
    let both = [Endpoint::Lambda, Endpoint::Tagging];
    both.iter()
        .filter_map(|endpoint| counts.get(endpoint))
        .flatten()
        .map(|(operation, count)| (operation.clone(), *count))
        .collect()
}

#[tokio::test]
async fn every_fact_of_a_function_is_read() {
    let (_cloud, mut source) = start(world("concurrency: 40,", 0)).await;
    let functions = list(&mut source, after(0)).await;
    let api = named(&functions, "api");
    let ready = api.provisioned.as_ref().unwrap().iter();
    let ready: Vec<_> = ready
        .map(|one| (&*one.qualifier, one.concurrency))
        .collect();
    assert_eq!(ready, [("live", 5), ("7", 2)]);
    assert_eq!(
        (api.provisioned_concurrency(), api.reserved_concurrency),
        (7, Some(40))
    );
    let labels: Vec<_> = api
        .labels
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(labels, [("cost_centre", "4711"), ("team", "shop")]);
    let polled = [EventSource::Sqs, EventSource::Kinesis].into();
    assert_eq!(
        (&api.event_sources, api.has_url),
        (&Some(polled), Some(false))
    );

    let image = named(&functions, "image");
    assert!(image.is_image && image.snap_start && image.labels.is_empty());
    assert_eq!(image.runtime, None);
    let plain = named(&functions, "plain");
    assert_eq!(
        plain.provisioned.as_deref(),
        Some(&[][..]),
        "known to be nothing"
    );
    assert_eq!(plain.reserved_concurrency, None);
    assert_eq!(
        (&plain.event_sources, plain.has_url),
        (&Some(BTreeSet::new()), Some(true))
    );
    let managed = named(&functions, "managed");
    assert_eq!(managed.capacity_provider.as_deref(), Some("batch"));
    assert!(
        source.missing_attributes().is_empty(),
        "{:?}",
        source.missing_attributes()
    );
}

#[tokio::test]
async fn facts_are_asked_for_once_an_hour_and_not_where_there_can_be_none() {
    let (cloud, mut source) = start(world("", 0)).await;
    for minute in [0, 5, 10] {
        list(&mut source, after(minute)).await;
    }
    let counts = asked(&cloud);
    assert_eq!(counts["ListFunctions"], 3);
    assert_eq!(
        counts.get("GetFunctionConcurrency"),
        None,
        "nothing is set aside"
    );
    let expected = [
        ("GetResources", [1, 2, 3]),
        ("ListEventSourceMappings", [1, 2, 3]),
        // Not of managed instances.
        ("ListProvisionedConcurrencyConfigs", [3, 6, 9]),
        ("ListFunctionUrlConfigs", [4, 4, 8]),
    ];
    for (at, minutes) in [(0, 10), (1, 61), (2, 361)] {
        list(&mut source, after(minutes)).await;
        let counts = asked(&cloud);
        for (api, counted) in &expected {
            assert_eq!(counts[*api], counted[at], "{api} after {minutes} minutes");
        }
    }
}

#[tokio::test]
async fn of_many_functions_a_part_is_asked_for_in_each_poll() {
    let (cloud, mut source) = start(world("", MAX_CALLS)).await;
    let functions = list(&mut source, after(0)).await;
    let known = functions
        .functions
        .iter()
        .filter(|one| one.provisioned.is_some())
        .count();
    let first = asked(&cloud)["ListProvisionedConcurrencyConfigs"];
    assert!(
        known <= MAX_CALLS && known as u64 == first,
        "{known} of {first}"
    );
    let mut polls = 1;
    while asked(&cloud)["ListProvisionedConcurrencyConfigs"] < MAX_CALLS as u64 + 3 {
        list(&mut source, after(polls)).await;
        polls += 1;
        assert!(polls < 20, "it does not come to its end");
    }
    let functions = list(&mut source, after(polls)).await;
    assert_eq!(named(&functions, "api").provisioned_concurrency(), 7);
    assert_eq!(
        asked(&cloud)["ListProvisionedConcurrencyConfigs"],
        MAX_CALLS as u64 + 3
    );
}

#[tokio::test]
async fn what_may_not_be_read_is_named_and_takes_nothing_else_away() {
    let (cloud, mut source) = start(world("concurrency: 40,", 0)).await;
    let denied = |endpoint, path: &str| FaultRule::always(endpoint, Fault::Forbidden).on_path(path);
    cloud.faults().replace(vec![
        denied(Endpoint::Lambda, "provisioned-concurrency"),
        denied(Endpoint::Lambda, "account-settings"),
        denied(Endpoint::Lambda, "event-source-mappings"),
        denied(Endpoint::Lambda, "/urls"),
        denied(Endpoint::Lambda, "/concurrency"),
        FaultRule::always(Endpoint::Tagging, Fault::Forbidden),
    ]);
    let functions = list(&mut source, after(0)).await;
    assert_eq!(functions.functions.len(), 4);
    assert_eq!(functions.concurrency_limit, None);
    let api = named(&functions, "api");
    assert_eq!((&api.provisioned, api.reserved_concurrency), (&None, None));
    assert!(api.labels.is_empty());
    assert_eq!((&api.event_sources, api.has_url), (&None, None));
    let missing_attributes = source.missing_attributes();
    for (loss, action) in [
        (
            "how near functions are to the limit of the account",
            "lambda:GetAccountSettings",
        ),
        (
            "provisioned concurrency in the cost of functions",
            "lambda:ListProvisionedConcurrencyConfigs",
        ),
        (
            "how near functions are to their reserved concurrency",
            "lambda:GetFunctionConcurrency",
        ),
        (
            "which queues and streams are polled for functions",
            "lambda:ListEventSourceMappings",
        ),
        (
            "which functions have a URL",
            "lambda:ListFunctionUrlConfigs",
        ),
        ("labels by tags", "tag:GetResources"),
    ] {
        let grant = format!("grant `{action}` to the role or user that breakeven runs as");
        assert!(
            missing_attributes[loss].contains(&grant),
            "{loss}: {missing_attributes:?}"
        );
    }
    let counts = asked(&cloud);
    assert_eq!(
        counts["ListProvisionedConcurrencyConfigs"], 1,
        "one refusal is enough"
    );
    let discarded = source.discarded().snapshot();
    let unread = [
        "account_limit_unread",
        "provisioned_concurrency_unread",
        "reserved_concurrency_unread",
        "event_sources_unread",
        "function_urls_unread",
        "tags_unread",
    ];
    assert_eq!(discarded, unread.map(|reason| (reason, 1)).into());

    cloud.faults().clear();
    let functions = list(&mut source, after(5)).await;
    assert_eq!(named(&functions, "api").provisioned_concurrency(), 7);
    assert!(source.missing_attributes().is_empty());

    // What hangs later costs the poll some seconds, and nothing that is known.
    cloud
        .faults()
        .add(FaultRule::always(Endpoint::Tagging, Fault::Hang));
    let functions = list(&mut source, after(60)).await;
    assert_eq!(named(&functions, "api").labels.len(), 2);
    assert_eq!(
        source.missing_attributes()["labels by tags"],
        "no answer within 4 s"
    );
}
