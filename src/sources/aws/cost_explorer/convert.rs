//! The question for the bill, and what the answer says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use aws_sdk_costexplorer::Client;
use aws_sdk_costexplorer::operation::get_cost_and_usage::GetCostAndUsageOutput;
use aws_sdk_costexplorer::operation::get_cost_and_usage::builders::GetCostAndUsageFluentBuilder;
use aws_sdk_costexplorer::types::{
    DateInterval, Dimension, DimensionValues, Expression, Granularity, Group, GroupDefinition,
    GroupDefinitionType, MetricValue,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::sources::DiscardCounts;
use breakeven_model::inventory::{BilledDay, Charge, UsageType};
use breakeven_model::units::{BilledUnits, QuantityError, Usd};

/// The service whose bill it is.
const SERVICE: &str = "AWS Lambda";

/// What is no price of anything that was used.
/// <https://docs.aws.amazon.com/cur/latest/userguide/Lineitem-columns.html>
const NO_USAGE: [&str; 3] = ["Credit", "Refund", "Tax"];

const UNBLENDED: &str = "UnblendedCost";
const AMORTIZED: &str = "AmortizedCost";
const USAGE: &str = "UsageQuantity";

/// How long after its end a day that AWS still calls estimated is taken as settled. Lambda's usage is on the bill within a day; the
/// flag may stay until the month is closed.
const SETTLED_AFTER_DAYS: i64 = 2;

/// The region of the endpoint that serves a region's partition.
/// <https://docs.aws.amazon.com/general/latest/gr/billing.html>
pub(super) fn api_region(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "cn-northwest-1"
    } else {
        "us-east-1"
    }
}

/// What is asked: which days, of which accounts.
#[derive(Clone, Debug)]
pub(super) struct Question {
    period: DateInterval,
    filter: Expression,
}

impl Question {
    /// The days from `start` to before `end`, of the accounts.
    pub(super) fn new(
        start: Date,
        end: Date,
        accounts: &BTreeSet<Arc<str>>,
    ) -> Result<Self, String> {
        let period = DateInterval::builder()
            .start(start.to_string())
            .end(end.to_string())
            .build()
            .map_err(|error| error.to_string())?;
        let one_of = |key: Dimension, values: Vec<String>| {
            let values = DimensionValues::builder().key(key).set_values(Some(values));
            Expression::builder().dimensions(values.build()).build()
        };
        let accounts = accounts.iter().map(ToString::to_string).collect();
        let no_usage = NO_USAGE.map(str::to_owned).to_vec();
        let no_usage = one_of(Dimension::RecordType, no_usage);
        let filter = Expression::builder()
            .and(one_of(Dimension::Service, vec![SERVICE.to_owned()]))
            .and(one_of(Dimension::LinkedAccount, accounts))
            .and(Expression::builder().not(no_usage).build())
            .build();
        Ok(Self { period, filter })
    }

    /// The call, without a token.
    pub(super) fn to_request(&self, client: &Client) -> GetCostAndUsageFluentBuilder {
        let by = |dimension: Dimension| {
            GroupDefinition::builder()
                .r#type(GroupDefinitionType::Dimension)
                .key(dimension.as_str())
                .build()
        };
        client
            .get_cost_and_usage()
            .time_period(self.period.clone())
            .granularity(Granularity::Daily)
            .filter(self.filter.clone())
            .metrics(UNBLENDED)
            .metrics(AMORTIZED)
            .metrics(USAGE)
            .group_by(by(Dimension::UsageType))
            .group_by(by(Dimension::LinkedAccount))
    }
}

/// What was answered so far.
#[derive(Debug, Default)]
pub(super) struct Answer(BTreeMap<Date, ParsedDay>);

/// What was said of a day.
#[derive(Debug, Default)]
struct ParsedDay {
    is_estimated: bool,
    charges: Vec<Charge>,
}

/// What a page has that is not used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct UnexpectedResult {
    not_in_usd: u64,
    not_understood: u64,
}

impl UnexpectedResult {
    pub(super) fn report(self, discard_counts: &DiscardCounts) {
        discard_counts.add("not_in_usd", self.not_in_usd);
        discard_counts.add("amount_not_understood", self.not_understood);
    }
}

/// Why a charge cannot be used.
#[derive(Debug)]
enum ChargeError {
    NotInUsd,
    NotUnderstood,
}

