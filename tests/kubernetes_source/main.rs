//! The Kubernetes and usage sources against the simulated cloud, over real sockets, in good and bad times.

#![allow(clippy::unwrap_used)]

mod agent;
mod failures;
mod usage;

use std::collections::BTreeMap;
use std::time::Duration;

use breakeven::cloud::{Endpoint, Fault, FaultRule};
use breakeven::observation::{CapacityType, Observation};
use breakeven::sources::Reason;
use breakeven::sources::kubernetes::Settings;
use tokio::time::timeout;

use agent::{Agent, PATIENCE, any_port, cloud_at, is_whole, pods, settings, workloads};

#[tokio::test]
async fn the_first_cluster_is_whole_and_right() {
    let cloud = cloud_at(any_port()).await;
    let mut agent = Agent::watching(&cloud, settings());
    let Some(Observation::Cluster(cluster)) = agent.seen.recv().await else {
        panic!("no cluster");
    };
    assert_eq!(workloads(&cluster), pods(&[]));

    let node = |name: &str| {
        cluster
            .nodes
            .iter()
            .find(|node| &*node.name == name)
            .unwrap()
    };
    let large = node("node-a");
    assert_eq!(large.instance_type.as_deref(), Some("m5.large"));
    assert_eq!(large.region.as_deref(), Some("us-east-1"));
    assert_eq!(large.zone.as_deref(), Some("us-east-1a"));
    assert_eq!(large.capacity_type, CapacityType::OnDemand);
    assert_eq!(
        (large.capacity.cpu.cores(), large.capacity.memory.gib()),
        (2.0, 8.0)
    );
    assert!(large.allocatable.memory < large.capacity.memory);
    assert_eq!(node("node-b").capacity_type, CapacityType::Spot);
    assert_eq!(node("fargate-a").capacity_type, CapacityType::Fargate);
    assert_eq!(node("fargate-a").instance_type, None);

    let of = |workload: &str| {
        let mut pods = cluster.pods.iter();
        pods.find(|pod| &*pod.workload.name == workload).unwrap()
    };
    let checkout = of("checkout");
    assert_eq!(checkout.team.as_deref(), Some("payments"));
    assert_eq!(
        (checkout.request.cpu.cores(), checkout.request.memory.mib()),
        (0.25, 256.0)
    );
    assert_eq!(checkout.fargate_size, None);
    assert!(checkout.created_at.is_some());
    let size = of("mailer").fargate_size.unwrap();
    assert_eq!((size.cpu.cores(), size.memory.gib()), (0.25, 0.5));

    let status = agent
        .status_when("up", |status| status.up == Some(true))
        .await;
    assert!(
        status.errors.is_empty() && status.last_success.is_some(),
        "{status:?}"
    );
}

#[tokio::test]
async fn a_scaled_workload_shows_up_and_a_deleted_node_vanishes() {
    let cloud = cloud_at(any_port()).await;
    let mut agent = Agent::watching(&cloud, settings());
    agent.cluster("the whole cluster", is_whole).await;
    assert!(cloud.kube_state().scale("shop", "checkout", 7));
    let scaled = pods(&[("shop/Deployment/checkout", 7)]);
    agent
        .cluster("seven pods", |cluster| workloads(cluster) == scaled)
        .await;
    assert!(cloud.kube_state().delete("Node", "", "node-b"));
    agent
        .cluster("two nodes, and no pod on the third", |cluster| {
            let gone = |name: &str| name == "node-b";
            cluster.nodes.len() == 2
                && !cluster.nodes.iter().any(|node| gone(&node.name))
                && !cluster.pods.iter().any(|pod| gone(&pod.node))
        })
        .await;
    assert!(agent.status().errors.is_empty());
}

#[tokio::test]
async fn a_quiet_cluster_stays_fresh() {
    let cloud = cloud_at(any_port()).await;
    let mut agent = Agent::watching(&cloud, settings());
    let first = agent.cluster("the whole cluster", is_whole).await.at;
    let later = agent
        .cluster("a later one", |cluster| cluster.at > first)
        .await;
    assert!(is_whole(&later));
    agent
        .status_when("a later success", |status| {
            status.last_success > Some(first)
        })
        .await;
    let asked = |operation| cloud.requests().count(Endpoint::Kubernetes, operation);
    assert_eq!((asked("list pods"), asked("list nodes")), (1, 1));
}

#[tokio::test]
async fn a_watch_that_ends_as_agreed_is_opened_anew_and_nothing_is_lost() {
    let cloud = cloud_at(any_port()).await;
    let short = Settings {
        watch_timeout: Duration::from_secs(1),
        ..settings()
    };
    let mut agent = Agent::watching(&cloud, short);
    let first = agent.cluster("the whole cluster", is_whole).await.at;
    agent
        .cluster("two watches later", |cluster| {
            cluster.at.duration_since(first).as_secs_f64() > 2.5
        })
        .await;
    cloud.kube_state().scale("shop", "db", 2);
    let scaled = pods(&[("shop/StatefulSet/db", 2)]);
    agent
        .cluster("two databases", |cluster| workloads(cluster) == scaled)
        .await;
    assert!(agent.status().errors.is_empty(), "{:?}", agent.status());
}

#[tokio::test]
async fn a_long_list_is_read_page_by_page_and_again_in_one_where_the_pages_expire() {
    let cloud = cloud_at(any_port()).await;
    let expired = FaultRule::always(Endpoint::Kubernetes, Fault::Gone);
    cloud.faults().add(expired.times(1).on_path("continue="));
    let small = Settings {
        page_size: 2,
        ..settings()
    };
    let mut agent = Agent::watching(&cloud, small);
    agent.cluster("the whole cluster", is_whole).await;
    let status = agent
        .status_when("up", |status| status.up == Some(true))
        .await;
    assert_eq!(status.errors, BTreeMap::from([(Reason::Gone, 1)]));
}

#[tokio::test]
async fn owners_that_may_not_be_read_leave_the_source_up_and_the_names_right() {
    let cloud = cloud_at(any_port()).await;
    for path in ["/apis/apps/v1/replicasets", "/apis/batch/v1/jobs"] {
        let forbidden = FaultRule::always(Endpoint::Kubernetes, Fault::Forbidden);
        cloud.faults().add(forbidden.on_path(path));
    }
    let mut agent = Agent::watching(&cloud, settings());
    agent.cluster("the whole cluster", is_whole).await;
    let status = agent
        .status_when("up", |status| status.up == Some(true))
        .await;
    assert!(status.errors[&Reason::Forbidden] >= 2, "{status:?}");
    assert_eq!(status.errors.len(), 1);
}

#[tokio::test]
async fn owners_that_do_not_answer_delay_the_first_cluster_by_the_grace_alone() {
    let cloud = cloud_at(any_port()).await;
    let hanging = FaultRule::always(Endpoint::Kubernetes, Fault::Hang);
    cloud.faults().add(hanging.on_path("/apis/"));
    let patient = Settings {
        owner_grace: Duration::from_millis(300),
        request_timeout: Duration::from_secs(600),
        ..settings()
    };
    let mut agent = Agent::watching(&cloud, patient);
    agent.cluster("the whole cluster", is_whole).await;
}

#[tokio::test]
async fn the_source_ends_when_nobody_listens() {
    let cloud = cloud_at(any_port()).await;
    let mut agent = Agent::watching(&cloud, settings());
    agent.cluster("the whole cluster", is_whole).await;
    agent.seen.close();
    timeout(PATIENCE, agent.task).await.unwrap().unwrap();
}
