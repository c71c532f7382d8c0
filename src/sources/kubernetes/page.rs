//! Reads one page of a list, a few objects at a time.

use http_body_util::BodyExt;
use kube::client::Body;
use serde::de::DeserializeOwned;

use super::api_types::Page;
use super::error::Attempt;
use super::limited;
use super::limits::{self, MAX_PAGE, MAX_SKIPPED};
use super::list_reader::{ListError, ListReader};
use crate::sources::SourceError;
use crate::sources::error_chain::causes;

/// How many objects, and how many bytes of them, are handed on at once. What was read of an object may take 30 times the
/// memory of its text.
const MAX_PART_OBJECTS: usize = 500;
const MAX_PART_BYTES: usize = 256 << 10;

/// Objects of a page.
#[derive(Debug)]
pub(in crate::sources) struct Part<T> {
    pub(in crate::sources) objects: Vec<T>,
    /// How many more there were that are beyond a limit.
    pub(in crate::sources) discarded: usize,
    /// Why the first of them was left out.
    pub(in crate::sources) why: String,
}

/// A page that is being read.
#[derive(Debug)]
pub(in crate::sources) struct PageReader<T> {
    body: Body,
    list: ListReader,
    /// The length of what was read.
    length: u64,
    part: Part<T>,
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self {
            objects: Vec::new(),
            discarded: 0,
            why: String::new(),
        }
    }
}

impl<T> Part<T> {
    fn discard(&mut self, why: impl FnOnce() -> String) {
        if self.discarded == 0 {
            self.why = why();
        }
        self.discarded += 1;
    }
}

impl<T: DeserializeOwned> PageReader<T> {
    pub(in crate::sources) fn new(body: Body) -> Self {
        Self {
            body,
            list: ListReader::default(),
            length: 0,
            part: Part::default(),
        }
    }

    /// The next objects; absent once all were read.
    pub(in crate::sources) async fn next(
        &mut self,
        attempt: &Attempt<'_>,
    ) -> Result<Option<Part<T>>, SourceError> {
        let mut part_length = 0;
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|why| attempt.broken(&causes(&why)))?;
            let Some(piece) = frame.data_ref() else {
                continue;
            };
            self.length += piece.len() as u64;
            part_length += piece.len();
            if self.length > MAX_PAGE {
                let why = format!("it is longer than {MAX_PAGE} bytes");
                return Err(attempt.not_understood(why));
            }
            self.read(piece, attempt)?;
            let objects = self.part.objects.len() + self.part.discarded;
            if objects >= MAX_PART_OBJECTS || part_length >= MAX_PART_BYTES {
                return Ok(Some(std::mem::take(&mut self.part)));
            }
        }
        let last = std::mem::take(&mut self.part);
        let is_empty = last.objects.is_empty() && last.discarded == 0;
        Ok((!is_empty).then_some(last))
    }

    fn read(&mut self, piece: &[u8], attempt: &Attempt<'_>) -> Result<(), SourceError> {
        let part = &mut self.part;
        let mut problem = None;
        let split = self.list.read(piece, |object| match object {
            None => part.discard(limits::too_long),
            Some(text) => match serde_json::from_slice(text) {
                Ok(object) => part.objects.push(object),
                Err(why) if limited::is_beyond(&why) => part.discard(|| why.to_string()),
                Err(why) => problem = problem.take().or(Some(why)),
            },
        });
        if let Some(why) = problem {
            return Err(attempt.not_understood(why));
        }
        split.map_err(|why| match why {
            ListError::MetadataTooLong => {
                attempt.not_understood("what is around its objects is too long")
            }
            ListError::ObjectEndless => {
                let why = format!("an object does not end within {MAX_SKIPPED} bytes");
                attempt.not_understood(why)
            }
        })
    }

    /// What the page says of itself, once all objects were read.
    pub(in crate::sources) fn finish(self, attempt: &Attempt<'_>) -> Result<Page, SourceError> {
        let metadata = self.list.into_metadata();
        let page: Page =
            serde_json::from_slice(&metadata).map_err(|why| attempt.not_understood(why))?;
        if page.items.is_empty() {
            Ok(page)
        } else {
            Err(attempt.not_understood("its items are no objects"))
        }
    }
}
