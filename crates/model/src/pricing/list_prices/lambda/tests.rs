//! The list prices of Lambda, and when provisioned concurrency pays.

use std::fmt::Write as _;

use super::*;

fn in_region(region: &str, architecture: Architecture) -> Prices {
    Prices::in_region(region, architecture).unwrap()
}

/// Break-even utilization of provisioned concurrency in the first tier.
fn break_even(region: &str, architecture: Architecture) -> f64 {
    let prices = in_region(region, architecture);
    let ratio = prices.provisioned_break_even(GibSeconds::ZERO, Ratio::ZERO);
    ratio.map_or(f64::INFINITY, Ratio::get)
}

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
    let request = Prices::list(Architecture::X86_64).request;
    assert!(((Requests::from_requests(5e6).unwrap() * request).usd() - 1.0).abs() < 1e-12);
}

#[test]
fn the_price_file_is_sound_and_agrees_with_us_east_1() {
    RegionTable::assert_sound(PRICE_FILE, 36);
    assert!(PRICE_FILE.lines().next().unwrap().contains(LISTED_AT));
    for architecture in Architecture::ALL {
        assert_eq!(
            in_region("us-east-1", architecture),
            Prices::list(architecture)
        );
        // Only the parts that are `Option` may be empty in the file.
        let complete = regions().filter(|region| Prices::in_region(region, architecture).is_some());
        assert_eq!(complete.count(), 36, "{architecture:?}");
    }
    for region in ["cn-north-1", "cn-northwest-1", "mars-north-1", ""] {
        assert_eq!(
            Prices::in_region(region, Architecture::X86_64),
            None,
            "{region}"
        );
    }
}

#[test]
fn each_region_has_its_own_price_of_every_part() {
    use Architecture::{Arm64, X86_64};
    // Per million GB-seconds: duration, provisioned, duration in it, ephemeral storage; per million requests.
    for (region, architecture, expected) in [
        ("us-east-1", X86_64, [16.6667, 4.1667, 9.7222, 0.0309, 0.20]),
        (
            "eu-west-1",
            X86_64,
            [16.6667, 4.6460, 10.8407, 0.0340, 0.20],
        ),
        ("eu-west-1", Arm64, [13.3334, 3.7168, 8.6726, 0.0340, 0.20]),
        (
            "ap-northeast-1",
            X86_64,
            [16.6667, 5.3835, 12.5615, 0.0370, 0.20],
        ),
        (
            "sa-east-1",
            X86_64,
            [16.6667, 6.6372, 15.4867, 0.0586, 0.20],
        ),
        (
            "af-south-1",
            Arm64,
            [17.6800, 4.4240, 10.3200, 0.0404, 0.27],
        ),
        (
            "us-gov-west-1",
            X86_64,
            [16.6667, 5.2729, 12.3033, 0.0370, 0.20],
        ),
        (
            "us-gov-west-1",
            Arm64,
            [13.3334, 3.3334, 7.7778, 0.0370, 0.20],
        ),
    ] {
        let prices = in_region(region, architecture);
        let found = [
            prices.duration.first().secondly(),
            prices.provisioned.secondly(),
            prices.provisioned_duration.secondly(),
            prices.ephemeral_storage.secondly(),
            prices.request.each(),
        ];
        for (found, expected) in found.into_iter().zip(expected) {
            let found = found * 1e6;
            assert!(
                (found / expected - 1.0).abs() < 1e-9,
                "{region}: {found} {expected}"
            );
        }
    }
}

#[test]
fn a_part_that_a_region_does_not_list_is_absent_and_the_others_are_not() {
    let parts = |region| {
        let prices = in_region(region, Architecture::X86_64);
        (
            prices.snapstart_cache.is_some() && prices.snapstart_restore.is_some(),
            prices.streaming.is_some(),
        )
    };
    assert_eq!(parts("us-east-1"), (true, true));
    assert_eq!(parts("eu-south-2"), (true, false));
    assert_eq!(parts("ap-east-2"), (false, false));
    assert_eq!(parts("us-gov-east-1"), (false, false));
    let tokyo = in_region("ap-northeast-3", Architecture::Arm64);
    assert_eq!(
        tokyo.snapstart_cache.map(UsdPerGibSecond::secondly),
        Some(0.000_002_001_2)
    );
}

#[test]
fn every_region_has_tiers_of_its_own_prices() {
    let there = in_region("eu-central-2", Architecture::X86_64).duration;
    let month = there.total(amount(20e9)).usd();
    let expected = 6e9 * 0.000_018_333_4 + 9e9 * 0.000_016_5 + 5e9 * 0.000_014_666_7;
    assert!((month / expected - 1.0).abs() < 1e-12, "{month}");
}

