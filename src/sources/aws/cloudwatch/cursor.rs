//! How far each function has been read, and when it is read next.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::CloudWatchConfig;
use super::poll_schedule::Plan;
use super::query::{DueFunction, PERIOD, Scope};
use breakeven_model::inventory::{FunctionId, FunctionMinute, Functions};
use breakeven_model::units::Window;

/// The longest that a minute may take to settle. CloudWatch gives the last three hours at another rate than what is older.
const MAX_SETTLING: Duration = Duration::from_secs(3 * 3_600);

/// The pause after a function could not be read; each further failure doubles it, up to the function's interval.
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// Where the reading of each function stands.
#[derive(Debug, Default)]
pub(super) struct Progress {
    standings: BTreeMap<FunctionId, FunctionCursor>,
    /// How far a program before this one had read.
    resumed: Arc<HashMap<FunctionId, Timestamp>>,
    /// How long after its end it read a minute for the first time.
    delay: Duration,
}

#[derive(Debug, Default)]
struct FunctionCursor {
    /// The longest that an invocation may take.
    timeout: Duration,
    /// The end of the last window that was read completely.
    read_to: Option<Timestamp>,
    /// When it was read.
    read_at: Option<Timestamp>,
    /// Before it nothing changes any more of how often and how long it ran.
    counts_settled: Option<Timestamp>,
    /// Before it nothing changes any more at all.
    all_settled: Option<Timestamp>,
    /// Readings since all was read.
    readings: u32,
    /// What the last reading of everything said of the minutes that were not settled.
    unsettled: BTreeMap<i64, FunctionMinute>,
    /// How often in a row it could not be read, and when that is tried again.
    failed: Option<(u32, Timestamp)>,
    /// When the list first lacked it. Its last minutes are still read.
    gone_at: Option<Timestamp>,
}

impl Progress {
    /// Goes on from how far a program before this one had read.
    pub(super) fn resuming(read_to: Arc<HashMap<FunctionId, Timestamp>>, delay: Duration) -> Self {
        Self {
            resumed: read_to,
            delay,
            ..Self::default()
        }
    }

    /// Takes in functions that are new, and marks those that are gone.
    pub(super) fn record_list(&mut self, functions: &Functions) {
        for standing in self.standings.values_mut() {
            standing.gone_at = standing.gone_at.or(Some(functions.at));
        }
        for function in &functions.functions {
            let read_to = self.resumed.get(&function.id).copied();
            let new = || FunctionCursor::resumed(read_to, self.delay);
            let standing = self
                .standings
                .entry(function.id.clone())
                .or_insert_with(new);
            standing.gone_at = None;
            standing.timeout =
                Duration::try_from_secs_f64(function.timeout.seconds()).unwrap_or(MAX_SETTLING);
        }
    }

    /// What is to be read: of each function whose interval is over the time since it was settled, up to the last minute
    /// that is closed. Short windows come first, and what failed before comes last.
    pub(super) fn due(
        &self,
        now: Timestamp,
        closed: Window,
        plan: &Plan,
        settings: &CloudWatchConfig,
    ) -> Vec<DueFunction> {
        let backfill = closed.extended_back(settings.backfill);
        let reach = closed.extended_back(settings.backfill.max(settings.catch_up));
        let mut due: Vec<DueFunction> = self
            .standings
            .iter()
            .filter(|(id, standing)| standing.is_due(now, closed, plan.interval(id)))
            .filter_map(|(id, standing)| {
                let scope = standing.scope(plan.all_every());
                let window = match (scope, standing.all_settled, standing.counts_settled) {
                    (Scope::All, Some(settled), _) | (Scope::Counts, _, Some(settled)) => {
                        reach.since(settled)?
                    }
                    _ => standing.first_window(backfill, reach),
                };
                Some(DueFunction {
                    function: id.clone(),
                    window,
                    scope,
                    has_failed: standing.failed.is_some(),
                })
            })
            .collect();
        due.sort_by_key(|one| (one.has_failed, Reverse(one.window.start())));
        due
    }

    /// The minutes of which the last reading of everything said more than a reading of the counts does.
    pub(super) fn unsettled(&self, function: &FunctionId) -> BTreeMap<i64, FunctionMinute> {
        let standing = self.standings.get(function);
        standing
            .map(|one| one.unsettled.clone())
            .unwrap_or_default()
    }

