//! The simulated Kubernetes API as its clients see it: kube-rs here, the others in a module of their own.

mod foreign_clients;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use crate::support::until;
use breakeven_clock::Clock;
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud, World};
use futures::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::api::{Api, DeleteParams, ListParams, WatchParams};
use kube::core::{PartialObjectMeta, WatchEvent};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Config, ResourceExt};
use serde_json::Value;
use tokio::time::timeout;

/// Pods of the demo world that run all the time: 27 of Deployments, 15 of DaemonSets, 2 of a StatefulSet.
const STEADY_PODS: usize = 44;
const NODES: usize = 6;

async fn demo() -> SimulatedCloud {
    start(
        include_str!("../../config/worlds/demo.yaml"),
        Clock::system(),
    )
    .await
}

async fn start(world: &str, clock: Clock) -> SimulatedCloud {
    let world = World::from_yaml(world).unwrap();
    let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
    SimulatedCloud::start(world, clock, anywhere).await.unwrap()
}

fn client(cloud: &SimulatedCloud) -> Client {
    let mut config = Config::new(cloud.kube_url().parse().unwrap());
    // An error is to be seen at once; kube would ask again for minutes.
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

fn steady(pods: &[Pod]) -> usize {
    pods.iter()
        .filter(|pod| !pod.name_any().starts_with("sales-report"))
        .count()
}

/// The next event of a watcher; errors are left out, as a program that backs off would.
async fn next<K>(events: &mut Pin<&mut impl Stream<Item = watcher::Result<Event<K>>>>) -> Event<K> {
    let next = async {
        loop {
            if let Ok(event) = events.next().await.expect("a watcher does not end") {
                return event;
            }
        }
    };
    timeout(crate::support::DEADLINE, next)
        .await
        .expect("an event before the deadline")
}

/// The names of what a watcher finds when it begins.
async fn initial<K: ResourceExt>(
    events: &mut Pin<&mut impl Stream<Item = watcher::Result<Event<K>>>>,
) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    loop {
        match next(events).await {
            Event::Init => names.clear(),
            Event::InitApply(object) => {
                names.insert(object.name_any());
            }
            Event::InitDone => return names,
            Event::Apply(_) | Event::Delete(_) => panic!("a change before the list was complete"),
        }
    }
}

#[tokio::test]
async fn pods_and_nodes_are_listed_with_what_a_cost_model_reads() {
    let cloud = demo().await;
    let client = client(&cloud);
    let pods = Api::<Pod>::all(client.clone())
        .list(&ListParams::default())
        .await
        .unwrap();
    assert_eq!(steady(&pods.items), STEADY_PODS);
    let checkout = pods
        .iter()
        .find(|pod| pod.name_any().starts_with("checkout-"))
        .unwrap();
    let owner = &checkout.owner_references()[0];
    assert_eq!(
        (owner.kind.as_str(), owner.controller),
        ("ReplicaSet", Some(true))
    );
    let requests = checkout.spec.as_ref().unwrap().containers[0]
        .resources
        .clone()
        .unwrap();
    let requests = requests.requests.unwrap();
    assert_eq!(
        (requests["cpu"].0.as_str(), requests["memory"].0.as_str()),
        ("250m", "256Mi")
    );
    let status = checkout.status.as_ref().unwrap();
    assert_eq!(status.phase.as_deref(), Some("Running"));
    assert_eq!(status.qos_class.as_deref(), Some("Burstable"));
    let nodes = Api::<Node>::all(client.clone())
        .list(&ListParams::default())
        .await
        .unwrap();
    assert_eq!(nodes.items.len(), NODES);
    let spot = nodes
        .iter()
        .find(|n| n.name_any() == "ip-10-0-2-31.ec2.internal")
        .unwrap();
    assert_eq!(spot.labels()["eks.amazonaws.com/capacityType"], "SPOT");
    assert_eq!(
        spot.labels()["node.kubernetes.io/instance-type"],
        "c5.xlarge"
    );
    let capacity = spot.status.as_ref().unwrap().capacity.clone().unwrap();
    assert_eq!(
        (capacity["cpu"].0.as_str(), capacity["memory"].0.as_str()),
        ("4", "8388608Ki")
    );
    let fargate = pods
        .iter()
        .find(|pod| pod.name_any().starts_with("recommendations-"))
        .unwrap();
    assert_eq!(fargate.annotations()["CapacityProvisioned"], "0.5vCPU 1GB");
    let namespaces = Api::<Namespace>::all(client)
        .list(&ListParams::default())
        .await
        .unwrap();
    assert!(
        namespaces
            .iter()
            .any(|namespace| namespace.name_any() == "shop")
    );
    cloud.stop().await;
}

