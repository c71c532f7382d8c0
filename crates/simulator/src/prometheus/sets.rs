//! The set operators between vectors: and, or, unless. Elements match many to many, at each step.

use std::collections::BTreeMap;

use promql_parser::parser::token::{T_LAND, T_LOR, T_LUNLESS, TokenId};
use promql_parser::parser::{BinModifier, LabelModifier};

use super::series::{Labels, matched_by};
use super::value::{QueryError, Series, Value};

/// Whether it is one of them.
pub(super) fn is_one(operator: TokenId) -> bool {
    matches!(operator, T_LAND | T_LOR | T_LUNLESS)
}

/// Applies a set operator at each step.
pub(super) fn apply(
    operator: TokenId,
    modifier: Option<&BinModifier>,
    left: Value,
    right: Value,
) -> Result<Value, QueryError> {
    let (Value::Vector(left), Value::Vector(right)) = (left, right) else {
        let problem = "set operators stand between vectors alone".to_owned();
        return Err(QueryError::BadData(problem));
    };
    let matching = modifier.and_then(|modifier| modifier.matching.as_ref());
    let kept = match operator {
        T_LAND => filtered(left, &present(&right, matching), matching, true),
        T_LUNLESS => filtered(left, &present(&right, matching), matching, false),
        _ => {
            let here = present(&left, matching);
            let added = filtered(right, &here, matching, false);
            left.into_iter().chain(added).collect()
        }
    };
    Ok(Value::Vector(kept))
}

/// At which steps there is an element, by what it is matched by.
fn present(vector: &[Series], matching: Option<&LabelModifier>) -> BTreeMap<Labels, Vec<bool>> {
    let mut present: BTreeMap<Labels, Vec<bool>> = BTreeMap::new();
    for series in vector {
        let steps = present
            .entry(matched_by(&series.labels, matching))
            .or_default();
        steps.resize(series.values.len(), false);
        for (step, value) in steps.iter_mut().zip(&series.values) {
            *step |= value.is_some();
        }
    }
    present
}

/// The elements at those steps at which a match is there, or is not.
fn filtered(
    vector: Vec<Series>,
    others: &BTreeMap<Labels, Vec<bool>>,
    matching: Option<&LabelModifier>,
    where_there: bool,
) -> Vec<Series> {
    let kept = vector.into_iter().filter_map(|mut series| {
        let there = others.get(&matched_by(&series.labels, matching));
        for (step, value) in series.values.iter_mut().enumerate() {
            let is_there = there.is_some_and(|there| there[step]);
            *value = value.filter(|_| is_there == where_there);
        }
        series.values.iter().any(Option::is_some).then_some(series)
    });
    kept.collect()
}
