//! Scripted events, without any API server.

use std::io::Write;
use std::mem::size_of;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::state::Problems;
use super::*;
use crate::sources::{Reason, SourceError, SourceStatuses};
use breakeven_clock::Clock;
use breakeven_model::inventory::{Cluster, Container, Pod};

fn mk_pod(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}")},
        "spec": {"nodeName": "node-1", "containers": [
            {"name": "app", "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}}},
        ]},
        "status": {"phase": "Running"},
    })
}

fn owned(mut pod: Value, kind: &str, name: &str) -> Value {
    let api_version = match kind {
        "Job" => "batch/v1",
        _ => "apps/v1",
    };
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": api_version, "kind": kind, "name": name, "uid": format!("uid-{name}"), "controller": true,
    }]);
    pod
}

fn mk_owner(name: &str, controller: Option<(&str, &str)>) -> Value {
    let object =
        json!({"metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}")}});
    match controller {
        Some((kind, name)) => owned(object, kind, name),
        None => object,
    }
}

fn mk_node(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "uid": format!("uid-{name}")},
        "status": {"capacity": {"cpu": "2", "memory": "8Gi"}, "allocatable": {"cpu": "1930m", "memory": "7Gi"}},
    })
}

fn objects<T: serde::de::DeserializeOwned>(objects: &[Value]) -> Vec<T> {
    let read = |object: &Value| serde_json::from_value(object.clone()).unwrap();
    objects.iter().map(read).collect()
}

fn listed<T: serde::de::DeserializeOwned>(all: &[Value]) -> [Event<T>; 3] {
    [
        Event::ListBegun,
        Event::Listed(objects(all)),
        Event::ListDone,
    ]
}

fn one<T: serde::de::DeserializeOwned>(object: &Value) -> T {
    serde_json::from_value(object.clone()).unwrap()
}

fn list_pods(state: &mut State, pods: &[Value]) -> Problems {
    let events = listed(pods);
    events
        .into_iter()
        .flat_map(|event| state.pod(event))
        .collect()
}

fn apply_pod(state: &mut State, pod: &Value) -> Problems {
    state.pod(Event::Applied(one(pod)))
}

fn cluster(state: &mut State) -> Cluster {
    state.cluster(Timestamp::UNIX_EPOCH)
}

/// The workloads of the pods, in order.
fn workloads(state: &mut State) -> Vec<String> {
    let pods = cluster(state).pods;
    let mut names: Vec<String> = pods.iter().map(|pod| pod.workload.to_string()).collect();
    names.sort();
    names
}

#[test]
fn a_pod_that_ends_or_is_deleted_vanishes() {
    let mut state = State::new(PodExtras::default());
    list_pods(&mut state, &[mk_pod("a"), mk_pod("b"), mk_pod("c")]);
    let mut ended = mk_pod("a");
    ended["status"]["phase"] = json!("Succeeded");
    apply_pod(&mut state, &ended);
    state.pod(Event::Deleted(one(&mk_pod("b"))));
    assert_eq!(workloads(&mut state), ["shop/Pod/c"]);
}

#[test]
fn a_pod_counts_from_the_moment_it_is_bound_to_a_node() {
    let mut state = State::new(PodExtras::default());
    let mut pending = mk_pod("a");
    pending["spec"]["nodeName"] = json!("");
    list_pods(&mut state, &[pending]);
    assert_eq!(workloads(&mut state), [""; 0]);
    apply_pod(&mut state, &mk_pod("a"));
    assert_eq!(workloads(&mut state), ["shop/Pod/a"]);
}

#[test]
fn what_was_held_stays_until_a_new_list_is_complete_and_then_the_vanished_vanish() {
    let mut state = State::new(PodExtras::default());
    list_pods(&mut state, &[mk_pod("a"), mk_pod("b")]);
    state.pod(Event::ListBegun);
    state.pod(Event::Listed(objects(&[mk_pod("b")])));
    assert_eq!(workloads(&mut state), ["shop/Pod/a", "shop/Pod/b"]);
    state.pod(Event::ListDone);
    assert_eq!(workloads(&mut state), ["shop/Pod/b"]);
}

