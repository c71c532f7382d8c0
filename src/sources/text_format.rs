//! The text formats of Prometheus and OpenMetrics, line by line.
//!
//! The parsers on crates.io build every series of a body that is in memory as a whole. This one takes a body in whatever
//! pieces it comes and holds one line of it at a time, so a body costs no more memory than its longest line may.

use std::borrow::Cow;

use jiff::Timestamp;

/// The longest line that is read; longer ones are left out.
pub(super) const MAX_LINE: usize = 64 * 1_024;

/// Cuts a body that comes in pieces into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    is_too_long: bool,
}

/// A line of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A line, without its end.
    Text(&'a [u8]),
    /// One that is longer than any should be.
    TooLong,
}

impl Lines {
    /// Takes a piece of the body, and hands on the lines that end in it.
    pub(super) fn push<E>(
        &mut self,
        piece: &[u8],
        mut each: impl FnMut(Line<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match part.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (part, false),
            };
            if self.is_too_long || self.line.len() + text.len() > MAX_LINE {
                self.is_too_long = true;
                self.line.clear();
            } else {
                self.line.extend_from_slice(text);
            }
            if ends {
                self.end(&mut each)?;
            }
        }
        Ok(())
    }

    /// Hands on the last line, which need not have an end.
    pub(super) fn finish<E>(
        mut self,
        mut each: impl FnMut(Line<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.end(&mut each)
    }

    fn end<E>(&mut self, each: &mut impl FnMut(Line<'_>) -> Result<(), E>) -> Result<(), E> {
        let result = if std::mem::take(&mut self.is_too_long) {
            each(Line::TooLong)
        } else {
            each(Line::Text(&self.line))
        };
        self.line.clear();
        result
    }

    /// The bytes that it holds.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.line.capacity()
    }
}

/// The name of the metric that a line is of, and what follows it; no name for a comment and for an empty line.
pub(super) fn name(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.trim_ascii();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    let length = line.iter().take_while(|byte| is_name(byte)).count();
    line.split_at(length)
}

/// What stands behind the name of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample<'a> {
    /// The labels, braces and all.
    pub(super) labels: &'a [u8],
    /// The value: any number that a format can hold.
    pub(super) value: f64,
    rest: &'a [u8],
}

impl<'a> Sample<'a> {
    /// Reads what stands behind a name; absent where that is no sample.
    pub(super) fn behind_name(text: &'a [u8]) -> Option<Self> {
        let (labels, rest) = labels(text.trim_ascii_start())?;
        let (value, rest) = word(rest)?;
        Some(Self {
            labels,
            value: std::str::from_utf8(value).ok()?.parse().ok()?,
            rest,
        })
    }

    /// When it was taken, in the milliseconds of Prometheus' format; absent where it does not say so.
    pub(super) fn taken_at(&self) -> Option<Timestamp> {
        let (millis, _) = word(self.rest)?;
        let millis = std::str::from_utf8(millis).ok()?.parse().ok()?;
        Timestamp::from_millisecond(millis).ok()
    }
}

fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.trim_ascii_start();
    let length = text
        .iter()
        .take_while(|byte| !byte.is_ascii_whitespace())
        .count();
    (length > 0).then(|| text.split_at(length))
}

/// The labels of a sample, braces and all, and what follows them; nothing where a brace or a quote is left open.
fn labels(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.first() != Some(&b'{') {
        return Some(text.split_at(0));
    }
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'}' if !is_quoted => return Some(text.split_at(at + 1)),
            _ => {}
        }
    }
    None
}

/// The names and values of labels, as far as they can be read.
pub(super) fn pairs(labels: &[u8]) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let inner = labels.strip_prefix(b"{").unwrap_or_default();
    let mut rest = std::str::from_utf8(inner).unwrap_or_default();
    std::iter::from_fn(move || {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_matches([',', ' ', '\t']);
        let quoted = after.trim_start().strip_prefix('"')?;
        let end = end_of_quote(quoted)?;
        let (value, after) = quoted.split_at(end);
        rest = after.strip_prefix('"')?;
        Some((name, unescaped(value)))
    })
}

