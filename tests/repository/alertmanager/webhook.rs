//! A webhook that keeps what it is sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

/// The receiving end; what was sent, in order.
#[derive(Clone, Default)]
pub(crate) struct Webhook(Arc<Mutex<Vec<Value>>>);

impl Webhook {
    /// Listens on loopback until the test ends.
    pub(crate) async fn start() -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let webhook = Self::default();
        let kept = webhook.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let kept = kept.clone();
                let answer = service_fn(move |request| kept.clone().take(request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        (webhook, address)
    }

    async fn take(
        self,
        request: Request<Incoming>,
    ) -> Result<Response<Empty<Bytes>>, hyper::Error> {
        let body = request.into_body().collect().await?.to_bytes();
        let message = serde_json::from_slice(&body).unwrap();
        self.0.lock().unwrap().push(message);
        Ok(Response::new(Empty::new()))
    }

    /// The first alert that came in this state.
    pub(crate) fn alert(&self, status: &str) -> Option<Value> {
        let messages = self.0.lock().unwrap();
        let mut alerts = messages
            .iter()
            .flat_map(|message| message["alerts"].as_array().unwrap());
        alerts.find(|alert| alert["status"] == status).cloned()
    }
}
