//! Region, credentials and endpoints from where every AWS client takes them. As a program's environment is
//! read-only here, each test runs itself again in a process of its own.

use std::time::Duration;

use crate::support::{is_inner, run_again};
use breakeven::sources::aws::cloudwatch::{self, Budget, CloudWatchSource, ScheduleLimits};
use breakeven::sources::aws::lambda::{self, LambdaSource};
use breakeven::sources::aws::{self, Aws};
use breakeven::sources::{Poll, Reason};
use breakeven_clock::Clock;
use breakeven_simulator::{Endpoint, SimulatedCloud, World};

fn sources() -> (LambdaSource, CloudWatchSource) {
    let aws = Aws::new(aws::AwsConfig {
        max_attempts: 1,
        ..aws::AwsConfig::default()
    });
    let lambda = LambdaSource::new(lambda::LambdaConfig::default(), aws.clone());
    let settings = cloudwatch::CloudWatchConfig {
        list_wait: Duration::from_millis(10),
        ..cloudwatch::CloudWatchConfig::default()
    };
    let cloudwatch = CloudWatchSource::new(
        settings,
        aws,
        lambda.listed(),
        Budget::new(ScheduleLimits::default()),
    );
    (lambda, cloudwatch)
}

async fn start() -> SimulatedCloud {
    let world =
        "{name: w, history_hours: 1, functions: [{name: f, memory_mib: 128, duration_ms: 100,
                 traffic: {pattern: steady, requests_per_second: 2}}]}";
    let address = ([127, 0, 0, 1], 0).into();
    SimulatedCloud::start(World::from_yaml(world).unwrap(), Clock::system(), address)
        .await
        .unwrap()
}

#[tokio::test]
async fn without_a_region_the_error_says_where_one_is_looked_for() {
    if !is_inner() {
        let test = "aws_environment::without_a_region_the_error_says_where_one_is_looked_for";
        return run_again(test, &[]).await;
    }
    let now = Clock::system().now();
    let error = sources().0.poll(now).await.unwrap_err();
    assert_eq!(error.reason(), Reason::InvalidRequest);
    let text = error.to_string();
    assert!(text.starts_with("no AWS region is known"), "{text}");
    assert!(text.contains("; set `aws.region`"), "{text}");
}

#[tokio::test]
async fn without_credentials_the_error_names_the_chain() {
    if !is_inner() {
        let test = "aws_environment::without_credentials_the_error_names_the_chain";
        let environment = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ];
        return run_again(test, &environment).await;
    }
    let now = Clock::system().now();
    let error = sources().0.poll(now).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Unauthorized, "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with("lambda:ListFunctions in eu-west-1: no credentials: "),
        "{text}"
    );
    assert!(text.contains("web identity (IRSA)"), "{text}");
}

#[tokio::test]
async fn endpoints_and_credentials_come_from_the_environment_each_service_its_own() {
    if !is_inner() {
        let test = "aws_environment::endpoints_and_credentials_come_from_the_environment_each_service_its_own";
        let (lambda, cloudwatch) = (start().await, start().await);
        let environment = [
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDSIMULATED"),
            ("AWS_SECRET_ACCESS_KEY", "simulated"),
            ("AWS_ENDPOINT_URL", &cloudwatch.aws_url()),
            ("AWS_ENDPOINT_URL_LAMBDA", &lambda.aws_url()),
        ];
        run_again(test, &environment).await;
        let asked =
            |cloud: &SimulatedCloud, endpoint| cloud.requests().counts().contains_key(&endpoint);
        assert!(asked(&lambda, Endpoint::Lambda) && !asked(&lambda, Endpoint::CloudWatch));
        assert!(asked(&cloudwatch, Endpoint::CloudWatch) && !asked(&cloudwatch, Endpoint::Lambda));
        return;
    }
    both_answer().await;
}

#[tokio::test]
async fn region_credentials_and_endpoints_come_from_a_profile() {
    if !is_inner() {
        let test = "aws_environment::region_credentials_and_endpoints_come_from_a_profile";
        let (lambda, cloudwatch) = (start().await, start().await);
        let file = tempfile::NamedTempFile::new().unwrap();
        let profile = format!(
            "[profile finops]\nregion = us-east-1\naws_access_key_id = AKIDSIMULATED\n\
             aws_secret_access_key = simulated\nservices = here\nendpoint_url = {}\n\
             [services here]\ncloudwatch =\n  endpoint_url = {}\n",
            lambda.aws_url(),
            cloudwatch.aws_url()
        );
        std::fs::write(file.path(), profile).unwrap();
        let environment = [
            ("AWS_PROFILE", "finops"),
            ("AWS_CONFIG_FILE", file.path().to_str().unwrap()),
        ];
        run_again(test, &environment).await;
        let asked =
            |cloud: &SimulatedCloud, endpoint| cloud.requests().counts().contains_key(&endpoint);
        assert!(asked(&lambda, Endpoint::Lambda) && !asked(&lambda, Endpoint::CloudWatch));
        assert!(asked(&cloudwatch, Endpoint::CloudWatch) && !asked(&cloudwatch, Endpoint::Lambda));
        return;
    }
    both_answer().await;
}

#[tokio::test]
async fn a_ca_bundle_that_cannot_be_read_is_named() {
    if !is_inner() {
        let test = "aws_environment::a_ca_bundle_that_cannot_be_read_is_named";
        let environment = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_CA_BUNDLE", "/nonexistent/bundle.pem"),
        ];
        return run_again(test, &environment).await;
    }
    let now = Clock::system().now();
    let error = sources().0.poll(now).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Connect);
    assert!(
        error.to_string().contains("/nonexistent/bundle.pem"),
        "{error}"
    );
}

async fn both_answer() {
    let now = Clock::system().now();
    let (mut lambda, mut cloudwatch) = sources();
    assert_eq!(lambda.poll(now).await.unwrap().len(), 1);
    assert_eq!(cloudwatch.poll(now).await.unwrap().len(), 1);
}
