//! Lists a resource, then watches it, for ever.
//!
//! This is kube's client with a loop of its own. `kube::runtime::watcher` of kube 5.0 does not say when a watch that broke is
//! open again, so a quiet one could not be told from a broken one; it sets no deadline for the answer to a list; it sets no
//! limit on the bytes of a list or of a line; and it asks again with an expired version when that is answered by a plain 410.
//!
//! A version that is gone is listed again at once, and a watch that was cut is opened again at once. If that happens again
//! before a watch has lasted, the pauses grow: see [`WatchBackoff`].

use std::sync::Arc;
use std::time::Duration;

use kube::api::{ListParams, Request, WatchParams};
use kube::client::Body;
use kube::core::{Status, WatchEvent};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::Settings;
use super::api_types::{Page, Watched};
use super::connection::Connection;
use super::error::Attempt;
use super::limited;
use super::limits::{self, ListProgress, MAX_SKIPPED};
use super::lines::{Line, Lines, LinesError};
use super::page::PageReader;
use super::pauses::WatchBackoff;
use super::request::{RequestError, Server};
use super::store::{Event, Overflow};
use crate::sources::error_chain::causes;
use crate::sources::{Reason, SourceError};
use breakeven_clock::Clock;

/// How much longer than agreed a watch may stay silent before it counts as dead: the way of the server's goodbye.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);
/// A watch that the server ends earlier than agreed by no more than this ended as agreed.
const EARLY: Duration = Duration::from_secs(2);
/// A watch that is open for so long without a failure is shown to be up.
const SHORT: Duration = Duration::from_millis(500);
/// A watch that was open for so long has lasted: the next one is opened without a pause. Servers and proxies end watches
/// after a minute at the earliest.
const LASTING: Duration = Duration::from_secs(10);

/// Something to watch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resource {
    /// Its name with its API group, as RBAC rules and errors name it.
    pub(super) name: &'static str,
    /// Where the API server has it.
    pub(super) path: &'static str,
    /// Whether only the metadata of the objects is asked for.
    pub(super) metadata_only: bool,
}

impl Resource {
    fn attempt<'a>(&self, verb: &'a str, server: &'a Server) -> Attempt<'a> {
        Attempt {
            verb,
            resource: self.name,
            url: &server.url,
            verbs: "list and watch",
            secrets: &server.secrets,
        }
    }
}

/// Nobody listens any more.
struct ReceiverDropped;

/// Why a list or a watch ended.
enum WatchEnd {
    Failed(SourceError),
    /// It can go on, with another watch or another list.
    Interrupted(SourceError),
    Closed,
}

impl From<ReceiverDropped> for WatchEnd {
    fn from(_: ReceiverDropped) -> Self {
        Self::Closed
    }
}

