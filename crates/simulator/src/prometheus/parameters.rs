//! Parameters of the query API.

use bytes::Bytes;
use http::{Request, header};
use jiff::Timestamp;

use super::evaluate::Steps;
use super::value::QueryError;
use crate::query_string;

/// Points of one series in a range query, the most that Prometheus computes.
const MAX_POINTS: i64 = 11_000;

/// The parameters of a request, from its URL and from its form.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn from_request(request: &Request<Bytes>) -> Self {
        let form = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .filter(|kind| kind.starts_with("application/x-www-form-urlencoded"))
            .and_then(|_| std::str::from_utf8(request.body()).ok())
            .unwrap_or_default();
        let query = request.uri().query().unwrap_or_default();
        Self(
            query_string::parameters(form)
                .chain(query_string::parameters(query))
                .collect(),
        )
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next().filter(|value| !value.is_empty())
    }

    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The time of an instant query, in milliseconds since 1970.
    pub(super) fn time(&self, now_ms: i64) -> Result<i64, QueryError> {
        self.get("time")
            .map_or(Ok(now_ms), |text| time("time", text))
    }

    /// The steps of a range query.
    pub(super) fn steps(&self) -> Result<Steps, QueryError> {
        let required = |name: &str| self.get(name).unwrap_or_default();
        let start_ms = time("start", required("start"))?;
        let end_ms = time("end", required("end"))?;
        let step_ms = duration_ms("step", required("step"))?;
        if end_ms < start_ms {
            return Err(invalid(
                "end",
                "end timestamp must not be before start time",
            ));
        }
        if step_ms <= 0 {
            return Err(invalid(
                "step",
                "zero or negative query resolution step widths are not accepted. Try a positive \
                 integer",
            ));
        }
        let steps = (end_ms - start_ms) / step_ms;
        if steps > MAX_POINTS {
            return Err(QueryError::BadData(
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the \
                 query resolution (?step=XX)"
                    .to_owned(),
            ));
        }
        let count = usize::try_from(steps).unwrap_or(0) + 1;
        Ok(Steps {
            start_ms,
            step_ms,
            count,
        })
    }
}

fn invalid(name: &str, message: impl std::fmt::Display) -> QueryError {
    QueryError::BadData(format!("invalid parameter {name:?}: {message}"))
}

/// A time in seconds since 1970 or in RFC 3339, as milliseconds.
fn time(name: &str, text: &str) -> Result<i64, QueryError> {
    match (text.parse::<f64>(), text.parse::<Timestamp>()) {
        (Ok(seconds), _) if seconds.abs() < 1e11 => Ok((seconds * 1_000.0).round() as i64),
        (_, Ok(time)) => Ok(time.as_millisecond()),
        _ => Err(invalid(
            name,
            format!("cannot parse {text:?} to a valid timestamp"),
        )),
    }
}

/// A number of seconds or a duration such as `5m`, as milliseconds.
fn duration_ms(name: &str, text: &str) -> Result<i64, QueryError> {
    let bad = || invalid(name, format!("cannot parse {text:?} to a valid duration"));
    if let Ok(seconds) = text.parse::<f64>() {
        let valid = seconds.abs() < 1e11;
        return if valid {
            Ok((seconds * 1_000.0).round() as i64)
        } else {
            Err(bad())
        };
    }
    let duration = promql_parser::util::parse_duration(text).map_err(|_| bad())?;
    i64::try_from(duration.as_millis()).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(query: &str) -> Result<Steps, QueryError> {
        let request = Request::get(format!("/query_range?{query}"))
            .body(Bytes::new())
            .unwrap();
        Parameters::from_request(&request).steps()
    }

    #[test]
    fn steps_are_read_from_seconds_dates_and_durations() {
        for (query, start_ms, step_ms, count) in [
            ("start=60&end=120&step=15", 60_000, 15_000, 5),
            ("start=60.5&end=120&step=15s", 60_500, 15_000, 4),
            (
                "start=1970-01-01T00:01:00Z&end=1970-01-01T01:01:00Z&step=5m",
                60_000,
                300_000,
                13,
            ),
            ("start=60&end=60&step=1h30m", 60_000, 5_400_000, 1),
            ("start=0&end=11000&step=1", 0, 1_000, 11_001),
        ] {
            assert_eq!(
                steps(query),
                Ok(Steps {
                    start_ms,
                    step_ms,
                    count
                }),
                "{query}"
            );
        }
    }

    #[test]
    fn bad_parameters_are_named() {
        for (query, named) in [
            ("end=1&step=1", "\"start\": cannot parse \"\""),
            ("start=1&end=soon&step=1", "\"end\": cannot parse \"soon\""),
            ("start=nan&end=1&step=1", "\"start\""),
            (
                "start=2&end=1&step=1",
                "end timestamp must not be before start time",
            ),
            ("start=1&end=2&step=0", "zero or negative"),
            ("start=1&end=2&step=-5", "zero or negative"),
            (
                "start=1&end=2&step=often",
                "\"step\": cannot parse \"often\"",
            ),
            ("start=1&end=2&step=inf", "\"step\""),
            ("start=0&end=11001&step=1", "11,000 points"),
        ] {
            let QueryError::BadData(message) = steps(query).unwrap_err() else {
                panic!("{query} is bad data")
            };
            assert!(message.contains(named), "{message} for {query}");
        }
    }

    #[test]
    fn a_form_is_read_like_a_query_string() {
        let request = Request::post("/query?time=5")
            .header(
                header::CONTENT_TYPE,
                "application/x-www-form-urlencoded; charset=utf-8",
            )
            .body(Bytes::from("query=up%7Bpod%3D%22a%22%7D"))
            .unwrap();
        let parameters = Parameters::from_request(&request);
        assert_eq!(parameters.get("query"), Some("up{pod=\"a\"}"));
        assert_eq!(parameters.time(0), Ok(5_000));
    }
}
