//! The Price List: GetProducts of Amazon EC2, EKS and ECS, as far as the world has their prices.

mod products;

use serde_json::Value;

use super::error::AwsError;
use super::pagination_token;
use super::value::{Document, structure, text};
use crate::world::World;

/// The most products on a page.
const PAGE_SIZE: i64 = 100;

/// What the tokens of this operation are for.
const PURPOSE: &str = "GetProducts";

/// How a filter holds a field against its value.
#[derive(Clone, Copy)]
enum Match {
    Is,
    Contains,
    AnyOf,
    NoneOf,
}

impl Match {
    /// "Filter" in the API reference. Lists are separated by commas.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "TERM_MATCH" | "EQUALS" => Self::Is,
            "CONTAINS" => Self::Contains,
            "ANY_OF" => Self::AnyOf,
            "NONE_OF" => Self::NoneOf,
            _ => return None,
        })
    }

    fn fits(self, stated: Option<&str>, value: &str) -> bool {
        let is_one = |stated: &str| value.split(',').any(|one| one == stated);
        match self {
            Self::Is => stated == Some(value),
            Self::Contains => stated.is_some_and(|stated| stated.contains(value)),
            Self::AnyOf => stated.is_some_and(is_one),
            Self::NoneOf => !stated.is_some_and(is_one),
        }
    }
}

/// Answers a call.
pub(super) fn respond(
    world: &World,
    operation: &str,
    input: &Document,
) -> Result<Document, AwsError> {
    if operation != "GetProducts" {
        return Err(AwsError::unknown_operation(operation));
    }
    let service = input.member("ServiceCode").and_then(Document::as_text);
    let filters = filters(input)?;
    let is_type = |filter: &&(Match, &str, &str)| matches!(filter, (Match::Is, "instanceType", _));
    let instance_type = filters.iter().find(is_type).map(|filter| filter.2);
    let products = products::products_of(world, service.unwrap_or_default(), instance_type)
        .ok_or_else(|| invalid("ServiceCode must be AmazonEC2, AmazonEKS or AmazonECS"))?;
    let matching = products.iter().filter(|product| {
        filters.iter().all(|(kind, field, value)| {
            let stated = match *field {
                "productFamily" => &product["product"]["productFamily"],
                field => &product["product"]["attributes"][field],
            };
            kind.fits(stated.as_str(), value)
        })
    });
    let from = position(input)?;
    let size = match input.member("MaxResults").map(Document::as_integer) {
        None => PAGE_SIZE,
        Some(Some(size @ 1..=PAGE_SIZE)) => size,
        Some(_) => return Err(invalid("MaxResults must be 1 to 100")),
    };
    let size = usize::try_from(size).unwrap_or_default();
    let found: Vec<String> = matching.map(Value::to_string).collect();
    let next = from + size;
    let page = found.iter().skip(from).take(size);
    let page = Document::List(page.map(|product| text(product.as_str())).collect());
    Ok(if next < found.len() {
        let token = pagination_token::write(&next.to_string(), PURPOSE);
        structure([
            ("FormatVersion", text("aws_v1")),
            ("PriceList", page),
            ("NextToken", text(token)),
        ])
    } else {
        structure([("FormatVersion", text("aws_v1")), ("PriceList", page)])
    })
}

/// The filters: how each holds which field against which value.
fn filters(input: &Document) -> Result<Vec<(Match, &str, &str)>, AwsError> {
    let filters = input.member("Filters").and_then(Document::as_list);
    let read = |filter| {
        let member = |name| Document::member(filter, name).and_then(Document::as_text);
        let kind = member("Type").and_then(Match::named);
        match (kind, member("Field"), member("Value")) {
            (Some(kind), Some(field), Some(value)) => Ok((kind, field, value)),
            _ => Err(invalid("a filter needs a Type, a Field and a Value")),
        }
    };
    filters.unwrap_or_default().iter().map(read).collect()
}

fn position(input: &Document) -> Result<usize, AwsError> {
    let Some(token) = input.member("NextToken").and_then(Document::as_text) else {
        return Ok(0);
    };
    pagination_token::read(token, PURPOSE)
        .and_then(|position| position.parse().ok())
        .ok_or_else(|| AwsError::bad_token("The pagination token is invalid."))
}

fn invalid(message: &str) -> AwsError {
    AwsError {
        code: "InvalidParameterException",
        ..AwsError::validation(message)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        respond(world, "GetProducts", &input).unwrap()
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
