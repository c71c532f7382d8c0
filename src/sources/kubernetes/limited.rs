//! Limits on the fields of one object, checked while it is read: the limits of the Kubernetes API itself.
//!
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/> and
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/>. Lists have no limit in that API; the limits
//! here are far beyond what runs, and bound the memory of an object of 2 MiB, which is many times its length.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

/// The longest name of an object: a DNS subdomain.
const MAX_NAME: usize = 253;
/// The longest name of a namespace, a container or a port, and the longest value of a label: a DNS label.
const MAX_LABEL: usize = 63;
/// The longest key of a label: a prefix of 253 bytes, a slash and a name of 63.
const MAX_KEY: usize = 317;
/// The longest version, uid, quantity, address or time.
const MAX_VALUE: usize = 128;
/// The longest identifier of a cloud.
const MAX_ID: usize = 2_048;
/// The longest parameter of a storage class.
const MAX_PARAMETER: usize = 256 << 10;

/// The most entries of a list or a map of one object.
const MAX_ENTRIES: usize = 500;

/// What the error of a field beyond its limit contains.
const BEYOND: &str = "a limit on objects of the Kubernetes API";

/// Whether an object could not be read because a field is beyond its limit.
pub(in crate::sources) fn is_beyond(why: &serde_json::Error) -> bool {
    why.is_data() && why.to_string().contains(BEYOND)
}

struct Text {
    what: &'static str,
    max: usize,
}

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of at most {} bytes", self.what, self.max)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        if text.len() > self.max {
            let (what, max, length) = (self.what, self.max, text.len());
            return Err(E::custom(format_args!(
                "{what} of {length} bytes is longer than {max}, {BEYOND}"
            )));
        }
        Ok(text.to_owned())
    }
}

impl<'de> DeserializeSeed<'de> for Text {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

struct Optional(Text);

impl<'de> Visitor<'de> for Optional {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(formatter)
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}

macro_rules! texts {
    ($($name:ident, $what:literal, $max:ident;)*) => {
        $(
            #[doc = concat!($what, ".")]
            pub(in crate::sources) fn $name<'de, D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<String, D::Error> {
                deserializer.deserialize_str(Text { what: $what, max: $max })
            }
        )*
    };
}

texts! {
    name, "a name", MAX_NAME;
    label, "a name of one part", MAX_LABEL;
    key, "a key", MAX_KEY;
    value, "a value", MAX_VALUE;
    id, "an identifier", MAX_ID;
}

/// A name, if there is one.
pub(super) fn optional_name<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_option(Optional(Text {
        what: "a name",
        max: MAX_NAME,
    }))
}

/// A quantity, if there is one.
#[derive(Debug)]
pub(super) struct Quantity(pub(super) Option<String>);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        quantity(deserializer).map(Self)
    }
}

/// A quantity, if there is one.
pub(super) fn quantity<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_option(Optional(Text {
        what: "a quantity",
        max: MAX_VALUE,
    }))
}

fn too_many<E: Error>() -> E {
    E::custom(format_args!(
        "a list or a map has more than {MAX_ENTRIES} entries, {BEYOND}"
    ))
}

struct List<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a list of at most {MAX_ENTRIES} entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element()? {
            if list.len() == MAX_ENTRIES {
                return Err(too_many());
            }
            list.push(entry);
        }
        Ok(list)
    }
}

/// A list of an object.
pub(in crate::sources) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_seq(List(PhantomData))
}

struct Map {
    max_value: usize,
}

impl<'de> Visitor<'de> for Map {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a map of at most {MAX_ENTRIES} entries")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some(key) = entries.next_key_seed(Text {
            what: "a key",
            max: MAX_KEY,
        })? {
            let value = entries.next_value_seed(Text {
                what: "a value of a map",
                max: self.max_value,
            })?;
            map.insert(key, value);
            if map.len() > MAX_ENTRIES {
                return Err(too_many());
            }
        }
        Ok(map)
    }
}

/// Labels, or a selector of labels.
pub(super) fn labels<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    deserializer.deserialize_map(Map {
        max_value: MAX_LABEL,
    })
}

/// The parameters of a storage class.
pub(super) fn parameters<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    deserializer.deserialize_map(Map {
        max_value: MAX_PARAMETER,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::sources::kubernetes::api_types::{NodeObject, PodObject};

    fn pod(metadata: &Value, spec: &Value) -> Result<PodObject, serde_json::Error> {
        let object = json!({"metadata": metadata, "spec": spec});
        serde_json::from_str(&object.to_string())
    }

    #[test]
    fn objects_at_the_limits_of_the_api_are_read() {
        let prefix = "p".repeat(253);
        let labels: BTreeMap<String, String> = (0..500)
            .map(|number| (format!("{prefix}/{number:063}"), "v".repeat(63)))
            .collect();
        let metadata = json!({"name": "n".repeat(253), "namespace": "s".repeat(63), "uid": "u",
            "labels": labels, "ownerReferences": []});
        let containers: Vec<Value> = (0..500)
            .map(|number| json!({"name": format!("{number:063}")}))
            .collect();
        let pod = pod(&metadata, &json!({"containers": containers})).unwrap();
        assert_eq!(pod.metadata.labels.len(), 500);
        assert_eq!(pod.spec.containers.len(), 500);
    }

    #[test]
    fn a_field_beyond_a_limit_is_told_from_one_that_makes_no_sense() {
        let long = "x".repeat(100_000);
        let many: BTreeMap<String, &str> = (0..501).map(|one| (one.to_string(), "")).collect();
        let containers = vec![json!({"name": "app"}); 501];
        let amounts = json!({"requests": {"cpu": long}});
        for (metadata, spec) in [
            (json!({"name": long, "uid": "u"}), json!({})),
            (json!({"name": "n", "uid": long}), json!({})),
            (
                json!({"name": "n", "namespace": long, "uid": "u"}),
                json!({}),
            ),
            (
                json!({"name": "n", "uid": "u", "labels": {&long: "v"}}),
                json!({}),
            ),
            (
                json!({"name": "n", "uid": "u", "labels": {"k": long}}),
                json!({}),
            ),
            (json!({"name": "n", "uid": "u", "labels": many}), json!({})),
            (
                json!({"name": "n", "uid": "u"}),
                json!({"containers": containers}),
            ),
            (json!({"name": "n", "uid": "u"}), json!({"nodeName": long})),
            (
                json!({"name": "n", "uid": "u"}),
                json!({"containers": [{"name": "app", "resources": amounts}]}),
            ),
        ] {
            let why = pod(&metadata, &spec).unwrap_err();
            assert!(is_beyond(&why), "{why}");
            assert!(why.to_string().len() < 200, "{why}");
        }
        let why = serde_json::from_str::<NodeObject>(r#"{"metadata": {"name": 1}}"#).unwrap_err();
        assert!(!is_beyond(&why), "{why}");
    }
}
