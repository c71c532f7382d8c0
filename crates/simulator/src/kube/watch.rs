//! Watches: a stream of events from a version on.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::Shared;
use super::super::faults::{Endpoint, Fault};
use super::super::server::Body;
use super::content_type::{self, META_VERSION, Representation};
use super::parameters::Parameters;
use super::resource::ResourceType;
use super::store::{Change, Event, TooOld};
use super::{status, table};

/// How often a watch that asks for them gets a bookmark. A real API server sends one each minute.
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(10);
/// When a watch ends whose client names no time. A real API server takes 30 to 60 minutes.
const MAX_WATCH: Duration = Duration::from_secs(1_800);

/// What is watched, by whom, and how far it has come.
struct Watch {
    shared: Arc<Shared>,
    resource: &'static ResourceType,
    namespace: Option<String>,
    parameters: Parameters,
    representation: Representation,
    /// Path and query, which faults are held against.
    path: String,
    /// The version up to which everything has been sent.
    position: u64,
    pending: VecDeque<Bytes>,
    changes: tokio::sync::watch::Receiver<u64>,
    faults: tokio::sync::watch::Receiver<()>,
    next_bookmark: Instant,
    end: Instant,
    ending: bool,
    rows_sent: bool,
}

/// The answer to a watch.
pub(super) fn watch(
    shared: &Arc<Shared>,
    resource: &'static ResourceType,
    namespace: Option<&str>,
    parameters: Parameters,
    representation: Representation,
    path: String,
) -> Response<Body> {
    if parameters.send_initial_events
        && parameters.resource_version_match.as_deref() != Some("NotOlderThan")
    {
        let message = "resourceVersionMatch: Required value: sendInitialEvents requires setting \
                       resourceVersionMatch to NotOlderThan";
        return status::error(StatusCode::UNPROCESSABLE_ENTITY, message);
    }
    let asked = match parameters
        .resource_version
        .as_deref()
        .unwrap_or("0")
        .parse::<u64>()
    {
        Ok(asked) => asked,
        Err(_) => {
            let message = "Invalid value: resourceVersion must be a number";
            return status::error(StatusCode::BAD_REQUEST, message);
        }
    };
    let changes = shared.kube.changes();
    let timeout = parameters
        .timeout_seconds
        .map_or(MAX_WATCH, Duration::from_secs);
    let now = Instant::now();
    let mut watch = Watch {
        shared: Arc::clone(shared),
        resource,
        namespace: namespace.map(str::to_owned),
        parameters,
        representation,
        path,
        position: asked,
        pending: VecDeque::new(),
        changes,
        faults: shared.faults.changes(),
        next_bookmark: now + BOOKMARK_INTERVAL,
        end: now + timeout.min(MAX_WATCH),
        ending: false,
        rows_sent: false,
    };
    watch.begin(asked);
    stream_of(stream::unfold(watch, |mut watch| async move {
        Some((watch.next().await?.map(Frame::data), watch))
    }))
}

/// A watch that tells at once that its version is gone.
pub(super) fn gone() -> Response<Body> {
    let message = "too old resource version";
    let status = status::object(StatusCode::GONE, "Expired", message, json!({}));
    let line = line("ERROR", &status);
    stream_of(stream::iter([Ok(Frame::data(line))]))
}

