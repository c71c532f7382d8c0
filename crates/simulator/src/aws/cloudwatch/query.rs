//! A GetMetricData request: read, and held against the rules of the API.

use std::collections::BTreeSet;

use super::series::Dimensions;
use super::statistics::Statistic;
use crate::aws::error::AwsError;
use crate::aws::value::{Document, optional, required};

/// Queries of one call (GetMetricData, `MetricDataQueries`).
pub(super) const MAX_QUERIES: usize = 500;
/// Data points of one answer (GetMetricData, `MaxDatapoints`), the most and the default.
pub(super) const MAX_DATAPOINTS: usize = 100_800;
/// The longest period: as long as anything is kept, 455 days.
const MAX_PERIOD: i64 = 455 * 86_400;
/// Dimensions of one metric.
const MAX_DIMENSIONS: usize = 30;

/// A GetMetricData request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) queries: Vec<Query>,
    /// Seconds since 1970, inclusive.
    pub(super) start: f64,
    /// Seconds since 1970, exclusive.
    pub(super) end: f64,
    pub(super) descending: bool,
    pub(super) max_datapoints: usize,
    pub(super) next_token: Option<String>,
}

/// One metric and statistic of the request.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) id: String,
    pub(super) label: Option<String>,
    pub(super) account: Option<String>,
    pub(super) return_data: bool,
    pub(super) metric: MetricName,
    /// Seconds, a positive multiple of 60.
    pub(super) period: i64,
    pub(super) statistic: Statistic,
    /// As it was written.
    pub(super) statistic_name: String,
    pub(super) unit: Option<String>,
}

/// What identifies a metric; dimensions are sorted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MetricName {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) dimensions: Dimensions,
}

impl Request {
    pub(super) fn parse(input: &Document) -> Result<Self, AwsError> {
        let queries = required(input, "MetricDataQueries", "", Document::as_list)?;
        let (start, end) = (
            required(input, "StartTime", "", Document::as_seconds)?,
            required(input, "EndTime", "", Document::as_seconds)?,
        );
        if queries.is_empty() {
            return Err(AwsError::validation(
                "The parameter MetricDataQueries must not be empty.",
            ));
        }
        if queries.len() > MAX_QUERIES {
            return Err(AwsError::validation(format!(
                "The collection MetricDataQueries must not have a size greater than \
                 {MAX_QUERIES}: it has {}.",
                queries.len()
            )));
        }
        if start >= end {
            return Err(AwsError::validation(format!(
                "The parameter StartTime must be less than the parameter EndTime: {start} is not \
                 before {end}."
            )));
        }
        let queries: Vec<Query> = queries
            .iter()
            .enumerate()
            .map(|(index, query)| Query::parse(query, index + 1))
            .collect::<Result<_, _>>()?;
        let mut ids = BTreeSet::new();
        if let Some(twice) = queries.iter().find(|query| !ids.insert(query.id.as_str())) {
            return Err(AwsError::validation(format!(
                "The values for parameter id in MetricDataQueries are not unique: {}.",
                twice.id
            )));
        }
        if !queries.iter().any(|query| query.return_data) {
            return Err(AwsError::validation(
                "At least one element of MetricDataQueries must have ReturnData true.",
            ));
        }
        Ok(Self {
            queries,
            start,
            end,
            descending: match optional(input, "ScanBy", "", Document::as_text)? {
                None | Some("TimestampDescending") => true,
                Some("TimestampAscending") => false,
                Some(other) => {
                    return Err(AwsError::validation(format!(
                        "The value {other} for parameter ScanBy is not TimestampDescending or \
                         TimestampAscending."
                    )));
                }
            },
            max_datapoints: match optional(input, "MaxDatapoints", "", Document::as_integer)? {
                None => MAX_DATAPOINTS,
                Some(given) => usize::try_from(given)
                    .ok()
                    .filter(|given| (1..=MAX_DATAPOINTS).contains(given))
                    .ok_or_else(|| {
                        AwsError::validation(format!(
                            "The value {given} for parameter MaxDatapoints is not between 1 and \
                             {MAX_DATAPOINTS}."
                        ))
                    })?,
            },
            next_token: optional(input, "NextToken", "", Document::as_text)?.map(str::to_owned),
        })
    }

