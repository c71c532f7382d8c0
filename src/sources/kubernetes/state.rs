//! The cluster as the watches tell it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::api_types::{
    BindingObject, MetaObject, NodeObject, PodObject, RouteObject, ScalerObject, ServiceObject,
    StorageClassObject, VolumeObject, Watched,
};
use super::convert::{self, ConversionError, Owner, PodExtras, PodRecord, ServiceRecord};
use super::footprint::Footprint;
use super::interner::Interner;
use super::limits::{MAX_KEPT, MAX_KEPT_NODES, MAX_KEPT_PODS};
use super::store::{Event, Overflow, Store};
use crate::sources::{Reason, SourceError};
use breakeven_model::inventory::{
    Cluster, Node, RouteRule, Scaler, ScrapeTarget, ServiceRouting, StorageClass,
    TargetGroupBinding, Volume, WorkloadAnnotations, WorkloadId, WorkloadKind,
};

/// How long a pod is left out of the cluster while the Job or ReplicaSet that controls it has not arrived.
///
/// Each kind has a watch of its own, so a pod may arrive first. Under the name of its Job it would be charged to a
/// workload that vanishes with the next publication, and so would its money.
const OWNER_WAIT: SignedDuration = SignedDuration::from_secs(60);

/// Nodes, pods, the owners between pods and workloads, what stands before pods, and volumes.
#[derive(Debug)]
pub(super) struct State {
    nodes: Store<Arc<Node>>,
    pods: Store<PodRecord>,
    replica_sets: Store<Owner>,
    jobs: Store<Owner>,
    /// What the annotations of controllers say, by the kind of controller.
    controllers: [Store<Noted>; Controller::COUNT],
    scalers: Store<(WorkloadId, Scaler)>,
    services: Store<ServiceRecord>,
    routes: Store<Vec<RouteRule>>,
    bindings: Store<TargetGroupBinding>,
    volumes: Store<Arc<Volume>>,
    storage_classes: Store<(Arc<str>, Arc<StorageClass>)>,
    extras: PodExtras,
    /// Whether something was learned of owners since pods were given to theirs.
    owners_changed: bool,
}

/// A controller that says something in its annotations.
type Noted = (WorkloadId, Arc<WorkloadAnnotations>);

/// The kinds of controllers whose annotations are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Controller {
    Deployment,
    StatefulSet,
    DaemonSet,
    CronJob,
}

impl Controller {
    const COUNT: usize = Self::CronJob as usize + 1;

    const fn kind(self) -> WorkloadKind {
        match self {
            Self::Deployment => WorkloadKind::Deployment,
            Self::StatefulSet => WorkloadKind::StatefulSet,
            Self::DaemonSet => WorkloadKind::DaemonSet,
            Self::CronJob => WorkloadKind::CronJob,
        }
    }
}

/// What cannot be understood, and is left out.
pub(super) type Problems = Vec<SourceError>;

impl State {
    pub(super) fn new(extras: PodExtras) -> Self {
        Self {
            nodes: Store::new(MAX_KEPT_NODES),
            pods: Store::new(MAX_KEPT_PODS),
            replica_sets: Store::new(MAX_KEPT),
            jobs: Store::new(MAX_KEPT),
            controllers: std::array::from_fn(|_| Store::new(MAX_KEPT)),
            scalers: Store::new(MAX_KEPT),
            services: Store::new(MAX_KEPT),
            routes: Store::new(MAX_KEPT),
            bindings: Store::new(MAX_KEPT),
            volumes: Store::new(MAX_KEPT),
            storage_classes: Store::new(MAX_KEPT),
            extras,
            owners_changed: false,
        }
    }

    /// Why an object was not kept, if one was not since this was asked last.
    pub(super) fn take_overflow(&mut self) -> Option<Overflow> {
        let controllers = self.controllers.iter_mut().map(Store::take_overflow);
        let others = [
            self.nodes.take_overflow(),
            self.pods.take_overflow(),
            self.replica_sets.take_overflow(),
            self.jobs.take_overflow(),
            self.scalers.take_overflow(),
            self.services.take_overflow(),
            self.routes.take_overflow(),
            self.bindings.take_overflow(),
            self.volumes.take_overflow(),
            self.storage_classes.take_overflow(),
        ];
        controllers.chain(others).fold(None, Option::or)
    }

    pub(super) fn node(&mut self, event: Event<NodeObject>) -> Problems {
        hold(&mut self.nodes, event, |object, names| {
            Ok(Some(Arc::new(convert::node(object, names)?)))
        })
    }

