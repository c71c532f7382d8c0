//! What the functions did, minute by minute, from CloudWatch.
//!
//! What enters: the list of functions, the budget, and how much cost depends on each. What leaves: observations of minutes.
//!
//! Metrics of each function are read with GetMetricData, by its name alone (the other dimensions of `AWS/Lambda` count the
//! same invocations again), in minutes.
//!
//! **When.** How often a function is read follows from what is at stake with it and from the [`Budget`], see
//! [`Plan`]. Asking is what costs; how much time is asked for costs nothing. Every reading brings all minutes since the
//! one before, so that a function that is read rarely is shown late, and loses nothing.
//!
//! **Which minutes.** Lambda reports an invocation in the minute in which it *started*, when it *ends*. So a minute is
//! read again until it is settled, [`CloudWatchConfig::settle`] or the function's timeout after its end, and what was said of it
//! before is revised. A function that is seen for the first time is read back as far as [`CloudWatchConfig::backfill`]; after an
//! outage the next reading brings what was missed, as far back as [`CloudWatchConfig::catch_up`] reaches.
//!
//! **Which metrics.** `Duration` has all that cost is made of: its sum, and how many were measured. At each fourth reading
//! of a function the others are read too, for all minutes since they were last: `Invocations` (what is billed, should it
//! differ), `Errors`, `Throttles` and `ConcurrentExecutions`.
//!
//! **Beside them** what Lambda Insights measures is read, of the functions that have it: see [`InsightsPlan`] for how often.
//!
//! **What fails** stays due. A function whose queries fail is asked for alone from then on, and keeps no other from
//! being read.

mod budget;
mod convert;
mod cursor;
mod get_metric_data;
mod insights;
mod list_metrics;
mod poll_schedule;
mod query;
mod rate_limiter;
mod response;
mod token_bucket;

pub use budget::{Budget, BudgetBalance};
pub use get_metric_data::API;
pub(in crate::sources) use get_metric_data::Caller;
pub use insights::InsightsPlan;
pub(in crate::sources) use list_metrics::Lister;
pub use poll_schedule::{Forecast, IntervalStep, Plan, PollPriority, ScheduleLimits};
pub(in crate::sources) use query::{fits_one_call, minutes};
pub(in crate::sources) use response::{MissingResult, Query};

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tracing::{debug, warn};

use self::convert::{MinuteResult, UnexpectedResult};
use self::cursor::Progress;
use self::insights::InsightsReading;
use self::query::{DueFunction, PERIOD};
use crate::sources::aws::lambda::Listed;
use crate::sources::aws::{Aws, Session};
use crate::sources::{
    DiscardCounts, MissingAttributes, Poll, Reason, Source, SourceError, SourceLocation,
};
use breakeven_model::inventory::{
    FunctionBatch, FunctionId, FunctionMinute, FunctionMinutes, Functions, Observation,
};
use breakeven_model::units::Window;

/// How often a call is repeated for those of its functions that another one, which failed, kept from being answered.
const MAX_ROUNDS: usize = 4;

/// How many calls may fail before a poll gives up the others.
const MAX_FAILED_CALLS: usize = 2;

/// How far the functions' minutes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloudWatchConfig {
    /// How long after its end a minute is read for the first time.
    ///
    /// CloudWatch shows the metrics of Lambda within one to two minutes of the invocation's end; three are
    /// waited for. What comes later is brought by a later reading.
    pub delay: Duration,
    /// How long after that a minute may still change; longer for functions with a longer timeout, and no longer than
    /// three hours.
    pub settle: Duration,
    /// How far back the first reading of a function reaches: the decision window.
    pub backfill: Duration,
    /// How far back a later reading reaches at the most. CloudWatch keeps minutes for 15 days.
    pub catch_up: Duration,
    /// How long a poll waits for the functions to be listed for the first time.
    pub list_wait: Duration,
    /// Whether Lambda Insights is read, of the functions that have it.
    pub insights: bool,
}

