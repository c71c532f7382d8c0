//! A service whose clock does not agree with the caller's.

use bytes::Bytes;
use http::header::{DATE, HeaderValue};
use http::{Request, StatusCode};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::error::AwsError;
use breakeven_clock::Clock;

/// How far a signature's date may be off (Signature Version 4: five minutes).
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// A date as it stands in a signed request.
const SIGNED_DATE: &str = "%Y%m%dT%H%M%SZ";

/// The time of a service whose clock is ahead of the wall's by so many seconds, or behind.
pub(super) fn time(seconds: i64) -> Timestamp {
    let now = Clock::system().now();
    now.checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(now)
}

/// The header that tells a client the time of the service.
pub(super) fn stamp(headers: &mut http::HeaderMap, now: Timestamp) {
    let text = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert(DATE, value);
    }
}

/// Why a service at `now` refuses a request, if it does.
pub(super) fn check(request: &Request<Bytes>, now: Timestamp) -> Result<(), AwsError> {
    let header = request.headers().get("x-amz-date");
    let Some(written) = header.and_then(|value| value.to_str().ok()) else {
        return Ok(());
    };
    let Some(signed) = DateTime::strptime(SIGNED_DATE, written)
        .ok()
        .and_then(|date| date.to_zoned(TimeZone::UTC).ok())
        .map(|date| date.timestamp())
    else {
        return Err(AwsError::incomplete_signature(format!(
            "Date must be in ISO-8601 'basic format'. Got '{written}'."
        )));
    };
    let off = signed.duration_since(now);
    if off.abs() <= TOLERANCE {
        return Ok(());
    }
    let at = |time: Timestamp| time.strftime(SIGNED_DATE).to_string();
    let edge = |limit: Option<Timestamp>| limit.map_or_else(String::new, at);
    let (now_text, message);
    now_text = at(now);
    message = if off.is_negative() {
        let limit = edge(now.checked_sub(TOLERANCE).ok());
        format!("Signature expired: {written} is now earlier than {limit} ({now_text} - 5 min.)")
    } else {
        let limit = edge(now.checked_add(TOLERANCE).ok());
        format!(
            "Signature not yet current: {written} is still later than {limit} ({now_text} + 5 min.)"
        )
    };
    Err(AwsError {
        query_code: "SignatureDoesNotMatch",
        ..AwsError::new(StatusCode::FORBIDDEN, "InvalidSignatureException", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(signed: &str) -> Result<(), AwsError> {
        let request = Request::get("/").header("x-amz-date", signed);
        let request = request.body(Bytes::new()).unwrap();
        check(&request, "2026-03-03T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_date_may_be_five_minutes_off_to_either_side() {
        assert_eq!(checked("20260303T120500Z"), Ok(()));
        assert_eq!(checked("20260303T115500Z"), Ok(()));
        let early = checked("20260303T115459Z").unwrap_err();
        assert_eq!(
            early.message,
            "Signature expired: 20260303T115459Z is now earlier than 20260303T115500Z \
             (20260303T120000Z - 5 min.)"
        );
        assert_eq!(early.query_code, "SignatureDoesNotMatch");
        let late = checked("20260303T120501Z").unwrap_err();
        assert!(late.message.starts_with("Signature not yet current: "));
        assert_eq!(
            checked("today").unwrap_err().query_code,
            "IncompleteSignature"
        );
    }

    #[test]
    fn the_date_is_told_in_the_form_of_http() {
        let mut headers = http::HeaderMap::new();
        stamp(&mut headers, "2026-03-03T02:00:09Z".parse().unwrap());
        assert_eq!(headers[DATE], "Tue, 03 Mar 2026 02:00:09 GMT");
    }
}