impl From<QuantityError> for ChargeError {
    fn from(_: QuantityError) -> Self {
        Self::NotUnderstood
    }
}

impl Answer {
    /// Adds a page. A day may be spread over several.
    pub(super) fn add(&mut self, page: GetCostAndUsageOutput) -> UnexpectedResult {
        let mut unexpected = UnexpectedResult::default();
        for result in page.results_by_time.unwrap_or_default() {
            let start = result
                .time_period
                .as_ref()
                .and_then(|period| period.start.parse().ok());
            let Some(day) = start else {
                unexpected.not_understood += 1;
                continue;
            };
            let parsed = self.0.entry(day).or_default();
            parsed.is_estimated |= result.estimated;
            for group in result.groups.unwrap_or_default() {
                match charge(&group) {
                    Ok(charge) => parsed.charges.push(charge),
                    Err(ChargeError::NotInUsd) => unexpected.not_in_usd += 1,
                    Err(ChargeError::NotUnderstood) => unexpected.not_understood += 1,
                }
            }
        }
        unexpected
    }

    /// The days that are settled. Of an answer whose pages have not come all, the last day may not be whole.
    pub(super) fn settled(&self, is_whole: bool, now: Timestamp) -> Vec<BilledDay> {
        let whole = self.0.len() - usize::from(!is_whole && !self.0.is_empty());
        self.0
            .iter()
            .take(whole)
            .filter(|(day, parsed)| is_settled(**day, parsed.is_estimated, now))
            .map(|(day, parsed)| BilledDay {
                day: *day,
                charges: parsed.charges.clone(),
            })
            .collect()
    }
}

fn is_settled(day: Date, is_estimated: bool, now: Timestamp) -> bool {
    let today = now.to_zoned(TimeZone::UTC).date();
    let after = if is_estimated { SETTLED_AFTER_DAYS } else { 0 };
    day.saturating_add((after + 1).days()) <= today
}

fn charge(group: &Group) -> Result<Charge, ChargeError> {
    let [usage_type, account_id] = group.keys() else {
        return Err(ChargeError::NotUnderstood);
    };
    let metrics = group.metrics().ok_or(ChargeError::NotUnderstood)?;
    let unblended = usd(metrics, UNBLENDED)?.ok_or(ChargeError::NotUnderstood)?;
    let usage = amount(metrics.get(USAGE).ok_or(ChargeError::NotUnderstood)?)?;
    Ok(Charge {
        account_id: account_id.as_str().into(),
        usage_type: UsageType::parse(usage_type),
        usage: BilledUnits::from_units(usage)?,
        unblended,
        amortized: usd(metrics, AMORTIZED)?.unwrap_or(unblended),
    })
}

/// An amount of money, where there is one.
fn usd(metrics: &HashMap<String, MetricValue>, name: &str) -> Result<Option<Usd>, ChargeError> {
    let Some(value) = metrics.get(name) else {
        return Ok(None);
    };
    if value.unit().is_some_and(|unit| unit != "USD") {
        return Err(ChargeError::NotInUsd);
    }
    Ok(Some(Usd::from_usd(amount(value)?)?))
}

fn amount(value: &MetricValue) -> Result<f64, ChargeError> {
    let text = value.amount().ok_or(ChargeError::NotUnderstood)?;
    text.parse().map_err(|_| ChargeError::NotUnderstood)
}

#[cfg(test)]
mod tests {
    use aws_sdk_costexplorer::types::ResultByTime;

    use super::*;
    use breakeven_model::inventory::{Architecture, UsageKind};

    type Amounts<'a> = &'a [(&'a str, &'a str, &'a str)];

    fn group(keys: &[&str], amounts: Amounts<'_>) -> Group {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let amounts = amounts.iter().map(|(name, amount, unit)| {
            let value = MetricValue::builder().amount(*amount).unit(*unit);
            ((*name).to_owned(), value.build())
        });
        Group::builder()
            .set_keys(Some(keys))
            .set_metrics(Some(amounts.collect()))
            .build()
    }

