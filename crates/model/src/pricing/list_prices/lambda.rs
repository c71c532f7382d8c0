//! AWS Lambda list prices per region, and the limits and rules of its bill.
//!
//! Prices: `lambda/prices.csv`, the price file of the AWS Pricing Calculator of [`LISTED_AT`]. Rules:
//! <https://aws.amazon.com/lambda/pricing/>. China is not in the file: AWS bills it in CNY.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::region_table::RegionTable;
use super::{Tiers, known};
use crate::inventory::Architecture;
use crate::units::{
    GibSeconds, Hours, Ratio, Requests, Seconds, UsdPerGib, UsdPerGibSecond, UsdPerRequest,
};

/// Date of the price file.
pub const LISTED_AT: &str = "2025-10-30";

/// The price file.
const PRICE_FILE: &str = include_str!("lambda/prices.csv");

/// The prices of each region, by architecture in the order of [`Architecture::ALL`].
static PRICES: LazyLock<BTreeMap<&'static str, [Option<Prices>; 2]>> = LazyLock::new(|| {
    let table = RegionTable::parse(PRICE_FILE);
    let of = |region| Architecture::ALL.map(|one| Prices::from_table(&table, region, one));
    table.regions().map(|region| (region, of(region))).collect()
});

/// `/tmp` that every function has for nothing, in MiB.
pub const FREE_EPHEMERAL_STORAGE_MIB: u32 = 512;

/// The most `/tmp` that a function may have, in MiB.
pub const MAX_EPHEMERAL_STORAGE_MIB: u32 = 10_240;

/// The longest that an invocation may take.
pub const MAX_INVOCATION: Seconds = seconds(900.0);

/// The longest that a function may initialise before it is cut off.
pub const MAX_INIT: Seconds = seconds(10.0);

/// The memory at which a function has one whole vCPU, in MiB; above and below it is proportional.
pub const MIB_PER_CORE: f64 = 1_769.0;

/// What rounding up to whole milliseconds adds to an invocation: half a millisecond in the mean.
pub const MEAN_ROUNDING: Seconds = seconds(0.000_5);

/// What rounding up to whole milliseconds adds to an invocation at most.
pub const MAX_ROUNDING: Seconds = seconds(0.001);

/// The requests that are free each month: of the account, on both architectures together.
pub const FREE_REQUESTS: Requests = known(Requests::from_requests(1e6));

/// The duration that is free each month: of the account, on both architectures together. Not under provisioned
/// concurrency.
pub const FREE_DURATION: GibSeconds = amount(400_000.0);

/// Provisioned concurrency is paid in steps of so long.
pub const PROVISIONED_STEP: Hours = known(Hours::from_hours(1.0 / 12.0));

/// A snapshot is paid for at least so long.
pub const MIN_SNAPSTART: Hours = known(Hours::from_hours(3.0));

/// What Managed Instances cost besides EC2, of the on-demand price of the instance.
pub const MANAGED_INSTANCES_FEE: Ratio = known(Ratio::from_factor(0.15));

/// GB-seconds of a month in the first and in the second tier of duration, per region and architecture; a third tier has
/// the rest.
const fn tier_widths(architecture: Architecture) -> [GibSeconds; 2] {
    match architecture {
        Architecture::X86_64 => [amount(6e9), amount(9e9)],
        Architecture::Arm64 => [amount(7.5e9), amount(11.25e9)],
    }
}

/// Regions with Lambda list prices, by name: all commercial ones and GovCloud.
pub fn regions() -> impl Iterator<Item = &'static str> {
    PRICES.keys().copied()
}

/// Duration in us-east-1, in tiers per month.
#[must_use]
pub fn duration(architecture: Architecture) -> Tiers<GibSeconds> {
    Prices::list(architecture).duration
}

/// Lambda prices of a region and architecture, before any discount.
#[derive(Clone, Debug, PartialEq)]
pub struct Prices {
    /// Per request.
    pub request: UsdPerRequest,
    /// Duration on demand, in tiers per month.
    pub duration: Tiers<GibSeconds>,
    /// Provisioned concurrency, for the time it is configured.
    pub provisioned: UsdPerGibSecond,
    /// Duration of requests that provisioned concurrency serves.
    pub provisioned_duration: UsdPerGibSecond,
    /// `/tmp` above [`FREE_EPHEMERAL_STORAGE_MIB`].
    pub ephemeral_storage: UsdPerGibSecond,
    /// `SnapStart`: snapshot in the cache, per GB of function memory. Free for Java. `None`: not listed in the region.
    pub snapstart_cache: Option<UsdPerGibSecond>,
    /// `SnapStart`: restore, per GB of function memory. Free for Java. `None`: not listed in the region.
    pub snapstart_restore: Option<UsdPerGib>,
    /// Response streaming beyond 6 MB per request and 100 GB per month. `None`: not listed in the region.
    pub streaming: Option<UsdPerGib>,
}

