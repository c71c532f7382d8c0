//! What a list and the watch after it leave behind.

use std::collections::HashMap;
use std::fmt;

use super::footprint::Footprint;
use super::interner::Interner;
use super::limits::MAX_NEW_OBJECTS;

/// What a value costs besides itself and its uid, in bytes: its place in a table that is half full, and the allocator's share.
const ENTRY: usize = 64;

/// What a watch says, in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event<T> {
    /// A list begins; what is held stays until it is complete.
    ListBegun,
    /// A part of the list.
    Listed(Vec<T>),
    /// The list is complete: what was not in it is gone.
    ListDone,
    /// The list failed: what was read of it is dropped.
    ListFailed,
    /// An object is new or has changed.
    Applied(T),
    /// An object is gone.
    Deleted(T),
}

/// Values by the uid of their object, within a budget of memory.
///
/// Beyond the budget no value is kept, and [`Store::take_overflow`] says so. While a list is read, the values before it stay:
/// both together may take up to twice the budget, if the list has nothing in common with them.
#[derive(Debug)]
pub(super) struct Store<V> {
    live: Generation<V>,
    /// The list that is being read.
    incoming: Option<Generation<V>>,
    /// Whether a list was ever complete.
    is_listed: bool,
    /// The most bytes of one generation.
    budget: usize,
    /// How many values the last list had.
    listed: usize,
    /// Why a value was refused.
    overflow: Option<Overflow>,
}

/// Why a value is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sources) enum Overflow {
    /// All values would take more than so many bytes.
    Memory(usize),
    /// Watches brought more than so many objects since the last list.
    Growth(usize),
}

impl fmt::Display for Overflow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(bytes) => write!(formatter, "more than {} MiB of objects", bytes >> 20),
            Self::Growth(objects) => {
                write!(
                    formatter,
                    "more than {objects} new objects since the last list"
                )
            }
        }
    }
}

/// The values of one list, and of the watch after it.
#[derive(Debug)]
struct Generation<V> {
    values: HashMap<Box<str>, V>,
    names: Interner,
    /// The memory of the values, without the names that they share.
    bytes: usize,
}

impl<V> Default for Generation<V> {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
            names: Interner::default(),
            bytes: 0,
        }
    }
}

impl<V: Footprint> Generation<V> {
    fn cost(uid: &str, value: &V) -> usize {
        ENTRY + uid.len() + 2 * size_of::<V>() + value.bytes()
    }

    /// Inserts a value, unless that takes more than the budget. False if it was refused.
    fn insert_new(&mut self, uid: &str, value: V, budget: usize) -> bool {
        let replaced = self.values.get(uid).map_or(0, |old| Self::cost(uid, old));
        let bytes = self.bytes - replaced + Self::cost(uid, &value);
        if bytes + self.names.bytes() > budget {
            self.names.prune();
            if bytes + self.names.bytes() > budget {
                return false;
            }
        }
        self.bytes = bytes;
        self.values.insert(uid.into(), value);
        true
    }

    fn remove(&mut self, uid: &str) {
        if let Some(value) = self.values.remove(uid) {
            self.bytes -= Self::cost(uid, &value);
        }
    }
}

impl<V> Store<V> {
    /// A store that keeps up to `budget` bytes.
    pub(super) fn new(budget: usize) -> Self {
        Self {
            live: Generation::default(),
            incoming: None,
            is_listed: false,
            budget,
            listed: 0,
            overflow: None,
        }
    }
}

impl<V: Clone + PartialEq + Footprint> Store<V> {
    pub(super) fn begin_list(&mut self) {
        self.drop_list();
        let names = Interner::after(std::mem::take(&mut self.live.names));
        self.incoming = Some(Generation {
            names,
            ..Generation::default()
        });
    }

    pub(super) fn end_list(&mut self) {
        if let Some(mut incoming) = self.incoming.take() {
            incoming.names.take_earlier();
            self.listed = incoming.values.len();
            self.live = incoming;
            self.is_listed = true;
        }
    }

    /// Drops what was read of a list that is not complete.
    pub(super) fn drop_list(&mut self) {
        if let Some(mut incoming) = self.incoming.take() {
            self.live.names = incoming.names.take_earlier();
        }
    }

    /// Whether a list was ever complete.
    pub(super) const fn is_listed(&self) -> bool {
        self.is_listed
    }

    /// Why a value was refused, if one was since this was asked last.
    pub(super) const fn take_overflow(&mut self) -> Option<Overflow> {
        self.overflow.take()
    }

    /// The names that values share.
    pub(super) const fn names(&mut self) -> &mut Interner {
        match &mut self.incoming {
            Some(incoming) => &mut incoming.names,
            None => &mut self.live.names,
        }
    }

    /// Puts a value; what is already held stays as it is, where it is equal. Says whether it is another one.
    pub(super) fn insert(&mut self, uid: &str, value: V) -> bool {
        let held = self.live.values.get(uid).filter(|held| **held == value);
        let held = held.cloned();
        let changed = held.is_none();
        let value = held.unwrap_or(value);
        if !changed && self.incoming.is_none() {
            return false;
        }
        // The list before the next watch shows whether these objects exist.
        let max_new = self.listed + MAX_NEW_OBJECTS;
        let increase = self.live.values.len().saturating_sub(self.listed);
        let is_new = self.incoming.is_none() && !self.live.values.contains_key(uid);
        if is_new && increase >= max_new {
            self.overflow = Some(Overflow::Growth(max_new));
            return false;
        }
        changed & self.insert_new(uid, value)
    }

