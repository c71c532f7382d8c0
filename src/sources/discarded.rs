//! Counts of what was received and left out, because nothing is dropped in silence.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many facts a source left out, by reason; clones share it.
#[derive(Clone, Debug, Default)]
pub struct DiscardCounts(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl DiscardCounts {
    /// The counts so far.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<&'static str, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Counts what was left out for a reason.
    pub(super) fn add(&self, reason: &'static str, count: u64) {
        if count > 0 {
            *self
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(reason)
                .or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together_and_nothing_leaves_no_entry() {
        let discard_counts = DiscardCounts::default();
        discard_counts.clone().add("not_finite", 2);
        discard_counts.add("not_finite", 1);
        discard_counts.add("negative", 0);
        assert_eq!(
            discard_counts.snapshot(),
            BTreeMap::from([("not_finite", 3)])
        );
    }
}
