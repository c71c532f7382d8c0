//! Billed against modelled, usage type by usage type.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::plan::{Compute, SavingsPlan};
use super::usage::{AccountRegion, DAY, DayUsage, LambdaUsage, UsageKey};
use crate::inventory::{Architecture, Bill, Charge, UsageKind, UsageType};
use crate::lambda::{AncillaryCharges, PricingTerms};
use crate::parameters::ModelParameters;
use crate::pricing::list_prices::lambda::Prices;
use crate::units::{BilledUnits, GibSeconds, Ratio, Requests, Seconds, Usd};

/// How many of the last days are compared.
const COMPARED_DAYS: usize = 7;

/// The bill as far as it is settled, and how it compares with the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BillReport {
    /// The end of the last settled day; absent while none is.
    pub settled_until: Option<Timestamp>,
    /// Each account and region that is billed.
    pub places: Vec<BilledScope>,
}

/// The bill of an account in a region.
#[derive(Clone, Debug, PartialEq)]
pub struct BilledScope {
    /// The account.
    pub account_id: Arc<str>,
    /// The region; absent for usage types of regions that are not known.
    pub region: Option<Arc<str>>,
    /// The days that are compared, together: settled, and seen whole.
    pub compared: Seconds,
    /// The part of the last settled day that was seen.
    pub observed: Option<Ratio>,
    /// What the bill says of a Savings Plan.
    pub savings_plan: Option<SavingsPlan>,
    /// The usage types, in the order of their names.
    pub lines: Vec<BilledLine>,
}

/// The bill of one usage type.
#[derive(Clone, Debug, PartialEq)]
pub struct BilledLine {
    /// Which one.
    pub usage_type: UsageType,
    /// What stands on the invoices of all settled days since the bill was first read.
    pub unblended_total: Usd,
    /// The same with the price of Savings Plans spread over what they cover.
    pub amortized_total: Usd,
    /// Billed / modelled dollars over the days that are compared.
    pub to_model: Option<Ratio>,
    /// Billed / modelled usage over the same days.
    pub usage_to_model: Option<Ratio>,
    /// What is paid for a unit, of its list price, over the last settled days.
    pub price_to_list: Option<Ratio>,
}

/// Sums of charges.
#[derive(Clone, Copy, Debug, Default)]
struct Charged {
    usage: BilledUnits,
    unblended: Usd,
    amortized: Usd,
}

impl Charged {
    fn add(&mut self, other: Self) {
        self.usage += other.usage;
        self.unblended += other.unblended;
        self.amortized += other.amortized;
    }
}

impl From<&Charge> for Charged {
    fn from(charge: &Charge) -> Self {
        Self {
            usage: charge.usage,
            unblended: charge.unblended,
            amortized: charge.amortized,
        }
    }
}

/// What was charged for a usage type: in all, and on each of the last days.
#[derive(Debug, Default)]
struct Account {
    total: Charged,
    days: BTreeMap<Date, Charged>,
}

impl Account {
    fn on(&self, days: &BTreeSet<Date>) -> Charged {
        let mut sum = Charged::default();
        let charged = self.days.iter().filter(|(day, _)| days.contains(day));
        charged.for_each(|(_, charged)| sum.add(*charged));
        sum
    }
}

/// Where something is charged; the region is absent where it is not known.
type Where<'a> = (&'a Arc<str>, Option<&'a Arc<str>>);

/// What is charged in one place, by usage type.
type Accounts<'a> = BTreeMap<&'a UsageType, Account>;

/// The charges of a bill, by place and usage type.
fn by_place(bill: &Bill) -> BTreeMap<Where<'_>, Accounts<'_>> {
    let mut places: BTreeMap<Where<'_>, Accounts<'_>> = BTreeMap::new();
    let before = bill.before.iter().map(|charge| (None, charge));
    let days = bill
        .days
        .iter()
        .flat_map(|one| one.charges.iter().map(|charge| (Some(one.day), charge)));
    for (day, charge) in before.chain(days) {
        let place = (&charge.account_id, charge.usage_type.region.as_ref());
        let accounts = places.entry(place).or_default();
        let account = accounts.entry(&charge.usage_type).or_default();
        account.total.add(charge.into());
        if let Some(day) = day {
            account.days.entry(day).or_default().add(charge.into());
        }
    }
    places
}

/// Compares the bill with what the model has of the same days.
///
/// Formula, over the last days that are settled and were seen whole: to model = Σ amortized / Σ modelled cost; usage to model = Σ
/// billed usage / Σ modelled usage. Over the last settled days, seen or not: price to list = Σ amortized / (Σ billed usage · list
/// price of the first tier). So the first is the second times the third, but for tiers and a discount that is configured.
#[must_use]
pub fn reconcile<'a>(
    bill: &Bill,
    modelled: impl Iterator<Item = (&'a UsageKey, &'a DayUsage)>,
    settings: &ModelParameters,
) -> BillReport {
    let modelled: BTreeMap<&UsageKey, &DayUsage> = modelled.collect();
    let places = by_place(bill).into_iter();
    BillReport {
        settled_until: bill.days.last().and_then(|last| end_of(last.day)),
        places: places
            .map(|(place, accounts)| compare(place, &accounts, bill, &modelled, settings))
            .collect(),
    }
}

