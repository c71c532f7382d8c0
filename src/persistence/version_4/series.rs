//! Time series of version 4. Version 5 names the columns of a series, and has the minutes of a function as one list per field.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize, Serializer};

/// The sums of a window of time.
#[derive(Serialize, Deserialize)]
#[serde(bound(
    serialize = "T: Serialize, C: Columns",
    deserialize = "T: Deserialize<'de>"
))]
pub(super) struct Buckets<T, C> {
    length: i64,
    newest: Option<Newest<T>>,
    older: Series<C>,
}

#[derive(Serialize)]
struct Newest<T> {
    number: i64,
    sums: T,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Newest<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (number, sums) = Deserialize::deserialize(deserializer)?;
        Ok(Self { number, sums })
    }
}

#[derive(Deserialize)]
#[serde(bound = "")]
struct Series<C> {
    pieces: Vec<u32>,
    numbers: Vec<f32>,
    #[serde(skip)]
    columns: PhantomData<C>,
}

impl<C: Columns> Serialize for Series<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Named<'a> {
            columns: &'a [&'a str],
            pieces: &'a [u32],
            numbers: &'a [f32],
        }
        let named = Named {
            columns: C::NAMES,
            pieces: &self.pieces,
            numbers: &self.numbers,
        };
        named.serialize(serializer)
    }
}

/// What the numbers of each piece are, in their order.
pub(super) trait Columns {
    const NAMES: &'static [&'static str];
}

pub(super) struct BucketColumns;
pub(super) struct DayColumns;
pub(super) struct ThrottlingColumns;

impl Columns for BucketColumns {
    const NAMES: &'static [&'static str] = &[
        "cost.unpriced",
        "cost.allocated",
        "cost.loaded",
        "cost.used.observed",
        "cost.used.cost",
        "cost.used.loaded",
        "cost.used.cores",
        "cost.used.cores_allocated",
        "cost.used.memory",
        "cost.used.memory_allocated",
        "cost.used.pods",
        "cost.used.extremes.0",
        "cost.used.extremes.1",
        "requests",
        "latency",
        "measured",
        "peak",
        "paired.steps",
        "paired.time",
        "paired.rate",
        "paired.cores",
        "paired.rates",
        "paired.mixed",
        "paired.uses",
    ];
}

impl Columns for DayColumns {
    const NAMES: &'static [&'static str] = &[
        "observed",
        "allocated",
        "idle",
        "shared",
        "fixed",
        "usage_observed",
        "cores",
        "memory",
        "requests",
        "latency",
        "measured",
        "active",
    ];
}

impl Columns for ThrottlingColumns {
    const NAMES: &'static [&'static str] = &["time", "throttled", "periods"];
}

/// In place of a peak that is unknown.
const UNKNOWN: u32 = u32::MAX;

/// The minutes of a function: rows of minute, invocations, the bits of the duration in two halves, and the peak; and rows of
/// minute, errors and throttles.
#[derive(Deserialize)]
pub(super) struct Minutes(Vec<(u32, u32, [u32; 2], u32)>, Vec<(u32, u32, u32)>);

#[derive(Serialize)]
struct MinuteLists {
    active: ActiveLists,
    failures: FailureLists,
}

#[derive(Serialize)]
struct ActiveLists {
    minute: Vec<u32>,
    invocations: Vec<u32>,
    duration: Vec<f64>,
    peak: Vec<Option<u32>>,
}

#[derive(Serialize)]
struct FailureLists {
    minute: Vec<u32>,
    errors: Vec<u32>,
    throttles: Vec<u32>,
}

impl Serialize for Minutes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(active, failures) = self;
        let seconds =
            |[high, low]: [u32; 2]| f64::from_bits(u64::from(high) << 32 | u64::from(low));
        let lists = MinuteLists {
            active: ActiveLists {
                minute: active.iter().map(|one| one.0).collect(),
                invocations: active.iter().map(|one| one.1).collect(),
                duration: active.iter().map(|one| seconds(one.2)).collect(),
                peak: active
                    .iter()
                    .map(|one| (one.3 != UNKNOWN).then_some(one.3))
                    .collect(),
            },
            failures: FailureLists {
                minute: failures.iter().map(|one| one.0).collect(),
                errors: failures.iter().map(|one| one.1).collect(),
                throttles: failures.iter().map(|one| one.2).collect(),
            },
        };
        lists.serialize(serializer)
    }
}
