//! GetProducts: what the answer says.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::sources::price_list::response::PriceListError;
use breakeven_model::pricing::plausible;
use breakeven_model::units::UsdPerHour;

/// The output. Each product is a JSON document in a string.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Products {
    #[serde(default)]
    pub(super) price_list: Vec<String>,
    #[serde(default)]
    pub(super) next_token: Option<String>,
}

/// A product, as far as it is read.
#[derive(Deserialize)]
pub(super) struct Listed {
    #[serde(default)]
    product: Described,
    terms: OfferTerms,
}

#[derive(Default, Deserialize)]
struct Described {
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Default, Deserialize)]
struct Attributes {
    #[serde(default)]
    usagetype: String,
}

#[derive(Default, Deserialize)]
struct OfferTerms {
    #[serde(rename = "OnDemand", default)]
    on_demand: BTreeMap<String, OnDemandTerm>,
}

impl Listed {
    pub(super) fn read(text: &str) -> Result<Self, PriceListError> {
        serde_json::from_str(text)
            .map_err(|error| PriceListError::not_understood(format!("a product: {error}")))
    }

    /// How its use is called, such as `EUW1-Fargate-GB-Hours`.
    pub(super) fn usage(&self) -> &str {
        &self.product.attributes.usagetype
    }

    /// Its prices on demand.
    pub(super) fn dimensions(&self) -> impl Iterator<Item = &Dimension> {
        let offers = self.terms.on_demand.values();
        offers.flat_map(|offer| offer.price_dimensions.values())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnDemandTerm {
    price_dimensions: BTreeMap<String, Dimension>,
}

/// A price of a product.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dimension {
    pub(super) unit: String,
    price_per_unit: BTreeMap<String, String>,
}

impl Dimension {
    /// What a unit costs, in USD.
    pub(super) fn usd(&self) -> Result<f64, PriceListError> {
        let Some(text) = self.price_per_unit.get("USD") else {
            let currencies: Vec<&str> = self.price_per_unit.keys().map(|key| &**key).collect();
            return Err(PriceListError::not_in_usd(&currencies.join(", ")));
        };
        let price = text.parse().ok();
        price.ok_or_else(|| PriceListError::not_understood(format!("a price of {text:?} USD")))
    }
}

/// The one price of a machine; absent where the list has no such type.
///
/// # Errors
/// When it has prices, and which is meant, or in which unit, is not certain.
pub(super) fn machine(
    products: &[String],
    instance_type: &str,
) -> Result<Option<UsdPerHour>, PriceListError> {
    let mut found: Option<UsdPerHour> = None;
    for text in products {
        for dimension in Listed::read(text)?.dimensions() {
            let price = hourly(dimension)?;
            let held = plausible(instance_type, price);
            held.map_err(|error| PriceListError::not_understood(error.to_string()))?;
            match found {
                Some(other) if other != price => return Err(PriceListError::two(other, price)),
                _ => found = Some(price),
            }
        }
    }
    Ok(found)
}

fn hourly(dimension: &Dimension) -> Result<UsdPerHour, PriceListError> {
    if dimension.unit != "Hrs" {
        return Err(PriceListError::another_unit(&dimension.unit));
    }
    let usd = dimension.usd()?;
    let price = UsdPerHour::from_hourly(usd).ok();
    price
        .filter(|price| !price.is_zero())
        .ok_or_else(|| PriceListError::not_understood(format!("a price of {usd} USD per hour")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        let price = machine(&products.price_list, "m5.large").map_err(|problem| problem.text)?;
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
                "a price of 0 USD per hour",
            ),
            (product("Hrs", "USD", "-1"), "a price of -1 USD per hour"),
            (product("Hrs", "USD", "free"), "a price of \"free\""),
            (product("Hrs", "USD", "96"), "1000 times the list price"),
            ("{".to_owned(), "a product: "),
        ] {
            let error = read(&[good.clone(), second]).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }
}
