//! What goes wrong is said, lived through, and over when it is over.

use std::collections::BTreeMap;

use breakeven::sources::Reason;
use breakeven_model::inventory::Observation;
use breakeven_simulator::{Endpoint, Fault, FaultRule};

use crate::agent::{Agent, any_port, cloud_at, is_whole, pods, settings, workloads};

/// The source meets `fault` on requests for `path` when its watch is cut: it says so on the board, sends nothing that is
/// not whole, and goes on by itself when the fault is over, with what happened meanwhile.
async fn during(fault: Fault, path: &str, reason: Reason, text: &str) {
    let cloud = cloud_at(any_port()).await;
    let mut agent = Agent::watching(&cloud, settings());
    agent.cluster("the whole cluster", is_whole).await;
    cloud.faults().replace(vec![
        FaultRule::always(Endpoint::Kubernetes, Fault::Cut)
            .times(1)
            .on_path(path),
        FaultRule::always(Endpoint::Kubernetes, fault).on_path(path),
    ]);
    let status = agent
        .status_when("the failure", |status| {
            status.errors.contains_key(&reason) && status.up == Some(false)
        })
        .await;
    let said = status.last_error.unwrap_or_default();
    assert!(said.contains(text), "{said:?} does not say {text:?}");
    assert!(
        said.contains(&cloud.kube_url()),
        "{said:?} does not say where"
    );
    assert!(status.last_success.is_some());

    cloud.kube_state().scale("shop", "checkout", 5);
    let after = agent
        .status_when("another attempt", |now| {
            now.errors.values().sum::<u64>() > status.errors.values().sum::<u64>()
        })
        .await;
    assert_eq!(
        (after.up, after.last_success),
        (Some(false), status.last_success)
    );
    while let Ok(Observation::Cluster(cluster)) = agent.seen.try_recv() {
        assert!(is_whole(&cluster), "{:?}", workloads(&cluster));
    }

    cloud.faults().clear();
    let scaled = pods(&[("shop/Deployment/checkout", 5)]);
    agent
        .cluster("five pods", |cluster| workloads(cluster) == scaled)
        .await;
    agent
        .status_when("up again", |status| {
            status.up == Some(true) && status.last_error.is_none()
        })
        .await;
}

const PODS_PATH: &str = "/api/v1/pods";

#[tokio::test]
async fn unknown_credentials_are_said_and_lived_through() {
    let text = "it answered 401, Unauthorized; check the token or the certificate";
    during(Fault::Unauthorized, PODS_PATH, Reason::Unauthorized, text).await;
}

#[tokio::test]
async fn a_missing_permission_on_nodes_is_said_with_the_rule_that_grants_it() {
    let text = "grant list and watch on nodes to the service account";
    during(Fault::Forbidden, "/api/v1/nodes", Reason::Forbidden, text).await;
}

#[tokio::test]
async fn an_api_that_is_not_there_is_said_and_lived_through() {
    let fault = Fault::Status {
        code: 404,
        retry_after: None,
    };
    let text = "check that the address is that of a Kubernetes API server";
    during(fault, PODS_PATH, Reason::NotFound, text).await;
}

#[tokio::test]
async fn a_version_that_is_gone_for_long_is_said_and_lived_through() {
    let text = "nothing needs to be done: it is listed again";
    during(Fault::Gone, PODS_PATH, Reason::Gone, text).await;
}

#[tokio::test]
async fn too_many_requests_are_said_and_lived_through() {
    during(
        Fault::Throttle,
        PODS_PATH,
        Reason::Throttled,
        "it answered 429",
    )
    .await;
}

#[tokio::test]
async fn an_error_of_the_server_is_said_and_lived_through() {
    let fault = Fault::Status {
        code: 500,
        retry_after: None,
    };
    during(fault, PODS_PATH, Reason::ServerError, "it answered 500").await;
}

#[tokio::test]
async fn a_server_that_hangs_is_said_and_lived_through() {
    let text = "cannot watch pods";
    during(Fault::Hang, PODS_PATH, Reason::Timeout, text).await;
}

#[tokio::test]
async fn a_connection_that_closes_is_said_and_lived_through() {
    during(Fault::Cut, PODS_PATH, Reason::Connect, "cannot watch pods").await;
}

#[tokio::test]
async fn garbage_is_said_and_lived_through() {
    let text = "the answer is not understood";
    during(Fault::Garbage, PODS_PATH, Reason::InvalidResponse, text).await;
}

