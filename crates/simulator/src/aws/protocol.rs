//! The protocols of the services.
//!
//! - Smithy RPC v2 CBOR: `POST /service/{service}/operation/{Operation}`, what newer SDKs send to
//!   CloudWatch and to the tagging API;
//! - AWS JSON 1.0 and 1.1: `POST /` with `X-Amz-Target: {service}.{Operation}`;
//! - REST JSON: what Lambda speaks;
//! - AWS Query: a form in, XML out, what STS speaks everywhere, and EC2 with other errors.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};

use super::error::AwsError;
use super::value::{Document, structure, text};

/// A service whose calls are named by service and operation, and that takes and gives structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    CloudWatch,
    /// The Resource Groups Tagging API.
    Tagging,
    CostExplorer,
    /// The Price List.
    Pricing,
}

impl Service {
    const ALL: [Self; 4] = [
        Self::CloudWatch,
        Self::Tagging,
        Self::CostExplorer,
        Self::Pricing,
    ];

    /// The name in paths and targets.
    fn target(self) -> &'static str {
        match self {
            Self::CloudWatch => "GraniteServiceVersion20100801",
            Self::Tagging => "ResourceGroupsTaggingAPI_20170126",
            Self::CostExplorer => "AWSInsightsIndexService",
            Self::Pricing => "AWSPriceListService",
        }
    }

    /// The namespace of its shapes.
    fn namespace(self) -> &'static str {
        match self {
            Self::CloudWatch => "com.amazonaws.cloudwatch",
            Self::Tagging => "com.amazonaws.resourcegroupstaggingapi",
            Self::CostExplorer => "com.amazonaws.costexplorer",
            Self::Pricing => "com.amazonaws.pricing",
        }
    }

    fn json_content_type(self) -> &'static str {
        match self {
            Self::CloudWatch => "application/x-amz-json-1.0",
            Self::Tagging | Self::CostExplorer | Self::Pricing => "application/x-amz-json-1.1",
        }
    }

    /// What its requests are signed for.
    pub(super) fn signed_for(self) -> &'static str {
        match self {
            Self::CloudWatch => "monitoring",
            Self::Tagging => "tagging",
            Self::CostExplorer => "ce",
            Self::Pricing => "pricing",
        }
    }

    /// What its actions begin with in IAM policies.
    pub(super) fn iam_prefix(self) -> &'static str {
        match self {
            Self::CloudWatch => "cloudwatch",
            Self::Tagging => "tag",
            Self::CostExplorer => "ce",
            Self::Pricing => "pricing",
        }
    }
}

const SMITHY_PROTOCOL: HeaderName = HeaderName::from_static("smithy-protocol");
const QUERY_MODE: HeaderName = HeaderName::from_static("x-amzn-query-mode");
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
/// On every answer; SDKs show it in their errors.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// The protocol of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// `query_mode`: the client asks for the Query protocol's error codes in a header.
    RpcV2Cbor {
        service: Service,
        query_mode: bool,
    },
    AwsJson {
        service: Service,
        query_mode: bool,
    },
    Query,
    /// Query, with the errors of EC2.
    Ec2,
    RestJson,
}

/// Which protocol, service and operation a request to `path` (below the endpoint) is for.
///
/// `None` where the request is for none of them.
pub(super) fn rpc_call(path: &str, headers: &HeaderMap) -> Option<(Wire, Service, String)> {
    let query_mode = headers.get(QUERY_MODE).is_some_and(|value| value == "true");
    let service_of = |target: &str| {
        let mut all = Service::ALL.into_iter();
        all.find(|service| service.target() == target)
    };
    if let Some(rest) = path.strip_prefix("/service/") {
        let (target, operation) = rest.split_once("/operation/")?;
        let service = service_of(target)?;
        let wire = Wire::RpcV2Cbor {
            service,
            query_mode,
        };
        return Some((wire, service, operation.to_owned()));
    }
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    let (target, operation) = target.split_once('.')?;
    let service = service_of(target)?;
    let wire = Wire::AwsJson {
        service,
        query_mode,
    };
    Some((wire, service, operation.to_owned()))
}

