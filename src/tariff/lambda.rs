//! What AWS Lambda charges: us-east-1, list, [`AS_OF`](super::AS_OF); the [`REGIONS`] share these prices.
//!
//! Source: <https://aws.amazon.com/lambda/pricing/>.

use super::{Tiers, known};
use crate::observation::Architecture;
use crate::units::{
    GibSeconds, Hours, Ratio, Requests, Seconds, UsdPerGib, UsdPerGibSecond, UsdPerRequest,
};

/// The fee for each request, on both architectures.
pub const REQUEST: UsdPerRequest = known(UsdPerRequest::from_per_million(0.20));

/// `/tmp` above [`FREE_EPHEMERAL_STORAGE_MIB`].
pub const EPHEMERAL_STORAGE: UsdPerGibSecond = price(0.000_000_030_9);

/// `/tmp` that every function has for nothing, in MiB.
pub const FREE_EPHEMERAL_STORAGE_MIB: u32 = 512;

/// The most `/tmp` that a function may have, in MiB.
pub const MOST_EPHEMERAL_STORAGE_MIB: u32 = 10_240;

/// The longest that an invocation may take.
pub const LONGEST_INVOCATION: Seconds = seconds(900.0);

/// The longest that a function may initialise before it is cut off.
pub const LONGEST_INIT: Seconds = seconds(10.0);

/// The memory at which a function has one whole vCPU, in MiB; above and below it is proportional.
pub const MIB_PER_CORE: f64 = 1_769.0;

/// What rounding up to whole milliseconds adds to an invocation: half a millisecond in the mean.
pub const MEAN_ROUNDING: Seconds = seconds(0.000_5);

/// What rounding up to whole milliseconds adds to an invocation at most.
pub const MOST_ROUNDING: Seconds = seconds(0.001);

/// The requests that are free each month: of the account, on both architectures together.
pub const FREE_REQUESTS: Requests = known(Requests::from_requests(1e6));

/// The duration that is free each month: of the account, on both architectures together. Not under provisioned
/// concurrency.
pub const FREE_DURATION: GibSeconds = amount(400_000.0);

/// Provisioned concurrency is paid in steps of so long.
pub const PROVISIONED_STEP: Hours = known(Hours::from_hours(1.0 / 12.0));

/// The memory of a snapshot, for as long as it is kept. Free for Java.
pub const SNAPSTART_CACHE: UsdPerGibSecond = price(0.000_001_504_6);

/// A restore from a snapshot, by the memory of the function. Free for Java.
pub const SNAPSTART_RESTORE: UsdPerGib = known(UsdPerGib::from_each(0.000_139_799_8));

/// A snapshot is paid for at least so long.
pub const SNAPSTART_LEAST: Hours = known(Hours::from_hours(3.0));

/// What is streamed beyond 6 MB of a request and 100 GB of a month.
pub const STREAMING: UsdPerGib = known(UsdPerGib::from_each(0.008));

/// What Managed Instances cost besides EC2, of the on-demand price of the instance.
pub const MANAGED_INSTANCES_FEE: Ratio = known(Ratio::from_factor(0.15));

/// The regions that share all prices of this module.
pub const REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Regions with a price of duration of their own: that of the first tier on Intel and AMD. Their other prices are
/// not known here.
const EXCEPTIONS: [(&str, UsdPerGibSecond); 4] = [
    ("af-south-1", price(0.000_022_1)),
    ("ap-east-1", price(0.000_022_92)),
    ("eu-south-1", price(0.000_019_517_2)),
    ("me-south-1", price(0.000_020_666_7)),
];

/// The price of duration, in tiers by month, region and architecture.
#[must_use]
pub fn duration(architecture: Architecture) -> Tiers<GibSeconds> {
    let (steps, last) = match architecture {
        Architecture::X86_64 => (
            [(6e9, 0.000_016_666_7), (9e9, 0.000_015_000_0)],
            0.000_013_333_4,
        ),
        Architecture::Arm64 => (
            [(7.5e9, 0.000_013_333_4), (11.25e9, 0.000_012_000_1)],
            0.000_010_666_7,
        ),
    };
    let steps = steps.map(|(width, step)| (amount(width), price(step)));
    Tiers::new(steps, price(last))
}

