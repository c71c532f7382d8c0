//! From what the Lambda API says to functions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::LambdaConfig;
use crate::sources::percent::escaped;
use breakeven_model::inventory::{Architecture, Function, FunctionId, ProvisionedConcurrency};
use breakeven_model::units::{MemoryMib, Seconds};

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
    package_type: Option<String>,
    snap_start: Option<SnapStart>,
    capacity_provider_config: Option<CapacityProviderConfig>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EphemeralStorage {
    size: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SnapStart {
    apply_on: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CapacityProviderConfig {
    lambda_managed_instances_capacity_provider_config: Option<ManagedInstances>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ManagedInstances {
    capacity_provider_arn: Option<String>,
}

/// A page of ListProvisionedConcurrencyConfigs, with the fields in use.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ProvisionedPage {
    provisioned_concurrency_configs: Vec<ProvisionedConfig>,
    pub(super) next_marker: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProvisionedConfig {
    function_arn: Option<String>,
    /// What is asked for is what is paid for, once it has been given.
    allocated_provisioned_concurrent_executions: Option<u32>,
    requested_provisioned_concurrent_executions: Option<u32>,
}

/// The answer of GetFunctionConcurrency.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Reserved {
    pub(super) reserved_concurrent_executions: Option<u32>,
}

/// The answer of GetAccountSettings, with the fields in use.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AccountSettings {
    pub(super) account_limit: AccountLimit,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AccountLimit {
    pub(super) concurrent_executions: u32,
    unreserved_concurrent_executions: Option<u32>,
}

impl AccountLimit {
    /// Whether some of it may be set aside for functions.
    pub(super) fn is_shared_out(self) -> bool {
        self.unreserved_concurrent_executions
            .is_none_or(|rest| rest < self.concurrent_executions)
    }
}

/// A function that is not reported, and why.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DiscardedRecords {
    pub(super) name: String,
    pub(super) reason: &'static str,
    pub(super) problem: String,
}

/// Where the page after a marker is.
pub(super) fn page_path(size: u32, marker: Option<&str>) -> String {
    after(format!("/2015-03-31/functions/?MaxItems={size}"), marker)
}

/// A path with a query, with the marker of the page that is wanted behind it.
pub(super) fn after(mut path: String, marker: Option<&str>) -> String {
    if let Some(marker) = marker {
        path.push_str("&Marker=");
        path.push_str(&escaped(marker));
    }
    path
}

/// The name in the ARN of a function, `arn:aws:lambda:REGION:ACCOUNT:function:NAME`, with or without a version behind it.
pub(super) fn function_name(arn: &str) -> Option<&str> {
    arn.split(':').nth(6).filter(|name| !name.is_empty())
}

/// The functions that are wanted, each once and in order, and those that could not be understood.
pub(super) fn functions(
    pages: Vec<Page>,
    settings: &LambdaConfig,
) -> (Vec<Function>, Vec<DiscardedRecords>) {
    let mut functions = BTreeMap::new();
    let mut discarded = Vec::new();
    for configuration in pages.into_iter().flat_map(|page| page.functions) {
        let name = configuration.function_name.clone().unwrap_or_default();
        if !name.is_empty() && !settings.wants(&name) {
            continue;
        }
        match function(&configuration) {
            Ok(function) => {
                functions.insert(function.id.clone(), function);
            }
            Err((reason, problem)) => discarded.push(DiscardedRecords {
                name,
                reason,
                problem,
            }),
        }
    }
    (functions.into_values().collect(), discarded)
}

fn function(configuration: &Configuration) -> Result<Function, (&'static str, String)> {
    let unexpected = |problem: String| ("function_not_understood", problem);
    let provider = configuration.capacity_provider_config.as_ref();
    let arn = configuration.function_arn.as_deref().unwrap_or_default();
    let id = id(arn).ok_or_else(|| unexpected(format!("its ARN is {arn:?}")))?;
    let memory = configuration
        .memory_size
        .and_then(MemoryMib::from_mib)
        .ok_or_else(|| unexpected(format!("its memory is {:?} MB", configuration.memory_size)))?;
    let timeout = configuration
        .timeout
        .ok_or_else(|| unexpected("it has no timeout".into()))?;
    let architecture = architecture(configuration.architectures.as_deref())
        .map_err(|name| unexpected(format!("its architecture is {name:?}")))?;
    let mut function = Function::plain(id, memory, architecture);
    function.runtime = configuration.runtime.as_deref().map(Arc::from);
    function.timeout = Seconds::from_seconds(timeout.into()).unwrap_or_default();
    if let Some(storage) = &configuration.ephemeral_storage {
        function.ephemeral_storage_mib = storage.size;
    }
    function.is_image = configuration.package_type.as_deref() == Some("Image");
    let snap_start = configuration.snap_start.as_ref();
    let apply_on = snap_start.and_then(|one| one.apply_on.as_deref());
    function.snap_start = apply_on == Some("PublishedVersions");
    function.capacity_provider = provider.map(|provider| Arc::from(provider.name()));
    Ok(function)
}

impl CapacityProviderConfig {
    /// The name, from `arn:aws:lambda:REGION:ACCOUNT:capacity-provider:NAME`.
    fn name(&self) -> &str {
        let instances = self
            .lambda_managed_instances_capacity_provider_config
            .as_ref();
        let arn = instances.and_then(|one| one.capacity_provider_arn.as_deref());
        arn.and_then(|arn| arn.rsplit(':').next())
            .unwrap_or("unknown")
    }
}

/// Where the page after a marker is of what is kept ready for a function.
pub(super) fn provisioned_path(name: &str, marker: Option<&str>) -> String {
    let name = escaped(name);
    after(
        format!("/2019-09-30/functions/{name}/provisioned-concurrency?List=ALL&MaxItems=50"),
        marker,
    )
}

/// Where it stands how many environments are set aside for a function.
pub(super) fn reserved_path(name: &str) -> String {
    format!("/2019-09-30/functions/{}/concurrency", escaped(name))
}

/// What is kept ready, by version and alias.
pub(super) fn provisioned(pages: Vec<ProvisionedPage>) -> Vec<ProvisionedConcurrency> {
    let configs = pages
        .into_iter()
        .flat_map(|page| page.provisioned_concurrency_configs);
    let read = configs.filter_map(|config| {
        let qualifier = config.function_arn.as_deref()?.rsplit(':').next()?.into();
        let concurrency = config
            .allocated_provisioned_concurrent_executions
            .or(config.requested_provisioned_concurrent_executions)?;
        Some(ProvisionedConcurrency {
            qualifier,
            concurrency,
        })
    });
    read.collect()
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
    use breakeven_model::inventory::NamePattern;

    fn read(functions: &str) -> (Vec<Function>, Vec<DiscardedRecords>) {
        let page = serde_json::from_str(&format!(r#"{{"Functions":{functions}}}"#)).unwrap();
        let settings = LambdaConfig {
            include: Vec::new(),
            exclude: vec![NamePattern::new("ignored").unwrap()],
            ..LambdaConfig::default()
        };
        super::functions(vec![page], &settings)
    }

    fn one(fields: &str) -> (Vec<Function>, Vec<DiscardedRecords>) {
        read(&format!(
            r#"[{{"FunctionName":"f","FunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:f",{fields}}}]"#
        ))
    }

    #[test]
    fn a_function_is_read_with_all_its_fields() {
        let (functions, discarded) = one(
            r#""MemorySize":512,"Timeout":30,"Runtime":"nodejs22.x","Architectures":["arm64"],
               "EphemeralStorage":{"Size":1024},"CodeSize":7,"SnapStart":{"ApplyOn":"PublishedVersions"},
               "PackageType":"Zip""#,
        );
        assert!(discarded.is_empty());
        let id = FunctionId {
            account_id: "123456789012".into(),
            region: "us-east-1".into(),
            name: "f".into(),
        };
        let memory = MemoryMib::from_mib(512).unwrap();
        assert_eq!(
            functions[0],
            Function {
                runtime: Some("nodejs22.x".into()),
                timeout: Seconds::from_seconds(30.0).unwrap(),
                ephemeral_storage_mib: 1_024,
                snap_start: true,
                ..Function::plain(id, memory, Architecture::Arm64)
            }
        );
    }

    #[test]
    fn what_aws_leaves_out_has_the_default_that_aws_documents() {
        let (functions, _) = one(r#""MemorySize":128,"Timeout":3,"PackageType":"Image""#);
        assert_eq!(functions[0].architecture, Architecture::X86_64);
        assert_eq!(functions[0].ephemeral_storage_mib, 512);
        assert_eq!(functions[0].runtime, None);
        assert!(functions[0].is_image && !functions[0].snap_start);
        assert_eq!(functions[0].capacity_provider, None);
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
        ] {
            let (functions, discarded) = one(fields);
            assert!(functions.is_empty(), "{fields}");
            assert_eq!(
                discarded,
                [DiscardedRecords {
                    name: "f".into(),
                    reason,
                    problem: problem.into()
                }]
            );
        }
        let (_, discarded) = read(r#"[{"FunctionName":"g","FunctionArn":"arn:aws:s3:::g"}]"#);
        assert_eq!(discarded[0].problem, "its ARN is \"arn:aws:s3:::g\"");
    }

    #[test]
    fn a_function_on_managed_instances_says_whose_they_are() {
        let (functions, discarded) = one(
            r#""MemorySize":4096,"Timeout":3,"CapacityProviderConfig":{"LambdaManagedInstancesCapacityProviderConfig":
               {"CapacityProviderArn":"arn:aws:lambda:us-east-1:123456789012:capacity-provider:batch"}}"#,
        );
        assert!(discarded.is_empty());
        assert_eq!(functions[0].capacity_provider.as_deref(), Some("batch"));
    }

    #[test]
    fn what_is_kept_ready_is_read_by_version_and_alias() {
        let page = |configs: &str| {
            serde_json::from_str(&format!(
                r#"{{"ProvisionedConcurrencyConfigs":[{configs}]}}"#
            ))
            .unwrap()
        };
        let pages = vec![
            page(
                r#"{"FunctionArn":"arn:aws:lambda:r:1:function:f:live","AllocatedProvisionedConcurrentExecutions":5,
                    "RequestedProvisionedConcurrentExecutions":8,"Status":"IN_PROGRESS"}"#,
            ),
            page(
                r#"{"FunctionArn":"arn:aws:lambda:r:1:function:f:7","RequestedProvisionedConcurrentExecutions":2}"#,
            ),
        ];
        let read: Vec<_> = provisioned(pages)
            .into_iter()
            .map(|one| (one.qualifier.to_string(), one.concurrency))
            .collect();
        assert_eq!(read, [("live".to_owned(), 5), ("7".to_owned(), 2)]);
        assert_eq!(
            provisioned_path("f", Some("a/b")),
            "/2019-09-30/functions/f/provisioned-concurrency?List=ALL&MaxItems=50&Marker=a%2Fb"
        );
    }

    #[test]
    fn an_account_whose_whole_limit_is_unreserved_has_set_nothing_aside() {
        for (unreserved, expected) in [
            (r#","UnreservedConcurrentExecutions":1000"#, false),
            (r#","UnreservedConcurrentExecutions":950"#, true),
            ("", true),
        ] {
            let text = format!(r#"{{"AccountLimit":{{"ConcurrentExecutions":1000{unreserved}}}}}"#);
            let settings: AccountSettings = serde_json::from_str(&text).unwrap();
            assert_eq!(settings.account_limit.is_shared_out(), expected, "{text}");
        }
    }

    #[test]
    fn a_function_that_is_excluded_is_not_even_looked_at() {
        let (functions, discarded) = read(r#"[{"FunctionName":"ignored"}]"#);
        assert!(functions.is_empty() && discarded.is_empty());
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
