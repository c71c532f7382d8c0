//! The file of a scenario: YAML or JSON, read like the configuration.
//!
//! What enters: the text of a file. What leaves: a [`Scenario`] for the model, or all errors.
//!
//! [`mod@file`] is the file as it stands, every key with its default and its sentence; what it means is checked and
//! becomes the model's [`Scenario`]. All that is wrong is told at once, each with its place.

pub mod file;
mod kubernetes;
mod lambda;
mod prices;

use std::ops::RangeInclusive;

use crate::schema::{self, ConfigError, ConfigErrors, ConfigPath, Validator};
use breakeven_model::estimate::{Scenario, estimate};
use breakeven_model::units::{Hours, QuantityError, Ratio, UsdPerHour};
use file::RawScenario;

/// The length that a month may have, in hours.
const MONTH: RangeInclusive<f64> = 1.0..=744.0;

/// Any amount that has no limit of its own: far above what anybody has, and far below what arithmetic can bear.
const AMOUNT: RangeInclusive<f64> = 0.0..=1e15;

/// Reads and checks the text of a scenario.
///
/// ```
/// let errors = breakeven::estimate::parse("lambda: {memory_mib: 127, requests: 5}").unwrap_err();
/// assert_eq!(
///     errors.to_string(),
///     "lambda.requests: is not a setting; did you mean `requests_per_month`?
/// lambda.memory_mib: 127 is not between 128 and 10240
/// lambda.requests_per_month: is missing: give the requests of a month
/// lambda.duration_ms: is missing: give the mean billed duration of a request"
/// );
/// ```
///
/// # Errors
/// Everything that is wrong with it: that it is no YAML, has unknown keys, or values that cannot be meant.
pub fn parse(text: &str) -> Result<Scenario, ConfigErrors> {
    let mut config_errors = Vec::new();
    let raw: RawScenario = schema::read(text, &mut config_errors)
        .map_err(|config_error| ConfigErrors(vec![config_error]))?;
    match resolve(&raw) {
        Ok(scenario) if config_errors.is_empty() => Ok(scenario),
        Ok(_) => Err(ConfigErrors(config_errors)),
        Err(more) => Err(ConfigErrors(schema::together(config_errors, more))),
    }
}

fn resolve(raw: &RawScenario) -> Result<Scenario, Vec<ConfigError>> {
    let mut check = Validator::default();
    let top = ConfigPath::top();
    if raw.lambda.is_none() && raw.kubernetes.is_none() {
        check.refuse(
            &top,
            "has neither `lambda` nor `kubernetes`: give at least one of them",
        );
    }
    let at_hours = top.key("hours_per_month");
    let hours = check.within(raw.hours_per_month, &MONTH, &at_hours);
    let hours = check.quantity(Hours::from_hours(hours), &at_hours);
    let scenario = Scenario {
        hours,
        lambda: raw
            .lambda
            .as_ref()
            .map(|lambda| lambda::lambda(&mut check, lambda, hours, &top.key("lambda"))),
        kubernetes: raw.kubernetes.as_ref().map(|cluster| {
            kubernetes::cluster(
                &mut check,
                cluster,
                raw.lambda.as_ref(),
                &top.key("kubernetes"),
            )
        }),
    };
    if check.errors.is_empty() {
        check_cluster_usage(&mut check, &scenario, &top.key("kubernetes"));
    }
    if check.errors.is_empty() {
        Ok(scenario)
    } else {
        Err(check.errors)
    }
}

/// A quantity within limits.
fn amount<T: Default>(
    check: &mut Validator,
    value: f64,
    limits: &RangeInclusive<f64>,
    make: fn(f64) -> Result<T, QuantityError>,
    place: &ConfigPath,
) -> T {
    let value = check.within(value, limits, place);
    check.quantity(make(value), place)
}

/// The list price of an instance type.
fn list_price(check: &mut Validator, instance_type: &str, place: &ConfigPath) -> UsdPerHour {
    breakeven_model::pricing::list_prices::ec2::on_demand(instance_type).unwrap_or_else(|| {
        let what = format!("the price of {instance_type:?} is not known; give usd_per_hour");
        check.refuse(place, what);
        UsdPerHour::ZERO
    })
}

/// What is used cannot be more than what is paid for.
fn check_cluster_usage(check: &mut Validator, scenario: &Scenario, place: &ConfigPath) {
    let utilization = estimate(scenario).utilization.unwrap_or(Ratio::ZERO);
    if utilization > Ratio::ONE {
        let place = place.key("cost_used_usd_per_month");
        let what = format!(
            "is {:.2} times what the cluster costs: only what is paid for can be used",
            utilization.get()
        );
        check.refuse(&place, what);
    }
}
#[cfg(test)]
mod tests;
