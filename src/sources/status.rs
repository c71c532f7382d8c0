//! How each source fares: up or not, since when, why not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::{Reason, SourceError};

/// The sources, as they stand in the `source` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Nodes, pods and their owners, from the Kubernetes API.
    Kubernetes,
    /// What pods use, from metrics.k8s.io.
    Usage,
    /// The functions, from the Lambda API.
    Lambda,
    /// What the functions did, from CloudWatch.
    CloudWatch,
    /// Requests of the cluster's workloads, from Prometheus.
    Requests,
}

impl Source {
    /// As it stands in the `source` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Usage => "usage",
            Self::Lambda => "lambda",
            Self::CloudWatch => "cloudwatch",
            Self::Requests => "requests",
        }
    }
}

/// What is known of one source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceStatus {
    /// Whether the last attempt succeeded; absent before the first has ended.
    pub up: Option<bool>,
    /// When it last succeeded.
    pub last_success: Option<Timestamp>,
    /// How long the last attempt took.
    pub last_duration: Option<Duration>,
    /// Failures so far, by reason.
    pub errors: BTreeMap<Reason, u64>,
    /// The text of the last failure, until it succeeds again.
    pub last_error: Option<String>,
    /// What it received and left out so far, by reason.
    pub left_out: BTreeMap<&'static str, u64>,
}

/// A line of the board.
#[derive(Clone, Debug, Default)]
struct Entry {
    status: SourceStatus,
    /// Whether the source is no longer asked.
    is_off: bool,
}

/// The board on which every source writes how it fares; clones share it.
#[derive(Clone, Debug, Default)]
pub struct StatusBoard(Arc<Mutex<BTreeMap<Source, Entry>>>);

impl StatusBoard {
    /// Puts a source on the board before it was tried.
    pub fn expect(&self, source: Source) {
        self.lock().entry(source).or_default().is_off = false;
    }

    /// Takes a source off the board: it is no longer asked. Its counts go on where they ended when it is asked again.
    pub fn forget(&self, source: Source) {
        let mut board = self.lock();
        if let Some(entry) = board.get_mut(&source) {
            entry.is_off = true;
            entry.status = SourceStatus {
                errors: std::mem::take(&mut entry.status.errors),
                ..SourceStatus::default()
            };
        }
    }

    /// Notes a success. Returns the error that it ends, if there was one.
    pub fn succeeded(&self, source: Source, at: Timestamp, took: Duration) -> Option<String> {
        let mut board = self.lock();
        let status = &mut board.entry(source).or_default().status;
        status.up = Some(true);
        status.last_success = Some(at);
        status.last_duration = Some(took);
        status.last_error.take()
    }

    /// Notes a failure. Returns whether it says something new.
    pub fn failed(&self, source: Source, error: &SourceError, took: Duration) -> bool {
        let mut board = self.lock();
        let status = &mut board.entry(source).or_default().status;
        status.up = Some(false);
        status.last_duration = Some(took);
        *status.errors.entry(error.reason()).or_default() += 1;
        status.last_error.replace(error.to_string()).as_deref() != Some(&error.to_string())
    }

    /// Counts a failure that the source gets by without, or has already made good: it is not down for it.
    pub fn counted(&self, source: Source, error: &SourceError) {
        let mut board = self.lock();
        let errors = &mut board.entry(source).or_default().status.errors;
        *errors.entry(error.reason()).or_default() += 1;
    }

    /// The board as it is now.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<Source, SourceStatus> {
        let board = self.lock();
        let asked = board.iter().filter(|(_, entry)| !entry.is_off);
        asked
            .map(|(source, entry)| (*source, entry.status.clone()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Source, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_is_asked_again_counts_on() {
        let board = StatusBoard::default();
        board.expect(Source::Lambda);
        let error = SourceError::new(Reason::Timeout, "no answer", "wait");
        board.failed(Source::Lambda, &error, Duration::ZERO);
        board.forget(Source::Lambda);
        assert!(board.snapshot().is_empty());
        board.expect(Source::Lambda);
        board.failed(Source::Lambda, &error, Duration::ZERO);
        assert_eq!(
            board.snapshot()[&Source::Lambda].errors[&Reason::Timeout],
            2
        );
    }
}
