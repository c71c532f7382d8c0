//! The permissions in config/, against what the agent asks the simulated cloud for: nothing missing, nothing spare.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::until;
use breakeven::agent::{Agent, ConfigSource};
use breakeven::config::Config;
use breakeven::config::validated::UsageSource;
use breakeven::server;
use breakeven::sources::Schedule;
use breakeven::sources::aws::cost_explorer;
use breakeven::sources::aws::load_balancers;
use breakeven::sources::aws::{Account, FixedCredentials, Role};
use breakeven::sources::kubernetes::Access;
use breakeven::sources::usage::KubeletSettings;
use breakeven_clock::Clock;
use breakeven_simulator::{Endpoint, SimulatedCloud, World};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

const WORLD: &str = include_str!("../../config/worlds/demo.yaml");
const ROLE: &str = include_str!("../../config/rbac.yaml");
const ROLE_OF_KUBELETS: &str = include_str!("../../config/rbac-kubelet.yaml");
/// What is not needed where kubelets are read.
const SAMPLED: &str = "list pods.metrics.k8s.io";
const MORE: &str = "
  - {name: aside, memory_mib: 128, duration_ms: 5, concurrency: 10, tags: {Team: shop},
     traffic: {pattern: steady, requests_per_second: 1}}
";
const POLICY: &str = include_str!("../../config/iam-policy.json");

/// What an identity may do: in Kubernetes `list pods.metrics.k8s.io`, in AWS `lambda:ListFunctions`.
type Permissions = BTreeSet<String>;

fn strings(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|one| one.as_str().unwrap()).collect()
}

fn granted_in_kubernetes(role: &str) -> Permissions {
    let role: Value = serde_saphyr::from_str(role).unwrap();
    let mut granted = Permissions::new();
    for rule in role["rules"].as_array().unwrap() {
        for group in strings(&rule["apiGroups"]) {
            for resource in strings(&rule["resources"]) {
                for verb in strings(&rule["verbs"]) {
                    let dot = if group.is_empty() { "" } else { "." };
                    let new = granted.insert(format!("{verb} {resource}{dot}{group}"));
                    assert!(new, "{verb} {resource} is granted twice");
                }
            }
        }
    }
    granted
}

fn granted_in_aws() -> Permissions {
    let policy: Value = serde_json::from_str(POLICY).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let actions = statements.iter().flat_map(|one| strings(&one["Action"]));
    actions.map(str::to_owned).collect()
}

/// The permissions that were needed so far, in Kubernetes and in AWS.
fn needed(cloud: &SimulatedCloud) -> (Permissions, Permissions) {
    let (mut kubernetes, mut aws) = (Permissions::new(), Permissions::new());
    for (endpoint, operations) in cloud.requests().counts() {
        for operation in operations.into_keys() {
            // CloudWatch's other counts are not of requests.
            let billed = matches!(&*operation, "metrics requested" | "metric queries");
            match endpoint {
                // Every identity may ask for the version: `system:public-info-viewer`.
                Endpoint::Kubernetes if operation == "get /version" => {}
                Endpoint::Kubernetes => {
                    let group = match operation.split(' ').next_back() {
                        Some("replicasets" | "deployments" | "statefulsets" | "daemonsets") => {
                            ".apps"
                        }
                        Some("jobs" | "cronjobs") => ".batch",
                        Some("horizontalpodautoscalers") => ".autoscaling",
                        Some("storageclasses") => ".storage.k8s.io",
                        Some("httproutes") => ".gateway.networking.k8s.io",
                        Some("targetgroupbindings") => ".elbv2.k8s.aws",
                        _ => "",
                    };
                    kubernetes.insert(format!("{operation}{group}"));
                }
                Endpoint::MetricsApi => {
                    kubernetes.insert(format!("{operation}.metrics.k8s.io"));
                }
                Endpoint::CloudWatch if billed => {}
                Endpoint::CloudWatch => {
                    aws.insert(format!("cloudwatch:{operation}"));
                }
                Endpoint::Lambda => {
                    aws.insert(format!("lambda:{operation}"));
                }
                Endpoint::Sts => {
                    aws.insert(format!("sts:{operation}"));
                }
                Endpoint::Tagging => {
                    aws.insert(format!("tag:{operation}"));
                }
                Endpoint::CostExplorer => {
                    aws.insert(format!("ce:{operation}"));
                }
                Endpoint::Pricing => {
                    aws.insert(format!("pricing:{operation}"));
                }
                Endpoint::Ec2 => {
                    aws.insert(format!("ec2:{operation}"));
                }
                Endpoint::Prometheus | Endpoint::AzureRetail => {}
            }
        }
    }
    (kubernetes, aws)
}

