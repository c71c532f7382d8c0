//! What invokes a function: queues and streams that it polls, and its URL.

use serde_json::{Value as Json, json};

use super::configuration::changed;
use super::{find, name_of, paged};
use crate::aws::error::AwsError;
use crate::aws::scope::AccountRegion;
use crate::world::Function;

/// Mappings of one answer (ListEventSourceMappings, `MaxItems`).
const PAGE: usize = 100;
/// Records of one invocation: what Lambda takes for a queue when nothing is said.
const BATCH_SIZE: u32 = 10;

/// Answers ListEventSourceMappings, of all functions or of the one in `FunctionName`.
pub(super) fn event_sources(
    place: AccountRegion<'_>,
    query: &impl Fn(&str) -> Option<String>,
) -> Result<Json, AwsError> {
    let functions: Vec<&Function> = match query("FunctionName").filter(|name| !name.is_empty()) {
        Some(name) => vec![find(place, &name_of(&name))?],
        None => place.functions().collect(),
    };
    let source = query("EventSourceArn").filter(|arn| !arn.is_empty());
    let mappings: Vec<(&Function, &String)> = functions
        .into_iter()
        .flat_map(|function| {
            let sources = function.spec.event_sources.iter();
            sources.map(move |source| (function, source))
        })
        .filter(|(_, arn)| source.as_ref().is_none_or(|wanted| wanted == *arn))
        .collect();
    let (listed, next) = paged(&mappings, query, PAGE, "ListEventSourceMappings")?;
    let listed = listed
        .iter()
        .map(|(function, arn)| mapping(place, function, arn));
    Ok(json!({
        "EventSourceMappings": listed.collect::<Vec<_>>(),
        "NextMarker": next,
    }))
}

/// The URL of a function, if it has one.
pub(super) fn url(place: AccountRegion<'_>, function: &Function) -> Option<Json> {
    let mode = function.spec.url?;
    let host = &place.world.hex_of("url", &function.key)[..32];
    Some(json!({
        "FunctionUrl": format!("https://{host}.lambda-url.{}.on.aws/", function.region),
        "FunctionArn": place.function_arn(&function.spec.name),
        "AuthType": "AWS_IAM",
        "InvokeMode": mode,
        "CreationTime": changed(place),
        "LastModifiedTime": changed(place),
    }))
}

fn mapping(place: AccountRegion<'_>, function: &Function, source: &str) -> Json {
    let id = place
        .world
        .uid_of("event-source", &format!("{}/{source}", function.key));
    let AccountRegion {
        account, region, ..
    } = place;
    json!({
        "UUID": id,
        "EventSourceMappingArn":
            format!("arn:aws:lambda:{region}:{account}:event-source-mapping:{id}"),
        "EventSourceArn": source,
        "FunctionArn": place.function_arn(&function.spec.name),
        "BatchSize": BATCH_SIZE,
        "MaximumBatchingWindowInSeconds": 0,
        "State": "Enabled",
        "StateTransitionReason": "USER_INITIATED",
        "LastModified": place.world.history_start().as_second(),
    })
}
