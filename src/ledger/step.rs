//! The requests of a workload in one closed step.

use breakeven_model::month::active_time;
use breakeven_model::units::{Requests, Seconds, Window};

/// All requests of a workload in one closed step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) window: Window,
    pub(super) requests: Requests,
    pub(super) latency: Seconds,
    pub(super) measured: Requests,
}

impl Step {
    /// The time in it in which requests were served.
    pub(super) fn active(&self) -> Seconds {
        active_time(self.requests, self.window.length())
    }
}
