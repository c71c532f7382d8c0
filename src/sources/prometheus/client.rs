//! The HTTP side: one POST a query, a size limit, and errors in Prometheus' own words.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;

use super::Settings;
use super::response::{Answer, Body, Form, NoResult};
use crate::disk::Disk;
use crate::sources::percent::escaped;
use crate::sources::redaction::{KnownSecrets, Secret};
use crate::sources::transport::{AddressError, ExchangeError, Limits, Transport, beginning, pause};
use crate::sources::{Reason, SourceError};
use breakeven_model::units::Window;

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

/// A way to one Prometheus. Clones share connections.
#[derive(Clone)]
pub(in crate::sources) struct Client {
    base: String,
    transport: Transport,
    headers: HeaderMap,
    credentials: Option<Credentials>,
    /// The values of the headers.
    header_secrets: KnownSecrets,
    /// What the server receives and may repeat: the values of the headers, and the token or password as it is now.
    secrets: KnownSecrets,
    limits: Limits,
    disk: Disk,
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
    pub(in crate::sources) fn new(settings: &Settings) -> Result<Self, AddressError> {
        let base = settings.base_url.trim_end_matches('/').to_owned();
        let headers = settings.headers.iter().map(header);
        let mut secrets = KnownSecrets::default();
        for (_, value) in &settings.headers {
            secrets.add_header(value.expose());
        }
        let disk = Disk::default();
        Ok(Self {
            transport: Transport::to(&base, settings.ca_file.as_deref(), &disk)?,
            base,
            headers: headers.collect::<Result<_, _>>()?,
            credentials: settings.credentials.clone(),
            header_secrets: secrets.clone(),
            secrets,
            limits: Limits {
                timeout: settings.timeout,
                max_answer: settings.max_answer,
            },
            disk,
        })
    }

    /// Runs its file operations.
    pub(in crate::sources) const fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Reads the certificates now instead of before the first query. Blocks.
    pub(super) fn load_certificates(&self) -> Result<(), AddressError> {
        self.transport.load_certificates()
    }

    /// The same, which reads answers of at most so many bytes.
    pub(super) fn limited_to(&self, max_answer: usize) -> Self {
        let mut limited = self.clone();
        limited.limits.max_answer = max_answer.min(self.limits.max_answer);
        limited
    }

    /// Reads the secret anew: tokens of service accounts change every hour.
    pub(in crate::sources) async fn read_secret(&mut self) -> Result<(), SourceError> {
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
        let (file, reading) = (path.clone(), format!("read of {}", path.display()));
        let read = move || std::fs::read_to_string(file);
        let secret = self.disk.run(reading, self.limits.timeout, read).await;
        let secret = secret.map_err(|error| unusable(error.to_string()))?;
        let secret = secret.map_err(|error| unusable(error.to_string()))?;
        let secret = secret.trim();
        self.secrets = self.header_secrets.clone();
        self.secrets.add(secret);
        let value = match credentials {
            Credentials::Bearer { .. } => format!("Bearer {secret}"),
            Credentials::Basic { username, .. } => {
                let pair = format!("{username}:{secret}");
                format!("Basic {}", aws_smithy_types::base64::encode(pair))
            }
        };
        self.secrets.add_header(&value);
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| unusable("it holds characters that no header can".into()))?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(())
    }

    /// The value of an expression at the end of each step of the window.
    pub(in crate::sources) async fn range(
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
        let answer = self.transport.exchange(request, self.limits).await;
        self.read(answer.map_err(|broken| self.broken(broken))?, result)
    }

    fn read(&self, response: Response<Bytes>, form: Form) -> Result<Answer, SourceError> {
        let (head, body) = response.into_parts();
        let read = Body::read(&body, self.limits.max_answer);
        if head.status != StatusCode::OK {
            let said = read.ok().and_then(|body| body.failure());
            let said = said.unwrap_or_else(|| beginning(&body, &self.secrets));
            return Err(self.refused(&head, said));
        }
        let foreign = |problem: String| self.failed(Reason::InvalidResponse, &problem);
        let body = read.map_err(|error| {
            let shown = beginning(&body, &self.secrets);
            foreign(format!("{error}; it begins with {shown:?}"))
        })?;
        let mut answer = body.result(form).map_err(|none| match none {
            NoResult::Failed(said) => self.failed(Reason::InvalidRequest, &said),
            NoResult::Foreign(problem) => foreign(problem),
        })?;
        for remark in &mut answer.remarks {
            *remark = self.secrets.redact(remark);
        }
        Ok(answer)
    }

    fn refused(&self, head: &http::response::Parts, said: String) -> SourceError {
        let reason = Reason::of_status(head.status.as_u16()).unwrap_or(Reason::InvalidResponse);
        self.failed(reason, &format!("status {}: {said}", head.status.as_u16()))
            .retry_after(pause(&head.headers))
    }

    fn broken(&self, broken: ExchangeError) -> SourceError {
        match broken {
            ExchangeError::Connect(problem) => self.failed(Reason::Connect, &problem),
            ExchangeError::Timeout(problem) => self.failed(Reason::Timeout, &problem),
            ExchangeError::TooLong => self.too_long(),
        }
    }

    fn too_long(&self) -> SourceError {
        SourceError::new(
            Reason::InvalidResponse,
            format!(
                "the Prometheus at {} answers with more than {} bytes",
                self.base, self.limits.max_answer
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
        let problem = self.secrets.redact(problem);
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

fn header((name, value): &(String, Secret)) -> Result<(HeaderName, HeaderValue), AddressError> {
    let bad = |problem: String| AddressError {
        field: "headers",
        problem,
    };
    let name =
        HeaderName::try_from(name).map_err(|_| bad("a key is not a header name".to_owned()))?;
    let mut value = HeaderValue::try_from(value.expose())
        .map_err(|_| bad(format!("the value of `{name}` is none")))?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// As a web form sends it.
fn encoded(form: &[(&str, &str)]) -> String {
    let pairs = form
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}