#[test]
fn nodes_come_and_go() {
    let mut state = State::new(PodExtras::default());
    for event in listed(&[mk_node("node-1"), mk_node("node-2")]) {
        state.node(event);
    }
    state.node(Event::Deleted(one(&mk_node("node-1"))));
    let nodes = cluster(&mut state).nodes;
    let names: Vec<&str> = nodes.iter().map(|node| &*node.name).collect();
    assert_eq!(names, ["node-2"]);
}

#[test]
fn a_replica_set_that_is_known_late_corrects_the_pods_before_it() {
    let mut state = State::new(PodExtras::default());
    list_pods(
        &mut state,
        &[
            owned(mk_pod("web"), "ReplicaSet", "web-1"),
            owned(mk_pod("job"), "Job", "report-28"),
        ],
    );
    assert_eq!(
        workloads(&mut state),
        ["shop/Job/report-28", "shop/ReplicaSet/web-1"]
    );
    let web = mk_owner("web-1", Some(("Deployment", "web")));
    state.replica_set(Event::Applied(one(&web)));
    let report = mk_owner("report-28", Some(("CronJob", "report")));
    state.job(Event::Applied(one(&report)));
    assert_eq!(
        workloads(&mut state),
        ["shop/CronJob/report", "shop/Deployment/web"]
    );
}

#[test]
fn a_replica_set_that_is_known_first_names_the_workload_at_once() {
    let mut state = State::new(PodExtras::default());
    for event in listed(&[
        mk_owner("web-1", Some(("Rollout", "web"))),
        mk_owner("own", None),
    ]) {
        state.replica_set(event);
    }
    list_pods(
        &mut state,
        &[
            owned(mk_pod("a"), "ReplicaSet", "web-1"),
            owned(mk_pod("b"), "ReplicaSet", "own"),
        ],
    );
    assert_eq!(
        workloads(&mut state),
        ["shop/ReplicaSet/own", "shop/Rollout/web"]
    );
}

#[test]
fn a_job_that_is_deleted_before_its_pod_leaves_the_pod_with_its_cron_job() {
    let mut state = State::new(PodExtras::default());
    let job = mk_owner("report-28", Some(("CronJob", "report")));
    state.job(Event::Applied(one(&job)));
    let pod = owned(mk_pod("pod"), "Job", "report-28");
    list_pods(&mut state, std::slice::from_ref(&pod));
    state.job(Event::Deleted(one(&job)));
    apply_pod(&mut state, &pod);
    assert_eq!(workloads(&mut state), ["shop/CronJob/report"], "changed");
    list_pods(&mut state, &[pod]);
    assert_eq!(workloads(&mut state), ["shop/CronJob/report"], "listed");
}

/// The watch of Jobs may be behind that of pods. A look between the two must not charge a workload that the next
/// look does not have: what it was charged would vanish from all sums.
#[test]
fn a_new_pod_waits_for_the_job_that_names_its_workload() {
    let at = |second: i64| Timestamp::from_second(second).unwrap();
    let workloads = |state: &mut State, second| -> Vec<String> {
        let pods = state.cluster(at(second)).pods;
        pods.iter().map(|pod| pod.workload.to_string()).collect()
    };
    let job = mk_owner("report-28", Some(("CronJob", "report")));
    let mut pod = owned(mk_pod("pod"), "Job", "report-28");
    pod["metadata"]["creationTimestamp"] = json!("1970-01-01T00:01:40Z");
    let mut state = State::new(PodExtras::default());
    for event in listed(&[]) {
        state.job(event);
    }
    list_pods(&mut state, &[]);
    apply_pod(&mut state, &pod);
    assert_eq!(workloads(&mut state, 101), [""; 0], "before its Job");
    assert_eq!(
        workloads(&mut state, 160),
        ["shop/Job/report-28"],
        "its Job does not come"
    );
    state.job(Event::Applied(one(&job)));
    assert_eq!(workloads(&mut state, 102), ["shop/CronJob/report"]);
    // A Job that was seen and is gone is not awaited.
    state.job(Event::Deleted(one(&job)));
    apply_pod(&mut state, &pod);
    assert_eq!(workloads(&mut state, 103), ["shop/CronJob/report"]);

    let mut without_rights = State::new(PodExtras::default());
    apply_pod(&mut without_rights, &pod);
    assert_eq!(
        workloads(&mut without_rights, 101),
        ["shop/Job/report-28"],
        "Jobs cannot be listed"
    );
}

