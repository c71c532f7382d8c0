//! What the program knows of itself: how it was built, its configuration, what it spends, its process.
//!
//! These facts outlive every report. They are kept in [`Own`], and read once for each exposition.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, Opts, Registry};

use super::Rendered;
use super::metrics::Metric;
use breakeven_model::units::Usd;

/// How the program was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    /// Its version.
    pub version: &'static str,
    /// The revision of its source, where the build says it.
    pub revision: Option<&'static str>,
    /// The version of the compiler, where the build says it.
    pub rustversion: Option<&'static str>,
}

impl Build {
    /// This program. Revision and compiler come from `BREAKEVEN_REVISION` and `BREAKEVEN_RUSTVERSION` in the
    /// environment of the build.
    pub const THIS: Self = Self {
        version: env!("CARGO_PKG_VERSION"),
        revision: option_env!("BREAKEVEN_REVISION"),
        rustversion: option_env!("BREAKEVEN_RUSTVERSION"),
    };
}

/// How reading the configuration went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfigState {
    /// Whether the last attempt succeeded; absent before the first.
    pub last_reload_successful: Option<bool>,
    /// When it last succeeded.
    pub last_success: Option<Timestamp>,
    /// Number of warnings about the configuration in use; absent before the first.
    pub warnings: Option<usize>,
}

/// What is kept over a restart, and how keeping it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateStatus {
    /// When it was last written, and how many bytes that were; absent before.
    pub saved: Option<(Timestamp, u64)>,
    /// How often it could not be written or used, by reason.
    pub failures: BTreeMap<&'static str, u64>,
}

/// What was asked of one AWS API, and what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ApiUsage {
    /// Requests sent.
    pub requests: u64,
    /// Their list price.
    pub cost: Usd,
}

/// What asking one AWS API may cost, and what it will.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ApiBudget {
    /// What may be spent in a month.
    pub monthly: Usd,
    /// What a month will cost by the plan.
    pub expected: Usd,
    /// The longest time between two readings of the same thing that the plan has.
    pub longest_interval: Duration,
}

/// Series left out so far, by family and reason.
pub(super) type Dropped = BTreeMap<(Metric, DropReason), u64>;

/// Why a series is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DropReason {
    /// There are more than the limit allows.
    Limit,
    /// It is there already.
    Duplicate,
}

impl DropReason {
    /// As it stands in the `reason` label.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Duplicate => "duplicate",
        }
    }
}

/// What the program knows of itself at one instant.
#[derive(Clone, Debug)]
pub struct SelfMetricValues {
    /// How it was built.
    pub build: Build,
    /// Its configuration.
    pub config: ConfigState,
    /// What it asked of AWS, by API.
    pub aws_api: BTreeMap<Arc<str>, ApiUsage>,
    /// What it may spend, by API.
    pub aws_budgets: BTreeMap<Arc<str>, ApiBudget>,
    /// What it keeps over a restart.
    pub state: StateStatus,
    /// How often kept timestamps were ahead of the clock and were set to it; absent if nothing watches the clock.
    pub clock_corrections: Option<u64>,
    /// Numbers of its process, and of whatever else counts live.
    pub live: Vec<MetricFamily>,
    /// Series left out of all expositions before this one.
    pub(super) dropped: Dropped,
}

impl SelfMetricValues {
    /// Of a program that has done nothing yet.
    #[must_use]
    pub const fn new(build: Build) -> Self {
        Self {
            build,
            config: ConfigState {
                last_reload_successful: None,
                last_success: None,
                warnings: None,
            },
            aws_api: BTreeMap::new(),
            aws_budgets: BTreeMap::new(),
            state: StateStatus {
                saved: None,
                failures: BTreeMap::new(),
            },
            clock_corrections: None,
            live: Vec::new(),
            dropped: BTreeMap::new(),
        }
    }
}

/// Counter of HTTP requests by handler and status code; clones share it.
#[derive(Clone, Debug)]
pub struct HttpRequests(Option<IntCounterVec>);

impl HttpRequests {
    fn new() -> Self {
        let description = Metric::HttpRequests.description();
        let options = Opts::new(description.name, description.help);
        Self(IntCounterVec::new(options, description.labels).ok())
    }

