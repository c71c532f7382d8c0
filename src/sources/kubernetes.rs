//! Nodes, pods, their owners and their volumes, watched at the Kubernetes API.
//!
//! Watches run side by side: nodes and pods; the metadata of ReplicaSets and Jobs, which name the workloads that pods
//! belong to, and that of the controllers that may be annotated; autoscalers; Services and routes, at which requests may be
//! counted; persistent volumes, and storage classes, which say what volumes are made of. Each event is turned at once into
//! plain facts and folded into the state that is held; at
//! every interval the cluster as it is then is sent, whether it changed or not.
//!
//! **Age.** A watch that stands and is quiet is fresh: the server would have said so if anything had changed. A
//! connection that dies without a word is noticed when the time agreed for one watch is over
//! ([`Settings::watch_timeout`]), so the state is never older than that without the board saying so.
//!
//! **Failures.** While nodes or pods cannot be read the source is down, nothing is sent, and what was sent last
//! stands. Without ReplicaSets or Jobs the source is up: pods are then given to the Deployment whose name is in
//! that of their ReplicaSet, else to the ReplicaSet or Job itself. Without the others it is up too, and what they tell is not
//! known.

mod amounts;
mod api_types;
mod connection;
mod convert;
mod error;
mod footprint;
mod identity;
mod interner;
mod limited;
mod limits;
mod lines;
mod list_reader;
mod page;
mod pauses;
mod reachability;
mod request;
mod state;
mod store;
mod version;
mod watch;
mod watch_status;

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

pub use connection::{Access, Connection};
pub use convert::ScrapeSelector;
pub use version::VersionApi;

use super::log_limit::LogLimit;
use super::{Context, Reason, Source, SourceError};
use api_types::{
    BindingObject, MetaObject, NodeObject, PodObject, RouteObject, ScalerObject, ServiceObject,
    StorageClassObject, VolumeObject,
};
use breakeven_model::inventory::Observation;
use convert::PodExtras;
use state::{Controller, State};
use store::Event;
pub(in crate::sources) use store::Overflow;
use watch::{Resource, WatchContext, WatchMessage, WatchSignal, watch};
use watch_status::{StatusChange, Watch, WatchStatuses};

pub(in crate::sources) use convert::{ConversionError, quantity};
pub(in crate::sources) use error::Attempt;
pub(in crate::sources) use limited::{
    label as read_label, list as read_list, name as read_name, value as read_value,
};
pub(in crate::sources) use limits::{ListProgress, MAX_KEPT_USAGE, discarded};
pub(in crate::sources) use page::PageReader;
pub(in crate::sources) use request::{RequestError, Server};

/// How many signals of the watches may wait; each watch has one on the way at most.
const WAITING: usize = 4;

/// How the cluster is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// From one cluster that is sent to the next; the first is sent as soon as it is known.
    pub publish_interval: Duration,
    /// How long all but nodes and pods is waited for, on the wall, before the first cluster is sent without it.
    pub owner_grace: Duration,
    /// How long the answer to a list, or the beginning of a watch, may take, on the wall.
    pub request_timeout: Duration,
    /// After how long, on the wall, each watch is ended and opened anew.
    pub watch_timeout: Duration,
    /// The longest pause between attempts while they fail; while no server answers it is 3 s at most.
    pub longest_pause: Duration,
    /// How many objects are asked for at once.
    pub page_size: u32,
    /// The pod label that holds the team.
    pub team_label: Option<String>,
    /// Pods that are scraped without asking for it.
    pub scraped: Vec<ScrapeSelector>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            publish_interval: Duration::from_secs(5),
            owner_grace: Duration::from_secs(2),
            request_timeout: Duration::from_secs(30),
            watch_timeout: Duration::from_secs(120),
            longest_pause: Duration::from_secs(30),
            page_size: 500,
            team_label: None,
            scraped: Vec::new(),
        }
    }
}

