//! Reads an answer of Prometheus within a memory budget.
//!
//! The derived `Deserialize` of an adjacently tagged enum buffers `result` whole if it comes before `resultType`, and a short
//! series takes many times its length in memory. So each series is read on its own, and its memory is taken from a budget.
//! The body is read twice: a first pass keeps nothing, so a result beyond the budget allocates nothing that an allocator might
//! not return to the system.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Body, Data, MAX_REMARKS, MAX_SERIES, Point, ResultType, Series, beginning};

/// The maximum number of labels per series. Kubernetes and the presets need fewer than 10.
const MAX_LABELS: usize = 128;

/// The maximum length of a name or value of a label, in bytes.
const MAX_LABEL: usize = 4_096;

/// The maximum length of any other token of the JSON, in bytes. A parser copies a token whole.
const MAX_TOKEN: usize = 1 << 20;

/// The maximum estimated memory of a result, in bytes. 20,000 series with 4 labels and 24 points take 23 MB.
const MAX_RESULT_MEMORY: usize = 48 << 20;

/// The maximum memory of a body and its result together, in bytes.
const MAX_MEMORY: usize = 72 << 20;

/// The maximum ratio of that memory to the maximum length of a body.
const MAX_MEMORY_RATIO: usize = 8;

/// The memory of a map with 1 to 11 entries: a B-tree allocates whole nodes of 11 pairs of strings.
const MAP_NODE: usize = 11 * 2 * size_of::<String>() + 32;

/// What an allocator adds to a small allocation, rounded up.
const ALLOCATION: usize = 32;

/// The memory that a result may still take, in bytes.
#[derive(Debug)]
struct Budget {
    left: Cell<usize>,
    total: usize,
    /// Whether the result is kept, and not just measured.
    is_kept: bool,
}

impl Budget {
    const fn new(total: usize, is_kept: bool) -> Self {
        Self {
            left: Cell::new(total),
            total,
            is_kept,
        }
    }

    fn spend<E: Error>(&self, bytes: usize) -> Result<(), E> {
        let Some(left) = self.left.get().checked_sub(bytes) else {
            return Err(E::custom(format!(
                "the result takes more than {} bytes of memory: aggregate more in the expression",
                self.total
            )));
        };
        self.left.set(left);
        Ok(())
    }
}

impl Body {
    /// Reads a body of at most `max_length` bytes.
    pub(in super::super) fn read(
        bytes: &[u8],
        max_length: usize,
    ) -> Result<Self, serde_path_to_error::Error<serde_json::Error>> {
        let total = MAX_MEMORY.min(max_length.saturating_mul(MAX_MEMORY_RATIO));
        let total = total.saturating_sub(bytes.len()).min(MAX_RESULT_MEMORY);
        if has_long_token(bytes) {
            let problem = format!("it contains a text or number longer than {MAX_TOKEN} bytes");
            let path = serde_path_to_error::Track::new().path();
            let error = serde_json::Error::custom(problem);
            return Err(serde_path_to_error::Error::new(path, error));
        }
        pass(bytes, &Budget::new(total, false))?;
        pass(bytes, &Budget::new(total, true))
    }
}

fn pass(
    bytes: &[u8],
    budget: &Budget,
) -> Result<Body, serde_path_to_error::Error<serde_json::Error>> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    BodySeed(budget)
        .deserialize(tracked)
        .map_err(|error| serde_path_to_error::Error::new(track.path(), error))
}

/// Whether the bytes contain a string or a number that is too long.
fn has_long_token(bytes: &[u8]) -> bool {
    let (mut in_string, mut is_escaped, mut length) = (false, false, 0_usize);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => {
                in_string = !in_string;
                length = 0;
            }
            b',' | b':' | b'[' | b']' | b'{' | b'}' | b' ' | b'\t' | b'\r' | b'\n'
                if !in_string =>
            {
                length = 0;
            }
            _ => {}
        }
        length += 1;
        if length > MAX_TOKEN {
            return true;
        }
    }
    false
}

