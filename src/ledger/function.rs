//! The account of a function.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::billed_days::{Days, Revision, by_day, day_of};
use super::intervals::Intervals;
use super::minutes::Minutes;
use super::revisable_counter::{Increase, Overcount};
use breakeven_model::ModelParameters;
use breakeven_model::billing::LambdaUsage;
use breakeven_model::cold_starts::{ConcurrencyColdStarts, cold_starts_from_peaks, whole_minutes};
use breakeven_model::concurrency::{Concurrency, MinuteConcurrency};
use breakeven_model::inventory::{Function, FunctionBatch};
use breakeven_model::lambda::{Component, Init, Run};
use breakeven_model::traffic_pattern::classify;
use breakeven_model::units::{GibSeconds, Ratio, Requests, Seconds, Usd};
use breakeven_model::window::FunctionWindow;

/// How many minutes are kept at least, to be revised: Lambda shows an invocation when it has ended, which is up to 15
/// minutes after the one in which it began, and CloudWatch may be late by some hours.
const MIN_KEPT: i64 = 180;

/// The length of a minute.
const MINUTE: Seconds = match Seconds::from_seconds(60.0) {
    Ok(minute) => minute,
    Err(_) => Seconds::ZERO,
};

/// So few requests that they cost nothing.
const TRACE: Requests = match Requests::from_requests(1e-9) {
    Ok(trace) => trace,
    Err(_) => Requests::ZERO,
};

/// What one function cost, and the minutes it ran.
///
/// A minute may be told again, and then what was told last stands. Totals grow by what a minute grew. Where one shrinks
/// they stay, and what grows later first makes up for it. So they never fall, and once all minutes are settled they are
/// what those add up to, in whichever order and grouping they came.
///
/// The state file has no configuration: it comes with the next list, and then the window is made of the minutes again.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FunctionAccount {
    totals: Totals,
    /// What the totals hold and the minutes do not, as they shrank.
    overcount: Overcount,
    minutes: Minutes,
    /// The minutes that are known.
    known: Intervals,
    /// Minutes before it are not kept any more, and not taken in again.
    kept_since: i64,
    /// What the known minutes of the window add up to, made once for each batch.
    #[serde(skip)]
    window: Option<FunctionWindow>,
    /// Its configuration as last known, for the minutes that come after it is gone.
    #[serde(skip)]
    function: Option<Arc<Function>>,
    /// Whether the list of functions lacks it, and since when.
    is_deleted: bool,
    deleted_since: Option<Timestamp>,
}

/// What has added up since counting began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// What Lambda charged, by what it is for.
    pub cost: BTreeMap<Component, Usd>,
    /// Memory over billed time.
    pub gib_seconds: GibSeconds,
    /// Billed invocations.
    pub invocations: Requests,
    /// Those that did not fail.
    pub served: Requests,
    /// Those that failed.
    pub errors: Requests,
    /// Invocations that were turned away.
    pub throttles: Requests,
    /// Environments that had to be started.
    pub cold_starts: Requests,
}

fn minute_of(instant: Timestamp) -> i64 {
    instant.as_second().div_euclid(60)
}

fn start_of(minute: i64) -> Timestamp {
    Timestamp::from_second(minute.saturating_mul(60)).unwrap_or(Timestamp::MIN)
}

impl FunctionAccount {
    /// Takes in what is known of the minutes of a window. Those that began before `started` are in no total, whenever
    /// they become known and however often they are revised; but they are in the sums of their days.
    pub(super) fn run(
        &mut self,
        function: Option<&Arc<Function>>,
        batch: &FunctionBatch,
        started: Timestamp,
        days: &mut Days,
        settings: &ModelParameters,
    ) {
        if let Some(function) = function {
            self.function = Some(Arc::clone(function));
        }
        let Some(function) = self.function.clone() else {
            return;
        };
        let (from, to) = (
            minute_of(batch.window.start()).max(self.kept_since),
            minute_of(batch.window.end()),
        );
        if to <= from {
            return;
        }
        let keep_alive = settings.lambda.keep_alive.point;
        for part in by_day(from..to) {
            let counted = part.start.max(minute_of(started))..part.end;
            let seen = |account: &Self| {
                let whole = account.seen(&function, &part, keep_alive);
                let is_counted = counted.start <= part.start;
                let totals = if is_counted {
                    whole
                } else {
                    account.seen(&function, &counted, keep_alive)
                };
                (whole, totals)
            };
            let before = seen(self);
            let day = day_of(part.start);
            let of_day = self.known.between(start_of(day.start), start_of(day.end));
            self.minutes.replace(&part, &batch.minutes);
            self.known.add(start_of(part.start), start_of(part.end));
            let after = seen(self);
            let growth = self.overcount.growth(&before.1, &after.1);
            self.totals.add(&function, &growth, settings);
            let usage = |seen: &Increase| usage(&function, seen, settings);
            let revision = Revision {
                before: usage(&before.0),
                after: usage(&after.0),
                seen: after.0.time.less(before.0.time),
                is_first: of_day.is_zero(),
            };
            days.revise(part.start, &function, &revision);
        }
        self.forget(settings.decision_window);
        self.window = self.sum_up(&function, settings);
    }

