//! What functions used, item by item as the bill has it.

use std::sync::Arc;

use derive_more::AddAssign;
use jiff::civil::Date;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::inventory::{Architecture, UsageKind};
use crate::lambda::{PricingTerms, Run};
use crate::pricing::list_prices::lambda::MEAN_ROUNDING;
use crate::units::{BilledUnits, GibSeconds, Ratio, Requests, Seconds, Usd};

/// The length of a day of the bill, which is one of UTC.
pub(super) const DAY: Seconds = match Seconds::from_seconds(86_400.0) {
    Ok(day) => day,
    Err(_) => Seconds::ZERO,
};

/// The part of a day that must have been seen for it to be compared. A function that was made or deleted on the day is seen
/// for a part of it, and is not to stop the comparison of all others.
const WHOLE: Ratio = match Ratio::from_factor(0.99) {
    Ok(ratio) => ratio,
    Err(_) => Ratio::ONE,
};

/// An account in a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountRegion {
    /// The account.
    pub account_id: Arc<str>,
    /// The region.
    pub region: Arc<str>,
}

/// What usage is added up by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UsageKey {
    /// The day, in UTC.
    pub day: Date,
    /// Where.
    pub place: AccountRegion,
    /// On which processor.
    pub architecture: Architecture,
}

/// What functions used, as the model has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, AddAssign, Serialize, Deserialize)]
#[serde(default)]
pub struct LambdaUsage {
    /// Billed invocations.
    pub requests: Requests,
    /// Memory over billed time outside provisioned concurrency, INIT with it.
    pub duration: GibSeconds,
    /// Memory over the time that provisioned concurrency was kept.
    pub provisioned: GibSeconds,
    /// Memory over billed time inside it.
    pub provisioned_duration: GibSeconds,
    /// `/tmp` above what is free, over billed time.
    pub ephemeral_storage: GibSeconds,
}

impl Serialize for AccountRegion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("AccountRegion", 2)?;
        fields.serialize_field("account_id", &*self.account_id)?;
        fields.serialize_field("region", &*self.region)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for AccountRegion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            account_id: String,
            region: String,
        }
        let fields = Fields::deserialize(deserializer)?;
        Ok(Self {
            account_id: fields.account_id.into(),
            region: fields.region.into(),
        })
    }
}

impl LambdaUsage {
    /// What invocations that were measured used: rounded up to milliseconds as in the mean, and with INIT.
    #[must_use]
    pub fn from_run(run: &Run) -> Self {
        let inside = run.inside(MEAN_ROUNDING);
        Self {
            requests: run.invocations,
            duration: run.gib_seconds().less(inside),
            provisioned: run.kept(),
            provisioned_duration: inside,
            ephemeral_storage: run.extra_storage() * run.billed(MEAN_ROUNDING),
        }
    }

    /// Puts what is known now in place of what was known before, which is a part of it.
    pub fn revise(&mut self, before: &Self, after: &Self) {
        self.requests = (self.requests + after.requests).less(before.requests);
        for (sum, before, after) in [
            (&mut self.duration, before.duration, after.duration),
            (&mut self.provisioned, before.provisioned, after.provisioned),
            (
                &mut self.provisioned_duration,
                before.provisioned_duration,
                after.provisioned_duration,
            ),
            (
                &mut self.ephemeral_storage,
                before.ephemeral_storage,
                after.ephemeral_storage,
            ),
        ] {
            *sum = (*sum + after).less(before);
        }
    }

    /// How much of a kind was used.
    #[must_use]
    pub fn units(&self, kind: UsageKind) -> BilledUnits {
        match kind {
            UsageKind::Requests => self.requests.into(),
            UsageKind::Duration => self.duration.into(),
            UsageKind::ProvisionedConcurrency => self.provisioned.into(),
            UsageKind::ProvisionedDuration => self.provisioned_duration.into(),
            UsageKind::EphemeralStorage => self.ephemeral_storage.into(),
        }
    }

    /// What that costs by the terms, in USD, as if it were all that is used in a month.
    ///
    /// Formula: requests · fee; duration by its tiers after what others used, less the discount; the others · price.
    #[must_use]
    pub fn cost(&self, kind: UsageKind, terms: &PricingTerms) -> Usd {
        let prices = &terms.prices;
        match kind {
            UsageKind::Requests => self.requests * prices.request,
            UsageKind::Duration => {
                let cost = prices.duration.after(terms.used_before, self.duration);
                cost * terms.discount.complement()
            }
            UsageKind::ProvisionedConcurrency => self.provisioned * prices.provisioned,
            UsageKind::ProvisionedDuration => {
                self.provisioned_duration * prices.provisioned_duration
            }
            UsageKind::EphemeralStorage => self.ephemeral_storage * prices.ephemeral_storage,
        }
    }
}

/// What functions used on one day, and how much of the day was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DayUsage {
    /// What they used.
    pub usage: LambdaUsage,
    /// The time of the day that was seen, of each function, added up.
    pub seen: Seconds,
    /// How many functions were seen.
    pub functions: u32,
}

impl DayUsage {
    /// The part of the day that was seen, in the mean over the functions; absent where there is none.
    ///
    /// Formula: `Σ time seen / (functions · 24 h)`.
    #[must_use]
    pub fn observed(&self) -> Option<Ratio> {
        self.seen.over(DAY * Ratio::from(self.functions))
    }

    /// Whether so much of the day was seen that it can be compared with the bill.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.observed().is_some_and(|observed| observed >= WHOLE)
    }

    /// Both together.
    pub(super) fn add(&mut self, other: &Self) {
        self.usage += other.usage;
        self.seen += other.seen;
        self.functions += other.functions;
    }
}
