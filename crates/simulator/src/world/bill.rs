//! What AWS bills for the functions of the world.

use serde::{Deserialize, Serialize};

use super::World;
use super::function::Function;
use super::schema::FunctionArchitecture;

/// Seconds of a minute, and milliseconds of a second.
const MINUTE_SECONDS: f64 = 60.0;
const SECOND_MS: f64 = 1_000.0;
const MIB_PER_GIB: f64 = 1_024.0;
/// MiB of `/tmp` that cost nothing.
const FREE_STORAGE_MIB: u32 = 512;

/// How the bill differs from the list prices.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BillSpec {
    /// Part of every price that is not charged.
    #[serde(default)]
    pub discount: f64,
    /// Part of the compute (duration and provisioned concurrency) that a Savings Plan covers.
    #[serde(default)]
    pub savings_plan_coverage: f64,
    /// Part of the price that the plan takes off what it covers.
    #[serde(default)]
    pub savings_plan_discount: f64,
}

/// What is billed by one usage type for one function.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge<'w> {
    /// The account it is charged to.
    pub account: &'w str,
    /// Where it was used.
    pub region: &'w str,
    /// As the bill has it: `EUW1-Lambda-GB-Second-ARM`.
    pub usage_type: String,
    /// GB-seconds, or requests.
    pub quantity: f64,
    /// What is charged when it is used: nothing for what a Savings Plan covers.
    pub unblended_usd: f64,
    /// The same with the part of the Savings Plan that covers it.
    pub amortized_usd: f64,
}

/// A kind of usage, and its list price in the first tier.
///
/// <https://aws.amazon.com/lambda/pricing/>; a region without prices of its own here is billed at those of us-east-1.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Duration,
    Request,
    ProvisionedConcurrency,
    ProvisionedDuration,
    Storage,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Duration => "Lambda-GB-Second",
            Self::Request => "Request",
            Self::ProvisionedConcurrency => "Lambda-Provisioned-Concurrency",
            Self::ProvisionedDuration => "Lambda-Provisioned-GB-Second",
            Self::Storage => "Lambda-Storage-GB-Second",
        }
    }

    fn usd(self, region: &str, architecture: FunctionArchitecture) -> f64 {
        let (x86, arm) = match (self, region) {
            (Self::Duration, _) => (0.000_016_666_7, 0.000_013_333_4),
            (Self::Request, _) => (0.000_000_2, 0.000_000_2),
            (Self::ProvisionedConcurrency, "eu-west-1") => (0.000_004_646_0, 0.000_003_716_8),
            (Self::ProvisionedConcurrency, "ap-northeast-1") => (0.000_005_383_5, 0.000_004_306_8),
            (Self::ProvisionedConcurrency, "sa-east-1") => (0.000_006_637_2, 0.000_005_309_8),
            (Self::ProvisionedConcurrency, _) => (0.000_004_166_7, 0.000_003_333_4),
            (Self::ProvisionedDuration, "eu-west-1") => (0.000_010_840_7, 0.000_008_672_6),
            (Self::ProvisionedDuration, "ap-northeast-1") => (0.000_012_561_5, 0.000_010_049_2),
            (Self::ProvisionedDuration, "sa-east-1") => (0.000_015_486_7, 0.000_012_389_4),
            (Self::ProvisionedDuration, _) => (0.000_009_722_2, 0.000_007_777_8),
            (Self::Storage, "eu-west-1") => (0.000_000_034_0, 0.000_000_034_0),
            (Self::Storage, "ap-northeast-1") => (0.000_000_037_0, 0.000_000_037_0),
            (Self::Storage, "sa-east-1") => (0.000_000_058_6, 0.000_000_058_6),
            (Self::Storage, _) => (0.000_000_030_9, 0.000_000_030_9),
        };
        match architecture {
            FunctionArchitecture::X86 => x86,
            FunctionArchitecture::Arm64 => arm,
        }
    }

    fn is_compute(self) -> bool {
        !matches!(self, Self::Request | Self::Storage)
    }
}

