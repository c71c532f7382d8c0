//! List prices on disk, so that a restart costs no questions and knows what they were.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observation::ListPrice;
use crate::sources::kept_file::KeptFile;
use crate::sources::prices::plausible;
use crate::units::UsdPerHour;

/// The name of the file in its directory.
const FILE: &str = "price-list.json";

/// The form of the file.
const VERSION: u32 = 1;

/// The file that prices are kept in.
#[derive(Debug)]
pub(super) struct Cache(KeptFile);

#[derive(Serialize, Deserialize)]
struct Kept {
    prices: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    region: String,
    instance_type: String,
    usd_per_hour: Option<f64>,
    read_at: Timestamp,
}

impl Cache {
    pub(super) fn in_directory(directory: &Path) -> Self {
        Self(KeptFile::new(directory, FILE, VERSION))
    }

    /// What is kept; nothing where there is no file.
    pub(super) async fn read(&self) -> Result<Vec<ListPrice>, String> {
        let kept: Option<Kept> = self.0.read().await?;
        let rows = kept.map_or_else(Vec::new, |kept| kept.prices).into_iter();
        let prices: Result<_, _> = rows.map(Row::price).collect();
        prices.map_err(|error: String| self.0.problem(&error))
    }

    /// Keeps prices, in place of those before: whole or not at all.
    pub(super) async fn write(
        &self,
        prices: impl Iterator<Item = &ListPrice>,
    ) -> Result<(), String> {
        let prices = prices.map(Row::of).collect();
        self.0.write(Kept { prices }).await
    }
}

impl Row {
    fn of(price: &ListPrice) -> Self {
        Self {
            region: price.region.to_string(),
            instance_type: price.instance_type.to_string(),
            usd_per_hour: price.price.map(UsdPerHour::hourly),
            read_at: price.at,
        }
    }

    /// A file can be edited, so its prices are held against the list as those of the configuration are.
    fn price(self) -> Result<ListPrice, String> {
        let price = self.usd_per_hour.map(UsdPerHour::from_hourly).transpose();
        let price = price.map_err(|error| format!("{}: {error}", self.instance_type))?;
        if let Some(price) = price {
            plausible(&self.instance_type, price).map_err(|error| error.to_string())?;
        }
        Ok(ListPrice {
            region: self.region.into(),
            instance_type: self.instance_type.into(),
            price,
            at: self.read_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(hourly: Option<f64>) -> ListPrice {
        ListPrice {
            region: "us-east-1".into(),
            instance_type: "m5.large".into(),
            price: hourly.map(|hourly| UsdPerHour::from_hourly(hourly).unwrap()),
            at: "2026-03-01T00:00:00Z".parse().unwrap(),
        }
    }

    #[tokio::test]
    async fn what_is_written_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::in_directory(&directory.path().join("of/prices"));
        assert_eq!(cache.read().await, Ok(Vec::new()));
        for prices in [vec![price(Some(0.096)), price(None)], vec![price(None)]] {
            cache.write(prices.iter()).await.unwrap();
            assert_eq!(cache.read().await, Ok(prices));
        }
    }

    #[tokio::test]
    async fn a_file_that_makes_no_sense_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::in_directory(directory.path());
        for (text, problem) in [
            ("", "EOF"),
            (
                r#"{"version": 2, "prices": []}"#,
                "it has the form 2, not 1",
            ),
            (
                r#"{"version": 1, "prices": [{"region": "r", "instance_type": "t", "usd_per_hour": -1,
                    "read_at": "2026-03-01T00:00:00Z"}]}"#,
                "t: -1 is not an amount of USD per hour",
            ),
            (
                r#"{"version": 1, "prices": [{"region": "us-east-1", "instance_type": "m5.large",
                    "usd_per_hour": 70.08, "read_at": "2026-03-01T00:00:00Z"}]}"#,
                "it looks like a price per month",
            ),
        ] {
            std::fs::write(directory.path().join(FILE), text).unwrap();
            let error = cache.read().await.unwrap_err();
            assert!(error.contains(FILE) && error.contains(problem), "{error}");
        }
    }
}
