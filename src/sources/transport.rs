//! HTTP to servers that are known by an address: TLS where it begins with `https`, and limits on time and size.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

use super::error_chain::causes;
use super::redaction::KnownSecrets;
use crate::disk::Disk;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long reading the certificates may take: they are a few small files.
const CERTIFICATES_DEADLINE: Duration = Duration::from_secs(5);

/// How much of an answer that is not understood is shown, in characters.
const SHOWN: usize = 200;

/// How much of such an answer is searched for secrets, in bytes.
const SEARCHED: usize = 64 * 1_024;

/// An address or header that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is not usable: {problem}")]
pub struct AddressError {
    /// The setting: `base_url`, `headers` or `ca_file`.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// A way to one server. Certificates are only looked for where they are needed. Clones share connections.
#[derive(Clone)]
pub(super) enum Transport {
    Plain(Box<legacy::Client<HttpConnector, Full<Bytes>>>),
    Tls(TlsClient),
}

/// A TLS client that reads the certificates before its first request, so that making it needs no file.
#[derive(Clone)]
pub(super) struct TlsClient {
    ca_file: Option<PathBuf>,
    disk: Disk,
    client: Arc<OnceCell<HttpsClient>>,
}

type HttpsClient = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

impl TlsClient {
    /// The client, once the certificates are read.
    async fn get(&self) -> Result<&HttpsClient, ExchangeError> {
        let read = async || {
            let ca_file = self.ca_file.clone();
            let what = match &ca_file {
                Some(file) => format!("read of {}", file.display()),
                None => "read of the certificates of this machine".to_owned(),
            };
            let build = move || https_client(ca_file.as_deref());
            let built = self.disk.run(what, CERTIFICATES_DEADLINE, build).await;
            let built = built.map_err(|error| ExchangeError::Connect(error.to_string()))?;
            built.map_err(|error| ExchangeError::Connect(error.to_string()))
        };
        self.client.get_or_try_init(read).await
    }

    /// Reads the certificates now. Blocks.
    fn load(&self) -> Result<(), AddressError> {
        if !self.client.initialized() {
            // Another thread may have been faster.
            let _ = self.client.set(https_client(self.ca_file.as_deref())?);
        }
        Ok(())
    }
}

/// A client that trusts the authorities of a file, or those of this machine.
fn https_client(ca_file: Option<&Path>) -> Result<HttpsClient, AddressError> {
    let mut connector = http_connector();
    connector.enforce_http(false);
    let tls = HttpsConnectorBuilder::new();
    let tls = match ca_file {
        Some(file) => tls.with_tls_config(trusting(file)?),
        None => tls.with_native_roots().map_err(|error| AddressError {
            field: "base_url",
            problem: format!("no certificates to trust: {error}"),
        })?,
    };
    let tls = tls.https_only().enable_http1().wrap_connector(connector);
    Ok(legacy::Client::builder(TokioExecutor::new()).build(tls))
}

fn http_connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_nodelay(true);
    connector
}

/// How long an exchange may take, and how much of an answer is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) timeout: Duration,
    /// In bytes.
    pub(super) max_answer: usize,
}

/// Why there is no whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ExchangeError {
    /// Nobody answers there, or the answer broke off; in words.
    Connect(String),
    /// It did not end in time; in words.
    Timeout(String),
    /// It is longer than is read.
    TooLong,
}

impl Transport {
    /// A way to the server of an address; `ca_file` has the authorities that are trusted in place of the system's. It is read on
    /// `disk` before the first request.
    pub(super) fn to(
        base: &str,
        ca_file: Option<&Path>,
        disk: &Disk,
    ) -> Result<Self, AddressError> {
        let bad = |problem: String| AddressError {
            field: "base_url",
            problem,
        };
        let shown = shown(base);
        let url: Uri = base
            .parse()
            .map_err(|error| bad(format!("{shown} is not an address: {error}")))?;
        let secure = match (url.scheme_str(), url.authority()) {
            (Some(_), Some(authority)) if authority.as_str().contains('@') => {
                let problem = "it holds a user or password: give them in `headers`";
                return Err(bad(problem.into()));
            }
            (Some("http"), Some(_)) => false,
            (Some("https"), Some(_)) => true,
            _ => {
                return Err(bad(format!(
                    "{shown} does not begin with `http://` or `https://` and a host"
                )));
            }
        };
        if url.query().is_some() {
            return Err(bad(format!("{shown} has a query")));
        }
        if secure {
            return Ok(Self::Tls(TlsClient {
                ca_file: ca_file.map(Path::to_path_buf),
                disk: disk.clone(),
                client: Arc::default(),
            }));
        }
        let builder = legacy::Client::builder(TokioExecutor::new());
        Ok(Self::Plain(Box::new(builder.build(http_connector()))))
    }

