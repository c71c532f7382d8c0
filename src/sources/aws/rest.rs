//! Signed requests of the plain protocols of AWS, made by the runtime of the AWS SDK: REST-JSON, AWS JSON 1.1 and Query.

use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_smithy_xml::decode::{Document, try_data};
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{CallDescription, Meter, Price, Session, undecodable};
use crate::sources::{SourceError, USER_AGENT};

/// A service of AWS.
#[derive(Clone, Copy, Debug)]
pub(in crate::sources) struct Service {
    /// Its id, as in `AWS_ENDPOINT_URL_<ID>`.
    pub(in crate::sources) id: &'static str,
    /// The beginning of its host names; the last label of it signs its requests too.
    pub(in crate::sources) host: &'static str,
}

impl Service {
    fn signs_as(self) -> &'static str {
        self.host.rsplit('.').next().unwrap_or(self.host)
    }
}

/// One API of a service, ready to be called: by the protocol that the service speaks.
#[derive(Debug)]
pub(in crate::sources) struct RestCall {
    operation: Operation<RequestContent, Bytes, ErrorMetadata>,
    attempted: CallDescription,
}

/// What is sent.
#[derive(Debug)]
enum RequestContent {
    /// A path with its query.
    Get(String),
    /// AWS JSON: which operation of the service, and its input.
    Json(&'static str, String),
    /// AWS Query: a form.
    Form(String),
}

impl RequestContent {
    fn request(self) -> Result<HttpRequest, BoxError> {
        let post = |content_type: &'static str, body: String| {
            let mut request = HttpRequest::new(SdkBody::from(body));
            request.set_method("POST")?;
            request.set_uri("/")?;
            request.headers_mut().insert("content-type", content_type);
            Ok::<_, BoxError>(request)
        };
        let mut request = match self {
            Self::Get(path) => HttpRequest::get(path)?,
            Self::Json(target, body) => {
                let mut request = post("application/x-amz-json-1.1", body)?;
                request.headers_mut().insert("x-amz-target", target);
                request
            }
            Self::Form(body) => post("application/x-www-form-urlencoded; charset=utf-8", body)?,
        };
        request.headers_mut().insert("user-agent", USER_AGENT);
        Ok(request)
    }
}

impl RestCall {
    /// The call of `api`, which takes the IAM action `action`.
    pub(in crate::sources) fn new(
        session: &Session,
        service: Service,
        api: &'static str,
        action: &'static str,
    ) -> Self {
        let config = &session.config;
        let meter = Meter {
            spend: session.spend.clone(),
            api,
            price: Price::Free,
        };
        let mut operation = Operation::builder()
            .service_name(service.id)
            .operation_name(api)
            .endpoint_url(&session.endpoint(service))
            .standard_retry(config.retry_config().unwrap_or(&RetryConfig::standard()))
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .timeout_config(
                config
                    .timeout_config()
                    .cloned()
                    .unwrap_or_else(TimeoutConfig::disabled),
            )
            .interceptor(meter)
            .with_connection_poisoning()
            .runtime_plugin(signing(session, service.signs_as()));
        if let Some(client) = config.http_client() {
            operation = operation.http_client(client);
        }
        if let Some(sleep) = config.sleep_impl() {
            operation = operation.sleep_impl(sleep);
        }
        if let Some(time) = config.time_source() {
            operation = operation.time_source(time);
        }
        Self {
            operation: operation
                .serializer(RequestContent::request)
                .deserializer(answer)
                .build(),
            attempted: session.attempting(service, action),
        }
    }

    /// Asks for a path with its query.
    pub(in crate::sources) async fn get<T: DeserializeOwned>(
        &self,
        path: String,
    ) -> Result<T, SourceError> {
        let body = self.get_bytes(path).await?;
        self.read(&body)
    }

    pub(super) async fn get_bytes(&self, path: String) -> Result<Bytes, SourceError> {
        self.ask(RequestContent::Get(path)).await
    }

    /// Asks an operation of AWS JSON 1.1, such as `AWSPriceListService.GetProducts`.
    pub(super) async fn json_bytes(
        &self,
        target: &'static str,
        input: &serde_json::Value,
    ) -> Result<Bytes, SourceError> {
        self.ask(RequestContent::Json(target, input.to_string()))
            .await
    }

    /// Sends a form of the Query protocol, and returns the XML of the answer.
    pub(in crate::sources) async fn form(&self, form: String) -> Result<Bytes, SourceError> {
        self.ask(RequestContent::Form(form)).await
    }

    async fn ask(&self, question: RequestContent) -> Result<Bytes, SourceError> {
        self.operation
            .invoke(question)
            .await
            .map_err(|error| self.attempted.failed(error))
    }

    pub(super) fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, SourceError> {
        let mut json = serde_json::Deserializer::from_slice(body);
        serde_path_to_error::deserialize(&mut json)
            .map_err(|error| self.not_understood(&error.to_string()))
    }

