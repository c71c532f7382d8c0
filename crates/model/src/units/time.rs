//! Durations, and the closed windows of time that counts are read for.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::quantity::quantity;

quantity! {
    /// A duration.
    Seconds, "seconds", from_seconds, seconds
}

quantity! {
    /// A duration, as prices per hour count it.
    Hours, "hours", from_hours, hours
}

/// The hours of a month as AWS's own calculators count them: 8,760 / 12.
pub const HOURS_PER_MONTH: Hours = Hours(730.0);

impl Seconds {
    /// From a number of milliseconds.
    ///
    /// # Errors
    /// When the number is negative, infinite or not a number.
    pub const fn from_millis(value: f64) -> Result<Self, super::QuantityError> {
        match super::quantity::checked(value, "milliseconds") {
            Ok(value) => Ok(Self(value / 1_000.0)),
            Err(error) => Err(error),
        }
    }

    /// As a number of milliseconds.
    #[must_use]
    pub const fn millis(self) -> f64 {
        self.0 * 1_000.0
    }

    /// From one instant to a later one; nothing where it is not later.
    #[must_use]
    pub fn between(start: Timestamp, end: Timestamp) -> Self {
        Self(end.duration_since(start).as_secs_f64().max(0.0))
    }

    /// For a reader: whole seconds, minutes, hours or days, whichever says it best.
    ///
    /// ```
    /// use breakeven_model::units::Seconds;
    ///
    /// let words = |seconds| Seconds::from_seconds(seconds).map(Seconds::in_words);
    /// assert_eq!(words(34.2)?, "34 s");
    /// assert_eq!(words(600.0)?, "10 min");
    /// assert_eq!(words(86_400.0)?, "24 h");
    /// # Ok::<(), breakeven_model::units::QuantityError>(())
    /// ```
    #[must_use]
    pub fn in_words(self) -> String {
        let in_units_of = |unit: f64| (self.0 / unit).floor();
        match self.0 {
            ..120.0 => format!("{} s", in_units_of(1.0)),
            120.0..7_200.0 => format!("{} min", in_units_of(60.0)),
            7_200.0..172_800.0 => format!("{} h", in_units_of(3_600.0)),
            _ => format!("{} days", in_units_of(86_400.0)),
        }
    }
}

impl From<Duration> for Seconds {
    fn from(duration: Duration) -> Self {
        Self(duration.as_secs_f64())
    }
}

impl From<Hours> for Seconds {
    fn from(hours: Hours) -> Self {
        Self(super::quantity::kept(hours.0 * 3_600.0))
    }
}

impl From<Seconds> for Hours {
    fn from(seconds: Seconds) -> Self {
        Self(seconds.0 / 3_600.0)
    }
}

/// A span of time, mostly aligned to a period, with its start and without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    start: Timestamp,
    end: Timestamp,
}

impl Window {
    /// The last whole period that ended at least `delay` before `now`.
    ///
    /// Absent where the period is shorter than a second, or before the beginning of time.
    ///
    /// ```
    /// use breakeven_model::units::Window;
    /// use std::time::Duration;
    ///
    /// let now = "2026-03-01T12:07:30Z".parse()?;
    /// let window = Window::closed_before(now, Duration::from_secs(300), Duration::from_secs(180)).unwrap();
    /// assert_eq!(window.end().to_string(), "2026-03-01T12:00:00Z");
    /// assert_eq!(window.start().to_string(), "2026-03-01T11:55:00Z");
    /// # Ok::<(), jiff::Error>(())
    /// ```
    #[must_use]
    pub fn closed_before(now: Timestamp, period: Duration, delay: Duration) -> Option<Self> {
        let delay = SignedDuration::try_from(delay).ok()?;
        let step = i64::try_from(period.as_secs())
            .ok()
            .filter(|step| *step > 0)?;
        let settled = now.checked_sub(delay).ok()?.as_second();
        let end = settled - settled.rem_euclid(step);
        Some(Self {
            start: Timestamp::from_second(end - step).ok()?,
            end: Timestamp::from_second(end).ok()?,
        })
    }

    /// From one instant to a later one, aligned to nothing; absent where it is not later.
    #[must_use]
    pub fn between(start: Timestamp, end: Timestamp) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// The same end, and a start so much earlier that `length` is covered, rounded up to whole windows.
    #[must_use]
    pub fn extended_back(self, length: Duration) -> Self {
        let step = self.end.as_second() - self.start.as_second();
        let length = i64::try_from(length.as_secs())
            .unwrap_or(i64::MAX)
            .max(step);
        let steps = length / step + i64::from(length % step != 0);
        let start = self
            .end
            .as_second()
            .saturating_sub(steps.saturating_mul(step));
        Self {
            start: Timestamp::from_second(start).unwrap_or(self.start),
            end: self.end,
        }
    }

    /// The part of it that is not before `instant`; absent where nothing is left.
    #[must_use]
    pub fn since(self, instant: Timestamp) -> Option<Self> {
        let start = self.start.max(instant);
        (start < self.end).then_some(Self {
            start,
            end: self.end,
        })
    }

    /// Its first instant.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        self.start
    }

    /// The first instant after it.
    #[must_use]
    pub const fn end(self) -> Timestamp {
        self.end
    }

    /// How long it is.
    #[must_use]
    pub fn length(self) -> Seconds {
        Seconds::between(self.start, self.end)
    }

    /// Whether the instant is in it.
    #[must_use]
    pub fn contains(self, instant: Timestamp) -> bool {
        self.start <= instant && instant < self.end
    }
}