impl From<SourceError> for WatchEnd {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

/// What one watch tells.
#[derive(Debug)]
pub(super) enum WatchSignal<T> {
    /// Something happened to an object, or to the list of them.
    Event(Event<T>),
    /// The watch stands, and nothing happened up to now.
    Alive,
    /// The watch lasted.
    Lasted,
    /// The watch was cut or its version is gone; it is opened or listed again, at once unless that repeats: nothing is lost.
    Interrupted(SourceError),
    /// So many objects were left out of a list or a watch; the error is that of the first.
    DiscardedRecords(SourceError, usize),
    /// A list or a watch failed after this time, and is tried again after a pause.
    Failed(SourceError, Duration),
}

/// A signal as it is sent, and where the answer to it goes.
///
/// A watch waits for each answer, so at most one part of a list per watch is in memory.
#[derive(Debug)]
pub(super) struct WatchMessage<C> {
    pub(super) signal: C,
    /// Takes the reason if an object was not kept.
    pub(super) overflow: oneshot::Sender<Option<Overflow>>,
}

/// What all watches are given.
#[derive(Clone, Debug)]
pub(super) struct WatchContext {
    pub(super) connection: Connection,
    pub(super) settings: Settings,
    pub(super) clock: Clock,
}

/// Lists and watches until nobody listens any more; each signal is sent as `wrap` makes it.
pub(super) async fn watch<T, C>(
    resource: Resource,
    means: WatchContext,
    sink: mpsc::Sender<WatchMessage<C>>,
    wrap: fn(WatchSignal<T>) -> C,
) where
    T: Watched + Clone + DeserializeOwned + Send + 'static,
    C: Send,
{
    let WatchContext {
        connection,
        settings,
        clock,
    } = means;
    let mut watch = Watch {
        resource,
        connection,
        pauses: WatchBackoff::new(settings.longest_pause),
        settings,
        sink,
        wrap,
        version: None,
        listed_at: None,
        whole: false,
        is_unreachable: false,
    };
    loop {
        let started = Instant::now();
        let has_version = watch.version.is_some();
        let (signal, pause) = match watch.next_list_page().await {
            Ok(()) => continue,
            Err(WatchEnd::Closed) => return,
            Err(WatchEnd::Interrupted(error)) => {
                let pause = watch.pauses.after_interruption();
                (WatchSignal::Interrupted(error), pause)
            }
            Err(WatchEnd::Failed(error)) => {
                let pause = match (watch.is_unreachable, has_version) {
                    (true, _) => watch.pauses.after_no_answer(),
                    (false, false) => watch.pauses.after_failed_list(),
                    (false, true) => watch.pauses.after_failed_watch(),
                };
                let pause = pause.max(error.pause().unwrap_or_default());
                (WatchSignal::Failed(error, started.elapsed()), pause)
            }
        };
        if watch.send_signal(signal).await.is_err() {
            return;
        }
        clock.sleep(pause).await;
    }
}

struct Watch<T, C> {
    resource: Resource,
    connection: Connection,
    settings: Settings,
    sink: mpsc::Sender<WatchMessage<C>>,
    wrap: fn(WatchSignal<T>) -> C,
    /// The version up to which everything is known; absent before a list.
    version: Option<String>,
    /// The server that the version is of.
    listed_at: Option<Arc<str>>,
    /// Whether the next list is asked for in one page, because the pages of the last one expired on the way.
    whole: bool,
    pauses: WatchBackoff,
    /// Whether the last request failed on its way to the server. Credentials that fail are no such failure.
    is_unreachable: bool,
}

impl<T, C> Watch<T, C>
where
    T: Watched + Clone + DeserializeOwned + Send + 'static,
    C: Send,
{
    /// One list, or one watch to its end.
    async fn next_list_page(&mut self) -> Result<(), WatchEnd> {
        self.is_unreachable = false;
        let patience = self.settings.request_timeout;
        let server = timeout(patience, self.connection.server())
            .await
            .map_err(|_| self.connection.timed_out(patience))??;
        let is_same = self.listed_at.as_ref() == Some(&server.url);
        match self.version.take().filter(|_| is_same) {
            None => self.list(&server).await,
            Some(version) => self.follow(&server, version).await,
        }
    }

    async fn list(&mut self, server: &Server) -> Result<(), WatchEnd> {
        self.send_signal(WatchSignal::Event(Event::ListBegun))
            .await?;
        let listed = self.pages(server).await;
        if listed.is_err() {
            self.send_signal(WatchSignal::Event(Event::ListFailed))
                .await?;
        }
        listed
    }

    /// Reads the pages of a list.
    async fn pages(&mut self, server: &Server) -> Result<(), WatchEnd> {
        let attempt = self.resource.attempt("list", server);
        let mut params = ListParams::default();
        if !std::mem::take(&mut self.whole) {
            params = params.limit(self.settings.page_size);
        }
        let mut progress = ListProgress::new();
        loop {
            let page = match self.page(server, &params, &mut progress).await {
                Ok(page) => page,
                Err(WatchEnd::Failed(error))
                    if error.reason() == Reason::Gone && params.continue_token.is_some() =>
                {
                    self.whole = true;
                    return Err(WatchEnd::Interrupted(error));
                }
                Err(end) => return Err(end),
            };
            if page.metadata.continue_token.is_empty() {
                self.send_signal(WatchSignal::Event(Event::ListDone))
                    .await?;
                self.version = Some(page.metadata.resource_version);
                self.listed_at = Some(Arc::clone(&server.url));
                self.pauses.listed();
                return Ok(());
            }
            progress
                .next_page(&page.metadata.continue_token)
                .map_err(|why| attempt.not_understood(why))?;
            params.continue_token = Some(page.metadata.continue_token);
        }
    }

    /// Reads a page, and hands its objects on.
    async fn page(
        &mut self,
        server: &Server,
        params: &ListParams,
        progress: &mut ListProgress,
    ) -> Result<Page, WatchEnd> {
        let attempt = self.resource.attempt("list", server);
        let request = Request::new(self.resource.path);
        let request = if self.resource.metadata_only {
            request.list_metadata(params)
        } else {
            request.list(params)
        }
        .map_err(|why| attempt.failed(&kube::Error::BuildRequest(why)))?;
        let patience = self.settings.request_timeout;
        let mut end = Instant::now() + patience;
        let slow = |_| attempt.timed_out(&silence(patience));
        let body = self.send(server, &attempt, request).await?;
        let mut reader = PageReader::<T>::new(body);
        while let Some(part) = timeout_at(end, reader.next(&attempt))
            .await
            .map_err(slow)??
        {
            progress
                .count(part.objects.len(), part.discarded)
                .map_err(|why| attempt.not_understood(why))?;
            let read = Instant::now();
            if part.discarded > 0 {
                let error = limits::discarded(self.resource.name, &part.why);
                self.send_signal(WatchSignal::DiscardedRecords(error, part.discarded))
                    .await?;
            }
            self.tell_event(&attempt, Event::Listed(part.objects))
                .await?;
            // The server is not to blame for that time.
            end += read.elapsed();
        }
        let page = reader.finish(&attempt)?;
        let meta = &page.metadata;
        if meta.resource_version.is_empty() && meta.continue_token.is_empty() {
            let why = format!("a {} without metadata.resourceVersion", page.kind);
            return Err(attempt.not_understood(why).into());
        }
        Ok(page)
    }

    /// Sends a request, whose answer may take a while to begin.
    async fn send(
        &mut self,
        server: &Server,
        attempt: &Attempt<'_>,
        request: http::Request<Vec<u8>>,
    ) -> Result<Body, SourceError> {
        let patience = self.settings.request_timeout;
        let answer = timeout(patience, server.send(attempt, request)).await;
        // One that accepts a connection and does not answer is busy: it is not asked more often for that.
        match &answer {
            Ok(Err(RequestError::Unanswered(error))) => {
                self.is_unreachable = matches!(error.reason(), Reason::Connect | Reason::Timeout);
            }
            _ => self.pauses.answered(),
        }
        let answer = answer.map_err(|_| attempt.timed_out(&silence(patience)))?;
        let response = answer.map_err(|failure| failure.of(attempt))?;
        Ok(response.into_body())
    }

    /// Watches from `version` on. The version that the watch came to is kept, unless it is no longer to be had.
    async fn follow(&mut self, server: &Server, version: String) -> Result<(), WatchEnd> {
        let attempt = self.resource.attempt("watch", server);
        let agreed = self.settings.watch_timeout;
        let params = WatchParams {
            timeout: Some(u32::try_from(agreed.as_secs()).unwrap_or(u32::MAX).max(1)),
            bookmarks: true,
            ..WatchParams::default()
        };
        let request = Request::new(self.resource.path);
        let request = if self.resource.metadata_only {
            request.watch_metadata(&params, &version)
        } else {
            request.watch(&params, &version)
        }
        .map_err(|why| attempt.failed(&kube::Error::BuildRequest(why)))?;
        let mut position = Position::At(version);
        let ended = match self.send(server, &attempt, request).await {
            Ok(body) => {
                let opened = Instant::now();
                let ended = self.receive(body, &attempt, &mut position).await;
                if opened.elapsed() >= LASTING.min(agreed / 2) {
                    self.pauses.lasted();
                    self.send_signal(WatchSignal::Lasted).await?;
                }
                ended
            }
            Err(error) => Err(error.into()),
        };
        match ended {
            Err(WatchEnd::Failed(error)) if error.reason() == Reason::Gone => {
                Err(WatchEnd::Interrupted(error))
            }
            ended => {
                self.version = position.into_version();
                ended
            }
        }
    }

    /// Reads a watch to its end.
    async fn receive(
        &mut self,
        body: Body,
        attempt: &Attempt<'_>,
        position: &mut Position,
    ) -> Result<(), WatchEnd> {
        let agreed = self.settings.watch_timeout;
        let opened = Instant::now();
        let mut lines = Lines::new(body);
        let mut stands = false;
        let broken = loop {
            let patience = if stands {
                agreed + CLOSE_DEADLINE
            } else {
                SHORT
            };
            let line = match timeout(patience, lines.next()).await {
                Ok(Ok(Some(line))) => line,
                Ok(Ok(None)) => break None,
                Ok(Err(LinesError::Broken(why))) => break Some(causes(&why)),
                Ok(Err(LinesError::Endless)) => {
                    *position = Position::Lost;
                    let why = format!("a line does not end within {MAX_SKIPPED} bytes");
                    return Err(attempt.not_understood(why).into());
                }
                Err(_) if stands => return Err(attempt.timed_out(&silence(patience)).into()),
                Err(_) => {
                    self.send_signal(WatchSignal::Alive).await?;
                    stands = true;
                    continue;
                }
            };
            let overflow = self.take_line(line, attempt, position).await?;
            if let Some(why) = overflow {
                // The next watch would meet the same objects again.
                *position = Position::Lost;
                return Err(attempt.too_much(why).into());
            }
            stands = true;
        };

        // The server ends each watch at the agreed time.
        let lasted = opened.elapsed();
        let mut how = format!("it was cut after {:.1} s", lasted.as_secs_f64());
        if let Some(why) = broken {
            how = format!("{how}: {why}");
        }
        let cut = attempt.broken(&how);
        if lasted < LASTING.min(agreed / 2) {
            return Err(WatchEnd::Interrupted(cut));
        }
        if lasted + EARLY < agreed {
            self.send_signal(WatchSignal::Interrupted(cut)).await?;
        }
        Ok(())
    }

    /// Hands on what a line of a watch says; the reason if an object was not kept.
    async fn take_line(
        &mut self,
        line: Line,
        attempt: &Attempt<'_>,
        position: &mut Position,
    ) -> Result<Option<Overflow>, WatchEnd> {
        let discarded =
            |why: &str| WatchSignal::DiscardedRecords(limits::discarded(attempt.resource, why), 1);
        let signal = match line {
            Line::TooLong => discarded(&limits::too_long()),
            Line::Whole(text) => match event(&text, attempt)? {
                Read::Nothing => return Ok(None),
                Read::Signal(signal, seen) => {
                    *position = Position::At(seen);
                    signal
                }
                Read::Beyond(why, seen) => {
                    if let Some(seen) = seen {
                        *position = Position::At(seen);
                    }
                    discarded(&why)
                }
            },
        };
        Ok(self.send_signal(signal).await?)
    }

    /// Tells of objects, and fails if one was not kept.
    async fn tell_event(&mut self, attempt: &Attempt<'_>, event: Event<T>) -> Result<(), WatchEnd> {
        match self.send_signal(WatchSignal::Event(event)).await? {
            None => Ok(()),
            Some(why) => Err(attempt.too_much(why).into()),
        }
    }

    /// Sends a signal, and returns the answer: the reason if an object was not kept.
    async fn send_signal(
        &mut self,
        signal: WatchSignal<T>,
    ) -> Result<Option<Overflow>, ReceiverDropped> {
        let (overflow, answer) = oneshot::channel();
        let message = WatchMessage {
            signal: (self.wrap)(signal),
            overflow,
        };
        self.sink.send(message).await.map_err(|_| ReceiverDropped)?;
        answer.await.map_err(|_| ReceiverDropped)
    }
}

/// How far a watch came.
enum Position {
    /// To this version.
    At(String),
    /// Where another watch would meet the same again: it is listed instead.
    Lost,
}

impl Position {
    fn into_version(self) -> Option<String> {
        match self {
            Self::At(version) => Some(version),
            Self::Lost => None,
        }
    }
}

/// What a line of a watch says.
enum Read<T> {
    /// Nothing: the line is not whole.
    Nothing,
    /// Something, of this version.
    Signal(WatchSignal<T>, String),
    /// An object that breaks a limit: why, and its version if it has one.
    Beyond(String, Option<String>),
}

fn event<T: Watched + DeserializeOwned>(
    line: &[u8],
    attempt: &Attempt<'_>,
) -> Result<Read<T>, SourceError> {
    let event = match serde_json::from_slice::<WatchEvent<T>>(line) {
        Ok(event) => event,
        // The connection broke in the middle of it.
        Err(why) if why.is_eof() => return Ok(Read::Nothing),
        Err(why) if limited::is_beyond(&why) => {
            return Ok(Read::Beyond(why.to_string(), version(line)));
        }
        Err(why) => {
            return Err(match serde_json::from_slice::<Status>(line) {
                Ok(status) => attempt.refused(&status),
                Err(_) => attempt.not_understood(why),
            });
        }
    };
    let (signal, seen) = match event {
        WatchEvent::Added(object) | WatchEvent::Modified(object) => {
            let seen = object.meta().resource_version.clone();
            (WatchSignal::Event(Event::Applied(object)), seen)
        }
        WatchEvent::Deleted(object) => {
            let seen = object.meta().resource_version.clone();
            (WatchSignal::Event(Event::Deleted(object)), seen)
        }
        WatchEvent::Bookmark(bookmark) => (WatchSignal::Alive, bookmark.metadata.resource_version),
        WatchEvent::Error(status) => return Err(attempt.refused(&status)),
    };
    if seen.is_empty() {
        return Err(attempt.not_understood("an object without metadata.resourceVersion"));
    }
    Ok(Read::Signal(signal, seen))
}

/// The version of the object of an event, whatever else the object has.
fn version(line: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Event {
        object: Object,
    }
    #[derive(Deserialize)]
    struct Object {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        #[serde(deserialize_with = "limited::value")]
        resource_version: String,
    }
    let event = serde_json::from_slice::<Event>(line).ok()?;
    Some(event.object.metadata.resource_version).filter(|version| !version.is_empty())
}

fn silence(length: Duration) -> String {
    format!("no answer within {} s", length.as_secs_f64())
}
