//! Which format and encoding a client asks for.
//!
//! The text format is the default, and the answer to everything that is not understood: a scrape never
//! fails because of what it asked for.

use std::borrow::Cow;

/// A format of the exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus, version 0.0.4.
    Text,
    /// OpenMetrics. What is sent is the same for each version and escaping: every name here is one that
    /// all of them can spell.
    OpenMetrics {
        /// The version that was asked for.
        version: OpenMetricsVersion,
        /// The escaping of names that was asked for, if any.
        escaping: Option<Escaping>,
    },
}

/// The versions of OpenMetrics that Prometheus asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMetricsVersion {
    /// The draft.
    V0_0_1,
    /// The standard, and what those get who name no version.
    V1_0_0,
}

/// How names are escaped that are not made of letters, digits and underscores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escaping {
    /// Not at all.
    AllowUtf8,
    /// Each strange character becomes an underscore.
    Underscores,
    /// Dots become `_dot_`.
    Dots,
    /// Each strange character becomes its code point.
    Values,
}

/// An encoding of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As they are.
    Identity,
    /// Compressed.
    Gzip,
}

impl Format {
    /// The format for an `Accept` header, or for none.
    ///
    /// The one of higher quality wins, then the one that is named first. OpenMetrics has to be asked for by
    /// name; a wildcard means text. What is malformed or unknown in the header is passed over.
    ///
    /// ```
    /// use breakeven::exposition::Format;
    ///
    /// let asked = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    /// let format = Format::asked_for(Some(asked));
    /// assert_eq!(format.content_type(), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    /// assert_eq!(Format::asked_for(Some("*/*")), Format::Text);
    /// ```
    #[must_use]
    pub fn asked_for(accept: Option<&str>) -> Self {
        let ranges: Vec<Range<'_>> = split(accept.unwrap_or_default(), ',')
            .filter_map(Range::parse)
            .collect();
        // The most specific range decides about text; the exact ones are all equally specific.
        let text = ranges.iter().enumerate().filter_map(|(position, range)| {
            range
                .specificity_for_text()
                .map(|specificity| (specificity, position, range.quality))
        });
        let text = text.max_by(|one, other| {
            (one.0, one.2, other.1)
                .partial_cmp(&(other.0, other.2, one.1))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        let (text_quality, text_position) = text
            .map_or((0.0, usize::MAX), |(_, position, quality)| {
                (quality, position)
            });
        let mut best = (Self::Text, text_quality, text_position);
        for (position, range) in ranges.iter().enumerate() {
            let Some(format) = range.openmetrics() else {
                continue;
            };
            let better = range.quality > best.1 || (range.quality == best.1 && position < best.2);
            if range.quality > 0.0 && better {
                best = (format, range.quality, position);
            }
        }
        best.0
    }

    /// The `Content-Type` of the answer.
    ///
    /// The version and the character set are always said; the escaping only to those who asked for one.
    #[must_use]
    pub fn content_type(self) -> String {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8".to_owned(),
            Self::OpenMetrics { version, escaping } => {
                let version = version.as_str();
                let mut text =
                    format!("application/openmetrics-text; version={version}; charset=utf-8");
                if let Some(escaping) = escaping {
                    text.push_str("; escaping=");
                    text.push_str(escaping.as_str());
                }
                text
            }
        }
    }
}

impl OpenMetricsVersion {
    const fn as_str(self) -> &'static str {
        match self {
            Self::V0_0_1 => "0.0.1",
            Self::V1_0_0 => "1.0.0",
        }
    }
}

impl Escaping {
    const fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values]
            .into_iter()
            .find(|escaping| escaping.as_str() == name)
    }
}