fn stream_of(
    stream: impl futures::Stream<Item = io::Result<Frame<Bytes>>> + Send + 'static,
) -> Response<Body> {
    let mut response = Response::new(BodyExt::boxed_unsync(StreamBody::new(stream)));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn line(kind: &str, object: &Value) -> Bytes {
    let mut text = json!({ "type": kind, "object": object }).to_string();
    text.push('\n');
    text.into()
}

impl Watch {
    /// What a watch sends before anything happens: all objects, when it begins from no version.
    fn begin(&mut self, asked: u64) {
        let shared = Arc::clone(&self.shared);
        let store = shared.kube.store();
        if asked != 0 && !self.parameters.send_initial_events {
            if asked > store.version() {
                self.end_with(&status::too_old(asked, store.version()));
            }
            return;
        }
        let objects: Vec<Arc<Value>> = store
            .all(self.resource)
            .map(|(_, object)| Arc::clone(object))
            .collect();
        self.position = store.version();
        drop(store);
        for object in objects {
            if self.covers(&object) {
                self.push("ADDED", &object);
            }
        }
        if self.parameters.send_initial_events && self.parameters.bookmarks {
            self.push_bookmark(true);
        }
    }

    /// The next piece of the stream; absent at its end.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            if let Some(bytes) = self.pending.pop_front() {
                return Some(Ok(bytes));
            }
            if self.ending {
                return None;
            }
            self.faults.borrow_and_update();
            match self
                .shared
                .faults
                .take_for_open_watch(Endpoint::Kubernetes, &self.path)
            {
                Some(Fault::Cut) => return Some(Err(io::ErrorKind::ConnectionReset.into())),
                Some(_) => {
                    let oldest = self.shared.kube.version();
                    self.end_with(&status::too_old(self.position, oldest));
                    continue;
                }
                None => {}
            }
            self.changes.borrow_and_update();
            self.collect();
            if self.pending.is_empty() && !self.ending {
                self.wait().await;
            }
        }
    }

    async fn wait(&mut self) {
        let bookmark = self.next_bookmark.min(self.end);
        tokio::select! {
            _ = self.changes.changed() => {}
            _ = self.faults.changed() => {}
            () = self.shared.stopping.cancelled() => self.ending = true,
            () = tokio::time::sleep_until(bookmark) => {
                if self.parameters.bookmarks {
                    self.push_bookmark(false);
                }
                self.next_bookmark = Instant::now() + BOOKMARK_INTERVAL;
                self.ending = Instant::now() >= self.end;
            }
        }
    }

    /// Takes what has happened since the last time.
    fn collect(&mut self) {
        let shared = Arc::clone(&self.shared);
        let store = shared.kube.store();
        let events: Result<Vec<Event>, TooOld> = store
            .since(self.resource, self.position)
            .map(|events| events.cloned().collect());
        let version = store.version();
        drop(store);
        match events {
            Ok(events) => {
                for event in events {
                    self.push_event(&event);
                }
                self.position = version;
            }
            Err(TooOld { oldest }) => self.end_with(&status::too_old(self.position, oldest)),
        }
    }

    /// An object that comes to be selected is added, one that ceases to be is deleted.
    fn push_event(&mut self, event: &Event) {
        let before = event
            .previous
            .as_ref()
            .is_some_and(|object| self.covers(object));
        let after = event.change != Change::Deleted && self.covers(&event.object);
        match (before, after) {
            (false, true) => self.push("ADDED", &event.object),
            (true, true) => self.push("MODIFIED", &event.object),
            (true, false) => self.push("DELETED", &event.object),
            (false, false) => {}
        }
    }

    fn covers(&self, object: &Value) -> bool {
        let namespace = object["metadata"]["namespace"].as_str();
        self.namespace
            .as_deref()
            .is_none_or(|wanted| namespace == Some(wanted))
            && self.parameters.selector.selects(object)
    }

    fn push(&mut self, kind: &str, object: &Value) {
        let represented = match self.representation {
            Representation::Whole => None,
            Representation::Metadata => Some(content_type::metadata_of(object)),
            Representation::Table => {
                let metadata = json!({ "resourceVersion": object["metadata"]["resourceVersion"] });
                let include = self.parameters.include_object.as_deref();
                let first = !std::mem::replace(&mut self.rows_sent, true);
                let now = self.shared.kube.now();
                Some(table::new(
                    self.resource,
                    std::iter::once(object),
                    metadata,
                    include,
                    now,
                    first,
                ))
            }
        };
        self.pending
            .push_back(line(kind, represented.as_ref().unwrap_or(object)));
    }

    fn push_bookmark(&mut self, initial_events_end: bool) {
        let (kind, version) = match self.representation {
            Representation::Whole => (self.resource.kind, self.resource.api_version()),
            Representation::Metadata => ("PartialObjectMetadata", META_VERSION.to_owned()),
            Representation::Table => ("Table", META_VERSION.to_owned()),
        };
        let mut metadata = json!({
            "resourceVersion": self.position.to_string(),
            "creationTimestamp": null,
        });
        if initial_events_end {
            metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let mut object = json!({ "kind": kind, "apiVersion": version, "metadata": metadata });
        if kind == "Table" {
            object["columnDefinitions"] = json!([]);
            object["rows"] = json!([]);
        }
        self.pending.push_back(line("BOOKMARK", &object));
    }

    fn end_with(&mut self, status: &Value) {
        self.pending.push_back(line("ERROR", status));
        self.ending = true;
    }
}
