//! What pods use, counted by cAdvisor and kept by a Prometheus.
//!
//! Closed windows that were not read yet are read with one range query for each metric, all pods at once, by the server's own
//! `increase`: resets, gaps and staleness are its business. A window is read when it has ended for [`Settings::delay`], by which
//! time its last samples have arrived. Windows that had begun when the program started were counted, if at all, by the program
//! before it; of them only what pods use is taken, and no time. After a failure the next poll reads what is missing, but no
//! further back than [`Settings::reach`].
//!
//! Containers with a CPU limit have counters of how often they were held back; where there are none, that is not known.

mod convert;
mod queries;

use std::time::Duration;

use jiff::Timestamp;
use tracing::warn;

use self::convert::{UsageSums, Values};
use self::queries::Query;
use crate::disk::Disk;
use crate::sources::prometheus::{self, Client};
use crate::sources::{AddressError, DiscardCounts, Poll, Reason, Source, SourceError};
use breakeven_model::inventory::{Observation, Usage};
use breakeven_model::units::Window;

/// How windows are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The length of a window, whole seconds: at least twice the interval in which cAdvisor is scraped.
    pub window: Duration,
    /// How long after its end a window is taken as closed.
    pub delay: Duration,
    /// How far back windows are read after a failure.
    pub reach: Duration,
}

/// Reads what a Prometheus has of cAdvisor.
#[derive(Debug)]
pub struct CadvisorSource {
    settings: Settings,
    client: Client,
    read_to: Option<Timestamp>,
    /// When it was asked for the first time.
    began: Option<Timestamp>,
    discarded: DiscardCounts,
}

impl CadvisorSource {
    /// Asks nothing yet. The server is the one that requests are read from.
    ///
    /// # Errors
    /// When the address or a header is none.
    pub fn new(settings: Settings, server: &prometheus::Settings) -> Result<Self, AddressError> {
        Ok(Self {
            settings,
            client: Client::new(server)?,
            read_to: None,
            began: None,
            discarded: DiscardCounts::default(),
        })
    }

    /// Runs its file operations.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        self.client.disk()
    }

    /// What was left out: `not_finite`, `without_target`, `windows_too_old_to_catch_up`, `warning`.
    #[must_use]
    pub fn discarded(&self) -> DiscardCounts {
        self.discarded.clone()
    }

    /// The closed time that is not read yet.
    fn due(&self, now: Timestamp) -> Option<Window> {
        let Settings {
            window,
            delay,
            reach,
        } = self.settings;
        let last = Window::closed_before(now, window, delay)?;
        match self.read_to {
            Some(read_to) => last.extended_back(reach).since(read_to),
            None => Some(last),
        }
    }

    async fn ask(&self, query: Query, due: Window) -> Result<Values, SourceError> {
        let window = self.settings.window;
        let answer = self.client.range(&query.over(window), due, window).await?;
        for remark in &answer.remarks {
            self.discarded.add("warning", 1);
            warn!(remark, metric = query.metric(), "prometheus warns");
        }
        Ok(convert::values(answer, &self.discarded))
    }

    /// What pods used in each window of a time.
    async fn used(&self, due: Window, now: Timestamp) -> Result<Usage, SourceError> {
        let processor = self.ask(Query::Processor, due).await?;
        if processor.is_empty() {
            return Err(self.nothing());
        }
        let memory = self.ask(Query::Memory, due).await?;
        let periods = self.ask(Query::Periods, due).await?;
        // Without a limit nowhere there is nothing more to ask.
        let (throttled, time) = if periods.is_empty() {
            (Values::new(), Values::new())
        } else {
            (
                self.ask(Query::ThrottledPeriods, due).await?,
                self.ask(Query::ThrottledTime, due).await?,
            )
        };
        let mut usage = Usage {
            at: now,
            ..Usage::default()
        };
        for (end, processor) in &processor {
            let Some(window) = self.window_to(*end).filter(|one| due.end() >= one.end()) else {
                continue;
            };
            let sums = UsageSums {
                processor,
                memory: memory.get(end),
                throttled_time: time.get(end),
                throttled: throttled.get(end),
                periods: periods.get(end),
            };
            let is_counted = self.began.is_some_and(|began| window.start() >= began);
            for (used, counted) in convert::used(window, sums) {
                let used = used.map(|used| (counted.pod.clone(), used));
                usage.pods.extend(used);
                usage.counted.extend(is_counted.then_some(counted));
            }
        }
        Ok(usage)
    }

    fn window_to(&self, end: i64) -> Option<Window> {
        let end = Timestamp::from_second(end).ok()?;
        let length = jiff::SignedDuration::try_from(self.settings.window).ok()?;
        Window::between(end.checked_sub(length).ok()?, end)
    }

    fn nothing(&self) -> SourceError {
        SourceError::new(
            Reason::NotFound,
            format!(
                "the Prometheus has no {} of containers in the last {} s",
                Query::Processor.metric(),
                self.settings.window.as_secs()
            ),
            "let it scrape /metrics/cadvisor of the kubelets, or raise kubernetes.usage_window_seconds to twice its interval",
        )
    }
}

impl Poll for CadvisorSource {
    fn source(&self) -> Source {
        Source::Usage
    }

    async fn poll(&mut self, now: Timestamp) -> Result<Vec<Observation>, SourceError> {
        self.began.get_or_insert(now);
        let Some(due) = self.due(now) else {
            return Ok(Vec::new());
        };
        self.client.read_secret().await?;
        let usage = self.used(due, now).await?;
        if let Some(read_to) = self.read_to.replace(due.end()) {
            let skipped = due.start().duration_since(read_to).as_secs();
            let skipped = u64::try_from(skipped).unwrap_or_default();
            let skipped = skipped / self.settings.window.as_secs().max(1);
            self.discarded.add("windows_too_old_to_catch_up", skipped);
        }
        Ok(vec![Observation::Usage(usage)])
    }
}
