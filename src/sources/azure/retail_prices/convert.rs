//! Azure's retail prices: what is asked, and what the answer says.

use std::sync::Arc;

use http::Uri;
use jiff::Timestamp;
use serde::Deserialize;

use crate::sources::percent::escaped;
use crate::sources::price_list::response::{Answer, PriceListError};
use breakeven_model::inventory::{CapacityType, Sku};
use breakeven_model::pricing::plausible;
use breakeven_model::units::UsdPerHour;

/// The version whose filters tell upper case from lower, and whose answers are described.
const VERSION: &str = "2023-01-01-preview";

const SERVICE: &str = "Virtual Machines";
/// Paid by use. Reservations and prices for development and testing are others.
const CONSUMPTION: &str = "Consumption";
const HOUR: &str = "1 Hour";
const USD: &str = "USD";

/// What products are called that no node of Linux is charged by: Windows with its licence, and the classic Cloud Services, which
/// have prices of their own for the same sizes.
const OTHER_PRODUCTS: [&str; 3] = ["Windows", "CloudServices", "Cloud Services"];

/// How the meters of spare capacity end: now, and of the one for Azure Batch alone, which ended before.
const SPOT: &str = " Spot";
const LOW_PRIORITY: &str = " Low Priority";

/// The address of the first page about a size in a region.
pub(super) fn first_page(base: &str, region: &str, size: &str) -> String {
    let text = |value: &str| value.replace('\'', "''");
    let filter = format!(
        "serviceName eq '{SERVICE}' and armRegionName eq '{}' and armSkuName eq '{}' and priceType eq '{CONSUMPTION}'",
        text(region),
        text(size)
    );
    format!(
        "{base}?api-version={VERSION}&currencyCode={}&$filter={}",
        escaped(&format!("'{USD}'")),
        escaped(&filter)
    )
}

/// The address of a page that the one before leads to, on the server that was asked and on no other.
///
/// # Errors
/// When it leads to another server.
pub(super) fn next_page(base: &str, link: &str) -> Result<String, String> {
    let elsewhere = || format!("its next page is at {link:?}, which is another server");
    let here: Uri = base.parse().map_err(|_| elsewhere())?;
    let there: Uri = link.parse().map_err(|_| elsewhere())?;
    // Azure names the port, which need not be named.
    let port = |uri: &Uri| {
        let usual = uri.scheme_str().map(|scheme| match scheme {
            "https" => 443,
            _ => 80,
        });
        uri.port_u16().or(usual)
    };
    let is_here = here.scheme() == there.scheme()
        && here.host() == there.host()
        && port(&here) == port(&there);
    let (Some(scheme), Some(authority), true) = (here.scheme_str(), here.authority(), is_here)
    else {
        return Err(elsewhere());
    };
    let path = there.path_and_query().map_or("/", |path| path.as_str());
    Ok(format!("{scheme}://{authority}{path}"))
}

/// A page of an answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Page {
    billing_currency: String,
    pub(super) items: Vec<Item>,
    #[serde(default)]
    pub(super) next_page_link: Option<String>,
}

/// One price, as far as it is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    currency_code: String,
    #[serde(default)]
    tier_minimum_units: f64,
    retail_price: f64,
    arm_region_name: String,
    effective_start_date: Timestamp,
    #[serde(default)]
    effective_end_date: Option<Timestamp>,
    meter_name: String,
    product_name: String,
    sku_name: String,
    service_name: String,
    unit_of_measure: String,
    #[serde(rename = "type")]
    price_type: String,
    arm_sku_name: String,
}

/// Reads a page.
///
/// # Errors
/// When it is none, or all its prices are in another currency.
pub(super) fn page(body: &[u8]) -> Result<Page, String> {
    let page: Page =
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(body))
            .map_err(|error| error.to_string())?;
    if page.billing_currency != USD {
        return Err(format!(
            "it answers in {} and not in USD, in which Azure sets its prices",
            page.billing_currency
        ));
    }
    Ok(page)
}

/// The prices of a machine on demand and as spare capacity that hold now.
pub(super) fn answer(items: Vec<Item>, region: &str, size: &Arc<str>, now: Timestamp) -> Answer {
    let items: Vec<Item> = items
        .into_iter()
        .filter(|item| item.is_meant(region, size, now))
        .collect();
    let mut answer = Answer::default();
    for capacity_type in [CapacityType::OnDemand, CapacityType::Spot] {
        let of_it = items
            .iter()
            .filter(|item| item.capacity_type() == capacity_type);
        let product = Sku::Machine {
            instance_type: Arc::clone(size),
            capacity_type,
        };
        answer.add(product, present(of_it, size));
    }
    answer
}

/// The price that came into force last.
fn present<'a>(
    items: impl Iterator<Item = &'a Item>,
    size: &str,
) -> Result<Option<UsdPerHour>, PriceListError> {
    let mut newest: Option<(Timestamp, UsdPerHour)> = None;
    for item in items {
        let price = item.hourly(size)?;
        match newest {
            Some((since, _)) if since > item.effective_start_date => {}
            Some((since, other)) if since == item.effective_start_date && other != price => {
                return Err(PriceListError::two(other, price));
            }
            _ => newest = Some((item.effective_start_date, price)),
        }
    }
    Ok(newest.map(|(_, price)| price))
}

