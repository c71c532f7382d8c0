//! Evaluation of PromQL: selectors, functions and the way down the expression.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use promql_parser::label::{MatchOp, Matcher, Matchers};
use promql_parser::parser::token::T_EQL_REGEX;
use promql_parser::parser::{Call, Expr, MatrixSelector, Offset, VectorSelector};

use super::aggregate;
use super::binary;
use super::rate::{self, Range};
use super::series::{self, Labels, Moment, NAME, SCRAPE_INTERVAL_MS, Source};
use super::sets;
use super::value::{QueryError, Samples, Series, Value, distinct};
use crate::world::World;

/// How old a sample may be to stand for an instant (`--query.lookback-delta`).
const LOOKBACK_MS: i64 = 300_000;

/// The steps that a query is evaluated at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Steps {
    /// Time of the first, in milliseconds since 1970.
    pub(super) start_ms: i64,
    /// Milliseconds from one to the next.
    pub(super) step_ms: i64,
    /// How many there are.
    pub(super) count: usize,
}

impl Steps {
    /// A single instant.
    pub(super) fn instant(at_ms: i64) -> Self {
        Self {
            start_ms: at_ms,
            step_ms: SCRAPE_INTERVAL_MS,
            count: 1,
        }
    }

    /// The time of each step, in milliseconds.
    pub(super) fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count as i64).map(move |step| self.start_ms + step * self.step_ms)
    }

    fn last_ms(self) -> i64 {
        self.start_ms + (self.count as i64 - 1) * self.step_ms
    }
}

/// Workloads over stretches of scrapes.
type Moments = BTreeMap<(usize, i64, i64), Rc<Vec<Moment>>>;

/// A query under evaluation.
pub(super) struct Evaluation<'w> {
    world: &'w World,
    sources: Vec<Source>,
    steps: Steps,
    /// The first and the last scrape that there is.
    scrapes: (i64, i64),
    moments: Moments,
}

impl<'w> Evaluation<'w> {
    /// A query at `steps`, where `now_ms` is the present.
    pub(super) fn new(world: &'w World, steps: Steps, now_ms: i64) -> Self {
        let begin = world.history_start().as_millisecond();
        let first = begin.div_euclid(SCRAPE_INTERVAL_MS)
            + i64::from(begin.rem_euclid(SCRAPE_INTERVAL_MS) > 0);
        Self {
            world,
            sources: series::all(world),
            steps,
            scrapes: (first, now_ms.div_euclid(SCRAPE_INTERVAL_MS)),
            moments: Moments::new(),
        }
    }

    pub(super) fn value(&mut self, expression: &Expr) -> Result<Value, QueryError> {
        match expression {
            Expr::NumberLiteral(number) => Ok(Value::Scalar(vec![number.val; self.steps.count])),
            Expr::StringLiteral(text) => Ok(Value::Text(text.val.clone())),
            Expr::Paren(inner) => self.value(&inner.expr),
            Expr::VectorSelector(selector) => self.instant(selector).map(Value::Vector),
            Expr::Unary(unary) => {
                let minus_one = Value::Scalar(vec![-1.0; self.steps.count]);
                match self.value(&unary.expr)? {
                    // The sign of zero is turned as well.
                    Value::Scalar(values) => Ok(Value::Scalar(
                        values.into_iter().map(|value| -value).collect(),
                    )),
                    vector => {
                        let times = promql_parser::parser::token::T_MUL;
                        binary::apply(times, None, vector, minus_one)
                    }
                }
            }
            Expr::Binary(binary) => {
                let left = self.value(&binary.lhs)?;
                let right = self.value(&binary.rhs)?;
                let (operator, modifier) = (binary.op.id(), binary.modifier.as_ref());
                if sets::is_one(operator) {
                    return sets::apply(operator, modifier, left, right);
                }
                binary::apply(operator, modifier, left, right)
            }
            Expr::Aggregate(aggregate) => {
                let vector = self.vector(&aggregate.expr)?;
                aggregate::apply(aggregate, vector, self.steps.count).map(Value::Vector)
            }
            Expr::Call(call) => self.call(call),
            Expr::MatrixSelector(_) => Err(QueryError::BadData(
                "a range vector stands where an instant vector or a scalar is needed".to_owned(),
            )),
            Expr::Subquery(_) => Err(QueryError::unsupported("subqueries")),
            Expr::Extension(_) => Err(QueryError::unsupported("extensions")),
        }
    }

    /// The raw samples of a range selector at the first step: labels, and (milliseconds, value).
    pub(super) fn samples(
        &mut self,
        selector: &MatrixSelector,
    ) -> Result<Vec<Samples>, QueryError> {
        let mut all = Vec::new();
        self.over_ranges(selector, |labels, ranges| {
            for range in ranges.iter().flatten() {
                let times = (0..).map(|i| range.first_ms + i * SCRAPE_INTERVAL_MS);
                all.push((
                    labels.clone(),
                    times.zip(range.values.iter().copied()).collect(),
                ));
            }
        })?;
        Ok(all)
    }

