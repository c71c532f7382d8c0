//! What the requests of functions come through: as the configuration says, else as Lambda does, and said to be unknown where
//! neither does.

use std::collections::BTreeMap;

use crate::support::agent::simulated;
use crate::support::until;
use crate::support::watching::{Watching, cloud};
use breakeven_clock::Clock;
use breakeven_simulator::{Endpoint, Fault, FaultRule, World};

const FUNCTIONS: [&str; 5] = ["configured", "polled", "reached", "both", "other"];

fn world() -> World {
    let with = [
        "event_sources: ['arn:aws:mq:us-east-1:123456789012:broker:b:1'], url: BUFFERED,",
        "event_sources: ['arn:aws:sqs:us-east-1:123456789012:q', 'arn:aws:sqs:us-east-1:123456789012:p'],",
        "url: RESPONSE_STREAM,",
        "event_sources: ['arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/1'], url: BUFFERED,",
        "",
    ];
    let functions = FUNCTIONS.iter().zip(with).map(|(name, with)| {
        format!(
            "  - {{name: {name}, memory_mib: 128, duration_ms: 20, {with}\n     \
             traffic: {{pattern: steady, requests_per_second: 2}}}}\n"
        )
    });
    let functions: String = functions.collect();
    World::from_yaml(&format!(
        "name: doors\nhistory_hours: 2\nfunctions:\n{functions}"
    ))
    .unwrap()
}

/// The functions of the first rule cost what an HTTP API does besides. The second says nothing of a front door.
const CONFIG: &str = "
kubernetes: {enabled: false}
model: {interval_seconds: 1, decision_window_seconds: 3600}
aws:
  functions_interval_seconds: 1
  surroundings:
    - {functions: configured, front_door: http_api}
    - {functions: pol*, log_bytes_per_request: 100}
";

async fn start(faults: Vec<FaultRule>) -> Watching {
    let clock = Clock::accelerated("2026-03-02T12:02:30Z".parse().unwrap(), 1.0);
    let cloud = cloud(world(), clock).await;
    cloud.faults().replace(faults);
    Watching::start(cloud, CONFIG, simulated()).await
}

/// The labels of each function, once all have a cost.
async fn labels(agent: &Watching) -> BTreeMap<String, [String; 2]> {
    until("a cost of each function", async || {
        let shown = agent.metrics().await?;
        let costs = shown.all("breakeven_request_cost_usd", &[("platform", "lambda")]);
        let infos = shown.all("breakeven_workload_info", &[]);
        let labels = infos.map(|one| {
            let [function, http_endpoint, sources] =
                ["workload", "front_door", "event_sources"].map(|name| one.label(name).to_owned());
            (function, [http_endpoint, sources])
        });
        (costs.count() == FUNCTIONS.len()).then(|| labels.collect())
    })
    .await
}

/// What is explained of a function under a name.
async fn explained(agent: &Watching, function: &str, what: &str) -> [String; 2] {
    let lines = agent.explained(function).await.into_iter();
    let mut found = lines.filter(|[name, ..]| name == what);
    let Some([_, from, result]) = found.next() else {
        panic!("nothing explains the {what} of {function}")
    };
    [from, result]
}

#[tokio::test]
async fn a_front_door_is_as_configured_or_as_lambda_says_and_else_not_known() {
    let agent = start(Vec::new()).await;
    let shown = labels(&agent).await;
    for (function, [http_endpoint, sources], from) in [
        ("configured", ["http_api", "mq"], "aws.surroundings"),
        ("polled", ["none", "sqs"], "Lambda polls for it"),
        (
            "reached",
            ["function_url", ""],
            "it has a URL, source lambda",
        ),
        (
            "both",
            ["function_url", "dynamodb"],
            "it has a URL, source lambda",
        ),
        (
            "other",
            ["", ""],
            "API Gateway and load balancers are not looked for",
        ),
    ] {
        assert_eq!(shown[function], [http_endpoint, sources], "{function}");
        let [origin, result] = explained(&agent, function, "front door").await;
        assert!(origin.starts_with(from), "{function}: {origin}");
        let expected = if http_endpoint.is_empty() {
            "not known, taken as free"
        } else {
            http_endpoint
        };
        assert_eq!(result, expected, "{function}");
        let [_, polled] = explained(&agent, function, "event sources").await;
        let expected = if sources.is_empty() { "none" } else { sources };
        assert_eq!(polled, expected, "{function}");
    }
    // Only what is configured is charged for: 1 USD for a million requests.
    let metrics = agent.metrics().await.unwrap();
    let cost = |function| {
        let labels = [("workload", function), ("platform", "lambda")];
        metrics.one("breakeven_request_cost_usd", &labels).unwrap()
    };
    for function in ["reached", "both"] {
        assert!((cost(function) - cost("other")).abs() < 1e-15, "{function}");
    }
    assert!((cost("configured") - cost("other") - 1e-6).abs() < 1e-12);
    agent.stop().await;
}

#[tokio::test]
async fn where_lambda_may_not_be_asked_only_what_is_configured_is_known() {
    let denied = |path: &str| FaultRule::always(Endpoint::Lambda, Fault::Forbidden).on_path(path);
    let agent = start(vec![denied("event-source-mappings"), denied("/urls")]).await;
    let shown = labels(&agent).await;
    for function in FUNCTIONS {
        let http_endpoint = if function == "configured" {
            "http_api"
        } else {
            ""
        };
        assert_eq!(shown[function], [http_endpoint, ""], "{function}");
    }
    agent.stop().await;
}
