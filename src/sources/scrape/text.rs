//! The text formats of Prometheus and OpenMetrics, read line by line and only as far as some metrics are concerned.
//!
//! The parsers on crates.io build every series of a body that is in memory as a whole. This one takes a body in whatever
//! pieces it comes, holds one line of it at a time, and keeps the wanted series alone, so a body costs no more memory than
//! its longest line may.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The longest line that is read; longer ones are left out.
const LONGEST_LINE: usize = 64 * 1_024;

/// The most wanted series of one body.
const MOST_SERIES: usize = 10_000;

/// The series of one metric: the value of each, by a hash of its labels.
pub(super) type Series = HashMap<u64, f64>;

/// Why a line is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unread {
    /// It is longer than any line should be.
    LongLine,
    /// It is no sample.
    NoSample,
    /// Its value is not a number that a counter can have.
    NoCount,
    /// The same series stands twice in one body; the first counts.
    Duplicate,
}

/// There are more wanted series than anybody should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooManySeries;

/// A body that is being read.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    wanted: &'a [&'a str],
    series: Vec<Series>,
    line: Vec<u8>,
    is_too_long: bool,
    pub(super) unread: Vec<Unread>,
}

impl<'a> Reader<'a> {
    /// For the series of these metrics.
    pub(super) fn new(wanted: &'a [&'a str]) -> Self {
        Self {
            wanted,
            series: wanted.iter().map(|_| Series::new()).collect(),
            line: Vec::new(),
            is_too_long: false,
            unread: Vec::new(),
        }
    }

    /// Takes a piece of the body.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), TooManySeries> {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match part.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (part, false),
            };
            if self.is_too_long || self.line.len() + text.len() > LONGEST_LINE {
                self.is_too_long = true;
                self.line.clear();
            } else {
                self.line.extend_from_slice(text);
            }
            if ends {
                self.end_line()?;
            }
        }
        Ok(())
    }

    /// The series of each wanted metric, once the body has ended.
    pub(super) fn finish(mut self) -> Result<(Vec<Series>, Vec<Unread>), TooManySeries> {
        self.end_line()?;
        Ok((self.series, self.unread))
    }

    fn end_line(&mut self) -> Result<(), TooManySeries> {
        if std::mem::take(&mut self.is_too_long) {
            self.note(Unread::LongLine);
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        let read = self.sample(&line);
        self.line = line;
        self.line.clear();
        match read {
            Ok(()) => {}
            Err(why) => self.note(why),
        }
        let count: usize = self.series.iter().map(HashMap::len).sum();
        if count > MOST_SERIES {
            return Err(TooManySeries);
        }
        Ok(())
    }

    /// Few are enough to know that something is wrong.
    fn note(&mut self, why: Unread) {
        if self.unread.len() < MOST_SERIES {
            self.unread.push(why);
        }
    }

    fn sample(&mut self, line: &[u8]) -> Result<(), Unread> {
        let line = line.trim_ascii();
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
        let name = line.iter().take_while(|byte| is_name(byte)).count();
        let (name, rest) = line.split_at(name);
        let Some(metric) = self.wanted.iter().position(|one| one.as_bytes() == name) else {
            return Ok(());
        };
        let (labels, rest) = labels(rest.trim_ascii_start()).ok_or(Unread::NoSample)?;
        let value = rest
            .split(u8::is_ascii_whitespace)
            .find(|one| !one.is_empty());
        let value = value.and_then(|one| std::str::from_utf8(one).ok());
        let value: f64 = value
            .and_then(|one| one.parse().ok())
            .ok_or(Unread::NoSample)?;
        if !value.is_finite() || value < 0.0 {
            return Err(Unread::NoCount);
        }
        let mut hasher = DefaultHasher::new();
        labels.hash(&mut hasher);
        match self.series[metric].entry(hasher.finish()) {
            std::collections::hash_map::Entry::Occupied(_) => Err(Unread::Duplicate),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(value);
                Ok(())
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WANTED: [&str; 2] = ["http_requests_total", "up"];

    fn read(body: &[u8], piece: usize) -> (Vec<Vec<f64>>, Vec<Unread>) {
        let mut reader = Reader::new(&WANTED);
        for piece in body.chunks(piece.max(1)) {
            reader.take(piece).unwrap();
        }
        let (series, unread) = reader.finish().unwrap();
        let values = series.into_iter().map(|one| {
            let mut values: Vec<f64> = one.into_values().collect();
            values.sort_by(f64::total_cmp);
            values
        });
        (values.collect(), unread)
    }

    #[test]
    fn both_formats_are_read_whatever_pieces_they_come_in() {
        let body = br#"# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{code="200",path="/a b"} 10 1395066363000
http_requests_total{code="500",path="a\"}b\\"} 2e0 # {trace_id="x"} 1 1.5
http_requests_total{ code = "200" , path = "/" } 3
http_requests_total_created{code="200"} 99
other_http_requests_total 99
up 1
# EOF
"#;
        let expected = (vec![vec![2.0, 3.0, 10.0], vec![1.0]], vec![]);
        for piece in [1, 2, 7, 64, 10_000] {
            assert_eq!(read(body, piece), expected, "{piece}");
        }
        let windows = String::from_utf8_lossy(body).replace('\n', "\r\n");
        assert_eq!(read(windows.as_bytes(), 64), expected);
    }

    #[test]
    fn what_is_no_count_is_left_out_and_named() {
        for (line, why) in [
            ("up NaN", Unread::NoCount),
            ("up +Inf", Unread::NoCount),
            ("up -1", Unread::NoCount),
            ("up", Unread::NoSample),
            ("up many", Unread::NoSample),
            ("up{a=\"b 1", Unread::NoSample),
            ("up{a=\"b} 1", Unread::NoSample),
            (
                "http_requests_total{a=\"b\"} 1\nhttp_requests_total{a=\"b\"} 7",
                Unread::Duplicate,
            ),
        ] {
            let (values, unread) = read(line.as_bytes(), 5);
            assert_eq!(unread, [why], "{line}");
            assert!(values[1].is_empty(), "{line}");
        }
        // Labels that are no text are labels all the same.
        assert_eq!(read(b"up{a=\"\xff\xfe\"} 1", 3).0[1], [1.0]);
        assert_eq!(read(b"up \xff", 3).1, [Unread::NoSample]);
    }

    #[test]
    fn a_line_without_end_is_not_held() {
        let mut reader = Reader::new(&WANTED);
        for _ in 0..1_000 {
            reader.take(&[b'x'; 10_000]).unwrap();
            assert!(reader.line.capacity() <= 2 * LONGEST_LINE);
        }
        reader.take(b"\nup 1\n").unwrap();
        let (series, unread) = reader.finish().unwrap();
        assert_eq!((series[1].len(), unread), (1, vec![Unread::LongLine]));
    }

    #[test]
    fn series_without_end_are_an_error() {
        let mut reader = Reader::new(&WANTED);
        let read = (0..2 * MOST_SERIES)
            .try_for_each(|one| reader.take(format!("up{{a=\"{one}\"}} 1\n").as_bytes()));
        assert_eq!(read, Err(TooManySeries));
    }

    proptest! {
        #[test]
        fn no_bytes_do_any_harm(body in proptest::collection::vec(any::<u8>(), 0..400), piece in 1usize..40) {
            let whole = read(&body, body.len());
            prop_assert_eq!(read(&body, piece), whole);
        }
    }
}
