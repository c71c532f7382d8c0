//! The prices that are really paid, read from the bill.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::reconciliation::BillReport;
use super::usage::AccountRegion;
use crate::inventory::{Architecture, FunctionId, UsageKind};
use crate::lambda::{PriceOrigin, PricingTerms};
use crate::pricing::list_prices::Tiers;
use crate::units::Ratio;

/// What is paid of the list price of each kind of usage, by account, region and processor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PaidRatios(BTreeMap<(AccountRegion, Architecture), BTreeMap<UsageKind, Ratio>>);

impl PaidRatios {
    /// As the last settled days of a bill have it.
    #[must_use]
    pub fn read(report: &BillReport) -> Self {
        let mut paid = Self::default();
        for place in &report.places {
            let Some(region) = &place.region else {
                continue;
            };
            for line in &place.lines {
                if let (Some((kind, architecture)), Some(ratio)) =
                    (line.usage_type.of, line.price_to_list)
                {
                    let place = AccountRegion {
                        account_id: Arc::clone(&place.account_id),
                        region: Arc::clone(region),
                    };
                    let ratios = paid.0.entry((place, architecture)).or_default();
                    ratios.insert(kind, ratio);
                }
            }
        }
        paid
    }

    /// The terms of a function with the prices that are paid, where the bill has them: for duration the mean price, in place
    /// of tiers and a discount that is configured. Of what the bill does not have the terms stay.
    #[must_use]
    pub fn applied(
        &self,
        mut terms: PricingTerms,
        id: &FunctionId,
        architecture: Architecture,
    ) -> PricingTerms {
        if self.0.is_empty() {
            return terms;
        }
        let place = AccountRegion {
            account_id: Arc::clone(&id.account_id),
            region: Arc::clone(&id.region),
        };
        let Some(ratios) = self.0.get(&(place, architecture)) else {
            return terms;
        };
        let prices = &mut terms.prices;
        for (kind, ratio) in ratios {
            match kind {
                UsageKind::Requests => prices.request = prices.request * *ratio,
                UsageKind::Duration => {
                    prices.duration = Tiers::flat(prices.duration.first() * *ratio);
                    terms.discount = Ratio::ZERO;
                }
                UsageKind::ProvisionedConcurrency => {
                    prices.provisioned = prices.provisioned * *ratio;
                }
                UsageKind::ProvisionedDuration => {
                    prices.provisioned_duration = prices.provisioned_duration * *ratio;
                }
                UsageKind::EphemeralStorage => {
                    prices.ephemeral_storage = prices.ephemeral_storage * *ratio;
                }
            }
        }
        terms.origin = PriceOrigin::Bill;
        terms
    }
}
