//! What AWS bills for Lambda, from Cost Explorer.
//!
//! What enters: the accounts, and the budget of paid calls. What leaves: an observation of the bill by day and usage type.
//!
//! One GetCostAndUsage a day asks for the days that are not settled yet, by usage type and account, as the program itself:
//! an organisation's own account sees the bills of all, another one its own. Each call costs 0.01 USD, and so does each
//! further page. So answers and the count of calls are kept on disk: a call is counted there before it is made, and
//! neither restarts nor failures lead to more than [`CostExplorerConfig::calls_per_day`] on one day (UTC).
//!
//! **Settled** is a day that is over and that AWS no longer calls estimated; or one that ended two days ago, as AWS may
//! call the whole current month so. Settled days are not asked for again, and the others are shown nowhere.

mod cache;
mod convert;
mod state;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_costexplorer::Client;
use aws_sdk_costexplorer::config::retry::RetryConfig;
use aws_sdk_costexplorer::error::ProvideErrorMetadata;
use aws_sdk_costexplorer::operation::get_cost_and_usage::GetCostAndUsageOutput;
use jiff::Timestamp;
use tokio::time::Instant;
use tracing::warn;

use self::cache::Cache;
use self::convert::{Answer, Question};
use self::state::Kept;
use crate::disk::Disk;
use crate::sources::aws::lambda::Listed;
use crate::sources::aws::{Aws, AwsSpend, CallDescription, Meter, Price, Service, undecodable};
use crate::sources::{DiscardCounts, Poll, Reason, Source, SourceError};
use breakeven_model::inventory::Observation;
use breakeven_model::units::Seconds;

/// The call that the bill is read with, and what its use is counted as.
const API: &str = "GetCostAndUsage";
const ACTION: &str = "ce:GetCostAndUsage";
const COST_EXPLORER: Service = Service {
    id: "Cost Explorer",
    host: "ce",
};

/// What Cost Explorer answers while it has prepared nothing yet.
const UNAVAILABLE: &str = "DataUnavailableException";

/// How long a poll waits for the accounts to be known: as long as the functions take to be listed.
pub const LIST_WAIT: Duration = Duration::from_secs(10);

/// How the bill is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostExplorerConfig {
    /// The most calls of a day (UTC), pages and failures with them.
    pub calls_per_day: u32,
    /// How long an answer holds.
    pub refresh: Duration,
    /// Where answers and the count of calls are kept.
    pub cache_directory: PathBuf,
    /// How long a poll waits for the accounts to be known.
    pub list_wait: Duration,
}

/// Reads the bill when it is polled.
#[derive(Debug)]
pub struct BillSource {
    settings: CostExplorerConfig,
    aws: Aws,
    readers: Vec<(Aws, Listed)>,
    caller: Option<Caller>,
    cache: Cache,
    /// Whether what was kept has been told.
    is_published: bool,
    /// Whether it has been told and is not new enough.
    is_behind: bool,
    /// Settled by a poll that failed after it.
    salvaged: Option<Observation>,
    discarded: DiscardCounts,
}

/// How Cost Explorer is asked.
#[derive(Debug)]
struct Caller {
    client: Client,
    attempted: CallDescription,
    spend: AwsSpend,
}

impl BillSource {
    /// Asks nothing yet. `aws` is who asks; the readers are the accounts that are asked for, each with the list of its
    /// functions, which may tell which account it is.
    #[must_use]
    pub fn new(settings: CostExplorerConfig, aws: Aws, readers: Vec<(Aws, Listed)>) -> Self {
        Self {
            cache: Cache::in_directory(&settings.cache_directory),
            settings,
            aws,
            readers,
            caller: None,
            is_published: false,
            is_behind: false,
            salvaged: None,
            discarded: DiscardCounts::default(),
        }
    }

    /// Runs its file operations.
    #[must_use]
    pub const fn disk(&self) -> &Disk {
        self.cache.disk()
    }

