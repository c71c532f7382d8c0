//! The bill on disk, so that neither a restart nor a crash costs a call.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::state::{Calls, Kept};
use crate::disk::Disk;
use crate::sources::cache_file::CacheFile;
use breakeven_model::inventory::{Bill, BilledDay, Charge, UsageType};
use breakeven_model::units::{BilledUnits, QuantityError, Usd};

/// The name of the file in its directory.
const FILE: &str = "bill.json";

/// The form of the file.
const VERSION: u32 = 1;

/// The file that the bill is kept in.
#[derive(Debug)]
pub(super) struct Cache(CacheFile);

#[derive(Serialize, Deserialize)]
struct File {
    asked_at: Option<Timestamp>,
    calls: CallsRow,
    days: Vec<DayRow>,
    before: Vec<ChargeRow>,
}

#[derive(Serialize, Deserialize)]
struct CallsRow {
    day: Option<Date>,
    count: u32,
    not_before: Option<Timestamp>,
    failure: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct DayRow {
    day: Date,
    charges: Vec<ChargeRow>,
}

#[derive(Serialize, Deserialize)]
struct ChargeRow {
    account_id: String,
    usage_type: String,
    usage: f64,
    unblended_usd: f64,
    amortized_usd: f64,
}

impl Cache {
    pub(super) fn in_directory(directory: &Path) -> Self {
        Self(CacheFile::new(directory, FILE, VERSION))
    }

    /// Runs its file operations.
    pub(super) const fn disk(&self) -> &Disk {
        self.0.disk()
    }

    /// What is kept; nothing where there is no file.
    pub(super) async fn read(&self) -> Result<Kept, String> {
        let file: Option<File> = self.0.read().await?;
        let kept = file.map(File::kept).transpose();
        Ok(kept
            .map_err(|error| self.0.problem(&error))?
            .unwrap_or_default())
    }

    /// Keeps something in place of what was kept before: whole or not at all, and on the disk when it returns.
    pub(super) async fn write(&self, kept: &Kept) -> Result<(), String> {
        self.0.write(File::from_state(kept)).await
    }

    /// Lets the file have another name, for somebody to look at.
    pub(super) async fn set_aside(&self) -> Result<(), String> {
        self.0.set_aside().await
    }
}

impl File {
    fn from_state(kept: &Kept) -> Self {
        let Calls {
            day,
            count,
            not_before,
            ref failure,
        } = kept.calls;
        let days = kept.bill.days.iter().map(|one| DayRow {
            day: one.day,
            charges: one.charges.iter().map(ChargeRow::new).collect(),
        });
        Self {
            asked_at: kept.asked_at,
            calls: CallsRow {
                day,
                count,
                not_before,
                failure: failure.clone(),
            },
            days: days.collect(),
            before: kept.bill.before.iter().map(ChargeRow::new).collect(),
        }
    }

    fn kept(self) -> Result<Kept, QuantityError> {
        let charges = |rows: Vec<ChargeRow>| {
            let charges = rows.into_iter().map(ChargeRow::charge);
            charges.collect::<Result<Vec<Charge>, QuantityError>>()
        };
        let day = |row: DayRow| {
            Ok(BilledDay {
                day: row.day,
                charges: charges(row.charges)?,
            })
        };
        let mut days: Vec<BilledDay> = self.days.into_iter().map(day).collect::<Result<_, _>>()?;
        days.sort_by_key(|one| one.day);
        days.dedup_by_key(|one| one.day);
        Ok(Kept {
            bill: Bill {
                days,
                before: charges(self.before)?,
            },
            asked_at: self.asked_at,
            calls: Calls {
                day: self.calls.day,
                count: self.calls.count,
                not_before: self.calls.not_before,
                failure: self.calls.failure,
            },
        })
    }
}

impl ChargeRow {
    fn new(charge: &Charge) -> Self {
        Self {
            account_id: charge.account_id.to_string(),
            usage_type: charge.usage_type.name.to_string(),
            usage: charge.usage.units(),
            unblended_usd: charge.unblended.usd(),
            amortized_usd: charge.amortized.usd(),
        }
    }

    fn charge(self) -> Result<Charge, QuantityError> {
        Ok(Charge {
            account_id: self.account_id.into(),
            usage_type: UsageType::parse(&self.usage_type),
            usage: BilledUnits::from_units(self.usage)?,
            unblended: Usd::from_usd(self.unblended_usd)?,
            amortized: Usd::from_usd(self.amortized_usd)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        let charge = |name: &str| Charge {
            account_id: "123456789012".into(),
            usage_type: UsageType::parse(name),
            usage: BilledUnits::from_units(12.5).unwrap(),
            unblended: Usd::from_usd(0.1).unwrap(),
            amortized: Usd::from_usd(0.2).unwrap(),
        };
        let day = "2026-03-09".parse().unwrap();
        Kept {
            bill: Bill {
                days: vec![BilledDay {
                    day,
                    charges: vec![charge("Request"), charge("EUW1-Lambda-GB-Second-ARM")],
                }],
                before: vec![charge("Lambda-Edge-Request")],
            },
            asked_at: Some("2026-03-10T08:00:00Z".parse().unwrap()),
            calls: Calls {
                day: Some(day),
                count: 2,
                not_before: Some("2026-03-10T09:00:00Z".parse().unwrap()),
                failure: Some("it was refused".to_owned()),
            },
        }
    }

    #[tokio::test]
    async fn what_is_written_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::in_directory(&directory.path().join("of/bills"));
        assert_eq!(cache.read().await, Ok(Kept::default()));
        for kept in [kept(), Kept::default(), kept()] {
            cache.write(&kept).await.unwrap();
            assert_eq!(cache.read().await, Ok(kept));
        }
    }

    #[tokio::test]
    async fn a_file_that_makes_no_sense_is_an_error_that_names_it_and_can_be_set_aside() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::in_directory(directory.path());
        cache.write(&kept()).await.unwrap();
        let file = directory.path().join(FILE);
        let whole = std::fs::read_to_string(&file).unwrap();
        for (text, problem) in [
            (String::new(), "EOF"),
            (whole[..whole.len() / 2].to_owned(), "EOF"),
            (
                whole.replace("\"version\":1", "\"version\":7"),
                "it has the form 7, not 1",
            ),
            (whole.replace("0.1", "-0.1"), "-0.1 is not an amount of USD"),
            (whole.replace("2026-03-09", "2026-02-30"), "day"),
        ] {
            assert_ne!(text, whole);
            std::fs::write(&file, text).unwrap();
            let error = cache.read().await.unwrap_err();
            assert!(error.contains(FILE) && error.contains(problem), "{error}");
        }
        cache.set_aside().await.unwrap();
        assert_eq!(cache.read().await, Ok(Kept::default()));
        let aside = directory.path().join("bill.json.unreadable");
        assert!(aside.exists());
    }
}
