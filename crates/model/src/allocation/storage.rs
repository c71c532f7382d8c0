//! Who holds which persistent volume.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::inventory::{ClaimKey, Pod, WorkloadId};
use crate::report::VolumeReport;
use crate::units::{Ratio, UsdPerHour};

use super::PricedVolume;

/// What storage costs each workload, and what it costs nobody.
#[derive(Debug, Default)]
pub(super) struct Storage<'a> {
    /// What each workload holds.
    pub(super) held: HashMap<&'a WorkloadId, UsdPerHour>,
    /// The volumes that no pod holds.
    pub(super) unowned: UsdPerHour,
    /// The volumes.
    pub(super) reports: Vec<VolumeReport>,
}

/// Gives each volume to the workloads whose pods hold it.
///
/// Formula: the price of a volume is shared equally by the pods that hold its claim; a volume that no pod holds is unowned.
pub(super) fn share<'a>(volumes: &[PricedVolume], pods: &'a [Arc<Pod>]) -> Storage<'a> {
    let mut storage = Storage::default();
    if volumes.is_empty() {
        return storage;
    }
    let mut holding: HashMap<(&str, &str), Vec<&WorkloadId>> = HashMap::new();
    for pod in pods {
        for claim in &pod.claims {
            let claim = (&*pod.key.namespace, &**claim);
            holding.entry(claim).or_default().push(&pod.workload);
        }
    }
    for PricedVolume { volume, price } in volumes {
        let claim = volume.claim.as_ref();
        let holders =
            claim.and_then(|ClaimKey { namespace, name }| holding.get(&(&**namespace, &**name)));
        let holders = holders.map_or(&[][..], Vec::as_slice);
        let hourly = price.as_ref().map_or(UsdPerHour::ZERO, |price| price.price);
        match Ratio::count(holders.len()).inverse() {
            None => storage.unowned += hourly,
            Some(part) => {
                for holder in holders {
                    *storage.held.entry(holder).or_default() += hourly * part;
                }
            }
        }
        let distinct: BTreeSet<&WorkloadId> = holders.iter().copied().collect();
        storage.reports.push(VolumeReport {
            volume: Arc::clone(volume),
            price: price.clone(),
            holders: distinct.into_iter().cloned().collect(),
        });
    }
    storage
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::allocation::{ClusterRates, WorkloadRates, allocate};
    use crate::inventory::Volume;
    use crate::inventory::WorkloadKind;
    use crate::parameters::SharingPolicy;
    use crate::test_util::{deployment, node, pod, resources, settings, workload};
    use crate::units::Gib;
    use crate::{HourlyPrice, PriceSource, Provenance, UnpricedVolume};

    fn volume(name: &str, claim: Option<&str>, hourly: Option<f64>) -> PricedVolume {
        let price = hourly.map(|hourly| HourlyPrice {
            price: UsdPerHour::from_hourly(hourly).unwrap(),
            provenance: Provenance {
                source: PriceSource::Config,
                fetched_at: None,
                method: "as the test says".into(),
            },
        });
        PricedVolume {
            volume: Arc::new(Volume {
                name: name.into(),
                size: Gib::from_gib(1.0).unwrap(),
                storage_class: None,
                driver: None,
                region: None,
                claim: claim.map(|name| ClaimKey {
                    namespace: "shop".into(),
                    name: name.into(),
                }),
            }),
            price: price.ok_or(UnpricedVolume::NotOnEbs),
        }
    }

    fn holding(name: &str, workload: WorkloadId, claims: &[&str]) -> Arc<Pod> {
        let mut pod = pod(name, workload, "n", resources(1.0, 4.0));
        pod.claims = claims.iter().map(|claim| (*claim).into()).collect();
        Arc::new(pod)
    }

    fn allocated(volumes: &[PricedVolume], pods: &[Arc<Pod>]) -> ClusterRates {
        let nodes = [node("n", 4.0, 16.0, Some(1.0))];
        allocate(&nodes, volumes, pods, &HashMap::new(), &settings())
    }

    fn close(left: UsdPerHour, right: f64) {
        assert!(
            (left.hourly() - right).abs() < 1e-9,
            "{left:?} is not {right}"
        );
    }

    #[test]
    fn a_volume_is_held_by_the_workload_whose_pod_claims_it() {
        let (db, web) = (deployment("shop", "db"), deployment("shop", "web"));
        let pods = [
            holding("db-0", db.clone(), &["data"]),
            holding("web-0", web.clone(), &[]),
        ];
        let volumes = [
            volume("a", Some("data"), Some(0.5)),
            volume("b", Some("data-of-another"), Some(0.25)),
            volume("c", None, Some(0.125)),
            volume("d", Some("data"), None),
        ];
        let rates = allocated(&volumes, &pods);
        close(rates.workloads[&db].storage, 0.5);
        close(rates.workloads[&web].storage, 0.0);
        close(rates.components.fixed, 0.375 + settings().fixed.hourly());
        let holders: Vec<usize> = rates.volumes.iter().map(|one| one.holders.len()).collect();
        assert_eq!(holders, [1, 0, 0, 1]);
        assert_eq!(rates.volumes[3].price, Err(UnpricedVolume::NotOnEbs));
    }

    #[test]
    fn a_claim_of_the_same_name_in_another_namespace_is_another_one() {
        let other = deployment("lab", "db");
        let rates = allocated(
            &[volume("a", Some("data"), Some(0.5))],
            &[holding("db-0", other.clone(), &["data"])],
        );
        close(rates.workloads[&other].storage, 0.0);
    }

    #[test]
    fn a_volume_of_several_pods_is_shared_equally() {
        let (web, jobs) = (deployment("shop", "web"), deployment("shop", "jobs"));
        let pods = [
            holding("web-0", web.clone(), &["files"]),
            holding("web-1", web.clone(), &["files"]),
            holding("jobs-0", jobs.clone(), &["files"]),
        ];
        let rates = allocated(&[volume("a", Some("files"), Some(0.9))], &pods);
        close(rates.workloads[&web].storage, 0.6);
        close(rates.workloads[&jobs].storage, 0.3);
    }

    #[test]
    fn what_a_daemon_set_holds_is_carried_by_the_others() {
        let agent = workload("shop", WorkloadKind::DaemonSet, "agent");
        let web = deployment("shop", "web");
        let pods = [
            holding("agent-0", agent.clone(), &["buffer"]),
            holding("web-0", web.clone(), &[]),
        ];
        let with = allocated(&[volume("a", Some("buffer"), Some(0.5))], &pods);
        let without = allocated(&[], &pods);
        close(with.shared[&agent], without.shared[&agent].hourly() + 0.5);
        close(
            with.workloads[&web].loaded(),
            without.workloads[&web].loaded().hourly() + 0.5,
        );
    }

    fn random_volumes() -> impl Strategy<Value = Vec<PricedVolume>> {
        let claim = proptest::option::of(0_usize..5);
        let one = (claim, proptest::option::of(0.0..10.0)).prop_map(|(claim, hourly)| {
            let claim = claim.map(|claim| format!("c{claim}"));
            volume("v", claim.as_deref(), hourly)
        });
        proptest::collection::vec(one, 0..8)
    }

    fn random_pods() -> impl Strategy<Value = Vec<Arc<Pod>>> {
        let one = (0_usize..5, proptest::collection::vec(0_usize..5, 0..3));
        proptest::collection::vec(one, 0..8).prop_map(|pods| {
            let pod = |(at, (workload_at, claims)): (usize, (usize, Vec<usize>))| {
                let kind = match workload_at {
                    0 => WorkloadKind::DaemonSet,
                    _ => WorkloadKind::StatefulSet,
                };
                let mut claims: Vec<String> = claims
                    .into_iter()
                    .map(|claim| format!("c{claim}"))
                    .collect();
                claims.sort_unstable();
                claims.dedup();
                let claims: Vec<&str> = claims.iter().map(String::as_str).collect();
                let owner = workload("shop", kind, &format!("w{workload_at}"));
                holding(&format!("p{at}"), owner, &claims)
            };
            pods.into_iter().enumerate().map(pod).collect()
        })
    }

    proptest! {
        #[test]
        fn every_dollar_of_every_volume_lands_somewhere(
            volumes in random_volumes(),
            pods in random_pods(),
            policy in 0_usize..3,
        ) {
            let mut settings = settings();
            settings.sharing = [SharingPolicy::Proportional, SharingPolicy::Even, SharingPolicy::None][policy];
            let nodes = [node("n", 4.0, 16.0, Some(1.0)), node("m", 4.0, 16.0, None)];
            let rates = allocate(&nodes, &volumes, &pods, &HashMap::new(), &settings);
            let loaded: UsdPerHour = rates.workloads.values().map(WorkloadRates::loaded).sum();
            let carried = (loaded + rates.components.unallocated).hourly();
            let prices = volumes.iter().filter_map(|one| one.price.as_ref().ok());
            let prices: UsdPerHour = prices.map(|price| price.price).sum();
            let fixed = settings.fixed + settings.fixed_per_node * Ratio::count(2);
            let paid = (prices + fixed).hourly() + 1.0;
            prop_assert!((carried - paid).abs() < 1e-9 * paid, "{carried} is not {paid}");
        }
    }
}
