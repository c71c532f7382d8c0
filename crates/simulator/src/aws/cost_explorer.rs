//! Cost Explorer: the bill of the world's functions, day by day.

use std::collections::BTreeMap;
use std::ops::Range;

use http::StatusCode;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::error::AwsError;
use super::identity::Caller;
use super::pagination::{Position, page};
use super::value::{Document, optional, required, structure, text};
use crate::world::{Charge, World};

/// The one region of the endpoint.
const REGION: &str = "us-east-1";
/// The one service that is billed here.
const SERVICE: &str = "AWS Lambda";
/// How often the bill is brought up to date: three times a day.
const REFRESH_SECONDS: i64 = 8 * 3_600;
/// How far back it goes.
const OLDEST_MONTHS: i32 = 13;
/// Groups of one answer.
const PAGE: usize = 200;
const DIMENSIONS: [&str; 5] = [
    "USAGE_TYPE",
    "LINKED_ACCOUNT",
    "REGION",
    "SERVICE",
    "RECORD_TYPE",
];
/// What all charges are: there are no credits, refunds or taxes.
const RECORD_TYPE: &str = "Usage";
const METRICS: [&str; 6] = [
    "AmortizedCost",
    "BlendedCost",
    "NetAmortizedCost",
    "NetUnblendedCost",
    "UnblendedCost",
    "UsageQuantity",
];

/// What is asked for.
struct Request<'d> {
    start: Date,
    end: Date,
    metrics: Vec<&'d str>,
    groups: Vec<&'d str>,
    filter: Option<&'d Document>,
}

/// Sums of charges.
#[derive(Clone, Copy, Default)]
struct Sum {
    quantity: f64,
    unblended: f64,
    amortized: f64,
}

/// The sums of one day, by the values that they are grouped by.
struct Day {
    date: Date,
    estimated: bool,
    groups: Vec<(Vec<String>, Sum)>,
}

/// Answers one call at `now`. The world's own account sees the bills of all accounts.
pub(super) fn respond(
    caller: &Caller,
    world: &World,
    operation: &str,
    input: &Document,
    now: Timestamp,
) -> Result<Document, AwsError> {
    if operation != "GetCostAndUsage" {
        return Err(AwsError::unknown_operation(operation));
    }
    if caller.region != REGION {
        let region = &caller.region;
        return Err(AwsError::incomplete_signature(format!(
            "Credential should be scoped to a valid region, not '{region}'."
        )));
    }
    let request = Request::parse(input, now)?;
    let described = format!(
        "{} {} {:?} {:?} {:?} {}",
        request.start, request.end, request.metrics, request.groups, request.filter, caller.account
    );
    let from = match optional(input, "NextPageToken", "", Document::as_text)? {
        None => Position {
            asked_at: now.as_second(),
            ..Position::default()
        },
        Some(token) => Position::from_token(token, &described).map_err(|_| {
            let message = "The pagination token is invalid.";
            AwsError::new(
                StatusCode::BAD_REQUEST,
                "InvalidNextTokenException",
                message,
            )
        })?,
    };
    let days = request.days(caller, world, from.asked_at)?;
    let grouped = !request.groups.is_empty();
    let size = |day: usize| if grouped { days[day].groups.len() } else { 1 };
    let (slices, next) = page(days.len(), size, from, PAGE);
    let results = slices.into_iter().map(|slice| {
        let day = &days[slice.result];
        result_of_day(&request, day, grouped.then_some(slice.points))
    });
    let mut answer = vec![
        (
            "ResultsByTime".to_owned(),
            Document::List(results.collect()),
        ),
        (
            "DimensionValueAttributes".to_owned(),
            Document::List(Vec::new()),
        ),
    ];
    if grouped {
        let definitions = request
            .groups
            .iter()
            .map(|key| structure([("Type", text("DIMENSION")), ("Key", text(*key))]));
        let definitions = Document::List(definitions.collect());
        answer.push(("GroupDefinitions".to_owned(), definitions));
    }
    if let Some(next) = next {
        answer.push(("NextPageToken".to_owned(), text(next.to_token(&described))));
    }
    Ok(Document::Map(answer))
}

