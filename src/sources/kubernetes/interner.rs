//! Names and sets of labels that many objects share, held once.

use std::collections::{BTreeSet, HashSet};
use std::hash::Hash;
use std::sync::Arc;

/// Below this many names it is not worth looking for those that nobody uses any more.
const SMALL: usize = 1_024;

/// Labels, each with its value.
pub(super) type LabelSet = BTreeSet<(Arc<str>, Arc<str>)>;

/// What a shared value costs besides its content, in bytes: its counts, its place in the table and the allocator's share.
const SHARED: usize = 64;
/// What a label of a set costs: two pointers with their lengths, in a tree whose nodes are half full.
const LABEL: usize = 64;

/// Names held once: equal text gives the same allocation, for as long as somebody uses it.
#[derive(Debug, Default)]
pub(super) struct Interner {
    texts: Shared<str>,
    labels: Shared<LabelSet>,
    /// The names of an earlier list, which are shared too.
    earlier: Option<Box<Interner>>,
}

impl Interner {
    /// Names of a new list, which share those of an earlier one.
    pub(super) fn after(earlier: Self) -> Self {
        Self {
            earlier: Some(Box::new(earlier)),
            ..Self::default()
        }
    }

    /// Ends the sharing with the names of the earlier list, and returns those.
    pub(super) fn take_earlier(&mut self) -> Self {
        self.earlier.take().map(|names| *names).unwrap_or_default()
    }

    /// The shared form of `name`.
    pub(super) fn share(&mut self, name: &str) -> Arc<str> {
        if let Some(held) = self.texts.held.get(name) {
            return Arc::clone(held);
        }
        let earlier = self.earlier.as_ref();
        let earlier = earlier.and_then(|names| names.texts.held.get(name).cloned());
        self.texts.keep(earlier.unwrap_or_else(|| name.into()))
    }

    /// The shared form of a set of labels.
    pub(super) fn share_labels(&mut self, labels: LabelSet) -> Arc<LabelSet> {
        if let Some(held) = self.labels.held.get(&labels) {
            return Arc::clone(held);
        }
        let earlier = self.earlier.as_ref();
        let earlier = earlier.and_then(|names| names.labels.held.get(&labels).cloned());
        self.labels
            .keep(earlier.unwrap_or_else(|| Arc::new(labels)))
    }

    /// The memory of all names and sets of labels, without those of the earlier list, in bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.texts.bytes + self.labels.bytes
    }

    /// Drops the names that nothing uses.
    pub(super) fn prune(&mut self) {
        self.labels.prune();
        self.texts.prune();
    }
}

/// Something that is shared, and has a size.
trait Measured {
    fn bytes(&self) -> usize;
}

impl Measured for str {
    fn bytes(&self) -> usize {
        SHARED + self.len()
    }
}

impl Measured for LabelSet {
    fn bytes(&self) -> usize {
        SHARED + LABEL * self.len()
    }
}

#[derive(Debug)]
struct Shared<T: ?Sized> {
    held: HashSet<Arc<T>>,
    /// How many may be held before the unused ones are let go.
    limit: usize,
    /// The memory of those that are held.
    bytes: usize,
}

impl<T: ?Sized> Default for Shared<T> {
    fn default() -> Self {
        Self {
            held: HashSet::new(),
            limit: SMALL,
            bytes: 0,
        }
    }
}

impl<T: ?Sized + Eq + Hash + Measured> Shared<T> {
    fn keep(&mut self, value: Arc<T>) -> Arc<T> {
        if self.held.len() >= self.limit {
            self.prune();
        }
        self.bytes += value.bytes();
        self.held.insert(Arc::clone(&value));
        value
    }

    fn prune(&mut self) {
        let mut bytes = 0;
        self.held.retain(|held| {
            let is_used = Arc::strong_count(held) > 1;
            bytes += if is_used { held.bytes() } else { 0 };
            is_used
        });
        self.held.shrink_to(2 * self.held.len());
        self.bytes = bytes;
        self.limit = SMALL.max(2 * self.held.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_one_allocation() {
        let mut names = Interner::default();
        let (first, second) = (names.share("shop"), names.share("shop"));
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn names_that_nobody_uses_any_more_are_let_go() {
        let mut names = Interner::default();
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
    #[test]
    fn the_bytes_of_names_follow_what_is_held() {
        let mut names = Interner::default();
        let kept = names.share("kept");
        let alone = names.bytes();
        for number in 0..500 {
            names.share(&format!("pod-{number}"));
        }
        assert!(names.bytes() > 500 * "pod-1".len());
        names.prune();
        assert_eq!(names.bytes(), alone);

        let mut next = Interner::after(names);
        assert_eq!(next.bytes(), 0);
        assert!(Arc::ptr_eq(&kept, &next.share("kept")));
        assert_eq!(next.bytes(), alone);
        assert_eq!(next.take_earlier().bytes(), alone);
    }
}
