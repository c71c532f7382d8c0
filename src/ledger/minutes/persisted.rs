//! The minutes of a function in the state file: one list per field, so that no minute has the names of its fields.

use serde::{Deserialize, Serialize, Serializer};

use super::{ActiveMinute, Failures, Minutes, UNKNOWN, halves};

/// Minutes as lists. A list that is missing has the default of its field for each minute.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct MinuteLists {
    active: ActiveLists,
    failures: FailureLists,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct ActiveLists {
    minute: Vec<u32>,
    invocations: Vec<u32>,
    duration: Vec<f64>,
    peak: Vec<Option<u32>>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct FailureLists {
    minute: Vec<u32>,
    errors: Vec<u32>,
    throttles: Vec<u32>,
}

/// Why lists are not minutes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ListError {
    #[error("minutes out of order")]
    Order,
    #[error("a list of {found} values, expected {expected} minutes")]
    Length { found: usize, expected: usize },
}

impl Serialize for Minutes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let active = ActiveLists {
            minute: self.active.iter().map(|one| one.minute).collect(),
            invocations: self.active.iter().map(|one| one.invocations).collect(),
            duration: self.active.iter().map(|one| one.seconds()).collect(),
            peak: self.active.iter().map(|one| one.known_peak()).collect(),
        };
        let failures = FailureLists {
            minute: self.failures.iter().map(|one| one.minute).collect(),
            errors: self.failures.iter().map(|one| one.errors).collect(),
            throttles: self.failures.iter().map(|one| one.throttles).collect(),
        };
        MinuteLists { active, failures }.serialize(serializer)
    }
}

impl TryFrom<MinuteLists> for Minutes {
    type Error = ListError;

    fn try_from(lists: MinuteLists) -> Result<Self, ListError> {
        Ok(Self {
            active: lists.active.minutes()?,
            failures: lists.failures.minutes()?,
        })
    }
}

impl ActiveLists {
    fn minutes(self) -> Result<Vec<ActiveMinute>, ListError> {
        let count = ordered(&self.minute)?;
        let invocations = filled(self.invocations, count)?;
        let duration = filled(self.duration, count)?;
        let peak = filled(self.peak, count)?;
        let fields = self.minute.into_iter().zip(invocations);
        let fields = fields.zip(duration.into_iter().zip(peak));
        let minutes = fields.map(|((minute, invocations), (duration, peak))| ActiveMinute {
            minute,
            invocations,
            duration: halves(duration),
            peak: peak.unwrap_or(UNKNOWN),
        });
        Ok(minutes.collect())
    }
}

impl FailureLists {
    fn minutes(self) -> Result<Vec<Failures>, ListError> {
        let count = ordered(&self.minute)?;
        let errors = filled(self.errors, count)?;
        let throttles = filled(self.throttles, count)?;
        let fields = self.minute.into_iter().zip(errors).zip(throttles);
        let minutes = fields.map(|((minute, errors), throttles)| Failures {
            minute,
            errors,
            throttles,
        });
        Ok(minutes.collect())
    }
}

/// How many minutes there are.
fn ordered(minutes: &[u32]) -> Result<usize, ListError> {
    let is_ordered = minutes.is_sorted_by(|one, next| one < next);
    is_ordered.then_some(minutes.len()).ok_or(ListError::Order)
}

/// A list with a value for each minute.
fn filled<T: Clone + Default>(list: Vec<T>, expected: usize) -> Result<Vec<T>, ListError> {
    match list.len() {
        0 => Ok(vec![T::default(); expected]),
        found if found == expected => Ok(list),
        found => Err(ListError::Length { found, expected }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn minutes() -> Minutes {
        let active = |minute, peak| ActiveMinute {
            minute,
            invocations: 5,
            duration: halves(1.5),
            peak,
        };
        let failures = Failures {
            minute: 9,
            errors: 1,
            throttles: 2,
        };
        Minutes {
            active: vec![active(7, 3), active(9, UNKNOWN)],
            failures: vec![failures],
        }
    }

    fn lists() -> Value {
        json!({
            "active": {
                "minute": [7, 9],
                "invocations": [5, 5],
                "duration": [1.5, 1.5],
                "peak": [3, null],
            },
            "failures": {"minute": [9], "errors": [1], "throttles": [2]},
        })
    }

    fn read(lists: Value) -> Result<Minutes, String> {
        serde_json::from_value(lists).map_err(|error| error.to_string())
    }

    #[test]
    fn minutes_are_written_and_read_as_lists_of_their_fields() {
        assert_eq!(serde_json::to_value(minutes()).unwrap(), lists());
        assert_eq!(read(lists()), Ok(minutes()));
    }

    #[test]
    fn a_missing_list_has_the_default_of_its_field() {
        let mut lists = lists();
        lists["active"].as_object_mut().unwrap().remove("peak");
        lists["failures"].as_object_mut().unwrap().remove("errors");
        let read = read(lists).unwrap();
        assert!(read.active.iter().all(|one| one.known_peak().is_none()));
        assert_eq!(
            (read.failures[0].errors, read.failures[0].throttles),
            (0, 2)
        );
    }

    #[test]
    fn lists_that_are_not_of_the_same_minutes_are_errors() {
        let mut short = lists();
        short["active"]["duration"] = json!([1.5]);
        let error = "a list of 1 values, expected 2 minutes";
        assert_eq!(read(short).unwrap_err(), error);
        let mut turned = lists();
        turned["active"]["minute"] = json!([9, 9]);
        assert_eq!(read(turned).unwrap_err(), "minutes out of order");
    }
}