impl Default for CloudWatchConfig {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(180),
            settle: Duration::from_secs(900),
            backfill: Duration::from_secs(24 * 3_600),
            catch_up: Duration::from_secs(14 * 24 * 3_600),
            list_wait: Duration::from_secs(10),
            insights: true,
        }
    }
}

/// Reads the minutes of the listed functions that are due when it is polled.
#[derive(Debug)]
pub struct CloudWatchSource {
    settings: CloudWatchConfig,
    aws: Aws,
    listed: Listed,
    budget: Budget,
    caller: Option<Caller>,
    /// Why the last reading failed, until one does not.
    failure: Option<SourceError>,
    progress: Progress,
    /// Whether the budget was too small for the last poll.
    is_short: bool,
    /// Read already, and paid for, but not yet handed on because what came after it failed.
    kept: Vec<FunctionBatch>,
    insights: InsightsReading,
    discarded: DiscardCounts,
}

impl CloudWatchSource {
    /// Asks nothing yet. `listed` comes from the source of the functions; the budget may be shared with others.
    #[must_use]
    pub fn new(settings: CloudWatchConfig, aws: Aws, listed: Listed, budget: Budget) -> Self {
        Self {
            settings,
            aws,
            listed,
            budget,
            caller: None,
            failure: None,
            progress: Progress::default(),
            is_short: false,
            kept: Vec::new(),
            insights: InsightsReading::default(),
            discarded: DiscardCounts::default(),
        }
    }

    /// Goes on from where the functions were read to by a program before this one: each is read when it would have been, and
    /// from what was not settled by then.
    #[must_use]
    pub fn resuming(mut self, read_to: Arc<HashMap<FunctionId, Timestamp>>) -> Self {
        self.progress = Progress::resuming(read_to, self.settings.delay);
        self
    }

    /// What was left out or is lacking: `outside_the_window`, `twice`, `invocations_without_duration`,
    /// `minutes_too_old_to_catch_up`, `message`; readings of a function that failed while others did not:
    /// `function_forbidden`, `function_incomplete`, `function_invalid`; and readings that were put off because the
    /// budget was spent: `over_budget`; and Lambda Insights, where it could not be read: `insights_unread`.
    #[must_use]
    pub fn discarded(&self) -> DiscardCounts {
        self.discarded.clone()
    }

    /// The account whose functions it reads.
    fn account_id(&self) -> Option<Arc<str>> {
        let listed = self.listed.borrow();
        let account_id = listed
            .as_ref()
            .map(|functions| functions.account_id.clone());
        account_id
            .filter(|account_id| !account_id.is_empty())
            .or_else(|| self.aws.site().account_id)
    }