#[test]
fn a_pod_that_did_not_change_is_the_same_allocation_in_each_cluster() {
    let mut state = State::new(PodExtras::default());
    let pod = owned(mk_pod("web"), "ReplicaSet", "web-1");
    let replica_set = mk_owner("web-1", Some(("Deployment", "web")));
    state.replica_set(Event::Applied(one(&replica_set)));
    list_pods(&mut state, std::slice::from_ref(&pod));
    let before = cluster(&mut state);
    apply_pod(&mut state, &pod);
    list_pods(&mut state, &[pod]);
    for event in listed(&[replica_set]) {
        state.replica_set(event);
    }
    let after = cluster(&mut state);
    assert!(Arc::ptr_eq(&before.pods[0], &after.pods[0]));
}

#[test]
fn a_pod_that_cannot_be_understood_is_named_and_keeps_its_last_good_state() {
    let mut state = State::new(PodExtras::default());
    list_pods(&mut state, &[mk_pod("a"), mk_pod("b")]);
    let mut bad = mk_pod("a");
    bad["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("much");
    let text = "pod shop/a: spec.containers[0].resources.requests.cpu is \"much\", which is not a quantity of \
                processors such as 250m or 2; correct the object: until then its last good state counts, and \
                nothing where there is none";
    for problems in [
        apply_pod(&mut state, &bad),
        list_pods(&mut state, &[bad.clone(), mk_pod("b")]),
    ] {
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].to_string(), text);
        assert_eq!(problems[0].reason(), Reason::InvalidResponse);
        assert_eq!(workloads(&mut state), ["shop/Pod/a", "shop/Pod/b"]);
    }
}

#[test]
fn the_pods_of_a_workload_share_every_name_but_their_own() {
    let mut state = State::new(PodExtras::default());
    let pods: Vec<Value> = (0..2)
        .map(|number| owned(mk_pod(&format!("web-{number}")), "ReplicaSet", "web-1"))
        .collect();
    list_pods(&mut state, &pods);
    let pods = cluster(&mut state).pods;
    let names = |pod: &Pod| {
        [
            &pod.key.namespace,
            &pod.workload.namespace,
            &pod.workload.name,
            &pod.node,
            &pod.containers[0].name,
        ]
        .map(Arc::clone)
    };
    for (one, other) in names(&pods[0]).iter().zip(names(&pods[1]).iter()) {
        assert!(Arc::ptr_eq(one, other), "{one}");
    }
    // So what a pod costs is itself, its name, its containers, its entry in the map and the uid there.
    let entry = size_of::<(Box<str>, convert::PodRecord)>();
    let bytes = size_of::<Pod>() + size_of::<Container>() + entry + 2 * 64;
    assert!(bytes < 640, "{bytes} bytes for a pod of one container");
}

fn watching() -> (Watching, mpsc::Receiver<Observation>, SourceStatuses) {
    let (sink, seen) = mpsc::channel(8);
    let statuses = SourceStatuses::default();
    let context = Context {
        clock: Clock::accelerated(Timestamp::UNIX_EPOCH, 1.0),
        statuses: statuses.clone(),
        sink,
    };
    let cluster = Watching {
        state: State::new(PodExtras::default()),
        health: WatchStatuses::default(),
        log_limits: [LogLimit::default(); Watch::ALL.len()],
        context,
    };
    (cluster, seen, statuses)
}

fn refused(what: &str) -> SourceError {
    SourceError::new(
        Reason::Forbidden,
        format!("cannot list {what}"),
        "grant list",
    )
}

