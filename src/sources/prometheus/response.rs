//! What Prometheus answers, with the fields in use.

mod reader;

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer};

/// The most series of a result. Those of 10,000 workloads, or of their pods, are far fewer.
const MAX_SERIES: usize = 100_000;

/// How many warnings of an answer are logged.
const MAX_REMARKS: usize = 10;

/// How much of an error or a warning is repeated, in characters.
const MAX_TEXT: usize = 1_000;

/// The body of every answer.
pub(super) struct Body {
    status: String,
    data: Option<Data>,
    error: Option<String>,
    error_type: Option<String>,
    /// The first ones, and the beginning of each.
    warnings: Vec<String>,
    infos: Vec<String>,
}

struct Data {
    result_type: ResultType,
    /// Empty if the result is not a list of series.
    series: Vec<Series>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ResultType {
    Matrix,
    Vector,
    Scalar,
    String,
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
        let (wanted, wanted_name) = match form {
            Form::Ranged => (ResultType::Matrix, "matrix"),
            Form::Instant => (ResultType::Vector, "vector"),
        };
        let series = match self.data {
            Some(data) if data.result_type == wanted => data.series,
            data => {
                let got = match data.map(|data| data.result_type) {
                    Some(ResultType::Matrix) => "matrix",
                    Some(ResultType::Vector) => "vector",
                    Some(ResultType::Scalar) => "scalar",
                    Some(ResultType::String) => "string",
                    None => "nothing",
                };
                let problem = format!("the result is a {got}, where a {wanted_name} was asked for");
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

fn beginning(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
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

    fn whole(body: &str) -> Result<Body, String> {
        Body::read(body.as_bytes(), 64 << 20).map_err(|error| error.to_string())
    }

    fn read(body: &str, form: Form) -> Result<Answer, NoResult> {
        whole(body).unwrap().result(form)
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
        let error = whole(&body(MAX_SERIES + 1)).err().unwrap();
        assert!(error.contains("more than 100000 series"), "{error}");

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
        let error = whole(body).err().unwrap();
        assert!(error.contains("\"many\" is not a number"), "{error}");
    }

    #[test]
    fn the_result_may_come_before_its_type() {
        let body = r#"{"data":{"result":[{"value":[1,"2"],"metric":{"a":"b"}}],
            "resultType":"vector"},"status":"success"}"#;
        let answer = read(body, Form::Instant).unwrap();
        assert_eq!(answer.series[0].points, [Point(1.0, 2.0)]);
        assert_eq!(answer.series[0].labels["a"], "b");
        let body = r#"{"status":"success","data":{"result":[1,"2"],"resultType":"matrix"}}"#;
        let error = whole(body).err().unwrap();
        assert!(error.contains("no series"), "{error}");
    }

    fn vector(series: &str) -> String {
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#)
    }

    #[test]
    fn labels_beyond_a_limit_are_refused_with_their_place() {
        let labels = |count: usize| {
            let labels: Vec<String> = (0..count).map(|n| format!("\"l{n}\":\"\"")).collect();
            vector(&format!("{{\"metric\":{{{}}}}}", labels.join(",")))
        };
        assert_eq!(read(&labels(128), Form::Instant).unwrap().series.len(), 1);
        let error = whole(&labels(129)).err().unwrap();
        assert!(error.contains("data.result[0].metric"), "{error}");
        assert!(error.contains("more than 128 labels: aggregate"), "{error}");

        let value =
            |length: usize| vector(&format!(r#"{{"metric":{{"a":"{}"}}}}"#, "x".repeat(length)));
        assert_eq!(read(&value(4_096), Form::Instant).unwrap().series.len(), 1);
        let error = whole(&value(4_097)).err().unwrap();
        assert!(error.contains("a label has 4097 bytes"), "{error}");
        let error = whole(&vector(&"1".repeat(1_100_000))).err().unwrap();
        assert!(error.contains("longer than 1048576 bytes"), "{error}");
    }

    #[test]
    fn a_result_beyond_the_memory_budget_is_refused() {
        let labels: Vec<String> = (0..100).map(|n| format!("\"l{n}\":\"\"")).collect();
        let series = format!("{{\"metric\":{{{}}}}}", labels.join(","));
        let error = whole(&vector(&vec![series; 20_000].join(",")))
            .err()
            .unwrap();
        assert!(error.contains("bytes of memory: aggregate more"), "{error}");

        let points = vec![r#"[1,"2"]"#; 4_000_000].join(",");
        let series = format!(r#"{{"metric":{{}},"values":[{points}]}}"#);
        let error = whole(&vector(&series)).err().unwrap();
        assert!(error.contains("bytes of memory: aggregate more"), "{error}");
    }

    #[test]
    fn an_honest_result_of_20_000_workloads_is_within_the_budget() {
        let points: Vec<String> = (0..24)
            .map(|n| format!("[{},\"12.5\"]", 1_700_000_000 + n))
            .collect();
        let points = points.join(",");
        let series: Vec<String> = (0..20_000)
            .map(|n| {
                format!(
                    r#"{{"metric":{{"namespace":"team-{n}","workload":"service-{n}","cluster":"production-eu-west-1","code":"200"}},"values":[{points}]}}"#
                )
            })
            .collect();
        let body = vector(&series.join(",")).replace("vector", "matrix");
        let answer = read(&body, Form::Ranged).unwrap();
        assert_eq!(answer.series.len(), 20_000);
        assert_eq!(answer.series[19_999].points.len(), 24);
    }
}
