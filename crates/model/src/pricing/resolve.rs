//! The order in which prices are looked for; the first that is known holds.
//!
//! Configuration, discount on the on-demand price, spot price, price list of the cloud, embedded list. What none of them knows is
//! unpriced, with the reason. A price of another region is never taken, nor one on demand for a spot node.

use std::sync::Arc;

use jiff::Timestamp;

use super::rules::{Discount, DiscountKind};
use super::{KnownPrices, PriceBook};
use crate::inventory::{CapacityType, Node, Provider};
use crate::pricing::list_prices::{self, azure, ec2, fargate};
use crate::units::{Gib, Ratio, UsdPerHour};
use crate::{HourlyPrice, PriceSource, Provenance, Unpriced};

/// The family that a discount on Fargate names.
const FARGATE: &str = "fargate";

/// The label of the machines that EKS Auto Mode runs.
const AUTO_MODE: (&str, &str) = ("eks.amazonaws.com/compute-type", "auto");

/// What Fargate provisioned for the pod of a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FargatePod {
    /// Its storage beyond what comes with it.
    pub(super) extra_storage: Gib,
}

/// A price on the way through the chain.
struct ResolvedPrice {
    price: UsdPerHour,
    source: PriceSource,
    at: Option<Timestamp>,
    method: String,
}

/// The price of a node, or why it has none. `pod` is what Fargate provisioned, for a node of Fargate.
pub(super) fn price(
    book: &PriceBook,
    market: &KnownPrices,
    node: &Node,
    pod: Option<FargatePod>,
) -> Result<HourlyPrice, Unpriced> {
    let known = match configured(book, node) {
        Some(known) => known,
        None => match node.provider {
            Provider::Aws => paid_to_aws(book, market, node, pod)?,
            Provider::Azure => paid_to_azure(book, market, node)?,
            Provider::GoogleCloud | Provider::Other => return Err(Unpriced::NotOnAws),
        },
    };
    Ok(HourlyPrice {
        price: known.price,
        provenance: Provenance {
            source: known.source,
            fetched_at: known.at,
            method: known.method.into(),
        },
    })
}

/// What the configuration says that the node costs, all told.
fn configured(book: &PriceBook, node: &Node) -> Option<ResolvedPrice> {
    let rule = book.rules.iter().find(|rule| rule.selector.matches(node));
    let (price, method) = match rule {
        Some(rule) => (rule.rate.for_node(node), &rule.place),
        None if node.provider == Provider::Other => {
            let own = book.on_premises.as_ref()?;
            (own.rate.for_node(node), &own.place)
        }
        None => return None,
    };
    Some(ResolvedPrice {
        price,
        source: PriceSource::Config,
        at: None,
        method: method.to_string(),
    })
}

/// What AWS charges for a node, as far as that is known.
fn paid_to_aws(
    book: &PriceBook,
    market: &KnownPrices,
    node: &Node,
    pod: Option<FargatePod>,
) -> Result<ResolvedPrice, Unpriced> {
    if node.capacity_type == CapacityType::Fargate {
        let listed = on_fargate(market, node, pod)?;
        return Ok(discounted(book, FARGATE, listed));
    }
    let instance_type = node
        .instance_type
        .as_ref()
        .ok_or(Unpriced::NoInstanceType)?;
    let listed = on_demand(market, node, instance_type);
    let fee = auto_mode_fee(book, node, listed.as_ref().ok());
    let paid = match node.capacity_type {
        CapacityType::Spot => spot(market, node, instance_type)?,
        _ => discounted(book, ec2::family(instance_type), listed?),
    };
    match fee {
        None => Ok(paid),
        Some(fee) => Ok(with_fee(paid, fee.ok_or(Unpriced::NoAutoModeFee)?)),
    }
}

/// What Azure charges for a node, as far as that is known.
fn paid_to_azure(
    book: &PriceBook,
    market: &KnownPrices,
    node: &Node,
) -> Result<ResolvedPrice, Unpriced> {
    let size = node
        .instance_type
        .as_ref()
        .ok_or(Unpriced::NoInstanceType)?;
    let region = node.region.as_ref().ok_or(Unpriced::UnknownRegion)?;
    let (capacity_type, paid, unknown) = match node.capacity_type {
        CapacityType::Spot => (
            CapacityType::Spot,
            "as spare capacity",
            Unpriced::NoSpotPrice,
        ),
        _ => (
            CapacityType::OnDemand,
            "on demand",
            Unpriced::UnknownInstanceType,
        ),
    };
    let listed = market.machine(Provider::Azure, region, size, capacity_type);
    let listed = listed.ok_or(Unpriced::NoAzurePrice)?;
    let known = ResolvedPrice {
        price: listed.price.ok_or(unknown)?,
        source: PriceSource::AzureRetail,
        at: Some(listed.at),
        method: format!("{size} {paid} in {region}, from Azure's retail prices"),
    };
    Ok(match capacity_type {
        CapacityType::Spot => known,
        _ => discounted(book, azure::series(size).as_deref().unwrap_or(size), known),
    })
}

