//! Labels made of the tags of functions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::observation::Function;

/// The most resources that GetResources gives on one page.
const PAGE_SIZE: u32 = 100;

/// Labels, by the name of the function.
pub(super) type LabelsOf = BTreeMap<Arc<str>, BTreeMap<Arc<str>, Arc<str>>>;

/// The question for a page of the functions that have tags.
pub(super) fn question(after: Option<&str>) -> Value {
    let mut question = json!({
        "ResourceTypeFilters": ["lambda:function"],
        "ResourcesPerPage": PAGE_SIZE,
    });
    if let Some(token) = after {
        question["PaginationToken"] = token.into();
    }
    question
}

/// A page of GetResources, with the fields in use.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Page {
    #[serde(default)]
    resource_tag_mapping_list: Vec<Resource>,
    pub(super) pagination_token: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Resource {
    #[serde(rename = "ResourceARN")]
    arn: Option<String>,
    #[serde(rename = "Tags", default)]
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

/// The labels of all functions: `wanted` has the tag of each.
pub(super) fn labels(pages: Vec<Page>, wanted: &BTreeMap<String, String>) -> LabelsOf {
    let resources = pages
        .into_iter()
        .flat_map(|page| page.resource_tag_mapping_list);
    let named = resources.filter_map(|resource| {
        // arn:aws:lambda:REGION:ACCOUNT:function:NAME
        let name = Arc::from(resource.arn.as_deref()?.split(':').nth(6)?);
        let labels = wanted.iter().filter_map(|(label, key)| {
            let tag = resource.tags.iter().find(|tag| tag.key == *key)?;
            let value = Some(tag.value.as_str()).filter(|value| !value.is_empty())?;
            Some((Arc::from(label.as_str()), Arc::from(value)))
        });
        Some((name, labels.collect()))
    });
    named.collect()
}

/// Puts the labels to the functions.
pub(super) fn put(labels: &LabelsOf, functions: &mut [Function]) {
    for function in functions {
        if let Some(labels) = labels.get(&function.id.name) {
            function.labels.clone_from(labels);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tags_that_are_wanted_become_labels() {
        let page = serde_json::from_str(
            r#"{"PaginationToken":"","ResourceTagMappingList":[
                {"ResourceARN":"arn:aws:lambda:r:1:function:f","Tags":[
                    {"Key":"Team","Value":"shop"},{"Key":"Cost","Value":""},{"Key":"x","Value":"y"}]},
                {"ResourceARN":"arn:aws:lambda:r:1:function:g","Tags":[]},
                {"ResourceARN":"odd"}]}"#,
        )
        .unwrap();
        let wanted = [("team", "Team"), ("cost_centre", "Cost")];
        let wanted = wanted.map(|(label, tag)| (label.to_owned(), tag.to_owned()));
        let labels = labels(vec![page], &wanted.into());
        assert_eq!(labels.len(), 2);
        assert_eq!(
            labels["f"],
            BTreeMap::from([("team".into(), "shop".into())])
        );
        assert!(labels["g"].is_empty());
    }

    #[test]
    fn a_page_is_asked_for_as_the_api_has_it() {
        let first = r#"{"ResourceTypeFilters":["lambda:function"],"ResourcesPerPage":100"#;
        let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        assert_eq!(question(None), read(format!("{first}}}")));
        let next = format!(r#"{first},"PaginationToken":"t"}}"#);
        assert_eq!(question(Some("t")), read(next));
    }
}
