//! Checks of what values mean, with a place for each that is refused.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Mistake, Place};
use breakeven_model::units::{NotAQuantity, Ratio};

/// The least and the longest duration that an interval may have, in seconds.
const INTERVAL: RangeInclusive<f64> = 0.1..=86_400.0;

/// The errors and warnings found so far. Each check gives something to go on with, so that all are found.
#[derive(Default)]
pub(crate) struct Check {
    pub(crate) errors: Vec<Mistake>,
    pub(crate) warnings: Vec<Mistake>,
}

impl Check {
    pub(crate) fn refuse(&mut self, place: &Place, what: impl Into<String>) {
        self.errors.push(Mistake::new(place, what));
    }

    /// Notes a value that is used, but is probably not meant.
    pub(crate) fn warn(&mut self, place: &Place, what: impl Into<String>) {
        self.warnings.push(Mistake::new(place, what));
    }

    pub(crate) fn quantity<T: Default>(
        &mut self,
        read: Result<T, NotAQuantity>,
        place: &Place,
    ) -> T {
        read.unwrap_or_else(|error| {
            self.refuse(place, error.to_string());
            T::default()
        })
    }

    /// A number within limits; the least of them where it is not.
    pub(crate) fn within(
        &mut self,
        value: f64,
        limits: &RangeInclusive<f64>,
        place: &Place,
    ) -> f64 {
        if limits.contains(&value) {
            return value;
        }
        let (least, most) = (limits.start(), limits.end());
        self.refuse(place, format!("{value} is not between {least} and {most}"));
        *least
    }

    pub(crate) fn interval(&mut self, seconds: f64, place: &Place) -> Duration {
        Duration::from_secs_f64(self.within(seconds, &INTERVAL, place))
    }

    pub(crate) fn ratio(
        &mut self,
        value: f64,
        limits: &RangeInclusive<f64>,
        place: &Place,
    ) -> Ratio {
        let value = self.within(value, limits, place);
        self.quantity(Ratio::from_factor(value), place)
    }

    pub(crate) fn count(&mut self, value: u32, place: &Place) -> u32 {
        if value == 0 {
            self.refuse(place, "0 is not a count: it must be at least 1");
        }
        value.max(1)
    }
}
