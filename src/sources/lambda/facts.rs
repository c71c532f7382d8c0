//! What there is to know of functions beside the list of them, and can be done without.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, warn};

use super::calls::Calls;
use super::convert::AccountLimit;
use super::survey::Survey;
use super::tags::{self, LabelsOf};
use crate::observation::{Function, ProvisionedConcurrency};
use crate::sources::{Lacks, SourceError, Tally};

/// How long they are waited for; the functions do not wait longer for them, nor their metrics for the functions.
const WAIT: Duration = Duration::from_secs(4);

/// The most calls for single functions in one poll, of each kind. They are made one after the other, so that they take a
/// part of the 15 calls a second that AWS allows to all who make them.
pub const MOST_CALLS: usize = 100;

/// How long tags are taken as they were.
const TAGS_GOOD_FOR: SignedDuration = SignedDuration::from_mins(15);

/// What can be done without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    Limit,
    Provisioned,
    Reserved,
    Tags,
}

impl Fact {
    /// What is lost without it.
    const fn loss(self) -> &'static str {
        match self {
            Self::Limit => "how near functions are to the limit of the account",
            Self::Provisioned => "provisioned concurrency in the cost of functions",
            Self::Reserved => "how near functions are to their reserved concurrency",
            Self::Tags => "labels by tags",
        }
    }

    /// As it is counted.
    const fn unread(self) -> &'static str {
        match self {
            Self::Limit => "account_limit_unread",
            Self::Provisioned => "provisioned_concurrency_unread",
            Self::Reserved => "reserved_concurrency_unread",
            Self::Tags => "tags_unread",
        }
    }
}

/// What is known, and what could not be read when it was last tried.
#[derive(Debug, Default)]
pub(super) struct Facts {
    limit: Option<AccountLimit>,
    provisioned: Survey<Vec<ProvisionedConcurrency>>,
    reserved: Survey<Option<u32>>,
    labels: LabelsOf,
    /// When the tags were read, and of which functions.
    tagged: Option<(Timestamp, BTreeSet<Arc<str>>)>,
    lacking: BTreeMap<Fact, String>,
}

impl Facts {
    /// Learns the limit of the account.
    pub(super) async fn read_limit(&mut self, calls: &Calls) {
        let limit = in_time(calls.limit()).await;
        self.note(
            Fact::Limit,
            limit.as_ref().map(|_| true).map_err(Clone::clone),
        );
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
        // Managed instances have their own way of keeping environments ready.
        let lambdas = functions
            .iter()
            .filter(|one| one.capacity_provider.is_none());
        let lambdas = lambdas.map(|one| &one.id.name);
        let provisioned = self.provisioned.due(lambdas, now, MOST_CALLS);
        let is_shared_out = self.limit.is_none_or(AccountLimit::is_shared_out);
        if !is_shared_out {
            self.reserved = Survey::default();
            self.lacking.remove(&Fact::Reserved);
        }
        let reserved = names.iter().filter(|_| is_shared_out);
        let reserved = self.reserved.due(reserved, now, MOST_CALLS);
        let wants_tags = !tag_labels.is_empty() && !self.has_tags_of(&names, now);
        let (provisioned, reserved, resources) = tokio::join!(
            each(
                provisioned,
                |name| async move { calls.provisioned(&name).await }
            ),
            each(reserved, |name| async move { calls.reserved(&name).await }),
            async {
                match wants_tags {
                    true => Some(in_time(calls.tags()).await),
                    false => None,
                }
            },
        );
        self.note(Fact::Provisioned, provisioned.problem);
        for (name, answer) in provisioned.answers {
            self.provisioned.learn(name, now, answer);
        }
        self.note(Fact::Reserved, reserved.problem);
        for (name, answer) in reserved.answers {
            self.reserved.learn(name, now, answer);
        }
        if let Some(resources) = resources {
            self.note(
                Fact::Tags,
                resources.as_ref().map(|_| true).map_err(Clone::clone),
            );
            if let Ok(resources) = resources {
                self.labels = tags::labels(&resources, tag_labels);
                self.tagged = Some((now, names));
            }
        }
    }

    /// Whether the tags of these functions are known and fresh.
    fn has_tags_of(&self, names: &BTreeSet<Arc<str>>, now: Timestamp) -> bool {
        let old = now.checked_sub(TAGS_GOOD_FOR).unwrap_or(Timestamp::MIN);
        let known = self.tagged.as_ref();
        known.is_some_and(|(at, of)| *at > old && names.is_subset(of))
    }

    /// Notes how asking for something went: with whether anything was asked, or with what is wrong.
    fn note(&mut self, fact: Fact, outcome: Result<bool, String>) {
        match outcome {
            Ok(false) => {}
            Ok(true) => {
                self.lacking.remove(&fact);
            }
            Err(error) => self.lack(fact, error),
        }
    }

    fn lack(&mut self, fact: Fact, error: String) {
        let reason = fact.unread();
        match self.lacking.insert(fact, error.clone()) {
            Some(before) if before == error => debug!(error, reason, "still not read"),
            _ => warn!(
                error,
                reason, "not read; the functions are reported without it"
            ),
        }
    }

    /// How many environments the account may run at once, where it is known.
    pub(super) fn limit(&self) -> Option<u32> {
        self.limit.map(|limit| limit.concurrent_executions)
    }

    /// Puts what is known to the functions.
    pub(super) fn put(&self, functions: &mut [Function]) {
        for function in functions.iter_mut() {
            let name = &*function.id.name;
            function.provisioned = self.provisioned.of(name).cloned();
            function.reserved_concurrency = self.reserved.of(name).copied().flatten();
        }
        tags::put(&self.labels, functions);
    }

    /// What could not be read, by what is lost without it.
    pub(super) fn lacks(&self) -> Lacks {
        let lacking = self.lacking.iter();
        lacking
            .map(|(fact, error)| (fact.loss(), error.clone()))
            .collect()
    }

    /// Counts what could not be read.
    pub(super) fn count_lacks(&self, count: &Tally) {
        for fact in self.lacking.keys() {
            count.add(fact.unread(), 1);
        }
    }
}

/// What came of asking for several functions.
struct Asked<T> {
    answers: Vec<(Arc<str>, T)>,
    /// What ended it early, if anything did; else whether there was anything to ask.
    problem: Result<bool, String>,
}

/// Asks for one function after the other until one answer is an error or the time is over: what is still due then is asked
/// for in the next poll.
async fn each<T, A>(names: Vec<Arc<str>>, ask: impl Fn(Arc<str>) -> A) -> Asked<T>
where
    A: Future<Output = Result<T, SourceError>>,
{
    let mut asked = Asked {
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

async fn in_time<T>(answer: impl Future<Output = Result<T, SourceError>>) -> Result<T, String> {
    match timeout(WAIT, answer).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(too_slow()),
    }
}

fn too_slow() -> String {
    format!("no answer within {} s", WAIT.as_secs())
}
