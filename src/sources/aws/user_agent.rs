//! The program's own name in the `User-Agent` of every request that an AWS SDK sends.
//!
//! The SDK writes this header itself and takes an application's name only without a version. It is not signed, so it is
//! completed where requests leave: that covers every service, and the calls of credential providers too.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use crate::sources::USER_AGENT;

const HEADER: &str = "user-agent";

/// An HTTP client whose requests begin their `User-Agent` with the program's name and version.
#[derive(Debug)]
pub(super) struct IdentifiedClient(pub(super) SharedHttpClient);

#[derive(Debug)]
struct IdentifiedConnector(SharedHttpConnector);

impl HttpClient for IdentifiedClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.0.http_connector(settings, components);
        SharedHttpConnector::new(IdentifiedConnector(connector))
    }
}

impl HttpConnector for IdentifiedConnector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let headers = request.headers_mut();
        let identified = match headers.get(HEADER) {
            Some(sdk) if !sdk.starts_with(USER_AGENT) => format!("{USER_AGENT} {sdk}"),
            _ => USER_AGENT.to_owned(),
        };
        headers.insert(HEADER, identified);
        self.0.call(request)
    }
}
