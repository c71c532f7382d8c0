//! The source by itself: what it asks for, what that costs, and what it makes of failures.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use breakeven::sources::{Poll, Reason};
use breakeven_model::inventory::BilledDay;
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud};

use super::*;

/// Three accounts, of which two are read, in two regions; on the morning of the tenth of March.
const WORLD: &str = "
name: bills
start: '2026-03-10T09:00:00Z'
history_hours: 240
bill: {discount: 0.1}
accounts: [{id: '111111111111'}, {id: '222222222222'}]
functions:
  - {name: api, region: eu-west-1, memory_mib: 512, duration_ms: 90, traffic: {pattern: steady, requests_per_second: 3}}
  - {name: api, account_id: '111111111111', region: us-east-1, architecture: arm64, memory_mib: 1024, duration_ms: 200,
     ephemeral_storage_mib: 2048, traffic: {pattern: steady, requests_per_second: 1}}
  - {name: api, account_id: '222222222222', region: us-east-1, memory_mib: 1024, duration_ms: 200,
     traffic: {pattern: steady, requests_per_second: 1}}
";

/// What the world was charged on a day, by account and usage type: usage and dollars.
fn charged(cloud: &SimulatedCloud, day: &str) -> BTreeMap<(String, String), [f64; 2]> {
    let first = at(&format!("{day}T00:00:00Z")).as_second() / 60;
    let mut sums: BTreeMap<_, [f64; 2]> = BTreeMap::new();
    for charge in cloud.world().charges(first, first + 1_440) {
        let key = (charge.account.to_owned(), charge.usage_type.clone());
        let sum = sums.entry(key).or_default();
        sum[0] += charge.quantity;
        sum[1] += charge.unblended_usd;
    }
    sums.retain(|(account, _), _| account != DATA);
    sums
}

fn is_what_was_charged(cloud: &SimulatedCloud, day: &BilledDay) {
    let expected = charged(cloud, &day.day.to_string());
    assert_eq!(day.charges.len(), expected.len(), "{day:?}");
    for charge in &day.charges {
        let name = charge.usage_type.name.to_string();
        let [usage, usd] = expected[&(charge.account_id.to_string(), name)];
        assert!((charge.usage.units() - usage).abs() < 1e-6 * usage);
        assert!((charge.unblended.usd() - usd).abs() < 1e-6 * usd + 1e-9);
    }
}

fn days(bill: &Bill) -> Vec<String> {
    bill.days.iter().map(|one| one.day.to_string()).collect()
}

