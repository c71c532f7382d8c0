//! The configured price of the control plane.
//!
//! The price comes from `prices.eks.control_plane_usd_per_hour`, or from an entry of `prices.fixed` that is named
//! like the control plane. Such an entry replaces the list price of EKS instead of adding to it.

use crate::config::raw;
use crate::settings::{Check, Place};
use crate::units::{Hours, UsdPerHour};

/// Words that a name may have besides "control plane".
const OTHER_WORDS: [&str; 14] = [
    "amazon",
    "aws",
    "charge",
    "charges",
    "cluster",
    "cost",
    "costs",
    "eks",
    "fee",
    "fees",
    "k8s",
    "kubernetes",
    "price",
    "the",
];

/// Whether a fixed cost is the control plane by its name, such as `EKS control plane` or `control-plane fee`.
///
/// Case and separators are ignored. `control plane monitoring` is another cost.
fn is_control_plane(cost: &raw::FixedCost) -> bool {
    let name = cost
        .name
        .to_lowercase()
        .replace("controlplane", "control plane");
    let words = name.split(|letter: char| !letter.is_alphanumeric());
    let named = words.filter(|word| !word.is_empty() && !OTHER_WORDS.contains(word));
    named.eq(["control", "plane"])
}

/// The entries of `prices.fixed` with their places.
fn entries<'a>(
    costs: &'a [raw::FixedCost],
    place: &'a Place,
) -> impl Iterator<Item = (Place, &'a raw::FixedCost)> {
    let costs = costs.iter().enumerate();
    costs.map(|(at, cost)| (place.item(at), cost))
}

/// The entries of `prices.fixed` that are not the control plane.
pub(super) fn others<'a>(
    costs: &'a [raw::FixedCost],
    place: &'a Place,
) -> impl Iterator<Item = (Place, &'a raw::FixedCost)> {
    entries(costs, place).filter(|(_, cost)| !is_control_plane(cost))
}

impl Check {
    /// The configured price of the control plane, in USD per hour; absent if the list price applies.
    pub(super) fn control_plane(
        &mut self,
        raw: &raw::Prices,
        month: Hours,
        place: &Place,
    ) -> Option<UsdPerHour> {
        let setting = place.key("eks").key("control_plane_usd_per_hour");
        let hourly = raw.eks.control_plane_usd_per_hour;
        let mut price =
            hourly.map(|hourly| self.quantity(UsdPerHour::from_hourly(hourly), &setting));
        let fixed = place.key("fixed");
        for (place, cost) in entries(&raw.fixed, &fixed).filter(|(_, cost)| is_control_plane(cost))
        {
            if hourly.is_some() {
                let problem = format!(
                    "{:?} is the control plane, whose price {setting} sets too; remove one of them",
                    cost.name
                );
                self.refuse(&place, problem);
                continue;
            }
            let replacing = self.fixed_cost(cost, month, &place);
            let warning = format!(
                "{:?} replaces the list price of the EKS control plane, which is charged without it; \
                 remove it unless another price is paid",
                cost.name
            );
            self.warn(&place, warning);
            price = Some(price.unwrap_or_default() + replacing);
        }
        price
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::config::Config;

    fn parsed(text: &str) -> Config {
        config::parse(text).unwrap().1
    }

    #[test]
    fn names_of_the_control_plane_are_recognized() {
        let is = |name: &str| {
            let cost = raw::FixedCost {
                name: name.to_owned(),
                usd_per_hour: Some(0.1),
                usd_per_month: None,
            };
            is_control_plane(&cost)
        };
        for name in [
            "EKS control plane",
            "control plane",
            "control_plane",
            "Control-Plane fee",
            "Amazon EKS cluster control plane",
            "ControlPlane",
        ] {
            assert!(is(name), "{name}");
        }
        for name in [
            "control plane monitoring",
            "load balancers",
            "plane control",
            "eks",
            "",
        ] {
            assert!(!is(name), "{name}");
        }
    }

    #[test]
    fn a_fixed_cost_named_like_the_control_plane_replaces_its_list_price() {
        let hourly = parsed(
            "prices: {fixed: [{name: EKS control plane, usd_per_hour: 0.10}, {name: NAT, usd_per_hour: 0.05}]}",
        );
        let price = |config: &Config| {
            let control_plane = config.prices.control_plane;
            control_plane.map(UsdPerHour::hourly)
        };
        assert_eq!(price(&hourly), Some(0.1));
        assert_eq!(hourly.model.fixed.hourly(), 0.05);
        let monthly = parsed("prices: {fixed: [{name: control plane, usd_per_month: 438}]}");
        assert_eq!(price(&monthly), Some(0.6));
        assert_eq!(monthly.model.fixed.hourly(), 0.0);
        let warnings: Vec<_> = hourly.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "prices.fixed[0]: \"EKS control plane\" replaces the list price of the EKS control plane, which is charged \
              without it; remove it unless another price is paid"
            ]
        );
        let none = parsed("prices: {fixed: [{name: load balancers, usd_per_month: 65}]}");
        assert_eq!((price(&none), none.warnings.len()), (None, 0));
    }

    #[test]
    fn a_control_plane_that_is_configured_twice_is_refused() {
        let text = "prices: {eks: {control_plane_usd_per_hour: 0.6}, fixed: [{name: EKS control plane, usd_per_hour: 0.10}]}";
        let errors = config::parse(text).unwrap_err().to_string();
        assert_eq!(
            errors,
            "prices.fixed[0]: \"EKS control plane\" is the control plane, whose price prices.eks.control_plane_usd_per_hour \
             sets too; remove one of them"
        );
    }
}
