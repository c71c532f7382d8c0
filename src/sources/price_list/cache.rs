//! List prices on disk, so that a restart costs no questions and knows what they were.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Answered;
use crate::disk::Disk;
use crate::sources::cache_file::CacheFile;
use breakeven_model::inventory::{CapacityType, ListPrice, PriceKey, Provider, Sku};
use breakeven_model::pricing::plausible_product;
use breakeven_model::pricing::{PriceQuery, QueriedProduct};
use breakeven_model::units::UsdPerHour;

/// The form of the file.
const VERSION: u32 = 2;

/// The file that the answers of a list are kept in.
#[derive(Debug)]
pub(super) struct Cache {
    file: CacheFile,
    provider: Provider,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    answers: Vec<AnswerRow>,
}

#[derive(Serialize, Deserialize)]
struct AnswerRow {
    region: String,
    about: QueryRow,
    asked_at: Timestamp,
    prices: Vec<PriceRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum QueryRow {
    InstanceType(String),
    Fargate,
    Disk(String),
}

#[derive(Serialize, Deserialize)]
struct PriceRow {
    product: ProductRow,
    usd_per_hour: Option<f64>,
    read_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ProductRow {
    OnDemand(String),
    Spot(String),
    FargateCore,
    FargateGib,
    FargateStorage,
    DiskGib(String),
    DiskIops(String, usize),
    DiskThroughput(String),
}

impl QueryRow {
    fn new(workload: &QueriedProduct) -> Self {
        match workload {
            QueriedProduct::Machine(instance_type) => Self::InstanceType(instance_type.to_string()),
            QueriedProduct::Fargate => Self::Fargate,
            QueriedProduct::Disk(disk) => Self::Disk(disk.to_string()),
        }
    }

    fn workload(self) -> QueriedProduct {
        match self {
            Self::InstanceType(instance_type) => QueriedProduct::Machine(instance_type.into()),
            Self::Fargate => QueriedProduct::Fargate,
            Self::Disk(disk) => QueriedProduct::Disk(disk.into()),
        }
    }
}

impl ProductRow {
    fn new(product: &Sku) -> Self {
        match product {
            Sku::Machine {
                instance_type,
                capacity_type: CapacityType::Spot,
            } => Self::Spot(instance_type.to_string()),
            Sku::Machine { instance_type, .. } => Self::OnDemand(instance_type.to_string()),
            Sku::FargateCore => Self::FargateCore,
            Sku::FargateGib => Self::FargateGib,
            Sku::FargateStorage => Self::FargateStorage,
            Sku::DiskGib(disk) => Self::DiskGib(disk.to_string()),
            Sku::DiskIops(disk, tier) => Self::DiskIops(disk.to_string(), *tier),
            Sku::DiskThroughput(disk) => Self::DiskThroughput(disk.to_string()),
        }
    }

    fn product(self) -> Sku {
        let machine = |name: String, capacity_type| Sku::Machine {
            instance_type: name.into(),
            capacity_type,
        };
        match self {
            Self::OnDemand(name) => machine(name, CapacityType::OnDemand),
            Self::Spot(name) => machine(name, CapacityType::Spot),
            Self::FargateCore => Sku::FargateCore,
            Self::FargateGib => Sku::FargateGib,
            Self::FargateStorage => Sku::FargateStorage,
            Self::DiskGib(disk) => Sku::DiskGib(disk.into()),
            Self::DiskIops(disk, tier) => Sku::DiskIops(disk.into(), tier),
            Self::DiskThroughput(disk) => Sku::DiskThroughput(disk.into()),
        }
    }
}

impl Cache {
    pub(super) fn in_directory(directory: &Path, file: &str, provider: Provider) -> Self {
        Self {
            file: CacheFile::new(directory, file, VERSION),
            provider,
        }
    }

    /// Runs its file operations.
    pub(super) const fn disk(&self) -> &Disk {
        self.file.disk()
    }

    /// What is kept; nothing where there is no file.
    pub(super) async fn read(&self) -> Result<BTreeMap<PriceQuery, Answered>, String> {
        let kept: Option<Kept> = self.file.read().await?;
        let rows = kept.map_or_else(Vec::new, |kept| kept.answers).into_iter();
        let answers: Result<_, _> = rows.map(|row| row.answer(self.provider)).collect();
        answers.map_err(|error: String| self.file.problem(&error))
    }

    /// Keeps answers, in place of those before: whole or not at all.
    pub(super) async fn write(
        &self,
        answers: &BTreeMap<PriceQuery, Answered>,
    ) -> Result<(), String> {
        let answers = answers.iter();
        let answers = answers.map(|(question, answered)| AnswerRow::new(question, answered));
        let answers = answers.collect();
        self.file.write(Kept { answers }).await
    }
}

impl AnswerRow {
    fn new(question: &PriceQuery, answered: &Answered) -> Self {
        Self {
            region: question.region.to_string(),
            about: QueryRow::new(&question.product),
            asked_at: answered.at,
            prices: answered.prices.iter().map(PriceRow::new).collect(),
        }
    }

