//! CloudWatch, Lambda, STS, the tagging API, Cost Explorer, the Price List and spot prices, below one endpoint.
//!
//! Every request must look signed; no signature is verified. `docs/worlds.md` says what the metrics are.

mod clock_skew;
mod cloudwatch;
mod cost_explorer;
mod error;
mod identity;
mod lambda;
mod load_balancers;
mod pagination;
mod pagination_token;
mod pricing;
mod protocol;
mod scope;
mod signature;
mod spot;
mod sts;
mod tagging;
mod value;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};

use self::error::AwsError;
pub(super) use self::identity::Caller;
pub(super) use self::load_balancers::target_group_arn;
use self::protocol::{REQUEST_ID, Service, Wire};
use self::scope::AccountRegion;
use self::value::Document;
use super::faults::Endpoint;
use super::server::{Body, full};
use super::world::World;
use super::{Shared, query_string};
use breakeven_clock::Clock;

/// Prefix of the paths of this part.
pub(super) const PREFIX: &str = "/aws";
/// The id of every request.
const NO_REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

/// The one call that a request makes.
enum Call {
    Rpc(Wire, Service, String),
    Lambda(lambda::Operation),
    Sts(sts::Action),
    /// Spot prices of EC2.
    Spot,
    Unknown(Wire, String),
}

/// Ways in which the services refuse a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestError {
    /// Asked too often.
    Throttled,
    /// Credentials that AWS does not know.
    UnknownCredentials,
    /// Credentials whose time is over.
    ExpiredCredentials,
    /// Credentials that do not allow the call.
    Denied,
}

/// The service that a request is for, and its operation by the name that the service gives it.
pub(super) fn operation(request: &Request<Bytes>) -> (Endpoint, String) {
    match Call::from_request(request) {
        Call::Rpc(_, service, operation) => (endpoint(service), operation),
        Call::Lambda(operation) => (Endpoint::Lambda, operation.name().to_owned()),
        Call::Sts(action) => (Endpoint::Sts, action.name().to_owned()),
        Call::Spot => (Endpoint::Ec2, spot::ACTION.to_owned()),
        Call::Unknown(Wire::RestJson, what) => (Endpoint::Lambda, what),
        Call::Unknown(_, what) => (Endpoint::CloudWatch, what),
    }
}

/// Answers a request below `/aws`.
pub(super) async fn handle(shared: &Shared, request: Request<Bytes>) -> Response<Body> {
    let call = Call::from_request(&request);
    let answer = respond(shared, &call, &request);
    finish(answer.unwrap_or_else(|failure| call.wire().failure(&failure)))
}

/// An error in the protocol that the request speaks.
pub(super) fn error(
    request: &Request<Bytes>,
    status: StatusCode,
    code: &'static str,
    message: &str,
) -> Response<Body> {
    finish(
        Call::from_request(request)
            .wire()
            .failure(&AwsError::new(status, code, message)),
    )
}

/// The refusal that the service called would give, in the protocol that the request speaks.
pub(super) fn refuse(
    world: &World,
    request: &Request<Bytes>,
    refusal: RequestError,
) -> Response<Body> {
    let call = Call::from_request(request);
    let failure = match refusal {
        RequestError::Throttled => match &call {
            Call::Lambda(_) | Call::Unknown(Wire::RestJson, _) => AwsError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequestsException",
                "Rate exceeded",
            ),
            _ => AwsError {
                query_code: "Throttling",
                ..AwsError::new(
                    StatusCode::BAD_REQUEST,
                    "ThrottlingException",
                    "Rate exceeded",
                )
            },
        },
        RequestError::UnknownCredentials => AwsError::unknown_credentials(),
        RequestError::ExpiredCredentials => AwsError::expired_token(),
        RequestError::Denied => {
            let caller = Caller::from_request(world, request);
            let (action, resource) = call.action(caller.place(world));
            AwsError::access_denied(&caller.arn(), &action, resource.as_deref())
        }
    };
    finish(call.wire().failure(&failure))
}

/// The refusal of a request by a service whose clock is so many seconds ahead, if it refuses it.
pub(super) fn refuse_for_skew(request: &Request<Bytes>, seconds: i64) -> Option<Response<Body>> {
    let failure = clock_skew::check(request, clock_skew::time(seconds)).err()?;
    let mut response = finish(Call::from_request(request).wire().failure(&failure));
    stamp(&mut response, seconds);
    Some(response)
}

/// Says the time of a service whose clock is so many seconds ahead.
pub(super) fn stamp(response: &mut Response<Body>, seconds: i64) {
    clock_skew::stamp(response.headers_mut(), clock_skew::time(seconds));
}

