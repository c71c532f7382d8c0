//! Removal of secrets from text that comes from elsewhere.
//!
//! Servers and proxies repeat what they received in their errors: a header with a token, a signature, a URL with a
//! password. [`redact`] recognizes secrets by their form, [`KnownSecrets`] those that a client sent itself. Every
//! [`SourceError`](super::SourceError) and every log line passes [`redact`].

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::{Serialize, Serializer};

use super::percent::escaped;

/// What is shown in place of a secret.
pub const REDACTED: &str = "<redacted>";

/// A shorter secret is replaced only if it stands alone: a tenant `1` must not disfigure every number.
const MIN_INSIDE_WORDS: usize = 6;

/// A text that is shown as `<redacted>`.
///
/// `secrecy` 0.10 has no equality, which settings need to recognize a change.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

/// The secrets that a client sends, so that they can be removed from the response.
#[derive(Clone, Default)]
pub(super) struct KnownSecrets(Vec<String>);

impl KnownSecrets {
    /// No secrets.
    #[cfg(test)]
    pub(super) const fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a secret, in the forms in which a server may repeat it.
    pub(super) fn add(&mut self, secret: &str) {
        let json = serde_json::json!(secret).to_string();
        let json = json.trim_matches('"');
        for form in [secret, json, &escaped(secret)] {
            if !form.is_empty() && !self.0.iter().any(|known| known == form) {
                self.0.push(form.to_owned());
            }
        }
        // A secret may be part of another one.
        self.0.sort_by_key(|known| std::cmp::Reverse(known.len()));
    }

    /// Adds the value of a header, and the credentials in it without their scheme, such as `Bearer`.
    pub(super) fn add_header(&mut self, value: &str) {
        self.add(value);
        if let Some((_, credentials)) = value.trim().split_once(' ') {
            self.add(credentials.trim());
        }
    }

    /// The text without these secrets, and without what has the form of one.
    pub(super) fn redact(&self, text: &str) -> String {
        let known = self
            .0
            .iter()
            .fold(text.to_owned(), |text, secret| replaced(&text, secret));
        redact(&known).into_owned()
    }
}

impl fmt::Debug for KnownSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} secrets", self.0.len())
    }
}

fn replaced(text: &str, secret: &str) -> String {
    if secret.chars().count() >= MIN_INSIDE_WORDS {
        return text.replace(secret, REDACTED);
    }
    let is_part = |neighbor: Option<char>| neighbor.is_some_and(char::is_alphanumeric);
    let mut result = String::with_capacity(text.len());
    let mut end = 0;
    for (start, _) in text.match_indices(secret) {
        let next = start + secret.len();
        if !is_part(text[..start].chars().next_back()) && !is_part(text[next..].chars().next()) {
            result.push_str(&text[end..start]);
            result.push_str(REDACTED);
            end = next;
        }
    }
    result.push_str(&text[end..]);
    result
}

/// Headers, parameters and keys whose values are secrets.
const NAMES: &str = "(?:proxy-)?authorization|(?:set-)?cookie|x-amz-security-token|x-api-key|x-auth-token\
    |x-vault-token|api[-_]?key|(?:access|id|refresh|session|auth|security)[-_]?token|client[-_]?secret\
    |secret[-_]?(?:access[-_]?)?key|password|passwd";

/// A quoted value. Quotes may be escaped, as in JSON inside of JSON.
static QUOTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compiled(&format!(
        r#"(?i)(\b(?:{NAMES})[\\"'\]]*\s*(?:=>|[:=])\s*[\[({{]*\\*["'])([^"'\\]+)"#
    ))
});

/// A value without quotes; of `Authorization` the word after its scheme too.
static UNQUOTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let value = r#"[^\s"'\\,;&<>()\[\]{}]+"#;
    compiled(&format!(
        r#"(?i)(\b(?:proxy-)?authorization[\\"'\]]*\s*(?:=>|[:=])\s*[\[({{]*)({value}(?:[ \t]+{value})?)|(\b(?:{NAMES})[\\"'\]]*\s*(?:=>|[:=])\s*[\[({{]*)({value})"#
    ))
});

/// Credentials after the name of their scheme.
static SCHEME: LazyLock<Option<Regex>> =
    LazyLock::new(|| compiled(r"(?i)(\b(?:bearer|basic)\s+)([A-Za-z0-9._~+/-]{3,}=*)"));

/// JSON web tokens, session tokens of AWS, signatures, and users with their passwords in URLs.
static FORMS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let forms = [
        r"(\b)eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}",
        r"(\b)(?:IQoJ|FwoG|FQoG|AQoD)[A-Za-z0-9+/=%]{40,}",
        r"(?i)(\b(?:signature|sig)=)[A-Za-z0-9+/=%_-]{16,}",
        r#"(?i)(\b[a-z][a-z0-9+.-]*://)[^/?#\s@"'<>]+@"#,
    ];
    forms.into_iter().filter_map(compiled).collect()
});

/// The text without what has the form of a secret.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    without(text, true)
}

/// The text without credentials and tokens that are recognized by their own form. The word after a name such as
/// `Authorization:` stays: for text of this program, such as an error that names a setting.
#[must_use]
pub fn redact_tokens(text: &str) -> Cow<'_, str> {
    without(text, false)
}

fn without(text: &str, named_values: bool) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    let mut replace = |pattern: &Regex, by: &dyn Fn(&Captures<'_>) -> String| {
        let replaced = match pattern.replace_all(&text, by) {
            Cow::Owned(replaced) => replaced,
            Cow::Borrowed(_) => return,
        };
        text = Cow::Owned(replaced);
    };
    let named = |found: &Captures<'_>| {
        let name = found.get(1).or_else(|| found.get(3));
        format!("{}{REDACTED}", name.map_or("", |name| name.as_str()))
    };
    let patterns = [&*QUOTED, &*UNQUOTED].into_iter().flatten();
    for pattern in patterns.filter(|_| named_values) {
        replace(pattern, &named);
    }
    if let Some(pattern) = &*SCHEME {
        replace(pattern, &|found| match &found[2] {
            word if is_word(word) => found[0].to_owned(),
            _ => format!("{}{REDACTED}", &found[1]),
        });
    }
    for pattern in &*FORMS {
        let at = if pattern.as_str().ends_with('@') {
            "@"
        } else {
            ""
        };
        replace(pattern, &|found| format!("{}{REDACTED}{at}", &found[1]));
    }
    text
}

/// Whether this is a word of a sentence, as in "bearer token", rather than a credential.
fn is_word(text: &str) -> bool {
    text.len() < 20 && text.chars().skip(1).all(|c| c.is_ascii_lowercase())
}

/// Absent only if the pattern is wrong, which a test excludes.
fn compiled(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

#[cfg(test)]
mod tests;
