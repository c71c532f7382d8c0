//! Prices of use: a vCPU or a GiB of Fargate by the hour, what a disk has by the month.
//!
//! What is used is told by the end of the usage type, `EUW1-EBS:VolumeUsage.gp3`; what is before it are letters of the region,
//! and nothing in us-east-1.

use std::sync::Arc;

use super::convert::{Dimension, Listed};
use crate::sources::price_list::response::{Answer, PriceListError};
use breakeven_model::inventory::Sku;
use breakeven_model::pricing::plausible_product;
use breakeven_model::units::{HOURS_PER_MONTH, UsdPerHour};

/// How many MiB a GiB has.
const MIB_PER_GIB: f64 = 1_024.0;

/// How the storage of Fargate is called.
const STORAGE: &str = "Fargate-EphemeralStorage-GB-Hours";

/// Units by the hour, as the services write them.
const HOURS: [&str; 4] = ["hours", "hrs", "vcpu-hours", "gb-hours"];

/// Something that is used.
pub(super) struct ProductUse {
    product: Sku,
    /// How it is called, after the letters of the region.
    usage: String,
    /// The units that it has prices in.
    unit: Unit,
}

/// What a price is for.
#[derive(Clone, Copy)]
enum Unit {
    Hour,
    /// A month of something of this name, in small letters.
    MonthOf(&'static [(&'static str, f64)]),
}

/// How many of it a unit has.
const GB: Unit = Unit::MonthOf(&[("gb-mo", 1.0), ("gb-month", 1.0)]);
const IOPS: Unit = Unit::MonthOf(&[("iops-mo", 1.0)]);
const THROUGHPUT: Unit = Unit::MonthOf(&[("mibps-mo", 1.0), ("gibps-mo", MIB_PER_GIB)]);

impl Unit {
    /// How many hours of how many things a price of this unit is for; absent for another unit.
    fn amount(self, unit: &str) -> Option<f64> {
        let unit = unit.to_ascii_lowercase();
        match self {
            Self::Hour => HOURS.contains(&&*unit).then_some(1.0),
            Self::MonthOf(names) => {
                let (_, count) = names.iter().find(|(name, _)| *name == unit)?;
                Some(HOURS_PER_MONTH.hours() * count)
            }
        }
    }
}

/// What a pod of Fargate uses: Linux on Intel and AMD.
pub(super) fn fargate() -> Vec<ProductUse> {
    let uses = [
        (Sku::FargateCore, "Fargate-vCPU-Hours:perCPU"),
        (Sku::FargateGib, "Fargate-GB-Hours"),
        (Sku::FargateStorage, STORAGE),
    ];
    let uses = uses.map(|(product, usage)| ProductUse {
        product,
        usage: usage.to_owned(),
        unit: Unit::Hour,
    });
    uses.into()
}

/// What a disk of a kind uses.
pub(super) fn disk(disk: &Arc<str>) -> Vec<ProductUse> {
    // io1 is called by what it was when there was no other, and standard by nothing.
    let (of_size, of_speed) = match &**disk {
        "io1" => (".piops".to_owned(), "piops".to_owned()),
        "standard" => (String::new(), "standard".to_owned()),
        other => (format!(".{other}"), other.to_owned()),
    };
    let name = || Arc::clone(disk);
    let iops = |tier: usize, suffix: &str| ProductUse {
        product: Sku::DiskIops(name(), tier),
        usage: format!("EBS:VolumeP-IOPS.{of_speed}{suffix}"),
        unit: IOPS,
    };
    vec![
        ProductUse {
            product: Sku::DiskGib(name()),
            usage: format!("EBS:VolumeUsage{of_size}"),
            unit: GB,
        },
        iops(0, ""),
        iops(1, ".tier2"),
        iops(2, ".tier3"),
        ProductUse {
            product: Sku::DiskThroughput(name()),
            usage: format!("EBS:VolumeP-Throughput.{of_speed}"),
            unit: THROUGHPUT,
        },
    ]
}

/// Whether products have the price of Fargate's storage.
pub(super) fn has_storage(products: &[String]) -> bool {
    let listed = products.iter().filter_map(|text| Listed::read(text).ok());
    listed
        .into_iter()
        .any(|one| is_called(one.usage(), STORAGE))
}

