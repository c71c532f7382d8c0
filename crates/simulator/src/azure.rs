//! Azure's retail prices: one path, GET, JSON, no credentials.
//!
//! Each size of the world's `prices.azure` has the prices that the real list has beside the two that are meant: Windows, low
//! priority, a reservation, one that begins later. Filters leave some of them in.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use super::server::{self, Body};
use super::world::{AzurePriceSpec, World};
use super::{Shared, query_string};

/// Prefix of the paths of this part.
pub(super) const PREFIX: &str = "/azure";

/// The path below it.
const PATH: &str = "/azure/api/retail/prices";

/// The operation, as it is counted.
pub(super) const OPERATION: &str = "retail prices";

/// The properties by which a filter can choose, and what they are called in an item.
const PROPERTIES: [(&str, &str); 5] = [
    ("serviceName", "serviceName"),
    ("armRegionName", "armRegionName"),
    ("armSkuName", "armSkuName"),
    ("priceType", "type"),
    ("productName", "productName"),
];

/// Answers a request below `/azure`.
pub(super) fn handle(shared: &Shared, request: &Request<Bytes>) -> Response<Body> {
    if request.uri().path() != PATH {
        return error(StatusCode::NOT_FOUND, "Resource not found");
    }
    if request.method() != Method::GET {
        return error(StatusCode::METHOD_NOT_ALLOWED, "GET is all there is");
    }
    let query: Vec<(String, String)> =
        query_string::parameters(request.uri().query().unwrap_or_default()).collect();
    match page(&shared.world, &query, host(request)) {
        Ok(page) => server::json(StatusCode::OK, &page),
        Err(problem) => error(StatusCode::BAD_REQUEST, &problem),
    }
}

/// An error as the API gives it.
pub(super) fn error(status: StatusCode, message: &str) -> Response<Body> {
    let error = json!({"Error": {"Code": status.as_str(), "Message": message}});
    server::json(status, &error)
}

/// A page without prices that leads to itself.
pub(super) fn endless(request: &Request<Bytes>) -> Response<Body> {
    let query = request.uri().query().unwrap_or_default();
    let link = format!("http://{}{PATH}?{query}", host(request));
    server::json(StatusCode::OK, &respond("USD", &[], Some(link)))
}

fn host(request: &Request<Bytes>) -> &str {
    let host = request.headers().get(header::HOST);
    host.and_then(|host| host.to_str().ok()).unwrap_or_default()
}

/// A page as the API gives it.
fn respond(currency: &str, items: &[&Value], next: Option<String>) -> Value {
    json!({
        "BillingCurrency": currency,
        "CustomerEntityId": "Default",
        "CustomerEntityType": "Retail",
        "Items": items,
        "NextPageLink": next,
        "Count": items.len(),
    })
}

fn page(world: &World, query: &[(String, String)], host: &str) -> Result<Value, String> {
    let one = |name: &str| {
        let found = query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    };
    let filters = filters(one("$filter").unwrap_or_default())?;
    let skip = match one("$skip").map(str::parse::<usize>) {
        None => 0,
        Some(Ok(skip)) => skip,
        Some(Err(_)) => return Err("Invalid value of $skip".to_owned()),
    };
    let found: Vec<Value> = items(world)
        .filter(|item| {
            let mut filters = filters.iter();
            filters.all(|(property, value)| item[property].as_str() == Some(value))
        })
        .collect();
    let size = world.spec.prices.azure_page_size;
    let next = skip + size;
    let link = (next < found.len()).then(|| {
        let rest = query.iter().filter(|(key, _)| key != "$skip");
        let rest: Vec<String> = rest
            .map(|(key, value)| format!("{key}={}", value.replace(' ', "%20").replace('&', "%26")))
            .collect();
        format!("http://{host}{PATH}?{}&$skip={next}", rest.join("&"))
    });
    let page: Vec<&Value> = found.iter().skip(skip).take(size).collect();
    Ok(respond(&world.spec.prices.azure_currency, &page, link))
}

/// The conditions of a filter, all of which must hold: `name eq 'value' and …`.
fn filters(text: &str) -> Result<BTreeMap<&'static str, String>, String> {
    let mut filters = BTreeMap::new();
    for condition in text.split(" and ").filter(|one| !one.is_empty()) {
        let invalid = || format!("Invalid filter: {condition}");
        let (name, value) = condition.split_once(" eq ").ok_or_else(invalid)?;
        let (_, property) = PROPERTIES
            .iter()
            .find(|one| one.0 == name)
            .ok_or_else(invalid)?;
        let value = value
            .strip_prefix('\'')
            .and_then(|value| value.strip_suffix('\''))
            .ok_or_else(invalid)?;
        filters.insert(*property, value.replace("''", "'"));
    }
    Ok(filters)
}

