//! PersistentVolumes, their claims, and StorageClasses.

use serde_json::{Value, json};

use super::super::super::world::{
    ClaimSpec, PodIdentity, StorageClassSpec, VolumeSpec, Workload, World,
};
use super::{WORKLOAD_AGE_DAYS, before_history, time};

/// A StorageClass.
pub(in super::super) fn storage_class(world: &World, class: &StorageClassSpec) -> Value {
    json!({
        "kind": "StorageClass",
        "apiVersion": "storage.k8s.io/v1",
        "metadata": {
            "name": class.name,
            "uid": world.uid_of("storage-class", &class.name),
            "creationTimestamp": made(world, &class.name),
        },
        "provisioner": class.provisioner,
        "parameters": class.parameters,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": true,
    })
}

/// A PersistentVolume that nobody has claimed.
pub(in super::super) fn unclaimed(world: &World, volume: &VolumeSpec) -> Value {
    let disk = Disk {
        name: &volume.name,
        gib: volume.size_gib,
        class: &volume.storage_class,
        shared: false,
        zone: volume.zone.as_deref(),
    };
    let mut object = disk.object(world);
    object["status"] = json!({ "phase": "Available" });
    object
}

/// The PersistentVolumeClaim of a pod and the PersistentVolume that it is bound to.
pub(in super::super) fn claimed(
    world: &World,
    workload: &Workload,
    pod: &PodIdentity,
    spec: &ClaimSpec,
) -> (Value, Value) {
    let namespace = &workload.spec.namespace;
    let name = spec.claim(workload, pod);
    let key = format!("{namespace}/{name}");
    let uid = world.uid_of("claim", &key);
    let node = world.nodes().iter().find(|node| node.spec.name == pod.node);
    let zone = node.map(|node| &*node.spec.zone);
    let disk = Disk {
        name: &format!("pvc-{uid}"),
        gib: spec.size_gib,
        class: &spec.storage_class,
        shared: spec.shared,
        zone: zone.filter(|_| !spec.shared),
    };
    let mut volume = disk.object(world);
    volume["spec"]["claimRef"] = json!({
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        "namespace": namespace,
        "name": name,
        "uid": uid,
    });
    volume["status"] = json!({ "phase": "Bound" });
    let claim = json!({
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid,
            "creationTimestamp": made(world, &key),
        },
        "spec": {
            "accessModes": volume["spec"]["accessModes"],
            "resources": { "requests": { "storage": format!("{}Gi", spec.size_gib) } },
            "storageClassName": spec.storage_class,
            "volumeMode": "Filesystem",
            "volumeName": disk.name,
        },
        "status": {
            "phase": "Bound",
            "accessModes": volume["spec"]["accessModes"],
            "capacity": volume["spec"]["capacity"],
        },
    });
    (claim, volume)
}

/// The disk behind a PersistentVolume.
struct Disk<'a> {
    name: &'a str,
    gib: u32,
    class: &'a str,
    shared: bool,
    zone: Option<&'a str>,
}

impl Disk<'_> {
    fn object(&self, world: &World) -> Value {
        let mut classes = world.spec.storage_classes.iter();
        let class = classes.find(|class| class.name == self.class);
        let driver = class.map_or("", |class| &class.provisioner);
        let handle = &world.hex_of("volume", self.name)[..17];
        let mut object = json!({
            "kind": "PersistentVolume",
            "apiVersion": "v1",
            "metadata": {
                "name": self.name,
                "uid": world.uid_of("volume", self.name),
                "creationTimestamp": made(world, self.name),
                "annotations": { "pv.kubernetes.io/provisioned-by": driver },
                "finalizers": ["kubernetes.io/pv-protection"],
            },
            "spec": {
                "capacity": { "storage": format!("{}Gi", self.gib) },
                "accessModes": [if self.shared { "ReadWriteMany" } else { "ReadWriteOnce" }],
                "csi": { "driver": driver, "volumeHandle": format!("vol-{handle}") },
                "persistentVolumeReclaimPolicy": "Delete",
                "storageClassName": self.class,
                "volumeMode": "Filesystem",
            },
        });
        if let Some(zone) = self.zone {
            object["spec"]["nodeAffinity"] = json!({ "required": { "nodeSelectorTerms": [{
                "matchExpressions": [{
                    "key": "topology.kubernetes.io/zone",
                    "operator": "In",
                    "values": [zone],
                }],
            }] } });
        }
        object
    }
}

fn made(world: &World, name: &str) -> Value {
    time(before_history(world, name, WORKLOAD_AGE_DAYS))
}