fn end_of(day: Date) -> Option<Timestamp> {
    let next = day.checked_add(1.day()).ok()?;
    Some(next.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The days that are compared, and what the model has of them.
#[derive(Debug, Default)]
struct ModeledDays {
    days: BTreeSet<Date>,
    usage: BTreeMap<Architecture, LambdaUsage>,
    /// The part of the last settled day that was seen.
    last: Option<Ratio>,
}

impl ModeledDays {
    fn from_bill(
        place: &AccountRegion,
        bill: &Bill,
        modelled: &BTreeMap<&UsageKey, &DayUsage>,
    ) -> Self {
        let on = |day: Date, architecture: Architecture| {
            let place = place.clone();
            let key = UsageKey {
                day,
                place,
                architecture,
            };
            modelled.get(&key).copied()
        };
        let both = |day: Date| {
            let mut sum = DayUsage::default();
            let each = Architecture::ALL.into_iter();
            each.filter_map(|one| on(day, one))
                .for_each(|usage| sum.add(usage));
            sum
        };
        let settled = bill.days.iter().rev().map(|one| one.day);
        let days: BTreeSet<Date> = settled
            .filter(|day| both(*day).is_whole())
            .take(COMPARED_DAYS)
            .collect();
        let mut usage: BTreeMap<Architecture, LambdaUsage> = BTreeMap::new();
        for architecture in Architecture::ALL {
            for day in days.iter().filter_map(|day| on(*day, architecture)) {
                *usage.entry(architecture).or_default() += day.usage;
            }
        }
        Self {
            last: bill.days.last().and_then(|last| both(last.day).observed()),
            days,
            usage,
        }
    }
}

fn compare(
    (account_id, region): Where<'_>,
    accounts: &Accounts<'_>,
    bill: &Bill,
    modelled: &BTreeMap<&UsageKey, &DayUsage>,
    settings: &ModelParameters,
) -> BilledScope {
    let place = region.map(|region| AccountRegion {
        account_id: Arc::clone(account_id),
        region: Arc::clone(region),
    });
    let seen = place.map_or_else(ModeledDays::default, |place| {
        ModeledDays::from_bill(&place, bill, modelled)
    });
    let last = bill.days.iter().rev().map(|one| one.day);
    let last: BTreeSet<Date> = last.take(COMPARED_DAYS).collect();
    let (mut compute, mut requests) = (Compute::default(), Compute::default());
    let mut lines = Vec::with_capacity(accounts.len());
    for (usage_type, account) in accounts {
        let mut line = BilledLine {
            usage_type: (*usage_type).clone(),
            unblended_total: account.total.unblended,
            amortized_total: account.total.amortized,
            to_model: None,
            usage_to_model: None,
            price_to_list: None,
        };
        if let (Some(region), Some((kind, architecture))) = (region, usage_type.of)
            && let Some(terms) = terms(settings, region, architecture)
        {
            let compared = account.on(&seen.days);
            let usage = seen.usage.get(&architecture).copied().unwrap_or_default();
            line.to_model = compared.amortized.over(usage.cost(kind, &terms));
            line.usage_to_model = compared.usage.over(usage.units(kind));
            let recent = account.on(&last);
            let list = list_cost(kind, recent.usage, &terms);
            line.price_to_list = recent.amortized.over(list);
            let sum = match kind {
                UsageKind::Requests => Some(&mut requests),
                _ => kind.is_compute().then_some(&mut compute),
            };
            if let Some(sum) = sum {
                sum.unblended += recent.unblended;
                sum.amortized += recent.amortized;
                sum.list += list;
            }
        }
        lines.push(line);
    }
    BilledScope {
        account_id: Arc::clone(account_id),
        region: region.cloned(),
        compared: DAY * Ratio::count(seen.days.len()),
        observed: seen.last,
        savings_plan: SavingsPlan::detect(compute, requests.amortized.over(requests.list)),
        lines,
    }
}

/// What the model prices functions by, without what is around them and without what it learned from the bill.
fn terms(
    settings: &ModelParameters,
    region: &str,
    architecture: Architecture,
) -> Option<PricingTerms> {
    let (around, month) = (AncillaryCharges::default(), settings.hours_per_month);
    settings.lambda.terms(region, architecture, around, month)
}

/// What so much costs at the price of the first tier.
fn list_cost(kind: UsageKind, usage: BilledUnits, terms: &PricingTerms) -> Usd {
    let Prices {
        request,
        duration,
        provisioned,
        provisioned_duration,
        ephemeral_storage,
        ..
    } = &terms.prices;
    let gib_seconds = || GibSeconds::from_gib_seconds(usage.units()).unwrap_or_default();
    match kind {
        UsageKind::Requests => {
            Requests::from_requests(usage.units()).unwrap_or_default() * *request
        }
        UsageKind::Duration => gib_seconds() * duration.first(),
        UsageKind::ProvisionedConcurrency => gib_seconds() * *provisioned,
        UsageKind::ProvisionedDuration => gib_seconds() * *provisioned_duration,
        UsageKind::EphemeralStorage => gib_seconds() * *ephemeral_storage,
    }
}