    /// The label sets that fit any of the selectors.
    pub(super) fn label_sets(&self, selectors: &[Expr]) -> Result<Vec<&Labels>, QueryError> {
        let mut found = Vec::new();
        for source in &self.sources {
            for selector in selectors {
                let Expr::VectorSelector(selector) = selector else {
                    return Err(QueryError::BadData(
                        "match[] must be a series selector".to_owned(),
                    ));
                };
                if fits(selector, &source.labels)? {
                    found.push(&source.labels);
                    break;
                }
            }
        }
        Ok(found)
    }

    /// All label sets.
    pub(super) fn all_label_sets(&self) -> Vec<&Labels> {
        self.sources.iter().map(|source| &source.labels).collect()
    }

    fn vector(&mut self, expression: &Expr) -> Result<Vec<Series>, QueryError> {
        match self.value(expression)? {
            Value::Vector(vector) => Ok(vector),
            other => Err(QueryError::BadData(format!(
                "expected type instant vector, got {}",
                other.kind()
            ))),
        }
    }

    fn call(&mut self, call: &Call) -> Result<Value, QueryError> {
        let arguments = &call.args.args;
        let name = call.func.name;
        match (name, arguments.as_slice()) {
            ("rate", [range]) => self.ranged(range, rate::rate),
            ("increase", [range]) => self.ranged(range, rate::increase),
            ("label_replace", [vector, texts @ ..]) => {
                let vector = self.vector(vector)?;
                let texts = texts
                    .iter()
                    .map(|text| match self.value(text)? {
                        Value::Text(text) => Ok(text),
                        other => Err(QueryError::BadData(format!(
                            "expected type string in call to {name}, got {}",
                            other.kind()
                        ))),
                    })
                    .collect::<Result<Vec<_>, _>>()?;
                label_replace(vector, &texts).map(Value::Vector)
            }
            ("vector", [scalar]) => match self.value(scalar)? {
                Value::Scalar(values) => Ok(Value::Vector(vec![Series {
                    labels: Labels::new(),
                    values: values.into_iter().map(Some).collect(),
                }])),
                other => Err(QueryError::BadData(format!(
                    "expected type scalar in call to vector, got {}",
                    other.kind()
                ))),
            },
            ("time", []) => Ok(Value::Scalar(
                self.steps.times().map(|at| at as f64 / 1_000.0).collect(),
            )),
            _ => Err(QueryError::unsupported(&format!("the function {name}"))),
        }
    }

    /// The latest sample of each matching series at each step.
    fn instant(&mut self, selector: &VectorSelector) -> Result<Vec<Series>, QueryError> {
        let matching = self.matching(selector)?;
        let offset = offset_ms(selector)?;
        let (oldest, newest) = self.scrapes;
        let first = (self.steps.start_ms - offset - LOOKBACK_MS).div_euclid(SCRAPE_INTERVAL_MS);
        let last = (self.steps.last_ms() - offset).div_euclid(SCRAPE_INTERVAL_MS);
        let (first, last) = (first.max(oldest), last.min(newest));
        let mut vector = Vec::new();
        for source in matching {
            let moments = self.moments(self.sources[source].workload, first, last);
            let source = &self.sources[source];
            let values: Vec<Option<f64>> = (self.steps.times())
                .map(|at| {
                    let at = at - offset;
                    let scrape = at.div_euclid(SCRAPE_INTERVAL_MS).min(newest);
                    let fresh = at - scrape * SCRAPE_INTERVAL_MS < LOOKBACK_MS;
                    let index = usize::try_from(scrape - first).ok().filter(|_| fresh)?;
                    moments.get(index).map(|moment| source.value(moment))
                })
                .collect();
            if values.iter().any(Option::is_some) {
                vector.push(Series {
                    labels: source.labels.clone(),
                    values,
                });
            }
        }
        Ok(vector)
    }

