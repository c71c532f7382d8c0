//! The functions of an account and region, from the Lambda API.
//!
//! One poll is ListFunctions, 50 functions a page, and GetAccountSettings for the limit of concurrent
//! environments. Both are free. Where the limit cannot be read, the last one known stands, and the
//! functions are reported all the same.

mod convert;
mod names;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tracing::{debug, warn};

use self::convert::{AccountSettings, LeftOut, Page};
use super::aws::{Aws, RestCall, Service, Session};
use super::{Poll, Site, Source, SourceError, Tally};
use crate::observation::NamePattern;
use crate::observation::{Functions, Observation};

/// The most that ListFunctions gives on one page.
const PAGE_SIZE: u32 = 50;

/// How long the account's limit is waited for; the functions do not wait longer for it.
const LIMIT_WAIT: Duration = Duration::from_secs(5);

const LAMBDA: Service = Service {
    id: "Lambda",
    host: "lambda",
};

/// Which functions are looked at, by name; `*` stands for any characters and `?` for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Only those that match one of these; all where there is none.
    pub include: Vec<NamePattern>,
    /// Not those that match one of these.
    pub exclude: Vec<NamePattern>,
}

/// The functions as they were last listed; nothing until they were.
pub type Listed = watch::Receiver<Option<Arc<Functions>>>;

/// Lists the functions when it is polled.
#[derive(Debug)]
pub struct LambdaSource {
    aws: Aws,
    settings: Settings,
    calls: Option<Calls>,
    last: Known,
    listed: watch::Sender<Option<Arc<Functions>>>,
    left_out: Tally,
}

#[derive(Debug)]
struct Calls {
    list_functions: RestCall,
    get_account_settings: RestCall,
}

/// What is remembered for a poll that does not learn it anew.
#[derive(Debug, Default)]
struct Known {
    concurrency_limit: Option<u32>,
    limit_error: Option<String>,
    left_out: BTreeSet<LeftOut>,
}

impl LambdaSource {
    /// Asks nothing yet.
    #[must_use]
    pub fn new(settings: Settings, aws: Aws) -> Self {
        Self {
            aws,
            settings,
            calls: None,
            last: Known::default(),
            listed: watch::Sender::new(None),
            left_out: Tally::default(),
        }
    }

    /// The functions as they are listed, for the source of their metrics.
    #[must_use]
    pub fn listed(&self) -> Listed {
        self.listed.subscribe()
    }

    /// What was left out: `function_not_understood`, `managed_instances`, `account_limit_unread`.
    #[must_use]
    pub fn left_out(&self) -> Tally {
        self.left_out.clone()
    }
}

impl Poll for LambdaSource {
    fn source(&self) -> Source {
        Source::Lambda
    }

    fn reader(&self) -> Option<Arc<str>> {
        self.aws.name()
    }

    fn site(&self) -> Site {
        self.aws.site()
    }

    async fn poll(&mut self, now: Timestamp) -> Result<Vec<Observation>, SourceError> {
        let session = self.aws.session().await?;
        let calls = self.calls.get_or_insert_with(|| Calls::new(session));
        let limit = tokio::time::timeout(LIMIT_WAIT, calls.concurrency_limit());
        let (pages, limit) = tokio::join!(calls.pages(), limit);
        let pages = pages?;
        self.last.note_limit(
            limit.unwrap_or_else(|_| Err("no answer in time".into())),
            &self.left_out,
        );
        let (functions, left) = convert::functions(pages, &self.settings);
        self.last.note_left_out(left, &self.left_out);
        if let Some(function) = functions.first() {
            self.aws.note_account(&function.id.account_id);
        }
        let functions = Functions {
            at: now,
            // Without a role, a single function, or one seen before, nothing names the account; it then has an empty id.
            account_id: self.aws.site().account_id.unwrap_or_default(),
            region: session.region.clone(),
            functions,
            concurrency_limit: self.last.concurrency_limit,
        };
        self.listed.send_replace(Some(Arc::new(functions.clone())));
        Ok(vec![Observation::Functions(functions)])
    }
}

impl Calls {
    fn new(session: &Session) -> Self {
        let call = |api, action| RestCall::new(session, LAMBDA, api, action);
        Self {
            list_functions: call("ListFunctions", "lambda:ListFunctions"),
            get_account_settings: call("GetAccountSettings", "lambda:GetAccountSettings"),
        }
    }

    async fn pages(&self) -> Result<Vec<Page>, SourceError> {
        let mut pages: Vec<Page> = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let page: Page = self
                .list_functions
                .get(convert::page_path(PAGE_SIZE, marker.as_deref()))
                .await?;
            let next = page.next_marker.clone().filter(|next| !next.is_empty());
            pages.push(page);
            match next {
                None => return Ok(pages),
                Some(next) if marker.as_ref() == Some(&next) => {
                    return Err(self
                        .list_functions
                        .not_understood("two pages in a row end with the same marker"));
                }
                next => marker = next,
            }
        }
    }

    async fn concurrency_limit(&self) -> Result<u32, String> {
        let settings: AccountSettings = self
            .get_account_settings
            .get("/2016-08-19/account-settings/".into())
            .await
            .map_err(|error| error.to_string())?;
        Ok(settings.account_limit.concurrent_executions)
    }
}

impl Known {
    /// Counts each function that is left out, and names it when it is first so.
    fn note_left_out(&mut self, left: Vec<LeftOut>, count: &Tally) {
        for left in &left {
            count.add(left.reason, 1);
            if !self.left_out.contains(left) {
                let LeftOut {
                    name,
                    reason,
                    problem,
                } = left;
                warn!(function = name, reason, problem, "function left out");
            }
        }
        self.left_out = left.into_iter().collect();
    }

    fn note_limit(&mut self, limit: Result<u32, String>, left_out: &Tally) {
        match limit {
            Ok(limit) => {
                self.concurrency_limit = Some(limit);
                self.limit_error = None;
            }
            Err(error) => {
                left_out.add("account_limit_unread", 1);
                if self.limit_error.as_ref() == Some(&error) {
                    debug!(error, "account limit still not read");
                } else {
                    warn!(error, "account limit not read");
                }
                self.limit_error = Some(error);
            }
        }
    }
}
