//! The HTTP client beneath the AWS SDKs: it limits the length of responses and names the program in requests.
//!
//! The SDKs read a whole response into memory, however long. They write `User-Agent` themselves and accept the name of an
//! application only without a version. The header is not signed, so it is completed here. Both hold for every service and
//! for the calls of credential providers.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

use crate::sources::USER_AGENT;

/// The maximum length of a response, in bytes.
///
/// The longest responses of AWS are one of GetMetricData with 100,800 data points, 2 MiB in CBOR, and one of Lambda, 6 MiB; a
/// page of 50 functions has less than 1 MiB. Six sources that receive endless responses at the same time take less than 50 MiB.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
pub(super) const MAX_RESPONSE: usize = 8 * 1_024 * 1_024;

const USER_AGENT_HEADER: &str = "user-agent";

/// A client with responses of at most [`MAX_RESPONSE`] bytes, and requests that begin their `User-Agent` with the name and
/// version of the program. It does not decompress, so a short response stays short.
#[derive(Debug)]
pub(super) struct AwsHttpClient(pub(super) SharedHttpClient);

#[derive(Debug)]
struct AwsHttpConnector(SharedHttpConnector);

impl HttpClient for AwsHttpClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.0.http_connector(settings, components);
        SharedHttpConnector::new(AwsHttpConnector(connector))
    }
}

impl HttpConnector for AwsHttpConnector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let headers = request.headers_mut();
        let user_agent = match headers.get(USER_AGENT_HEADER) {
            Some(sdk) if !sdk.starts_with(USER_AGENT) => format!("{USER_AGENT} {sdk}"),
            _ => USER_AGENT.to_owned(),
        };
        headers.insert(USER_AGENT_HEADER, user_agent);
        let response = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let response = response.await?;
            Ok(response.map(|body| SdkBody::from_body_1_x(Limited::new(body, MAX_RESPONSE))))
        })
    }
}

#[cfg(test)]
mod tests;
