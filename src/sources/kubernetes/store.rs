//! What a list and the watch after it leave behind.

use std::collections::HashMap;

/// What a watch says, in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event<T> {
    /// A list begins; what is held stays until it is complete.
    ListBegun,
    /// A part of the list.
    Listed(Vec<T>),
    /// The list is complete: what was not in it is gone.
    ListDone,
    /// An object is new or has changed.
    Applied(T),
    /// An object is gone.
    Deleted(T),
}

/// Values by the uid of their object.
#[derive(Debug)]
pub(super) struct Store<V> {
    live: HashMap<Box<str>, V>,
    /// The list that is being read.
    incoming: Option<HashMap<Box<str>, V>>,
    /// Whether a list was ever complete.
    is_listed: bool,
}

impl<V> Default for Store<V> {
    fn default() -> Self {
        Self {
            live: HashMap::new(),
            incoming: None,
            is_listed: false,
        }
    }
}

impl<V: Clone + PartialEq> Store<V> {
    pub(super) fn begin_list(&mut self) {
        self.incoming = Some(HashMap::new());
    }

    pub(super) fn end_list(&mut self) {
        if let Some(incoming) = self.incoming.take() {
            self.live = incoming;
            self.is_listed = true;
        }
    }

    /// Whether a list was ever complete.
    pub(super) const fn is_listed(&self) -> bool {
        self.is_listed
    }

    /// Puts a value; what is already held stays as it is, where it is equal. Says whether it is another one.
    pub(super) fn put(&mut self, uid: &str, value: V) -> bool {
        let held = self.live.get(uid).filter(|held| **held == value).cloned();
        let changed = held.is_none();
        let value = held.unwrap_or(value);
        match &mut self.incoming {
            Some(incoming) => incoming.insert(uid.into(), value),
            None if changed => self.live.insert(uid.into(), value),
            None => None,
        };
        changed
    }

    /// Keeps what is held of an object whose new state cannot be understood.
    pub(super) fn keep(&mut self, uid: &str) {
        if let (Some(incoming), Some(held)) = (&mut self.incoming, self.live.get(uid)) {
            incoming.insert(uid.into(), held.clone());
        }
    }

    /// Lets an object go: it is deleted, or not of interest any more.
    pub(super) fn remove(&mut self, uid: &str) {
        match &mut self.incoming {
            Some(incoming) => incoming.remove(uid),
            None => self.live.remove(uid),
        };
    }

    /// What is known of an object, also while a list is being read.
    pub(super) fn get(&self, uid: &str) -> Option<&V> {
        let incoming = self.incoming.as_ref();
        incoming
            .and_then(|incoming| incoming.get(uid))
            .or_else(|| self.live.get(uid))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.live.values()
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.live.values_mut()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn held(store: &Store<Arc<i32>>) -> Vec<i32> {
        let mut values: Vec<i32> = store.values().map(|value| **value).collect();
        values.sort_unstable();
        values
    }

    #[test]
    fn what_is_held_stays_until_a_new_list_is_complete() {
        let mut store = Store::default();
        store.begin_list();
        store.put("a", Arc::new(1));
        store.put("b", Arc::new(2));
        assert_eq!(held(&store), [0; 0]);
        store.end_list();
        assert_eq!(held(&store), [1, 2]);

        store.begin_list();
        store.put("b", Arc::new(3));
        assert_eq!(held(&store), [1, 2], "the list is not complete");
        store.begin_list();
        store.put("c", Arc::new(4));
        store.end_list();
        assert_eq!(held(&store), [4], "the list that broke off does not count");
    }

    #[test]
    fn a_value_that_did_not_change_stays_the_same_allocation() {
        let mut store = Store::default();
        let first = Arc::new(1);
        assert!(store.put("a", Arc::clone(&first)));
        assert!(!store.put("a", Arc::new(1)));
        store.begin_list();
        assert!(!store.put("a", Arc::new(1)));
        store.end_list();
        assert!(Arc::ptr_eq(store.get("a").unwrap(), &first));
        assert!(store.put("a", Arc::new(2)));
    }

    #[test]
    fn the_last_good_state_of_an_object_can_be_kept_over_a_list() {
        let mut store = Store::default();
        store.put("a", Arc::new(1));
        store.begin_list();
        store.keep("a");
        store.keep("never seen");
        store.end_list();
        assert_eq!(held(&store), [1]);
    }
}
