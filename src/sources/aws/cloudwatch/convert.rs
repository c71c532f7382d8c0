//! From what CloudWatch says to minutes of functions.
//!
//! Three things are kept apart. A query that is answered to its end and has no point for a minute says that nothing
//! happened in it, as far as is known. A query that is not answered to its end says nothing, and its function is read
//! again. And a value of 0 is a value.

use std::collections::BTreeMap;

use super::query::{DueFunction, Scope, Series};
use super::response::{Answer, MissingResult, Query};
use crate::sources::{DiscardCounts, Reason};
use breakeven_model::inventory::FunctionMinute;
use breakeven_model::units::{QuantityError, Requests, Seconds, Window};

/// What an answer says of one function.
#[derive(Debug, PartialEq)]
pub(super) enum MinuteResult {
    /// Every query was answered to its end.
    Whole(Vec<FunctionMinute>),
    /// One of them was not.
    Failed(MissingResult),
    /// The answer ended before it came to all of them.
    Unanswered,
}

/// What became of each function that was asked for, in a call for a window that holds those of all. `unsettled` gives
/// what is known of its minutes from before.
pub(super) fn outcomes<'a>(
    answer: &Answer,
    window: Window,
    asked: &[&'a DueFunction],
    unsettled: impl Fn(&DueFunction) -> BTreeMap<i64, FunctionMinute>,
    unexpected: &mut UnexpectedResult,
) -> Vec<(&'a DueFunction, MinuteResult)> {
    let points = answer.queries().iter().flat_map(|query| query.points());
    let outside = points.filter(|(second, _)| !holds(window, *second));
    unexpected.outside += outside.count() as u64;
    let mut rest = answer.queries();
    let mut outcomes = Vec::with_capacity(asked.len());
    for due in asked {
        let count = due.scope.series().len().min(rest.len());
        let (queries, after) = rest.split_at(count);
        rest = after;
        let outcome = match missing(due, queries) {
            Some(outcome) => outcome,
            None => match minutes(due, queries, unsettled(due), unexpected) {
                Ok(minutes) => MinuteResult::Whole(minutes),
                Err(problem) => MinuteResult::Failed(MissingResult {
                    reason: Reason::InvalidResponse,
                    problem,
                }),
            },
        };
        outcomes.push((*due, outcome));
    }
    outcomes
}

/// Why the queries of a function are not answered to their end; absent where they are.
fn missing(due: &DueFunction, queries: &[Query]) -> Option<MinuteResult> {
    let failed = |(series, query): (&Series, &Query)| {
        let what = format!("{} of {}", series.metric(), due.function.name);
        query.missing(&what).map(MinuteResult::Failed)
    };
    let unanswered = queries.iter().any(Query::is_unanswered);
    let mut series = due.scope.series().iter().zip(queries);
    series
        .find_map(failed)
        .or(unanswered.then_some(MinuteResult::Unanswered))
}

fn holds(window: Window, second: i64) -> bool {
    window.start().as_second() <= second && second < window.end().as_second()
}

/// What was odd about an answer that is whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct UnexpectedResult {
    outside: u64,
    twice: u64,
    without_duration: u64,
}

impl UnexpectedResult {
    pub(super) fn report(&self, discarded: &DiscardCounts) {
        discarded.add("outside_the_window", self.outside);
        discarded.add("twice", self.twice);
        discarded.add("invocations_without_duration", self.without_duration);
    }
}

/// The values of one minute, in the order of the series; those that were not asked for are absent.
type Values = [Option<f64>; Series::ALL.len()];

/// The records of a function, in order of time.
///
/// A minute with any value is a record, so that one with nothing but throttles is not lost. The error says which
/// value is none that a metric can have.
fn minutes(
    due: &DueFunction,
    queries: &[Query],
    unsettled: BTreeMap<i64, FunctionMinute>,
    unexpected: &mut UnexpectedResult,
) -> Result<Vec<FunctionMinute>, String> {
    let mut values: BTreeMap<i64, Values> = BTreeMap::new();
    for (series, query) in due.scope.series().iter().zip(queries) {
        for &(second, value) in query.points() {
            if !holds(due.window, second) {
                continue;
            }
            let values = values.entry(second.div_euclid(60)).or_default();
            unexpected.twice += u64::from(values[*series as usize].replace(value).is_some());
        }
    }
    // What only a reading of everything says stays as the last one had it.
    let mut records: BTreeMap<i64, FunctionMinute> = match due.scope {
        Scope::All => BTreeMap::new(),
        Scope::Counts => {
            let unsettled = unsettled.into_iter();
            unsettled
                .filter(|(minute, _)| holds(due.window, minute * 60))
                .collect()
        }
    };
    for (minute, values) in values {
        let [measured, milliseconds, invocations, ..] = values;
        let ran = [measured, invocations]
            .iter()
            .flatten()
            .any(|count| *count > 0.0);
        unexpected.without_duration += u64::from(ran && milliseconds.is_none());
        let record = record(minute, values, records.get(&minute)).map_err(|error| {
            let name = &due.function.name;
            format!("a metric of {name} at minute {minute}: {error}")
        })?;
        records.insert(minute, record);
    }
    Ok(records.into_values().collect())
}

/// A minute of what was read now, and of what an earlier reading said of it.
fn record(
    minute: i64,
    values: Values,
    before: Option<&FunctionMinute>,
) -> Result<FunctionMinute, QuantityError> {
    let [
        measured,
        milliseconds,
        invocations,
        errors,
        throttles,
        concurrency,
    ] = values;
    // A count that CloudWatch has no point for is 0: it stores none for a minute in which nothing was counted.
    let count = |value: Option<f64>| Requests::from_requests(value.unwrap_or_default());
    let peak = before.and_then(|one| one.concurrency_peak);
    let before = |of: fn(&FunctionMinute) -> Requests| before.map(of).unwrap_or_default();
    Ok(FunctionMinute {
        minute,
        // Each metric may be published before the other.
        invocations: count(measured)?
            .max(count(invocations)?)
            .max(before(|one| one.invocations)),
        duration: Seconds::from_millis(milliseconds.unwrap_or_default())?,
        errors: count(errors)?.max(before(|one| one.errors)),
        throttles: count(throttles)?.max(before(|one| one.throttles)),
        concurrency_peak: concurrency.map(whole).transpose()?.or(peak),
    })
}

fn whole(value: f64) -> Result<u32, QuantityError> {
    let count = Requests::from_requests(value)?.requests().round();
    if count > f64::from(u32::MAX) {
        return Err(QuantityError {
            value,
            unit: "environments",
        });
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and within the range"
    )]
    Ok(count as u32)
}

#[cfg(test)]
mod tests;
