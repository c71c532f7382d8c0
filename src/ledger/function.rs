//! The account of a function.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use crate::model::Settings;
use crate::model::band::Range;
use crate::model::coldstart::{ratchet, whole_minutes};
use crate::model::concurrency::{Concurrency, MinuteConcurrency};
use crate::model::lambda::{Component, Init, Run, Terms};
use crate::model::pattern::classify;
use crate::model::window::FunctionWindow;
use crate::observation::{Function, FunctionMinute};
use crate::units::{GibSeconds, Hours, Requests, Seconds, Usd, Window};

/// What one function cost, and the minutes it ran.
#[derive(Debug, Default)]
pub struct FunctionAccount {
    totals: Totals,
    /// The minutes with records that are still in the window, oldest first.
    minutes: VecDeque<FunctionMinute>,
    /// The minutes that are known: from the first to before the second.
    known: Option<(i64, i64)>,
    /// Their sums, made once for each batch of minutes.
    window: Option<FunctionWindow>,
}

/// The length of a minute.
const MINUTE: Seconds = match Seconds::from_seconds(60.0) {
    Ok(minute) => minute,
    Err(_) => Seconds::ZERO,
};

/// Totals since the program started.
#[derive(Clone, Debug, Default, PartialEq)]
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

impl FunctionAccount {
    /// Takes in the closed minutes of a window. A minute that is known already is not counted again; one before
    /// `started` is not in the totals.
    pub(super) fn run(
        &mut self,
        function: &Function,
        (window, minutes): (Window, &[FunctionMinute]),
        started: Timestamp,
        settings: &Settings,
    ) {
        let (from, to) = (minute_of(window.start()), minute_of(window.end()));
        let known_to = self.known.map_or(from, |(_, to)| to);
        // A gap means that the minutes before it and after it are no one window: the newer ones stand.
        if known_to < from {
            self.minutes.clear();
            self.known = Some((from, from));
        }
        let fresh = known_to.max(from)..to;
        let new = minutes.iter().filter(|one| fresh.contains(&one.minute));
        self.minutes.extend(new.copied());
        let first = self.known.map_or(from, |(first, _)| first);
        self.known = Some((first, to.max(known_to)));
        self.count(function, fresh.start.max(minute_of(started))..to, settings);
        self.forget(settings.decision_window);
        self.window = self.sum_up(settings.lambda.keep_alive);
    }

    /// Adds some of the known minutes to the totals; none of them, and the totals begin at nothing.
    fn count(&mut self, function: &Function, fresh: std::ops::Range<i64>, settings: &Settings) {
        let keep_alive = settings.lambda.keep_alive.point;
        let before = fresh.start - whole_minutes(keep_alive);
        // Of the first minutes that are known it is not sure what ran before them.
        let first = self.known.map_or(before, |(first, _)| first.max(before));
        let cold_starts = ratchet(self.peaks(), first..=fresh.end - 1, keep_alive).sure_starts();
        let init = Init {
            cold_starts,
            duration: settings.lambda.init.of(function.runtime.as_deref()).point,
        };
        let new: Vec<FunctionMinute> = self
            .minutes
            .iter()
            .filter(|one| fresh.contains(&one.minute))
            .copied()
            .collect();
        let terms = settings.terms_of(function);
        self.totals
            .add(function, &new, init, minutes_long(&fresh), terms);
    }

    /// The most environments at once in each minute that is known.
    fn peaks(&self) -> impl Iterator<Item = (i64, u32)> {
        self.minutes.iter().map(|one| (one.minute, one.peak()))
    }

    /// Lets go of the minutes before a window that ends with the last one.
    fn forget(&mut self, window: Seconds) {
        let Some((first, end)) = self.known else {
            return;
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a window is far below 2^63 minutes"
        )]
        let first = first.max(end - (window.seconds() / 60.0) as i64);
        self.known = Some((first, end));
        while self
            .minutes
            .front()
            .is_some_and(|oldest| oldest.minute < first)
        {
            self.minutes.pop_front();
        }
    }

    /// Totals since the program started.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// What was seen of it in the decision window; absent while no minute is known.
    #[must_use]
    pub fn window(&self) -> Option<&FunctionWindow> {
        self.window.as_ref()
    }

    fn sum_up(&self, keep_alive: Range<Seconds>) -> Option<FunctionWindow> {
        let (first, end) = self.known?;
        let minutes = u32::try_from(end - first).ok()?;
        let active = self.minutes.iter().map(|one| MinuteConcurrency {
            minute: one.minute,
            concurrency: one.concurrency(),
        });
        let mut counts = vec![Requests::ZERO; usize::try_from(end - first).ok()?];
        for one in &self.minutes {
            let position = usize::try_from(one.minute - first).ok();
            if let Some(count) = position.and_then(|position| counts.get_mut(position)) {
                *count += one.invocations;
            }
        }
        let cold_starts = |kept| ratchet(self.peaks(), first..=end - 1, kept).cold_starts();
        Some(FunctionWindow {
            minutes,
            invocations: self.minutes.iter().map(|one| one.invocations).sum(),
            duration: self.minutes.iter().map(|one| one.duration).sum(),
            concurrency_peak: self
                .minutes
                .iter()
                .filter_map(|one| one.concurrency_peak)
                .max(),
            concurrency: Concurrency::over(active, end - 1, minutes),
            cold_starts: keep_alive.map(cold_starts),
            pattern: classify(MINUTE, &counts).map(|shape| shape.pattern),
        })
    }
}

/// How long some minutes are.
fn minutes_long(minutes: &std::ops::Range<i64>) -> Hours {
    let count = u32::try_from(minutes.end - minutes.start).unwrap_or_default();
    Hours::from_hours(f64::from(count) / 60.0).unwrap_or_default()
}

impl Totals {
    fn add(
        &mut self,
        function: &Function,
        minutes: &[FunctionMinute],
        init: Init,
        time: Hours,
        terms: Option<Terms>,
    ) {
        let invocations = minutes.iter().map(|one| one.invocations).sum();
        let run = Run {
            memory: function.memory,
            ephemeral_storage_mib: function.ephemeral_storage_mib,
            invocations,
            duration: minutes.iter().map(|one| one.duration).sum(),
            init: Some(init),
        };
        if let Some(mut terms) = terms {
            terms.front_door = terms.front_door.over(time);
            for (component, cost) in run.bill(&terms).components() {
                *self.cost.entry(component).or_default() += cost;
            }
        }
        self.gib_seconds += run.gib_seconds();
        self.invocations += invocations;
        self.cold_starts += init.cold_starts;
        for minute in minutes {
            self.served += minute.invocations.less(minute.errors);
            self.errors += minute.errors;
            self.throttles += minute.throttles;
        }
    }
}
