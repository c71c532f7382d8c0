//! CloudWatch, Lambda and STS, below one endpoint.
//!
//! Every request must look signed; nothing is verified. `docs/worlds.md` says what the metrics are.

mod cloudwatch;
mod document;
mod failure;
mod lambda;
mod page;
mod signature;
mod sts;
mod wire;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};

use self::failure::Failure;
use self::wire::{REQUEST_ID, Wire};
use super::faults::Endpoint;
use super::server::{Body, full};
use super::world::World;
use super::{Shared, form};

/// Prefix of the paths of this part.
const PREFIX: &str = "/aws";
/// The user whose credentials every caller is taken to have.
const CALLER: &str = "simulated";
/// Their unique id.
const CALLER_ID: &str = "AIDASIMULATEDCALLERID";
/// The id of every request.
const NO_REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

/// The one call that a request makes.
enum Call {
    CloudWatch(Wire, String),
    Lambda(lambda::Operation),
    /// An action of the Query protocol that is spoken by STS.
    Sts(String),
    Unknown(Wire, String),
}

/// Ways in which the services refuse a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Asked too often.
    Throttled,
    /// Credentials that AWS does not know.
    UnknownCredentials,
    /// Credentials whose time is over.
    ExpiredCredentials,
    /// Credentials that do not allow the call.
    Denied,
}

/// Answers a request below `/aws`.
pub(super) async fn handle(shared: &Shared, request: Request<Bytes>) -> Response<Body> {
    let call = Call::of(&request);
    let answer = answer(shared, &call, &request);
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
        Call::of(request)
            .wire()
            .failure(&Failure::new(status, code, message)),
    )
}

/// The refusal that the service called would give, in the protocol that the request speaks.
pub(super) fn refuse(world: &World, request: &Request<Bytes>, refusal: Refusal) -> Response<Body> {
    let call = Call::of(request);
    let failure = match refusal {
        Refusal::Throttled => match &call {
            Call::Lambda(_) | Call::Unknown(Wire::RestJson, _) => Failure::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequestsException",
                "Rate exceeded",
            ),
            _ => Failure {
                query_code: "Throttling",
                ..Failure::new(
                    StatusCode::BAD_REQUEST,
                    "ThrottlingException",
                    "Rate exceeded",
                )
            },
        },
        Refusal::UnknownCredentials => Failure {
            query_code: "InvalidClientTokenId",
            ..Failure::new(
                StatusCode::FORBIDDEN,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            )
        },
        Refusal::ExpiredCredentials => Failure::expired_token(),
        Refusal::Denied => {
            let (action, resource) = call.action(world);
            Failure::access_denied(&world.spec.account_id, &action, resource.as_deref())
        }
    };
    finish(call.wire().failure(&failure))
}

fn answer(
    shared: &Shared,
    call: &Call,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Failure> {
    let world = &shared.world;
    match call {
        Call::CloudWatch(wire, operation) => {
            signature::check(request.headers(), "monitoring")?;
            let input = wire.read(request.headers(), request.body())?;
            let now = shared.clock.now().as_second();
            let answer = cloudwatch::answer(world, &shared.faults, operation, &input, now)?;
            if let Some((grouped, queries)) = answer.metrics_requested {
                shared
                    .log
                    .add(Endpoint::CloudWatch, "metrics requested", grouped);
                shared
                    .log
                    .add(Endpoint::CloudWatch, "metric queries", queries);
            }
            Ok(wire.success(&answer.output))
        }
        Call::Lambda(operation) => {
            signature::check(request.headers(), "lambda")?;
            let query = request.uri().query().unwrap_or_default();
            let answer = lambda::answer(world, operation, |name| {
                form::parameters(query)
                    .find(|(key, _)| key == name)
                    .map(|(_, value)| value)
            })?;
            Ok(Wire::RestJson.response(StatusCode::OK, answer.to_string().into()))
        }
        Call::Sts(action) => {
            signature::check(request.headers(), "sts")?;
            sts::answer(&world.spec.account_id, action)
        }
        Call::Unknown(_, what) => Err(Failure::unknown_operation(what)),
    }
}

impl Call {
    fn of(request: &Request<Bytes>) -> Self {
        let path = request.uri().path();
        let path = path.strip_prefix(PREFIX).unwrap_or(path);
        let method = request.method();
        if method == Method::POST
            && let Some((wire, operation)) = wire::cloudwatch_call(path, request.headers())
        {
            return Self::CloudWatch(wire, operation);
        }
        if !path.trim_matches('/').is_empty() {
            return match lambda::Operation::parse(method, path) {
                Some(operation) => Self::Lambda(operation),
                None => Self::Unknown(Wire::RestJson, format!("{method} {path}")),
            };
        }
        let body = std::str::from_utf8(request.body()).unwrap_or_default();
        let action = form::parameters(body).find(|(name, _)| name == "Action");
        match action {
            Some((_, action)) if action == "GetCallerIdentity" => Self::Sts(action),
            Some((_, action)) => Self::Unknown(Wire::Query, action),
            None => Self::Unknown(Wire::Query, format!("{method} / without an Action")),
        }
    }

    fn wire(&self) -> Wire {
        match self {
            Self::CloudWatch(wire, _) | Self::Unknown(wire, _) => *wire,
            Self::Lambda(_) => Wire::RestJson,
            Self::Sts(_) => Wire::Query,
        }
    }

    /// The IAM action, and the resource that IAM decides about where the action has one.
    fn action(&self, world: &World) -> (String, Option<String>) {
        match self {
            Self::CloudWatch(_, operation) => (format!("cloudwatch:{operation}"), None),
            Self::Lambda(operation) => (
                format!("lambda:{}", operation.name()),
                Some(operation.resource(world)),
            ),
            Self::Sts(action) => (format!("sts:{action}"), None),
            Self::Unknown(_, what) => (what.clone(), None),
        }
    }
}

fn caller_arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:user/{CALLER}")
}

/// The answer as the listener sends it.
fn finish(response: Response<Bytes>) -> Response<Body> {
    let mut response = response.map(full);
    let id = HeaderValue::from_static(NO_REQUEST_ID);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}
