//! From what the Lambda API says to functions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Settings;
use crate::observation::{Architecture, Function, FunctionId};
use crate::sources::percent::escaped;
use crate::units::{MemoryMib, Seconds};

/// The `/tmp` of a function that asks for no more, in MiB.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_EphemeralStorage.html>
const EPHEMERAL_STORAGE_MIB: u32 = 512;

/// A page of ListFunctions, with the fields in use.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Page {
    functions: Vec<Configuration>,
    pub(super) next_marker: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Configuration {
    function_name: Option<String>,
    function_arn: Option<String>,
    memory_size: Option<u32>,
    timeout: Option<u32>,
    runtime: Option<String>,
    architectures: Option<Vec<String>>,
    ephemeral_storage: Option<EphemeralStorage>,
    capacity_provider_config: Option<IgnoredAny>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EphemeralStorage {
    size: u32,
}

/// The answer of GetAccountSettings, with the fields in use.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AccountSettings {
    pub(super) account_limit: AccountLimit,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AccountLimit {
    pub(super) concurrent_executions: u32,
}

/// A function that is not reported, and why.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LeftOut {
    pub(super) name: String,
    pub(super) reason: &'static str,
    pub(super) problem: String,
}

/// Where the page after a marker is.
pub(super) fn page_path(size: u32, marker: Option<&str>) -> String {
    let mut path = format!("/2015-03-31/functions/?MaxItems={size}");
    if let Some(marker) = marker {
        path.push_str("&Marker=");
        path.push_str(&escaped(marker));
    }
    path
}

/// The functions that are wanted, each once and in order, and those that could not be understood.
pub(super) fn functions(
    pages: Vec<Page>,
    settings: &Settings,
) -> (Vec<Arc<Function>>, Vec<LeftOut>) {
    let mut functions = BTreeMap::new();
    let mut left_out = Vec::new();
    for configuration in pages.into_iter().flat_map(|page| page.functions) {
        let name = configuration.function_name.clone().unwrap_or_default();
        if !name.is_empty() && !settings.wants(&name) {
            continue;
        }
        match function(&configuration) {
            Ok(function) => {
                functions.insert(function.id.clone(), Arc::new(function));
            }
            Err((reason, problem)) => left_out.push(LeftOut {
                name,
                reason,
                problem,
            }),
        }
    }
    (functions.into_values().collect(), left_out)
}

fn function(configuration: &Configuration) -> Result<Function, (&'static str, String)> {
    let odd = |problem: String| ("function_not_understood", problem);
    if configuration.capacity_provider_config.is_some() {
        let problem = "it runs on managed instances, which are not paid by the GB-second";
        return Err(("managed_instances", problem.into()));
    }
    let arn = configuration.function_arn.as_deref().unwrap_or_default();
    let id = id(arn).ok_or_else(|| odd(format!("its ARN is {arn:?}")))?;
    let memory = configuration
        .memory_size
        .and_then(MemoryMib::from_mib)
        .ok_or_else(|| odd(format!("its memory is {:?} MB", configuration.memory_size)))?;
    let timeout = configuration
        .timeout
        .ok_or_else(|| odd("it has no timeout".into()))?;
    Ok(Function {
        id,
        memory,
        architecture: architecture(configuration.architectures.as_deref())
            .map_err(|name| odd(format!("its architecture is {name:?}")))?,
        runtime: configuration.runtime.as_deref().map(Arc::from),
        timeout: Seconds::from_seconds(timeout.into()).unwrap_or_default(),
        ephemeral_storage_mib: configuration
            .ephemeral_storage
            .as_ref()
            .map_or(EPHEMERAL_STORAGE_MIB, |storage| storage.size),
    })
}

/// A function that names no architecture has x86_64.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>
fn architecture(names: Option<&[String]>) -> Result<Architecture, String> {
    match names.and_then(<[String]>::first).map(String::as_str) {
        None | Some("x86_64") => Ok(Architecture::X86_64),
        Some("arm64") => Ok(Architecture::Arm64),
        Some(other) => Err(other.to_owned()),
    }
}