#[tokio::test]
async fn every_pod_leads_to_its_workload_through_owners_that_exist() {
    let cloud = demo().await;
    let pods: Api<Pod> = Api::all(client(&cloud));
    for pod in pods.list(&ListParams::default()).await.unwrap() {
        let namespace = pod.namespace().unwrap();
        let mut owners = pod.metadata.owner_references.clone().unwrap_or_default();
        let mut kinds = Vec::new();
        while let Some(owner) = owners.pop() {
            let object = cloud
                .kube_state()
                .get(&owner.kind, &namespace, &owner.name)
                .unwrap();
            assert_eq!(object["metadata"]["uid"], owner.uid, "{}", pod.name_any());
            let further = object["metadata"]["ownerReferences"].clone();
            owners = serde_json::from_value(further).unwrap_or_default();
            kinds.push(owner.kind);
        }
        assert!(
            ["Deployment", "StatefulSet", "DaemonSet", "CronJob"]
                .contains(&kinds.last().expect("an owner").as_str()),
            "{}: {kinds:?}",
            pod.name_any()
        );
    }
}

#[tokio::test]
async fn chunks_of_a_list_show_one_instant_while_objects_change() {
    let cloud = demo().await;
    let pods: Api<Pod> = Api::all(client(&cloud));
    let whole = pods.list(&ListParams::default()).await.unwrap();
    let mut parameters = ListParams::default().limit(10);
    let mut seen = Vec::new();
    let mut replicas = 5;
    loop {
        let chunk = pods.list(&parameters).await.unwrap();
        assert!(chunk.items.len() <= 10);
        assert_eq!(
            chunk.metadata.resource_version,
            whole.metadata.resource_version
        );
        seen.extend(chunk.items.iter().map(ResourceExt::name_any));
        assert!(cloud.kube_state().scale("shop", "checkout", replicas));
        replicas -= 1;
        match chunk.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => break,
        }
    }
    let expected: Vec<String> = whole.items.iter().map(ResourceExt::name_any).collect();
    assert_eq!(seen, expected);
    assert!(replicas < 2, "the list took several chunks");
}

#[tokio::test]
async fn a_chunk_whose_snapshot_is_gone_is_refused_with_410() {
    let cloud = demo().await;
    let pods: Api<Pod> = Api::all(client(&cloud));
    let first = pods.list(&ListParams::default().limit(10)).await.unwrap();
    cloud.kube_state().scale("shop", "checkout", 5);
    cloud.kube_state().forget_history();
    let token = first.metadata.continue_.unwrap();
    let error = pods
        .list(&ListParams::default().limit(10).continue_token(&token))
        .await;
    let kube::Error::Api(status) = error.unwrap_err() else {
        panic!("a Status object")
    };
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
}

#[tokio::test]
async fn a_watcher_sees_pods_come_and_go() {
    let cloud = demo().await;
    for config in [
        watcher::Config::default(),
        watcher::Config::default().streaming_lists(),
    ] {
        let pods: Api<Pod> = Api::namespaced(client(&cloud), "shop");
        let mut events = pin!(watcher(
            pods,
            config.labels("app.kubernetes.io/name=checkout")
        ));
        assert_eq!(initial(&mut events).await.len(), 3);
        cloud.kube_state().scale("shop", "checkout", 4);
        let Event::Apply(added) = next(&mut events).await else {
            panic!("an added pod")
        };
        cloud.kube_state().scale("shop", "search", 4);
        cloud.kube_state().scale("shop", "checkout", 3);
        let Event::Delete(deleted) = next(&mut events).await else {
            panic!("a deleted pod")
        };
        assert_eq!(added.name_any(), deleted.name_any());
        cloud.kube_state().scale("shop", "search", 2);
    }
}

#[tokio::test]
async fn a_watcher_of_metadata_gets_nothing_but_metadata() {
    let cloud = demo().await;
    let pods: Api<PartialObjectMeta<Pod>> = Api::all(client(&cloud));
    for config in [
        watcher::Config::default(),
        watcher::Config::default().streaming_lists(),
    ] {
        let mut events = pin!(watcher(pods.clone(), config));
        assert!(initial(&mut events).await.len() >= STEADY_PODS);
        cloud.kube_state().delete("Pod", "data", "orders-db-1");
        let Event::Delete(pod) = next(&mut events).await else {
            panic!("a deleted pod")
        };
        assert_eq!(pod.name_any(), "orders-db-1");
        cloud.kube_state().scale("data", "orders-db", 2);
    }
}

