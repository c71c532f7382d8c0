//! How a struct is persisted: as a map from the names of its fields to their values.

/// Implements `Serialize` and `Deserialize` for a struct of which these fields are persisted.
///
/// - A field is written under its own name. The order of the fields has no meaning.
/// - A field of `default` was added after the first program that wrote the struct: if it is missing, it has the value of its
///   expression. Every other field is required, and the error names it.
/// - An unknown field is ignored: a later program wrote it.
/// - A field of `not_persisted` is not written, and has the value of its expression.
///
/// State files of version 4 have a row of the values instead, in the order of the fields. It is read as well, so fields that
/// version 4 has stay first, in their order.
///
/// ```
/// # use breakeven_model::units::record;
/// #[derive(Debug, PartialEq)]
/// struct Account {
///     requests: u64,
///     errors: u64,
///     recent: Vec<u64>,
/// }
///
/// record!(Account { requests } default { errors: 0 } not_persisted { recent: Vec::new() });
///
/// let account = Account { requests: 7, errors: 1, recent: vec![7] };
/// assert_eq!(serde_json::to_string(&account)?, r#"{"requests":7,"errors":1}"#);
/// let read = |text: &str| serde_json::from_str::<Account>(text);
/// let older = Account { requests: 7, errors: 0, recent: Vec::new() };
/// assert_eq!(read(r#"{"requests":7}"#)?, older);
/// assert_eq!(read(r#"{"later":[],"requests":7}"#)?, older);
/// assert_eq!(read("[7]")?, older);
/// assert!(read(r#"{"errors":1}"#).unwrap_err().to_string().starts_with("missing field `requests`"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[macro_export]
macro_rules! record {
    (
        $name:ty { $($field:ident),+ $(,)? }
        $(default { $($new:ident: $value:expr),+ $(,)? })?
        $(not_persisted { $($rest:ident: $rest_value:expr),+ $(,)? })?
    ) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct as _;
                const FIELDS: &[&str] = &[$(stringify!($field),)+ $($(stringify!($new),)+)?];
                let mut record = serializer.serialize_struct(stringify!($name), FIELDS.len())?;
                $(record.serialize_field(stringify!($field), &self.$field)?;)+
                $($(record.serialize_field(stringify!($new), &self.$new)?;)+)?
                record.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;

                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = $name;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        formatter.write_str(concat!("the fields of ", stringify!($name)))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<Self::Value, A::Error> {
                        $(let mut $field = None;)+
                        $($(let mut $new = None;)+)?
                        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                            match &*key {
                                $(stringify!($field) => $field = Some(map.next_value()?),)+
                                $($(stringify!($new) => $new = Some(map.next_value()?),)+)?
                                _ => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        let missing = |name| <A::Error as serde::de::Error>::missing_field(name);
                        Ok(Self::Value {
                            $($field: $field.ok_or_else(|| missing(stringify!($field)))?,)+
                            $($($new: $new.unwrap_or_else(|| $value),)+)?
                            $($($rest: $rest_value,)+)?
                        })
                    }

                    fn visit_seq<A: serde::de::SeqAccess<'de>>(
                        self,
                        mut row: A,
                    ) -> Result<Self::Value, A::Error> {
                        let missing = |name| <A::Error as serde::de::Error>::missing_field(name);
                        let record = Self::Value {
                            $($field: row.next_element()?.ok_or_else(|| missing(stringify!($field)))?,)+
                            $($($new: row.next_element()?.unwrap_or_else(|| $value),)+)?
                            $($($rest: $rest_value,)+)?
                        };
                        match row.next_element::<serde::de::IgnoredAny>()? {
                            None => Ok(record),
                            Some(_) => Err(<A::Error as serde::de::Error>::custom(
                                concat!("more values than ", stringify!($name), " has fields"),
                            )),
                        }
                    }
                }

                deserializer.deserialize_any(Visitor)
            }
        }
    };
}
