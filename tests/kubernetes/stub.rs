//! An API server that answers whatever a test makes up, also what no real one does.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

pub(crate) type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// How much is sent at once of what has no end.
const PIECE: usize = 64 << 10;

/// A request, as far as tests look at it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) at: Instant,
    /// The path with the query.
    pub(crate) path: String,
}

impl Asked {
    pub(crate) fn is_watch(&self) -> bool {
        self.path.contains("watch=true")
    }

    /// Whether it is for this collection, such as `/pods`.
    pub(crate) fn is_of(&self, collection: &str) -> bool {
        let (path, _) = self.path.split_once('?').unwrap_or((&self.path, ""));
        path.ends_with(collection)
    }
}

/// The server; it ends with the runtime of its test.
pub(crate) struct Stub {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Stub {
    /// Serves what a function makes of each request.
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = listener.await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (answer, log) = (Arc::new(answer), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                let service = service_fn(move |request: Request<Incoming>| {
                    let asked = Asked {
                        at: Instant::now(),
                        path: request.uri().to_string(),
                    };
                    log.lock().unwrap().push(asked.clone());
                    let response = answer(&asked);
                    async move { Ok::<_, Infallible>(response) }
                });
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, asked }
    }

    /// A kubeconfig for it.
    pub(crate) fn kubeconfig(&self) -> String {
        let address = self.address;
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: stub\nclusters:\n- {{name: stub, cluster: {{server: \"http://{address}\"}}}}\n\
             contexts:\n- {{name: stub, context: {{cluster: stub, user: stub}}}}\nusers:\n- {{name: stub, user: {{}}}}\n"
        )
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// The whole of a short answer.
pub(crate) fn whole(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()).boxed_unsync());
    *answer.status_mut() = status;
    answer
}

/// A list of these objects, and the token of its next page.
pub(crate) fn list(items: &[Value], token: &str) -> Answer {
    let metadata = json!({"resourceVersion": "1", "continue": token});
    let list = json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items});
    whole(StatusCode::OK, list.to_string())
}

/// An error of the API server.
pub(crate) fn refused(code: u16, message: &str) -> Answer {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "Expired", "code": code});
    whole(StatusCode::from_u16(code).unwrap(), status.to_string())
}

/// A beginning, and then the same text again and again.
pub(crate) fn endless(beginning: &str, text: &str) -> Answer {
    let first = Bytes::from(beginning.to_owned());
    let piece = Bytes::from(text.repeat(PIECE.div_ceil(text.len())));
    let pieces = stream::once(async { first }).chain(stream::repeat(piece));
    streamed(pieces)
}

/// A beginning, and then texts that are made as they are sent.
pub(crate) fn generated(beginning: &str, text: impl Fn() -> String + Send + 'static) -> Answer {
    let first = Bytes::from(beginning.to_owned());
    let pieces = stream::repeat_with(move || {
        let mut piece = String::new();
        while piece.len() < PIECE {
            piece.push_str(&text());
        }
        Bytes::from(piece)
    });
    streamed(stream::once(async { first }).chain(pieces))
}

/// A watch without events, which ends with the future.
pub(crate) fn quiet_until(end: impl Future<Output = ()> + Send + 'static) -> Answer {
    streamed(stream::once(async {
        end.await;
        Bytes::new()
    }))
}

/// A watch without events, which ends after a time.
pub(crate) fn quiet_for(time: Duration) -> Answer {
    quiet_until(tokio::time::sleep(time))
}

fn streamed(pieces: impl stream::Stream<Item = Bytes> + Send + 'static) -> Answer {
    let frames = pieces.map(|piece| Ok(Frame::data(piece)));
    Response::new(BodyExt::boxed_unsync(StreamBody::new(frames)))
}