const NODES: Resource = Resource {
    name: "nodes",
    path: "/api/v1/nodes",
    metadata_only: false,
};
const PODS: Resource = Resource {
    name: "pods",
    path: "/api/v1/pods",
    metadata_only: false,
};
const REPLICA_SETS: Resource = Resource {
    name: "replicasets.apps",
    path: "/apis/apps/v1/replicasets",
    metadata_only: true,
};
const JOBS: Resource = Resource {
    name: "jobs.batch",
    path: "/apis/batch/v1/jobs",
    metadata_only: true,
};

const DEPLOYMENTS: Resource = Resource {
    name: "deployments.apps",
    path: "/apis/apps/v1/deployments",
    metadata_only: true,
};
const STATEFUL_SETS: Resource = Resource {
    name: "statefulsets.apps",
    path: "/apis/apps/v1/statefulsets",
    metadata_only: true,
};
const DAEMON_SETS: Resource = Resource {
    name: "daemonsets.apps",
    path: "/apis/apps/v1/daemonsets",
    metadata_only: true,
};
const CRON_JOBS: Resource = Resource {
    name: "cronjobs.batch",
    path: "/apis/batch/v1/cronjobs",
    metadata_only: true,
};
const SCALERS: Resource = Resource {
    name: "horizontalpodautoscalers.autoscaling",
    path: "/apis/autoscaling/v2/horizontalpodautoscalers",
    metadata_only: false,
};
const SERVICES: Resource = Resource {
    name: "services",
    path: "/api/v1/services",
    metadata_only: false,
};
const ROUTES: Resource = Resource {
    name: "httproutes.gateway.networking.k8s.io",
    path: "/apis/gateway.networking.k8s.io/v1/httproutes",
    metadata_only: false,
};
const TARGET_GROUP_BINDINGS: Resource = Resource {
    name: "targetgroupbindings.elbv2.k8s.aws",
    path: "/apis/elbv2.k8s.aws/v1beta1/targetgroupbindings",
    metadata_only: false,
};
const VOLUMES: Resource = Resource {
    name: "persistentvolumes",
    path: "/api/v1/persistentvolumes",
    metadata_only: false,
};
const STORAGE_CLASSES: Resource = Resource {
    name: "storageclasses.storage.k8s.io",
    path: "/apis/storage.k8s.io/v1/storageclasses",
    metadata_only: false,
};

#[expect(
    clippy::large_enum_variant,
    reason = "a few wait at once, and nearly all of them are pods"
)]
enum Change {
    Node(WatchSignal<NodeObject>),
    Pod(WatchSignal<PodObject>),
    ReplicaSet(WatchSignal<MetaObject>),
    Job(WatchSignal<MetaObject>),
    Controller(Controller, WatchSignal<MetaObject>),
    Scaler(WatchSignal<ScalerObject>),
    Service(WatchSignal<ServiceObject>),
    Route(WatchSignal<RouteObject>),
    Binding(WatchSignal<BindingObject>),
    Volume(WatchSignal<VolumeObject>),
    StorageClass(WatchSignal<StorageClassObject>),
}

impl Change {
    const fn watch(&self) -> Watch {
        match self {
            Self::Node(_) => Watch::Nodes,
            Self::Pod(_) => Watch::Pods,
            Self::ReplicaSet(_) => Watch::ReplicaSets,
            Self::Job(_) => Watch::Jobs,
            Self::Controller(Controller::Deployment, _) => Watch::Deployments,
            Self::Controller(Controller::StatefulSet, _) => Watch::StatefulSets,
            Self::Controller(Controller::DaemonSet, _) => Watch::DaemonSets,
            Self::Controller(Controller::CronJob, _) => Watch::CronJobs,
            Self::Scaler(_) => Watch::Scalers,
            Self::Service(_) => Watch::Services,
            Self::Route(_) => Watch::Routes,
            Self::Binding(_) => Watch::TargetGroupBindings,
            Self::Volume(_) => Watch::Volumes,
            Self::StorageClass(_) => Watch::StorageClasses,
        }
    }
}