/// The source meets `fault` on its first requests: it says so, and starts by itself when the fault is over.
async fn at_first(fault: Fault, reason: Reason, text: &str) {
    let cloud = cloud_at(any_port()).await;
    cloud
        .faults()
        .add(FaultRule::always(Endpoint::Kubernetes, fault));
    let mut agent = Agent::watching(&cloud, settings());
    let status = agent
        .status_when("the failure", |status| status.up == Some(false))
        .await;
    assert!(status.errors.contains_key(&reason), "{status:?}");
    let said = status.last_error.unwrap_or_default();
    assert!(said.contains(text), "{said:?} does not say {text:?}");
    assert!(agent.seen.try_recv().is_err(), "something was observed");
    cloud.faults().clear();
    agent.cluster("the whole cluster", is_whole).await;
}

#[tokio::test]
async fn a_server_that_hangs_at_first_is_said() {
    at_first(Fault::Hang, Reason::Timeout, "no answer within 2 s").await;
}

#[tokio::test]
async fn garbage_at_first_is_said() {
    let text = "check that the address is that of a Kubernetes API server";
    at_first(Fault::Garbage, Reason::InvalidResponse, text).await;
}

#[tokio::test]
async fn a_list_that_breaks_off_is_said() {
    at_first(Fault::Truncate, Reason::Connect, "cannot list").await;
}

#[tokio::test]
async fn a_version_that_is_gone_once_is_counted_and_the_vanished_vanish() {
    let cloud = cloud_at(any_port()).await;
    let mut agent = Agent::watching(&cloud, settings());
    agent.cluster("the whole cluster", is_whole).await;
    cloud.kube_state().scale("shop", "checkout", 1);
    let gone = FaultRule::always(Endpoint::Kubernetes, Fault::Gone);
    cloud.faults().add(gone.times(1).on_path("/api/v1/pods?"));
    agent
        .status_when("the loss of the version", |status| {
            status.errors.get(&Reason::Gone) == Some(&1)
        })
        .await;
    let scaled = pods(&[("shop/Deployment/checkout", 1)]);
    agent
        .cluster("one pod", |cluster| workloads(cluster) == scaled)
        .await;
    let status = agent
        .status_when("up", |status| status.up == Some(true))
        .await;
    assert_eq!(status.errors, BTreeMap::from([(Reason::Gone, 1)]));
}

#[tokio::test]
async fn a_watch_that_is_cut_in_the_middle_goes_on_at_once() {
    let cloud = cloud_at(any_port()).await;
    let mut agent = Agent::watching(&cloud, settings());
    agent.cluster("the whole cluster", is_whole).await;
    let asked = |operation| cloud.requests().count(Endpoint::Kubernetes, operation);
    let opened = agent
        .cluster("a watch", |_| asked("watch pods") == 1)
        .await
        .at;
    agent
        .cluster("a watch that stands", |cluster| {
            cluster.at.duration_since(opened).as_secs_f64() > 1.0
        })
        .await;
    let cut = FaultRule::always(Endpoint::Kubernetes, Fault::Cut);
    cloud.faults().add(cut.times(1).on_path(PODS_PATH));
    let status = agent
        .status_when("the cut", |status| !status.errors.is_empty())
        .await;
    assert_eq!(status.errors, BTreeMap::from([(Reason::Connect, 1)]));
    assert_eq!((status.up, status.last_error), (Some(true), None));
    cloud.kube_state().scale("shop", "checkout", 2);
    let scaled = pods(&[("shop/Deployment/checkout", 2)]);
    agent
        .cluster("two pods", |cluster| workloads(cluster) == scaled)
        .await;
    assert_eq!(asked("list pods"), 1);
    assert_eq!(agent.status().errors.len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_yet_is_found_when_it_comes() {
    let cloud = cloud_at(any_port()).await;
    let (kubeconfig, address) = (cloud.kubeconfig(), cloud.address());
    cloud.stop().await;
    let mut agent = Agent::by(&kubeconfig, settings());
    let status = agent
        .status_when("the failure", |status| status.up == Some(false))
        .await;
    assert!(status.errors.contains_key(&Reason::Connect), "{status:?}");
    let _cloud = cloud_at(address).await;
    agent.cluster("the whole cluster", is_whole).await;
}
