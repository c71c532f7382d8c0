//! What is kept of the bill: settled days, and the calls that were paid for.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::sources::{Reason, SourceError};
use breakeven_model::inventory::{Bill, BilledDay, Charge, Observation, UsageType};

/// How far the first question reaches back.
const FIRST_DAYS: i64 = 7;

/// How far any question reaches back: a month that was missed is let go.
const MAX_DAYS: i64 = 31;

/// How many settled days are kept one by one; of those before them the sums.
const KEPT_DAYS: usize = 14;

/// How long it is waited after a call that failed, or of which nobody knows what came: what is wrong is seldom over in seconds,
/// and the next call is paid for too.
const PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// How far ahead of the clock a timestamp may be.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(1);

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Kept {
    pub(super) bill: Bill,
    /// When all was last asked for with success.
    pub(super) asked_at: Option<Timestamp>,
    pub(super) calls: Calls,
}

/// Calls that are paid for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Calls {
    /// The day (UTC) of the last one, and how many were made on it.
    pub(super) day: Option<Date>,
    pub(super) count: u32,
    /// When the next one may be made, where the last one did not succeed.
    pub(super) not_before: Option<Timestamp>,
    /// Why the last one failed.
    pub(super) failure: Option<String>,
}

fn day_of(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

fn midnight_after(now: Timestamp) -> Timestamp {
    let next = day_of(now).saturating_add(1.day());
    let midnight = next.to_zoned(TimeZone::UTC);
    midnight.map_or(Timestamp::MAX, |midnight| midnight.timestamp())
}

impl Kept {
    pub(super) const fn asked_at(&self) -> Option<Timestamp> {
        self.asked_at
    }

    /// Sets timestamps that are ahead of the clock to now, and drops days that have not ended: the clock was ahead. Returns by how
    /// much. Without this nothing would be asked until the clock has come to where it was.
    pub(super) fn correct_clock(&mut self, now: Timestamp) -> Option<SignedDuration> {
        let ahead = self.asked_at?.duration_since(now);
        if ahead <= CLOCK_TOLERANCE {
            return None;
        }
        self.asked_at = Some(now);
        let today = day_of(now);
        // Calls of a day to come are taken as of today: they are paid.
        self.calls.day = self.calls.day.map(|day| day.min(today));
        self.bill.days.retain(|one| one.day < today);
        Some(ahead)
    }

    pub(super) fn has_days(&self) -> bool {
        !self.bill.days.is_empty()
    }

    pub(super) fn observation(&self) -> Observation {
        Observation::Bill(Arc::new(self.bill.clone()))
    }

    /// The days to ask for, the second not included: from the first one that is lacking to yesterday. Absent where none is.
    pub(super) fn question(&self, now: Timestamp) -> Option<(Date, Date)> {
        let today = day_of(now);
        let reach = |days: i64| today.saturating_sub(days.days());
        let first = self.bill.days.first();
        let mut day = first.map_or(reach(FIRST_DAYS), |first| first.day.max(reach(MAX_DAYS)));
        while day < today && self.has(day) {
            day = day.saturating_add(1.day());
        }
        (day < today).then_some((day, today))
    }

    fn has(&self, day: Date) -> bool {
        self.bill.days.iter().any(|one| one.day == day)
    }

    fn calls_of(&self, day: Date) -> u32 {
        if self.calls.day == Some(day) {
            self.calls.count
        } else {
            0
        }
    }

    /// Whether a call may be made.
    ///
    /// # Errors
    /// Where those of today are spent, or the last one failed a short while ago.
    pub(super) fn may_call(&self, now: Timestamp, limit: u32) -> Result<(), SourceError> {
        let refused = |what: String, until: Timestamp| {
            let failure = self.calls.failure.as_deref();
            let last = failure.map(|failure| format!("; the last one failed: {failure}"));
            let wait = until.duration_since(now).unsigned_abs();
            Err(SourceError::new(
                Reason::Incomplete,
                format!("{what}{}", last.unwrap_or_default()),
                format!("it is asked again at {until}"),
            )
            .retry_after(Some(wait)))
        };
        if self.calls_of(day_of(now)) >= limit {
            let what =
                format!("the {limit} paid calls of today (`aws.bill.calls_per_day`) are spent");
            return refused(what, midnight_after(now));
        }
        match self.calls.not_before {
            Some(until) if until > now && until <= now + PAUSE => {
                refused("a paid call is not repeated at once".to_owned(), until)
            }
            _ => Ok(()),
        }
    }

    /// Counts a call that is about to be made. False where none is left.
    pub(super) fn take_call(&mut self, now: Timestamp, limit: u32) -> bool {
        let today = day_of(now);
        let count = self.calls_of(today);
        if count >= limit {
            return false;
        }
        self.calls.day = Some(today);
        self.calls.count = count + 1;
        self.calls.not_before = now.checked_add(PAUSE).ok();
        self.calls.failure = None;
        true
    }

    /// Lets no call of today be left.
    pub(super) fn spend_all(&mut self, now: Timestamp, limit: u32, why: &str) {
        self.calls.day = Some(day_of(now));
        self.calls.count = limit;
        self.calls.failure = Some(why.to_owned());
    }

    pub(super) fn record_failure(&mut self, error: &SourceError) {
        self.calls.failure = Some(error.to_string());
    }

    pub(super) fn record_success(&mut self, now: Timestamp) {
        self.asked_at = Some(now);
        self.calls.not_before = None;
        self.calls.failure = None;
    }

    /// Keeps settled days. One that is kept already stays as it is.
    pub(super) fn settle(&mut self, days: Vec<BilledDay>) {
        let fresh = days.into_iter().filter(|one| !self.has(one.day));
        let fresh: Vec<BilledDay> = fresh.collect();
        self.bill.days.extend(fresh);
        self.bill.days.sort_by_key(|one| one.day);
        let surplus = self.bill.days.len().saturating_sub(KEPT_DAYS);
        let old = self.bill.days.drain(..surplus);
        let charges: Vec<Charge> = old.flat_map(|day| day.charges).collect();
        self.bill.before = summed(std::mem::take(&mut self.bill.before), charges);
    }
}

/// The sums of charges, by account and usage type.
fn summed(before: Vec<Charge>, more: Vec<Charge>) -> Vec<Charge> {
    let mut sums: BTreeMap<(Arc<str>, UsageType), Charge> = BTreeMap::new();
    for charge in before.into_iter().chain(more) {
        let key = (Arc::clone(&charge.account_id), charge.usage_type.clone());
        match sums.get_mut(&key) {
            Some(sum) => {
                sum.usage += charge.usage;
                sum.unblended += charge.unblended;
                sum.amortized += charge.amortized;
            }
            None => {
                sums.insert(key, charge);
            }
        }
    }
    sums.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakeven_model::units::{BilledUnits, Usd};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn charge(usage_type: &str, usd: f64) -> Charge {
        Charge {
            account_id: "123456789012".into(),
            usage_type: UsageType::parse(usage_type),
            usage: BilledUnits::from_units(10.0).unwrap(),
            unblended: Usd::from_usd(usd).unwrap(),
            amortized: Usd::from_usd(2.0 * usd).unwrap(),
        }
    }

    fn billed(text: &str, usd: f64) -> BilledDay {
        BilledDay {
            day: day(text),
            charges: vec![charge("Request", usd)],
        }
    }

    #[test]
    fn the_first_question_is_for_a_week_and_the_next_for_what_is_lacking() {
        let now = at("2026-03-10T08:00:00Z");
        let mut kept = Kept::default();
        let (from, to) = (day("2026-03-03"), day("2026-03-10"));
        assert_eq!(kept.question(now), Some((from, to)));
        kept.settle(vec![billed("2026-03-03", 1.0), billed("2026-03-04", 1.0)]);
        assert_eq!(kept.question(now), Some((day("2026-03-05"), to)));
        // A gap is asked for again, with all that follows.
        kept.settle(vec![billed("2026-03-06", 1.0)]);
        assert_eq!(kept.question(now), Some((day("2026-03-05"), to)));
        let rest = ["05", "07", "08", "09"].map(|of| billed(&format!("2026-03-{of}"), 1.0));
        kept.settle(rest.to_vec());
        assert_eq!(kept.question(now), None);
        assert_eq!(
            kept.question(at("2026-03-11T00:00:00Z")),
            Some((to, day("2026-03-11")))
        );
        // After a long outage a month is asked for.
        let later = at("2026-06-01T12:00:00Z");
        assert_eq!(
            kept.question(later),
            Some((day("2026-05-01"), day("2026-06-01")))
        );
    }

    #[test]
    fn what_was_asked_ahead_of_the_clock_is_taken_as_asked_now() {
        let now = at("2026-03-10T08:00:00Z");
        let mut kept = Kept::default();
        assert_eq!(kept.correct_clock(now), None);
        kept.settle(vec![billed("2026-03-09", 1.0), billed("2026-03-12", 1.0)]);
        assert!(kept.take_call(at("2026-03-13T09:00:00Z"), 2));
        kept.record_success(at("2026-03-13T09:00:00Z"));
        let ahead = SignedDuration::from_hours(73);
        assert_eq!(kept.correct_clock(now), Some(ahead));
        assert_eq!(
            (kept.asked_at(), kept.calls_of(day("2026-03-10"))),
            (Some(now), 1)
        );
        assert_eq!(kept.bill.days, [billed("2026-03-09", 1.0)]);
        assert_eq!(kept.correct_clock(now), None);
    }

    #[test]
    fn calls_of_a_day_are_counted_until_midnight_of_utc() {
        let mut kept = Kept::default();
        let evening = at("2026-03-10T23:30:00Z");
        assert!(kept.may_call(evening, 2).is_ok());
        assert!(kept.take_call(evening, 2) && kept.take_call(evening, 2));
        assert!(!kept.take_call(evening, 2));
        kept.record_success(evening);
        let refused = kept.may_call(evening, 2).unwrap_err();
        assert_eq!(refused.pause(), Some(std::time::Duration::from_secs(1_800)));
        assert!(
            refused.to_string().contains("the 2 paid calls of today"),
            "{refused}"
        );
        let midnight = at("2026-03-11T00:00:00Z");
        assert!(kept.may_call(midnight, 2).is_ok());
        assert!(kept.take_call(midnight, 2));
        assert_eq!(kept.calls.count, 1);
    }

    #[test]
    fn a_call_that_failed_or_of_which_nothing_is_known_is_repeated_after_an_hour() {
        let mut kept = Kept::default();
        let now = at("2026-03-10T10:00:00Z");
        assert!(kept.take_call(now, 5));
        let in_a_minute = at("2026-03-10T10:01:00Z");
        assert!(kept.may_call(in_a_minute, 5).is_err());
        kept.record_failure(&SourceError::new(
            Reason::Forbidden,
            "it was refused",
            "ask",
        ));
        let refused = kept.may_call(in_a_minute, 5).unwrap_err();
        assert!(refused.to_string().contains("it was refused"), "{refused}");
        assert!(kept.may_call(at("2026-03-10T11:00:00Z"), 5).is_ok());
        // A clock that was wrong does not stop it for long.
        assert!(kept.may_call(at("2026-03-09T11:00:00Z"), 5).is_ok());
    }

    #[test]
    fn a_settled_day_stays_as_it_is_and_an_old_one_is_in_the_sums() {
        let mut kept = Kept::default();
        kept.settle(vec![billed("2026-03-01", 1.0)]);
        kept.settle(vec![billed("2026-03-01", 9.0)]);
        assert_eq!(kept.bill.days, [billed("2026-03-01", 1.0)]);
        let rest = (2..=16).map(|of| billed(&format!("2026-03-{of:02}"), 1.0));
        kept.settle(rest.collect());
        assert_eq!(kept.bill.days.len(), KEPT_DAYS);
        assert_eq!(kept.bill.days[0].day, day("2026-03-03"));
        let [before] = &kept.bill.before[..] else {
            panic!("{:?}", kept.bill.before)
        };
        let sums = [
            before.unblended.usd(),
            before.amortized.usd(),
            before.usage.units(),
        ];
        assert_eq!(sums, [2.0, 4.0, 20.0]);
    }
}
