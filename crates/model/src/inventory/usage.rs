//! What pods use: processors, memory, and how often they are held back.

use std::collections::HashMap;

use derive_more::{AddAssign, Mul};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Container, PodKey};
use crate::units::{CoreSeconds, Periods, Ratio, Seconds, Window, numbers};

/// What pods use. What a pod said stands until it says something new or it is too old.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// When it was read.
    pub at: Timestamp,
    /// Each pod that reported, averaged over a short time.
    pub pods: HashMap<PodKey, PodUsage>,
    /// Processor time that was counted, each second of it once; nothing where use is sampled.
    pub counted: Vec<CpuUsageDelta>,
}

/// What one pod uses.
#[derive(Clone, Debug, PartialEq)]
pub struct PodUsage {
    /// The end of the time over which it was averaged.
    pub at: Timestamp,
    /// The length of that time.
    pub window: Seconds,
    /// The use of each container by name.
    pub containers: Vec<Container>,
    /// Whether the processor time of the pod is counted as well ([`Usage::counted`]), so that this average adds to no sum.
    pub is_counted: bool,
}

/// The processor time of a pod, counted from one reading of its counters to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct CpuUsageDelta {
    /// The pod.
    pub pod: PodKey,
    /// The time between the readings.
    pub window: Window,
    /// What it computed in it.
    pub processor: CoreSeconds,
    /// How often its containers were held back meanwhile; absent where nobody says so, or none has a limit.
    pub throttling: Option<Throttling>,
}

numbers! {
    /// CPU throttling of containers by their limits (CFS bandwidth control of Linux).
    #[derive(Clone, Copy, Debug, Default, PartialEq, AddAssign, Mul, Serialize, Deserialize)]
    #[serde(default)]
    pub struct Throttling {
        /// The time for which they were not let run, summed over processors.
        pub time: Seconds,
        /// The periods in which they reached their limit.
        pub throttled: Periods,
        /// The periods in which they wanted to run at all.
        pub periods: Periods,
    }
}

impl Throttling {
    /// The part of the periods that were throttled; absent where there were none.
    #[must_use]
    pub fn ratio(&self) -> Option<Ratio> {
        self.throttled.over(self.periods)
    }
}
