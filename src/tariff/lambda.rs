//! What AWS Lambda charges: us-east-1, list, [`AS_OF`](super::AS_OF); the major regions share these prices.
//!
//! Source: <https://aws.amazon.com/lambda/pricing/>.

use super::{Tiers, known};
use crate::observation::Architecture;
use crate::units::{GibSeconds, Seconds, UsdPerGibSecond, UsdPerRequest};

/// The fee for each request, on both architectures.
pub const REQUEST: UsdPerRequest = request(0.20);

/// `/tmp` above [`FREE_EPHEMERAL_STORAGE_MIB`].
pub const EPHEMERAL_STORAGE: UsdPerGibSecond = price(0.000_000_030_9);

/// `/tmp` that every function has for nothing, in MiB.
pub const FREE_EPHEMERAL_STORAGE_MIB: u32 = 512;

/// The longest that an invocation may take.
pub const LONGEST_INVOCATION: Seconds = seconds(900.0);

/// The memory at which a function has one whole vCPU, in MiB; above and below it is proportional.
pub const MIB_PER_CORE: f64 = 1_769.0;

/// What rounding up to whole milliseconds adds to an invocation: half a millisecond in the mean.
pub const MEAN_ROUNDING: Seconds = seconds(0.000_5);

/// The price of duration, in tiers by month, region and architecture.
#[must_use]
pub fn duration(architecture: Architecture) -> Tiers {
    let (ends, prices) = match architecture {
        Architecture::X86_64 => (
            [6e9, 15e9],
            [0.000_016_666_7, 0.000_015_000_0, 0.000_013_333_4],
        ),
        Architecture::Arm64 => (
            [7.5e9, 18.75e9],
            [0.000_013_333_4, 0.000_012_000_1, 0.000_010_666_7],
        ),
    };
    let bounded = ends
        .into_iter()
        .zip(prices)
        .map(|(end, tier)| (amount(end), price(tier)))
        .collect();
    // The ends above grow, so the tiers are a tariff; a flat first price would be the honest rest.
    Tiers::new(bounded, price(prices[2])).unwrap_or_else(|_| Tiers::flat(price(prices[0])))
}

const fn request(per_million: f64) -> UsdPerRequest {
    known(UsdPerRequest::from_per_million(per_million))
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
    use crate::units::Requests;

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
}