/// Whether a usage type is of this name in any region.
fn is_called(usage: &str, name: &str) -> bool {
    let before = usage.strip_suffix(name);
    before.is_some_and(|before| before.is_empty() || before.ends_with('-'))
}

/// What products say of each use.
pub(super) fn answer(products: &[String], uses: Vec<ProductUse>) -> Answer {
    let mut answer = Answer::default();
    let mut listed = Vec::new();
    for text in products {
        match Listed::read(text) {
            Ok(product) => listed.push(product),
            Err(problem) => answer.problems.push(problem),
        }
    }
    for one in uses {
        let price = one.price(&listed);
        answer.add(one.product, price);
    }
    answer
}

impl ProductUse {
    /// The one price of it.
    fn price(&self, products: &[Listed]) -> Result<Option<UsdPerHour>, PriceListError> {
        let mut found: Option<UsdPerHour> = None;
        let products = products.iter();
        let of_it = products.filter(|one| is_called(one.usage(), &self.usage));
        for dimension in of_it.flat_map(Listed::dimensions) {
            let Some(price) = self.hourly(dimension)? else {
                continue;
            };
            match found {
                Some(other) if other != price => return Err(PriceListError::two(other, price)),
                _ => found = Some(price),
            }
        }
        Ok(found)
    }

