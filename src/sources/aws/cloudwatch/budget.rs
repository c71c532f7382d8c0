//! The budget that all sources of metrics share, and the plan that follows from it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::InsightsPlan;
use super::poll_schedule::{self, Forecast, IntervalStep, Plan, PollPriority, ScheduleLimits};
use super::query::READINGS;
use super::token_bucket::TokenBucket;
use crate::sources::aws::PER_METRIC_REQUESTED;
use breakeven_model::inventory::{FunctionId, Functions};
use breakeven_model::units::Usd;

/// The part of a month's budget that may be spent at once, where it was not spent before: for first readings.
const SAVED_SHARE: f64 = 0.1;

/// How much less than a whole metric is one, because fractions of seconds are rounded.
const ROUNDING: f64 = 1e-6;

/// An account and a region.
type AccountRegion = (Arc<str>, Arc<str>);

/// The budget for reading metrics; clones are the same one.
///
/// It plans how often each function is read, so that a month costs what was agreed. And it is a purse: what is really
/// asked for is taken from it, so that also what no plan knows cannot cost more, but makes the reading slower.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    terms: ScheduleLimits,
    functions: BTreeMap<AccountRegion, Vec<FunctionId>>,
    /// How many of them have Lambda Insights, and on how many pages they are listed.
    insights: BTreeMap<AccountRegion, (usize, usize)>,
    /// What others than functions take of the budget in a month.
    reserved: Forecast,
    poll_priorities: HashMap<FunctionId, PollPriority>,
    /// Absent where it has to be made anew.
    plan: Option<Arc<Plan>>,
    /// What was last told of the plan.
    logged_plan: Option<LoggedPlan>,
    /// Metrics that may be asked for.
    budget_balance: TokenBucket,
    filled_at: Option<Timestamp>,
}

/// What a purse held at an instant, to go on from after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetBalance {
    metrics: f64,
    at: Timestamp,
}

