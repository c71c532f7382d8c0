//! What Prometheus answers, with the fields in use.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The most series of a result. Those of 10,000 workloads, or of their pods, are far fewer.
const MAX_SERIES: usize = 100_000;

/// How many warnings of an answer are logged.
const MAX_REMARKS: usize = 10;

/// How much of an error or a warning is repeated, in characters.
const MAX_TEXT: usize = 1_000;

/// The body of every answer.
#[derive(Deserialize)]
pub(super) struct Body {
    status: String,
    data: Option<Data>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default, rename = "errorType")]
    error_type: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    #[serde(deserialize_with = "series")]
    Matrix(Vec<Ranged>),
    #[serde(deserialize_with = "series")]
    Vector(Vec<Instant>),
    Scalar(IgnoredAny),
    String(IgnoredAny),
}

#[derive(Deserialize)]
struct Ranged {
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<Point>,
    histograms: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Instant {
    metric: BTreeMap<String, String>,
    value: Option<Point>,
    histogram: Option<IgnoredAny>,
}

/// A time in seconds since 1970, and the value there.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub(in crate::sources) struct Point(
    pub(in crate::sources) f64,
    #[serde(deserialize_with = "number")] pub(in crate::sources) f64,
);

/// One series of a result, ranged or instant.
#[derive(Debug)]
pub(in crate::sources) struct Series {
    pub(in crate::sources) labels: BTreeMap<String, String>,
    pub(in crate::sources) points: Vec<Point>,
    /// Whether it holds native histograms, which have no single value.
    pub(in crate::sources) histogram: bool,
}

#[cfg(test)]
impl Series {
    /// A series with these labels and points.
    pub(in crate::sources) fn of(labels: &[(&str, &str)], points: &[(f64, f64)]) -> Self {
        let labels = labels.iter();
        Self {
            labels: labels
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            points: points
                .iter()
                .map(|(at, value)| Point(*at, *value))
                .collect(),
            histogram: false,
        }
    }
}

/// A result that was asked for.
#[derive(Debug)]
pub(in crate::sources) struct Answer {
    pub(in crate::sources) series: Vec<Series>,
    pub(in crate::sources) remarks: Vec<String>,
}

/// Which form of result a query must give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Ranged,
    Instant,
}

/// Why a body holds no result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoResult {
    /// Prometheus says why not: the type and text of its error.
    Failed(String),
    /// It is no answer of Prometheus.
    Foreign(String),
}

impl Body {
    pub(super) fn result(self, form: Form) -> Result<Answer, NoResult> {
        if self.status != "success" {
            return Err(NoResult::Failed(self.failure().unwrap_or(self.status)));
        }
        let series = match (self.data, form) {
            (Some(Data::Matrix(series)), Form::Ranged) => {
                series.into_iter().map(Series::from).collect()
            }
            (Some(Data::Vector(series)), Form::Instant) => {
                series.into_iter().map(Series::from).collect()
            }
            (data, form) => {
                let wanted = match form {
                    Form::Ranged => "matrix",
                    Form::Instant => "vector",
                };
                let got = match data {
                    Some(Data::Matrix(_)) => "matrix",
                    Some(Data::Vector(_)) => "vector",
                    Some(Data::Scalar(_)) => "scalar",
                    Some(Data::String(_)) => "string",
                    None => "nothing",
                };
                let problem = format!("the result is a {got}, where a {wanted} was asked for");
                return Err(NoResult::Foreign(problem));
            }
        };
        let remarks = self.warnings.iter().chain(&self.infos).take(MAX_REMARKS);
        let remarks = remarks.map(|text| beginning(text)).collect();
        Ok(Answer { series, remarks })
    }

    /// The error's type and text, where it holds them.
    pub(super) fn failure(&self) -> Option<String> {
        let text = beginning(self.error.as_deref()?);
        Some(match &self.error_type {
            Some(kind) => format!("{}: {text}", beginning(kind)),
            None => text,
        })
    }
}

