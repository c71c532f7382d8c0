//! The rows of version 4, with the names that version 5 gives their fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::series::{BucketColumns, Buckets, DayColumns, Minutes, ThrottlingColumns};

/// Declares a struct that is read as a row of these fields and written as a map with their names.
macro_rules! row {
    ($(#[$meta:meta])* struct $name:ident { $($(#[$attribute:meta])* $field:ident: $kind:ty),+ $(,)? }) => {
        #[derive(serde::Serialize)]
        $(#[$meta])*
        pub(in crate::persistence::version_4) struct $name {
            $($(#[$attribute])* pub(in crate::persistence::version_4) $field: $kind,)+
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let ($($field,)+) = serde::Deserialize::deserialize(deserializer)?;
                Ok(Self { $($field,)+ })
            }
        }
    };
}
pub(super) use row;

/// A time, as RFC 3339 writes it.
type Time = String;

/// Spans of time, each from a time to a time.
type Intervals = Vec<(Time, Time)>;

row! {
    struct Ledger {
        started: Time,
        counting_since: Time,
        window: f64,
        cluster: ClusterAccount,
        workloads: BTreeMap<WorkloadId, WorkloadAccount>,
        shared: BTreeMap<WorkloadId, SharedAccount>,
        functions: BTreeMap<FunctionId, FunctionAccount>,
        days: BTreeMap<UsageKey, DayUsage>,
        counted: Intervals,
    }
}

row! {
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    struct WorkloadId {
        namespace: String,
        kind: String,
        name: String,
    }
}

row! {
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    struct FunctionId {
        account_id: String,
        region: String,
        name: String,
    }
}

row! {
    struct ClusterAccount {
        accrued: ClusterAmounts,
        observed: f64,
        unobserved: f64,
        seen: Intervals,
    }
}

row! {
    struct ClusterAmounts {
        allocated: f64,
        idle: f64,
        shared: f64,
        fixed: f64,
        unallocated: f64,
    }
}

row! {
    struct WorkloadAccount {
        first_seen: Time,
        last_seen: Time,
        created_at: Time,
        accrued: AccruedCost,
        requests: f64,
        has_price: bool,
        is_counted: bool,
        buckets: Buckets<Bucket, BucketColumns>,
        days: Buckets<Day, DayColumns>,
        dedicated: Option<DedicatedCounting>,
        total_until: Option<Time>,
        shared_since: Option<Time>,
        cpu_throttling: Option<CpuThrottling>,
    }
}

row! {
    struct AccruedCost {
        cpu: f64,
        memory: f64,
        gpu: f64,
        storage: f64,
        idle: f64,
        shared: f64,
        fixed: f64,
        used_cpu: f64,
        used_memory: f64,
    }
}

row! {
    struct Bucket {
        cost: Cost,
        requests: f64,
        latency: f64,
        measured: f64,
        peak: f64,
        paired: Scatter,
    }
}

row! {
    struct Cost {
        unpriced: f64,
        allocated: f64,
        loaded: f64,
        used: UsedWindow,
    }
}

row! {
    struct UsedWindow {
        observed: f64,
        cost: f64,
        loaded: f64,
        cores: f64,
        cores_allocated: f64,
        memory: f64,
        memory_allocated: f64,
        pods: f64,
        extremes: Option<(f64, f64)>,
    }
}

row! {
    struct Scatter {
        steps: f64,
        time: f64,
        rate: f64,
        cores: f64,
        rates: f64,
        mixed: f64,
        uses: f64,
    }
}

row! {
    struct Day {
        observed: f64,
        allocated: f64,
        idle: f64,
        shared: f64,
        fixed: f64,
        usage_observed: f64,
        cores: f64,
        memory: f64,
        requests: f64,
        latency: f64,
        measured: f64,
        active: f64,
    }
}

row! {
    struct DedicatedCounting {
        source: DedicatedSource,
        counted: Intervals,
    }
}

#[derive(Serialize, Deserialize)]
pub(super) enum DedicatedSource {
    Annotation,
    Scrape,
    Edge,
}

row! {
    struct CpuThrottling {
        total: f64,
        buckets: Buckets<Throttling, ThrottlingColumns>,
    }
}

row! {
    struct Throttling {
        time: f64,
        throttled: f64,
        periods: f64,
    }
}

row! {
    struct SharedAccount {
        cost: f64,
        last_seen: Time,
    }
}

row! {
    struct FunctionAccount {
        totals: FunctionTotals,
        overcount: Increase,
        minutes: Minutes,
        known: Intervals,
        kept_since: i64,
        is_deleted: bool,
        deleted_since: Option<Time>,
    }
}

row! {
    struct FunctionTotals {
        cost: BTreeMap<Component, f64>,
        gib_seconds: f64,
        invocations: f64,
        served: f64,
        errors: f64,
        throttles: f64,
        cold_starts: f64,
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Component {
    Requests,
    Duration,
    Provisioned,
    Init,
    Instances,
    Ephemeral,
    SnapStart,
    Streaming,
    #[serde(rename(deserialize = "FrontDoor"))]
    HttpEndpoint,
    Logs,
}

row! {
    struct Increase {
        sums: InvocationSums,
        provisioned: f64,
        cold_starts: f64,
        time: f64,
    }
}

row! {
    struct InvocationSums {
        invocations: f64,
        duration: f64,
        served: f64,
        errors: f64,
        throttles: f64,
    }
}

row! {
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    struct UsageKey {
        day: String,
        place: AccountRegion,
        architecture: Architecture,
    }
}

row! {
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    struct AccountRegion {
        account_id: String,
        region: String,
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Architecture {
    X86_64,
    Arm64,
}

row! {
    struct DayUsage {
        usage: LambdaUsage,
        seen: f64,
        functions: u32,
    }
}

row! {
    struct LambdaUsage {
        requests: f64,
        duration: f64,
        provisioned: f64,
        provisioned_duration: f64,
        ephemeral_storage: f64,
    }
}

#[derive(Serialize, Deserialize)]
pub(super) enum WorkloadRef {
    #[serde(rename(deserialize = "Workload"))]
    Kubernetes(WorkloadId),
    #[serde(rename(deserialize = "Function"))]
    Lambda(FunctionId),
}

row! {
    struct Verdict {
        shown: VerdictName,
        rival: Option<Rival>,
    }
}

row! {
    struct Rival {
        verdict: VerdictName,
        since: Time,
    }
}

#[derive(Serialize, Deserialize)]
pub(super) enum VerdictName {
    Kubernetes,
    Lambda,
    Inconclusive,
    InsufficientData,
    NoRequests,
    NoLatency,
    Unpriced,
}
