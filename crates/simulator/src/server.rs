//! The listener: one port, requests read whole, faults applied, paths routed.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::faults::{self, FaultOutcome};
use super::route::{self, Route};
use super::{Shared, admin, aws, azure, kube, prometheus};

/// A body that is known whole or comes in pieces; an error cuts the connection.
pub(super) type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, io::Error>;

/// More than any client has reason to send: CloudWatch takes at most 1 MB.
const LARGEST_REQUEST: usize = 4 << 20;

/// A body of known content.
pub(super) fn full(content: impl Into<Bytes>) -> Body {
    Full::new(content.into())
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

/// An answer of known content.
pub(super) fn answer(
    status: StatusCode,
    content_type: &'static str,
    content: impl Into<Bytes>,
) -> Response<Body> {
    let mut response = Response::new(full(content));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// An answer in JSON.
pub(super) fn json<T: Serialize + ?Sized>(status: StatusCode, content: &T) -> Response<Body> {
    match serde_json::to_vec(content) {
        Ok(content) => answer(status, "application/json", content),
        Err(error) => answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            "text/plain",
            error.to_string().into_bytes(),
        ),
    }
}

/// Accepts connections until the cloud stops, then closes those that are open.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shared.stopping.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, Arc::clone(&shared)));
                }
                Err(error) => tracing::warn!(%error, "simulated cloud cannot accept a connection"),
            },
        }
    }
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    // Answers are small and clients wait for them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| respond(Arc::clone(&shared), request));
    let builder = auto::Builder::new(TokioExecutor::new());
    let served = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%peer, error, "simulated cloud: connection ended");
    }
}

/// Answers one request; an error closes the connection without an answer.
async fn respond(shared: Arc<Shared>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_REQUEST)
        .collect()
        .await
        .map_err(io::Error::other)?;
    let request = Request::from_parts(head, body.to_bytes());
    let route = route::from_request(&request);
    shared.log.record(&route, request.headers());
    let Some(endpoint) = route.endpoint else {
        return Ok(admin::handle(&shared, request).await);
    };
    let caller = (route.part == route::Part::Aws)
        .then(|| aws::Caller::from_request(&shared.world, &request));
    match shared.faults.take(endpoint, &request, caller.as_ref()) {
        None => Ok(dispatch(&shared, &route, request).await),
        Some(fault) => match faults::before(&fault, &shared.world, &route, &request).await {
            FaultOutcome::Answer(response) => Ok(*response),
            FaultOutcome::Cut => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
            FaultOutcome::Continue => {
                let response = dispatch(&shared, &route, request).await;
                Ok(faults::after(&fault, response))
            }
        },
    }
}

async fn dispatch(shared: &Arc<Shared>, route: &Route, request: Request<Bytes>) -> Response<Body> {
    match route.part {
        route::Part::Aws => aws::handle(shared, request).await,
        route::Part::Azure => azure::handle(shared, &request),
        route::Part::Prometheus => prometheus::handle(shared, request).await,
        route::Part::Kubernetes => kube::handle(shared, request).await,
        route::Part::Control => admin::handle(shared, request).await,
    }
}