impl Prices {
    /// List prices of a region; `None` for a region without them.
    ///
    /// ```
    /// use breakeven_model::inventory::Architecture;
    /// use breakeven_model::pricing::list_prices::lambda::Prices;
    ///
    /// let ireland = Prices::in_region("eu-west-1", Architecture::X86_64).unwrap();
    /// assert_eq!(ireland.duration.first().secondly(), 0.000_016_666_7);
    /// assert_eq!(ireland.provisioned.secondly(), 0.000_004_646);
    /// assert_eq!(Prices::in_region("cn-north-1", Architecture::X86_64), None);
    /// ```
    #[must_use]
    pub fn in_region(region: &str, architecture: Architecture) -> Option<Self> {
        let [x86, arm] = PRICES.get(region)?;
        match architecture {
            Architecture::X86_64 => x86.clone(),
            Architecture::Arm64 => arm.clone(),
        }
    }

    /// List prices of us-east-1.
    #[must_use]
    pub fn list(architecture: Architecture) -> Self {
        let (duration, provisioned, provisioned_duration) = match architecture {
            Architecture::X86_64 => (
                [0.000_016_666_7, 0.000_015, 0.000_013_333_4],
                0.000_004_166_7,
                0.000_009_722_2,
            ),
            Architecture::Arm64 => (
                [0.000_013_333_4, 0.000_012_000_1, 0.000_010_666_7],
                0.000_003_333_4,
                0.000_007_777_8,
            ),
        };
        Self {
            request: known(UsdPerRequest::from_per_million(0.20)),
            duration: tiers(architecture, duration.map(price)),
            provisioned: price(provisioned),
            provisioned_duration: price(provisioned_duration),
            ephemeral_storage: price(0.000_000_030_9),
            snapstart_cache: Some(price(0.000_001_504_6)),
            snapstart_restore: Some(known(UsdPerGib::from_each(0.000_139_799_8))),
            streaming: Some(known(UsdPerGib::from_each(0.008))),
        }
    }

    fn from_table(table: &RegionTable, region: &str, architecture: Architecture) -> Option<Self> {
        let suffix = match architecture {
            Architecture::X86_64 => "x86",
            Architecture::Arm64 => "arm64",
        };
        let by_time = |column: &str| table.price(region, column, UsdPerGibSecond::from_secondly);
        let by_size = |column: &str| table.price(region, column, UsdPerGib::from_each);
        let duration = [
            by_time(&format!("duration_{suffix}"))?,
            by_time(&format!("duration_{suffix}_tier2"))?,
            by_time(&format!("duration_{suffix}_tier3"))?,
        ];
        Some(Self {
            request: table.price(region, "request_million", UsdPerRequest::from_per_million)?,
            duration: tiers(architecture, duration),
            provisioned: by_time(&format!("provisioned_concurrency_{suffix}"))?,
            provisioned_duration: by_time(&format!("duration_provisioned_{suffix}"))?,
            ephemeral_storage: by_time("ephemeral_storage")?,
            snapstart_cache: by_time("snapstart_cache"),
            snapstart_restore: by_size("snapstart_restore"),
            streaming: by_size("streaming_gb"),
        })
    }

    /// Whether `SnapStart` has both of its prices.
    #[must_use]
    pub const fn has_snapstart(&self) -> bool {
        self.snapstart_cache.is_some() && self.snapstart_restore.is_some()
    }

    /// Utilization of provisioned concurrency above which it costs less than the same work on demand.
    ///
    /// Formula: `r = p_configured / (p_duration · (1 - discount) - p_inside)`, without unit, where `p_duration` is the price of
    /// duration on demand after `used` GB-seconds of the month (the marginal tier). The discount is on duration on demand only.
    /// At `r >= 1` provisioned concurrency never pays. `None` if duration inside it is not cheaper than on demand, so that
    /// it never pays either.
    ///
    /// ```
    /// use breakeven_model::inventory::Architecture;
    /// use breakeven_model::pricing::list_prices::lambda::Prices;
    /// use breakeven_model::units::{GibSeconds, Ratio};
    ///
    /// let break_even = |region| {
    ///     let prices = Prices::in_region(region, Architecture::X86_64)?;
    ///     prices.provisioned_break_even(GibSeconds::ZERO, Ratio::ZERO).map(Ratio::get)
    /// };
    /// assert!((break_even("us-east-1").unwrap() - 0.600).abs() < 1e-4);
    /// assert!(break_even("sa-east-1").unwrap() > 1.0, "it never pays");
    /// ```
    #[must_use]
    pub fn provisioned_break_even(&self, used: GibSeconds, discount: Ratio) -> Option<Ratio> {
        let on_demand = self.duration.beyond(used).first() * discount.complement();
        let gain = on_demand.less(self.provisioned_duration);
        self.provisioned.over(gain)
    }
}

fn tiers(
    architecture: Architecture,
    [first, second, third]: [UsdPerGibSecond; 3],
) -> Tiers<GibSeconds> {
    let [one, two] = tier_widths(architecture);
    Tiers::new([(one, first), (two, second)], third)
}

const fn price(secondly: f64) -> UsdPerGibSecond {
    known(UsdPerGibSecond::from_secondly(secondly))
}

const fn seconds(value: f64) -> Seconds {
    known(Seconds::from_seconds(value))
}

const fn amount(value: f64) -> GibSeconds {
    known(GibSeconds::from_gib_seconds(value))
}

#[cfg(test)]
mod tests;
