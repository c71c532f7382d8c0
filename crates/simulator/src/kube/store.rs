//! Objects with versions and a bounded history, as etcd keeps them for the API server.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::resource::ResourceType;

/// How many changes are remembered; older ones can be neither watched from nor listed at.
const EVENTS_KEPT: usize = 4_096;

/// Namespace (empty for resources without) and name.
pub(super) type Key = (String, String);

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Added,
    Modified,
    Deleted,
}

/// A change of an object.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) version: u64,
    pub(super) change: Change,
    resource: &'static ResourceType,
    /// The object after the change; for a deletion the last there was, with the deletion's version.
    pub(super) object: Arc<Value>,
    /// The object before the change.
    pub(super) previous: Option<Arc<Value>>,
}

/// The version asked for is older than the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooOld {
    pub(super) oldest: u64,
}

/// All objects.
#[derive(Debug)]
pub(super) struct Store {
    version: u64,
    /// Changes up to and including this version are forgotten.
    oldest: u64,
    objects: BTreeMap<(&'static str, &'static str), BTreeMap<Key, Arc<Value>>>,
    events: VecDeque<Event>,
}

impl Store {
    /// No objects, at the given version.
    pub(super) fn new(version: u64) -> Self {
        Self {
            version,
            oldest: version,
            objects: BTreeMap::new(),
            events: VecDeque::new(),
        }
    }

    /// The version of the last change.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Forgets all changes so far.
    pub(super) fn forget_history(&mut self) {
        self.events.clear();
        self.oldest = self.version;
    }

    /// Adds the object or puts it in place of the one that is there; false when it is there as it is.
    pub(super) fn insert(&mut self, resource: &'static ResourceType, mut object: Value) -> bool {
        let key = key_of(&object);
        let table = self
            .objects
            .entry((resource.group, resource.plural))
            .or_default();
        let previous = table.get(&key).cloned();
        if let Some(previous) = &previous {
            object["metadata"]["resourceVersion"] = previous["metadata"]["resourceVersion"].clone();
            if object == **previous {
                return false;
            }
        }
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let object = Arc::new(object);
        table.insert(key, Arc::clone(&object));
        let change = if previous.is_some() {
            Change::Modified
        } else {
            Change::Added
        };
        self.remember(Event {
            version: self.version,
            change,
            resource,
            object,
            previous,
        });
        true
    }

    /// Removes the object; absent when there was none.
    pub(super) fn remove(
        &mut self,
        resource: &'static ResourceType,
        key: &Key,
    ) -> Option<Arc<Value>> {
        let table = self.objects.get_mut(&(resource.group, resource.plural))?;
        let previous = table.remove(key)?;
        self.version += 1;
        let mut object = Value::clone(&previous);
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.remember(Event {
            version: self.version,
            change: Change::Deleted,
            resource,
            object: Arc::new(object),
            previous: Some(Arc::clone(&previous)),
        });
        Some(previous)
    }

    /// The object, if there is one.
    pub(super) fn get(&self, resource: &ResourceType, key: &Key) -> Option<&Arc<Value>> {
        self.objects
            .get(&(resource.group, resource.plural))?
            .get(key)
    }

    /// The objects as they are now, in the order of namespace and name.
    pub(super) fn all(&self, resource: &ResourceType) -> impl Iterator<Item = (&Key, &Arc<Value>)> {
        self.objects
            .get(&(resource.group, resource.plural))
            .into_iter()
            .flatten()
    }

    /// The objects as they were at the version.
    pub(super) fn all_at(
        &self,
        resource: &ResourceType,
        version: u64,
    ) -> Result<BTreeMap<Key, Arc<Value>>, TooOld> {
        let mut objects: BTreeMap<Key, Arc<Value>> = self
            .all(resource)
            .map(|(key, object)| (key.clone(), Arc::clone(object)))
            .collect();
        let mut later: Vec<&Event> = self.since(resource, version)?.collect();
        later.reverse();
        for event in later {
            let key = key_of(&event.object);
            match &event.previous {
                Some(previous) => objects.insert(key, Arc::clone(previous)),
                None => objects.remove(&key),
            };
        }
        Ok(objects)
    }

    /// The changes after the version.
    pub(super) fn since(
        &self,
        resource: &ResourceType,
        version: u64,
    ) -> Result<impl DoubleEndedIterator<Item = &Event>, TooOld> {
        if version < self.oldest {
            return Err(TooOld {
                oldest: self.oldest,
            });
        }
        let first = self
            .events
            .partition_point(|event| event.version <= version);
        Ok(self
            .events
            .range(first..)
            .filter(move |event| event.resource == resource))
    }

    fn remember(&mut self, event: Event) {
        self.events.push_back(event);
        if self.events.len() > EVENTS_KEPT
            && let Some(forgotten) = self.events.pop_front()
        {
            self.oldest = forgotten.version;
        }
    }
}

/// The namespace and name of an object.
pub(super) fn key_of(object: &Value) -> Key {
    let text = |place| {
        object
            .pointer(place)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    (text("/metadata/namespace"), text("/metadata/name"))
}

#[cfg(test)]
mod tests {
    use super::super::resource::{NODES, PODS};
    use super::*;
    use serde_json::json;

    fn pod(name: &str, phase: &str) -> Value {
        json!({ "metadata": { "namespace": "n", "name": name }, "status": { "phase": phase } })
    }

    fn key(name: &str) -> Key {
        ("n".to_owned(), name.to_owned())
    }

    #[test]
    fn a_past_version_is_listed_as_it_was() {
        let mut store = Store::new(100);
        store.insert(&PODS, pod("a", "Pending"));
        store.insert(&PODS, pod("b", "Running"));
        let then = store.version();
        store.insert(&PODS, pod("a", "Running"));
        store.remove(&PODS, &key("b"));
        store.insert(&PODS, pod("c", "Running"));
        store.insert(&NODES, json!({ "metadata": { "name": "x" } }));
        let names = |objects: BTreeMap<Key, Arc<Value>>| -> Vec<(String, String)> {
            let phase = |o: &Value| o["status"]["phase"].as_str().unwrap().to_owned();
            objects
                .into_iter()
                .map(|(key, object)| (key.1, phase(&object)))
                .collect()
        };
        let past = names(store.all_at(&PODS, then).unwrap());
        assert_eq!(
            past,
            [("a", "Pending"), ("b", "Running")].map(|(a, b)| (a.into(), b.into()))
        );
        let now = names(store.all_at(&PODS, store.version()).unwrap());
        assert_eq!(
            now,
            [("a", "Running"), ("c", "Running")].map(|(a, b)| (a.into(), b.into()))
        );
    }

    #[test]
    fn an_object_that_is_there_as_it_is_makes_no_event() {
        let mut store = Store::new(100);
        assert!(store.insert(&PODS, pod("a", "Running")));
        assert!(!store.insert(&PODS, pod("a", "Running")));
        assert_eq!(store.version(), 101);
    }

    #[test]
    fn what_happened_before_the_history_cannot_be_watched() {
        let mut store = Store::new(100);
        for i in 0..EVENTS_KEPT + 10 {
            store.insert(&PODS, pod("a", &i.to_string()));
        }
        assert_eq!(
            store.since(&PODS, 109).map(drop),
            Err(TooOld { oldest: 110 })
        );
        assert_eq!(store.since(&PODS, 110).unwrap().count(), EVENTS_KEPT);
        store.forget_history();
        let now = store.version();
        assert_eq!(
            store.since(&PODS, now - 1).map(drop),
            Err(TooOld { oldest: now })
        );
        assert_eq!(store.since(&PODS, now).unwrap().count(), 0);
    }
}
