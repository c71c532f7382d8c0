//! Tables of list prices with one row per AWS region, embedded as comma-separated text.
//!
//! The first line that is not a comment (`#`) names the columns; the first column is the region. An empty cell is a price
//! that AWS does not list. The crate `csv` 1.3 reads such text too, but the core (`units` to `model`) uses no crate that
//! reads input, and these tables have neither quotes nor escapes.

use std::collections::BTreeMap;

use crate::units::QuantityError;

/// A table of prices by region and column.
#[derive(Debug)]
pub(super) struct RegionTable {
    columns: Vec<&'static str>,
    rows: BTreeMap<&'static str, Vec<&'static str>>,
}

impl RegionTable {
    /// Reads the text of a table. A row of another length than the head is left out; a test of each table holds that there
    /// is none.
    pub(super) fn parse(text: &'static str) -> Self {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let head = lines.next().unwrap_or_default();
        let columns: Vec<&str> = head.split(',').skip(1).collect();
        let rows = lines.filter_map(|line| {
            let (region, cells) = line.split_once(',')?;
            let cells: Vec<&str> = cells.split(',').collect();
            (cells.len() == columns.len()).then_some((region, cells))
        });
        Self {
            rows: rows.collect(),
            columns,
        }
    }

    /// The regions of the table, by name.
    pub(super) fn regions(&self) -> impl Iterator<Item = &'static str> {
        self.rows.keys().copied()
    }

    /// The price in a column; `None` if the table lacks the region, the column or the price.
    pub(super) fn price<P>(
        &self,
        region: &str,
        column: &str,
        unit: fn(f64) -> Result<P, QuantityError>,
    ) -> Option<P> {
        let at = self.columns.iter().position(|name| *name == column)?;
        let cell = self.rows.get(region)?.get(at)?;
        unit(cell.parse().ok()?).ok()
    }

    /// Panics unless the text has this many regions, in order and once each, and every cell is empty or a positive number.
    #[cfg(test)]
    pub(super) fn assert_sound(text: &'static str, regions: usize) {
        let table = Self::parse(text);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines.len(), regions + 1);
        assert_eq!(
            table.rows.len(),
            regions,
            "a row is short, long or there twice"
        );
        assert!(lines[1..].is_sorted());
        for (region, cells) in &table.rows {
            for (column, cell) in table.columns.iter().zip(cells) {
                let number: Option<f64> = cell.parse().ok();
                assert!(
                    cell.is_empty()
                        || number.is_some_and(|number| number.is_finite() && number > 0.0),
                    "{region} {column}: {cell:?}"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::UsdPerHour;

    #[test]
    fn cells_are_found_by_region_and_column_and_empty_ones_are_absent() {
        let text = "# a comment\nregion,hour,other\nr-1,0.25,\nr-2,0.5,x\nr-3,0.5\nr-4,1,2,3\n";
        let table = RegionTable::parse(text);
        let price = |region, column| table.price(region, column, UsdPerHour::from_hourly);
        assert_eq!(price("r-1", "hour"), UsdPerHour::from_hourly(0.25).ok());
        for (region, column) in [
            ("r-1", "other"),
            ("r-2", "other"),
            ("r-1", "region"),
            ("r-1", "no column"),
            ("r-3", "hour"),
            ("r-4", "hour"),
            ("r-9", "hour"),
        ] {
            assert_eq!(price(region, column), None, "{region} {column}");
        }
        assert_eq!(table.regions().collect::<Vec<_>>(), ["r-1", "r-2"]);
    }
}
