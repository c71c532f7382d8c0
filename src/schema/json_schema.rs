//! The JSON Schema of a file of settings, made from the definitions of its sections.
//!
//! Draft 2020-12, <https://json-schema.org/draft/2020-12/schema>. It has the keys, their sentences, types, words and defaults.
//! Limits of numbers and what several settings must have in common are checked when the file is read, not here.

use serde_json::{Map, Value, json};

use super::{Node, Setting};

/// A setting of one of these words.
pub(crate) fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    json!({"enum": words.into_iter().collect::<Vec<_>>()})
}

/// A section: the sentence about it, and each key with its sentence, schema and default.
pub(crate) fn section<'a>(
    about: &str,
    keys: impl IntoIterator<Item = (&'a str, &'a str, Value, Node)>,
) -> Value {
    let mut properties = Map::new();
    for (key, sentence, mut schema, default) in keys {
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".to_owned(), sentence.trim().into());
            if let Some(default) = default_of(&default) {
                schema.insert("default".to_owned(), default);
            }
        }
        properties.insert(key.to_owned(), schema);
    }
    json!({
        "type": ["object", "null"],
        "description": about.trim(),
        "additionalProperties": false,
        "properties": properties,
    })
}

/// The default of a setting; a section has those of its keys.
fn default_of(node: &Node) -> Option<Value> {
    match node {
        Node::Line(line) => serde_saphyr::from_str(line).ok(),
        Node::List(items) => items.iter().map(default_of).collect(),
        Node::Section(_) => None,
    }
}

/// The same, or null.
pub(crate) fn or_null(mut schema: Value) -> Value {
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
        return schema;
    }
    let kinds = schema.get_mut("type");
    match kinds {
        Some(kinds) if kinds.is_string() => *kinds = json!([kinds.take(), "null"]),
        Some(Value::Array(kinds)) if kinds.contains(&json!("null")) => {}
        Some(Value::Array(kinds)) => kinds.push("null".into()),
        _ => return json!({"anyOf": [schema, {"type": "null"}]}),
    }
    schema
}

/// The schema of a whole file.
pub(crate) fn document<T: Setting>(title: &str) -> Value {
    let mut schema = T::schema();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert(
            "$schema".to_owned(),
            "https://json-schema.org/draft/2020-12/schema".into(),
        );
        schema.insert("title".to_owned(), title.into());
    }
    schema
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macros make public items")]
mod tests {
    use super::*;
    use crate::schema::{choice, settings};

    choice! {
        /// A color.
        pub enum Color {
            /// Red.
            Red = "red",
            /// Blue.
            Blue = "blue",
        }
    }

    settings! {
        /// A car.
        pub struct Car {
            /// Its color.
            pub color: Option<Color> = Some(Color::Red),
            /// The number of its
            /// seats.
            pub seats: u32 = 4,
            /// Its wheels.
            pub wheels: Vec<Wheel> = Vec::new(),
        }
    }

    settings! {
        /// A wheel.
        pub struct Wheel {
            /// Its radius.
            pub radius_meters: f64 = 0.3,
        }
    }

    #[test]
    fn a_section_has_its_keys_with_sentences_types_and_defaults() {
        let expected = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "car",
            "type": ["object", "null"],
            "description": "A car.",
            "additionalProperties": false,
            "properties": {
                "color": {"enum": ["red", "blue", null], "description": "Its color.", "default": "red"},
                "seats": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 4_294_967_295_u32,
                    "description": "The number of its seats.",
                    "default": 4,
                },
                "wheels": {
                    "type": ["array", "null"],
                    "description": "Its wheels.",
                    "default": [],
                    "items": {
                        "type": ["object", "null"],
                        "description": "A wheel.",
                        "additionalProperties": false,
                        "properties": {
                            "radius_meters": {
                                "type": "number",
                                "description": "Its radius.",
                                "default": 0.3,
                            },
                        },
                    },
                },
            },
        });
        assert_eq!(document::<Car>("car"), expected);
    }
}
