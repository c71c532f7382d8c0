//! The lines of a watch, with a limit on their length.
//!
//! `tokio_util::codec::LinesCodec` 0.7 skips a line that is too long without a limit, so one without an end would never be an error.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;

use super::limits::{MAX_OBJECT, MAX_SKIPPED};

/// How much memory a quiet watch keeps for its next line.
const KEPT_CAPACITY: usize = 64 << 10;

/// One line of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Without its end.
    Whole(Vec<u8>),
    /// It was too long, and was skipped.
    TooLong,
}

/// Why there are no more lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinesError<E> {
    /// The connection broke.
    Broken(E),
    /// A line has no end within [`MAX_SKIPPED`] bytes.
    Endless,
}

/// Reads lines from a body. Reading can be given up and continued without a loss.
#[derive(Debug)]
pub(super) struct Lines<B> {
    body: B,
    /// What was received of lines that are not read yet.
    buffer: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// How far the end of the line was looked for.
    searched: usize,
    /// How much of a line that is too long was skipped.
    skipped: usize,
}

impl<B> Lines<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    pub(super) const fn new(body: B) -> Self {
        Self {
            body,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            skipped: 0,
        }
    }

    /// The next line; absent at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, LinesError<B::Error>> {
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Some(line));
            }
            if self.skipped > MAX_SKIPPED {
                return Err(LinesError::Endless);
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(piece) = frame.data_ref() {
                        self.push(piece);
                    }
                }
                Some(Err(why)) => return Err(LinesError::Broken(why)),
                None => return Ok(self.take_rest()),
            }
        }
    }

    fn take_line(&mut self) -> Option<Line> {
        let rest = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            if self.searched - self.start > MAX_OBJECT {
                self.skipped += self.searched - self.start;
                self.buffer.clear();
                (self.start, self.searched) = (0, 0);
            }
            return None;
        };
        let end = self.searched + length;
        let line = self.buffer.get(self.start..end).unwrap_or_default();
        let line = if self.skipped > 0 || line.len() > MAX_OBJECT {
            Line::TooLong
        } else {
            Line::Whole(line.to_vec())
        };
        self.skipped = 0;
        (self.start, self.searched) = (end + 1, end + 1);
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.buffer.shrink_to(KEPT_CAPACITY);
            (self.start, self.searched) = (0, 0);
        }
        Some(line)
    }

    /// What there is after the last line, if anything.
    fn take_rest(&mut self) -> Option<Line> {
        let rest = self.buffer.split_off(self.start);
        self.buffer.clear();
        (self.start, self.searched) = (0, 0);
        match std::mem::take(&mut self.skipped) {
            0 if rest.is_empty() => None,
            0 => Some(Line::Whole(rest)),
            _ => Some(Line::TooLong),
        }
    }

    /// The capacity grows to the limit, and beyond it only for the last piece.
    fn push(&mut self, piece: &[u8]) {
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        let needed = self.buffer.len() + piece.len();
        if needed > self.buffer.capacity() {
            let wanted = needed.max((2 * self.buffer.capacity()).min(MAX_OBJECT));
            self.buffer.reserve_exact(wanted - self.buffer.len());
        }
        self.buffer.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::stream;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    fn lines(pieces: Vec<Vec<u8>>) -> Lines<impl Body<Data = Bytes, Error = Infallible> + Unpin> {
        let frames = pieces
            .into_iter()
            .map(|piece| Ok(Frame::data(piece.into())));
        Lines::new(StreamBody::new(stream::iter(frames)))
    }

    async fn all(pieces: Vec<Vec<u8>>) -> Vec<Line> {
        let mut lines = lines(pieces);
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            found.push(line);
        }
        found
    }

    #[tokio::test]
    async fn lines_are_found_however_they_are_cut_into_pieces() {
        let text = b"one\ntwo\n\nthree\nwithout an end";
        let expected =
            ["one", "two", "", "three", "without an end"].map(|line| Line::Whole(line.into()));
        for length in 1..text.len() {
            let pieces = text.chunks(length).map(<[u8]>::to_vec).collect();
            assert_eq!(all(pieces).await, expected, "{length}");
        }
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_skipped_and_the_next_is_read() {
        let mut pieces = vec![vec![b'x'; 1 << 20]; 9];
        pieces.push(b"x\nnext\n".to_vec());
        let expected = [Line::TooLong, Line::Whole("next".into())];
        assert_eq!(all(pieces).await, expected);
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_an_error_and_never_held() {
        let mut lines = lines(vec![vec![b'x'; 1 << 20]; 100]);
        assert_eq!(lines.next().await, Err(LinesError::Endless));
        assert!(lines.buffer.capacity() <= MAX_OBJECT + (2 << 20));
    }
}
