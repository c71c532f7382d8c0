//! Answers of the query API, in the exact shape of Prometheus.

use http::{Response, StatusCode};
use serde_json::{Value as Json, json};

use super::evaluate::Steps;
use super::series::Labels;
use super::value::{QueryError, Samples, Series, Value};
use crate::server::{self, Body};

/// A successful answer.
pub(super) fn success(data: &Json) -> Response<Body> {
    server::json(
        StatusCode::OK,
        &json!({ "status": "success", "data": data }),
    )
}

/// The answer to a query that has none.
pub(super) fn failure(failure: &QueryError) -> Response<Body> {
    match failure {
        QueryError::BadData(message) => super::error(StatusCode::BAD_REQUEST, "bad_data", message),
        QueryError::Execution(message) => {
            super::error(StatusCode::UNPROCESSABLE_ENTITY, "execution", message)
        }
    }
}

/// The data of an instant query, whose value has one step.
pub(super) fn instant(value: Value, at_ms: i64) -> Json {
    match value {
        Value::Scalar(values) => {
            let value = values.first().copied().unwrap_or(f64::NAN);
            json!({ "resultType": "scalar", "result": point(at_ms, value) })
        }
        Value::Text(text) => json!({ "resultType": "string", "result": [seconds(at_ms), text] }),
        Value::Vector(vector) => {
            let elements = vector.iter().filter_map(|series| {
                let value = series.values.first().copied().flatten()?;
                Some(json!({ "metric": series.labels, "value": point(at_ms, value) }))
            });
            json!({ "resultType": "vector", "result": elements.collect::<Vec<_>>() })
        }
    }
}

/// The data of a range query.
pub(super) fn range(value: Value, steps: Steps) -> Result<Json, QueryError> {
    let vector = match value {
        Value::Vector(vector) => vector,
        Value::Scalar(values) => vec![Series {
            labels: Labels::new(),
            values: values.into_iter().map(Some).collect(),
        }],
        Value::Text(_) => {
            return Err(QueryError::BadData(
                "invalid expression type \"string\" for range query, must be Scalar or instant \
                 Vector"
                    .to_owned(),
            ));
        }
    };
    let series = vector.iter().map(|series| {
        let values = steps.times().zip(&series.values);
        let points = values.filter_map(|(at, value)| Some(point(at, (*value)?)));
        json!({ "metric": series.labels, "values": points.collect::<Vec<_>>() })
    });
    Ok(json!({ "resultType": "matrix", "result": series.collect::<Vec<_>>() }))
}

/// The data of an instant query for a range vector: its samples as they are.
pub(super) fn samples(samples: &[Samples]) -> Json {
    let series = samples.iter().map(|(labels, samples)| {
        let points: Vec<Json> = samples
            .iter()
            .map(|(at, value)| point(*at, *value))
            .collect();
        json!({ "metric": labels, "values": points })
    });
    json!({ "resultType": "matrix", "result": series.collect::<Vec<_>>() })
}

fn point(at_ms: i64, value: f64) -> Json {
    json!([seconds(at_ms), number(value)])
}

/// A time in seconds, with a fraction only where it has one.
fn seconds(at_ms: i64) -> Json {
    if at_ms % 1_000 == 0 {
        json!(at_ms / 1_000)
    } else {
        json!(at_ms as f64 / 1_000.0)
    }
}

/// A value as text, without an exponent, as Go's `strconv.FormatFloat(v, 'f', -1, 64)` has it.
fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_text_as_go_writes_them() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1e21, "1000000000000000000000"),
            (1.5e-7, "0.00000015"),
            (-2.5, "-2.5"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn answers_have_the_shape_of_the_api() {
        let labels = Labels::from([("pod".to_owned(), "a".to_owned())]);
        let vector = |values: &[Option<f64>]| {
            Value::Vector(vec![Series {
                labels: labels.clone(),
                values: values.to_vec(),
            }])
        };
        assert_eq!(
            instant(vector(&[Some(2.5)]), 1_500).to_string(),
            r#"{"result":[{"metric":{"pod":"a"},"value":[1.5,"2.5"]}],"resultType":"vector"}"#
        );
        assert_eq!(
            instant(Value::Scalar(vec![4.0]), 2_000).to_string(),
            r#"{"result":[2,"4"],"resultType":"scalar"}"#
        );
        let steps = Steps {
            start_ms: 0,
            step_ms: 15_000,
            count: 3,
        };
        assert_eq!(
            range(vector(&[Some(1.0), None, Some(f64::NAN)]), steps)
                .unwrap()
                .to_string(),
            r#"{"result":[{"metric":{"pod":"a"},"values":[[0,"1"],[30,"NaN"]]}],"resultType":"matrix"}"#
        );
    }
}
