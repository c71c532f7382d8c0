//! Checks of what values mean, with a place for each that is refused.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{ConfigError, ConfigPath};
use breakeven_model::units::{QuantityError, Ratio};

/// The least and the longest duration that an interval may have, in seconds.
const INTERVAL: RangeInclusive<f64> = 0.1..=86_400.0;

/// The errors and warnings found so far. Each check gives something to go on with, so that all are found.
#[derive(Default)]
pub(crate) struct Validator {
    pub(crate) errors: Vec<ConfigError>,
    pub(crate) warnings: Vec<ConfigError>,
}

impl Validator {
    pub(crate) fn refuse(&mut self, place: &ConfigPath, what: impl Into<String>) {
        self.errors.push(ConfigError::new(place, what));
    }

    /// Notes a value that is used, but is probably not meant.
    pub(crate) fn warn(&mut self, place: &ConfigPath, what: impl Into<String>) {
        self.warnings.push(ConfigError::new(place, what));
    }

    pub(crate) fn quantity<T: Default>(
        &mut self,
        read: Result<T, QuantityError>,
        place: &ConfigPath,
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
        place: &ConfigPath,
    ) -> f64 {
        if limits.contains(&value) {
            return value;
        }
        let (least, most) = (limits.start(), limits.end());
        self.refuse(place, format!("{value} is not between {least} and {most}"));
        *least
    }

    pub(crate) fn interval(&mut self, seconds: f64, place: &ConfigPath) -> Duration {
        Duration::from_secs_f64(self.within(seconds, &INTERVAL, place))
    }

    pub(crate) fn ratio(
        &mut self,
        value: f64,
        limits: &RangeInclusive<f64>,
        place: &ConfigPath,
    ) -> Ratio {
        let value = self.within(value, limits, place);
        self.quantity(Ratio::from_factor(value), place)
    }

    pub(crate) fn count(&mut self, value: u32, place: &ConfigPath) -> u32 {
        if value == 0 {
            self.refuse(place, "0 is not a count: it must be at least 1");
        }
        value.max(1)
    }
}
