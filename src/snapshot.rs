//! The latest report with its rendered bytes. HTTP handlers read it, and nothing else.
//!
//! What enters: each report of the main loop, and the health of the process. What leaves: the same, shared and unchanged, until the
//! next report replaces it.

mod health;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::exposition::Rendered;
use breakeven_model::Report;
use breakeven_model::inventory::{SourceId, SourceStatus};
pub use health::Health;

/// A report, how the sources stood when it was made, and its bytes.
#[derive(Clone, Debug)]
pub struct ReportSnapshot {
    /// What is known.
    pub report: Arc<Report>,
    /// How the sources stood.
    pub sources: BTreeMap<SourceId, SourceStatus>,
    /// The bytes for scrapes.
    pub rendered: Rendered,
}

/// What there is before the first report.
#[derive(Clone, Debug, Default)]
pub struct NotReady {
    /// How the sources stand: why there is no report yet.
    pub sources: BTreeMap<SourceId, SourceStatus>,
    /// Bytes for scrapes, if there are any yet: what the program says of its sources and itself.
    pub rendered: Option<Rendered>,
}

/// Where the latest report is kept; clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    published: Arc<watch::Sender<Option<Arc<ReportSnapshot>>>>,
    waiting: Arc<watch::Sender<Arc<NotReady>>>,
    health: Health,
}

impl Store {
    /// Without a report yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            published: Arc::new(watch::Sender::new(None)),
            waiting: Arc::new(watch::Sender::new(Arc::default())),
            health: Health::new(),
        }
    }

    /// Puts a report in the place of the one before.
    pub fn publish(&self, published: ReportSnapshot) {
        self.published.send_replace(Some(Arc::new(published)));
    }

    /// Says what there is while the first report is waited for.
    pub fn wait(&self, waiting: NotReady) {
        self.waiting.send_replace(Arc::new(waiting));
    }

    /// The latest report; absent before the first.
    #[must_use]
    pub fn latest(&self) -> Option<Arc<ReportSnapshot>> {
        self.published.borrow().clone()
    }

    /// What was last said of the time before the first report.
    #[must_use]
    pub fn waiting(&self) -> Arc<NotReady> {
        self.waiting.borrow().clone()
    }

    /// Health of the process.
    #[must_use]
    pub const fn health(&self) -> &Health {
        &self.health
    }

    /// Tells of each new report.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<ReportSnapshot>>> {
        self.published.subscribe()
    }
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}
