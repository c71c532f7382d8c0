//! How each source fares: up or not, since when, why not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use breakeven_model::inventory::{
    MissingAttributes, Source, SourceId, SourceLocation, SourceStatus,
};

use super::SourceError;

/// A line of the board.
#[derive(Clone, Debug, Default)]
struct Entry {
    status: SourceStatus,
    /// Whether the source is no longer asked.
    is_off: bool,
    /// Whether the failure that it is down for was logged as its own.
    is_logged: bool,
}

/// The board on which every source writes how it fares; clones share it.
#[derive(Clone, Debug, Default)]
pub struct SourceStatuses(Arc<Mutex<BTreeMap<SourceId, Entry>>>);

impl SourceStatuses {
    /// Puts a source on the board before it was tried.
    pub fn register(&self, source: impl Into<SourceId>) {
        self.lock().entry(source.into()).or_default().is_off = false;
    }

    /// Takes a source off the board, wherever it reads: it is no longer asked. Its counts go on where they ended when it is
    /// asked again.
    pub fn remove(&self, source: Source) {
        let mut statuses = self.lock();
        for (_, entry) in statuses.iter_mut().filter(|(id, _)| id.source == source) {
            entry.is_off = true;
            entry.status = SourceStatus {
                site: std::mem::take(&mut entry.status.site),
                errors: std::mem::take(&mut entry.status.errors),
                ..SourceStatus::default()
            };
        }
    }

    /// Notes what a source reads, which may be known only once it has been asked, and what it does without.
    pub fn set_location(
        &self,
        source: &SourceId,
        site: SourceLocation,
        missing_attributes: MissingAttributes,
    ) {
        if let Some(entry) = self.lock().get_mut(source) {
            entry.status.site = site;
            entry.status.missing_attributes = missing_attributes;
        }
    }

    /// Notes a success. Returns the error that it ends, if there was one and it was logged.
    pub fn succeeded(
        &self,
        source: impl Into<SourceId>,
        at: Timestamp,
        took: Duration,
    ) -> Option<String> {
        let mut statuses = self.lock();
        let entry = statuses.entry(source.into()).or_default();
        let was_logged = std::mem::take(&mut entry.is_logged);
        let status = &mut entry.status;
        status.up = Some(true);
        status.last_success = Some(at);
        status.last_duration = Some(took);
        status.last_error.take().filter(|_| was_logged)
    }

    /// Notes a failure. Returns whether it is to be logged: it says something new, and its outage is not logged yet.
    pub fn failed(&self, source: impl Into<SourceId>, error: &SourceError, took: Duration) -> bool {
        let mut statuses = self.lock();
        let entry = statuses.entry(source.into()).or_default();
        let status = &mut entry.status;
        status.up = Some(false);
        status.last_duration = Some(took);
        *status.errors.entry(error.reason()).or_default() += 1;
        let text = error.to_string();
        let is_new = status.last_error.replace(text.clone()) != Some(text);
        let is_to_be_logged = is_new && !error.is_logged();
        entry.is_logged |= is_to_be_logged;
        is_to_be_logged
    }

    /// Counts a failure that the source gets by without, or has already made good: it is not down for it.
    pub fn counted(&self, source: impl Into<SourceId>, error: &SourceError) {
        let mut statuses = self.lock();
        let errors = &mut statuses.entry(source.into()).or_default().status.errors;
        *errors.entry(error.reason()).or_default() += 1;
    }

    /// The board as it is now.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<SourceId, SourceStatus> {
        let statuses = self.lock();
        let asked = statuses.iter().filter(|(_, entry)| !entry.is_off);
        asked
            .map(|(source, entry)| (source.clone(), entry.status.clone()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SourceId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use breakeven_model::inventory::Reason;

    use super::*;

    #[test]
    fn a_source_that_is_asked_again_counts_on() {
        let statuses = SourceStatuses::default();
        statuses.register(Source::Lambda);
        let error = SourceError::new(Reason::Timeout, "no answer", "wait");
        statuses.failed(Source::Lambda, &error, Duration::ZERO);
        statuses.remove(Source::Lambda);
        assert!(statuses.snapshot().is_empty());
        statuses.register(Source::Lambda);
        statuses.failed(Source::Lambda, &error, Duration::ZERO);
        assert_eq!(
            statuses.snapshot()[&Source::Lambda.into()].errors[&Reason::Timeout],
            2
        );
    }

    #[test]
    fn a_source_that_reads_two_places_has_two_lines_and_leaves_with_both() {
        let statuses = SourceStatuses::default();
        let [one, other] = ["own account in r1", "own account in r2"].map(|reader| SourceId {
            source: Source::Lambda,
            reader: Some(reader.into()),
        });
        for id in [&one, &other] {
            statuses.register(id.clone());
        }
        let site = SourceLocation {
            account_id: Some("123456789012".into()),
            region: Some("r1".into()),
        };
        statuses.set_location(&one, site.clone(), MissingAttributes::new());
        let error = SourceError::new(Reason::Timeout, "no answer", "wait");
        statuses.failed(other.clone(), &error, Duration::ZERO);
        let snapshot = statuses.snapshot();
        assert_eq!((&snapshot[&one].site, snapshot[&one].up), (&site, None));
        assert_eq!(snapshot[&other].up, Some(false));
        assert_eq!(other.to_string(), "lambda of own account in r2");
        statuses.remove(Source::Lambda);
        assert!(statuses.snapshot().is_empty());
    }
}