/// Where a quoted text ends.
fn end_of_quote(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| match byte {
        _ if is_escaped => {
            is_escaped = false;
            false
        }
        b'\\' => {
            is_escaped = true;
            false
        }
        byte => byte == b'"',
    })
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => {}
            },
            other => plain.push(other),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn lines(body: &[u8], piece: usize) -> Vec<Option<Vec<u8>>> {
        let mut found = Vec::new();
        let mut each = |line: Line<'_>| {
            found.push(match line {
                Line::Text(text) => Some(text.to_vec()),
                Line::TooLong => None,
            });
            Ok::<(), Infallible>(())
        };
        let mut lines = Lines::default();
        for piece in body.chunks(piece.max(1)) {
            lines.push(piece, &mut each).unwrap();
        }
        lines.finish(&mut each).unwrap();
        found
    }

    #[test]
    fn a_line_without_end_is_not_held() {
        let mut reader = Lines::default();
        let mut seen = Vec::new();
        let mut each = |line: Line<'_>| {
            seen.push(line == Line::TooLong);
            Ok::<(), Infallible>(())
        };
        for _ in 0..1_000 {
            reader.push(&[b'x'; 10_000], &mut each).unwrap();
            assert!(reader.capacity() <= 2 * MAX_LINE);
        }
        reader.push(b"\nup 1\n", &mut each).unwrap();
        assert_eq!(seen, [true, false]);
    }

    #[test]
    fn a_sample_has_labels_a_value_and_the_time_it_was_taken() {
        let (found, rest) =
            name(br#"container_cpu{pod="a",note="say \"}\" \\ \n"} 1.5e1 1624396278302"#);
        assert_eq!(found, b"container_cpu");
        let sample = Sample::behind_name(rest).unwrap();
        assert_eq!(sample.value, 15.0);
        assert_eq!(
            sample.taken_at().unwrap().to_string(),
            "2021-06-22T21:11:18.302Z"
        );
        let labels: Vec<(String, String)> = pairs(sample.labels)
            .map(|(name, value)| (name.to_owned(), value.into_owned()))
            .collect();
        assert_eq!(
            labels,
            [
                ("pod".to_owned(), "a".to_owned()),
                ("note".to_owned(), "say \"}\" \\ \n".to_owned())
            ]
        );
        let bare = Sample::behind_name(b" 7").unwrap();
        assert_eq!((bare.value, bare.taken_at()), (7.0, None));
        assert_eq!(pairs(bare.labels).count(), 0);
        for text in ["", "{a=\"b 1", "many", " \u{e9}"] {
            assert_eq!(Sample::behind_name(text.as_bytes()), None, "{text}");
        }
        for comment in ["# HELP up Whether it is.", "", "  "] {
            assert_eq!(name(comment.as_bytes()).0, b"", "{comment}");
        }
    }

    #[test]
    fn labels_are_read_with_spaces_around_them() {
        let labels: Vec<(&str, Cow<'_, str>)> = pairs(br#"{ a = "1" , b="2",}"#).collect();
        assert_eq!(labels, [("a", "1".into()), ("b", "2".into())]);
        assert_eq!(pairs(b"{a=1}").count(), 0);
        assert_eq!(pairs(b"{a=\"\xff\"}").count(), 0);
    }

    proptest! {
        #[test]
        fn lines_are_the_same_whatever_pieces_they_come_in(
            body in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..400), piece in 1usize..40,
        ) {
            let whole: Vec<Option<Vec<u8>>> = body.split(|byte| *byte == b'\n').map(|line| Some(line.to_vec())).collect();
            prop_assert_eq!(lines(&body, piece), whole);
        }

        #[test]
        fn no_line_does_any_harm(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (_, rest) = name(&line);
            if let Some(sample) = Sample::behind_name(rest) {
                let _ = (sample.taken_at(), pairs(sample.labels).count());
            }
            let _ = pairs(&line).count();
        }
    }
}
