//! Values of the AWS protocols, apart from how they stand on the wire.
//!
//! CloudWatch speaks the same structures as CBOR and as JSON; this is the tree they have in common,
//! with a codec for each. The codecs are written on `ciborium` and `serde_json` and share nothing with
//! the AWS SDK, which is the client they are tested with.

use ciborium::Value as Cbor;
use serde_json::Value as Json;

use super::error::AwsError;

/// The CBOR tag of a time in seconds since 1970 (RFC 8949, section 3.4.2).
const EPOCH_TIME_TAG: u64 = 1;

/// One value of a request or an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Document {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    /// Seconds since 1970.
    Time(f64),
    List(Vec<Document>),
    Map(Vec<(String, Document)>),
}

impl Document {
    /// The member of a structure, `None` where it is absent or null.
    pub(super) fn member(&self, name: &str) -> Option<&Document> {
        match self {
            Self::Map(members) => members
                .iter()
                .find(|(key, value)| key == name && *value != Self::Null)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn as_list(&self) -> Option<&[Document]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// Seconds since 1970: a tagged time, or the plain number that JSON has for it.
    pub(super) fn as_seconds(&self) -> Option<f64> {
        match self {
            Self::Time(seconds) | Self::Float(seconds) if seconds.is_finite() => Some(*seconds),
            Self::Integer(seconds) => Some(*seconds as f64),
            _ => None,
        }
    }

    /// Reads one CBOR item and refuses bytes after it; an empty body is an empty structure.
    pub(super) fn from_cbor(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            return Ok(Self::Map(Vec::new()));
        }
        let mut rest = bytes;
        let value: Cbor =
            ciborium::from_reader(&mut rest).map_err(|error| format!("not CBOR: {error}"))?;
        if !rest.is_empty() {
            return Err(format!("{} bytes follow the CBOR item", rest.len()));
        }
        from_cbor_value(value)
    }

    pub(super) fn from_json(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            return Ok(Self::Map(Vec::new()));
        }
        let value: Json =
            serde_json::from_slice(bytes).map_err(|error| format!("not JSON: {error}"))?;
        Ok(from_json_value(value))
    }

    pub(super) fn to_cbor(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to memory does not fail.
        let _ = ciborium::into_writer(&to_cbor_value(self), &mut bytes);
        bytes
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        to_json_value(self).to_string().into_bytes()
    }
}

