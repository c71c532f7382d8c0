//! Persistent volumes and storage classes.

use std::sync::Arc;

use super::{ConversionError, FieldError, quantity, read};
use crate::sources::kubernetes::api_types::{
    Meta, PersistentVolumeSpec, StorageClassObject, VolumeObject,
};
use crate::sources::kubernetes::interner::Interner;
use breakeven_model::inventory::{ClaimKey, StorageClass, Volume};

/// Where a volume or a node says its region.
const REGION: [&str; 2] = [
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/region",
];

/// Where a volume says from which zone alone it can be reached.
const ZONE: [&str; 3] = [
    "topology.ebs.csi.aws.com/zone",
    "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/zone",
];

/// The driver of the volumes that Kubernetes once made by itself.
const IN_TREE_EBS: &str = "kubernetes.io/aws-ebs";

/// The volume that an object describes; absent where it is a part of a node's own disks, which are in the node's price.
pub(in crate::sources::kubernetes) fn volume(
    object: &VolumeObject,
    names: &mut Interner,
) -> Result<Option<Volume>, ConversionError> {
    let VolumeObject { metadata, spec } = object;
    if spec.local.is_some() || spec.host_path.is_some() {
        return Ok(None);
    }
    let named = |bad: FieldError| bad.of(format_args!("persistentvolume {}", metadata.name));
    let size = read(
        &spec.capacity.storage,
        quantity::memory,
        "spec.capacity",
        "storage",
    );
    let missing = || FieldError {
        field: "spec.capacity.storage".to_owned(),
        problem: "is missing".to_owned(),
    };
    let size = size.map_err(named)?.ok_or_else(missing).map_err(named)?;
    let mut shared = |text: &str| (!text.is_empty()).then(|| names.share(text));
    Ok(Some(Volume {
        name: metadata.name.as_str().into(),
        size,
        storage_class: shared(&spec.storage_class_name),
        driver: driver(object).and_then(&mut shared),
        region: region(metadata, spec).and_then(&mut shared),
        claim: spec.claim_ref.as_ref().map(|claim| ClaimKey {
            namespace: names.share(&claim.namespace),
            name: claim.name.as_str().into(),
        }),
    }))
}

fn driver(object: &VolumeObject) -> Option<&str> {
    let spec = &object.spec;
    let csi = spec.csi.as_ref().map(|csi| csi.driver.as_str());
    let in_tree = spec.aws_elastic_block_store.map(|_| IN_TREE_EBS);
    let annotated = object.metadata.annotations.provisioned_by.as_deref();
    csi.or(in_tree).or(annotated)
}

/// As it says itself, else that of its zone: `us-east-1` of `us-east-1a`.
fn region<'a>(meta: &'a Meta, spec: &'a PersistentVolumeSpec) -> Option<&'a str> {
    let label = |keys: &[&str]| keys.iter().find_map(|key| meta.labels.get(*key));
    let reached = || {
        let terms = spec.node_affinity.required.node_selector_terms.iter();
        let mut wanted = terms.flat_map(|term| &term.match_expressions);
        wanted.find_map(|one| {
            let value = one.values.first()?;
            ZONE.contains(&&*one.key).then_some(value)
        })
    };
    let of_zone = |zone: &'a String| zone.trim_end_matches(|last: char| last.is_ascii_lowercase());
    label(&REGION)
        .map(String::as_str)
        .or_else(|| label(&ZONE).or_else(reached).map(of_zone))
}

