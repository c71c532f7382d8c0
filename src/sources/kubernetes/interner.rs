//! Names and sets of labels that many objects share, held once.

use std::collections::{BTreeSet, HashSet};
use std::hash::Hash;
use std::sync::Arc;

/// Below this many names it is not worth looking for those that nobody uses any more.
const SMALL: usize = 1_024;

/// Labels, each with its value.
pub(super) type LabelSet = BTreeSet<(Arc<str>, Arc<str>)>;

/// Names held once: equal text gives the same allocation, for as long as somebody uses it.
#[derive(Debug, Default)]
pub(super) struct Names {
    texts: Shared<str>,
    labels: Shared<LabelSet>,
}

impl Names {
    /// The shared form of `name`.
    pub(super) fn share(&mut self, name: &str) -> Arc<str> {
        match self.texts.held.get(name) {
            Some(held) => Arc::clone(held),
            None => self.texts.keep(name.into()),
        }
    }

    /// The shared form of a set of labels.
    pub(super) fn share_labels(&mut self, labels: LabelSet) -> Arc<LabelSet> {
        match self.labels.held.get(&labels) {
            Some(held) => Arc::clone(held),
            None => self.labels.keep(Arc::new(labels)),
        }
    }
}

#[derive(Debug)]
struct Shared<T: ?Sized> {
    held: HashSet<Arc<T>>,
    /// How many may be held before the unused ones are let go.
    limit: usize,
}

impl<T: ?Sized> Default for Shared<T> {
    fn default() -> Self {
        Self {
            held: HashSet::new(),
            limit: SMALL,
        }
    }
}

impl<T: ?Sized + Eq + Hash> Shared<T> {
    fn keep(&mut self, value: Arc<T>) -> Arc<T> {
        if self.held.len() >= self.limit {
            self.held.retain(|held| Arc::strong_count(held) > 1);
            self.limit = SMALL.max(2 * self.held.len());
        }
        self.held.insert(Arc::clone(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_one_allocation() {
        let mut names = Names::default();
        let (first, second) = (names.share("shop"), names.share("shop"));
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn names_that_nobody_uses_any_more_are_let_go() {
        let mut names = Names::default();
        let kept = names.share("kept");
        for number in 0..100_000 {
            names.share(&format!("pod-{number}"));
        }
        assert!(
            names.texts.held.len() <= 2 * SMALL,
            "{} names",
            names.texts.held.len()
        );
        assert!(Arc::ptr_eq(&kept, &names.share("kept")));
    }
}