/// A day of an answer, with the groups of this range; without groups its total.
fn result_of_day(request: &Request, day: &Day, groups: Option<Range<usize>>) -> Document {
    let total = if groups.is_some() {
        Document::Map(Vec::new())
    } else {
        let whole = day.groups.first().map(|(_, sum)| *sum);
        request.amounts(whole.unwrap_or_default())
    };
    let groups = day.groups[groups.unwrap_or_default()].iter();
    let groups = groups.map(|(keys, sum)| {
        let keys = keys.iter().map(|key| text(key.as_str())).collect();
        structure([
            ("Keys", Document::List(keys)),
            ("Metrics", request.amounts(*sum)),
        ])
    });
    structure([
        (
            "TimePeriod",
            structure([
                ("Start", text(day.date.to_string())),
                ("End", text(day.date.saturating_add(1.day()).to_string())),
            ]),
        ),
        ("Total", total),
        ("Groups", Document::List(groups.collect())),
        ("Estimated", Document::Bool(day.estimated)),
    ])
}

impl<'d> Request<'d> {
    fn parse(input: &'d Document, now: Timestamp) -> Result<Self, AwsError> {
        let invalid = |message: String| {
            AwsError::new(StatusCode::BAD_REQUEST, "ValidationException", message)
        };
        let period = required(input, "TimePeriod", "", Some)?;
        let date = |name: &str| -> Result<Date, AwsError> {
            let written = required(period, name, "TimePeriod.", Document::as_text)?;
            written.parse().map_err(|_| {
                invalid(format!(
                    "{name} time {written} is invalid. Valid format is: yyyy-MM-dd."
                ))
            })
        };
        let (start, end) = (date("Start")?, date("End")?);
        if start >= end {
            let message = "Start date (and hour) should be before end date (and hour)";
            return Err(invalid(message.to_owned()));
        }
        let today = now.to_zoned(TimeZone::UTC).date();
        if start < today.saturating_sub(OLDEST_MONTHS.months()) {
            let message = "You haven't enabled historical data beyond 14 months";
            return Err(invalid(message.to_owned()));
        }
        let granularity = required(input, "Granularity", "", Document::as_text)?;
        if granularity != "DAILY" {
            return Err(invalid(format!(
                "Granularity {granularity}: the simulated cloud has DAILY alone"
            )));
        }
        let metrics = required(input, "Metrics", "", Document::as_list)?;
        let metrics: Vec<&str> = metrics.iter().filter_map(Document::as_text).collect();
        if let Some(unknown) = metrics.iter().find(|name| !METRICS.contains(name)) {
            return Err(invalid(format!(
                "Metric {unknown} is not one of {METRICS:?}"
            )));
        }
        let groups = optional(input, "GroupBy", "", Document::as_list)?.unwrap_or_default();
        if groups.len() > 2 {
            let message = "GroupBy list size must not be more than 2";
            return Err(invalid(message.to_owned()));
        }
        let group = |group: &'d Document| {
            let kind = required(group, "Type", "GroupBy.", Document::as_text)?;
            let key = required(group, "Key", "GroupBy.", Document::as_text)?;
            if kind != "DIMENSION" || !DIMENSIONS.contains(&key) {
                return Err(invalid(format!("Group Definition {kind} {key} is invalid")));
            }
            Ok(key)
        };
        Ok(Self {
            start,
            end,
            metrics,
            groups: groups.iter().map(group).collect::<Result<_, _>>()?,
            filter: optional(input, "Filter", "", Some)?,
        })
    }

    /// The days of the period, as the bill had them when it was asked for in seconds since 1970.
    fn days(&self, caller: &Caller, world: &World, asked_at: i64) -> Result<Vec<Day>, AwsError> {
        let known = asked_at.div_euclid(REFRESH_SECONDS) * REFRESH_SECONDS / 60;
        let mut days = Vec::new();
        let mut date = self.start;
        while date < self.end {
            let next = date.saturating_add(1.day());
            let (first, end) = (minute(date), minute(next));
            let mut sums: BTreeMap<Vec<String>, Sum> = BTreeMap::new();
            for charge in world.charges(first, end.min(known)) {
                let payer = caller.account == world.spec.account_id;
                let seen = payer || charge.account == caller.account;
                let wanted = match self.filter {
                    Some(filter) => admits(filter, &charge)?,
                    None => true,
                };
                if seen && wanted {
                    let keys = self.groups.iter().map(|key| value(&charge, key).to_owned());
                    let sum = sums.entry(keys.collect()).or_default();
                    sum.quantity += charge.quantity;
                    sum.unblended += charge.unblended_usd;
                    sum.amortized += charge.amortized_usd;
                }
            }
            days.push(Day {
                date,
                estimated: end * 60 > asked_at,
                groups: sums.into_iter().collect(),
            });
            date = next;
        }
        Ok(days)
    }

    fn amounts(&self, sum: Sum) -> Document {
        let amount = |name: &&str| {
            let (amount, unit) = match *name {
                "UsageQuantity" => (sum.quantity, "N/A"),
                "AmortizedCost" | "NetAmortizedCost" => (sum.amortized, "USD"),
                _ => (sum.unblended, "USD"),
            };
            let amount = text(format!("{amount:.10}"));
            let value = structure([("Amount", amount), ("Unit", text(unit))]);
            ((*name).to_owned(), value)
        };
        Document::Map(self.metrics.iter().map(amount).collect())
    }
}

