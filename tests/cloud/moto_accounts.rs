//! Roles in two accounts of an AWS that nobody here wrote, in two regions: functions with tags, and what they did.
//!
//! moto 5.2.5 asks of AssumeRole neither a trust policy nor an external id; the simulated cloud does.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::exposition::Exposition;
use crate::support::moto::Moto;
use crate::support::{python, until};
use serde_json::json;

const ACCOUNTS: [&str; 2] = ["111111111111", "222222222222"];
const REGIONS: [&str; 2] = ["us-east-1", "us-west-2"];

/// The minutes that are put: more than those of the decision window.
const HISTORY: i64 = 90;

fn role(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/breakeven")
}

#[tokio::test]
async fn two_accounts_of_moto_are_read_in_two_regions_with_their_tags() {
    let Some(python) = python() else { return };
    let moto = Moto::start(python).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let first = i64::try_from(now.as_secs() / 60).unwrap() - HISTORY;
    let mut calls = Vec::new();
    for account in ACCOUNTS {
        for region in REGIONS {
            let each_minute = 60 * (calls.len() + 1);
            calls.push(((account, region), each_minute));
            let minute = json!({
                "invocations": each_minute, "duration_ms": 100 * each_minute,
                "errors": 0, "throttles": 0, "concurrency": calls.len(),
            });
            let functions = json!([{
                "name": "api", "architecture": "arm64", "memory_mb": 1_024, "tmp_mb": 512,
                "minutes": [minute], "tags": {"Team": format!("{account}-{region}")},
            }])
            .to_string();
            let place = format!("{region}={}", role(account));
            moto.world(&place, &["create", &functions]).await;
            let (first, count) = (first.to_string(), HISTORY.to_string());
            moto.world(&place, &["put", &functions, &first, &count])
                .await;
        }
    }

    let [one, other] = ACCOUNTS.map(role);
    let config = format!(
        "
kubernetes: {{enabled: false}}
model: {{interval_seconds: 1, decision_window_seconds: 3600}}
aws:
  regions: [{}]
  own_account: false
  accounts:
    - {{role_arn: '{one}', external_id: x-1}}
    - {{role_arn: '{other}'}}
  tag_labels: {{team: Team}}
",
        REGIONS.join(", ")
    );
    let home = tempfile::tempdir().unwrap();
    let mut agent = moto.agent(home.path(), &config);
    let address = agent.listens("message=listening address=").await;
    let page = format!("http://{address}/metrics");
    let shown = until("the cost in four places", async || {
        let shown = Exposition::at(&page).await?;
        let costs = shown.all("breakeven_request_cost_usd", &[("platform", "lambda")]);
        (costs.count() == 4).then_some(shown)
    })
    .await;
    for ((account, region), each_minute) in calls {
        let place = [("account_id", account), ("aws_region", region)];
        for source in ["lambda", "cloudwatch"] {
            let labels = [&place[..], &[("source", source)]].concat();
            assert_eq!(shown.one("breakeven_source_up", &labels), Some(1.0));
        }
        let team = format!("{account}-{region}");
        let labels = [&place[..], &[("workload", "api"), ("team", &team)]].concat();
        assert_eq!(shown.one("breakeven_workload_info", &labels), Some(1.0));
        // Every function costs the same each request but for cold starts, which are none with a steady peak.
        let labels = [&place[..], &[("platform", "lambda"), ("basis", "loaded")]].concat();
        let month = shown.one("breakeven_workload_monthly_cost_usd", &labels);
        #[expect(clippy::cast_precision_loss, reason = "a few requests")]
        let requests = each_minute as f64 * 60.0 * 730.0;
        let expected = requests * (2e-7 + 0.100_5 * 0.000_013_333_4);
        let month = month.unwrap();
        assert!(
            (month - expected).abs() < 1e-6 * expected,
            "{account} {region}: {month} is not {expected}"
        );
    }
    let said = moto.bridge.said();
    assert_eq!(said.lines().count(), 1, "the bridge complains:\n{said}");
}
