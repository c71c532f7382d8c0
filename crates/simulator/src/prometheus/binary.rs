//! Arithmetic and comparison between scalars and vectors, one to one.

use std::collections::BTreeMap;

use promql_parser::parser::token::{
    T_ADD, T_DIV, T_EQLC, T_GTE, T_GTR, T_LSS, T_LTE, T_MOD, T_MUL, T_NEQ, T_POW, T_SUB, TokenId,
};
use promql_parser::parser::{BinModifier, LabelModifier, VectorMatchCardinality};

use super::series::{Labels, NAME, matched_by};
use super::value::{QueryError, Series, Value, distinct};

/// An operator between two numbers.
#[derive(Clone, Copy)]
enum Operator {
    Arithmetic(fn(f64, f64) -> f64),
    Comparison(fn(&f64, &f64) -> bool),
}

/// Applies an operator at each step.
pub(super) fn apply(
    operator: TokenId,
    modifier: Option<&BinModifier>,
    left: Value,
    right: Value,
) -> Result<Value, QueryError> {
    let operator = Operator::from_token(operator)?;
    let as_bool = modifier.is_some_and(|modifier| modifier.return_bool);
    match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => {
            let pairs = left.into_iter().zip(right);
            Ok(Value::Scalar(
                pairs
                    .map(|(left, right)| operator.number(left, right))
                    .collect(),
            ))
        }
        (Value::Vector(left), Value::Scalar(right)) => {
            let values = |series: &Series| {
                let pairs = series.values.iter().zip(&right);
                let each =
                    pairs.map(|(left, &right)| operator.keep((*left)?, right, as_bool, |l, _| l));
                each.collect()
            };
            each(left, operator, as_bool, values)
        }
        (Value::Scalar(left), Value::Vector(right)) => {
            let values = |series: &Series| {
                let pairs = left.iter().zip(&series.values);
                let each =
                    pairs.map(|(&left, right)| operator.keep(left, (*right)?, as_bool, |_, r| r));
                each.collect()
            };
            each(right, operator, as_bool, values)
        }
        (Value::Vector(left), Value::Vector(right)) => {
            one_to_one(operator, modifier, left, right).map(Value::Vector)
        }
        (left, right) => Err(QueryError::BadData(format!(
            "binary expression must contain only scalar and instant vector types, not {} and {}",
            left.kind(),
            right.kind()
        ))),
    }
}

impl Operator {
    fn from_token(token: TokenId) -> Result<Self, QueryError> {
        Ok(match token {
            T_ADD => Self::Arithmetic(|left, right| left + right),
            T_SUB => Self::Arithmetic(|left, right| left - right),
            T_MUL => Self::Arithmetic(|left, right| left * right),
            T_DIV => Self::Arithmetic(|left, right| left / right),
            T_MOD => Self::Arithmetic(|left, right| left % right),
            T_POW => Self::Arithmetic(f64::powf),
            T_EQLC => Self::Comparison(f64::eq),
            T_NEQ => Self::Comparison(f64::ne),
            T_GTR => Self::Comparison(f64::gt),
            T_GTE => Self::Comparison(f64::ge),
            T_LSS => Self::Comparison(f64::lt),
            T_LTE => Self::Comparison(f64::le),
            _ => return Err(QueryError::unsupported("this binary operator")),
        })
    }

    /// The result as a number, 1 or 0 for a comparison.
    fn number(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Arithmetic(operator) => operator(left, right),
            Self::Comparison(operator) => f64::from(u8::from(operator(&left, &right))),
        }
    }

    /// The result for an element: a comparison that is not `bool` keeps it or drops it.
    fn keep(self, left: f64, right: f64, as_bool: bool, kept: fn(f64, f64) -> f64) -> Option<f64> {
        match self {
            Self::Comparison(operator) if !as_bool => {
                operator(&left, &right).then(|| kept(left, right))
            }
            _ => Some(self.number(left, right)),
        }
    }

    /// Whether the name of the metric is lost.
    fn drops_name(self, as_bool: bool) -> bool {
        as_bool || matches!(self, Self::Arithmetic(_))
    }
}

/// Gives each element new values, and drops those that have none.
fn each(
    vector: Vec<Series>,
    operator: Operator,
    as_bool: bool,
    values: impl Fn(&Series) -> Vec<Option<f64>>,
) -> Result<Value, QueryError> {
    let changed = vector.into_iter().filter_map(|series| {
        let values = values(&series);
        let series = Series {
            labels: series.labels,
            values,
        };
        let series = if operator.drops_name(as_bool) {
            series.unnamed()
        } else {
            series
        };
        series.values.iter().any(Option::is_some).then_some(series)
    });
    distinct(changed.collect()).map(Value::Vector)
}

fn one_to_one(
    operator: Operator,
    modifier: Option<&BinModifier>,
    left: Vec<Series>,
    right: Vec<Series>,
) -> Result<Vec<Series>, QueryError> {
    if modifier.is_some_and(|modifier| modifier.card != VectorMatchCardinality::OneToOne) {
        return Err(QueryError::unsupported("group_left and group_right"));
    }
    if modifier.is_some_and(|m| m.fill_values.lhs.is_some() || m.fill_values.rhs.is_some()) {
        return Err(QueryError::unsupported("fill"));
    }
    let as_bool = modifier.is_some_and(|modifier| modifier.return_bool);
    let matching = modifier.and_then(|modifier| modifier.matching.as_ref());
    let (left, right) = (
        by_match(left, matching, "left")?,
        by_match(right, matching, "right")?,
    );

    let mut vector = Vec::new();
    for (key, left) in &left {
        let Some(right) = right.get(key) else {
            continue;
        };
        for left in left {
            for right in right {
                let pairs = left.values.iter().zip(&right.values);
                let values: Vec<Option<f64>> = pairs
                    .map(|(left, right)| operator.keep((*left)?, (*right)?, as_bool, |l, _| l))
                    .collect();
                if values.iter().any(Option::is_some) {
                    let mut labels = match matching {
                        Some(LabelModifier::Include(_)) => key.clone(),
                        Some(LabelModifier::Exclude(list)) => {
                            let mut labels = left.labels.clone();
                            labels.retain(|name, _| !list.labels.contains(name));
                            labels
                        }
                        None => left.labels.clone(),
                    };
                    if operator.drops_name(as_bool) {
                        labels.remove(NAME);
                    }
                    vector.push(Series { labels, values });
                }
            }
        }
    }
    distinct(vector)
}

/// A vector by what its elements are matched on; at most one element of each key at each step.
fn by_match(
    vector: Vec<Series>,
    matching: Option<&LabelModifier>,
    side: &str,
) -> Result<BTreeMap<Labels, Vec<Series>>, QueryError> {
    let mut by_match: BTreeMap<Labels, Vec<Series>> = BTreeMap::new();
    for series in vector {
        let key = matched_by(&series.labels, matching);
        by_match.entry(key).or_default().push(series);
    }
    for (key, group) in &by_match {
        for (position, one) in group.iter().enumerate() {
            for other in &group[position + 1..] {
                if one
                    .values
                    .iter()
                    .zip(&other.values)
                    .any(|(a, b)| a.is_some() && b.is_some())
                {
                    return Err(QueryError::Execution(format!(
                        "found duplicate series for the match group {key:?} on the {side} hand-side \
                         of the operation; many-to-many matching not allowed: matching labels must \
                         be unique on one side"
                    )));
                }
            }
        }
    }
    Ok(by_match)
}
