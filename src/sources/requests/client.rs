//! The HTTP side: one POST a query, a size limit, and errors in Prometheus' own words.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, ResponseFuture};
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::Settings;
use super::answer::{Answer, Body, Form, NoResult};
use crate::sources::causes::causes;
use crate::sources::percent::escaped;
use crate::sources::{Reason, SourceError};
use crate::units::Window;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of an answer that is not understood is shown.
const SHOWN: usize = 200;

/// An address or header that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is not usable: {problem}")]
pub struct BadAddress {
    /// The setting: `base_url`, `headers` or `ca_file`.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// As whom Prometheus is asked. Secrets are read from files, anew for each poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A bearer token.
    Bearer {
        /// The file that holds it.
        token_file: PathBuf,
    },
    /// A user and a password.
    Basic {
        /// The user.
        username: String,
        /// The file that holds the password.
        password_file: PathBuf,
    },
}

/// A way to one Prometheus.
pub(super) struct Client {
    base: String,
    transport: Transport,
    headers: HeaderMap,
    credentials: Option<Credentials>,
    timeout: Duration,
    max_answer: usize,
}

/// Certificates are only looked for where they are needed.
enum Transport {
    Plain(legacy::Client<HttpConnector, Full<Bytes>>),
    Tls(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(settings: &Settings) -> Result<Self, BadAddress> {
        let base = settings.base_url.trim_end_matches('/').to_owned();
        let headers = settings.headers.iter().map(header);
        Ok(Self {
            transport: Transport::to(&base, settings.ca_file.as_deref())?,
            base,
            headers: headers.collect::<Result<_, _>>()?,
            credentials: settings.credentials.clone(),
            timeout: settings.timeout,
            max_answer: settings.max_answer,
        })
    }

    /// Reads the secret anew: tokens of service accounts change every hour.
    pub(super) async fn read_secret(&mut self) -> Result<(), SourceError> {
        let Some(credentials) = &self.credentials else {
            return Ok(());
        };
        let (what, path) = match credentials {
            Credentials::Bearer { token_file } => ("bearer token", token_file),
            Credentials::Basic { password_file, .. } => ("password", password_file),
        };
        let unusable = |problem: String| {
            SourceError::new(
                Reason::Unauthorized,
                format!("the {what} in {} is not usable: {problem}", path.display()),
                "put one there that this process can read",
            )
        };
        let secret = tokio::fs::read_to_string(path).await;
        let secret = secret.map_err(|error| unusable(error.to_string()))?;
        let secret = secret.trim();
        let value = match credentials {
            Credentials::Bearer { .. } => format!("Bearer {secret}"),
            Credentials::Basic { username, .. } => {
                let pair = format!("{username}:{secret}");
                format!("Basic {}", aws_smithy_types::base64::encode(pair))
            }
        };
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| unusable("it holds characters that no header can".into()))?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(())
    }

    /// The value of an expression at the end of each step of the window.
    pub(super) async fn range(
        &self,
        expression: &str,
        window: Window,
        step: Duration,
    ) -> Result<Answer, SourceError> {
        let step_seconds = i64::try_from(step.as_secs()).unwrap_or(i64::MAX);
        let first = window.start().as_second().saturating_add(step_seconds);
        let form = [
            ("query", expression),
            ("start", &first.to_string()),
            ("end", &window.end().as_second().to_string()),
            ("step", &step.as_secs().to_string()),
        ];
        self.ask("query_range", &form, Form::Ranged).await
    }

    /// The value of an expression at an instant.
    pub(super) async fn instant(
        &self,
        expression: &str,
        at: Timestamp,
    ) -> Result<Answer, SourceError> {
        let at = format!("{:.3}", at.as_duration().as_secs_f64());
        let form = [("query", expression), ("time", at.as_str())];
        self.ask("query", &form, Form::Instant).await
    }

