//! Lambda: what its REST API says about the functions of the world.

use http::{Method, StatusCode};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::failure::Failure;
use super::page::{Position, page};
use super::place::Place;
use crate::cloud::world::Function;

/// Functions of one answer (ListFunctions, "up to 50").
const PAGE: usize = 50;
/// What a new account may run at one time in a region.
const CONCURRENT_EXECUTIONS: u32 = 1_000;
/// How long before the history began every function was last changed.
const LAST_CHANGED_DAYS_BEFORE: i64 = 30;

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
        }
    }

    /// The resource that IAM decides about: the function, or everything.
    pub(super) fn resource(&self, place: Place<'_>) -> String {
        match self {
            Self::ListFunctions | Self::GetAccountSettings => "*".to_owned(),
            Self::GetFunction(name)
            | Self::GetFunctionConfiguration(name)
            | Self::GetFunctionConcurrency(name)
            | Self::ListProvisionedConcurrencyConfigs(name)
            | Self::ListTags(name) => place.function_arn(name),
        }
    }
}

/// Answers one call. `query` reads a parameter of the URL.
pub(super) fn answer(
    place: Place<'_>,
    operation: &Operation,
    query: impl Fn(&str) -> Option<String>,
) -> Result<Json, Failure> {
    Ok(match operation {
        Operation::ListFunctions => list(place, query)?,
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
            find(place, name)?;
            json!({"ProvisionedConcurrencyConfigs": []})
        }
        Operation::ListTags(name) => {
            find(place, name)?;
            json!({"Tags": {}})
        }
        Operation::GetAccountSettings => account_settings(place),
    })
}

fn list(place: Place<'_>, query: impl Fn(&str) -> Option<String>) -> Result<Json, Failure> {
    let invalid = |message: String| {
        Failure::new(
            StatusCode::BAD_REQUEST,
            "InvalidParameterValueException",
            message,
        )
    };
    let limit = match query("MaxItems").filter(|given| !given.is_empty()) {
        None => PAGE,
        Some(given) => match given.parse::<usize>() {
            Ok(items @ 1..=10_000) => items.min(PAGE),
            _ => return Err(invalid(format!("MaxItems must be 1 to 10000, not {given}"))),
        },
    };
    let from = match query("Marker").filter(|given| !given.is_empty()) {
        None => Position::default(),
        Some(marker) => Position::from_token(&marker, "ListFunctions")
            .map_err(|_| invalid("Invalid marker".to_owned()))?,
    };
    let functions: Vec<&Function> = place.functions().collect();
    let (slices, next) = page(functions.len(), |_| 1, from, limit);
    let listed: Vec<Json> = slices
        .iter()
        .map(|slice| configuration(place, functions[slice.result]))
        .collect();
    Ok(json!({
        "Functions": listed,
        "NextMarker": next.map(|next| next.to_token("ListFunctions")),
    }))
}

fn configuration(place: Place<'_>, function: &Function) -> Json {
    let spec = &function.spec;
    let name = spec.name.as_str();
    let digest = Sha256::digest(format!("{}/{}", place.world.spec.seed, function.key));
    let changed = place.world.history_start().as_second() - LAST_CHANGED_DAYS_BEFORE * 86_400;
    let changed = jiff::Timestamp::from_second(changed).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    json!({
        "FunctionName": name,
        "FunctionArn": place.function_arn(name),
        "Runtime": spec.runtime,
        "Role": format!("arn:aws:iam::{}:role/service-role/{name}-role", function.account),
        "Handler": handler(&spec.runtime),
        "CodeSize": 100_000 + u32::from(u16::from_be_bytes([digest[0], digest[1]])) * 16,
        "Description": "",
        "Timeout": spec.timeout_s,
        "MemorySize": spec.memory_mib,
        "LastModified": changed.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string(),
        "CodeSha256": base64(&digest),
        "Version": "$LATEST",
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": uuid(&digest),
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": [spec.architecture.as_str()],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": format!("/aws/lambda/{name}")},
    })
}

fn account_settings(place: Place<'_>) -> Json {
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

fn find<'w>(place: Place<'w>, name: &str) -> Result<&'w Function, Failure> {
    place.function(name).ok_or_else(|| {
        Failure::new(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            format!("Function not found: {}", place.function_arn(name)),
        )
    })
}

/// The function's name in a path segment, where it may be percent-encoded, an ARN, or qualified.
fn name_of(segment: &str) -> String {
    let decoded = crate::cloud::form::decode(segment);
    let name = decoded
        .split_once(":function:")
        .map_or(decoded.as_str(), |(_, name)| name);
    name.split(':').next().unwrap_or_default().to_owned()
}

