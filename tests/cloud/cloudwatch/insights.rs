//! How often Lambda Insights is read, and what that costs.

use std::collections::BTreeMap;

use breakeven::sources::aws::cloudwatch::ScheduleLimits;
use breakeven::sources::aws::{Account, Role};
use breakeven_model::inventory::Insights;
use breakeven_simulator::{Endpoint, Fault, FaultRule, ResultFault, ResultStatus};

use super::*;

/// So many functions that have it, and as many that do not.
fn world(each: usize) -> String {
    let mut text =
        "name: insights\nstart: '2026-03-02T00:00:00Z'\nhistory_hours: 30\nfunctions:\n".to_owned();
    for index in 0..each {
        for insights in [true, false] {
            text += &format!(
                "  - {{name: f{index:03}-{insights}, insights: {insights}, memory_mib: 256, duration_ms: 100, cpu_ms: {},\n     \
                 memory_used_mib: 77, traffic: {{pattern: steady, requests_per_second: 2}}}}\n",
                1 + index % 90
            );
        }
    }
    text
}

fn terms(budget: f64) -> ScheduleLimits {
    let hour = Duration::from_secs(3_600);
    ScheduleLimits {
        budget: usd(budget),
        shortest: hour,
        longest: hour,
    }
}

/// What was measured, by name.
fn measured(seen: Vec<Observation>) -> BTreeMap<String, Insights> {
    let read = seen.into_iter().filter_map(|one| match one {
        Observation::Insights(read) => Some(read.functions),
        _ => None,
    });
    let known = read
        .flatten()
        .filter_map(|(id, insights)| Some((id.name.to_string(), insights?)));
    known.collect()
}

fn asked(scene: &Scene, what: &str) -> u64 {
    scene.cloud.requests().count(Endpoint::CloudWatch, what)
}

#[tokio::test]
async fn it_is_read_once_an_hour_of_those_that_have_it_and_in_few_calls() {
    let scene = Scene::new(&world(150)).await;
    let budget = Budget::new(terms(1_000.0));
    let mut source = scene.source(cloudwatch::CloudWatchConfig::default(), budget.clone());
    for hour in 0..3_u32 {
        let (lists, calls) = (asked(&scene, "ListMetrics"), asked(&scene, "GetMetricData"));
        let now = scene.minute(60 * i64::from(hour));
        scene.hand.set(now);
        let found = measured(source.poll(now).await.unwrap());
        assert_eq!(found.len(), 150, "hour {hour}");
        for (name, insights) in &found {
            let index: usize = name[1..4].parse().unwrap();
            let milliseconds = f64::from(u32::try_from(1 + index % 90).unwrap());
            let each = insights.cpu_each().unwrap().millis();
            assert!((each - milliseconds).abs() < 1e-9, "{name}: {each}");
            assert_eq!(insights.memory_peak.unwrap().mib(), 77.0);
            assert_eq!(insights.invocations.requests(), 24.0 * 60.0 * 120.0);
        }
        assert_eq!(asked(&scene, "ListMetrics") - lists, 1);
        // The minutes of 300 functions come in calls of their own: of the first day in many, then in few.
        let all = asked(&scene, "GetMetricData") - calls;
        assert!(hour == 0 || all <= 3 + 5, "{all} calls in hour {hour}");

        // Between the hours nothing of it is asked for.
        let soon = scene.minute(60 * i64::from(hour) + 30);
        scene.hand.set(soon);
        let lists = asked(&scene, "ListMetrics");
        assert!(measured(source.poll(soon).await.unwrap()).is_empty());
        assert_eq!(asked(&scene, "ListMetrics"), lists);
    }
    let plan = budget.plan();
    assert_eq!(plan.insights().functions(), 150);
    assert_eq!(plan.insights().interval(), Duration::from_secs(3_600));
    // 150 functions x 5 statistics and a page, each hour.
    let expected = plan.insights().expected().cost().usd();
    assert!((expected - 751.0 * 730.0 * 1e-5).abs() < 1e-9, "{expected}");
}