/// A structure from its present members.
pub(super) fn structure<const N: usize>(members: [(&str, Document); N]) -> Document {
    Document::Map(
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

/// A text value.
pub(super) fn text(value: impl Into<String>) -> Document {
    Document::Text(value.into())
}

/// A member that must be there and of the right type.
pub(super) fn required<'d, T>(
    document: &'d Document,
    name: &str,
    place: &str,
    read: impl FnOnce(&'d Document) -> Option<T>,
) -> Result<T, AwsError> {
    optional(document, name, place, read)?.ok_or_else(|| AwsError {
        query_code: "MissingParameter",
        ..AwsError::validation(format!("The parameter {place}{name} is required."))
    })
}

/// A member that may be absent but not of the wrong type.
pub(super) fn optional<'d, T>(
    document: &'d Document,
    name: &str,
    place: &str,
    read: impl FnOnce(&'d Document) -> Option<T>,
) -> Result<Option<T>, AwsError> {
    match document.member(name) {
        None => Ok(None),
        Some(value) => read(value).map(Some).ok_or_else(|| {
            AwsError::serialization(format!("The parameter {place}{name} has the wrong type."))
        }),
    }
}

fn from_cbor_value(value: Cbor) -> Result<Document, String> {
    Ok(match value {
        Cbor::Null => Document::Null,
        Cbor::Bool(value) => Document::Bool(value),
        Cbor::Integer(value) => {
            Document::Integer(i64::try_from(value).map_err(|_| "an integer beyond 64 bits")?)
        }
        Cbor::Float(value) => Document::Float(value),
        Cbor::Text(value) => Document::Text(value),
        Cbor::Tag(EPOCH_TIME_TAG, value) => from_cbor_value(*value)?
            .as_seconds()
            .map(Document::Time)
            .ok_or("a timestamp that is not a number")?,
        Cbor::Array(items) => Document::List(
            items
                .into_iter()
                .map(from_cbor_value)
                .collect::<Result<_, _>>()?,
        ),
        Cbor::Map(members) => Document::Map(
            members
                .into_iter()
                .map(|(key, value)| match key {
                    Cbor::Text(key) => Ok((key, from_cbor_value(value)?)),
                    _ => Err("a structure key that is not text".to_owned()),
                })
                .collect::<Result<_, _>>()?,
        ),
        _ => return Err("a CBOR type that the protocol does not use".to_owned()),
    })
}

fn from_json_value(value: Json) -> Document {
    match value {
        Json::Null => Document::Null,
        Json::Bool(value) => Document::Bool(value),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => Document::Integer(value),
            (None, Some(value)) => Document::Float(value),
            (None, None) => Document::Null,
        },
        Json::String(value) => Document::Text(value),
        Json::Array(items) => Document::List(items.into_iter().map(from_json_value).collect()),
        Json::Object(members) => Document::Map(
            members
                .into_iter()
                .map(|(key, value)| (key, from_json_value(value)))
                .collect(),
        ),
    }
}

fn to_cbor_value(document: &Document) -> Cbor {
    match document {
        Document::Null => Cbor::Null,
        Document::Bool(value) => Cbor::Bool(*value),
        Document::Integer(value) => Cbor::Integer((*value).into()),
        Document::Float(value) => Cbor::Float(*value),
        Document::Text(value) => Cbor::Text(value.clone()),
        Document::Time(seconds) => Cbor::Tag(
            EPOCH_TIME_TAG,
            Box::new(to_cbor_value(&plain_time(*seconds))),
        ),
        Document::List(items) => Cbor::Array(items.iter().map(to_cbor_value).collect()),
        Document::Map(members) => Cbor::Map(
            members
                .iter()
                .map(|(key, value)| (Cbor::Text(key.clone()), to_cbor_value(value)))
                .collect(),
        ),
    }
}

fn to_json_value(document: &Document) -> Json {
    match document {
        Document::Null => Json::Null,
        Document::Bool(value) => Json::Bool(*value),
        Document::Integer(value) => Json::from(*value),
        Document::Float(value) => Json::from(*value),
        Document::Text(value) => Json::from(value.as_str()),
        Document::Time(seconds) => to_json_value(&plain_time(*seconds)),
        Document::List(items) => Json::Array(items.iter().map(to_json_value).collect()),
        Document::Map(members) => Json::Object(
            members
                .iter()
                .map(|(key, value)| (key.clone(), to_json_value(value)))
                .collect(),
        ),
    }
}

/// The number that stands for a time: an integer where it is whole, as the real services write it.
fn plain_time(seconds: f64) -> Document {
    if seconds.fract() == 0.0 {
        Document::Integer(seconds as i64)
    } else {
        Document::Float(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Document {
        structure([
            ("Id", text("m1")),
            ("Start", Document::Time(1_700_000_040.0)),
            (
                "Values",
                Document::List(vec![Document::Float(0.1), Document::Float(2.0)]),
            ),
            ("Period", Document::Integer(60)),
            ("ReturnData", Document::Bool(true)),
        ])
    }

    #[test]
    fn cbor_comes_back_as_it_went() {
        assert_eq!(Document::from_cbor(&sample().to_cbor()), Ok(sample()));
    }

    #[test]
    fn a_whole_time_is_written_as_a_tagged_integer() {
        let bytes = Document::Time(1_700_000_040.0).to_cbor();
        assert_eq!(bytes, [0xc1, 0x1a, 0x65, 0x53, 0xf1, 0x28]);
    }

    #[test]
    fn json_keeps_everything_but_the_kind_of_a_time() {
        let back = Document::from_json(&sample().to_json()).unwrap();
        assert_eq!(
            back.member("Start"),
            Some(&Document::Integer(1_700_000_040))
        );
        assert_eq!(
            back.member("Start").unwrap().as_seconds(),
            Some(1_700_000_040.0)
        );
        assert_eq!(back.member("Id").unwrap().as_text(), Some("m1"));
        assert_eq!(back.member("ReturnData").unwrap().as_bool(), Some(true));
    }

    #[test]
    fn broken_bytes_are_refused_with_a_reason() {
        let whole = sample().to_cbor();
        for (bytes, reason) in [
            (whole[..whole.len() - 3].to_vec(), "not CBOR"),
            (
                [whole.clone(), vec![0]].concat(),
                "1 bytes follow the CBOR item",
            ),
            (vec![0xa1, 0x01, 0x02], "a structure key that is not text"),
            (vec![0xc1, 0x60], "a timestamp that is not a number"),
        ] {
            let error = Document::from_cbor(&bytes).unwrap_err();
            assert!(error.contains(reason), "{error} for {bytes:02x?}");
        }
    }

    #[test]
    fn an_absent_and_a_null_member_are_the_same() {
        let document = Document::from_json(br#"{"NextToken": null}"#).unwrap();
        assert_eq!(document.member("NextToken"), None);
        assert_eq!(document.member("Other"), None);
    }
}
