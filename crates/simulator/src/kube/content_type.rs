//! The forms in which a client can ask for objects.

use serde_json::{Map, Value, json};

/// A form of objects and lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Representation {
    /// The objects themselves.
    Whole,
    /// Their metadata alone.
    Metadata,
    /// Rows for people to read.
    Table,
}

/// The API version of tables and metadata objects.
pub(super) const META_VERSION: &str = "meta.k8s.io/v1";

/// The first form in an `Accept` header that is known here; absent when there is none.
pub(super) fn accepted(accept: Option<&str>) -> Option<Representation> {
    let accept = accept
        .filter(|accept| !accept.trim().is_empty())
        .unwrap_or("*/*");
    accept.split(',').find_map(|clause| {
        let mut parts = clause.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        if !matches!(media, "application/json" | "application/*" | "*/*") {
            return None;
        }
        let parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
        let parameter = |name| {
            parameters
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| *value)
        };
        let meta = parameter("g") == Some("meta.k8s.io") && parameter("v") == Some("v1");
        match parameter("as") {
            None => Some(Representation::Whole),
            Some("Table") if meta => Some(Representation::Table),
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") if meta => {
                Some(Representation::Metadata)
            }
            Some(_) => None,
        }
    })
}

/// An object's metadata alone.
pub(super) fn metadata_of(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": META_VERSION,
        "metadata": object["metadata"],
    })
}

/// An object as it stands in a list: without kind and version, which the list has.
pub(super) fn list_item(object: &Value) -> Value {
    let Value::Object(object) = object else {
        return object.clone();
    };
    let inner = object
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "kind" | "apiVersion"));
    Value::Object(
        inner
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect::<Map<_, _>>(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_is_known_is_taken() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,\
                       application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        let cases = [
            (None, Some(Representation::Whole)),
            (Some("*/*"), Some(Representation::Whole)),
            (Some("application/json"), Some(Representation::Whole)),
            (Some(kubectl), Some(Representation::Table)),
            (
                Some("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"),
                Some(Representation::Metadata),
            ),
            (
                Some("application/vnd.kubernetes.protobuf, application/json"),
                Some(Representation::Whole),
            ),
            (
                Some("application/json;as=Table;g=meta.k8s.io;v=v1beta1"),
                None,
            ),
            (Some("text/html"), None),
        ];
        for (accept, expected) in cases {
            assert_eq!(accepted(accept), expected, "{accept:?}");
        }
    }
}
