//! A setting that is known only within limits.

use serde_json::{Value, json};

use crate::schema::{ConfigError, ConfigPath, Node, Setting, shown};

/// A number with the least and the most that it may be. One number alone is known exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The least that it may be.
    pub low: f64,
    /// The best single value.
    pub point: f64,
    /// The most that it may be.
    pub high: f64,
}

/// The keys of a range.
const KEYS: [&str; 3] = ["low", "point", "high"];

impl Setting for Range {
    fn read(value: &Value, place: &ConfigPath, errors: &mut Vec<ConfigError>) -> Option<Self> {
        if let Some(exactly) = value.as_f64() {
            return Some(Self {
                low: exactly,
                point: exactly,
                high: exactly,
            });
        }
        let number = |key: &str| value.get(key).and_then(Value::as_f64);
        let only = value
            .as_object()
            .is_some_and(|keys| keys.len() == KEYS.len());
        match KEYS.map(number) {
            [Some(low), Some(point), Some(high)] if only => Some(Self { low, point, high }),
            _ => {
                let expected = "a number, or a section with the numbers low, point and high";
                errors.push(ConfigError::new(
                    place,
                    format!("{} is not {expected}", shown(value)),
                ));
                None
            }
        }
    }

    fn tree(&self) -> Node {
        let [low, point, high] =
            [self.low, self.point, self.high].map(|one| serde_json::json!(one));
        Node::Line(format!("{{low: {low}, point: {point}, high: {high}}}"))
    }

    fn schema() -> Value {
        let keys = KEYS.map(|key| (key.to_owned(), json!({"type": "number"})));
        json!({
            "type": ["number", "object"],
            "additionalProperties": false,
            "required": KEYS,
            "properties": serde_json::Map::from_iter(keys),
        })
    }
}