    /// Notes what was read, and forgets the function if it was gone by the end of the window. Returns how many
    /// minutes were skipped, because they were too old to be in the window.
    pub(super) fn complete(
        &mut self,
        due: &DueFunction,
        minutes: &[FunctionMinute],
        now: Timestamp,
        settings: &CloudWatchConfig,
    ) -> u64 {
        let Some(standing) = self.standings.get_mut(&due.function) else {
            return 0;
        };
        let (window, end) = (due.window, due.window.end());
        let since = standing.read_to.unwrap_or(window.start());
        let skipped = u64::try_from(window.start().duration_since(since).as_mins()).unwrap_or(0);
        let settled = settled_before(now, standing.timeout, settings)
            .min(end)
            .max(window.start());
        standing.read_to = Some(end);
        standing.read_at = Some(now);
        standing.failed = None;
        standing.counts_settled = Some(settled);
        match due.scope {
            Scope::Counts => standing.readings += 1,
            Scope::All => {
                standing.all_settled = Some(settled);
                standing.readings = 1;
            }
        }
        let settled = settled.as_second().div_euclid(60);
        match due.scope {
            Scope::Counts => standing.unsettled.retain(|minute, _| settled <= *minute),
            Scope::All => {
                let unsettled = minutes.iter().filter(|one| settled <= one.minute);
                standing.unsettled = unsettled.map(|one| (one.minute, *one)).collect();
            }
        }
        if standing.gone_at.is_some_and(|gone_at| gone_at <= end) {
            self.standings.remove(&due.function);
        }
        skipped
    }

    /// Notes that a function could not be read.
    pub(super) fn fail(&mut self, function: &FunctionId, now: Timestamp, plan: &Plan) {
        let Some(standing) = self.standings.get_mut(function) else {
            return;
        };
        let times = standing.failed.map_or(0, |(times, _)| times);
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(times));
        let pause = pause.min(plan.interval(function).unwrap_or(FIRST_PAUSE));
        let again = now.saturating_add(SignedDuration::try_from(pause).unwrap_or_default());
        standing.failed = Some((times + 1, again.unwrap_or(now)));
    }
}

impl FunctionCursor {
    /// That of a function that was read up to then, if it was.
    fn resumed(read_to: Option<Timestamp>, delay: Duration) -> Self {
        let delay = SignedDuration::try_from(delay).unwrap_or_default();
        Self {
            read_to,
            read_at: read_to.and_then(|read_to| read_to.checked_add(delay).ok()),
            ..Self::default()
        }
    }

    /// What is read first: the backfill; after a restart all that was not settled by then, where that is more.
    fn first_window(&self, backfill: Window, reach: Window) -> Window {
        let unsettled = self.read_to.and_then(|read_to| {
            let settling = SignedDuration::try_from(MAX_SETTLING).ok()?;
            reach.since(read_to.checked_sub(settling).ok()?)
        });
        unsettled
            .filter(|unsettled| unsettled.start() < backfill.start())
            .unwrap_or(backfill)
    }

    fn is_due(&self, now: Timestamp, closed: Window, interval: Option<Duration>) -> bool {
        if let Some((_, again)) = self.failed {
            return again <= now;
        }
        let (Some(read_to), Some(read_at)) = (self.read_to, self.read_at) else {
            return true;
        };
        // One that is gone is in no plan, and is read to its end at once.
        let interval = interval.unwrap_or_default();
        let passed = now.duration_since(read_at);
        read_to < closed.end() && SignedDuration::try_from(interval).is_ok_and(|one| one <= passed)
    }

    const fn scope(&self, all_every: u32) -> Scope {
        if self.all_settled.is_none() || self.gone_at.is_some() || self.readings >= all_every {
            Scope::All
        } else {
            Scope::Counts
        }
    }
}

/// Minutes that end by then do not change any more.
///
/// Lambda reports an invocation in the minute in which it began, when it ends: a minute may grow for as long as an
/// invocation may take, and what is published then shows the usual delay later.
fn settled_before(now: Timestamp, timeout: Duration, settings: &CloudWatchConfig) -> Timestamp {
    let settling = settings.settle.max(timeout) + settings.delay;
    let settling = settling.clamp(settings.delay, MAX_SETTLING.max(settings.delay));
    Window::closed_before(now, PERIOD, settling).map_or(Timestamp::MIN, Window::end)
}

#[cfg(test)]
mod tests;
