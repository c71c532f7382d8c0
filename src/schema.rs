//! Files of settings: YAML or JSON in which every key has a default and a sentence.
//!
//! What enters: the text of a file. What leaves: a section with all values, or every error with its place; and without a file the
//! default file and the JSON Schema.
//!
//! A section is defined once, by `settings!`: its keys, their defaults and their sentences. From that come the reader, which
//! reports every unknown key and every wrong value, the default file and the schema. `Validator` then reports the values that
//! cannot be meant, in the same way.

mod document;
pub(crate) mod json_schema;
mod page;
mod validator;

pub(crate) use document::{read, together};
pub(crate) use page::{plain as plain_page, with_sentences};
pub(crate) use validator::Validator;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// Something wrong in a file of settings: where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct ConfigError {
    /// The place in the file, such as `prices.nodes[2].usd_per_hour`.
    pub place: String,
    /// What is wrong there, with the value, and what would be right.
    pub what: String,
}

impl ConfigError {
    /// An error at a place.
    pub fn new(place: impl fmt::Display, what: impl Into<String>) -> Self {
        Self {
            place: place.to_string(),
            what: what.into(),
        }
    }
}

/// All that is wrong in a file of settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", all(.0))]
pub struct ConfigErrors(pub Vec<ConfigError>);

fn all(config_errors: &[ConfigError]) -> String {
    let lines: Vec<String> = config_errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigPath(String);

impl ConfigPath {
    /// The file itself.
    #[must_use]
    pub(crate) const fn top() -> Self {
        Self(String::new())
    }

    /// A key of this place.
    #[must_use]
    pub(crate) fn key(&self, key: &str) -> Self {
        if self.0.is_empty() {
            Self(key.to_owned())
        } else {
            Self(format!("{}.{key}", self.0))
        }
    }

    /// A line of the file that this place names.
    #[must_use]
    pub(crate) fn line(&self, line: u64) -> Self {
        Self(format!("{} line {line}", self.0))
    }

    /// An item of the list at this place.
    #[must_use]
    pub(crate) fn item(&self, position: usize) -> Self {
        Self(format!("{}[{position}]", self.0))
    }
}

impl fmt::Display for ConfigPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_empty() {
            "the file"
        } else {
            &self.0
        })
    }
}

/// A value as it is written: one line, a section, or a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// A value on the line of its key.
    Line(String),
    /// Keys, each with its sentence and value.
    Section(Vec<(&'static str, &'static str, Node)>),
    /// Items.
    List(Vec<Node>),
}

/// Something that stands in the file.
pub(crate) trait Setting: Sized {
    /// Whether an error must not show the value.
    const IS_SECRET: bool = false;

    /// Reads it. What is wrong is added to `errors`; absent where nothing can be made of the value.
    fn read(value: &Value, place: &ConfigPath, errors: &mut Vec<ConfigError>) -> Option<Self>;

    /// As it is written.
    fn tree(&self) -> Node;

    /// Its JSON Schema.
    fn schema() -> Value;
}

/// A value on one line, as an error shows it.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Object(_) => "a section".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        plain => plain.to_string(),
    }
}

pub(crate) fn wrong_kind(value: &Value, place: &ConfigPath, expected: &str) -> ConfigError {
    ConfigError::new(place, format!("{} is not {expected}", shown(value)))
}

/// Reads a setting that is one of these words.
pub(crate) fn read_word<T: Copy>(
    all: impl Iterator<Item = T> + Clone,
    as_str: fn(T) -> &'static str,
    value: &Value,
    place: &ConfigPath,
    errors: &mut Vec<ConfigError>,
) -> Option<T> {
    let found = all.clone().find(|one| value.as_str() == Some(as_str(*one)));
    if found.is_none() {
        let words: Vec<&str> = all.map(as_str).collect();
        let expected = format!("one of: {}", words.join(" "));
        errors.push(wrong_kind(value, place, &expected));
    }
    found
}

