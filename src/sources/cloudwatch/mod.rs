//! What the functions did, minute by minute, from CloudWatch.
//!
//! Five metrics of each function are read with GetMetricData, by its name alone (the other dimensions of
//! `AWS/Lambda` count the same invocations again). Only closed minutes are read, each once: a poll asks for
//! the time between the last minute that was read completely and the last that is closed, so after an
//! outage the next poll brings what was missed, as far back as [`Settings::backfill`] reaches. A function that is
//! seen for the first time is read that far back at once.
//!
//! What arrives in CloudWatch later than [`Settings::delay`] after its minute is missed. Lambda reports an
//! invocation in the minute in which it *started*, when it *ends*: an invocation that runs for longer than the
//! delay is therefore missed today.

mod convert;
mod plan;
mod progress;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::ScanBy;
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use tracing::warn;

use self::convert::Answer;
use self::plan::PERIOD;
use self::progress::Progress;
use super::aws::{Attempted, Aws, Meter, Service, Session, undecodable};
use super::lambda::Listed;
use super::{Poll, Reason, Site, Source, SourceError, Tally};
use crate::observation::{FunctionBatch, FunctionId, FunctionMinutes, Functions, Observation};
use crate::units::Window;

/// The most pages of one answer: at 100,800 datapoints a page, far above what is ever asked for.
const MOST_PAGES: usize = 1_000;

/// How far the functions' minutes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long after its end a minute is taken as closed.
    ///
    /// CloudWatch shows the metrics of Lambda within one to two minutes of the invocation's end; three are
    /// waited for. A longer delay misses less of long invocations, which are shown in the minute
    /// of their start (up to 15 minutes back), but shows everything that much later.
    pub delay: Duration,
    /// How far back the first reading of a function reaches, and no catching up reaches further:
    /// the decision window, as nothing older is used.
    pub backfill: Duration,
    /// How long a poll waits for the functions to be listed for the first time.
    pub list_wait: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(180),
            backfill: Duration::from_secs(24 * 3_600),
            list_wait: Duration::from_secs(10),
        }
    }
}

/// Reads the minutes of the listed functions when it is polled.
#[derive(Debug)]
pub struct CloudWatchSource {
    settings: Settings,
    aws: Aws,
    listed: Listed,
    client: Option<Client>,
    progress: Progress,
    /// Read already, and paid for, but not yet handed on because what came after it failed.
    kept: Vec<FunctionBatch>,
    left_out: Tally,
}

impl CloudWatchSource {
    /// Asks nothing yet. `listed` comes from the source of the functions.
    #[must_use]
    pub fn new(settings: Settings, aws: Aws, listed: Listed) -> Self {
        Self {
            settings,
            aws,
            listed,
            client: None,
            progress: Progress::default(),
            kept: Vec::new(),
            left_out: Tally::default(),
        }
    }

    /// What was left out or is lacking: `outside_the_window`, `twice`, `invocations_without_duration`,
    /// `minutes_too_old_to_catch_up`, `message`.
    #[must_use]
    pub fn left_out(&self) -> Tally {
        self.left_out.clone()
    }

    /// The account whose functions it reads.
    fn account_id(&self) -> Option<Arc<str>> {
        let listed = self.listed.borrow();
        let account_id = listed
            .as_ref()
            .map(|functions| functions.account_id.clone());
        account_id
            .filter(|account_id| !account_id.is_empty())
            .or_else(|| self.aws.site().account_id)
    }

    /// The functions as last listed, waiting a little for the first list.
    async fn functions(&mut self) -> Result<Arc<Functions>, SourceError> {
        let first = self.listed.wait_for(Option::is_some);
        let listed = match tokio::time::timeout(self.settings.list_wait, first).await {
            Ok(Ok(listed)) => listed.clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        listed.ok_or_else(|| {
            SourceError::new(
                Reason::Incomplete,
                "the functions are not listed yet, so there is none to ask metrics for",
                "see why the source `lambda` does not answer",
            )
        })
    }
}

impl Poll for CloudWatchSource {
    fn source(&self) -> Source {
        Source::CloudWatch
    }

