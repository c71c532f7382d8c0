//! The simulated cloud: a Kubernetes API, AWS (CloudWatch, Lambda, STS, tags, Cost Explorer, prices), Azure's retail prices
//! and Prometheus on one loopback port.
//!
//! It is a peer that is reached over sockets alone, by the same clients as the real services. It shows
//! a [`World`], which is a YAML file; `docs/worlds.md` documents the file, the formulas and the paths.

mod admin;
mod aws;
mod azure;
pub mod faults;
mod kube;
mod prometheus;
mod query_string;
mod request_log;
mod route;
mod server;
pub mod world;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::faults::{Endpoint, Fault, FaultRule, Faults, ResultFault, ResultStatus};
pub use self::kube::KubeState;
pub use self::request_log::RequestLog;
pub use self::world::{World, WorldError};
use breakeven_clock::Clock;

/// What all parts of a running cloud share.
struct Shared {
    world: Arc<World>,
    clock: Clock,
    faults: Faults,
    log: RequestLog,
    kube: KubeState,
    stopping: CancellationToken,
}

/// A running simulated cloud. It ends when dropped, or with [`stop`](Self::stop).
pub struct SimulatedCloud {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 2],
    _stop_on_drop: DropGuard,
}

impl SimulatedCloud {
    /// Begins the world at the clock's present instant and serves it on `listen` (port 0: any free one).
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(world: World, clock: Clock, listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let world = Arc::new(world.begin(clock.now()));
        let stopping = CancellationToken::new();
        let shared = Arc::new(Shared {
            kube: KubeState::new(&world, &clock),
            world,
            clock,
            faults: Faults::default(),
            log: RequestLog::default(),
            stopping: stopping.clone(),
        });
        let tasks = [
            tokio::spawn(server::serve(listener, Arc::clone(&shared))),
            tokio::spawn(kube::pass_time(Arc::clone(&shared))),
        ];
        tracing::info!(%address, world = shared.world.spec.name, "simulated cloud listens");
        Ok(Self {
            address,
            shared,
            tasks,
            _stop_on_drop: stopping.drop_guard(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the Kubernetes API server.
    #[must_use]
    pub fn kube_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The endpoint URL for AWS clients, as in `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn aws_url(&self) -> String {
        format!("http://{}/aws", self.address)
    }

    /// The URL of Azure's retail prices.
    #[must_use]
    pub fn azure_retail_url(&self) -> String {
        format!("http://{}/azure/api/retail/prices", self.address)
    }

    /// The URL of the Prometheus server.
    #[must_use]
    pub fn prometheus_url(&self) -> String {
        format!("http://{}/prometheus", self.address)
    }

    /// A kubeconfig for the Kubernetes API, as YAML.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        let name = &self.shared.world.spec.name;
        let url = self.kube_url();
        format!(
            "apiVersion: v1
kind: Config
clusters:
  - name: {name:?}
    cluster: {{server: {url:?}}}
users:
  - name: simulated
    user: {{token: simulated}}
contexts:
  - name: {name:?}
    context: {{cluster: {name:?}, user: simulated}}
current-context: {name:?}
"
        )
    }

    /// The faults, which a test switches.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// What has been asked so far.
    #[must_use]
    pub fn requests(&self) -> &RequestLog {
        &self.shared.log
    }

    /// The world, begun.
    #[must_use]
    pub fn world(&self) -> &Arc<World> {
        &self.shared.world
    }

    /// The clock that the cloud goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// The objects of the Kubernetes API, which a test changes; watchers see the changes.
    #[must_use]
    pub fn kube_state(&self) -> &KubeState {
        &self.shared.kube
    }

    /// Stops serving and closes every connection.
    pub async fn stop(self) {
        self.shared.stopping.cancel();
        for task in self.tasks {
            // A task that panicked has said so itself.
            let _ = task.await;
        }
    }
}
