//! What things are called: platforms, subjects, bases and components, as they stand in labels.

use serde::{Deserialize, Serialize};

use std::fmt;

use crate::inventory::{FunctionId, WorkloadId};
use crate::lambda;

/// A platform that work runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// The cluster.
    Kubernetes,
    /// AWS Lambda.
    Lambda,
}

impl Platform {
    /// As it stands in the `home` and `platform` labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Lambda => "lambda",
        }
    }

    /// The other platform.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Kubernetes => Self::Lambda,
            Self::Lambda => Self::Kubernetes,
        }
    }
}

/// Whose cost it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WorkloadRef {
    /// A workload of the cluster.
    Kubernetes(WorkloadId),
    /// A function.
    Lambda(FunctionId),
}

impl WorkloadRef {
    /// Where it runs.
    #[must_use]
    pub const fn platform(&self) -> Platform {
        match self {
            Self::Kubernetes(_) => Platform::Kubernetes,
            Self::Lambda(_) => Platform::Lambda,
        }
    }
}

impl fmt::Display for WorkloadRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kubernetes(workload) => workload.fmt(formatter),
            Self::Lambda(function) => function.fmt(formatter),
        }
    }
}

/// What a cost of a cluster's workload includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// What it uses.
    Used,
    /// What is held for it: the larger of request and use.
    Allocated,
    /// That, and its part of idle, shared and fixed cost. Reconciles with the bill.
    Loaded,
    /// What its leaving would really free.
    Avoidable,
}

impl Basis {
    /// As it stands in the `basis` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Allocated => "allocated",
            Self::Loaded => "loaded",
            Self::Avoidable => "avoidable",
        }
    }
}

/// A part of what a subject costs where it runs. The parts exclude each other and add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// Processors held for it.
    Cpu,
    /// Memory held for it.
    Memory,
    /// GPUs held for it.
    Gpu,
    /// Persistent volumes held for it.
    Storage,
    /// Its part of what nobody holds.
    Idle,
    /// Its part of what serves everybody.
    Shared,
    /// Its part of what the cluster costs besides its nodes, and of volumes that nobody holds.
    Fixed,
    /// A part of Lambda's bill.
    Lambda(lambda::Component),
}

impl Component {
    /// As it stands in the `component` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Gpu => "gpu",
            Self::Storage => "storage",
            Self::Idle => "idle",
            Self::Shared => "shared",
            Self::Fixed => "fixed",
            Self::Lambda(part) => part.as_str(),
        }
    }
}

/// A part of what the whole cluster costs. The parts exclude each other and add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClusterComponent {
    /// Held for workloads.
    Allocated,
    /// Held for nobody, carried by workloads.
    Idle,
    /// Shared workloads, carried by the others.
    Shared,
    /// Besides the nodes, carried by workloads.
    Fixed,
    /// Carried by nobody.
    Unallocated,
}

impl ClusterComponent {
    /// As it stands in the `component` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allocated => "allocated",
            Self::Idle => "idle",
            Self::Shared => "shared",
            Self::Fixed => "fixed",
            Self::Unallocated => "unattributed",
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Served, well or not as far as is known.
    Served,
    /// Served, and known to have failed.
    Failed,
}

impl Outcome {
    /// As it stands in the `outcome` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Failed => "failed",
        }
    }
}
