use std::collections::BTreeMap;

use super::*;
use crate::inventory::{ListPrice, PriceKey, Sku, SpotPrice};
use crate::pricing::{NodeSelector, OnPremises, PriceRule, Rate, SizeRate};
use crate::test_util::{node, ratio};
use crate::units::{UsdPerCoreHour, UsdPerGibHour};

const CONFIGURED: f64 = 0.05;
const SPOT: f64 = 0.03;
const LISTED: f64 = 0.098;
const EMBEDDED: f64 = 0.096;
const PAID: f64 = 0.75;

fn hourly(price: f64) -> UsdPerHour {
    UsdPerHour::from_hourly(price).unwrap()
}

fn machine(change: impl FnOnce(&mut Node)) -> Node {
    let mut machine = (*node("n", 2.0, 8.0, None).node).clone();
    machine.zone = Some("us-east-1a".into());
    change(&mut machine);
    machine
}

fn found(
    book: &PriceBook,
    market: &KnownPrices,
    node: &Node,
) -> Result<(f64, PriceSource), Unpriced> {
    let price = price(book, market, node, None)?;
    Ok((price.price.hourly(), price.provenance.source))
}

fn rule() -> PriceRule {
    PriceRule {
        selector: NodeSelector {
            instance_type: Some("m5.large".to_owned()),
            ..NodeSelector::default()
        },
        rate: Rate::Whole(hourly(CONFIGURED)),
        place: "prices.nodes[0]".into(),
    }
}

fn discount(families: &[&str], kind: DiscountKind) -> Discount {
    Discount {
        kind,
        families: families.iter().map(|&family| family.to_owned()).collect(),
        ratio: ratio(1.0 - PAID),
        place: "prices.discounts[0]".into(),
    }
}

fn list_price(region: &str, price: Option<f64>) -> ListPrice {
    priced(
        (Provider::Aws, region, "m5.large", CapacityType::OnDemand),
        price,
    )
}

fn priced(
    (provider, region, instance_type, capacity_type): (Provider, &str, &str, CapacityType),
    price: Option<f64>,
) -> ListPrice {
    ListPrice {
        offer: PriceKey {
            provider,
            region: region.into(),
            product: Sku::Machine {
                instance_type: instance_type.into(),
                capacity_type,
            },
        },
        price: price.map(hourly),
        at: Timestamp::UNIX_EPOCH,
    }
}

fn spot_price(zone: &str) -> SpotPrice {
    SpotPrice {
        zone: zone.into(),
        instance_type: "m5.large".into(),
        price: hourly(SPOT),
        at: Timestamp::UNIX_EPOCH,
    }
}

/// What the Price List said of the type.
#[derive(Clone, Copy, Debug, PartialEq)]
enum List {
    NotRead,
    HasNone,
    HasIt,
}

/// Every presence and absence of each source, for nodes on demand and spare, at home and abroad: what must come out is
/// written down here once more, in the words of the documentation.
#[test]
fn the_first_source_that_knows_a_price_wins_whatever_else_is_there() {
    let mut cases = 0;
    for bits in 0..32_u32 {
        let is = |bit: u32| bits & (1 << bit) != 0;
        let [
            is_configured,
            has_discount,
            has_spot,
            is_spot,
            is_on_current_platform,
        ] = [0, 1, 2, 3, 4].map(is);
        for list in [List::NotRead, List::HasNone, List::HasIt] {
            let region = if is_on_current_platform {
                "us-east-1"
            } else {
                "eu-west-1"
            };
            let zone = format!("{region}a");
            let node = machine(|node| {
                node.region = Some(region.into());
                node.zone = Some(zone.as_str().into());
                if is_spot {
                    node.capacity_type = CapacityType::Spot;
                }
            });
            let mut book = PriceBook::default();
            if is_configured {
                book.rules.push(rule());
            }
            if has_discount {
                book.discounts.push(discount(&[], DiscountKind::Negotiated));
            }
            let mut market = KnownPrices::default();
            if has_spot {
                market.spot(vec![spot_price(&zone)]);
            }
            match list {
                List::NotRead => {}
                List::HasNone => market.list(vec![list_price(region, None)]),
                List::HasIt => market.list(vec![list_price(region, Some(LISTED))]),
            }

            let expected = if is_configured {
                Ok((CONFIGURED, PriceSource::Config))
            } else if is_spot {
                let spot = Ok((SPOT, PriceSource::Spot));
                if has_spot {
                    spot
                } else {
                    Err(Unpriced::NoSpotPrice)
                }
            } else {
                let listed = match (list, is_on_current_platform) {
                    (List::HasIt, _) => Ok((LISTED, PriceSource::PriceList)),
                    (_, true) => Ok((EMBEDDED, PriceSource::Embedded)),
                    (List::HasNone, false) => Err(Unpriced::UnknownInstanceType),
                    (List::NotRead, false) => Err(Unpriced::UnknownRegion),
                };
                match listed {
                    Ok((price, _)) if has_discount => Ok((price * PAID, PriceSource::Negotiated)),
                    other => other,
                }
            };
            let found = found(&book, &market, &node);
            assert_eq!(found, expected, "{bits:05b} {list:?}");
            cases += 1;
        }
    }
    assert_eq!(cases, 96);
}

