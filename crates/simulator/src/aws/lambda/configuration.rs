//! The configuration of a function, as Lambda shows it.

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::aws::scope::AccountRegion;
use crate::world::{Function, PackageType};

/// How long before the history began everything was last changed.
const LAST_CHANGED_DAYS_BEFORE: i64 = 30;

/// The configuration of a function.
pub(super) fn configuration(place: AccountRegion<'_>, function: &Function) -> Json {
    let spec = &function.spec;
    let name = spec.name.as_str();
    let digest = Sha256::digest(format!("{}/{}", place.world.spec.seed, function.key));
    let snap_start = if spec.snap_start {
        "PublishedVersions"
    } else {
        "None"
    };
    let (runtime, handler) = match spec.package_type {
        PackageType::Zip => (Some(spec.runtime.as_str()), Some(handler(&spec.runtime))),
        PackageType::Image => (None, None),
    };
    let mut configuration = json!({
        "FunctionName": name,
        "FunctionArn": place.function_arn(name),
        "Runtime": runtime,
        "Role": format!("arn:aws:iam::{}:role/service-role/{name}-role", function.account),
        "Handler": handler,
        "CodeSize": 100_000 + u32::from(u16::from_be_bytes([digest[0], digest[1]])) * 16,
        "Description": "",
        "Timeout": spec.timeout_s,
        "MemorySize": spec.memory_mib,
        "LastModified": changed(place),
        "CodeSha256": base64(&digest),
        "Version": "$LATEST",
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": uuid(&digest),
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": spec.package_type,
        "Architectures": [spec.architecture.as_str()],
        "EphemeralStorage": {"Size": spec.ephemeral_storage_mib},
        "SnapStart": {"ApplyOn": snap_start, "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": format!("/aws/lambda/{name}")},
    });
    if let Some(provider) = &spec.capacity_provider {
        let (region, account) = (&function.region, &function.account);
        configuration["CapacityProviderConfig"] = json!({
            "LambdaManagedInstancesCapacityProviderConfig": {
                "CapacityProviderArn":
                    format!("arn:aws:lambda:{region}:{account}:capacity-provider:{provider}"),
            },
        });
    }
    configuration
}

/// When everything was last changed.
pub(super) fn changed(place: AccountRegion<'_>) -> String {
    let seconds = place.world.history_start().as_second() - LAST_CHANGED_DAYS_BEFORE * 86_400;
    let changed = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    changed.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
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

pub(super) fn base64(bytes: &[u8]) -> String {
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
