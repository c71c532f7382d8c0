//! What Prometheus answers, with the fields in use.

use serde::Deserialize;

mod bounded;
mod labels;

use self::bounded::Data;
pub(in crate::sources) use self::bounded::Point;
pub(in crate::sources) use self::labels::Labels;

/// The body of every answer. What is kept of it is bounded in [`bounded`].
#[derive(Deserialize)]
pub(super) struct Body {
    #[serde(deserialize_with = "bounded::text")]
    status: String,
    data: Option<Data>,
    #[serde(default, deserialize_with = "bounded::optional_text")]
    error: Option<String>,
    #[serde(
        default,
        rename = "errorType",
        deserialize_with = "bounded::optional_text"
    )]
    error_type: Option<String>,
    #[serde(default, deserialize_with = "bounded::remarks")]
    warnings: Vec<String>,
    #[serde(default, deserialize_with = "bounded::remarks")]
    infos: Vec<String>,
}

/// One series of a result, ranged or instant.
#[derive(Debug)]
pub(in crate::sources) struct Series {
    pub(in crate::sources) labels: Labels,
    pub(in crate::sources) points: Vec<Point>,
    /// Whether it holds native histograms, which have no single value.
    pub(in crate::sources) histogram: bool,
}

#[cfg(test)]
impl Series {
    /// A series with these labels and points.
    pub(in crate::sources) fn of(labels: &[(&str, &str)], points: &[(f64, f64)]) -> Self {
        Self {
            labels: Labels::of(labels),
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
            (Some(Data::Matrix(series)), Form::Ranged)
            | (Some(Data::Vector(series)), Form::Instant) => series,
            (data, form) => {
                let wanted = match form {
                    Form::Ranged => "matrix",
                    Form::Instant => "vector",
                };
                let got = match data {
                    Some(Data::Matrix(_)) => "matrix",
                    Some(Data::Vector(_)) => "vector",
                    Some(Data::Scalar) => "scalar",
                    Some(Data::String) => "string",
                    None => "nothing",
                };
                let problem = format!("the result is a {got}, where a {wanted} was asked for");
                return Err(NoResult::Foreign(problem));
            }
        };
        let mut remarks = self.warnings;
        remarks.extend(self.infos);
        remarks.truncate(bounded::MAX_REMARKS);
        Ok(Answer { series, remarks })
    }

    /// The error's type and text, where it holds them.
    pub(super) fn failure(&self) -> Option<String> {
        let text = self.error.as_deref()?;
        Some(match &self.error_type {
            Some(kind) => format!("{kind}: {text}"),
            None => text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::bounded::{MAX_SERIES, MAX_TEXT};
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
        assert_eq!(answer.series[0].labels.get("workload"), Some("web"));
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

    fn refused(data: &str) -> String {
        let body = format!(r#"{{"status":"success","data":{data}}}"#);
        let error = serde_json::from_str::<Body>(&body).err().unwrap();
        error.to_string()
    }

    #[test]
    fn labels_beyond_the_limits_are_refused() {
        let vector =
            |labels: &str| format!(r#"{{"resultType":"vector","result":[{{"metric":{labels}}}]}}"#);
        let labels = |count: usize| {
            let labels: Vec<String> = (0..count)
                .map(|label| format!(r#""l{label}":"v""#))
                .collect();
            format!("{{{}}}", labels.join(","))
        };
        let body = format!(r#"{{"status":"success","data":{}}}"#, vector(&labels(128)));
        assert_eq!(read(&body, Form::Instant).unwrap().series.len(), 1);
        let error = refused(&vector(&labels(129)));
        assert!(error.contains("more than 128 labels"), "{error}");
        let text = |length: usize| format!(r#"{{"l":"{}"}}"#, "x".repeat(length));
        let body = format!(r#"{{"status":"success","data":{}}}"#, vector(&text(4_096)));
        assert_eq!(read(&body, Form::Instant).unwrap().series.len(), 1);
        let error = refused(&vector(&text(4_097)));
        assert!(error.contains("more than 4096 bytes"), "{error}");
    }

    #[test]
    fn a_result_that_takes_too_much_memory_is_refused_by_points_and_by_labels() {
        let points = vec![r#"[1,"2"]"#; 2 << 20].join(",");
        let error = refused(&format!(
            r#"{{"resultType":"matrix","result":[{{"metric":{{}},"values":[{points}]}}]}}"#
        ));
        assert!(error.contains("more than 28 MiB"), "{error}");
        let series = format!(r#"{{"metric":{{"l":"{}"}}}}"#, "x".repeat(4_000));
        let series = vec![&*series; 9_000].join(",");
        let error = refused(&format!(r#"{{"resultType":"vector","result":[{series}]}}"#));
        assert!(error.contains("more than 28 MiB"), "{error}");
    }

    /// The steps of an hour of 20,000 workloads, and their present rates.
    #[test]
    fn the_results_of_twenty_thousand_workloads_are_read() {
        let points: Vec<String> = (0..60)
            .map(|minute| format!(r#"[{},"1234.5"]"#, 1_767_225_600 + 60 * minute))
            .collect();
        let points = points.join(",");
        let series: Vec<String> = (0..20_000)
            .map(|one| {
                format!(
                    r#"{{"metric":{{"namespace":"team-{}","workload":"service-with-a-long-name-{one}","workload_type":"deployment"}},"values":[{points}]}}"#,
                    one % 500
                )
            })
            .collect();
        let body = format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{}]}}}}"#,
            series.join(",")
        );
        assert_eq!(read(&body, Form::Ranged).unwrap().series.len(), 20_000);
    }

    #[test]
    fn a_result_before_its_type_or_twice_is_refused_and_what_is_unknown_is_skipped() {
        let error = refused(r#"{"result":[],"resultType":"vector"}"#);
        assert!(error.contains("`result` before `resultType`"), "{error}");
        let error = refused(r#"{"resultType":"vector","result":[],"result":[]}"#);
        assert!(error.contains("duplicate field `result`"), "{error}");
        let body = r#"{"status":"success","data":{"stats":{"a":[1]},"resultType":"vector",
            "result":[{"metric":{},"value":[1,"2"],"extra":{}}]},"isPartial":false}"#;
        let answer = read(body, Form::Instant).unwrap();
        assert_eq!(answer.series[0].points, [Point(1.0, 2.0)]);
    }

    #[test]
    fn warnings_without_end_are_counted_as_a_few() {
        let warnings = vec![r#""slow""#; 1_000_000].join(",");
        let body = format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[]}},"warnings":[{warnings}]}}"#
        );
        assert_eq!(read(&body, Form::Instant).unwrap().remarks.len(), 10);
    }
}