/// Implements `DeserializeSeed` for a visitor.
macro_rules! seed {
    ($seed:ident, $value:ty, $method:ident) => {
        impl<'de> DeserializeSeed<'de> for $seed<'_> {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<$value, D::Error> {
                from.$method(self)
            }
        }
    };
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum BodyField {
    Status,
    Data,
    Error,
    ErrorType,
    Warnings,
    Infos,
    #[serde(other)]
    Other,
}

struct BodySeed<'a>(&'a Budget);

seed!(BodySeed, Body, deserialize_map);

impl<'de> Visitor<'de> for BodySeed<'_> {
    type Value = Body;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an answer of Prometheus")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
        let (mut status, mut data) = (None, None);
        let (mut error, mut error_type) = (None, None);
        let (mut warnings, mut infos) = (Vec::new(), Vec::new());
        while let Some(field) = map.next_key()? {
            match field {
                BodyField::Status => status = Some(map.next_value()?),
                BodyField::Data if data.is_some() => return Err(A::Error::duplicate_field("data")),
                BodyField::Data => data = map.next_value_seed(DataSeed(self.0))?,
                BodyField::Error => error = map.next_value()?,
                BodyField::ErrorType => error_type = map.next_value()?,
                BodyField::Warnings => warnings = map.next_value::<Remarks>()?.0,
                BodyField::Infos => infos = map.next_value::<Remarks>()?.0,
                BodyField::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Body {
            status: status.ok_or_else(|| A::Error::missing_field("status"))?,
            data,
            error,
            error_type,
            warnings,
            infos,
        })
    }
}

/// The first warnings, with the beginning of each.
#[derive(Default)]
struct Remarks(Vec<String>);

impl<'de> Deserialize<'de> for Remarks {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Remarks;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of texts")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Remarks, A::Error> {
                let mut texts = Vec::new();
                while texts.len() < MAX_REMARKS
                    && let Some(text) = list.next_element::<String>()?
                {
                    texts.push(beginning(&text));
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Remarks(texts))
            }
        }
        from.deserialize_seq(Texts)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum DataField {
    ResultType,
    Result,
    #[serde(other)]
    Other,
}

struct DataSeed<'a>(&'a Budget);

seed!(DataSeed, Option<Data>, deserialize_option);

impl<'de> Visitor<'de> for DataSeed<'_> {
    type Value = Option<Data>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with `resultType` and `result`")
    }

    fn visit_none<E: Error>(self) -> Result<Option<Data>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Option<Data>, D::Error> {
        from.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Data>, A::Error> {
        let (mut result_type, mut result) = (None, None);
        while let Some(field) = map.next_key()? {
            match field {
                DataField::ResultType => result_type = Some(map.next_value()?),
                DataField::Result if result.is_some() => {
                    return Err(A::Error::duplicate_field("result"));
                }
                DataField::Result => result = Some(map.next_value_seed(ResultSeed(self.0))?),
                DataField::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let result_type: ResultType =
            result_type.ok_or_else(|| A::Error::missing_field("resultType"))?;
        let series = result.ok_or_else(|| A::Error::missing_field("result"))?;
        let is_list_of_series = matches!(result_type, ResultType::Matrix | ResultType::Vector);
        if is_list_of_series && series.is_none() {
            return Err(A::Error::custom(
                "`result` contains an element that is no series",
            ));
        }
        Ok(Some(Data {
            result_type,
            series: series.unwrap_or_default(),
        }))
    }
}

/// Reads a list of series. The value is absent if an element is none, as in a scalar.
struct ResultSeed<'a>(&'a Budget);

seed!(ResultSeed, Option<Vec<Series>>, deserialize_seq);

impl<'de> Visitor<'de> for ResultSeed<'_> {
    type Value = Option<Vec<Series>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of series")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut series, mut count, mut is_list_of_series) = (Vec::new(), 0, true);
        while let Some(one) = list.next_element_seed(SeriesSeed(self.0))? {
            let Some(one) = one else {
                is_list_of_series = false;
                continue;
            };
            if count == MAX_SERIES {
                return Err(A::Error::custom(format!(
                    "it has more than {MAX_SERIES} series: aggregate more in the expression"
                )));
            }
            // A vector doubles when it grows.
            self.0.spend(2 * size_of::<Series>())?;
            count += 1;
            if self.0.is_kept {
                series.push(one);
            }
        }
        Ok(is_list_of_series.then_some(series))
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum SeriesField {
    Metric,
    Value,
    Values,
    Histogram,
    Histograms,
    #[serde(other)]
    Other,
}

struct SeriesSeed<'a>(&'a Budget);