    fn requests(usd: &str) -> Group {
        let amounts: Amounts<'_> = &[
            (UNBLENDED, usd, "USD"),
            (AMORTIZED, "0.5", "USD"),
            (USAGE, "1000", "N/A"),
        ];
        group(&["EUW1-Request-ARM", "123456789012"], amounts)
    }

    fn result(day: &str, is_estimated: bool, groups: Vec<Group>) -> ResultByTime {
        let day: Date = day.parse().unwrap();
        let period = DateInterval::builder()
            .start(day.to_string())
            .end(day.saturating_add(1.day()).to_string());
        ResultByTime::builder()
            .time_period(period.build().unwrap())
            .estimated(is_estimated)
            .set_groups(Some(groups))
            .build()
    }

    fn page(results: Vec<ResultByTime>) -> GetCostAndUsageOutput {
        GetCostAndUsageOutput::builder()
            .set_results_by_time(Some(results))
            .build()
    }

    fn days(settled: &[BilledDay]) -> Vec<String> {
        settled.iter().map(|one| one.day.to_string()).collect()
    }

    fn now() -> Timestamp {
        "2026-03-10T08:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_charge_is_read_with_its_account_usage_type_and_amounts() {
        let mut answer = Answer::default();
        let unexpected = answer.add(page(vec![result(
            "2026-03-09",
            false,
            vec![requests("0.25")],
        )]));
        assert_eq!(unexpected, UnexpectedResult::default());
        let [day] = &answer.settled(true, now())[..] else {
            panic!("{answer:?}")
        };
        let [charge] = &day.charges[..] else {
            panic!("{day:?}")
        };
        assert_eq!(&*charge.account_id, "123456789012");
        let of = Some((UsageKind::Requests, Architecture::Arm64));
        assert_eq!(charge.usage_type.of, of);
        let amounts = [
            charge.unblended.usd(),
            charge.amortized.usd(),
            charge.usage.units(),
        ];
        assert_eq!(amounts, [0.25, 0.5, 1_000.0]);
    }

    #[test]
    fn a_day_is_settled_when_it_is_over_and_not_estimated_or_two_days_later() {
        for (day, is_estimated, expected) in [
            ("2026-03-10", false, false),
            ("2026-03-09", false, true),
            ("2026-03-09", true, false),
            ("2026-03-08", true, false),
            ("2026-03-07", true, true),
        ] {
            let mut answer = Answer::default();
            answer.add(page(vec![result(day, is_estimated, Vec::new())]));
            let settled = answer.settled(true, now());
            assert_eq!(!settled.is_empty(), expected, "{day} {is_estimated}");
        }
    }

    #[test]
    fn a_day_may_be_spread_over_pages_and_the_last_one_waits_for_all_of_it() {
        let mut answer = Answer::default();
        let first = vec![
            result("2026-03-07", false, Vec::new()),
            result("2026-03-08", false, vec![requests("1")]),
        ];
        answer.add(page(first));
        assert_eq!(days(&answer.settled(false, now())), ["2026-03-07"]);
        let second = vec![
            result("2026-03-08", false, vec![requests("2")]),
            result("2026-03-09", false, Vec::new()),
        ];
        answer.add(page(second));
        let settled = answer.settled(true, now());
        assert_eq!(days(&settled), ["2026-03-07", "2026-03-08", "2026-03-09"]);
        assert_eq!(settled[1].charges.len(), 2);
        assert!(Answer::default().settled(false, now()).is_empty());
    }

    #[test]
    fn what_cannot_be_used_is_counted_by_why_and_the_rest_stays() {
        let mut answer = Answer::default();
        let keys = ["Request", "123456789012"];
        let groups = vec![
            requests("0.25"),
            requests("-0.25"),
            requests("much"),
            group(&keys, &[(UNBLENDED, "1", "CNY"), (USAGE, "1", "N/A")]),
            group(&keys, &[(UNBLENDED, "1", "USD")]),
            group(&keys[..1], &[(UNBLENDED, "1", "USD"), (USAGE, "1", "N/A")]),
            // Without an amortized amount it is the other one.
            group(&keys, &[(UNBLENDED, "3", "USD"), (USAGE, "1", "N/A")]),
        ];
        let unexpected = answer.add(page(vec![result("2026-03-09", false, groups)]));
        let expected = UnexpectedResult {
            not_in_usd: 1,
            not_understood: 4,
        };
        assert_eq!(unexpected, expected);
        let settled = answer.settled(true, now());
        let amortized = settled[0].charges.iter().map(|one| one.amortized.usd());
        assert_eq!(amortized.collect::<Vec<_>>(), [0.5, 3.0]);
    }
}
