//! Every API is told which program asks, by the `User-Agent` of every request.

use std::collections::BTreeSet;

use crate::support::agent::RunningAgent;
use crate::support::until;
use breakeven::sources::USER_AGENT;
use breakeven_clock::Clock;
use breakeven_simulator::{Endpoint, SimulatedCloud, World};

const WORLD: &str = "
name: everything
region: us-east-1
start: '2026-03-10T09:30:00Z'
history_hours: 72
bill: {discount: 0.1}
accounts: [{id: '111111111111'}]
prices:
  on_demand: {m5.large: 0.107}
  spot: [{instance_type: m5.large, zone: us-east-1a, usd_per_hour: 0.0351}]
  azure: [{region: westeurope, size: Standard_D2s_v5, usd_per_hour: 0.115}]
nodes:
  - {name: one, instance_type: m5.large, zone: us-east-1a, cpu: 2, memory_gib: 8}
  - {name: spot, instance_type: m5.large, zone: us-east-1a, cpu: 2, memory_gib: 8, capacity_type: spot}
  - {name: aks, instance_type: Standard_D2s_v5, zone: westeurope-1, cpu: 2, memory_gib: 8, provider_id: 'azure:///subscriptions/s/1'}
namespaces: [{name: n}]
workloads:
  - {name: web, namespace: n, kind: Deployment, replicas: 2, requests: {cpu: 0.5, memory_mib: 512},
     usage: {idle_cpu: 0.1, memory_mib: 256}, latency_ms: 20, traffic: {pattern: steady, requests_per_second: 5}}
functions:
  - {name: api, memory_mib: 512, duration_ms: 90, init_ms: 300, traffic: {pattern: steady, requests_per_second: 3}}
  - {name: api, account_id: '111111111111', memory_mib: 512, duration_ms: 90, init_ms: 300, traffic: {pattern: steady, requests_per_second: 3}}
";

/// All that are asked.
const ENDPOINTS: [Endpoint; 11] = [
    Endpoint::Kubernetes,
    Endpoint::MetricsApi,
    Endpoint::CloudWatch,
    Endpoint::Lambda,
    Endpoint::Sts,
    Endpoint::Tagging,
    Endpoint::CostExplorer,
    Endpoint::Pricing,
    Endpoint::Ec2,
    Endpoint::AzureRetail,
    Endpoint::Prometheus,
];

#[tokio::test(flavor = "multi_thread")]
async fn every_api_is_told_which_program_asks() {
    let world = World::from_yaml(WORLD).unwrap();
    let clock = Clock::accelerated(world.start(), 10.0);
    let listen = ([127, 0, 0, 1], 0).into();
    let cloud = SimulatedCloud::start(world, clock, listen).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "
model: {{interval_seconds: 1}}
kubernetes: {{publish_interval_seconds: 1}}
aws:
  tag_labels: {{team: Team}}
  accounts: [{{role_arn: 'arn:aws:iam::111111111111:role/breakeven'}}]
  bill: {{enabled: true, cache_directory: {folder:?}}}
prices:
  price_list: {{enabled: true}}
  spot: {{enabled: true}}
  azure_retail: {{enabled: true, base_url: {azure:?}}}
requests: {{prometheus: {{url: {prometheus:?}}}}}
",
        folder = folder.path(),
        azure = cloud.azure_retail_url(),
        prometheus = cloud.prometheus_url(),
    );
    let agent = RunningAgent::start(&cloud, &config).await;
    for endpoint in ENDPOINTS {
        until(&format!("a request to {endpoint:?}"), async || {
            assert!(agent.is_running());
            let seen = cloud.requests().user_agents();
            seen.contains_key(&endpoint).then_some(())
        })
        .await;
    }
    let seen = cloud.requests().user_agents();
    let own = env!("CARGO_PKG_VERSION");
    assert_eq!(USER_AGENT, format!("breakeven/{own}"));
    for (endpoint, user_agents) in seen {
        let foreign: BTreeSet<_> = user_agents
            .iter()
            .filter(|one| *one != USER_AGENT && !one.starts_with(&format!("{USER_AGENT} ")))
            .collect();
        assert!(foreign.is_empty(), "{endpoint:?}: {foreign:?}");
    }
}
