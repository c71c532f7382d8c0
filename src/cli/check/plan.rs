//! The plan for reading metrics, for `breakeven check --plan`.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::print;
use crate::sources::aws::cloudwatch::{Budget, Forecast, IntervalStep};
use breakeven_model::units::Seconds;

/// A table of the functions by how often they are read, and what that costs in a month.
pub(super) fn table(budget: &Budget) {
    print("");
    print(text(budget));
}

fn text(budget: &Budget) -> String {
    let plan = budget.plan();
    let mut text = format!(
        "spending plan  {} functions for {} of {} USD a month (730 h)\n",
        plan.functions(),
        dollars(plan.expected()),
        budget.monthly().usd(),
    );
    row(
        &mut text,
        [
            "read within",
            "functions",
            "metrics a month",
            "USD a month",
            "if grouped",
        ],
    );
    for interval_step in budget.intervals() {
        row_of(
            &mut text,
            &interval(interval_step.up_to),
            interval_step.functions,
            interval_step.expected,
        );
    }
    let insights = plan.insights();
    if !insights.expected().statistics.is_zero() {
        row_of(
            &mut text,
            "Insights",
            insights.functions(),
            insights.expected(),
        );
    }
    row_of(&mut text, "all", plan.functions(), plan.expected());
    if plan.is_over_budget() {
        let longest = interval(plan.longest());
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "The budget does not reach for reading every function as often as aws.metrics_longest_interval_seconds says: \
             the longest interval is {longest}."
        );
    }
    if insights.functions() > 0 {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "Insights: functions that have Lambda Insights, whose metrics are read within {} besides.",
            interval(insights.interval())
        );
    }
    text.push_str(
        "USD: each statistic billed as a metric; if grouped: up to five statistics of one metric billed as one.",
    );
    text
}

/// The same for programs.
pub(super) fn as_json(budget: &Budget) -> Value {
    let plan = budget.plan();
    let expected = |expected: Forecast| {
        json!({
            "metrics_per_month": expected.statistics.requests(),
            "usd_per_month": expected.cost().usd(),
            "usd_per_month_if_grouped": expected.cheaper_cost().usd(),
        })
    };
    let interval_step = |interval_step: IntervalStep| {
        let mut value = expected(interval_step.expected);
        value["up_to_seconds"] = interval_step.up_to.as_secs_f64().into();
        value["functions"] = interval_step.functions.into();
        value
    };
    let mut value = expected(plan.expected());
    value["budget_usd_per_month"] = budget.monthly().usd().into();
    value["functions"] = plan.functions().into();
    value["longest_interval_seconds"] = plan.longest().as_secs_f64().into();
    value["within_longest_interval"] = (!plan.is_over_budget()).into();
    let insights = plan.insights();
    let mut beside = expected(insights.expected());
    beside["functions"] = insights.functions().into();
    beside["interval_seconds"] = insights.interval().as_secs_f64().into();
    value["lambda_insights"] = beside;
    value["intervals"] = budget.intervals().into_iter().map(interval_step).collect();
    value
}

fn row_of(text: &mut String, interval: &str, functions: usize, expected: Forecast) {
    row(
        text,
        [
            interval,
            &functions.to_string(),
            &format!("{:.0}", expected.statistics.requests()),
            &dollars(expected),
            &format!("{:.2}", expected.cheaper_cost().usd()),
        ],
    );
}

fn row(text: &mut String, cells: [&str; 5]) {
    let [interval, functions, metrics, usd, grouped] = cells;
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{interval:>14} {functions:>10} {metrics:>16} {usd:>12} {grouped:>11}"
    );
}

fn dollars(expected: Forecast) -> String {
    format!("{:.2}", expected.cost().usd())
}

fn interval(interval: Duration) -> String {
    Seconds::from(interval).in_words()
}