    fn insert_new(&mut self, uid: &str, value: V) -> bool {
        let generation = self.incoming.as_mut().unwrap_or(&mut self.live);
        let is_kept = generation.insert_new(uid, value, self.budget);
        if !is_kept {
            self.overflow = Some(Overflow::Memory(self.budget));
        }
        is_kept
    }

    /// Keeps what is held of an object whose new state cannot be understood.
    pub(super) fn keep(&mut self, uid: &str) {
        if self.incoming.is_some()
            && let Some(held) = self.live.values.get(uid).cloned()
        {
            self.insert_new(uid, held);
        }
    }

    /// Lets an object go: it is deleted, or not of interest any more.
    pub(super) fn remove(&mut self, uid: &str) {
        match &mut self.incoming {
            Some(incoming) => incoming.remove(uid),
            None => self.live.remove(uid),
        }
    }

    /// What is known of an object, also while a list is being read.
    pub(super) fn get(&self, uid: &str) -> Option<&V> {
        let incoming = self.incoming.as_ref();
        incoming
            .and_then(|incoming| incoming.values.get(uid))
            .or_else(|| self.live.values.get(uid))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.live.values.values()
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.live.values.values_mut()
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
        let mut store = Store::new(1 << 20);
        store.begin_list();
        store.insert("a", Arc::new(1));
        store.insert("b", Arc::new(2));
        assert_eq!(held(&store), [0; 0]);
        store.end_list();
        assert_eq!(held(&store), [1, 2]);

        store.begin_list();
        store.insert("b", Arc::new(3));
        assert_eq!(held(&store), [1, 2], "the list is not complete");
        store.begin_list();
        store.insert("c", Arc::new(4));
        store.end_list();
        assert_eq!(held(&store), [4], "the list that broke off does not count");
    }

    #[test]
    fn a_value_that_did_not_change_stays_the_same_allocation() {
        let mut store = Store::new(1 << 20);
        let first = Arc::new(1);
        assert!(store.insert("a", Arc::clone(&first)));
        assert!(!store.insert("a", Arc::new(1)));
        store.begin_list();
        assert!(!store.insert("a", Arc::new(1)));
        store.end_list();
        assert!(Arc::ptr_eq(store.get("a").unwrap(), &first));
        assert!(store.insert("a", Arc::new(2)));
    }

    #[test]
    fn the_last_good_state_of_an_object_can_be_kept_over_a_list() {
        let mut store = Store::new(1 << 20);
        store.insert("a", Arc::new(1));
        store.begin_list();
        store.keep("a");
        store.keep("never seen");
        store.end_list();
        assert_eq!(held(&store), [1]);
    }
    fn filled(store: &mut Store<Arc<str>>, prefix: &str) -> usize {
        let value: Arc<str> = "x".repeat(100).into();
        for number in 0.. {
            store.insert(&format!("{prefix}-{number}"), Arc::clone(&value));
            if store.take_overflow().is_some() {
                return number;
            }
        }
        0
    }

    #[test]
    fn nothing_is_kept_beyond_the_budget_and_a_list_that_failed_is_dropped() {
        let mut store = Store::<Arc<str>>::new(1 << 20);
        let kept = filled(&mut store, "watched");
        assert!((1_000..10_000).contains(&kept), "{kept}");
        assert_eq!(store.values().count(), kept);
        store.begin_list();
        assert!(filled(&mut store, "listed") > 1_000);
        store.drop_list();
        assert!(store.incoming.is_none());
        assert_eq!(store.values().count(), kept, "what was kept before stays");

        store.begin_list();
        store.insert("other", "x".into());
        let overflow = store.take_overflow();
        assert_eq!(overflow, None, "a list has a budget of its own");
        store.end_list();
        assert_eq!(store.values().count(), 1);
        assert!(store.live.bytes < 1_000, "{}", store.live.bytes);
        store.remove("other");
        assert_eq!(store.live.bytes, 0);
    }

    #[test]
    fn names_that_a_watch_leaves_behind_do_not_use_up_the_budget() {
        let mut store = Store::<Arc<str>>::new(1 << 20);
        for number in 0..20_000 {
            let name = store.names().share(&format!("{number:0200}"));
            store.insert("web", name);
            assert_eq!(store.take_overflow(), None, "{number}");
        }
    }
    #[test]
    fn a_watch_without_an_end_is_listed_again_and_its_objects_stay_if_they_are_listed() {
        let mut store = Store::<Arc<i32>>::new(64 << 20);
        let add = |store: &mut Store<Arc<i32>>, numbers: std::ops::Range<i32>| {
            numbers.into_iter().find_map(|number| {
                store.insert(&number.to_string(), Arc::new(number));
                store.take_overflow()
            })
        };
        assert_eq!(add(&mut store, 0..5_000), None);
        let more = Overflow::Growth(5_000);
        assert_eq!(add(&mut store, 0..5_001), Some(more));
        store.begin_list();
        assert_eq!(add(&mut store, 0..9_000), None);
        store.end_list();
        assert_eq!(store.values().count(), 9_000);
        assert_eq!(add(&mut store, 0..23_000), None);
        assert_eq!(add(&mut store, 0..23_001), Some(Overflow::Growth(14_000)));
    }
}
