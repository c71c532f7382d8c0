//! The Price List: GetProducts of Amazon EC2.
//!
//! Each type of the world's `prices.on_demand` has three products, as the real list has many: the one that is meant, the same
//! under Windows, and the same in a capacity reservation that stands unused. Only filters tell them apart.

use serde_json::json;

use super::document::{Document, structure, text};
use super::failure::Failure;
use super::token;
use crate::cloud::world::World;

/// The most products on a page.
const PAGE_SIZE: i64 = 100;

/// What the tokens of this operation are for.
const PURPOSE: &str = "GetProducts";

/// What tells the products of a type apart: operating system, state of the capacity, and how many times the price.
const VARIANTS: [(&str, &str, f64); 3] = [
    ("Linux", "Used", 1.0),
    ("Windows", "Used", 1.9),
    ("Linux", "UnusedCapacityReservation", 1.0),
];

/// Answers a call.
pub(super) fn answer(
    world: &World,
    operation: &str,
    input: &Document,
) -> Result<Document, Failure> {
    if operation != "GetProducts" {
        return Err(Failure::unknown_operation(operation));
    }
    let service = input.member("ServiceCode").and_then(Document::as_text);
    if service != Some("AmazonEC2") {
        return Err(invalid(
            "ServiceCode must be AmazonEC2, which alone has prices here",
        ));
    }
    let filters = filters(input)?;
    let matching = products(world).filter(|product| {
        filters.iter().all(|(field, value)| {
            let stated = product["product"]["attributes"][*field].as_str();
            stated == Some(*value)
        })
    });
    let from = position(input)?;
    let size = match input.member("MaxResults").map(Document::as_integer) {
        None => PAGE_SIZE,
        Some(Some(size @ 1..=PAGE_SIZE)) => size,
        Some(_) => return Err(invalid("MaxResults must be 1 to 100")),
    };
    let size = usize::try_from(size).unwrap_or_default();
    let found: Vec<String> = matching.map(|product| product.to_string()).collect();
    let next = from + size;
    let page = found.iter().skip(from).take(size);
    let page = Document::List(page.map(|product| text(product.as_str())).collect());
    Ok(if next < found.len() {
        let token = token::write(&next.to_string(), PURPOSE);
        structure([
            ("FormatVersion", text("aws_v1")),
            ("PriceList", page),
            ("NextToken", text(token)),
        ])
    } else {
        structure([("FormatVersion", text("aws_v1")), ("PriceList", page)])
    })
}

fn products(world: &World) -> impl Iterator<Item = serde_json::Value> {
    let region = world.spec.region.as_str();
    let types = world.spec.prices.on_demand.iter().enumerate();
    types.flat_map(move |(at, (instance_type, price))| {
        VARIANTS.iter().enumerate().map(move |(variant, (system, capacity, times))| {
            let sku = format!("SKU{at:05}{variant}");
            let (offer, rate) = (format!("{sku}.JRTCKXETXF"), format!("{sku}.JRTCKXETXF.6YS6EN2CT7"));
            json!({
                "product": {
                    "productFamily": "Compute Instance",
                    "sku": sku,
                    "attributes": {
                        "instanceType": instance_type,
                        "regionCode": region,
                        "operatingSystem": system,
                        "preInstalledSw": "NA",
                        "tenancy": "Shared",
                        "capacitystatus": capacity,
                        "marketoption": "OnDemand",
                        "servicecode": "AmazonEC2",
                    },
                },
                "serviceCode": "AmazonEC2",
                "terms": { "OnDemand": { offer: {
                    "sku": sku,
                    "offerTermCode": "JRTCKXETXF",
                    "priceDimensions": { rate: {
                        "unit": "Hrs",
                        "beginRange": "0",
                        "endRange": "Inf",
                        "description": format!("${} per On Demand {system} {instance_type}", price * times),
                        "pricePerUnit": { "USD": format!("{:.10}", price * times) },
                    } },
                } } },
                "version": "20260701000000",
            })
        })
    })
}

/// The filters, each a field and its value.
fn filters(input: &Document) -> Result<Vec<(&str, &str)>, Failure> {
    let filters = input.member("Filters").and_then(Document::as_list);
    let read = |filter| {
        let member = |name| Document::member(filter, name).and_then(Document::as_text);
        match (member("Type"), member("Field"), member("Value")) {
            (Some("TERM_MATCH"), Some(field), Some(value)) => Ok((field, value)),
            _ => Err(invalid(
                "a filter needs the Type TERM_MATCH, a Field and a Value",
            )),
        }
    };
    filters.unwrap_or_default().iter().map(read).collect()
}

fn position(input: &Document) -> Result<usize, Failure> {
    let Some(token) = input.member("NextToken").and_then(Document::as_text) else {
        return Ok(0);
    };
    token::read(token, PURPOSE)
        .and_then(|position| position.parse().ok())
        .ok_or_else(|| Failure::bad_token("The pagination token is invalid."))
}

fn invalid(message: &str) -> Failure {
    Failure {
        code: "InvalidParameterException",
        ..Failure::validation(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(types: usize) -> World {
        let prices: Vec<String> = (0..types)
            .map(|at| format!("t{at:03}.large: 0.5"))
            .collect();
        let prices = prices.join(", ");
        World::from_yaml(&format!("{{name: w, prices: {{on_demand: {{{prices}}}}}}}")).unwrap()
    }

    fn ask(world: &World, filters: &[(&str, &str)], token: Option<&str>) -> Document {
        let filters: Vec<_> = filters
            .iter()
            .map(|(field, value)| json!({"Type": "TERM_MATCH", "Field": field, "Value": value}))
            .collect();
        let mut input = json!({"ServiceCode": "AmazonEC2", "Filters": filters});
        if let Some(token) = token {
            input["NextToken"] = token.into();
        }
        let input = Document::from_json(input.to_string().as_bytes()).unwrap();
        answer(world, "GetProducts", &input).unwrap()
    }

    fn found(answer: &Document) -> usize {
        answer.member("PriceList").unwrap().as_list().unwrap().len()
    }

    #[test]
    fn filters_leave_the_one_product_that_is_meant() {
        let world = world(3);
        let one = [("instanceType", "t001.large"), ("regionCode", "us-east-1")];
        assert_eq!(found(&ask(&world, &one, None)), 3);
        let linux = [&one[..], &[("operatingSystem", "Linux")]].concat();
        assert_eq!(found(&ask(&world, &linux, None)), 2);
        let used = [&linux[..], &[("capacitystatus", "Used")]].concat();
        assert_eq!(found(&ask(&world, &used, None)), 1);
        let elsewhere = [("instanceType", "t001.large"), ("regionCode", "eu-west-1")];
        assert_eq!(found(&ask(&world, &elsewhere, None)), 0);
    }

    #[test]
    fn products_come_in_pages_of_a_hundred() {
        let world = world(50);
        let first = ask(&world, &[], None);
        assert_eq!(found(&first), 100);
        let token = first.member("NextToken").unwrap().as_text().unwrap();
        let second = ask(&world, &[], Some(token));
        assert_eq!(found(&second), 50);
        assert_eq!(second.member("NextToken"), None);
    }
}
