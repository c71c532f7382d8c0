//! Which request gets which answer.

use ::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, HeaderMap,
    HeaderName, VARY,
};
use ::http::request::Parts;
use ::http::{Method, StatusCode};
use tokio_util::task::AbortOnDropHandle;

use super::answer::{Answer, answer, headers_only, method_not_allowed, text, with};
use super::{ReloadHook, ServerConfig, explain, page, paths};
use crate::exposition::{Encoding, Format};
use crate::snapshot::{NotReady, Store};
use breakeven_model::inventory::SourceStatus;

/// The most bytes of a body that a request may announce. No route reads one.
pub(super) const BODY_LIMIT: u64 = 64 * 1024;

const READ: &str = "GET, HEAD";
const RELOAD: &str = "POST, PUT";

/// Nothing from elsewhere, no scripts, no frames.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                           form-action 'none'; frame-ancestors 'none'";

/// What all requests share.
pub(super) struct Shared {
    pub(super) settings: ServerConfig,
    pub(super) store: Store,
    pub(super) reload: ReloadHook,
}

/// The answer to a request, whose body has at least so many bytes. The request is counted.
pub(super) async fn route(shared: &Shared, request: &Parts, body: u64) -> Answer {
    let answer = respond(shared, request, body).await;
    let name = handler_name(shared, request.uri.path());
    let code = answer.status().as_u16();
    shared.settings.requests.record(name, code);
    answer
}

async fn respond(shared: &Shared, request: &Parts, body: u64) -> Answer {
    if body > BODY_LIMIT {
        let limit = format!("the body is too large; at most {BODY_LIMIT} bytes are taken");
        return text(StatusCode::PAYLOAD_TOO_LARGE, &limit);
    }
    let path = request.uri.path();
    if path == paths::RELOAD && path != shared.settings.telemetry_path {
        return match request.method {
            Method::POST | Method::PUT => reload(shared).await,
            _ => method_not_allowed(RELOAD),
        };
    }
    let Some((_, handler)) = handler(shared, path) else {
        return not_found(shared, path);
    };
    match request.method {
        Method::GET => handler(shared, &request.headers, path),
        Method::HEAD => headers_only(handler(shared, &request.headers, path)),
        _ => method_not_allowed(READ),
    }
}

/// What answers a request that reads.
type Handler = fn(&Shared, &HeaderMap, &str) -> Answer;

/// The handler of a path with its name in the label `handler`; absent for an unknown path.
fn handler(shared: &Shared, path: &str) -> Option<(&'static str, Handler)> {
    Some(match path {
        path if path == shared.settings.telemetry_path => {
            ("metrics", |shared, headers, _| metrics(shared, headers))
        }
        "/" => ("page", |shared, _, _| front(shared)),
        paths::COST_MODEL => ("cost_model", |_, _, _| {
            document(include_str!("../../docs/cost-model.md"))
        }),
        "/-/healthy" => ("healthy", |shared, _, _| healthy(shared)),
        "/-/ready" => ("ready", |shared, _, _| ready(shared)),
        path if path.starts_with(explain::PREFIX) => ("explain", |shared, headers, path| {
            let name = path.strip_prefix(explain::PREFIX).unwrap_or_default();
            explain::explanation(&shared.store, &shared.settings.clock, headers, name)
        }),
        _ => return None,
    })
}

/// The label `handler` of a path. Unknown paths share one value, so that no client can add series.
fn handler_name(shared: &Shared, path: &str) -> &'static str {
    match handler(shared, path) {
        Some((name, _)) => name,
        None if path == paths::RELOAD => "reload",
        None => "other",
    }
}

fn metrics(shared: &Shared, headers: &HeaderMap) -> Answer {
    let rendered = match shared.store.latest() {
        Some(published) => Some(published.rendered.clone()),
        None => shared.store.waiting().rendered.clone(),
    };
    let Some(rendered) = rendered else {
        return not_ready(&shared.store.waiting());
    };
    let format = Format::asked_for(joined(headers, ACCEPT).as_deref());
    let encoding = Encoding::asked_for(joined(headers, ACCEPT_ENCODING).as_deref());
    let (bytes, encoding) = rendered.body(format, encoding);
    let mut answer = answer(StatusCode::OK, &format.content_type(), bytes);
    if let Some(encoding) = encoding.content_encoding() {
        answer = with(answer, CONTENT_ENCODING, encoding);
    }
    with(answer, VARY, "Accept, Accept-Encoding")
}

fn front(shared: &Shared) -> Answer {
    let page = match shared.store.latest() {
        Some(published) => page::report(&shared.settings, &published),
        None => page::waiting(&shared.settings, &shared.store.waiting()),
    };
    let answer = answer(StatusCode::OK, "text/html; charset=utf-8", page);
    let answer = with(answer, CONTENT_SECURITY_POLICY, PAGE_POLICY);
    with(answer, CACHE_CONTROL, "no-store")
}

/// A document, as it was written. Browsers show plain text and save what they do not know.
fn document(text: &'static str) -> Answer {
    answer(StatusCode::OK, "text/plain; charset=utf-8", text)
}

/// Whether the main loop turns. What hangs beside it is named, and is no reason to restart the program.
fn healthy(shared: &Shared) -> Answer {
    match shared.store.health().check() {
        Ok(state) => text(StatusCode::OK, &state),
        Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, &reason),
    }
}

fn ready(shared: &Shared) -> Answer {
    match shared.store.latest() {
        Some(_) => text(StatusCode::OK, "breakeven is ready"),
        None => not_ready(&shared.store.waiting()),
    }
}

fn not_ready(waiting: &NotReady) -> Answer {
    let mut reason = "not ready: there is no report yet".to_owned();
    for (source, status) in &waiting.sources {
        reason.extend(["\n", &source.to_string(), ": ", state(status)]);
    }
    text(StatusCode::SERVICE_UNAVAILABLE, &reason)
}

/// How a source stands, for a reader.
fn state(status: &SourceStatus) -> &str {
    match (status.up, &status.last_error) {
        (None, _) => "was not tried yet",
        (_, Some(error)) => error,
        (Some(true), None) => "works",
        (Some(false), None) => "failed",
    }
}

async fn reload(shared: &Shared) -> Answer {
    if !shared.settings.enable_lifecycle {
        return text(
            StatusCode::FORBIDDEN,
            "reloading over HTTP is off; start breakeven with --web.enable-lifecycle, or send it SIGHUP",
        );
    }
    // The task ends with the connection, so there are never more tasks than connections. The reload itself goes on.
    match AbortOnDropHandle::new(tokio::spawn((shared.reload)())).await {
        Ok(Ok(())) => text(StatusCode::OK, "the configuration is reloaded"),
        Ok(Err(error)) => text(StatusCode::INTERNAL_SERVER_ERROR, &error),
        Err(error) => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("the reload broke off: {error}"),
        ),
    }
}

fn not_found(shared: &Shared, path: &str) -> Answer {
    let metrics = &shared.settings.telemetry_path;
    let hint = format!("there is no {path}; the metrics are at {metrics}, a page to read is at /");
    text(StatusCode::NOT_FOUND, &hint)
}

/// A header that may be given in parts, as one; absent where it is not text.
fn joined(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let parts: Result<Vec<_>, _> = headers
        .get_all(name)
        .iter()
        .map(|value| value.to_str())
        .collect();
    parts
        .ok()
        .filter(|parts| !parts.is_empty())
        .map(|parts| parts.join(","))
}