    /// What the minutes of a range add up to, as far as they are known. Cold starts are as large a share of the invocations as was
    /// measured; where none was, those that the range can have a part in: of the range, and of the keep-alive after it.
    fn seen(&self, function: &Function, counted: &Range<i64>, keep_alive: Seconds) -> Increase {
        let kept = whole_minutes(keep_alive);
        let touched = counted.start.saturating_sub(kept)..counted.end.saturating_add(kept);
        let sums = self.minutes.sums(counted);
        let cold_starts = match function.cold_share() {
            Some(share) => sums.invocations * share,
            None => self
                .cold_starts_from_peaks(function, touched, keep_alive)
                .certain_cold_starts(),
        };
        let minutes = self.minutes.within(counted);
        Increase {
            sums,
            provisioned: minutes.map(|one| function.ready_time(&one)).sum(),
            cold_starts,
            time: self
                .known
                .between(start_of(counted.start), start_of(counted.end)),
        }
    }

    /// The spans of a range whose minutes are known.
    fn spans(&self, range: &Range<i64>) -> impl Iterator<Item = Range<i64>> {
        let from = range.start.max(self.kept_since);
        self.known
            .within(start_of(from), start_of(range.end))
            .map(|(from, to)| minute_of(from)..minute_of(to))
    }

    /// The cold starts in the known minutes of a range, of environments besides those that are kept ready. In the first ones
    /// after a time that is not known it is not sure whether idle environments were left.
    fn cold_starts_from_peaks(
        &self,
        function: &Function,
        range: Range<i64>,
        keep_alive: Seconds,
    ) -> ConcurrencyColdStarts {
        self.spans(&range)
            .map(|span| {
                let peaks = self
                    .minutes
                    .within(&span)
                    .map(|one| (one.minute, function.peak_beyond_provisioned(&one)));
                cold_starts_from_peaks(peaks, span.start..=span.end - 1, keep_alive)
            })
            .sum()
    }

    /// Lets go of the minutes before a window that ends with the last one.
    fn forget(&mut self, window: Seconds) {
        let Some(end) = self.known.until() else {
            return;
        };
        let kept = minutes_in(window).max(MIN_KEPT);
        self.kept_since = self.kept_since.max(minute_of(end) - kept);
        self.minutes.forget(self.kept_since);
        self.known.forget(start_of(self.kept_since));
    }

    /// Forgets the minutes after an instant, which the clock was ahead by. What the totals have of them stays, and is not
    /// counted again when they come.
    pub(super) fn truncate_after(
        &mut self,
        now: Timestamp,
        started: Timestamp,
        settings: &ModelParameters,
    ) {
        let from = minute_of(now);
        self.kept_since = self.kept_since.min(from);
        self.deleted_since = self.deleted_since.map(|since| since.min(now));
        let Some(until) = self.known.until().filter(|until| *until > start_of(from)) else {
            return;
        };
        let counted = from.max(minute_of(started))..minute_of(until);
        let time = self
            .known
            .between(start_of(counted.start), start_of(counted.end));
        self.overcount.add(self.minutes.sums(&counted), time);
        self.minutes.truncate(from);
        self.known.truncate_after(start_of(from));
        if let Some(function) = self.function.clone() {
            self.window = self.sum_up(&function, settings);
        }
    }

    /// What has added up.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Up to when its minutes are known.
    pub(super) fn counted_until_by_function(&self) -> Option<Timestamp> {
        self.known.until()
    }

    /// What was seen of it in the decision window; absent while no minute is known.
    #[must_use]
    pub fn window(&self) -> Option<&FunctionWindow> {
        self.window.as_ref()
    }