/// A price beside another: what it is called, and how many times as much it is.
struct Variant {
    product: &'static str,
    meter: &'static str,
    price_type: &'static str,
    since: &'static str,
    times: f64,
}

const PLAIN: Variant = Variant {
    product: "",
    meter: "",
    price_type: "Consumption",
    since: "2021-11-01T00:00:00Z",
    times: 1.0,
};

/// What there is of each size besides its price on demand and, perhaps, its price as spare capacity.
const OTHERS: [Variant; 5] = [
    Variant {
        product: " Windows",
        times: 1.9,
        ..PLAIN
    },
    Variant {
        meter: " Low Priority",
        times: 0.2,
        ..PLAIN
    },
    Variant {
        price_type: "Reservation",
        times: 5_000.0,
        ..PLAIN
    },
    Variant {
        price_type: "DevTestConsumption",
        times: 0.9,
        ..PLAIN
    },
    Variant {
        since: "2999-01-01T00:00:00Z",
        times: 1.1,
        ..PLAIN
    },
];

fn items(world: &World) -> impl Iterator<Item = Value> {
    let currency = &world.spec.prices.azure_currency;
    world.spec.prices.azure.iter().flat_map(move |price| {
        let spot = price.spot_usd_per_hour.map(|hourly| {
            let spot = Variant {
                meter: " Spot",
                ..PLAIN
            };
            item(price, &spot, hourly, currency)
        });
        let others = OTHERS
            .iter()
            .map(move |variant| item(price, variant, price.usd_per_hour * variant.times, currency));
        std::iter::once(item(price, &PLAIN, price.usd_per_hour, currency))
            .chain(spot)
            .chain(others)
    })
}

fn item(price: &AzurePriceSpec, variant: &Variant, hourly: f64, currency: &str) -> Value {
    let size = price.size.trim_start_matches("Standard_").replace('_', " ");
    let name = format!("{size}{}", variant.meter);
    json!({
        "currencyCode": currency,
        "tierMinimumUnits": 0.0,
        "retailPrice": hourly,
        "unitPrice": hourly,
        "armRegionName": price.region,
        "location": price.region,
        "effectiveStartDate": variant.since,
        "meterId": "0561adcb-1c48-542e-9e0c-10dea22fc392",
        "meterName": name,
        "productId": "DZH318Z08M9W",
        "skuId": "DZH318Z08M9W/0092",
        "productName": format!("Virtual Machines {size} Series{}", variant.product),
        "skuName": name,
        "serviceName": "Virtual Machines",
        "serviceId": "DZH313Z7MMC8",
        "serviceFamily": "Compute",
        "unitOfMeasure": "1 Hour",
        "type": variant.price_type,
        "isPrimaryMeterRegion": false,
        "armSkuName": price.size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORLD: &str = "
name: w
prices:
  azure_page_size: 2
  azure:
    - {region: westeurope, size: Standard_D2s_v5, usd_per_hour: 0.115, spot_usd_per_hour: 0.023}
    - {region: eastus, size: Standard_D2s_v5, usd_per_hour: 0.096}
";

    fn ask(query: &str) -> Result<Value, String> {
        let world = World::from_yaml(WORLD).unwrap();
        let query: Vec<_> = query_string::parameters(query).collect();
        page(&world, &query, "127.0.0.1:1")
    }

    #[test]
    fn pages_lead_on_with_the_filter_until_all_that_fits_is_told() {
        let filter = "armRegionName eq 'westeurope' and armSkuName eq 'Standard_D2s_v5' and priceType eq 'Consumption'";
        let mut query = format!("api-version=2023-01-01-preview&$filter={filter}");
        let mut prices = Vec::new();
        let mut pages = 0;
        loop {
            let page = ask(&query).unwrap();
            let items = page["Items"].as_array().unwrap();
            prices.extend(
                items
                    .iter()
                    .map(|item| item["retailPrice"].as_f64().unwrap()),
            );
            pages += 1;
            let Some(link) = page["NextPageLink"].as_str() else {
                break;
            };
            query = link.split_once('?').unwrap().1.to_owned();
        }
        let expected = [0.115, 0.023, 0.115 * 1.9, 0.115 * 0.2, 0.115 * 1.1];
        assert_eq!((prices.as_slice(), pages), (&expected[..], 3));
    }

    #[test]
    fn a_filter_keeps_upper_from_lower_case_and_one_that_makes_no_sense_is_refused() {
        let none = ask("$filter=armSkuName eq 'standard_d2s_v5'").unwrap();
        assert_eq!(none["Count"], 0);
        for filter in ["armSkuName", "colour eq 'red'", "armSkuName eq red"] {
            assert!(ask(&format!("$filter={filter}")).is_err(), "{filter}");
        }
        assert!(ask("$skip=many").is_err());
    }
}
