//! Lambda: what its REST API says about the functions of the world.

mod configuration;
mod event_sources;
#[cfg(test)]
mod tests;

use http::{Method, StatusCode};
use serde_json::{Value as Json, json};

use self::configuration::{changed, configuration};
use super::error::AwsError;
use super::pagination::{Position, page};
use super::scope::AccountRegion;
use crate::world::Function;

/// Functions of one answer (ListFunctions, "up to 50").
const FUNCTIONS_PAGE: usize = 50;
/// Configurations of one answer (ListProvisionedConcurrencyConfigs, "up to 50").
const CONFIGS_PAGE: usize = 50;
/// What a new account may run at one time in a region.
const CONCURRENT_EXECUTIONS: u32 = 1_000;

/// An operation, with what its path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    ListFunctions,
    GetFunction(String),
    GetFunctionConfiguration(String),
    GetFunctionConcurrency(String),
    ListProvisionedConcurrencyConfigs(String),
    GetAccountSettings,
    ListTags(String),
    /// Of one function, or of all.
    ListEventSourceMappings,
    GetFunctionUrlConfig(String),
    ListFunctionUrlConfigs(String),
}

impl Operation {
    /// The operation of a request; a slash at the end makes no difference.
    pub(super) fn parse(method: &Method, path: &str) -> Option<Self> {
        if method != Method::GET {
            return None;
        }
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        Some(match parts[..] {
            ["2015-03-31", "functions"] => Self::ListFunctions,
            ["2015-03-31", "functions", name] => Self::GetFunction(name_of(name)),
            ["2015-03-31", "functions", name, "configuration"] => {
                Self::GetFunctionConfiguration(name_of(name))
            }
            [
                "2017-10-31" | "2019-09-30",
                "functions",
                name,
                "concurrency",
            ] => Self::GetFunctionConcurrency(name_of(name)),
            ["2019-09-30", "functions", name, "provisioned-concurrency"] => {
                Self::ListProvisionedConcurrencyConfigs(name_of(name))
            }
            ["2016-08-19", "account-settings"] => Self::GetAccountSettings,
            ["2015-03-31", "event-source-mappings"] => Self::ListEventSourceMappings,
            ["2021-10-31", "functions", name, "url"] => Self::GetFunctionUrlConfig(name_of(name)),
            ["2021-10-31", "functions", name, "urls"] => {
                Self::ListFunctionUrlConfigs(name_of(name))
            }
            ["2017-03-31", "tags", arn] => Self::ListTags(name_of(arn)),
            _ => return None,
        })
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::ListFunctions => "ListFunctions",
            Self::GetFunction(_) => "GetFunction",
            Self::GetFunctionConfiguration(_) => "GetFunctionConfiguration",
            Self::GetFunctionConcurrency(_) => "GetFunctionConcurrency",
            Self::ListProvisionedConcurrencyConfigs(_) => "ListProvisionedConcurrencyConfigs",
            Self::GetAccountSettings => "GetAccountSettings",
            Self::ListTags(_) => "ListTags",
            Self::ListEventSourceMappings => "ListEventSourceMappings",
            Self::GetFunctionUrlConfig(_) => "GetFunctionUrlConfig",
            Self::ListFunctionUrlConfigs(_) => "ListFunctionUrlConfigs",
        }
    }

    /// The resource that IAM decides about: the function, or everything.
    pub(super) fn resource(&self, place: AccountRegion<'_>) -> String {
        match self {
            Self::ListFunctions | Self::GetAccountSettings | Self::ListEventSourceMappings => {
                "*".to_owned()
            }
            Self::GetFunction(name)
            | Self::GetFunctionConfiguration(name)
            | Self::GetFunctionConcurrency(name)
            | Self::ListProvisionedConcurrencyConfigs(name)
            | Self::GetFunctionUrlConfig(name)
            | Self::ListFunctionUrlConfigs(name)
            | Self::ListTags(name) => place.function_arn(name),
        }
    }
}