/// The name of a storage class, and what its volumes are made of. Keys are the driver's; capitals do not matter to it.
pub(in crate::sources::kubernetes) fn storage_class(
    object: &StorageClassObject,
    names: &mut Interner,
) -> Result<(Arc<str>, StorageClass), ConversionError> {
    let named = |bad: FieldError| bad.of(format_args!("storageclass {}", object.metadata.name));
    let parameter = |wanted: &str| {
        let mut all = object.parameters.iter();
        let found = all.find(|(key, _)| key.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.clone())
    };
    let number = |key: &str| {
        let text = parameter(key);
        read(&text, quantity::count, "parameters", key).map_err(named)
    };
    let class = StorageClass {
        disk: parameter("type").map(|disk| names.share(&disk)),
        iops: number("iops")?,
        iops_per_gib: number("iopsPerGB")?,
        throughput_mib: number("throughput")?,
    };
    Ok((names.share(&object.metadata.name), class))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(spec: Value) -> Result<Option<Volume>, ConversionError> {
        let object = json!({"metadata": {"name": "pv-1", "uid": "u"}, "spec": spec});
        volume(
            &serde_json::from_value(object).unwrap(),
            &mut Interner::default(),
        )
    }

    #[test]
    fn a_volume_is_read_with_what_bears_on_its_price() {
        let volume = read(json!({
            "capacity": {"storage": "100Gi"}, "storageClassName": "fast",
            "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"},
            "claimRef": {"namespace": "shop", "name": "data-db-0"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "topology.ebs.csi.aws.com/zone", "operator": "In", "values": ["eu-west-1b"]},
            ]}]}},
        }));
        let volume = volume.unwrap().unwrap();
        assert_eq!(volume.size.gib(), 100.0);
        assert_eq!(volume.storage_class.as_deref(), Some("fast"));
        assert_eq!(volume.driver.as_deref(), Some("ebs.csi.aws.com"));
        assert_eq!(volume.region.as_deref(), Some("eu-west-1"));
        let claim = volume.claim.unwrap();
        assert_eq!((&*claim.namespace, &*claim.name), ("shop", "data-db-0"));
    }

    #[test]
    fn the_disks_of_a_node_are_no_volumes_and_the_old_ones_of_ebs_are() {
        for place in ["local", "hostPath"] {
            let spec = json!({"capacity": {"storage": "1Gi"}, place: {"path": "/mnt"}});
            assert_eq!(read(spec).unwrap(), None);
        }
        let old =
            json!({"capacity": {"storage": "1Gi"}, "awsElasticBlockStore": {"volumeID": "v"}});
        let old = read(old).unwrap().unwrap();
        assert_eq!(old.driver.as_deref(), Some("kubernetes.io/aws-ebs"));
        assert_eq!(
            (old.region, old.claim, old.storage_class),
            (None, None, None)
        );
    }

    #[test]
    fn a_volume_without_a_size_or_with_a_bad_one_is_an_error_that_names_it() {
        for (capacity, problem) in [
            (json!({}), "is missing"),
            (
                json!({"storage": "big"}),
                "is \"big\", which is not a quantity of memory such as 512Mi or 1G",
            ),
        ] {
            let error = read(json!({"capacity": capacity})).unwrap_err();
            let expected = format!("persistentvolume pv-1: spec.capacity.storage {problem}");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_storage_class_says_the_kind_of_disk_and_its_speed() {
        let class = |parameters: Value| {
            let object =
                json!({"metadata": {"name": "fast", "uid": "u"}, "parameters": parameters});
            let object = serde_json::from_value(object).unwrap();
            storage_class(&object, &mut Interner::default())
        };
        let (name, fast) = class(json!({
            "Type": "gp3", "iops": "4000", "throughput": "250", "encrypted": "true",
        }))
        .unwrap();
        assert_eq!((&*name, fast.disk.as_deref()), ("fast", Some("gp3")));
        assert_eq!((fast.iops, fast.throughput_mib), (Some(4_000), Some(250)));
        let (_, plain) = class(json!({})).unwrap();
        assert_eq!(plain, StorageClass::default());
        assert_eq!(
            class(json!({"iopsPerGB": "many"})).unwrap_err().to_string(),
            "storageclass fast: parameters.iopsPerGB is \"many\", which is not a whole number such as 1"
        );
    }
}
