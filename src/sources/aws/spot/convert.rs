//! DescribeSpotPriceHistory: what is asked, and what the answer says.

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};
use jiff::Timestamp;

use crate::sources::percent::escaped;
use breakeven_model::inventory::SpotPrice;
use breakeven_model::pricing::plausible;
use breakeven_model::units::UsdPerHour;

/// The version of the API.
const VERSION: &str = "2016-11-15";

/// How many prices a page has at most.
const PAGE_SIZE: u32 = 1_000;

/// The form of a question for what types cost from `now` on.
pub(super) fn form(types: &[&str], now: Timestamp, token: Option<&str>) -> String {
    let mut form = format!(
        "Action=DescribeSpotPriceHistory&Version={VERSION}&MaxResults={PAGE_SIZE}\
         &ProductDescription.1=Linux%2FUNIX&StartTime={}",
        escaped(&now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    );
    for (at, instance_type) in types.iter().enumerate() {
        // Writing to a String does not fail.
        let _ = write!(form, "&InstanceType.{}={}", at + 1, escaped(instance_type));
    }
    if let Some(token) = token {
        let _ = write!(form, "&NextToken={}", escaped(token));
    }
    form
}

/// A page of an answer.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) entries: Vec<Entry>,
    pub(super) next_token: Option<String>,
}

/// One price, as it is written.
#[derive(Debug, Default)]
pub(super) struct Entry {
    instance_type: String,
    zone: String,
    product: String,
    price: String,
    since: String,
}

/// Reads a page of an answer.
pub(super) fn page(xml: &[u8]) -> Result<Page, String> {
    let text = std::str::from_utf8(xml).map_err(|error| error.to_string())?;
    // The reader takes the end of the text for the end of all that is open.
    if !text
        .trim_end()
        .ends_with("</DescribeSpotPriceHistoryResponse>")
    {
        return Err("it is no answer to this question, or breaks off".to_owned());
    }
    let mut document = Document::new(text);
    read_page(&mut document).map_err(|error| error.to_string())
}

fn read_page(document: &mut Document<'_>) -> Result<Page, XmlDecodeError> {
    let mut root = document.root_element()?;
    let mut page = Page::default();
    while let Some(mut member) = root.next_tag() {
        match member.start_el().local() {
            "spotPriceHistorySet" => {
                while let Some(mut item) = member.next_tag() {
                    page.entries.push(entry(&mut item)?);
                }
            }
            "nextToken" => {
                let token = try_data(&mut member)?;
                page.next_token = (!token.is_empty()).then(|| token.into_owned());
            }
            _ => {}
        }
    }
    Ok(page)
}

fn entry(item: &mut ScopedDecoder<'_, '_>) -> Result<Entry, XmlDecodeError> {
    let mut entry = Entry::default();
    while let Some(mut member) = item.next_tag() {
        let field = match member.start_el().local() {
            "instanceType" => &mut entry.instance_type,
            "availabilityZone" => &mut entry.zone,
            "productDescription" => &mut entry.product,
            "spotPrice" => &mut entry.price,
            "timestamp" => &mut entry.since,
            _ => continue,
        };
        *field = try_data(&mut member)?.into_owned();
    }
    Ok(entry)
}

/// The price that holds for each type in each zone, and how many prices made no sense.
pub(super) fn present(entries: Vec<Entry>, now: Timestamp) -> (Vec<SpotPrice>, u64) {
    let mut newest: HashMap<(String, String), (Timestamp, SpotPrice)> = HashMap::new();
    let mut unexpected = 0;
    for entry in entries {
        let key = (entry.zone.clone(), entry.instance_type.clone());
        let Some((since, price)) = read(entry, now) else {
            unexpected += 1;
            continue;
        };
        // A price that begins later is not the present one.
        let is_newer = newest.get(&key).is_none_or(|before| before.0 < since);
        if since <= now && is_newer {
            newest.insert(key, (since, price));
        }
    }
    let prices = newest.into_values().map(|(_, price)| price);
    (prices.collect(), unexpected)
}