    pub(super) fn pod(&mut self, event: Event<PodObject>) -> Problems {
        let Self {
            pods,
            replica_sets,
            jobs,
            extras,
            ..
        } = self;
        let mut problems = Vec::new();
        fold(pods, event, |pods, object| {
            let uid = object.metadata.uid.as_str();
            let mut found = Vec::new();
            match convert::pod(&object, extras, pods.names(), &mut found) {
                Ok(Some(mut held)) => {
                    settle(&mut held, pods.get(uid), replica_sets, jobs);
                    pods.insert(uid, held);
                }
                Ok(None) => pods.remove(uid),
                Err(why) => {
                    pods.keep(uid);
                    found.push(why);
                }
            }
            problems.extend(found.iter().map(discarded));
        });
        problems
    }

    pub(super) fn replica_set(&mut self, event: Event<MetaObject>) -> Problems {
        let changed = owners(&mut self.replica_sets, "ReplicaSet", event);
        self.owners_changed |= changed;
        Problems::new()
    }

    pub(super) fn job(&mut self, event: Event<MetaObject>) -> Problems {
        let changed = owners(&mut self.jobs, "Job", event);
        self.owners_changed |= changed;
        Problems::new()
    }

    pub(super) fn controller(
        &mut self,
        controller: Controller,
        event: Event<MetaObject>,
    ) -> Problems {
        let mut problems = Vec::new();
        let store = &mut self.controllers[controller as usize];
        fold(store, event, |store, object| {
            let meta = &object.metadata;
            let Some(notes) = convert::notes(&meta.annotations) else {
                return store.remove(&meta.uid);
            };
            let id = WorkloadId {
                namespace: store.names().share(&meta.namespace),
                kind: controller.kind(),
                name: store.names().share(&meta.name),
            };
            let found = convert::unreadable(&notes, &id.to_string());
            // Told once, and not with every change of something else.
            if store.insert(&meta.uid, (id, Arc::new(notes))) {
                problems.extend(found.iter().map(discarded));
            }
        });
        problems
    }

    /// What annotations say: those of the controller, or else those of one of its pods.
    fn notes(&self) -> BTreeMap<WorkloadId, Arc<WorkloadAnnotations>> {
        let of_pods = self.pods.values().filter_map(|held| {
            let notes = held.notes.as_ref()?;
            Some((held.pod.workload.clone(), Arc::clone(notes)))
        });
        let of_controllers = self.controllers.iter().flat_map(Store::values).cloned();
        of_pods.chain(of_controllers).collect()
    }

    pub(super) fn scaler(&mut self, event: Event<ScalerObject>) -> Problems {
        hold(&mut self.scalers, event, |object, names| {
            Ok(Some(convert::scaler(&object, names)))
        })
    }

    pub(super) fn service(&mut self, event: Event<ServiceObject>) -> Problems {
        hold(&mut self.services, event, |object, names| {
            Ok(convert::service(&object, names))
        })
    }

    pub(super) fn route(&mut self, event: Event<RouteObject>) -> Problems {
        hold(&mut self.routes, event, |object, names| {
            Ok(Some(convert::route(&object, names)))
        })
    }

    pub(super) fn binding(&mut self, event: Event<BindingObject>) -> Problems {
        hold(&mut self.bindings, event, |object, names| {
            Ok(convert::binding(&object, names))
        })
    }

    pub(super) fn volume(&mut self, event: Event<VolumeObject>) -> Problems {
        hold(&mut self.volumes, event, |object, names| {
            Ok(convert::volume(&object, names)?.map(Arc::new))
        })
    }

    pub(super) fn storage_class(&mut self, event: Event<StorageClassObject>) -> Problems {
        hold(&mut self.storage_classes, event, |object, names| {
            let (name, class) = convert::storage_class(&object, names)?;
            Ok(Some((name, Arc::new(class))))
        })
    }

    /// The cluster as it is at `at`, each pod with its workload as far as it is known by now; in no order.
    ///
    /// Owners may turn up after their pods, so pods are given to them here, and only when there are new ones.
    pub(super) fn cluster(&mut self, at: Timestamp) -> Cluster {
        if std::mem::take(&mut self.owners_changed) {
            for held in self.pods.values_mut() {
                if let Some(owner) = known(held, &self.replica_sets, &self.jobs) {
                    held.owned_by(owner);
                }
            }
        }
        Cluster {
            at,
            nodes: self.nodes.values().map(Arc::clone).collect(),
            pods: self
                .pods
                .values()
                .filter(|held| !self.awaits_owner(held, at))
                .map(|held| Arc::clone(&held.pod))
                .collect(),
            annotations: self.notes(),
            scalers: self.scalers.values().cloned().collect(),
            scrapes: self.pods.values().filter_map(scrape).collect(),
            service_routing: ServiceRouting {
                services: convert::services(self.services.values(), self.pods.values()),
                routes: self.routes.values().flatten().cloned().collect(),
                target_groups: self.bindings.values().cloned().collect(),
            },
            volumes: self.volumes.values().map(Arc::clone).collect(),
            storage_classes: self.storage_classes.values().cloned().collect(),
        }
    }
}

