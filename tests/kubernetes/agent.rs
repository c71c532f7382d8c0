//! A small world, and the source that watches it.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use breakeven::sources::kubernetes::{Access, Connection, Settings, run};
use breakeven::sources::{Context, Source, SourceStatus, SourceStatuses};
use breakeven_clock::Clock;
use breakeven_model::inventory::{Cluster, Observation};
use breakeven_simulator::{SimulatedCloud, World};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

const WORLD: &str = r#"
name: small
nodes:
  - {name: node-a, instance_type: m5.large, zone: us-east-1a, cpu: 2, memory_gib: 8}
  - {name: node-b, instance_type: m5.large, zone: us-east-1b, cpu: 2, memory_gib: 8, capacity_type: spot}
  - {name: fargate-a, zone: us-east-1a, capacity_type: fargate, cpu: 0.25, memory_gib: 0.5}
namespaces:
  - {name: shop}
  - {name: kube-system}
workloads:
  - name: checkout
    namespace: shop
    kind: Deployment
    replicas: 3
    labels: {team: payments}
    requests: {cpu: 0.25, memory_mib: 256}
    usage: {idle_cpu: 0.01, memory_mib: 180}
  - name: db
    namespace: shop
    kind: StatefulSet
    replicas: 1
    requests: {cpu: 0.5, memory_mib: 1024}
    usage: {idle_cpu: 0.1, memory_mib: 900}
  - name: mailer
    namespace: shop
    kind: Deployment
    replicas: 1
    nodes: [fargate-a]
    usage: {idle_cpu: 0.02, memory_mib: 100}
  - name: agent
    namespace: kube-system
    kind: DaemonSet
    requests: {cpu: 0.1, memory_mib: 64}
    usage: {idle_cpu: 0.05, memory_mib: 50}
"#;

/// The pods of the world by workload.
const PODS: [(&str, usize); 4] = [
    ("kube-system/DaemonSet/agent", 2),
    ("shop/Deployment/checkout", 3),
    ("shop/Deployment/mailer", 1),
    ("shop/StatefulSet/db", 1),
];

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

pub(crate) async fn cloud_at(address: SocketAddr) -> SimulatedCloud {
    let world = World::from_yaml(WORLD).unwrap();
    SimulatedCloud::start(world, Clock::system(), address)
        .await
        .unwrap()
}

/// Short times, so that a test of what goes wrong is over soon.
pub(crate) fn settings() -> Settings {
    Settings {
        publish_interval: Duration::from_millis(50),
        request_timeout: Duration::from_secs(2),
        longest_pause: Duration::from_millis(100),
        team_label: Some("team".to_owned()),
        ..Settings::default()
    }
}

/// The source at work, and what is to be seen of it.
pub(crate) struct Agent {
    pub(crate) seen: mpsc::Receiver<Observation>,
    statuses: SourceStatuses,
    pub(crate) task: JoinHandle<()>,
    kubeconfig: tempfile::NamedTempFile,
}

pub(crate) fn connection(kubeconfig: &str) -> (Connection, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(kubeconfig.as_bytes()).unwrap();
    let access = Access::Kubeconfig {
        path: Some(file.path().to_owned()),
        context: None,
    };
    (Connection::new(access, Duration::from_secs(1)), file)
}

pub(crate) fn context() -> (Context, mpsc::Receiver<Observation>, SourceStatuses) {
    let (sink, seen) = mpsc::channel(16);
    let statuses = SourceStatuses::default();
    let context = Context {
        clock: Clock::system(),
        statuses: statuses.clone(),
        sink,
    };
    (context, seen, statuses)
}

impl Agent {
    pub(crate) fn watching(cloud: &SimulatedCloud, settings: Settings) -> Self {
        Self::by(&cloud.kubeconfig(), settings)
    }

    pub(crate) fn by(kubeconfig: &str, settings: Settings) -> Self {
        let (connection, file) = connection(kubeconfig);
        let (context, seen, statuses) = context();
        Self {
            seen,
            statuses,
            task: tokio::spawn(run(connection, settings, context)),
            kubeconfig: file,
        }
    }

    /// Puts another kubeconfig in the place of its own.
    pub(crate) fn change_kubeconfig(&self, text: &str) {
        std::fs::write(self.kubeconfig.path(), text).unwrap();
    }

    /// The first cluster that fits.
    pub(crate) async fn cluster(&mut self, what: &str, fits: impl Fn(&Cluster) -> bool) -> Cluster {
        let deadline = Instant::now() + PATIENCE;
        let mut last = None;
        loop {
            match timeout_at(deadline, self.seen.recv()).await {
                Ok(Some(Observation::Cluster(cluster))) if fits(&cluster) => return cluster,
                Ok(Some(Observation::Cluster(cluster))) => last = Some(workloads(&cluster)),
                Ok(other) => panic!("{other:?}"),
                Err(_) => panic!(
                    "not seen: {what}; last: {last:?}; board: {:?}",
                    self.status()
                ),
            }
        }
    }

    /// The status of the source when it first fits; what it observes meanwhile is thrown away.
    pub(crate) async fn status_when(
        &mut self,
        what: &str,
        fits: impl Fn(&SourceStatus) -> bool,
    ) -> SourceStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status();
            if fits(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "not seen: {what}; {status:?}");
            // Sleeps until something is observed, or a little while.
            let _ = timeout(Duration::from_millis(10), self.seen.recv()).await;
        }
    }

    pub(crate) fn status(&self) -> SourceStatus {
        let mut statuses = self.statuses.snapshot();
        statuses
            .remove(&Source::Kubernetes.into())
            .unwrap_or_default()
    }
}

/// How many pods each workload has.
pub(crate) fn workloads(cluster: &Cluster) -> BTreeMap<String, usize> {
    let mut pods = BTreeMap::new();
    for pod in &cluster.pods {
        *pods.entry(pod.workload.to_string()).or_default() += 1;
    }
    pods
}

pub(crate) fn pods(changed: &[(&str, usize)]) -> BTreeMap<String, usize> {
    PODS.iter()
        .chain(changed)
        .map(|(workload, pods)| ((*workload).to_owned(), *pods))
        .collect()
}

pub(crate) fn is_whole(cluster: &Cluster) -> bool {
    cluster.nodes.len() == 3 && workloads(cluster) == pods(&[])
}
