//! The functions of an account and region, from the Lambda API.
//!
//! What enters: a session, and which functions are meant. What leaves: observations of functions with their attributes.
//!
//! One poll is ListFunctions, 50 functions a page, and what else there is to know of the account and its functions. All of it is
//! free, and all but the list is optional: where it cannot be had, what was known last stands, the functions are
//! reported all the same, and what is lacking is said.
//!
//! - The limit of concurrent environments: GetAccountSettings, one call.
//! - What Lambda polls for functions: ListEventSourceMappings, 100 of all functions a page, every quarter of an hour.
//! - Tags, where labels are made of them: GetResources of the tagging API, 100 functions a page, every quarter of an hour.
//! - What is kept ready for a function (ListProvisionedConcurrencyConfigs), and what is set aside for it
//!   (GetFunctionConcurrency, only where the account has set anything aside): one call for each function, every hour; whether
//!   it has a URL (ListFunctionUrlConfigs): the same, every six hours; of each kind at most [`MAX_CALLS`] in a poll. CloudWatch cannot tell: its metrics of provisioned concurrency vanish while nothing runs.

mod attribute_cache;
mod attributes;
mod client;
mod convert;
mod event_sources;
mod filter;
mod tags;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;
use tracing::warn;

use self::attributes::AttributeStore;
pub use self::attributes::MAX_CALLS;
use self::client::Calls;
use self::convert::DiscardedRecords;
use crate::sources::aws::Aws;
use crate::sources::{DiscardCounts, MissingAttributes, Poll, Source, SourceError, SourceLocation};
use breakeven_model::inventory::NamePattern;
use breakeven_model::inventory::{Functions, Observation};

/// Which functions are looked at, by name, where `*` stands for any characters and `?` for one, and which labels they have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LambdaConfig {
    /// Only those that match one of these; all where there is none.
    pub include: Vec<NamePattern>,
    /// Not those that match one of these.
    pub exclude: Vec<NamePattern>,
    /// Labels, each with the key of the tag that it is made of.
    pub tag_labels: BTreeMap<String, String>,
}

/// The functions as they were last listed; nothing until they were.
pub type Listed = watch::Receiver<Option<Arc<Functions>>>;

/// Lists the functions when it is polled.
#[derive(Debug)]
pub struct LambdaSource {
    aws: Aws,
    settings: LambdaConfig,
    calls: Option<Calls>,
    attributes: AttributeStore,
    /// The functions that were left out in the last poll.
    last_discarded: BTreeSet<DiscardedRecords>,
    listed: watch::Sender<Option<Arc<Functions>>>,
    discarded: DiscardCounts,
}

impl LambdaSource {
    /// Asks nothing yet.
    #[must_use]
    pub fn new(settings: LambdaConfig, aws: Aws) -> Self {
        Self {
            aws,
            settings,
            calls: None,
            attributes: AttributeStore::default(),
            last_discarded: BTreeSet::new(),
            listed: watch::Sender::new(None),
            discarded: DiscardCounts::default(),
        }
    }

    /// The functions as they are listed, for the source of their metrics.
    #[must_use]
    pub fn listed(&self) -> Listed {
        self.listed.subscribe()
    }

    /// What was left out: `function_not_understood`, and facts that could not be read: `account_limit_unread`,
    /// `provisioned_concurrency_unread`, `reserved_concurrency_unread`, `event_sources_unread`, `function_urls_unread`,
    /// `tags_unread`.
    #[must_use]
    pub fn discarded(&self) -> DiscardCounts {
        self.discarded.clone()
    }

    /// Counts each function that is left out, and names it when it is first so.
    fn record_discarded(&mut self, left: Vec<DiscardedRecords>) {
        for left in &left {
            self.discarded.add(left.reason, 1);
            if !self.last_discarded.contains(left) {
                let DiscardedRecords {
                    name,
                    reason,
                    problem,
                } = left;
                warn!(function = name, reason, problem, "function left out");
            }
        }
        self.last_discarded = left.into_iter().collect();
    }
}

impl Poll for LambdaSource {
    fn source(&self) -> Source {
        Source::Lambda
    }

    fn reader(&self) -> Option<Arc<str>> {
        self.aws.name()
    }

    fn location(&self) -> SourceLocation {
        self.aws.site()
    }

    fn missing_attributes(&self) -> MissingAttributes {
        self.attributes.missing_attributes()
    }

    async fn poll(&mut self, now: Timestamp) -> Result<Vec<Observation>, SourceError> {
        let aws = self.aws.clone();
        let session = aws.session().await?;
        let calls = self.calls.get_or_insert_with(|| Calls::new(session));
        let (pages, ()) = tokio::join!(calls.functions(), self.attributes.read_limit(calls));
        let (mut functions, left) = convert::functions(pages?, &self.settings);
        if let Some(function) = functions.first() {
            self.aws.record_account(&function.id.account_id);
        }
        let tag_labels = &self.settings.tag_labels;
        self.attributes
            .read(calls, &functions, tag_labels, now)
            .await;
        self.attributes.assign(&mut functions);
        self.attributes.count_missing(&self.discarded);
        self.record_discarded(left);
        let functions = Functions {
            at: now,
            // Without a role, a single function, or one seen before, nothing names the account; it then has an empty id.
            account_id: self.aws.site().account_id.unwrap_or_default(),
            region: session.region.clone(),
            functions: functions.into_iter().map(Arc::new).collect(),
            concurrency_limit: self.attributes.limit(),
        };
        self.listed.send_replace(Some(Arc::new(functions.clone())));
        Ok(vec![Observation::Functions(functions)])
    }
}