#[tokio::test]
async fn a_watcher_lists_anew_after_410_and_goes_on() {
    let cloud = demo().await;
    let mut events = pin!(watcher(
        Api::<Node>::all(client(&cloud)),
        watcher::Config::default()
    ));
    assert_eq!(initial(&mut events).await.len(), NODES);
    let gone = FaultRule::always(Endpoint::Kubernetes, Fault::Gone)
        .times(1)
        .on_path("watch=");
    cloud.faults().add(gone);
    assert_eq!(initial(&mut events).await.len(), NODES);
    cloud
        .kube_state()
        .delete("Node", "", "ip-10-0-2-31.ec2.internal");
    let Event::Delete(node) = next(&mut events).await else {
        panic!("a deleted node")
    };
    assert_eq!(node.name_any(), "ip-10-0-2-31.ec2.internal");
}

#[tokio::test]
async fn a_watch_that_is_cut_is_taken_up_where_it_was() {
    let cloud = demo().await;
    let mut events = pin!(watcher(
        Api::<Node>::all(client(&cloud)),
        watcher::Config::default()
    ));
    assert_eq!(initial(&mut events).await.len(), NODES);
    // The watch is open only once the watcher is polled again.
    let cut = FaultRule::always(Endpoint::Kubernetes, Fault::Cut)
        .times(1)
        .on_path("watch=");
    cloud.faults().add(cut);
    let renamed = async {
        until("the cut", async || {
            cloud.faults().rules().is_empty().then_some(())
        })
        .await;
        cloud
            .kube_state()
            .delete("Node", "", "ip-10-0-3-41.ec2.internal");
    };
    let (event, ()) = tokio::join!(next(&mut events), renamed);
    assert!(
        matches!(event, Event::Delete(_)),
        "no second list, and the change is not lost"
    );
}

#[tokio::test]
async fn a_watch_from_a_forgotten_version_ends_with_an_error_event() {
    let cloud = demo().await;
    let pods: Api<Pod> = Api::all(client(&cloud));
    let then = cloud.kube_state().version();
    cloud.kube_state().scale("shop", "checkout", 5);
    cloud.kube_state().forget_history();
    let stream = pods
        .watch(&WatchParams::default(), &then.to_string())
        .await
        .unwrap();
    let events: Vec<WatchEvent<Pod>> = stream.try_collect().await.unwrap();
    let [WatchEvent::Error(status)] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
}

#[tokio::test]
async fn a_watch_ends_after_its_timeout_with_a_bookmark_of_the_newest_version() {
    let cloud = demo().await;
    let nodes: Api<Node> = Api::all(client(&cloud));
    let version = cloud.kube_state().version().to_string();
    let stream = nodes
        .watch(&WatchParams::default().timeout(1), &version)
        .await
        .unwrap();
    // Nothing happens to nodes, and yet their watch must hear of the newer version.
    cloud.kube_state().scale("shop", "checkout", 5);
    let events: Vec<WatchEvent<Node>> = stream.try_collect().await.unwrap();
    let Some(WatchEvent::Bookmark(bookmark)) = events.last() else {
        panic!("{events:?}")
    };
    let newest = cloud.kube_state().version().to_string();
    assert_eq!(bookmark.metadata.resource_version, newest);
}

#[tokio::test]
async fn fields_select_the_pods_of_a_node_that_have_not_ended() {
    let cloud = demo().await;
    let pods: Api<Pod> = Api::all(client(&cloud));
    let node = "ip-10-0-1-11.ec2.internal";
    let fields = format!("spec.nodeName={node},status.phase!=Succeeded");
    let selected = pods
        .list(&ListParams::default().fields(&fields))
        .await
        .unwrap();
    let expected: usize = (cloud.world().workloads().iter())
        .flat_map(|workload| &workload.pods)
        .filter(|pod| pod.node == node)
        .count();
    assert_eq!(steady(&selected.items), expected);
    let error = pods
        .list(&ListParams::default().fields("spec.colour=red"))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("field label not supported: spec.colour"),
        "{error}"
    );
}

#[tokio::test]
async fn what_nodes_use_is_the_sum_of_their_pods_and_the_truth_of_the_world() {
    // A clock that stands still, so that both answers are of one instant; within a run of the CronJob.
    let clock = Clock::accelerated("2026-03-02T12:06:00Z".parse().unwrap(), 1e-9);
    let cloud = start(include_str!("../../config/worlds/demo.yaml"), clock).await;
    let client = client(&cloud);
    let get = async |path: &str| -> Value {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        client.request(request).await.unwrap()
    };
    let cores = |usage: &Value| {
        let text = usage["cpu"].as_str().unwrap();
        text.strip_suffix('n').unwrap().parse::<f64>().unwrap() / 1e9
    };
    let nodes = get("/apis/metrics.k8s.io/v1beta1/nodes").await;
    let pods = get("/apis/metrics.k8s.io/v1beta1/pods").await;
    assert_eq!(nodes["items"][0]["window"], "15s");
    assert_eq!(nodes["items"][0]["timestamp"], "2026-03-02T12:06:00Z");
    let sum = |list: &Value, place: &str| -> f64 {
        let items = list["items"].as_array().unwrap().iter();
        items.map(|item| cores(item.pointer(place).unwrap())).sum()
    };
    let (of_nodes, of_pods) = (sum(&nodes, "/usage"), sum(&pods, "/containers/0/usage"));
    let minute = cloud.clock().now().as_second() / 60;
    let truth: f64 = cloud
        .world()
        .workloads()
        .iter()
        .map(|w| w.cores_in_minute(minute))
        .sum();
    assert!(
        (of_nodes - truth).abs() < 1e-6,
        "{of_nodes} cores, not {truth}"
    );
    assert!(
        (of_pods - truth).abs() < 1e-6,
        "{of_pods} cores, not {truth}"
    );
    assert_eq!(pods["items"].as_array().unwrap().len(), STEADY_PODS + 1);
}