/// How EC2 names the errors that the Query protocol has other names for.
fn ec2_code(code: &'static str) -> &'static str {
    match code {
        "AccessDenied" => "UnauthorizedOperation",
        "InvalidClientTokenId" | "IncompleteSignature" => "AuthFailure",
        "ExpiredToken" => "RequestExpired",
        "Throttling" => "RequestLimitExceeded",
        other => other,
    }
}

impl Wire {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::RpcV2Cbor { .. } => "application/cbor",
            Self::AwsJson { service, .. } => service.json_content_type(),
            Self::Query | Self::Ec2 => "text/xml",
            Self::RestJson => "application/json",
        }
    }

    /// Reads a structure in this protocol; Query requests are forms and are read elsewhere.
    pub(super) fn read(self, headers: &HeaderMap, body: &[u8]) -> Result<Document, AwsError> {
        match self {
            Self::RpcV2Cbor { .. } => {
                if headers
                    .get(SMITHY_PROTOCOL)
                    .is_none_or(|value| value != "rpc-v2-cbor")
                {
                    return Err(AwsError::serialization(
                        "the header smithy-protocol: rpc-v2-cbor is missing",
                    ));
                }
                Document::from_cbor(body).map_err(AwsError::serialization)
            }
            _ => Document::from_json(body).map_err(AwsError::serialization),
        }
    }

    pub(super) fn success(self, answer: &Document) -> Response<Bytes> {
        let body = match self {
            Self::RpcV2Cbor { .. } => answer.to_cbor(),
            _ => answer.to_json(),
        };
        self.response(StatusCode::OK, body.into())
    }

    /// The error as the real service writes it in this protocol.
    pub(super) fn failure(self, failure: &AwsError) -> Response<Bytes> {
        let typed = |service: Service| {
            let code = format!("{}#{}", service.namespace(), failure.code);
            structure([
                ("__type", text(code)),
                ("message", text(failure.message.as_str())),
            ])
        };
        let body = match self {
            Self::RpcV2Cbor { service, .. } => typed(service).to_cbor(),
            Self::AwsJson { service, .. } => typed(service).to_json(),
            Self::RestJson => {
                let kind = if failure.status.is_server_error() { "Service" } else { "User" };
                structure([("Type", text(kind)), ("Message", text(failure.message.as_str()))])
                    .to_json()
            }
            Self::Ec2 => format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{}</Code>\
                 <Message>{}</Message></Error></Errors><RequestID>{}</RequestID></Response>\n",
                ec2_code(failure.query_code),
                escape_xml(&failure.message),
                super::NO_REQUEST_ID
            )
            .into_bytes(),
            Self::Query => format!(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    \
                 <Type>Sender</Type>\n    <Code>{}</Code>\n    <Message>{}</Message>\n  </Error>\n  \
                 <RequestId>{}</RequestId>\n</ErrorResponse>\n",
                failure.query_code,
                escape_xml(&failure.message),
                super::NO_REQUEST_ID
            )
            .into_bytes(),
        };
        let mut response = self.response(failure.status, body.into());
        let headers = response.headers_mut();
        if !matches!(self, Self::Query | Self::Ec2) {
            headers.insert(ERROR_TYPE, HeaderValue::from_static(failure.code));
        }
        if let Self::AwsJson {
            query_mode: true, ..
        }
        | Self::RpcV2Cbor {
            query_mode: true, ..
        } = self
        {
            let code = format!("{};Sender", failure.query_code);
            if let Ok(code) = HeaderValue::from_str(&code) {
                headers.insert(QUERY_ERROR, code);
            }
        }
        response
    }

    /// An answer with this protocol's headers.
    pub(super) fn response(self, status: StatusCode, body: Bytes) -> Response<Bytes> {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type()));
        if let Self::RpcV2Cbor { .. } = self {
            headers.insert(SMITHY_PROTOCOL, HeaderValue::from_static("rpc-v2-cbor"));
        }
        response
    }
}

/// `text` as it may stand between XML tags.
pub(super) fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_protocols_of_cloudwatch_are_recognised() {
        let path = "/service/GraniteServiceVersion20100801/operation/GetMetricData";
        let call = rpc_call(path, &HeaderMap::new());
        assert_eq!(
            call,
            Some((
                Wire::RpcV2Cbor {
                    service: Service::CloudWatch,
                    query_mode: false
                },
                Service::CloudWatch,
                "GetMetricData".to_owned()
            ))
        );

        let mut headers = HeaderMap::new();
        headers.insert(
            "x-amz-target",
            HeaderValue::from_static("GraniteServiceVersion20100801.ListMetrics"),
        );
        let call = rpc_call("/", &headers);
        assert_eq!(
            call,
            Some((
                Wire::AwsJson {
                    service: Service::CloudWatch,
                    query_mode: false
                },
                Service::CloudWatch,
                "ListMetrics".to_owned()
            ))
        );
        headers.insert(QUERY_MODE, HeaderValue::from_static("true"));
        let call = rpc_call("/", &headers);
        assert_eq!(
            call,
            Some((
                Wire::AwsJson {
                    service: Service::CloudWatch,
                    query_mode: true
                },
                Service::CloudWatch,
                "ListMetrics".to_owned()
            ))
        );

        assert_eq!(rpc_call("/", &HeaderMap::new()), None);
    }

    #[test]
    fn an_error_has_the_form_of_its_protocol() {
        let mut failure = AwsError::validation("Period <60> is wrong");
        failure.query_code = "InvalidParameterValue";

        let cbor = Wire::RpcV2Cbor {
            service: Service::CloudWatch,
            query_mode: false,
        }
        .failure(&failure);
        let body = Document::from_cbor(cbor.body()).unwrap();
        assert_eq!(cbor.status(), 400);
        assert_eq!(cbor.headers()["smithy-protocol"], "rpc-v2-cbor");
        assert!(!cbor.headers().contains_key("x-amzn-query-error"));
        assert_eq!(
            body.member("__type"),
            Some(&text("com.amazonaws.cloudwatch#ValidationError"))
        );

        let json = Wire::AwsJson {
            service: Service::CloudWatch,
            query_mode: true,
        }
        .failure(&failure);
        assert_eq!(json.headers()["x-amzn-errortype"], "ValidationError");
        assert_eq!(
            json.headers()["x-amzn-query-error"],
            "InvalidParameterValue;Sender"
        );

        let rest = Wire::RestJson.failure(&failure);
        let body = Document::from_json(rest.body()).unwrap();
        assert_eq!(body.member("Message"), Some(&text("Period <60> is wrong")));
        assert_eq!(rest.headers()["x-amzn-errortype"], "ValidationError");

        let xml = Wire::Query.failure(&failure);
        let body = std::str::from_utf8(xml.body()).unwrap();
        assert!(
            body.contains("<Code>InvalidParameterValue</Code>"),
            "{body}"
        );
        assert!(
            body.contains("<Message>Period &lt;60&gt; is wrong</Message>"),
            "{body}"
        );
    }
}
