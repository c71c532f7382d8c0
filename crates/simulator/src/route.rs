//! Which service a request is for, and which of its operations, from the request alone.

use std::borrow::Cow;

use bytes::Bytes;
use http::Request;

use super::faults::Endpoint;
use super::{aws, azure, kube};

/// The parts of the cloud, each with its own paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Aws,
    Azure,
    Prometheus,
    Kubernetes,
    Control,
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) part: Part,
    /// Absent for the cloud's own control paths.
    pub(super) endpoint: Option<Endpoint>,
    /// The operation, as the service names it: `GetMetricData`, `list pods`.
    pub(super) operation: String,
}

/// The route of a request.
pub(super) fn from_request(request: &Request<Bytes>) -> Route {
    let path = request.uri().path();
    let route = |part, endpoint, operation: Cow<'_, str>| Route {
        part,
        endpoint,
        operation: operation.into_owned(),
    };
    if let Some(rest) = below(path, "/_cloud") {
        return route(Part::Control, None, rest.into());
    }
    if let Some(rest) = below(path, "/prometheus") {
        let operation = rest.rsplit('/').next().unwrap_or_default();
        return route(
            Part::Prometheus,
            Some(Endpoint::Prometheus),
            operation.into(),
        );
    }
    if below(path, aws::PREFIX).is_some() {
        let (endpoint, operation) = aws::operation(request);
        return route(Part::Aws, Some(endpoint), operation.into());
    }
    if below(path, azure::PREFIX).is_some() {
        let endpoint = Some(Endpoint::AzureRetail);
        return route(Part::Azure, endpoint, azure::OPERATION.into());
    }
    let endpoint = match below(path, "/apis/metrics.k8s.io") {
        Some(_) => Endpoint::MetricsApi,
        None => Endpoint::Kubernetes,
    };
    route(
        Part::Kubernetes,
        Some(endpoint),
        kube::operation(request).into(),
    )
}

fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(prefix)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn operation(method: Method, uri: &str, body: &'static str) -> (Option<Endpoint>, String) {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .body(Bytes::from(body))
            .unwrap();
        let route = from_request(&request);
        (route.endpoint, route.operation)
    }

    #[test]
    fn each_service_is_told_from_the_others_by_its_requests() {
        let cases = [
            (
                Method::GET,
                "/api/v1/pods?watch=1",
                "",
                Some(Endpoint::Kubernetes),
                "watch pods",
            ),
            (
                Method::GET,
                "/apis/metrics.k8s.io/v1beta1/nodes",
                "",
                Some(Endpoint::MetricsApi),
                "list nodes",
            ),
            (
                Method::POST,
                "/aws/service/GraniteServiceVersion20100801/operation/GetMetricData",
                "",
                Some(Endpoint::CloudWatch),
                "GetMetricData",
            ),
            (
                Method::GET,
                "/aws/2015-03-31/functions/?MaxItems=50",
                "",
                Some(Endpoint::Lambda),
                "ListFunctions",
            ),
            (
                Method::POST,
                "/aws/",
                "Action=GetCallerIdentity&Version=2011-06-15",
                Some(Endpoint::Sts),
                "GetCallerIdentity",
            ),
            (
                Method::POST,
                "/aws/",
                "Action=ListMetrics",
                Some(Endpoint::CloudWatch),
                "ListMetrics",
            ),
            (
                Method::POST,
                "/prometheus/api/v1/query_range",
                "",
                Some(Endpoint::Prometheus),
                "query_range",
            ),
            (
                Method::GET,
                "/azure/api/retail/prices?$filter=a",
                "",
                Some(Endpoint::AzureRetail),
                "retail prices",
            ),
            (Method::GET, "/_cloud/world", "", None, "/world"),
        ];
        for (method, uri, body, endpoint, name) in cases {
            assert_eq!(
                operation(method, uri, body),
                (endpoint, name.to_owned()),
                "{uri}"
            );
        }
    }
}
