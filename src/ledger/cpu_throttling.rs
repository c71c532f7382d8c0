//! How a workload is held back by its CPU limits: nothing where nobody ever said so.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::intervals::Intervals;
use super::window_buckets::WindowBuckets;
use breakeven_model::inventory::Throttling;
use breakeven_model::units::{Seconds, Window};

/// For how long since the program started, and over the window.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ThrottlingSums {
    #[serde(default)]
    total: Seconds,
    buckets: WindowBuckets<Throttling>,
}

impl ThrottlingSums {
    pub(super) fn new(window: Seconds) -> Self {
        Self {
            total: Seconds::ZERO,
            buckets: WindowBuckets::new(window),
        }
    }

    pub(super) fn add(&mut self, window: Window, throttling: Throttling) {
        self.total += throttling.time;
        self.buckets
            .across(window.start(), window.end(), |part, slot| {
                *slot += throttling * part;
            });
    }

    /// Begins a window of this length. The total stays.
    pub(super) fn begin_window(&mut self, window: Seconds) {
        self.buckets = WindowBuckets::new(window);
    }

    /// Drops what is after an instant from the window. The total stays.
    pub(super) fn truncate_after(&mut self, instant: Timestamp, seen: &Intervals) {
        self.buckets.truncate_after(instant, |slot, span| {
            *slot = *slot * seen.share_until(instant, span);
        });
    }

    /// For how long since the program started.
    pub(super) const fn total(&self) -> Seconds {
        self.total
    }

    /// All since an instant, as far as it was seen.
    pub(super) fn since(&self, from: Timestamp, seen: &Intervals) -> Throttling {
        let mut sum = Throttling::default();
        for (share, slot) in self.buckets.since(from, seen) {
            sum += slot * share;
        }
        sum
    }

    /// The bytes that it takes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.buckets.heap_bytes()
    }
}