/// The error of a value that may be a secret, so that it is not shown.
pub(crate) fn wrong_secret(place: &ConfigPath, expected: &str) -> ConfigError {
    ConfigError::new(place, format!("the value is not {expected}"))
}

/// The known key that an unknown one was probably meant to be.
pub(crate) fn unknown_key(key: &str, known: &[&str], place: &ConfigPath) -> ConfigError {
    let likeness = |known: &&&str| strsim::jaro_winkler(key, known);
    let nearest = known
        .iter()
        .max_by(|left, right| likeness(left).total_cmp(&likeness(right)));
    let what = match nearest.filter(|nearest| likeness(nearest) > 0.75) {
        Some(nearest) => format!("is not a setting; did you mean `{nearest}`?"),
        None => format!("is not a setting; known here: {}", known.join(", ")),
    };
    ConfigError::new(place.key(key), what)
}

/// Defines a section: a struct whose every field has a sentence and a default.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        pub struct $name:ident {
            $( $(#[doc = $sentence:literal])+ pub $field:ident: $kind:ty = $default:expr, )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[doc = $sentence])+ pub $field: $kind, )+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )+ }
            }
        }

        impl $crate::schema::Setting for $name {
            fn read(
                value: &serde_json::Value,
                place: &$crate::schema::ConfigPath,
                errors: &mut Vec<$crate::schema::ConfigError>,
            ) -> Option<Self> {
                let known = &[$( stringify!($field) ),+];
                let keys = match value {
                    serde_json::Value::Null => return Some(Self::default()),
                    serde_json::Value::Object(keys) => keys,
                    other => {
                        // A text may be a secret on a wrong line, such as a user with a password.
                        let expected = "a section with keys";
                        errors.push(match other {
                            serde_json::Value::String(_) => $crate::schema::wrong_secret(place, expected),
                            _ => $crate::schema::wrong_kind(other, place, expected),
                        });
                        return None;
                    }
                };
                for key in keys.keys().filter(|key| !known.contains(&key.as_str())) {
                    errors.push($crate::schema::unknown_key(key, known, place));
                }
                let mut section = Self::default();
                $(
                    if let Some(value) = keys.get(stringify!($field)) {
                        let place = place.key(stringify!($field));
                        if let Some(read) = $crate::schema::Setting::read(value, &place, errors) {
                            section.$field = read;
                        }
                    }
                )+
                Some(section)
            }

            fn tree(&self) -> $crate::schema::Node {
                $crate::schema::Node::Section(vec![
                    $( (stringify!($field), concat!($($sentence),+), self.$field.tree()), )+
                ])
            }

            fn schema() -> serde_json::Value {
                let defaults = Self::default();
                let keys = [
                    $( (
                        stringify!($field),
                        concat!($($sentence),+),
                        <$kind as $crate::schema::Setting>::schema(),
                        defaults.$field.tree(),
                    ), )+
                ];
                $crate::schema::json_schema::section(concat!($($about),+), keys)
            }
        }
    };
}