#[tokio::test]
async fn a_small_budget_has_it_read_less_often_and_is_kept() {
    let scene = Scene::new(&world(40)).await;
    let budget = Budget::new(terms(2.0));
    let mut source = scene.source(cloudwatch::CloudWatchConfig::default(), budget.clone());
    let mut readings = 0;
    for hour in 0..24 {
        let now = scene.minute(60 * hour);
        scene.hand.set(now);
        readings += measured(source.poll(now).await.unwrap()).len();
    }
    // 40 functions x 5 statistics x 730 h are 1.46 USD; a tenth of 2 USD is that each 7.3 hours.
    let plan = budget.plan();
    let hours = plan.insights().interval().as_secs_f64() / 3_600.0;
    assert!((hours - 7.3).abs() < 1e-9, "{hours}");
    assert_eq!(readings, 40 * 3, "at 0, 8 and 16 hours");
    let all = plan.expected().cost().usd();
    assert!(all <= 2.0, "{all}");
    assert!(all > plan.insights().expected().cost().usd() + 0.1, "{all}");
}

#[tokio::test]
async fn what_fails_of_it_is_said_and_tried_again_and_the_minutes_come_all_the_same() {
    let scene = Scene::new(&world(3)).await;
    let mut source = scene.source(
        cloudwatch::CloudWatchConfig::default(),
        Budget::new(terms(100.0)),
    );
    let list = FaultRule::always(Endpoint::CloudWatch, Fault::Forbidden).on_path("ListMetrics");
    scene.cloud.faults().replace(vec![list]);
    let at = |minute| {
        scene.hand.set(scene.minute(minute));
        scene.minute(minute)
    };
    let seen = source.poll(at(0)).await.unwrap();
    assert!(
        matches!(seen.as_slice(), [Observation::FunctionMinutes(_)]),
        "{seen:?}"
    );
    let missing_attributes = source.missing_attributes();
    let why = &missing_attributes["processor time, memory and initialisation of functions, by Lambda Insights"];
    assert!(why.contains("grant `cloudwatch:ListMetrics`"), "{why}");

    // It is tried again after ten minutes, and not before.
    scene.cloud.faults().clear();
    assert!(source.poll(at(5)).await.unwrap().is_empty());
    assert_eq!(source.missing_attributes().len(), 1);
    assert_eq!(measured(source.poll(at(10)).await.unwrap()).len(), 3);
    assert!(source.missing_attributes().is_empty());

    // One function that fails keeps no other from being read, and what was known of it stands.
    let fault = Fault::Result(ResultFault {
        status: ResultStatus::InternalError,
        function: Some("f001-true".into()),
        token: false,
    });
    let rule = FaultRule::always(Endpoint::CloudWatch, fault);
    scene.cloud.faults().replace(vec![rule]);
    let mut found = BTreeMap::new();
    for minute in [75, 80] {
        found.extend(measured(source.poll(at(minute)).await.unwrap_or_default()));
        found.extend(measured(source.partial_results()));
    }
    assert_eq!(found.keys().collect::<Vec<_>>(), ["f000-true", "f002-true"]);
    let discarded = source.discarded().snapshot();
    assert_eq!(discarded["insights_unread"], 2, "{discarded:?}");
}

#[tokio::test]
async fn of_a_linked_account_it_is_listed_and_read_in_the_own_one() {
    let world = "{name: linked, start: '2026-03-02T00:00:00Z', history_hours: 30, accounts: [{id: '111111111111', linked: true}],
         functions: [
         {name: own, insights: true, memory_mib: 128, duration_ms: 10, traffic: {pattern: steady, requests_per_second: 1}},
         {name: other, account_id: '111111111111', insights: true, memory_mib: 128, duration_ms: 10, cpu_ms: 4,
          traffic: {pattern: steady, requests_per_second: 1}}]}";
    let accounts = Accounts {
        own: false,
        regions: Vec::new(),
        others: vec![Account {
            name: None,
            role: Role {
                arn: "arn:aws:iam::111111111111:role/breakeven".into(),
                external_id: None,
            },
            regions: Vec::new(),
            is_linked: true,
        }],
    };
    let scene = Scene::across(world, &accounts).await;
    let mut source = scene.source(
        cloudwatch::CloudWatchConfig::default(),
        Budget::new(terms(10.0)),
    );
    let found = measured(source.poll(scene.minute(0)).await.unwrap());
    let names: Vec<_> = found.keys().collect();
    assert_eq!(names, ["other"]);
    let each = found["other"].cpu_each().unwrap().millis();
    assert!((each - 4.0).abs() < 1e-9, "{each}");
}