fn read(entry: Entry, now: Timestamp) -> Option<(Timestamp, SpotPrice)> {
    let since: Timestamp = entry.since.parse().ok()?;
    let price = UsdPerHour::from_hourly(entry.price.parse().ok()?).ok()?;
    let is_sound = entry.product.starts_with("Linux/UNIX")
        && !entry.zone.is_empty()
        && !entry.instance_type.is_empty()
        && !price.is_zero()
        && plausible(&entry.instance_type, price).is_ok();
    is_sound.then(|| {
        let price = SpotPrice {
            zone: entry.zone.into(),
            instance_type: entry.instance_type.into(),
            price,
            at: now,
        };
        (since, price)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeSpotPriceHistoryResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
    <requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId>
    <spotPriceHistorySet>
        <item>
            <instanceType>m5.large</instanceType>
            <productDescription>Linux/UNIX</productDescription>
            <spotPrice>0.035100</spotPrice>
            <timestamp>2026-03-01T10:00:00.000Z</timestamp>
            <availabilityZone>us-east-1a</availabilityZone>
        </item>
        <item>
            <instanceType>m5.large</instanceType>
            <productDescription>Linux/UNIX</productDescription>
            <spotPrice>0.034000</spotPrice>
            <timestamp>2026-03-01T08:00:00.000Z</timestamp>
            <availabilityZone>us-east-1a</availabilityZone>
        </item>
        <item>
            <instanceType>m5.large</instanceType>
            <productDescription>Linux/UNIX</productDescription>
            <spotPrice>ninety</spotPrice>
            <timestamp>2026-03-01T08:00:00.000Z</timestamp>
            <availabilityZone>us-east-1b</availabilityZone>
        </item>
        <item>
            <instanceType>m5.large</instanceType>
            <productDescription>Windows</productDescription>
            <spotPrice>0.1</spotPrice>
            <timestamp>2026-03-01T08:00:00.000Z</timestamp>
            <availabilityZone>us-east-1b</availabilityZone>
        </item>
    </spotPriceHistorySet>
    <nextToken>a&amp;b</nextToken>
</DescribeSpotPriceHistoryResponse>"#;

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_newest_price_of_each_zone_is_read_and_what_makes_no_sense_is_counted() {
        let page = page(ANSWER.as_bytes()).unwrap();
        assert_eq!(page.next_token.as_deref(), Some("a&b"));
        let (prices, unexpected) = present(page.entries, now());
        assert_eq!(unexpected, 2);
        assert_eq!(
            prices,
            [SpotPrice {
                zone: "us-east-1a".into(),
                instance_type: "m5.large".into(),
                price: UsdPerHour::from_hourly(0.0351).unwrap(),
                at: now(),
            }]
        );
    }

    #[test]
    fn an_answer_without_prices_or_a_next_page_is_empty() {
        let text = "<DescribeSpotPriceHistoryResponse><spotPriceHistorySet/><nextToken/>\
                    </DescribeSpotPriceHistoryResponse>";
        let page = page(text.as_bytes()).unwrap();
        assert!(page.entries.is_empty());
        assert_eq!(page.next_token, None);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for text in [
            "",
            "{}",
            "<html></html>",
            "<DescribeSpotPriceHistoryResponse><spot",
            "\u{0}",
        ] {
            assert!(page(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(page(&[0xff, 0xfe]).is_err());
    }

    #[test]
    fn the_form_escapes_what_it_holds() {
        assert_eq!(
            form(&["m5.large", "c5.xlarge"], now(), Some("a=b&c")),
            "Action=DescribeSpotPriceHistory&Version=2016-11-15&MaxResults=1000\
             &ProductDescription.1=Linux%2FUNIX&StartTime=2026-03-01T12%3A00%3A00Z\
             &InstanceType.1=m5.large&InstanceType.2=c5.xlarge&NextToken=a%3Db%26c"
        );
    }
}