fn handler(runtime: &str) -> &'static str {
    match runtime {
        _ if runtime.starts_with("nodejs") => "index.handler",
        _ if runtime.starts_with("python") => "lambda_function.lambda_handler",
        _ if runtime.starts_with("java") => "example.Handler::handleRequest",
        _ => "bootstrap",
    }
}

fn uuid(digest: &[u8]) -> String {
    let hex: String = digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for sextet in 0..4 {
            let index = (bits >> (18 - 6 * sextet)) & 63;
            text.push(if sextet <= chunk.len() {
                char::from(ALPHABET[index as usize])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::world::World;

    fn world(functions: usize) -> World {
        let functions: String = (0..functions)
            .map(|i| {
                format!(
                    "{{name: f{i}, memory_mib: 512, architecture: arm64, runtime: python3.13, \
                     timeout_s: 30, duration_ms: 1, concurrency: {}, traffic: {{pattern: steady, \
                     requests_per_second: 1}}}},",
                    if i == 0 { "100" } else { "null" }
                )
            })
            .collect();
        World::from_yaml(&format!("{{name: w, functions: [{functions}]}}")).unwrap()
    }

    fn get(world: &World, path: &str, query: &[(&str, &str)]) -> Result<Json, Failure> {
        let operation = Operation::parse(&Method::GET, path).unwrap();
        answer(Place::home(world), &operation, |name| {
            query
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn functions_come_in_pages_of_50() {
        let world = world(120);
        let (mut names, mut sizes, mut marker) = (Vec::new(), Vec::new(), String::new());
        loop {
            let part = get(&world, "/2015-03-31/functions/", &[("Marker", &marker)]).unwrap();
            let functions = part["Functions"].as_array().unwrap();
            sizes.push(functions.len());
            names.extend(
                functions
                    .iter()
                    .map(|f| f["FunctionName"].as_str().unwrap().to_owned()),
            );
            match part["NextMarker"].as_str() {
                Some(next) => marker = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(sizes, [50, 50, 20]);
        assert_eq!(names, (0..120).map(|i| format!("f{i}")).collect::<Vec<_>>());
    }

    #[test]
    fn max_items_and_markers_are_checked() {
        let world = world(3);
        let path = "/2015-03-31/functions";
        let two = get(&world, path, &[("MaxItems", "2")]).unwrap();
        assert_eq!(two["Functions"].as_array().unwrap().len(), 2);
        for query in [("MaxItems", "0"), ("MaxItems", "many"), ("Marker", "xyz")] {
            let error = get(&world, path, &[query]).unwrap_err();
            assert_eq!(error.code, "InvalidParameterValueException", "{query:?}");
        }
    }

    #[test]
    fn a_configuration_says_what_the_world_file_says() {
        let world = world(1);
        for path in [
            "/2015-03-31/functions/f0/configuration",
            "/2015-03-31/functions/f0/",
        ] {
            let mut answer = get(&world, path, &[]).unwrap();
            if path.ends_with("f0/") {
                answer = answer["Configuration"].take();
            }
            assert_eq!(answer["MemorySize"], 512);
            assert_eq!(answer["Architectures"][0], "arm64");
            assert_eq!(answer["Runtime"], "python3.13");
            assert_eq!(
                answer["FunctionArn"],
                "arn:aws:lambda:us-east-1:123456789012:function:f0"
            );
            assert_eq!(answer["CodeSha256"].as_str().unwrap().len(), 44);
        }
    }

    #[test]
    fn reserved_concurrency_is_taken_from_the_account() {
        let world = world(2);
        let settings = get(&world, "/2016-08-19/account-settings/", &[]).unwrap();
        assert_eq!(settings["AccountLimit"]["ConcurrentExecutions"], 1_000);
        assert_eq!(
            settings["AccountLimit"]["UnreservedConcurrentExecutions"],
            900
        );
        assert_eq!(settings["AccountUsage"]["FunctionCount"], 2);
        let of = |name: &str| {
            get(
                &world,
                &format!("/2019-09-30/functions/{name}/concurrency"),
                &[],
            )
            .unwrap()
        };
        assert_eq!(of("f0"), json!({"ReservedConcurrentExecutions": 100}));
        assert_eq!(of("f1"), json!({}));
    }

    #[test]
    fn a_function_is_found_by_name_or_arn_and_is_else_not_found() {
        let world = world(1);
        let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af0";
        assert!(get(&world, &format!("/2015-03-31/functions/{arn}"), &[]).is_ok());
        assert!(get(&world, "/2015-03-31/functions/f0:$LATEST", &[]).is_ok());
        let error = get(&world, "/2015-03-31/functions/f7", &[]).unwrap_err();
        assert_eq!(
            (error.status, error.code),
            (StatusCode::NOT_FOUND, "ResourceNotFoundException")
        );
        assert!(error.message.contains("function:f7"), "{}", error.message);
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