impl From<Ranged> for Series {
    fn from(series: Ranged) -> Self {
        Self {
            labels: series.metric,
            points: series.values,
            histogram: series.histograms.is_some(),
        }
    }
}

impl From<Instant> for Series {
    fn from(series: Instant) -> Self {
        Self {
            labels: series.metric,
            points: series.value.into_iter().collect(),
            histogram: series.histogram.is_some(),
        }
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// At most [`MAX_SERIES`] series: short ones take many times their length in memory.
fn series<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Bounded<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
        type Value = Vec<T>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list of series")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut series = Vec::new();
            while let Some(one) = list.next_element()? {
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
    from.deserialize_seq(Bounded(PhantomData))
}

/// Prometheus writes values as text, as JSON has no NaN and no infinity.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    struct Text;
    impl Visitor<'_> for Text {
        type Value = f64;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a number in quotes")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<f64, E> {
            text.parse()
                .map_err(|_| E::custom(format!("{text:?} is not a number")))
        }
    }
    from.deserialize_str(Text).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str, form: Form) -> Result<Answer, NoResult> {
        serde_json::from_str::<Body>(body).unwrap().result(form)
    }

    #[test]
    fn a_matrix_is_read_with_values_that_json_cannot_hold() {
        let body = r#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"namespace":"shop","workload":"web"},"values":[[300,"7.5"],[600.0,"NaN"],[900,"+Inf"]]},
            {"metric":{},"histograms":[[300,{"count":"1"}]]}]},"warnings":["slow"],"infos":["odd"]}"#;
        let answer = read(body, Form::Ranged).unwrap();
        assert_eq!(answer.series[0].labels["workload"], "web");
        assert_eq!(answer.series[0].points[0], Point(300.0, 7.5));
        assert!(answer.series[0].points[1].1.is_nan());
        assert!(answer.series[0].points[2].1.is_infinite());
        assert!(!answer.series[0].histogram && answer.series[1].histogram);
        assert_eq!(answer.remarks, ["slow", "odd"]);
    }

    #[test]
    fn what_is_no_result_says_what_it_is() {
        for (body, form, expected) in [
            (
                r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
                Form::Ranged,
                NoResult::Foreign("the result is a vector, where a matrix was asked for".into()),
            ),
            (
                r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#,
                Form::Instant,
                NoResult::Foreign("the result is a scalar, where a vector was asked for".into()),
            ),
            (
                r#"{"status":"success"}"#,
                Form::Instant,
                NoResult::Foreign("the result is a nothing, where a vector was asked for".into()),
            ),
            (
                r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#,
                Form::Instant,
                NoResult::Failed("bad_data: parse error".into()),
            ),
        ] {
            assert_eq!(read(body, form).unwrap_err(), expected, "{body}");
        }
    }

    #[test]
    fn too_many_series_are_refused_and_long_texts_are_cut() {
        let body = |count: usize| {
            let series = vec![r#"{"metric":{}}"#; count].join(",");
            format!(
                r#"{{"status":"success","data":{{"resultType":"matrix","result":[{series}]}}}}"#
            )
        };
        let most = read(&body(MAX_SERIES), Form::Ranged).unwrap();
        assert_eq!(most.series.len(), MAX_SERIES);
        let error = serde_json::from_str::<Body>(&body(MAX_SERIES + 1))
            .err()
            .unwrap();
        assert!(
            error.to_string().contains("more than 100000 series"),
            "{error}"
        );

        let long = "x".repeat(50_000);
        let body = format!(r#"{{"status":"error","errorType":"bad_data","error":"{long}"}}"#);
        let NoResult::Failed(failure) = read(&body, Form::Instant).unwrap_err() else {
            panic!("it is an error of Prometheus")
        };
        assert_eq!(failure.len(), MAX_TEXT + "bad_data: ".len());
    }

    #[test]
    fn a_value_that_is_no_number_is_an_error_that_shows_it() {
        let body = r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{},"value":[1,"many"]}]}}"#;
        let error = serde_json::from_str::<Body>(body).err().unwrap();
        assert!(
            error.to_string().contains("\"many\" is not a number"),
            "{error}"
        );
    }
}
