//! Reading of an answer with bounds on the memory that it takes.
//!
//! A short text of JSON can take many times its length in memory, so the length of the body is not enough of a bound. The parts
//! that are kept are counted while they are read, and the answer is refused once they take more than [`MAX_KEPT`].

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Labels, Series};

/// The most series of a result. Those of 10,000 workloads, or of their pods, are far fewer.
pub(super) const MAX_SERIES: usize = 100_000;

/// The most labels of a series. The queries of all presets keep fewer than ten.
const MAX_LABELS: usize = 128;

/// The longest name or value of a label, in bytes. Those of Kubernetes have at most 317.
const MAX_LABEL: usize = 4_096;

/// What a result may take in memory, in bytes. 20,000 workloads with 60 points each take 25 MiB.
const MAX_KEPT: usize = 28 << 20;

/// How many warnings of an answer are logged.
pub(super) const MAX_REMARKS: usize = 10;

/// How much of an error or a warning is repeated, in characters.
pub(super) const MAX_TEXT: usize = 1_000;

/// What an allocation takes beside its bytes.
const ALLOCATION: usize = 16;

/// A result by its type.
pub(super) enum Data {
    Matrix(Vec<Series>),
    Vector(Vec<Series>),
    Scalar,
    String,
}

/// A time in seconds since 1970, and the value there.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub(in crate::sources) struct Point(
    pub(in crate::sources) f64,
    #[serde(deserialize_with = "number")] pub(in crate::sources) f64,
);

/// What a result may still take in memory.
struct Budget(Cell<usize>);

impl Budget {
    fn take<E: Error>(&self, bytes: usize) -> Result<(), E> {
        let left = self.0.get().checked_sub(bytes).ok_or_else(|| {
            E::custom(format!(
                "the result takes more than {} MiB of memory: aggregate more in the expression",
                MAX_KEPT >> 20
            ))
        })?;
        self.0.set(left);
        Ok(())
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

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ResultType {
    Matrix,
    Vector,
    Scalar,
    String,
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a result with its type")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Data, A::Error> {
        let budget = Budget(Cell::new(MAX_KEPT));
        let mut kind = None;
        let mut data = None;
        while let Some(field) = map.next_key()? {
            match field {
                DataField::ResultType => kind = Some(map.next_value()?),
                DataField::Result if data.is_some() => {
                    return Err(A::Error::duplicate_field("result"));
                }
                DataField::Result => {
                    let Some(kind) = kind else {
                        // It would have to be kept whole until its type is known. Prometheus and all servers that are
                        // compatible with it send the type first.
                        let problem = "`result` before `resultType`: check that the address is that of a Prometheus API";
                        return Err(A::Error::custom(problem));
                    };
                    data = Some(match kind {
                        ResultType::Matrix => {
                            Data::Matrix(map.next_value_seed(AllSeries(&budget))?)
                        }
                        ResultType::Vector => {
                            Data::Vector(map.next_value_seed(AllSeries(&budget))?)
                        }
                        ResultType::Scalar => {
                            map.next_value::<IgnoredAny>()?;
                            Data::Scalar
                        }
                        ResultType::String => {
                            map.next_value::<IgnoredAny>()?;
                            Data::String
                        }
                    });
                }
                DataField::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        data.ok_or_else(|| A::Error::missing_field("result"))
    }
}

/// Reads the series of a result.
struct AllSeries<'b>(&'b Budget);

impl<'de> DeserializeSeed<'de> for AllSeries<'_> {
    type Value = Vec<Series>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for AllSeries<'_> {
    type Value = Vec<Series>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of series")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut series = Vec::new();
        while let Some(one) = list.next_element_seed(OneSeries(self.0))? {
            if series.len() == MAX_SERIES {
                let problem = format!(
                    "it has more than {MAX_SERIES} series: aggregate more in the expression"
                );
                return Err(A::Error::custom(problem));
            }
            series.push(one);
        }
        Ok(series)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum SeriesField {
    Metric,
    Values,
    Value,
    Histograms,
    Histogram,
    #[serde(other)]
    Other,
}

/// Reads one series.
struct OneSeries<'b>(&'b Budget);

impl<'de> DeserializeSeed<'de> for OneSeries<'_> {
    type Value = Series;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneSeries<'_> {
    type Value = Series;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a series")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Series, A::Error> {
        self.0.take(size_of::<Series>())?;
        let mut labels = None;
        let mut points = Vec::new();
        let mut histogram = false;
        while let Some(field) = map.next_key()? {
            match field {
                SeriesField::Metric => labels = Some(map.next_value_seed(AllLabels(self.0))?),
                SeriesField::Values => points = map.next_value_seed(Points(self.0))?,
                SeriesField::Value => {
                    let point: Option<Point> = map.next_value()?;
                    self.0.take(size_of::<Point>() + ALLOCATION)?;
                    points = point.into_iter().collect();
                }
                SeriesField::Histograms | SeriesField::Histogram => {
                    histogram |= map.next_value::<Option<IgnoredAny>>()?.is_some();
                }
                SeriesField::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let labels = labels.ok_or_else(|| A::Error::missing_field("metric"))?;
        Ok(Series {
            labels,
            points,
            histogram,
        })
    }
}

/// Reads the points of a series.
struct Points<'b>(&'b Budget);

