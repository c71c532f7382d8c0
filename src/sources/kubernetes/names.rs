//! Names that many objects share, held once.

use std::collections::HashSet;
use std::sync::Arc;

/// Below this many names it is not worth looking for those that nobody uses any more.
const SMALL: usize = 1_024;

/// Names held once: equal text gives the same allocation, for as long as somebody uses it.
#[derive(Debug, Default)]
pub(super) struct Names {
    held: HashSet<Arc<str>>,
    /// How many may be held before the unused ones are let go.
    limit: usize,
}

impl Names {
    /// The shared form of `name`.
    pub(super) fn share(&mut self, name: &str) -> Arc<str> {
        if let Some(held) = self.held.get(name) {
            return Arc::clone(held);
        }
        if self.held.len() >= self.limit.max(SMALL) {
            self.held.retain(|held| Arc::strong_count(held) > 1);
            self.limit = 2 * self.held.len();
        }
        let name: Arc<str> = name.into();
        self.held.insert(Arc::clone(&name));
        name
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
        assert!(names.held.len() <= 2 * SMALL, "{} names", names.held.len());
        assert!(Arc::ptr_eq(&kept, &names.share("kept")));
    }
}