#[tokio::test]
async fn a_failure_of_pods_is_on_the_board_and_one_of_replica_sets_is_only_counted() {
    let (mut cluster, mut seen, statuses) = watching();
    for event in listed(&[mk_node("node-1")]) {
        cluster.apply(Change::Node(WatchSignal::Event(event)));
    }
    for event in listed(&[mk_pod("a")]) {
        cluster.apply(Change::Pod(WatchSignal::Event(event)));
    }
    let failed = WatchSignal::Failed(refused("replicasets.apps"), Duration::ZERO);
    cluster.apply(Change::ReplicaSet(failed));
    assert!(cluster.publish().await);
    let status = statuses.snapshot()[&Source::Kubernetes.into()].clone();
    assert_eq!(
        (status.up, status.errors[&Reason::Forbidden]),
        (Some(true), 1)
    );
    assert!(matches!(seen.try_recv(), Ok(Observation::Cluster(_))));

    let failed = WatchSignal::Failed(refused("pods"), Duration::from_secs(1));
    cluster.apply(Change::Pod(failed));
    let status = statuses.snapshot()[&Source::Kubernetes.into()].clone();
    assert_eq!(
        (status.up, status.errors[&Reason::Forbidden]),
        (Some(false), 2)
    );
    assert_eq!(
        status.last_error.as_deref(),
        Some("cannot list pods; grant list")
    );
    assert_eq!(cluster.health.publishable_since(Duration::ZERO), None);

    cluster.apply(Change::Pod(WatchSignal::Alive));
    assert!(cluster.health.publishable_since(Duration::ZERO).is_some());
}

#[tokio::test]
async fn an_interrupted_watch_and_an_object_not_understood_are_counted_and_nothing_is_down() {
    let (mut cluster, _seen, statuses) = watching();
    let cut = SourceError::new(Reason::Connect, "it was cut", "check");
    cluster.apply(Change::Pod(WatchSignal::Interrupted(cut)));
    let mut bad = mk_node("node-1");
    bad["status"]["capacity"]["cpu"] = json!("two");
    cluster.apply(Change::Node(WatchSignal::Event(Event::Applied(one(&bad)))));
    let status = statuses.snapshot()[&Source::Kubernetes.into()].clone();
    assert_eq!(status.up, None);
    assert_eq!(status.errors[&Reason::Connect], 1);
    assert_eq!(status.errors[&Reason::InvalidResponse], 1);
}

#[tokio::test(start_paused = true)]
async fn credentials_that_fail_are_tried_ever_more_rarely() {
    const TIME: Duration = Duration::from_secs(600);
    const WATCHES: u64 = 14;
    let access = Access::Kubeconfig {
        path: Some("/nowhere/kubeconfig".into()),
        context: None,
    };
    let connection = Connection::new(access, Duration::from_secs(1));
    let (cluster, _seen, statuses) = watching();
    let source = run(connection, Settings::default(), cluster.context);
    assert!(tokio::time::timeout(TIME, source).await.is_err());
    let failures = statuses.snapshot()[&Source::Kubernetes.into()].errors[&Reason::Unauthorized];
    // Six pauses grow to 30 s; after that each is 15 s at least.
    let attempts = WATCHES..=WATCHES * (6 + TIME.as_secs() / 15);
    assert!(attempts.contains(&failures), "{failures} attempts");
}

/// Ten labels, as Helm charts, the controllers and teams write them; `number` is that of the pod.
fn realistic_labels(number: usize) -> Value {
    let workload = number / 8;
    json!({
        "app.kubernetes.io/name": format!("checkout-service-{workload}"),
        "app.kubernetes.io/instance": format!("checkout-service-{workload}-production"),
        "app.kubernetes.io/version": format!("1.{}.{}", workload % 40, workload % 7),
        "app.kubernetes.io/component": "backend", "app.kubernetes.io/part-of": "online-shop",
        "app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": format!("checkout-service-{workload}-4.2.1"),
        "team": format!("team-{}", workload % 50), "environment": "production",
        "pod-template-hash": format!("{workload:010x}"),
    })
}

