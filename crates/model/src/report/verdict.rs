//! Verdicts, and why a workload cannot move.

use serde::{Deserialize, Serialize};

/// Which platform costs less, or why that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// Kubernetes costs less, or it cannot leave the cluster.
    Kubernetes,
    /// Lambda costs less.
    Lambda,
    /// They cost about the same.
    Inconclusive,
    /// Less than an hour of cost or requests was seen, or fewer than 100 requests in less than three days.
    InsufficientData,
    /// No requests were seen, or nothing counts them.
    NoRequests,
    /// How long a request takes is not known.
    NoLatency,
    /// A price is not known.
    Unpriced,
}

impl Verdict {
    /// All of them, in the order of the reference.
    pub const ALL: [Self; 7] = [
        Self::Kubernetes,
        Self::Lambda,
        Self::Inconclusive,
        Self::InsufficientData,
        Self::NoRequests,
        Self::NoLatency,
        Self::Unpriced,
    ];

    /// Whether it is a comparison of the platforms, and not a reason why there is none.
    #[must_use]
    pub const fn decides(self) -> bool {
        matches!(self, Self::Kubernetes | Self::Lambda | Self::Inconclusive)
    }

    /// As it stands in the `verdict` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Lambda => "lambda",
            Self::Inconclusive => "inconclusive",
            Self::InsufficientData => "insufficient_data",
            Self::NoRequests => "no_requests",
            Self::NoLatency => "no_latency",
            Self::Unpriced => "unpriced",
        }
    }
}

/// Why a workload cannot move to an alternative as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ineligibility {
    /// It keeps state: a StatefulSet.
    Stateful,
    /// It serves its node: a DaemonSet.
    PerNode,
    /// It keeps data on a persistent volume.
    PersistentVolume,
    /// It shares the network of its node.
    HostNetwork,
    /// It needs a GPU or another accelerator.
    Gpu,
    /// It runs on Windows.
    Windows,
    /// It needs more memory than Lambda offers.
    Memory,
    /// A pod fits no size of Fargate.
    PodSize,
    /// A request takes longer than Lambda allows.
    Duration,
    /// It would be slower than its latency objective at any memory setting.
    Latency,
    /// At its peak it would need more environments than the account may run.
    NeedsQuota,
    /// An annotation says that it is not to be compared.
    Excluded,
}

impl Ineligibility {
    /// Whether it follows from measurements, which may cross a limit for a moment, not from what the workload is.
    #[must_use]
    pub const fn is_measured(self) -> bool {
        matches!(
            self,
            Self::Memory | Self::Duration | Self::Latency | Self::NeedsQuota
        )
    }

    /// As it stands in the `reason` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stateful => "stateful",
            Self::PerNode => "per_node",
            Self::PersistentVolume => "persistent_volume",
            Self::HostNetwork => "host_network",
            Self::Gpu => "gpu",
            Self::Windows => "windows",
            Self::Memory => "memory",
            Self::PodSize => "pod_size",
            Self::Duration => "duration",
            Self::Latency => "latency",
            Self::NeedsQuota => "needs_quota",
            Self::Excluded => "excluded",
        }
    }
}
