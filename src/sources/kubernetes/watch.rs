//! Lists a resource, then watches it, for ever.
//!
//! This is kube's client with a loop of its own. The loop that comes with kube (`kube::runtime::watcher`) does not tell
//! when a watch that broke stands again, so a quiet one could not be told from a broken one; it sets no deadline for the
//! answer to a list or to the opening of a watch; and it asks again with an expired version when that is answered by a
//! plain 410.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures::StreamExt;
use kube::api::{ListParams, Request, WatchParams};
use kube::core::WatchEvent;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::Settings;
use super::connection::{Connection, Server};
use super::failure::Attempt;
use super::object::{Page, Watched};
use super::store::Event;
use crate::clock::Clock;
use crate::sources::{Reason, SourceError};

/// The first pause after a failure; each further failure doubles it. As kube and client-go have it.
const FIRST_PAUSE: Duration = Duration::from_millis(800);
/// How much longer than agreed a watch may stay silent before it counts as dead: the way of the server's goodbye.
const GOODBYE: Duration = Duration::from_secs(5);
/// A watch that the server ends earlier than agreed by no more than this ended as agreed.
const EARLY: Duration = Duration::from_secs(2);
/// A watch stands once it was open for so long without a failure; one that ends sooner is not opened again at once.
const SHORT: Duration = Duration::from_millis(500);

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
        }
    }
}

/// Nobody listens any more.
struct Closed;

/// Why a list or a watch ended.
enum End {
    Failed(SourceError),
    Closed,
}

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<SourceError> for End {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

/// What one watch tells.
#[derive(Debug)]
pub(super) enum Signal<T> {
    /// Something happened to an object, or to the list of them.
    Event(Event<T>),
    /// The watch stands, and nothing happened up to now.
    Alive,
    /// The watch was cut, and is opened again at once: nothing is lost.
    Interrupted(SourceError),
    /// A list or a watch failed after this time, and is tried again after a pause.
    Failed(SourceError, Duration),
}

/// What all watches are given.
#[derive(Clone, Debug)]
pub(super) struct Means {
    pub(super) connection: Connection,
    pub(super) settings: Settings,
    pub(super) clock: Clock,
}

/// Lists and watches until nobody listens any more; each signal is sent as `wrap` makes it.
pub(super) async fn watch<T, C>(
    resource: Resource,
    means: Means,
    sink: mpsc::Sender<C>,
    wrap: fn(Signal<T>) -> C,
) where
    T: Watched + Clone + DeserializeOwned + Send + 'static,
    C: Send,
{
    let Means {
        connection,
        settings,
        clock,
    } = means;
    let pauses = ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE.min(settings.longest_pause))
        .with_max_delay(settings.longest_pause)
        .without_max_times()
        .with_jitter();
    let mut watch = Watch {
        resource,
        connection,
        settings,
        sink,
        wrap,
        version: None,
        whole: false,
        pauses,
        pause: pauses.build(),
    };
    loop {
        let started = Instant::now();
        match watch.go_on().await {
            Ok(()) => {}
            Err(End::Closed) => return,
            Err(End::Failed(error)) => {
                let pause = watch.pause.next().unwrap_or(watch.settings.longest_pause);
                let pause = pause.max(error.pause().unwrap_or_default());
                let failed = Signal::Failed(error, started.elapsed());
                if watch.tell(failed).await.is_err() {
                    return;
                }
                clock.sleep(pause).await;
            }
        }
    }
}

struct Watch<T, C> {
    resource: Resource,
    connection: Connection,
    settings: Settings,
    sink: mpsc::Sender<C>,
    wrap: fn(Signal<T>) -> C,
    /// The version up to which everything is known; absent before a list.
    version: Option<String>,
    /// Whether the next list is asked for in one page, because the pages of the last one expired on the way.
    whole: bool,
    pauses: ExponentialBuilder,
    pause: ExponentialBackoff,
}