    fn reader(&self) -> Option<Arc<str>> {
        self.aws.name()
    }

    fn site(&self) -> Site {
        Site {
            account_id: self.account_id(),
            ..self.aws.site()
        }
    }

    /// What is read of one call is kept at once, so an error or a timeout later in the poll costs
    /// only the call it struck.
    async fn poll(&mut self, now: Timestamp) -> Result<Vec<Observation>, SourceError> {
        let functions = self.functions().await?;
        self.progress.note_list(&functions);
        let Some(closed) = Window::closed_before(now, PERIOD, self.settings.delay) else {
            return Ok(Vec::new());
        };
        let reach = closed.reaching_back(self.settings.backfill);
        let aws = self.aws.clone();
        let session = aws.session().await?;
        let client = self
            .client
            .get_or_insert_with(|| Client::new(&session.config));
        for (window, functions) in self.progress.due(reach) {
            for functions in plan::batches(&functions, window) {
                let answer = ask(client, session, window, functions).await?;
                answer.report(&self.left_out);
                let (records, odd) = convert::minutes(window, functions, &answer)
                    .map_err(|problem| undecodable(ACTION, &problem))?;
                odd.report(&self.left_out);
                let skipped = self.progress.complete(functions, window);
                if skipped > 0 {
                    self.left_out.add("minutes_too_old_to_catch_up", skipped);
                    warn!(
                        minutes = skipped,
                        "minutes of functions were too old to catch up with"
                    );
                }
                self.kept.extend(records);
            }
        }
        let functions = std::mem::take(&mut self.kept);
        if functions.is_empty() {
            return Ok(Vec::new());
        }
        let minutes = FunctionMinutes { functions };
        Ok(vec![Observation::FunctionMinutes(minutes)])
    }
}

const API: &str = "GetMetricData";
const ACTION: &str = "cloudwatch:GetMetricData";
const CLOUDWATCH: Service = Service {
    id: "CloudWatch",
    host: "monitoring",
};

/// All pages of one call.
async fn ask(
    client: &Client,
    session: &Session,
    window: Window,
    functions: &[FunctionId],
) -> Result<Answer, SourceError> {
    let attempted = session.attempting(CLOUDWATCH, ACTION);
    let queries = plan::queries(functions);
    let mut answer = Answer::expecting(queries.len());
    let mut token: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let meter = Meter {
            spend: session.spend.clone(),
            api: API,
            metrics: queries.len().try_into().unwrap_or(u64::MAX),
        };
        let page = client
            .get_metric_data()
            .set_metric_data_queries(Some(queries.clone()))
            .start_time(DateTime::from_secs(window.start().as_second()))
            .end_time(DateTime::from_secs(window.end().as_second()))
            .scan_by(ScanBy::TimestampAscending)
            .set_next_token(token.clone())
            .customize()
            .interceptor(meter)
            .send()
            .await
            .map_err(|error| attempted.failed(error))?;
        let next = page.next_token().filter(|next| !next.is_empty());
        let next = next.map(str::to_owned);
        answer
            .add(page)
            .map_err(|problem| undecodable(ACTION, &problem))?;
        if next.is_none() {
            answer
                .complete()
                .map_err(|lack| lacking(&attempted, lack))?;
            return Ok(answer);
        }
        if next == token {
            return Err(undecodable(
                ACTION,
                "two pages in a row end with the same token",
            ));
        }
        token = next;
    }
    Err(undecodable(ACTION, "its pages do not end"))
}

fn lacking(attempted: &Attempted, lack: convert::Lack) -> SourceError {
    match lack {
        convert::Lack::Forbidden(message) => attempted.forbidden(&message),
        convert::Lack::Incomplete(problem) => SourceError::new(
            Reason::Incomplete,
            format!(
                "{ACTION} in {} gave only a part: {problem}",
                attempted.region
            ),
            "all of it is asked for again",
        ),
    }
}