impl<'de> DeserializeSeed<'de> for Points<'_> {
    type Value = Vec<Point>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Points<'_> {
    type Value = Vec<Point>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of points")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        self.0.take(ALLOCATION)?;
        let mut points = Vec::new();
        while let Some(point) = list.next_element()? {
            self.0.take(size_of::<Point>())?;
            points.push(point);
        }
        points.shrink_to_fit();
        Ok(points)
    }
}

/// Reads the labels of a series.
struct AllLabels<'b>(&'b Budget);

impl<'de> DeserializeSeed<'de> for AllLabels<'_> {
    type Value = Labels;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for AllLabels<'_> {
    type Value = Labels;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the labels of a series")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
        self.0.take(ALLOCATION)?;
        let mut labels = Vec::new();
        while let Some(name) = map.next_key_seed(LabelText)? {
            if labels.len() == MAX_LABELS {
                let problem = format!("a series has more than {MAX_LABELS} labels");
                return Err(A::Error::custom(problem));
            }
            let value = map.next_value_seed(LabelText)?;
            let bytes = name.len() + value.len() + 2 * (size_of::<Box<str>>() + ALLOCATION);
            self.0.take(bytes)?;
            labels.push((name, value));
        }
        Ok(Labels::new(labels))
    }
}

/// Reads the name or the value of a label.
struct LabelText;

impl<'de> DeserializeSeed<'de> for LabelText {
    type Value = Box<str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for LabelText {
    type Value = Box<str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a label")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.len() > MAX_LABEL {
            return Err(E::custom(format!(
                "a label has more than {MAX_LABEL} bytes"
            )));
        }
        Ok(text.into())
    }
}

/// A text, of which the beginning is kept.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text.chars().take(MAX_TEXT).collect())
    }
}

/// The beginning of a text.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Text.deserialize(from)
}

/// The beginning of a text, which may be absent or null.
pub(super) fn optional_text<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    struct Kept(#[serde(deserialize_with = "text")] String);
    Ok(Option::<Kept>::deserialize(from)?.map(|kept| kept.0))
}

/// The first of the remarks; the rest is skipped.
pub(super) fn remarks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct Remarks;
    impl<'de> Visitor<'de> for Remarks {
        type Value = Vec<String>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list of texts")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut remarks = Vec::new();
            while remarks.len() < MAX_REMARKS {
                let Some(remark) = list.next_element_seed(Text)? else {
                    return Ok(remarks);
                };
                remarks.push(remark);
            }
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(remarks)
        }
    }
    from.deserialize_seq(Remarks)
}

/// Prometheus writes values as text, as JSON has no NaN and no infinity.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    struct Number;
    impl Visitor<'_> for Number {
        type Value = f64;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a number in quotes")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
            text.parse().map_err(|_| {
                let shown: String = text.chars().take(40).collect();
                E::custom(format!("{shown:?} is not a number"))
            })
        }
    }
    from.deserialize_str(Number)
}