    /// What was left out or is lacking: `amount_not_understood`, `not_in_usd`, `cache_not_read`, `clock_ahead`, where it
    /// was kept at a time that has not come, and `pages_put_off`, where a day's calls did not suffice for all pages.
    #[must_use]
    pub fn discarded(&self) -> DiscardCounts {
        self.discarded.clone()
    }

    /// What is kept. Where that cannot be read, it is not known how many calls were made today: then none is made any
    /// more.
    async fn kept(&self, now: Timestamp) -> Result<Kept, SourceError> {
        let problem = match self.cache.read().await {
            Ok(kept) => return Ok(kept),
            Err(problem) => problem,
        };
        self.discarded.add("cache_not_read", 1);
        warn!(
            problem,
            "kept bill not read: it is set aside, and nothing is asked today"
        );
        let mut kept = Kept::default();
        kept.spend_all(now, self.settings.calls_per_day, &problem);
        let set_aside = self.cache.set_aside().await;
        set_aside.map_err(|problem| cache_error(&problem))?;
        self.keep(&kept).await?;
        Ok(kept)
    }

    async fn keep(&self, kept: &Kept) -> Result<(), SourceError> {
        let written = self.cache.write(kept).await;
        written.map_err(|problem| cache_error(&problem))
    }

    /// The accounts that are read, as far as they have functions. The own one is known once its functions were listed in any
    /// region.
    async fn accounts(&mut self) -> Result<BTreeSet<Arc<str>>, SourceError> {
        let deadline = Instant::now() + self.settings.list_wait;
        let mut accounts = BTreeSet::new();
        let (mut own_is_known, mut is_lacking) = (false, false);
        for (aws, listed) in &mut self.readers {
            if aws.site().account_id.is_none() {
                let first = listed.wait_for(Option::is_some);
                // What comes of it is looked at below.
                let _ = tokio::time::timeout_at(deadline, first).await;
            }
            let functions = listed.borrow();
            let listed = functions.as_ref().map(|one| Arc::clone(&one.account_id));
            is_lacking |= listed.is_none();
            let listed = listed.filter(|account_id| !account_id.is_empty());
            if let Some(account_id) = aws.site().account_id.or(listed) {
                own_is_known |= !aws.assumes_role();
                accounts.insert(account_id);
            }
        }
        let is_own = |(aws, _): &(Aws, Listed)| !aws.assumes_role();
        if is_lacking && !own_is_known && self.readers.iter().any(is_own) {
            return Err(SourceError::new(
                Reason::Incomplete,
                "it is not known yet which account is read, so its bill is not asked for",
                "see why the source `lambda` does not answer",
            ));
        }
        Ok(accounts)
    }

    /// The way to Cost Explorer, which has one region for all. Each attempt is paid, so the SDK makes one for a call.
    async fn caller(&mut self) -> Result<&Caller, SourceError> {
        let caller = match self.caller.take() {
            Some(caller) => caller,
            None => {
                let aws = self.aws.clone();
                let own = aws.session().await?;
                let there = aws.in_region(convert::api_region(&own.region));
                let session = there.session().await?;
                let once = aws_sdk_costexplorer::config::Builder::from(&session.config)
                    .retry_config(RetryConfig::disabled());
                Caller {
                    client: Client::from_conf(once.build()),
                    attempted: session.attempting(COST_EXPLORER, ACTION),
                    spend: session.spend.clone(),
                }
            }
        };
        Ok(self.caller.insert(caller))
    }

