//! The sources that run, each group by its own part of the configuration.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::error;

use crate::config::raw::RawConfig;
use crate::config::{Config, resolved};
use crate::exposition::ApiUse;
use crate::sources::aws::Aws;
use crate::sources::cloudwatch::CloudWatchSource;
use crate::sources::kubernetes::{self, Connection};
use crate::sources::lambda::LambdaSource;
use crate::sources::requests::RequestsSource;
use crate::sources::usage::MetricsApi;
use crate::sources::{Context, Source, Tally, poll_forever};

/// How long connecting to the Kubernetes API may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The sources that run.
#[derive(Debug)]
pub(super) struct Fleet {
    context: Context,
    raw: RawConfig,
    kubernetes: Group,
    aws: Group,
    requests: Group,
    /// What the AWS sources that were replaced had spent.
    spent_before: BTreeMap<Arc<str>, ApiUse>,
    /// What sources that were replaced had left out.
    left_out_before: LeftOut,
    tallies: Vec<(Source, Tally)>,
    session: Option<Aws>,
}

/// Counts of what was left out.
pub(super) type LeftOut = BTreeMap<(Source, &'static str), u64>;

fn add(all: &mut LeftOut, tallies: &[(Source, Tally)]) {
    for (source, tally) in tallies {
        for (reason, count) in tally.snapshot() {
            *all.entry((*source, reason)).or_default() += count;
        }
    }
}

/// Sources that start and end together; dropping the group ends them.
#[derive(Debug, Default)]
struct Group(JoinSet<()>);

impl Group {
    fn add(&mut self, source: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(source);
    }
}

impl Fleet {
    pub(super) fn new(context: Context, raw: RawConfig) -> Self {
        Self {
            context,
            raw,
            kubernetes: Group::default(),
            aws: Group::default(),
            requests: Group::default(),
            spent_before: BTreeMap::new(),
            left_out_before: LeftOut::new(),
            tallies: Vec::new(),
            session: None,
        }
    }

    /// Starts all sources.
    pub(super) fn start(&mut self, config: &Config) {
        self.start_kubernetes(config.kubernetes.as_ref());
        self.start_aws(config.aws.as_ref());
        self.start_requests(config.requests.as_ref());
    }

    /// Starts those sources anew whose part of the configuration has changed; the others go on. Says whether requests are
    /// counted otherwise from now on.
    pub(super) fn change(&mut self, raw: RawConfig, config: &Config) -> bool {
        let window_changed = raw.model.decision_window_seconds.to_bits()
            != self.raw.model.decision_window_seconds.to_bits();
        if raw.kubernetes != self.raw.kubernetes {
            self.start_kubernetes(config.kubernetes.as_ref());
        }
        if raw.aws != self.raw.aws || window_changed {
            self.start_aws(config.aws.as_ref());
        }
        let counts_otherwise = raw.requests != self.raw.requests;
        if counts_otherwise || window_changed {
            self.start_requests(config.requests.as_ref());
        }
        self.raw = raw;
        counts_otherwise
    }

    fn start_kubernetes(&mut self, settings: Option<&resolved::Kubernetes>) {
        self.kubernetes = Group::default();
        self.forget(&[Source::Kubernetes, Source::Usage]);
        let Some(settings) = settings else { return };
        let connection = Connection::new(settings.access.clone(), CONNECT_TIMEOUT);
        let usage = MetricsApi::new(connection.clone(), self.context.board.clone());
        let watch = settings.watch.clone();
        self.kubernetes
            .add(kubernetes::run(connection, watch, self.context.clone()));
        self.kubernetes
            .add(poll_forever(usage, settings.usage, self.context.clone()));
    }

    fn start_aws(&mut self, settings: Option<&resolved::Aws>) {
        self.aws = Group::default();
        self.spent_before = self.aws_spend();
        self.session = None;
        self.forget(&[Source::Lambda, Source::CloudWatch]);
        let Some(settings) = settings else { return };
        let session = Aws::new(settings.session.clone());
        self.session = Some(session.clone());
        let functions = LambdaSource::new(settings.functions.clone(), session.clone());
        let metrics = CloudWatchSource::new(settings.metrics, session, functions.listed());
        self.tallies.push((Source::Lambda, functions.left_out()));
        self.tallies.push((Source::CloudWatch, metrics.left_out()));
        let context = || self.context.clone();
        self.aws.add(poll_forever(
            functions,
            settings.functions_schedule,
            context(),
        ));
        self.aws
            .add(poll_forever(metrics, settings.metrics_schedule, context()));
    }

    fn start_requests(&mut self, settings: Option<&resolved::Requests>) {
        self.requests = Group::default();
        self.forget(&[Source::Requests]);
        let Some(settings) = settings else { return };
        match RequestsSource::new(&settings.prometheus) {
            Ok(source) => {
                self.tallies.push((Source::Requests, source.left_out()));
                self.requests.add(poll_forever(
                    source,
                    settings.schedule,
                    self.context.clone(),
                ));
            }
            // The configuration was checked with the same function.
            Err(error) => error!(%error, "requests cannot be counted"),
        }
    }

    /// Takes sources that have ended off the board, and keeps their counts.
    fn forget(&mut self, sources: &[Source]) {
        for source in sources {
            self.context.board.forget(*source);
        }
        let (ended, live) = std::mem::take(&mut self.tallies)
            .into_iter()
            .partition(|(source, _)| sources.contains(source));
        self.tallies = live;
        add(&mut self.left_out_before, &ended);
    }

    /// What the sources received and left out since the program started, by source and reason.
    pub(super) fn left_out(&self) -> LeftOut {
        let mut all = self.left_out_before.clone();
        add(&mut all, &self.tallies);
        all
    }

    /// What was asked of AWS since the program started, and what that cost.
    pub(super) fn aws_spend(&self) -> BTreeMap<Arc<str>, ApiUse> {
        let mut all = self.spent_before.clone();
        for (api, spend) in self
            .session
            .iter()
            .flat_map(|session| session.spend().snapshot())
        {
            let sum = all.entry(api.into()).or_default();
            sum.requests += spend.requests;
            sum.cost += spend.cost();
        }
        all
    }
}