/// Points the configuration to the simulated cloud.
fn use_simulated_cloud(
    cloud: &SimulatedCloud,
    kept: &Path,
    usage: UsageSource,
) -> impl Fn(&mut Config) + Send + Sync + 'static {
    let (kubernetes, aws) = (cloud.kube_url(), cloud.aws_url());
    let schedule = Schedule {
        interval: Duration::from_secs(3_600),
        timeout: Duration::from_secs(30),
        longest_pause: Duration::from_secs(1),
    };
    let settings = cost_explorer::CostExplorerConfig {
        calls_per_day: 2,
        refresh: Duration::from_secs(86_400),
        cache_directory: kept.to_owned(),
        list_wait: Duration::from_secs(10),
    };
    let bill = (settings, schedule);
    let settings = load_balancers::Settings {
        apis: Vec::new(),
        target_group_tag: None,
        interval: schedule.interval,
        delay: Duration::from_secs(180),
        backfill: Duration::from_secs(3_600),
    };
    let edge = (settings, schedule);
    move |config| {
        let cluster = config.kubernetes.as_mut().unwrap();
        cluster.access = Access::Address(kubernetes.clone());
        cluster.usage = usage.clone();
        let session = &mut config.aws.as_mut().unwrap().session;
        session.endpoint_url = Some(aws.clone());
        session.region = Some("us-east-1".to_owned());
        session.credentials = Some(FixedCredentials {
            access_key_id: "simulated".to_owned(),
            secret_access_key: "simulated".to_owned(),
        });
        let aws = config.aws.as_mut().unwrap();
        aws.bill = Some(bill.clone());
        aws.functions.tag_labels = [("team".to_owned(), "Team".to_owned())].into();
        aws.accounts.others = vec![Account {
            name: None,
            role: Role {
                arn: "arn:aws:iam::111111111111:role/breakeven".to_owned(),
                external_id: None,
            },
            regions: Vec::new(),
            is_linked: false,
        }];
        config.edge = Some(edge.clone());
    }
}

#[tokio::test]
async fn the_agent_needs_what_the_role_and_the_policy_grant_and_nothing_else() {
    let granted = granted_in_kubernetes(ROLE);
    assert!(granted.contains(SAMPLED));
    needs(UsageSource::MetricsApi, granted).await;
}

#[tokio::test]
async fn with_kubelets_it_needs_one_right_more_and_one_less() {
    let mut granted = granted_in_kubernetes(ROLE);
    granted.remove(SAMPLED);
    granted.extend(granted_in_kubernetes(ROLE_OF_KUBELETS));
    needs(UsageSource::Kubelet(KubeletSettings::default()), granted).await;
}

/// Runs an agent until it has needed all that is granted, and sees that it needs no more.
async fn needs(usage: UsageSource, granted: Permissions) {
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    // The demo's company, with one function more, for which environments are set aside, one account, and a load balancer before
    // the first workload.
    let balanced = "latency_ms: 45\n    edge: {kind: target_group, name: web, load_balancer: shop}";
    let world = WORLD.replacen("latency_ms: 45", balanced, 1);
    let world = format!("{world}{MORE}\naccounts: [{{id: '111111111111'}}]\n");
    let world = World::from_yaml(&world).unwrap();
    let clock = Clock::system();
    let cloud = SimulatedCloud::start(world, clock.clone(), local)
        .await
        .unwrap();
    let kept = tempfile::tempdir().unwrap();
    let source = ConfigSource {
        adjust: Arc::new(use_simulated_cloud(&cloud, kept.path(), usage)),
        ..ConfigSource::default()
    };
    let settings = server::ServerConfig {
        listen: vec![local],
        ..server::ServerConfig::default()
    };
    let agent = Agent::bind(source, settings, clock).await.unwrap();
    let shutdown = CancellationToken::new();
    let agent = tokio::spawn(agent.run(shutdown.clone()));

    let granted = (granted, granted_in_aws());
    until("everything to be asked for that is granted", async || {
        let (kubernetes, aws) = needed(&cloud);
        (granted.0.is_subset(&kubernetes) && granted.1.is_subset(&aws)).then_some(())
    })
    .await;
    shutdown.cancel();
    agent.await.unwrap().unwrap();
    assert_eq!(needed(&cloud), granted);
    cloud.stop().await;
}