    /// Asks page by page, as long as calls are left. What was learned is in `kept`, also where the end is an error.
    async fn ask(
        &mut self,
        question: &Question,
        kept: &mut Kept,
        now: Timestamp,
    ) -> Result<(), SourceError> {
        self.caller().await?;
        let limit = self.settings.calls_per_day;
        let mut answer = Answer::default();
        let mut token: Option<String> = None;
        while kept.take_call(now, limit) {
            // Before the call, so that it counts whatever happens to it and to the program.
            self.keep(kept).await?;
            let page = self.caller().await?.page(question, token).await;
            let page = page.inspect_err(|error| {
                kept.settle(answer.settled(false, now));
                kept.record_failure(error);
            })?;
            token = page
                .next_page_token()
                .filter(|next| !next.is_empty())
                .map(str::to_owned);
            answer.add(page).report(&self.discarded);
            if token.is_none() {
                kept.settle(answer.settled(true, now));
                kept.record_success(now);
                return Ok(());
            }
        }
        self.discarded.add("pages_put_off", 1);
        let days = answer.settled(false, now);
        if days.is_empty() {
            return Err(SourceError::new(
                Reason::Incomplete,
                format!("{ACTION}: the {limit} paid calls of a day do not suffice for the pages of one day of the bill"),
                "raise `aws.bill.calls_per_day`",
            ))
            .inspect_err(|error| kept.record_failure(error));
        }
        warn!(
            days = days.len(),
            calls = limit,
            "the bill has more pages than calls of a day: the rest follows tomorrow"
        );
        kept.settle(days);
        kept.record_success(now);
        Ok(())
    }
}

impl Caller {
    async fn page(
        &self,
        question: &Question,
        token: Option<String>,
    ) -> Result<GetCostAndUsageOutput, SourceError> {
        let meter = Meter {
            spend: self.spend.clone(),
            api: API,
            price: Price::EachRequest,
        };
        let sent = question
            .to_request(&self.client)
            .set_next_page_token(token)
            .customize()
            .interceptor(meter)
            .send()
            .await;
        sent.map_err(|error| match error.code() {
            Some(UNAVAILABLE) => SourceError::new(
                Reason::Incomplete,
                format!(
                    "{ACTION}: {UNAVAILABLE}: {}",
                    error.message().unwrap_or("there are no data")
                ),
                "Cost Explorer has data a day after it was switched on in the billing console of the account that pays; it \
                 is asked again",
            ),
            _ => self.attempted.failed(error),
        })
    }
}

impl Poll for BillSource {
    fn source(&self) -> Source {
        Source::Bill
    }

    async fn poll(&mut self, now: Timestamp) -> Result<Vec<Observation>, SourceError> {
        let mut kept = self.kept(now).await?;
        if let Some(ahead) = kept.correct_clock(now) {
            self.discarded.add("clock_ahead", 1);
            let ahead_seconds = ahead.as_secs();
            warn!(
                ahead_seconds,
                "kept bill is ahead of the clock; it is taken as read now"
            );
            self.keep(&kept).await?;
        }
        let question = kept.question(now);
        let age = kept.asked_at().map(|at| Seconds::between(at, now));
        let is_fresh = age.is_some_and(|age| age < self.settings.refresh.into());
        let is_due = question.is_some() && !is_fresh;
        if !std::mem::replace(&mut self.is_published, true) && kept.has_days() {
            self.is_behind = is_due;
            return Ok(vec![kept.observation()]);
        }
        self.is_behind = false;
        let Some((start, end)) = question.filter(|_| is_due) else {
            return Ok(Vec::new());
        };
        kept.may_call(now, self.settings.calls_per_day)?;
        let accounts = self.accounts().await?;
        if accounts.is_empty() {
            // There are no functions.
            return Ok(Vec::new());
        }
        let question = Question::new(start, end, &accounts)
            .map_err(|problem| undecodable(ACTION, &problem))?;
        let asked = self.ask(&question, &mut kept, now).await;
        self.keep(&kept).await?;
        if asked.is_err() {
            self.salvaged = kept.has_days().then(|| kept.observation());
        }
        asked.map(|()| vec![kept.observation()])
    }

    async fn wait_for_change(&mut self) {
        if !self.is_behind {
            std::future::pending::<()>().await;
        }
    }

    fn partial_results(&mut self) -> Vec<Observation> {
        self.salvaged.take().into_iter().collect()
    }
}

fn cache_error(problem: &str) -> SourceError {
    SourceError::new(
        Reason::Incomplete,
        format!("calls that are paid cannot be counted, so none is made: {problem}"),
        "let `aws.bill.cache_directory` be a directory that breakeven can write to",
    )
}
