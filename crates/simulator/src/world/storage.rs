//! Persistent volumes, as a world file has them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::workload::{PodIdentity, Workload};

/// A storage class.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageClassSpec {
    /// Name of the StorageClass object.
    pub name: String,
    /// The driver that provides its volumes.
    #[serde(default = "default_provisioner")]
    pub provisioner: String,
    /// Its parameters, such as `type: gp3`.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// A volume that nobody claimed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeSpec {
    /// Name of the PersistentVolume object.
    pub name: String,
    /// GiB.
    pub size_gib: u32,
    /// Its storage class, one of the world's.
    pub storage_class: String,
    /// The zone from which alone it can be reached; absent: from anywhere.
    #[serde(default)]
    pub zone: Option<String>,
}

/// Volumes that the pods of a workload claim.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimSpec {
    /// Name of the volume within the pod.
    pub name: String,
    /// GiB of each.
    pub size_gib: u32,
    /// Its storage class, one of the world's.
    pub storage_class: String,
    /// Whether all pods have the same one; otherwise each has its own.
    #[serde(default)]
    pub shared: bool,
}

impl ClaimSpec {
    /// The name of the claim of a pod: of a shared one `{workload}-{volume}`, otherwise `{volume}-{pod}`, as a
    /// StatefulSet names them.
    #[must_use]
    pub fn claim(&self, workload: &Workload, pod: &PodIdentity) -> String {
        if self.shared {
            format!("{}-{}", workload.spec.name, self.name)
        } else {
            format!("{}-{}", self.name, pod.name)
        }
    }
}

fn default_provisioner() -> String {
    "ebs.csi.aws.com".to_owned()
}