#[tokio::test]
async fn a_week_of_settled_days_is_read_by_one_call_and_each_next_day_by_another() {
    let (cloud, directory) = (cloud(WORLD).await, tempfile::tempdir().unwrap());
    let new = || source(cloud.aws_url(), &[OWN, PAYMENTS, OWN], directory.path(), 2);
    let mut source = new();
    let now = at("2026-03-10T09:00:00Z");
    let bill = published_bill(source.poll(now).await.unwrap()).unwrap();
    let week: Vec<String> = (3..10).map(|day| format!("2026-03-{day:02}")).collect();
    assert_eq!(days(&bill), week);
    bill.days
        .iter()
        .for_each(|day| is_what_was_charged(&cloud, day));
    assert_eq!(asked(&cloud), 1);

    // Neither an hour later nor by a restart anything is asked: what is kept is told once.
    assert!(
        source
            .poll(at("2026-03-10T10:00:00Z"))
            .await
            .unwrap()
            .is_empty()
    );
    let mut restarted = new();
    let again = published_bill(restarted.poll(at("2026-03-10T11:00:00Z")).await.unwrap());
    assert_eq!(again, Some(Arc::clone(&bill)));
    assert!(
        restarted
            .poll(at("2026-03-11T08:00:00Z"))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(asked(&cloud), 1);

    // A day later what is kept is told at once, and the one day that is lacking is asked for. It is nothing here: the clock of
    // the cloud stands.
    let mut restarted = new();
    let tomorrow = at("2026-03-11T09:00:00Z");
    assert_eq!(
        published_bill(restarted.poll(tomorrow).await.unwrap()),
        Some(bill)
    );
    restarted.wait_for_change().await;
    restarted.poll(tomorrow).await.unwrap();
    assert_eq!(asked(&cloud), 2);
    cloud.stop().await;
}

#[tokio::test]
async fn every_call_counts_what_it_costs() {
    let (cloud, directory) = (cloud(WORLD).await, tempfile::tempdir().unwrap());
    let aws = aws_at(cloud.aws_url());
    let settings = CostExplorerConfig {
        calls_per_day: 2,
        refresh: Duration::from_secs(86_400),
        cache_directory: directory.path().to_owned(),
        list_wait: Duration::from_millis(50),
    };
    let (_lister, listed) = watch::channel(Some(Arc::new(functions(OWN))));
    let mut source = BillSource::new(settings, aws.clone(), vec![(aws.clone(), listed)]);
    source.poll(at("2026-03-10T09:00:00Z")).await.unwrap();
    let spent = aws.spend().snapshot()["GetCostAndUsage"];
    assert_eq!(spent.requests, 1);
    assert!((spent.cost().usd() - 0.01).abs() < 1e-12);
    cloud.stop().await;
}

#[tokio::test]
async fn a_failure_names_what_is_missing_and_is_repeated_no_more_often_than_agreed() {
    for (fault, reason, said) in [
        (
            Fault::Forbidden,
            Reason::Forbidden,
            "grant `ce:GetCostAndUsage`",
        ),
        (
            Fault::Throttle,
            Reason::Throttled,
            "ce:GetCostAndUsage in us-east-1 failed",
        ),
        (
            Fault::Status {
                code: 503,
                retry_after: None,
            },
            Reason::ServerError,
            "InternalFailure",
        ),
        (Fault::Cut, Reason::Connect, "the connection failed"),
        (Fault::Garbage, Reason::InvalidResponse, "not understood"),
    ] {
        let (cloud, directory) = (cloud(WORLD).await, tempfile::tempdir().unwrap());
        let new = || source(cloud.aws_url(), &[OWN], directory.path(), 2);
        let rule = FaultRule::always(Endpoint::CostExplorer, fault.clone());
        cloud.faults().replace(vec![rule]);
        let mut source = new();
        let error = source.poll(at("2026-03-10T09:00:00Z")).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(asked(&cloud), 1, "{fault:?}");

        // A minute later, also by a restart, it says what was wrong, and asks nothing.
        for _ in 0..2 {
            let error = new().poll(at("2026-03-10T09:01:00Z")).await.unwrap_err();
            assert_eq!(error.reason(), Reason::Incomplete);
            assert!(error.to_string().contains(said), "{error}");
            assert!(
                error
                    .to_string()
                    .contains("asked again at 2026-03-10T10:00:00Z"),
                "{error}"
            );
            assert_eq!(error.pause(), Some(Duration::from_secs(59 * 60)));
        }
        // An hour later it is tried again, and then no more on that day.
        new().poll(at("2026-03-10T10:00:00Z")).await.unwrap_err();
        assert_eq!(asked(&cloud), 2, "{fault:?}");
        for hour in 11..24 {
            let now = at(&format!("2026-03-10T{hour}:00:00Z"));
            let error = new().poll(now).await.unwrap_err();
            assert!(
                error.to_string().contains("2 paid calls of today"),
                "{error}"
            );
        }
        assert_eq!(asked(&cloud), 2, "{fault:?}");

        cloud.faults().replace(Vec::new());
        let bill = published_bill(new().poll(at("2026-03-11T00:00:00Z")).await.unwrap());
        assert_eq!(bill.unwrap().days.len(), 6, "{fault:?}");
        cloud.stop().await;
    }
}

#[tokio::test]
async fn a_cache_that_is_damaged_is_set_aside_and_costs_a_day_without_a_call() {
    let (cloud, directory) = (cloud(WORLD).await, tempfile::tempdir().unwrap());
    let new = || source(cloud.aws_url(), &[OWN], directory.path(), 2);
    new().poll(at("2026-03-10T09:00:00Z")).await.unwrap();
    let file = directory.path().join("bill.json");
    std::fs::write(&file, "{\"version\": 1, \"calls\"").unwrap();
    let mut source = new();
    let error = source.poll(at("2026-03-10T09:30:00Z")).await.unwrap_err();
    assert!(error.to_string().contains("bill.json: EOF"), "{error}");
    assert_eq!(source.discarded().snapshot()["cache_not_read"], 1);
    assert!(directory.path().join("bill.json.unreadable").exists());
    new().poll(at("2026-03-10T23:59:00Z")).await.unwrap_err();
    assert_eq!(asked(&cloud), 1);
    let bill = published_bill(new().poll(at("2026-03-11T00:00:00Z")).await.unwrap());
    assert!(bill.is_some());
    assert_eq!(asked(&cloud), 2);
    cloud.stop().await;
}

#[tokio::test]
async fn without_a_place_to_count_calls_none_is_made() {
    let (cloud, directory) = (cloud(WORLD).await, tempfile::tempdir().unwrap());
    // A file stands where the directory should be.
    let taken = directory.path().join("taken");
    std::fs::write(&taken, "").unwrap();
    let mut source = source(cloud.aws_url(), &[OWN], &taken, 2);
    let error = source.poll(at("2026-03-10T09:00:00Z")).await.unwrap_err();
    assert!(
        error.to_string().contains("aws.bill.cache_directory"),
        "{error}"
    );
    assert_eq!(asked(&cloud), 0);
    cloud.stop().await;
}

#[tokio::test]
async fn until_the_account_is_known_nothing_is_asked_and_without_functions_there_is_no_bill() {
    let (cloud, directory) = (cloud(WORLD).await, tempfile::tempdir().unwrap());
    let settings = CostExplorerConfig {
        calls_per_day: 2,
        refresh: Duration::from_secs(86_400),
        cache_directory: directory.path().to_owned(),
        list_wait: Duration::from_millis(50),
    };
    let aws = aws_at(cloud.aws_url());
    let (lister, listed) = watch::channel(None);
    let (other_lister, other) = watch::channel(None);
    let readers = vec![(aws.clone(), listed), (aws.clone(), other)];
    let mut source = BillSource::new(settings, aws, readers);
    let now = at("2026-03-10T09:00:00Z");
    let error = source.poll(now).await.unwrap_err();
    assert!(error.to_string().contains("source `lambda`"), "{error}");
    // A list without functions does not tell the account.
    lister.send_replace(Some(Arc::new(functions(""))));
    let error = source.poll(now).await.unwrap_err();
    assert!(error.to_string().contains("source `lambda`"), "{error}");
    other_lister.send_replace(Some(Arc::new(functions(""))));
    assert!(source.poll(now).await.unwrap().is_empty());
    assert_eq!(asked(&cloud), 0);
    other_lister.send_replace(Some(Arc::new(functions(OWN))));
    assert!(published_bill(source.poll(now).await.unwrap()).is_some());
    assert_eq!(asked(&cloud), 1);
    cloud.stop().await;
}

/// A function on each processor in each of fifteen regions, with `/tmp` that costs: 90 usage types a day, and 630 of a week
/// are four pages.
fn wide() -> String {
    let mut world =
        "name: wide\nstart: '2026-03-10T09:00:00Z'\nhistory_hours: 240\nfunctions:\n".to_owned();
    for region in [
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
        "ca-central-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "eu-central-1",
        "eu-north-1",
        "ap-south-1",
        "ap-northeast-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "sa-east-1",
    ] {
        for architecture in ["x86_64", "arm64"] {
            writeln!(
                world,
                "  - {{name: {architecture}, region: {region}, architecture: {architecture}, memory_mib: 512, \
                 duration_ms: 50, ephemeral_storage_mib: 1024, traffic: {{pattern: timer, every_minutes: 60, requests: 60}}}}"
            )
            .unwrap();
        }
    }
    world
}

#[tokio::test]
async fn pages_are_read_within_the_calls_of_a_day_and_the_rest_on_the_next() {
    let (cloud, directory) = (cloud(&wide()).await, tempfile::tempdir().unwrap());
    let mut whole = source(cloud.aws_url(), &[OWN], directory.path(), 9);
    let now = at("2026-03-10T09:00:00Z");
    let whole = published_bill(whole.poll(now).await.unwrap()).unwrap();
    assert_eq!(asked(&cloud), 4);
    assert_eq!(whole.days.len(), 7);
    whole
        .days
        .iter()
        .for_each(|day| is_what_was_charged(&cloud, day));

    let directory = tempfile::tempdir().unwrap();
    let mut source = source(cloud.aws_url(), &[OWN], directory.path(), 2);
    let part = published_bill(source.poll(now).await.unwrap()).unwrap();
    assert_eq!(asked(&cloud), 6);
    // Two pages of 200 are four days and a part of the fifth.
    assert_eq!(part.days, whole.days[..4]);
    assert_eq!(source.discarded().snapshot()["pages_put_off"], 1);
    assert!(
        source
            .poll(at("2026-03-10T10:00:00Z"))
            .await
            .unwrap()
            .is_empty()
    );
    let rest = published_bill(source.poll(at("2026-03-11T09:00:00Z")).await.unwrap()).unwrap();
    assert_eq!(asked(&cloud), 8);
    assert_eq!(rest.days[..7], whole.days[..]);
    cloud.stop().await;
}

#[tokio::test]
async fn one_call_of_several_pages_gives_the_days_that_are_whole_in_it() {
    let (cloud, directory) = (cloud(&wide()).await, tempfile::tempdir().unwrap());
    let mut source = source(cloud.aws_url(), &[OWN], directory.path(), 1);
    // Two days and a part of the third.
    let now = at("2026-03-10T09:00:00Z");
    let part = published_bill(source.poll(now).await.unwrap()).unwrap();
    assert_eq!((asked(&cloud), part.days.len()), (1, 2));
    cloud.stop().await;
}