    /// Metrics requested, as they may be billed: by the reading that up to five statistics of one
    /// metric count once, and by the reading that each query counts.
    pub(super) fn metrics_requested(&self) -> (u64, u64) {
        let mut statistics: std::collections::BTreeMap<&MetricName, BTreeSet<&str>> =
            std::collections::BTreeMap::new();
        for query in &self.queries {
            statistics
                .entry(&query.metric)
                .or_default()
                .insert(&query.statistic_name);
        }
        let grouped = statistics
            .values()
            .map(|names| names.len().div_ceil(5) as u64)
            .sum();
        (grouped, self.queries.len() as u64)
    }
}

impl Query {
    fn parse(query: &Document, position: usize) -> Result<Self, AwsError> {
        let place = format!("MetricDataQueries.member.{position}.");
        let id = required(query, "Id", &place, Document::as_text)?;
        if !is_id(id) {
            return Err(AwsError::validation(format!(
                "The value {id} for parameter {place}Id is not matching the expected pattern \
                 ^[a-z][a-zA-Z0-9_]*$."
            )));
        }
        if query.member("Expression").is_some() {
            return Err(AwsError::validation(format!(
                "{place}Expression: the simulated cloud evaluates no metric math and no Metrics \
                 Insights; ask for MetricStat."
            )));
        }
        let stat = required(query, "MetricStat", &place, Some)?;
        let place = format!("{place}MetricStat.");
        let metric = required(stat, "Metric", &place, Some)?;
        let period = required(stat, "Period", &place, Document::as_integer)?;
        if !(60..=MAX_PERIOD).contains(&period) || period % 60 != 0 {
            return Err(AwsError::validation(format!(
                "The value {period} for parameter {place}Period is not a multiple of 60 up to \
                 {MAX_PERIOD}."
            )));
        }
        let statistic_name = required(stat, "Stat", &place, Document::as_text)?;
        Ok(Self {
            id: id.to_owned(),
            label: optional(query, "Label", &place, Document::as_text)?.map(str::to_owned),
            account: optional(query, "AccountId", &place, Document::as_text)?.map(str::to_owned),
            return_data: optional(query, "ReturnData", &place, Document::as_bool)?.unwrap_or(true),
            metric: MetricName::parse(metric, &place)?,
            period,
            statistic: Statistic::parse(statistic_name)?,
            statistic_name: statistic_name.to_owned(),
            unit: optional(stat, "Unit", &place, Document::as_text)?.map(str::to_owned),
        })
    }
}

impl MetricName {
    /// The value of a dimension.
    pub(super) fn dimension(&self, wanted: &str) -> Option<&str> {
        let found = self.dimensions.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    }

    fn parse(metric: &Document, place: &str) -> Result<Self, AwsError> {
        let place = format!("{place}Metric.");
        let listed = optional(metric, "Dimensions", &place, Document::as_list)?.unwrap_or(&[]);
        if listed.len() > MAX_DIMENSIONS {
            return Err(AwsError::validation(format!(
                "The collection {place}Dimensions must not have a size greater than \
                 {MAX_DIMENSIONS}."
            )));
        }
        let mut dimensions = listed
            .iter()
            .enumerate()
            .map(|(index, dimension)| {
                let place = format!("{place}Dimensions.member.{}.", index + 1);
                Ok((
                    required(dimension, "Name", &place, Document::as_text)?.to_owned(),
                    required(dimension, "Value", &place, Document::as_text)?.to_owned(),
                ))
            })
            .collect::<Result<Dimensions, AwsError>>()?;
        dimensions.sort();
        Ok(Self {
            namespace: required(metric, "Namespace", &place, Document::as_text)?.to_owned(),
            name: required(metric, "MetricName", &place, Document::as_text)?.to_owned(),
            dimensions,
        })
    }
}

