//! Small clusters for tests, in the words of a test.

#![allow(clippy::unwrap_used, reason = "only tests use these")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use super::allocation::PricedNode;
use super::billing::PaidRatios;
use super::cold_starts::{InitTimes, KEEP_ALIVE};
use super::lambda::PricingTerms;
use super::parameters::{
    KubernetesEquivalent, LambdaEquivalent, LambdaParameters, ModelParameters, SharingPolicy,
    UnlistedPrices,
};
use super::report::{HourlyPrice, PriceSource, Provenance, Unpriced};
use super::resource_prices::Weights;
use super::uncertainty::Range;
use crate::inventory::{
    Architecture, CapacityType, Container, Node, Pod, PodKey, PodUsage, Provider, Resources,
    WorkloadId, WorkloadKind,
};
use crate::units::{Cores, Gib, GibSeconds, HOURS_PER_MONTH, Ratio, Seconds, UsdPerHour};

/// A ratio; panics if it is not one.
pub fn ratio(value: f64) -> Ratio {
    Ratio::from_factor(value).unwrap()
}

/// A duration in seconds; panics if it is not one.
pub fn seconds(value: f64) -> Seconds {
    Seconds::from_seconds(value).unwrap()
}

/// Three numbers in order.
pub fn range(limits: std::ops::Range<f64>) -> impl Strategy<Value = Range<f64>> {
    proptest::collection::vec(limits, 3).prop_map(|mut values| {
        values.sort_by(f64::total_cmp);
        Range {
            low: values[0],
            point: values[1],
            high: values[2],
        }
    })
}

/// Cores and GiB, without GPUs.
pub fn resources(cores: f64, gib: f64) -> Resources {
    Resources {
        cpu: Cores::from_cores(cores).unwrap(),
        memory: Gib::from_gib(gib).unwrap(),
        gpus: 0,
    }
}

/// Model parameters that differ from the defaults where a test would not notice otherwise.
pub fn settings() -> ModelParameters {
    ModelParameters {
        decision_window: seconds(86_400.0),
        hours_per_month: HOURS_PER_MONTH,
        weights: Weights {
            core: ratio(10.1),
            gpu: ratio(224.0),
        },
        shared_namespaces: BTreeSet::from(["kube-system".to_owned()]),
        sharing: SharingPolicy::Proportional,
        fixed: UsdPerHour::ZERO,
        fixed_per_node: UsdPerHour::ZERO,
        avoidable: Range {
            low: Ratio::ZERO,
            point: ratio(0.9),
            high: Ratio::ONE,
        },
        lambda: LambdaParameters {
            discount: Ratio::ZERO,
            used_before: GibSeconds::ZERO,
            keep_alive: KEEP_ALIVE,
            init: InitTimes::default(),
            function_overrides: Vec::new(),
            applies_bill: false,
            paid: PaidRatios::default(),
            unlisted: UnlistedPrices::default(),
        },
        lambda_equivalent: LambdaEquivalent {
            architecture: Architecture::Arm64,
            terms: PricingTerms::known(Architecture::Arm64),
            region: "us-east-1".into(),
            max_slowdown: ratio(2.0),
            memory_headroom: ratio(1.2),
            concurrency_limit: 1_000,
            core_time: Range {
                low: ratio(0.8),
                point: Ratio::ONE,
                high: ratio(1.25),
            },
            idle_cpu: Range {
                low: Ratio::ZERO,
                point: Ratio::ZERO,
                high: ratio(0.5),
            },
        },
        kubernetes_equivalent: KubernetesEquivalent {
            pod_cpu: Cores::from_cores(0.25).unwrap(),
            pod_concurrency: 10,
            target_utilization: Range {
                low: ratio(0.5),
                point: ratio(0.65),
                high: ratio(0.8),
            },
            min_replicas: 2,
            packing_efficiency: Range {
                low: ratio(0.5),
                point: ratio(0.75),
                high: ratio(0.9),
            },
            cpu_share: Range {
                low: ratio(0.1),
                point: ratio(0.5),
                high: Ratio::ONE,
            },
        },
    }
}

/// A node of type m5.large in us-east-1, at an hourly price in USD.
pub fn node(name: &str, cores: f64, gib: f64, hourly: Option<f64>) -> PricedNode {
    let node = Node {
        name: name.into(),
        provider: Provider::Aws,
        instance_type: Some("m5.large".into()),
        region: Some("us-east-1".into()),
        zone: None,
        capacity_type: CapacityType::OnDemand,
        capacity: resources(cores, gib),
        allocatable: resources(cores, gib),
        labels: BTreeMap::new(),
    };
    let price = hourly
        .ok_or(Unpriced::UnknownInstanceType)
        .map(|hourly| HourlyPrice {
            price: UsdPerHour::from_hourly(hourly).unwrap(),
            provenance: Provenance {
                source: PriceSource::Config,
                fetched_at: None,
                method: "as the test says".into(),
            },
        });
    PricedNode {
        node: Arc::new(node),
        price,
    }
}

/// The identity of a Deployment.
pub fn deployment(namespace: &str, name: &str) -> WorkloadId {
    workload(namespace, WorkloadKind::Deployment, name)
}

/// The identity of a workload.
pub fn workload(namespace: &str, kind: WorkloadKind, name: &str) -> WorkloadId {
    WorkloadId {
        namespace: namespace.into(),
        kind,
        name: name.into(),
    }
}

/// A pod of one container.
pub fn pod(name: &str, workload: WorkloadId, node: &str, request: Resources) -> Pod {
    Pod {
        key: PodKey {
            namespace: Arc::clone(&workload.namespace),
            name: name.into(),
        },
        workload,
        node: node.into(),
        containers: vec![Container {
            name: "app".into(),
            request,
        }],
        request,
        ephemeral_request: None,
        fargate_size: None,
        persistent_volume: false,
        claims: Vec::new(),
        host_network: false,
        needs_accelerator: false,
        created_at: None,
        started_at: None,
        team: None,
    }
}

/// The usage of a pod of one container over 15 seconds.
pub fn usage(used: Resources) -> PodUsage {
    PodUsage {
        at: Timestamp::UNIX_EPOCH,
        window: seconds(15.0),
        containers: vec![Container {
            name: "app".into(),
            request: used,
        }],
        is_counted: false,
    }
}
