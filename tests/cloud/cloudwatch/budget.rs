//! What reading the metrics of a large account costs, and how fresh the numbers are that matter.

use std::collections::HashMap;

use breakeven::sources::aws::cloudwatch::{PollPriority, ScheduleLimits};
use breakeven::sources::aws::{Account, Role};
use breakeven_model::inventory::FunctionId;
use breakeven_simulator::Endpoint;
use breakeven_simulator::world::Function;

use super::*;

const FUNCTIONS: usize = 2_000;

/// The account of the credentials, and two that are reached by roles.
const ACCOUNTS: [&str; 3] = ["123456789012", "111111111111", "222222222222"];

const REGIONS: [&str; 2] = ["us-east-1", "us-west-2"];

/// CloudWatch's price of a metric requested.
const PRICE: f64 = 0.000_01;

/// The accounts as the agent is told of them.
fn accounts() -> Accounts {
    let others = ACCOUNTS[1..].iter().map(|id| Account {
        name: None,
        role: Role {
            arn: format!("arn:aws:iam::{id}:role/breakeven"),
            external_id: None,
        },
        regions: Vec::new(),
        is_linked: false,
    });
    Accounts {
        own: true,
        regions: REGIONS.map(str::to_owned).to_vec(),
        others: others.collect(),
    }
}

/// Accounts as they are: a few functions do most of the work, many do little, and a third is idle. They are dealt out to the
/// six places like cards.
fn world() -> String {
    let mut text = "
name: large
seed: 3
start: '2026-03-02T00:00:00Z'
history_hours: 2
accounts: [{id: '111111111111'}, {id: '222222222222'}]
functions:
"
    .to_owned();
    for index in 0..FUNCTIONS {
        let rate = match index {
            0..40 => 30.0 / (1.0 + f64::from(u32::try_from(index).unwrap())).sqrt(),
            40..1_300 => 0.01,
            _ => 0.0,
        };
        let (account, region) = (ACCOUNTS[index % 3], REGIONS[index / 3 % 2]);
        text.push_str(&format!(
            "  - {{name: f{index:04}, account_id: '{account}', region: {region}, memory_mib: 1024, duration_ms: 200, traffic: {{pattern: steady, \
             requests_per_second: {rate}}}}}\n"
        ));
    }
    text
}

/// Dollars a month, by the price list of us-east-1.
fn dollars(function: &Function, minute: i64) -> f64 {
    let a_minute = f64::from(u32::try_from(function.invocations(minute)).unwrap());
    let each = 0.000_000_2 + 0.2 * 0.000_016_666_7;
    a_minute * each * 60.0 * 730.0
}

/// What a budget buys.
#[derive(Debug)]
struct Bought {
    budget: f64,
    /// Metrics asked for in a month, by the dearer reading and by the cheaper.
    statistics: f64,
    metrics: f64,
    /// Of the functions that hold 90 % of the dollars: how many, the longest time between two readings, and the age of
    /// their newest minute, at the most and in the mean.
    heavy: usize,
    longest_interval: f64,
    oldest: f64,
    mean_age: f64,
}

/// Reads for so many hours after the first reading, and looks so often in a minute what is due.
async fn buy(budget: f64, hours: i64, looks: i64) -> Bought {
    let scene = Scene::across(&world(), &accounts()).await;
    assert_eq!(scene.places.len(), 6);
    let first = scene.start.as_second() / 60;
    let functions = scene.cloud.world().functions();
    let spent: HashMap<&str, f64> = functions
        .iter()
        .map(|one| (one.spec.name.as_str(), dollars(one, first)))
        .collect();
    let heavy = heavy(&spent);
    let poll_priorities = scene.functions().map(|function| {
        let poll_priority = PollPriority {
            monthly: usd(spent[&*function.id.name]),
            margin: None,
        };
        (function.id.clone(), poll_priority)
    });
    let poll_priorities: HashMap<FunctionId, PollPriority> = poll_priorities.collect();
    let shared = Budget::new(ScheduleLimits {
        budget: usd(budget),
        ..ScheduleLimits::default()
    });
    shared.set_poll_priorities(poll_priorities);
    let settings = cloudwatch::CloudWatchConfig {
        backfill: Duration::from_secs(1_800),
        ..cloudwatch::CloudWatchConfig::default()
    };
    let places = scene.places.iter();
    let mut sources: Vec<CloudWatchSource> = places
        .map(|place| place.source(settings, shared.clone()))
        .collect();

    let mut read: HashMap<String, Timestamp> = HashMap::new();
    let mut newest: HashMap<String, Timestamp> = HashMap::new();
    let (mut before, mut longest, mut ages) = ((0, 0), 0.0_f64, Vec::new());
    let asked = || {
        let count = |what| scene.cloud.requests().count(Endpoint::CloudWatch, what);
        (count("metric queries"), count("metrics requested"))
    };
    for look in 0..=hours * 60 * looks {
        let now = scene.start + SignedDuration::from_secs(60 / looks * look);
        scene.hand.set(now);
        let age = |at: &Timestamp| now.duration_since(*at).as_secs_f64() / 60.0;
        ages.extend(heavy.iter().filter_map(|name| newest.get(*name)).map(age));
        for source in &mut sources {
            for batch in batches(source.poll(now).await.unwrap()) {
                let name = batch.id.name.to_string();
                if let Some(last) = read.insert(name.clone(), now)
                    && heavy.contains(&&*name)
                {
                    longest = longest.max(age(&last));
                }
                newest.insert(name, batch.window.end());
            }
        }
        if look == 0 {
            assert_eq!(read.len(), FUNCTIONS, "all are read at first");
            before = asked();
        }
    }
    let after = asked();
    let a_month = |count: u64| f64::from(u32::try_from(count).unwrap()) * 730.0 / hours_of(hours);
    Bought {
        budget,
        statistics: a_month(after.0 - before.0),
        metrics: a_month(after.1 - before.1),
        heavy: heavy.len(),
        longest_interval: longest,
        oldest: ages.iter().copied().fold(0.0, f64::max),
        mean_age: ages.iter().sum::<f64>() / hours_of(i64::try_from(ages.len()).unwrap()),
    }
}

