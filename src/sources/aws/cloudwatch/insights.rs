//! What Lambda Insights measures of functions, where it is switched on: processor time, memory, initialisation.
//!
//! Which functions have it is asked once an hour with ListMetrics, which names 500 metrics a page and costs as much as one
//! metric that is read. Those are read with GetMetricData, over the whole decision window each time: how much time is
//! asked for costs nothing, and nothing has to be kept from one reading to the next. How often follows from the
//! budget, of which it takes a tenth at most, see [`InsightsPlan`].
//!
//! All of it can be done without: where it cannot be read, what was known last stands, and what is lacking is said.

mod convert;
mod list;
mod plan;

pub use plan::InsightsPlan;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{debug, info, warn};

use self::convert::{MEASURED, NAMESPACE};
use super::CloudWatchConfig;
use super::budget::Budget;
use super::get_metric_data::Caller;
use super::list_metrics::Lister;
use crate::sources::aws::Session;
use crate::sources::{DiscardCounts, MissingAttributes, SourceError};
use breakeven_model::inventory::{FunctionId, Functions, Insights, InsightsRead};
use breakeven_model::units::Window;

/// The length of the steps that are asked for: only their sums matter, and CloudWatch keeps them for 63 days.
const PERIOD: Duration = Duration::from_secs(300);

/// From one list of the functions that have it to the next.
const LIST_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// How long after a failure it is tried again.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// What is lost without it.
const LOSS: &str = "processor time, memory and initialisation of functions, by Lambda Insights";

/// As it is counted.
const UNREAD: &str = "insights_unread";

/// Where reading Lambda Insights in one account and region stands.
#[derive(Debug, Default)]
pub(super) struct InsightsReading {
    lister: Option<Lister>,
    /// When it was last listed which functions have it.
    listed_at: Option<Timestamp>,
    /// The functions that have it, and when each was last read.
    functions: BTreeMap<FunctionId, Option<Timestamp>>,
    /// What to wait for after a failure.
    not_before: Option<Timestamp>,
    /// Why it could not be read when that was last tried.
    lacking: Option<String>,
    /// Read already, and not yet handed on.
    kept: Vec<(FunctionId, Option<Insights>)>,
}

impl InsightsReading {
    /// What could not be read, by what is lost without it.
    pub(super) fn missing_attributes(&self) -> MissingAttributes {
        let lacking = self.lacking.iter();
        lacking.map(|why| (LOSS, why.clone())).collect()
    }

    /// What was read and not handed on yet; absent where nothing was.
    pub(super) fn take(&mut self) -> Option<InsightsRead> {
        let functions = std::mem::take(&mut self.kept);
        (!functions.is_empty()).then_some(InsightsRead { functions })
    }

    /// Whether anything is to be asked for now.
    pub(super) fn is_due(&self, now: Timestamp, budget: &Budget) -> bool {
        let waits = self.not_before.is_some_and(|instant| now < instant);
        !waits && (self.is_list_due(now) || !self.due(now, budget).is_empty())
    }

    fn is_list_due(&self, now: Timestamp) -> bool {
        self.listed_at
            .is_none_or(|at| now.duration_since(at) >= LIST_EVERY)
    }

