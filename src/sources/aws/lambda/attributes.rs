//! What there is to know of functions beside the list of them, and can be done without.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, warn};

use super::attribute_cache::AttributeCache;
use super::client::Calls;
use super::convert::AccountLimit;
use super::event_sources::{self, Polled};
use super::tags::{self, LabelsOf};
use crate::sources::{DiscardCounts, MissingAttributes, SourceError};
use breakeven_model::inventory::{Function, ProvisionedConcurrency};

/// How long they are waited for; the functions do not wait longer for them, nor their metrics for the functions.
const WAIT: Duration = Duration::from_secs(4);

/// The most calls for single functions in one poll, of each kind. They are made one after the other, so that they take a
/// part of the 15 calls a second that AWS allows to all who make them.
pub const MAX_CALLS: usize = 100;

/// How long what is listed of all functions is taken as it was.
const LIST_GOOD_FOR: SignedDuration = SignedDuration::from_mins(15);

/// How long what is asked function by function is: what is kept ready and set aside changes by the day, a URL hardly ever.
const CONCURRENCY_GOOD_FOR: SignedDuration = SignedDuration::from_hours(1);
const URLS_GOOD_FOR: SignedDuration = SignedDuration::from_hours(6);

/// What can be done without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum OptionalAttribute {
    Limit,
    Provisioned,
    Reserved,
    EventSources,
    Urls,
    Tags,
}

impl OptionalAttribute {
    /// What is lost without it.
    const fn loss(self) -> &'static str {
        match self {
            Self::Limit => "how near functions are to the limit of the account",
            Self::Provisioned => "provisioned concurrency in the cost of functions",
            Self::Reserved => "how near functions are to their reserved concurrency",
            Self::EventSources => "which queues and streams are polled for functions",
            Self::Urls => "which functions have a URL",
            Self::Tags => "labels by tags",
        }
    }

    /// As it is counted.
    const fn unread(self) -> &'static str {
        match self {
            Self::Limit => "account_limit_unread",
            Self::Provisioned => "provisioned_concurrency_unread",
            Self::Reserved => "reserved_concurrency_unread",
            Self::EventSources => "event_sources_unread",
            Self::Urls => "function_urls_unread",
            Self::Tags => "tags_unread",
        }
    }
}

/// What is known, and what could not be read when it was last tried.
#[derive(Debug)]
pub(super) struct AttributeStore {
    limit: Option<AccountLimit>,
    provisioned: AttributeCache<Vec<ProvisionedConcurrency>>,
    reserved: AttributeCache<Option<u32>>,
    urls: AttributeCache<bool>,
    polled: Listing<Polled>,
    labels: Listing<LabelsOf>,
    lacking: BTreeMap<OptionalAttribute, String>,
}

/// What is listed of all functions at once; with when that was, and which functions there were.
#[derive(Debug)]
struct Listing<T>(Option<(Timestamp, BTreeSet<Arc<str>>, T)>);

impl<T> Listing<T> {
    /// Whether it is old, or lacks one of these functions.
    fn is_due(&self, names: &BTreeSet<Arc<str>>, now: Timestamp) -> bool {
        let old = now.checked_sub(LIST_GOOD_FOR).unwrap_or(Timestamp::MIN);
        let known = self.0.as_ref();
        !known.is_some_and(|(at, of, _)| *at > old && names.is_subset(of))
    }

    fn listed(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, _, listed)| listed)
    }
}

impl Default for AttributeStore {
    fn default() -> Self {
        Self {
            limit: None,
            provisioned: AttributeCache::new(CONCURRENCY_GOOD_FOR),
            reserved: AttributeCache::new(CONCURRENCY_GOOD_FOR),
            urls: AttributeCache::new(URLS_GOOD_FOR),
            polled: Listing(None),
            labels: Listing(None),
            lacking: BTreeMap::new(),
        }
    }
}

impl AttributeStore {
    /// Learns the limit of the account.
    pub(super) async fn read_limit(&mut self, calls: &Calls) {
        let limit = in_time(calls.limit()).await;
        self.record_outcome(OptionalAttribute::Limit, outcome(&limit));
        self.limit = limit.ok().or(self.limit);
    }