impl World {
    /// What is billed for the minutes from `first` to before `end`, one charge for each function and
    /// usage type with any use.
    #[must_use]
    pub fn charges(&self, first: i64, end: i64) -> Vec<Charge<'_>> {
        let first = first.max(self.history_start.as_second().div_euclid(60));
        let functions = self.functions.iter();
        functions
            .flat_map(|function| {
                let used = usage(function, first, end).into_iter();
                let used = used.filter(|(_, quantity)| *quantity > 0.0);
                used.map(|(kind, quantity)| self.charge(function, kind, quantity))
            })
            .collect()
    }

    fn charge<'w>(&'w self, function: &'w Function, kind: Kind, quantity: f64) -> Charge<'w> {
        let bill = self.spec.bill.clone().unwrap_or_default();
        let architecture = function.spec.architecture;
        let list = quantity * kind.usd(&function.region, architecture) * (1.0 - bill.discount);
        let covered = if kind.is_compute() {
            bill.savings_plan_coverage
        } else {
            0.0
        };
        let suffix = match architecture {
            FunctionArchitecture::X86 => "",
            FunctionArchitecture::Arm64 => "-ARM",
        };
        Charge {
            account: &function.account,
            region: &function.region,
            usage_type: format!("{}{}{suffix}", prefix(&function.region), kind.name()),
            quantity,
            unblended_usd: list * (1.0 - covered),
            amortized_usd: list * (1.0 - covered * bill.savings_plan_discount),
        }
    }
}

/// What a function uses in the minutes from `first` to before `end`.
///
/// Instances of a capacity provider are no part of Lambda's bill: such a function pays its requests.
fn usage(function: &Function, first: i64, end: i64) -> [(Kind, f64); 5] {
    let spec = &function.spec;
    let (mut requests, mut outside_ms, mut inside_ms) = (0.0, 0.0, 0.0);
    for minute in first..end {
        let invocations = function.invocations(minute) as f64;
        let provisioned = spec.provisioned.iter();
        let inside: u64 = provisioned
            .filter_map(|of| function.provisioned_in(of, minute))
            .map(|minute| minute.inside)
            .sum();
        requests += invocations;
        inside_ms += inside as f64 * spec.duration_ms;
        outside_ms +=
            (invocations - inside as f64) * spec.duration_ms + function.init_ms_sum(minute);
    }
    let memory_gib = f64::from(spec.memory_mib) / MIB_PER_GIB;
    let gib_seconds = |milliseconds: f64| memory_gib * milliseconds / SECOND_MS;
    let ready_seconds = (end - first).max(0) as f64 * MINUTE_SECONDS;
    let ready = function.provisioned_environments() as f64 * ready_seconds * memory_gib;
    let storage_mib = spec.ephemeral_storage_mib.saturating_sub(FREE_STORAGE_MIB);
    let storage_gib = f64::from(storage_mib) / MIB_PER_GIB;
    let storage = storage_gib * (outside_ms + inside_ms) / SECOND_MS;
    let own = if spec.capacity_provider.is_some() {
        0.0
    } else {
        1.0
    };
    [
        (Kind::Request, requests),
        (Kind::Duration, own * gib_seconds(outside_ms)),
        (Kind::ProvisionedDuration, own * gib_seconds(inside_ms)),
        (Kind::ProvisionedConcurrency, own * ready),
        (Kind::Storage, own * storage),
    ]
}