fn hours_of(hours: i64) -> f64 {
    f64::from(i32::try_from(hours).unwrap())
}

/// The fewest functions that hold 90 % of the dollars.
fn heavy<'a>(spent: &HashMap<&'a str, f64>) -> Vec<&'a str> {
    let mut order: Vec<_> = spent
        .iter()
        .map(|(name, dollars)| (*name, *dollars))
        .collect();
    order.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(other.0)));
    let all: f64 = spent.values().sum();
    let mut sum = 0.0;
    let needed = order.into_iter().take_while(|(_, dollars)| {
        let is_needed = sum < 0.9 * all;
        sum += dollars;
        is_needed
    });
    needed.map(|(name, _)| name).collect()
}

#[tokio::test]
async fn two_thousand_functions_are_read_within_the_budget_and_those_that_matter_often() {
    // All functions every five minutes with a query for each of five statistics.
    let plain = 2_000.0 * 5.0 * 12.0 * 730.0;
    println!(
        "| budget, USD | metrics a month | of the plain way | USD | USD if grouped | functions with 90 % of the dollars | read every, min | newest minute ends before, min | in the mean |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (budget, hours, looks) in [(10.0, 24, 1), (40.0, 6, 2), (120.0, 1, 4)] {
        let bought = buy(budget, hours, looks).await;
        println!(
            "| {budget} | {:.0} | {:.1} % | {:.2} | {:.2} | {} | {:.1} | {:.1} | {:.1} |",
            bought.statistics,
            100.0 * bought.statistics / plain,
            bought.statistics * PRICE,
            bought.metrics * PRICE,
            bought.heavy,
            bought.longest_interval,
            bought.oldest,
            bought.mean_age,
        );
        assert!(bought.statistics * PRICE <= bought.budget, "{bought:?}");
        assert!(bought.statistics <= plain / 5.0, "{bought:?}");
        if budget >= 40.0 {
            assert!(bought.longest_interval < 6.0, "{bought:?}");
            assert!(bought.mean_age < 6.0, "{bought:?}");
        }
        if budget >= 120.0 {
            assert!(bought.oldest < 6.0, "{bought:?}");
        }
    }
}

#[tokio::test]
async fn an_empty_purse_lets_those_with_the_least_at_stake_wait() {
    let mut world =
        "name: poor\nstart: '2026-03-02T00:00:00Z'\nhistory_hours: 2\nfunctions:\n".to_owned();
    for index in 0..100 {
        world.push_str(&format!(
            "  - {{name: f{index:02}, memory_mib: 128, duration_ms: 20, traffic: {{pattern: steady, \
             requests_per_second: 1}}}}\n"
        ));
    }
    let scene = Scene::new(&world).await;
    // A tenth of it is there at once: 300 metrics, which are 50 first readings.
    let shared = Budget::new(ScheduleLimits {
        budget: usd(0.03),
        ..ScheduleLimits::default()
    });
    let poll_priority = |index: usize| PollPriority {
        monthly: if index < 70 { usd(1.0) } else { usd(100.0) },
        margin: None,
    };
    let functions = scene.functions().enumerate();
    shared.set_poll_priorities(
        functions
            .map(|(index, one)| (one.id.clone(), poll_priority(index)))
            .collect(),
    );
    let mut source = scene.source(cloudwatch::CloudWatchConfig::default(), shared);
    let mut read_at = async |minute: i64| -> Vec<String> {
        let now = scene.minute(minute);
        scene.hand.set(now);
        let read = batches(source.poll(now).await.unwrap()).into_iter();
        read.map(|batch| batch.id.name.to_string()).collect()
    };
    let first = read_at(0).await;
    assert_eq!(first.len(), 50);
    let costly = (70..100).map(|index| format!("f{index}"));
    assert!(
        costly.into_iter().all(|name| first.contains(&name)),
        "{first:?}"
    );
    assert!(read_at(1).await.is_empty());
    // A day brings 98 metrics: 2 for each of the costly ones, and 6 of the others for the first time.
    assert_eq!(read_at(24 * 60).await.len(), 30 + 6);
    let asked = scene
        .cloud
        .requests()
        .count(Endpoint::CloudWatch, "metric queries");
    assert!(asked <= 300 + 99, "{asked}");
    assert_eq!(source.discarded().snapshot()["over_budget"], 50 + 50 + 64);
}
