//! Checks that every part of the configuration needs.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::raw::{self, RawConfig};
use crate::config::setting::{ConfigError, Place};
use crate::exposition::is_label_name;
use crate::model::band::Range;
use crate::units::{NotAQuantity, Ratio};

/// The least and the longest duration that an interval may have, in seconds.
const INTERVAL: RangeInclusive<f64> = 0.1..=86_400.0;

/// The errors found so far. Each check gives something to go on with, so that all are found.
#[derive(Default)]
pub(super) struct Check {
    pub(super) errors: Vec<ConfigError>,
}

impl Check {
    pub(super) fn refuse(&mut self, place: &Place, what: impl Into<String>) {
        self.errors.push(ConfigError::new(place, what));
    }

    pub(super) fn quantity<T: Default>(
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
    pub(super) fn within(
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

    pub(super) fn interval(&mut self, seconds: f64, place: &Place) -> Duration {
        Duration::from_secs_f64(self.within(seconds, &INTERVAL, place))
    }

    pub(super) fn ratio(
        &mut self,
        value: f64,
        limits: &RangeInclusive<f64>,
        place: &Place,
    ) -> Ratio {
        let value = self.within(value, limits, place);
        self.quantity(Ratio::from_factor(value), place)
    }

    /// A ratio that is known within limits, which are in order.
    pub(super) fn range(
        &mut self,
        raw: raw::Range,
        limits: &RangeInclusive<f64>,
        place: &Place,
    ) -> Range<Ratio> {
        if raw.low.to_bits() == raw.high.to_bits() {
            return Range::exactly(self.ratio(raw.point, limits, place));
        }
        let range = Range {
            low: self.ratio(raw.low, limits, &place.key("low")),
            point: self.ratio(raw.point, limits, &place.key("point")),
            high: self.ratio(raw.high, limits, &place.key("high")),
        };
        if !(raw.low <= raw.point && raw.point <= raw.high) {
            let order = format!("{} {} {}", raw.low, raw.point, raw.high);
            self.refuse(
                place,
                format!("{order} are not in order: low is the least, high the most"),
            );
        }
        range
    }

    pub(super) fn count(&mut self, value: u32, place: &Place) -> u32 {
        if value == 0 {
            self.refuse(place, "0 is not a count: it must be at least 1");
        }
        value.max(1)
    }

    pub(super) fn labels(&mut self, raw: &RawConfig, place: &Place) -> Vec<(String, String)> {
        for name in raw.external_labels.keys() {
            if !is_label_name(name) {
                let rule = "letters, digits and underscores, beginning with a letter";
                self.refuse(
                    &place.key(name),
                    format!("is not the name of a label: {rule}"),
                );
            }
        }
        raw.external_labels.clone().into_iter().collect()
    }
}
