//! What the sources saw, as plain facts: no type of a client library comes this far.
//!
//! Each source sends [`Observation`]s as it learns them. They carry their own time, so a late one is
//! still right, and what they do not know is absent.

mod functions;
mod identity;
mod kubernetes;
mod requests;

pub use functions::{
    Architecture, Function, FunctionId, FunctionMinute, FunctionMinutes, Functions,
};
pub use identity::{WorkloadId, WorkloadKind};
pub use kubernetes::{
    CapacityType, Cluster, Container, Node, Pod, PodKey, PodUsage, Resources, Usage,
};
pub use requests::{RequestRate, RequestStep, RequestTarget, Traffic};

/// One thing that a source saw.
#[derive(Clone, Debug)]
pub enum Observation {
    /// The nodes and pods of the cluster, complete.
    Cluster(Cluster),
    /// What the pods use now, as far as it is known.
    Usage(Usage),
    /// The functions of one account and region, complete.
    Functions(Functions),
    /// Minutes of function metrics that are closed.
    FunctionMinutes(FunctionMinutes),
    /// Requests that workloads of the cluster served.
    Traffic(Traffic),
}
