//! The Kubernetes and usage sources against the simulated cloud, over real sockets, in good and bad times.

use std::collections::BTreeMap;
use std::time::Duration;

use breakeven::sources::kubernetes::{ScrapeSelector, Settings};
use breakeven::sources::{Reason, SourceStatus};
use breakeven_model::inventory::{CapacityType, Cluster, Observation};
use breakeven_simulator::{Endpoint, Fault, FaultRule};
use tokio::time::timeout;

use crate::agent::{Agent, PATIENCE, any_port, cloud_at, is_whole, pods, settings, workloads};

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
async fn pods_that_are_selected_are_scraped_and_no_others() {
    let cloud = cloud_at(any_port()).await;
    let selector = ScrapeSelector {
        namespace: Some("shop".to_owned()),
        labels: BTreeMap::from([("app.kubernetes.io/name".to_owned(), "checkout".to_owned())]),
        port: 9102,
        path: "/metrics".to_owned(),
    };
    let selecting = Settings {
        scraped: vec![selector],
        ..settings()
    };
    let mut agent = Agent::watching(&cloud, selecting);
    let cluster = agent.cluster("the whole cluster", is_whole).await;
    let checkout = |name: &str| name == "checkout";
    let pods = cluster.pods.iter();
    let pods = pods.filter(|pod| checkout(&pod.workload.name)).count();
    assert!(pods > 0);
    assert_eq!(cluster.scrapes.len(), pods);
    for scrape in &cluster.scrapes {
        assert!(checkout(&scrape.workload.name), "{scrape:?}");
        assert!(scrape.url.ends_with(":9102/metrics"), "{scrape:?}");
    }
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

#[tokio::test]
async fn annotations_are_those_of_the_controller_and_what_makes_no_sense_is_counted_once() {
    let cloud = cloud_at(any_port()).await;
    let mut agent = Agent::watching(&cloud, settings());
    let whole = agent.cluster("the whole cluster", is_whole).await;
    assert!(whole.annotations.is_empty(), "{:?}", whole.annotations);
    let annotate = |annotations: serde_json::Value| {
        let state = cloud.kube_state();
        let mut checkout = state.get("Deployment", "shop", "checkout").unwrap();
        checkout["metadata"]["annotations"] = annotations;
        state.apply(checkout).unwrap();
    };
    annotate(serde_json::json!({"breakeven.dev/unit": "order", "breakeven.dev/exclude": "yes"}));
    let cluster = agent
        .cluster("what the annotations say", |cluster| {
            !cluster.annotations.is_empty()
        })
        .await;
    let (id, notes) = cluster.annotations.first_key_value().unwrap();
    assert_eq!(id.to_string(), "shop/Deployment/checkout");
    assert_eq!(notes.unit.as_deref(), Some("order"));
    assert!(!notes.is_excluded);
    assert_eq!(notes.problems[0].0, "breakeven.dev/exclude");
    let errors = |status: &SourceStatus| status.errors.get(&Reason::InvalidResponse).copied();
    let status = agent
        .status_when("the count of it", |status| errors(status).is_some())
        .await;
    assert_eq!(errors(&status), Some(1));
    assert_eq!(status.up, Some(true));

    // A pod says it where its controller does not.
    annotate(serde_json::json!({}));
    let mut pods = cluster.pods.iter();
    let pod = pods.find(|pod| pod.workload == *id).unwrap();
    let state = cloud.kube_state();
    let mut object = state.get("Pod", "shop", &pod.key.name).unwrap();
    object["metadata"]["annotations"] = serde_json::json!({"breakeven.dev/unit": "basket"});
    state.apply(object).unwrap();
    let unit = |cluster: &Cluster| {
        cluster
            .annotations
            .get(id)
            .and_then(|notes| notes.unit.clone())
    };
    agent
        .cluster("what the pod says", |cluster| {
            unit(cluster).as_deref() == Some("basket")
        })
        .await;
}

#[tokio::test]
async fn services_lead_to_the_workloads_behind_them_and_routes_to_services() {
    let cloud = cloud_at(any_port()).await;
    let state = cloud.kube_state();
    let service = |name: &str, selector: &str| {
        let service = serde_json::json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"},
            "spec": {"selector": {"app.kubernetes.io/name": selector}, "ports": [{"name": "http", "port": 80}]},
        });
        state.apply(service).unwrap();
    };
    service("front", "checkout");
    let route = serde_json::json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "entry", "namespace": "shop"},
        "spec": {"rules": [{"backendRefs": [{"name": "front", "port": 80}]}]},
    });
    state.apply(route).unwrap();
    let mut agent = Agent::watching(&cloud, settings());
    let cluster = agent.cluster("the whole cluster", is_whole).await;
    let front = cluster
        .service_routing
        .services
        .iter()
        .find(|one| &*one.name == "front");
    let workloads: Vec<(String, u32)> = front
        .unwrap()
        .workloads
        .iter()
        .map(|(id, pods)| (id.to_string(), *pods))
        .collect();
    let expected = pods(&[])["shop/Deployment/checkout"];
    assert_eq!(
        workloads,
        [(
            "shop/Deployment/checkout".to_owned(),
            u32::try_from(expected).unwrap()
        )]
    );
    let [rule] = cluster.service_routing.routes.as_slice() else {
        panic!("{:?}", cluster.service_routing.routes)
    };
    assert_eq!(rule.backends, [("shop".into(), "front".into(), 1)]);
    assert!(agent.status().errors.is_empty());
}

#[tokio::test]
async fn a_cluster_without_the_gateway_api_lacks_nothing() {
    let cloud = cloud_at(any_port()).await;
    let missing = Fault::Status {
        code: 404,
        retry_after: None,
    };
    let routes = FaultRule::always(Endpoint::Kubernetes, missing).on_path("httproutes");
    cloud.faults().add(routes);
    let mut agent = Agent::watching(&cloud, settings());
    agent.cluster("the whole cluster", is_whole).await;
    let status = agent
        .status_when("up", |status| status.up == Some(true))
        .await;
    assert!(status.errors.is_empty(), "{status:?}");
}