/// Defines a setting that is one of a few words.
macro_rules! choice {
    (
        $(#[doc = $about:literal])+
        pub enum $name:ident { $( $(#[doc = $sentence:literal])+ $variant:ident = $word:literal, )+ }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $( $(#[doc = $sentence])+ $variant, )+ }

        impl $name {
            const ALL: &[Self] = &[$( Self::$variant, )+];

            const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }
        }

        $crate::schema::words!($name);
    };
}

/// Lets a setting be a word of an enum that has `ALL` and `as_str`.
macro_rules! words {
    ($name:ident) => {
        impl $crate::schema::Setting for $name {
            fn read(
                value: &serde_json::Value,
                place: &$crate::schema::ConfigPath,
                errors: &mut Vec<$crate::schema::ConfigError>,
            ) -> Option<Self> {
                $crate::schema::read_word(
                    Self::ALL.iter().copied(),
                    Self::as_str,
                    value,
                    place,
                    errors,
                )
            }

            fn tree(&self) -> $crate::schema::Node {
                $crate::schema::Node::Line(self.as_str().to_owned())
            }

            fn schema() -> serde_json::Value {
                $crate::schema::json_schema::words(Self::ALL.iter().map(|one| one.as_str()))
            }
        }
    };
}

pub(crate) use {choice, settings, words};

/// Defines a setting that is one plain value.
macro_rules! plain {
    ($kind:ty, $expected:literal, $schema:tt, $read:expr) => {
        impl Setting for $kind {
            fn read(
                value: &Value,
                place: &ConfigPath,
                errors: &mut Vec<ConfigError>,
            ) -> Option<Self> {
                let read: fn(&Value) -> Option<$kind> = $read;
                let read = read(value);
                if read.is_none() {
                    errors.push(wrong_kind(value, place, $expected));
                }
                read
            }

            fn tree(&self) -> Node {
                Node::Line(serde_json::json!(self).to_string())
            }

            fn schema() -> Value {
                serde_json::json!($schema)
            }
        }
    };
}

plain!(bool, "true or false", {"type": "boolean"}, Value::as_bool);
plain!(f64, "a number", {"type": "number"}, Value::as_f64);
plain!(u32, "a whole number", {"type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32}, |value| {
    u32::try_from(value.as_u64()?).ok()
});
plain!(u64, "a whole number", {"type": "integer", "minimum": 0}, Value::as_u64);
plain!(String, "text", {"type": "string"}, |value| value
    .as_str()
    .map(ToOwned::to_owned));

impl<T: Setting> Setting for Option<T> {
    const IS_SECRET: bool = T::IS_SECRET;

    fn read(value: &Value, place: &ConfigPath, errors: &mut Vec<ConfigError>) -> Option<Self> {
        if value.is_null() {
            Some(None)
        } else {
            T::read(value, place, errors).map(Some)
        }
    }

    fn tree(&self) -> Node {
        self.as_ref()
            .map_or_else(|| Node::Line("null".to_owned()), Setting::tree)
    }

    fn schema() -> Value {
        json_schema::or_null(T::schema())
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn read(value: &Value, place: &ConfigPath, errors: &mut Vec<ConfigError>) -> Option<Self> {
        match value {
            Value::Null => Some(Self::new()),
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let read = |(at, item)| T::read(item, &place.item(at), errors);
                // The list keeps its positions in errors; what cannot be read is left out, with its error.
                Some(items.filter_map(read).collect())
            }
            other => {
                errors.push(wrong_kind(other, place, "a list"));
                None
            }
        }
    }

    fn tree(&self) -> Node {
        if self.is_empty() {
            Node::Line("[]".to_owned())
        } else {
            Node::List(self.iter().map(Setting::tree).collect())
        }
    }

    fn schema() -> Value {
        serde_json::json!({"type": ["array", "null"], "items": T::schema()})
    }
}

impl<T: Setting + serde::Serialize> Setting for BTreeMap<String, T> {
    const IS_SECRET: bool = T::IS_SECRET;

    fn read(value: &Value, place: &ConfigPath, errors: &mut Vec<ConfigError>) -> Option<Self> {
        match value {
            Value::Null => Some(Self::new()),
            Value::Object(keys) => {
                let read = |(key, value): (&String, &Value)| {
                    if T::IS_SECRET && key.contains([':', ' ']) {
                        // The value was written as a part of the key.
                        errors.push(wrong_secret(place, "keys with values"));
                        return None;
                    }
                    Some((key.clone(), T::read(value, &place.key(key), errors)?))
                };
                Some(keys.iter().filter_map(read).collect())
            }
            _ if T::IS_SECRET => {
                errors.push(wrong_secret(place, "keys with values"));
                None
            }
            other => {
                errors.push(wrong_kind(other, place, "keys with values"));
                None
            }
        }
    }

    fn tree(&self) -> Node {
        Node::Line(serde_json::json!(self).to_string())
    }

    fn schema() -> Value {
        serde_json::json!({"type": ["object", "null"], "additionalProperties": T::schema()})
    }
}
