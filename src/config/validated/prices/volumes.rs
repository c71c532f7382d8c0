//! Prices of persistent volumes, as they are written.

use crate::config::file;
use crate::schema::{ConfigPath, Validator};
use breakeven_model::pricing::{VolumeRule, VolumeSelector};
use breakeven_model::units::{Hours, UsdPerGibHour};

/// What no GiB costs in a month: twenty times the dearest kind of disk.
const MOST: f64 = 2.5;

impl Validator {
    /// The rules in their order. Two with the same selector are a mistake: the second would never hold.
    pub(super) fn volumes(
        &mut self,
        written: &[file::VolumePrice],
        month: Hours,
        place: &ConfigPath,
    ) -> Vec<VolumeRule> {
        let mut rules: Vec<VolumeRule> = Vec::with_capacity(written.len());
        for (at, price) in written.iter().enumerate() {
            let place = place.item(at);
            let file::VolumeSelector {
                volume,
                storage_class,
                driver,
            } = price.selector.clone();
            let selector = VolumeSelector {
                volume,
                storage_class,
                driver,
            };
            if let Some(first) = rules.iter().find(|rule| rule.selector == selector) {
                let what = format!("has the same selector as {}, which wins", first.place);
                self.refuse(&place, what);
            }
            let at = place.key("usd_per_gib_month");
            let Some(monthly) = price.usd_per_gib_month else {
                self.refuse(&at, "is missing: say what each GiB costs in a month");
                continue;
            };
            if !(0.0..=MOST).contains(&monthly) {
                let what = format!(
                    "is {monthly} USD for each GiB, which no storage costs in a month; it must be 0 to {MOST}"
                );
                self.refuse(&at, what);
                continue;
            }
            let hourly = UsdPerGibHour::from_hourly(monthly / month.hours().max(1.0));
            rules.push(VolumeRule {
                selector,
                rate: self.quantity(hourly, &at),
                place: place.to_string().into(),
            });
        }
        rules
    }
}