/// What usage types begin with in a region: nothing in us-east-1, `EUW1-` in eu-west-1.
fn prefix(region: &str) -> String {
    let short = match region {
        "us-east-1" => return String::new(),
        // Not by the rule: the order in which these regions were opened.
        "ap-southeast-1" => "APS1",
        "ap-southeast-2" => "APS2",
        "ap-south-1" => "APS3",
        // Not by the rule either: after the country.
        "ca-central-1" => "CAN1",
        _ => "",
    };
    if !short.is_empty() {
        return format!("{short}-");
    }
    let mut parts = region.split('-');
    let area = parts.next().unwrap_or_default();
    let side = parts
        .next()
        .and_then(|side| side.get(..1))
        .unwrap_or_default();
    let number = parts.next().unwrap_or_default();
    format!("{}{}{number}-", area.to_uppercase(), side.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(more: &str, function: &str) -> World {
        let text = format!(
            "{{name: w, start: '2026-03-03T00:00:00Z', {more} functions: [{{name: f, \
             memory_mib: 1024, duration_ms: 500, timeout_s: 30, {function} \
             traffic: {{pattern: steady, requests_per_second: 10}}}}]}}"
        );
        World::from_yaml(&text).unwrap()
    }

    /// The charges of the hour before the start, by usage type.
    fn hour(world: &World) -> Vec<(String, f64, f64, f64)> {
        let end = world.start().as_second() / 60;
        let charges = world.charges(end - 60, end).into_iter();
        charges
            .map(|c| (c.usage_type, c.quantity, c.unblended_usd, c.amortized_usd))
            .collect()
    }

    fn near(found: &(String, f64, f64, f64), name: &str, quantity: f64, usd: f64, amortized: f64) {
        let close = |one: f64, other: f64| (one - other).abs() <= 1e-9 * other.abs();
        let fits = found.0 == name
            && close(found.1, quantity)
            && close(found.2, usd)
            && close(found.3, amortized);
        assert!(fits, "{found:?}, not {name} {quantity} {usd} {amortized}");
    }

    #[test]
    fn an_hour_costs_its_requests_and_its_gb_seconds() {
        let [requests, duration] = &hour(&world("", ""))[..] else {
            panic!("two charges")
        };
        near(requests, "Request", 36_000.0, 0.0072, 0.0072);
        near(
            duration,
            "Lambda-GB-Second",
            18_000.0,
            0.300_000_6,
            0.300_000_6,
        );
    }

    #[test]
    fn a_discount_and_a_savings_plan_lower_what_they_are_for() {
        let bill = "bill: {discount: 0.1, savings_plan_coverage: 0.5, savings_plan_discount: 0.2},";
        let charges = hour(&world(bill, "architecture: arm64, region: eu-west-1,"));
        near(&charges[0], "EUW1-Request-ARM", 36_000.0, 0.00648, 0.00648);
        let list = 18_000.0 * 0.000_013_333_4 * 0.9;
        let name = "EUW1-Lambda-GB-Second-ARM";
        near(&charges[1], name, 18_000.0, list * 0.5, list * 0.9);
    }

    #[test]
    fn provisioned_concurrency_costs_while_it_is_there_and_makes_duration_cheaper() {
        let function =
            "ephemeral_storage_mib: 1536, provisioned: [{qualifier: a, concurrency: 20}],";
        let charges = hour(&world("", function));
        assert_eq!(charges.len(), 4);
        let name = "Lambda-Provisioned-GB-Second";
        let usd = 18_000.0 * 0.000_009_722_2;
        near(&charges[1], name, 18_000.0, usd, usd);
        let usd = 72_000.0 * 0.000_004_166_7;
        near(
            &charges[2],
            "Lambda-Provisioned-Concurrency",
            72_000.0,
            usd,
            usd,
        );
        let usd = 18_000.0 * 0.000_000_030_9;
        near(&charges[3], "Lambda-Storage-GB-Second", 18_000.0, usd, usd);
    }

    #[test]
    fn a_region_with_prices_of_its_own_is_billed_at_them() {
        let function = "region: sa-east-1, ephemeral_storage_mib: 1536, \
                        provisioned: [{qualifier: a, concurrency: 20}],";
        let charges = hour(&world("", function));
        let usd = 18_000.0 * 0.000_015_486_7;
        near(
            &charges[1],
            "SAE1-Lambda-Provisioned-GB-Second",
            18_000.0,
            usd,
            usd,
        );
        let (name, usd) = (
            "SAE1-Lambda-Provisioned-Concurrency",
            72_000.0 * 0.000_006_637_2,
        );
        near(&charges[2], name, 72_000.0, usd, usd);
        let usd = 18_000.0 * 0.000_000_058_6;
        near(
            &charges[3],
            "SAE1-Lambda-Storage-GB-Second",
            18_000.0,
            usd,
            usd,
        );
    }

    #[test]
    fn regions_have_the_prefixes_of_the_bill() {
        for (region, expected) in [
            ("us-east-1", ""),
            ("us-west-2", "USW2-"),
            ("eu-central-1", "EUC1-"),
            ("ap-south-1", "APS3-"),
            ("ap-northeast-1", "APN1-"),
            ("ca-central-1", "CAN1-"),
        ] {
            assert_eq!(prefix(region), expected);
        }
    }
}
