//! The objects of the running cluster, and what changes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use super::super::world::{Workload, WorkloadKind, World};
use super::cpu_counters::CpuCounters;
use super::objects::{self, node, owners, pod, service, volume};
use super::resource::{
    CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, JOBS, NAMESPACES, NODES, PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES, PODS, REPLICA_SETS, RESOURCES, ResourceType, SERVICES, STATEFUL_SETS,
    STORAGE_CLASSES, TARGET_GROUP_BINDINGS, by_kind,
};
use super::store::{Key, Store, key_of};
use breakeven_clock::Clock;

/// The namespaces that every cluster has.
const STANDARD_NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// The objects of the API server. Clones share them; every change reaches the watches that are open.
#[derive(Clone)]
pub struct KubeState(Arc<Inner>);

struct Inner {
    world: Arc<World>,
    clock: Clock,
    store: Mutex<Store>,
    /// For each pod of a workload, which of the world's it is.
    workload_of: Mutex<BTreeMap<Key, usize>>,
    meters: Mutex<CpuCounters>,
    version: watch::Sender<u64>,
    /// The only bearer token that requests are answered for; absent if they need none.
    token: Mutex<Option<String>>,
}

impl fmt::Debug for KubeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeState")
            .field("version", &self.store().version())
            .finish()
    }
}

impl KubeState {
    pub(in super::super) fn new(world: &Arc<World>, clock: &Clock) -> Self {
        // A cluster that is started again has newer versions than before, so that a client that kept
        // an old one is told so instead of waiting.
        let version = u64::try_from(clock.now().as_second()).unwrap_or(1);
        let state = Self(Arc::new(Inner {
            world: Arc::clone(world),
            clock: clock.clone(),
            store: Mutex::new(Store::new(version)),
            workload_of: Mutex::default(),
            meters: Mutex::default(),
            version: watch::Sender::new(version),
            token: Mutex::default(),
        }));
        state.populate();
        // What a real API server watched before it started is not in its cache: a watch from an earlier version is
        // answered by 410.
        state.forget_history();
        state
    }

    /// Adds an object, or changes the one of its kind, namespace and name. What is missing of `uid` and
    /// `creationTimestamp` is filled in.
    ///
    /// # Errors
    /// When the object has no name, or a kind that is not here.
    pub fn apply(&self, mut object: Value) -> Result<(), String> {
        let text = |object: &Value, key: &str| object[key].as_str().unwrap_or_default().to_owned();
        let (version, kind) = (text(&object, "apiVersion"), text(&object, "kind"));
        let resource = by_kind(&version, &kind)
            .ok_or_else(|| format!("no kind {kind:?} in version {version:?} here"))?;
        let key = key_of(&object);
        if key.1.is_empty() || (resource.namespaced == key.0.is_empty()) {
            return Err(format!(
                "a {kind} needs metadata.name, and a namespace if it has one"
            ));
        }
        let now = objects::time(self.0.clock.now());
        self.change(|store| {
            let previous = store.get(resource, &key).cloned();
            let kept = |field: &str, new: Value| {
                previous
                    .as_ref()
                    .map_or(new, |previous| previous["metadata"][field].clone())
            };
            let uid = self
                .0
                .world
                .uid_of(&kind, &format!("{}/{}/{}", key.0, key.1, store.version()));
            let metadata = &mut object["metadata"];
            if metadata["uid"].is_null() {
                metadata["uid"] = kept("uid", uid.into());
            }
            if metadata["creationTimestamp"].is_null() {
                metadata["creationTimestamp"] = kept("creationTimestamp", now);
            }
            store.insert(resource, object);
        });
        Ok(())
    }

