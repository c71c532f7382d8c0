//! The unit of latencies.

/// The unit of a sum of latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatencyUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

impl LatencyUnit {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Seconds, Self::Milliseconds];

    /// As it stands in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
        }
    }
}
