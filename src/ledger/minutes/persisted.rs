//! The minutes of a function in the state file: one list per field, so that a minute takes no names. Version 4 has a row per
//! minute, in the order of the fields.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ActiveMinute, Failures, UNKNOWN, halves};

/// Minutes in order of time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MinuteList<T>(Vec<T>);

impl<T> Default for MinuteList<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Deref for MinuteList<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T> DerefMut for MinuteList<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

/// Minutes as lists of their fields.
trait Columns: Sized {
    /// The lists, all of the same length.
    type Lists: Serialize + for<'de> Deserialize<'de>;

    /// A row of version 4.
    type Row: for<'de> Deserialize<'de>;

    fn to_lists(minutes: &[Self]) -> Self::Lists;

    /// Absent if the lists have different lengths.
    fn from_lists(lists: Self::Lists) -> Option<Vec<Self>>;

    fn from_row(row: Self::Row) -> Self;

    fn minute(&self) -> u32;
}

#[derive(Serialize, Deserialize)]
struct ActiveLists {
    minute: Vec<u32>,
    invocations: Vec<u32>,
    duration: Vec<f64>,
    peak: Vec<Option<u32>>,
}

impl Columns for ActiveMinute {
    type Lists = ActiveLists;
    type Row = (u32, u32, [u32; 2], u32);

    fn to_lists(minutes: &[Self]) -> ActiveLists {
        ActiveLists {
            minute: minutes.iter().map(|one| one.minute).collect(),
            invocations: minutes.iter().map(|one| one.invocations).collect(),
            duration: minutes.iter().map(|one| one.seconds()).collect(),
            peak: minutes.iter().map(|one| one.known_peak()).collect(),
        }
    }

    fn from_lists(lists: ActiveLists) -> Option<Vec<Self>> {
        let count = lists.minute.len();
        let lengths = [
            lists.invocations.len(),
            lists.duration.len(),
            lists.peak.len(),
        ];
        if lengths != [count; 3] {
            return None;
        }
        let rest = lists.invocations.into_iter().zip(lists.duration);
        let rows = lists.minute.into_iter().zip(rest).zip(lists.peak);
        let minutes = rows.map(|((minute, (invocations, duration)), peak)| Self {
            minute,
            invocations,
            duration: halves(duration),
            peak: peak.unwrap_or(UNKNOWN),
        });
        Some(minutes.collect())
    }

    fn from_row((minute, invocations, duration, peak): Self::Row) -> Self {
        Self {
            minute,
            invocations,
            duration,
            peak,
        }
    }

    fn minute(&self) -> u32 {
        self.minute
    }
}

#[derive(Serialize, Deserialize)]
struct FailureLists {
    minute: Vec<u32>,
    errors: Vec<u32>,
    throttles: Vec<u32>,
}

impl Columns for Failures {
    type Lists = FailureLists;
    type Row = (u32, u32, u32);

    fn to_lists(minutes: &[Self]) -> FailureLists {
        FailureLists {
            minute: minutes.iter().map(|one| one.minute).collect(),
            errors: minutes.iter().map(|one| one.errors).collect(),
            throttles: minutes.iter().map(|one| one.throttles).collect(),
        }
    }

    fn from_lists(lists: FailureLists) -> Option<Vec<Self>> {
        let count = lists.minute.len();
        if [lists.errors.len(), lists.throttles.len()] != [count; 2] {
            return None;
        }
        let rest = lists.errors.into_iter().zip(lists.throttles);
        let rows = lists.minute.into_iter().zip(rest);
        let minutes = rows.map(|(minute, (errors, throttles))| Self {
            minute,
            errors,
            throttles,
        });
        Some(minutes.collect())
    }

    fn from_row((minute, errors, throttles): Self::Row) -> Self {
        Self {
            minute,
            errors,
            throttles,
        }
    }

    fn minute(&self) -> u32 {
        self.minute
    }
}

struct Reader<T>(PhantomData<T>);

impl<'de, T: Columns> Visitor<'de> for Reader<T> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("lists of minutes")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
        let lists = T::Lists::deserialize(MapAccessDeserializer::new(map))?;
        T::from_lists(lists).ok_or_else(|| A::Error::custom("lists of different lengths"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, rows: A) -> Result<Vec<T>, A::Error> {
        let rows = Vec::<T::Row>::deserialize(SeqAccessDeserializer::new(rows))?;
        Ok(rows.into_iter().map(T::from_row).collect())
    }
}

impl<T: Columns> Serialize for MinuteList<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::to_lists(&self.0).serialize(serializer)
    }
}

impl<'de, T: Columns> Deserialize<'de> for MinuteList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let minutes = deserializer.deserialize_any(Reader(PhantomData))?;
        if !minutes.is_sorted_by(|one: &T, next| one.minute() < next.minute()) {
            return Err(D::Error::custom("minutes out of order"));
        }
        Ok(Self(minutes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes() -> MinuteList<ActiveMinute> {
        let minute = |minute, peak| ActiveMinute::from_row((minute, 5, [1_072_693_248, 0], peak));
        MinuteList(vec![minute(7, 3), minute(9, UNKNOWN)])
    }

    #[test]
    fn minutes_are_lists_of_their_fields() {
        let expected = serde_json::json!({
            "minute": [7, 9],
            "invocations": [5, 5],
            "duration": [1.0, 1.0],
            "peak": [3, null],
        });
        let json = serde_json::to_value(minutes()).unwrap();
        assert_eq!(json, expected);
        let read: MinuteList<ActiveMinute> = serde_json::from_value(json).unwrap();
        assert_eq!(read, minutes());
    }

    #[test]
    fn rows_of_version_4_are_read() {
        let rows = "[[7,5,[1072693248,0],3],[9,5,[1072693248,0],4294967295]]";
        let read: MinuteList<ActiveMinute> = serde_json::from_str(rows).unwrap();
        assert_eq!(read, minutes());
        let read: MinuteList<Failures> = serde_json::from_str("[[7,1,2]]").unwrap();
        assert_eq!(read.0, [Failures::from_row((7, 1, 2))]);
    }

    #[test]
    fn inconsistent_lists_are_errors() {
        for (text, error) in [
            (
                r#"{"minute":[7],"errors":[1,2],"throttles":[0]}"#,
                "lists of different lengths",
            ),
            (
                r#"{"minute":[7,7],"errors":[1,2],"throttles":[0,0]}"#,
                "minutes out of order",
            ),
        ] {
            let read = serde_json::from_str::<MinuteList<Failures>>(text);
            let found = read.unwrap_err().to_string();
            assert!(found.starts_with(error), "{found}");
        }
    }
}
