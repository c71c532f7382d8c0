//! Several AWS accounts and regions in the simulated cloud, seen by boto3 and by the CloudWatch SDK.

use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::retry::RetryConfig;
use aws_sdk_cloudwatch::config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::config::{Credentials, Region};
use aws_sdk_cloudwatch::error::{DisplayErrorContext, ProvideErrorMetadata};
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud, World};

/// The function `api` in three places, with one, two and three calls a second, and others.
const WORLD: &str = "
name: accounts
accounts:
  - {id: '111111111111', external_id: x-1, linked: true}
  - {id: '222222222222', role: reader, session_seconds: 2}
functions:
  - {name: api, memory_mib: 128, duration_ms: 9, traffic: {pattern: steady, requests_per_second: 1}}
  - {name: api, memory_mib: 128, duration_ms: 9, region: eu-west-1,
     traffic: {pattern: steady, requests_per_second: 2}}
  - {name: api, memory_mib: 128, duration_ms: 9, account_id: '111111111111',
     traffic: {pattern: steady, requests_per_second: 3}}
  - {name: api, memory_mib: 128, duration_ms: 9, account_id: '222222222222',
     traffic: {pattern: steady, requests_per_second: 4}}
  - {name: quiet, memory_mib: 128, duration_ms: 9,
     traffic: {pattern: steady, requests_per_second: 0}}
";

async fn start() -> SimulatedCloud {
    let world = World::from_yaml(WORLD).unwrap();
    let clock = world.clock();
    SimulatedCloud::start(world, clock, ([127, 0, 0, 1], 0).into())
        .await
        .unwrap()
}

fn cloudwatch(cloud: &SimulatedCloud, region: &'static str, attempts: u32) -> Client {
    let config = aws_sdk_cloudwatch::Config::builder()
        .behavior_version_latest()
        .region(Region::new(region))
        .credentials_provider(Credentials::new("AKID", "secret", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(attempts)
                .with_initial_backoff(Duration::from_millis(5)),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .operation_timeout(Duration::from_secs(5))
                .build(),
        )
        .endpoint_url(cloud.aws_url())
        .build();
    Client::from_conf(config)
}

#[tokio::test]
async fn a_region_that_hangs_leaves_the_others_alone() {
    let cloud = start().await;
    cloud
        .faults()
        .add(FaultRule::always(Endpoint::CloudWatch, Fault::Hang).in_region("eu-west-1"));
    let (here, there) = (
        cloudwatch(&cloud, "us-east-1", 1).list_metrics().send(),
        cloudwatch(&cloud, "eu-west-1", 1).list_metrics().send(),
    );
    let (here, there) = tokio::join!(here, there);
    assert_eq!(here.unwrap().metrics().len(), 2 * 5 * 2 + 5);
    let error = DisplayErrorContext(there.unwrap_err()).to_string();
    assert!(
        error.contains("timed out") || error.contains("timeout"),
        "{error}"
    );
    cloud.stop().await;
}

#[tokio::test]
async fn the_sdk_corrects_its_clock_by_that_of_the_service() {
    let cloud = start().await;
    for seconds in [3_600, -3_600] {
        let fault = Fault::ClockSkew { seconds };
        cloud
            .faults()
            .replace(vec![FaultRule::always(Endpoint::CloudWatch, fault)]);
        let error = cloudwatch(&cloud, "us-east-1", 1)
            .list_metrics()
            .send()
            .await
            .unwrap_err();
        assert_eq!(error.code(), Some("SignatureDoesNotMatch"));
        let said = error.message().unwrap();
        let expected = if seconds > 0 {
            "Signature expired: "
        } else {
            "Signature not yet current: "
        };
        assert!(said.starts_with(expected), "{said}");
        let corrected = cloudwatch(&cloud, "us-east-1", 3).list_metrics().send();
        assert_eq!(corrected.await.unwrap().metrics().len(), 2 * 5 * 2 + 5);
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_sees_each_account_and_region_by_itself() {
    let cloud = start().await;
    crate::support::run_boto3("test_boto3_accounts.py", cloud.aws_url()).await;
    cloud.stop().await;
}