seed!(SeriesSeed, Option<Series>, deserialize_any);

impl<'de> Visitor<'de> for SeriesSeed<'_> {
    type Value = Option<Series>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a series")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Series>, A::Error> {
        let (mut labels, mut points, mut histogram) = (None, Vec::new(), false);
        while let Some(field) = map.next_key()? {
            match field {
                SeriesField::Metric => labels = Some(map.next_value_seed(LabelsSeed(self.0))?),
                SeriesField::Value => {
                    self.0.spend(4 * size_of::<Point>() + ALLOCATION)?;
                    points.push(map.next_value()?);
                }
                SeriesField::Values => points = map.next_value_seed(PointsSeed(self.0))?,
                SeriesField::Histogram | SeriesField::Histograms => {
                    histogram |= map.next_value::<Option<IgnoredAny>>()?.is_some();
                }
                SeriesField::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Some(Series {
            labels: labels.ok_or_else(|| A::Error::missing_field("metric"))?,
            points,
            histogram,
        }))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Option<Series>, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Option<Series>, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Option<Series>, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Option<Series>, E> {
        Ok(None)
    }
}

struct LabelsSeed<'a>(&'a Budget);

type Labels = BTreeMap<String, String>;

seed!(LabelsSeed, Labels, deserialize_map);

impl<'de> Visitor<'de> for LabelsSeed<'_> {
    type Value = Labels;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the labels of a series")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
        let (mut labels, mut count) = (BTreeMap::new(), 0_usize);
        while let Some(name) = map.next_key_seed(LabelSeed(self.0))? {
            if count == MAX_LABELS {
                return Err(A::Error::custom(format!(
                    "it has more than {MAX_LABELS} labels: aggregate more in the expression"
                )));
            }
            // Nodes are at least half full.
            if count.is_multiple_of(5) {
                self.0.spend(MAP_NODE + ALLOCATION)?;
            }
            count += 1;
            let value = map.next_value_seed(LabelSeed(self.0))?;
            if self.0.is_kept {
                labels.insert(name, value);
            }
        }
        Ok(labels)
    }
}

struct LabelSeed<'a>(&'a Budget);

seed!(LabelSeed, String, deserialize_str);

impl Visitor<'_> for LabelSeed<'_> {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the text of a label")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        if text.len() > MAX_LABEL {
            return Err(E::custom(format!(
                "a label has {} bytes, and at most {MAX_LABEL} are read: remove it by \
                 aggregating in the expression",
                text.len()
            )));
        }
        self.0.spend(text.len() + ALLOCATION)?;
        Ok(if self.0.is_kept {
            text.to_owned()
        } else {
            String::new()
        })
    }
}

struct PointsSeed<'a>(&'a Budget);

seed!(PointsSeed, Vec<Point>, deserialize_seq);

impl<'de> Visitor<'de> for PointsSeed<'_> {
    type Value = Vec<Point>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of points")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Point>, A::Error> {
        let (mut points, mut count, mut capacity) = (Vec::new(), 0, 0);
        while let Some(point) = list.next_element()? {
            if count == capacity {
                // The capacity doubles, and begins with 4.
                let added = capacity.max(4);
                self.0.spend(added * size_of::<Point>() + ALLOCATION)?;
                capacity += added;
            }
            count += 1;
            if self.0.is_kept {
                points.push(point);
            }
        }
        Ok(points)
    }
}