    /// The functions as last listed, waiting a little for the first list.
    async fn functions(&mut self) -> Result<Arc<Functions>, SourceError> {
        let first = self.listed.wait_for(Option::is_some);
        let listed = match tokio::time::timeout(self.settings.list_wait, first).await {
            Ok(Ok(listed)) => listed.clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        listed.ok_or_else(|| {
            SourceError::new(
                Reason::Incomplete,
                "the functions are not listed yet, so there is none to ask metrics for",
                "see why the source `lambda` does not answer",
            )
        })
    }

    /// Those of the due readings that the budget is enough for now: where it is not for all, those with the most at stake.
    fn affordable(
        &mut self,
        due: Vec<DueFunction>,
        plan: &Plan,
        now: Timestamp,
    ) -> Vec<DueFunction> {
        let size = |one: &DueFunction| one.scope.series().len();
        let affordable = self.budget.affordable(now);
        let was_short = self.is_short;
        self.is_short = due.iter().map(size).sum::<usize>() > affordable;
        if !self.is_short {
            return due;
        }
        let mut order: Vec<usize> = (0..due.len()).collect();
        order.sort_by(|one, other| plan.order(&due[*one].function, &due[*other].function));
        let mut taken = 0;
        order.retain(|index| {
            taken += size(&due[*index]);
            taken <= affordable
        });
        let put_off = due.len() - order.len();
        self.discarded
            .add("over_budget", put_off.try_into().unwrap_or(u64::MAX));
        if !was_short {
            warn!(
                functions = put_off,
                "reading metrics is put off, because what of the budget has come in by now is spent"
            );
        }
        order.sort_unstable();
        let mut order = order.into_iter().peekable();
        let kept = |(index, one): (usize, DueFunction)| order.next_if_eq(&index).map(|_| one);
        due.into_iter().enumerate().filter_map(kept).collect()
    }

    fn record_minutes(&mut self, due: &DueFunction, minutes: Vec<FunctionMinute>, now: Timestamp) {
        let skipped = self.progress.complete(due, &minutes, now, &self.settings);
        if skipped > 0 {
            self.discarded.add("minutes_too_old_to_catch_up", skipped);
            warn!(
                function = &*due.function.name,
                minutes = skipped,
                "minutes were too old to catch up with"
            );
        }
        self.kept.push(FunctionBatch {
            id: due.function.clone(),
            window: due.window,
            minutes,
        });
    }

    fn record_failure(
        &mut self,
        due: &DueFunction,
        missing: &MissingResult,
        now: Timestamp,
        plan: &Plan,
    ) {
        self.progress.fail(&due.function, now, plan);
        let counted = match missing.reason {
            Reason::Forbidden => "function_forbidden",
            Reason::InvalidResponse => "function_invalid",
            _ => "function_incomplete",
        };
        self.discarded.add(counted, 1);
        let (function, problem) = (&*due.function.name, &*missing.problem);
        if due.has_failed {
            debug!(function, problem, "a function can still not be read");
        } else {
            warn!(function, problem, "a function could not be read");
        }
    }

    /// How it is asked, for as long as it is.
    fn caller(&mut self, session: &Session) -> Caller {
        let caller = self.caller.take();
        caller.unwrap_or_else(|| Caller::new(session, self.aws.linked()))
    }

    /// Reads what Lambda Insights measures, where that is wanted and due.
    async fn read_insights(&mut self, functions: &Functions, now: Timestamp) {
        if !self.settings.insights || !self.insights.is_due(now, &self.budget) {
            return;
        }
        let aws = self.aws.clone();
        // Without a session the functions could not be read either.
        let Ok(session) = aws.session().await else {
            return;
        };
        let mut caller = self.caller(session);
        let asked = (functions, &self.settings, now);
        self.insights
            .read(&mut caller, session, asked, &self.budget, &self.discarded)
            .await;
        self.caller = Some(caller);
    }

    /// Reads what is due, each call by itself, and says how that went.
    async fn read(
        &mut self,
        due: &[DueFunction],
        now: Timestamp,
        plan: &Plan,
    ) -> Result<(), SourceError> {
        let aws = self.aws.clone();
        let session = aws.session().await?;
        let mut caller = self.caller(session);
        let mut warning = PollWarning::default();
        for batch in query::batches(due) {
            let read = self.read_batch(&mut caller, session, batch, (now, plan), &mut warning);
            if let Err(error) = read.await {
                let gives_up = !is_call_error(error.reason());
                warning.failed_calls.push(error);
                if gives_up || warning.failed_calls.len() == MAX_FAILED_CALLS {
                    break;
                }
            }
        }
        let verdict = warning.verdict(&caller);
        self.caller = Some(caller);
        verdict
    }

    /// The functions of one call. Where one fails and keeps others from being answered, these are asked for again without
    /// it.
    async fn read_batch(
        &mut self,
        caller: &mut Caller,
        session: &Session,
        batch: &[DueFunction],
        (now, plan): (Timestamp, &Plan),
        warning: &mut PollWarning,
    ) -> Result<(), SourceError> {
        let mut asked: Vec<&DueFunction> = batch.iter().collect();
        let Some(longest) = asked.iter().min_by_key(|due| due.window.start()) else {
            return Ok(());
        };
        let window = longest.window;
        for _ in 0..MAX_ROUNDS {
            let functions = asked.iter().map(|due| (&due.function, due.scope));
            let queries = query::queries(functions, caller.linked());
            let answer = caller.ask(session, (window, queries), &self.budget).await?;
            answer.report(&self.discarded);
            let mut unexpected = UnexpectedResult::default();
            let unsettled = |due: &DueFunction| self.progress.unsettled(&due.function);
            let outcomes = convert::outcomes(&answer, window, &asked, unsettled, &mut unexpected);
            unexpected.report(&self.discarded);
            let (mut unanswered, mut has_failed) = (Vec::new(), false);
            for (due, outcome) in outcomes {
                match outcome {
                    MinuteResult::Whole(minutes) => {
                        warning.read += 1;
                        self.record_minutes(due, minutes, now);
                    }
                    MinuteResult::Failed(missing) => {
                        has_failed = true;
                        self.record_failure(due, &missing, now, plan);
                        warning.first_missing.get_or_insert(missing);
                    }
                    MinuteResult::Unanswered => unanswered.push(due),
                }
            }
            asked = unanswered;
            if asked.is_empty() {
                return Ok(());
            }
            if !has_failed {
                break;
            }
        }
        Err(caller.error(&MissingResult {
            reason: Reason::Incomplete,
            problem: format!("{} functions have no answer", asked.len()),
        }))
    }
}

/// What went wrong in a poll.
#[derive(Debug, Default)]
struct PollWarning {
    failed_calls: Vec<SourceError>,
    first_missing: Option<MissingResult>,
    /// Functions that were read.
    read: usize,
}

impl PollWarning {
    /// The source has failed when a call has, or when nothing at all could be read.
    fn verdict(self, caller: &Caller) -> Result<(), SourceError> {
        let missing = self.first_missing.filter(|_| self.read == 0);
        let failed = self.failed_calls.into_iter().next();
        match failed.or_else(|| missing.map(|missing| caller.error(&missing))) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

/// Whether a failure may be one of this call alone, so that others are tried.
const fn is_call_error(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::ServerError | Reason::InvalidResponse | Reason::InvalidRequest | Reason::Incomplete
    )
}

impl Poll for CloudWatchSource {
    fn source(&self) -> Source {
        Source::CloudWatch
    }