    /// The object of this kind (`Pod`, `Deployment`), if there is one; `namespace` is empty for kinds without.
    #[must_use]
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let resource = resource_of(kind)?;
        let key = (namespace.to_owned(), name.to_owned());
        self.store()
            .get(resource, &key)
            .map(|object| Value::clone(object))
    }

    /// Deletes the object of this kind, all that it owns, and, for a node, the pods on it; nothing takes
    /// their place. False when there is no such object.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let Some(resource) = resource_of(kind) else {
            return false;
        };
        let key = (namespace.to_owned(), name.to_owned());
        self.change(|store| delete_with_dependents(store, resource, &key))
    }

    /// Makes a Deployment, StatefulSet or Pod workload of the world have so many pods. False when the
    /// world has no such workload. The request counters in Prometheus stay those of the world file's pods.
    pub fn scale(&self, namespace: &str, name: &str, pods: usize) -> bool {
        let key = format!("{namespace}/{name}");
        let mut workloads = self.0.world.workloads().iter().enumerate();
        let Some((index, workload)) = workloads.find(|(_, workload)| workload.key == key) else {
            return false;
        };
        if matches!(
            workload.spec.kind,
            WorkloadKind::DaemonSet | WorkloadKind::CronJob | WorkloadKind::Job
        ) {
            return false;
        }
        let now = self.0.clock.now();
        self.change(|store| self.set_pods(store, index, workload, pods, now));
        true
    }

    /// Starts the container of a pod anew: it counts from 0, and its pod goes on. False when there is no such pod of the world.
    pub fn restart_container(&self, namespace: &str, pod: &str) -> bool {
        let key = (namespace.to_owned(), pod.to_owned());
        let Some(mut object) = self.get("Pod", namespace, pod) else {
            return false;
        };
        let now = self.now();
        let restarts = self.meters().restart(&key, now);
        let status = &mut object["status"]["containerStatuses"][0];
        status["restartCount"] = restarts.into();
        status["state"]["running"]["startedAt"] = objects::time(now);
        self.change(|store| store.insert(&PODS, object));
        true
    }

    /// Answers requests without this bearer token by 401 from now on. Watches that are open go on, as on a real API server.
    pub fn require_token(&self, token: &str) {
        *self.0.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.to_owned());
    }

    /// Whether a request with this `Authorization` is answered.
    pub(super) fn admits(&self, authorization: Option<&str>) -> bool {
        let token = self.0.token.lock().unwrap_or_else(PoisonError::into_inner);
        token.as_ref().is_none_or(|token| {
            let given = authorization.and_then(|value| value.strip_prefix("Bearer "));
            given == Some(token.as_str())
        })
    }

    /// Forgets all changes so far: whoever watches or lists from an earlier version is told 410.
    pub fn forget_history(&self) {
        self.store().forget_history();
    }

    /// The version of the last change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.store().version()
    }

    /// Begins and ends the runs of CronJobs and Jobs as the clock says.
    pub(super) fn refresh_runs(&self) {
        let now = self.0.clock.now();
        self.change(|store| {
            for (index, workload) in self.0.world.workloads().iter().enumerate() {
                self.set_runs(store, index, workload, now);
            }
        });
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present instant of the cluster.
    pub(super) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Tells of each new version.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.0.version.subscribe()
    }

    /// Which workload of the world a pod belongs to.
    pub(super) fn workload_of(&self, pod: &Key) -> Option<usize> {
        self.workloads().get(pod).copied()
    }

    fn workloads(&self) -> MutexGuard<'_, BTreeMap<Key, usize>> {
        self.0
            .workload_of
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn meters(&self) -> MutexGuard<'_, CpuCounters> {
        self.0.meters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many pods of each workload of the world run.
    fn running(&self, store: &Store) -> BTreeMap<usize, usize> {
        let mut counts = BTreeMap::new();
        for (key, workload) in &*self.workloads() {
            let pod = store.get(&PODS, key);
            let runs = pod.is_some_and(|pod| pod["status"]["phase"] == "Running");
            *counts.entry(*workload).or_default() += usize::from(runs);
        }
        counts
    }

    fn change<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        let mut store = self.store();
        let result = change(&mut store);
        let version = store.version();
        let running = self.running(&store);
        self.meters().record(self.now(), &running);
        drop(store);
        self.0
            .version
            .send_if_modified(|known| std::mem::replace(known, version) != version);
        result
    }

    fn populate(&self) {
        let world = &self.0.world;
        let now = self.0.clock.now();
        self.change(|store| {
            for node in world.nodes() {
                store.insert(&NODES, node::object(world, node));
            }
            let written = world.spec.namespaces.iter();
            let written = written.map(|namespace| (namespace.name.as_str(), &namespace.labels));
            let none = BTreeMap::new();
            let mut namespaces: BTreeMap<&str, &BTreeMap<String, String>> = STANDARD_NAMESPACES
                .iter()
                .map(|name| (*name, &none))
                .collect();
            namespaces.extend(written);
            for (name, labels) in namespaces {
                store.insert(&NAMESPACES, objects::namespace(world, name, labels));
            }
            for class in &world.spec.storage_classes {
                store.insert(&STORAGE_CLASSES, volume::storage_class(world, class));
            }
            for one in &world.spec.volumes {
                store.insert(&PERSISTENT_VOLUMES, volume::unclaimed(world, one));
            }
            for (index, workload) in world.workloads().iter().enumerate() {
                let created =
                    objects::before_history(world, &workload.key, objects::WORKLOAD_AGE_DAYS);
                match workload.spec.kind {
                    WorkloadKind::CronJob | WorkloadKind::Job => {
                        self.create_run_owner(store, workload, now);
                        self.set_runs(store, index, workload, now);
                    }
                    _ => self.set_pods(store, index, workload, workload.pods.len(), created),
                }
                if workload.spec.traffic.is_some() {
                    store.insert(&SERVICES, service::object(world, workload, created));
                }
                if let Some(binding) = service::target_group_binding(world, workload, created) {
                    store.insert(&TARGET_GROUP_BINDINGS, binding);
                }
            }
        });
    }

    /// Makes the workload have so many pods; new ones start at `now`.
    fn set_pods(
        &self,
        store: &mut Store,
        index: usize,
        workload: &Workload,
        pods: usize,
        now: Timestamp,
    ) {
        let world = &self.0.world;
        let created = objects::before_history(world, &workload.key, objects::WORKLOAD_AGE_DAYS);
        let resource = match workload.spec.kind {
            WorkloadKind::Deployment => Some(&DEPLOYMENTS),
            WorkloadKind::StatefulSet => Some(&STATEFUL_SETS),
            WorkloadKind::DaemonSet => Some(&DAEMON_SETS),
            _ => None,
        };
        if let Some(resource) = resource {
            store.insert(resource, owners::apps_object(workload, created, pods));
        }
        if workload.spec.kind == WorkloadKind::Deployment {
            store.insert(
                &REPLICA_SETS,
                owners::replica_set(world, workload, created, pods),
            );
        }
        let owner = owners::of_pods(world, workload);
        let wanted: Vec<_> = (0..pods).filter_map(|pod| workload.pod(pod)).collect();
        let mut of = self.workloads();
        let names: BTreeSet<&str> = wanted.iter().map(|pod| pod.name.as_str()).collect();
        let surplus: Vec<Key> = (of.iter())
            .filter(|(key, owner)| **owner == index && !names.contains(key.1.as_str()))
            .map(|(key, _)| key.clone())
            .collect();
        for key in surplus {
            of.remove(&key);
            store.remove(&PODS, &key);
        }
        for identity in &wanted {
            // As with a StatefulSet, volumes stay when their pods go.
            for spec in &workload.spec.volumes {
                let (claim, volume) = volume::claimed(world, workload, identity, spec);
                store.insert(&PERSISTENT_VOLUME_CLAIMS, claim);
                store.insert(&PERSISTENT_VOLUMES, volume);
            }
            let key = (workload.spec.namespace.clone(), identity.name.clone());
            of.insert(key.clone(), index);
            if store.get(&PODS, &key).is_none() {
                let life = pod::PodLifetime {
                    started: now,
                    ended: None,
                };
                store.insert(&PODS, pod::object(world, workload, identity, &owner, life));
            }
        }
    }

    /// A CronJob exists before its runs; a Job is its run.
    fn create_run_owner(&self, store: &mut Store, workload: &Workload, now: Timestamp) {
        if workload.spec.kind == WorkloadKind::CronJob {
            let created =
                objects::before_history(&self.0.world, &workload.key, objects::WORKLOAD_AGE_DAYS);
            store.insert(
                &CRON_JOBS,
                owners::cron_job(workload, created, &workload.runs_at(now)),
            );
        }
    }

    /// Shows the runs of a CronJob or a Job that are to be seen at `now`, and no others.
    fn set_runs(&self, store: &mut Store, index: usize, workload: &Workload, now: Timestamp) {
        let of_cron_job = match workload.spec.kind {
            WorkloadKind::CronJob => true,
            WorkloadKind::Job => false,
            _ => return,
        };
        let own = (workload.spec.namespace.clone(), workload.spec.name.clone());
        if of_cron_job {
            if store.get(&CRON_JOBS, &own).is_none() {
                return;
            }
            self.create_run_owner(store, workload, now);
        }
        let runs = workload.runs_at(now);
        let mut of = self.workloads();
        let mut shown = BTreeSet::new();
        for run in &runs {
            store.insert(&JOBS, owners::job(workload, run, of_cron_job));
            for identity in &run.pods {
                let key = (own.0.clone(), identity.name.clone());
                let life = pod::PodLifetime {
                    started: run.started,
                    ended: run.ended,
                };
                let owner = owners::of_run_pods(run);
                store.insert(
                    &PODS,
                    pod::object(&self.0.world, workload, identity, &owner, life),
                );
                of.insert(key.clone(), index);
                shown.insert(key);
            }
        }
        let gone: Vec<Key> = (of.iter())
            .filter(|(key, owner)| **owner == index && !shown.contains(*key))
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            of.remove(&key);
            store.remove(&PODS, &key);
        }
        let jobs: Vec<Key> = (store.all(&JOBS))
            .filter(|(_, job)| owner_uid(job) == Some(workload.uid.as_str()))
            .map(|(key, _)| key.clone())
            .filter(|key| !runs.iter().any(|run| run.name == key.1))
            .collect();
        for key in jobs {
            store.remove(&JOBS, &key);
        }
    }
}

