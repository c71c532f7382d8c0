//! What pods use by their kubelets: exact over restarts, and some nodes that answer with anything.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use breakeven::sources::kubernetes::{Access, Connection};
use breakeven::sources::usage::{KubeletSettings, KubeletSource, Nodes};
use breakeven::sources::{Poll, Reason, Schedule, Source, SourceStatuses, poll_forever};
use breakeven_clock::Clock;
use breakeven_model::inventory::{Cluster, CpuUsageDelta, Observation, PodKey, Usage};
use breakeven_simulator::{Endpoint, Fault, FaultRule, SimulatedCloud, World};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::time::timeout;

use crate::agent::{Agent, PATIENCE, any_port, connection, context};

/// Ten minutes of the world in a second.
const SPEED: f64 = 600.0;
const START: &str = "2026-03-02T12:00:00Z";

const WORLD: &str = "
name: counted
nodes:
  - {name: node-a, instance_type: m5.large, zone: us-east-1a, cpu: 2, memory_gib: 8}
  - {name: node-b, instance_type: m5.large, zone: us-east-1b, cpu: 2, memory_gib: 8}
  - {name: node-c, instance_type: m5.large, zone: us-east-1b, cpu: 2, memory_gib: 8}
namespaces: [{name: shop}]
workloads:
  - {name: checkout, namespace: shop, kind: Deployment, replicas: 3, latency_ms: 20,
     usage: {idle_cpu: 0.02, cpu_seconds_per_request: 0.01, memory_mib: 180},
     traffic: {pattern: steady, requests_per_second: 30}}
  - {name: db, namespace: shop, kind: StatefulSet, usage: {idle_cpu: 0.3, memory_mib: 900}}
";

/// Cores of each pod, by the formulas of docs/worlds.md.
fn cores(pod: &PodKey) -> f64 {
    if pod.name.starts_with("checkout-") {
        0.02 + 0.01 * 30.0 / 3.0
    } else {
        0.3
    }
}

struct Three {
    cloud: SimulatedCloud,
    clock: Clock,
    nodes: Nodes,
    source: KubeletSource,
    statuses: SourceStatuses,
    watching: Agent,
    _kubeconfig: tempfile::NamedTempFile,
}

impl Three {
    async fn start() -> Self {
        let clock = Clock::accelerated(START.parse().unwrap(), SPEED);
        let world = World::from_yaml(WORLD).unwrap();
        let cloud = SimulatedCloud::start(world, clock.clone(), any_port())
            .await
            .unwrap();
        let (connection, kubeconfig) = connection(&cloud.kubeconfig());
        let (nodes, statuses) = (Nodes::default(), SourceStatuses::default());
        let settings = KubeletSettings {
            timeout: Duration::from_secs(3),
            ..KubeletSettings::default()
        };
        let source = KubeletSource::new(settings, connection, statuses.clone(), &nodes);
        let watching = Agent::watching(&cloud, crate::agent::settings());
        let mut this = Self {
            cloud,
            clock,
            nodes,
            source,
            statuses,
            watching,
            _kubeconfig: kubeconfig,
        };
        this.look("four pods", |cluster| cluster.pods.len() == 4)
            .await;
        this
    }

    /// Lets the source know the first cluster that fits.
    async fn look(&mut self, what: &str, fits: impl Fn(&Cluster) -> bool) {
        let cluster = self.watching.cluster(what, fits).await;
        self.nodes.on_snapshot(&cluster);
    }

    async fn usage(&mut self) -> Usage {
        let observed = self.source.poll(self.clock.now()).await.unwrap();
        let [Observation::Usage(usage)] = &observed[..] else {
            panic!("{observed:?}");
        };
        usage.clone()
    }

    /// Reads for so many quarters of a minute, and adds what was counted.
    async fn read(&mut self, times: usize, into: &mut Counted) {
        for _ in 0..times {
            self.clock.sleep(Duration::from_secs(15)).await;
            into.add(self.usage().await.counted);
        }
    }
}

/// What was counted of each pod: from when to when, and how much.
#[derive(Default)]
struct Counted(BTreeMap<PodKey, (Timestamp, Timestamp, f64)>);

impl Counted {
    fn add(&mut self, counted: Vec<CpuUsageDelta>) {
        for one in counted {
            let (start, end) = (one.window.start(), one.window.end());
            let sum = self.0.entry(one.pod).or_insert((start, start, 0.0));
            assert_eq!(sum.1, start, "no time is left out, and none counted twice");
            *sum = (sum.0, end, sum.2 + one.processor.core_seconds());
        }
    }