/// From `arn:aws:lambda:REGION:ACCOUNT:function:NAME`, with or without a version behind it.
fn id(arn: &str) -> Option<FunctionId> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "lambda", region, account_id, "function", name, ..]
            if ![region, account_id, name]
                .iter()
                .any(|part| part.is_empty()) =>
        {
            Some(FunctionId {
                account_id: Arc::from(*account_id),
                region: Arc::from(*region),
                name: Arc::from(*name),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::NamePattern;

    fn read(functions: &str) -> (Vec<Arc<Function>>, Vec<LeftOut>) {
        let page = serde_json::from_str(&format!(r#"{{"Functions":{functions}}}"#)).unwrap();
        let settings = Settings {
            include: Vec::new(),
            exclude: vec![NamePattern::new("ignored").unwrap()],
        };
        super::functions(vec![page], &settings)
    }

    fn one(fields: &str) -> (Vec<Arc<Function>>, Vec<LeftOut>) {
        read(&format!(
            r#"[{{"FunctionName":"f","FunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:f",{fields}}}]"#
        ))
    }

    #[test]
    fn a_function_is_read_with_all_its_fields() {
        let (functions, left_out) = one(
            r#""MemorySize":512,"Timeout":30,"Runtime":"nodejs22.x","Architectures":["arm64"],
               "EphemeralStorage":{"Size":1024},"CodeSize":7"#,
        );
        assert!(left_out.is_empty());
        assert_eq!(
            *functions[0],
            Function {
                id: FunctionId {
                    account_id: "123456789012".into(),
                    region: "us-east-1".into(),
                    name: "f".into(),
                },
                memory: MemoryMib::from_mib(512).unwrap(),
                architecture: Architecture::Arm64,
                runtime: Some("nodejs22.x".into()),
                timeout: Seconds::from_seconds(30.0).unwrap(),
                ephemeral_storage_mib: 1_024,
            }
        );
    }

    #[test]
    fn what_aws_leaves_out_has_the_default_that_aws_documents() {
        let (functions, _) = one(r#""MemorySize":128,"Timeout":3,"PackageType":"Image""#);
        assert_eq!(functions[0].architecture, Architecture::X86_64);
        assert_eq!(functions[0].ephemeral_storage_mib, 512);
        assert_eq!(functions[0].runtime, None);
    }

    #[test]
    fn a_function_that_is_not_understood_is_left_out_with_the_reason() {
        for (fields, reason, problem) in [
            (
                r#""MemorySize":64,"Timeout":3"#,
                "function_not_understood",
                "its memory is Some(64) MB",
            ),
            (
                r#""MemorySize":128"#,
                "function_not_understood",
                "it has no timeout",
            ),
            (
                r#""MemorySize":128,"Timeout":3,"Architectures":["riscv64"]"#,
                "function_not_understood",
                "its architecture is \"riscv64\"",
            ),
            (
                r#""MemorySize":32768,"Timeout":3,"CapacityProviderConfig":{"LambdaManagedInstancesCapacityProviderConfig":{}}"#,
                "managed_instances",
                "it runs on managed instances, which are not paid by the GB-second",
            ),
        ] {
            let (functions, left_out) = one(fields);
            assert!(functions.is_empty(), "{fields}");
            assert_eq!(
                left_out,
                [LeftOut {
                    name: "f".into(),
                    reason,
                    problem: problem.into()
                }]
            );
        }
        let (_, left_out) = read(r#"[{"FunctionName":"g","FunctionArn":"arn:aws:s3:::g"}]"#);
        assert_eq!(left_out[0].problem, "its ARN is \"arn:aws:s3:::g\"");
    }

    #[test]
    fn a_function_that_is_excluded_is_not_even_looked_at() {
        let (functions, left_out) = read(r#"[{"FunctionName":"ignored"}]"#);
        assert!(functions.is_empty() && left_out.is_empty());
    }

    #[test]
    fn a_marker_is_escaped() {
        assert_eq!(
            page_path(50, Some("a/b+c=~")),
            "/2015-03-31/functions/?MaxItems=50&Marker=a%2Fb%2Bc%3D~"
        );
        assert_eq!(page_path(50, None), "/2015-03-31/functions/?MaxItems=50");
    }
}
