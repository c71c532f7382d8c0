//! Counts every attempt of a call, retries included: of one that is made here, or of all that a client sends.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use super::{AwsSpend, Price};

/// Adds each attempt of a call to what was spent.
#[derive(Debug)]
pub(in crate::sources) struct Meter {
    pub(in crate::sources) spend: AwsSpend,
    pub(in crate::sources) api: &'static str,
    /// What each attempt is charged by.
    pub(in crate::sources) price: Price,
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.spend.count(self.api, self.price);
        Ok(())
    }
}

/// A client that is given away, to somebody who sends but one API with it.
#[derive(Debug)]
pub(super) struct MeteredClient {
    pub(super) client: SharedHttpClient,
    pub(super) spend: AwsSpend,
    pub(super) api: &'static str,
}

#[derive(Debug)]
struct MeteredConnector {
    connector: SharedHttpConnector,
    spend: AwsSpend,
    api: &'static str,
}

impl HttpClient for MeteredClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(MeteredConnector {
            connector: self.client.http_connector(settings, components),
            spend: self.spend.clone(),
            api: self.api,
        })
    }
}

impl HttpConnector for MeteredConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.spend.count(self.api, Price::Free);
        self.connector.call(request)
    }
}