    /// How far the sum of all is from the truth.
    fn error(&self) -> f64 {
        let counted: f64 = self.0.values().map(|(.., sum)| sum).sum();
        let time = |start: &Timestamp, end: &Timestamp| end.duration_since(*start).as_secs_f64();
        let truth = self.0.iter();
        let truth: f64 = truth
            .map(|(pod, (start, end, _))| cores(pod) * time(start, end))
            .sum();
        counted / truth - 1.0
    }

    fn seconds(&self, pod: &str) -> f64 {
        let (_, (start, end, _)) = self.0.iter().find(|(key, _)| &*key.name == pod).unwrap();
        end.duration_since(*start).as_secs_f64()
    }
}

#[tokio::test]
async fn what_is_counted_is_what_was_computed_while_containers_restart() {
    let mut cluster = Three::start().await;
    let (mut counted, first) = (Counted::default(), cluster.usage().await);
    assert!(first.counted.is_empty(), "there is nothing to compare with");
    assert_eq!(first.pods.len(), 4, "but the average of their lives");
    cluster.read(20, &mut counted).await;
    let usage = counted.0.keys().next().unwrap().clone();
    for _ in 0..3 {
        assert!(
            cluster
                .cloud
                .kube_state()
                .restart_container("shop", &usage.name)
        );
        assert!(cluster.cloud.kube_state().restart_container("shop", "db-0"));
        cluster.read(10, &mut counted).await;
    }
    assert_eq!(counted.0.len(), 4);
    assert!(
        counted.seconds("db-0") >= 600.0,
        "{}",
        counted.seconds("db-0")
    );
    // The simulated kubelet rounds nothing; what is left is the rounding of its times to milliseconds.
    assert!(counted.error().abs() < 1e-4, "{:e}", counted.error());
    assert!(
        cluster.statuses.snapshot().is_empty(),
        "{:?}",
        cluster.statuses.snapshot()
    );
}

