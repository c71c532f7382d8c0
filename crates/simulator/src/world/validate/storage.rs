//! Persistent volumes of a world file.

use std::collections::BTreeSet;

use super::Found;
use crate::world::schema::{WorkloadKind, WorkloadSpec, WorldSpec};

pub(super) fn storage(world: &WorldSpec, found: &mut Found) {
    let mut names = BTreeSet::new();
    for (i, class) in world.storage_classes.iter().enumerate() {
        let place = format!("storage_classes[{i}].name");
        found.name(&place, &class.name, 253, true);
        if !names.insert(&class.name) {
            found.add(&place, format!("{:?} is there twice", class.name));
        }
    }
    let mut names = BTreeSet::new();
    for (i, volume) in world.volumes.iter().enumerate() {
        let place = format!("volumes[{i}]");
        found.name(&format!("{place}.name"), &volume.name, 253, true);
        if !names.insert(&volume.name) {
            let what = format!("{:?} is there twice", volume.name);
            found.add(&format!("{place}.name"), what);
        }
        a_volume(world, volume.size_gib, &volume.storage_class, &place, found);
    }
}

pub(super) fn claims(world: &WorldSpec, workload: &WorkloadSpec, place: &str, found: &mut Found) {
    let mut names = BTreeSet::new();
    for (i, claim) in workload.volumes.iter().enumerate() {
        let place = format!("{place}.volumes[{i}]");
        found.name(&format!("{place}.name"), &claim.name, 63, false);
        if !names.insert(&claim.name) {
            let what = format!("{:?} is there twice", claim.name);
            found.add(&format!("{place}.name"), what);
        }
        a_volume(world, claim.size_gib, &claim.storage_class, &place, found);
    }
    let ends = matches!(workload.kind, WorkloadKind::CronJob | WorkloadKind::Job);
    if ends && !workload.volumes.is_empty() {
        let what = "is given, but a CronJob or Job has no volumes here; leave it out";
        found.add(&format!("{place}.volumes"), what);
    }
}

fn a_volume(world: &WorldSpec, gib: u32, class: &str, place: &str, found: &mut Found) {
    found.within(&format!("{place}.size_gib"), gib, &(1..=65_536));
    if !world.storage_classes.iter().any(|one| one.name == class) {
        let what = format!("{class:?} is not listed in storage_classes; add it there");
        found.add(&format!("{place}.storage_class"), what);
    }
}