/// Whether a charge is what a filter wants: And, Or, Not and Dimensions with Key and Values.
fn admits(filter: &Document, charge: &Charge<'_>) -> Result<bool, AwsError> {
    let all = |name: &str| -> Result<Option<Vec<bool>>, AwsError> {
        let Some(parts) = optional(filter, name, "Filter.", Document::as_list)? else {
            return Ok(None);
        };
        parts
            .iter()
            .map(|part| admits(part, charge))
            .collect::<Result<_, _>>()
            .map(Some)
    };
    if let Some(parts) = all("And")? {
        return Ok(parts.into_iter().all(|fits| fits));
    }
    if let Some(parts) = all("Or")? {
        return Ok(parts.into_iter().any(|fits| fits));
    }
    if let Some(part) = filter.member("Not") {
        return admits(part, charge).map(|fits| !fits);
    }
    let dimensions = required(filter, "Dimensions", "Filter.", Some)?;
    let key = required(dimensions, "Key", "Filter.Dimensions.", Document::as_text)?;
    let values = required(
        dimensions,
        "Values",
        "Filter.Dimensions.",
        Document::as_list,
    )?;
    if !DIMENSIONS.contains(&key) {
        let message = format!("Dimension {key} is invalid");
        return Err(AwsError::new(
            StatusCode::BAD_REQUEST,
            "ValidationException",
            message,
        ));
    }
    Ok(values
        .iter()
        .any(|wanted| wanted.as_text() == Some(value(charge, key))))
}

/// What a charge has in a dimension.
fn value<'c>(charge: &'c Charge<'_>, dimension: &str) -> &'c str {
    match dimension {
        "USAGE_TYPE" => &charge.usage_type,
        "LINKED_ACCOUNT" => charge.account,
        "REGION" => charge.region,
        "RECORD_TYPE" => RECORD_TYPE,
        _ => SERVICE,
    }
}

/// The first minute of a day, since 1970.
fn minute(date: Date) -> i64 {
    let midnight = date.to_zoned(TimeZone::UTC);
    midnight.map_or(0, |midnight| midnight.timestamp().as_second() / 60)
}