    /// Learns what is due of these functions, all kinds at the same time.
    pub(super) async fn read(
        &mut self,
        calls: &Calls,
        functions: &[Function],
        tag_labels: &BTreeMap<String, String>,
        now: Timestamp,
    ) {
        let names: BTreeSet<Arc<str>> = functions.iter().map(|one| one.id.name.clone()).collect();
        self.provisioned.keep(&names);
        self.reserved.keep(&names);
        self.urls.keep(&names);
        // Managed instances have their own way of keeping environments ready.
        let lambdas = functions
            .iter()
            .filter(|one| one.capacity_provider.is_none());
        let lambdas = lambdas.map(|one| &one.id.name);
        let provisioned = self.provisioned.due(lambdas, now, MAX_CALLS);
        let is_shared_out = self.limit.is_none_or(AccountLimit::is_shared_out);
        if !is_shared_out {
            self.reserved.clear();
            self.lacking.remove(&OptionalAttribute::Reserved);
        }
        let reserved = names.iter().filter(|_| is_shared_out);
        let reserved = self.reserved.due(reserved, now, MAX_CALLS);
        let urls = self.urls.due(names.iter(), now, MAX_CALLS);
        let wants_tags = !tag_labels.is_empty() && self.labels.is_due(&names, now);
        let (provisioned, reserved, urls, polled, resources) = tokio::join!(
            each(
                provisioned,
                |name| async move { calls.provisioned(&name).await }
            ),
            each(reserved, |name| async move { calls.reserved(&name).await }),
            each(urls, |name| async move { calls.has_url(&name).await }),
            refresh_due(self.polled.is_due(&names, now), calls.event_sources()),
            refresh_due(wants_tags, calls.tags()),
        );
        for (fact, outcome) in [
            (
                OptionalAttribute::Provisioned,
                learn(&mut self.provisioned, provisioned, now),
            ),
            (
                OptionalAttribute::Reserved,
                learn(&mut self.reserved, reserved, now),
            ),
            (OptionalAttribute::Urls, learn(&mut self.urls, urls, now)),
        ] {
            self.record_outcome(fact, outcome);
        }
        if let Some(polled) = polled {
            self.record_outcome(OptionalAttribute::EventSources, outcome(&polled));
            if let Ok(polled) = polled {
                self.polled = Listing(Some((now, names.clone(), polled)));
            }
        }
        if let Some(resources) = resources {
            self.record_outcome(OptionalAttribute::Tags, outcome(&resources));
            if let Ok(resources) = resources {
                let labels = tags::labels(&resources, tag_labels);
                self.labels = Listing(Some((now, names, labels)));
            }
        }
    }

    /// Notes how asking for something went: with whether anything was asked, or with what is wrong.
    fn record_outcome(&mut self, fact: OptionalAttribute, outcome: Result<bool, String>) {
        match outcome {
            Ok(false) => {}
            Ok(true) => {
                self.lacking.remove(&fact);
            }
            Err(error) => self.missing(fact, error),
        }
    }

    fn missing(&mut self, fact: OptionalAttribute, error: String) {
        let reason = fact.unread();
        match self.lacking.insert(fact, error.clone()) {
            Some(before) if before == error => debug!(error, reason, "still not read"),
            _ => warn!(
                error,
                reason,
                "not read; its last values stay in use, and functions without any are reported without it"
            ),
        }
    }

    /// How many environments the account may run at once, where it is known.
    pub(super) fn limit(&self) -> Option<u32> {
        self.limit.map(|limit| limit.concurrent_executions)
    }

    /// Puts what is known to the functions.
    pub(super) fn assign(&self, functions: &mut [Function]) {
        for function in functions.iter_mut() {
            let name = &*function.id.name;
            function.provisioned = self.provisioned.get(name).cloned();
            function.reserved_concurrency = self.reserved.get(name).copied().flatten();
            function.has_url = self.urls.get(name).copied();
        }
        if let Some(polled) = self.polled.listed() {
            event_sources::assign(polled, functions);
        }
        if let Some(labels) = self.labels.listed() {
            tags::assign(labels, functions);
        }
    }

    /// What could not be read, by what is lost without it.
    pub(super) fn missing_attributes(&self) -> MissingAttributes {
        let lacking = self.lacking.iter();
        lacking
            .map(|(fact, error)| (fact.loss(), error.clone()))
            .collect()
    }

    /// Counts what could not be read.
    pub(super) fn count_missing(&self, count: &DiscardCounts) {
        for fact in self.lacking.keys() {
            count.add(fact.unread(), 1);
        }
    }
}

/// What came of asking for several functions.
struct AttributeResults<T> {
    answers: Vec<(Arc<str>, T)>,
    /// What ended it early, if anything did; else whether there was anything to ask.
    problem: Result<bool, String>,
}

/// Asks for one function after the other until one answer is an error or the time is over: what is still due then is asked
/// for in the next poll.
async fn each<T, A>(names: Vec<Arc<str>>, ask: impl Fn(Arc<str>) -> A) -> AttributeResults<T>
where
    A: Future<Output = Result<T, SourceError>>,
{
    let mut asked = AttributeResults {
        answers: Vec::new(),
        problem: Ok(!names.is_empty()),
    };
    let end = Instant::now() + WAIT;
    for name in names {
        match timeout_at(end, ask(Arc::clone(&name))).await {
            Ok(Ok(answer)) => asked.answers.push((name, answer)),
            Ok(Err(error)) => {
                asked.problem = Err(error.to_string());
                break;
            }
            Err(_) if asked.answers.is_empty() => {
                asked.problem = Err(too_slow());
                break;
            }
            Err(_) => break,
        }
    }
    asked
}

/// Takes in what came of asking for several functions, and says how that went.
fn learn<T>(
    cache: &mut AttributeCache<T>,
    asked: AttributeResults<T>,
    now: Timestamp,
) -> Result<bool, String> {
    for (name, answer) in asked.answers {
        cache.learn(name, now, answer);
    }
    asked.problem
}

/// How asking for something went that was asked for.
fn outcome<T>(answer: &Result<T, String>) -> Result<bool, String> {
    answer.as_ref().map(|_| true).map_err(Clone::clone)
}

/// Asks where that is due.
async fn refresh_due<T>(
    is_due: bool,
    answer: impl Future<Output = Result<T, SourceError>>,
) -> Option<Result<T, String>> {
    match is_due {
        true => Some(in_time(answer).await),
        false => None,
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, SourceError>>) -> Result<T, String> {
    match timeout(WAIT, answer).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(too_slow()),
    }
}

fn too_slow() -> String {
    format!("no answer within {} s", WAIT.as_secs())
}
