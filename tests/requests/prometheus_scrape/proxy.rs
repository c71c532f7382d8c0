//! What stands between Prometheus and the program: it keeps every page that goes through, and can ask for it as
//! somebody who understands the text format alone.

use std::convert::Infallible;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

/// The path on which the page is asked for as Prometheus asks.
pub(crate) const AS_ASKED: &str = "/as-asked";

/// The path on which it is asked for without saying what is understood.
pub(crate) const PLAIN: &str = "/plain";

/// A page that went through.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Page {
    pub(crate) fn content_type(&self) -> &str {
        self.headers[CONTENT_TYPE].to_str().unwrap()
    }

    pub(crate) fn is_compressed(&self) -> bool {
        self.headers
            .get(CONTENT_ENCODING)
            .is_some_and(|encoding| encoding == "gzip")
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if self.is_compressed() {
            GzDecoder::new(&*self.body)
                .read_to_string(&mut text)
                .unwrap();
        } else {
            text.push_str(std::str::from_utf8(&self.body).unwrap());
        }
        text
    }

    /// How many samples it has.
    pub(crate) fn samples(&self) -> usize {
        let text = self.text();
        text.lines().filter(|line| !line.starts_with('#')).count()
    }
}

/// Ends with the runtime of the test.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pages: Arc<Mutex<Vec<Page>>>,
}

impl Proxy {
    /// Stands before the page at `url`.
    pub(crate) async fn start(url: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pages = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&pages);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (url, kept) = (url.clone(), Arc::clone(&kept));
                let answer =
                    service_fn(move |request| answer(url.clone(), Arc::clone(&kept), request));
                tokio::spawn(async move {
                    let http = hyper::server::conn::http1::Builder::new();
                    // Prometheus closes its connections when it is killed.
                    let _ = http.serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        Self { address, pages }
    }

    /// The pages that went through on a path so far.
    pub(crate) fn pages(&self, path: &str) -> Vec<Page> {
        let pages = self.pages.lock().unwrap();
        pages
            .iter()
            .filter(|page| page.path == path)
            .cloned()
            .collect()
    }
}

async fn answer(
    url: String,
    kept: Arc<Mutex<Vec<Page>>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let mut asked = Request::get(url);
    if path == AS_ASKED {
        for header in [ACCEPT, ACCEPT_ENCODING] {
            asked = asked.header(&header, &request.headers()[&header]);
        }
    }
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let asked = asked.body(Empty::new()).unwrap();
    let (head, body) = client.request(asked).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    kept.lock().unwrap().push(Page {
        path,
        headers: head.headers.clone(),
        body: body.clone(),
    });
    Ok(Response::from_parts(head, Full::new(body)))
}
