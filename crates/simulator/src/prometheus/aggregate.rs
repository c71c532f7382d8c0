//! `sum`, `avg`, `min`, `max`, `count` and `group`, by or without labels.

use std::collections::BTreeMap;

use promql_parser::parser::token::{T_AVG, T_COUNT, T_GROUP, T_MAX, T_MIN, T_SUM};
use promql_parser::parser::{AggregateExpr, LabelModifier};

use super::series::{Labels, NAME};
use super::value::{QueryError, Series};

/// Aggregates a vector at each step.
pub(super) fn apply(
    aggregate: &AggregateExpr,
    vector: Vec<Series>,
    steps: usize,
) -> Result<Vec<Series>, QueryError> {
    let operator = aggregate.op.id();
    if ![T_SUM, T_AVG, T_MIN, T_MAX, T_COUNT, T_GROUP].contains(&operator) {
        return Err(QueryError::unsupported(&format!(
            "the aggregation {}",
            aggregate.op
        )));
    }
    let mut groups: BTreeMap<Labels, Vec<Option<(f64, u32)>>> = BTreeMap::new();
    for series in vector {
        let labels = group_of(series.labels, aggregate.modifier.as_ref());
        let group = groups.entry(labels).or_insert_with(|| vec![None; steps]);
        for (so_far, value) in group.iter_mut().zip(series.values) {
            let Some(value) = value else { continue };
            *so_far = Some(match *so_far {
                None => (value, 1),
                Some((other, count)) => {
                    let joined = match operator {
                        // NaN gives way to any number.
                        T_MIN if value < other || other.is_nan() => value,
                        T_MAX if value > other || other.is_nan() => value,
                        T_MIN | T_MAX => other,
                        _ => other + value,
                    };
                    (joined, count + 1)
                }
            });
        }
    }
    let result = |(value, count): (f64, u32)| match operator {
        T_AVG => value / f64::from(count),
        T_COUNT => f64::from(count),
        T_GROUP => 1.0,
        _ => value,
    };
    Ok(groups
        .into_iter()
        .map(|(labels, values)| Series {
            labels,
            values: values.into_iter().map(|value| value.map(result)).collect(),
        })
        .collect())
}

/// The labels of the group that an element belongs to.
fn group_of(labels: Labels, modifier: Option<&LabelModifier>) -> Labels {
    let listed = |list: &[String], name: &String| list.contains(name);
    match modifier {
        None => Labels::new(),
        Some(LabelModifier::Include(list)) => labels
            .into_iter()
            .filter(|(name, _)| listed(&list.labels, name))
            .collect(),
        Some(LabelModifier::Exclude(list)) => labels
            .into_iter()
            .filter(|(name, _)| name != NAME && !listed(&list.labels, name))
            .collect(),
    }
}
