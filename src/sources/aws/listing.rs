//! Lists that come in pages: how many pages and bytes are read of one.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::RestCall;
use crate::sources::SourceError;

/// The most pages of a list: 50,000 functions at 50 a page, 100,000 tagged resources at 100 a page.
const MAX_PAGES: usize = 1_000;

/// The most bytes of a list: 30,000 functions of 2 KB each.
const MAX_BYTES: usize = 64 * 1_024 * 1_024;

/// Reads the pages of one list.
#[derive(Debug)]
pub(in crate::sources) struct Listing<'a> {
    call: &'a RestCall,
    pages: usize,
    bytes: usize,
}

impl<'a> Listing<'a> {
    pub(in crate::sources) const fn new(call: &'a RestCall) -> Self {
        Self {
            call,
            pages: 0,
            bytes: 0,
        }
    }

    /// A page that is asked for by a path with its query.
    pub(in crate::sources) async fn get<T: DeserializeOwned>(
        &mut self,
        path: String,
    ) -> Result<T, SourceError> {
        let page = self.call.get_bytes(path).await?;
        self.read(&page)
    }

    /// A page of an operation of AWS JSON 1.1.
    pub(in crate::sources) async fn json<T: DeserializeOwned>(
        &mut self,
        target: &'static str,
        input: &serde_json::Value,
    ) -> Result<T, SourceError> {
        let page = self.call.json_bytes(target, input).await?;
        self.read(&page)
    }

    /// A page of the Query protocol, as XML.
    pub(in crate::sources) async fn form(&mut self, form: String) -> Result<Bytes, SourceError> {
        let page = self.call.form(form).await?;
        self.count(page.len())?;
        Ok(page)
    }

    fn read<T: DeserializeOwned>(&mut self, page: &[u8]) -> Result<T, SourceError> {
        self.count(page.len())?;
        self.call.read(page)
    }

    fn count(&mut self, bytes: usize) -> Result<(), SourceError> {
        self.pages += 1;
        self.bytes += bytes;
        if self.pages > MAX_PAGES {
            let problem =
                format!("the list has more than {MAX_PAGES} pages, the most that are read");
            return Err(self.call.not_understood(&problem));
        }
        if self.bytes > MAX_BYTES {
            let problem = format!(
                "the pages of the list have more than {MAX_BYTES} bytes together, the most that are read"
            );
            return Err(self.call.not_understood(&problem));
        }
        Ok(())
    }
}
