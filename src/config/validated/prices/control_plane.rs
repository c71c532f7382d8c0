//! The configured price of the control plane.
//!
//! The price comes from `prices.eks.control_plane_usd_per_hour`, or from an entry of `prices.fixed` that is named
//! like the control plane. Such an entry replaces the list price of EKS instead of adding to it.

use crate::config::file;
use crate::schema::{ConfigPath, Validator};
use breakeven_model::units::{Hours, UsdPerHour};

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

/// How the name of a fixed cost relates to the control plane. Case and separators are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// It names the control plane, such as `EKS control plane` or `control-plane fee`.
    ControlPlane,
    /// It names the control plane and something else, such as `control plane monitoring` or `control plane of prod`.
    Similar,
    /// It names another cost.
    Other,
}

fn is_control_plane(cost: &file::FixedCost) -> bool {
    name(cost) == Name::ControlPlane
}

fn name(cost: &file::FixedCost) -> Name {
    let text = cost
        .name
        .to_lowercase()
        .replace("controlplane", "control plane");
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    let named: Vec<&str> = words
        .filter(|word| !word.is_empty() && !OTHER_WORDS.contains(word))
        .collect();
    let control_plane = ["control", "plane"];
    if named == control_plane {
        Name::ControlPlane
    } else if named.windows(2).any(|pair| pair == control_plane) {
        Name::Similar
    } else {
        Name::Other
    }
}

/// The entries of `prices.fixed` with their places.
fn entries<'a>(
    costs: &'a [file::FixedCost],
    place: &'a ConfigPath,
) -> impl Iterator<Item = (ConfigPath, &'a file::FixedCost)> {
    let costs = costs.iter().enumerate();
    costs.map(|(at, cost)| (place.item(at), cost))
}

/// The entries of `prices.fixed` that are not the control plane.
pub(super) fn others<'a>(
    costs: &'a [file::FixedCost],
    place: &'a ConfigPath,
) -> impl Iterator<Item = (ConfigPath, &'a file::FixedCost)> {
    entries(costs, place).filter(|(_, cost)| !is_control_plane(cost))
}

impl Validator {
    /// The configured price of the control plane, in USD per hour; absent if the list price applies.
    pub(super) fn control_plane(
        &mut self,
        raw: &file::Prices,
        month: Hours,
        place: &ConfigPath,
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
                "{:?} replaces the list price of the control plane, which is charged by itself on EKS; \
                 remove it, or set {setting} to another price",
                cost.name
            );
            self.warn(&place, warning);
            price = Some(price.unwrap_or_default() + replacing);
        }
        for (place, cost) in entries(&raw.fixed, &fixed) {
            if name(cost) == Name::Similar {
                let warning = format!(
                    "{:?} is added to the price of the control plane, which is charged by itself on EKS; \
                     if it is that price, remove it, or set {setting} to another price",
                    cost.name
                );
                self.warn(&place, warning);
            }
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
        let named = |text: &str| {
            name(&file::FixedCost {
                name: text.to_owned(),
                usd_per_hour: Some(0.1),
                usd_per_month: None,
            })
        };
        for (text, expected) in [
            ("EKS control plane", Name::ControlPlane),
            ("control plane", Name::ControlPlane),
            ("control_plane", Name::ControlPlane),
            ("Control-Plane fee", Name::ControlPlane),
            ("Amazon EKS cluster control plane", Name::ControlPlane),
            ("ControlPlane", Name::ControlPlane),
            ("control plane monitoring", Name::Similar),
            ("EKS control plane (us-east-1)", Name::Similar),
            ("load balancers", Name::Other),
            ("plane control", Name::Other),
            ("eks", Name::Other),
            ("", Name::Other),
        ] {
            assert_eq!(named(text), expected, "{text}");
        }
    }

    #[test]
    fn a_cost_with_a_similar_name_is_added_with_a_warning() {
        let config =
            parsed("prices: {fixed: [{name: EKS control plane of prod, usd_per_hour: 0.10}]}");
        assert!(config.prices.control_plane.is_none());
        assert_eq!(config.model.fixed.hourly(), 0.1);
        let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "prices.fixed[0]: \"EKS control plane of prod\" is added to the price of the control plane, which is charged by \
              itself on EKS; if it is that price, remove it, or set prices.eks.control_plane_usd_per_hour to another price"
            ]
        );
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
                "prices.fixed[0]: \"EKS control plane\" replaces the list price of the control plane, which is charged by itself \
                 on EKS; remove it, or set prices.eks.control_plane_usd_per_hour to another price"
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
