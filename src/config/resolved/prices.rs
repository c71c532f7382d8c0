//! Configured prices.

use crate::config::raw;
use crate::observation::CapacityType;
use crate::settings::{Check, Place};
use crate::sources::prices::{NodeSelector, PriceBook, PriceRule};
use crate::tariff::ec2;
use crate::units::{Hours, UsdPerHour};

/// How many times a configured price may be above or below the list price before it is taken for a mistake.
const MISTAKEN: f64 = 100.0;

impl Check {
    /// All that the cluster costs besides its nodes.
    pub(super) fn fixed(&mut self, raw: &raw::Prices, month: Hours) -> UsdPerHour {
        let place = Place::top().key("prices");
        let labour = place.key("labour_usd_per_month");
        let hourly = raw.labour_usd_per_month / month.hours().max(1.0);
        self.sum(&raw.fixed, month, &place.key("fixed"))
            + self.quantity(UsdPerHour::from_hourly(hourly), &labour)
    }

    /// Several costs together.
    pub(super) fn sum(
        &mut self,
        costs: &[raw::FixedCost],
        month: Hours,
        place: &Place,
    ) -> UsdPerHour {
        let mut sum = UsdPerHour::ZERO;
        for (at, cost) in costs.iter().enumerate() {
            let place = place.item(at);
            if cost.name.is_empty() {
                self.refuse(&place.key("name"), "is missing: say what this cost is");
            }
            sum += match (cost.usd_per_hour, cost.usd_per_month) {
                (Some(hourly), None) => {
                    self.quantity(UsdPerHour::from_hourly(hourly), &place.key("usd_per_hour"))
                }
                (None, Some(monthly)) => self.quantity(
                    UsdPerHour::from_hourly(monthly / month.hours().max(1.0)),
                    &place.key("usd_per_month"),
                ),
                _ => {
                    self.refuse(
                        &place,
                        "needs one of usd_per_hour and usd_per_month, and not both",
                    );
                    UsdPerHour::ZERO
                }
            };
        }
        sum
    }

    pub(super) fn prices(&mut self, raw: &raw::Prices, place: &Place) -> PriceBook {
        let rules = raw.nodes.iter().enumerate().map(|(at, rule)| {
            let place = place.key("nodes").item(at);
            let selector = NodeSelector {
                node: rule.selector.node.clone(),
                instance_type: rule.selector.instance_type.clone(),
                capacity_type: rule.selector.capacity_type.map(|kind| match kind {
                    raw::CapacityType::OnDemand => CapacityType::OnDemand,
                    raw::CapacityType::Spot => CapacityType::Spot,
                    raw::CapacityType::Fargate => CapacityType::Fargate,
                }),
                region: rule.selector.region.clone(),
                zone: rule.selector.zone.clone(),
                labels: rule.selector.labels.clone(),
            };
            let at_price = place.key("usd_per_hour");
            let Some(hourly) = rule.usd_per_hour else {
                self.refuse(
                    &at_price,
                    "is missing: say what one of these nodes costs each hour",
                );
                return PriceRule {
                    selector,
                    price: UsdPerHour::ZERO,
                    place: "".into(),
                };
            };
            let price = self.quantity(UsdPerHour::from_hourly(hourly), &at_price);
            self.plausible(&selector, hourly, &at_price);
            PriceRule {
                selector,
                price,
                place: place.to_string().into(),
            }
        });
        PriceBook {
            rules: rules.collect(),
        }
    }

    /// Refuses a price that is so far from the list price that its unit must be another one.
    fn plausible(&mut self, selector: &NodeSelector, hourly: f64, place: &Place) {
        let list = selector.instance_type.as_deref().and_then(ec2::on_demand);
        let Some(list) = list.map(UsdPerHour::hourly).filter(|_| hourly > 0.0) else {
            return;
        };
        let times = hourly / list;
        let mistake = if times >= MISTAKEN {
            "; it looks like a price per month (730 times) or in cents or thousandths"
        } else if times <= 1.0 / MISTAKEN {
            "; it looks like a price per second or minute, or in thousands"
        } else {
            return;
        };
        let instance_type = selector.instance_type.as_deref().unwrap_or_default();
        let what = format!(
            "{hourly} USD per hour is {times:.3} times the list price of {instance_type} ({list})"
        );
        self.refuse(place, format!("{what}{mistake}"));
    }
}