#[test]
fn provisioned_concurrency_pays_off_above_the_break_even_of_its_region() {
    for (region, expected) in [
        ("us-east-1", 0.600),
        ("eu-west-1", 0.797),
        ("eu-central-1", 1.010),
        ("ap-northeast-1", 1.311),
        ("sa-east-1", 5.625),
    ] {
        for architecture in Architecture::ALL {
            let found = break_even(region, architecture);
            assert!(
                (found - expected).abs() < 1e-3,
                "{region} {architecture:?} {found}"
            );
        }
    }
}

#[test]
fn provisioned_concurrency_never_pays_in_sixteen_regions() {
    let never = |architecture| -> Vec<&str> {
        let regions = regions();
        regions
            .filter(|region| break_even(region, architecture) >= 1.0)
            .collect()
    };
    let x86 = never(Architecture::X86_64);
    assert_eq!(x86.len(), 16, "{x86:?}");
    // GovCloud lists the arm64 prices of us-east-1.
    let arm = never(Architecture::Arm64);
    assert_eq!(arm.len(), 14, "{arm:?}");
}

#[test]
fn the_break_even_is_that_of_the_marginal_tier() {
    let prices = Prices::list(Architecture::X86_64);
    let at = |used| {
        let ratio = prices.provisioned_break_even(amount(used), Ratio::ZERO);
        ratio.unwrap().get()
    };
    let expected = |duration: f64| 0.000_004_166_7 / (duration - 0.000_009_722_2);
    assert!((at(5.9e9) - expected(0.000_016_666_7)).abs() < 1e-12);
    assert!((at(6e9) - expected(0.000_015)).abs() < 1e-9);
    assert!(
        (at(20e9) - expected(0.000_013_333_4)).abs() < 1e-9,
        "it never pays there"
    );
    assert!(at(20e9) > 1.0);
    let sao_paulo = in_region("sa-east-1", Architecture::X86_64);
    assert_eq!(
        sao_paulo.provisioned_break_even(amount(6e9), Ratio::ZERO),
        None
    );
}

#[test]
fn a_discount_on_duration_moves_the_break_even_of_provisioned_concurrency() {
    let prices = Prices::list(Architecture::X86_64);
    let at = |discount| {
        let discount = Ratio::from_factor(discount).unwrap();
        prices.provisioned_break_even(GibSeconds::ZERO, discount)
    };
    for (discount, expected) in [(0.0, 0.600), (0.1, 0.789_5), (0.2, 1.154_0)] {
        let found = at(discount).unwrap().get();
        assert!((found - expected).abs() < 1e-3, "{discount}: {found}");
    }
    // At this discount duration inside it is no longer cheaper than on demand.
    assert_eq!(at(0.5), None);
}

const BEGIN: &str = "<!-- lambda list prices: made from crates/model/src/pricing/list_prices/lambda/prices.csv by \
                     `BREAKEVEN_BLESS=1 cargo test -p breakeven-model list_prices::lambda` -->\n";
const END: &str = "<!-- end of the lambda list prices -->\n";

/// The table of `docs/prices.md`.
fn reference() -> String {
    let mut table = String::from(
        "| region | million requests | duration | provisioned | duration in it | pays above | `/tmp` | SnapStart cache, restore |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for region in regions() {
        let prices = in_region(region, Architecture::X86_64);
        let million = |price: UsdPerGibSecond| format!("{:.4}", price.secondly() * 1e6);
        let pays = match break_even(region, Architecture::X86_64) {
            ratio if ratio < 1.0 => format!("{:.1} %", ratio * 100.0),
            _ => "never".to_owned(),
        };
        let snapstart = match (prices.snapstart_cache, prices.snapstart_restore) {
            (Some(cache), Some(restore)) => {
                format!("{}, {:.4}", million(cache), restore.each() * 1e6)
            }
            _ => "not listed".to_owned(),
        };
        writeln!(
            table,
            "| `{region}` | {:.2} | {} | {} | {} | {pays} | {} | {snapstart} |",
            prices.request.each() * 1e6,
            million(prices.duration.first()),
            million(prices.provisioned),
            million(prices.provisioned_duration),
            million(prices.ephemeral_storage),
        )
        .unwrap();
    }
    table
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "it compares a document with the prices"
)]
fn the_documentation_has_the_prices_of_every_region() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/prices.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    if std::env::var_os("BREAKEVEN_BLESS").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{}{END}{after}", reference())).unwrap();
        return;
    }
    assert!(
        table == reference(),
        "docs/prices.md lacks the prices of the table; BREAKEVEN_BLESS=1 cargo test -p breakeven-model list_prices::lambda writes them"
    );
}
