//! The account of a function.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::model::kubernetes_equivalent::MinuteConcurrency;
use crate::model::lambda::{Charge, Run, tiers_of};
use crate::model::pattern::classify;
use crate::model::window::FunctionWindow;
use crate::observation::{Function, FunctionMinute};
use crate::units::{GibSeconds, Requests, Seconds, Window};

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
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// What Lambda charged.
    pub charge: Charge,
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
        window: Window,
        minutes: &[FunctionMinute],
        started: Timestamp,
        kept: Seconds,
    ) {
        let (from, to) = (minute_of(window.start()), minute_of(window.end()));
        let known_to = self.known.map_or(from, |(_, to)| to);
        // A gap means that the minutes before it and after it are no one window: the newer ones stand.
        if known_to < from {
            self.minutes.clear();
            self.known = Some((from, from));
        }
        let tiers = tiers_of(function);
        let charge = |run: &Run| {
            let charge = tiers
                .as_ref()
                .map(|tiers| run.charge(tiers, GibSeconds::ZERO));
            charge.unwrap_or_default()
        };
        let fresh_from = known_to.max(from);
        for minute in minutes
            .iter()
            .filter(|one| fresh_from <= one.minute && one.minute < to)
        {
            if minute.minute >= minute_of(started) {
                self.totals.add(function, minute, charge);
            }
            self.minutes.push_back(*minute);
        }
        let first = self.known.map_or(from, |(first, _)| first);
        let last = to.max(known_to);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a window is far below 2^63 minutes"
        )]
        let first = first.max(last - (kept.seconds() / 60.0) as i64);
        self.known = Some((first, last));
        while self
            .minutes
            .front()
            .is_some_and(|oldest| oldest.minute < first)
        {
            self.minutes.pop_front();
        }
        self.window = self.sum_up();
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

    fn sum_up(&self) -> Option<FunctionWindow> {
        let (first, end) = self.known?;
        let concurrency = |one: &FunctionMinute| {
            let concurrency = one.duration.over(MINUTE)?;
            Some(MinuteConcurrency {
                minute: one.minute,
                concurrency,
            })
        };
        let mut counts = vec![Requests::ZERO; usize::try_from(end - first).ok()?];
        for one in &self.minutes {
            let position = usize::try_from(one.minute - first).ok();
            if let Some(count) = position.and_then(|position| counts.get_mut(position)) {
                *count += one.invocations;
            }
        }
        Some(FunctionWindow {
            minutes: u32::try_from(end - first).ok()?,
            last_minute: end - 1,
            invocations: self.minutes.iter().map(|one| one.invocations).sum(),
            duration: self.minutes.iter().map(|one| one.duration).sum(),
            concurrency_peak: self
                .minutes
                .iter()
                .filter_map(|one| one.concurrency_peak)
                .max(),
            active: self.minutes.iter().filter_map(concurrency).collect(),
            pattern: classify(MINUTE, &counts).map(|shape| shape.pattern),
        })
    }
}

impl Totals {
    fn add(
        &mut self,
        function: &Function,
        minute: &FunctionMinute,
        charge: impl Fn(&Run) -> Charge,
    ) {
        let run = Run {
            memory: function.memory,
            architecture: function.architecture,
            ephemeral_storage_mib: function.ephemeral_storage_mib,
            invocations: minute.invocations,
            duration: minute.duration,
        };
        let charge = charge(&run);
        self.charge.requests += charge.requests;
        self.charge.duration += charge.duration;
        self.charge.ephemeral += charge.ephemeral;
        self.gib_seconds += run.gib_seconds();
        self.invocations += minute.invocations;
        self.served += minute.invocations.less(minute.errors);
        self.errors += minute.errors;
        self.throttles += minute.throttles;
    }
}