    /// Records an answer.
    pub fn record(&self, handler: &str, code: u16) {
        if let Some(counter) = &self.0 {
            counter
                .with_label_values(&[handler, &code.to_string()])
                .inc();
        }
    }
}

impl Default for HttpRequests {
    fn default() -> Self {
        Self::new()
    }
}

/// Where the program keeps what it knows of itself; clones share it.
#[derive(Clone, Debug)]
pub struct SelfMetrics {
    facts: Arc<Mutex<SelfMetricValues>>,
    registry: Registry,
    http_requests: HttpRequests,
}

impl SelfMetrics {
    /// Of a program that has done nothing yet.
    #[must_use]
    pub fn new(build: Build) -> Self {
        let registry = Registry::new();
        #[cfg(target_os = "linux")]
        {
            let process = prometheus::process_collector::ProcessCollector::for_self();
            if let Err(error) = registry.register(Box::new(process)) {
                tracing::debug!(%error, "numbers of the process are not shown");
            }
        }
        let http_requests = HttpRequests::new();
        if let Some(counter) = &http_requests.0
            && let Err(error) = registry.register(Box::new(counter.clone()))
        {
            tracing::debug!(%error, "the counter of HTTP requests is not shown");
        }
        Self {
            facts: Arc::new(Mutex::new(SelfMetricValues::new(build))),
            registry,
            http_requests,
        }
    }

    /// The counter of HTTP requests, for the server.
    #[must_use]
    pub fn http_requests(&self) -> HttpRequests {
        self.http_requests.clone()
    }

    /// Notes what was asked of AWS since the program started, by API, and what that cost by its list price.
    pub fn aws_spent(&self, spent: BTreeMap<Arc<str>, ApiUsage>) {
        self.lock().aws_api = spent;
    }

    /// Notes what may be spent on asking AWS, by API, and what the plan for it is.
    pub fn aws_planned(&self, budgets: BTreeMap<Arc<str>, ApiBudget>) {
        self.lock().aws_budgets = budgets;
    }

    /// Notes that the configuration was read with success, and the number of its warnings.
    pub fn config_accepted(&self, at: Timestamp, warnings: usize) {
        let config = &mut self.lock().config;
        config.last_reload_successful = Some(true);
        config.last_success = Some(at);
        config.warnings = Some(warnings);
    }

    /// Notes that a new configuration was refused, and the one before stays.
    pub fn config_refused(&self) {
        self.lock().config.last_reload_successful = Some(false);
    }

    /// Notes that something is to outlive a restart, and for which reasons that may fail.
    pub fn state_is_kept(&self, failures: &[&'static str]) {
        let none = failures.iter().map(|reason| (*reason, 0));
        self.lock().state.failures = none.collect();
    }

    /// Notes that what is to outlive a restart was written, and its size.
    pub fn state_saved(&self, at: Timestamp, bytes: u64) {
        self.lock().state.saved = Some((at, bytes));
    }

    /// Notes that it could not be written, or what was kept not be used.
    pub fn state_failed(&self, reason: &'static str) {
        *self.lock().state.failures.entry(reason).or_default() += 1;
    }

    /// Notes that the clock is watched, so that its corrections are counted from 0.
    pub fn clock_watched(&self) {
        self.lock().clock_corrections = Some(0);
    }

    /// Notes that kept timestamps were ahead of the clock and were set to it.
    pub fn clock_corrected(&self) {
        *self.lock().clock_corrections.get_or_insert_default() += 1;
    }

    /// Notes what was left out of an exposition, so that the next one goes on counting from there.
    pub fn rendered(&self, rendered: &Rendered) {
        self.lock().dropped.clone_from(&rendered.dropped);
    }

    /// What is known now.
    #[must_use]
    pub fn facts(&self) -> SelfMetricValues {
        let mut facts = self.lock().clone();
        facts.live = self.registry.gather();
        facts
    }

    fn lock(&self) -> MutexGuard<'_, SelfMetricValues> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_knows_every_number_of_the_process() {
        let families = SelfMetrics::new(Build::THIS).facts().live;
        assert!(!families.is_empty());
        for family in families {
            let known = Metric::ALL
                .iter()
                .any(|metric| metric.description().name == family.name());
            assert!(known, "{} is in no catalogue", family.name());
        }
    }
}
