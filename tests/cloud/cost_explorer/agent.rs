//! The whole agent: what it shows of a bill, and how the model compares with it.

use breakeven::agent::{Agent, ConfigSource};
use breakeven::server;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::support::exposition::Exposition;
use crate::support::until;

/// The seconds of a day.
const DAY: f64 = 86_400.0;

/// Two accounts in two regions, and how the bill differs from list prices. The decision window has the whole of the day before.
fn world(bill: &str) -> String {
    format!(
        "
name: bills
start: '2026-03-10T09:30:00Z'
history_hours: 240
bill: {bill}
accounts: [{{id: '{PAYMENTS}'}}]
functions:
  - {{name: api, memory_mib: 512, duration_ms: 90, init_ms: 300, traffic: {{pattern: steady, requests_per_second: 3}}}}
  - {{name: night, architecture: arm64, memory_mib: 1024, duration_ms: 2000, init_ms: 300, ephemeral_storage_mib: 2048,
     traffic: {{pattern: timer, every_minutes: 30, requests: 40}}}}
  - {{name: api, account_id: '{PAYMENTS}', region: us-west-2, memory_mib: 256, duration_ms: 400, init_ms: 300,
     traffic: {{pattern: diurnal, requests_per_second: 2, amplitude: 0.8, peak_hour: 14}}}}
"
    )
}

/// What an agent shows once the bill is compared.
async fn shown(bill: &str, apply: bool) -> Exposition {
    let world = World::from_yaml(&world(bill)).unwrap();
    let clock = Clock::accelerated(world.start(), 1.0);
    let cloud = SimulatedCloud::start(world, clock.clone(), LOOPBACK)
        .await
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("breakeven.yaml");
    let kept = directory.path().join("kept");
    let config = format!(
        "kubernetes: {{enabled: false}}\nmodel: {{interval_seconds: 1, decision_window_seconds: 172800}}\naws:\n  \
         regions: [us-east-1, us-west-2]\n  accounts: [{{role_arn: 'arn:aws:iam::{PAYMENTS}:role/breakeven'}}]\n  \
         bill: {{enabled: true, apply: {apply}, cache_directory: {}}}\n",
        kept.display()
    );
    std::fs::write(&file, config).unwrap();
    let endpoint = cloud.aws_url();
    let source = ConfigSource {
        file: Some(file),
        adjust: Arc::new(move |config| {
            let session = &mut config.aws.as_mut().unwrap().session;
            session.endpoint_url = Some(endpoint.clone());
            session.region = Some("us-east-1".to_owned());
            session.credentials = Some(credentials());
        }),
        ..ConfigSource::default()
    };
    let settings = server::ServerConfig {
        listen: vec![LOOPBACK],
        clock: clock.clone(),
        ..server::ServerConfig::default()
    };
    let agent = Agent::bind(source, settings, clock).await.unwrap();
    let page = format!("http://{}/metrics", agent.addresses()[0]);
    let shutdown = CancellationToken::new();
    let agent = tokio::spawn(agent.run(shutdown.clone()));
    let shown = until("the bill to be compared", async || {
        let shown = Exposition::at(&page).await?;
        let compared = shown.sum("breakeven_bill_compared_seconds", &[])?;
        let costs = shown.all("breakeven_request_cost_usd", &[]).count();
        (compared >= 2.0 * DAY && costs > 0).then_some(shown)
    })
    .await;
    shutdown.cancel();
    agent.await.unwrap().unwrap();
    assert_eq!(asked(&cloud), 1);
    cloud.stop().await;
    shown
}

fn near(found: Option<f64>, expected: f64, tolerance: f64) -> bool {
    found.is_some_and(|found| (found - expected).abs() <= tolerance * expected)
}

const TYPES: [(&str, &str); 7] = [
    (OWN, "Request"),
    (OWN, "Lambda-GB-Second"),
    (OWN, "Request-ARM"),
    (OWN, "Lambda-GB-Second-ARM"),
    (OWN, "Lambda-Storage-GB-Second-ARM"),
    (PAYMENTS, "USW2-Request"),
    (PAYMENTS, "USW2-Lambda-GB-Second"),
];