#[tokio::test]
async fn a_pod_that_is_made_anew_under_its_name_counts_from_its_birth_on() {
    let mut cluster = Three::start().await;
    cluster.usage().await;
    let mut before = Counted::default();
    cluster.read(8, &mut before).await;
    let state = cluster.cloud.kube_state().clone();
    assert!(state.delete("Pod", "shop", "db-0"));
    cluster
        .look("three pods", |cluster| cluster.pods.len() == 3)
        .await;
    cluster.read(2, &mut before).await;
    assert!(state.scale("shop", "db", 1));
    cluster
        .look("four pods", |cluster| cluster.pods.len() == 4)
        .await;
    let born: Timestamp =
        state.get("Pod", "shop", "db-0").unwrap()["metadata"]["creationTimestamp"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
    let mut after = Counted::default();
    cluster.read(8, &mut after).await;
    let (_, (start, _, _)) = after
        .0
        .iter()
        .find(|(key, _)| &*key.name == "db-0")
        .unwrap();
    assert_eq!(*start, born);
    for (what, counted) in [("before", before), ("after", after)] {
        assert!(
            counted.error().abs() < 1e-4,
            "{what}: {:e}",
            counted.error()
        );
    }
}

#[tokio::test]
async fn averages_are_those_of_the_world_and_stand_until_the_kubelet_looks_anew() {
    let mut cluster = Three::start().await;
    cluster.usage().await;
    cluster.clock.sleep(Duration::from_secs(60)).await;
    let usage = cluster.usage().await;
    assert_eq!(usage.pods.len(), 4);
    for (pod, used) in &usage.pods {
        assert!(used.is_counted);
        let [container] = &used.containers[..] else {
            panic!("{used:?}");
        };
        let found = container.request.cpu.cores();
        assert!((found / cores(pod) - 1.0).abs() < 1e-3, "{pod:?}: {found}");
        let memory = if pod.name.starts_with("db") {
            900.0
        } else {
            180.0
        };
        assert_eq!(container.request.memory.mib(), memory);
    }
}

/// Rules that spoil the answer of one node.
fn spoiled(fault: Fault) -> FaultRule {
    FaultRule::always(Endpoint::Kubernetes, fault).on_path("/nodes/node-b/proxy")
}

fn status(code: u16) -> Fault {
    Fault::Status {
        code,
        retry_after: None,
    }
}

#[tokio::test]
async fn a_node_that_fails_keeps_nobody_waiting_and_loses_nothing() {
    let mut cluster = Three::start().await;
    cluster.usage().await;
    let mut counted = Counted::default();
    cluster.read(2, &mut counted).await;
    let whole = counted.0.len();
    for (fault, reason, text) in [
        (Fault::Hang, Reason::Timeout, "no whole answer within 3 s"),
        (
            Fault::Forbidden,
            Reason::Forbidden,
            "cannot get resource \"nodes/proxy\" in API group \"\" at the cluster scope; \
             grant get on nodes/proxy to the service account",
        ),
        (
            status(404),
            Reason::NotFound,
            "the node is gone, or its kubelet has no /metrics/resource",
        ),
        (
            status(503),
            Reason::ServerError,
            "check that the API server reaches the kubelet",
        ),
        (status(500), Reason::ServerError, "it answered 500"),
        (Fault::Unauthorized, Reason::Unauthorized, "check the token"),
        (Fault::Throttle, Reason::Throttled, "it answered 429"),
        (
            Fault::Garbage,
            Reason::InvalidResponse,
            "it is not a kubelet's, or not whole",
        ),
        (
            Fault::Truncate,
            Reason::Connect,
            "cannot get nodes/proxy at http://127.0.0.1",
        ),
        (
            Fault::Cut,
            Reason::Connect,
            "/api/v1/nodes/node-b/proxy/metrics/resource",
        ),
    ] {
        cluster.cloud.faults().replace(vec![spoiled(fault.clone())]);
        let errors = |statuses: &SourceStatuses| -> u64 {
            let status = statuses.snapshot().remove(&Source::Usage.into());
            let errors = status.unwrap_or_default().errors;
            errors.get(&reason).copied().unwrap_or_default()
        };
        let before = errors(&cluster.statuses);
        cluster.clock.sleep(Duration::from_secs(30)).await;
        let usage = cluster.usage().await;
        assert!(
            !usage.counted.is_empty() && usage.counted.len() < whole,
            "{fault:?}: {} of {whole} pods",
            usage.counted.len()
        );
        counted.add(usage.counted);
        assert_eq!(errors(&cluster.statuses), before + 1, "{fault:?}");
        let missing_attributes = cluster.source.missing_attributes();
        let why = &missing_attributes["what pods use on some nodes"];
        assert!(
            why.starts_with("of node-b: ") && why.contains(text),
            "{fault:?}: {why}"
        );
    }
    cluster.cloud.faults().clear();
    cluster.read(2, &mut counted).await;
    assert!(cluster.source.missing_attributes().is_empty());
    // Of the node that failed all the time was made good by one reading, as its counters went on.
    assert!(counted.error().abs() < 1e-4, "{:e}", counted.error());
    let lengths = counted
        .0
        .values()
        .map(|(start, end, _)| end.duration_since(*start).as_secs_f64());
    assert!(lengths.fold(f64::INFINITY, f64::min) >= 300.0);
}

#[tokio::test]
async fn where_no_node_can_be_read_the_source_is_down_and_says_why() {
    let mut cluster = Three::start().await;
    let forbidden = FaultRule::always(Endpoint::Kubernetes, Fault::Forbidden);
    cluster.cloud.faults().add(forbidden.on_path("/proxy/"));
    let error = cluster.source.poll(cluster.clock.now()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Forbidden);
    let text = error.to_string();
    assert!(
        text.starts_with("cannot get nodes/proxy at http://127.0.0.1"),
        "{text}"
    );
    assert!(
        text.ends_with("; grant get on nodes/proxy to the service account"),
        "{text}"
    );
    cluster.cloud.faults().clear();
    assert!(cluster.source.poll(cluster.clock.now()).await.is_ok());
}

#[tokio::test]
async fn without_a_cluster_there_is_nothing_to_ask_and_that_is_said() {
    tokio::time::pause();
    let connection = Connection::new(Access::Address("http://127.0.0.1:1".into()), PATIENCE);
    let nodes = Nodes::default();
    let settings = KubeletSettings::default();
    let mut source = KubeletSource::new(settings, connection, SourceStatuses::default(), &nodes);
    let error = source.poll(Timestamp::UNIX_EPOCH).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Incomplete);
    assert!(
        error
            .to_string()
            .ends_with("; look at the source kubernetes, which lists them")
    );
}

type Body = BoxBody<Bytes, Infallible>;

const HONEST: &str =
    "container_cpu_usage_seconds_total{container=\"app\",namespace=\"shop\",pod=\"db-0\"} COUNT AT
