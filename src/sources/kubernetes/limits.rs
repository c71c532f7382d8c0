//! Limits on what the API server may answer with: on bytes, objects, pages and time.
//!
//! A list is read object by object, so that its memory is that of one object, whatever its length. An object that is too
//! long is left out. What goes on without an end is an error.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use crate::sources::{Reason, SourceError};

/// The longest object, in bytes. etcd takes up to 1.5 MiB and the API server requests of up to 3 MiB; the JSON of an object
/// that is stored as protobuf is longer than that. There are fourteen watches, which together stay below 60 MiB.
pub(in crate::sources) const MAX_OBJECT: usize = 4 << 20;

/// How much of a watch is skipped in search of the end of a line that is too long.
pub(super) const MAX_SKIPPED: usize = 64 << 20;

/// The longest answer to one request for a list, in bytes. A metrics server answers with all pods at once: 150,000 pods
/// of 700 bytes are 100 MiB.
pub(in crate::sources) const MAX_PAGE: usize = 256 << 20;

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
    /// Hashes of the tokens so far: a token itself may be long.
    tokens: HashSet<u64>,
    hasher: RandomState,
}

impl ListProgress {
    pub(in crate::sources) fn new() -> Self {
        Self {
            started: Instant::now(),
            objects: 0,
            tokens: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    /// Counts objects of a page.
    ///
    /// # Errors
    /// Why the list cannot go on.
    pub(in crate::sources) fn count(&mut self, objects: usize) -> Result<(), String> {
        self.objects += objects;
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

/// The error of an object that was left out for its length.
pub(in crate::sources) fn too_long(resource: &str) -> SourceError {
    SourceError::new(
        Reason::InvalidResponse,
        format!("an object of {resource} is longer than {MAX_OBJECT} bytes and is left out"),
        "look for an object with very long annotations, labels or managed fields",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_at_its_limits() {
        let mut progress = ListProgress::new();
        assert_eq!(progress.count(MAX_OBJECTS), Ok(()));
        let text = progress.count(1).unwrap_err();
        assert_eq!(text, "the list has more than 200000 objects");

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