#[tokio::test]
async fn a_bill_at_list_prices_is_what_the_model_says() {
    let shown = shown("{}", false).await;
    let settled = shown.one("breakeven_bill_settled_timestamp_seconds", &[]);
    let midnight = at("2026-03-10T00:00:00Z").as_second();
    assert!(near(
        settled,
        f64::from(u32::try_from(midnight).unwrap()),
        1e-12
    ));
    for (account, usage_type) in TYPES {
        let labels = [("account_id", account), ("usage_type", usage_type)];
        let one = |name: &str| shown.one(name, &labels);
        // Requests are counted; time is rounded up by half a millisecond in the mean, which this cloud does not bill, and
        // INIT is estimated.
        let tolerance = if usage_type.contains("Request") {
            1e-9
        } else {
            0.01
        };
        for name in [
            "breakeven_bill_to_model_ratio",
            "breakeven_bill_usage_to_model_ratio",
        ] {
            let found = one(name);
            assert!(
                near(found, 1.0, tolerance),
                "{name} of {usage_type}: {found:?}"
            );
        }
        let price = one("breakeven_bill_price_to_list_ratio");
        assert!(near(price, 1.0, 1e-6), "{usage_type}: {price:?}");
        let paid = one("breakeven_bill_usd_total");
        assert_eq!(
            paid,
            one("breakeven_bill_amortized_usd_total"),
            "{usage_type}"
        );
        assert!(paid.is_some_and(|paid| paid > 0.0));
    }
    let days = shown.sum("breakeven_bill_compared_seconds", &[("account_id", OWN)]);
    assert_eq!(days, Some(DAY));
    let observed = shown.all("breakeven_bill_day_observed_ratio", &[]);
    assert!(observed.map(|one| one.value).eq([1.0, 1.0]));
    let coverage = shown.all("breakeven_bill_savings_plan_coverage_ratio", &[]);
    assert_eq!(coverage.count(), 0);
    let spent = shown.one(
        "breakeven_aws_api_cost_usd_total",
        &[("api", "GetCostAndUsage")],
    );
    assert!(near(spent, 0.01, 1e-9));
}

#[tokio::test]
async fn a_discount_and_a_savings_plan_are_told_apart() {
    let bill = "{discount: 0.1, savings_plan_coverage: 0.6, savings_plan_discount: 0.17}";
    let shown = shown(bill, false).await;
    for (account, usage_type) in TYPES {
        let labels = [("account_id", account), ("usage_type", usage_type)];
        let price = shown.one("breakeven_bill_price_to_list_ratio", &labels);
        let is_covered = usage_type.contains("GB-Second") && !usage_type.contains("Storage");
        let expected = if is_covered {
            0.9 * (1.0 - 0.6 * 0.17)
        } else {
            0.9
        };
        assert!(near(price, expected, 1e-6), "{usage_type}: {price:?}");
        let ratio = shown.one("breakeven_bill_to_model_ratio", &labels);
        assert!(near(ratio, expected, 0.01), "{usage_type}: {ratio:?}");
        let usage = shown.one("breakeven_bill_usage_to_model_ratio", &labels);
        assert!(near(usage, 1.0, 0.01), "{usage_type}: {usage:?}");
    }
    for account in [OWN, PAYMENTS] {
        let labels = [("account_id", account)];
        let found = shown.one("breakeven_bill_savings_plan_coverage_ratio", &labels);
        assert!(near(found, 0.6, 1e-6), "{found:?}");
    }
}

#[tokio::test]
async fn functions_cost_what_is_paid_where_that_is_wanted() {
    let bill = "{discount: 0.25}";
    let (list, paid) = (shown(bill, false).await, shown(bill, true).await);
    for account in [OWN, PAYMENTS] {
        let labels = [
            ("account_id", account),
            ("workload", "api"),
            ("platform", "lambda"),
        ];
        let each = |shown: &Exposition| shown.one("breakeven_request_cost_usd", &labels).unwrap();
        let ratio = each(&paid) / each(&list);
        assert!((ratio - 0.75).abs() < 1e-6, "{ratio}");
        // The comparison stays one with the model as it would be without the bill.
        let labels = [("account_id", account), ("usage_type", "Request")];
        let ratio = paid.one("breakeven_bill_to_model_ratio", &labels);
        assert!(account != OWN || near(ratio, 0.75, 1e-6), "{ratio:?}");
    }
}