impl Encoding {
    /// The encoding for an `Accept-Encoding` header, or for none.
    ///
    /// Compressed only for those who ask for it (`gzip`, `x-gzip` or `*`), and do not prefer it plain. Who refuses
    /// everything gets it plain.
    ///
    /// ```
    /// use breakeven::exposition::Encoding;
    ///
    /// assert_eq!(Encoding::asked_for(Some("br, gzip;q=0.8")), Encoding::Gzip);
    /// assert_eq!(Encoding::asked_for(Some("gzip;q=0")), Encoding::Identity);
    /// ```
    #[must_use]
    pub fn asked_for(accept_encoding: Option<&str>) -> Self {
        let (mut gzip, mut identity, mut any) = (None::<f32>, None::<f32>, None::<f32>);
        for part in split(accept_encoding.unwrap_or_default(), ',') {
            let mut parameters = split(part, ';');
            let coding = parameters.next().unwrap_or_default().to_ascii_lowercase();
            let Some(quality) = quality_among(parameters) else {
                continue;
            };
            let slot = match coding.as_str() {
                "gzip" | "x-gzip" => &mut gzip,
                "identity" => &mut identity,
                "*" => &mut any,
                _ => continue,
            };
            *slot = Some(slot.unwrap_or_default().max(quality));
        }
        let gzip = gzip.or(any).unwrap_or_default();
        if gzip > 0.0 && gzip >= identity.unwrap_or_default() {
            Self::Gzip
        } else {
            Self::Identity
        }
    }

    /// The `Content-Encoding` of the answer; absent where the bytes are as they are.
    #[must_use]
    pub const fn content_encoding(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
        }
    }
}

/// One media range of an `Accept` header.
struct Range<'a> {
    kind: String,
    version: Option<Cow<'a, str>>,
    escaping: Option<Escaping>,
    quality: f32,
}

impl<'a> Range<'a> {
    /// Absent where it is malformed.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = split(text, ';');
        let kind = parts.next()?.to_ascii_lowercase();
        let (main, sub) = kind.split_once('/')?;
        if !is_token(main) || !is_token(sub) {
            return None;
        }
        let mut range = Self {
            version: None,
            escaping: None,
            quality: 1.0,
            kind,
        };
        for part in parts {
            let (name, value) = part.split_once('=')?;
            let value = unquoted(value.trim())?;
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => range.quality = quality(&value)?,
                "version" => range.version = Some(value),
                // An escaping that is not known is passed over, as Prometheus' own library does.
                "escaping" => range.escaping = Escaping::parse(&value),
                name if is_token(name) => {}
                _ => return None,
            }
        }
        Some(range)
    }

    fn specificity_for_text(&self) -> Option<u8> {
        match (self.kind.as_str(), self.version.as_deref()) {
            ("text/plain", None | Some("0.0.4")) => Some(3),
            ("text/*", _) => Some(2),
            ("*/*", _) => Some(1),
            _ => None,
        }
    }

    fn openmetrics(&self) -> Option<Format> {
        if self.kind != "application/openmetrics-text" {
            return None;
        }
        let version = match self.version.as_deref() {
            None | Some("1.0.0") => OpenMetricsVersion::V1_0_0,
            Some("0.0.1") => OpenMetricsVersion::V0_0_1,
            Some(_) => return None,
        };
        Some(Format::OpenMetrics {
            version,
            escaping: self.escaping,
        })
    }
}

/// The parts between separators that are not inside quotes, trimmed; none of them empty.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c: char| {
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        }
        c == separator && !quoted
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
}

/// The value of a parameter, out of its quotes; absent where it is malformed.
fn unquoted(value: &str) -> Option<Cow<'_, str>> {
    let Some(rest) = value.strip_prefix('"') else {
        return is_token(value).then_some(Cow::Borrowed(value));
    };
    let inner = rest.strip_suffix('"')?;
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => out.push(chars.next()?),
            c => out.push(c),
        }
    }
    Some(Cow::Owned(out))
}

/// The quality among the parameters, 1 where none is given; absent where it is malformed.
fn quality_among<'a>(parameters: impl Iterator<Item = &'a str>) -> Option<f32> {
    let mut found = 1.0;
    for parameter in parameters {
        let (name, value) = parameter.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("q") {
            found = quality(value.trim())?;
        }
    }
    Some(found)
}

/// A quality from 0 to 1, as RFC 9110 writes it; absent for anything else.
fn quality(text: &str) -> Option<f32> {
    let digits = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let value: f32 = text.parse().ok()?;
    (digits && text.len() <= 5 && value <= 1.0).then_some(value)
}