    async fn ask(
        &self,
        path: &str,
        form: &[(&str, &str)],
        result: Form,
    ) -> Result<Answer, SourceError> {
        let url = format!("{}/api/v1/{path}", self.base);
        let mut request = Request::post(&url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(Full::from(encoded(form)))
            .map_err(|error| self.failed(Reason::InvalidRequest, &error.to_string()))?;
        request.headers_mut().extend(self.headers.clone());
        let exchange = async {
            let response = self.transport.send(request).await;
            let response =
                response.map_err(|error| self.failed(Reason::Connect, &causes(&error)))?;
            self.read(response, result).await
        };
        tokio::time::timeout(self.timeout, exchange)
            .await
            .unwrap_or_else(|_| {
                let waited = format!("no answer within {} s", self.timeout.as_secs_f64());
                Err(self.failed(Reason::Timeout, &waited))
            })
    }

    async fn read(&self, response: Response<Incoming>, form: Form) -> Result<Answer, SourceError> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, self.max_answer).collect().await;
        let body = match body {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(self.too_long()),
            Err(error) => {
                let problem = format!("the answer broke off: {}", causes(&*error));
                return Err(self.failed(Reason::Connect, &problem));
            }
        };
        let read = parsed(&body);
        if head.status != StatusCode::OK {
            let said = read.ok().and_then(|body| body.failure());
            return Err(self.refused(&head, said.unwrap_or_else(|| beginning(&body))));
        }
        let foreign = |problem: String| self.failed(Reason::InvalidResponse, &problem);
        let body = read
            .map_err(|error| foreign(format!("{error}; it begins with {:?}", beginning(&body))))?;
        body.result(form).map_err(|none| match none {
            NoResult::Failed(said) => self.failed(Reason::InvalidRequest, &said),
            NoResult::Foreign(problem) => foreign(problem),
        })
    }

    fn refused(&self, head: &http::response::Parts, said: String) -> SourceError {
        let reason = Reason::of_status(head.status.as_u16()).unwrap_or(Reason::InvalidResponse);
        let pause = head.headers.get(RETRY_AFTER);
        let pause = pause.and_then(|seconds| seconds.to_str().ok()?.trim().parse().ok());
        self.failed(reason, &format!("status {}: {said}", head.status.as_u16()))
            .retry_after(pause.map(Duration::from_secs))
    }

    fn too_long(&self) -> SourceError {
        SourceError::new(
            Reason::InvalidResponse,
            format!(
                "the Prometheus at {} answers with more than {} bytes",
                self.base, self.max_answer
            ),
            "aggregate more in the expression, or raise the limit",
        )
    }

    fn failed(&self, reason: Reason, problem: &str) -> SourceError {
        let remedy = match reason {
            Reason::Connect => {
                "check the address, and that a network policy lets this process there"
            }
            Reason::Timeout => {
                "check that it is reachable and not overloaded, or raise the timeout"
            }
            Reason::Unauthorized | Reason::Forbidden => {
                "give this process credentials that may query (`bearer_token_file`, `basic_auth`, `headers`)"
            }
            Reason::NotFound => "check the address: `/api/v1/query` is looked for below it",
            Reason::InvalidRequest => "correct the expression",
            Reason::InvalidResponse => "check that the address is that of a Prometheus API",
            _ => "it is tried again",
        };
        let what = format!("the Prometheus at {}: {problem}", self.base);
        SourceError::new(reason, what, remedy)
    }
}

/// The error of a result that lacks the labels it must have.
pub(super) fn broken_contract(field: &str, problem: &str) -> SourceError {
    SourceError::new(
        Reason::InvalidResponse,
        format!("the result of `{field}` is not usable: {problem}"),
        "name the workload with `sum by (namespace, workload) (...)` or `sum by (namespace, pod) (...)`",
    )
}

impl Transport {
    fn to(base: &str, ca_file: Option<&Path>) -> Result<Self, BadAddress> {
        let bad = |problem: String| BadAddress {
            field: "base_url",
            problem,
        };
        let url: Uri = base
            .parse()
            .map_err(|error| bad(format!("{base:?} is not an address: {error}")))?;
        let secure = match (url.scheme_str(), url.authority()) {
            (Some(_), Some(authority)) if authority.as_str().contains('@') => {
                let problem = "it holds a user or password: give them in `headers`";
                return Err(bad(problem.into()));
            }
            (Some("http"), Some(_)) => false,
            (Some("https"), Some(_)) => true,
            _ => {
                return Err(bad(format!(
                    "{base:?} does not begin with `http://` or `https://` and a host"
                )));
            }
        };
        if url.query().is_some() {
            return Err(bad(format!("{base:?} has a query")));
        }
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let builder = legacy::Client::builder(TokioExecutor::new());
        if !secure {
            return Ok(Self::Plain(builder.build(connector)));
        }
        connector.enforce_http(false);
        let tls = HttpsConnectorBuilder::new();
        let tls = match ca_file {
            Some(file) => tls.with_tls_config(trusting(file)?),
            None => tls
                .with_native_roots()
                .map_err(|error| bad(format!("no certificates to trust: {error}")))?,
        };
        let tls = tls.https_only().enable_http1().wrap_connector(connector);
        Ok(Self::Tls(builder.build(tls)))
    }

    fn send(&self, request: Request<Full<Bytes>>) -> ResponseFuture {
        match self {
            Self::Plain(client) => client.request(request),
            Self::Tls(client) => client.request(request),
        }
    }
}

/// Trust in the authorities of a file, and in no others.
fn trusting(file: &Path) -> Result<ClientConfig, BadAddress> {
    let bad = |problem: String| BadAddress {
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

fn header((name, value): &(String, String)) -> Result<(HeaderName, HeaderValue), BadAddress> {
    let bad = |problem: String| BadAddress {
        field: "headers",
        problem,
    };
    let name =
        HeaderName::try_from(name).map_err(|_| bad(format!("{name:?} is not a header name")))?;
    // The value may be a secret, so it is not shown.
    let mut value =
        HeaderValue::try_from(value).map_err(|_| bad(format!("the value of `{name}` is none")))?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn parsed(body: &[u8]) -> Result<Body, serde_path_to_error::Error<serde_json::Error>> {
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(body))
}

fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(body)
        .trim()
        .chars()
        .take(SHOWN)
        .collect()
}

/// As a web form sends it.
fn encoded(form: &[(&str, &str)]) -> String {
    let pairs = form
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}