impl State {
    /// Whether a new pod is only known by the name of its Job or ReplicaSet, while the object that names its workload is
    /// still to arrive. Without the right to list them nothing arrives, and nothing is awaited.
    fn awaits_owner(&self, held: &PodRecord, at: Timestamp) -> bool {
        let owners = match held.pod.workload.kind {
            WorkloadKind::Job => &self.jobs,
            WorkloadKind::ReplicaSet => &self.replica_sets,
            _ => return false,
        };
        let is_new = held
            .pod
            .created_at
            .is_some_and(|created| at.duration_since(created) < OWNER_WAIT);
        held.through.is_some() && !held.is_owner_known && is_new && owners.is_listed()
    }
}

/// How a pod is scraped, if it asks for that.
fn scrape(held: &PodRecord) -> Option<ScrapeTarget> {
    let url = held.metrics.as_ref()?;
    Some(ScrapeTarget {
        pod: held.pod.key.clone(),
        workload: held.pod.workload.clone(),
        url: Arc::clone(url),
        born: held.pod.created_at,
    })
}

/// Gives a pod to its workload: the one that its ReplicaSet or Job names, else the one it was given to before (they
/// may be gone before their pods), else the one that it names itself.
fn settle(
    held: &mut PodRecord,
    before: Option<&PodRecord>,
    replica_sets: &Store<Owner>,
    jobs: &Store<Owner>,
) {
    if let Some(owner) = known(held, replica_sets, jobs) {
        held.owned_by(owner);
    } else if let Some(before) =
        before.filter(|before| before.is_owner_known && before.through == held.through)
    {
        let workload = &before.pod.workload;
        let owner = Owner {
            kind: workload.kind.clone(),
            name: Arc::clone(&workload.name),
        };
        held.owned_by(&owner);
    }
}

fn known<'a>(
    held: &PodRecord,
    replica_sets: &'a Store<Owner>,
    jobs: &'a Store<Owner>,
) -> Option<&'a Owner> {
    let uid = held.through.as_deref()?;
    replica_sets.get(uid).or_else(|| jobs.get(uid))
}

/// Whether something was learned that pods do not know yet.
fn owners(store: &mut Store<Owner>, kind: &str, event: Event<MetaObject>) -> bool {
    let mut changed = false;
    fold(store, event, |store, object| {
        let owner = convert::owner(&object, kind, store.names());
        changed |= store.insert(&object.metadata.uid, owner);
    });
    changed
}

/// Holds what objects say. Of one that says nothing of interest nothing is held; of one that cannot be understood what it
/// said last.
fn hold<T: Watched, V: Clone + PartialEq + Footprint>(
    store: &mut Store<V>,
    event: Event<T>,
    mut read: impl FnMut(T, &mut Interner) -> Result<Option<V>, ConversionError>,
) -> Problems {
    let mut problems = Problems::new();
    fold(store, event, |store, object| {
        let uid = object.meta().uid.clone();
        match read(object, store.names()) {
            Ok(Some(value)) => {
                store.insert(&uid, value);
            }
            Ok(None) => store.remove(&uid),
            Err(why) => {
                store.keep(&uid);
                problems.push(discarded(&why));
            }
        }
    });
    problems
}

fn fold<T: Watched, V: Clone + PartialEq + Footprint>(
    store: &mut Store<V>,
    event: Event<T>,
    mut put: impl FnMut(&mut Store<V>, T),
) {
    match event {
        Event::ListBegun => store.begin_list(),
        Event::Listed(objects) => {
            for object in objects {
                put(store, object);
            }
        }
        Event::ListDone => store.end_list(),
        Event::ListFailed => store.drop_list(),
        Event::Applied(object) => put(store, object),
        Event::Deleted(object) => store.remove(&object.meta().uid),
    }
}

fn discarded(why: &ConversionError) -> SourceError {
    SourceError::new(
        Reason::InvalidResponse,
        why.to_string(),
        "correct the object: until then its last good state counts, and nothing where there is none",
    )
}