/// A token as RFC 9110 has it.
fn is_token(text: &str) -> bool {
    let special = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || special(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    const DRAFT: &str = "application/openmetrics-text; version=0.0.1; charset=utf-8";
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

    #[test]
    fn the_format_is_the_one_asked_for() {
        let om = "application/openmetrics-text";
        for (accept, expected) in [
            // Nobody asks, or for anything.
            ("", TEXT),
            ("*/*", TEXT),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                TEXT,
            ),
            ("application/*", TEXT),
            // Prometheus 2.0 to 2.4x, and 3.
            (
                "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                DRAFT,
            ),
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OPENMETRICS,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                 application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
                 text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
                 text/plain;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,application/openmetrics-text;q=0.3",
                TEXT,
            ),
            // Qualities, and the order where they are equal.
            (&format!("{om};q=0.1,text/plain;q=0.2"), TEXT),
            (&format!("{om};q=0.2,text/plain;q=0.1"), OPENMETRICS),
            (&format!("{om},text/plain"), OPENMETRICS),
            (&format!("text/plain,{om}"), TEXT),
            (&format!("{om};q=0.2,*/*;q=0.1,text/*;q=0.9"), TEXT),
            (&format!("{om};q=0"), TEXT),
            (&format!("{om};q=0.5,*/*;q=0"), OPENMETRICS),
            ("text/plain;q=0,*/*;q=0", TEXT),
            // Versions.
            (om, OPENMETRICS),
            (&format!("{om};version=0.0.1"), DRAFT),
            (&format!("{om};version=2.0.0"), TEXT),
            (
                &format!("{om};version=2.0.0,{om};version=1.0.0;q=0.1"),
                OPENMETRICS,
            ),
            ("text/plain;version=1.0.0", TEXT),
            // Spelling.
            (
                "  Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.9 , x/y;a=\"1,2;q=3\" ",
                OPENMETRICS,
            ),
            (&format!("{om};charset=utf-8;version=1.0.0"), OPENMETRICS),
            (
                &format!("{om};escaping=underscores"),
                &format!("{OPENMETRICS}; escaping=underscores"),
            ),
            (
                &format!("{om};escaping=dots"),
                &format!("{OPENMETRICS}; escaping=dots"),
            ),
            (
                &format!("{om};escaping=values"),
                &format!("{OPENMETRICS}; escaping=values"),
            ),
            (&format!("{om};escaping=rot13"), OPENMETRICS),
            // Malformed.
            (&format!("{om};q=high"), TEXT),
            (&format!("{om};q=1.5"), TEXT),
            (&format!("{om};q=-1"), TEXT),
            (&format!("{om};q=nan"), TEXT),
            (&format!("{om};version=\"1.0.0"), TEXT),
            (&format!("{om};version"), TEXT),
            ("openmetrics", TEXT),
            (";;;,,,===", TEXT),
            (&format!("/;q=0.9,{om}"), OPENMETRICS),
        ] {
            assert_eq!(
                Format::asked_for(Some(accept)).content_type(),
                expected,
                "{accept}"
            );
        }
        assert_eq!(Format::asked_for(None), Format::Text);
    }

    #[test]
    fn the_encoding_is_the_one_asked_for() {
        for (accept, expected) in [
            ("", Encoding::Identity),
            ("identity", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("x-gzip", Encoding::Gzip),
            ("GZip ; Q=0.3", Encoding::Gzip),
            ("gzip, deflate, br, zstd", Encoding::Gzip),
            ("zstd, br", Encoding::Identity),
            ("*", Encoding::Gzip),
            ("*;q=0", Encoding::Identity),
            ("*;q=0, gzip", Encoding::Gzip),
            ("*, gzip;q=0", Encoding::Identity),
            ("gzip;q=0", Encoding::Identity),
            ("gzip;q=0.000", Encoding::Identity),
            ("gzip;q=0.5, identity", Encoding::Identity),
            ("gzip, identity;q=0.5", Encoding::Gzip),
            ("gzip;q=0.5, identity;q=0.5", Encoding::Gzip),
            ("identity;q=0, gzip;q=0.1", Encoding::Gzip),
            ("identity;q=0", Encoding::Identity),
            ("gzip;q=lots", Encoding::Identity),
            ("gzip;level", Encoding::Identity),
            (",,;;", Encoding::Identity),
        ] {
            assert_eq!(Encoding::asked_for(Some(accept)), expected, "{accept}");
        }
        assert_eq!(Encoding::asked_for(None), Encoding::Identity);
    }

    proptest! {
        #[test]
        fn any_header_gets_one_of_the_known_answers(header in "\\PC{0,60}") {
            let _ = Encoding::asked_for(Some(&header));
            let kind = Format::asked_for(Some(&header)).content_type();
            prop_assert!(kind == TEXT || kind.starts_with("application/openmetrics-text; version="));
        }
    }
}
