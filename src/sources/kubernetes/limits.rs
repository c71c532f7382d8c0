//! Limits on what the API server may answer with: on bytes, objects, pages and time.
//!
//! A list is read object by object, so that its memory is that of one object, whatever its length. An object that is too
//! long is left out. What goes on without an end is an error.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use crate::sources::{Reason, SourceError};

/// The longest object, in bytes. etcd takes up to 1.5 MiB: <https://etcd.io/docs/v3.5/dev-guide/limit/>.
/// There are fourteen watches, which together stay below 30 MiB.
pub(in crate::sources) const MAX_OBJECT: usize = 2 << 20;

/// How much of a list or a watch is skipped in search of the end of an object that is too long.
pub(super) const MAX_SKIPPED: usize = 64 << 20;

/// The longest answer to one request for a list, in bytes. Servers that ignore `limit` answer with all objects at once:
/// 200,000 pods of 20 KiB are 4 GB. They are dropped as they are read.
pub(in crate::sources) const MAX_PAGE: u64 = 4 << 30;

/// The most memory of what is kept of nodes, in bytes: about 7,500 nodes of 30 long labels. Kubernetes supports 5,000.
pub(super) const MAX_KEPT_NODES: usize = 48 << 20;

/// The most memory of what is kept of pods, in bytes: about 35,000 pods of two containers and ten labels.
pub(super) const MAX_KEPT_PODS: usize = 32 << 20;

/// The most memory of what is kept of any other resource, in bytes: about 85,000 ReplicaSets.
pub(super) const MAX_KEPT: usize = 16 << 20;

/// How many objects watches may bring since the last list, beyond twice what that had. Whatever keeps a state for each workload
/// takes many times the memory of its pods, so watches alone may not fill the budget.
pub(super) const MAX_NEW_OBJECTS: usize = 5_000;

/// The most memory of the usage of pods that one list has, in bytes: about 60,000 pods.
pub(in crate::sources) const MAX_KEPT_USAGE: usize = 32 << 20;

/// The most objects of a list that are left out. The API server accepts none that would be.
const MAX_DISCARDED: usize = 1_000;

/// What a list may have around its objects, in bytes: its kind, version and token.
pub(super) const MAX_LIST_METADATA: usize = 256 << 10;

/// The most objects of a list. Kubernetes supports clusters of up to 150,000 pods
/// (<https://kubernetes.io/docs/setup/best-practices/cluster-large/>).
pub(in crate::sources) const MAX_OBJECTS: usize = 200_000;

/// The most pages of a list: twice those of the longest list at 500 objects per page.
const MAX_PAGES: usize = 800;

/// The longest time for all pages of a list. Tokens for the next page expire after 5 to 15 minutes.
const MAX_LIST_TIME: Duration = Duration::from_secs(15 * 60);

/// How much of the text of an error is read, in bytes.
pub(super) const MAX_ERROR: usize = 16 << 10;

/// The progress of a list, against its limits.
#[derive(Debug)]
pub(in crate::sources) struct ListProgress {
    started: Instant,
    objects: usize,
    discarded: usize,
    /// Hashes of the tokens so far: a token itself may be long.
    tokens: HashSet<u64>,
    hasher: RandomState,
}

impl ListProgress {
    pub(in crate::sources) fn new() -> Self {
        Self {
            started: Instant::now(),
            objects: 0,
            discarded: 0,
            tokens: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    /// Counts objects of a page, and those that were left out of it.
    ///
    /// # Errors
    /// Why the list cannot go on.
    pub(in crate::sources) fn count(
        &mut self,
        objects: usize,
        discarded: usize,
    ) -> Result<(), String> {
        self.objects += objects;
        self.discarded += discarded;
        if self.discarded > MAX_DISCARDED {
            return Err(format!(
                "the list has more than {MAX_DISCARDED} objects beyond the limits of the Kubernetes API"
            ));
        }
        if self.objects > MAX_OBJECTS {
            return Err(format!("the list has more than {MAX_OBJECTS} objects"));
        }
        Ok(())
    }

    /// Notes the token that the next page is asked for with.
    ///
    /// # Errors
    /// Why the list cannot go on.
    pub(in crate::sources) fn next_page(&mut self, token: &str) -> Result<(), String> {
        if !self.tokens.insert(self.hasher.hash_one(token)) {
            return Err("the list repeats a `continue` token, so it has no end".into());
        }
        if self.tokens.len() >= MAX_PAGES {
            return Err(format!("the list has more than {MAX_PAGES} pages"));
        }
        if self.started.elapsed() > MAX_LIST_TIME {
            let minutes = MAX_LIST_TIME.as_secs() / 60;
            return Err(format!("the list takes longer than {minutes} minutes"));
        }
        Ok(())
    }
}

/// The error of an object that was left out.
pub(in crate::sources) fn discarded(resource: &str, why: &str) -> SourceError {
    SourceError::new(
        Reason::InvalidResponse,
        format!("an object of {resource} is left out: {why}"),
        "look for an object with very long names, labels, annotations or managed fields",
    )
}

/// Why an object was left out for its length.
pub(super) fn too_long() -> String {
    format!("it is longer than {MAX_OBJECT} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_at_its_limits() {
        let mut progress = ListProgress::new();
        assert_eq!(progress.count(MAX_OBJECTS, MAX_DISCARDED), Ok(()));
        let text = progress.count(1, 0).unwrap_err();
        assert_eq!(text, "the list has more than 200000 objects");
        assert!(ListProgress::new().count(0, MAX_DISCARDED + 1).is_err());

        let mut progress = ListProgress::new();
        progress.next_page("a").unwrap();
        progress.next_page("b").unwrap();
        let text = progress.next_page("a").unwrap_err();
        assert_eq!(
            text,
            "the list repeats a `continue` token, so it has no end"
        );

        let mut progress = ListProgress::new();
        let ended = (0..10_000).find_map(|page| progress.next_page(&format!("t{page}")).err());
        assert_eq!(ended.as_deref(), Some("the list has more than 800 pages"));
    }
}