/// The Price List's price, else the embedded one.
fn on_demand(
    market: &KnownPrices,
    node: &Node,
    instance_type: &Arc<str>,
) -> Result<ResolvedPrice, Unpriced> {
    let region = node.region.as_ref().ok_or(Unpriced::UnknownRegion)?;
    let listed = market.machine(Provider::Aws, region, instance_type, CapacityType::OnDemand);
    if let Some((listed, price)) = listed.and_then(|one| Some((one, one.price?))) {
        return Ok(ResolvedPrice {
            price,
            source: PriceSource::PriceList,
            at: Some(listed.at),
            method: format!("{instance_type} on demand in {region}, from the Price List"),
        });
    }
    let known = ec2::on_demand(instance_type);
    if !ec2::REGIONS.contains(&&**region) {
        // A list that was read and does not have it speaks of the type; else it is the region that is not known.
        return Err(match (known, listed) {
            (None, _) | (_, Some(_)) => Unpriced::UnknownInstanceType,
            (Some(_), None) => Unpriced::UnknownRegion,
        });
    }
    Ok(embedded(
        known.ok_or(Unpriced::UnknownInstanceType)?,
        &format!("{instance_type} on demand"),
        region,
    ))
}

/// By the Price List's prices, else by the embedded ones.
fn on_fargate(
    market: &KnownPrices,
    node: &Node,
    pod: Option<FargatePod>,
) -> Result<ResolvedPrice, Unpriced> {
    const WHAT: &str = "Fargate by provisioned size";
    let pod = pod.ok_or(Unpriced::NoFargateSize)?;
    let region = node.region.as_ref().ok_or(Unpriced::UnknownRegion)?;
    let price = |rates: fargate::Rates| {
        let size = node.capacity;
        let price = rates.pod(size.cpu, size.memory, pod.extra_storage);
        price.ok_or(Unpriced::UnknownRegion)
    };
    match fargate_rates(market, region) {
        Some((rates, Some(at))) => Ok(ResolvedPrice {
            price: price(rates)?,
            source: PriceSource::PriceList,
            at: Some(at),
            method: format!("{WHAT} in {region}, from the Price List"),
        }),
        Some((rates, None)) => Ok(embedded(price(rates)?, WHAT, region)),
        None => Err(Unpriced::UnknownRegion),
    }
}

/// Prices of Fargate in a region, and when the Price List was read; the embedded prices without that time, in their regions.
#[must_use]
pub fn fargate_rates(
    market: &KnownPrices,
    region: &Arc<str>,
) -> Option<(fargate::Rates, Option<Timestamp>)> {
    if let Some((rates, at)) = market.fargate(region) {
        return Some((rates, Some(at)));
    }
    let is_embedded = fargate::REGIONS.contains(&&**region);
    is_embedded.then_some((fargate::EMBEDDED, None))
}

fn embedded(price: UsdPerHour, what: &str, region: &str) -> ResolvedPrice {
    ResolvedPrice {
        price,
        source: PriceSource::Embedded,
        at: None,
        method: format!("{what} in {region}, list of {}", list_prices::AS_OF),
    }
}

fn spot(
    market: &KnownPrices,
    node: &Node,
    instance_type: &Arc<str>,
) -> Result<ResolvedPrice, Unpriced> {
    let zone = node.zone.as_ref().ok_or(Unpriced::NoSpotPrice)?;
    let spare = market
        .spare(zone, instance_type)
        .ok_or(Unpriced::NoSpotPrice)?;
    Ok(ResolvedPrice {
        price: spare.price,
        source: PriceSource::Spot,
        at: Some(spare.at),
        method: format!("spot price of {instance_type} in {zone}"),
    })
}

fn discounted(book: &PriceBook, family: &str, listed: ResolvedPrice) -> ResolvedPrice {
    let Some(discount) = book.discounts.iter().find(|one| one.is_for(family)) else {
        return listed;
    };
    let Discount { ratio, place, .. } = discount;
    ResolvedPrice {
        price: listed.price * ratio.complement(),
        source: match discount.kind {
            DiscountKind::SavingsPlan => PriceSource::SavingsPlan,
            DiscountKind::Negotiated => PriceSource::Negotiated,
        },
        method: format!("{}, less {} % ({place})", listed.method, percent(*ratio)),
        ..listed
    }
}

/// What EKS Auto Mode charges for running a machine: a part of its on-demand price, which no discount touches. Absent for
/// other nodes and where the fee is off; within, absent where the on-demand price is not known.
fn auto_mode_fee(
    book: &PriceBook,
    node: &Node,
    listed: Option<&ResolvedPrice>,
) -> Option<Option<UsdPerHour>> {
    let (label, value) = AUTO_MODE;
    let is_auto = node.labels.get(label).is_some_and(|found| found == value);
    let is_charged = is_auto && book.auto_mode_fee != Ratio::ZERO;
    is_charged.then(|| listed.map(|listed| listed.price * book.auto_mode_fee))
}

fn with_fee(paid: ResolvedPrice, fee: UsdPerHour) -> ResolvedPrice {
    ResolvedPrice {
        price: paid.price + fee,
        method: format!("{}, and {:.5} for EKS Auto Mode", paid.method, fee.hourly()),
        ..paid
    }
}

fn percent(ratio: Ratio) -> f64 {
    (ratio.get() * 1e4).round() / 1e2
}

#[cfg(test)]
mod tests;
