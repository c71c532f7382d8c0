//! The series of some metrics in a body, and nothing else of it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::sources::text_format::{Line, Lines, Sample, name};

/// The most wanted series of one body.
const MAX_SERIES: usize = 10_000;

/// The series of one metric: the value of each, by a hash of its labels.
pub(super) type Series = HashMap<u64, f64>;

/// Why a line is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LineError {
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
    lines: Lines,
    found: ScrapedSeries<'a>,
}

/// What was found in it so far.
#[derive(Debug)]
struct ScrapedSeries<'a> {
    wanted: &'a [&'a str],
    series: Vec<Series>,
    unread: Vec<LineError>,
}

impl<'a> Reader<'a> {
    /// For the series of these metrics.
    pub(super) fn new(wanted: &'a [&'a str]) -> Self {
        Self {
            lines: Lines::default(),
            found: ScrapedSeries {
                wanted,
                series: wanted.iter().map(|_| Series::new()).collect(),
                unread: Vec::new(),
            },
        }
    }

    /// Takes a piece of the body.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), TooManySeries> {
        self.lines.push(piece, |line| self.found.line(line))
    }

    /// The series of each wanted metric, once the body has ended.
    pub(super) fn finish(mut self) -> Result<(Vec<Series>, Vec<LineError>), TooManySeries> {
        self.lines.finish(|line| self.found.line(line))?;
        Ok((self.found.series, self.found.unread))
    }
}

impl ScrapedSeries<'_> {
    fn line(&mut self, line: Line<'_>) -> Result<(), TooManySeries> {
        let read = match line {
            Line::Text(text) => self.sample(text),
            Line::TooLong => Err(LineError::LongLine),
        };
        // Few are enough to know that something is wrong.
        if let Err(why) = read
            && self.unread.len() < MAX_SERIES
        {
            self.unread.push(why);
        }
        let count: usize = self.series.iter().map(HashMap::len).sum();
        if count > MAX_SERIES {
            return Err(TooManySeries);
        }
        Ok(())
    }

    fn sample(&mut self, line: &[u8]) -> Result<(), LineError> {
        let (name, rest) = name(line);
        let Some(metric) = self.wanted.iter().position(|one| one.as_bytes() == name) else {
            return Ok(());
        };
        let sample = Sample::behind_name(rest).ok_or(LineError::NoSample)?;
        if !sample.value.is_finite() || sample.value < 0.0 {
            return Err(LineError::NoCount);
        }
        let mut hasher = DefaultHasher::new();
        sample.labels.hash(&mut hasher);
        match self.series[metric].entry(hasher.finish()) {
            std::collections::hash_map::Entry::Occupied(_) => Err(LineError::Duplicate),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(sample.value);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WANTED: [&str; 2] = ["http_requests_total", "up"];

    fn read(body: &[u8], piece: usize) -> (Vec<Vec<f64>>, Vec<LineError>) {
        let mut reader = Reader::new(&WANTED);
        for piece in body.chunks(piece.max(1)) {
            reader.push(piece).unwrap();
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
            ("up NaN", LineError::NoCount),
            ("up +Inf", LineError::NoCount),
            ("up -1", LineError::NoCount),
            ("up", LineError::NoSample),
            ("up many", LineError::NoSample),
            ("up{a=\"b 1", LineError::NoSample),
            ("up{a=\"b} 1", LineError::NoSample),
            (
                "http_requests_total{a=\"b\"} 1\nhttp_requests_total{a=\"b\"} 7",
                LineError::Duplicate,
            ),
        ] {
            let (values, unread) = read(line.as_bytes(), 5);
            assert_eq!(unread, [why], "{line}");
            assert!(values[1].is_empty(), "{line}");
        }
        // Labels that are no text are labels all the same.
        assert_eq!(read(b"up{a=\"\xff\xfe\"} 1", 3).0[1], [1.0]);
        assert_eq!(read(b"up \xff", 3).1, [LineError::NoSample]);
    }

    #[test]
    fn a_line_that_is_too_long_is_left_out_and_named() {
        let mut reader = Reader::new(&WANTED);
        reader.push(&[b'x'; 100_000]).unwrap();
        reader.push(b"\nup 1\n").unwrap();
        let (series, unread) = reader.finish().unwrap();
        assert_eq!((series[1].len(), unread), (1, vec![LineError::LongLine]));
    }

    #[test]
    fn series_without_end_are_an_error() {
        let mut reader = Reader::new(&WANTED);
        let read = (0..2 * MAX_SERIES)
            .try_for_each(|one| reader.push(format!("up{{a=\"{one}\"}} 1\n").as_bytes()));
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
