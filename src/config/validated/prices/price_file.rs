//! Prices of nodes in a file of comma-separated values: the keys of `prices.nodes` are its columns.

use std::io::Read;

use csv::{ReaderBuilder, StringRecord, Trim};
use serde_json::Value;

use crate::config::file::NodePrice;
use crate::schema::{ConfigPath, Setting as _, Validator, unknown_key};
use breakeven_model::inventory::CapacityType;

/// The columns, in any order; those of a price or of a selector that is not used may be left out.
const COLUMNS: [&str; 9] = [
    "node",
    "instance_type",
    "capacity_type",
    "pool",
    "region",
    "zone",
    "usd_per_hour",
    "usd_per_core_hour",
    "usd_per_gib_hour",
];

impl Validator {
    /// The prices of a file, each with its line. An empty field is one that is not named.
    pub(super) fn price_file(
        &mut self,
        path: &str,
        place: &ConfigPath,
    ) -> Vec<(ConfigPath, NodePrice)> {
        match std::fs::File::open(path) {
            Ok(file) => self.price_rows(file, place),
            Err(error) => {
                self.refuse(place, format!("{path} cannot be read: {error}"));
                Vec::new()
            }
        }
    }

    fn price_rows(&mut self, text: impl Read, place: &ConfigPath) -> Vec<(ConfigPath, NodePrice)> {
        let mut reader = ReaderBuilder::new()
            .comment(Some(b'#'))
            .trim(Trim::All)
            .from_reader(text);
        let columns = match reader.headers() {
            Ok(columns) => columns.clone(),
            Err(error) => {
                self.refuse(place, error.to_string());
                return Vec::new();
            }
        };
        for column in columns.iter().filter(|one| !COLUMNS.contains(one)) {
            self.errors.push(unknown_key(column, &COLUMNS, place));
        }
        let mut prices = Vec::new();
        for row in reader.records() {
            match row {
                Ok(row) => {
                    let place = place.line(row.position().map_or(0, csv::Position::line));
                    let before = self.errors.len();
                    let price = self.price_row(&columns, &row, &place);
                    // What follows from a field that cannot be read need not be said too.
                    if self.errors.len() == before {
                        prices.push((place, price));
                    }
                }
                Err(error) => self.bad_row(&error, place),
            }
        }
        prices
    }

    fn bad_row(&mut self, error: &csv::Error, place: &ConfigPath) {
        match error.kind() {
            csv::ErrorKind::UnequalLengths {
                pos: Some(position),
                expected_len,
                len,
            } => self.refuse(
                &place.line(position.line()),
                format!("has {len} fields, and the first line has {expected_len}"),
            ),
            _ => self.refuse(place, error.to_string()),
        }
    }

    fn price_row(
        &mut self,
        columns: &StringRecord,
        row: &StringRecord,
        at: &ConfigPath,
    ) -> NodePrice {
        let mut price = NodePrice::default();
        let fields = columns.iter().zip(row).filter(|field| !field.1.is_empty());
        for (column, text) in fields {
            let place = at.key(column);
            let named = || Some(text.to_owned());
            match column {
                "node" => price.selector.node = named(),
                "instance_type" => price.selector.instance_type = named(),
                "pool" => price.selector.pool = named(),
                "region" => price.selector.region = named(),
                "zone" => price.selector.zone = named(),
                "capacity_type" => {
                    let text = Value::from(text);
                    price.selector.capacity_type =
                        CapacityType::read(&text, &place, &mut self.errors);
                }
                "usd_per_hour" => price.usd_per_hour = self.number(text, &place),
                "usd_per_core_hour" => price.usd_per_core_hour = self.number(text, &place),
                "usd_per_gib_hour" => price.usd_per_gib_hour = self.number(text, &place),
                _ => {}
            }
        }
        price
    }

    fn number(&mut self, text: &str, place: &ConfigPath) -> Option<f64> {
        let number = text.parse().ok();
        if number.is_none() {
            self.refuse(place, format!("{text:?} is not a number"));
        }
        number
    }
}