    /// Reads the certificates now instead of before the first request. Blocks.
    pub(super) fn load_certificates(&self) -> Result<(), AddressError> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(client) => client.load(),
        }
    }

    /// Sends a request and reads the whole answer. A `User-Agent` that the request has, from the configuration, stays.
    pub(super) async fn exchange(
        &self,
        mut request: Request<Full<Bytes>>,
        limits: Limits,
    ) -> Result<Response<Bytes>, ExchangeError> {
        let own = HeaderValue::from_static(super::USER_AGENT);
        request.headers_mut().entry(USER_AGENT).or_insert(own);
        let client = self.ready().await?;
        let exchange = async {
            let response = client.send(request).await;
            let response = response.map_err(|error| ExchangeError::Connect(causes(&error)))?;
            let (head, body) = response.into_parts();
            match whole(Limited::new(body, limits.max_answer)).await {
                Ok(body) => Ok(Response::from_parts(head, body)),
                Err(error) if error.is::<LengthLimitError>() => Err(ExchangeError::TooLong),
                Err(error) => {
                    let problem = format!("the answer broke off: {}", causes(&*error));
                    Err(ExchangeError::Connect(problem))
                }
            }
        };
        tokio::time::timeout(limits.timeout, exchange)
            .await
            .unwrap_or_else(|_| {
                let seconds = limits.timeout.as_secs_f64();
                Err(ExchangeError::Timeout(format!(
                    "no answer within {seconds} s"
                )))
            })
    }

    /// The client of the server, with the certificates that it needs.
    async fn ready(&self) -> Result<Ready<'_>, ExchangeError> {
        Ok(match self {
            Self::Plain(client) => Ready::Plain(client),
            Self::Tls(client) => Ready::Tls(client.get().await?),
        })
    }
}

/// Reads a body into one buffer. `collect` would keep every piece and then copy all of them, so twice the memory.
async fn whole(
    mut body: Limited<Incoming>,
) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    let mut buffer = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            buffer.extend_from_slice(&data);
        }
    }
    Ok(buffer.into())
}

/// A client that needs no more files.
enum Ready<'a> {
    Plain(&'a legacy::Client<HttpConnector, Full<Bytes>>),
    Tls(&'a HttpsClient),
}

impl Ready<'_> {
    async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, legacy::Error> {
        match self {
            Self::Plain(client) => client.request(request).await,
            Self::Tls(client) => client.request(request).await,
        }
    }
}

/// An address as an error quotes it: without its query, and not at all if it may hold a password.
fn shown(base: &str) -> String {
    if base.contains('@') {
        return "the value (not shown, as it may hold a password)".to_owned();
    }
    format!("{:?}", base.split(['?', '#']).next().unwrap_or_default())
}

/// Trust in the authorities of a file, and in no others.
fn trusting(file: &Path) -> Result<ClientConfig, AddressError> {
    let bad = |problem: String| AddressError {
        field: "ca_file",
        problem: format!("{}: {problem}", file.display()),
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|why| bad(why.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|why| bad(why.to_string()))?;
        roots.add(certificate).map_err(|why| bad(why.to_string()))?;
    }
    if roots.is_empty() {
        return Err(bad("it holds no certificate in PEM".into()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| bad(why.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The pause that the other side asks for, where it does so in seconds.
pub(super) fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse();
    seconds.ok().map(Duration::from_secs)
}

/// A body as far as it is shown, without secrets.
pub(super) fn beginning(body: &[u8], secrets: &KnownSecrets) -> String {
    // What is cut off in the middle could not be recognized, so secrets go first.
    let searched = body.get(..SEARCHED).unwrap_or(body);
    let text = secrets.redact(&String::from_utf8_lossy(searched));
    text.trim().chars().take(SHOWN).collect()
}