impl<T, C> Watch<T, C>
where
    T: Watched + Clone + DeserializeOwned + Send + 'static,
    C: Send,
{
    /// One list, or one watch to its end.
    async fn go_on(&mut self) -> Result<(), End> {
        let server = self.connection.server().await?;
        match self.version.take() {
            None => self.list(&server).await,
            Some(version) => self.follow(&server, version).await,
        }
    }

    async fn list(&mut self, server: &Server) -> Result<(), End> {
        self.tell(Signal::Event(Event::ListBegun)).await?;
        let mut params = ListParams::default();
        if !std::mem::take(&mut self.whole) {
            params = params.limit(self.settings.page_size);
        }
        loop {
            let page = match self.page(server, &params).await {
                Ok(page) => page,
                Err(error) => {
                    self.whole = error.reason() == Reason::Gone && params.continue_token.is_some();
                    return Err(error.into());
                }
            };
            self.tell(Signal::Event(Event::Listed(page.items))).await?;
            if page.metadata.continue_token.is_empty() {
                self.tell(Signal::Event(Event::ListDone)).await?;
                self.version = Some(page.metadata.resource_version);
                self.recovered();
                return Ok(());
            }
            params.continue_token = Some(page.metadata.continue_token);
        }
    }

    async fn page(&self, server: &Server, params: &ListParams) -> Result<Page<T>, SourceError> {
        let attempt = self.resource.attempt("list", server);
        let request = Request::new(self.resource.path);
        let request = if self.resource.metadata_only {
            request.list_metadata(params)
        } else {
            request.list(params)
        }
        .map_err(|why| attempt.failed(&kube::Error::BuildRequest(why)))?;
        // The text, and not the object: kube would log the whole text when it cannot be read.
        let text = timeout(
            self.settings.request_timeout,
            server.client.request_text(request),
        )
        .await
        .map_err(|_| attempt.timed_out(&silence(self.settings.request_timeout)))?
        .map_err(|why| attempt.failed(&why))?;
        let page: Page<T> =
            serde_json::from_str(&text).map_err(|why| attempt.not_understood(why))?;
        let meta = &page.metadata;
        if meta.resource_version.is_empty() && meta.continue_token.is_empty() {
            return Err(attempt.not_understood(format_args!(
                "a {} without metadata.resourceVersion",
                page.kind
            )));
        }
        Ok(page)
    }

    /// Watches from `version` on. The version that the watch came to is kept, unless it is no longer to be had.
    async fn follow(&mut self, server: &Server, version: String) -> Result<(), End> {
        let attempt = self.resource.attempt("watch", server);
        let mut version = version;
        let ended = self.receive(server, attempt, &mut version).await;
        let gone = matches!(&ended, Err(End::Failed(error)) if error.reason() == Reason::Gone);
        self.version = (!gone).then_some(version);
        ended
    }

    async fn receive(
        &mut self,
        server: &Server,
        attempt: Attempt<'_>,
        version: &mut String,
    ) -> Result<(), End> {
        let agreed = self.settings.watch_timeout;
        let params = WatchParams {
            timeout: Some(u32::try_from(agreed.as_secs()).unwrap_or(u32::MAX).max(1)),
            bookmarks: true,
            ..WatchParams::default()
        };
        let request = Request::new(self.resource.path);
        let request = if self.resource.metadata_only {
            request.watch_metadata(&params, version)
        } else {
            request.watch(&params, version)
        }
        .map_err(|why| attempt.failed(&kube::Error::BuildRequest(why)))?;
        let opening = server.client.request_events::<T>(request);
        let events = timeout(self.settings.request_timeout, opening)
            .await
            .map_err(|_| attempt.timed_out(&silence(self.settings.request_timeout)))?
            .map_err(|why| attempt.failed(&why))?;
        let opened = Instant::now();
        let mut events = std::pin::pin!(events);
        let mut stands = false;
        loop {
            let patience = if stands { agreed + GOODBYE } else { SHORT };
            let event = match timeout(patience, events.next()).await {
                Ok(event) => event,
                Err(_) if stands => return Err(attempt.timed_out(&silence(patience)).into()),
                Err(_) => {
                    self.tell(Signal::Alive).await?;
                    stands = true;
                    continue;
                }
            };
            let Some(event) = event else { break };
            let (signal, seen) = match event.map_err(|why| attempt.failed(&why))? {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    let seen = object.meta().resource_version.clone();
                    (Signal::Event(Event::Applied(object)), seen)
                }
                WatchEvent::Deleted(object) => {
                    let seen = object.meta().resource_version.clone();
                    (Signal::Event(Event::Deleted(object)), seen)
                }
                WatchEvent::Bookmark(bookmark) => {
                    (Signal::Alive, bookmark.metadata.resource_version)
                }
                WatchEvent::Error(status) => return Err(attempt.refused(&status).into()),
            };
            if seen.is_empty() {
                let why = "an object without metadata.resourceVersion";
                return Err(attempt.not_understood(why).into());
            }
            self.tell(signal).await?;
            stands = true;
            *version = seen;
            self.recovered();
        }

        // The server ends each watch at the agreed time; kube makes a connection that broke look the same.
        let lasted = opened.elapsed();
        let cut = attempt.broken(&format!("it was cut after {:.1} s", lasted.as_secs_f64()));
        if lasted < SHORT.min(agreed / 2) {
            return Err(cut.into());
        }
        if lasted + EARLY < agreed {
            self.tell(Signal::Interrupted(cut)).await?;
        }
        Ok(())
    }

    fn recovered(&mut self) {
        self.pause = self.pauses.build();
    }

    async fn tell(&mut self, signal: Signal<T>) -> Result<(), Closed> {
        let sent = self.sink.send((self.wrap)(signal)).await;
        sent.map_err(|_| Closed)
    }
}

fn silence(length: Duration) -> String {
    format!("no answer within {} s", length.as_secs_f64())
}
