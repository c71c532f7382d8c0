//! A series in the state file: the names of its columns, the number of each piece, and the values of all pieces.
//!
//! A column that a file lacks has the default of its field, and one that the program does not know is dropped.

use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::CompactSeries;
use breakeven_model::units::Compact;

#[derive(Serialize)]
struct Written<'a> {
    columns: Vec<String>,
    pieces: &'a [u32],
    numbers: &'a [f32],
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Stored {
    columns: Vec<String>,
    pieces: Vec<u32>,
    numbers: Vec<f32>,
}

fn columns<T: Compact>() -> Vec<String> {
    let mut columns = Vec::with_capacity(T::COUNT);
    T::columns("", &mut columns);
    columns
}

impl<T: Compact> Serialize for CompactSeries<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let columns = if self.pieces.is_empty() {
            Vec::new()
        } else {
            columns::<T>()
        };
        let written = Written {
            columns,
            pieces: &self.pieces,
            numbers: &self.numbers,
        };
        written.serialize(serializer)
    }
}

impl<'de, T: Compact + Default> Deserialize<'de> for CompactSeries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        if stored.pieces.is_empty() && stored.numbers.is_empty() {
            return Ok(Self::default());
        }
        let wanted = columns::<T>();
        let found = stored.columns;
        let (pieces, numbers) = (stored.pieces, stored.numbers);
        if Some(numbers.len()) != pieces.len().checked_mul(found.len()) {
            return Err(serde::de::Error::custom(format_args!(
                "{} numbers, expected {} columns of {} pieces",
                numbers.len(),
                found.len(),
                pieces.len(),
            )));
        }
        if !pieces.is_sorted_by(|one, next| one < next) {
            return Err(serde::de::Error::custom("pieces out of order"));
        }
        let numbers = if found == wanted {
            numbers
        } else {
            rearranged::<T>(&numbers, &found, &wanted)
        };
        Ok(Self {
            pieces,
            numbers,
            kind: PhantomData,
        })
    }
}

/// The numbers of all pieces in the order of the wanted columns.
fn rearranged<T: Compact + Default>(
    numbers: &[f32],
    found: &[String],
    wanted: &[String],
) -> Vec<f32> {
    let mut defaults = Vec::with_capacity(T::COUNT);
    T::default().write(&mut defaults);
    let sources: Vec<Option<usize>> = wanted
        .iter()
        .map(|column| found.iter().position(|one| one == column))
        .collect();
    let pieces = numbers.chunks_exact(found.len().max(1));
    let rows = pieces.flat_map(|piece| {
        sources
            .iter()
            .zip(&defaults)
            .map(|(source, default)| source.map_or(*default, |position| piece[position]))
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakeven_model::units::{Requests, Seconds, numbers};

    numbers! {
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        struct Old {
            requests: Requests,
            errors: Requests,
        }
    }

    numbers! {
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        struct New {
            latency: Option<Seconds>,
            requests: Requests,
        }
    }

    fn requests(count: f64) -> Requests {
        Requests::from_requests(count).unwrap()
    }

    fn old() -> CompactSeries<Old> {
        let mut series = CompactSeries::default();
        for (piece, count) in [(3, 1.0), (7, 2.0)] {
            let sums = Old {
                requests: requests(count),
                errors: requests(0.5),
            };
            series.push(piece, &sums);
        }
        series
    }

    #[test]
    fn columns_are_found_by_name() {
        let json = serde_json::to_value(old()).unwrap();
        let expected = serde_json::json!({
            "columns": ["requests", "errors"],
            "pieces": [3, 7],
            "numbers": [1.0, 0.5, 2.0, 0.5],
        });
        assert_eq!(json, expected);
        let new: CompactSeries<New> = serde_json::from_value(json).unwrap();
        let rows: Vec<(u32, New)> = new.iter().collect();
        let row = |count| New {
            latency: None,
            requests: requests(count),
        };
        assert_eq!(rows, [(3, row(1.0)), (7, row(2.0))]);
    }

    #[test]
    fn an_inconsistent_series_is_an_error() {
        for (text, error) in [
            (
                r#"{"columns":["requests","errors"],"pieces":[3,7],"numbers":[1.0,0.5,2.0]}"#,
                "3 numbers, expected 2 columns of 2 pieces",
            ),
            (
                r#"{"columns":["requests","errors"],"pieces":[7,3],"numbers":[1.0,0.5,2.0,0.5]}"#,
                "pieces out of order",
            ),
            (
                r#"{"columns":[],"pieces":[3],"numbers":[1.0]}"#,
                "1 numbers, expected 0 columns of 1 pieces",
            ),
        ] {
            let read = serde_json::from_str::<CompactSeries<Old>>(text);
            assert_eq!(read.unwrap_err().to_string(), error, "{text}");
        }
    }
}
