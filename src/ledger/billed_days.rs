//! What functions used, day by day as the bill counts it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use breakeven_model::billing::{AccountRegion, DayUsage, LambdaUsage, UsageKey};
use breakeven_model::inventory::Function;
use breakeven_model::units::Seconds;

/// How many days are kept: AWS settles a day within two or three, and a week of them is compared.
const KEPT_DAYS: i64 = 14;

/// Minutes of a day.
const DAY_MINUTES: i64 = 24 * 60;

/// What was used on each of the last days (UTC), by account, region and processor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Days(BTreeMap<UsageKey, DayUsage>);

/// What became known of a function in a part of a day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Revision {
    /// What it had used there by what was known.
    pub(super) before: LambdaUsage,
    /// What it used there.
    pub(super) after: LambdaUsage,
    /// The time that was not known before.
    pub(super) seen: Seconds,
    /// Whether nothing of the day was known of the function before.
    pub(super) is_first: bool,
}

impl Days {
    /// Takes in what became known of a function in minutes of one day.
    pub(super) fn revise(&mut self, minute: i64, function: &Function, revision: &Revision) {
        let Some(day) = date_of(minute) else { return };
        let key = UsageKey {
            day,
            place: AccountRegion {
                account_id: Arc::clone(&function.id.account_id),
                region: Arc::clone(&function.id.region),
            },
            architecture: function.architecture,
        };
        let sum = self.0.entry(key).or_default();
        sum.usage.revise(&revision.before, &revision.after);
        sum.seen += revision.seen;
        sum.functions += u32::from(revision.is_first);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&UsageKey, &DayUsage)> {
        self.0.iter()
    }

    /// Drops the days that are too old to be compared.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let today = now.to_zoned(TimeZone::UTC).date();
        let oldest = today.saturating_sub(KEPT_DAYS.days());
        self.0.retain(|key, _| key.day >= oldest);
    }

    /// Drops the days after that of an instant.
    pub(super) fn truncate_after(&mut self, now: Timestamp) {
        let today = now.to_zoned(TimeZone::UTC).date();
        self.0.retain(|key, _| key.day <= today);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The parts of a range of minutes that lie on one day each.
pub(super) fn by_day(range: Range<i64>) -> impl Iterator<Item = Range<i64>> {
    let mut start = range.start;
    std::iter::from_fn(move || {
        let end = day_of(start).end.min(range.end);
        let part = (start < end).then_some(start..end);
        start = end;
        part
    })
}

/// The minutes of the day that a minute is of.
pub(super) fn day_of(minute: i64) -> Range<i64> {
    let start = minute.div_euclid(DAY_MINUTES) * DAY_MINUTES;
    start..start + DAY_MINUTES
}

fn date_of(minute: i64) -> Option<Date> {
    let instant = Timestamp::from_second(minute.checked_mul(60)?).ok()?;
    Some(instant.to_zoned(TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_parted_at_midnight() {
        let parts = |range| {
            let parts = by_day(range).map(|part| (part.start, part.end));
            parts.collect::<Vec<_>>()
        };
        assert_eq!(parts(10..20), [(10, 20)]);
        assert_eq!(parts(1_430..1_450), [(1_430, 1_440), (1_440, 1_450)]);
        assert_eq!(parts(0..2_880), [(0, 1_440), (1_440, 2_880)]);
        assert!(parts(7..7).is_empty());
    }
}