    fn reader(&self) -> Option<Arc<str>> {
        self.aws.name()
    }

    fn location(&self) -> SourceLocation {
        SourceLocation {
            account_id: self.account_id(),
            ..self.aws.site()
        }
    }

    fn missing_attributes(&self) -> MissingAttributes {
        self.insights.missing_attributes()
    }

    /// What is read of one call is kept at once, so an error or a timeout later in the poll costs
    /// only the call it struck.
    async fn poll(&mut self, now: Timestamp) -> Result<Vec<Observation>, SourceError> {
        let functions = self.functions().await?;
        self.progress.record_list(&functions);
        self.budget.list(&functions);
        let Some(closed) = Window::closed_before(now, PERIOD, self.settings.delay) else {
            return Ok(Vec::new());
        };
        let plan = self.budget.plan();
        let due = self.progress.due(now, closed, &plan, &self.settings);
        let due = self.affordable(due, &plan, now);
        if !due.is_empty() {
            let read = self.read(&due, now, &plan).await;
            self.failure = read.err();
        }
        // Between two attempts nothing is due, and what failed still does.
        match &self.failure {
            Some(failure) => Err(failure.clone()),
            None => {
                self.read_insights(&functions, now).await;
                Ok(self.partial_results())
            }
        }
    }

    fn partial_results(&mut self) -> Vec<Observation> {
        let functions = std::mem::take(&mut self.kept);
        let minutes = (!functions.is_empty())
            .then_some(Observation::FunctionMinutes(FunctionMinutes { functions }));
        let insights = self.insights.take().map(Observation::Insights);
        // What is measured first, as it says what the minutes cost.
        insights.into_iter().chain(minutes).collect()
    }
}