/// Watches the cluster until nobody listens any more.
pub async fn run(connection: Connection, settings: Settings, context: Context) {
    context.statuses.register(Source::Kubernetes);
    let mut cluster = Watching {
        state: State::new(PodExtras {
            team_label: settings.team_label.clone(),
            scraped: settings.scraped.clone(),
        }),
        health: WatchStatuses::default(),
        log_limits: [LogLimit::default(); Watch::ALL.len()],
        context: context.clone(),
    };
    let mut next = Instant::now();
    let grace = settings.owner_grace;
    let interval = settings.publish_interval;
    let (mut changes, _watches) = start(connection, settings, &context);
    loop {
        let due = cluster.health.publishable_since(grace);
        tokio::select! {
            Some(message) = changes.recv() => {
                cluster.apply(message.signal);
                // The watch may have ended.
                let _ = message.overflow.send(cluster.state.take_overflow());
            }
            () = at(due.map(|since| since.max(next))) => {
                if !cluster.publish().await {
                    return;
                }
                next = Instant::now() + context.clock.to_real_duration(interval);
            }
            () = context.sink.closed() => return,
        }
    }
}

/// What a signal about a controller is to this source.
type Wrap = fn(WatchSignal<MetaObject>) -> Change;

/// Starts the watches; they end when the set is dropped.
fn start(
    connection: Connection,
    settings: Settings,
    context: &Context,
) -> (mpsc::Receiver<WatchMessage<Change>>, JoinSet<()>) {
    let means = WatchContext {
        connection,
        settings,
        clock: context.clock.clone(),
    };
    let (sink, changes) = mpsc::channel(WAITING);
    let mut watches = JoinSet::new();
    watches.spawn(watch(NODES, means.clone(), sink.clone(), Change::Node));
    watches.spawn(watch(PODS, means.clone(), sink.clone(), Change::Pod));
    watches.spawn(watch(
        REPLICA_SETS,
        means.clone(),
        sink.clone(),
        Change::ReplicaSet,
    ));
    watches.spawn(watch(JOBS, means.clone(), sink.clone(), Change::Job));
    let controllers: [(Resource, Wrap); 4] = [
        (DEPLOYMENTS, |signal| {
            Change::Controller(Controller::Deployment, signal)
        }),
        (STATEFUL_SETS, |signal| {
            Change::Controller(Controller::StatefulSet, signal)
        }),
        (DAEMON_SETS, |signal| {
            Change::Controller(Controller::DaemonSet, signal)
        }),
        (CRON_JOBS, |signal| {
            Change::Controller(Controller::CronJob, signal)
        }),
    ];
    for (resource, wrap) in controllers {
        watches.spawn(watch(resource, means.clone(), sink.clone(), wrap));
    }
    watches.spawn(watch(SCALERS, means.clone(), sink.clone(), Change::Scaler));
    watches.spawn(watch(
        SERVICES,
        means.clone(),
        sink.clone(),
        Change::Service,
    ));
    watches.spawn(watch(ROUTES, means.clone(), sink.clone(), Change::Route));
    watches.spawn(watch(
        TARGET_GROUP_BINDINGS,
        means.clone(),
        sink.clone(),
        Change::Binding,
    ));
    watches.spawn(watch(VOLUMES, means.clone(), sink.clone(), Change::Volume));
    watches.spawn(watch(STORAGE_CLASSES, means, sink, Change::StorageClass));
    (changes, watches)
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

struct Watching {
    state: State,
    health: WatchStatuses,
    /// Of what each watch leaves out.
    log_limits: [LogLimit; Watch::ALL.len()],
    context: Context,
}

impl Watching {
    fn apply(&mut self, change: Change) {
        let watch = change.watch();
        let problems = match change {
            Change::Node(signal) => self
                .record_signal(watch, signal)
                .map(|event| self.state.node(event)),
            Change::Pod(signal) => self
                .record_signal(watch, signal)
                .map(|event| self.state.pod(event)),
            Change::ReplicaSet(signal) => self
                .record_signal(watch, signal)
                .map(|event| self.state.replica_set(event)),
            Change::Job(signal) => self
                .record_signal(watch, signal)
                .map(|event| self.state.job(event)),
            Change::Controller(controller, signal) => self
                .record_signal(watch, signal)
                .map(|event| self.state.controller(controller, event)),
            Change::Scaler(signal) => self
                .record_signal(watch, signal)
                .map(|event| self.state.scaler(event)),
            Change::Service(signal) => self
                .record_signal(watch, signal)
                .map(|event| self.state.service(event)),
            Change::Route(signal) => self
                .record_signal(watch, signal)
                .map(|event| self.state.route(event)),
            Change::Binding(signal) => self
                .record_signal(watch, signal)
                .map(|event| self.state.binding(event)),
            Change::Volume(signal) => self
                .record_signal(watch, signal)
                .map(|event| self.state.volume(event)),
            Change::StorageClass(signal) => self
                .record_signal(watch, signal)
                .map(|event| self.state.storage_class(event)),
        };
        for problem in problems.unwrap_or_default() {
            self.discard(watch, &problem, 1, "object not understood");
        }
    }

    /// Counts objects that were left out, and logs the first of them.
    fn discard(&mut self, watch: Watch, error: &SourceError, count: usize, message: &str) {
        let limit = &mut self.log_limits[watch as usize];
        if let Some(suppressed) = limit.admit(Instant::now()) {
            warn!(source = "kubernetes", %error, count, suppressed, "{message}");
        }
        for _ in 0..count {
            self.context.statuses.counted(Source::Kubernetes, error);
        }
    }

    /// Takes note of how the watch fares, and hands on what happened to objects.
    fn record_signal<T>(&mut self, watch: Watch, signal: WatchSignal<T>) -> Option<Event<T>> {
        let turn = self.health.record(watch, &signal, Instant::now());
        match &turn {
            StatusChange::Recovered(ended) if !watch.is_required() => {
                info!(source = "kubernetes", ?watch, after = %ended, "watch stands again");
            }
            StatusChange::Steady => info!(source = "kubernetes", ?watch, "watch lasts again"),
            _ => {}
        }
        match signal {
            WatchSignal::Event(event) => return Some(event),
            WatchSignal::Alive | WatchSignal::Lasted => {}
            WatchSignal::Interrupted(error) => {
                if turn == StatusChange::Unsteady {
                    warn!(source = "kubernetes", ?watch, %error, "watch does not last");
                } else {
                    debug!(source = "kubernetes", %error, "watch interrupted");
                }
                self.context.statuses.counted(Source::Kubernetes, &error);
            }
            WatchSignal::DiscardedRecords(error, count) => {
                self.discard(watch, &error, count, "object left out");
            }
            WatchSignal::Failed(error, took) if watch.is_required() => {
                let error = match turn {
                    StatusChange::Failed(_) => error,
                    _ => error.already_logged(),
                };
                self.context.failed(Source::Kubernetes, &error, took);
            }
            WatchSignal::Failed(error, _)
                if watch.is_optional_api() && error.reason() == Reason::NotFound => {}
            WatchSignal::Failed(error, _) => {
                self.context.statuses.counted(Source::Kubernetes, &error);
                if let StatusChange::Failed(consequence) = turn {
                    warn!(
                        source = "kubernetes",
                        reason = error.reason().as_str(),
                        %error,
                        "{consequence}"
                    );
                }
            }
        }
        None
    }

    /// Sends the cluster as it is now. False when nobody listens any more.
    async fn publish(&mut self) -> bool {
        let cluster = self.state.cluster(self.context.clock.now());
        let sent = self.context.send([Observation::Cluster(cluster)]).await;
        self.context
            .succeeded(Source::Kubernetes, self.health.took());
        sent
    }
}

#[cfg(test)]
#[path = "../../tests/support/hung_file.rs"]
mod hung_file;
#[cfg(test)]
mod tests;