    /// A function of the samples in the range before each step.
    fn ranged(
        &mut self,
        selector: &Expr,
        function: impl Fn(Range<'_>) -> Option<f64>,
    ) -> Result<Value, QueryError> {
        let selector = match selector {
            Expr::MatrixSelector(selector) => selector,
            Expr::Paren(inner) => return self.ranged(&inner.expr, function),
            Expr::Subquery(_) => return Err(QueryError::unsupported("subqueries")),
            _ => return Err(QueryError::BadData("expected type range vector".to_owned())),
        };
        let mut vector = Vec::new();
        self.over_ranges(selector, |labels, ranges| {
            let values: Vec<Option<f64>> = ranges
                .iter()
                .map(|range| range.and_then(&function))
                .collect();
            if values.iter().any(Option::is_some) {
                vector.push(
                    Series {
                        labels: labels.clone(),
                        values,
                    }
                    .unnamed(),
                );
            }
        })?;
        distinct(vector).map(Value::Vector)
    }

    /// Hands each matching series to `visit`, with its samples in the range before each step.
    fn over_ranges(
        &mut self,
        selector: &MatrixSelector,
        mut visit: impl FnMut(&Labels, &[Option<Range<'_>>]),
    ) -> Result<(), QueryError> {
        let matching = self.matching(&selector.vs)?;
        let offset = offset_ms(&selector.vs)?;
        let length = milliseconds(selector.range);
        let (oldest, newest) = self.scrapes;
        // Ranges are open at their start, as from Prometheus 3 on.
        let after = |at: i64| (at.div_euclid(SCRAPE_INTERVAL_MS) + 1).max(oldest);
        let up_to = |at: i64| at.div_euclid(SCRAPE_INTERVAL_MS).min(newest);
        let first = after(self.steps.start_ms - offset - length);
        let last = up_to(self.steps.last_ms() - offset);
        for source in matching {
            let moments = self.moments(self.sources[source].workload, first, last);
            let source = &self.sources[source];
            let values: Vec<f64> = moments.iter().map(|moment| source.value(moment)).collect();
            let ranges: Vec<Option<Range<'_>>> = (self.steps.times())
                .map(|at| {
                    let (start_ms, end_ms) = (at - offset - length, at - offset);
                    let (from, to) = (after(start_ms), up_to(end_ms));
                    let begin = usize::try_from(from - first).ok()?;
                    let end = usize::try_from(to - first + 1).ok()?;
                    Some(Range {
                        values: values.get(begin..end).filter(|values| !values.is_empty())?,
                        first_ms: from * SCRAPE_INTERVAL_MS,
                        last_ms: to * SCRAPE_INTERVAL_MS,
                        start_ms,
                        end_ms,
                    })
                })
                .collect();
            visit(&source.labels, &ranges);
        }
        Ok(())
    }

    /// A workload at the scrapes from `first` to `last`, computed once in a query.
    fn moments(&mut self, workload: usize, first: i64, last: i64) -> Rc<Vec<Moment>> {
        let world = self.world;
        let moments = self
            .moments
            .entry((workload, first, last))
            .or_insert_with(|| {
                let workload = world.workloads().get(workload);
                let moments = |one| series::moments(world, one, first..=last);
                Rc::new(workload.map_or_else(Vec::new, moments))
            });
        Rc::clone(moments)
    }

    /// Positions of the series that a selector means.
    fn matching(&self, selector: &VectorSelector) -> Result<Vec<usize>, QueryError> {
        let mut matching = Vec::new();
        for (position, source) in self.sources.iter().enumerate() {
            if fits(selector, &source.labels)? {
                matching.push(position);
            }
        }
        Ok(matching)
    }
}

/// Whether a selector means the series with these labels.
fn fits(selector: &VectorSelector, labels: &Labels) -> Result<bool, QueryError> {
    let VectorSelector {
        name,
        matchers: Matchers {
            matchers,
            or_matchers,
        },
        ..
    } = selector;
    if !or_matchers.is_empty() {
        return Err(QueryError::unsupported("`or` between label matchers"));
    }
    let value = |name: &str| labels.get(name).map_or("", String::as_str);
    Ok(name.as_ref().is_none_or(|name| name == value(NAME))
        && matchers
            .iter()
            .all(|matcher| matcher.is_match(value(&matcher.name))))
}

fn offset_ms(selector: &VectorSelector) -> Result<i64, QueryError> {
    if selector.at.is_some() {
        return Err(QueryError::unsupported("the @ modifier"));
    }
    Ok(match &selector.offset {
        None => 0,
        Some(Offset::Pos(offset)) => milliseconds(*offset),
        Some(Offset::Neg(offset)) => -milliseconds(*offset),
    })
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis())
        .unwrap_or(i64::MAX / 4)
        .min(i64::MAX / 4)
}

/// `label_replace(vector, target, replacement, source, regex)`.
fn label_replace(vector: Vec<Series>, texts: &[String]) -> Result<Vec<Series>, QueryError> {
    let [target, replacement, source, regex] = texts else {
        return Err(QueryError::BadData(
            "label_replace needs a vector and four strings".to_owned(),
        ));
    };
    let matcher = Matcher::new_matcher(T_EQL_REGEX, source.clone(), regex.clone())
        .map_err(QueryError::BadData)?;
    let MatchOp::Re(regex) = matcher.op else {
        return Err(QueryError::BadData(format!(
            "{regex:?} is no regular expression"
        )));
    };
    let replaced = vector
        .into_iter()
        .map(|mut series| {
            let value = series.labels.get(source).cloned().unwrap_or_default();
            if let Some(captures) = regex.captures(&value) {
                let mut new = String::new();
                captures.expand(replacement, &mut new);
                if new.is_empty() {
                    series.labels.remove(target);
                } else {
                    series.labels.insert(target.clone(), new);
                }
            }
            series
        })
        .collect();
    distinct(replaced)
}
