//! The tags of resources, from the Resource Groups Tagging API.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Listing, RestCall, Service, Session};
use crate::sources::SourceError;

const TAGGING: Service = Service {
    id: "Resource Groups Tagging API",
    host: "tagging",
};

/// The name that GetResources is called by.
const GET_RESOURCES: &str = "ResourceGroupsTaggingAPI_20170126.GetResources";

/// The most resources that GetResources gives on one page.
const PAGE_SIZE: u32 = 100;

/// The tagging API of an account in a region.
#[derive(Debug)]
pub(in crate::sources) struct Tagging(RestCall);

/// A resource that has tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sources) struct Tagged {
    pub(in crate::sources) arn: String,
    pub(in crate::sources) tags: BTreeMap<String, String>,
}

impl Tagging {
    pub(in crate::sources) fn new(session: &Session) -> Self {
        Self(RestCall::new(
            session,
            TAGGING,
            "GetResources",
            "tag:GetResources",
        ))
    }

    /// All resources of a type, such as `lambda:function`, that have tags; of those the ones with a key, where one is given.
    pub(in crate::sources) async fn resources(
        &self,
        kind: &str,
        key: Option<&str>,
    ) -> Result<Vec<Tagged>, SourceError> {
        let mut resources = Vec::new();
        let mut token: Option<String> = None;
        let mut listing = Listing::new(&self.0);
        loop {
            let question = question(kind, key, token.as_deref());
            let page: Page = listing.json(GET_RESOURCES, &question).await?;
            resources.extend(
                page.resource_tag_mapping_list
                    .into_iter()
                    .filter_map(tagged),
            );
            match self.0.follow(token, page.pagination_token)? {
                None => return Ok(resources),
                next => token = next,
            }
        }
    }
}

fn question(kind: &str, key: Option<&str>, after: Option<&str>) -> Value {
    let mut question = json!({
        "ResourceTypeFilters": [kind],
        "ResourcesPerPage": PAGE_SIZE,
    });
    if let Some(key) = key {
        question["TagFilters"] = json!([{ "Key": key }]);
    }
    if let Some(token) = after {
        question["PaginationToken"] = token.into();
    }
    question
}

/// A page of GetResources, with the fields in use.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    resource_tag_mapping_list: Vec<Resource>,
    pagination_token: Option<String>,
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

fn tagged(resource: Resource) -> Option<Tagged> {
    let tags = resource.tags.into_iter().map(|tag| (tag.key, tag.value));
    Some(Tagged {
        arn: resource.arn?,
        tags: tags.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_as_the_api_has_it() {
        let first = r#"{"ResourceTypeFilters":["lambda:function"],"ResourcesPerPage":100"#;
        let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        let of_functions = |key, after| question("lambda:function", key, after);
        assert_eq!(of_functions(None, None), read(format!("{first}}}")));
        let next = format!(r#"{first},"PaginationToken":"t"}}"#);
        assert_eq!(of_functions(None, Some("t")), read(next));
        let keyed = format!(r#"{first},"TagFilters":[{{"Key":"team"}}]}}"#);
        assert_eq!(of_functions(Some("team"), None), read(keyed));
    }

    #[test]
    fn a_page_is_read_as_the_api_gives_it() {
        let page: Page = serde_json::from_str(
            r#"{"PaginationToken":"","ResourceTagMappingList":[
                {"ResourceARN":"arn:aws:lambda:r:1:function:f","Tags":[{"Key":"Team","Value":"shop"}]},
                {"Tags":[]}]}"#,
        )
        .unwrap();
        let read = page.resource_tag_mapping_list.into_iter();
        let expected = Tagged {
            arn: "arn:aws:lambda:r:1:function:f".to_owned(),
            tags: BTreeMap::from([("Team".to_owned(), "shop".to_owned())]),
        };
        assert_eq!(read.filter_map(tagged).collect::<Vec<_>>(), [expected]);
    }
}
