//! What invokes functions: the queues and streams that Lambda polls for them, and their URLs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;

use super::convert::{after, function_name};
use crate::sources::percent::escaped;
use breakeven_model::inventory::{EventSource, Function};

/// The most mappings that ListEventSourceMappings gives on one page.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_ListEventSourceMappings.html>
const PAGE_SIZE: u32 = 100;

/// What is polled for functions, by their name; those that are not in it have nothing that is polled.
pub(super) type Polled = BTreeMap<Arc<str>, BTreeSet<EventSource>>;

/// A page of ListEventSourceMappings, with the fields in use.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MappingsPage {
    event_source_mappings: Vec<Mapping>,
    pub(super) next_marker: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mapping {
    function_arn: Option<String>,
    event_source_arn: Option<String>,
    /// Kafka that is no service of AWS has no ARN.
    self_managed_event_source: Option<serde::de::IgnoredAny>,
    state: Option<String>,
}

/// A page of ListFunctionUrlConfigs, of which only matters whether anything is on it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UrlsPage {
    function_url_configs: Vec<serde::de::IgnoredAny>,
}

impl UrlsPage {
    /// Whether the function has a URL, of its own or of an alias.
    pub(super) fn has_any(&self) -> bool {
        !self.function_url_configs.is_empty()
    }
}

/// Where the page after a marker is of what is polled for all functions.
pub(super) fn mappings_path(marker: Option<&str>) -> String {
    after(
        format!("/2015-03-31/event-source-mappings/?MaxItems={PAGE_SIZE}"),
        marker,
    )
}

/// Where the URLs of a function are: one is enough to know that there are any.
pub(super) fn urls_path(name: &str) -> String {
    format!("/2021-10-31/functions/{}/urls?MaxItems=1", escaped(name))
}

/// What is polled for each function, of which it is known.
pub(super) fn polled(pages: Vec<MappingsPage>) -> Polled {
    let mut polled = Polled::new();
    let mappings = pages
        .into_iter()
        .flat_map(|page| page.event_source_mappings);
    for mapping in mappings.filter(Mapping::is_on) {
        if let Some(name) = mapping.function_arn.as_deref().and_then(function_name) {
            polled
                .entry(name.into())
                .or_default()
                .insert(mapping.kind());
        }
    }
    polled
}

/// Puts to the functions what is polled for them.
pub(super) fn assign(polled: &Polled, functions: &mut [Function]) {
    for function in functions {
        let sources = polled.get(&function.id.name).cloned();
        function.event_sources = Some(sources.unwrap_or_default());
    }
}

impl Mapping {
    /// Whether anything is polled by it, now or soon.
    fn is_on(&self) -> bool {
        let off = ["Disabled", "Disabling", "Deleting"];
        self.state
            .as_deref()
            .is_none_or(|state| !off.contains(&state))
    }

    fn kind(&self) -> EventSource {
        match (&self.event_source_arn, &self.self_managed_event_source) {
            (Some(arn), _) => EventSource::of_arn(arn),
            (None, Some(_)) => EventSource::Kafka,
            (None, None) => EventSource::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(fields: &str) -> String {
        format!(r#"{{"FunctionArn":"arn:aws:lambda:r:1:function:f:live",{fields}}}"#)
    }

    fn sources_of_f(mappings: &[String]) -> Option<Vec<&'static str>> {
        let text = format!(r#"{{"EventSourceMappings":[{}]}}"#, mappings.join(","));
        let polled = polled(vec![serde_json::from_str(&text).unwrap()]);
        let sources = polled.get("f")?.iter();
        Some(sources.map(|one| one.as_str()).collect())
    }

    #[test]
    fn each_kind_of_source_is_known_and_is_there_once() {
        let arn = |service: &str| {
            mapping(&format!(
                r#""EventSourceArn":"arn:aws:{service}:r:1:x","State":"Enabled""#
            ))
        };
        let services = [
            "sqs", "sqs", "kinesis", "dynamodb", "kafka", "mq", "rds", "new",
        ];
        let mut all = services.map(arn).to_vec();
        all.push(mapping(
            r#""SelfManagedEventSource":{"Endpoints":{}},"State":"Enabled""#,
        ));
        assert_eq!(
            sources_of_f(&all).unwrap(),
            [
                "sqs",
                "kinesis",
                "dynamodb",
                "kafka",
                "mq",
                "documentdb",
                "other"
            ]
        );
        assert_eq!(sources_of_f(&all[8..]).unwrap(), ["kafka"]);
    }

    #[test]
    fn what_is_switched_off_polls_nothing() {
        for (state, is_on) in [
            ("Enabled", true),
            ("Creating", true),
            ("Enabling", true),
            ("Updating", true),
            ("Disabled", false),
            ("Disabling", false),
            ("Deleting", false),
        ] {
            let fields = format!(r#""EventSourceArn":"arn:aws:sqs:r:1:q","State":"{state}""#);
            assert_eq!(
                sources_of_f(&[mapping(&fields)]).is_some(),
                is_on,
                "{state}"
            );
        }
        assert_eq!(sources_of_f(&[r#"{"State":"Enabled"}"#.to_owned()]), None);
    }

    #[test]
    fn one_url_on_the_page_is_enough() {
        let page = |text| serde_json::from_str::<UrlsPage>(text).unwrap();
        let url = r#"{"FunctionUrlConfigs":[{"FunctionUrl":"https://x.lambda-url.r.on.aws/"}]}"#;
        assert!(page(url).has_any());
        assert!(!page(r#"{"FunctionUrlConfigs":[]}"#).has_any());
        assert_eq!(urls_path("f"), "/2021-10-31/functions/f/urls?MaxItems=1");
        assert_eq!(
            mappings_path(Some("a/b")),
            "/2015-03-31/event-source-mappings/?MaxItems=100&Marker=a%2Fb"
        );
    }
}