/// The price of duration in a region; absent where it is not known.
///
/// In the regions with a price of their own that of the first tier is used for any amount: an upper bound above the
/// first tier.
///
/// ```
/// use breakeven::observation::Architecture;
/// use breakeven::tariff::lambda;
///
/// let here = lambda::duration_in("eu-west-1", Architecture::Arm64);
/// assert_eq!(here, Some(lambda::duration(Architecture::Arm64)));
/// let there = lambda::duration_in("af-south-1", Architecture::X86_64).unwrap();
/// assert_eq!(there.last().secondly(), 0.000_022_1);
/// assert_eq!(lambda::duration_in("af-south-1", Architecture::Arm64), None);
/// ```
#[must_use]
pub fn duration_in(region: &str, architecture: Architecture) -> Option<Tiers<GibSeconds>> {
    if REGIONS.contains(&region) {
        return Some(duration(architecture));
    }
    let own = EXCEPTIONS.iter().find(|(name, _)| *name == region)?;
    (architecture == Architecture::X86_64).then(|| Tiers::flat(own.1))
}

/// What is paid for the memory of environments that are kept ready.
#[must_use]
pub const fn provisioned(architecture: Architecture) -> UsdPerGibSecond {
    price(match architecture {
        Architecture::X86_64 => 0.000_004_166_7,
        Architecture::Arm64 => 0.000_003_333_4,
    })
}

/// The price of duration in environments that are kept ready.
#[must_use]
pub const fn provisioned_duration(architecture: Architecture) -> UsdPerGibSecond {
    price(match architecture {
        Architecture::X86_64 => 0.000_009_722_2,
        Architecture::Arm64 => 0.000_007_777_8,
    })
}

/// What Lambda charges for a function, item by item.
#[derive(Clone, Debug, PartialEq)]
pub struct Prices {
    /// The fee for each request.
    pub request: UsdPerRequest,
    /// Duration on demand, before any discount.
    pub duration: Tiers<GibSeconds>,
    /// Environments that are kept ready.
    pub provisioned: UsdPerGibSecond,
    /// Duration in them.
    pub provisioned_duration: UsdPerGibSecond,
    /// `/tmp` above what is free.
    pub ephemeral_storage: UsdPerGibSecond,
    /// Snapshots.
    pub snapstart_cache: UsdPerGibSecond,
    /// Restores from them.
    pub snapstart_restore: UsdPerGib,
    /// Streamed responses.
    pub streaming: UsdPerGib,
}

impl Prices {
    /// List prices in a region; absent where that of duration is not known. The others of a region with a price of duration of its
    /// own are taken to be those of us-east-1.
    #[must_use]
    pub fn in_region(region: &str, architecture: Architecture) -> Option<Self> {
        let duration = duration_in(region, architecture)?;
        Some(Self::with(duration, architecture))
    }

    /// List prices in us-east-1.
    #[must_use]
    pub fn list(architecture: Architecture) -> Self {
        Self::with(duration(architecture), architecture)
    }

    const fn with(duration: Tiers<GibSeconds>, architecture: Architecture) -> Self {
        Self {
            request: REQUEST,
            duration,
            provisioned: provisioned(architecture),
            provisioned_duration: provisioned_duration(architecture),
            ephemeral_storage: EPHEMERAL_STORAGE,
            snapstart_cache: SNAPSTART_CACHE,
            snapstart_restore: SNAPSTART_RESTORE,
            streaming: STREAMING,
        }
    }
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
mod tests {
    use super::*;

    #[test]
    fn published_monthly_figures_come_out() {
        let cost = |gib_seconds: f64| {
            duration(Architecture::X86_64)
                .total(amount(gib_seconds))
                .usd()
        };
        assert!((cost(6e9 * 1.024 * 0.5) - 51_200.10).abs() < 0.01);
        assert!((cost(9e9 * 1.024) - 148_240.20).abs() < 0.01);
        assert!((cost(250_000.0) - 4.166_7).abs() < 0.000_1);
        let arm = duration(Architecture::Arm64).total(amount(250_000.0)).usd();
        assert!((arm - 3.333_4).abs() < 0.000_1);
        assert!(((Requests::from_requests(5e6).unwrap() * REQUEST).usd() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn provisioned_concurrency_pays_off_above_a_utilisation_of_60_percent() {
        for architecture in [Architecture::X86_64, Architecture::Arm64] {
            let on_demand = duration(architecture).steps()[0].1.secondly();
            let inside = provisioned_duration(architecture).secondly();
            let even = provisioned(architecture).secondly() / (on_demand - inside);
            assert!((even - 0.6).abs() < 1e-4, "{even}");
        }
    }

    #[test]
    fn regions_are_sorted_and_none_has_two_prices() {
        assert!(REGIONS.is_sorted());
        assert!(EXCEPTIONS.iter().all(|(name, _)| !REGIONS.contains(name)));
        assert_eq!(duration_in("mars-north-1", Architecture::X86_64), None);
    }
}
