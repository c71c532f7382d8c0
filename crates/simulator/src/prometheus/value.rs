//! What PromQL expressions are worth, at all steps of a query at once.

use super::series::{Labels, NAME};

/// The worth of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// One number for each step.
    Scalar(Vec<f64>),
    Vector(Vec<Series>),
    Text(String),
}

/// One element of a vector: its labels, and its value at each step where it has one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    pub(super) labels: Labels,
    pub(super) values: Vec<Option<f64>>,
}

/// The samples of one series, each with its time in milliseconds.
pub(super) type Samples = (Labels, Vec<(i64, f64)>);

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum QueryError {
    /// The query is wrong, or uses what is not supported here.
    BadData(String),
    /// The query met data that it cannot be evaluated on.
    Execution(String),
}

impl QueryError {
    pub(super) fn unsupported(what: &str) -> Self {
        Self::BadData(format!("the simulated Prometheus does not support {what}"))
    }
}

impl Value {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Scalar(_) => "scalar",
            Self::Vector(_) => "instant vector",
            Self::Text(_) => "string",
        }
    }
}

impl Series {
    /// The same series without the name of its metric, as functions and arithmetic leave it.
    pub(super) fn unnamed(mut self) -> Self {
        self.labels.remove(NAME);
        self
    }
}

/// A vector in the order of its labels, refused where two elements of a step have the same ones.
pub(super) fn distinct(mut vector: Vec<Series>) -> Result<Vec<Series>, QueryError> {
    vector.sort_by(|a, b| a.labels.cmp(&b.labels));
    let clash = vector.windows(2).any(|pair| {
        pair[0].labels == pair[1].labels
            && pair[0]
                .values
                .iter()
                .zip(&pair[1].values)
                .any(|(a, b)| a.is_some() && b.is_some())
    });
    if clash {
        return Err(QueryError::Execution(
            "vector cannot contain metrics with the same labelset".to_owned(),
        ));
    }
    Ok(vector)
}
