//! How a struct is written down to be read again: as a row of its fields, without their names.

/// Writes a struct as the row of these fields, and makes it of such a row again. What is not among them is what the
/// expression behind `..` gives: `row!(Account { spent, seen } .. { recent: None });`
///
/// The order is part of the format: a change of it needs another version of whatever file the rows stand in.
#[macro_export]
macro_rules! row {
    ($name:ty { $($field:ident),+ $(,)? } $(.. { $($rest:ident: $value:expr),+ $(,)? })?) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&($(&self.$field,)+), serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let ($($field,)+) = serde::Deserialize::deserialize(deserializer)?;
                Ok(Self { $($field,)+ $($($rest: $value,)+)? })
            }
        }
    };
}
