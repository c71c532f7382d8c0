//! Azure's retail prices.
//!
//! One question for each size in each region, filtered to virtual machines that are paid for by use, in USD. The answer has
//! the price on demand and that of spare capacity, which is one for the whole region. The API is free and wants no
//! credentials: <https://learn.microsoft.com/en-us/rest/api/cost-management/retail-prices/azure-retail-prices>.

mod convert;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;

use self::convert::Page;
use crate::disk::Disk;
use crate::sources::price_list::response::{Answer, PriceList};
use crate::sources::redaction::KnownSecrets;
use crate::sources::transport::{AddressError, ExchangeError, Limits, Transport, beginning, pause};
use crate::sources::{Reason, Source, SourceError};
use breakeven_model::inventory::Provider;
use breakeven_model::pricing::{PriceQuery, QueriedProduct};

/// The address of the API.
pub const BASE_URL: &str = "https://prices.azure.com/api/retail/prices";

/// How long a page may take.
const PAGE_TIMEOUT: Duration = Duration::from_secs(15);

/// The longest page that is read, in bytes: a thousand prices of 700 bytes are less than a tenth of it.
const MAX_PAGE: usize = 8 * 1_024 * 1_024;

/// The most pages of one answer. A size has some ten prices in a region, and a page a thousand.
const MAX_PAGES: usize = 10;

const NAME: &str = concat!("breakeven/", env!("CARGO_PKG_VERSION"));

/// Azure's retail prices.
pub struct AzureRetail {
    base: String,
    transport: Transport,
    limits: Limits,
    disk: Disk,
}

impl fmt::Debug for AzureRetail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AzureRetail")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl AzureRetail {
    /// Asked at an address, such as [`BASE_URL`].
    ///
    /// # Errors
    /// When that is no address.
    pub fn at(base_url: &str) -> Result<Self, AddressError> {
        let base = base_url.trim_end_matches('/').to_owned();
        let disk = Disk::default();
        Ok(Self {
            transport: Transport::to(&base, None, &disk)?,
            disk,
            base,
            limits: Limits {
                timeout: PAGE_TIMEOUT,
                max_answer: MAX_PAGE,
            },
        })
    }

    /// Runs its file operations.
    #[must_use]
    pub const fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The same, with another time for each page.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    async fn page(&self, url: &str) -> Result<Page, SourceError> {
        let request = Request::get(url)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, NAME)
            .body(Full::<Bytes>::default())
            .map_err(|error| self.failed(Reason::InvalidRequest, &error.to_string()))?;
        let answer = self.transport.exchange(request, self.limits).await;
        let answer = answer.map_err(|broken| match broken {
            ExchangeError::Connect(problem) => self.failed(Reason::Connect, &problem),
            ExchangeError::Timeout(problem) => self.failed(Reason::Timeout, &problem),
            ExchangeError::TooLong => {
                let problem = format!("more than {MAX_PAGE} bytes on a page");
                self.failed(Reason::InvalidResponse, &problem)
            }
        })?;
        let (head, body) = answer.into_parts();
        if head.status != StatusCode::OK {
            let status = head.status.as_u16();
            let reason = Reason::of_status(status).unwrap_or(Reason::InvalidResponse);
            let said = format!(
                "status {status}: {}",
                beginning(&body, &KnownSecrets::default())
            );
            let error = self.failed(reason, &said);
            return Err(error.retry_after(pause(&head.headers)));
        }
        convert::page(&body).map_err(|problem| {
            let what = format!(
                "{problem}; it begins with {:?}",
                beginning(&body, &KnownSecrets::default())
            );
            self.failed(Reason::InvalidResponse, &what)
        })
    }

    fn failed(&self, reason: Reason, problem: &str) -> SourceError {
        let remedy = match reason {
            Reason::Connect | Reason::Timeout => {
                "check that a network policy or proxy lets this process there on port 443"
            }
            Reason::Throttled => "it is asked again after a pause",
            Reason::ServerError => "Azure has a problem; it is asked again",
            _ => "check `prices.azure_retail.base_url`; if that is right, the API has changed",
        };
        let what = format!("Azure's retail prices at {}: {problem}", self.base);
        SourceError::new(reason, what, remedy)
    }
}

impl PriceList for AzureRetail {
    const SOURCE: Source = Source::AzureRetail;
    const PROVIDER: Provider = Provider::Azure;
    const FILE: &'static str = "azure-retail.json";
    /// Nothing says how many are allowed, and too many are refused.
    const AT_ONCE: usize = 2;

    async fn prepare(&mut self, _: &BTreeSet<PriceQuery>) -> Result<(), SourceError> {
        Ok(())
    }

    async fn ask(&self, question: &PriceQuery, now: Timestamp) -> Result<Answer, SourceError> {
        let QueriedProduct::Machine(size) = &question.product else {
            return Ok(Answer::default());
        };
        let mut items = Vec::new();
        let mut url = convert::first_page(&self.base, &question.region, size);
        for _ in 0..MAX_PAGES {
            let page = self.page(&url).await?;
            items.extend(page.items);
            let Some(link) = page.next_page_link.filter(|link| !link.is_empty()) else {
                return Ok(convert::answer(items, &question.region, size, now));
            };
            url = convert::next_page(&self.base, &link)
                .map_err(|problem| self.failed(Reason::InvalidResponse, &problem))?;
        }
        let endless = format!(
            "more than {MAX_PAGES} pages on {size} in {}",
            question.region
        );
        Err(self.failed(Reason::InvalidResponse, &endless))
    }
}