container_memory_working_set_bytes{container=\"app\",namespace=\"shop\",pod=\"db-0\"} 1048576 AT
resource_scrape_error 0
";

/// What a node answers.
fn answer(path: &str, asked: usize) -> Response<Body> {
    let node = path.trim_start_matches("/api/v1/nodes/").split('/').next();
    let line = match node {
        Some("endless-line") => "x".repeat(16_384),
        Some("endless-pods") => {
            let pod = |one: usize| {
                format!("pod_cpu_usage_seconds_total{{namespace=\"n\",pod=\"{one}\"}} 1\n")
            };
            (0..20_000).map(pod).collect()
        }
        Some("endless-comments") => "# nothing\n".repeat(1_000),
        _ => {
            let at = Timestamp::now().as_millisecond();
            let text = HONEST.replace("COUNT", &(10 * asked).to_string());
            let text = text.replace("AT", &at.to_string());
            return Response::new(Full::new(Bytes::from(text)).boxed());
        }
    };
    let line = Bytes::from(line);
    let frames = futures::stream::repeat_with(move || Ok(Frame::data(line.clone())));
    Response::new(BodyExt::boxed(StreamBody::new(frames)))
}

async fn serve() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        while let Ok((stream, _)) = listener.accept().await {
            let asked = Arc::clone(&asked);
            let service = service_fn(move |request: Request<Incoming>| {
                let path = request.uri().path().to_owned();
                let turn = match path.contains("honest") {
                    true => asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed),
                    false => 0,
                };
                async move { Ok::<_, Infallible>(answer(&path, turn)) }
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_end_are_cut_and_an_honest_node_is_read_beside_them() {
    let mut cluster = Three::start().await;
    let mut by_hand = cluster.watching.cluster("a cluster", |_| true).await;
    let names = ["endless-line", "endless-pods", "endless-comments", "honest"];
    by_hand.nodes = names
        .iter()
        .map(|name| {
            let mut node = (*by_hand.nodes[0]).clone();
            node.name = (*name).into();
            Arc::new(node)
        })
        .collect();
    let nodes = Nodes::default();
    nodes.on_snapshot(&by_hand);
    let access = Access::Address(format!("http://{}", serve().await));
    let connection = Connection::new(access, PATIENCE);
    let statuses = SourceStatuses::default();
    let settings = KubeletSettings {
        timeout: Duration::from_secs(20),
        longest: 4 * 1_024 * 1_024,
    };
    let mut source = KubeletSource::new(settings, connection, statuses.clone(), &nodes);
    let began = Instant::now();
    source.poll(Timestamp::now()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let observed = source.poll(Timestamp::now()).await.unwrap();
    let [Observation::Usage(usage)] = &observed[..] else {
        panic!("{observed:?}");
    };
    let [counted] = &usage.counted[..] else {
        panic!("{usage:?}");
    };
    assert_eq!(counted.processor.core_seconds(), 10.0);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    let errors = statuses.snapshot()[&Source::Usage.into()].errors.clone();
    assert_eq!(errors, BTreeMap::from([(Reason::InvalidResponse, 6)]));
    let failed: HashMap<&str, String> = source.missing_attributes().into_iter().collect();
    let why = &failed["what pods use on some nodes"];
    assert!(why.contains("of endless-comments (and 2 more): "), "{why}");
    assert!(why.contains("it is longer than 4194304 bytes"), "{why}");
}

#[tokio::test]
async fn what_was_read_counts_when_the_whole_poll_is_given_up() {
    let cluster = Three::start().await;
    let hanging = spoiled(Fault::Hang);
    cluster.cloud.faults().add(hanging);
    // Nodes are given longer than the poll.
    let (connection, _file) = connection(&cluster.cloud.kubeconfig());
    let settings = KubeletSettings {
        timeout: PATIENCE,
        ..KubeletSettings::default()
    };
    let (mut context, mut seen, statuses) = context();
    context.clock = cluster.clock.clone();
    let source = KubeletSource::new(settings, connection, statuses.clone(), &cluster.nodes);
    let schedule = Schedule {
        interval: Duration::from_secs(15),
        timeout: Duration::from_millis(300),
        longest_pause: Duration::from_secs(15),
    };
    let task = tokio::spawn(poll_forever(source, schedule, context));
    // At first there is nothing to compare with.
    loop {
        let observed = timeout(PATIENCE, seen.recv()).await.unwrap();
        let Some(Observation::Usage(usage)) = observed else {
            panic!("{observed:?}");
        };
        if !usage.counted.is_empty() {
            break;
        }
    }
    assert!(statuses.snapshot()[&Source::Usage.into()].errors[&Reason::Timeout] >= 2);
    seen.close();
    timeout(PATIENCE, task).await.unwrap().unwrap();
}