    /// The mark of the next page, if there is one.
    pub(in crate::sources) fn follow(
        &self,
        before: Option<String>,
        next: Option<String>,
    ) -> Result<Option<String>, SourceError> {
        let next = next.filter(|next| !next.is_empty());
        if next.is_some() && next == before {
            return Err(self.not_understood("two pages in a row end with the same marker"));
        }
        Ok(next)
    }

    /// The error of an answer whose content makes no sense.
    pub(in crate::sources) fn not_understood(&self, problem: &str) -> SourceError {
        undecodable(self.attempted.action, problem)
    }
}

/// Signature version 4 with the credentials of the session.
fn signing(session: &Session, name: &'static str) -> StaticRuntimePlugin {
    let mut config = Layer::new("signing");
    config.store_put(AuthSchemeOptionResolverParams::new(()));
    config.store_put(SigV4OperationSigningConfig {
        region: session.config.region().cloned().map(SigningRegion::from),
        region_set: None,
        name: Some(SigningName::from_static(name)),
        signing_options: SigningOptions::default(),
    });
    let mut components = RuntimeComponentsBuilder::new("signing")
        .with_auth_scheme(SigV4AuthScheme::new())
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![
            SCHEME_ID,
        ])))
        .with_identity_cache(session.config.identity_cache());
    if let Some(credentials) = session.config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, credentials);
    }
    StaticRuntimePlugin::new()
        .with_config(config.freeze())
        .with_runtime_components(components)
}

/// The body of a success; the code and message of anything else.
fn answer(response: &HttpResponse) -> Result<Bytes, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return Ok(Bytes::copy_from_slice(body));
    }
    let stated: Failure = serde_json::from_slice(body)
        .ok()
        .or_else(|| Failure::from_xml(std::str::from_utf8(body).ok()?))
        .unwrap_or_default();
    let mut error = ErrorMetadata::builder();
    // The header carries more than the code: `AccessDeniedException:http://internal.amazon.com/...`.
    let header = response.headers().get("x-amzn-errortype");
    if let Some(code) = header.or(stated.code.as_deref()) {
        error = error.code(code.split(':').next().unwrap_or(code));
    }
    if let Some(message) = stated.message {
        error = error.message(message);
    }
    Err(OrchestratorError::operation(error.build()))
}

/// The body of a failure, under the names that services use for it.
#[derive(Default, Deserialize)]
struct Failure {
    #[serde(alias = "Message", alias = "errorMessage")]
    message: Option<String>,
    #[serde(rename = "__type", alias = "code", alias = "Code")]
    code: Option<String>,
}

impl Failure {
    /// The first `Error` of the Query protocol, wherever the service puts it.
    fn from_xml(text: &str) -> Option<Self> {
        let mut document = Document::new(text);
        while let Some(element) = document.next_start_element() {
            if element.local() != "Error" {
                continue;
            }
            let mut error = document.scoped_to(element);
            let mut failure = Self::default();
            while let Some(mut member) = error.next_tag() {
                let name = member.start_el().local().to_owned();
                let text = try_data(&mut member).ok().map(String::from);
                let text = text.filter(|text| !text.is_empty());
                match name.as_str() {
                    "Code" => failure.code = text,
                    "Message" => failure.message = text,
                    _ => {}
                }
            }
            return Some(failure);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(
        header: Option<&'static str>,
        body: &'static str,
    ) -> (Option<String>, Option<String>) {
        let mut response = HttpResponse::new(403.try_into().unwrap(), SdkBody::from(body));
        if let Some(header) = header {
            response.headers_mut().insert("x-amzn-errortype", header);
        }
        let error = answer(&response).unwrap_err();
        let error = error.as_operation_error().unwrap();
        (
            error.code().map(str::to_owned),
            error.message().map(str::to_owned),
        )
    }

    #[test]
    fn a_failure_is_read_from_header_and_body_in_all_their_forms() {
        for (header, body, code, message) in [
            (
                Some("AccessDeniedException:http://x/"),
                r#"{"Message":"no","Type":"User"}"#,
                Some("AccessDeniedException"),
                Some("no"),
            ),
            (
                None,
                r#"{"__type":"ExpiredTokenException","message":"old"}"#,
                Some("ExpiredTokenException"),
                Some("old"),
            ),
            (None, "<html>no</html>", None, None),
            (
                None,
                "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You &amp; no</Message>\
                 </Error></Errors><RequestID>1</RequestID></Response>",
                Some("UnauthorizedOperation"),
                Some("You & no"),
            ),
            (
                None,
                "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code></Error></ErrorResponse>",
                Some("Throttling"),
                None,
            ),
            (None, "<Response><Errors><Error><Code>", None, None),
            (None, "", None, None),
        ] {
            let (code, message) = (code.map(str::to_owned), message.map(str::to_owned));
            assert_eq!(failure(header, body), (code, message), "{body}");
        }
    }
}
