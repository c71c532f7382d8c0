//! Who is who in the cluster.

use std::fmt;
use std::sync::Arc;

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A workload of the cluster: the controller that pods belong to in the end, or a pod of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadId {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its kind.
    pub kind: WorkloadKind,
    /// Its name.
    pub name: Arc<str>,
}

impl Serialize for WorkloadId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("WorkloadId", 3)?;
        fields.serialize_field("namespace", &*self.namespace)?;
        fields.serialize_field("kind", self.kind.as_str())?;
        fields.serialize_field("name", &*self.name)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for WorkloadId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            namespace: String,
            kind: String,
            name: String,
        }
        let fields = Fields::deserialize(deserializer)?;
        Ok(Self {
            namespace: fields.namespace.into(),
            kind: fields.kind.as_str().into(),
            name: fields.name.into(),
        })
    }
}

/// The kind of a workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkloadKind {
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
    /// A CronJob, by way of its Jobs.
    CronJob,
    /// A Job that no CronJob made.
    Job,
    /// A ReplicaSet that no Deployment made.
    ReplicaSet,
    /// A pod without a controller, or of its node (a static pod).
    Pod,
    /// Any other controller, by its own kind, such as `Rollout`.
    Other(Arc<str>),
}

impl WorkloadKind {
    /// The kind as Kubernetes writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::CronJob => "CronJob",
            Self::Job => "Job",
            Self::ReplicaSet => "ReplicaSet",
            Self::Pod => "Pod",
            Self::Other(kind) => kind,
        }
    }
}

impl From<&str> for WorkloadKind {
    fn from(kind: &str) -> Self {
        match kind {
            "Deployment" => Self::Deployment,
            "StatefulSet" => Self::StatefulSet,
            "DaemonSet" => Self::DaemonSet,
            "CronJob" => Self::CronJob,
            "Job" => Self::Job,
            "ReplicaSet" => Self::ReplicaSet,
            "Pod" => Self::Pod,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for WorkloadId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}/{}/{}",
            self.namespace,
            self.kind.as_str(),
            self.name
        )
    }
}
