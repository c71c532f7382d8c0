//! The Resource Groups Tagging API: the tags of functions and target groups.

use std::collections::BTreeMap;

use http::StatusCode;

use super::error::AwsError;
use super::load_balancers::{edges, target_group_arn};
use super::pagination::{Position, page};
use super::scope::AccountRegion;
use super::value::{Document, optional, structure, text};
use crate::world::RequestCounterSpec;

/// Resources of one answer (GetResources, `ResourcesPerPage`), the most and the default.
const MAX_PAGE_ITEMS: i64 = 100;
const PAGE: i64 = 50;

/// Answers one call.
pub(super) fn respond(
    place: AccountRegion<'_>,
    operation: &str,
    input: &Document,
) -> Result<Document, AwsError> {
    match operation {
        "GetResources" => get_resources(place, input),
        other => Err(AwsError::unknown_operation(other)),
    }
}

/// Resources that have tags, and only those, in pages.
fn get_resources(place: AccountRegion<'_>, input: &Document) -> Result<Document, AwsError> {
    let invalid = |message: String| {
        AwsError::new(
            StatusCode::BAD_REQUEST,
            "InvalidParameterException",
            message,
        )
    };
    let limit = optional(input, "ResourcesPerPage", "", Document::as_integer)?.unwrap_or(PAGE);
    let limit = usize::try_from(limit)
        .ok()
        .filter(|_| (1..=MAX_PAGE_ITEMS).contains(&limit))
        .ok_or_else(|| invalid(format!("ResourcesPerPage is {limit}; it must be 1 to 100")))?;
    let list = |name| optional(input, name, "", Document::as_list);
    let (types, arns) = (list("ResourceTypeFilters")?, list("ResourceARNList")?);
    let tags = list("TagFilters")?.unwrap_or_default();
    let described = format!("{types:?} {arns:?} {tags:?}");
    let token = optional(input, "PaginationToken", "", Document::as_text)?.unwrap_or_default();
    let from = match token {
        "" => Position::default(),
        token => Position::from_token(token, &described)
            .map_err(|_| invalid("The PaginationToken is not of this request".to_owned()))?,
    };
    let named = |list: Option<&[Document]>, name: &str| {
        list.is_none_or(|list| {
            list.is_empty() || list.iter().any(|item| item.as_text() == Some(name))
        })
    };
    let found: Vec<Resource<'_>> = resources(place)
        .filter(|one| !one.tags.is_empty())
        .filter(|one| named(types, one.service) || named(types, one.kind))
        .filter(|one| named(arns, &one.arn))
        .filter(|one| tags.iter().all(|filter| admits(filter, one.tags)))
        .collect();
    let (slices, next) = page(found.len(), |_| 1, from, limit);
    let listed = slices.iter().map(|slice| {
        let resource = &found[slice.result];
        let tags = resource.tags.iter().map(|(key, value)| {
            structure([("Key", text(key.as_str())), ("Value", text(value.as_str()))])
        });
        structure([
            ("ResourceARN", text(resource.arn.as_str())),
            ("Tags", Document::List(tags.collect())),
        ])
    });
    let next = next.map(|next| next.to_token(&described));
    Ok(structure([
        ("PaginationToken", text(next.unwrap_or_default())),
        ("ResourceTagMappingList", Document::List(listed.collect())),
    ]))
}

/// Something that may have tags.
struct Resource<'w> {
    arn: String,
    /// As a whole service is filtered by.
    service: &'static str,
    /// As its type is filtered by.
    kind: &'static str,
    tags: &'w BTreeMap<String, String>,
}

fn resources(place: AccountRegion<'_>) -> impl Iterator<Item = Resource<'_>> {
    let functions = place.functions().map(move |function| Resource {
        arn: place.function_arn(&function.spec.name),
        service: "lambda",
        kind: "lambda:function",
        tags: &function.spec.tags,
    });
    let groups = edges(place).filter_map(move |(_, edge)| match edge {
        RequestCounterSpec::TargetGroup { name, tags, .. } => Some(Resource {
            arn: target_group_arn(place.world, name),
            service: "elasticloadbalancing",
            kind: "elasticloadbalancing:targetgroup",
            tags,
        }),
        _ => None,
    });
    functions.chain(groups)
}

/// Whether tags have the key of a filter, with one of its values where there are any.
fn admits(filter: &Document, tags: &BTreeMap<String, String>) -> bool {
    let key = filter.member("Key").and_then(Document::as_text);
    let values = filter.member("Values").and_then(Document::as_list);
    let found = key.and_then(|key| tags.get(key));
    found.is_some_and(|found| {
        values.is_none_or(|values| {
            values.is_empty() || values.iter().any(|value| value.as_text() == Some(found))
        })
    })
}