fn resource_of(kind: &str) -> Option<&'static ResourceType> {
    RESOURCES
        .iter()
        .copied()
        .find(|resource| resource.kind == kind)
}

fn owner_uid(object: &Value) -> Option<&str> {
    object.pointer("/metadata/ownerReferences/0/uid")?.as_str()
}

fn delete_with_dependents(store: &mut Store, resource: &'static ResourceType, key: &Key) -> bool {
    let Some(object) = store.remove(resource, key) else {
        return false;
    };
    let uid = object["metadata"]["uid"].as_str();
    let depends = |dependent: &Value| {
        (uid.is_some() && owner_uid(dependent) == uid)
            || (resource == &NODES && dependent["spec"]["nodeName"] == object["metadata"]["name"])
    };
    for resource in [&REPLICA_SETS, &JOBS, &PODS] {
        let dependents: Vec<Key> = (store.all(resource))
            .filter(|(_, dependent)| depends(dependent))
            .map(|(key, _)| key.clone())
            .collect();
        for key in dependents {
            delete_with_dependents(store, resource, &key);
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn state(clock: &Clock) -> KubeState {
        let world = World::from_yaml(
            "
name: w
nodes: [{name: a, instance_type: m5.large, zone: z, cpu: 2, memory_gib: 8}]
namespaces: [{name: n}]
workloads:
  - {name: web, namespace: n, kind: Deployment, replicas: 2, usage: {memory_mib: 64}}
  - {name: report, namespace: n, kind: CronJob, runs: {every_minutes: 60, minutes: 10}, usage: {memory_mib: 64}}
",
        );
        KubeState::new(&Arc::new(world.unwrap().begin(clock.now())), clock)
    }

    fn pods(state: &KubeState, phase: &str) -> Vec<String> {
        let store = state.store();
        let pods = store
            .all(&PODS)
            .filter(|(_, pod)| pod["status"]["phase"] == phase);
        pods.map(|(key, _)| key.1.clone()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn runs_begin_end_and_are_forgotten_as_time_passes() {
        let clock = Clock::accelerated("2026-03-02T12:05:00Z".parse().unwrap(), 60.0);
        let state = state(&clock);
        assert_eq!(pods(&state, "Running").len(), 3);
        assert_eq!(pods(&state, "Succeeded").len(), 3);
        let first = pods(&state, "Succeeded");
        clock.sleep(std::time::Duration::from_secs(600)).await;
        state.refresh_runs();
        assert_eq!(pods(&state, "Running").len(), 2);
        assert_eq!(pods(&state, "Succeeded").len(), 3);
        assert_ne!(pods(&state, "Succeeded"), first);
        let version = state.version();
        state.refresh_runs();
        assert_eq!(state.version(), version, "nothing has changed since");
    }

    #[tokio::test]
    async fn scaling_adds_and_removes_pods_and_tells_the_owners() {
        let state = state(&Clock::system());
        assert!(state.scale("n", "web", 4));
        let replicas = |kind: &str, name: &str| {
            state.get(kind, "n", name).unwrap()["status"]["readyReplicas"].clone()
        };
        let of_web = |state: &KubeState| {
            pods(state, "Running")
                .iter()
                .filter(|name| name.starts_with("web-"))
                .count()
        };
        assert_eq!(of_web(&state), 4);
        assert_eq!(replicas("Deployment", "web"), 4);
        assert!(state.scale("n", "web", 1));
        assert_eq!(of_web(&state), 1);
        let set = state.0.world.workloads()[0].replica_set_name();
        assert_eq!(replicas("ReplicaSet", &set), 1);
        assert!(!state.scale("n", "gone", 1));
    }

    #[tokio::test]
    async fn deleting_an_owner_deletes_what_it_owns() {
        let state = state(&Clock::system());
        assert!(state.delete("Deployment", "n", "web"));
        assert!(
            pods(&state, "Running")
                .iter()
                .all(|name| !name.starts_with("web-"))
        );
        assert_eq!(state.store().all(&REPLICA_SETS).count(), 0);
        assert!(!state.delete("Deployment", "n", "web"));
    }

    #[tokio::test]
    async fn an_applied_object_keeps_its_uid_when_it_changes() {
        let state = state(&Clock::system());
        let node = |value: &str| {
            json!({
                "apiVersion": "v1", "kind": "Node",
                "metadata": { "name": "b", "labels": { "x": value } },
            })
        };
        state.apply(node("1")).unwrap();
        let first = state.get("Node", "", "b").unwrap();
        state.apply(node("2")).unwrap();
        let second = state.get("Node", "", "b").unwrap();
        assert_eq!(first["metadata"]["uid"], second["metadata"]["uid"]);
        assert_eq!(second["metadata"]["labels"]["x"], "2");
        assert!(
            state
                .apply(json!({ "apiVersion": "v1", "kind": "Secret" }))
                .is_err()
        );
    }
}
