//! A limit on the length of every answer of AWS, beneath the SDKs: they read whole answers into memory, however long.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

/// The longest answer that is read, in bytes. The longest that AWS gives are one of GetMetricData with 100,800 data points, 2 MiB
/// in CBOR, and one of Lambda, 6 MiB; a page of 50 functions has less than 1 MiB. Six sources that are answered without end at
/// the same time take less than 50 MiB.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
pub(super) const MAX_ANSWER: usize = 8 * 1_024 * 1_024;

/// A client whose answers are cut at [`MAX_ANSWER`]. Nothing here decompresses, so a short answer stays short.
#[derive(Debug)]
pub(super) struct BoundedClient(pub(super) SharedHttpClient);

#[derive(Debug)]
struct BoundedConnector(SharedHttpConnector);

impl HttpClient for BoundedClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.0.http_connector(settings, components);
        SharedHttpConnector::new(BoundedConnector(connector))
    }
}

impl HttpConnector for BoundedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            Ok(answer.map(|body| SdkBody::from_body_1_x(Limited::new(body, MAX_ANSWER))))
        })
    }
}

#[cfg(test)]
mod tests;