    /// The bytes that it holds beside itself, but for what maps and the configuration take.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        let window = self.window.as_ref();
        self.minutes.heap_bytes() + window.map_or(0, |window| window.concurrency.heap_bytes())
    }

    /// Notes whether the function is listed. After a restart it is then known again what it is.
    pub(super) fn record_attributes(
        &mut self,
        listed: Option<&Arc<Function>>,
        settings: &ModelParameters,
    ) {
        self.is_deleted = listed.is_none();
        if let (None, Some(function)) = (&self.function, listed) {
            self.window = self.sum_up(function, settings);
            self.function = Some(Arc::clone(function));
        }
    }

    /// Since when it is known not to exist, now at the latest; absent while it exists.
    pub(super) fn deleted_since(&mut self, now: Timestamp) -> Option<Timestamp> {
        let since = self.deleted_since.unwrap_or(now);
        self.deleted_since = self.is_deleted.then_some(since);
        self.deleted_since
    }

    /// The sums over the window that ends with the last known minute. Minutes that are not known are passed over, as if
    /// those after them followed on those before.
    fn sum_up(&self, function: &Function, settings: &ModelParameters) -> Option<FunctionWindow> {
        let end = minute_of(self.known.until()?);
        let range = end - minutes_in(settings.decision_window)..end;
        let mut window = FunctionWindow::default();
        let (mut counts, mut active) = (Vec::new(), Vec::new());
        for span in self.spans(&range) {
            let begun = counts.len();
            counts.resize(
                begun + usize::try_from(span.end - span.start).ok()?,
                Requests::ZERO,
            );
            for one in self.minutes.within(&span) {
                let place = begun + usize::try_from(one.minute - span.start).ok()?;
                counts[place] = one.invocations;
                active.push(MinuteConcurrency {
                    minute: i64::try_from(place).ok()?,
                    concurrency: one.concurrency(),
                });
                window.invocations += one.invocations;
                window.duration += one.duration;
                window.ready += function.ready_time(&one);
                window.concurrency_peak = window.concurrency_peak.max(one.concurrency_peak);
            }
        }
        window.minutes = u32::try_from(counts.len()).ok()?;
        window.concurrency =
            Concurrency::over(active, i64::from(window.minutes) - 1, window.minutes);
        let cold_starts = |kept| {
            self.cold_starts_from_peaks(function, range.clone(), kept)
                .cold_starts()
        };
        window.cold_starts = settings.lambda.keep_alive.map(cold_starts);
        window.pattern = classify(MINUTE, &counts).map(|shape| shape.pattern);
        Some(window)
    }
}

/// What is charged for, of what was seen of a function.
fn run(function: &Function, seen: &Increase, settings: &ModelParameters) -> Run {
    let sums = &seen.sums;
    // Time may become known after the invocations that took it were charged.
    let invocations = if sums.duration.is_zero() && seen.cold_starts.is_zero() {
        sums.invocations
    } else {
        sums.invocations.max(TRACE)
    };
    let init = Init {
        cold_starts: seen.cold_starts,
        duration: settings.lambda.init.of_function(function).point,
    };
    let provisioned = seen.provisioned.over(sums.duration).unwrap_or_default();
    Run::from_window(
        function,
        (invocations, sums.duration),
        init,
        (seen.time.into(), provisioned.min(Ratio::ONE)),
    )
}

/// The same as the bill of Lambda has it: on managed instances it is the instances that cost, and the requests.
fn usage(function: &Function, seen: &Increase, settings: &ModelParameters) -> LambdaUsage {
    let all = LambdaUsage::from_run(&run(function, seen, settings));
    if function.capacity_provider.is_none() {
        return all;
    }
    LambdaUsage {
        requests: all.requests,
        ..LambdaUsage::default()
    }
}

/// The whole minutes of a decision window.
fn minutes_in(window: Seconds) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a window is far below 2^63 minutes"
    )]
    let minutes = (window.seconds() / 60.0) as i64;
    minutes
}

impl Totals {
    fn add(&mut self, function: &Function, growth: &Increase, settings: &ModelParameters) {
        let sums = &growth.sums;
        let run = run(function, growth, settings);
        if let Ok(mut terms) = settings.terms_of(function) {
            terms.endpoint_traffic = terms.endpoint_traffic.over(growth.time.into());
            for (component, cost) in run.bill(&terms).components() {
                *self.cost.entry(component).or_default() += cost;
            }
        }
        self.gib_seconds += run.gib_seconds();
        self.invocations += sums.invocations;
        self.served += sums.served;
        self.errors += sums.errors;
        self.throttles += sums.throttles;
        self.cold_starts += growth.cold_starts;
    }
}