/// The same for machines of Azure, which have neither embedded prices nor the prices of AWS for whatever is called alike.
#[test]
fn of_azure_the_first_source_that_knows_a_price_wins_whatever_else_is_there() {
    const SIZE: &str = "Standard_D2s_v5";
    let mut cases = 0;
    for bits in 0..16_u32 {
        let is = |bit: u32| bits & (1 << bit) != 0;
        let [is_configured, has_discount, has_spot, is_spot] = [0, 1, 2, 3].map(is);
        for list in [List::NotRead, List::HasNone, List::HasIt] {
            let node = machine(|node| {
                node.provider = Provider::Azure;
                node.region = Some("westeurope".into());
                node.instance_type = Some(SIZE.into());
                if is_spot {
                    node.capacity_type = CapacityType::Spot;
                }
            });
            let mut book = PriceBook::default();
            if is_configured {
                let mut rule = rule();
                rule.selector.instance_type = Some(SIZE.to_owned());
                book.rules.push(rule);
            }
            if has_discount {
                book.discounts
                    .push(discount(&["Dsv5"], DiscountKind::Negotiated));
            }
            let mut market = KnownPrices::default();
            let of = |capacity_type| (Provider::Azure, "westeurope", SIZE, capacity_type);
            let on_demand = of(CapacityType::OnDemand);
            let spare = has_spot.then_some(SPOT);
            match list {
                List::NotRead => {}
                List::HasNone => market.list(vec![
                    priced(on_demand, None),
                    priced(of(CapacityType::Spot), spare),
                ]),
                List::HasIt => market.list(vec![
                    priced(on_demand, Some(LISTED)),
                    priced(of(CapacityType::Spot), spare),
                ]),
            }
            let elsewhere = (Provider::Azure, "eastus", SIZE, CapacityType::OnDemand);
            let of_aws = (Provider::Aws, "westeurope", SIZE, CapacityType::OnDemand);
            market.list(vec![
                priced(elsewhere, Some(0.2)),
                priced(of_aws, Some(0.3)),
            ]);

            let expected = if is_configured {
                Ok((CONFIGURED, PriceSource::Config))
            } else {
                match (list, is_spot, has_spot) {
                    (List::NotRead, _, _) => Err(Unpriced::NoAzurePrice),
                    (_, true, true) => Ok((SPOT, PriceSource::AzureRetail)),
                    (_, true, false) => Err(Unpriced::NoSpotPrice),
                    (List::HasNone, false, _) => Err(Unpriced::UnknownInstanceType),
                    (List::HasIt, false, _) if has_discount => {
                        Ok((LISTED * PAID, PriceSource::Negotiated))
                    }
                    (List::HasIt, false, _) => Ok((LISTED, PriceSource::AzureRetail)),
                }
            };
            let found = found(&book, &market, &node);
            assert_eq!(found, expected, "{bits:04b} {list:?}");
            cases += 1;
        }
    }
    assert_eq!(cases, 48);
}

#[test]
fn a_price_is_of_the_region_zone_and_type_of_the_node_and_of_no_other() {
    let mut market = KnownPrices::default();
    market.list(vec![list_price("eu-west-1", Some(LISTED))]);
    market.spot(vec![spot_price("us-east-1b")]);
    let book = PriceBook::default();
    type Case = (fn(&mut Node), Result<(f64, PriceSource), Unpriced>);
    let cases: [Case; 10] = [
        (|_| {}, Ok((EMBEDDED, PriceSource::Embedded))),
        (
            |node| node.region = Some("us-west-2".into()),
            Ok((EMBEDDED, PriceSource::Embedded)),
        ),
        (
            |node| node.region = Some("eu-west-1".into()),
            Ok((LISTED, PriceSource::PriceList)),
        ),
        (
            |node| node.region = Some("eu-west-2".into()),
            Err(Unpriced::UnknownRegion),
        ),
        (|node| node.region = None, Err(Unpriced::UnknownRegion)),
        (
            |node| node.instance_type = None,
            Err(Unpriced::NoInstanceType),
        ),
        (
            |node| node.instance_type = Some("p9.large".into()),
            Err(Unpriced::UnknownInstanceType),
        ),
        (
            |node| node.capacity_type = CapacityType::Spot,
            Err(Unpriced::NoSpotPrice),
        ),
        (
            |node| node.provider = Provider::GoogleCloud,
            Err(Unpriced::NotOnAws),
        ),
        (
            |node| node.provider = Provider::Azure,
            Err(Unpriced::NoAzurePrice),
        ),
    ];
    for (change, expected) in cases {
        let node = machine(change);
        assert_eq!(found(&book, &market, &node), expected, "{node:?}");
    }
}

