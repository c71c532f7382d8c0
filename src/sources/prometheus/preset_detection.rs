//! Which queries are asked: those that the configuration has, or those of the first preset that has data.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::info;

use super::client::Client;
use super::convert;
use super::preset::Preset;
use super::query::QuerySyntaxError;
use super::query::{CheckedQueries, Queries};
use crate::sources::{DiscardCounts, Reason, SourceError};
use breakeven_model::inventory::{OriginChoice, RequestOrigin};

/// How long the chosen preset may be without any series before the others are tried again.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// How own queries are named.
const OWN: &str = "own";

/// What is asked, and why.
#[derive(Debug)]
pub(super) struct Choice {
    /// What is asked now; absent while no preset has data.
    asked: Option<CheckedQueries>,
    origin: RequestOrigin,
    is_automatic: bool,
    /// When the chosen preset last had a series.
    last_data: Option<Timestamp>,
    /// Whether the origin was handed on.
    is_published: bool,
}

impl Choice {
    pub(super) fn new(queries: &Queries) -> Result<Self, QuerySyntaxError> {
        let (asked, name) = match queries {
            Queries::Auto => (None, None),
            Queries::Preset(preset) => (Some(CheckedQueries::from(*preset)), Some(preset.as_str())),
            Queries::Own { requests, latency } => (
                Some(CheckedQueries::own(requests, latency.as_ref())?),
                Some(OWN),
            ),
        };
        Ok(Self {
            is_automatic: asked.is_none(),
            origin: RequestOrigin {
                name: name.map(Into::into),
                choice: match asked {
                    Some(_) => OriginChoice::Configured,
                    None => OriginChoice::NoneHasData,
                },
                passed_over: Vec::new(),
            },
            asked,
            last_data: None,
            is_published: false,
        })
    }

    /// What is asked now.
    pub(super) const fn asked(&self) -> Option<&CheckedQueries> {
        self.asked.as_ref()
    }

    /// The origin, where it was not handed on yet.
    pub(super) fn news(&mut self) -> Option<RequestOrigin> {
        let is_published = std::mem::replace(&mut self.is_published, true);
        (!is_published).then(|| self.origin.clone())
    }

    /// Notes whether what is asked had any series.
    pub(super) fn record_result(&mut self, has_data: bool, now: Timestamp) {
        if has_data || self.last_data.is_none() {
            self.last_data = Some(now);
        }
    }

    /// Looks for the first preset that has data, where one is to be looked for. Says whether another is asked from now on.
    ///
    /// What was chosen stays while it has data, for an hour after that, and for as long as no other has any.
    pub(super) async fn detect(
        &mut self,
        client: &Client,
        recent: Duration,
        now: Timestamp,
    ) -> Result<bool, SourceError> {
        let waits = self
            .last_data
            .is_some_and(|last| now.duration_since(last) < PATIENCE);
        if !self.is_automatic || (self.asked.is_some() && waits) {
            return Ok(false);
        }
        let mut passed_over = Vec::new();
        let mut found = None;
        for preset in Preset::ALL {
            let prepared = CheckedQueries::from(*preset);
            match passed(&prepared, client, recent, now).await? {
                None => {
                    found = Some((preset.as_str(), prepared));
                    break;
                }
                Some(why) => passed_over.push((preset.as_str().into(), why)),
            }
        }
        let Some((name, prepared)) = found else {
            if self.asked.is_none() && self.origin.passed_over != passed_over {
                self.origin.passed_over = passed_over;
                self.is_published = false;
            }
            return Ok(false);
        };
        self.last_data = Some(now);
        if self.origin.name.as_deref() == Some(name) {
            return Ok(false);
        }
        info!(
            preset = name,
            "requests are counted by a preset that has data"
        );
        self.asked = Some(prepared);
        self.origin = RequestOrigin {
            name: Some(name.into()),
            choice: OriginChoice::FirstWithData,
            passed_over,
        };
        self.is_published = false;
        Ok(true)
    }
}

/// Why a preset is passed over; absent where it has data.
async fn passed(
    prepared: &CheckedQueries,
    client: &Client,
    recent: Duration,
    now: Timestamp,
) -> Result<Option<Arc<str>>, SourceError> {
    let expression = prepared.requests.over(recent);
    let answer = match client.instant(&expression, now).await {
        Ok(answer) => answer,
        // One that this server cannot evaluate is none that can be chosen.
        Err(error) if error.reason() == Reason::InvalidRequest => {
            return Ok(Some(error.to_string().into()));
        }
        Err(error) => return Err(error),
    };
    // What is left out is counted when it is read for good.
    let rates = convert::rates(answer, prepared.ways, recent, &DiscardCounts::default());
    Ok(match rates {
        Ok(rates) if rates.is_empty() => Some("no data".into()),
        Ok(_) => None,
        Err(problem) => Some(problem.into()),
    })
}
