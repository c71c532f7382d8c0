//! Configured prices.

mod control_plane;
mod price_file;
mod rules;
mod sources;
mod volumes;

use crate::config::file;
use crate::schema::{ConfigPath, Validator};
use breakeven_model::pricing::PriceBook;
use breakeven_model::units::{Hours, UsdPerHour};

impl Validator {
    /// All that the cluster costs besides its nodes and its control plane.
    pub(super) fn fixed(&mut self, raw: &file::Prices, month: Hours) -> UsdPerHour {
        let place = ConfigPath::top().key("prices");
        let labour = place.key("labour_usd_per_month");
        let hourly = raw.labour_usd_per_month / month.hours().max(1.0);
        let fixed = place.key("fixed");
        let costs = control_plane::others(&raw.fixed, &fixed);
        let costs = costs.map(|(place, cost)| self.fixed_cost(cost, month, &place));
        costs.sum::<UsdPerHour>() + self.quantity(UsdPerHour::from_hourly(hourly), &labour)
    }

    /// The sum of several costs.
    pub(super) fn sum(
        &mut self,
        costs: &[file::FixedCost],
        month: Hours,
        place: &ConfigPath,
    ) -> UsdPerHour {
        let costs = costs.iter().enumerate();
        costs
            .map(|(at, cost)| self.fixed_cost(cost, month, &place.item(at)))
            .sum()
    }

    /// One cost, in USD per hour.
    fn fixed_cost(
        &mut self,
        cost: &file::FixedCost,
        month: Hours,
        place: &ConfigPath,
    ) -> UsdPerHour {
        if cost.name.is_empty() {
            self.refuse(&place.key("name"), "is missing: say what this cost is");
        }
        match (cost.usd_per_hour, cost.usd_per_month) {
            (Some(hourly), None) => {
                self.quantity(UsdPerHour::from_hourly(hourly), &place.key("usd_per_hour"))
            }
            (None, Some(monthly)) => self.quantity(
                UsdPerHour::from_hourly(monthly / month.hours().max(1.0)),
                &place.key("usd_per_month"),
            ),
            _ => {
                let problem = "needs one of usd_per_hour and usd_per_month, and not both";
                self.refuse(place, problem);
                UsdPerHour::ZERO
            }
        }
    }

    pub(super) fn prices(
        &mut self,
        raw: &file::Prices,
        month: Hours,
        place: &ConfigPath,
    ) -> PriceBook {
        let nodes = place.key("nodes");
        let mut written: Vec<(ConfigPath, file::NodePrice)> = raw
            .nodes
            .iter()
            .enumerate()
            .map(|(at, price)| (nodes.item(at), price.clone()))
            .collect();
        if let Some(path) = &raw.file {
            written.extend(self.price_file(path, &place.key("file")));
        }
        let eks = place.key("eks");
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
            control_plane: self.control_plane(raw, month, place),
        }
    }
}