impl BudgetBalance {
    /// The same of now, if it is of a later instant: the clock was ahead.
    #[must_use]
    pub fn not_after(self, now: Timestamp) -> Self {
        Self {
            at: self.at.min(now),
            ..self
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LoggedPlan {
    functions: usize,
    with_poll_priorities: bool,
    is_over_budget: bool,
}

impl Budget {
    /// A budget that nothing was taken from yet.
    #[must_use]
    pub fn new(terms: ScheduleLimits) -> Self {
        let monthly = terms.budget.usd() / PER_METRIC_REQUESTED.each();
        let per_second = monthly / poll_schedule::month().as_secs_f64();
        Self(Arc::new(Mutex::new(State {
            terms,
            functions: BTreeMap::new(),
            insights: BTreeMap::new(),
            reserved: Forecast::default(),
            poll_priorities: HashMap::new(),
            plan: None,
            logged_plan: None,
            budget_balance: TokenBucket::full(monthly * SAVED_SHARE, per_second),
            filled_at: None,
        })))
    }

    /// Goes on from what another one held; what came in since comes with the next reading.
    pub fn resume(&self, balance: BudgetBalance) {
        let mut state = self.lock();
        state.budget_balance.restore(balance.metrics);
        state.filled_at = Some(balance.at);
    }

    /// What it holds; absent before anything was read.
    #[must_use]
    pub fn balance(&self) -> Option<BudgetBalance> {
        let state = self.lock();
        state.filled_at.map(|at| BudgetBalance {
            metrics: state.budget_balance.level(),
            at,
        })
    }

    /// What may be spent in a month.
    #[must_use]
    pub fn monthly(&self) -> Usd {
        self.lock().terms.budget
    }

    /// Says what is at stake with each function. One that is not among them is new.
    pub fn set_poll_priorities(&self, poll_priorities: HashMap<FunctionId, PollPriority>) {
        let mut state = self.lock();
        if state.poll_priorities != poll_priorities {
            state.poll_priorities = poll_priorities;
            state.plan = None;
        }
    }

    /// Sets aside what asking for so many statistics takes, so many times a day. What functions are read with is the rest.
    pub(in crate::sources) fn reserve(&self, statistics: usize, times_a_day: f64) {
        let times = times_a_day * poll_schedule::month().as_secs_f64() / 86_400.0;
        let reserved = Forecast::of_readings(statistics, times);
        let mut state = self.lock();
        if state.reserved != reserved {
            state.reserved = reserved;
            state.plan = None;
        }
    }

    /// Says which functions an account and region has.
    pub(super) fn list(&self, functions: &Functions) {
        let place = (functions.account_id.clone(), functions.region.clone());
        let mut state = self.lock();
        let known = state.functions.entry(place).or_default();
        let now = || functions.functions.iter().map(|function| &function.id);
        if !now().eq(known.iter()) {
            *known = now().cloned().collect();
            state.plan = None;
        }
    }

    /// Says how many functions of an account and region have Lambda Insights, and on how many pages they are listed.
    pub(super) fn list_insights(&self, place: &Functions, functions: usize, pages: usize) {
        let place = (place.account_id.clone(), place.region.clone());
        let mut state = self.lock();
        if state.insights.insert(place, (functions, pages)) != Some((functions, pages)) {
            state.plan = None;
        }
    }

    /// The plan, by what is known now.
    #[must_use]
    pub fn plan(&self) -> Arc<Plan> {
        let mut state = self.lock();
        if let Some(plan) = &state.plan {
            return Arc::clone(plan);
        }
        let functions = state.functions.values().flatten();
        let staked = functions.map(|id| (id, state.poll_priorities.get(id).copied()));
        let insights = state.insights();
        let reserved = state.reserved + insights.expected();
        let plan = Plan::new(staked, &READINGS, state.terms, reserved).beside(insights);
        let plan = Arc::new(plan);
        state.plan = Some(Arc::clone(&plan));
        state.log_plan(&plan);
        plan
    }

    /// The functions of the plan by how often they are read.
    #[must_use]
    pub fn intervals(&self) -> Vec<IntervalStep> {
        const MINUTES: [u64; 9] = [1, 2, 5, 10, 15, 30, 60, 180, 360];
        let steps = MINUTES.map(|minutes| Duration::from_secs(60 * minutes));
        self.plan().intervals(&steps)
    }

    /// How many statistics may be asked for now.
    pub(in crate::sources) fn affordable(&self, now: Timestamp) -> usize {
        let mut state = self.lock();
        let before = state.filled_at.unwrap_or(now);
        // Time that goes back brings nothing, and none that passes again.
        state.filled_at = Some(now.max(before));
        let passed = Duration::try_from(now.duration_since(before)).unwrap_or_default();
        state.budget_balance.advance(passed);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast from a float saturates"
        )]
        let affordable = (state.budget_balance.level() + ROUNDING) as usize;
        affordable
    }

    /// Takes what is asked for.
    pub(super) fn spend(&self, statistics: usize) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "no more than 500 are asked for at once"
        )]
        self.lock().budget_balance.consume(statistics as f64);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How often Lambda Insights is read.
    fn insights(&self) -> InsightsPlan {
        let all = self.insights.values();
        let sum = |(functions, pages), (more, and)| (functions + more, pages + and);
        let (functions, pages) = all.copied().fold((0, 0), sum);
        let metrics = self.terms.budget.usd() / PER_METRIC_REQUESTED.each();
        InsightsPlan::new(functions, pages, metrics)
    }

    /// Logs a plan that differs in more than details from what was last told.
    fn log_plan(&mut self, plan: &Plan) {
        let now = LoggedPlan {
            functions: plan.functions(),
            with_poll_priorities: !self.poll_priorities.is_empty(),
            is_over_budget: plan.is_over_budget(),
        };
        let before = self.logged_plan.replace(now);
        if before == Some(now) || now.functions == 0 {
            return;
        }
        let expected = plan.expected();
        let budget = self.terms.budget.usd();
        info!(
            functions = now.functions,
            metrics_per_month = expected.statistics.requests(),
            usd_per_month = expected.cost().usd(),
            usd_per_month_if_grouped = expected.cheaper_cost().usd(),
            budget_usd_per_month = budget,
            "plan for reading metrics"
        );
        if now.is_over_budget && !before.is_some_and(|before| before.is_over_budget) {
            warn!(
                budget_usd_per_month = budget,
                longest_interval_s = plan.longest().as_secs(),
                "the budget does not reach for reading every function as often as it should be; raise \
                 aws.budget_usd_per_month, or leave functions out"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn budget(usd: f64) -> Budget {
        Budget::new(ScheduleLimits {
            budget: Usd::from_usd(usd).unwrap(),
            ..ScheduleLimits::default()
        })
    }

    fn functions(region: &str, names: &[&str]) -> Functions {
        use breakeven_model::inventory::{Architecture, Function};
        use breakeven_model::units::{MemoryMib, Seconds};

        let function = |name: &&str| {
            Arc::new(Function {
                timeout: Seconds::ZERO,
                ..Function::plain(id(region, name), MemoryMib::MIN, Architecture::Arm64)
            })
        };
        Functions {
            at: Timestamp::UNIX_EPOCH,
            account_id: "1".into(),
            region: region.into(),
            functions: names.iter().map(function).collect(),
            concurrency_limit: None,
        }
    }

    fn id(region: &str, name: &str) -> FunctionId {
        FunctionId {
            account_id: "1".into(),
            region: region.into(),
            name: name.into(),
        }
    }

    #[test]
    fn a_purse_holds_a_tenth_of_a_month_and_fills_evenly() {
        let shared = budget(73.0);
        let at = |hours| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        assert_eq!(shared.affordable(at(0)), 730_000);
        shared.spend(700_000);
        assert_eq!(shared.affordable(at(0)), 30_000);
        // Ten cents are 10,000 metrics an hour.
        assert_eq!(shared.affordable(at(3)), 60_000);
        assert_eq!(shared.affordable(at(2)), 60_000, "a clock that is put back");
        assert_eq!(shared.affordable(at(3)), 60_000, "and goes on");
        assert_eq!(shared.clone().affordable(at(999)), 730_000);
        shared.spend(731_000);
        assert_eq!(shared.affordable(at(999)), 0);
    }

    #[test]
    fn a_purse_goes_on_from_what_another_one_held_and_is_never_fuller_than_full() {
        let at = |hours| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        let before = budget(73.0);
        assert_eq!(before.balance(), None);
        assert_eq!(before.affordable(at(0)), 730_000);
        before.spend(725_000);
        let balance = before.balance().unwrap();
        let same = budget(73.0);
        same.resume(balance);
        assert_eq!(same.affordable(at(0)), 5_000);
        assert_eq!(same.affordable(at(2)), 25_000);
        let smaller = budget(0.073);
        smaller.resume(balance);
        assert_eq!(smaller.affordable(at(0)), 730);
    }

    #[test]
    fn the_plan_is_one_for_all_places_and_follows_lists_and_stakes() {
        let shared = budget(1.0);
        shared.list(&functions("here", &["a", "b"]));
        shared.list(&functions("there", &["a"]));
        let plan = shared.plan();
        assert_eq!(plan.functions(), 3);
        assert!((plan.expected().cost().usd() - 0.9).abs() < 1e-6);
        assert!(Arc::ptr_eq(&plan, &shared.plan()), "nothing has changed");
        let all_alike = plan.interval(&id("here", "a"));
        assert_eq!(all_alike, plan.interval(&id("there", "a")));

        let poll_priority = |monthly| PollPriority {
            monthly: Usd::from_usd(monthly).unwrap(),
            margin: None,
        };
        shared.set_poll_priorities(HashMap::from([
            (id("here", "a"), poll_priority(9.0)),
            (id("here", "b"), poll_priority(1.0)),
            (id("there", "a"), poll_priority(1.0)),
        ]));
        let plan = shared.plan();
        assert!(plan.interval(&id("here", "a")) < all_alike);
        assert!(plan.interval(&id("there", "a")) > all_alike);

        shared.list(&functions("here", &["b"]));
        assert_eq!(shared.plan().functions(), 2);
        assert_eq!(shared.plan().interval(&id("here", "a")), None);
    }
}
