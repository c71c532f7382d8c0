//! Answers.

use ::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS};
use ::http::{HeaderValue, Response, StatusCode};
use bytes::Bytes;
use http_body_util::Full;

/// An answer with all of its bytes.
pub(super) type Answer = Response<Full<Bytes>>;

/// An answer of this type. Its length is said, also to those who only ask for the headers.
pub(super) fn answer(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Answer {
    let body = body.into();
    let length = HeaderValue::from(body.len());
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_LENGTH, length);
    answer
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    with(answer, CONTENT_TYPE, content_type)
}

/// An answer for people and logs: one text, with a line feed at its end.
pub(super) fn text(status: StatusCode, text: &str) -> Answer {
    answer(status, "text/plain; charset=utf-8", format!("{text}\n"))
}

/// The answer to a method that there is not.
pub(super) fn method_not_allowed(allowed: &'static str) -> Answer {
    let answer = text(
        StatusCode::METHOD_NOT_ALLOWED,
        &format!("method not allowed; use {allowed}"),
    );
    with(answer, ALLOW, allowed)
}

/// The answer with one more header. A value that cannot be one is left out.
pub(super) fn with(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
    answer
}

/// Only the headers of the answer.
pub(super) fn headers_only(answer: Answer) -> Answer {
    answer.map(|_| Full::default())
}