#[tokio::test]
async fn a_cron_job_begins_and_ends_pods_as_time_passes() {
    // A minute passes in a tenth of a second.
    let clock = Clock::accelerated("2026-03-02T12:00:00Z".parse().unwrap(), 600.0);
    let cloud = start(include_str!("../../config/worlds/demo.yaml"), clock).await;
    let jobs: Api<Job> = Api::namespaced(client(&cloud), "data");
    let pods: Api<Pod> = Api::namespaced(client(&cloud), "data");
    let started = until("a run", async || {
        let list = jobs.list(&ListParams::default()).await.unwrap();
        list.items
            .into_iter()
            .find(|job| job.status.as_ref().is_some_and(|s| s.active == Some(1)))
    })
    .await;
    assert_eq!(started.owner_references()[0].kind, "CronJob");
    let selector = format!("batch.kubernetes.io/job-name={}", started.name_any());
    let parameters = ListParams::default().labels(&selector);
    until("the end of its pod", async || {
        let pod = pods.list(&parameters).await.unwrap().items.pop()?;
        (pod.status?.phase? == "Succeeded").then_some(())
    })
    .await;
    until("the last of it", async || {
        pods.list(&parameters)
            .await
            .unwrap()
            .items
            .is_empty()
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn errors_are_status_objects_as_a_real_server_gives_them() {
    let cloud = demo().await;
    let nodes: Api<Node> = Api::all(client(&cloud));
    let code = |error: kube::Error| match error {
        kube::Error::Api(status) => (status.code, status.reason.clone()),
        other => panic!("no Status object: {other}"),
    };
    assert_eq!(
        code(nodes.get("gone").await.unwrap_err()),
        (404, "NotFound".to_owned())
    );
    let deleted = nodes
        .delete("ip-10-0-1-11.ec2.internal", &DeleteParams::default())
        .await;
    assert_eq!(
        code(deleted.unwrap_err()),
        (405, "MethodNotAllowed".to_owned())
    );
    let cases = [
        (Fault::Unauthorized, 401, "Unauthorized"),
        (Fault::Forbidden, 403, "Forbidden"),
        (Fault::Gone, 410, "Expired"),
        (Fault::Throttle, 429, "TooManyRequests"),
        (
            Fault::Status {
                code: 500,
                retry_after: None,
            },
            500,
            "InternalError",
        ),
    ];
    for (fault, status, reason) in cases {
        cloud
            .faults()
            .replace(vec![FaultRule::always(Endpoint::Kubernetes, fault)]);
        let error = nodes.list(&ListParams::default()).await.unwrap_err();
        assert_eq!(code(error), (status, reason.to_owned()));
    }
    cloud.faults().clear();
    assert_eq!(
        nodes
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        NODES
    );
}

#[tokio::test]
async fn broken_answers_are_errors_and_leave_no_trace() {
    let cloud = demo().await;
    let nodes: Api<Node> = Api::all(client(&cloud));
    for fault in [Fault::Garbage, Fault::Truncate, Fault::Cut] {
        let rule = FaultRule::always(Endpoint::Kubernetes, fault.clone()).on_path("/nodes");
        cloud.faults().replace(vec![rule]);
        assert!(
            nodes.list(&ListParams::default()).await.is_err(),
            "{fault:?}"
        );
        let namespaces: Api<Namespace> = Api::all(client(&cloud));
        assert!(
            namespaces.list(&ListParams::default()).await.is_ok(),
            "not on this path"
        );
    }
    cloud
        .faults()
        .replace(vec![FaultRule::always(Endpoint::Kubernetes, Fault::Hang)]);
    let list = timeout(Duration::from_millis(300), async {
        nodes.list(&ListParams::default()).await.map(drop)
    });
    assert!(list.await.is_err(), "an answer in spite of the fault");
    cloud.faults().clear();
    assert!(nodes.list(&ListParams::default()).await.is_ok());
    assert_eq!(
        cloud.requests().count(Endpoint::Kubernetes, "list nodes"),
        5
    );
}
