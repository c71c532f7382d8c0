//! Log lines, on standard error.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::sources::redact;

/// What is logged, and how.
#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// The least level that is logged: info while an agent runs, error for commands that answer once.
    #[arg(long = "log.level", value_name = "LEVEL", global = true)]
    level: Option<Level>,
    /// How a log line is written.
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        default_value = "logfmt",
        global = true
    )]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// key=value pairs.
    Logfmt,
    /// One JSON object a line.
    Json,
}

impl Level {
    const fn filter(self) -> LevelFilter {
        match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

/// Libraries that warn of what a source reports itself, each attempt and each watch that ends.
const TALKATIVE: [(&str, LevelFilter); 4] = [
    ("aws_config", LevelFilter::ERROR),
    ("aws_smithy_runtime", LevelFilter::ERROR),
    ("aws_runtime", LevelFilter::ERROR),
    // It reports each request that fails as an error: several lines per second while an API server is down.
    ("kube_client", LevelFilter::OFF),
];

impl LogArgs {
    /// Starts logging. Libraries are heard from their warnings on, and at trace all they say.
    pub(super) fn start(&self, usual: Level) {
        let level = self.level.unwrap_or(usual).filter();
        let libraries = if level == LevelFilter::TRACE {
            level
        } else {
            level.min(LevelFilter::WARN)
        };
        let mut filter = Targets::new()
            .with_default(libraries)
            .with_target("breakeven", level);
        if level < LevelFilter::TRACE {
            filter = filter.with_targets(TALKATIVE);
        }
        let lines = match self.format {
            Format::Logfmt => tracing_logfmt::builder()
                .layer()
                .with_writer(|| Redacted(io::stderr()))
                .boxed(),
            Format::Json => fmt::layer()
                .with_writer(|| Redacted(io::stderr()))
                .json()
                .flatten_event(true)
                .boxed(),
        };
        // A second start, as in tests, leaves the first in place.
        let _ = tracing_subscriber::registry()
            .with(lines.with_filter(filter))
            .try_init();
    }
}

/// A stream that receives whole lines, and writes them without what has the form of a secret.
struct Redacted<W>(W);

impl<W: Write> Write for Redacted<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.0.write_all(redact(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