    /// The price of one by the hour; absent where it is free, as what comes with a volume is.
    fn hourly(&self, dimension: &Dimension) -> Result<Option<UsdPerHour>, PriceListError> {
        let amount = self.unit.amount(&dimension.unit);
        let amount = amount.ok_or_else(|| {
            let unit = &dimension.unit;
            PriceListError::not_understood(format!("a price for each {unit:?} of {}", self.usage))
        })?;
        let price = UsdPerHour::from_hourly(dimension.usd()? / amount);
        let price = price.map_err(|error| PriceListError::not_understood(error.to_string()))?;
        if price.is_zero() {
            return Ok(None);
        }
        let held = plausible_product(&self.product, price);
        held.map_err(|error| PriceListError::not_understood(error.to_string()))?;
        Ok(Some(price))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn product(usage: &str, unit: &str, currency: &str, prices: &[&str]) -> String {
        let dimensions: serde_json::Map<_, _> = prices
            .iter()
            .enumerate()
            .map(|(at, price)| {
                let dimension = json!({"unit": unit, "pricePerUnit": {currency: price}});
                (format!("S.T.{at}"), dimension)
            })
            .collect();
        json!({
            "product": {"sku": "S", "attributes": {"usagetype": usage}},
            "terms": {"OnDemand": {"S.T": {"priceDimensions": dimensions}}},
        })
        .to_string()
    }

    /// The prices of an answer as the list has them, by the hour or by the month, and its problems.
    fn read(
        products: &[String],
        uses: Vec<ProductUse>,
        hours: f64,
    ) -> (Vec<Option<f64>>, Vec<String>) {
        let answer = answer(products, uses);
        let round = |price: UsdPerHour| (price.hourly() * hours * 1e9).round() / 1e9;
        let prices = answer.prices.iter().map(|(_, price)| price.map(round));
        let problems = answer.problems.into_iter().map(|problem| problem.text);
        (prices.collect(), problems.collect())
    }

    #[test]
    fn fargate_is_linux_on_intel_on_demand_in_whatever_region() {
        for region in ["", "EUW1-", "APN1-"] {
            let hours = |usage: &str, unit: &str, price: &str| {
                product(&format!("{region}{usage}"), unit, "USD", &[price])
            };
            let products = [
                hours("Fargate-vCPU-Hours:perCPU", "hours", "0.0465600000"),
                hours("Fargate-GB-Hours", "GB-Hours", "0.0051100000"),
                hours(STORAGE, "GB-Hours", "0.0001290000"),
                hours("Fargate-ARM-vCPU-Hours:perCPU", "hours", "0.03725"),
                hours("Fargate-ARM-GB-Hours", "hours", "0.00409"),
                hours("Fargate-Windows-vCPU-Hours:perCPU", "hours", "0.0535"),
                hours("SpotUsage:Fargate-vCPU-Hours:perCPU", "hours", "0.0127"),
                hours("Fargate-Windows-OS-Hours:perCPU", "hours", "0.046"),
            ];
            assert!(has_storage(&products) && !has_storage(&products[..2]));
            let (prices, problems) = read(&products, fargate(), 1.0);
            assert_eq!(
                prices,
                [Some(0.046_56), Some(0.005_11), Some(0.000_129)],
                "{region}"
            );
            assert!(problems.is_empty(), "{problems:?}");
        }
        assert_eq!(read(&[], fargate(), 1.0), (vec![None; 3], vec![]));
    }

    #[test]
    fn a_disk_has_prices_of_its_size_its_tiers_and_its_throughput_in_the_units_of_the_list() {
        let of = |usage: &str, unit: &str, prices: &[&str]| product(usage, unit, "USD", prices);
        let month = |products: &[String], name: &str| read(products, disk(&name.into()), 730.0);
        let gp3 = [
            of("EU-EBS:VolumeUsage.gp3", "GB-Mo", &["0.0880000000"]),
            // What comes with it stands there for nothing.
            of(
                "EU-EBS:VolumeP-IOPS.gp3",
                "IOPS-Mo",
                &["0.0000000000", "0.0055000000"],
            ),
            of(
                "EU-EBS:VolumeP-Throughput.gp3",
                "GiBps-mo",
                &["45.0560000000"],
            ),
        ];
        let expected = vec![Some(0.088), Some(0.005_5), None, None, Some(0.044)];
        assert_eq!(month(&gp3, "gp3"), (expected, vec![]));
        let io2 = [
            of("EU-EBS:VolumeUsage.io2", "GB-month", &["0.138"]),
            of("EU-EBS:VolumeP-IOPS.io2", "IOPS-Mo", &["0.072"]),
            of("EU-EBS:VolumeP-IOPS.io2.tier2", "IOPS-Mo", &["0.0504"]),
            of("EU-EBS:VolumeP-IOPS.io2.tier3", "IOPS-Mo", &["0.03528"]),
        ];
        let expected = vec![
            Some(0.138),
            Some(0.072),
            Some(0.050_4),
            Some(0.035_28),
            None,
        ];
        assert_eq!(month(&io2, "io2"), (expected, vec![]));
        let io1 = [
            of("EU-EBS:VolumeUsage.piops", "GB-Mo", &["0.138"]),
            of("EU-EBS:VolumeP-IOPS.piops", "IOPS-Mo", &["0.072"]),
        ];
        let expected = vec![Some(0.138), Some(0.072), None, None, None];
        assert_eq!(month(&io1, "io1"), (expected, vec![]));
        let standard = [
            of("EU-EBS:VolumeUsage", "GB-Mo", &["0.055"]),
            of("EU-EBS:VolumeIOUsage", "IOs", &["0.000000055"]),
        ];
        let expected = vec![Some(0.055), None, None, None, None];
        assert_eq!(month(&standard, "standard"), (expected, vec![]));
    }

    #[test]
    fn a_price_that_is_not_certain_is_left_out_with_its_reason_and_the_others_stay() {
        let good = product("EU-EBS:VolumeP-IOPS.gp3", "IOPS-Mo", "USD", &["0.0055"]);
        let size = "EU-EBS:VolumeUsage.gp3";
        for (unexpected, problem) in [
            (
                product(size, "GB-Mo", "USD", &["0.088", "0.09"]),
                "two prices",
            ),
            (
                product(size, "GB-Hrs", "USD", &["0.088"]),
                "for each \"GB-Hrs\" of EBS:VolumeUsage.gp3",
            ),
            (
                product(size, "GB-Mo", "CNY", &["0.6"]),
                "in CNY and not in USD",
            ),
            (
                product(size, "GB-Mo", "USD", &["64.24"]),
                "it looks like a price per month",
            ),
            (product(size, "GB-Mo", "USD", &["-1"]), "not an amount"),
            (
                product(size, "GB-Mo", "USD", &["free"]),
                "a price of \"free\" USD",
            ),
            ("{".to_owned(), "a product: "),
        ] {
            let (prices, problems) = read(&[unexpected, good.clone()], disk(&"gp3".into()), 730.0);
            assert_eq!(prices[..2], [None, Some(0.005_5)], "{problem}");
            assert!(
                problems.len() == 1 && problems[0].contains(problem),
                "{problems:?}"
            );
        }
    }
}