/// Answers one call. `query` reads a parameter of the URL.
pub(super) fn respond(
    place: AccountRegion<'_>,
    operation: &Operation,
    query: impl Fn(&str) -> Option<String>,
) -> Result<Json, AwsError> {
    Ok(match operation {
        Operation::ListFunctions => {
            let functions: Vec<&Function> = place.functions().collect();
            let (listed, next) = paged(&functions, &query, FUNCTIONS_PAGE, "ListFunctions")?;
            let listed = listed.iter().map(|function| configuration(place, function));
            json!({"Functions": listed.collect::<Vec<_>>(), "NextMarker": next})
        }
        Operation::GetFunction(name) => {
            let function = find(place, name)?;
            let mut answer = json!({
                "Configuration": configuration(place, function),
                "Code": {"RepositoryType": "S3", "Location": "https://example.invalid/code.zip"},
            });
            if let Some(reserved) = function.spec.concurrency {
                answer["Concurrency"] = json!({"ReservedConcurrentExecutions": reserved});
            }
            answer
        }
        Operation::GetFunctionConfiguration(name) => configuration(place, find(place, name)?),
        Operation::GetFunctionConcurrency(name) => match find(place, name)?.spec.concurrency {
            Some(reserved) => json!({"ReservedConcurrentExecutions": reserved}),
            None => json!({}),
        },
        Operation::ListProvisionedConcurrencyConfigs(name) => {
            provisioned_concurrency(place, find(place, name)?, &query)?
        }
        Operation::ListTags(name) => json!({"Tags": find(place, name)?.spec.tags}),
        Operation::ListEventSourceMappings => event_sources::event_sources(place, &query)?,
        Operation::GetFunctionUrlConfig(name) => {
            let function = find(place, name)?;
            event_sources::url(place, function).ok_or_else(|| not_found(place, name))?
        }
        Operation::ListFunctionUrlConfigs(name) => {
            let url = event_sources::url(place, find(place, name)?);
            json!({"FunctionUrlConfigs": url.into_iter().collect::<Vec<_>>()})
        }
        Operation::GetAccountSettings => account_settings(place),
    })
}

fn provisioned_concurrency(
    place: AccountRegion<'_>,
    function: &Function,
    query: &impl Fn(&str) -> Option<String>,
) -> Result<Json, AwsError> {
    let what = "ListProvisionedConcurrencyConfigs";
    let (listed, next) = paged(&function.spec.provisioned, query, CONFIGS_PAGE, what)?;
    let listed = listed.iter().map(|provisioned| {
        let name = format!("{}:{}", function.spec.name, provisioned.qualifier);
        json!({
            "FunctionArn": place.function_arn(&name),
            "RequestedProvisionedConcurrentExecutions": provisioned.concurrency,
            "AvailableProvisionedConcurrentExecutions": provisioned.concurrency,
            "AllocatedProvisionedConcurrentExecutions": provisioned.concurrency,
            "Status": "READY",
            "LastModified": changed(place),
        })
    });
    Ok(json!({
        "ProvisionedConcurrencyConfigs": listed.collect::<Vec<_>>(),
        "NextMarker": next,
    }))
}

/// The part of a list that the parameters `MaxItems` and `Marker` ask for, and the next marker.
fn paged<'t, T>(
    all: &'t [T],
    query: &impl Fn(&str) -> Option<String>,
    most: usize,
    what: &str,
) -> Result<(&'t [T], Option<String>), AwsError> {
    let invalid = |message: String| {
        AwsError::new(
            StatusCode::BAD_REQUEST,
            "InvalidParameterValueException",
            message,
        )
    };
    let limit = match query("MaxItems").filter(|given| !given.is_empty()) {
        None => most,
        Some(given) => match given.parse::<usize>() {
            Ok(items @ 1..=10_000) => items.min(most),
            _ => return Err(invalid(format!("MaxItems must be 1 to 10000, not {given}"))),
        },
    };
    let from = match query("Marker").filter(|given| !given.is_empty()) {
        None => Position::default(),
        Some(marker) => {
            Position::from_token(&marker, what).map_err(|_| invalid("Invalid marker".to_owned()))?
        }
    };
    let (slices, next) = page(all.len(), |_| 1, from, limit);
    let begin = from.result.min(all.len());
    let part = &all[begin..begin + slices.len()];
    Ok((part, next.map(|next| next.to_token(what))))
}

fn account_settings(place: AccountRegion<'_>) -> Json {
    let reserved: u32 = place
        .functions()
        .filter_map(|function| function.spec.concurrency)
        .sum();
    json!({
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800_u64,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": CONCURRENT_EXECUTIONS,
            "UnreservedConcurrentExecutions": CONCURRENT_EXECUTIONS.saturating_sub(reserved),
        },
        "AccountUsage": {
            "TotalCodeSize": place.functions().count() * 500_000,
            "FunctionCount": place.functions().count(),
        },
    })
}

fn find<'w>(place: AccountRegion<'w>, name: &str) -> Result<&'w Function, AwsError> {
    place.function(name).ok_or_else(|| not_found(place, name))
}

fn not_found(place: AccountRegion<'_>, name: &str) -> AwsError {
    AwsError::new(
        StatusCode::NOT_FOUND,
        "ResourceNotFoundException",
        format!("Function not found: {}", place.function_arn(name)),
    )
}

/// The function's name in a path segment, where it may be percent-encoded, an ARN, or qualified.
fn name_of(segment: &str) -> String {
    let decoded = crate::query_string::decode(segment);
    let name = decoded
        .split_once(":function:")
        .map_or(decoded.as_str(), |(_, name)| name);
    name.split(':').next().unwrap_or_default().to_owned()
}
