//! GetProducts: what is asked, and what the answer says.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::sources::prices::list::answer::Problem;
use crate::sources::prices::plausible;
use crate::units::UsdPerHour;

/// Which of the three regions that serve the Price List is asked about a region: the nearest.
pub(super) fn api_region(region: &str) -> &'static str {
    match region.split('-').next().unwrap_or_default() {
        "eu" | "me" | "il" | "af" => "eu-central-1",
        "ap" => "ap-south-1",
        _ => "us-east-1",
    }
}

/// The input that leaves one product: Linux without software, on shared hardware, on demand.
pub(super) fn question(region: &str, instance_type: &str) -> Value {
    let filters = [
        ("regionCode", region),
        ("instanceType", instance_type),
        ("operatingSystem", "Linux"),
        ("preInstalledSw", "NA"),
        ("tenancy", "Shared"),
        ("capacitystatus", "Used"),
        ("marketoption", "OnDemand"),
    ];
    let filters =
        filters.map(|(field, value)| json!({"Type": "TERM_MATCH", "Field": field, "Value": value}));
    json!({
        "ServiceCode": "AmazonEC2",
        "FormatVersion": "aws_v1",
        "Filters": filters,
    })
}

/// The output. Each product is a JSON document in a string.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Products {
    #[serde(default)]
    price_list: Vec<String>,
}

#[derive(Deserialize)]
struct Product {
    terms: Terms,
}

#[derive(Default, Deserialize)]
struct Terms {
    #[serde(rename = "OnDemand", default)]
    on_demand: BTreeMap<String, Offer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offer {
    price_dimensions: BTreeMap<String, Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    unit: String,
    price_per_unit: BTreeMap<String, String>,
}

/// The one price of an answer; absent where the list has no such type.
///
/// # Errors
/// When it has prices, and which is meant, or in which unit, is not certain.
pub(super) fn price(
    products: &Products,
    instance_type: &str,
) -> Result<Option<UsdPerHour>, Problem> {
    let mut found: Option<UsdPerHour> = None;
    for text in &products.price_list {
        let product: Product = serde_json::from_str(text)
            .map_err(|error| Problem::not_understood(format!("a product: {error}")))?;
        let offers = product.terms.on_demand.values();
        for dimension in offers.flat_map(|offer| offer.price_dimensions.values()) {
            let price = hourly(dimension)?;
            plausible(instance_type, price)
                .map_err(|error| Problem::not_understood(error.to_string()))?;
            match found {
                Some(other) if other != price => {
                    return Err(Problem::two(other, price));
                }
                _ => found = Some(price),
            }
        }
    }
    Ok(found)
}

fn hourly(dimension: &Dimension) -> Result<UsdPerHour, Problem> {
    if dimension.unit != "Hrs" {
        return Err(Problem::another_unit(&dimension.unit));
    }
    let Some(text) = dimension.price_per_unit.get("USD") else {
        let currencies: Vec<&str> = dimension.price_per_unit.keys().map(|key| &**key).collect();
        return Err(Problem::not_in_usd(&currencies.join(", ")));
    };
    let price = text
        .parse()
        .ok()
        .and_then(|hourly| UsdPerHour::from_hourly(hourly).ok());
    price
        .filter(|price| !price.is_zero())
        .ok_or_else(|| Problem::not_understood(format!("a price of {text:?} USD per hour")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(unit: &str, currency: &str, price: &str) -> String {
        json!({
            "product": {"sku": "S", "attributes": {"instanceType": "m5.large"}},
            "serviceCode": "AmazonEC2",
            "terms": {"OnDemand": {"S.T": {"priceDimensions": {"S.T.R": {
                "unit": unit,
                "pricePerUnit": {currency: price},
            }}}}},
        })
        .to_string()
    }

    fn read(products: &[String]) -> Result<Option<f64>, String> {
        let answer = json!({"FormatVersion": "aws_v1", "PriceList": products});
        let products: Products = serde_json::from_value(answer).unwrap();
        let price = price(&products, "m5.large").map_err(|problem| problem.text)?;
        Ok(price.map(UsdPerHour::hourly))
    }

    #[test]
    fn one_certain_price_is_taken_and_no_other() {
        let good = product("Hrs", "USD", "0.0960000000");
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(std::slice::from_ref(&good)), Ok(Some(0.096)));
        assert_eq!(read(&[good.clone(), good.clone()]), Ok(Some(0.096)));
        assert_eq!(
            read(&[r#"{"product": {}, "terms": {}}"#.to_owned()]),
            Ok(None)
        );
        for (second, problem) in [
            (product("Hrs", "USD", "0.2"), "two prices, 0.096 and 0.2"),
            (product("Quantity", "USD", "1"), "for each \"Quantity\""),
            (product("Hrs", "CNY", "0.6"), "in CNY and not in USD"),
            (
                product("Hrs", "USD", "0.0000000000"),
                "a price of \"0.0000000000\"",
            ),
            (product("Hrs", "USD", "-1"), "a price of \"-1\""),
            (product("Hrs", "USD", "free"), "a price of \"free\""),
            (product("Hrs", "USD", "96"), "1000 times the list price"),
            ("{".to_owned(), "a product: "),
        ] {
            let error = read(&[good.clone(), second]).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn a_region_is_asked_for_at_the_nearest_endpoint() {
        for (region, endpoint) in [
            ("us-west-2", "us-east-1"),
            ("sa-east-1", "us-east-1"),
            ("eu-north-1", "eu-central-1"),
            ("me-south-1", "eu-central-1"),
            ("ap-northeast-1", "ap-south-1"),
        ] {
            assert_eq!(api_region(region), endpoint);
        }
    }
}
