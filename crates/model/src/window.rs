//! What was seen of a subject in the decision window, as sums.

use serde::{Deserialize, Serialize};

use super::cold_starts::ColdStarts;
use super::concurrency::Concurrency;
use super::cpu_per_request::{self, Method, NoSlope, ProcessorTime};
use super::month::Month;
use super::regression::Scatter;
use super::traffic_pattern::TrafficPattern;
use super::uncertainty::Range;
use super::verdict::{covers_rare_requests, is_rare};
use crate::inventory::Throttling;
use crate::units::{
    CoreSeconds, Cores, Gib, GibSeconds, Ratio, Requests, RequestsPerSecond, Seconds, Usd, numbers,
};

/// A workload of the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WorkloadWindow {
    /// The time over which its cost was seen.
    pub observed: Seconds,
    /// What was held for it.
    pub allocated: Usd,
    /// That, and its part of idle, shared and fixed cost.
    pub loaded: Usd,
    /// What it used, where that was seen.
    pub used: UsedWindow,
    /// The requests it served, where something counts them.
    pub traffic: Option<TrafficWindow>,
    /// What it used and served at once, a moment ago.
    pub recent: Option<(Cores, RequestsPerSecond)>,
    /// How its containers were held back; absent where that is not known, or none has a limit.
    pub throttling: Option<Throttling>,
}

numbers! {
    /// Usage of a workload, and its cost.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct UsedWindow {
        /// The time over which its use was seen; the sums below are over this time.
        pub observed: Seconds,
        /// The cost of its usage.
        pub cost: Usd,
        /// Its loaded cost in the same time.
        pub loaded: Usd,
        /// Processors used.
        pub cores: CoreSeconds,
        /// Allocated cores.
        pub cores_allocated: CoreSeconds,
        /// Memory used.
        pub memory: GibSeconds,
        /// Allocated memory.
        pub memory_allocated: GibSeconds,
        /// Pods over time.
        pub pods: Seconds,
        /// The least and the most that one pod used, in the mean over the workload's pods.
        pub extremes: Option<(Gib, Gib)>,
    }
}

impl UsedWindow {
    /// The memory of one pod (W): its mean over time, and its extremes; absent while none was seen.
    #[must_use]
    pub fn working_set(&self) -> Option<Range<Gib>> {
        let point = self.memory.mean_over(self.pods)?;
        let (low, high) = self.extremes.unwrap_or((point, point));
        Some(Range {
            low: low.min(point),
            point,
            high: high.max(point),
        })
    }
}

/// The requests that a workload served.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrafficWindow {
    /// The time over which they were counted.
    pub covered: Seconds,
    /// How many.
    pub requests: Requests,
    /// The sum of the latencies that were measured.
    pub latency: Seconds,
    /// How many were measured.
    pub measured: Requests,
    /// The highest rate of any step.
    pub peak: RequestsPerSecond,
    /// The steps whose use and requests were both seen whole.
    pub paired: Scatter,
    /// Whether usage and requests in `paired` are those of the last 28 days as one step, because requests are rare.
    pub is_paired_by_month: bool,
    /// How they are spread over time; absent while too little is known.
    pub pattern: Option<TrafficPattern>,
}

impl TrafficWindow {
    /// The mean rate; absent where nothing was counted.
    #[must_use]
    pub fn rate(&self) -> Option<RequestsPerSecond> {
        self.requests.per(self.covered)
    }

    /// The mean latency (w), from sum and count; absent where none was measured.
    #[must_use]
    pub fn mean_latency(&self) -> Option<Seconds> {
        self.latency.per(self.measured)
    }
}

impl WorkloadWindow {
    /// Takes the counts of the last days in place of those of the window, if requests are rare.
    ///
    /// A workload that serves fewer than 100 requests in the window is known by the last 28 days, if three of them
    /// were counted. So is its CPU time per request: mean usage of these days, for the time counted, over their requests.
    /// Usage of the window over requests of the month would be another quantity, and unknown in a window without requests.
    pub fn count_rare_requests(&mut self, month: &Month) {
        let Some(traffic) = &mut self.traffic else {
            return;
        };
        if is_rare(traffic.requests) && covers_rare_requests(month.covered) {
            traffic.covered = month.covered;
            let totals = &month.totals;
            traffic.requests = totals.requests;
            traffic.latency = totals.latency;
            traffic.measured = totals.measured;
            if let Some(cores) = totals.cores.mean_over(totals.usage_observed) {
                let (requests, covered) = (totals.requests, month.covered);
                traffic.paired = Scatter::of_step(cores * covered, requests, covered);
                traffic.is_paired_by_month = true;
            }
        }
    }

    /// Processor time of one request (s).
    ///
    /// Formula: that of the steps in which use and requests were both seen, see [`cpu_per_request::of_steps`]; before the
    /// first of them `cores / λ` of the last minutes, an upper bound. Of rare requests `cores / λ` of the last 28 days.
    #[must_use]
    pub fn cpu_per_request(&self) -> Option<ProcessorTime> {
        let traffic = self.traffic.unwrap_or_default();
        if traffic.is_paired_by_month {
            return Some(ProcessorTime {
                value: Range::exactly(traffic.paired.ratio()?),
                method: Method::Ratio(NoSlope::RareRequests),
            });
        }
        cpu_per_request::of_steps(&traffic.paired).or_else(|| {
            let (cores, rate) = self.recent?;
            let second = Seconds::from_seconds(1.0).ok()?;
            Some(ProcessorTime {
                value: Range::exactly((cores * second).per(rate * second)?),
                method: Method::Recent,
            })
        })
    }
}

/// A function.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FunctionWindow {
    /// The closed minutes that are known.
    pub minutes: u32,
    /// Billed invocations.
    pub invocations: Requests,
    /// The sum of their durations.
    pub duration: Seconds,
    /// The part of that time which environments that are kept ready can have worked.
    pub ready: Seconds,
    /// The most environments at once, where known.
    pub concurrency_peak: Option<u32>,
    /// How many ran at once, minute by minute.
    pub concurrency: Concurrency,
    /// The cold starts that the peaks of its minutes betray, were idle environments kept for the shortest, the likeliest and
    /// the longest time; absent while too few minutes are known.
    pub cold_starts: Option<Range<ColdStarts>>,
    /// How they are spread over time; absent while too little is known.
    pub pattern: Option<TrafficPattern>,
}

impl FunctionWindow {
    /// The time that the known minutes cover.
    #[must_use]
    pub fn covered(&self) -> Seconds {
        Seconds::from_seconds(f64::from(self.minutes) * 60.0).unwrap_or_default()
    }

    /// The part of the requests that environments which are kept ready can have served; none without requests.
    #[must_use]
    pub fn provisioned_share(&self) -> Ratio {
        self.ready.over(self.duration).unwrap_or_default()
    }
}
