//! Configured prices.

mod file;
mod rules;
mod sources;
mod volumes;

use crate::config::raw;
use crate::settings::{Check, Place};
use crate::sources::prices::PriceBook;
use crate::units::{Hours, UsdPerHour};

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

    pub(super) fn prices(&mut self, raw: &raw::Prices, month: Hours, place: &Place) -> PriceBook {
        let nodes = place.key("nodes");
        let mut written: Vec<(Place, raw::NodePrice)> = raw
            .nodes
            .iter()
            .enumerate()
            .map(|(at, price)| (nodes.item(at), price.clone()))
            .collect();
        if let Some(path) = &raw.file {
            written.extend(self.price_file(path, &place.key("file")));
        }
        let eks = place.key("eks");
        let control_plane = eks.key("control_plane_usd_per_hour");
        PriceBook {
            rules: self.rules(&written),
            on_premises: self.on_premises(&raw.on_premises, &place.key("on_premises")),
            discounts: self.discounts(&raw.discounts, &place.key("discounts")),
            auto_mode_fee: self.ratio(
                raw.eks.auto_mode_fee_ratio,
                &(0.0..=1.0),
                &eks.key("auto_mode_fee_ratio"),
            ),
            volumes: self.volumes(&raw.volumes, month, &place.key("volumes")),
            control_plane: raw
                .eks
                .control_plane_usd_per_hour
                .map(|hourly| self.quantity(UsdPerHour::from_hourly(hourly), &control_plane)),
        }
    }
}
