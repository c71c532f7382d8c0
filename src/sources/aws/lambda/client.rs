//! The calls of the Lambda and tagging APIs.

use serde::de::DeserializeOwned;

use super::convert::{self, AccountLimit, AccountSettings, Page, ProvisionedPage, Reserved};
use super::event_sources::{self, MappingsPage, Polled, UrlsPage};
use crate::sources::SourceError;
use crate::sources::aws::{Listing, RestCall, Service, Session, Tagged, Tagging};
use breakeven_model::inventory::ProvisionedConcurrency;

/// The most that ListFunctions gives on one page.
const PAGE_SIZE: u32 = 50;

const LAMBDA: Service = Service {
    id: "Lambda",
    host: "lambda",
};

/// The calls, ready to be made.
#[derive(Debug)]
pub(super) struct Calls {
    list_functions: RestCall,
    get_account_settings: RestCall,
    list_provisioned: RestCall,
    get_concurrency: RestCall,
    list_event_sources: RestCall,
    list_urls: RestCall,
    tagging: Tagging,
}

impl Calls {
    pub(super) fn new(session: &Session) -> Self {
        let call = |service, api, action| RestCall::new(session, service, api, action);
        Self {
            list_functions: call(LAMBDA, "ListFunctions", "lambda:ListFunctions"),
            get_account_settings: call(LAMBDA, "GetAccountSettings", "lambda:GetAccountSettings"),
            list_provisioned: call(
                LAMBDA,
                "ListProvisionedConcurrencyConfigs",
                "lambda:ListProvisionedConcurrencyConfigs",
            ),
            get_concurrency: call(
                LAMBDA,
                "GetFunctionConcurrency",
                "lambda:GetFunctionConcurrency",
            ),
            list_event_sources: call(
                LAMBDA,
                "ListEventSourceMappings",
                "lambda:ListEventSourceMappings",
            ),
            list_urls: call(
                LAMBDA,
                "ListFunctionUrlConfigs",
                "lambda:ListFunctionUrlConfigs",
            ),
            tagging: Tagging::new(session),
        }
    }

    /// All functions.
    pub(super) async fn functions(&self) -> Result<Vec<Page>, SourceError> {
        let path = |marker: Option<&str>| convert::page_path(PAGE_SIZE, marker);
        marked(&self.list_functions, path, |page: &Page| {
            page.next_marker.clone()
        })
        .await
    }

    /// How many environments the account may run at once.
    pub(super) async fn limit(&self) -> Result<AccountLimit, SourceError> {
        let path = "/2016-08-19/account-settings/".to_owned();
        let settings: AccountSettings = self.get_account_settings.get(path).await?;
        Ok(settings.account_limit)
    }

    /// What is kept ready for a function.
    pub(super) async fn provisioned(
        &self,
        name: &str,
    ) -> Result<Vec<ProvisionedConcurrency>, SourceError> {
        let path = |marker: Option<&str>| convert::provisioned_path(name, marker);
        let pages = marked(&self.list_provisioned, path, |page: &ProvisionedPage| {
            page.next_marker.clone()
        });
        Ok(convert::provisioned(pages.await?))
    }

    /// How many environments are set aside for a function.
    pub(super) async fn reserved(&self, name: &str) -> Result<Option<u32>, SourceError> {
        let path = convert::reserved_path(name);
        let reserved: Reserved = self.get_concurrency.get(path).await?;
        Ok(reserved.reserved_concurrent_executions)
    }

    /// What is polled for all functions.
    pub(super) async fn event_sources(&self) -> Result<Polled, SourceError> {
        let pages = marked(
            &self.list_event_sources,
            event_sources::mappings_path,
            |page: &MappingsPage| page.next_marker.clone(),
        );
        Ok(event_sources::polled(pages.await?))
    }

    /// Whether a function has a URL.
    pub(super) async fn has_url(&self, name: &str) -> Result<bool, SourceError> {
        let page: UrlsPage = self.list_urls.get(event_sources::urls_path(name)).await?;
        Ok(page.has_any())
    }

    /// The tags of all functions.
    pub(super) async fn tags(&self) -> Result<Vec<Tagged>, SourceError> {
        self.tagging.resources("lambda:function", None).await
    }
}

/// All pages of a call that marks where the next one is.
async fn marked<T: DeserializeOwned>(
    call: &RestCall,
    path: impl Fn(Option<&str>) -> String,
    next: impl Fn(&T) -> Option<String>,
) -> Result<Vec<T>, SourceError> {
    let mut pages = Vec::new();
    let mut marker: Option<String> = None;
    let mut listing = Listing::new(call);
    loop {
        let page: T = listing.get(path(marker.as_deref())).await?;
        let after = next(&page);
        pages.push(page);
        match call.follow(marker, after)? {
            None => return Ok(pages),
            next => marker = next,
        }
    }
}