/// Whether an Id matches `^[a-z][a-zA-Z0-9_]*$`.
fn is_id(id: &str) -> bool {
    id.starts_with(|first: char| first.is_ascii_lowercase())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(change: impl FnOnce(&mut serde_json::Value)) -> Result<Request, AwsError> {
        let mut input = json!({
            "StartTime": 1_700_000_000, "EndTime": 1_700_003_600.5,
            "MetricDataQueries": [
                {"Id": "a", "MetricStat": {"Period": 60, "Stat": "Sum", "Metric": {
                    "Namespace": "AWS/Lambda", "MetricName": "Invocations",
                    "Dimensions": [{"Name": "FunctionName", "Value": "f"}]}}},
                {"Id": "b", "MetricStat": {"Period": 300, "Stat": "p99", "Metric": {
                    "Namespace": "AWS/Lambda", "MetricName": "Duration"}}},
            ],
        });
        change(&mut input);
        Request::parse(&Document::from_json(input.to_string().as_bytes()).unwrap())
    }

    #[test]
    fn a_request_is_read_with_its_defaults() {
        let request = request(|_| {}).unwrap();
        assert!(request.descending);
        assert_eq!(request.max_datapoints, 100_800);
        assert_eq!(request.end, 1_700_003_600.5);
        let [a, b] = &request.queries[..] else {
            panic!("two queries")
        };
        assert_eq!(
            a.metric.dimensions,
            [("FunctionName".to_owned(), "f".to_owned())]
        );
        assert!(a.return_data && b.metric.dimensions.is_empty());
        assert_eq!(b.statistic, Statistic::Percentile(0.99));
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn every_broken_rule_is_named() {
        type Change = fn(&mut serde_json::Value);
        let many = |input: &mut serde_json::Value| {
            let query = input["MetricDataQueries"][0].clone();
            input["MetricDataQueries"] = (0..501)
                .map(|i| {
                    let mut query = query.clone();
                    query["Id"] = format!("m{i}").into();
                    query
                })
                .collect();
        };
        let cases: [(Change, &str); 17] = [
            (
                |input| input["MetricDataQueries"] = json!([]),
                "must not be empty",
            ),
            (many, "size greater than 500"),
            (
                |input| input["MetricDataQueries"][0]["Id"] = "A".into(),
                "value A for parameter MetricDataQueries.member.1.Id",
            ),
            (
                |input| input["MetricDataQueries"][0]["Id"] = "a-b".into(),
                "expected pattern",
            ),
            (
                |input| input["MetricDataQueries"][0]["Id"] = "".into(),
                "expected pattern",
            ),
            (
                |input| input["MetricDataQueries"][1]["Id"] = "a".into(),
                "not unique: a",
            ),
            (
                |input| input["MetricDataQueries"][1]["Expression"] = "a*2".into(),
                "member.2.Expression",
            ),
            (
                |input| input["MetricDataQueries"][1]["MetricStat"]["Period"] = 90.into(),
                "value 90",
            ),
            (
                |input| input["MetricDataQueries"][1]["MetricStat"]["Period"] = 30.into(),
                "value 30",
            ),
            (
                |input| input["MetricDataQueries"][1]["MetricStat"]["Period"] = 39_312_060.into(),
                "value 39312060",
            ),
            (
                |input| input["MetricDataQueries"][1]["MetricStat"]["Stat"] = "Mean".into(),
                "value Mean",
            ),
            (
                |input| input["EndTime"] = input["StartTime"].clone(),
                "must be less than",
            ),
            (
                |input| input["StartTime"] = json!(null),
                "StartTime is required",
            ),
            (
                |input| input["StartTime"] = "now".into(),
                "StartTime has the wrong type",
            ),
            (
                |input| input["MaxDatapoints"] = 100_801.into(),
                "value 100801",
            ),
            (|input| input["ScanBy"] = "Newest".into(), "value Newest"),
            (
                |input| {
                    for query in input["MetricDataQueries"].as_array_mut().unwrap() {
                        query["ReturnData"] = false.into();
                    }
                },
                "ReturnData true",
            ),
        ];
        for (change, named) in cases {
            let error = request(change).unwrap_err();
            assert!(
                error.message.contains(named),
                "{} does not say {named}",
                error.message
            );
            assert_eq!(error.status, 400);
        }
    }

    #[test]
    fn five_statistics_of_one_metric_count_once_or_five_times() {
        let with = |statistics: &[&str]| {
            request(|input| {
                let query = input["MetricDataQueries"][0].clone();
                let list = input["MetricDataQueries"].as_array_mut().unwrap();
                for (index, statistic) in statistics.iter().enumerate() {
                    let mut query = query.clone();
                    query["Id"] = format!("s{index}").into();
                    query["MetricStat"]["Stat"] = (*statistic).into();
                    list.push(query);
                }
            })
            .unwrap()
            .metrics_requested()
        };
        assert_eq!(with(&[]), (2, 2));
        assert_eq!(with(&["Average", "Minimum", "Maximum", "p99"]), (2, 6));
        assert_eq!(
            with(&["Average", "Minimum", "Maximum", "p99", "p50"]),
            (3, 7)
        );
    }
}
