//! The loop of a source that polls.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::backoff::Backoff;
use super::{
    MissingAttributes, Reason, Source, SourceError, SourceId, SourceLocation, SourceStatuses,
};
use breakeven_clock::Clock;
use breakeven_model::inventory::Observation;

/// The first pause after a failure; each further failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// A source that answers when it is asked.
pub trait Poll: Send {
    /// Which source it is.
    fn source(&self) -> Source;

    /// Which of several readers it is; absent where there is one.
    fn reader(&self) -> Option<Arc<str>> {
        None
    }

    /// The account and region that it reads, where it reads one, as far as they are known by now.
    fn location(&self) -> SourceLocation {
        SourceLocation::default()
    }

    /// What it does without, since it was asked last.
    fn missing_attributes(&self) -> MissingAttributes {
        MissingAttributes::new()
    }

    /// Its line on the board.
    fn id(&self) -> SourceId {
        SourceId {
            source: self.source(),
            reader: self.reader(),
        }
    }

    /// Asks once. After an error the next call asks for what is still missing, as far back as the source looks.
    fn poll(
        &mut self,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Observation>, SourceError>> + Send;

    /// Ends when there is something to ask before the interval is over. Never, unless the source says otherwise.
    fn wait_for_change(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// What was read before the last poll failed or was given up. It is sent all the same.
    fn partial_results(&mut self) -> Vec<Observation> {
        Vec::new()
    }
}

/// When a source is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// From one success to the next question.
    pub interval: Duration,
    /// How long an answer may take, on the wall.
    pub timeout: Duration,
    /// The longest pause between attempts while it fails.
    pub longest_pause: Duration,
}

/// What every source is given.
#[derive(Clone, Debug)]
pub struct Context {
    /// The time.
    pub clock: Clock,
    /// Where it writes how it fares.
    pub statuses: SourceStatuses,
    /// Where its observations go.
    pub sink: mpsc::Sender<Observation>,
}

impl Context {
    /// Sends what was seen. False when nobody listens any more.
    pub async fn send(&self, observations: impl IntoIterator<Item = Observation>) -> bool {
        for observation in observations {
            if self.sink.send(observation).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Notes a success on the board, and logs the end of a failure.
    pub fn succeeded(&self, source: impl Into<SourceId>, took: Duration) {
        let source = source.into();
        let ended = self
            .statuses
            .succeeded(source.clone(), self.clock.now(), took);
        if let Some(ended) = ended {
            info!(%source, after = ended, "source works again");
        }
    }

    /// Notes a failure on the board, and logs it where it is a new one.
    pub fn failed(&self, source: impl Into<SourceId>, error: &SourceError, took: Duration) {
        let (source, reason) = (source.into(), error.reason().as_str());
        if self.statuses.failed(source.clone(), error, took) {
            warn!(%source, reason, %error, "source failed");
        } else {
            debug!(%source, reason, "source still fails");
        }
    }
}

/// Asks the source until nobody listens any more.
///
/// After a success it waits for the interval, or for what the source awaits; after a failure for a pause that doubles with each
/// (jittered, so that many agents do not return in step), or for the pause that the other side asked for where that is longer.
pub async fn poll_forever(mut source: impl Poll, schedule: Schedule, context: Context) {
    let id = source.id();
    context.statuses.register(id.clone());
    context
        .statuses
        .set_location(&id, source.location(), source.missing_attributes());
    let mut backoff = Backoff::new(FIRST_PAUSE, schedule.longest_pause);
    loop {
        let started = Instant::now();
        let answer = tokio::time::timeout(schedule.timeout, source.poll(context.clock.now()))
            .await
            .unwrap_or_else(|_| Err(too_slow(schedule.timeout)));
        let took = started.elapsed();
        context
            .statuses
            .set_location(&id, source.location(), source.missing_attributes());
        let has_failed = answer.is_err();
        let pause = match answer {
            Ok(observations) => {
                if !context.send(observations).await {
                    return;
                }
                context.succeeded(id.clone(), took);
                backoff.reset();
                schedule.interval
            }
            Err(error) => {
                if !context.send(source.partial_results()).await {
                    return;
                }
                context.failed(id.clone(), &error, took);
                let requested = error.pause().unwrap_or_default();
                backoff.next_pause().max(requested)
            }
        };
        tokio::select! {
            () = context.clock.sleep(pause) => {}
            () = source.wait_for_change(), if !has_failed => {}
            () = context.sink.closed() => return,
        }
    }
}

fn too_slow(timeout: Duration) -> SourceError {
    SourceError::new(
        Reason::Timeout,
        format!("no answer within {} s", timeout.as_secs_f64()),
        "check that the endpoint is reachable from here, or raise the timeout",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scripted(
        Vec<Result<(), SourceError>>,
        mpsc::UnboundedSender<Timestamp>,
    );

    impl Poll for Scripted {
        fn source(&self) -> Source {
            Source::Usage
        }

        async fn poll(&mut self, now: Timestamp) -> Result<Vec<Observation>, SourceError> {
            let _ = self.1.send(now);
            if self.0.is_empty() {
                std::future::pending::<()>().await;
            }
            self.0.remove(0).map(|()| Vec::new())
        }
    }

    fn schedule() -> Schedule {
        Schedule {
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(5),
            longest_pause: Duration::from_secs(60),
        }
    }

    fn broken() -> SourceError {
        SourceError::new(Reason::ServerError, "it answered 500", "try again later")
    }

    async fn times_of(
        script: Vec<Result<(), SourceError>>,
        polls: usize,
    ) -> (Vec<f64>, SourceStatuses) {
        let (asked, mut times) = mpsc::unbounded_channel();
        let (sink, kept) = mpsc::channel(1);
        let statuses = SourceStatuses::default();
        let clock = Clock::accelerated(Timestamp::UNIX_EPOCH, 1.0);
        let context = Context {
            clock,
            statuses: statuses.clone(),
            sink,
        };
        let task = tokio::spawn(poll_forever(Scripted(script, asked), schedule(), context));
        let mut seen = Vec::new();
        for _ in 0..polls {
            seen.push(
                times
                    .recv()
                    .await
                    .unwrap()
                    .duration_since(Timestamp::UNIX_EPOCH)
                    .as_secs_f64(),
            );
        }
        drop(kept);
        task.await.unwrap();
        (seen, statuses)
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_works_is_asked_once_an_interval() {
        let (times, statuses) = times_of(vec![Ok(()), Ok(()), Ok(())], 3).await;
        assert!(
            (times[1] - 15.0).abs() < 0.1 && (times[2] - 30.0).abs() < 0.1,
            "{times:?}"
        );
        assert_eq!(statuses.snapshot()[&Source::Usage.into()].up, Some(true));
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_while_it_fails_and_the_board_says_why() {
        let (times, statuses) =
            times_of(vec![Err(broken()), Err(broken()), Err(broken()), Ok(())], 4).await;
        let pauses: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for (pause, least) in pauses.iter().zip([1.0, 2.0, 4.0]) {
            assert!((least..least * 2.0 + 1.1).contains(pause), "{pauses:?}");
        }
        assert_eq!(
            statuses.snapshot()[&Source::Usage.into()].errors[&Reason::ServerError],
            3
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_that_the_other_side_asks_for_is_kept() {
        let asked = broken().retry_after(Some(Duration::from_secs(40)));
        let (times, _) = times_of(vec![Err(asked), Ok(())], 2).await;
        assert!(times[1] >= 40.0, "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_hangs_is_given_up_and_asked_again() {
        let (times, statuses) = times_of(Vec::new(), 2).await;
        assert!(times[1] >= 5.9, "{times:?}");
        assert!(statuses.snapshot()[&Source::Usage.into()].errors[&Reason::Timeout] >= 1);
    }
}
