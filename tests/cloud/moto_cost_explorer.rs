//! The bill as moto's Cost Explorer answers it, held against what moto's CloudWatch counted on the same day.
//!
//! moto 5.2.5 answers GetCostAndUsage with what it was told to, whatever is asked.

use std::time::SystemTime;

use crate::support::exposition::Exposition;
use crate::support::moto::{Moto, REGION};
use crate::support::{python, until};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

/// The account of moto's own credentials.
const ACCOUNT: &str = "123456789012";

/// What a function did in each of its minutes.
const CALLS: f64 = 600.0;
const MILLISECONDS: f64 = 120_000.0;

/// When it ran on the day before: from so many minutes after midnight on, each time for five.
const BEGINNINGS: [i64; 3] = [130, 700, 1_300];
const MINUTES: f64 = 15.0;

/// What a Savings Plan on all of duration leaves.
const PLAN: f64 = 0.85;

/// A day of the bill, with charges by usage type: usage and dollars.
fn day(start: jiff::civil::Date, charges: &[(&str, f64, f64)]) -> Value {
    let amount = |amount: f64, unit: &str| json!({"Amount": format!("{amount:.10}"), "Unit": unit});
    let groups = charges.iter().map(|(usage_type, usage, usd)| {
        json!({"Keys": [usage_type, ACCOUNT], "Metrics": {
            "UnblendedCost": amount(*usd, "USD"),
            "AmortizedCost": amount(*usd, "USD"),
            "UsageQuantity": amount(*usage, "N/A"),
        }})
    });
    json!({
        "TimePeriod": {"Start": start.to_string(), "End": start.saturating_add(1.day()).to_string()},
        "Total": {}, "Groups": groups.collect::<Vec<_>>(), "Estimated": false,
    })
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one scenario")]
async fn a_bill_of_moto_is_compared_with_the_minutes_of_moto() {
    let Some(python) = python() else { return };
    let moto = Moto::start(python).await;
    let now = Timestamp::try_from(SystemTime::now()).unwrap();
    let today = now.to_zoned(TimeZone::UTC).date();
    let yesterday = today.saturating_sub(1.day());
    let midnight = yesterday.to_zoned(TimeZone::UTC).unwrap().timestamp();
    let minute = json!({
        "invocations": CALLS, "duration_ms": MILLISECONDS, "errors": 0, "throttles": 0, "concurrency": 3,
    });
    let functions = json!([{
        "name": "api", "architecture": "arm64", "memory_mb": 2_048, "tmp_mb": 512, "minutes": [minute],
    }])
    .to_string();
    moto.world(REGION, &["create", &functions]).await;
    for beginning in BEGINNINGS {
        let first = (midnight.as_second() / 60 + beginning).to_string();
        moto.world(REGION, &["put", &functions, &first, "5"]).await;
    }
    let requests = MINUTES * CALLS;
    let gb_seconds = 2.0 * (MINUTES * MILLISECONDS / 1_000.0 + 0.000_5 * requests);
    let charges = [
        ("Request-ARM", requests, requests * 2e-7),
        (
            "Lambda-GB-Second-ARM",
            gb_seconds,
            gb_seconds * 0.000_013_333_4 * PLAN,
        ),
        // Of a function that is not there any more.
        ("Request", 1_000.0, 0.0002),
    ];
    let week = (1..8).rev().map(|ago| {
        let start = today.saturating_sub(ago.days());
        day(start, if ago == 1 { &charges } else { &[] })
    });
    moto.bill(&Value::Array(week.collect())).await;

    let home = tempfile::tempdir().unwrap();
    let config = format!(
        "
kubernetes: {{enabled: false}}
model:
  interval_seconds: 1
  decision_window_seconds: 172800
  # Cold starts are counted, and cost nothing.
  cold_starts: {{init_seconds: {{low: 0, point: 0, high: 0}}}}
aws:
  bill: {{enabled: true, cache_directory: {}}}
",
        home.path().join("bill").display()
    );
    let mut agent = moto.agent(home.path(), &config);
    let address = agent.listens("message=listening address=").await;
    let page = format!("http://{address}/metrics");
    let ratio = "breakeven_bill_to_model_ratio";
    let shown = until("the bill to be compared", async || {
        let shown = Exposition::at(&page).await?;
        shown.one(ratio, &[("usage_type", "Request-ARM")])?;
        Some(shown)
    })
    .await;
    for (usage_type, to_model, usage) in [
        ("Request-ARM", 1.0, 1.0),
        ("Lambda-GB-Second-ARM", PLAN, 1.0),
    ] {
        let labels = [
            ("account_id", ACCOUNT),
            ("aws_region", REGION),
            ("usage_type", usage_type),
        ];
        for (name, expected) in [
            (ratio, to_model),
            ("breakeven_bill_usage_to_model_ratio", usage),
            ("breakeven_bill_price_to_list_ratio", to_model),
        ] {
            let found = shown.one(name, &labels).unwrap();
            assert!(
                (found - expected).abs() < 1e-6,
                "{name} of {usage_type}: {found}"
            );
        }
    }
    assert_eq!(shown.one(ratio, &[("usage_type", "Request")]), None);
    let billed = shown.sum("breakeven_bill_usd_total", &[]).unwrap();
    let expected: f64 = charges.iter().map(|one| one.2).sum();
    assert!((billed - expected).abs() < 1e-9, "{billed}");
    let spent = shown.one(
        "breakeven_aws_api_cost_usd_total",
        &[("api", "GetCostAndUsage")],
    );
    assert_eq!(spent, Some(0.01));
    let said = moto.bridge.said();
    assert_eq!(said.lines().count(), 1, "the bridge complains:\n{said}");
}