#[test]
fn a_cluster_of_20000_pods_and_5000_nodes_is_kept() {
    let mut state = State::new(PodExtras::default());
    let pods = (0..20_000).map(|number| {
        let name = format!("checkout-service-{}-6d5f7c9b4d-{number:05}", number / 8);
        let mut pod = mk_pod(&name);
        let replica_set = format!("checkout-service-{}-6d5f7c9b4d", number / 8);
        pod = owned(pod, "ReplicaSet", &replica_set);
        pod["metadata"]["uid"] = json!(format!("{number:036}"));
        pod["metadata"]["labels"] = realistic_labels(number);
        pod["spec"]["nodeName"] = json!(format!("ip-10-0-{number}.eu-west-1.compute.internal"));
        let container = pod["spec"]["containers"][0].clone();
        pod["spec"]["containers"] = json!([container.clone(), container]);
        one::<PodObject>(&pod)
    });
    let pods: Vec<PodObject> = pods.collect();
    // All pods have changed when they are listed again: both lists are kept while the second one is read.
    for host_network in [false, true] {
        let mut pods = pods.clone();
        for pod in &mut pods {
            pod.spec.host_network = host_network;
        }
        state.pod(Event::ListBegun);
        state.pod(Event::Listed(pods));
        assert_eq!(state.take_overflow(), None);
        state.pod(Event::ListDone);
    }
    assert_eq!(cluster(&mut state).pods.len(), 20_000);

    let nodes = (0..5_000).map(|number| {
        let name = format!("ip-10-0-{number}.eu-west-1.compute.internal");
        let mut node = mk_node(&name);
        let label = |index| {
            (
                format!("karpenter.k8s.aws/instance-property-{index:02}"),
                json!(name),
            )
        };
        let labels: serde_json::Map<_, _> = (0..30).map(label).collect();
        node["metadata"]["labels"] = json!(labels);
        one::<NodeObject>(&node)
    });
    state.node(Event::ListBegun);
    state.node(Event::Listed(nodes.collect()));
    assert_eq!(state.take_overflow(), None);
    state.node(Event::ListDone);
    assert_eq!(cluster(&mut state).nodes.len(), 5_000);
}

#[tokio::test]
async fn time_that_a_page_waits_for_its_consumer_is_not_the_server_s() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (release, released) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let pods: Vec<String> = (0..500)
            .map(|pod| mk_pod(&format!("{pod}")).to_string())
            .collect();
        let begin = r#"{"kind":"PodList","metadata":{"resourceVersion":"1"},"items":["#;
        let body = format!("{begin}{}", pods.join(","));
        let length = body.len() + "]}".len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all((head + &body).as_bytes()).await.unwrap();
        released.await.unwrap();
        stream.write_all(b"]}").await.unwrap();
        stream
    });
    let mut kubeconfig = tempfile::NamedTempFile::new().unwrap();
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: stub\n\
         clusters: [{{name: stub, cluster: {{server: \"http://{address}\"}}}}]\n\
         contexts: [{{name: stub, context: {{cluster: stub, user: stub}}}}]\nusers: [{{name: stub, user: {{}}}}]\n"
    );
    kubeconfig.write_all(text.as_bytes()).unwrap();
    let access = Access::Kubeconfig {
        path: Some(kubeconfig.path().to_owned()),
        context: None,
    };
    let patience = Duration::from_secs(2);
    let means = WatchContext {
        connection: Connection::new(access, patience),
        settings: Settings {
            request_timeout: patience,
            ..Settings::default()
        },
        clock: Clock::system(),
    };
    let (sink, mut signals) = mpsc::channel(1);
    let _watch = tokio::spawn(watch::<PodObject, _>(
        PODS,
        means,
        sink,
        std::convert::identity,
    ));
    let mut release = Some(release);
    let mut objects = 0;
    loop {
        let WatchMessage { signal, overflow } = signals.recv().await.unwrap();
        match signal {
            WatchSignal::Event(Event::Listed(list)) => {
                objects += list.len();
                if objects == 500
                    && let Some(release) = release.take()
                {
                    tokio::time::sleep(patience * 3 / 2).await;
                    overflow.send(None).unwrap();
                    // The rest arrives once the deadline of the request is over.
                    release.send(()).unwrap();
                    continue;
                }
            }
            WatchSignal::Event(Event::ListDone) => break,
            WatchSignal::Event(Event::ListBegun) => {}
            other => panic!("{other:?}"),
        }
        overflow.send(None).unwrap();
    }
    assert_eq!(objects, 500);
    drop(server.await.unwrap());
}
