//! Settings whose values are not shown.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::schema::{ConfigError, ConfigPath, Node, Setting, wrong_secret};
use crate::sources::{REDACTED, Secret};

impl Setting for Secret {
    const IS_SECRET: bool = true;

    fn read(value: &Value, place: &ConfigPath, errors: &mut Vec<ConfigError>) -> Option<Self> {
        let text = value.as_str();
        if text.is_none() {
            errors.push(wrong_secret(place, "text; put it in quotes"));
        }
        text.map(Self::from)
    }

    fn tree(&self) -> Node {
        Node::Line(format!("{REDACTED:?}"))
    }

    fn schema() -> Value {
        String::schema()
    }
}

/// A hash that changes with the secrets, in hexadecimal digits.
pub(super) fn digest(secrets: &BTreeMap<String, Secret>) -> String {
    let mut hash = Sha256::new();
    for (name, secret) in secrets {
        for part in [name.as_str(), secret.expose()] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
    }
    let digits = hash
        .finalize()
        .into_iter()
        .map(|byte| format!("{byte:02x}"));
    digits.collect()
}