impl Item {
    /// Whether it is a price of the machine, for Linux, in force. A filter of the API may let more through, and whether a meter is
    /// the primary one of its region says nothing of that.
    fn is_meant(&self, region: &str, size: &str, now: Timestamp) -> bool {
        let is_called = |part: &&str| self.product_name.contains(part);
        self.service_name == SERVICE
            && self.price_type == CONSUMPTION
            && self.arm_region_name == region
            && self.arm_sku_name == size
            && self.tier_minimum_units <= 0.0
            && !OTHER_PRODUCTS.iter().any(is_called)
            && !self.is_called(LOW_PRIORITY)
            && self.effective_start_date <= now
            && self.effective_end_date.is_none_or(|end| end > now)
    }

    fn capacity_type(&self) -> CapacityType {
        if self.is_called(SPOT) {
            CapacityType::Spot
        } else {
            CapacityType::OnDemand
        }
    }

    fn is_called(&self, end: &str) -> bool {
        self.sku_name.ends_with(end) || self.meter_name.ends_with(end)
    }

    fn hourly(&self, size: &str) -> Result<UsdPerHour, PriceListError> {
        if self.unit_of_measure != HOUR {
            return Err(PriceListError::another_unit(&self.unit_of_measure));
        }
        if self.currency_code != USD {
            return Err(PriceListError::not_in_usd(&self.currency_code));
        }
        let price = UsdPerHour::from_hourly(self.retail_price).ok();
        let price = price.filter(|price| !price.is_zero()).ok_or_else(|| {
            PriceListError::not_understood(format!("a price of {} USD per hour", self.retail_price))
        })?;
        plausible(size, price)
            .map_err(|error| PriceListError::not_understood(error.to_string()))?;
        Ok(price)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SIZE: &str = "Standard_D2s_v5";

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    /// An item as the API gives it, but for what is changed.
    fn item(changes: &Value) -> Item {
        let mut item = json!({
            "currencyCode": "USD",
            "tierMinimumUnits": 0.0,
            "retailPrice": 0.096,
            "unitPrice": 0.096,
            "armRegionName": "eastus",
            "location": "US East",
            "effectiveStartDate": "2021-11-01T00:00:00Z",
            "meterId": "0561adcb-1c48-542e-9e0c-10dea22fc392",
            "meterName": "D2s v5",
            "productId": "DZH318Z08M9W",
            "skuId": "DZH318Z08M9W/0092",
            "productName": "Virtual Machines Dsv5 Series",
            "skuName": "D2s v5",
            "serviceName": "Virtual Machines",
            "serviceId": "DZH313Z7MMC8",
            "serviceFamily": "Compute",
            "unitOfMeasure": "1 Hour",
            "type": "Consumption",
            "isPrimaryMeterRegion": false,
            "armSkuName": SIZE,
        });
        for (key, value) in changes.as_object().unwrap() {
            item[key] = value.clone();
        }
        serde_json::from_value(item).unwrap()
    }

    fn read(items: &[Value]) -> (Option<f64>, Option<f64>, Vec<String>) {
        let items = items.iter().map(item).collect();
        let answer = answer(items, "eastus", &SIZE.into(), now());
        let price = |of: CapacityType| {
            let of = |product: &Sku| matches!(product, Sku::Machine { capacity_type, .. } if *capacity_type == of);
            let found = answer.prices.iter().find(|one| of(&one.0)).unwrap();
            found.1.map(UsdPerHour::hourly)
        };
        let problems = answer.problems.iter();
        let problems = problems.map(|one| format!("{}: {}", one.reason, one.text));
        let (on_demand, spot) = (price(CapacityType::OnDemand), price(CapacityType::Spot));
        (on_demand, spot, problems.collect())
    }

    #[test]
    fn prices_of_linux_that_hold_now_are_taken_and_no_others() {
        let base = json!({});
        let spot =
            json!({"retailPrice": 0.0192, "skuName": "D2s v5 Spot", "meterName": "D2s v5 Spot"});
        assert_eq!(read(&[]), (None, None, vec![]));
        assert_eq!(
            read(&[base.clone(), spot.clone()]),
            (Some(0.096), Some(0.0192), vec![])
        );
        for other in [
            json!({"retailPrice": 0.188, "productName": "Virtual Machines Dsv5 Series Windows"}),
            json!({"retailPrice": 0.12, "productName": "Dsv5 Series CloudServices"}),
            json!({"retailPrice": 0.01, "skuName": "D2s v5 Low Priority"}),
            json!({"retailPrice": 0.01, "meterName": "D2s v5 Low Priority"}),
            json!({"retailPrice": 519.0, "type": "Reservation"}),
            json!({"retailPrice": 0.05, "type": "DevTestConsumption"}),
            json!({"retailPrice": 0.2, "armRegionName": "eastus2"}),
            json!({"retailPrice": 0.2, "armSkuName": "Standard_D4s_v5"}),
            json!({"retailPrice": 0.2, "serviceName": "Cloud Services"}),
            json!({"retailPrice": 0.09, "tierMinimumUnits": 100.0}),
            json!({"retailPrice": 0.09, "effectiveStartDate": "2026-04-01T00:00:00Z"}),
            json!({"retailPrice": 0.09, "effectiveStartDate": "2025-01-01T00:00:00Z",
                "effectiveEndDate": "2026-01-01T00:00:00Z"}),
            json!({"retailPrice": 0.2, "effectiveStartDate": "2020-01-01T00:00:00Z"}),
            base.clone(),
        ] {
            let found = read(&[base.clone(), other.clone(), spot.clone()]);
            assert_eq!(found, (Some(0.096), Some(0.0192), vec![]), "{other}");
        }
        let newer = json!({"retailPrice": 0.1, "effectiveStartDate": "2026-02-01T00:00:00Z"});
        assert_eq!(read(&[newer, base]).0, Some(0.1));
    }

    #[test]
    fn a_price_that_is_not_certain_is_left_out_with_its_reason_and_the_other_stays() {
        let spot = json!({"retailPrice": 0.0192, "skuName": "D2s v5 Spot"});
        for (unexpected, problem) in [
            (
                json!({"retailPrice": 0.2}),
                "price_not_understood: two prices, 0.096 and 0.2",
            ),
            (
                json!({"unitOfMeasure": "1/Month"}),
                "price_not_understood: a price for each \"1/Month\"",
            ),
            (
                json!({"currencyCode": "EUR"}),
                "price_not_in_usd: a price in EUR and not in USD",
            ),
            (
                json!({"retailPrice": 0.0}),
                "price_not_understood: a price of 0 USD",
            ),
            (
                json!({"retailPrice": -0.1}),
                "price_not_understood: a price of -0.1 USD",
            ),
            (
                json!({"retailPrice": 9.6}),
                "it looks like a price in cents",
            ),
        ] {
            let (on_demand, spare, problems) = read(&[json!({}), unexpected, spot.clone()]);
            assert_eq!((on_demand, spare), (None, Some(0.0192)), "{problem}");
            assert!(
                problems.len() == 1 && problems[0].contains(problem),
                "{problems:?}"
            );
        }
    }

    #[test]
    fn the_question_names_service_region_size_and_kind_of_price_and_keeps_them_apart() {
        assert_eq!(
            first_page(super::super::BASE_URL, "eastus", SIZE),
            "https://prices.azure.com/api/retail/prices?api-version=2023-01-01-preview&currencyCode=%27USD%27\
             &$filter=serviceName%20eq%20%27Virtual%20Machines%27%20and%20armRegionName%20eq%20%27eastus%27\
             %20and%20armSkuName%20eq%20%27Standard_D2s_v5%27%20and%20priceType%20eq%20%27Consumption%27"
        );
        let unexpected = first_page("http://a", "x' or '1' eq '1", SIZE);
        assert!(
            unexpected.contains("%27x%27%27%20or%20%27%271%27%27%20eq%20%27%271%27"),
            "{unexpected}"
        );
    }

    #[test]
    fn a_next_page_is_on_the_same_server_or_refused() {
        let base = "https://prices.azure.com/api/retail/prices";
        let next = |link: &str| next_page(base, link);
        assert_eq!(
            next("https://prices.azure.com:443/api/retail/prices?$filter=a&$skip=1000").unwrap(),
            "https://prices.azure.com/api/retail/prices?$filter=a&$skip=1000"
        );
        for link in [
            "https://prices.azure.com.example.com/api/retail/prices?$skip=1000",
            "http://prices.azure.com/api/retail/prices?$skip=1000",
            "https://prices.azure.com:8443/api/retail/prices",
            "http://169.254.169.254/metadata/instance",
            "/api/retail/prices?$skip=1000",
            "no link",
        ] {
            assert!(next(link).unwrap_err().contains("another server"), "{link}");
        }
        assert_eq!(
            next_page("http://127.0.0.1:80/azure", "http://127.0.0.1/azure?x").unwrap(),
            "http://127.0.0.1:80/azure?x"
        );
    }

    #[test]
    fn a_page_is_read_whole_and_one_in_another_currency_or_of_another_form_is_refused() {
        let good = r#"{"BillingCurrency": "USD", "CustomerEntityId": "Default", "CustomerEntityType": "Retail",
            "Items": [], "NextPageLink": null, "Count": 0}"#;
        let read = page(good.as_bytes()).unwrap();
        assert!(read.items.is_empty() && read.next_page_link.is_none());
        for (text, problem) in [
            (
                good.replace("USD", "EUR"),
                "it answers in EUR and not in USD",
            ),
            (
                good.replace("\"Items\"", "\"Rows\""),
                "missing field `Items`",
            ),
            (good.replace("[]", "[{}]"), "Items[0]"),
            ("<html>".to_owned(), "expected value"),
        ] {
            let error = page(text.as_bytes()).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }
}
