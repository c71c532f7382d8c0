//! What the simulated cloud says of its functions beside their traffic, and of their bill, by boto3.

use breakeven_simulator::{Endpoint, SimulatedCloud, World};

/// `tests/python/test_boto3_facts.py` knows these numbers.
const WORLD: &str = "
name: facts
start: 2026-03-03T20:30:00Z
bill: {discount: 0.1, savings_plan_coverage: 0.5, savings_plan_discount: 0.2}
accounts: [{id: '111111111111'}]
functions:
  - {name: api, memory_mib: 1024, timeout_s: 30, duration_ms: 500, ephemeral_storage_mib: 1536,
     snap_start: true, tags: {team: shop, stage: prod}, url: RESPONSE_STREAM, insights: false,
     provisioned: [{qualifier: live, concurrency: 2}],
     traffic: {pattern: steady, requests_per_second: 10}}
  - {name: worker, memory_mib: 512, timeout_s: 120, duration_ms: 60000, architecture: arm64,
     package_type: Image, insights: true, init_ms: 300, memory_used_mib: 100, tags: {team: jobs},
     event_sources: ['arn:aws:sqs:us-east-1:123456789012:jobs'],
     traffic: {pattern: timer, every_minutes: 20, requests: 2}}
  - {name: far, memory_mib: 128, duration_ms: 100, region: eu-west-1, account_id: '111111111111',
     traffic: {pattern: steady, requests_per_second: 1}}
";

#[tokio::test(flavor = "multi_thread")]
async fn boto3_knows_the_functions_and_the_bill() {
    let world = World::from_yaml(WORLD).unwrap();
    let clock = world.clock();
    let cloud = SimulatedCloud::start(world, clock, ([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    crate::support::run_boto3("test_boto3_facts.py", cloud.aws_url()).await;
    let paid = cloud
        .requests()
        .count(Endpoint::CostExplorer, "GetCostAndUsage");
    assert_eq!(paid, 5, "each request is paid for, refused ones too");
    cloud.stop().await;
}