    /// The functions whose turn it is.
    fn due(&self, now: Timestamp, budget: &Budget) -> Vec<FunctionId> {
        let interval = budget.plan().insights().interval();
        let is_over = |at: Timestamp| {
            SignedDuration::try_from(interval).is_ok_and(|one| one <= now.duration_since(at))
        };
        let functions = self.functions.iter();
        functions
            .filter(|(_, read_at)| read_at.is_none_or(is_over))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Lists and reads what is due, as far as the budget reaches.
    pub(super) async fn read(
        &mut self,
        caller: &mut Caller,
        session: &Session,
        (functions, settings, now): (&Functions, &CloudWatchConfig, Timestamp),
        budget: &Budget,
        discarded: &DiscardCounts,
    ) {
        let listed = self
            .list(caller.linked(), session, functions, now, budget)
            .await;
        let read = match listed {
            Ok(()) => {
                self.read_due(caller, session, (settings, now), budget, discarded)
                    .await
            }
            Err(error) => Err(error),
        };
        match read {
            Ok(()) => {
                self.not_before = None;
                if self.lacking.take().is_some() {
                    info!("lambda insights is read again");
                }
            }
            Err(error) => {
                self.not_before = now.checked_add(AGAIN_AFTER).ok();
                discarded.add(UNREAD, 1);
                let error = error.to_string();
                match self.lacking.replace(error.clone()) {
                    Some(before) if before == error => debug!(error, "still not read"),
                    _ => warn!(
                        error,
                        reason = UNREAD,
                        "not read; its last values stay in use, and functions without any are reported without it"
                    ),
                }
            }
        }
    }

    async fn list(
        &mut self,
        linked: Option<&str>,
        session: &Session,
        functions: &Functions,
        now: Timestamp,
        budget: &Budget,
    ) -> Result<(), SourceError> {
        if self.is_list_due(now) {
            let lister = self
                .lister
                .get_or_insert_with(|| Lister::new(session, linked));
            let listed = lister.list(session, (NAMESPACE, MEASURED), None).await?;
            budget.spend(listed.pages);
            self.record_list(functions, &list::names(&listed.metrics), now);
            budget.list_insights(functions, self.functions.len(), listed.pages);
        }
        Ok(())
    }

    async fn read_due(
        &mut self,
        caller: &mut Caller,
        session: &Session,
        (settings, now): (&CloudWatchConfig, Timestamp),
        budget: &Budget,
        discarded: &DiscardCounts,
    ) -> Result<(), SourceError> {
        let due = self.due(now, budget);
        let affordable = budget.affordable(now) / convert::QUERIES;
        let (due, put_off) = due.split_at(due.len().min(affordable));
        if !put_off.is_empty() {
            discarded.add("over_budget", put_off.len().try_into().unwrap_or(u64::MAX));
        }
        let Some(window) = Window::closed_before(now, PERIOD, settings.delay) else {
            return Ok(());
        };
        let window = window.extended_back(settings.backfill);
        let mut missing = None;
        for asked in due.chunks(convert::functions_at_once(window)) {
            let queries = convert::queries(asked, caller.linked());
            let answer = caller.ask(session, (window, queries), budget).await?;
            answer.report(discarded);
            for (id, outcome) in convert::insights(&answer, window, asked, now) {
                match outcome {
                    Ok(insights) => {
                        self.functions.insert(id.clone(), Some(now));
                        self.kept.push((id, insights));
                    }
                    Err(one) => missing = Some(one),
                }
            }
        }
        missing.map_or(Ok(()), |missing| Err(caller.error(&missing)))
    }

    /// Takes in which functions have it. Of those that had it and have it no more, nothing is measured from now on. What those on
    /// managed instances measure is of instances and not of invocations.
    fn record_list(&mut self, functions: &Functions, names: &BTreeSet<Arc<str>>, now: Timestamp) {
        let have = functions.functions.iter().filter(|function| {
            function.capacity_provider.is_none() && names.contains(&function.id.name)
        });
        let mut before = std::mem::take(&mut self.functions);
        self.functions = have
            .map(|function| {
                let read_at = before.remove(&function.id).flatten();
                (function.id.clone(), read_at)
            })
            .collect();
        self.kept.extend(before.into_keys().map(|id| (id, None)));
        self.listed_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakeven_model::inventory::{Architecture, Function};
    use breakeven_model::units::MemoryMib;

    fn functions(names: &[&str]) -> Functions {
        let function = |name: &&str| {
            let id = FunctionId {
                account_id: "1".into(),
                region: "r".into(),
                name: (*name).into(),
            };
            let plain = Function::plain(id, MemoryMib::MIN, Architecture::Arm64);
            Arc::new(Function {
                capacity_provider: name.starts_with("managed").then(|| "batch".into()),
                ..plain
            })
        };
        Functions {
            at: Timestamp::UNIX_EPOCH,
            account_id: "1".into(),
            region: "r".into(),
            functions: names.iter().map(function).collect(),
            concurrency_limit: None,
        }
    }

    #[test]
    fn of_a_function_that_has_it_no_more_nothing_is_measured_from_then_on() {
        let at = |hour| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour);
        let names = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect();
        let mut reading = InsightsReading::default();
        let all = functions(&["a", "b", "managed-c"]);
        reading.record_list(&all, &names(&["a", "b", "managed-c", "gone"]), at(0));
        let known: Vec<_> = reading
            .functions
            .keys()
            .map(|id| id.name.to_string())
            .collect();
        assert_eq!(known, ["a", "b"]);
        assert_eq!(reading.take(), None);

        reading.record_list(&all, &names(&["b"]), at(1));
        let read = reading.take().unwrap().functions;
        let read: Vec<_> = read.iter().map(|(id, one)| (&*id.name, one)).collect();
        assert_eq!(read, [("a", &None)]);
        assert_eq!(reading.take(), None, "it is said once");
    }
}
