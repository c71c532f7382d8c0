//! Processor time. A core is one vCPU as Kubernetes and EC2 count it.

use super::quantity::{product, quantity};
use super::time::Seconds;

quantity! {
    /// Processors held or in use at one instant.
    Cores, "cores", from_cores, cores
}

quantity! {
    /// Processors over time.
    CoreSeconds, "core-seconds", from_core_seconds, core_seconds
}

product!(Cores * Seconds = CoreSeconds);

impl Cores {
    /// As much memory as costs the same, where a core costs `ratio` times as much as a GiB.
    #[must_use]
    pub fn as_memory(self, ratio: super::Ratio) -> super::Gib {
        super::Gib(super::quantity::kept(self.0 * ratio.get()))
    }
}

impl CoreSeconds {
    /// How long so many cores take to compute it; absent for none.
    #[must_use]
    pub fn taking(self, cores: Cores) -> Option<Seconds> {
        (cores.0 > 0.0).then(|| Seconds(super::quantity::kept(self.0 / cores.0)))
    }

    /// The mean number of cores over a time; absent for no time.
    #[must_use]
    pub fn mean_over(self, time: Seconds) -> Option<Cores> {
        (time.0 > 0.0).then(|| Cores(super::quantity::kept(self.0 / time.0)))
    }

    /// Processor time of one request; absent for no requests.
    #[must_use]
    pub fn per(self, requests: super::Requests) -> Option<Seconds> {
        (requests.0 > 0.0).then(|| Seconds(super::quantity::kept(self.0 / requests.0)))
    }
}