    fn answer(self, provider: Provider) -> Result<(PriceQuery, Answered), String> {
        let region: Arc<str> = self.region.into();
        let prices = self.prices.into_iter();
        let prices: Result<_, String> = prices
            .map(|price| price.price(provider, Arc::clone(&region)))
            .collect();
        let answered = Answered {
            at: self.asked_at,
            prices: prices?,
        };
        let question = PriceQuery {
            provider,
            region,
            product: self.about.workload(),
        };
        Ok((question, answered))
    }
}

impl PriceRow {
    fn new(price: &ListPrice) -> Self {
        Self {
            product: ProductRow::new(&price.offer.product),
            usd_per_hour: price.price.map(UsdPerHour::hourly),
            read_at: price.at,
        }
    }

    /// A file can be edited, so its prices are held against the list as those of the configuration are.
    fn price(self, provider: Provider, region: Arc<str>) -> Result<ListPrice, String> {
        let product = self.product.product();
        let price = self.usd_per_hour.map(UsdPerHour::from_hourly).transpose();
        let price = price.map_err(|error| format!("{product:?}: {error}"))?;
        if let Some(price) = price {
            plausible_product(&product, price).map_err(|error| error.to_string())?;
        }
        Ok(ListPrice {
            offer: PriceKey {
                provider,
                region,
                product,
            },
            price,
            at: self.read_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "price-list.json";

    fn machine(capacity_type: CapacityType) -> Sku {
        Sku::Machine {
            instance_type: "m5.large".into(),
            capacity_type,
        }
    }

    fn price(product: Sku, hourly: Option<f64>) -> ListPrice {
        ListPrice {
            offer: PriceKey {
                provider: Provider::Aws,
                region: "us-east-1".into(),
                product,
            },
            price: hourly.map(|hourly| UsdPerHour::from_hourly(hourly).unwrap()),
            at: "2026-03-01T00:00:00Z".parse().unwrap(),
        }
    }

    fn answers(workload: QueriedProduct, prices: Vec<ListPrice>) -> BTreeMap<PriceQuery, Answered> {
        let question = PriceQuery {
            provider: Provider::Aws,
            region: "us-east-1".into(),
            product: workload,
        };
        let at = "2026-03-02T00:00:00Z".parse().unwrap();
        BTreeMap::from([(question, Answered { at, prices })])
    }

    #[tokio::test]
    async fn what_is_written_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::in_directory(&directory.path().join("of/prices"), FILE, Provider::Aws);
        assert_eq!(cache.read().await, Ok(BTreeMap::new()));
        let name = || "io2".into();
        for (workload, prices) in [
            (
                QueriedProduct::Machine("m5.large".into()),
                vec![
                    price(machine(CapacityType::OnDemand), Some(0.096)),
                    price(machine(CapacityType::Spot), Some(0.03)),
                ],
            ),
            (
                QueriedProduct::Machine("m5.large".into()),
                vec![price(machine(CapacityType::OnDemand), None)],
            ),
            (
                QueriedProduct::Fargate,
                vec![
                    price(Sku::FargateCore, Some(0.04)),
                    price(Sku::FargateGib, Some(0.004)),
                    price(Sku::FargateStorage, None),
                ],
            ),
            (
                QueriedProduct::Disk(name()),
                vec![
                    price(Sku::DiskGib(name()), Some(0.000_2)),
                    price(Sku::DiskIops(name(), 2), Some(0.000_05)),
                    price(Sku::DiskThroughput(name()), None),
                ],
            ),
        ] {
            let answers = answers(workload, prices);
            cache.write(&answers).await.unwrap();
            assert_eq!(cache.read().await, Ok(answers));
        }
    }

    #[tokio::test]
    async fn a_file_that_makes_no_sense_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::in_directory(directory.path(), FILE, Provider::Aws);
        let of = |instance_type: &str, price: &str| {
            format!(
                r#"{{"version": 2, "answers": [{{"region": "us-east-1", "about": {{"instance_type": "{instance_type}"}},
                    "asked_at": "2026-03-01T00:00:00Z", "prices": [{{"product": {{"on_demand": "{instance_type}"}},
                    "usd_per_hour": {price}, "read_at": "2026-03-01T00:00:00Z"}}]}}]}}"#
            )
        };
        for (text, problem) in [
            (String::new(), "EOF"),
            (
                r#"{"version": 1, "prices": []}"#.to_owned(),
                "it has the form 1, not 2",
            ),
            (of("t", "-1"), ": -1 is not an amount of USD per hour"),
            (of("m5.large", "70.08"), "it looks like a price per month"),
            (
                of("Standard_D2s_v5", "9.6"),
                "it looks like a price in cents",
            ),
        ] {
            std::fs::write(directory.path().join(FILE), text).unwrap();
            let error = cache.read().await.unwrap_err();
            assert!(error.contains(FILE) && error.contains(problem), "{error}");
        }
    }
}