fn respond(
    shared: &Shared,
    call: &Call,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, AwsError> {
    let world = &shared.world;
    let wall = Clock::system().now();
    let caller = |service| Caller::from_signed_request(world, request.headers(), service, wall);
    match call {
        Call::Rpc(wire, service, operation) => {
            let caller = caller(service.signed_for())?;
            let input = wire.read(request.headers(), request.body())?;
            let output = rpc(shared, &caller, *service, operation, &input)?;
            Ok(wire.success(&output))
        }
        Call::Lambda(operation) => {
            let caller = caller("lambda")?;
            let query = request.uri().query().unwrap_or_default();
            let answer = lambda::respond(caller.place(world), operation, |name| {
                query_string::parameters(query)
                    .find(|(key, _)| key == name)
                    .map(|(_, value)| value)
            })?;
            Ok(Wire::RestJson.response(StatusCode::OK, answer.to_string().into()))
        }
        Call::Sts(action) => {
            let caller = if action.is_signed() {
                caller("sts")?
            } else {
                Caller::from_request(world, request)
            };
            let body = std::str::from_utf8(request.body()).unwrap_or_default();
            sts::respond(world, &caller, *action, body, wall)
        }
        Call::Spot => {
            let caller = caller("ec2")?;
            let body = std::str::from_utf8(request.body()).unwrap_or_default();
            spot::respond(world, &caller.region, body)
        }
        Call::Unknown(_, what) => Err(AwsError::unknown_operation(what)),
    }
}

/// The output of a call that takes and gives structures.
fn rpc(
    shared: &Shared,
    caller: &Caller,
    service: Service,
    operation: &str,
    input: &Document,
) -> Result<Document, AwsError> {
    let (world, now) = (&shared.world, shared.clock.now());
    match service {
        Service::CloudWatch => {
            let place = caller.place(world);
            let now = now.as_second();
            let answer = cloudwatch::respond(place, &shared.faults, operation, input, now)?;
            if let Some((grouped, queries)) = answer.metrics_requested {
                let count = |what, n| shared.log.add(Endpoint::CloudWatch, what, n);
                count("metrics requested", grouped);
                count("metric queries", queries);
            }
            Ok(answer.output)
        }
        Service::Tagging => tagging::respond(caller.place(world), operation, input),
        Service::CostExplorer => cost_explorer::respond(caller, world, operation, input, now),
        Service::Pricing => pricing::respond(world, operation, input),
    }
}

fn endpoint(service: Service) -> Endpoint {
    match service {
        Service::CloudWatch => Endpoint::CloudWatch,
        Service::Tagging => Endpoint::Tagging,
        Service::CostExplorer => Endpoint::CostExplorer,
        Service::Pricing => Endpoint::Pricing,
    }
}

impl Call {
    fn from_request(request: &Request<Bytes>) -> Self {
        let path = request.uri().path();
        let path = path.strip_prefix(PREFIX).unwrap_or(path);
        let method = request.method();
        if method == Method::POST
            && let Some((wire, service, operation)) = protocol::rpc_call(path, request.headers())
        {
            return Self::Rpc(wire, service, operation);
        }
        if !path.trim_matches('/').is_empty() {
            return match lambda::Operation::parse(method, path) {
                Some(operation) => Self::Lambda(operation),
                None => Self::Unknown(Wire::RestJson, format!("{method} {path}")),
            };
        }
        let body = std::str::from_utf8(request.body()).unwrap_or_default();
        let action = query_string::parameters(body).find(|(name, _)| name == "Action");
        match action {
            Some((_, name)) => match sts::Action::parse(&name) {
                Some(action) => Self::Sts(action),
                None if name == spot::ACTION => Self::Spot,
                None => Self::Unknown(Wire::Query, name),
            },
            None => Self::Unknown(Wire::Query, format!("{method} / without an Action")),
        }
    }

    fn wire(&self) -> Wire {
        match self {
            Self::Rpc(wire, ..) | Self::Unknown(wire, _) => *wire,
            Self::Lambda(_) => Wire::RestJson,
            Self::Spot => Wire::Ec2,
            Self::Sts(_) => Wire::Query,
        }
    }

    /// The IAM action, and the resource that IAM decides about where the action has one.
    fn action(&self, place: AccountRegion<'_>) -> (String, Option<String>) {
        match self {
            Self::Rpc(_, service, operation) => {
                (format!("{}:{operation}", service.iam_prefix()), None)
            }
            Self::Lambda(operation) => (
                format!("lambda:{}", operation.name()),
                Some(operation.resource(place)),
            ),
            Self::Sts(action) => (format!("sts:{}", action.name()), None),
            Self::Spot => (format!("ec2:{}", spot::ACTION), None),
            Self::Unknown(_, what) => (what.clone(), None),
        }
    }
}

/// The answer as the listener sends it.
fn finish(response: Response<Bytes>) -> Response<Body> {
    let mut response = response.map(full);
    let id = HeaderValue::from_static(NO_REQUEST_ID);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}
