//! EC2's spot price history: DescribeSpotPriceHistory, in the Query protocol as EC2 speaks it.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;

use super::error::AwsError;
use super::pagination_token;
use super::protocol::{Wire, escape_xml};
use crate::query_string;
use crate::world::World;

/// The action.
pub(super) const ACTION: &str = "DescribeSpotPriceHistory";

/// The most prices on a page.
const PAGE_SIZE: usize = 1_000;

/// Answers a call from a region with this form as its body.
///
/// Prices do not change here: each holds since the world began.
pub(super) fn respond(
    world: &World,
    region: &str,
    body: &str,
) -> Result<Response<Bytes>, AwsError> {
    let wanted = |name: &str, found: &str| {
        let mut values = query_string::parameters(body).filter_map(|(key, value)| {
            let number = key.strip_prefix(name)?.strip_prefix('.')?;
            number
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then_some(value)
        });
        let first = values.next();
        first.is_none_or(|first| first == found || values.any(|value| value == found))
    };
    let one = |name: &str| query_string::parameters(body).find(|(key, _)| key == name);
    let zone = one("AvailabilityZone").map(|(_, zone)| zone);
    if let Some((_, start)) = one("StartTime")
        && start.parse::<Timestamp>().is_err()
    {
        return Err(invalid(&format!("Invalid value '{start}' for startTime.")));
    }
    let size = match one("MaxResults").map(|(_, size)| size.parse()) {
        None | Some(Ok(0)) => PAGE_SIZE,
        Some(Ok(size)) => PAGE_SIZE.min(size),
        Some(Err(_)) => return Err(invalid("MaxResults is not a number.")),
    };
    let from: usize = match one("NextToken").filter(|(_, token)| !token.is_empty()) {
        None => 0,
        Some((_, token)) => pagination_token::read(&token, ACTION)
            .and_then(|position| position.parse().ok())
            .ok_or_else(|| invalid("The token is invalid."))?,
    };
    let prices: Vec<_> = (world.spec.prices.spot.iter())
        .filter(|_| region == world.spec.region && wanted("ProductDescription", "Linux/UNIX"))
        .filter(|price| wanted("InstanceType", &price.instance_type))
        .filter(|price| zone.as_ref().is_none_or(|zone| *zone == price.zone))
        .collect();
    let mut items = String::new();
    for price in prices.iter().skip(from).take(size) {
        // Writing to a String does not fail.
        let _ = write!(
            items,
            "<item><instanceType>{}</instanceType><productDescription>Linux/UNIX</productDescription>\
             <spotPrice>{:.6}</spotPrice><timestamp>{}</timestamp><availabilityZone>{}</availabilityZone></item>",
            escape_xml(&price.instance_type),
            price.usd_per_hour,
            world.start().strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            escape_xml(&price.zone),
        );
    }
    let next = from + size;
    let token = if next < prices.len() {
        pagination_token::write(&next.to_string(), ACTION)
    } else {
        String::new()
    };
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <{ACTION}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>{}</requestId>\
         <spotPriceHistorySet>{items}</spotPriceHistorySet><nextToken>{token}</nextToken></{ACTION}Response>\n",
        super::NO_REQUEST_ID,
    );
    Ok(Wire::Ec2.response(StatusCode::OK, body.into()))
}

fn invalid(message: &str) -> AwsError {
    AwsError {
        query_code: "InvalidParameterValue",
        ..AwsError::validation(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORLD: &str = "
name: w
prices:
  spot:
    - {instance_type: m5.large, zone: us-east-1a, usd_per_hour: 0.035}
    - {instance_type: m5.large, zone: us-east-1b, usd_per_hour: 0.036}
    - {instance_type: c5.large, zone: us-east-1a, usd_per_hour: 0.034}
";

    fn prices(form: &str) -> Vec<String> {
        let world = World::from_yaml(WORLD).unwrap();
        let answer = respond(&world, "us-east-1", form).unwrap();
        let text = std::str::from_utf8(answer.body()).unwrap();
        let prices = text.split("<spotPrice>").skip(1);
        prices.map(|rest| rest[..5].to_owned()).collect()
    }

    #[test]
    fn a_price_is_found_by_type_zone_and_product() {
        for (form, expected) in [
            ("Action=X", &["0.035", "0.036", "0.034"][..]),
            ("InstanceType.1=m5.large", &["0.035", "0.036"]),
            ("InstanceType.1=t3.nano&InstanceType.2=c5.large", &["0.034"]),
            ("AvailabilityZone=us-east-1b", &["0.036"]),
            ("ProductDescription.1=Windows", &[]),
            (
                "ProductDescription.1=Linux%2FUNIX&InstanceType.1=c5.large",
                &["0.034"],
            ),
        ] {
            assert_eq!(prices(form), expected, "{form}");
        }
    }

    #[test]
    fn pages_go_on_with_their_token_and_other_regions_have_none() {
        let world = World::from_yaml(WORLD).unwrap();
        let first = respond(&world, "us-east-1", "MaxResults=2").unwrap();
        let text = String::from_utf8(first.body().to_vec()).unwrap();
        let (_, rest) = text.split_once("<nextToken>").unwrap();
        let (token, _) = rest.split_once("</nextToken>").unwrap();
        assert_eq!(
            prices(&format!("MaxResults=2&NextToken={token}")),
            ["0.034"]
        );
        assert!(respond(&world, "us-east-1", "NextToken=abc").is_err());
        let elsewhere = respond(&world, "eu-west-1", "").unwrap();
        assert!(!elsewhere.body().windows(6).any(|part| part == b"<item>"));
    }
}