#[test]
fn a_machine_of_no_cloud_costs_what_its_cores_and_memory_cost() {
    let mut book = PriceBook::default();
    let own = machine(|node| node.provider = Provider::Other);
    let none = KnownPrices::default();
    assert_eq!(found(&book, &none, &own), Err(Unpriced::NotOnAws));
    book.on_premises = Some(OnPremises {
        rate: SizeRate {
            core: UsdPerCoreHour::from_hourly(0.02).unwrap(),
            gib: UsdPerGibHour::from_hourly(0.005).unwrap(),
        },
        place: "prices.on_premises".into(),
    });
    let expected = 2.0 * 0.02 + 8.0 * 0.005;
    assert_eq!(
        found(&book, &none, &own),
        Ok((expected, PriceSource::Config))
    );
    // A cloud's machine is not taken for one.
    let google = machine(|node| node.provider = Provider::GoogleCloud);
    assert_eq!(found(&book, &none, &google), Err(Unpriced::NotOnAws));
    // A price of its own goes before.
    book.rules.push(rule());
    assert_eq!(
        found(&book, &none, &own),
        Ok((CONFIGURED, PriceSource::Config))
    );
}

#[test]
fn the_first_discount_that_is_for_the_family_holds() {
    let none = KnownPrices::default();
    let plan = || discount(&["c5", "m5"], DiscountKind::SavingsPlan);
    let mut other = discount(&[], DiscountKind::Negotiated);
    other.ratio = ratio(0.1);
    for (discounts, expected) in [
        (vec![], (EMBEDDED, PriceSource::Embedded)),
        (vec![plan()], (EMBEDDED * PAID, PriceSource::SavingsPlan)),
        (
            vec![discount(&["r5"], DiscountKind::SavingsPlan)],
            (EMBEDDED, PriceSource::Embedded),
        ),
        (
            vec![plan(), other.clone()],
            (EMBEDDED * PAID, PriceSource::SavingsPlan),
        ),
        (
            vec![other.clone(), plan()],
            (EMBEDDED * 0.9, PriceSource::Negotiated),
        ),
    ] {
        let book = PriceBook {
            discounts,
            ..PriceBook::default()
        };
        assert_eq!(found(&book, &none, &machine(|_| {})), Ok(expected));
    }
}

#[test]
fn auto_mode_adds_a_part_of_the_undiscounted_on_demand_price() {
    let auto = |change: fn(&mut Node)| {
        machine(|node| {
            let (label, value) = AUTO_MODE;
            node.labels = BTreeMap::from([(label.to_owned(), value.to_owned())]);
            change(node);
        })
    };
    let spare: fn(&mut Node) = |node| node.capacity_type = CapacityType::Spot;
    let unknown: fn(&mut Node) = |node| {
        node.capacity_type = CapacityType::Spot;
        node.region = Some("eu-west-1".into());
    };
    let mut market = KnownPrices::default();
    market.spot(vec![spot_price("us-east-1a")]);
    let fee = EMBEDDED * 0.12;
    let close = |found: Result<(f64, PriceSource), Unpriced>, price: f64, source| {
        let (found, of) = found.unwrap();
        assert!((found - price).abs() < 1e-12, "{found} {price}");
        assert_eq!(of, source);
    };
    let mut book = PriceBook::default();
    let plain = found(&book, &market, &auto(|_| {}));
    close(plain, EMBEDDED + fee, PriceSource::Embedded);
    let spot = found(&book, &market, &auto(spare));
    close(spot, SPOT + fee, PriceSource::Spot);
    assert_eq!(
        found(&book, &market, &auto(unknown)),
        Err(Unpriced::NoAutoModeFee)
    );
    book.discounts
        .push(discount(&[], DiscountKind::SavingsPlan));
    let less = found(&book, &market, &auto(|_| {}));
    close(less, EMBEDDED * PAID + fee, PriceSource::SavingsPlan);
    book.auto_mode_fee = Ratio::ZERO;
    let free = found(&book, &market, &auto(unknown));
    close(free, SPOT, PriceSource::Spot);
}

#[test]
fn where_a_price_comes_from_is_told() {
    let mut market = KnownPrices::default();
    market.list(vec![list_price("us-east-1", Some(LISTED))]);
    let book = PriceBook {
        discounts: vec![discount(&["m5"], DiscountKind::SavingsPlan)],
        ..PriceBook::default()
    };
    let price = price(&book, &market, &machine(|_| {}), None).unwrap();
    assert_eq!(price.provenance.fetched_at, Some(Timestamp::UNIX_EPOCH));
    assert_eq!(
        &*price.provenance.method,
        "m5.large on demand in us-east-1, from the Price List, less 25 % (prices.discounts[0])"
    );
}

#[test]
fn a_list_that_no_longer_has_a_type_does_not_take_its_price_away() {
    let mut market = KnownPrices::default();
    market.list(vec![list_price("us-east-1", Some(LISTED))]);
    market.list(vec![list_price("us-east-1", None)]);
    let known = found(&PriceBook::default(), &market, &machine(|_| {}));
    assert_eq!(known, Ok((LISTED, PriceSource::PriceList)));
}
