//! Prices of nodes and discounts, as they are written.

use std::collections::BTreeSet;

use crate::config::file;
use crate::schema::{ConfigPath, Validator};
use breakeven_model::pricing::{
    Discount, NodeSelector, OnPremises, PriceRule, Rate, SizeRate, plausible,
};
use breakeven_model::units::{UsdPerCoreHour, UsdPerGibHour, UsdPerHour};

impl Validator {
    /// The rules in their order. Two with the same selector are a mistake: the second would never hold.
    pub(super) fn rules(&mut self, written: &[(ConfigPath, file::NodePrice)]) -> Vec<PriceRule> {
        let mut rules: Vec<PriceRule> = Vec::with_capacity(written.len());
        for (place, price) in written {
            let selector = selector(&price.selector);
            if let Some(first) = rules.iter().find(|rule| rule.selector == selector) {
                let what = format!("has the same selector as {}, which wins", first.place);
                self.refuse(place, what);
            }
            let Some(rate) = self.rate(price, place) else {
                continue;
            };
            if let (Rate::Whole(price), Some(instance_type)) = (rate, &selector.instance_type)
                && let Err(error) = plausible(instance_type, price)
            {
                self.refuse(&place.key("usd_per_hour"), error.to_string());
            }
            rules.push(PriceRule {
                selector,
                rate,
                place: place.to_string().into(),
            });
        }
        rules
    }

    fn rate(&mut self, raw: &file::NodePrice, place: &ConfigPath) -> Option<Rate> {
        match (
            raw.usd_per_hour,
            raw.usd_per_core_hour,
            raw.usd_per_gib_hour,
        ) {
            (Some(hourly), None, None) => {
                let at = place.key("usd_per_hour");
                Some(Rate::Whole(
                    self.quantity(UsdPerHour::from_hourly(hourly), &at),
                ))
            }
            (None, Some(core), Some(gib)) => Some(Rate::BySize(self.size_rate(core, gib, place))),
            (None, None, None) => {
                let what = "is missing: say what one of these nodes costs each hour, or give \
                            usd_per_core_hour and usd_per_gib_hour";
                self.refuse(&place.key("usd_per_hour"), what);
                None
            }
            _ => {
                let what = "needs usd_per_hour alone, or usd_per_core_hour and usd_per_gib_hour";
                self.refuse(place, what);
                None
            }
        }
    }

    fn size_rate(&mut self, core: f64, gib: f64, place: &ConfigPath) -> SizeRate {
        let (at_core, at_gib) = (
            place.key("usd_per_core_hour"),
            place.key("usd_per_gib_hour"),
        );
        SizeRate {
            core: self.quantity(UsdPerCoreHour::from_hourly(core), &at_core),
            gib: self.quantity(UsdPerGibHour::from_hourly(gib), &at_gib),
        }
    }

    pub(super) fn on_premises(
        &mut self,
        raw: &file::OnPremises,
        place: &ConfigPath,
    ) -> Option<OnPremises> {
        match (raw.usd_per_core_hour, raw.usd_per_gib_hour) {
            (Some(core), Some(gib)) => Some(OnPremises {
                rate: self.size_rate(core, gib, place),
                place: place.to_string().into(),
            }),
            (None, None) => None,
            _ => {
                let what = "needs usd_per_core_hour and usd_per_gib_hour together, or neither";
                self.refuse(place, what);
                None
            }
        }
    }

    /// The discounts in their order. One whose families all have a discount already is a mistake: it would never hold.
    pub(super) fn discounts(
        &mut self,
        raw: &[file::Discount],
        place: &ConfigPath,
    ) -> Vec<Discount> {
        let mut taken: BTreeSet<&str> = BTreeSet::new();
        let mut all_taken = None;
        let mut discounts = Vec::with_capacity(raw.len());
        for (at, discount) in raw.iter().enumerate() {
            let place = place.item(at);
            if let Some(first) = &all_taken {
                self.refuse(&place, format!("never holds: {first} is for all families"));
            }
            for (at, family) in discount.families.iter().enumerate() {
                let place = place.key("families").item(at);
                if family.contains('.') || family.is_empty() {
                    let what = format!("{family:?} is not a family such as m5, or fargate");
                    self.refuse(&place, what);
                } else if !taken.insert(family) {
                    self.refuse(&place, format!("{family} has a discount already"));
                }
            }
            if discount.families.is_empty() {
                all_taken.get_or_insert_with(|| place.to_string());
            }
            discounts.push(Discount {
                kind: discount.kind,
                families: discount.families.clone(),
                ratio: self.ratio(discount.ratio, &(0.0..=1.0), &place.key("ratio")),
                place: place.to_string().into(),
            });
        }
        discounts
    }
}

fn selector(raw: &file::NodeSelector) -> NodeSelector {
    NodeSelector {
        node: raw.node.clone(),
        instance_type: raw.instance_type.clone(),
        capacity_type: raw.capacity_type,
        pool: raw.pool.clone(),
        region: raw.region.clone(),
        zone: raw.zone.clone(),
        labels: raw.labels.clone(),
    }
}
